"""The register of buildings: listed, added, changed, placed and closed by who keeps it."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from gis.errors import NotFound, invalid_field
from gis.exchange import building_edits, building_list
from web.api.buildings.schemas import (
    BuildingChangeIn,
    BuildingDetailOut,
    BuildingOut,
    BuildingsIn,
    BuildingsOut,
    NewBuildingIn,
    PointIn,
    UnplacedListOut,
)
from web.http import params
from web.http.conditional import if_match, with_etag
from web.http.db import session
from web.http.idempotency import run_once
from web.http.responses import conditional_response, paginate
from web.security.readers import require_keeper

bp = APIBlueprint("buildings", __name__, url_prefix="/api/v1", tag="Buildings")

REFUSALS: dict[int | str, Any] = {
    401: "Sign in, or send a key",
    403: "For who plans there, and administrators of the area",
    404: "No building has that code",
}
WRITE_REFUSALS = REFUSALS | {
    409: "Somebody has changed it since, it is entered already, or something holds on to it",
    422: "A field is wrong; the message says which",
}


@bp.get("/buildings")
@bp.input(BuildingsIn, location="query")
@bp.output(BuildingsOut)
@bp.doc(summary="List buildings", responses=REFUSALS)
def listed(query_data: BuildingsIn) -> Response:
    """Where who asks keeps the register, by estate and number."""
    rows = building_list.list_buildings(
        session(),
        require_keeper(),
        params.parse_datetime(None),
        query_data.filters(),
        params.decode_cursor(query_data.cursor),
        query_data.limit + 1,
    )
    body = paginate(rows, query_data.limit, lambda row: str(row["key"]))
    return conditional_response(body | {"items": [_shown(row) for row in body["items"]]})


@bp.get("/buildings/unplaced")
@bp.output(UnplacedListOut)
@bp.doc(summary="Buildings of registers that wait for their place", responses=REFUSALS)
def unplaced() -> Response:
    """`POST /buildings` with its estate and name, or its code, and a place takes it off."""
    by, now = require_keeper(), params.parse_datetime(None)
    return conditional_response({"items": building_list.list_unplaced(session(), by, now)})


@bp.get("/buildings/at")
@bp.input(PointIn, location="query")
@bp.output(BuildingDetailOut)
@bp.doc(summary="The building over a point", responses=REFUSALS)
def at_point(query_data: PointIn) -> Response:
    """Return the smallest, as one building.

    Raises
    ------
    NotFound
        There is none.
    """
    require_keeper()
    lon, lat = params.storage_point(query_data.lon, query_data.lat, query_data.crs)
    code = building_list.building_at(session(), lon, lat)
    if code is None:
        raise NotFound("building.none_there")
    return _detail(code)


@bp.get("/buildings/<code>")
@bp.output(BuildingDetailOut)
@bp.doc(summary="One building", responses=REFUSALS)
def one(code: str) -> Response:
    """With its outline, homes by stairwell and storey, and changes; `ETag` is its version."""
    return _detail(code)


@bp.post("/buildings")
@bp.input(NewBuildingIn)
@bp.output(BuildingOut, status_code=201)
@bp.doc(summary="Add a building, or place one that waits", responses=WRITE_REFUSALS)
def add(json_data: NewBuildingIn) -> Response:
    """With a point a square stands for its outline; on one that nobody has named it is named."""
    by = require_keeper()

    def do() -> tuple[int, dict[str, Any]]:
        now = params.parse_datetime(None)
        facts = _facts(json_data)
        code = building_edits.add_building(session(), by, now, facts, timezone=params.local_zone())
        return 201, _shown(building_list.building_detail(session(), by, now, code))

    return run_once(by, do)


@bp.patch("/buildings/<code>")
@bp.input(BuildingChangeIn)
@bp.output(BuildingDetailOut)
@bp.doc(summary="Change a building", responses=WRITE_REFUSALS)
def change(code: str, json_data: BuildingChangeIn) -> Response:
    """`If-Match`: its version. Loads of maps then leave it alone; its units get the new outline."""
    by, now = require_keeper(), params.parse_datetime(None)
    facts = _facts(json_data)
    building_edits.change_building(
        session(), by, now, code, facts, if_match(), timezone=params.local_zone()
    )
    session().commit()
    return _detail(code)


@bp.delete("/buildings/<code>")
@bp.output({}, status_code=204)
@bp.doc(summary="Take away a building that is gone", responses=WRITE_REFUSALS)
def close(code: str) -> Response:
    """`If-Match`: its version. Refused while homes, a unit or incidents hold on to it."""
    by, now = require_keeper(), params.parse_datetime(None)
    building_edits.close_building(session(), by, now, code, if_match())
    session().commit()
    return Response(status=204)


def _facts(body: BuildingChangeIn) -> dict[str, Any]:
    """Return what was sent, with the point in storage coordinates.

    Raises
    ------
    InvalidInput
        Half of the point is missing.
    """
    facts = body.model_dump(exclude_unset=True)
    if (facts.get("lon") is None) != (facts.get("lat") is None):
        raise invalid_field("lat" if facts.get("lat") is None else "lon", "cell.half_point")
    if facts.get("lon") is not None:
        lon, lat = params.storage_point(body.lon or 0.0, body.lat or 0.0, body.crs or "")
        facts |= {"lon": round(lon, 7), "lat": round(lat, 7)}
    return facts


def _detail(code: str) -> Response:
    by, now = require_keeper(), params.parse_datetime(None)
    row = building_list.building_detail(session(), by, now, code)
    return with_etag(_shown(row), row["version"])


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("id", "key")}
