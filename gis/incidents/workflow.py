"""How pages show the states of incidents and offer their moves.

Scripts get `workflow()` and hold no list of states or moves of their own.
"""

from dataclasses import asdict, dataclass
from math import inf
from typing import Any

from gis.incidents.states import (
    ENDED_STATES,
    SOLVED,
    STATES,
    TRANSITIONS,
    State,
    move_labels,
    state_labels,
)
from gis.rights.actions import Action


@dataclass(frozen=True, kw_only=True)
class Offer:
    """How pages offer a move.

    primary: It carries the work on, and is offered before others.
    one_tap: It is done at once, without a form.
    photos: Its form takes photos.
    minutes: Its form takes minutes.
    until: Its form takes the day when it ends.
    bulk: It can be done to several incidents together.
    button: It has a button among the moves of an incident; else `place` says where it is offered:
    map, parts (of the report), duplicates (the list of them), rating (of the reporter), follow_up.
    """

    primary: bool = False
    one_tap: bool = False
    photos: bool = False
    minutes: bool = False
    until: bool = False
    bulk: bool = True
    button: bool = True
    place: str = ""


# in the order in which moves are offered; a move without a row comes last
OFFERS = {
    "take": Offer(primary=True, one_tap=True, bulk=False),
    "handle": Offer(primary=True, photos=True, bulk=False),
    "accept": Offer(primary=True, one_tap=True),
    "dispatch": Offer(primary=True),
    "check": Offer(primary=True, one_tap=True),
    "close": Offer(primary=True, one_tap=True),
    "approve_suspend": Offer(primary=True, until=True, bulk=False),
    "approve_extend": Offer(primary=True, minutes=True, bulk=False),
    "approve_limit": Offer(primary=True, minutes=True, bulk=False),
    "approve_void": Offer(primary=True, one_tap=True),
    "resume": Offer(primary=True, one_tap=True),
    "refuse_suspend": Offer(),
    "refuse_extend": Offer(),
    "refuse_limit": Offer(),
    "refuse_void": Offer(),
    "send_back": Offer(),
    "return": Offer(photos=True),
    "reclassify": Offer(bulk=False),
    "relocate": Offer(bulk=False, button=False, place="map"),
    "split": Offer(bulk=False, button=False, place="parts"),
    "supervise": Offer(),
    "release": Offer(),
    "withdraw": Offer(one_tap=True),
    "request_extend": Offer(minutes=True, bulk=False),
    "request_limit": Offer(minutes=True, bulk=False),
    "request_suspend": Offer(photos=True, until=True, bulk=False),
    "request_void": Offer(photos=True, bulk=False),
    "link": Offer(bulk=False, button=False, place="kin"),
    "unlink": Offer(one_tap=True),
    "reopen": Offer(bulk=False, button=False, place="rating"),
    "follow_up": Offer(bulk=False, button=False, place="follow_up"),
    "rate": Offer(bulk=False, button=False, place="rating"),
    "note": Offer(photos=True),
}
# moves after which an incident may lie with somebody else
HOLDER_CHANGING_MOVES = frozenset(
    {"dispatch", "take", "escalate", "hand_over", "follow", "reopen", "send_back", "resume"}
)


def work_tab(state: State) -> str:
    """Return the tab of the worker's page that lists a state: new, doing or done."""
    if state in TRANSITIONS["take"].states:
        return "new"
    return "done" if state in (*SOLVED, *ENDED_STATES) else "doing"


def workflow() -> dict[str, list[dict[str, Any]]]:
    """Return states in the order of their steps, and moves in the order they are offered."""
    steps = {state: inf if row.step is None else row.step for state, row in STATES.items()}
    return {
        "states": [_state_to_dict(state) for state in sorted(STATES, key=steps.__getitem__)],
        "moves": [_move_to_dict(name) for name in dict.fromkeys((*OFFERS, *TRANSITIONS))],
    }


def _state_to_dict(state: State) -> dict[str, Any]:
    zh, en = state_labels(state)
    return {
        "key": state.value,
        "zh": zh,
        "en": en,
        **asdict(STATES[state]),
        "paused": state == State.SUSPENDED,  # the clock stands still
        "tab": work_tab(state),
    }


def _move_to_dict(name: str) -> dict[str, Any]:
    zh, en = move_labels(name)
    transition = TRANSITIONS[name]
    return {
        "key": name,
        "zh": zh,
        "en": en,
        **asdict(OFFERS.get(name, Offer())),
        "needs_note": transition.needs_note,
        "by_worker": transition.by == Action.HANDLE,
        "changes_holder": name in HOLDER_CHANGING_MOVES,
    }
