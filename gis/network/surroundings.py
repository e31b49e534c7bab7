"""Join platforms, plazas and gates to the ways around them, and cross areas in straight lines.

Rules (docs/walking.md):

- A way that meets or crosses the outline of a walked area joins it there.
- A way on the ground within BESIDE_M of a plaza, or of a platform that nothing joins, is joined by
  steps at both ends of the stretch that runs beside it and every SAMPLE_SPACING_M between; no step
  crosses a wall.
- An area is walked in straight lines between its entrances and its inward corners, wherever such a
  line stays inside, and along its outline.
- A gate in a wall that lies on no way is joined to the nearest way on each side within
  GATE_REACH_M.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import LineString, Point, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from gis.files.progress import Progress, counted
from gis.network.edge_spool import DEAD_END_KINDS, EdgeSpool
from gis.network.joiner import SAME_M, Coords, EdgeJoiner, Stop
from gis.network.shape_parts import direction, inward_corners, lines_of, points_of
from gis.network.store import WalkEdgeRow

BESIDE_M = 10.0
SAMPLE_SPACING_M = 25.0
GATE_REACH_M = 30.0
GATE_GAP_M = 2.0  # metres of wall on each side of a gate that stand open
READ_M = 45.0  # metres around what is joined whose edges are read; beyond all reaches here
MAX_CORNERS = 120  # entrances and corners of one area that are tried pair by pair
MAX_TRIES, TRIES_PER_EDGE = 30_000, 20  # steps and lines tried in all; only made-up files come near
TRIES_BESIDE = 10  # that a way beside an area counts


class WalkArea(NamedTuple):
    """Ground that people walk all over, in degrees.

    Its outline is among the edges, of the ways `ways`.
    """

    number: int
    name: str
    polygon: Polygon
    ways: frozenset[int]
    ends: bool
    structure: str
    platform: bool


class Gate(NamedTuple):
    """A gate node: its id, place in degrees, and whether it is only for those behind it."""

    node: int
    lon: float
    lat: float
    ends: bool


@dataclass
class Surroundings:
    """What lies beside the ways of a file: walked areas, gates, and walls as (barrier, degrees)."""

    areas: list[WalkArea] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    walls: list[tuple[str, Coords]] = field(default_factory=list)


class Joined(NamedTuple):
    """The network with its links.

    Walls with gates cut out; how many links of each sort were made. The edges are read from disk as
    often as wanted.
    """

    nodes: Iterable[tuple[int, float, float]]
    edges: Iterable[WalkEdgeRow]
    walls: list[tuple[str, Coords]]
    counts: Counter[str]  # code of the note -> how many
    root: Callable[[int], int] = lambda node: node  # node of the file -> node of the network


def join_surroundings(
    edges: Iterable[WalkEdgeRow],
    around: Surroundings,
    report_progress: Progress = lambda label, count: None,
) -> Joined:
    """Return the network with areas, loose platforms and gates joined to it.

    In memory are the edges near what is joined, the surroundings, and 48 bytes for each other edge.
    """
    spool = EdgeSpool(edges)
    if not len(spool):
        return Joined([], [], around.walls, Counter())
    joiner = _Joiner(spool, around)
    walls = joiner.open_walls()
    joiner.read_near_edges()
    same = {
        (shapely.normalize(area.polygon).wkb, area.ends, area.structure): area
        for area in around.areas
    }
    # an outline drawn twice is one area
    for area in counted(same.values(), "walked areas joined", report_progress):
        joiner.join_area(area)
    joiner.join_platforms()
    joiner.join_gates()
    return Joined(joiner.nodes(), joiner, walls, joiner.counts, joiner.root)


class _Joiner(EdgeJoiner):
    """Joins the surroundings to the edges near them."""

    def __init__(self, spool: EdgeSpool, around: Surroundings) -> None:
        super().__init__(spool)
        self.around = around
        self.tries_left = MAX_TRIES + TRIES_PER_EDGE * len(spool)
        self.gate_nodes_on_ways = set(
            np.intersect1d(spool.node_ids, [gate.node for gate in around.gates]).tolist()
        )

    def read_near_edges(self) -> None:
        """Take the edges near areas, platforms and the gates in walls into memory."""
        gates = [self.around.gates[number][1:3] for number in sorted(self.wall_gates)]
        boxes = [
            self.spool.no_street_boxes,
            np.array([area.polygon.bounds for area in self.around.areas]).reshape(-1, 4),
            np.tile(np.array(gates).reshape(-1, 2), 2),
        ]
        self.read_edges(np.concatenate(boxes), READ_M)
        self.edges_of_way: dict[int, list[int]] = {}
        plaza_ways = {way for area in self.around.areas for way in area.ways}
        for number, row in enumerate(self.rows):
            if row.way_id in plaza_ways:
                self.edges_of_way.setdefault(row.way_id or 0, []).append(number)

    # --- walls and gates ---

    def open_walls(self) -> list[tuple[str, Coords]]:
        """Cut the gates out of the walls, and index what is left."""
        walls = [wall for wall in self.around.walls if len(wall[1]) > 1]
        if not walls:
            return []
        lines = [LineString(self.to_metric(np.asarray(coords, float))) for _, coords in walls]
        if self.around.gates:
            gates = shapely.points(
                self.to_metric(np.array([gate[1:3] for gate in self.around.gates], float))
            )
            hits, gate_index = STRtree(gates).query(lines, predicate="dwithin", distance=SAME_M)
            order = np.argsort(hits, kind="stable")
            gated, begins = np.unique(hits[order], return_index=True)
            parts_of_walls = np.split(gate_index[order], begins[1:])[: len(gated)]
            for wall, gaps_at in zip(gated.tolist(), parts_of_walls, strict=True):
                gaps = shapely.union_all(shapely.buffer(gates[gaps_at], GATE_GAP_M))
                lines[wall] = lines[wall].difference(gaps)
            self.wall_gates = {int(gate) for gate in gate_index}
        parts, owner = shapely.get_parts(np.array(lines, object), return_index=True)
        solid = [
            (i, part)
            for i, part in zip(owner.tolist(), parts.tolist(), strict=True)
            if part.length > 0
        ]
        self.walls = STRtree([part for _, part in solid])
        return [
            (walls[i][0], list(map(tuple, self.to_degrees(shapely.get_coordinates(part)).tolist())))
            for i, part in solid
        ]

    wall_gates: frozenset[int] | set[int] = frozenset()

    def join_gates(self) -> None:
        """Join gates in walls that lie on no way to the nearest way on each side."""
        for number in sorted(self.wall_gates):
            gate = self.around.gates[number]
            at = Point(self.to_metric(np.array([[gate.lon, gate.lat]]))[0])
            if (
                gate.node in self.gate_nodes_on_ways
                or self.tree.query(at, predicate="dwithin", distance=SAME_M).size
            ):
                continue
            candidates = self.tree.query(at, predicate="dwithin", distance=GATE_REACH_M)
            candidates = np.sort(candidates[self.ground[candidates]])
            legs = sorted(
                (shapely.shortest_line(at, self.lines[i]) for i in candidates),
                key=lambda leg: leg.length,
            )
            free_leg = next((leg for leg in legs if not self.crosses_wall(leg)), None)
            if free_leg is None:
                continue
            ahead = direction(free_leg)
            behind = next(
                (leg for leg in legs if direction(leg) @ ahead < 0 and not self.crosses_wall(leg)),
                None,
            )
            stop = self.new_stop(at)
            for leg in (free_leg, behind):
                if leg is not None:
                    edge = min(
                        candidates, key=lambda i: self.lines[i].distance(Point(leg.coords[-1]))
                    )
                    self.link(
                        stop, self.stop(edge, Point(leg.coords[-1])), "link", "", ends=gate.ends
                    )
            self.counts["osm.gates_joined"] += 1

    # --- areas ---

    def join_area(self, area: WalkArea) -> None:
        """Join an area to what meets, crosses or runs beside it, and cross it."""
        polygon = shapely.transform(area.polygon, self.to_metric)
        if not polygon.is_valid or polygon.is_empty:
            return
        inner = [edge for way in area.ways for edge in self.edges_of_way.get(way, [])]
        outline = polygon.exterior if not polygon.interiors else polygon.boundary
        inner = [edge for edge in inner if self.lines[edge].distance(outline) <= SAME_M]
        if not inner:
            return
        entrances = self._meeting(outline, inner)
        hits = self.tree.query(polygon, predicate="dwithin", distance=BESIDE_M)
        beside = np.setdiff1d(hits, inner).tolist()
        self.tries_left -= TRIES_BESIDE * len(beside)
        if self.tries_left < 0:
            self.counts["osm.areas_overlap"] += 1
            return
        if not area.structure:
            beside = [i for i in beside if self.ground[i]]
            for i in beside:
                for point in points_of(self.lines[i].intersection(outline)):
                    entrances.append(self._meet(i, inner, point))
            if not area.platform or not entrances:
                entrances += self._step_across(polygon, outline, beside, inner)
        if entrances:
            self.counts["osm.areas_joined"] += 1
        self._cross(area, polygon, outline, inner, entrances)

    def _meeting(self, outline: BaseGeometry, inner: list[int]) -> list[Stop]:
        """Return the nodes of the outline that other ways share."""
        mine = {node for edge in inner for node in (self.rows[edge].u, self.rows[edge].v)}
        at = {row.u: self.lines[edge].coords[0] for edge in inner for row in [self.rows[edge]]}
        at |= {row.v: self.lines[edge].coords[-1] for edge in inner for row in [self.rows[edge]]}
        shared: set[int] = set()
        skip = set(inner)
        for edge in self.tree.query(outline, predicate="dwithin", distance=SAME_M).tolist():
            if edge not in skip:
                shared |= mine & {self.rows[edge].u, self.rows[edge].v}
        return [Stop(node, Point(at[node])) for node in sorted(shared)]

    def _meet(self, edge: int, inner: list[int], point: Point) -> Stop:
        """One node for a way and the outline it crosses."""
        ring = min(inner, key=lambda i: self.lines[i].distance(point))
        stop = self.stop(edge, point)
        other = self.stop(ring, point, stop)
        self.unite(stop.node, other.node)
        return stop

    def _step_across(
        self, polygon: Polygon, outline: BaseGeometry, beside: list[int], own_edges: list[int]
    ) -> list[Stop]:
        """Add steps from the outline to the ways that run beside it without crossing it."""
        stops = []
        zone = polygon.buffer(BESIDE_M)
        for edge in beside:
            if self.lines[edge].intersects(polygon):
                continue
            for part in lines_of(self.lines[edge].intersection(zone)):
                count = max(int(np.ceil(part.length / SAMPLE_SPACING_M)), 1)
                for share in np.linspace(0, 1, count + 1) if part.length > 1.0 else (0.5,):
                    point = part.interpolate(float(share), normalized=True)
                    step = shapely.shortest_line(point, outline)
                    if self.crosses_wall(step):
                        continue
                    ring = min(own_edges, key=lambda i: self.lines[i].distance(step))
                    inner = self.stop(ring, Point(step.coords[-1]))
                    self.link(self.stop(edge, point), inner, "link", "", ends=False)
                    self.counts["osm.steps_beside_areas"] += 1
                    stops.append(inner)
        return stops

    def _cross(
        self,
        area: WalkArea,
        polygon: Polygon,
        outline: BaseGeometry,
        inner: list[int],
        entrances: list[Stop],
    ) -> None:
        """Add the straight lines across an area between its entrances and inward corners."""
        stops = list({stop.node: stop for stop in entrances}.values())
        if len(stops) < 2:
            return
        corners = (
            [] if len(stops) > MAX_CORNERS else inward_corners(polygon)[: MAX_CORNERS - len(stops)]
        )
        for corner in corners:
            ring = min(inner, key=lambda i: self.lines[i].distance(corner))
            stops.append(self.stop(ring, corner))
        step = -(-len(stops) // MAX_CORNERS)
        if step > 1:
            self.counts["osm.areas_with_many_entrances"] += 1
        pairs = [(a, b) for a, b in combinations(stops[::step], 2) if a.node != b.node]
        self.tries_left -= len(pairs)
        lines = (
            shapely.linestrings([[*a.point.coords, *b.point.coords] for a, b in pairs])
            if pairs
            else np.empty(0, object)
        )
        inside = polygon.buffer(SAME_M)
        shapely.prepare(inside)
        middles = shapely.line_interpolate_point(lines, 0.5, normalized=True)
        takes = shapely.covers(inside, lines) & (shapely.distance(middles, outline) > SAME_M)
        for (a, b), line, take in zip(pairs, lines, takes, strict=True):
            if take and not self.crosses_wall(line):
                self.link(
                    a,
                    b,
                    "across",
                    area.name,
                    ends=area.ends,
                    way=area.number,
                    structure=area.structure,
                )
                self.counts["osm.lines_across_areas"] += 1

    # --- loose platforms ---

    def join_platforms(self) -> None:
        """Join platforms drawn as a line that nothing joins to the ways beside them."""
        if not self.rows:
            return
        part = self._parts()
        streets = np.array([row.kind not in DEAD_END_KINDS for row in self.rows], bool)
        leads = set(part[streets].tolist())
        loose = [
            i
            for i, row in enumerate(self.rows)
            if row.kind in ("platform", "pier") and part[i] not in leads and self.ground[i]
        ]
        for edge in loose:
            zone = self.lines[edge].buffer(BESIDE_M)
            candidates = self.tree.query(zone, predicate="intersects").tolist()
            for other in sorted(i for i in candidates if streets[i] and self.ground[i]):
                for piece in lines_of(self.lines[other].intersection(zone)):
                    for share in (0.0, 1.0):
                        point = self.lines[edge].interpolate(
                            self.lines[edge].project(piece.interpolate(share, normalized=True))
                        )
                        step = shapely.shortest_line(point, self.lines[other])
                        if step.length <= BESIDE_M and not self.crosses_wall(step):
                            ends = self.stop(edge, point), self.stop(other, Point(step.coords[-1]))
                            self.link(*ends, "link", "", ends=False)
                            self.counts["osm.steps_beside_platforms"] += 1

    def _parts(self) -> np.ndarray:
        """Return the connected part of every edge in memory, links included.

        A platform is led to by a street that shares a node with it or its links, and all such
        streets are in memory.
        """
        every = [*self.split(), *self.links]
        number: dict[int, int] = {}
        u, v = (
            [number.setdefault(self.root(node), len(number)) for node in column]
            for column in zip(*((row.u, row.v) for row in every), strict=True)
        )
        joined = coo_array((np.ones(len(u), np.int8), (u, v)), shape=(len(number), len(number)))
        label = connected_components(joined, directed=False)[1]
        return np.array([label[number[self.root(row.u)]] for row in self.rows])
