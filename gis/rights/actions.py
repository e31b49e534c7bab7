"""The actions that can be allowed, and what each access role may do in its areas."""

from enum import StrEnum


class Action(StrEnum):
    """An action that can be allowed."""

    SYSTEM = "system"  # our own jobs only
    REPORT = "incident.report"
    # every incident of the areas; own incidents and those held are always visible
    READ = "incident.read"
    NOTE = "incident.note"
    RATE = "incident.rate"
    HANDLE = "incident.handle"  # take, return, handle, ask for suspension, time, voiding
    DISPATCH = "incident.dispatch"
    APPROVE = "incident.approve"
    SUPERVISE = "incident.supervise"
    CONTACTS = "contacts.read"  # of reporters
    NAMES = "names.read"  # of people responsible for places
    FIGURES = "reports.read"
    EXPORT = "export"
    HISTORY = "history.read"
    DRAFT = "boundary.draft"
    PUBLISH = "boundary.publish"
    POSTS = "posts.hand_over"
    RULES = "rules.edit"  # catalogue and routing rules
    ACCOUNTS = "accounts.manage"


PLANNING = (Action.DRAFT, Action.PUBLISH)  # who may do one of them plans there
# who may do one of them keeps the register of buildings there
KEEPING = (*PLANNING, Action.ACCOUNTS)
STAFF = frozenset({Action.REPORT, Action.READ, Action.NOTE, Action.NAMES})


DESK = STAFF | {
    Action.HANDLE,
    Action.DISPATCH,
    Action.APPROVE,
    Action.CONTACTS,
    Action.FIGURES,
    Action.EXPORT,
    Action.POSTS,
    Action.RATE,
}


# access role -> what it may do in its areas, the weakest first; its label is `role.KEY` in the
# catalogue of messages
ACCESS_ROLES: dict[str, frozenset[Action]] = {
    "resident": frozenset({Action.REPORT, Action.RATE, Action.NOTE}),
    "order_taker": frozenset({Action.REPORT, Action.NOTE, Action.HANDLE}),
    "unit_head": STAFF | {Action.HANDLE},
    "grid_worker": STAFF | {Action.HANDLE, Action.CONTACTS},
    "grid_leader": STAFF | {Action.HANDLE, Action.CONTACTS, Action.SUPERVISE, Action.FIGURES},
    "dispatcher": DESK,
    "planner": frozenset(
        {Action.NAMES, Action.FIGURES, Action.EXPORT, Action.DRAFT, Action.PUBLISH}
    ),
    "street": DESK | {Action.SUPERVISE, Action.PUBLISH},
    "command_centre": DESK | {Action.SUPERVISE, Action.RULES},
    "auditor": frozenset({Action.READ, Action.FIGURES, Action.HISTORY, Action.NAMES}),
    "administrator": frozenset({Action.ACCOUNTS, Action.RULES, Action.NAMES, Action.POSTS}),
}


# the access role whose queue holds the incidents that no other account can act on
OPERATOR = "administrator"


# what an operator may do with the incidents of the operator's queue
AS_OPERATOR = DESK | {Action.SUPERVISE}


# actions that an API key may have
KEY_ACTIONS = frozenset(
    {
        Action.REPORT,
        Action.READ,
        Action.NOTE,
        Action.RATE,
        Action.HANDLE,
        Action.DISPATCH,
        Action.NAMES,
        Action.FIGURES,
        Action.EXPORT,
        Action.DRAFT,
        Action.PUBLISH,
    }
)
