"""`/desk`: the dispatcher's desk, with an inbox, one incident, and moves of many at once."""

from flask import Blueprint, Response, url_for
from flask_babel import gettext as _

from gis.areas.hierarchy import list_subtree
from gis.errors import Forbidden
from gis.incidents.catalogue import editions
from gis.incidents.models import SEVERITIES
from gis.rights.actions import Action
from gis.rights.principal import Principal
from layers.overview import overview
from web.http import params
from web.http.db import session
from web.pages.shell.access import require_worker
from web.pages.shell.base_map import base_map
from web.pages.shell.incident_data import incident_data
from web.pages.shell.page import render_page
from web.security.session import principal

bp = Blueprint("desk", __name__)

# actions of those who see incidents here
DESK_ACTIONS = (Action.DISPATCH, Action.SUPERVISE, Action.READ)


@bp.get("/desk")
def desk() -> Response:
    """Show the desk.

    Notes
    -----
    Filters and the open incident stand in the address; the script reads incidents from the API.
    """
    by = require_incident_reader()
    edition = editions.active_edition(session())
    figures = overview(session(), params.parse_datetime(None))
    data = incident_data() | {
        "categories": [
            {
                "code": category.code,
                "zh": category.zh,
                "en": category.en,
                "major_zh": category.major_zh,
                "major_en": category.major_en,
            }
            for category in edition.categories.values()
        ],
        "areas": list_subtree(session(), by.areas_by_action.get(Action.READ) or ()),
        "severities": list(SEVERITIES),
        "may": {
            "dispatch": by.is_allowed(Action.DISPATCH) or by.operates,
            "contacts": by.is_allowed(Action.CONTACTS) or by.operates,
        },
        # an operator without the right to read sees only what nobody else can act on
        "unanswered": url_for("unanswered_page.listed")
        if by.operates and not by.is_allowed(Action.READ)
        else None,
    }
    return render_page(
        "desk/desk.html",
        script="desk/desk.js",
        data=data,
        parts=base_map(figures),
        figures=figures,
        queues=queue_labels(),
    )


def queue_labels() -> dict[str, str]:
    """Return labels of the queues of `gis.incidents.reading.queues.QUEUES`."""
    return {
        "operator": _("The operator"),
        "county": _("The county"),
        "street": _("The street"),
        "community": _("The community"),
        "holder": _("Who holds it"),
        "post": _("Who stands in"),
        "offered": _("Those it is offered to"),
        "nobody": _("Nobody"),
    }


def require_incident_reader() -> Principal:
    """Return the principal if it may see incidents of places.

    Raises
    ------
    AuthenticationRequired
        Nobody is signed in.
    Forbidden
        The account may not see incidents.
    """
    by = principal()
    if by.operates:  # sees what nobody else can act on
        return by
    for action in DESK_ACTIONS:
        if by.is_allowed(action):
            return require_worker(action)
    if by.kind == "anonymous":
        return require_worker(Action.READ)
    raise Forbidden("desk.dispatchers_only")
