"""In which areas a principal is told the names of responsible people."""

from flask import current_app

from gis.people.queries import names_are_public
from gis.rights.actions import Action
from web.http.db import session
from web.security.session import principal


def areas_with_names() -> frozenset[int] | None:
    """Return ids of the areas in which names are told.

    None is everywhere, as for all before any account.
    """
    area_ids = principal().areas_by_action.get(Action.NAMES, frozenset())
    if area_ids or area_ids is None:
        return area_ids
    factory, live = current_app.extensions["register"]
    is_public = live.names_for_all() if current_app.config["SESSION_FACTORY"] is factory else None
    return None if (names_are_public(session()) if is_public is None else is_public) else area_ids
