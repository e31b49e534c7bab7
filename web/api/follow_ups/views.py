"""Calling back: whom, and how to reach them."""

from dataclasses import asdict
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response

from gis.incidents.reading import follow_ups, incidents, locked
from web.api.incidents.schemas import (
    ContactIn,
    FollowUpsIn,
)
from web.http import params
from web.http.db import session
from web.http.params import parse_datetime
from web.http.responses import conditional_response, paginate
from web.security.disclosures import disclose_contact
from web.security.guard import require_sign_in

bp = APIBlueprint("follow_ups", __name__, url_prefix="/api/v1", tag="Incidents")


@bp.get("/incidents/follow-ups")
@bp.input(FollowUpsIn, location="query")
@bp.doc(summary="Whom to call back", responses={401: "Sign in, or send a key", 403: "Not for you"})
def list_follow_ups(query_data: FollowUpsIn) -> Response:
    """List reporters to call after the work is done, the most pressing first, with counts.

    The telephone number needs a reason: `POST /incidents/<id>/contact`.
    """
    by, now = require_sign_in(), parse_datetime(None)
    cursor = params.decode_cursor(query_data.cursor)
    rows = follow_ups.list_follow_ups(
        session(), by, now, query_data.area, cursor, query_data.limit + 1
    )
    page = paginate(rows, query_data.limit, follow_ups.ORDER.key)
    counts = follow_ups.count_follow_ups(session(), by, now, query_data.area)
    return conditional_response(
        page | {"items": [asdict(row) for row in page["items"]], "counts": asdict(counts)}
    )


@bp.post("/incidents/<uuid:incident_id>/contact")
@bp.input(ContactIn)
@bp.doc(
    summary="How to reach who reported",
    responses={
        401: "Sign in",
        403: "Not for you",
        404: "None, or hidden",
        422: "The reason is missing",
    },
)
def contact(incident_id: UUID, json_data: ContactIn) -> Response:
    """Name, telephone and mail, for those who may call back.

    Who asked, when, from where and why is kept for auditors.
    """
    by = require_sign_in()
    incident = incidents.get_incident(session(), by, incident_id, now=parse_datetime(None))
    response = conditional_response(
        {
            "contact": disclose_contact(
                locked.as_desk(session(), by, incident_id), incident, json_data.reason
            )
        }
    )
    response.headers["Cache-Control"] = "no-store"
    return response
