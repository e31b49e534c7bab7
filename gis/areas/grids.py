"""The grids in force at a moment, in memory, and the grid responsible for a point."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID, fetch_rows, stream_rows
from gis.places.queries import NAMES_AT_SQL
from gis.shapes import local_distance
from gis.shapes.grid_index import CellIndex
from gis.shapes.measure import GEOD

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_GRID_DISTANCE_M = 50.0  # metres outside all grids within which the nearest is responsible
# metres; longer distances are measured on the ellipsoid
MAX_PLANAR_DISTANCE_M = 10_000.0
BAND_DEG = 0.1  # of latitude: a degree of longitude is 0.1 % longer or shorter within it
MAX_BOXES = 20_000  # points whose boxes and pairs are in memory at a time

GRIDS_AT_SQL = f"""
SELECT a.id, a.code, {NAMES_AT_SQL.format("a")}, a.parent_id, b.revision_id,
  ST_AsBinary(b.geom)
FROM boundary b JOIN area a ON a.id = b.area_id
WHERE a.level = 'grid' AND b.valid_time @> %(at)s::timestamptz {{more}}"""  # noqa: S608  our own text
IN_BOX = f"b.geom && ST_GeomFromWKB(%(box)s, {STORAGE_SRID})"
NEAREST = f"ORDER BY b.geom <-> ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), {STORAGE_SRID}) LIMIT 16"

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
        )

    def nearest(self, lon: float, lat: float) -> GridMatch | None:
        """Return the nearest grid at any distance; None if there are no grids."""
        rows, metres = self.nearest_each(np.array([lon]), np.array([lat]))
        return GridMatch(int(rows[0]), MATCH_RULES[2], float(metres[0])) if rows[0] >= 0 else None

    def others_within(
        self, row: int, lon: float, lat: float, metres: float
    ) -> list[tuple[int, float]]:
        """Return the rows but one within some metres of a point, with metres; the nearest first."""
        rows = self.cell_index.bbox_candidates(*local_distance.buffer_bbox(lon, lat, metres))
        rows = rows[rows != row]
        distances_m = local_distance.point_distances_m(self.shapes[rows], lon, lat)
        near = sorted(zip(distances_m.tolist(), rows.tolist(), strict=True))
        return [(other, m) for m, other in near if m <= metres]

    def nearest_each(self, lon: Floats, lat: Floats) -> tuple[Ints, Floats]:
        """Return the nearest grid of each of many points, at any distance.

        Returns
        -------
        Rows of the grids, and metres, by the geodesic from MAX_PLANAR_DISTANCE_M on. -1 and inf
        if there are no grids.
        """
        if not len(self.codes):
            return np.full(len(lon), -1, np.int64), np.full(len(lon), np.inf)
        points = shapely.points(lon, lat)
        rows = np.array(self.tree.nearest(points), np.int64)
        metres = local_distance.point_distances_m(self.shapes[rows], lon, lat)
        # The nearest in degrees may not be the nearest in metres: search again within its distance.
        near = np.flatnonzero(metres < MAX_PLANAR_DISTANCE_M)
        found, found_m = nearest_many(self.tree, self.shapes, lon[near], lat[near], metres[near])
        is_found = found >= 0
        rows[near[is_found]], metres[near[is_found]] = found[is_found], found_m[is_found]
        # A box that large would hold every grid, so those far away are sought by bands of latitude.
        far = np.flatnonzero(metres >= MAX_PLANAR_DISTANCE_M)
        bands = np.round(lat[far] / BAND_DEG)
        for band in np.unique(bands):
            of = far[bands == band]
            rows[of] = self._nearest_stretched(float(band) * BAND_DEG, lon[of], lat[of])
        if far.size:
            ends = shapely.get_coordinates(
                shapely.shortest_line(self.shapes[rows[far]], points[far])
            )
            metres[far] = GEOD.inv(*ends[0::2].T, *ends[1::2].T)[2]
        return rows, metres

    def _nearest_stretched(self, lat_deg: float, lon: Floats, lat: Floats) -> Ints:
        """Return the row nearest to each point where a degree of latitude is as long as there."""
        per_lon, per_lat = local_distance.metres_per_degree(lat_deg)
        stretch = np.array([per_lon / per_lat, 1.0])
        tree = shapely.STRtree(shapely.transform(self.shapes, lambda xy: xy * stretch))
        return np.array(tree.nearest(shapely.points(lon * stretch[0], lat)), np.int64)

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
            nearest, distances_m = nearest_many(
                self.tree, self.shapes, lon[outside], lat[outside], MAX_GRID_DISTANCE_M
            )
            close = distances_m <= MAX_GRID_DISTANCE_M
            rows[outside[close]], rules[outside[close]], metres[outside[close]] = (
                nearest[close],
                2,
                distances_m[close],
            )
        return rows, rules, metres

    def _nearest_of(self, rows: Any, lon: float, lat: float) -> GridMatch | None:
        if not rows.size:
            return None
        distances_m = local_distance.point_distances_m(self.shapes[rows], lon, lat)
        metres, row = min(zip(distances_m.tolist(), rows.tolist(), strict=True))
        return GridMatch(row, MATCH_RULES[2], metres) if metres <= MAX_GRID_DISTANCE_M else None


def nearest_many(
    tree: shapely.STRtree,
    shapes: Any,
    lon: Floats,
    lat: Floats,
    reach_m: Floats | float,
    allowed: Any = None,
) -> tuple[Ints, Floats]:
    """Return the nearest shape within reach of each point, and its distance in metres.

    Parameters
    ----------
    tree, shapes
        The shapes and their index.
    lon, lat
        Degrees, EPSG:4490.
    reach_m
        Metres to search around each point; shapes that meet that box count, those in its corners
        too.
    allowed
        Called with arrays of points and shapes (indices); says which pairs count. None means all.

    Returns
    -------
    Indices of the shapes, the lowest of several equally near, and distances; -1 and inf for none.
    """
    rows, distances_m = np.full(len(lon), -1, dtype=np.int64), np.full(len(lon), np.inf)
    reach_m = np.broadcast_to(reach_m, lon.shape)
    for begin in range(0, len(lon), MAX_BOXES):
        part = slice(begin, begin + MAX_BOXES)
        boxes = local_distance.buffer_boxes(lon[part], lat[part], reach_m[part])
        point, shape = tree.query(boxes)
        point += begin
        if allowed is not None:
            keep = allowed(point, shape)
            point, shape = point[keep], shape[keep]
        if point.size:
            metres = local_distance.point_distances_m(shapes[shape], lon[point], lat[point])
            order = np.lexsort((shape, metres, point))
            point, first_pairs = np.unique(point[order], return_index=True)
            rows[point], distances_m[point] = shape[order][first_pairs], metres[order][first_pairs]
    return rows, distances_m


def read_grids(session: Session, at: datetime, box: Any | None = None) -> GridIndex:
    """Read the grids in force at a moment, all or those that touch a box (degrees, EPSG:4490)."""
    more, params = "", dict[str, object](at=at)
    if box is not None:
        more, params = f"AND {IN_BOX}", params | {"box": shapely.to_wkb(box)}
    return index_grids(stream_rows(session, GRIDS_AT_SQL.format(more=more), params))


def nearest_grids(session: Session, at: datetime, lon: float, lat: float) -> GridIndex:
    """Return the grids that may be nearest to a point, at any distance.

    The index orders by degrees, so several candidates are read and measured in metres.
    """
    params = {"at": at, "lon": lon, "lat": lat}
    return index_grids([fetch_rows(session, GRIDS_AT_SQL.format(more=NEAREST), params)])


def index_grids(pieces: Iterable[Sequence[tuple[Any, ...]]]) -> GridIndex:
    """Return the index of rows of `GRIDS_AT_SQL`, which come in pieces."""
    columns: list[list[Any]] = [[], [], [], [], []]
    shapes: list[Any] = [np.empty(0, dtype=object)]
    for rows in pieces:
        *values, wkb = zip(*rows, strict=True) if rows else ((),) * 6
        for column, more in zip(columns, values, strict=True):
            column.extend(more)
        shapes.append(shapely.from_wkb(np.array(wkb, dtype=object)))
    order = sorted(range(len(columns[1])), key=columns[1].__getitem__)
    ids, codes, names, parents, revisions = ([column[i] for i in order] for column in columns)
    return GridIndex(
        np.array(ids, dtype=np.int64),
        codes,
        names,
        parents,
        revisions,
        np.concatenate(shapes)[order],
    )
