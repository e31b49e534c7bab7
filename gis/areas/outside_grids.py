"""The errors for a point that no grid covers."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.grids import GridIndex, nearest_grids
from gis.errors import OutsideGrids

FIRST_BOUNDARY_SQL = (
    "SELECT min(lower(b.valid_time)) FROM boundary b JOIN area a ON a.id = b.area_id"
    " WHERE a.level = 'grid'"
)


def outside_grids_error(session: Session, at: datetime, x: float, y: float) -> OutsideGrids:
    """Return the error for a point outside all grids, with the nearest grid and its distance."""
    grids = nearest_grids(session, at, x, y)
    match = grids.nearest(x, y)
    if match is None:
        return no_grids_error(session, at)
    return nearest_grid_error(grids, match.row, match.distance_m)


def nearest_grid_error(grids: GridIndex, row: int, metres: float) -> OutsideGrids:
    """Return the error for a point without a grid, with the nearest grid and its distance."""
    name, code = grids.names[row], grids.codes[row]
    extra = {"nearest": {"code": code, "name": name}, "distance_m": round(metres, 1)}
    return OutsideGrids("grid.outside", extra=extra, name=name, code=code, metres=round(metres))


def no_grids_error(session: Session, at: datetime) -> OutsideGrids:
    """Return the error for a moment at which no grid holds."""
    first_moment = session.scalar(text(FIRST_BOUNDARY_SQL))
    if first_moment is not None and first_moment > at:
        since = first_moment.astimezone(at.tzinfo).isoformat()
        return OutsideGrids("grid.none_yet", at=at.isoformat(), since=since)
    return OutsideGrids("grid.none")
