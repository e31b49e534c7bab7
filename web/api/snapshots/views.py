"""Saved coverage, and what has changed between two dates, networks or plans."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from gis.facilities import snapshots
from gis.facilities.snapshot_changes import list_changes
from gis.facilities.snapshot_difference import CoverageDifference, difference, read_state
from gis.rights.actions import Action
from web.api.snapshots.schemas import (
    AreasIn,
    ChangesIn,
    ChangesOut,
    DifferenceIn,
    DifferenceOut,
    SnapshotIn,
    SnapshotOut,
    SnapshotsOut,
    change_to_feature,
    snapshot_to_json,
)
from web.http import params
from web.http.db import session
from web.http.idempotency import run_once
from web.http.responses import GEOJSON, conditional_response
from web.security.guard import require
from web.security.readers import require_planner

bp = APIBlueprint("snapshots", __name__, url_prefix="/api/v1", tag="Coverage")

REFUSALS: dict[int | str, Any] = {
    401: "Sign in, or send a key",
    403: "Not allowed",
    404: "No snapshot has that name, or no area that code",
    503: "No walking network is loaded",
}


@bp.get("/coverage/snapshots")
@bp.output(SnapshotsOut)
@bp.doc(summary="The saved states of coverage", responses={401: REFUSALS[401], 403: REFUSALS[403]})
def saved() -> Response:
    """For who may see figures; the newest first."""
    by = require(Action.FIGURES)
    return conditional_response(
        {"items": [snapshot_to_json(head, by) for head in snapshots.list_snapshots(session())]}
    )


@bp.post("/coverage/snapshots")
@bp.input(SnapshotIn)
@bp.output(SnapshotOut, status_code=201)
@bp.doc(
    summary="Save the present state of coverage",
    responses=REFUSALS | {403: "For who may draft or publish boundaries", 409: "The name is taken"},
)
def save(json_data: SnapshotIn) -> Response:
    """With facilities of a plan, if any; they are not stored as facilities."""
    by = require_planner()

    def do() -> tuple[int, dict[str, Any]]:
        head = snapshots.save(session(), by, json_data.name, json_data.question())
        return 201, snapshot_to_json(head, by)

    return run_once(by, do)


@bp.delete("/coverage/snapshots/<path:name>")
@bp.output({}, status_code=204)
@bp.doc(
    summary="Delete a saved state of coverage",
    responses=REFUSALS | {403: "For who saved it, or plans everywhere"},
)
def forget(name: str) -> Response:
    """Leave the present state as it is."""
    snapshots.delete_snapshot(session(), require_planner(), name)
    session().commit()
    return Response(status=204)


@bp.get("/coverage/difference")
@bp.input(AreasIn, location="query")
@bp.output(DifferenceOut)
@bp.doc(summary="Who gained and lost between two states of coverage", responses=REFUSALS)
def by_area(query_data: AreasIn) -> Response:
    """Sum up by area and in all, for who may see figures; of a plan only in the asker's areas."""
    return conditional_response(_difference(query_data, query_data.by).as_json())


@bp.get("/coverage/difference/buildings")
@bp.input(ChangesIn, location="query")
@bp.output(ChangesOut, content_type=GEOJSON)
@bp.doc(
    summary="The buildings of which something has changed between two states",
    responses=REFUSALS,
)
def by_building(query_data: ChangesIn) -> Response:
    """Households of single buildings: for who may see the figures of the areas they stand in."""
    areas = _figures_areas()
    start = params.number_cursor(params.decode_cursor(query_data.cursor)) or 0
    rows = list_changes(session(), _difference(query_data), query_data.item, within=areas)
    end = start + query_data.limit
    return conditional_response(
        {
            "type": "FeatureCollection",
            "features": [change_to_feature(row) for row in rows[start:end]],
            "next": params.encode_cursor(str(end)) if end < len(rows) else None,
        },
        GEOJSON,
    )


def _figures_areas() -> frozenset[int] | None:
    """Return the areas whose figures the asker may see; None means all."""
    return require(Action.FIGURES).areas_by_action[Action.FIGURES]


def _difference(query: DifferenceIn, by: str = "community") -> CoverageDifference:
    within = _figures_areas()
    before = read_state(session(), query.before)
    after = read_state(session(), query.after, before)
    return difference(session(), before, after, area=query.area, by=by, within=within)
