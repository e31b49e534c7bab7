"""Facilities, their walking circles, and the nearest of each category."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis import crs
from gis.errors import invalid_field
from gis.facilities import queries
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.queries import CircleRow, FacilityRow
from gis.facilities.service_circles import MAX_MINUTES, nearest_facilities
from gis.network.build import load_network
from web.http import params
from web.http.db import session
from web.http.responses import GEOJSON, conditional_response, feature, paginate

bp = APIBlueprint("facilities", __name__, url_prefix="/api/v1", tag="Facilities")


class FacilitiesIn(params.Page, params.At):
    """Which facilities."""

    category: Annotated[str | None, Field(description="Only this category", max_length=40, examples=["clinic"])] = None
    bbox: Annotated[str | None, Field(description="west,south,east,north in degrees", max_length=200)] = None
    area: Annotated[str | None, Field(description="Only those in the area with this code", max_length=40)] = None


class CircleIn(BaseModel):
    """Which circle."""

    minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES, description="Walking time")] = 15
    profile: Annotated[str, Field(description="Who walks", max_length=40)] = "adult"


class NearestIn(BaseModel):
    """From where, and how far."""

    lon: float
    lat: float
    crs: Annotated[str, Field(description="wgs84, cgcs2000, gcj02 or bd09")]
    minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES, description="Walking time")] = 15


class FacilityOut(BaseModel):
    """A facility; `lon`, `lat` are its entrance when known, else a place inside it."""

    code: str
    category: str
    category_zh: str
    name: str
    address: str
    opening_hours: str = Field(description="OSM opening_hours syntax")
    contact: str
    county: str | None
    lon: float
    lat: float


class FacilitiesOut(BaseModel):
    """A page of facilities."""

    items: list[FacilityOut]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


class NearOut(BaseModel):
    """The nearest facility of its category."""

    category: str
    category_zh: str
    code: str
    name: str
    walk_m: float = Field(description="Metres on foot, from the place to the door")
    minutes: float
    lon: float
    lat: float


class NearestOut(BaseModel):
    """The nearest of each category within the time, nearest first; empty more than 100 m from any street."""

    items: list[NearOut]


class CircleProperties(BaseModel):
    """What a circle says."""

    facility: str
    name: str
    minutes: int
    profile: str
    speed: float = Field(description="Metres a second")
    households: int = Field(description="Households within the limit, by exact walking distance")
    people: int
    buildings: int | None = Field(
        description="Buildings whose door is within the limit, by exact walking distance; null in circles of older versions"
    )
    off_network: bool = Field(
        description="More than 100 m from any street, or cut off by walls: the circle is empty, nobody is counted"
    )
    island: bool = Field(
        description="The only ways within 100 m lead nowhere, such as a platform that nothing joins: the circle is empty"
    )
    network_version: str
    computed_at: datetime


class CircleFeature(BaseModel):
    """A circle as GeoJSON."""

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any]
    properties: CircleProperties


class CircleOut(BaseModel):
    """GeoJSON: longitude first."""

    type: Literal["FeatureCollection"]
    features: list[CircleFeature]


@bp.get("/facilities")
@bp.input(FacilitiesIn, location="query")
@bp.output(FacilitiesOut)
@bp.doc(summary="List facilities", responses={404: "No area has that code"})
def facilities(query_data: FacilitiesIn) -> Response:
    """By code; `category`, `bbox` and `area` narrow each other."""
    asked = query_data
    if asked.category is not None and asked.category not in CATEGORY_BY_KEY:
        raise invalid_field("category", "request.not_among", value=asked.category, allowed=[*CATEGORY_BY_KEY])
    found = queries.facilities(
        session(),
        category=asked.category,
        bbox=None if asked.bbox is None else params.parse_bbox(asked.bbox),
        area=asked.area,
        at=params.parse_datetime(asked.at),
        after=params.decode_cursor(asked.cursor),
        limit=asked.limit + 1,
    )
    body = paginate(found, asked.limit, lambda row: row.code)
    return conditional_response(body | {"items": [as_json(row) for row in body["items"]]})


@bp.get("/facilities/nearest")
@bp.input(NearestIn, location="query")
@bp.output(NearestOut)
@bp.doc(summary="The nearest facility of each category, on foot", responses={503: "No walking network is loaded"})
def nearest(query_data: NearestIn) -> Response:
    """Exact distances on the walking network, with the legs from door to street at both ends."""
    asked = query_data
    crs.validate_points(asked.lon, asked.lat, asked.crs)
    lon, lat = crs.to_storage(asked.lon, asked.lat, asked.crs)
    found = nearest_facilities(session(), load_network(session()), lon, lat, minutes=asked.minutes)
    return conditional_response({"items": [asdict(one) for one in found]})


@bp.get("/facilities/<code>")
@bp.output(FacilityOut)
@bp.doc(summary="One facility")
def facility(code: str) -> Response:
    """Its id is its code."""
    return conditional_response(as_json(queries.facility(session(), code)))


@bp.get("/facilities/<code>/circle")
@bp.input(CircleIn, location="query")
@bp.output(CircleOut, content_type=GEOJSON)
@bp.doc(summary="Where a facility is within some minutes' walk of", responses={503: "No walking network is loaded"})
def circle(code: str, query_data: CircleIn) -> Response:
    """The stored one where it is of today's network, else computed now."""
    where = queries.facility(session(), code)
    found = queries.circle(session(), code, query_data.minutes, query_data.profile)
    return conditional_response({"type": "FeatureCollection", "features": [circle_feature(where, found)]}, GEOJSON)


def circle_feature(where: FacilityRow, found: CircleRow) -> dict[str, Any]:
    """A circle as a GeoJSON Feature."""
    said = asdict(found)
    geometry = said.pop("geometry")
    return feature(f"{where.code}/{found.minutes}", geometry, {"facility": where.code, "name": where.name} | said)


def as_json(row: FacilityRow) -> dict[str, Any]:
    """A facility as the API shows it."""
    return asdict(row) | {
        "category_zh": CATEGORY_BY_KEY[row.category].zh if row.category in CATEGORY_BY_KEY else row.category
    }
