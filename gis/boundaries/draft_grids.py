"""The grids around some shapes as a draft has them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from sqlalchemy.orm import Session

from gis.areas.models import Operation
from gis.boundaries.queries import NEIGHBOUR_TOLERANCE_DEG
from gis.db import STORAGE_SRID, cached_text
from gis.shapes.polygon_coverage import PolygonLike

# The newest shape of each grid, including planned ones.
DRAFT_GRIDS_SQL = f"""
WITH hit AS MATERIALIZED (
  SELECT b.id FROM boundary b
  WHERE b.geom && ST_MakeEnvelope(:west, :south, :east, :north, {STORAGE_SRID})
      AND upper_inf(b.valid_time)
  UNION
  SELECT b.id FROM area a JOIN boundary b ON b.area_id = a.id WHERE a.code = ANY(:codes)
      AND upper_inf(b.valid_time)
)
SELECT a.code, b.id, ST_AsBinary(b.geom) FROM hit JOIN boundary b USING (id) JOIN area a
    ON a.id = b.area_id
WHERE a.level = 'grid' AND a.county = :county
"""  # noqa: S608  a number of ours


@dataclass(frozen=True)
class DraftGeometries:
    """The grids around some places as a draft has them.

    geometries: Shape by code, degrees, EPSG:4490.
    stored: Id of the published boundary of each grid that has one.
    """

    geometries: dict[str, PolygonLike]
    stored: dict[str, int]


def neighbouring_grids(
    session: Session,
    county: str,
    drawn: Mapping[str, PolygonLike | None],
    codes: Sequence[str],
    places: Sequence[Any],
) -> DraftGeometries:
    """Return named grids, those under some shapes, and all that touch any of these, as in a draft.

    Parameters
    ----------
    session
        Open session; only read.
    county
        Code of the county.
    drawn
        Shapes of the draft so far, by code.
    codes
        Codes of the named grids.
    places
        Shapes in degrees, EPSG:4490.
    """
    redrawn = [shape for code in codes if (shape := drawn.get(code)) is not None]
    planned = _planned_grids(session, county, codes, [*places, *redrawn])
    spread = [shape for code, (_, shape) in planned.items() if code not in drawn]
    surrounding = _planned_grids(session, county, codes, [*places, *redrawn, *spread])
    geometries = {code: shape for code, (_, shape) in surrounding.items() if code not in drawn}
    spread = [*places, *redrawn, *spread]
    geometries |= {
        code: shape
        for code, shape in drawn.items()
        if shape is not None and _touches_any(shape, spread)
    }
    return DraftGeometries(
        geometries, {code: boundary for code, (boundary, _) in surrounding.items()}
    )


def _planned_grids(
    session: Session, county: str, codes: Sequence[str], places: Sequence[Any]
) -> dict[str, tuple[int, PolygonLike]]:
    box = (0.0, 0.0, 0.0, 0.0)
    if places:
        west, south, east, north = shapely.total_bounds(places).tolist()
        box = (
            west - NEIGHBOUR_TOLERANCE_DEG,
            south - NEIGHBOUR_TOLERANCE_DEG,
            east + NEIGHBOUR_TOLERANCE_DEG,
            north + NEIGHBOUR_TOLERANCE_DEG,
        )
    rows = session.execute(
        cached_text(DRAFT_GRIDS_SQL),
        {"county": county, "codes": list(codes)}
        | dict(zip(("west", "south", "east", "north"), box, strict=True)),
    ).all()
    return {
        row[0]: (row[1], shape)
        for row, shape in zip(rows, shapely.from_wkb([row[2] for row in rows]), strict=True)
    }


def _touches_any(shape: PolygonLike, places: Sequence[Any]) -> bool:
    if not places:
        return False
    west, south, east, north = shapely.total_bounds(places).tolist()
    return bool(
        shapely.box(
            west - NEIGHBOUR_TOLERANCE_DEG,
            south - NEIGHBOUR_TOLERANCE_DEG,
            east + NEIGHBOUR_TOLERANCE_DEG,
            north + NEIGHBOUR_TOLERANCE_DEG,
        ).intersects(shape)
    )


def touching_grids(geometries: Mapping[str, PolygonLike], codes: Sequence[str]) -> set[str]:
    """Return the grids that touch one of some grids, these included."""
    changed = [geometries[code] for code in codes if code in geometries]
    return {
        code
        for code, shape in geometries.items()
        if any(shape.intersects(other) for other in changed)
    }


def drawn_shapes(done: Iterable[Operation]) -> dict[str, PolygonLike | None]:
    """Return the shapes of a draft that differ from the published ones, by code.

    None means that the grid has no area any longer.
    """
    shapes: dict[str, str | None] = {}
    for operation in done:
        shapes |= operation.geometries
    return {code: None if wkb is None else shapely.from_wkb(wkb) for code, wkb in shapes.items()}
