"""Facilities, their walking circles, and the nearest of each category."""

from dataclasses import asdict

from apiflask import APIBlueprint
from flask import Response

from gis import crs
from gis.errors import invalid_field
from gis.facilities import queries
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.service_circles import nearest_facilities
from gis.network.build import load_network
from web.api.facilities.schemas import (
    CircleIn,
    CircleOut,
    FacilitiesIn,
    FacilitiesOut,
    FacilityOut,
    NearestIn,
    NearestOut,
    circle_to_feature,
    facility_to_json,
)
from web.http import params
from web.http.db import session
from web.http.responses import GEOJSON, conditional_response, paginate

bp = APIBlueprint("facilities", __name__, url_prefix="/api/v1", tag="Facilities")


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
    return conditional_response(body | {"items": [facility_to_json(row) for row in body["items"]]})


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
    return conditional_response(facility_to_json(queries.facility(session(), code)))


@bp.get("/facilities/<code>/circle")
@bp.input(CircleIn, location="query")
@bp.output(CircleOut, content_type=GEOJSON)
@bp.doc(summary="Where a facility is within some minutes' walk of", responses={503: "No walking network is loaded"})
def circle(code: str, query_data: CircleIn) -> Response:
    """The stored one where it is of today's network, else computed now."""
    where = queries.facility(session(), code)
    found = queries.circle(session(), code, query_data.minutes, query_data.profile)
    return conditional_response({"type": "FeatureCollection", "features": [circle_to_feature(where, found)]}, GEOJSON)
