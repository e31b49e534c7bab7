"""The page on which somebody begins who asked for none."""

from flask import url_for

from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.pages.shell.menu import has_page

# action -> page of who may do it, the first that applies; everybody else begins on the map
HOME_BY_ACTION = (
    (Action.DISPATCH, "desk"),
    (Action.HANDLE, "work"),
    (Action.DRAFT, "editor"),
)


def home_address(by: Principal) -> str:
    """Return the address of a principal's own page; empty where the map is."""
    page = next(
        (page for action, page in HOME_BY_ACTION if by.is_allowed(action) and has_page(page)), ""
    )
    return url_for("map.index") + page if page else ""
