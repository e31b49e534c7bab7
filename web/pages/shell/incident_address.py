"""Where an incident is looked at."""

from flask import url_for

from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.pages.shell.menu import has_page

# action -> page of an incident for who may do it; everybody else has the tracking page
PAGE_BY_ACTION = ((Action.DISPATCH, "desk"), (Action.HANDLE, "work"), (Action.READ, "desk"))


def incident_address(by: Principal, incident: object) -> str:
    """Return the address of an incident's page for a principal; empty without an incident."""
    if not incident:
        return ""
    page = next(
        (page for action, page in PAGE_BY_ACTION if by.is_allowed(action) and has_page(page)), ""
    )
    return url_for("map.index") + (f"{page}?incident={incident}" if page else f"track/{incident}")
