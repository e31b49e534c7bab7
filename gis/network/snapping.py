"""Snap points to the walking network: the nearest street of the best rank behind no wall."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from gis.network.parts import ISLAND, SNAPPED

Floats = NDArray[np.float64]
Ints = NDArray[np.signedinteger[Any]]
Bools = NDArray[np.bool_]
Shapes = NDArray[np.object_]

MAX_SNAP_DISTANCE_M = 100.0  # metres; a point farther from all streets is off the network
WALL_TOLERANCE_M = 0.05  # a leg that begins or ends within this of a wall does not cross it


@dataclass(frozen=True)
class SnappedPoints:
    """Points snapped to the network, one entry each.

    edge: Number of the nearest edge; -1 off the network or on an island.
    offset: Metres along the edge from its first node.
    leg: Straight distance in metres from the point to the street; infinite off the network.
    island: Whether the only streets within the limit belong to islands.
    """

    edge: Ints
    offset: Floats
    leg: Floats
    island: Bools = field(default_factory=lambda: np.empty(0, bool))

    def __post_init__(self) -> None:
        """Fill `island` with False if it was left out."""
        if self.island.size != self.edge.size:
            object.__setattr__(self, "island", np.zeros(self.edge.size, bool))

    def __len__(self) -> int:
        """Return the number of points."""
        return self.edge.size

    def __getitem__(self, which: Any) -> "SnappedPoints":
        """Return the selected points."""
        return SnappedPoints(
            *(
                np.atleast_1d(column[which])
                for column in (self.edge, self.offset, self.leg, self.island)
            )
        )

    def join(self, more: "SnappedPoints") -> "SnappedPoints":
        """Return these points and then the others."""
        pairs = zip(vars(self).values(), vars(more).values(), strict=True)
        return SnappedPoints(*(np.concatenate(pair) for pair in pairs))


class Pieces(NamedTuple):
    """The straight pieces of all edges, with the metres of the edge that precede each."""

    edge: Ints
    start: Floats
    way: Floats
    metres: Floats
    preceding_m: Floats


def pieces_of(lines: Shapes) -> Pieces:
    """Cut lines into their straight pieces."""
    points, edge = shapely.get_coordinates(lines, return_index=True)
    inner = np.flatnonzero(edge[1:] == edge[:-1])
    way = points[inner + 1] - points[inner]
    metres = np.hypot(*way.T)
    total = np.concatenate([[0.0], np.cumsum(metres)])[:-1]
    edge = edge[inner].astype(np.int32)
    first_piece = np.searchsorted(edge, np.arange(len(lines)))
    return Pieces(edge, points[inner], way, metres, total - total[first_piece][edge])


def places_of(nodes: Floats) -> Ints:
    """Return a number for each node, the same for nodes at one place; shape (n,)."""
    order = np.lexsort(nodes.T)
    number = np.zeros(len(nodes), np.int64)
    number[order[1:]] = np.cumsum((nodes[order[1:]] != nodes[order[:-1]]).any(axis=1))
    return number


def doubled(
    ends: tuple[Ints, Ints], lines: Shapes, rank: Ints, length: Floats, public: Bools
) -> Bools:
    """Return which edges are drawn on the very line of another one.

    Parameters
    ----------
    ends
        Per edge, the numbers of the places of its ends, as `places_of` gives them.
    lines
        Their lines.
    rank
        Per edge, as of `gis.network.parts.ranks`: of edges on one line the first of these stays,
    public
        then one that is public,
    length
        then the one that costs least to walk.

    Notes
    -----
    Nothing is snapped to a doubled edge: else two places on one street would stand on different
    edges, and walk from one to the other round by its ends.
    """
    low, high = np.minimum(*ends), np.maximum(*ends)
    order = np.lexsort((length, ~public, rank, high, low))
    again = (low[order[1:]] == low[order[:-1]]) & (high[order[1:]] == high[order[:-1]])
    parallel = order[np.r_[False, again] | np.r_[again, False]]
    result = np.zeros(len(lines), bool)
    drawn = set()
    for edge, line in zip(
        parallel.tolist(), shapely.to_wkb(shapely.normalize(lines[parallel])), strict=True
    ):
        key = int(low[edge]), int(high[edge]), line
        result[edge] = key in drawn
        drawn.add(key)
    return result


class Snapper:
    """Finds the nearest edge of points.

    Edges of a lower rank come first (`gis.network.parts.ranks`).
    """

    def __init__(self, lines: Shapes, rank: Ints, walls: Shapes) -> None:
        self._lines = lines
        self._edges = [np.flatnonzero(rank == number) for number in range(ISLAND + 1)]
        self._trees = [STRtree(lines[edges]) for edges in self._edges]
        self._pieces: dict[int, tuple[STRtree, Shapes, Ints]] = {}
        self._walls = STRtree(walls) if len(walls) else None

    def nearest(self, shapes: Shapes) -> tuple[Ints, Floats, Shapes, Bools]:
        """Find the nearest edge of each shape.

        Returns
        -------
        The edge (-1 for none), the leg in metres, the point on the street, and whether only an
        island lies within `MAX_SNAP_DISTANCE_M`.

        Notes
        -----
        The rule: the nearest straight piece of street, among those of the best rank within
        `MAX_SNAP_DISTANCE_M`, whose straight leg crosses no wall.
        """
        edge, leg = np.full(len(shapes), -1, np.int32), np.full(len(shapes), np.inf)
        at: Shapes = np.full(len(shapes), None, object)
        open_ = np.arange(len(shapes))
        for rank in SNAPPED:
            if not open_.size or not self._edges[rank].size:
                continue
            shape, hit, metres = self._nearest_of_rank(rank, shapes[open_])
            edge[open_[shape]], leg[open_[shape]] = hit, metres
            legs = shapely.shortest_line(shapes[open_[shape]], self._lines[hit])
            at[open_[shape]] = shapely.get_point(legs, 1)
            blocked = open_[shape[self.blocked(legs)]]
            edge[blocked], leg[blocked], at[blocked] = -1, np.inf, None
            for number, (other, way_m, point) in self._around_walls(rank, shapes, blocked):
                edge[number], leg[number], at[number] = other, way_m, point
            open_ = open_[edge[open_] < 0]
        island = np.zeros(len(shapes), bool)
        if open_.size and self._edges[ISLAND].size:
            shape, _ = self._trees[ISLAND].query(
                shapes[open_], predicate="dwithin", distance=MAX_SNAP_DISTANCE_M
            )
            island[open_[shape]] = True
        return edge, leg, at, island

    def _nearest_of_rank(self, rank: int, shapes: Shapes) -> tuple[Ints, Ints, Floats]:
        (shape, hit), leg = self._trees[rank].query_nearest(
            shapes, max_distance=MAX_SNAP_DISTANCE_M, return_distance=True, all_matches=False
        )
        return shape, self._edges[rank][hit], leg

    def _around_walls(
        self, rank: int, shapes: Shapes, blocked: Ints
    ) -> list[tuple[int, tuple[int, float, shapely.Point]]]:
        """Find the nearest unblocked piece for shapes whose nearest street is behind a wall."""
        if not blocked.size:
            return []
        tree, segments, edges = self._segments(rank)
        shape, hit = tree.query(shapes[blocked], predicate="dwithin", distance=MAX_SNAP_DISTANCE_M)
        legs = shapely.shortest_line(shapes[blocked][shape], segments[hit])
        metres = shapely.length(legs)
        order = np.lexsort((metres, shape))
        shape, hit, legs, metres = shape[order], hit[order], legs[order], metres[order]
        start = (
            np.flatnonzero(np.r_[True, shape[1:] != shape[:-1]]) if shape.size else np.empty(0, int)
        )
        end = np.r_[start[1:], shape.size]
        matches = []
        while start.size:  # the next candidate of each shape without a match
            free = ~self.blocked(legs[start])
            matches += [
                (
                    int(blocked[shape[i]]),
                    (int(edges[hit[i]]), float(metres[i]), shapely.get_point(legs[i], 1)),
                )
                for i in start[free].tolist()
            ]
            start, end = start[~free] + 1, end[~free]
            start, end = start[start < end], end[start < end]
        return matches

    def _segments(self, rank: int) -> tuple[STRtree, Shapes, Ints]:
        if rank not in self._pieces:
            edges = self._edges[rank]
            pieces = pieces_of(self._lines[edges])
            lines = shapely.linestrings(np.stack([pieces.start, pieces.start + pieces.way], axis=1))
            self._pieces[rank] = STRtree(lines), lines, edges[pieces.edge]
        return self._pieces[rank]

    def walls_near(self, box: shapely.Geometry) -> Shapes:
        """Return the walls whose bounds meet a box."""
        if self._walls is None:
            return np.empty(0, object)
        walls: Shapes = self._walls.geometries[self._walls.query(box)]
        return walls

    def blocked(self, legs: Shapes) -> Bools:
        """Return which straight legs cross a wall; touching one with an end is not crossing."""
        crossed = np.zeros(len(legs), bool)
        if self._walls is None or not len(legs):
            return crossed
        ends = shapely.get_coordinates(legs).reshape(-1, 2, 2)
        way = ends[:, 1] - ends[:, 0]
        metres = np.hypot(*way.T)
        long = np.flatnonzero(metres > 2 * WALL_TOLERANCE_M)
        inset = way[long] * (WALL_TOLERANCE_M / metres[long])[:, None]
        trimmed = shapely.linestrings(
            np.stack([ends[long, 0] + inset, ends[long, 1] - inset], axis=1)
        )
        hit, _ = self._walls.query(trimmed, predicate="intersects")
        crossed[long[np.unique(hit)]] = True
        return crossed
