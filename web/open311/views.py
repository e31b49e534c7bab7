"""Open311 GeoReport v2 (https://wiki.open311.org/GeoReport_v2) at /open311/v2.

Each resource comes as JSON or XML: by its ending (.json, .xml), else by the Accept header, else JSON. What may be read
is told in gis/incidents/reading/public.py; filing needs a program's key (`api_key`) that may report.
"""

import math
import re
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from apiflask import APIBlueprint
from flask import Response, current_app, g, request
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException

from gis import crs as systems
from gis.accounts import api_keys, rate_limit
from gis.errors import (
    AuthenticationRequired,
    Forbidden,
    NotFound,
    OutsideGrids,
    RateLimited,
    TooLarge,
    Unavailable,
    WanggeError,
)
from gis.incidents import photos
from gis.incidents.catalogue import editions
from gis.incidents.lifecycle import intake, report
from gis.incidents.reading import public
from gis.incidents.reading.public import PublicFilters, PublicView
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.principal import ANONYMOUS, Principal
from gis.rights.roles import ROLE_BY_KEY
from web.api.locate.views import current_snapshot
from web.http import params
from web.http.body_limit import PHOTO_FORM_MAX_BYTES, body_limit
from web.http.db import session
from web.http.errors import DETAIL, cannot_store
from web.http.params import invalid_field
from web.open311.serialise import to_response
from web.security.guard import bearer_token

bp = APIBlueprint("open311", __name__, url_prefix="/open311/v2", enable_openapi=False)

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
MAX_SPAN = timedelta(days=90)  # longest range of one question
MAX_REQUESTS = 1000  # requests in one answer
MAX_URL_CHARS = 2000  # characters
ATTRIBUTE = re.compile(r"attribute\[([^\[\]]{1,60})\](\[\d*\])?")
ENDING = re.compile(r"(.+)\.(json|xml)")

# error -> HTTP status, as the specification has them
STATUS: dict[type[WanggeError], int] = {
    OutsideGrids: 400,
    NotFound: 404,
    Forbidden: 403,
    AuthenticationRequired: 403,
    RateLimited: 429,
    TooLarge: 413,
    Unavailable: 503,
    WanggeError: 400,
}

log = structlog.get_logger("wangge")


@bp.url_value_preprocessor
def ending(_: str | None, values: dict[str, Any] | None) -> None:
    """Take .json or .xml off the address; `g.kind` is how to answer."""
    values = values if values is not None else {}
    given = values.pop("kind", None)
    for name in ("code", "number"):
        if name in values and (found := ENDING.fullmatch(values[name])):
            values[name], given = found.groups()
    g.kind = given


def response_format() -> str:
    """json or xml."""
    if found := g.get("kind"):
        return str(found)
    best = request.accept_mimetypes.best_match(["application/json", "text/xml", "application/xml"])
    return "xml" if best and best.endswith("xml") else "json"


def open311_principal() -> Principal:
    """Who asks: the program whose key came as `api_key` or in the Authorization header; else nobody.

    Raises:
        Forbidden: The key is not valid.
    """
    given = request.values.get("api_key", "").strip() or bearer_token()
    if not given:
        return ANONYMOUS
    found = api_keys.authenticate_key(session(), given, datetime.now(UTC))
    if found is None:
        raise Forbidden("api_key: the key is not valid; it may be mistyped, expired or revoked")
    name, words = f"key {found.principal.key_id}", Message("counted.requests_with_key")
    rate_limit.check_rate_limit(current_app.config["SETTINGS"].var, name, found.per_minute, time.time(), words)
    return found.principal


def county() -> str | None:
    """The county asked about in jurisdiction_id; None is all of them. Our own host name means all as well.

    Raises:
        NotFound: It is none of ours.
    """
    given = request.values.get("jurisdiction_id", "").strip()
    if not given or given == request.host.partition(":")[0]:
        return None
    query = text("SELECT code FROM area WHERE level = 'county' AND code = :code AND retired_at IS NULL")
    found: str | None = session().scalar(query, {"code": given[:40]})
    if found is None:
        raise NotFound(
            f"jurisdiction_id: {given[:40]!r} was not found; it is the code of a county, and may be left out"
        )
    return found


# --- discovery and services ----------------------------------------------------------------------------------------


@bp.get("/")
@bp.get("/discovery")
@bp.get("/discovery.<any(json, xml):kind>")
def discovery() -> Response:
    """Where the endpoint is, in which formats, and how to get a key."""
    base = (current_app.config["SETTINGS"].address or request.url_root).rstrip("/")
    row = session().execute(
        text("SELECT (SELECT max(loaded_at) FROM catalogue_edition WHERE state = 'active') AS at,"
             " EXISTS (SELECT FROM dataset WHERE made_up) AS made_up")
    ).one()  # fmt: skip
    changed = row.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if row.at else "1970-01-01 00:00"
    told = {
        "changeset": changed,
        "contact": f"The command centre (指挥中心) that runs {base}/",
        "key_service": "Keys are made by the administrator: ./wangge key add NAME --action incident.report --area CODE",
        "endpoints": [
            {
                "specification": SPECIFICATION,
                "url": f"{base}{bp.url_prefix}",
                "changeset": changed,
                "type": "test" if row.made_up else "production",
                "formats": ["text/xml", "application/json"],
            }
        ],
    }
    return to_response(response_format(), "discovery", told)


@bp.get("/services")
@bp.get("/services.<any(json, xml):kind>")
def services() -> Response:
    """The categories residents may choose."""
    county()
    found = [one for one in editions.active_edition(session()).categories.values() if one.public]
    told = [
        {
            "service_code": one.code,
            "service_name": one.zh,
            "description": "; ".join([one.en, *one.examples[:1]]),
            "metadata": bool(one.attributes),
            "type": "realtime",
            "keywords": ",".join(one.words),
            "group": one.major_zh,
        }
        for one in found
    ]
    return to_response(response_format(), "services", told)


@bp.get("/services/<code>")
def service(code: str) -> Response:
    """The questions of a category."""
    county()
    told = {
        "service_code": code,
        "attributes": [_question(one, nth) for nth, one in enumerate(_kind(code).attributes, 1)],
    }
    return to_response(response_format(), "service_definition", told)


def _kind(code: str) -> editions.CategoryRow:
    found = editions.active_edition(session()).categories.get(code)
    if found is None or not found.public:
        raise NotFound(f"service_code: {code[:40]!r} was not found; GET services lists them")
    return found


def _question(one: dict[str, Any], nth: int) -> dict[str, Any]:
    told = {
        "variable": one.get("variable", True),
        "code": str(one["code"]),
        "datatype": one.get("datatype", "string"),
        "required": one.get("required", False),
        "datatype_description": one.get("datatype_description"),
        "order": one.get("order", nth),
        "description": one.get("description"),
    }
    if values := one.get("values"):
        told["values"] = [{"key": str(value["key"]), "name": value["name"]} for value in values]
    return told


# --- requests ------------------------------------------------------------------------------------------------------


@bp.post("/requests")
@bp.post("/requests.<any(json, xml):kind>")
@body_limit(PHOTO_FORM_MAX_BYTES)
def create_request() -> Response:
    """File a report with a program's key. A photo may come along as the file `media`."""
    by = open311_principal()
    if by is ANONYMOUS:
        raise Forbidden("api_key: is missing; the key service is named in discovery")
    by.need(Action.REPORT)
    where = county()
    code = _given("service_code")
    if not code:
        raise invalid_field("service_code", "was not provided; GET services lists them")
    about = _kind(code)
    answers = answers_to(about.attributes)
    media = _given("media_url")
    if media:
        if len(media) > MAX_URL_CHARS or not re.match(r"https?://[^\s/]+", media):
            raise invalid_field(
                "media_url", f"must be an http or https address of at most {MAX_URL_CHARS:,} characters"
            )
        answers["media_url"] = media
    now = params.parse_datetime(None)
    sent = intake.IncidentReport(
        category=code, description=_given("description"), channel="open311", attributes=answers, **_place(),
        name=_name(_given("first_name"), _given("last_name")), phone=_given("phone"), email=_given("email"),
    )  # fmt: skip
    filed = report.file_report(
        session(), by, sent, now, assessed=intake.admit(session(), by, sent, now, snapshot=current_snapshot(now)), var=current_app.config["SETTINGS"].var,
        pictures=photos.sanitise_photos([one.stream.read() for one in request.files.getlist("media") if one.filename]),
    )  # fmt: skip
    if where not in (None, filed.county):
        raise invalid_field("jurisdiction_id", f"{where} does not hold this place; it lies in {filed.county}")
    session().commit()
    role = ROLE_BY_KEY[filed.assigned_to["role"]] if filed.assigned_to else None
    waits = filed.queue or {"zh": "待派单", "en": "to be dispatched"}
    notice = f"已派给{role.zh}。Sent to the {role.en}." if role else f"已收到，{waits['zh']}。Received; {waits['en']}."
    if filed.danger:
        notice = f"{filed.danger['advice_zh']} {filed.danger['advice_en']} {notice}"
    told = [{"service_request_id": str(filed.id), "service_notice": notice, "account_id": None}]
    response = to_response(response_format(), "service_requests", told, 201)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Tracking-Secret"] = filed.tracking_secret
    return response


def _given(name: str) -> str:
    """A field of the form, else of the address; empty is as good as not sent."""
    return (request.form.get(name) or request.args.get(name) or "").strip()


def _place() -> dict[str, Any]:
    """Where: lat and long (WGS 84), else address_id, the code of a building, else address_string."""
    address = _given("address_string")
    if _given("lat") or _given("long"):
        for name, other in (("lat", "long"), ("long", "lat")):
            if not _given(name):
                raise invalid_field(name, f"was not provided; {other} needs it")
        lat, lon = params.parse_float(_given("lat"), "lat"), params.parse_float(_given("long"), "long")
        return {"lon": lon, "lat": lat, "crs": "wgs84", "address": address}
    if building := _given("address_id"):
        query = "SELECT ST_X(p) AS lon, ST_Y(p) AS lat FROM (SELECT ST_PointOnSurface(shape) AS p FROM building WHERE code = :code) b"
        row = session().execute(text(query), {"code": building[:60]}).one_or_none()
        if row is None:
            raise invalid_field(
                "address_id", f"{building[:60]!r} is no building's code; send lat and long, or address_string"
            )
        return {"lon": row.lon, "lat": row.lat, "crs": "cgcs2000", "address": address}
    if address:
        return {"address": address}
    raise invalid_field("lat", "was not provided; send lat and long, or address_string, or address_id")


def _name(first: str, last: str) -> str:
    """A name as people write it: family name first, unless it is in Latin letters."""
    parts = [first, last] if (first + last).isascii() else [last, first]
    return (" " if (first + last).isascii() else "").join(part for part in parts if part)


def answers_to(questions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The form's attribute[CODE]=… and attribute[CODE][]=… as answers to a category's questions.

    Raises:
        InvalidInput: A needed one is missing, or one is not what was asked for.
    """
    given: dict[str, list[str]] = {}
    for name, values in request.form.lists():
        if found := ATTRIBUTE.fullmatch(name):
            given.setdefault(found[1], []).extend(value.strip() for value in values if value.strip())
    asked = {str(one["code"]): one for one in questions if one.get("variable", True)}
    for code in given.keys() - asked.keys():
        raise invalid_field(f"attribute[{code}]", "is not asked by this service; see its definition")
    answers: dict[str, Any] = {}
    for code, one in asked.items():
        values = given.get(code, [])
        if values:
            answers[code] = _checked(f"attribute[{code}]", one, values)
        elif one.get("required", False):
            raise invalid_field(f"attribute[{code}]", f"was not provided: {one.get('description') or code}")
    return answers


def _checked(field: str, one: dict[str, Any], values: list[str]) -> Any:
    datatype = one.get("datatype", "string")
    known = [str(value["key"]) for value in one.get("values") or ()]
    if datatype.endswith("valuelist") and (strange := [value for value in values if value not in known]):
        raise invalid_field(field, f"{strange[0][:40]!r} is none of {', '.join(known)}")
    if datatype == "multivaluelist":
        return values
    if len(values) > 1:
        raise invalid_field(field, "takes one value")
    if datatype == "number":
        return params.parse_float(values[0], field)
    if datatype == "datetime":
        return params.parse_datetime(values[0], field).isoformat()
    if len(values[0]) > intake.MAX_DESCRIPTION_CHARS:
        raise invalid_field(field, f"has {len(values[0]):,} characters; at most {intake.MAX_DESCRIPTION_CHARS:,}")
    return values[0]


@bp.get("/requests")
@bp.get("/requests.<any(json, xml):kind>")
def requests() -> Response:
    """What was reported, the newest first: of the last 90 days, or between start_date and end_date."""
    by, where = open311_principal(), county()
    ids = [one for one in _list("service_request_id") if one]
    if ids:
        wanted = PublicFilters(ids=[number for one in ids[:MAX_REQUESTS] if (number := _uuid(one))], county=where)
    else:
        since, until = _range()
        wanted = PublicFilters(None, _codes(), where, _closed(), since, until)
    size, page = _count("page_size", MAX_REQUESTS, MAX_REQUESTS), _count("page", 1, 100_000)
    found = public.list_public_incidents(session(), by, wanted, size, (page - 1) * size)
    return no_shared_cache(
        by, to_response(response_format(), "service_requests", [request_to_dict(one) for one in found])
    )


@bp.get("/requests/<number>")
def get_request(number: str) -> Response:
    """How one report stands."""
    by = open311_principal()
    found = _find(by, number)
    return no_shared_cache(by, to_response(response_format(), "service_requests", [request_to_dict(found)]))


@bp.get("/tokens/<number>")
def token(number: str) -> Response:
    """The number of a request by its token. Reports get their number at once, so it is its own token."""
    found = _find(open311_principal(), number)
    return to_response(response_format(), "service_requests", [{"service_request_id": str(found.id), "token": number}])


def _find(by: Principal, number: str) -> PublicView:
    where, made = county(), _uuid(number)
    found = public.list_public_incidents(session(), by, PublicFilters(ids=[made], county=where), 1) if made else []
    if not found:
        raise NotFound(f"service_request_id: {number[:40]!r} was not found")
    return found[0]


def request_to_dict(found: PublicView) -> dict[str, Any]:
    """An incident as the specification has it."""
    lon, lat = found.lon, found.lat
    if lon is not None and lat is not None:
        lon, lat = systems.from_storage(lon, lat, "wgs84")
    who = " ".join(part for part in (found.community, found.role_zh) if part)
    return {
        "service_request_id": str(found.id),
        "status": "closed" if found.closed else "open",
        "status_notes": f"{found.state_zh} ({found.state_en})",
        "service_name": found.category_zh,
        "service_code": found.category,
        "description": found.description,
        "agency_responsible": who or None,
        "service_notice": None,
        "requested_datetime": _when(found.reported_at),
        "updated_datetime": _when(found.changed_at),
        "expected_datetime": _when(found.expected) if found.expected and not found.closed else None,
        "address": found.address,
        "address_id": found.building,
        "zipcode": None,
        "lat": lat,
        "long": lon,
        "media_url": found.media_url,
    }


def no_shared_cache(by: Principal, response: Response) -> Response:
    """What depends on a key is not kept on the way."""
    response.headers["Cache-Control"] = "public, max-age=30" if by is ANONYMOUS else "no-store"
    return response


def _when(at: datetime) -> str:
    return at.astimezone(current_app.config["SETTINGS"].timezone).isoformat(timespec="seconds")


def _uuid(given: str) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        return None


def _list(name: str) -> list[str]:
    """Values by commas; the field may also be repeated."""
    return [part.strip() for given in request.args.getlist(name) for part in given.split(",") if part.strip()]


def _codes() -> list[str]:
    """Codes asked for, which a category has or had in an older edition of the catalogue."""
    given = _list("service_code")
    known = "SELECT ARRAY(SELECT code FROM incident_category WHERE code = ANY(:codes))"
    if strange := set(given) - set(session().scalar(text(known), {"codes": given}) or ()):
        raise invalid_field("service_code", f"{min(strange)[:40]!r} was not found; GET services lists them")
    return given


def _closed() -> bool | None:
    given = set(_list("status"))
    if strange := given - {"open", "closed"}:
        raise invalid_field("status", f"{min(strange)[:40]!r} is neither open nor closed")
    return None if len(given) != 1 else given == {"closed"}


def _range() -> tuple[datetime, datetime]:
    start, end = (
        params.parse_datetime(given, name) if (given := request.args.get(name, "").strip()) else None
        for name in ("start_date", "end_date")
    )
    now = params.parse_datetime(None)
    since = start or (end or now) - MAX_SPAN
    until = end or (min(start + MAX_SPAN, now) if start else now)
    if until < since:
        raise invalid_field("end_date", "lies before start_date")
    if until - since > MAX_SPAN:
        raise invalid_field("end_date", f"may not lie more than {MAX_SPAN.days} days after start_date")
    return since, until


def _count(name: str, default: int, most: int) -> int:
    given = request.args.get(name, "").strip()
    if not given:
        return default
    found = params.parse_float(given, name)
    if not 1 <= found <= most or math.floor(found) != found:
        raise invalid_field(name, f"must be a whole number from 1 to {most:,}")
    return int(found)


# --- errors --------------------------------------------------------------------------------------------------------


@bp.route("/<path:rest>", methods=["GET", "POST"])
def not_found(rest: str) -> Response:
    """Any other address."""
    if found := ENDING.fullmatch(rest):
        g.kind = found[2]
    raise NotFound(f"there is nothing at {bp.url_prefix}/{rest[:80]}; see {bp.url_prefix}/discovery.json")


@bp.errorhandler(Exception)
def error_response(error: Exception) -> Response:
    """Every error as the specification has it: a list of code and description."""
    if isinstance(error, HTTPException):
        if error.code is None or error.code < 400:
            return current_app.make_response(error.get_response())
        status, words = error.code, DETAIL.get(error.code, error.description or error.name)
    elif isinstance(error, WanggeError):
        status = next((STATUS[cls] for cls in type(error).__mro__ if cls in STATUS), 400)
        words = error.detail
    elif isinstance(error, DataError):
        log.warning("unfit", endpoint=request.endpoint, exc_info=error)
        status, words = 400, "A value is not one that can be looked up or stored."
    else:
        number = secrets.token_hex(6)
        log.error("unexpected", id=number, endpoint=request.endpoint, exc_info=error)
        gone, unstored = isinstance(error, OperationalError), cannot_store(error)
        status = 503 if gone or unstored else 500
        words = "The database cannot be reached; try again soon." if gone else "Something went wrong on our side."
        words = f"{unstored or words} ({number})"
    response = to_response(response_format(), "errors", [{"code": status, "description": words}], status)
    response.headers["Cache-Control"] = "no-store"
    if isinstance(error, RateLimited) and "retry_after" in error.extra:
        response.headers["Retry-After"] = str(error.extra["retry_after"])
    return response
