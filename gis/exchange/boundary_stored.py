"""The stored grids that a file of boundaries is compared with."""

from collections.abc import Sequence
from datetime import UTC, datetime

import shapely
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.models import Area, Level
from gis.boundaries.queries import NEIGHBOUR_MARGIN_DEG, boundaries_at, grids_near
from gis.db import STORAGE_SRID
from gis.exchange.area_file import AreaRecord
from gis.shapes.polygon_coverage import PolygonLike

FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)  # a moment at which the newest shapes are in force
COUNTIES_SQL = f"""
SELECT DISTINCT a.county FROM boundary b JOIN area a ON a.id = b.area_id
WHERE a.level = 'grid' AND upper_inf(b.valid_time)
  AND b.geom && ST_MakeEnvelope(:west, :south, :east, :north, {STORAGE_SRID})"""  # noqa: S608  ours


def grids_around(session: Session, entries: Sequence[AreaRecord]) -> dict[str, PolygonLike]:
    """Return the newest grids around those of a file, of the counties it names or lies in."""
    shapes = [entry.shape for entry in entries if entry.shape is not None]
    counties = sorted(
        {codes.ancestor_code(entry.code, Level.COUNTY) for entry in entries if entry.code}
        or _counties_under(session, shapes)
    )
    return dict(grids_near(session, counties, shapes, FAR_FUTURE, NEIGHBOUR_MARGIN_DEG))


def named_grids(session: Session, entries: Sequence[AreaRecord]) -> dict[str, PolygonLike]:
    """Return the newest grids that a file names, however far from there they lie."""
    query = select(Area.id, Area.code).where(
        Area.code.in_({entry.code for entry in entries}), Area.level == Level.GRID
    )
    codes_by_id = {row.id: row.code for row in session.execute(query)}
    shapes = boundaries_at(session, codes_by_id, FAR_FUTURE)
    return {codes_by_id[number]: shape for number, shape in shapes.items()}


def _counties_under(session: Session, shapes: Sequence[PolygonLike]) -> set[str]:
    """Return the counties of the grids whose boxes lie near some shapes."""
    if not shapes:
        return set()
    west, south, east, north = shapely.total_bounds(list(shapes)).tolist()
    box = {"west": west, "south": south, "east": east, "north": north}
    return set(session.scalars(text(COUNTIES_SQL), box))
