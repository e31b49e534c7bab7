"""What the map of coverage paints: buildings by class of minutes, and how many are in each."""

from dataclasses import asdict

from apiflask import APIBlueprint
from flask import Response

from gis.facilities.access_classes import access_classes, building_features
from gis.rights.actions import Action
from web.api.coverage_map.schemas import BuildingsIn, BuildingsOut, ClassesIn, ClassesOut
from web.http import params
from web.http.db import session
from web.http.responses import GEOJSON, conditional_response
from web.security.guard import require

bp = APIBlueprint("coverage_map", __name__, url_prefix="/api/v1", tag="Facilities")


@bp.get("/coverage/classes")
@bp.input(ClassesIn, location="query")
@bp.output(ClassesOut)
@bp.doc(
    summary="Households by class of minutes to the nearest facility",
    responses={404: "No area has that code", 503: "No walking network is loaded"},
)
def classes(query_data: ClassesIn) -> Response:
    """Count by class; the classes depend on the limit, and every building is in one.

    A box may be as small as one building, and a site may serve one alone: then only the asker's
    own areas count.
    """
    by = require(Action.FIGURES)
    query = query_data.minutes_query
    bbox = None if query_data.bbox is None else params.parse_bbox(query_data.bbox)
    narrow = bbox is not None or query.sites
    return conditional_response(
        asdict(
            access_classes(
                session(),
                query,
                by=query_data.by,
                bbox=bbox,
                within=by.areas_by_action[Action.FIGURES] if narrow else None,
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
            query_data.minutes_query,
            params.parse_bbox(query_data.bbox),
        ),
        GEOJSON,
    )
