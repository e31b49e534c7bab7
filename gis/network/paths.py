"""The shortest walk between two places as a line, by the same Dijkstra as the distances."""

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from shapely import LineString
from shapely.ops import substring

from gis import crs
from gis.db import STORAGE_SRID
from gis.network.build import Network
from gis.network.snapping import Floats, SnappedPoints

PRECISION_DIGITS = 7  # of degrees


class Walk(NamedTuple):
    """The shortest walk from a place to one of several doors.

    Attributes
    ----------
    door
        Index of the door.
    length_m
        Metres, both straight legs included: the label that `network_distances` gives the door.
    line
        From the place over the streets to the door; degrees, EPSG:4490.
    """

    door: int
    length_m: float
    line: LineString


class _Route(NamedTuple):
    """The nodes of the matrix between the two ends, in order; none where both share an edge."""

    nodes: list[int]
    by_start: int  # 0 if it leaves the first edge by its node u, 1 if by v
    by_end: int  # 0 if it enters the last edge by its node u, 1 if by v


def shortest_walk(
    network: Network,
    start: SnappedPoints,
    position: Floats,
    doors: SnappedPoints,
    door_places: Floats,
    limit: float = np.inf,
) -> Walk | None:
    """Return the shortest walk from a place to the nearest of some doors; None if there is none.

    Parameters
    ----------
    network
        The walking network.
    start
        The place on the network, one entry.
    position
        Where it stands, metres, shape (2,).
    doors
        The doors on the network, k entries.
    door_places
        Where they stand, metres, shape (k, 2).
    limit
        Metres of the longest walk; legs at the doors do not count in it.
    """
    on = np.flatnonzero(doors.edge >= 0)
    if start.edge[0] < 0 or not on.size:
        return None
    matrix, copies = network.layers
    edge, offset, leg = int(start.edge[0]), float(start.offset[0]), float(start.leg[0])
    costs = np.array([leg + offset, leg + network.length[edge] - offset])
    distances, predecessors = _search(matrix, [network.u[edge], network.v[edge]], costs, limit)
    ends = _end_nodes(len(network.nodes), distances, copies)
    last = doors.edge[on]
    by_end = np.stack(
        [
            distances[ends[network.u[last]]] + doors.offset[on],
            distances[ends[network.v[last]]] + network.length[last] - doors.offset[on],
        ]
    )
    along = np.where(
        last == edge, np.abs(doors.offset[on] - offset) + leg, np.inf
    )  # without leaving the edge
    total = np.minimum(by_end.min(axis=0), along) + doors.leg[on]
    best = int(np.argmin(total))
    if not np.isfinite(total[best]):
        return None
    door = int(on[best])
    if along[best] <= by_end[:, best].min():
        pieces = [_stretch(network, edge, offset, float(doors.offset[door]))]
    else:
        side = int(np.argmin(by_end[:, best]))
        node = int(ends[(network.u, network.v)[side][last[best]]])
        route = _route(predecessors, matrix.shape[0], node, network, edge, costs, side)
        pieces = _pieces(network, route, edge, offset, int(last[best]), float(doors.offset[door]))
    line = _line(network, [position, *pieces, door_places[door]])
    return Walk(door, float(total[best]), line)


def _search(
    matrix: csr_array, ends: list[int], costs: Floats, limit: float
) -> tuple[Floats, NDArray[np.signedinteger]]:
    """Return the distance of every node from a place, and the node before it on the way.

    The place is one more node after all others, with one-way edges to the ends of its edge.
    """
    size = matrix.shape[0]
    grown = csr_array(
        (
            np.concatenate([matrix.data, np.maximum(costs, 1e-9)]),  # zero means no edge
            np.concatenate([matrix.indices, np.array(ends, matrix.indices.dtype)]),
            np.concatenate([matrix.indptr, [matrix.indptr[-1] + 2]]).astype(matrix.indptr.dtype),
        ),
        shape=(size + 1, size + 1),
    )
    distances, predecessors = dijkstra(grown, indices=size, limit=limit, return_predecessors=True)
    return distances, predecessors


def _end_nodes(
    count: int, distances: Floats, copies: NDArray[np.signedinteger]
) -> NDArray[np.signedinteger]:
    """Return for every node of the network that of the matrix by which a walk ends there."""
    ends = np.arange(count)
    if copies.size:
        copy = count + np.arange(copies.size)
        ends[copies] = np.where(distances[copy] < distances[copies], copy, copies)
    return ends


def _route(
    predecessors: NDArray[np.signedinteger],
    source: int,
    node: int,
    network: Network,
    edge: int,
    costs: Floats,
    by_end: int,
) -> _Route:
    """Return the nodes of the matrix from the place to a node, walking back from that node."""
    nodes = [node]
    while predecessors[nodes[-1]] != source:
        nodes.append(int(predecessors[nodes[-1]]))
    nodes.reverse()
    u, v = int(network.u[edge]), int(network.v[edge])
    by_start = int(np.argmin(costs)) if u == v else int(nodes[0] != u)
    return _Route(nodes, by_start, by_end)


def _pieces(
    network: Network, route: _Route, edge: int, offset: float, last: int, end: float
) -> list[Floats]:
    """Return the coordinates of a walk, piece by piece, in metres."""
    start = 0.0 if route.by_start == 0 else float(network.length[edge])
    pieces = [_stretch(network, edge, offset, start)]
    if len(route.nodes) > 1:
        pieces += _edges_between(network, route.nodes)
    entry = 0.0 if route.by_end == 0 else float(network.length[last])
    return [*pieces, _stretch(network, last, entry, end)]


def _edges_between(network: Network, nodes: list[int]) -> list[Floats]:
    """Return the coordinates of the edges between successive nodes of the matrix.

    Of parallel edges the one with the length that the matrix has.
    """
    matrix, copies = network.layers
    count = len(network.nodes)
    real = [node if node < count else int(copies[node - count]) for node in nodes]
    on_route = np.zeros(count, bool)
    on_route[real] = True
    joining: dict[tuple[int, int], list[int]] = {}
    for number in np.flatnonzero(on_route[network.u] & on_route[network.v]).tolist():
        ends = int(network.u[number]), int(network.v[number])
        joining.setdefault((min(ends), max(ends)), []).append(number)
    pieces = []
    for a, b, tail, head in zip(nodes[:-1], nodes[1:], real[:-1], real[1:], strict=True):
        metres = matrix[a, b]
        number = min(
            joining[min(tail, head), max(tail, head)],
            key=lambda other: abs(float(network.length[other]) - metres),
        )
        points = shapely.get_coordinates(network.lines[number])
        pieces.append(points if network.u[number] == tail else points[::-1])
    return pieces


def _stretch(network: Network, edge: int, start: float, end: float) -> Floats:
    """Return the coordinates along an edge between two offsets, which may run backwards."""
    scale = network.stretch[edge]
    return shapely.get_coordinates(
        substring(network.lines[edge], max(start / scale, 0.0), max(end / scale, 0.0))
    )


def _line(network: Network, pieces: list[Floats]) -> LineString:
    """Return pieces in metres as one line in degrees, without repeated points."""
    points = np.concatenate([np.atleast_2d(piece) for piece in pieces])
    lon, lat = crs.get_transformer(network.epsg, STORAGE_SRID).transform(*points.T)
    degrees = np.round(np.column_stack([lon, lat]), PRECISION_DIGITS)
    moved = np.any(np.diff(degrees, axis=0) != 0, axis=1)
    degrees = degrees[np.concatenate([[True], moved])]
    return LineString(degrees if len(degrees) > 1 else np.repeat(degrees, 2, axis=0))
