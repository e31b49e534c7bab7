"""Who may look at what pages and API both show."""

from collections.abc import Sequence

from gis.errors import Forbidden
from gis.rights.actions import KEEPING, Action
from gis.rights.principal import Principal
from web.security.guard import raise_sign_in_required, require
from web.security.session import principal

RULES_READING_ACTIONS = (Action.RULES, Action.READ, Action.FIGURES)  # one of them is enough to look


def require_rules_reader() -> Principal:
    """Return who asks, if they may see routing rules.

    Raises
    ------
    AuthenticationRequired
        Nobody is signed in.
    Forbidden
        They may not.
    """
    by = principal()
    if not by.is_allowed_any(RULES_READING_ACTIONS):
        if by.kind == "anonymous":
            raise_sign_in_required()
        raise Forbidden("rules.not_shown")
    return by


def require_planner() -> Principal:
    """Return who asks, if they may draft or publish boundaries somewhere.

    Raises
    ------
    AuthenticationRequired, Forbidden
        Nobody, or somebody who may do neither.
    """
    return require(Action.DRAFT if principal().is_allowed(Action.DRAFT) else Action.PUBLISH)


def require_keeper() -> Principal:
    """Return who asks, if they keep the register of buildings somewhere.

    Raises
    ------
    AuthenticationRequired, Forbidden
        Nobody, or somebody who does not.
    """
    return require_one(KEEPING)


def require_one(actions: Sequence[Action]) -> Principal:
    """Return who asks, if they may do one of some actions somewhere.

    Raises
    ------
    AuthenticationRequired, Forbidden
        Nobody, or somebody who may do none; the first is named.
    """
    by = principal()
    return require(next((each for each in actions if by.is_allowed(each)), actions[0]))


def require_figures_or_own() -> Principal:
    """Return who asks, if they see figures somewhere, or can have duties and points themselves.

    Raises
    ------
    AuthenticationRequired, Forbidden
        Nobody, or somebody who does neither.
    """
    return require_one((Action.FIGURES, Action.HANDLE))


def require_operator() -> Principal:
    """Return who asks, if they operate the deployment.

    Raises
    ------
    AuthenticationRequired
        Nobody is signed in.
    Forbidden
        They do not.
    """
    by = require(Action.ACCOUNTS)
    if not by.operates:
        raise Forbidden("unanswered.operators_only")
    return by


def storable_id(value: int) -> int:
    """Return an id that PostgreSQL can hold; 0, which no row has, for a larger one."""
    return value if value < 2**63 else 0
