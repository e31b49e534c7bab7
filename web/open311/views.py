"""Open311 GeoReport v2 (https://wiki.open311.org/GeoReport_v2) at /open311/v2.

Each resource comes as JSON or XML: by its ending (.json, .xml), else by the Accept header, else
JSON. What may be read is told in gis/incidents/reading/public.py; filing needs a program's key
(`api_key`) that may report.
"""

import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app, g, request
from werkzeug.exceptions import HTTPException

from gis.accounts import api_keys, rate_limit
from gis.errors import (
    Forbidden,
    NotFound,
    RateLimited,
    invalid_field,
)
from gis.files.datasets import has_made_up_data
from gis.incidents.catalogue import editions
from gis.incidents.lifecycle import intake
from gis.incidents.lifecycle import report as lifecycle_report
from gis.incidents.lifecycle.foreign_notes import add_foreign_note
from gis.incidents.reading import public
from gis.incidents.reading.public import PublicFilters, PublicView
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.principal import ANONYMOUS, Principal
from web.http.body_limit import PHOTO_FORM_MAX_BYTES, body_limit
from web.http.db import session
from web.http.params import parse_datetime
from web.http.request_headers import service_root
from web.http.snapshot import current_snapshot
from web.open311 import params, schemas
from web.open311.errors import describe_error
from web.open311.params import county, form_value, response_format
from web.open311.serialise import to_response
from web.security.sanitising import parse_photos
from web.security.session import bearer_token

bp = APIBlueprint("open311", __name__, url_prefix="/open311/v2", enable_openapi=False)

MAX_REQUESTS = 1000  # in one answer
ENDING_PATTERN = re.compile(r"(.+)\.(json|xml)")


@bp.url_value_preprocessor
def strip_ending(_: str | None, values: dict[str, Any] | None) -> None:
    """Take .json or .xml off the address; `g.kind` is how to answer."""
    values = values if values is not None else {}
    ending = values.pop("kind", None)
    for name in ("code", "number"):
        if name in values and (match := ENDING_PATTERN.fullmatch(values[name])):
            values[name], ending = match.groups()
    g.kind = ending


def open311_principal() -> Principal:
    """Return the program whose key came as `api_key` or in the Authorization header; else nobody.

    Raises
    ------
    Forbidden
        The key is not valid.
    RateLimited
        It was used too often this minute.
    """
    secret = request.values.get("api_key", "").strip() or bearer_token()
    if not secret:
        return ANONYMOUS
    key = api_keys.authenticate_key(session(), secret, datetime.now(UTC))
    if key is None:
        raise Forbidden("open311.key_invalid")
    counter = f"key {key.principal.key_id}"
    var = current_app.config["SETTINGS"].var
    rate_limit.check_rate_limit(
        var, counter, key.per_minute, time.time(), Message("counted.requests_with_key")
    )
    return key.principal


def require_program(action: Action) -> Principal:
    """Return the program that asks.

    Raises
    ------
    Forbidden
        No key came, or it does not allow the action.
    """
    principal = open311_principal()
    if principal is ANONYMOUS:
        raise Forbidden("open311.key_missing")
    principal.require(action)
    return principal


# --- discovery and services -----------------------------------------------------------------------


@bp.get("/")
@bp.get("/discovery")
@bp.get("/discovery.<any(json, xml):kind>")
def discovery() -> Response:
    """Where the endpoint is, in which formats, and how to get a key."""
    body = schemas.discovery_to_dict(
        service_root(),
        str(bp.url_prefix),
        editions.active_edition_loaded_at(session()),
        made_up=has_made_up_data(session()),
    )
    return to_response(response_format(), "discovery", body)


@bp.get("/services")
@bp.get("/services.<any(json, xml):kind>")
def services() -> Response:
    """List the categories that residents may choose."""
    county()
    categories = editions.active_edition(session()).categories.values()
    body = [schemas.service_to_dict(category) for category in categories if category.public]
    return to_response(response_format(), "services", body)


@bp.get("/services/<code>")
def service(code: str) -> Response:
    """Return the questions of a category."""
    county()
    questions = get_service(code).attributes
    attributes = [
        schemas.question_to_dict(question, number) for number, question in enumerate(questions, 1)
    ]
    return to_response(
        response_format(), "service_definition", {"service_code": code, "attributes": attributes}
    )


def get_service(code: str) -> editions.CategoryRow:
    """Return a category that residents may choose.

    Raises
    ------
    NotFound
        There is none with this code.
    """
    category = editions.active_edition(session()).categories.get(code)
    if category is None or not category.public:
        raise NotFound("open311.service_unknown", code=code[:40])
    return category


# --- requests -------------------------------------------------------------------------------------


@bp.post("/requests")
@bp.post("/requests.<any(json, xml):kind>")
@body_limit(PHOTO_FORM_MAX_BYTES)
def create_request() -> Response:
    """File a report with a program's key; photos come as `media`, `photo1`, `photo2` and so on.

    Raises
    ------
    InvalidInput
        The place lies in another county than `jurisdiction_id`.
    """
    principal = require_program(Action.REPORT)
    jurisdiction = county()
    report, now = parse_report(), parse_datetime(None)
    filed = lifecycle_report.file_report(
        session(),
        principal,
        report,
        now,
        assessed=intake.admit(session(), principal, report, now, snapshot=current_snapshot(now)),
        attached=parse_photos(*params.PHOTO_PARTS),
    )
    if jurisdiction not in (None, filed.county):
        raise invalid_field(
            "jurisdiction_id", "open311.jurisdiction_wrong", code=jurisdiction, county=filed.county
        )
    session().commit()
    response = to_response(
        response_format(), "service_requests", [schemas.filed_to_dict(filed)], 201
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Tracking-Secret"] = filed.tracking_secret
    return response


def parse_report() -> intake.IncidentReport:
    """Return the form as a report.

    Raises
    ------
    InvalidInput
        A field is missing or wrong.
    """
    code = form_value("service_code")
    if not code:
        raise invalid_field("service_code", "open311.service_missing")
    answers = params.parse_answers(get_service(code).attributes)
    if url := params.parse_media_url():
        answers["media_url"] = url
    return intake.IncidentReport(
        category=code,
        description=form_value("description"),
        channel="open311",
        attributes=answers,
        **params.parse_place(),
        name=params.full_name(form_value("first_name"), form_value("last_name")),
        phone=form_value("phone"),
        email=form_value("email"),
    )


@bp.get("/requests")
@bp.get("/requests.<any(json, xml):kind>")
def requests() -> Response:
    """List requests, newest first: of the last 90 days, or between start_date and end_date.

    Or those that changed after `updated_after`, whenever they were reported.
    """
    principal, jurisdiction = open311_principal(), county()
    if numbers := params.parse_list("service_request_id")[:MAX_REQUESTS]:
        ids = [number for text in numbers if (number := params.parse_uuid(text))]
        filters = PublicFilters(ids=ids, county=jurisdiction)
    else:
        filters = parse_filters(jurisdiction)
    size = params.parse_count("page_size", MAX_REQUESTS, MAX_REQUESTS)
    page = params.parse_count("page", 1, 100_000)
    incidents = public.list_public_incidents(session(), principal, filters, size, (page - 1) * size)
    return requests_response(principal, incidents)


def parse_filters(jurisdiction: str | None) -> PublicFilters:
    """Return the filters of a list of requests.

    Raises
    ------
    InvalidInput
        One of them is wrong.
    """
    changed_after = params.parse_updated_after()
    has_range = any(request.args.get(name, "").strip() for name in ("start_date", "end_date"))
    since, until = params.parse_range() if has_range or not changed_after else (None, None)
    return PublicFilters(
        categories=params.parse_service_codes(),
        county=jurisdiction,
        closed=params.parse_closed(),
        since=since,
        until=until,
        changed_after=changed_after,
        near=params.parse_near(),
    )


@bp.get("/requests/<number>")
def get_request(number: str) -> Response:
    """How one report stands."""
    principal = open311_principal()
    return requests_response(principal, [get_public_incident(principal, number)])


@bp.get("/tokens/<number>")
def token(number: str) -> Response:
    """Return the number of a request by its token.

    Reports get their number at once, so it is its own token.
    """
    incident = get_public_incident(open311_principal(), number)
    body = [{"service_request_id": str(incident.id), "token": number}]
    return to_response(response_format(), "service_requests", body)


def get_public_incident(principal: Principal, number: str) -> PublicView:
    """Return an incident by its number.

    Raises
    ------
    NotFound
        There is none, or the principal may not know.
    """
    jurisdiction, incident_id = county(), params.parse_uuid(number)
    filters = PublicFilters(ids=[incident_id] if incident_id else [], county=jurisdiction)
    incidents = public.list_public_incidents(session(), principal, filters, 1)
    if not incidents:
        raise NotFound("open311.request_unknown", number=number[:40])
    return incidents[0]


def requests_response(principal: Principal, incidents: Sequence[PublicView]) -> Response:
    """Return incidents as a response."""
    timezone = current_app.config["SETTINGS"].timezone
    body = [schemas.request_to_dict(incident, timezone) for incident in incidents]
    return cached_response(principal, "service_requests", body)


def cached_response(principal: Principal, name: str, body: Sequence[Mapping[str, Any]]) -> Response:
    """Return a list as a response; what depends on a key is not kept on the way."""
    response = to_response(response_format(), name, body)
    response.headers["Cache-Control"] = (
        "public, max-age=30" if principal is ANONYMOUS else "no-store"
    )
    return response


# --- updates --------------------------------------------------------------------------------------


@bp.get("/servicerequestupdates")
@bp.get("/servicerequestupdates.<any(json, xml):kind>")
def updates() -> Response:
    """List what happened to requests, oldest first, between start_date and end_date."""
    principal, jurisdiction = open311_principal(), county()
    since, until = params.parse_range()
    size = params.parse_count("page_size", MAX_REQUESTS, MAX_REQUESTS)
    page = params.parse_count("page", 1, 100_000)
    rows = public.list_public_updates(
        session(), principal, since, until, size, (page - 1) * size, county=jurisdiction
    )
    timezone = current_app.config["SETTINGS"].timezone
    body = [schemas.update_to_dict(row, timezone) for row in rows]
    return cached_response(principal, "service_request_updates", body)


@bp.post("/servicerequestupdates")
@bp.post("/servicerequestupdates.<any(json, xml):kind>")
@body_limit(PHOTO_FORM_MAX_BYTES)
def create_update() -> Response:
    """Add a note to a request; the same `update_id` again changes nothing."""
    principal = require_program(Action.NOTE)
    county()
    incident_id, note, update_id = params.parse_update()
    event = add_foreign_note(
        session(),
        principal,
        incident_id,
        note,
        update_id,
        parse_datetime(None),
        attached=parse_photos(*params.PHOTO_PARTS),
    )
    session().commit()
    body = [{"update_id": str(event), "service_request_id": str(incident_id)}]
    response = to_response(response_format(), "service_request_updates", body, 201)
    response.headers["Cache-Control"] = "no-store"
    return response


# --- errors ---------------------------------------------------------------------------------------


@bp.route("/<path:path>", methods=["GET", "POST"])
def not_found(path: str) -> Response:
    """Answer every other address with 404.

    Raises
    ------
    NotFound
        Always.
    """
    if match := ENDING_PATTERN.fullmatch(path):
        g.kind = match[2]
    raise NotFound(
        "open311.address_unknown", path=f"{bp.url_prefix}/{path[:80]}", prefix=bp.url_prefix
    )


@bp.errorhandler(Exception)
def error_response(error: Exception) -> Response:
    """Answer every error as the specification has it: a list of code and description."""
    if isinstance(error, HTTPException) and (error.code is None or error.code < 400):
        return current_app.make_response(error.get_response())
    status, description = describe_error(error)
    response = to_response(
        response_format(), "errors", [{"code": status, "description": description}], status
    )
    response.headers["Cache-Control"] = "no-store"
    if isinstance(error, RateLimited) and "retry_after" in error.extra:
        response.headers["Retry-After"] = str(error.extra["retry_after"])
    return response
