"""Who has a facility within some minutes' walk, by area, and the buildings that lack one."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from gis.facilities.coverage_gaps import gaps
from gis.facilities.coverage_summary import coverage
from gis.facilities.coverage_tiers import tier_coverage
from gis.rights.actions import Action
from web.api.coverage.schemas import (
    ABSENT,
    CoverageIn,
    CoverageOut,
    GapsIn,
    GapsOut,
    TierCoverageOut,
    TierIn,
    gap_to_feature,
    without_elders,
)
from web.http import params
from web.http.db import session
from web.http.responses import GEOJSON, conditional_response
from web.security.guard import require
from web.security.session import principal

bp = APIBlueprint("coverage", __name__, url_prefix="/api/v1", tag="Coverage")


@bp.get("/coverage")
@bp.input(CoverageIn, location="query")
@bp.output(CoverageOut)
@bp.doc(summary="Who has a facility within some minutes' walk, by area", responses=ABSENT)
def shares(query_data: CoverageIn) -> Response:
    """Count by exact walking distance, beside the counts of a plain circle.

    Sums of grids and larger areas are open to all, as the counts of circles are; those of elders
    are for those who may see figures.
    """
    summary = coverage(
        session(),
        query_data.categories,
        query_data.minutes,
        query_data.profile,
        area=query_data.area,
        open_at=query_data.open_at,
        by=query_data.by,
    )
    return _sums(summary.as_json())


@bp.get("/coverage/tiers/<tier>")
@bp.input(TierIn, location="query")
@bp.output(TierCoverageOut)
@bp.doc(summary="Who has what a tier of the standards asks for, item by item", responses=ABSENT)
def tier_items(tier: str, query_data: TierIn) -> Response:
    """Count each item for the time in which an adult walks the distance of the standard."""
    open_at = query_data.open_at
    items = tier_coverage(
        session(),
        tier,
        query_data.profile,
        area=query_data.area,
        by=query_data.by,
        open_at=open_at,
    )
    return _sums(
        {
            "tier": tier,
            "profile": query_data.profile,
            "by": query_data.by,
            "open_at": None if open_at is None else open_at.isoformat(),
            "items": [item.as_json() for item in items],
        }
    )


@bp.get("/coverage/gaps")
@bp.input(GapsIn, location="query")
@bp.output(GapsOut, content_type=GEOJSON)
@bp.doc(
    summary="The buildings without a facility within some minutes' walk",
    responses=ABSENT | {401: "Sign in, or send a key", 403: "Not allowed"},
)
def listed(query_data: GapsIn) -> Response:
    """Households of single buildings: for who may see the figures of the areas they stand in."""
    areas = require(Action.FIGURES).areas_by_action[Action.FIGURES]
    start = params.number_cursor(params.decode_cursor(query_data.cursor)) or 0
    rows = gaps(
        session(),
        query_data.categories,
        query_data.minutes,
        query_data.profile,
        area=query_data.area,
        open_at=query_data.open_at,
        within=[areas],
    )
    end = start + query_data.limit
    return conditional_response(
        {
            "type": "FeatureCollection",
            "features": [gap_to_feature(row) for row in rows[start:end]],
            "next": params.encode_cursor(str(end)) if end < len(rows) else None,
        },
        GEOJSON,
    )


def _sums(body: dict[str, Any]) -> Response:
    """Return sums of areas as the asker may see them."""
    seen = principal().is_allowed(Action.FIGURES)
    return conditional_response(body if seen else without_elders(body))
