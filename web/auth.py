"""Who asks: the signed-in account, the program's key, or nobody."""

from flask import g

from gis.people.access import ANONYMOUS, Action, Principal


def principal() -> Principal:
    """Who sent this request; found once."""
    found: Principal | None = g.get("principal")
    if found is None:
        found = g.principal = ANONYMOUS
    return found


def need(action: Action) -> Principal:
    """Who sent this request, when they may do the action somewhere.

    Raises:
        SignInNeeded: Nobody is signed in. Forbidden: they may not.
    """
    found = principal()
    found.need(action)
    return found
