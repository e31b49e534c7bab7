"""Paths that planners closed, added or gated, applied to the network of the map.

An edit keeps its own shape. So it holds after every load of the map: whenever the network is read,
the edits in force are fitted to it anew, and those that no longer fit are named.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from shapely import LineString, Point, STRtree
from shapely.ops import substring

from gis.errors import Unavailable
from gis.network.edge_facts import climbing
from gis.network.edits import CLOSED, Edit
from gis.network.joiner import SAME_M, Stop
from gis.network.shape_parts import points_of
from gis.network.snapping import Floats, Ints
from gis.network.store import MIN_EDGE_LENGTH_M
from gis.shapes.measure import GEOD

if TYPE_CHECKING:
    from gis.network.build import Network

CLOSE_M = 5.0  # metres between a closing line and the paths that it closes
JOIN_REACH_M = 15.0  # metres of a gate or closing point from its path, of an end from what it joins
GATE_M = 1.0  # metres of path that a gate takes
MIN_CLOSED_SHARE = 0.5  # share of an edge that a closing line runs along, so that it is meant


class EditedNetwork(NamedTuple):
    """A network with edits.

    ids: The edits. unfit: Of those that do not fit, the code that says why.
    """

    network: "Network"
    ids: tuple[int, ...]
    unfit: dict[int, str]


def apply_edits(network: "Network", edits: Sequence[Edit], version: str) -> EditedNetwork:
    """Return a network with edits.

    Parameters
    ----------
    network
        Of the map, with its plain lengths.
    version
        Of the result.

    Raises
    ------
    Unavailable
        The edits close all of it.

    Notes
    -----
    Edits are fitted to the paths of the map and to added ones as drawn, not to the pieces into
    which others cut these; so their order does not matter. A path is closed from one junction to
    the next. A gate takes a metre of it. An added path meets what it crosses on the ground, and
    each end the nearest path within JOIN_REACH_M that no wall hides. Where heights are known it
    climbs evenly between the paths that it meets.
    """
    draft = _Draft(network, edits)
    for number, edit in enumerate(edits):
        if edit.kind == "close":
            draft.close(number)
    draft.join_added()
    for number, edit in enumerate(edits):
        if edit.kind == "gate":
            draft.gate(number)
    draft.name_islands()
    return EditedNetwork(draft.finish(version), tuple(edit.id for edit in edits), draft.unfit)


class _Piece(NamedTuple):
    """A part of an edge.

    Its share of the length from begin to end, its line, end nodes, and new hours.
    """

    edge: int
    begin: float
    end: float
    line: LineString
    u: int
    v: int
    hours: str | None = None


class _Draft:
    """A network being edited: its edges, the added ones behind them, and where they are cut."""

    def __init__(self, network: "Network", edits: Sequence[Edit]) -> None:
        self.network, self.edits = network, edits
        self.shapes = shapely.transform(
            np.array([edit.geom for edit in edits], object),
            lambda xy: network.to_metric(xy[:, 0], xy[:, 1]) if len(xy) else xy,
        )
        added = [number for number, edit in enumerate(edits) if edit.kind == "add"]
        self.base, self.first_node = len(network.lines), len(network.nodes)
        self.edge_of = {number: self.base + index for index, number in enumerate(added)}
        self.lines = np.concatenate([network.lines, self.shapes[added]])
        self.points: list[Point] = []  # of the new nodes
        self.heights: list[float] = []  # of the new nodes, metres
        self.height = network.height if len(network.height) else np.full(self.first_node, np.nan)
        ends = [self._new_node(Point(self.shapes[n].coords[i])) for n in added for i in (0, -1)]
        self.u = np.concatenate([network.u, np.array(ends[::2], np.int32)])
        self.v = np.concatenate([network.v, np.array(ends[1::2], np.int32)])
        self.ground = network.flags.grown(len(added)).ground
        self.alias: dict[int, int] = {}
        self.stops: dict[int, list[tuple[float, Stop]]] = {}
        self.links: list[tuple[Stop, Stop]] = []
        self.joins: list[tuple[int, int]] = []  # an added edge and what it meets
        self.gates: dict[int, list[tuple[float, float, str]]] = {}
        self.closed: set[int] = set()
        self.unfit: dict[int, str] = {}
        edge, number = STRtree(self.shapes).query(
            self.lines, predicate="dwithin", distance=JOIN_REACH_M
        )
        order = np.argsort(number, kind="stable")
        begins = np.searchsorted(number[order], np.arange(len(edits) + 1))
        self.near = [edge[order[low:high]] for low, high in pairwise(begins)]
        self.walls = STRtree(network.walls)

    def close(self, number: int) -> None:
        """Close the edge at a point, or those that a line runs along."""
        shape, candidates = self.shapes[number], self.near[number]
        if shape.geom_type == "Point":
            edges = self._nearest(shape, candidates)[:1]
        else:
            edges = self._along(shape, candidates)
        if not len(edges):
            self.unfit[self.edits[number].id] = "path_edit.no_path_near"
        self.closed.update(map(int, edges))

    def _along(self, shape: LineString, candidates: Ints) -> Ints:
        """Return the edges that a line runs along for the most part, else the one it does most."""
        lines = self.lines[candidates]
        strip = shape.buffer(CLOSE_M, cap_style="flat")
        covered = shapely.length(shapely.intersection(lines, strip))
        start, last = (
            shapely.line_locate_point(shape, shapely.get_point(lines, end)) for end in (0, -1)
        )
        runs = (covered > SAME_M) & (np.abs(last - start) >= MIN_CLOSED_SHARE * covered)
        meant = runs & (covered >= MIN_CLOSED_SHARE * shapely.length(lines))
        if not meant.any() and runs.any():
            meant[np.where(runs, covered, 0.0).argmax()] = True
        return candidates[meant]

    def gate(self, number: int) -> None:
        """Put a gate on the nearest edge."""
        shape, edit = self.shapes[number], self.edits[number]
        edges = self._nearest(shape, self.near[number])
        if not len(edges):
            self.unfit[edit.id] = "path_edit.no_path_near"
            return
        edge = int(edges[0])
        line = self.lines[edge]
        middle = min(max(line.project(shape), GATE_M / 2), max(line.length - GATE_M / 2, 0.0))
        begin, end = max(middle - GATE_M / 2, 0.0), middle + GATE_M / 2
        self.stops.setdefault(edge, [])  # a very short edge has none but is cut
        for metres in (begin, end):
            self._stop(edge, line.interpolate(metres))
        self.gates.setdefault(edge, []).append((begin, end, edit.hours))

    def join_added(self) -> None:
        """Join added lines to what they cross, then their ends to what is near them."""
        numbers = [number for number, edge in self.edge_of.items() if edge not in self.closed]
        for number in numbers:
            self._cross(number)
        crossings = {
            number: [metres for metres, _ in self.stops.get(self.edge_of[number], [])]
            for number in numbers
        }
        for number in numbers:
            self._join_ends(number, crossings[number])

    def _open_ground(self, number: int) -> Ints:
        """Return the edges near an added line that it may meet."""
        candidates = self.near[number]
        is_met = self.ground[candidates] & (candidates != self.edge_of[number])
        return candidates[is_met & ~np.isin(candidates, list(self.closed))]

    def _cross(self, number: int) -> None:
        added_edge, shape, candidates = (
            self.edge_of[number],
            self.shapes[number],
            self._open_ground(number),
        )
        for edge in candidates[shapely.intersects(self.lines[candidates], shape)].tolist():
            for point in points_of(self.lines[edge].intersection(shape)):
                self._unite(self._stop(added_edge, point).node, self._stop(edge, point).node)
                self.joins.append((added_edge, edge))

    def _join_ends(self, number: int, crossings: Sequence[float]) -> None:
        added_edge, shape, candidates = (
            self.edge_of[number],
            self.shapes[number],
            self._open_ground(number),
        )
        for metres, end_index in ((0.0, 0), (shape.length, -1)):
            end = Point(shape.coords[end_index])
            if any(abs(crossing - metres) <= JOIN_REACH_M for crossing in crossings):
                continue  # the line goes on a little beyond what it joins
            for edge in self._nearest(end, candidates).tolist():
                leg = shapely.shortest_line(end, self.lines[edge])
                if not self._crosses_wall(leg):
                    stop = self._stop(edge, Point(leg.coords[-1]))
                    self._link(Stop(int((self.u, self.v)[end_index][added_edge]), end), stop)
                    self.joins.append((added_edge, edge))
                    break

    def name_islands(self) -> None:
        """Name the added paths that lead to no path of the map, by others neither."""
        joined: set[int] = set()
        size = -1
        while len(joined) > size:
            size = len(joined)
            for pair in self.joins:
                if min(pair) < self.base or not joined.isdisjoint(pair):
                    joined.update(pair)
        for number, edge in self.edge_of.items():
            if edge not in joined and edge not in self.closed:
                self.unfit[self.edits[number].id] = "path_edit.joins_nothing"

    def _nearest(self, point: Point, candidates: Ints) -> Ints:
        """Return the edges within reach of a point, those on the ground first, then by distance."""
        metres = shapely.distance(self.lines[candidates], point)
        order = np.lexsort((metres, ~self.ground[candidates]))
        return candidates[order][metres[order] <= JOIN_REACH_M]

    def _crosses_wall(self, leg: LineString) -> bool:
        return leg.length > SAME_M and bool(self.walls.query(leg, predicate="intersects").size)

    def _new_node(self, point: Point, height: float = np.nan) -> int:
        self.points.append(point)
        self.heights.append(height)
        return self.first_node + len(self.points) - 1

    def _stop(self, edge: int, point: Point) -> Stop:
        """Return the node of an edge at a point: an end or stop within SAME_M, or a new one."""
        line = self.lines[edge]
        metres = line.project(point)
        if metres <= SAME_M:
            return Stop(int(self.u[edge]), Point(line.coords[0]))
        if metres >= line.length - SAME_M:
            return Stop(int(self.v[edge]), Point(line.coords[-1]))
        stops = self.stops.setdefault(edge, [])
        for other, stop in stops:
            if abs(other - metres) <= SAME_M:
                return stop
        height = np.nan
        if edge < self.base:
            ends = self.height[[self.u[edge], self.v[edge]]]
            height = float(np.interp(metres / line.length, [0.0, 1.0], ends))
        stop = Stop(self._new_node(line.interpolate(metres), height), line.interpolate(metres))
        stops.append((metres, stop))
        return stop

    def _link(self, a: Stop, b: Stop) -> None:
        if a.point.distance(b.point) <= SAME_M:
            self._unite(a.node, b.node)
        else:
            self.links.append((a, b))

    def _unite(self, a: int, b: int) -> None:
        """Make a new node and another one; nodes of the map stay two."""
        new, other = sorted((self._root(a), self._root(b)), reverse=True)
        if new != other and new >= self.first_node:
            self.alias[new] = other

    def _root(self, node: int) -> int:
        while node in self.alias:
            node = self.alias[node]
        return node

    def finish(self, version: str) -> "Network":
        """Return the network: edges that are neither closed nor cut, then pieces, then links.

        Raises
        ------
        Unavailable
            Nothing would be left.
        """
        remaining = np.setdiff1d(np.arange(len(self.lines)), [*self.stops, *self.closed])
        pieces = [
            piece for edge in sorted({*self.stops} - self.closed) for piece in self._pieces(edge)
        ]
        if not len(remaining) and not pieces:
            raise Unavailable("network.empty")
        source = np.concatenate([remaining, np.array([piece.edge for piece in pieces], np.int64)])
        begin = np.r_[np.zeros(len(remaining)), [piece.begin for piece in pieces]]
        end = np.r_[np.ones(len(remaining)), [piece.end for piece in pieces]]
        links = self.links
        straight = np.array([LineString([a.point, b.point]) for a, b in links], object)
        metres = np.r_[self._metres()[source] * (end - begin), shapely.length(straight)]
        metres = np.maximum(metres, MIN_EDGE_LENGTH_M)
        facts = self.network.facts.grown(len(self.edge_of)).pieces(source, begin, end)
        hours = {len(remaining) + n: piece.hours for n, piece in enumerate(pieces) if piece.hours}
        facts = replace(facts.grown(len(links)), hours=facts.hours | hours)
        new_nodes = shapely.get_coordinates(self.points).reshape(-1, 2)
        u = self._nodes(
            self.u[remaining], [piece.u for piece in pieces], [a.node for a, _ in links]
        )
        v = self._nodes(
            self.v[remaining], [piece.v for piece in pieces], [b.node for _, b in links]
        )
        height = self._all_heights()
        added = np.flatnonzero(np.r_[source >= self.base, np.ones(len(links), bool)])
        facts = climbing(facts, added, height[v[added]] - height[u[added]], metres[added])
        return replace(
            self.network,
            version=version,
            nodes=np.concatenate([self.network.nodes, new_nodes]),
            height=height,
            u=u,
            v=v,
            metres=metres,
            length=metres,
            lines=np.concatenate(
                [
                    self.lines[remaining],
                    np.array([piece.line for piece in pieces], object),
                    straight,
                ]
            ),
            facts=facts,
            flags=self.network.flags.grown(len(self.edge_of)).select(source).grown(len(links)),
        )

    def _all_heights(self) -> Floats:
        """Return the heights of all nodes; what joins a path has the height of that path."""
        height = np.r_[self.height, self.heights]
        for a, b in [*self.alias.items(), *((a.node, b.node) for a, b in self.links)]:
            ends = [a, b, self._root(a), self._root(b)]
            heights = [height[node] for node in ends if np.isfinite(height[node])]
            height[ends] = heights[0] if heights else np.nan
        return height

    def _metres(self) -> Floats:
        added = [GEOD.geometry_length(self.edits[number].geom) for number in self.edge_of]
        return np.concatenate([self.network.metres, np.array(added, float)])

    def _nodes(self, *parts: Sequence[int] | Ints) -> Ints:
        nodes = np.concatenate([np.asarray(part, np.int32) for part in parts])
        for index in np.flatnonzero(nodes >= self.first_node).tolist():
            nodes[index] = self._root(int(nodes[index]))
        return nodes

    def _pieces(self, edge: int) -> list[_Piece]:
        """Return an edge cut at its stops, without what a closed gate takes."""
        line, gates = self.lines[edge], self.gates.get(edge, [])
        stops = [(0.0, int(self.u[edge]))]
        stops += sorted((metres, stop.node) for metres, stop in self.stops[edge])
        stops += [(line.length, int(self.v[edge]))]
        pieces = []
        for (begin, u), (end, v) in pairwise(stops):
            middle = (begin + end) / 2
            hours = [text for low, high, text in gates if low < middle < high]
            if CLOSED in hours:
                continue
            part = substring(line, begin, end)
            share = begin / line.length, end / line.length
            pieces.append(_Piece(edge, *share, part, u, v, hours[-1] if hours else None))
        return pieces
