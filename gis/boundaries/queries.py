"""Read the boundaries in force at a moment."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import shapely
from shapely import MultiPolygon
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from gis.areas.models import Boundary
from gis.db import STORAGE_SRID
from gis.shapes.polygon_coverage import PolygonLike

NEIGHBOUR_TOLERANCE_DEG = 1e-6  # degrees: grids whose boxes are within it are checked together
# about 100 m: grids within it may be responsible for a building outside, or overlap those of a file
NEIGHBOUR_MARGIN_DEG = 0.001


def boundaries_at(
    session: Session, area_ids: Iterable[int], at: datetime
) -> dict[int, MultiPolygon]:
    """Return the shapes of areas at a moment by area id; areas without one are left out."""
    rows = session.execute(
        select(Boundary.area_id, func.ST_AsBinary(Boundary.geom))
        .where(Boundary.area_id == func.any(list(area_ids)), Boundary.in_force(at))
        .order_by(Boundary.area_id)
    ).all()
    return dict(
        zip((row[0] for row in rows), shapely.from_wkb([row[1] for row in rows]), strict=True)
    )


def grids_near(
    session: Session,
    counties: Sequence[str],
    shapes: Sequence[PolygonLike],
    at: datetime,
    tolerance_deg: float = NEIGHBOUR_TOLERANCE_DEG,
) -> dict[str, MultiPolygon]:
    """Return the grids of counties in force at a moment whose boxes lie near some shapes.

    Parameters
    ----------
    session
        Open session; only read.
    counties
        Codes of the counties.
    shapes
        Shapes in degrees, EPSG:4490.
    at
        Moment whose boundaries apply.
    tolerance_deg
        Maximum distance of the boxes in degrees.

    Returns
    -------
    Shapes by code, in order of the codes.
    """
    if not len(shapes):
        return {}
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    rows = session.execute(
        text(f"""
        SELECT a.code, ST_AsBinary(b.geom) FROM area a JOIN boundary b ON b.area_id = a.id
        WHERE a.level = 'grid' AND a.county = ANY(:counties)
          AND b.valid_time @> CAST(:at AS timestamptz)
          AND b.geom && ST_MakeEnvelope(:west, :south, :east, :north, {STORAGE_SRID})
        ORDER BY a.code
        """),  # noqa: S608  a number of ours
        {
            "counties": list(counties),
            "at": at,
            "west": west - tolerance_deg,
            "south": south - tolerance_deg,
            "east": east + tolerance_deg,
            "north": north + tolerance_deg,
        },
    ).all()
    return dict(
        zip((row[0] for row in rows), shapely.from_wkb([row[1] for row in rows]), strict=True)
    )
