"""Ten-household units: what they stand on, and homes moved between them."""

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from gis.areas.models import Area
from gis.boundaries import unit_changes, unit_edits, units
from gis.rights.actions import Action
from web.api.units.schemas import (
    BuildingIn,
    GridIn,
    HomesMoveIn,
    NewUnitIn,
    RenameUnitIn,
    RetireUnitIn,
    UnitChangesIn,
    UnitChangesOut,
    UnitHomesOut,
    UnitMovedOut,
    UnitSavedOut,
    UnitsOut,
    building_to_feature,
)
from web.http import params
from web.http.conditional import if_match
from web.http.db import session
from web.http.idempotency import run_once
from web.http.responses import GEOJSON, conditional_response, paginate
from web.security.guard import require
from web.security.readers import require_planner

bp = APIBlueprint("units", __name__, url_prefix="/api/v1", tag="Units")

REFUSALS: dict[int | str, Any] = {
    401: "Sign in, or send a key",
    403: "Not allowed there",
    404: "No such grid, unit or building in use",
}
WRITE_REFUSALS = REFUSALS | {
    409: "The units changed since that version, or the unit is not as it must be",
    422: "A field is missing or wrong; the message says which",
}


@bp.get("/units")
@bp.input(GridIn, location="query")
@bp.output(UnitsOut)
@bp.doc(summary="The ten-household units of a grid", responses=REFUSALS)
def listed(query_data: GridIn) -> Response:
    """With households, what each stands on, and its head; `ETag` is the version for `If-Match`."""
    by = require_planner()
    grid = units.planned_grid(session(), by, query_data.grid)
    result = units.list_units(session(), by, grid)
    response = conditional_response(result)
    if response.status_code == 200:
        response.set_etag(str(result.version))
    return response


@bp.get("/units/buildings")
@bp.input(GridIn, location="query")
@bp.doc(summary="The buildings of a grid with their homes by unit", responses=REFUSALS)
def buildings(query_data: GridIn) -> Response:
    """GeoJSON: `homes` counts by code of the unit; under the empty code are those without one."""
    grid = units.planned_grid(session(), require_planner(), query_data.grid)
    features = [building_to_feature(row) for row in units.list_unit_buildings(session(), grid)]
    return conditional_response({"type": "FeatureCollection", "features": features}, GEOJSON)


@bp.get("/units/homes")
@bp.input(BuildingIn, location="query")
@bp.output(UnitHomesOut)
@bp.doc(summary="The homes of a building with their units", responses=REFUSALS)
def homes(query_data: BuildingIn) -> Response:
    """By stairwell, highest floor first; doors only, nothing about who lives there."""
    rows = units.list_homes(session(), require_planner(), query_data.building)
    return conditional_response({"items": rows})


@bp.get("/units/changes")
@bp.input(UnitChangesIn, location="query")
@bp.output(UnitChangesOut)
@bp.doc(summary="Who changed the units of a grid, when and why", responses=REFUSALS)
def changes(query_data: UnitChangesIn) -> Response:
    """Newest first."""
    grid = units.planned_grid(session(), require_planner(), query_data.grid)
    rows = unit_changes.list_changes(
        session(),
        grid.id,
        query_data.limit + 1,
        params.number_cursor(params.decode_cursor(query_data.cursor)),
    )
    return conditional_response(paginate(rows, query_data.limit, lambda row: str(row.id)))


@bp.post("/units")
@bp.input(NewUnitIn)
@bp.output(UnitSavedOut, status_code=201)
@bp.doc(summary="Create a ten-household unit", responses=WRITE_REFUSALS)
def create(json_data: NewUnitIn) -> Response:
    """Without homes; its code is the next of the grid."""
    by, versions = require(Action.PUBLISH), if_match()

    def do() -> tuple[int, dict[str, Any]]:
        unit = unit_edits.create_unit(
            session(), by, json_data.grid, json_data.name, json_data.reason, versions
        )
        return 201, _saved(unit)

    return run_once(by, do)


@bp.post("/units/moves")
@bp.input(HomesMoveIn)
@bp.output(UnitMovedOut)
@bp.doc(summary="Move homes to a unit", responses=WRITE_REFUSALS)
def move(json_data: HomesMoveIn) -> Response:
    """By building, stairwell, floors or single doors, all or nothing.

    In force at once, `locate` included.
    """
    by, versions = require(Action.PUBLISH), if_match()

    def do() -> tuple[int, dict[str, Any]]:
        selections = [item.selection() for item in json_data.homes]
        return 200, asdict(
            unit_edits.move_homes(
                session(), by, json_data.to, selections, json_data.reason, versions
            )
        )

    return run_once(by, do)


@bp.patch("/units/<code>")
@bp.input(RenameUnitIn)
@bp.output(UnitSavedOut)
@bp.doc(summary="Rename a unit", responses=WRITE_REFUSALS)
def rename(code: str, json_data: RenameUnitIn) -> Response:
    """Its code stays."""
    by, versions = require(Action.PUBLISH), if_match()

    def do() -> tuple[int, dict[str, Any]]:
        unit = unit_edits.rename_unit(
            session(), by, code, json_data.name, json_data.reason, versions
        )
        return 200, _saved(unit)

    return run_once(by, do)


@bp.post("/units/<code>/retire")
@bp.input(RetireUnitIn)
@bp.output(UnitSavedOut)
@bp.doc(summary="Retire a unit without homes", responses=WRITE_REFUSALS)
def retire(code: str, json_data: RetireUnitIn) -> Response:
    """End it, and the terms of its heads; its code is never used again."""
    by, versions = require(Action.PUBLISH), if_match()

    def do() -> tuple[int, dict[str, Any]]:
        return 200, _saved(unit_edits.retire_unit(session(), by, code, json_data.reason, versions))

    return run_once(by, do)


def _saved(unit: Area) -> dict[str, Any]:
    grid = units.grid_of(session(), unit)
    return {
        "code": unit.code,
        "name": unit.name,
        "grid": grid.code,
        "version": unit_changes.units_version(session(), grid.id),
    }
