"""`/desk`: the dispatcher's desk, with an inbox, one incident, and moves of many at once."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import gettext as _

from gis.areas.offered_areas import list_subtree
from gis.errors import Forbidden
from gis.incidents.catalogue import editions
from gis.incidents.desk import list_table
from gis.incidents.lifecycle.follow_up import DISSATISFACTION, OUTCOMES
from gis.incidents.lifecycle.splitting import MAX_PARTS, MIN_PARTS
from gis.incidents.models import CHANNELS, SEVERITIES, channel_label
from gis.incidents.reading import incidents, timeline
from gis.messages import Message, label
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.api.desk.schemas import FiltersIn
from web.api.incidents.schemas import filters
from web.http import i18n, params
from web.http.db import session
from web.http.downloads import attachment
from web.http.validation import validate_model
from web.pages.shell.access import require_worker
from web.pages.shell.base_map import base_map
from web.pages.shell.incident_data import incident_data
from web.pages.shell.opening import opening
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.guard import require
from web.security.session import principal

bp = Blueprint("desk", __name__)

READ_AND_EXPORT = (Action.READ, Action.EXPORT)
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
    figures = opening()
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
        "account": by.account_id,
        "severities": list(SEVERITIES),
        "outcomes": list(labels("follow_up_outcome", OUTCOMES).items()),
        "reasons": list(labels("dissatisfaction", DISSATISFACTION).items()),
        "parts": [MIN_PARTS, MAX_PARTS],
        "may": {
            "dispatch": by.is_allowed(Action.DISPATCH) or by.operates,
            "export": by.is_allowed(Action.EXPORT),
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
        may=data["may"],
        queues=queue_labels(),
        channels=labels("channel", CHANNELS),
    )


@bp.get("/desk/list.xlsx")
def list_file() -> Response:
    """Send the list as shown, in its order and with its filters; that it was is recorded."""
    by, now = require(Action.EXPORT), params.parse_datetime(None)
    fields = request.args.to_dict()
    fields.pop("lang", None)
    # what is misspelt would take out more than was meant
    query = validate_model(FiltersIn, fields)
    count = 0

    def write(path: Path) -> None:
        nonlocal count
        count = list_table.write_list(
            session(),
            exporting(by),
            filters(query),
            path,
            now=now,
            zone=current_app.config["SETTINGS"].timezone,
            language=i18n.chosen(),
        )

    response = attachment(f"incidents-{now:%Y%m%d-%H%M}.xlsx", write)
    values = query.model_dump(exclude_defaults=True, exclude={"limit", "cursor"}, mode="json")
    stated = " ".join(f"{name}={value}" for name, value in values.items())
    code = "shown.incidents_filtered" if stated else "shown.incidents"
    record_export(by, Message(code, {"count": count, "filters": stated}), query.area)
    return response


def exporting(by: Principal) -> Principal:
    """Return a principal that reads only in the areas where it may also take data out."""
    read, export = (by.areas_by_action.get(name, frozenset()) for name in READ_AND_EXPORT)
    both = export if read is None else read if export is None else read & export
    return replace(by, areas_by_action={**by.areas_by_action, Action.READ: both})


@bp.get("/desk/<uuid:incident_id>/order")
def work_order(incident_id: UUID) -> Response:
    """Show one incident as a work order for paper (A4), without how to reach who reported."""
    by = require_incident_reader()
    incident = incidents.get_incident(session(), by, incident_id, now=params.parse_datetime(None))
    return render_page(
        "desk/work_order.html",
        script="desk/work_order.js",
        incident=incident,
        severity=label(f"severity.{incident.severity}", i18n.chosen()),
        channel=channel_label(incident.channel, i18n.chosen()),
        events=timeline.events(session(), by, incident_id),
        zone=current_app.config["SETTINGS"].timezone,
        printed_at=params.parse_datetime(None),
        printed_by=by.actor.removeprefix("account "),
    )


def labels(family: str, keys: Iterable[str]) -> dict[str, str]:
    """Return what the keys of a family of codes are called, in the reader's language."""
    return {key: label(f"{family}.{key}", i18n.chosen()) for key in keys}


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
