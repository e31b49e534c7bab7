"""Walking distances the slow way, to check ours: networkx on a graph with every place inserted as a node.

Shares nothing with gis/network but the edges it starts from: snapping by comparing with every edge, splitting edges
where places stand, Dijkstra in pure Python.
"""

import itertools
import math
from collections.abc import Sequence

import networkx as nx
import shapely
from shapely.geometry import LineString, Point


def distances(
    edges: Sequence[tuple[int, int, float, LineString]],
    source: Point,
    places: Sequence[Point],
    cap: float = 100.0,
) -> list[float]:
    """Metres from a source to places; infinite when not connected or more than `cap` from any street.

    Args:
        edges: (u, v, length, line in metres).
        source, places: In metres.
    """
    everybody = [source, *places]
    lines = [edge[3] for edge in edges]
    stands: dict[int, list[tuple[float, object]]] = {}
    legs: list[float] = []
    for number, place in enumerate(everybody):
        nearest = min(range(len(lines)), key=lambda i: lines[i].distance(place))
        leg = lines[nearest].distance(place)
        legs.append(leg if leg <= cap else math.inf)
        if leg <= cap:
            share = lines[nearest].project(place, normalized=True)
            stands.setdefault(nearest, []).append((share * edges[nearest][2], ("place", number)))
    graph = nx.MultiGraph()
    for number, (u, v, length, _) in enumerate(edges):
        stops = [(0.0, u), *sorted(stands.get(number, []), key=lambda stop: stop[0]), (length, v)]
        for (a, one), (b, other) in itertools.pairwise(stops):
            graph.add_edge(one, other, weight=b - a)
    if ("place", 0) not in graph:
        return [math.inf] * len(places)
    reached = nx.single_source_dijkstra_path_length(graph, ("place", 0))
    return [legs[0] + reached.get(("place", n), math.inf) + legs[n] for n in range(1, len(everybody))]


def edges_of(network) -> list[tuple[int, int, float, LineString]]:
    """The edges of a gis.network.build.Network as plain tuples."""
    return list(zip(network.u.tolist(), network.v.tolist(), network.length.tolist(), network.lines, strict=True))


def f1(inside: Sequence[bool], truth: Sequence[bool]) -> float:
    """Harmonic mean of precision and recall."""
    both = sum(a and b for a, b in zip(inside, truth, strict=True))
    return 2 * both / (sum(inside) + sum(truth)) if sum(inside) + sum(truth) else 1.0


def covered(shape: shapely.Geometry, points: Sequence[Point]) -> list[bool]:
    """Which points the shape covers."""
    shapely.prepare(shape)
    return [bool(one) for one in shapely.covers(shape, points)]
