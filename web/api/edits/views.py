"""Paths closed or added and gates with hours: listed, stated and withdrawn by planners."""

from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import orjson
import shapely
from apiflask import APIBlueprint
from flask import Response
from shapely.geometry.base import BaseGeometry

from gis import crs
from gis.facilities import path_edits
from gis.facilities.path_edits import EditRow, NewEdit
from web.api.edits.schemas import EditIn, EditOut, EditsIn, EditsOut, LineIn, PointIn
from web.http import params
from web.http.db import session
from web.http.idempotency import run_once
from web.http.responses import page_by_id
from web.security.readers import require_planner, storable_id

bp = APIBlueprint("edits", __name__, url_prefix="/api/v1", tag="Facilities")

REFUSALS: dict[int | str, Any] = {
    401: "Sign in, or send a key",
    403: "For who may draft or publish boundaries at every point of it",
    404: "There is no such edit",
    503: "No walking network is loaded",
}


@bp.get("/network/edits")
@bp.input(EditsIn, location="query")
@bp.output(EditsOut)
@bp.doc(
    summary="List what is changed of the walking network",
    responses={401: REFUSALS[401], 403: REFUSALS[403]},
)
def list_all(query_data: EditsIn) -> Response:
    """Paths closed or added, and gates, by id, in the areas that the asker plans."""
    read = partial(path_edits.list_edits, session(), require_planner(), params.parse_datetime(None))
    return page_by_id(read, query_data.bbox, query_data.cursor, query_data.limit, _shown)


@bp.post("/network/edits")
@bp.input(EditIn)
@bp.output(EditOut, status_code=201)
@bp.doc(summary="Close or add a path, or put a gate on one", responses=REFUSALS)
def add(json_data: EditIn) -> Response:
    """Within 15 m of a path, as the ends of an added one.

    What is stated is never altered: withdraw it and state it anew.
    """
    by = require_planner()

    def do() -> tuple[int, dict[str, Any]]:
        edit = NewEdit(
            json_data.kind,
            _shape(json_data.geometry, json_data.crs),
            json_data.hours,
            json_data.reason,
            from_at=_moment(json_data.from_at, "from_at"),
            until_at=_moment(json_data.until_at, "until_at"),
        )
        return 201, _shown(path_edits.add_edit(session(), by, params.parse_datetime(None), edit))

    return run_once(by, do)


@bp.delete("/network/edits/<int:edit>")
@bp.output({}, status_code=204)
@bp.doc(summary="Withdraw a change of the walking network", responses=REFUSALS)
def withdraw(edit: int) -> Response:
    """Leave the path as the map has it."""
    by = require_planner()
    path_edits.withdraw_edit(session(), by, params.parse_datetime(None), storable_id(edit))
    session().commit()
    return Response(status=204)


def _moment(text: str | None, field: str) -> datetime | None:
    return None if text is None else params.parse_datetime(text, field).replace(microsecond=0)


def _shape(geometry: PointIn | LineIn, system: str) -> BaseGeometry:
    """Return a geometry in storage coordinates, rounded as doors are."""
    lon, lat = np.array(geometry.coordinates, float).reshape(-1, 2).T
    crs.validate_points(lon, lat, system, {"lon": "geometry", "lat": "geometry"})
    places = np.round(np.column_stack(crs.to_storage(lon, lat, system)), 7)
    if isinstance(geometry, PointIn):
        return shapely.Point(places[0])
    return shapely.LineString(places)


def _shown(row: EditRow) -> dict[str, Any]:
    moments = {
        name: value and value.isoformat()
        for name in ("from_at", "until_at", "stated_at")
        for value in [getattr(row, name)]
    }
    return asdict(row) | moments | {"geometry": orjson.loads(row.geometry)}
