"""Who may look at what pages and API both show."""

from gis.errors import Forbidden
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.security.guard import principal, raise_sign_in_required, require

RULES_READING_ACTIONS = (Action.RULES, Action.READ, Action.FIGURES)  # one of them is enough to look
MAX_ID = 2**63 - 1  # of a 64-bit column


def require_rules_reader() -> Principal:
    """Return who asks, if they may see routing rules.

    Raises:
        SignInNeeded: Nobody is signed in. Forbidden: they may not.
    """
    by = principal()
    if not any(by.may(action) for action in RULES_READING_ACTIONS):
        if by.kind == "anonymous":
            raise_sign_in_required()
        raise Forbidden(f"routing rules are not shown to {by.role_words}")
    return by


def require_operator() -> Principal:
    """Return who asks, if they operate the deployment.

    Raises:
        SignInNeeded, Forbidden: Nobody, or somebody else.
    """
    by = require(Action.ACCOUNTS)
    if not by.operates:
        raise Forbidden("the operator's queue is for administrators")
    return by


def storable_id(number: int) -> int:
    """Return a number that the database can hold as an id; 0, which is nobody's, in place of a larger one."""
    return number if number <= MAX_ID else 0
