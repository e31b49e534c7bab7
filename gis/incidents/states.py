"""The loop's states and moves as one table. The database holds the same table and refuses everything else.

A move may need a request to be waiting (`pending`) or leave one behind: 挂账, 延时 and 作废 are asked for by one
person and approved or refused by another; so is another time limit (limit).
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from gis.errors import Conflict
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


# state -> words on screen
STATES = {
    State.REPORTED: ("待受理", "reported"),
    State.ACCEPTED: ("已受理", "accepted"),
    State.DISPATCHED: ("已派单", "dispatched"),
    State.TAKEN: ("处理中", "taken"),
    State.HANDLED: ("已处理", "handled"),
    State.CHECKED: ("已核查", "checked"),
    State.CLOSED: ("已结案", "closed"),
    State.RETURNED: ("已退回", "returned"),
    State.SUSPENDED: ("挂账", "suspended"),
    State.VOID: ("作废", "void"),
}
ENDED_STATES = (State.CLOSED, State.VOID)
OPEN_STATES = tuple(state for state in State if state not in ENDED_STATES)
REQUESTS = ("suspend", "extend", "void", "limit")
ANY_REQUEST = "any"
WORKING = (State.ACCEPTED, State.DISPATCHED, State.TAKEN, State.RETURNED)


class Transition(NamedTuple):
    """What may be done.

    states: From which states. to: The state after; None: it stays. Needs `pending` waiting (ANY: one of REQUESTS),
    leaves `leaves`.
    by: The action somebody must be allowed (gis/rights/actions.py).
    mine: Only who holds the incident, or whose area it is in by a post, may do it; not merely who sees it.
    words: Whether a note is needed.
    """

    zh: str
    en: str
    states: tuple[State, ...]
    to: State | None
    by: Action
    pending: str = ""
    leaves: str = ""
    words: bool = False


R, A, D, T, H, C = (
    State.REPORTED, State.ACCEPTED, State.DISPATCHED, State.TAKEN, State.HANDLED, State.CHECKED,
)  # fmt: skip
LIMITED = (R, *WORKING, H, C)  # whose running time may be changed
ALL = tuple(State)

TRANSITIONS: dict[str, Transition] = {
    "report": Transition("上报", "report", (R,), R, Action.REPORT),
    "accept": Transition("受理", "accept", (R, State.RETURNED), A, Action.DISPATCH),
    "reclassify": Transition("改类", "reclassify", (R, A, State.RETURNED), None, Action.DISPATCH),
    "dispatch": Transition("派单", "dispatch", (A, D, State.RETURNED), D, Action.DISPATCH),
    "expire": Transition("无人接单", "nobody claimed it", (D,), A, Action.SYSTEM),
    "take": Transition("接单", "take", (D,), T, Action.HANDLE),
    "return": Transition("退回", "return", (D, T), State.RETURNED, Action.HANDLE, words=True),
    "handle": Transition("处理", "handle", (T,), H, Action.HANDLE, words=True),
    "check": Transition("核查", "check", (H,), C, Action.DISPATCH),
    "send_back": Transition("重办", "send back", (H, C), T, Action.DISPATCH, words=True),
    "close": Transition("结案", "close", (C,), State.CLOSED, Action.DISPATCH),
    "rate": Transition("评价", "rate", (H, C, State.CLOSED), None, Action.RATE),
    "reopen": Transition("重启", "reopen", (H, C, State.CLOSED), D, Action.RATE, words=True),
    "request_suspend": Transition("申请挂账", "ask to suspend", WORKING, None, Action.HANDLE, "", "suspend", True),
    "request_extend": Transition("申请延时", "ask for more time", WORKING, None, Action.HANDLE, "", "extend", True),
    "request_limit": Transition(
        "申请调整时限", "ask for another time limit", LIMITED, None, Action.HANDLE, "", "limit", True
    ),
    "request_void": Transition("申请作废", "ask to make void", (R, *WORKING), None, Action.HANDLE, "", "void", True),
    "approve_suspend": Transition(
        "同意挂账", "approve suspension", WORKING, State.SUSPENDED, Action.APPROVE, "suspend"
    ),
    "approve_extend": Transition("同意延时", "approve more time", WORKING, None, Action.APPROVE, "extend"),
    "approve_limit": Transition("同意调整时限", "approve another time limit", LIMITED, None, Action.APPROVE, "limit"),
    "approve_void": Transition("同意作废", "approve making void", (R, *WORKING), State.VOID, Action.APPROVE, "void"),
    "refuse_suspend": Transition(
        "不同意挂账", "refuse suspension", WORKING, None, Action.APPROVE, "suspend", words=True
    ),
    "refuse_extend": Transition("不同意延时", "refuse more time", WORKING, None, Action.APPROVE, "extend", words=True),
    "refuse_limit": Transition(
        "不同意调整时限", "refuse another time limit", LIMITED, None, Action.APPROVE, "limit", words=True
    ),
    "refuse_void": Transition(
        "不同意作废", "refuse making void", (R, *WORKING), None, Action.APPROVE, "void", words=True
    ),
    "withdraw": Transition("撤回申请", "withdraw a request", LIMITED, None, Action.HANDLE, ANY_REQUEST),
    "resume": Transition("恢复", "resume", (State.SUSPENDED,), None, Action.APPROVE),  # back to the state before
    "supervise": Transition("督办", "supervise", OPEN_STATES, None, Action.SUPERVISE, words=True),
    "release": Transition("解除督办", "end supervision", OPEN_STATES, None, Action.SUPERVISE, words=True),
    "escalate": Transition("超时督办", "overdue, one level up", OPEN_STATES, None, Action.SYSTEM),
    "link": Transition("并案", "link to another", OPEN_STATES, None, Action.DISPATCH),
    "unlink": Transition("拆案", "unlink", OPEN_STATES, None, Action.DISPATCH),
    "pass_on": Transition("转由他人处理", "passed on: who held it cannot act", (D, T), None, Action.SYSTEM),
    "hand_over": Transition("随岗移交", "handed over with the post", OPEN_STATES, None, Action.SYSTEM),
    "follow": Transition("随界移交", "followed the boundary", OPEN_STATES, None, Action.SYSTEM),
    "note": Transition("补充", "note", ALL, None, Action.NOTE, words=True),
}
# moves that leave a waiting request as it is
REQUEST_KEEPING_MOVES = frozenset(
    {"note", "escalate", "supervise", "release", "pass_on", "hand_over", "follow", "link", "unlink", "take", "rate"}
)
# moves after which nobody needs an answer to it any more
REQUEST_CANCELLING_MOVES = frozenset({"handle", "return", "check", "close", "send_back", "reopen"})
# moves of an incident that repeats another; all else it does with the one it repeats, and these it does by itself
INDEPENDENT_MOVES = frozenset({"note", "rate", "reopen", "link", "unlink", "escalate", "follow", "pass_on", "hand_over", "reclassify",
                   "supervise", "release"})  # fmt: skip


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """The table as the database holds it: move, from_state, from_pending, to_state, to_pending."""
    for name, move in TRANSITIONS.items():
        waiting = (
            ("", *REQUESTS)
            if name in REQUEST_KEEPING_MOVES | REQUEST_CANCELLING_MOVES
            else REQUESTS
            if move.pending == ANY_REQUEST
            else (move.pending,)
        )
        for state in move.states:
            for before in waiting:
                after = before if name in REQUEST_KEEPING_MOVES else move.leaves
                for to in WORKING if name == "resume" else (move.to or state,):
                    yield name, state.value, before, to.value, after


TRANSITION_ROWS = frozenset(rows())


def next_state(name: str, state: str, pending: str = "", before: str = "") -> tuple[str, str]:
    """The state and the waiting request after a move.

    Args:
        state, pending: As the incident stands. before: Its state before it was suspended.

    Raises:
        Conflict: The incident does not allow the move now; the words say what it allows.
    """
    for move, from_state, from_pending, to, after in TRANSITION_ROWS:
        if (move, from_state, from_pending) == (name, state, pending) and (name != "resume" or to == before):
            return to, after
    zh, en = STATES[State(state)]
    waits = f", and a request ({pending}) waits" if pending else ""
    may = ", ".join(sorted(allowed_moves(state, pending))) or "nothing"
    raise Conflict(f"{name}: cannot be done to an incident that is {en} ({zh}){waits}; possible now: {may}",
                   state=state, pending=pending)  # fmt: skip


def allowed_moves(state: str, pending: str = "") -> set[str]:
    """Names of the moves an incident allows as it stands, those of the system left out."""
    return {
        move for move, from_state, from_pending, *_ in TRANSITION_ROWS
        if (from_state, from_pending) == (state, pending) and TRANSITIONS[move].by != Action.SYSTEM and move != "report"
    }  # fmt: skip


# what the reporter reads of the timeline; the rest is between those who work
MOVES_SHOWN_TO_REPORTER = ("report", "accept", "dispatch", "take", "return", "handle", "check", "send_back", "close", "rate",
                 "reopen", "approve_suspend", "resume", "approve_extend", "approve_void", "escalate", "supervise",
                 "expire", "follow", "hand_over", "pass_on", "approve_limit")  # fmt: skip
# whose words are meant for the reporter
NOTES_SHOWN_TO_REPORTER = ("report", "handle", "close", "rate", "reopen", "approve_suspend", "approve_void", "note")
