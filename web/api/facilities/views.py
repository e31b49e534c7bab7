"""Facilities, their circles, the nearest of each category; added and changed by planners."""

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from gis.errors import invalid_field
from gis.facilities import facility_edits, queries
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.service_circles import nearest_facilities
from gis.kinds import list_kinds
from gis.network.profiled import network_for
from web.api.facilities.schemas import (
    CircleIn,
    CircleOut,
    FacilitiesIn,
    FacilitiesOut,
    FacilityChangeIn,
    FacilityOut,
    NearestIn,
    NearestOut,
    NewFacilityIn,
    circle_to_feature,
    facility_to_json,
)
from web.http import params
from web.http.conditional import if_match, with_etag
from web.http.db import session
from web.http.idempotency import run_once
from web.http.responses import GEOJSON, conditional_response, paginate
from web.security.readers import require_planner

bp = APIBlueprint("facilities", __name__, url_prefix="/api/v1", tag="Facilities")

REFUSALS: dict[int | str, Any] = {
    401: "Sign in, or send a key",
    403: "For who may draft or publish boundaries there",
    404: "No facility has that code",
    409: "Somebody has changed it since",
}


@bp.get("/facilities")
@bp.input(FacilitiesIn, location="query")
@bp.output(FacilitiesOut)
@bp.doc(summary="List facilities", responses={404: "No area has that code"})
def facilities(query_data: FacilitiesIn) -> Response:
    """By code; `category`, `bbox` and `area` narrow each other.

    Raises
    ------
    InvalidInput
        There is no such category.
    """
    allowed = [*CATEGORY_BY_KEY, *(kind.key for kind in list_kinds(session(), "facility"))]
    if query_data.category is not None and query_data.category not in allowed:
        raise invalid_field(
            "category", "input.not_among", value=query_data.category, allowed=allowed
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
    lon, lat = params.storage_point(query_data.lon, query_data.lat, query_data.crs)
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


@bp.post("/facilities")
@bp.input(NewFacilityIn)
@bp.output(FacilityOut, status_code=201)
@bp.doc(summary="Add a facility", responses=REFUSALS)
def add(json_data: NewFacilityIn) -> Response:
    """At the place where people go in; its code is of ours."""
    by = require_planner()

    def do() -> tuple[int, dict[str, Any]]:
        lon, lat = params.storage_point(json_data.lon, json_data.lat, json_data.crs)
        point = round(lon, 7), round(lat, 7)
        facts = json_data.model_dump(exclude={"lon", "lat", "crs"})
        now = params.parse_datetime(None)
        row = facility_edits.add_facility(session(), by, now, point, facts)
        return 201, facility_to_json(row)

    return run_once(by, do)


@bp.patch("/facilities/<code>")
@bp.input(FacilityChangeIn)
@bp.output(FacilityOut)
@bp.doc(summary="Change what is said of a facility", responses=REFUSALS)
def change(code: str, json_data: FacilityChangeIn) -> Response:
    """`If-Match`: its version. Loads of maps then leave it alone."""
    by = require_planner()
    facts = json_data.model_dump(exclude_unset=True)
    now = params.parse_datetime(None)
    row = facility_edits.change_facility(session(), by, now, code, facts, if_match())
    session().commit()
    return with_etag(facility_to_json(row), row.version)


@bp.delete("/facilities/<code>")
@bp.output({}, status_code=204)
@bp.doc(summary="Close a facility for good", responses=REFUSALS)
def close(code: str) -> Response:
    """`If-Match`: its version. Loads of maps do not bring it back; a table that names it does."""
    by = require_planner()
    now = params.parse_datetime(None)
    facility_edits.close_facility(session(), by, now, code, if_match())
    session().commit()
    return Response(status=204)


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
