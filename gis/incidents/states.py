"""The states and moves of an incident as one table.

The database holds the same table and refuses everything else.

A move may need a waiting request or leave one behind: 挂账, 延时 and 作废 are requested by one
person and approved or refused by another; so is another time limit (limit). Labels are the codes
`state.*`, `move.*` and `request.*` of the catalogue of messages.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from gis.errors import Conflict
from gis.messages import Message, label
from gis.rights.actions import Action


class State(StrEnum):
    """Where an incident stands."""

    REPORTED = "reported"
    ACCEPTED = "accepted"
    DISPATCHED = "dispatched"
    TAKEN = "taken"
    HANDLED = "handled"
    CHECKED = "checked"
    CLOSED = "closed"
    RETURNED = "returned"
    SUSPENDED = "suspended"
    VOID = "void"


@dataclass(frozen=True)
class StateRow:
    """What is true of every incident in a state.

    step: Its step on the tracking page, from 0; None: it is not on the way to being closed.
    tone: How pages colour it: attention (somebody must act first), working, solved or over.
    ended: Nothing is to be done any more.
    """

    step: int | None
    tone: str
    ended: bool = False


STATES = {
    State.REPORTED: StateRow(0, "attention"),
    State.ACCEPTED: StateRow(1, "working"),
    State.DISPATCHED: StateRow(2, "working"),
    State.TAKEN: StateRow(3, "working"),
    State.HANDLED: StateRow(4, "solved"),
    State.CHECKED: StateRow(4, "solved"),
    State.CLOSED: StateRow(5, "over", ended=True),
    State.RETURNED: StateRow(1, "attention"),
    State.SUSPENDED: StateRow(3, "working"),
    State.VOID: StateRow(None, "over", ended=True),
}
ENDED_STATES = tuple(state for state, row in STATES.items() if row.ended)
OPEN_STATES = tuple(state for state, row in STATES.items() if not row.ended)
# parameters of SQL that asks for open or ended states: `state = ANY(:open_states)`
STATE_PARAMS = {
    "open_states": [state.value for state in OPEN_STATES],
    "ended_states": [state.value for state in ENDED_STATES],
}
# as the index of open matters says it, which is used for no parameter
OPEN_SQL = f"state NOT IN ({', '.join(repr(state.value) for state in ENDED_STATES)})"
REQUESTS = ("suspend", "extend", "void", "limit")
ANY_REQUEST = "any"
WORKING_STATES = (State.ACCEPTED, State.DISPATCHED, State.TAKEN, State.RETURNED)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """A move: what may be done to an incident.

    states: From which states. to: The state after; None: it stays; several: the event says which.
    by: The action somebody must be allowed (gis/rights/actions.py). needs_request: The request
    that must wait (ANY_REQUEST: one of
    REQUESTS). sets_request: The one it leaves waiting. needs_note: Whether a note is needed.
    """

    states: tuple[State, ...]
    to: State | tuple[State, ...] | None = None
    by: Action
    needs_request: str = ""
    sets_request: str = ""
    needs_note: bool = False


NEW = (State.REPORTED, State.RETURNED)  # waiting to be accepted
SOLVED = (State.HANDLED, State.CHECKED)
VOIDABLE = (State.REPORTED, *WORKING_STATES)
LIMITED = (State.REPORTED, *WORKING_STATES, *SOLVED)  # whose running time may be changed

TRANSITIONS: dict[str, Transition] = {
    "report": Transition(states=(State.REPORTED,), to=State.REPORTED, by=Action.REPORT),
    # what was kept elsewhere, as it stood there; to be suspended it must have been at work
    "load": Transition(states=(State.REPORTED, *WORKING_STATES), to=tuple(State), by=Action.SYSTEM),
    "accept": Transition(states=NEW, to=State.ACCEPTED, by=Action.DISPATCH),
    "reclassify": Transition(states=(*NEW, State.ACCEPTED), by=Action.DISPATCH),
    "dispatch": Transition(
        states=(State.ACCEPTED, State.DISPATCHED, State.TAKEN, State.RETURNED),
        to=State.DISPATCHED,
        by=Action.DISPATCH,
    ),
    "expire": Transition(states=(State.DISPATCHED,), to=State.ACCEPTED, by=Action.SYSTEM),
    "take": Transition(states=(State.DISPATCHED,), to=State.TAKEN, by=Action.HANDLE),
    "return": Transition(
        states=(State.DISPATCHED, State.TAKEN), to=State.RETURNED, by=Action.HANDLE, needs_note=True
    ),
    "handle": Transition(
        states=(State.TAKEN,), to=State.HANDLED, by=Action.HANDLE, needs_note=True
    ),
    "check": Transition(states=(State.HANDLED,), to=State.CHECKED, by=Action.DISPATCH),
    "send_back": Transition(states=SOLVED, to=State.TAKEN, by=Action.DISPATCH, needs_note=True),
    "close": Transition(states=(State.CHECKED,), to=State.CLOSED, by=Action.DISPATCH),
    "rate": Transition(states=(*SOLVED, State.CLOSED), by=Action.RATE),
    "follow_up": Transition(states=(*SOLVED, State.CLOSED), by=Action.DISPATCH),
    "reopen": Transition(
        states=(*SOLVED, State.CLOSED), to=State.DISPATCHED, by=Action.RATE, needs_note=True
    ),
    "request_suspend": Transition(
        states=WORKING_STATES, by=Action.HANDLE, sets_request="suspend", needs_note=True
    ),
    "request_extend": Transition(
        states=WORKING_STATES, by=Action.HANDLE, sets_request="extend", needs_note=True
    ),
    "request_limit": Transition(
        states=LIMITED, by=Action.HANDLE, sets_request="limit", needs_note=True
    ),
    "request_void": Transition(
        states=VOIDABLE, by=Action.HANDLE, sets_request="void", needs_note=True
    ),
    "approve_suspend": Transition(
        states=WORKING_STATES, to=State.SUSPENDED, by=Action.APPROVE, needs_request="suspend"
    ),
    "approve_extend": Transition(states=WORKING_STATES, by=Action.APPROVE, needs_request="extend"),
    "approve_limit": Transition(states=LIMITED, by=Action.APPROVE, needs_request="limit"),
    "approve_void": Transition(
        states=VOIDABLE, to=State.VOID, by=Action.APPROVE, needs_request="void"
    ),
    "refuse_suspend": Transition(
        states=WORKING_STATES, by=Action.APPROVE, needs_request="suspend", needs_note=True
    ),
    "refuse_extend": Transition(
        states=WORKING_STATES, by=Action.APPROVE, needs_request="extend", needs_note=True
    ),
    "refuse_limit": Transition(
        states=LIMITED, by=Action.APPROVE, needs_request="limit", needs_note=True
    ),
    "refuse_void": Transition(
        states=VOIDABLE, by=Action.APPROVE, needs_request="void", needs_note=True
    ),
    "withdraw": Transition(states=LIMITED, by=Action.HANDLE, needs_request=ANY_REQUEST),
    # back to the state before
    "resume": Transition(states=(State.SUSPENDED,), to=WORKING_STATES, by=Action.APPROVE),
    "supervise": Transition(states=OPEN_STATES, by=Action.SUPERVISE, needs_note=True),
    "release": Transition(states=OPEN_STATES, by=Action.SUPERVISE, needs_note=True),
    "escalate": Transition(states=OPEN_STATES, by=Action.SYSTEM),
    "link": Transition(states=OPEN_STATES, by=Action.DISPATCH),
    "unlink": Transition(states=OPEN_STATES, by=Action.DISPATCH),
    "relocate": Transition(states=OPEN_STATES, by=Action.DISPATCH),
    "split": Transition(states=VOIDABLE, by=Action.DISPATCH),
    "hand_out": Transition(states=WORKING_STATES, by=Action.SYSTEM),  # by way of lifecycle/joint.py
    "finish_part": Transition(states=OPEN_STATES, by=Action.SYSTEM),
    "pass_on": Transition(states=(State.DISPATCHED, State.TAKEN), by=Action.SYSTEM),
    "hand_over": Transition(states=OPEN_STATES, by=Action.SYSTEM),
    "follow": Transition(states=OPEN_STATES, by=Action.SYSTEM),
    "note": Transition(states=tuple(State), by=Action.NOTE, needs_note=True),
}
# moves that leave a waiting request as it is
REQUEST_KEEPING_MOVES = frozenset(
    {
        "hand_out",
        "finish_part",
        "note",
        "escalate",
        "supervise",
        "release",
        "pass_on",
        "hand_over",
        "follow",
        "link",
        "unlink",
        "split",
        "follow_up",
        "take",
        "rate",
    }
)
# moves after which a waiting request needs no answer any more
REQUEST_CANCELLING_MOVES = frozenset(
    {"handle", "return", "check", "close", "send_back", "reopen", "relocate"}
)
# moves that an incident linked to another still does by itself; all others it does together with
# that one
INDEPENDENT_MOVES = frozenset(
    {
        "hand_out",
        "finish_part",
        "note",
        "rate",
        "follow_up",
        "reopen",
        "link",
        "unlink",
        "escalate",
        "follow",
        "pass_on",
        "hand_over",
        "reclassify",
        "relocate",
        "split",
        "supervise",
        "release",
    }
)
# moves of the timeline that the reporter reads; the others are between those who work on the
# incident
MOVES_SHOWN_TO_REPORTER = (
    "report",
    "load",
    "accept",
    "dispatch",
    "take",
    "return",
    "handle",
    "check",
    "send_back",
    "close",
    "rate",
    "reopen",
    "approve_suspend",
    "resume",
    "approve_extend",
    "approve_void",
    "escalate",
    "supervise",
    "expire",
    "follow",
    "hand_over",
    "pass_on",
    "approve_limit",
    "relocate",
    "split",
)
# moves whose notes are meant for the reporter
NOTES_SHOWN_TO_REPORTER = (
    "report",
    "load",
    "handle",
    "close",
    "rate",
    "reopen",
    "approve_suspend",
    "approve_void",
    "note",
)


def transition_rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield the table as the database holds it.

    move, from_state, from_request, to_state, to_request.
    """
    for name, transition in TRANSITIONS.items():
        if name in REQUEST_KEEPING_MOVES | REQUEST_CANCELLING_MOVES:
            requests: tuple[str, ...] = ("", *REQUESTS)
        else:
            requests = (
                REQUESTS if transition.needs_request == ANY_REQUEST else (transition.needs_request,)
            )
        for state in transition.states:
            for pending in requests:
                new_pending = pending if name in REQUEST_KEEPING_MOVES else transition.sets_request
                to = transition.to or state
                for new_state in to if isinstance(to, tuple) else (to,):
                    yield name, state.value, pending, new_state.value, new_pending


TRANSITION_ROWS = frozenset(transition_rows())


def next_state(
    name: str, state: str, pending: str = "", suspended_from: str = ""
) -> tuple[str, str]:
    """Return the state and the waiting request after a move.

    Parameters
    ----------
    name
        A key of TRANSITIONS.
    state, pending
        As the incident stands.
    suspended_from
        Its state before it was suspended.

    Raises
    ------
    Conflict
        `move.not_now`, `move.not_now_waiting`: the incident does not allow the move. `moves` are
        those it allows.
    """
    for move, from_state, from_request, new_state, new_pending in TRANSITION_ROWS:
        if (move, from_state, from_request) == (name, state, pending) and (
            name != "resume" or new_state == suspended_from
        ):
            return new_state, new_pending
    raise not_now(name, state, pending, allowed_moves(state, pending))


def not_now(name: str, state: str, pending: str, moves: Collection[str]) -> Conflict:
    """Return why an incident does not allow a move, with those that it does."""
    params: dict[str, Any] = {
        "move": Message(f"move.{name}") if name in TRANSITIONS else name,
        "state": Message(f"state.{state}"),
        "moves": sorted(moves),
    }
    extra = {"state": state, "pending": pending}
    if not pending:
        return Conflict("move.not_now", extra=extra, **params)
    request = Message(f"request.{pending}")
    return Conflict("move.not_now_waiting", extra=extra, **params, request=request)


@cache  # a list of incidents asks for each
def allowed_moves(state: str, pending: str = "") -> frozenset[str]:
    """Return the moves that people can do to an incident as it stands."""
    return frozenset(
        move
        for move, from_state, from_request, *_ in TRANSITION_ROWS
        if (from_state, from_request) == (state, pending) and is_done_by_people(move)
    )


def is_done_by_people(name: str) -> bool:
    """Return whether a move is one that people do to an incident that was reported."""
    return name in TRANSITIONS and TRANSITIONS[name].by != Action.SYSTEM and name != "report"


def state_labels(state: str) -> tuple[str, str]:
    """Return what a state is called, for the fields `state_zh` and `state_en`."""
    return label(f"state.{state}", "zh"), label(f"state.{state}", "en")


def move_labels(name: str) -> tuple[str, str]:
    """Return what a move is called in Chinese and in English.

    A move of an earlier release is called by its name.
    """
    if name not in TRANSITIONS:
        return name, name
    return label(f"move.{name}", "zh"), label(f"move.{name}", "en")
