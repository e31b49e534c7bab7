"""Facilities, their walking circles, and the nearest of each category."""

from dataclasses import asdict

from apiflask import APIBlueprint
from flask import Response

from gis import crs
from gis.errors import invalid_field
from gis.facilities import queries
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.service_circles import nearest_facilities
from gis.network.profiled import network_for
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
    if query_data.category is not None and query_data.category not in CATEGORY_BY_KEY:
        raise invalid_field(
            "category", "input.not_among", value=query_data.category, allowed=[*CATEGORY_BY_KEY]
        )
    rows = queries.facilities(
        session(),
        category=query_data.category,
        bbox=None if query_data.bbox is None else params.parse_bbox(query_data.bbox),
        area=query_data.area,
        at=params.parse_datetime(query_data.at),
        cursor=params.decode_cursor(query_data.cursor),
        limit=query_data.limit + 1,
    )
    body = paginate(rows, query_data.limit, lambda row: row.code)
    return conditional_response(body | {"items": [facility_to_json(row) for row in body["items"]]})


@bp.get("/facilities/nearest")
@bp.input(NearestIn, location="query")
@bp.output(NearestOut)
@bp.doc(
    summary="The nearest facility of each category, on foot",
    responses={503: "No walking network is loaded"},
)
def nearest(query_data: NearestIn) -> Response:
    """Exact distances on the walking network, with the legs from door to street at both ends."""
    crs.validate_points(query_data.lon, query_data.lat, query_data.crs)
    lon, lat = crs.to_storage(query_data.lon, query_data.lat, query_data.crs)
    facilities_near = nearest_facilities(
        session(), network_for(session(), "adult"), lon, lat, minutes=query_data.minutes
    )
    return conditional_response(
        {"items": [asdict(facility_near) for facility_near in facilities_near]}
    )


@bp.get("/facilities/<code>")
@bp.output(FacilityOut)
@bp.doc(summary="One facility")
def facility(code: str) -> Response:
    """Its id is its code."""
    return conditional_response(facility_to_json(queries.facility(session(), code)))


@bp.get("/facilities/<code>/circle")
@bp.input(CircleIn, location="query")
@bp.output(CircleOut, content_type=GEOJSON)
@bp.doc(
    summary="Where a facility is within some minutes' walk of",
    responses={503: "No walking network is loaded"},
)
def circle(code: str, query_data: CircleIn) -> Response:
    """Return the stored circle if it is of the present network, else compute it."""
    facility_row = queries.facility(session(), code)
    circle_row = queries.circle(session(), code, query_data.minutes, query_data.profile)
    return conditional_response(
        {"type": "FeatureCollection", "features": [circle_to_feature(facility_row, circle_row)]},
        GEOJSON,
    )
