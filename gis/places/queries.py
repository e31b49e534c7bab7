"""Buildings near places, and which ten-household units stand on them."""

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

MAX_BUILDING_DISTANCE_M = (
    15.0  # metres: as far as a point at the door, or from a poor receiver, lies from its building
)

BUILDINGS = """
SELECT b.id, b.code, b.name, b.estate, b.address, ST_AsBinary(b.geom) FROM building b
WHERE {where} ORDER BY b.code COLLATE "C\""""
# A unit counts while it is not retired, and, where its shapes are dated, while one is in force.
PARTS = """
SELECT p.building_id, u.id, u.code, u.name, coalesce(d.parent_id, u.parent_id), s.name,
    p.floor_from, p.floor_to
FROM unit_part p JOIN area u ON u.id = p.unit_id LEFT JOIN stairwell s ON s.id = p.stairwell_id
  LEFT JOIN dated_parent d ON d.area_id = u.id AND d.valid_time @> %(at)s::timestamptz
WHERE {where} AND (u.retired_at IS NULL OR u.retired_at > %(at)s::timestamptz)
  AND (EXISTS (SELECT FROM boundary f
      WHERE f.area_id = u.id AND f.valid_time @> %(at)s::timestamptz)
       OR NOT EXISTS (SELECT FROM boundary f WHERE f.area_id = u.id))
ORDER BY p.building_id, u.code COLLATE "C", s.name, p.floor_from"""
ROOMS = """
SELECT s.name, h.room, h.unit_id FROM household h LEFT JOIN stairwell s ON s.id = h.stairwell_id
WHERE h.building_id = %(building)s AND h.unit_id IS NOT NULL"""


class Part(NamedTuple):
    """A part of a building and the unit that has it; None means every stairwell, every floor."""

    building_id: int
    unit_id: int
    code: str
    name: str
    grid_id: int
    stairwell: str | None
    floor_from: int | None
    floor_to: int | None

    def fits(self, stairwell: str, floor: int | None) -> bool:
        """Whether an address may lie in this part; what it does not say fits everywhere."""
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
    """Buildings in memory, in the order of their codes, so that the lower row is the lower code.

    spots: A point on each building, which says in whose grid it stands: (n, 2), degrees, EPSG:4490.
    parts: Their parts, sorted by building id, with `part_of` the ids.
    """

    ids: Ints
    codes: list[str]
    names: list[str]
    estates: list[str]
    addresses: list[str]
    shapes: Any
    spots: Floats
    parts: list[tuple[Any, ...]]
    part_of: Ints

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
        """The buildings in metres, each by the length of a degree at its own place, and those
        lengths.
        """
        per_lon, per_lat = local_distance.metres_per_degree(self.spots[:, 1])
        points, owner = shapely.get_coordinates(self.shapes, return_index=True)
        flat = points * np.column_stack([per_lon, per_lat])[owner]
        return shapely.set_coordinates(self.shapes.copy(), flat), per_lon, per_lat

    @cached_property
    def estate_names(self) -> frozenset[str]:
        """Return the names of all estates without 小区, and how they begin: 康宁 of 康宁花园."""
        names = {short_estate(name) for name in set(self.estates)}
        return frozenset(name[:size] for name in names for size in range(2, len(name) + 1))

    def covering(self, lon: float, lat: float) -> int | None:
        """The building that covers a point, border included.

        Of several the lower code; None when none does.
        """
        rows = self.cells.covering(lon, lat)
        return int(rows[0]) if rows.size else None

    def within(self, lon: float, lat: float, metres: float) -> list[tuple[float, int]]:
        """Buildings within some metres of a point: distance and row, nearest first, then lower
        code.
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
        """The parts of a building that units have, in the order of the units' codes."""
        building = int(self.ids[row])
        start, last = self.part_of.searchsorted((building, building + 1))
        return [Part(*part) for part in self.parts[start:last]]

    def label_of(self, row: int) -> BuildingLabel:
        """What a building is called."""
        return label_building(self.names[row], self.estates[row], self.addresses[row])


def read_places(session: Session, at: str, box: Any | None = None) -> BuildingIndex:
    """Read buildings and their parts.

    Parameters
    ----------
    at
        The moment whose units count, as a timestamp; buildings themselves are not dated.
    box
        Only buildings that touch this box (degrees, EPSG:4490); None reads all.
    """
    params: dict[str, object] = {"at": at}
    where = "true"
    if box is not None:
        where = f"b.geom && ST_GeomFromWKB(%(box)s, {STORAGE_SRID})"
        params["box"] = shapely.to_wkb(box)
    rows = fetch_rows(session, BUILDINGS.format(where=where), params)
    ids: Ints = np.array([row[0] for row in rows], dtype=np.int64)
    shapes = (
        shapely.from_wkb(np.array([row[5] for row in rows], dtype=object))
        if rows
        else np.empty(0, dtype=object)
    )
    if box is None:
        where = "true"
    else:
        where, params = "p.building_id = ANY(%(ids)s)", {"at": at, "ids": ids.tolist()}
    parts = fetch_rows(session, PARTS.format(where=where), params) if rows else []
    return BuildingIndex(
        ids,
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
    """Return a point on the building with a code: longitude and latitude, degrees, EPSG:4490.

    None without one.
    """
    inside = func.ST_PointOnSurface(Building.geom)
    row = session.execute(
        select(func.ST_X(inside), func.ST_Y(inside)).where(Building.code == code)
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def list_units_of_room(session: Session, building_id: int, stairwell: str, room: str) -> set[int]:
    """The units of the households behind a room number, in one stairwell or (when empty) in any."""
    rows = fetch_rows(session, ROOMS, {"building": building_id})
    return {
        unit
        for name, door, unit in rows
        if normalise_label(door) == normalise_label(room)
        and (not stairwell or name is None or normalise_label(name) == stairwell)
    }
