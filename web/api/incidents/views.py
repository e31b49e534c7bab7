"""Incidents: report, read, move."""

import hmac
import re
import time
from collections.abc import Collection
from dataclasses import asdict, replace
from typing import Annotated, Any
from uuid import UUID, uuid4

import orjson
from apiflask import APIBlueprint
from flask import Response, current_app, request
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from gis.accounts import disclosures, rate_limit
from gis.areas.locate_input import parse_point
from gis.areas.locate_result import LocateRequest, without_names
from gis.errors import AuthenticationRequired, FieldError, InvalidInput, WanggeError, invalid_field
from gis.incidents import photos
from gis.incidents.lifecycle import intake, moves
from gis.incidents.lifecycle.effects import MovePayload
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.reading import incidents, timeline
from gis.incidents.reading.incidents import IncidentFilters, IncidentView
from gis.rights.access import Action, Fact, Principal, can_see
from web.api.locate.views import current_snapshot, error_to_json
from web.http import params
from web.http.body_limit import PHOTO_FORM_MAX_BYTES, body_limit
from web.http.client import client_network
from web.http.db import session
from web.http.errors import in_chinese
from web.http.idempotency import run_once
from web.http.openapi import documents_body
from web.http.params import parse_datetime
from web.http.responses import conditional_response, paginate
from web.security import sanitising
from web.security.disclosures import record
from web.security.guard import principal

bp = APIBlueprint("incidents", __name__, url_prefix="/api/v1", tag="Incidents")

MAX_MOVES = 200  # in one request
ETAG = re.compile(r'(?:W/)?"?(\d{1,18})"?', re.ASCII)  # of an incident: its version


class ReportIn(BaseModel):
    """A report: a point, or an address, or the code of an area; a category, or words."""

    model_config = {"extra": "forbid"}

    lon: float | None = Field(None, description="Longitude, degrees in `crs`", examples=[105.9535])
    lat: float | None = Field(None, description="Latitude, degrees in `crs`", examples=[26.2267])
    crs: str | None = Field(None, description="wgs84, cgcs2000, gcj02 or bd09; there is no default", examples=["gcj02"])
    address: str = Field("", max_length=200, description="As people write it", examples=["西兴社区3号楼2单元501室"])
    area: str = Field("", max_length=40, description="Code of a grid, unit or area above, where there is no point")
    category: str = Field(
        "", max_length=20, description="Code of the catalogue; else told from the words", examples=["06010"]
    )
    description: str = Field("", max_length=intake.MAX_DESCRIPTION_CHARS, description="In the reporter's words")
    severity: str = Field("", max_length=20, description="low, normal, high or urgent; else as the category says")
    channel: str = Field("api", max_length=20, description="mini_program, web, phone, in_person, patrol, woodpecker, …")
    attributes: dict[str, Any] = Field(default_factory=dict, description="Answers to the category's own questions")
    name: str = Field("", max_length=80, description="Of who reports; kept apart, seen only by who may call back")
    phone: str = Field("", max_length=40, description="As `name`")
    email: str = Field("", max_length=200, description="As `name`")


class MoveIn(BaseModel):
    """A move; `If-Match` has the version it was seen at."""

    model_config = {"extra": "forbid"}

    move: str = Field(max_length=40, description="One of the incident's `moves`", examples=["take"])
    note: str = Field(
        "", max_length=intake.MAX_DESCRIPTION_CHARS, description="What is said; returns and refusals need it"
    )
    to: str = Field("", max_length=60, description="dispatch: code of a person (see candidates)")
    role: str = Field("", max_length=40, description="dispatch: to a role of the place")
    way: str = Field("", max_length=10, description="dispatch: assign, or order to push it to whoever claims it")
    category: str = Field("", max_length=20, description="accept, reclassify")
    severity: str = Field("", max_length=20, description="accept, reclassify")
    minutes: float | None = Field(
        None, description="request_extend: more time; request_limit: the new limit; working minutes"
    )
    parent: UUID | None = Field(None, description="link: the incident this one repeats")
    rating: int | None = Field(None, description="rate: 1 (bad) to 5 (good)")
    solved: bool | None = Field(None, description="rate: whether it is solved")
    lon: float | None = Field(None, description="Where it was done")
    lat: float | None = None
    crs: str | None = None


class BulkMoveIn(MoveIn):
    """A move of one of many."""

    id: UUID
    version: int | None = Field(None, description="The version it was seen at")


class BulkIn(BaseModel):
    """Many moves; each stands for itself."""

    moves: Annotated[list[BulkMoveIn], Field(max_length=MAX_MOVES, description=f"At most {MAX_MOVES}")]


class ListIn(params.Page):
    """Which incidents."""

    state: str = Field("", max_length=200, description="One or more, by commas; open: all that are not closed or void")
    area: str = Field("", max_length=40, description="Code; everything in it")
    category: str = Field("", max_length=20, description="Code, or its beginning")
    overdue: bool | None = Field(None, description="The running stage's time is over")
    colour: str = Field("", max_length=10, description="green (under 80 % of the time), amber, red (over 100 %)")
    way: str = Field("", max_length=10, description="assign or order")
    severity: str = Field("", max_length=10)
    channel: str = Field("", max_length=20)
    supervised: bool | None = Field(None, description="督办")
    pending: bool | None = Field(None, description="A request waits for approval")
    mine: bool = Field(False, description="Held by me, or offered to me")
    queue: str = Field("", max_length=12, description=f"Who has it to act on now: {', '.join(incidents.QUEUES)}")
    words: str = Field("", max_length=100, description="Part of the description or address")
    since: str = Field("", max_length=40, description="Reported from this moment on")
    until: str = Field("", max_length=40, description="Reported before this moment")
    parent: UUID | None = Field(None, description="Those that repeat this incident")
    sort: str = Field("newest", max_length=10, description="newest, or urgent: supervised first, then by what is due")


class NearIn(BaseModel):
    """Where, and of which category."""

    lon: float
    lat: float
    crs: str = Field(description="wgs84, cgcs2000, gcj02 or bd09")
    category: str = Field(max_length=20)


class OneIn(BaseModel):
    """How much of an incident."""

    contact: bool = Field(False, description="Also how to reach who reported; for those who may call back")
    reason: str = Field("", max_length=2000, description="Why the contact is needed; must come with it, and is kept")


class ContactIn(BaseModel):
    """Why it is needed."""

    model_config = {"extra": "forbid"}

    reason: str = Field("", max_length=2000, description="Kept with who asked, when and from where", examples=["回访"])


@bp.post("/incidents")
@documents_body(ReportIn, files=True)
@body_limit(PHOTO_FORM_MAX_BYTES)
@bp.doc(
    summary="Report something",
    responses={
        201: "Filed: the person of the patch, the reasons, the running clock and a tracking secret, shown once",
        403: "Not allowed in that area", 404: "Outside every grid; names the nearest", 422: "A field is missing or wrong",
        429: "Too many reports without a key or account from one address in a minute",
    },
)  # fmt: skip
def report() -> Response:
    """A point and a few words in, the answerable person and a running clock out. Send an `Idempotency-Key`."""
    by = principal()
    if by.kind == "anonymous":
        settings = current_app.config["SETTINGS"]
        who = f"report {client_network()}"
        rate_limit.check_rate_limit(
            settings.var, who, settings.reports_per_minute, time.time(), "reports without a key or account"
        )
    given, pictures = parse_body(ReportIn)
    now = parse_datetime(None)
    made = uuid4()

    def do() -> tuple[int, dict[str, Any]]:
        sent, register = IncidentReport(**given.model_dump()), current_snapshot(now)
        filed = moves.file_report(
            session(), by, sent, now, var=photo_directory(), pictures=pictures, incident_id=made, secret=derive_tracking_secret(made),
            assessed=intake.admit(session(), by, sent, now, register=register),
        )  # fmt: skip
        return 201, filed_body(by, filed)

    response = run_once(by, do, lambda kept: kept.pop("tracking_secret", None), _again)
    response.headers["Location"] = f"{bp.url_prefix}/incidents/{orjson.loads(response.data)['id']}"
    return response


def _again(kept: dict[str, Any]) -> None:
    kept["tracking_secret"] = derive_tracking_secret(UUID(kept["id"]))


def filed_body(by: Principal, filed: moves.FiledIncident) -> dict[str, Any]:
    """What came of a report, as JSON; names only for those who may have them."""
    shown = filed if can_see(by, Fact.NAMES, filed.areas) else replace(filed, locate=without_names(filed.locate))
    shown = replace(shown, assigned_to=moves.assigned_to(by, filed))
    told: dict[str, Any] = orjson.loads(orjson.dumps(shown))
    told.pop("areas")
    return told


@bp.get("/incidents")
@bp.input(ListIn, location="query")
@bp.doc(summary="List incidents one may see", responses={401: "Sign in, or send a key"})
def list_incidents(query_data: ListIn) -> Response:
    """A page of incidents; `next` of one page is the `cursor` of the following."""
    by, now = require_sign_in(), parse_datetime(None)
    wanted = filters(query_data)
    after = params.decode_cursor(query_data.cursor)
    found = incidents.list_incidents(session(), by, wanted, query_data.limit + 1, after, now=now)
    return conditional_response(paginate(found, query_data.limit, lambda one: incidents.sort_key(one, wanted.sort)))


@bp.get("/incidents/counts")
@bp.input(ListIn, location="query")
@bp.doc(summary="Count incidents one may see, by state", responses={401: "Sign in, or send a key"})
def count_incidents(query_data: ListIn) -> Response:
    """How many are in each state, late, supervised and waiting for approval; the filters of the list but the state."""
    return conditional_response(
        incidents.count_by_state(session(), require_sign_in(), filters(query_data), now=parse_datetime(None))
    )


@bp.get("/incidents/near")
@bp.input(NearIn, location="query")
@bp.doc(summary="Like it, near and lately", responses={422: "A field is missing or wrong"})
def list_duplicates(query_data: NearIn) -> Response:
    """Of the same category within 50 m and 7 days: to be offered before something is reported twice."""
    x, y = parse_point(LocateRequest(query_data.lon, query_data.lat, query_data.crs))
    found = incidents.find_duplicates(session(), principal(), query_data.category, x, y, parse_datetime(None))
    return conditional_response({"items": found})


@bp.get("/incidents/<uuid:incident_id>")
@bp.input(OneIn, location="query")
@bp.doc(summary="One incident with its timeline", responses={401: "Sign in, or send a key", 404: "None, or hidden"})
def get_incident(incident_id: UUID, query_data: OneIn) -> Response:
    """Where it stands, who holds it, what happened, what is like it. `ETag` is its version, for `If-Match`."""
    by, now = require_sign_in(), parse_datetime(None)
    found = incidents.get_incident(session(), by, incident_id, now=now)
    told = asdict(found)
    told["timeline"] = timeline.events(session(), by, incident_id)
    lon, lat = found.point["lon"], found.point["lat"]
    told["duplicates"] = incidents.find_duplicates(session(), by, found.category, lon, lat, now, incident_id)
    if query_data.contact:
        told["contact"] = _contact(incidents.as_desk(session(), by, incident_id), found, query_data.reason)
    return with_etag(told, found.version)


@bp.post("/incidents/<uuid:incident_id>/contact")
@bp.input(ContactIn)
@bp.doc(
    summary="How to reach who reported",
    responses={401: "Sign in", 403: "Not for you", 404: "None, or hidden", 422: "The reason is missing"},
)
def contact(incident_id: UUID, json_data: ContactIn) -> Response:
    """Name, telephone and mail, for those who may call back. Who asked, when, from where and why is kept for auditors."""
    by = require_sign_in()
    found = incidents.get_incident(session(), by, incident_id, now=parse_datetime(None))
    response = conditional_response(
        {"contact": _contact(incidents.as_desk(session(), by, incident_id), found, json_data.reason)}
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _contact(by: Principal, found: IncidentView, reason: str) -> dict[str, str] | None:
    """How to reach who reported, once it is written down that somebody is told.

    Raises:
        Forbidden: Not allowed there. InvalidInput: The reason is missing.
    """
    areas = incidents.areas_of(session(), found.id)
    reached = incidents.get_reporter_contact(session(), by, found)
    stated = disclosures.require_reason(reason)
    record(by, "contact", "contact of the reporter", areas=areas, incident_id=found.id, reason=stated)
    return None if reached is None else dict(reached)


@bp.get("/incidents/<uuid:incident_id>/track")
@bp.doc(summary="Where my report stands", responses={404: "None, or not its tracking secret"})
def track(incident_id: UUID) -> Response:
    """For who reported: header `X-Tracking-Secret`. Who holds it by role, by name only where the role is public."""
    found = timeline.tracked(
        session(), incident_id, request.headers.get("X-Tracking-Secret", ""), now=parse_datetime(None)
    )
    return with_etag(asdict(found), found.version)


@bp.get("/incidents/<uuid:incident_id>/candidates")
@bp.doc(summary="Who it can be given to", responses={401: "Sign in, or send a key", 404: "None, or hidden"})
def candidates(incident_id: UUID) -> Response:
    """Everybody in a post of its place, nearest role first, then who takes such orders; for those who dispatch."""
    by, now = require_sign_in(), parse_datetime(None)
    if not by.operates:
        by.need(Action.DISPATCH)
    found = incidents.get_incident(session(), by, incident_id, now=now)
    by = incidents.as_desk(session(), by, incident_id)
    by.need(Action.DISPATCH)
    return conditional_response({"items": incidents.list_assignees(session(), by, found, now)})


@bp.post("/incidents/<uuid:incident_id>/moves")
@documents_body(MoveIn, files=True)
@body_limit(PHOTO_FORM_MAX_BYTES)
@bp.doc(
    summary="Move an incident",
    responses={
        200: "As it stands then", 401: "Sign in, send a key, or the tracking secret", 403: "Not yours to do",
        404: "None, or hidden", 409: "Its state does not allow it, or somebody was faster", 422: "A field is wrong",
    },
)  # fmt: skip
def move(incident_id: UUID) -> Response:
    """Take, handle, return, check, close, rate … as the incident's `moves` lists. `If-Match`: its version."""
    given, pictures = parse_body(MoveIn)
    secret = request.headers.get("X-Tracking-Secret")
    by = timeline.authenticate_tracking(session(), incident_id, secret) if secret else require_sign_in()

    def do() -> tuple[int, dict[str, Any]]:
        found = _move(session(), by, incident_id, given, if_match() or None, pictures)
        return 200, orjson.loads(orjson.dumps(_own(by, found)))

    response = run_once(by, do)
    response.set_etag(str(orjson.loads(response.data)["version"]))
    return response


@bp.post("/incidents/moves/bulk")
@bp.input(BulkIn)
@bp.doc(summary="Move many incidents", responses={401: "Sign in, or send a key"})
def apply_moves(json_data: BulkIn) -> Response:
    """Each move is done or refused by itself; the answer says which, in their order."""
    by = require_sign_in()

    def do() -> tuple[int, dict[str, Any]]:
        results = []
        for given in json_data.moves:
            try:
                with session().begin_nested():
                    found = _move(session(), by, given.id, given, given.version, ())
                results.append({"id": str(given.id), "ok": True, "state": found.state, "version": found.version})
            except (WanggeError, DataError) as error:
                known = error if isinstance(error, WanggeError) else invalid_field("move", "a value cannot be stored")
                told = error_to_json(known) | {"zh": in_chinese(known)}
                results.append({"id": str(given.id), "ok": False, "problem": told})
        return 200, {"results": results}

    return run_once(by, do)


def _move(
    database: Session,
    by: Principal,
    incident_id: UUID,
    given: MoveIn,
    version: int | Collection[int] | None,
    pictures: Any,
) -> IncidentView:
    point = None
    if given.lon is not None and given.lat is not None:
        if not given.crs:
            raise invalid_field("crs", "is missing; say wgs84, cgcs2000, gcj02 or bd09: there is no default")
        point = (given.lon, given.lat, given.crs)
    wish = MovePayload(**given.model_dump(exclude={"move", "lon", "lat", "crs", "id", "version"}))
    return moves.apply_move(
        database, by, incident_id, given.move, parse_datetime(None), wish, point=point, version=version, var=photo_directory(),
        pictures=pictures,
    )  # fmt: skip


def _own(by: Principal, found: IncidentView) -> dict[str, Any]:
    """A moved incident as its mover may see it: who shows a tracking secret sees no more than before."""
    if by.kind != "reporter":
        return asdict(found)
    kept = ("id", "state", "state_zh", "state_en", "version", "rating", "solved", "queue", "moves")
    return {key: value for key, value in asdict(found).items() if key in kept}


def filters(given: ListIn) -> IncidentFilters:
    """The query's filters as a value."""
    values = given.model_dump(exclude={"limit", "cursor", "state", "since", "until"})
    since, until = (
        parse_datetime(text, name) if text else None for name, text in (("since", given.since), ("until", given.until))
    )
    return IncidentFilters(state=tuple(filter(None, given.state.split(","))), since=since, until=until, **values)


def require_sign_in() -> Principal:
    """Who asks, when it is not nobody."""
    by = principal()
    if by.kind == "anonymous":
        raise AuthenticationRequired("sign in, or send Authorization: Bearer with a key")
    return by


def parse_body(model: type[Any]) -> tuple[Any, list[photos.SanitisedPhoto]]:
    """The request's JSON as a value, and its photos.

    JSON alone, or multipart/form-data with the JSON in the part `json` and each photo in a part `photo`.

    Raises:
        InvalidInput: A field is missing or wrong, or a photo is none.
    """
    files: list[Any] = []
    if request.mimetype == "multipart/form-data":
        raw = sanitising.parse_json(request.form.get("json", "{}"), "json")
        files = request.files.getlist("photo")
    else:
        raw = request.get_json()
    try:
        given = model.model_validate(raw)
    except ValidationError as error:
        fields = [FieldError(".".join(map(str, one["loc"])) or "body", one["msg"]) for one in error.errors()]
        raise InvalidInput(f"{fields[0].field}: {fields[0].message}", fields) from None
    return given, photos.sanitise_photos([one.stream.read() for one in files])


def if_match() -> list[int]:
    """The versions in `If-Match` (RFC 9110, 13.1.1), any of which will do; none when there is no such header, or `*`.

    Raises:
        InvalidInput: It names no version of ours.
    """
    given = request.headers.get("If-Match", "*").strip()
    if given == "*":
        return []
    found = [int(tag[1]) for part in given.split(",") if (tag := ETAG.fullmatch(part.strip()))]
    if not found:
        raise invalid_field(
            "If-Match", f'{given[:40]!r} is no version; send the ETag of the incident: "3", or "3", "4", or *'
        )
    return found


def with_etag(told: dict[str, Any], version: int) -> Response:
    """An incident with its version as the ETag; names are not kept on the way."""
    response = Response(orjson.dumps(told), mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.set_etag(str(version))
    return response


def derive_tracking_secret(incident_id: UUID) -> str:
    """The tracking secret of an incident made here; a report sent again gets the same one."""
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(key, b"tracking " + incident_id.bytes, "sha256").hexdigest()[:43]


def photo_directory() -> Any:
    """The deployment's folder for photos."""
    return current_app.config["SETTINGS"].var
