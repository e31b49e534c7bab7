"""Demand against capacity: what people can share on foot, by area and building."""

from apiflask import APIBlueprint
from flask import Response

from gis.facilities.capacity import capacity_coverage
from gis.facilities.capacity_buildings import list_buildings
from gis.rights.actions import Action
from web.api.capacity.schemas import (
    AreasIn,
    BuildingsIn,
    CapacityBuildingsOut,
    CapacityOut,
    building_to_feature,
)
from web.api.coverage.schemas import ABSENT, without_elders
from web.http import params
from web.http.db import session
from web.http.responses import GEOJSON, conditional_response
from web.security.guard import require
from web.security.session import principal

bp = APIBlueprint("capacity", __name__, url_prefix="/api/v1", tag="Coverage")


@bp.get("/coverage/capacity")
@bp.input(AreasIn, location="query")
@bp.output(CapacityOut)
@bp.doc(
    summary="How many places, beds or doctors people can share on foot, by area", responses=ABSENT
)
def by_area(query_data: AreasIn) -> Response:
    """Floating catchment areas on exact walking distances; a capacity nobody stated is not 0.

    Sums of grids and larger areas are open to all; elders and children are for those
    who may see figures.
    """
    if query_data.demand in ("elders", "children"):
        require(Action.FIGURES)
    may_see = principal().is_allowed(Action.FIGURES)
    request = query_data.request(figures=may_see)
    answer = capacity_coverage(session(), request, area=query_data.area, by=query_data.by).as_json()
    if not may_see:
        answer = without_elders(answer)
    return conditional_response(answer)


@bp.get("/coverage/capacity/buildings")
@bp.input(BuildingsIn, location="query")
@bp.output(CapacityBuildingsOut, content_type=GEOJSON)
@bp.doc(
    summary="How many places, beds or doctors the people of each building can share",
    responses=ABSENT | {401: "Sign in, or send a key", 403: "Not allowed"},
)
def by_building(query_data: BuildingsIn) -> Response:
    """Households of single buildings: for who may see the figures of the areas they stand in."""
    areas = require(Action.FIGURES).areas_by_action[Action.FIGURES]
    start = params.number_cursor(params.decode_cursor(query_data.cursor)) or 0
    answer = capacity_coverage(session(), query_data.request(figures=True), area=query_data.area)
    rows = list_buildings(answer, within=areas)
    end = start + query_data.limit
    return conditional_response(
        {
            "type": "FeatureCollection",
            "features": [building_to_feature(row) for row in rows[start:end]],
            "next": params.encode_cursor(str(end)) if end < len(rows) else None,
        },
        GEOJSON,
    )
