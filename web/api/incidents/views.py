"""Incidents: report, read, move."""

import time
from collections.abc import Collection
from dataclasses import asdict
from typing import Any
from uuid import UUID, uuid4

import orjson
from apiflask import APIBlueprint
from flask import Response, current_app, request
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from gis.accounts import credentials, rate_limit
from gis.areas.locate_input import parse_point
from gis.areas.locate_result import LocateRequest
from gis.errors import WanggeError, invalid_field
from gis.files.photos import AttachedPhotos
from gis.incidents.lifecycle import intake, moves
from gis.incidents.lifecycle import report as lifecycle_report
from gis.incidents.lifecycle.insertion import TrackingKey
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.reading import candidates as reading_candidates
from gis.incidents.reading import counts, holders, incidents, locked, timeline
from gis.incidents.reading import duplicates as reading_duplicates
from gis.incidents.reading.incidents import IncidentView
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.api.incidents.schemas import (
    BulkIn,
    BulkMoveIn,
    BulkQueryIn,
    ListIn,
    MoveIn,
    NearIn,
    OneIn,
    ReportIn,
    filed_to_json,
    filters,
    incident_to_json,
    moved_to_json,
    outcome_to_json,
)
from web.http import params
from web.http.body_limit import PHOTO_FORM_MAX_BYTES, body_limit
from web.http.client import client_network
from web.http.conditional import if_match, with_etag
from web.http.db import session
from web.http.errors import error_to_json, in_chinese
from web.http.idempotency import run_once
from web.http.openapi import documents_body
from web.http.params import parse_datetime
from web.http.responses import conditional_response, paginate
from web.http.snapshot import current_snapshot
from web.http.validation import validate_model
from web.security.disclosures import disclose_contact
from web.security.guard import require_sign_in
from web.security.sanitising import parse_photo_body
from web.security.session import principal

bp = APIBlueprint("incidents", __name__, url_prefix="/api/v1", tag="Incidents")


@bp.post("/incidents")
@documents_body(ReportIn, files=True)
@body_limit(PHOTO_FORM_MAX_BYTES)
@bp.doc(
    summary="Report something",
    responses={
        201: (
            "Filed: the person of the patch, the reasons,"
            " the running clock and a tracking secret, shown once"
        ),
        403: "Not allowed in that area",
        404: "Outside every grid; names the nearest",
        422: "A field is missing or wrong",
        429: "Too many reports without a key or account from one address in a minute",
    },
)
def report() -> Response:
    """Report an incident: a point and a few words in, the responsible person and a deadline out.

    Send an `Idempotency-Key`.
    """
    by = principal()
    if by.kind == "anonymous":
        settings = current_app.config["SETTINGS"]
        counter = f"report {client_network()}"
        rate_limit.check_rate_limit(
            settings.var,
            counter,
            settings.reports_per_minute,
            time.time(),
            Message("counted.reports"),
        )
    submitted, attached = parse_photo_body(ReportIn)
    now = parse_datetime(None)
    new_id = uuid4()

    def do() -> tuple[int, dict[str, Any]]:
        incident, snapshot = IncidentReport(**submitted.model_dump()), current_snapshot(now)
        filed = lifecycle_report.file_report(
            session(),
            by,
            incident,
            now,
            attached=attached,
            tracking=TrackingKey(new_id, derive_tracking_secret(new_id)),
            assessed=intake.admit(session(), by, incident, now, snapshot=snapshot),
        )
        return 201, filed_to_json(by, filed)

    response = run_once(by, do, lambda body: body.pop("tracking_secret", None), _again)
    is_repeated = "Idempotency-Replayed" in response.headers
    filed_id = orjson.loads(response.data)["id"] if is_repeated else new_id
    response.headers["Location"] = f"{bp.url_prefix}/incidents/{filed_id}"
    return response


def _again(body: dict[str, Any]) -> None:
    body["tracking_secret"] = derive_tracking_secret(UUID(body["id"]))


@bp.get("/incidents")
@bp.input(ListIn, location="query")
@bp.doc(summary="List incidents one may see", responses={401: "Sign in, or send a key"})
def list_incidents(query_data: ListIn) -> Response:
    """Return a page of incidents; `next` of a page is the `cursor` of the following one."""
    by, now = require_sign_in(), parse_datetime(None)
    incident_filters = filters(query_data)
    cursor = params.decode_cursor(query_data.cursor)
    rows = incidents.list_incidents(
        session(), by, incident_filters, query_data.limit + 1, cursor, now=now
    )
    page = paginate(
        rows, query_data.limit, lambda row: incidents.sort_key(row, incident_filters.sort)
    )
    return conditional_response(page | {"items": [incident_to_json(row) for row in page["items"]]})


@bp.get("/incidents/counts")
@bp.input(ListIn, location="query")
@bp.doc(summary="Count incidents one may see, by state", responses={401: "Sign in, or send a key"})
def count_incidents(query_data: ListIn) -> Response:
    """How many are in each state, late, supervised and waiting for approval.

    The filters of the list but the state.
    """
    return conditional_response(
        counts.count_by_state(
            session(), require_sign_in(), filters(query_data), now=parse_datetime(None)
        )
    )


@bp.get("/incidents/holders")
@bp.doc(
    summary="Who holds the open incidents one may see",
    responses={401: "Sign in, or send a key"},
)
def list_holders() -> Response:
    """Code and name of each with how many are open and overdue; where one may have names."""
    by, now = require_sign_in(), parse_datetime(None)
    return conditional_response({"items": holders.list_holders(session(), by, now=now)})


@bp.get("/incidents/near")
@bp.input(NearIn, location="query")
@bp.doc(summary="Like it, near and lately", responses={422: "A field is missing or wrong"})
def list_duplicates(query_data: NearIn) -> Response:
    """List incidents of the same category within 50 m and 7 days, to offer before a new report."""
    x, y = parse_point(LocateRequest(query_data.lon, query_data.lat, query_data.crs))
    duplicates = reading_duplicates.find_duplicates(
        session(), principal(), query_data.category, x, y, parse_datetime(None)
    )
    return conditional_response({"items": duplicates})


@bp.get("/incidents/<uuid:incident_id>")
@bp.input(OneIn, location="query")
@bp.doc(
    summary="One incident with its timeline",
    responses={401: "Sign in, or send a key", 404: "None, or hidden"},
)
def get_incident(incident_id: UUID, query_data: OneIn) -> Response:
    """Where it stands, who holds it, what happened, what is like it.

    `ETag` is its version, for `If-Match`.
    """
    by, now = require_sign_in(), parse_datetime(None)
    incident = incidents.get_incident(session(), by, incident_id, now=now)
    body = incident_to_json(incident)
    body["timeline"] = timeline.events(session(), by, incident_id)
    lon, lat = incident.point["lon"], incident.point["lat"]
    body["duplicates"] = reading_duplicates.find_duplicates(
        session(), by, incident.category, lon, lat, now, incident_id
    )
    if query_data.contact:
        body["contact"] = disclose_contact(
            locked.as_desk(session(), by, incident_id), incident, query_data.reason
        )
    return with_etag(body, incident.version)


@bp.get("/incidents/<uuid:incident_id>/track")
@bp.doc(summary="Where my report stands", responses={404: "None, or not its tracking secret"})
def track(incident_id: UUID) -> Response:
    """For who reported: header `X-Tracking-Secret`.

    Who holds it by role, by name only where the role is public.
    """
    incident = timeline.tracked(
        session(),
        incident_id,
        request.headers.get("X-Tracking-Secret", ""),
        now=parse_datetime(None),
    )
    return with_etag(asdict(incident), incident.version)


@bp.get("/incidents/<uuid:incident_id>/candidates")
@bp.doc(
    summary="Who it can be given to",
    responses={401: "Sign in, or send a key", 404: "None, or hidden"},
)
def candidates(incident_id: UUID) -> Response:
    """Everybody in a post of its place, nearest role first, then who takes such orders.

    For those who dispatch.
    """
    by, now = require_sign_in(), parse_datetime(None)
    if not by.operates:
        by.require(Action.DISPATCH)
    incident = incidents.get_incident(session(), by, incident_id, now=now)
    by = locked.as_desk(session(), by, incident_id)
    by.require(Action.DISPATCH)
    return conditional_response(
        {"items": reading_candidates.list_assignees(session(), by, incident, now)}
    )


@bp.post("/incidents/<uuid:incident_id>/moves")
@documents_body(MoveIn, files=True)
@body_limit(PHOTO_FORM_MAX_BYTES)
@bp.doc(
    summary="Move an incident",
    responses={
        200: "As it stands then",
        401: "Sign in, send a key, or the tracking secret",
        403: "Not yours to do",
        404: "None, or hidden",
        409: "Its state does not allow it, or somebody was faster",
        422: "A field is wrong",
    },
)
def move(incident_id: UUID) -> Response:
    """Take, handle, return, check, close, rate … as the incident's `moves` lists.

    `If-Match`: its version.
    """
    submitted, attached = parse_photo_body(MoveIn)
    secret = request.headers.get("X-Tracking-Secret")
    by = (
        timeline.authenticate_tracking(session(), incident_id, secret)
        if secret
        else require_sign_in()
    )

    def do() -> tuple[int, dict[str, Any]]:
        incident = _move(session(), by, incident_id, submitted, if_match() or None, attached)
        return 200, moved_to_json(by, incident)

    response = run_once(by, do)
    response.set_etag(str(orjson.loads(response.data)["version"]))
    return response


@bp.post("/incidents/moves/bulk")
@bp.input(BulkQueryIn, location="query")
@bp.input(BulkIn)
@bp.doc(summary="Move many incidents", responses={401: "Sign in, or send a key"})
def apply_moves(query_data: BulkQueryIn, json_data: BulkIn) -> Response:
    """Each move is done or refused by itself; the answer says which, in their order.

    With `dry_run` nothing is done; the answer says what each would come to, and who would have it.
    """
    by = require_sign_in()
    if query_data.dry_run:
        with session().begin_nested() as trial:
            results = [_try_move(by, item) for item in json_data.moves]
            trial.rollback()
        return conditional_response({"results": results})

    def do() -> tuple[int, dict[str, Any]]:
        return 200, {"results": [_try_move(by, item) for item in json_data.moves]}

    return run_once(by, do)


def _try_move(by: Principal, item: BulkMoveIn | dict[str, Any]) -> dict[str, Any]:
    """Return what a move of many came to; one that is refused leaves nothing behind."""
    try:
        item = item if isinstance(item, BulkMoveIn) else validate_model(BulkMoveIn, item)
        with session().begin_nested():
            incident = _move(session(), by, item.id, item, item.version)
    except (WanggeError, DataError) as error:
        refusal = (
            error
            if isinstance(error, WanggeError)
            else invalid_field("move", "input.unstorable_value")
        )
        problem = error_to_json(refusal) | {"zh": in_chinese(refusal)}
        number = item.get("id", "") if isinstance(item, dict) else item.id
        return {"id": str(number), "ok": False, "problem": problem}
    return outcome_to_json(incident)


def _move(
    database: Session,
    by: Principal,
    incident_id: UUID,
    submitted: MoveIn,
    version: int | Collection[int] | None,
    attached: AttachedPhotos | None = None,
) -> IncidentView:
    now = parse_datetime(None)
    moved = moves.apply_move(
        database,
        by,
        incident_id,
        submitted.move,
        now,
        submitted.to_payload(),
        version=version,
        attached=attached,
    )
    return incidents.get_incident(database, by, incident_id, now=now, moved=moved)


def derive_tracking_secret(incident_id: UUID) -> str:
    """Return the tracking secret of an incident made here.

    A report sent again gets the same one.
    """
    return credentials.derive_tracking_secret(str(current_app.config["SECRET_KEY"]), incident_id)
