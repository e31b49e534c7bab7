"""Buildings near points, and the ten-household units of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID, fetch_rows
from gis.places.address import normalise_label
from gis.places.models import Building
from gis.places.naming import BuildingLabel, label_building, short_estate
from gis.shapes import local_distance
from gis.shapes.grid_index import CellIndex

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# of a point at the door, or from an inexact receiver, to its building
MAX_BUILDING_DISTANCE_M = 15.0

# `name_at` of many areas: few were ever renamed, and only for these is the function called.
NAMES_AT_SQL = """CASE
  WHEN {0}.id IN (SELECT area_id FROM former_name UNION ALL SELECT area_id FROM planned_name)
  THEN name_at({0}.id, {0}.name, %(at)s::timestamptz) ELSE {0}.name END"""
INDEXED_BUILDINGS_SQL = """
SELECT b.id, b.code, b.name, b.estate, b.address, ST_AsBinary(b.geom)
FROM building b
WHERE {where}
ORDER BY b.code COLLATE "C\""""
# Units that are not retired and, if their boundaries are dated, have one in force.
PARTS_SQL = f"""
SELECT p.building_id, u.id, u.code, {NAMES_AT_SQL.format("u")},
  coalesce(d.parent_id, u.parent_id), s.name, p.floor_from, p.floor_to
FROM unit_part p
JOIN area u ON u.id = p.unit_id
LEFT JOIN stairwell s ON s.id = p.stairwell_id
LEFT JOIN dated_parent d ON d.area_id = u.id AND d.valid_time @> %(at)s::timestamptz
WHERE {{where}}
  AND (u.retired_at IS NULL OR u.retired_at > %(at)s::timestamptz)
  AND (
    EXISTS (
      SELECT FROM boundary f
      WHERE f.area_id = u.id AND f.valid_time @> %(at)s::timestamptz)
    OR NOT EXISTS (SELECT FROM boundary f WHERE f.area_id = u.id))
ORDER BY p.building_id, u.code COLLATE "C", s.name, p.floor_from"""  # noqa: S608  our own text
ROOMS_SQL = """
SELECT s.name, h.room, h.unit_id
FROM household h
LEFT JOIN stairwell s ON s.id = h.stairwell_id
WHERE h.building_id = %(building)s AND h.unit_id IS NOT NULL"""


class Part(NamedTuple):
    """A part of a building and its unit; None means every stairwell, or every floor."""

    building_id: int
    unit_id: int
    code: str
    name: str
    grid_id: int
    stairwell: str | None
    floor_from: int | None
    floor_to: int | None

    def fits(self, stairwell: str, floor: int | None) -> bool:
        """Return whether an address may lie in this part; what it does not state fits any part."""
        return (
            not stairwell or self.stairwell is None or normalise_label(self.stairwell) == stairwell
        ) and (
            floor is None
            or self.floor_from is None
            or self.floor_to is None
            or self.floor_from <= floor <= self.floor_to
        )


@dataclass(frozen=True)
class BuildingIndex:
    """Buildings in memory, in the order of their codes, so that the lower row has the lower code.

    Attributes
    ----------
    label_points
        A point on each building, which decides its grid; shape (n, 2), degrees, EPSG:4490.
    parts
        Rows of `PARTS`, sorted by building id.
    part_of
        Building id of each part.
    """

    ids: Ints
    codes: list[str]
    names: list[str]
    estates: list[str]
    addresses: list[str]
    shapes: Any
    label_points: Floats
    parts: list[tuple[Any, ...]]
    part_of: Ints

    @cached_property
    def part_units(self) -> Ints:
        """Id of the unit of each part."""
        return np.array([part[1] for part in self.parts], dtype=np.int64)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The buildings by their bounding boxes."""
        return shapely.STRtree(self.shapes)

    @cached_property
    def cells(self) -> CellIndex:
        """The buildings sorted into cells."""
        return CellIndex(self.shapes)

    @cached_property
    def metric(self) -> tuple[Any, Floats, Floats]:
        """The buildings in metres, and the lengths of a degree of longitude and latitude there."""
        per_lon, per_lat = local_distance.metres_per_degree(self.label_points[:, 1])
        points, owner = shapely.get_coordinates(self.shapes, return_index=True)
        flat = points * np.column_stack([per_lon, per_lat])[owner]
        return shapely.set_coordinates(self.shapes.copy(), flat), per_lon, per_lat

    @cached_property
    def estate_names(self) -> frozenset[str]:
        """The names of all estates without 小区, and their prefixes: 康宁 of 康宁花园."""
        names = {short_estate(name) for name in set(self.estates)}
        return frozenset(name[:size] for name in names for size in range(2, len(name) + 1))

    def covering(self, lon: float, lat: float) -> int | None:
        """Return the row of the building that covers a point, border included; None if none does.

        Of several buildings, the one with the lower code.
        """
        rows = self.cells.covering(lon, lat)
        return int(rows[0]) if rows.size else None

    def within(self, lon: float, lat: float, metres: float) -> list[tuple[float, int]]:
        """Return the buildings within a distance of a point as pairs of distance in metres and row.

        Nearest first, then lower code.
        """
        rows = self.cells.bbox_candidates(*local_distance.buffer_bbox(lon, lat, metres))
        if not rows.size:
            return []
        flat, per_lon, per_lat = self.metric
        distances_m = shapely.distance(
            flat[rows], shapely.points(lon * per_lon[rows], lat * per_lat[rows])
        )
        return sorted(
            (distance, row)
            for distance, row in zip(distances_m.tolist(), rows.tolist(), strict=True)
            if distance <= metres
        )

    def parts_of(self, row: int) -> list[Part]:
        """Return the parts of a building that belong to units, in the order of the units' codes."""
        building = int(self.ids[row])
        start, last = self.part_of.searchsorted((building, building + 1))
        return [Part(*part) for part in self.parts[start:last]]

    def label_of(self, row: int) -> BuildingLabel:
        """Return the label of a building."""
        return label_building(self.names[row], self.estates[row], self.addresses[row])


def read_places(session: Session, at: str, box: Any | None = None) -> BuildingIndex:
    """Read buildings and their parts.

    Parameters
    ----------
    at
        Moment whose units apply, as a timestamp; buildings themselves are not dated.
    box
        Only buildings that touch this box (degrees, EPSG:4490); None means all.
    """
    params: dict[str, object] = {"at": at}
    where = "true"
    if box is not None:
        where = f"b.geom && ST_GeomFromWKB(%(box)s, {STORAGE_SRID})"
        params["box"] = shapely.to_wkb(box)
    rows = fetch_rows(session, INDEXED_BUILDINGS_SQL.format(where=where), params)
    parts = read_parts(session, at, None if box is None else [row[0] for row in rows])
    return index_buildings(rows, parts)


def read_parts(session: Session, at: str, buildings: Sequence[int] | None) -> list[tuple[Any, ...]]:
    """Read the parts of buildings that belong to units at a moment, as rows of `PARTS_SQL`.

    Parameters
    ----------
    buildings
        Ids; None means all.
    """
    if buildings is None:
        return fetch_rows(session, PARTS_SQL.format(where="true"), {"at": at})
    where = "p.building_id = ANY(%(ids)s)"
    params = {"at": at, "ids": list(buildings)}
    return fetch_rows(session, PARTS_SQL.format(where=where), params) if buildings else []


def index_buildings(rows: list[tuple[Any, ...]], parts: list[tuple[Any, ...]]) -> BuildingIndex:
    """Return the index of rows of `INDEXED_BUILDINGS_SQL` and of `PARTS_SQL`, both in order."""
    shapes = (
        shapely.from_wkb(np.array([row[5] for row in rows], dtype=object))
        if rows
        else np.empty(0, dtype=object)
    )
    return BuildingIndex(
        np.array([row[0] for row in rows], dtype=np.int64),
        [row[1] for row in rows],
        [row[2] for row in rows],
        [row[3] for row in rows],
        [row[4] for row in rows],
        shapes,
        shapely.get_coordinates(shapely.point_on_surface(shapes)),
        parts,
        np.array([part[0] for part in parts], dtype=np.int64),
    )


def find_building_point(session: Session, code: str) -> tuple[float, float] | None:
    """Return a point on the building with a code; None if there is none.

    Returns
    -------
    tuple[float, float] or None
        Longitude and latitude, degrees, EPSG:4490.
    """
    inside = func.ST_PointOnSurface(Building.geom)
    row = session.execute(
        select(func.ST_X(inside), func.ST_Y(inside)).where(Building.code == code)
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def list_units_of_room(session: Session, building_id: int, stairwell: str, room: str) -> set[int]:
    """List the units of the households with a room number.

    Parameters
    ----------
    stairwell
        Empty means any stairwell.
    """
    rows = fetch_rows(session, ROOMS_SQL, {"building": building_id})
    return {
        unit
        for name, door, unit in rows
        if normalise_label(door) == normalise_label(room)
        and (not stairwell or name is None or normalise_label(name) == stairwell)
    }
