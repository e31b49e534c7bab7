"""Who lives where: buildings, households and ten-household units as grids hold them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis.areas.grids import GridIndex
from gis.db import STORAGE_SRID, cached_text, fetch_rows
from gis.shapes.polygon_coverage import PolygonLike

# Those of the neighbouring county are its own, however near; where one stands is not known of some
# loaded before there were areas.
NEAR_SQL = f"""(b.county = ANY(%(counties)s) OR b.county IS NULL)
  AND b.geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, {STORAGE_SRID})"""
BUILDING_HOUSEHOLDS_SQL = f"""
SELECT b.id, b.code, b.name, b.estate, ST_AsBinary(b.geom), coalesce(h.homes, 0),
    coalesce(h.people, 0)
FROM building b LEFT JOIN LATERAL (
  SELECT count(*) AS homes, sum(h.people) AS people FROM household h WHERE h.building_id = b.id
) h ON true
WHERE {NEAR_SQL}
ORDER BY b.id"""  # noqa: S608  a number of ours
# All buildings of units near some shapes, with the households of each unit in them.
UNIT_HOUSEHOLDS_SQL = f"""
WITH near AS (
  SELECT DISTINCT p.unit_id FROM building b JOIN unit_part p ON p.building_id = b.id
  WHERE {NEAR_SQL}
)
SELECT u.id, u.code, u.name, g.id, g.code, ST_AsBinary(b.geom), coalesce(h.homes, 0)
FROM near JOIN area u ON u.id = near.unit_id AND (u.retired_at IS NULL OR u.retired_at > now())
  LEFT JOIN dated_parent d ON d.area_id = u.id AND d.valid_time @> %(at)s::timestamptz
  JOIN area g ON g.id = coalesce(d.parent_id, u.parent_id)
  CROSS JOIN LATERAL (SELECT DISTINCT building_id FROM unit_part WHERE unit_id = u.id) p
  JOIN building b ON b.id = p.building_id
  LEFT JOIN LATERAL (
    SELECT count(*) AS homes FROM household h WHERE h.building_id = b.id AND h.unit_id = u.id
  ) h ON true
ORDER BY u.code, b.id"""  # noqa: S608  a number of ours


class BuildingHouseholds(NamedTuple):
    """Buildings around some areas in parallel columns, with households and people."""

    ids: NDArray[np.int64]
    codes: list[str]
    names: list[str]
    shapes: Any
    points: NDArray[np.float64]
    households: NDArray[np.int64]
    people: NDArray[np.int64]


class UnitHouseholds(NamedTuple):
    """Where a unit lives.

    parent_id, parent: The grid above it, by id and code.
    best: Row of the grid where most of its households live, of as many that of most buildings, then
        the present one, then the lower code; None outside every grid.
    households: How many by row of the grid; rows with buildings only count 0.
    point: A point of it, lon and lat in degrees.
    """

    id: int
    code: str
    name: str
    parent_id: int
    parent: str
    best: int | None
    households: dict[int, int]
    point: tuple[float, float]


def read_building_households(
    session: Session, counties: Sequence[str], geometries: Sequence[PolygonLike]
) -> BuildingHouseholds:
    """Return the buildings of some counties near some shapes with their households and people.

    Parameters
    ----------
    session
        Open session; only read.
    counties
        Their codes.
    geometries
        Shapes in degrees, EPSG:4490. Buildings whose boxes meet the box of all shapes are read.
    """
    rows = (
        fetch_rows(
            session, BUILDING_HOUSEHOLDS_SQL, bbox_params(geometries) | {"counties": counties}
        )
        if geometries
        else []
    )
    shapes = (
        shapely.from_wkb(np.array([row[4] for row in rows], dtype=object))
        if rows
        else np.empty(0, dtype=object)
    )
    return BuildingHouseholds(
        np.array([row[0] for row in rows], dtype=np.int64),
        [row[1] for row in rows],
        [f"{row[3]}{row[2]}" or row[1] for row in rows],
        shapes,
        label_points(shapes),
        np.array([row[5] for row in rows], dtype=np.int64),
        np.array([int(row[6]) for row in rows], dtype=np.int64),
    )


def read_footprints(session: Session, codes: Sequence[str]) -> list[Any]:
    """Return the footprints of buildings by code, degrees, EPSG:4490; unknown ones are left out."""
    if not codes:
        return []
    query = "SELECT ST_AsBinary(geom) FROM building WHERE code = ANY(%(codes)s) ORDER BY code"
    rows = fetch_rows(session, query, {"codes": list(codes)})
    return list(shapely.from_wkb([row[0] for row in rows]))


def read_unit_households(
    session: Session,
    counties: Sequence[str],
    grids: GridIndex,
    geometries: Sequence[PolygonLike],
    at: datetime,
) -> list[UnitHouseholds]:
    """Return the units of some counties near some shapes, and the grids of their households.

    Parameters
    ----------
    session
        Open session; only read.
    counties
        Their codes.
    grids
        The grids around. A building outside them counts for the grid the unit belongs to.
    geometries
        Shapes in degrees, EPSG:4490.
    at
        Moment whose parents apply.
    """
    if not (geometries and len(grids.codes)):
        return []
    params = bbox_params(geometries) | {"counties": counties, "at": at}
    rows = fetch_rows(session, UNIT_HOUSEHOLDS_SQL, params)
    if not rows:
        return []
    points = label_points(shapely.from_wkb(np.array([row[5] for row in rows], dtype=object)))
    west, south, east, north = shapely.total_bounds(grids.shapes)
    inside = np.all((points >= (west, south)) & (points <= (east, north)), axis=1)
    grid_rows, _, _ = grids.grids_at(points[:, 0], points[:, 1])
    row_of = {code: row for row, code in enumerate(grids.codes)}
    rows_of: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row, at_row, within, point in zip(
        rows, grid_rows.tolist(), inside.tolist(), points.tolist(), strict=True
    ):
        rows_of[row[0]].append(
            (*row, at_row if at_row >= 0 and within else row_of.get(row[4]), point)
        )
    return [_unit_home(houses, grids) for houses in rows_of.values()]


def _unit_home(houses: Sequence[tuple[Any, ...]], grids: GridIndex) -> UnitHouseholds:
    unit, code, name, parent_id, parent, *_ = houses[0]
    homes: Counter[int] = Counter()
    count: Counter[int] = Counter()
    for *_, households, grid, _point in houses:
        if grid is not None:
            homes[grid] += households
            count[grid] += 1
    best = min(
        homes,
        key=lambda grid: (-homes[grid], -count[grid], grids.codes[grid] != parent, grid),
        default=None,
    )
    lon, lat = houses[0][-1]
    return UnitHouseholds(
        unit, code, name, parent_id, parent, best, dict(homes), (round(lon, 6), round(lat, 6))
    )


def homeless(session: Session, lost: Any) -> int:
    """Return the number of households on a shape (degrees, EPSG:4490)."""
    if lost.is_empty:
        return 0
    query = f"""
    SELECT count(*) FROM building b JOIN household h ON h.building_id = b.id
    WHERE b.geom && ST_GeomFromWKB(:lost, {STORAGE_SRID})
      AND ST_Covers(ST_GeomFromWKB(:lost, {STORAGE_SRID}), ST_PointOnSurface(b.geom))"""  # noqa: S608  a number of ours
    return session.scalar(cached_text(query), {"lost": shapely.to_wkb(lost)}) or 0


def count_households(
    session: Session, counties: Sequence[str], geometries: Sequence[PolygonLike]
) -> list[int]:
    """Count the households of some counties on each shape.

    Those on a common border count for both.
    """
    homes = read_building_households(session, counties, geometries)
    if not len(homes.ids):
        return [0] * len(geometries)
    shapely.prepare(list(geometries))
    points = shapely.points(homes.points)
    return [int(homes.households[shapely.intersects(land, points)].sum()) for land in geometries]


def label_points(shapes: Any) -> NDArray[np.float64]:
    """Return the point in each building that determines its grid, as `locate` does."""
    return (
        shapely.get_coordinates(shapely.point_on_surface(shapes))
        if len(shapes)
        else np.empty((0, 2))
    )


def bbox_params(geometries: Sequence[Any]) -> dict[str, float]:
    """Return the bounding box of some shapes as query parameters."""
    return dict(
        zip(
            ("west", "south", "east", "north"),
            shapely.total_bounds(list(geometries)).tolist(),
            strict=True,
        )
    )
