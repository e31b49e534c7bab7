"""`/work`: the grid worker's page on a phone, with a list and a map of incidents to handle."""

from flask import Blueprint, Response

from gis.areas.offered_areas import list_smallest_first
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http.db import session
from web.pages.shell.access import require_worker
from web.pages.shell.base_map import base_map
from web.pages.shell.incident_data import incident_data
from web.pages.shell.opening import opening
from web.pages.shell.page import render_page

bp = Blueprint("work", __name__)

MAX_HANDLED_AREAS = 20


@bp.get("/work")
def work() -> Response:
    """Show the page; its script reads incidents from the API, `incident` is the one to open."""
    by = require_worker(Action.HANDLE)
    figures = opening()
    data = incident_data() | {"me": by.actor, "patches": handled_areas(by)}
    return render_page(
        "work/work.html", script="work/work.js", data=data, parts=base_map(figures), figures=figures
    )


def handled_areas(by: Principal) -> list[dict[str, str]]:
    """Return the areas where a person handles incidents, smallest first."""
    area_ids = by.areas_by_action.get(Action.HANDLE) or frozenset()
    return list_smallest_first(session(), area_ids, MAX_HANDLED_AREAS)
