"""Organisations, their members, who takes orders, and how evenly orders are spread."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.db import audit_context
from gis.incidents import organisations, takers
from gis.incidents.reading import organisations as reading
from gis.rights.actions import Action
from web.http.db import session
from web.http.params import parse_datetime, storage_point
from web.http.responses import conditional_response
from web.security.guard import require
from web.security.readers import require_one

bp = APIBlueprint("organisations", __name__, url_prefix="/api/v1", tag="Organisations")

REFUSALS: dict[int | str, Any] = {401: "Sign in, or send a key", 403: "Not yours"}
WRITE_REFUSALS = REFUSALS | {422: "A field is missing or wrong"}

Code = Annotated[str, Field(max_length=60)]
Words = Annotated[str, Field(max_length=organisations.MAX_STATED_TEXT_CHARS)]
Skills = Annotated[
    list[Words], Field(max_length=40, description="Keys or names of skills of the catalogue")
]
Hours = Annotated[
    str, Field(max_length=200, description="When orders may be offered, as Mo-Fr 08:30-17:30")
]


class PlaceIn(BaseModel):
    """Where people start from."""

    model_config = {"extra": "forbid"}

    lon: float | None = None
    lat: float | None = None
    crs: Annotated[str, Field(description="wgs84, cgcs2000, gcj02 or bd09")] = ""


class OrganisationIn(PlaceIn):
    """An organisation as it is to be; what is left out is empty."""

    name: Words
    kind: Annotated[Code, Field(description="Key or name of `GET /kinds?subject=organisation`")]
    number: Code = ""
    parent: Annotated[Code, Field(description="Code of the organisation above")] = ""
    area: Annotated[Code, Field(description="Code of the area served; empty: everywhere")] = ""
    estate: Words = ""
    facility: Code = ""
    head: Annotated[Code, Field(description="Staff number of who leads it")] = ""
    head_name: Words = ""
    head_phone: Code = ""
    phone: Code = ""
    address: Words = ""
    skills: Skills = []
    hours: Hours = ""
    limit_min: Annotated[
        float | None,
        Field(gt=0, description="Working minutes; null: as stored, of a new one 900"),
    ] = None
    active: bool = True


class MemberIn(BaseModel):
    """Somebody in an organisation."""

    model_config = {"extra": "forbid"}

    person: Annotated[Code, Field(description="Staff number; empty: name and phone say who")] = ""
    name: Words = ""
    phone: Code = ""
    role: Annotated[Words | None, Field(description="As what; null leaves it")] = None
    takes_orders: bool | None = None
    begins: Annotated[str | None, Field(max_length=40)] = None
    ends: Annotated[str | None, Field(max_length=40, description="The moment itself out")] = None


class TakersIn(BaseModel):
    """Since when orders are counted."""

    since: Annotated[str | None, Field(max_length=40, description="Default: a year ago")] = None


class TakerIn(PlaceIn):
    """Somebody who takes orders, as it is to be; what is left out is empty."""

    person: Annotated[Code, Field(description="Staff number; empty: name and phone say who")] = ""
    name: Words = ""
    phone: Code = ""
    area: Code
    skills: Skills
    role: Code = takers.TAKER_ROLES[0]
    hours: Hours = ""
    address: Words = ""
    consent: Annotated[
        str | None, Field(max_length=40, description="When they agreed; null: nothing is offered")
    ] = None
    consent_by: Words = ""
    active: bool = True


@bp.get("/organisations")
@bp.doc(summary="Organisations", responses=REFUSALS)
def list_organisations() -> Response:
    """List those of the areas where one dispatches or hands posts over, or above or below.

    And those of all areas.

    Heads are named where one may see names.
    """
    by, now = require_one(reading.LISTING), parse_datetime(None)
    return conditional_response({"items": reading.list_organisations(session(), by, now)})


@bp.put("/organisations/<code>")
@bp.input(OrganisationIn)
@bp.output({}, status_code=204)
@bp.doc(summary="Enter or change an organisation", responses=WRITE_REFUSALS)
def put_organisation(code: str, json_data: OrganisationIn) -> Response:
    """For who hands posts over in its area."""
    by, now = require(Action.POSTS), parse_datetime(None)
    stated = organisations.OrganisationInput(code, **_stated(json_data))
    with audit_context(session(), by.actor, "organisation"):
        organisations.save_organisation(session(), by, stated, now)
        session().commit()
    return Response(status=204)


@bp.get("/organisations/<code>/members")
@bp.doc(summary="Who belongs to an organisation", responses=REFUSALS)
def list_members(code: str) -> Response:
    """List those of now and later, where one may see names, of an organisation that one sees."""
    by, now = require(Action.NAMES), parse_datetime(None)
    return conditional_response({"items": reading.list_members(session(), by, now, code)})


@bp.post("/organisations/<code>/members")
@bp.input(MemberIn)
@bp.output({}, status_code=204)
@bp.doc(
    summary="Let somebody belong to an organisation, or end it",
    responses=WRITE_REFUSALS | {404: "No such organisation"},
)
def post_member(code: str, json_data: MemberIn) -> Response:
    """For who hands posts over in its area; the present membership is changed if there is one."""
    by, now = require(Action.POSTS), parse_datetime(None)
    fields = json_data.model_dump()
    fields |= {name: _moment(fields[name]) for name in ("begins", "ends")}
    with audit_context(session(), by.actor, "organisation member"):
        organisations.save_member(session(), by, organisations.MembershipInput(code, **fields), now)
        session().commit()
    return Response(status=204)


@bp.get("/takers")
@bp.input(TakersIn, location="query")
@bp.doc(summary="Who takes orders, and how evenly", responses=REFUSALS)
def list_takers(query_data: TakersIn) -> Response:
    """List those of the areas where one may see names; `fairness` has the Gini coefficient."""
    by, now = require(Action.NAMES), parse_datetime(None)
    since = _moment(query_data.since) or now - timedelta(days=365)
    rows = reading.list_takers(session(), by, now, since)
    spread = reading.fairness([row.orders for row in rows if row.active])
    return conditional_response({"items": rows, "fairness": spread})


@bp.post("/takers")
@bp.input(TakerIn)
@bp.output({}, status_code=204)
@bp.doc(summary="Enter or change who takes orders", responses=WRITE_REFUSALS)
def post_taker(json_data: TakerIn) -> Response:
    """For who hands posts over in the area."""
    by, now = require(Action.POSTS), parse_datetime(None)
    fields = _stated(json_data)
    fields["consent"] = _moment(json_data.consent)
    with audit_context(session(), by.actor, "order taker"):
        takers.save_taker(session(), by, takers.TakerInput(**fields), now)
        session().commit()
    return Response(status=204)


def _stated(model: PlaceIn) -> dict[str, Any]:
    """Return the fields of a model, with the point in our own system."""
    fields = model.model_dump(exclude={"crs"})
    if model.lon is not None and model.lat is not None:
        fields["lon"], fields["lat"] = storage_point(model.lon, model.lat, model.crs)
    return fields


def _moment(text: str | None) -> datetime | None:
    return parse_datetime(text) if text else None
