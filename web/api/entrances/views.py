"""Doors and gates: listed and changed by planners in their areas."""

from dataclasses import asdict
from functools import partial
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from gis.errors import invalid_field
from gis.facilities import entrances
from web.api.entrances.schemas import (
    EntranceChangeIn,
    EntranceIn,
    EntranceOut,
    EntrancesIn,
    EntrancesOut,
)
from web.http import params
from web.http.conditional import if_match, with_etag
from web.http.db import session
from web.http.idempotency import run_once
from web.http.responses import page_by_id
from web.security.readers import require_planner, storable_id

bp = APIBlueprint("entrances", __name__, url_prefix="/api/v1", tag="Facilities")

REFUSALS: dict[int | str, Any] = {
    401: "Sign in, or send a key",
    403: "For who may draft or publish boundaries there",
    404: "There is no such entrance, building or facility",
    409: "Somebody has changed it since",
}


@bp.get("/entrances")
@bp.input(EntrancesIn, location="query")
@bp.output(EntrancesOut)
@bp.doc(summary="List doors and gates", responses={401: REFUSALS[401], 403: REFUSALS[403]})
def list_all(query_data: EntrancesIn) -> Response:
    """By id, in the areas that the asker plans."""
    read = partial(
        entrances.list_entrances, session(), require_planner(), params.parse_datetime(None)
    )
    return page_by_id(read, query_data.bbox, query_data.cursor, query_data.limit, asdict)


@bp.post("/entrances")
@bp.input(EntranceIn)
@bp.output(EntranceOut, status_code=201)
@bp.doc(summary="Add a door or gate", responses=REFUSALS)
def add(json_data: EntranceIn) -> Response:
    """Within 50 m of the outline of its building or facility."""
    by = require_planner()

    def do() -> tuple[int, dict[str, Any]]:
        row = entrances.add_entrance(
            session(),
            by,
            params.parse_datetime(None),
            owner=json_data.owner,
            owner_code=json_data.owner_code,
            point=_point(json_data.lon, json_data.lat, json_data.crs),
            facts=json_data.model_dump(include={"kind", "hours", "note"}),
        )
        return 201, asdict(row)

    return run_once(by, do)


@bp.patch("/entrances/<int:entrance>")
@bp.input(EntranceChangeIn)
@bp.output(EntranceOut)
@bp.doc(summary="Move a door or gate, or change what is said of it", responses=REFUSALS)
def change(entrance: int, json_data: EntranceChangeIn) -> Response:
    """`If-Match`: its version.

    Raises
    ------
    InvalidInput
        Only a part of the point is named.
    """
    by = require_planner()
    lon, lat, system = json_data.lon, json_data.lat, json_data.crs
    point = None
    if lon is not None and lat is not None and system is not None:
        point = _point(lon, lat, system)
    elif (lon, lat, system) != (None, None, None):
        raise invalid_field("lon", "entrance.point_incomplete")
    row = entrances.change_entrance(
        session(),
        by,
        params.parse_datetime(None),
        storable_id(entrance),
        versions=if_match(),
        point=point,
        facts=json_data.model_dump(include={"kind", "hours", "note"}, exclude_none=True),
    )
    session().commit()
    return with_etag(asdict(row), row.version)


@bp.delete("/entrances/<int:entrance>")
@bp.output({}, status_code=204)
@bp.doc(summary="Take a door or gate away", responses=REFUSALS)
def remove(entrance: int) -> Response:
    """`If-Match`: its version. Loads of maps do not bring it back."""
    by = require_planner()
    entrances.remove_entrance(
        session(), by, params.parse_datetime(None), storable_id(entrance), if_match()
    )
    session().commit()
    return Response(status=204)


def _point(lon: float, lat: float, system: str) -> tuple[float, float]:
    x, y = params.storage_point(lon, lat, system)
    return round(x, 7), round(y, 7)
