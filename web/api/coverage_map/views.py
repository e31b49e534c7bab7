"""What the map of coverage paints: buildings by class of minutes, and how many are in each."""

from dataclasses import asdict

from apiflask import APIBlueprint
from flask import Response

from gis.facilities.access_classes import access_classes, building_features
from gis.rights.actions import Action
from web.api.coverage.schemas import WalkQuery
from web.api.coverage_map.schemas import BuildingsIn, BuildingsOut, ClassesOut
from web.http import params
from web.http.db import session
from web.http.responses import GEOJSON, conditional_response
from web.security.guard import require

bp = APIBlueprint("coverage_map", __name__, url_prefix="/api/v1", tag="Facilities")


@bp.get("/coverage/classes")
@bp.input(WalkQuery, location="query")
@bp.output(ClassesOut)
@bp.doc(
    summary="Households by class of minutes to the nearest facility",
    responses={404: "No area has that code", 503: "No walking network is loaded"},
)
def classes(query_data: WalkQuery) -> Response:
    """Count by class; the classes depend on the limit, and every building is in one."""
    require(Action.FIGURES)
    return conditional_response(
        asdict(
            access_classes(
                session(),
                query_data.categories,
                query_data.minutes,
                query_data.profile,
                area=query_data.area or None,
                open_at=query_data.open_at,
            )
        )
    )


@bp.get("/coverage/buildings")
@bp.input(BuildingsIn, location="query")
@bp.output(BuildingsOut, content_type=GEOJSON)
@bp.doc(
    summary="Buildings with their class of minutes to the nearest facility",
    responses={404: "No area has that code", 503: "No walking network is loaded"},
)
def buildings(query_data: BuildingsIn) -> Response:
    """Outlines in a box, without numbers of households."""
    require(Action.FIGURES)
    return conditional_response(
        building_features(
            session(),
            query_data.categories,
            query_data.minutes,
            query_data.profile,
            params.parse_bbox(query_data.bbox),
            area=query_data.area or None,
            open_at=query_data.open_at,
        ),
        GEOJSON,
    )
