"""Edges of the walking network near what is joined: cut where something joins them, and linked."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import shapely
from shapely import LineString, Point, STRtree

from gis import crs
from gis.network.edge_spool import Boxes, EdgeSpool
from gis.network.store import WalkEdgeRow

SAME_M = 0.05  # nearer than this, two points are one
MIN_METRES_PER_DEGREE = 110_000.0  # of latitude, rather too few

Coords = list[tuple[float, float]]


class Stop(NamedTuple):
    """A point of an edge: a node of the network, existing or new."""

    node: int
    point: Point


class EdgeJoiner:
    """Splits edges where something joins them, and collects the new edges.

    Only the edges near what is joined are in memory, as `rows` and, in metres, `lines`; the whole
    network stays in `spool`.
    """

    def __init__(self, spool: EdgeSpool) -> None:
        self.spool = spool
        self.counts: Counter[str] = Counter()
        epsg = crs.metric_epsg(*spool.first_point)
        forward, back = (
            crs.get_transformer(4490, epsg).transform,
            crs.get_transformer(epsg, 4490).transform,
        )
        self.to_metric = lambda xy: np.column_stack(forward(xy[:, 0], xy[:, 1]))
        self.to_degrees = lambda xy: np.round(np.column_stack(back(xy[:, 0], xy[:, 1])), 9)
        self.walls = STRtree([])
        self.next_id = min(0, int(spool.node_ids.min())) - 1
        self.stops: dict[int, list[tuple[float, Stop]]] = {}
        self.links: list[WalkEdgeRow] = []
        self.new_points: dict[int, Point] = {}
        self.alias: dict[int, int] = {}

    def read_edges(self, boxes: Boxes, reach_m: float) -> None:
        """Take the edges that come within reach of boxes into memory."""
        wide = boxes.copy()
        north_south = np.abs(boxes[:, [1, 3]]).max(axis=1, initial=0)
        reach = np.column_stack(
            [reach_m / np.cos(np.radians(north_south)), np.full(len(boxes), reach_m)]
        )
        wide[:, :2] -= reach / MIN_METRES_PER_DEGREE
        wide[:, 2:] += reach / MIN_METRES_PER_DEGREE
        numbers, self.rows = self.spool.select(wide)
        self.place_of = {number: index for index, number in enumerate(numbers)}
        sizes = [len(row.coords) for row in self.rows]
        flat = np.array([point for row in self.rows for point in row.coords]).reshape(-1, 2)
        self.lines = shapely.linestrings(
            self.to_metric(flat), indices=np.repeat(np.arange(len(sizes)), sizes)
        )
        self.tree = STRtree(self.lines)
        self.ground = np.array([not row.structure for row in self.rows], bool)

    def crosses_wall(self, leg: LineString) -> bool:
        """Return whether a step crosses a wall, its very ends apart."""
        if leg.length <= 2 * SAME_M or not len(self.walls):
            return False
        inner = shapely.LineString([leg.interpolate(SAME_M), leg.interpolate(leg.length - SAME_M)])
        return bool(self.walls.query(inner, predicate="intersects").size)

    def stop(self, edge: int, point: Point, node: Stop | None = None) -> Stop:
        """Return the node of an edge at a point: an end or stop within SAME_M, or a new one."""
        line, row = self.lines[edge], self.rows[edge]
        metres = line.project(point)
        if metres <= SAME_M:
            return Stop(row.u, Point(line.coords[0]))
        if metres >= line.length - SAME_M:
            return Stop(row.v, Point(line.coords[-1]))
        for other, stop in self.stops.get(edge, []):
            if abs(other - metres) <= SAME_M:
                return stop
        stop = (
            node
            if node and node.node in self.new_points
            else self.new_stop(line.interpolate(metres))
        )
        self.stops.setdefault(edge, []).append((metres, stop))
        return stop

    def new_stop(self, point: Point) -> Stop:
        """Add a node at a point in metres."""
        node, self.next_id = self.next_id, self.next_id - 1
        self.new_points[node] = point
        return Stop(node, point)

    def link(
        self,
        a: Stop,
        b: Stop,
        kind: str,
        name: str,
        *,
        ends: bool,
        way: int | None = None,
        structure: str = "",
    ) -> None:
        """Add a straight edge between two stops; stops at one place become one node."""
        if a.node == b.node:
            return
        if a.point.distance(b.point) <= SAME_M:
            self.unite(a.node, b.node)
            return
        coords = self.to_degrees(np.array([a.point.coords[0], b.point.coords[0]])).tolist()
        self.links.append(
            WalkEdgeRow(
                way, a.node, b.node, list(map(tuple, coords)), kind, name, False, structure, ends
            )
        )

    def unite(self, survivor: int, node: int) -> None:
        """Make two nodes one."""
        if self.root(survivor) != self.root(node):
            self.alias[self.root(node)] = self.root(survivor)

    def root(self, node: int) -> int:
        """Return the node that a node has become by joining."""
        while node in self.alias:
            node = self.alias[node]
        return node

    def split(self) -> Iterator[WalkEdgeRow]:
        """Yield the edges in memory, cut at their stops."""
        for number in range(len(self.rows)):
            yield from self._pieces(number)

    def _pieces(self, number: int) -> Iterator[WalkEdgeRow]:
        """Yield an edge in memory, cut at its stops."""
        row, line = self.rows[number], self.lines[number]
        stops = sorted(self.stops.get(number, []), key=lambda item: item[0])
        if not stops:
            yield row
            return
        measures = shapely.line_locate_point(line, shapely.points(np.array(line.coords)))
        measures[-1] = line.length
        at, start, u = 0.0, row.coords[0], row.u
        for metres, stop in [*stops, (line.length, Stop(row.v, Point()))]:
            inner = [
                c
                for m, c in zip(measures, row.coords, strict=True)
                if at + 1e-6 < m < metres - 1e-6
            ]
            last = stop.node == row.v and metres == line.length
            end = row.coords[-1] if last else self._degrees_of(stop.node)
            tags = row.tags.part(at / line.length, metres / line.length)
            yield row._replace(u=u, v=stop.node, coords=[start, *inner, end], tags=tags)
            at, start, u = metres, end, stop.node

    def _degrees_of(self, node: int) -> tuple[float, float]:
        lon, lat = self.to_degrees(np.array([self.new_points[node].coords[0]]))[0].tolist()
        return lon, lat

    def __iter__(self) -> Iterator[WalkEdgeRow]:
        """Yield all edges of the network, those in memory cut, and the new ones."""
        for number, row in enumerate(self.spool):
            index = self.place_of.get(number)
            for piece in (row,) if index is None else self._pieces(index):
                yield self._rooted(piece)
        yield from map(self._rooted, self.links)

    def _rooted(self, row: WalkEdgeRow) -> WalkEdgeRow:
        if row.u not in self.alias and row.v not in self.alias:
            return row
        return row._replace(u=self.root(row.u), v=self.root(row.v))

    def nodes(self) -> Iterator[tuple[int, float, float]]:
        """Yield (id, longitude, latitude) of all nodes of the edges."""
        for stored in self.spool.nodes():
            if stored[0] not in self.alias:
                yield stored
        used = {node for row in (*self.split(), *self.links) for node in (row.u, row.v)}
        roots = {self.root(node) for node in used}
        for new in self.new_points:
            if new in roots:
                yield new, *self._degrees_of(new)
