"""Walking distances the slow way, to check ours: networkx on a graph with every place inserted as a
node.

Shares nothing with gis/network but the edges it starts from: snapping by comparing with every
straight piece of every edge in reach, splitting edges where places stand, and a walk in three
phases (out of private ground, over public, into private) in pure Python.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
import shapely
from shapely.geometry import LineString, Point


@dataclass(frozen=True)
class Edge:
    """One edge; lines in metres. `cost`: what walking it costs, its length by default.

    A closed edge is walked by nobody, but says with the others what is public.
    """

    u: int
    v: int
    length: float
    line: LineString
    ends: bool = False
    street: bool = True
    ground: bool = True
    road: bool = False
    cost: float | None = None
    closed: bool = False

    @property
    def time(self) -> float:
        """What walking it from end to end costs."""
        return self.length if self.cost is None else self.cost


def distances(
    edges: Sequence[Edge],
    sources: Sequence[Point],
    places: Sequence[Point],
    walls: Sequence[LineString] = (),
    cap: float = 100.0,
) -> list[float]:
    """Metres from the nearest source to places.

    Infinite when not connected, on an island or off the network.
    """
    public = _public(edges, walls)
    public_nodes = {node for number in public for node in (edges[number].u, edges[number].v)}
    public -= {number for number, edge in enumerate(edges) if edge.closed}
    rank = _ranks(edges)
    lines = np.array([edge.line for edge in edges], object)
    near = shapely.STRtree(lines)
    stops: dict[int, list[tuple[float, int]]] = {}
    legs: dict[int, float] = {}
    for number, location in enumerate([*sources, *places]):
        candidates = np.sort(near.query(location, "dwithin", cap)).tolist()
        hit = _snap(edges, lines, candidates, rank, public, location, walls, cap)
        if hit is not None:
            edge, share, legs[number] = hit
            stops.setdefault(edge, []).append((share * edges[edge].time, number))
    graph = nx.DiGraph()

    def step(a, b, metres):
        if metres < graph.get_edge_data(a, b, {"weight": math.inf})["weight"]:
            graph.add_edge(a, b, weight=metres)

    for number, edge in enumerate(edges):
        if edge.closed:
            continue
        along = [
            (0.0, ("node", edge.u)),
            *((m, ("place", n)) for m, n in sorted(stops.get(number, []))),
            (edge.time, ("node", edge.v)),
        ]
        for (m, item), (n, other) in itertools.pairwise(along):
            for a, b in ((item, other), (other, item)):
                for phase in (1,) if number in public else (0, 2):
                    leaves_public = a[0] == "node" and a[1] in public_nodes
                    if phase != 0 or not leaves_public:
                        step((phase, a), (phase, b), n - m)
                if number not in public and a[0] == "node" and a[1] in public_nodes:
                    step((1, a), (2, b), n - m)
    for node in public_nodes:
        graph.add_edge((0, ("node", node)), (1, ("node", node)), weight=0.0)
    # in phase 2 a public node is the end of the way
    ended = [(2, ("node", node)) for node in public_nodes]
    graph.remove_edges_from(
        [out for node in ended if node in graph for out in list(graph.out_edges(node))]
    )
    # one search for all sources: each is its leg away from where they begin
    graph.add_node("outset")
    for number, phase in itertools.product(range(len(sources)), (0, 1)):
        start = (phase, ("place", number))
        if start in graph:
            graph.add_edge("outset", start, weight=legs[number])
    reached = nx.single_source_dijkstra_path_length(graph, "outset")
    return [
        min(reached.get((phase, ("place", n)), math.inf) for phase in (0, 1, 2))
        + legs.get(n, math.inf)
        for n in range(len(sources), len(sources) + len(places))
    ]


def _ranks(edges):
    """0 for parts with 1,000 m of streets and the largest, 1 from 200 m, else None: an island.

    Closed edges have none.

    Bridges after both.

    Of the largest there are two: with most metres of streets, and with most of them on the ground.
    """
    walked = [edge for edge in edges if not edge.closed]
    graph = nx.Graph((edge.u, edge.v) for edge in walked)
    parts = list(nx.connected_components(graph))
    metres = [
        sum(edge.length for edge in walked if edge.street and edge.u in part) for part in parts
    ]
    flat = [
        sum(edge.length for edge in walked if edge.street and edge.ground and edge.u in part)
        for part in parts
    ]
    rank = {}
    for part, total, low in zip(parts, metres, flat, strict=True):
        large = total >= 1000 or total == max(metres) or 0 < low == max(flat)
        rank |= dict.fromkeys(part, "large" if large else "small" if total >= 200 else "island")
    order = [("large", True), ("small", True), ("large", False), ("small", False)]
    expected = [None if edge.closed else (rank[edge.u], edge.ground) for edge in edges]
    return [order.index(item) if item in order else None for item in expected]


def _public(edges, walls):
    """Numbers of the edges in the open pieces with a road outside walls, or the largest piece, of
    each connected part.
    """
    joined = shapely.union_all([wall.buffer(10.0) for wall in walls])
    compounds = [part.convex_hull for part in shapely.get_parts(joined)]
    road = {
        n
        for n, edge in enumerate(edges)
        if edge.road and not any(compound.contains(edge.line) for compound in compounds)
    }
    public = set()
    for part in nx.connected_components(nx.Graph((edge.u, edge.v) for edge in edges)):
        mine = [n for n, edge in enumerate(edges) if not edge.ends and edge.u in part]
        pieces = list(nx.connected_components(nx.Graph((edges[n].u, edges[n].v) for n in mine)))
        with_road = {node for n in road.intersection(mine) for node in (edges[n].u, edges[n].v)}
        if with_road:
            open_ = set().union(*(piece for piece in pieces if piece & with_road))
            public |= {n for n in mine if edges[n].u in open_}
        elif pieces:
            largest = max(
                pieces, key=lambda piece: sum(edges[n].length for n in mine if edges[n].u in piece)
            )
            public |= {n for n in mine if edges[n].u in largest}
    return public


def _snap(edges, lines, candidates, rank, public, place, walls, cap):
    """The edge, the share along it and the leg of a place: best rank (ground first), then nearest,
    no wall in the way.

    Of edges that meet in the nearest point a public one counts. candidates: Those within the cap.
    """
    for expected in range(4):
        legs = _legs(lines, [number for number in candidates if rank[number] == expected], place)
        pieces = [leg for leg in legs if leg[0] <= cap]  # walls may hide the near ones of an edge
        for metres, number, leg in sorted(
            pieces, key=lambda piece: (round(piece[0], 6), piece[1] not in public)
        ):
            if not _crosses(leg, walls):
                share = edges[number].line.project(Point(leg.coords[-1]), normalized=True)
                return *_on_public(edges, public, number, share), metres
    return None


def _legs(lines, numbers, place):
    """Of each straight piece of some edges: metres to it, the edge, the line that leads there."""
    coords, of = shapely.get_coordinates(lines[np.array(numbers, int)], return_index=True)
    piece = of[1:] == of[:-1]
    straight = shapely.linestrings(np.stack([coords[:-1][piece], coords[1:][piece]], axis=1))
    legs = shapely.shortest_line(place, straight)
    edge = np.array(numbers, int)[of[1:][piece]]
    return zip(shapely.length(legs).tolist(), edge.tolist(), legs.tolist(), strict=True)


def _on_public(edges, public, number, share):
    """The same point on a public edge, where it is the end of one: who stands there stands on
    public ground.
    """
    from_end = min(share, 1 - share) * edges[number].length
    if number not in public and from_end < 1e-6:  # the foot of a leg is an end to within rounding
        node = edges[number].v if share > 0.5 else edges[number].u
        for other in sorted(public):
            if node in (edges[other].u, edges[other].v):
                return other, 0.0 if edges[other].u == node else 1.0
    return number, share


def _crosses(leg, walls):
    """Whether a leg meets a wall, more than 5 cm from both its ends."""
    if leg.length <= 0.1 or not walls:
        return False
    inner = LineString([leg.interpolate(0.05), leg.interpolate(leg.length - 0.05)])
    return any(wall.intersects(inner) for wall in walls)


def edges_of(network) -> list[Edge]:
    """The edges of a gis.network.build.Network."""
    columns = (network.u, network.v, network.metres)
    are = network.flags
    flags = (each.tolist() for each in (are.ends, are.street, are.ground, are.road))
    return [
        Edge(*row)
        for row in zip(*(c.tolist() for c in columns), network.lines, *flags, strict=True)
    ]


def f1(inside: Sequence[bool], truth: Sequence[bool]) -> float:
    """Harmonic mean of precision and recall."""
    both = sum(a and b for a, b in zip(inside, truth, strict=True))
    return 2 * both / (sum(inside) + sum(truth)) if sum(inside) + sum(truth) else 1.0


def covered(shape: shapely.Geometry, points: Sequence[Point]) -> list[bool]:
    """Which points the shape covers."""
    shapely.prepare(shape)
    return [bool(cover) for cover in shapely.covers(shape, points)]
