"""`/work`: the grid worker's page on a phone: my matters by urgency, a map of my patch, take, handle, return."""

from flask import Blueprint, Response
from flask_babel import gettext as _

from gis.areas.hierarchy import list_smallest_first
from gis.rights.access import Action, Principal
from layers.overview import overview
from web.http import params
from web.http.db import session
from web.pages.shell.access import require_worker
from web.pages.shell.base_map import base_map
from web.pages.shell.incident_data import incident_data, words
from web.pages.shell.page import render_page

bp = Blueprint("work", __name__)

MAX_HANDLED_AREAS = 20


@bp.get("/work")
def work() -> Response:
    """The page; what it shows it asks the API for. `incident` is the one to open."""
    by = require_worker(Action.HANDLE)
    figures = overview(session(), params.parse_datetime(None))
    data = incident_data() | {"words": words() | work_words(), "me": by.who, "patches": handled_areas(by)}
    return render_page("work/work.html", script="work/work.js", data=data, parts=base_map(figures), figures=figures)


def handled_areas(by: Principal) -> list[dict[str, str]]:
    """Return the areas where a person handles incidents, smallest first."""
    area_ids = by.may_in.get(Action.HANDLE) or frozenset()
    return list_smallest_first(session(), area_ids, MAX_HANDLED_AREAS)


def work_words() -> dict[str, str]:
    """What work.js puts on screen besides."""
    return {
        "tab_new": _("To take"),
        "tab_doing": _("In hand"),
        "tab_done": _("Done"),
        "empty_new": _("Nothing to take. New matters appear here by themselves."),
        "empty_doing": _("Nothing in hand."),
        "empty_done": _("Nothing done in the last 30 days."),
        "waiting": _("Waits for a connection: {move}"),
        "waiting_some": _("{n} moves wait for a connection and are sent by themselves"),
        "sent": _("Sent: {move}"),
        "sign_in_again": _("Your session has ended. Sign in again: what you wrote is kept and sent then."),
        "stale": _("No connection. This is the list last seen."),
        "gone": _("This matter is no longer yours to see."),
        "distance": _("{d} from here"),
    }
