"""The registry: areas, buildings and posts at one moment in memory, complete or around points.

A single request reads what it needs through the GiST index. The web service holds a complete
snapshot and does not query the database. A file of points reads what lies around them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis.areas.models import Level
from gis.db import STORAGE_SRID, fetch_rows
from gis.people.queries import MAX_MICROS, MIN_MICROS, PERIOD_SQL, Micros, PeopleIndex, read_people
from gis.places.queries import BuildingIndex, read_places
from gis.shapes import local_distance
from gis.shapes.grid_index import CellIndex
from gis.shapes.measure import GEOD

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_GRID_DISTANCE_M = 50.0  # metres outside all grids within which the nearest is responsible
# metres; longer distances are measured on the ellipsoid
MAX_PLANAR_DISTANCE_M = 10_000.0
READ_MARGIN_M = 100.0  # metres read around the points
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

GRIDS_AT_SQL = """
SELECT a.id, a.code, name_at(a.id, a.name, %(at)s::timestamptz), a.parent_id, b.revision_id,
  ST_AsBinary(b.geom)
FROM boundary b JOIN area a ON a.id = b.area_id
WHERE a.level = 'grid' AND b.valid_time @> %(at)s::timestamptz {more}"""
ANCESTORS_SQL = """
WITH RECURSIVE up AS (
  SELECT * FROM area WHERE id = ANY(%(ids)s) UNION SELECT a.* FROM area a JOIN up
      ON a.id = up.parent_id
) SELECT id, level, code, name_at(id, name, %(at)s::timestamptz), parent_id FROM up"""
# The last change of any shape, unit or name before a moment, and the next change after it.
MOMENTS = f"""
SELECT max(t) FILTER (WHERE t <= %(at)s), min(t) FILTER (WHERE t > %(at)s) FROM (
  SELECT unnest(ARRAY[first, last]) AS t FROM (SELECT {PERIOD_SQL.format("b")}
      FROM boundary b {{shapes}}) span (first, last)
  UNION ALL SELECT (extract(epoch FROM retired_at) * 1000000)::bigint FROM area
      WHERE retired_at IS NOT NULL {{units}}
  UNION ALL SELECT (extract(epoch FROM until) * 1000000)::bigint FROM former_name
  UNION ALL SELECT (extract(epoch FROM effective) * 1000000)::bigint FROM planned_name
) moments"""  # noqa: S608  our own text
IN_BOX = f"b.geom && ST_GeomFromWKB(%(box)s, {STORAGE_SRID})"
NEAREST = f"ORDER BY b.geom <-> ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), {STORAGE_SRID}) LIMIT 16"


class Area(NamedTuple):
    """An area of the chain."""

    id: int
    level: str
    code: str
    name: str
    parent_id: int | None


MATCH_RULES = ("covers", "border_lower_code", "nearest_within_50m")


class GridMatch(NamedTuple):
    """The grid of a point: its row, the rule, and the distance in metres (0 if covered)."""

    row: int
    rule: str
    distance_m: float


@dataclass(frozen=True)
class GridIndex:
    """The grids in force, in the order of their codes, so that the lower row is the lower code."""

    ids: Ints
    codes: list[str]
    names: list[str]
    parents: list[int]
    revisions: list[int]
    shapes: Any

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The grids by their bounding boxes, for the nearest of a point."""
        return shapely.STRtree(self.shapes)

    def grid_at(self, lon: float, lat: float) -> GridMatch | None:
        """Return the grid responsible for a point, None if none lies in reach.

        Parameters
        ----------
        lon, lat
            Degrees, EPSG:4490.

        Notes
        -----
        Rules: `covers`; `border_lower_code` on the border of several grids; `nearest_within_50m`
        outside all of them.
        """
        rows = self.cell_index.covering(lon, lat)
        if rows.size:
            return GridMatch(int(rows[0]), MATCH_RULES[rows.size > 1], 0.0)
        return self._nearest_of(
            self.cell_index.bbox_candidates(
                *local_distance.buffer_bbox(lon, lat, MAX_GRID_DISTANCE_M)
            ),
            lon,
            lat,
            MAX_GRID_DISTANCE_M,
        )

    def nearest(self, lon: float, lat: float) -> GridMatch | None:
        """Return the nearest grid at any distance; None if there are no grids."""
        first_row = self.tree.nearest(shapely.Point(lon, lat))
        if first_row is None:
            return None
        # The nearest in degrees may not be the nearest in metres: search again within its distance.
        reach = float(local_distance.point_distances_m(self.shapes[[first_row]], lon, lat)[0])
        rows = np.append(
            self.cell_index.bbox_candidates(*local_distance.buffer_bbox(lon, lat, reach)), first_row
        )
        match = self._nearest_of(rows, lon, lat, np.inf)
        if match is None or match.distance_m < MAX_PLANAR_DISTANCE_M:
            return match
        x, y = shapely.shortest_line(self.shapes[match.row], shapely.Point(lon, lat)).coords[0]
        return match._replace(distance_m=float(GEOD.inv(x, y, lon, lat)[2]))

    @cached_property
    def cell_index(self) -> CellIndex:
        """The grids sorted into cells."""
        return CellIndex(self.shapes)

    def grids_at(self, lon: Floats, lat: Floats) -> tuple[Ints, NDArray[np.int8], Floats]:
        """Return the responsible grid of each of many points.

        Returns
        -------
        Rows of the grids (-1 for none), indices into `MATCH_RULES`, and distances in metres.
        """
        rows, hits = self.cell_index.covering_many(lon, lat)
        rules, metres = (hits > 1).astype(np.int8), np.zeros(len(lon))
        outside = np.flatnonzero(rows < 0)
        if outside.size and len(self.codes):
            boxes = local_distance.buffer_boxes(lon[outside], lat[outside], MAX_GRID_DISTANCE_M)
            nearest, distances_m = nearest_many(
                self.tree, self.shapes, lon[outside], lat[outside], boxes
            )
            close = distances_m <= MAX_GRID_DISTANCE_M
            rows[outside[close]], rules[outside[close]], metres[outside[close]] = (
                nearest[close],
                2,
                distances_m[close],
            )
        return rows, rules, metres

    def _nearest_of(self, rows: Any, lon: float, lat: float, limit: float) -> GridMatch | None:
        if not rows.size:
            return None
        distances_m = local_distance.point_distances_m(self.shapes[rows], lon, lat)
        metres, row = min(zip(distances_m.tolist(), rows.tolist(), strict=True))
        return GridMatch(row, "nearest_within_50m", metres) if metres <= limit else None


def nearest_many(
    tree: shapely.STRtree, shapes: Any, lon: Floats, lat: Floats, boxes: Any, allowed: Any = None
) -> tuple[Ints, Floats]:
    """Return the nearest shape that meets each point's box, and its distance in metres.

    Parameters
    ----------
    tree, shapes
        The shapes and their index.
    lon, lat
        Degrees, EPSG:4490.
    boxes
        Box to search around each point.
    allowed
        Called with arrays of points and shapes (indices); says which pairs count. None means all.

    Returns
    -------
    Indices of the shapes, the lowest of several equally near, and distances; -1 and inf for none.
    """
    rows, distances_m = np.full(len(lon), -1, dtype=np.int64), np.full(len(lon), np.inf)
    point, shape = tree.query(boxes)
    if allowed is not None:
        keep = allowed(point, shape)
        point, shape = point[keep], shape[keep]
    if point.size:
        metres = local_distance.point_distances_m(shapes[shape], lon[point], lat[point])
        order = np.lexsort((shape, metres, point))
        point, first_pairs = np.unique(point[order], return_index=True)
        rows[point], distances_m[point] = shape[order][first_pairs], metres[order][first_pairs]
    return rows, distances_m


@dataclass(frozen=True)
class RegistrySnapshot:
    """Everything locating needs, for any moment `since` <= moment < `until`.

    upper_areas: Communities, streets, counties and what is above them by id.
    building_grid: Row of the grid each building stands in, -1 outside all; `by_grid` are the
        buildings in the order of their grids, `by_grid_of` those grids.
    """

    since: Micros
    until: Micros
    grids: GridIndex
    upper_areas: dict[int, Area]
    places: BuildingIndex
    building_grid: Ints
    by_grid: Ints
    by_grid_of: Ints
    people: PeopleIndex

    def is_valid_at(self, at: datetime) -> bool:
        """Return whether the snapshot holds at a moment."""
        return self.since <= micros(at) < self.until

    def buildings_of(self, row: int) -> Ints:
        """Return the rows of the buildings of a grid, lowest code first."""
        start, end = self.by_grid_of.searchsorted((row, row + 1))
        return self.by_grid[start:end]

    def ancestors(self, parent: int | None) -> list[Area]:
        """Return the areas from a community up to its county, where the chain of a place ends."""
        areas: list[Area] = []
        while parent is not None and parent in self.upper_areas:
            areas.append(self.upper_areas[parent])
            parent = None if areas[-1].level == Level.COUNTY else areas[-1].parent_id
        return areas

    def chain(self, row: int) -> tuple[Area, ...]:
        """Return the areas of a grid, from the county down to the grid itself."""
        grids = self.grids
        parent = grids.parents[row]
        grid = Area(
            int(grids.ids[row]), Level.GRID.value, grids.codes[row], grids.names[row], parent
        )
        return (*reversed(self.ancestors(parent)), grid)

    def names_of(self, row: int) -> tuple[str, ...]:
        """Return the names of the areas of a grid."""
        if row not in self._names:
            self._names[row] = tuple(area.name for area in self.chain(row))
        return self._names[row]

    @cached_property
    def area_by_code(self) -> dict[str, Area]:
        """The areas in force by code: grids, what is above them, and units of buildings."""
        grids = self.grids
        rows = zip(grids.ids.tolist(), grids.codes, grids.names, grids.parents, strict=True)
        return {
            **{area.code: area for area in self.upper_areas.values()},
            **{row[1]: Area(row[0], Level.GRID.value, *row[1:]) for row in rows},
            **{
                code: Area(unit_id, Level.UNIT.value, code, name, grid_id)
                for _, unit_id, code, name, grid_id, *_ in self.places.parts
            },
        }

    @cached_property
    def building_ids(self) -> dict[str, int]:
        """The ids of the buildings by code."""
        return dict(zip(self.places.codes, self.places.ids.tolist(), strict=True))

    @cached_property
    def _names(self) -> dict[int, tuple[str, ...]]:
        return {}


def micros(at: datetime) -> Micros:
    """Convert a moment with time zone to microseconds as the database counts them."""
    return (at - EPOCH) // MICROSECOND


def moment(count: Micros) -> str:
    """Such a count as a timestamp in SQL."""
    if MIN_MICROS < count < MAX_MICROS:
        return (EPOCH + count * MICROSECOND).isoformat()
    return "infinity" if count == MAX_MICROS else "-infinity"


def read_snapshot(
    session: Session, at: datetime, box: Any | None = None, *, addresses: bool = False
) -> RegistrySnapshot:
    """Read the register of a moment.

    Parameters
    ----------
    at
        With its time zone.
    box
        Only what touches this box (degrees, EPSG:4490); None reads everything.
    addresses
        With a box, also the buildings beyond it of the grids that touch it, which an address may
        name.
    """
    grids = read_grids(session, at, box)
    if box is not None and addresses and len(grids.codes):
        box = shapely.box(*shapely.total_bounds([box, *grids.shapes]))
    places = read_places(session, at.isoformat(), box)
    since, until = _moments(session, at, box, places)
    upper = read_upper_areas(session, grids.parents, at)
    areas = buildings = None
    if box is not None:
        areas = [*upper, *grids.ids.tolist(), *{part[1] for part in places.parts}]
        buildings = places.ids.tolist()
    people = read_people(session, areas, buildings, moment(since))
    building_grid, _, _ = grids.grids_at(places.label_points[:, 0], places.label_points[:, 1])
    order = np.argsort(building_grid, kind="stable")
    return RegistrySnapshot(
        since, until, grids, upper, places, building_grid, order, building_grid[order], people
    )


def read_snapshot_around(
    session: Session, at: datetime, lon: Any, lat: Any, *, addresses: bool = False
) -> RegistrySnapshot:
    """Read what is needed to locate some points, `MARGIN` around them.

    Parameters
    ----------
    lon, lat
        Degrees, EPSG:4490, scalars or arrays.
    addresses
        Whether any of them comes with an address.
    """
    west, south, east, north = np.min(lon), np.min(lat), np.max(lon), np.max(lat)
    corners = local_distance.buffer_boxes(
        np.array([west, east]), np.array([south, north]), READ_MARGIN_M
    )
    return read_snapshot(
        session, at, shapely.box(*shapely.total_bounds(corners)), addresses=addresses
    )


def read_grids(session: Session, at: datetime, box: Any | None = None) -> GridIndex:
    """Read the grids in force at a moment, all or those that touch a box (degrees, EPSG:4490)."""
    if box is None:
        return _grids(fetch_rows(session, GRIDS_AT_SQL.format(more=""), {"at": at}))
    return _grids(
        fetch_rows(
            session,
            GRIDS_AT_SQL.format(more=f"AND {IN_BOX}"),
            {"at": at, "box": shapely.to_wkb(box)},
        )
    )


def read_upper_areas(session: Session, parents: list[int], at: datetime) -> dict[int, Area]:
    """Read the areas from some parents of grids up to the top, as named at a moment."""
    rows = fetch_rows(session, ANCESTORS_SQL, {"ids": [*{*parents}], "at": at})
    return {row[0]: Area(*row) for row in rows}


def nearest_grids(session: Session, at: datetime, lon: float, lat: float) -> GridIndex:
    """Return the grids that may be nearest to a point, at any distance.

    The index orders by degrees, so several candidates are read and measured in metres.
    """
    return _grids(
        fetch_rows(session, GRIDS_AT_SQL.format(more=NEAREST), {"at": at, "lon": lon, "lat": lat})
    )


def _grids(rows: list[tuple[Any, ...]]) -> GridIndex:
    rows.sort(key=lambda row: row[1])
    shapes = (
        shapely.from_wkb(np.array([row[5] for row in rows], dtype=object))
        if rows
        else np.empty(0, dtype=object)
    )
    ids, codes, names, parents, revisions, _ = zip(*rows, strict=True) if rows else ((),) * 6
    return GridIndex(
        np.array(ids, dtype=np.int64), [*codes], [*names], [*parents], [*revisions], shapes
    )


def _moments(
    session: Session, at: datetime, box: Any | None, places: BuildingIndex
) -> tuple[Micros, Micros]:
    shapes, units, params = "", "", {"at": micros(at)}
    if box is not None:
        shapes = f"WHERE {IN_BOX}"
        units = "AND id IN (SELECT unit_id FROM unit_part WHERE building_id = ANY(%(buildings)s))"
        params |= {"box": shapely.to_wkb(box), "buildings": places.ids.tolist()}
    since, until = fetch_rows(session, MOMENTS.format(shapes=shapes, units=units), params)[0]
    return MIN_MICROS if since is None else since, MAX_MICROS if until is None else until
