"""`/desk`: the dispatcher's desk: inbox, one matter with its reasons, dispatch, supervise, bulk
moves; live.
"""

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

# who has something to look at here
USES = (Action.DISPATCH, Action.SUPERVISE, Action.READ)


@bp.get("/desk")
def desk() -> Response:
    """The page.

    Its filters, and `incident`, are in its address, and what it shows it asks the API for.
    """
    by = require_incident_reader()
    edition = editions.active_edition(session())
    figures = overview(session(), params.parse_datetime(None))
    data = incident_data() | {
        "categories": [
            {
                "code": one.code,
                "zh": one.zh,
                "en": one.en,
                "major_zh": one.major_zh,
                "major_en": one.major_en,
            }
            for one in edition.categories.values()
        ],
        "areas": list_subtree(session(), by.areas_by_action.get(Action.READ) or ()),
        "severities": list(SEVERITIES),
        "may": {
            "dispatch": by.is_allowed(Action.DISPATCH) or by.operates,
            "contacts": by.is_allowed(Action.CONTACTS) or by.operates,
        },
        # a mere operator sees only what nobody else can act on
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
        desks=waits_at().items(),
    )


def waits_at() -> dict[str, str]:
    """Where a matter waits, as one chooses it: `gis.incidents.routing.router.QUEUES`."""
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
    """Who asks, when they may see incidents of places.

    Raises
    ------
    SignInNeeded, Forbidden
        Nobody, or somebody who may not.
    """
    by = principal()
    if by.operates:  # what nobody else can act on waits for the operator
        return by
    for action in USES:
        if by.is_allowed(action):
            return require_worker(action)
    if by.kind == "anonymous":
        return require_worker(Action.READ)
    raise Forbidden("desk.dispatchers_only")
