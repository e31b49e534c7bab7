"""In which areas a principal is told the names of responsible people."""

from flask import current_app

from gis.people.queries import names_are_public
from gis.rights.access import Action
from web.http.db import session
from web.security.session import principal


def areas_with_names() -> frozenset[int] | None:
    """Ids of the areas in which the asker is told who answers; None is everywhere, as for all before any account."""
    found = principal().may_in.get(Action.NAMES, frozenset())
    if found or found is None:
        return found
    factory, live = current_app.extensions["register"]
    known = live.names_for_all() if current_app.config["SESSION_FACTORY"] is factory else None
    return None if (names_are_public(session()) if known is None else known) else found
