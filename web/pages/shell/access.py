"""Who may open pages on incidents."""

from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.security.guard import principal, raise_sign_in_required, require


def require_worker(action: Action) -> Principal:
    """Return who asks, signed in and allowed to do an action somewhere.

    Raises
    ------
    AuthenticationRequired
        Nobody is signed in.
    Forbidden
        The account may not.
    """
    if principal().kind == "anonymous":
        raise_sign_in_required()
    return require(action)
