"""Duties with yearly targets, and the visits that count for them."""

from datetime import date
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.db import audit_context
from gis.duties import actions, queries
from web.http.db import session
from web.http.idempotency import run_once
from web.http.params import local_zone, parse_datetime, storage_point, year_of
from web.http.responses import conditional_response
from web.security.readers import require_figures_or_own, storable_id

bp = APIBlueprint("duties", __name__, url_prefix="/api/v1", tag="Posts")

REFUSALS: dict[int | str, Any] = {401: "Sign in, or send a key", 403: "Not yours"}
WRITE_REFUSALS = REFUSALS | {422: "A field is missing or wrong"}
OWN_REFUSALS = REFUSALS | {404: "No such visit of yours or of your areas"}

Code = Annotated[str, Field(max_length=60)]


class YearIn(BaseModel):
    """Which year."""

    year: Annotated[int | None, Field(description="Of the local calendar; default: this one")] = (
        None
    )


class ProgressOut(BaseModel):
    """What was done of what is asked."""

    done: int
    target: int | None = Field(description="A year; null: nothing is asked")
    needed: int = Field(description="For the part of the year in which the duty is held")
    expected: int = Field(description="Of it, by now")


class DutyPlaceOut(BaseModel):
    """A place of a duty."""

    code: str
    name: str
    level: str = Field(description="Of the area, or building")
    role_zh: str
    role_en: str
    retired: bool
    ended: bool = Field(description="It is held no longer, or not yet")


class DutyOut(BaseModel):
    """What somebody has of a kind of duty in a county."""

    kind: str = Field(description="Key of the kind of duty")
    zh: str
    en: str
    county: str
    person: str | None = Field(description="Staff number; null: a vacant post")
    name: str | None
    places: list[DutyPlaceOut]
    visits: ProgressOut
    solved: ProgressOut
    light: str = Field(
        description="green: reached, yellow: on course, red: behind, none: no target"
    )
    mine: bool


class DutiesOut(BaseModel):
    """The duties of a year."""

    year: int
    items: list[DutyOut]


class LinkedIncidentOut(BaseModel):
    """An incident that a visit led to."""

    id: str
    state: str | None


class VisitOut(BaseModel):
    """A visit that was made."""

    id: int
    day: date
    place: str = Field(description="Code of the area or building")
    place_name: str
    is_building: bool
    person: str
    name: str
    note: str
    incidents: list[LinkedIncidentOut]
    recorded_by: str
    recorded_at: Any
    mine: bool
    may_change: bool


class VisitsOut(BaseModel):
    """The visits of a year, the newest first."""

    year: int
    items: list[VisitOut]


class VisitIn(BaseModel):
    """A visit to one place: `area`, `building`, or `lon` and `lat`."""

    model_config = {"extra": "forbid"}

    day: Annotated[date | None, Field(description="Default: today")] = None
    person: Annotated[Code, Field(description="Staff number; empty: of who sends it")] = ""
    area: Code = ""
    building: Code = ""
    lon: float | None = None
    lat: float | None = None
    crs: Annotated[str, Field(description="wgs84, cgcs2000, gcj02 or bd09")] = ""
    note: Annotated[str, Field(max_length=actions.MAX_DUTY_NOTE_CHARS)] = ""
    incidents: Annotated[
        list[Code],
        Field(
            max_length=actions.MAX_VISIT_INCIDENTS,
            description="Ids of what it led to, or their first 8 digits",
        ),
    ] = []


class NewVisitOut(BaseModel):
    """The visit written down."""

    id: int


class LinkIn(BaseModel):
    """An incident that the visit led to."""

    model_config = {"extra": "forbid"}

    incident: Code


@bp.get("/duties")
@bp.input(YearIn, location="query")
@bp.output(DutiesOut)
@bp.doc(summary="Duties with yearly targets, and their lights", responses=REFUSALS)
def list_duties(query_data: YearIn) -> Response:
    """List one's own, and those of the areas where one sees figures and names."""
    by, year = require_figures_or_own(), year_of(query_data.year)
    items = queries.list_duties(session(), by, year, parse_datetime(None))
    return conditional_response({"year": year.number, "items": items})


@bp.get("/duties/visits")
@bp.input(YearIn, location="query")
@bp.output(VisitsOut)
@bp.doc(summary="Visits that count for duties", responses=REFUSALS)
def list_visits(query_data: YearIn) -> Response:
    """List one's own, and those to the areas whose incidents one sees; at most 1,000."""
    by, year = require_figures_or_own(), year_of(query_data.year)
    items = queries.list_visits(session(), by, year)
    return conditional_response({"year": year.number, "items": items})


@bp.post("/duties/visits")
@bp.input(VisitIn)
@bp.output(NewVisitOut, status_code=201)
@bp.doc(
    summary="Write a visit down",
    responses=WRITE_REFUSALS | {409: "The same person, day and place is written down already"},
)
def add_visit(json_data: VisitIn) -> Response:
    """For who made it, and for who dispatches at the place."""
    by, now = require_figures_or_own(), parse_datetime(None)
    fields = json_data.model_dump(exclude={"crs"})
    if json_data.lon is not None and json_data.lat is not None:
        point = storage_point(json_data.lon, json_data.lat, json_data.crs)
        fields["lon"], fields["lat"] = point

    def write() -> tuple[int, dict[str, Any]]:
        stated = actions.VisitInput(**fields)
        with audit_context(session(), by.actor, "duty visit"):
            return 201, {"id": actions.record_visit(session(), by, stated, now, local_zone())}

    return run_once(by, write)


@bp.post("/duties/visits/<int:visit_id>/incidents")
@bp.input(LinkIn)
@bp.output({}, status_code=204)
@bp.doc(summary="Link an incident to a visit", responses=OWN_REFUSALS | WRITE_REFUSALS)
def link_incident(visit_id: int, json_data: LinkIn) -> Response:
    """Link one at the place, reported on the day or later, that one sees oneself."""
    by, number = require_figures_or_own(), storable_id(visit_id)
    with audit_context(session(), by.actor, "duty visit"):
        actions.link_incident(session(), by, number, json_data.incident, local_zone())
        session().commit()
    return Response(status=204)


@bp.delete("/duties/visits/<int:visit_id>")
@bp.output({}, status_code=204)
@bp.doc(summary="Take a visit away", responses=OWN_REFUSALS)
def remove_visit(visit_id: int) -> Response:
    """Remove one that was written down by mistake; the history keeps it."""
    by, number = require_figures_or_own(), storable_id(visit_id)
    with audit_context(session(), by.actor, "duty visit"):
        actions.remove_visit(session(), by, number)
        session().commit()
    return Response(status=204)
