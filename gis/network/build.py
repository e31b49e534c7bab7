"""The walking network in memory: a graph, edges to snap to, and a lattice snapped once.

Everything is metric here, in the deployment's own zone (`gis.crs.metric`); longitude and latitude stay outside.
"""

import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array, csr_array
from scipy.spatial import cKDTree
from shapely import STRtree
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import crs
from gis.errors import Unavailable

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int32]

FARTHEST = 100.0  # metres from a street: further out is off the network
FINEST, COARSEST = 6.0, 12.0  # metres between lattice points: 0.993 to 0.998 F1 against exact distances
FINE, MOST = 1e6, 8e6  # lattice points from which it grows coarser, and at most
ALONG = 5.0  # metres between the points along streets that the lattice is looked up by
BLOCK = 200_000  # lattice points snapped at a time, so that memory stays flat


@dataclass(frozen=True)
class Snaps:
    """Places put on the network, one entry each.

    edge: Number of the nearest edge; -1 off the network.
    offset: Metres from the edge's first node along it.
    leg: Straight metres from the place to the street; infinite off the network.
    """

    edge: Ints
    offset: Floats
    leg: Floats

    def __len__(self) -> int:
        return self.edge.size

    def __getitem__(self, which: Any) -> "Snaps":
        return Snaps(np.atleast_1d(self.edge[which]), np.atleast_1d(self.offset[which]), np.atleast_1d(self.leg[which]))


@dataclass(frozen=True)
class Lattice:
    """A metric lattice, each point snapped once. All arrays have the shape (rows, columns), row 0 southernmost.

    west, south: Metric coordinates of the first point. spacing: metres between points.
    edge: Number of the nearest edge; -1 off the network.
    u, v: The nodes at that edge's ends; off the network the number of nodes, one past the last.
    by_u, by_v: Metres from those nodes to the point: along the edge and the straight leg.
    """

    west: float
    south: float
    spacing: float
    edge: Ints
    u: Ints
    v: Ints
    by_u: Singles
    by_v: Singles


@dataclass(frozen=True)
class Network:
    """The walking network.

    version: As stored; the same version is the same network.
    epsg: The metric system of all coordinates here.
    nodes: Node coordinates, metres, shape (n, 2).
    u, v, length: Per edge, its end nodes (by number, not id) and its geodesic length in metres.
    lines: Per edge, its shapely LineString in metres, from u to v.
    """

    version: str
    epsg: int
    nodes: Floats
    u: Ints
    v: Ints
    length: Floats
    lines: NDArray[np.object_]

    @cached_property
    def graph(self) -> csr_array:
        """Symmetric sparse matrix of lengths; of parallel edges the shortest counts."""
        count = len(self.nodes)
        one, other = np.concatenate([self.u, self.v]), np.concatenate([self.v, self.u])
        length = np.concatenate([self.length, self.length])
        order = np.lexsort((length, other, one))
        one, other, length = one[order], other[order], length[order]
        first = np.ones(one.size, bool)
        first[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
        first &= one != other
        return coo_array((length[first], (one[first], other[first])), shape=(count, count)).tocsr()

    @cached_property
    def tree(self) -> STRtree:
        """Index of the edges' lines."""
        return STRtree(self.lines)

    @cached_property
    def stretch(self) -> Floats:
        """Geodesic metres per projected metre of every edge (1 ± 1e-4 in a 3-degree zone)."""
        return self.length / np.maximum(shapely.length(self.lines), 1e-9)

    @cached_property
    def lattice(self) -> Lattice:
        """The lattice over the whole network, snapped; made when first asked for."""
        return make_lattice(self)

    def to_metric(self, lon: ArrayLike, lat: ArrayLike) -> Floats:
        """Degrees (EPSG:4490) to metres of this network, shape (n, 2)."""
        x, y = crs.transformer(4490, self.epsg).transform(np.atleast_1d(lon), np.atleast_1d(lat))
        return np.column_stack([x, y])

    def snap(self, shapes: NDArray[np.object_]) -> Snaps:
        """Put points, or rings of polygons, on the nearest edge by straight distance.

        Args:
            shapes: shapely Points or LinearRings in metres; of a ring its point nearest to a street counts.

        The nearest edge is taken even when it is an island's: who stands on an island is on it.
        """
        found = Snaps(np.full(len(shapes), -1, np.int32), np.zeros(len(shapes)), np.full(len(shapes), np.inf))
        if not len(shapes) or not len(self.lines):
            return found
        (place, edge), leg = self.tree.query_nearest(
            shapes, max_distance=FARTHEST, return_distance=True, all_matches=False
        )
        lines = self.lines[edge]
        at = shapes[place]
        if not (shapely.get_type_id(at) == 0).all():
            at = shapely.get_point(shapely.shortest_line(at, lines), 1)
        found.edge[place], found.leg[place] = edge, leg
        found.offset[place] = np.minimum(shapely.line_locate_point(lines, at) * self.stretch[edge], self.length[edge])
        return found

    def snap_degrees(self, lon: ArrayLike, lat: ArrayLike) -> Snaps:
        """Put points given in degrees (EPSG:4490) on the network."""
        return self.snap(shapely.points(self.to_metric(lon, lat)))


def spacing_for(area: float) -> float:
    """Metres between lattice points for so many m² of extent: fine for a neighbourhood, coarser for a county."""
    return float(max(np.clip(np.sqrt(area / FINE), FINEST, COARSEST), np.sqrt(area / MOST)))


def make_lattice(network: Network, spacing: float | None = None) -> Lattice:
    """Snap a lattice over the network's extent, grown so that every point within 100 m of a street is in it.

    A k-d tree of points along the streets finds the piece of street, then the point is put on it exactly. Where two
    streets are within a metre of equally near, the other one may be taken: good enough to draw, never used to count.
    """
    west, south, east, north = shapely.total_bounds(network.lines)
    spacing = spacing or spacing_for((east - west) * (north - south))
    margin = FARTHEST + 4 * spacing
    west, south = west - margin, south - margin
    columns = int(np.ceil((east + margin - west) / spacing)) + 1
    rows = int(np.ceil((north + margin - south) / spacing)) + 1
    total, nobody = rows * columns, len(network.nodes)
    edge, u, v = (
        np.full(total, -1, np.int32),
        np.full(total, nobody, np.int32),
        np.full(total, nobody, np.int32),
    )
    by_u, by_v = np.full(total, np.inf, np.float32), np.full(total, np.inf, np.float32)
    pieces = _pieces(network)
    step = np.maximum(np.ceil(pieces.metres / ALONG), 1).astype(int)
    piece = np.repeat(np.arange(step.size), step)
    nth = np.arange(piece.size) - np.repeat(np.cumsum(step) - step, step)
    share = (nth + 0.5) / step[piece]
    tree = cKDTree(pieces.start[piece] + share[:, None] * pieces.way[piece])
    for begin in range(0, total, BLOCK):
        part = np.arange(begin, min(begin + BLOCK, total))
        points = np.column_stack([west + part % columns * spacing, south + part // columns * spacing])
        _, hit = tree.query(points, distance_upper_bound=FARTHEST + ALONG, workers=-1)
        near = np.flatnonzero(hit < piece.size)
        on = piece[hit[near]]
        way, from_start = pieces.way[on], points[near] - pieces.start[on]
        along = np.clip((way * from_start).sum(1) / np.maximum((way * way).sum(1), 1e-12), 0, 1)
        away = np.hypot(*(from_start - along[:, None] * way).T)
        close = away <= FARTHEST
        place, on = part[near[close]], on[close]
        found, leg = pieces.edge[on], away[close]
        metres = pieces.before[on] + along[close] * pieces.metres[on]
        offset = np.minimum(metres * network.stretch[found], network.length[found])
        edge[place], u[place], v[place] = found, network.u[found], network.v[found]
        by_u[place], by_v[place] = offset + leg, network.length[found] - offset + leg
    table: list[Any] = [one.reshape(rows, columns) for one in (edge, u, v, by_u, by_v)]
    return Lattice(west, south, spacing, *table)


class Pieces(NamedTuple):
    """The straight pieces of all edges: edge number, start, vector to the end, metres, metres of the edge before it."""

    edge: Ints
    start: Floats
    way: Floats
    metres: Floats
    before: Floats


def _pieces(network: Network) -> Pieces:
    points, edge = shapely.get_coordinates(network.lines, return_index=True)
    inner = np.flatnonzero(edge[1:] == edge[:-1])
    way = points[inner + 1] - points[inner]
    metres = np.hypot(*way.T)
    total = np.concatenate([[0.0], np.cumsum(metres)])[:-1]
    edge = edge[inner].astype(np.int32)
    first = np.searchsorted(edge, np.arange(len(network.lines)))
    return Pieces(edge, points[inner], way, metres, total - total[first][edge])


def from_degrees(
    version: str, nodes: Floats, u: NDArray[Any], v: NDArray[Any], length: Floats, lines: NDArray[np.object_]
) -> Network:
    """Make a network from lines in degrees.

    Args:
        nodes: Longitude and latitude, EPSG:4490, shape (n, 2).
        u, v: Per edge, the numbers of its end nodes.
        length: Per edge, metres along the ellipsoid.
        lines: Per edge, a shapely LineString in degrees.

    Raises:
        Unavailable: There are no edges.
    """
    if not len(lines):
        raise Unavailable("the walking network is empty; load streets first: ./wangge load osm FILE --commit")
    middle = nodes.mean(axis=0)
    epsg = crs.metric(float(middle[0]), float(middle[1]))
    change = crs.transformer(4490, epsg).transform
    metric = shapely.transform(lines, lambda xy: np.column_stack(change(xy[:, 0], xy[:, 1])))
    return Network(
        version,
        epsg,
        np.column_stack(change(nodes[:, 0], nodes[:, 1])),
        u.astype(np.int32),
        v.astype(np.int32),
        length,
        metric,
    )


_loaded: dict[str, Network] = {}
_lock = threading.Lock()


def load(session: Session) -> Network:
    """The stored network, kept in memory until another version is stored.

    Raises:
        Unavailable: None is stored.
    """
    version = session.scalar(text("SELECT version FROM walk_network"))
    if version is None:
        raise Unavailable("no walking network is loaded; load streets first: ./wangge load osm FILE --commit")
    with _lock:
        if version not in _loaded:
            _loaded.clear()
            _loaded[version] = _read(session, version)
        return _loaded[version]


def _read(session: Session, version: str) -> Network:
    found, x, y = _columns(session, "SELECT id, ST_X(shape), ST_Y(shape) FROM walk_node ORDER BY id")
    u, v, length, wkb = _columns(session, "SELECT u, v, length, ST_AsBinary(shape) FROM walk_edge ORDER BY id")
    ids = np.array(found, np.int64)
    return from_degrees(
        version,
        np.column_stack([np.array(x, float), np.array(y, float)]),
        np.searchsorted(ids, np.array(u, np.int64)),
        np.searchsorted(ids, np.array(v, np.int64)),
        np.array(length, float),
        shapely.from_wkb([bytes(one) for one in wkb]),
    )


def _columns(session: Session, query: str) -> list[tuple[Any, ...]]:
    rows = session.execute(text(query)).all()
    return list(zip(*rows, strict=True)) if rows else [()] * (query.split(" FROM ")[0].count(", ") + 1)
