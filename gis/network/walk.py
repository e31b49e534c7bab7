"""Exact walking distances: Dijkstra on the graph, partial edges at both ends, and straight legs."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gis.network.build import Network
from gis.network.snapping import Floats, Ints, SnappedPoints
from gis.shapes.local_distance import within_bbox

PLACES_AT_A_TIME = 16_384  # so that what is computed of them stays in the processor's cache
MANY_SOURCES = 32
MIN_CUT_NODES = 10_000  # of a graph from which the part in reach is cut out and searched alone
MAX_CUT_SHARE = 0.5  # of its nodes; a larger part is not worth cutting out
PROJECTION_SCALE = 1e-3  # a metre on the map is at most so much longer than on the ellipsoid


def node_distances(
    network: Network, sources: SnappedPoints, limit: float, nearest_only: bool = False
) -> Floats:
    """Return the distances in metres from sources to every node, including the sources' legs.

    Parameters
    ----------
    network
        The walking network.
    sources
        K points on the network. Those off it reach nothing.
    limit
        Metres; longer distances are infinite.
    nearest_only
        Return one row with the distance to the nearest source instead of k rows.

    Returns
    -------
    Shape (k, n), or (n,) if `nearest_only`.

    Notes
    -----
    Each source becomes a node with one-way edges to the two ends of its edge, so that no walk leads
    through an entrance. A private node is reached from its own ground or, by its copy, from public
    ground (`gis.network.parts.graph`).

    References
    ----------
    Dijkstra (1959), as in scipy.sparse.csgraph.
    """
    graph, copies = network.layers
    count, many = len(network.nodes), len(sources)
    on = np.flatnonzero(sources.edge >= 0)
    empty = np.full(count if nearest_only else (many, count), np.inf)
    if not on.size:
        return empty
    edge, offset, leg = sources.edge[on], sources.offset[on], sources.leg[on]
    ends = np.stack([network.u[edge], network.v[edge]], axis=1).ravel()
    costs = np.stack([leg + offset, leg + network.length[edge] - offset], axis=1).ravel()
    near = _in_reach(network, ends, limit)
    if near is not None:
        graph, ends = graph[near][:, near], np.searchsorted(near, ends)
    size = graph.shape[0]
    grown = csr_array(
        (
            np.concatenate([graph.data, np.maximum(costs, 1e-9)]),  # zero means no edge
            np.concatenate([graph.indices, ends.astype(graph.indices.dtype)]),
            np.concatenate(
                [
                    graph.indptr,
                    graph.indptr[-1] + 2 * np.arange(1, on.size + 1, dtype=graph.indptr.dtype),
                ]
            ),
        ),
        shape=(size + on.size, size + on.size),
    )
    distances = dijkstra(
        grown, indices=np.arange(size, size + on.size), limit=limit, min_only=nearest_only
    )[..., :size]
    if near is not None:
        whole = np.full((*distances.shape[:-1], count + copies.size), np.inf)
        whole[..., near] = distances
        distances = whole
    if copies.size:
        distances[..., copies] = np.minimum(distances[..., copies], distances[..., count:])
    if nearest_only:
        return distances[:count]
    empty[on] = distances[:, :count]
    return empty


def _in_reach(network: Network, ends: Ints, limit: float) -> Ints | None:
    """Return the nodes of the graph that a walk from some nodes may reach, ascending.

    None where they are most of the graph, or it is so small that it is searched whole sooner.

    Notes
    -----
    No edge costs less than the straight way between its ends, but for what a map projection adds.
    """
    x, y = network.graph_nodes
    if x.size < MIN_CUT_NODES:
        return None
    reach = limit * (1 + PROJECTION_SCALE)
    nodes = network.nodes[ends]
    (west, south), (east, north) = nodes.min(axis=0) - reach, nodes.max(axis=0) + reach
    near = np.flatnonzero(within_bbox(x, y, (west, south, east, north)))
    return near if near.size <= MAX_CUT_SHARE * x.size else None


def place_distances(network: Network, at_nodes: Floats, places: SnappedPoints) -> Floats:
    """Return the distances in metres to points, by the better end of each point's edge and its leg.

    Parameters
    ----------
    network
        The walking network.
    at_nodes
        One row of `node_distances`, shape (n,).
    places
        Points on the network.

    Notes
    -----
    A source on the edge of a point may be nearer along it: see `along_own_edges`.
    """
    result = np.empty(len(places))
    for begin in range(0, len(places), PLACES_AT_A_TIME):
        part = slice(begin, begin + PLACES_AT_A_TIME)
        edge = network.edge_rows.take(places.edge[part], mode="clip")  # -1 as 0
        by_u = at_nodes.take(edge["u"]) + places.offset[part]
        by_v = at_nodes.take(edge["v"]) + edge["length"] - places.offset[part]
        result[part] = np.minimum(by_u, by_v) + places.leg[part]
    result[places.edge < 0] = np.inf
    return result


def along_own_edges(distances: Floats, sources: SnappedPoints, places: SnappedPoints) -> Floats:
    """Improve `distances` in place where a point lies on the edge of one of a few sources."""
    for edge, offset, leg in zip(sources.edge, sources.offset, sources.leg, strict=True):
        same = np.flatnonzero((places.edge == edge) & (places.edge >= 0))
        if same.size:
            straight = np.abs(places.offset[same] - offset) + places.leg[same] + leg
            distances[same] = np.minimum(distances[same], straight)
    return distances


def network_distances(
    network: Network,
    sources: SnappedPoints,
    places: SnappedPoints,
    limit: float,
    at_nodes: Floats | None = None,
) -> Floats:
    """Return the exact distances in metres from the nearest entrance of one facility to points.

    Parameters
    ----------
    at_nodes
        What `node_distances` returns of the nearest source within the limit, where it is known.

    Notes
    -----
    Distances beyond the limit or off the network are infinite. Both straight legs count in full.
    """
    if at_nodes is None:
        at_nodes = node_distances(network, sources, limit, nearest_only=True)
    distances = along_own_edges(place_distances(network, at_nodes, places), sources, places)
    return np.where(distances <= limit, distances, np.inf)


def nearest_source_distances(
    network: Network, sources: SnappedPoints, places: SnappedPoints, limit: float
) -> Floats:
    """Return the exact distances in metres from each point to the nearest of many sources.

    Notes
    -----
    Distances beyond the limit are infinite. One run of Dijkstra serves all sources; points that
    share an edge with a source are also measured along it. Many sources together reach most of the
    network, so that contracting it pays (`gis.network.contraction`).
    """
    if len(sources) < MANY_SOURCES:
        at_nodes = node_distances(network, sources, limit, nearest_only=True)
    else:
        at_nodes = _contracted_distances(network, sources, limit)
    distances = place_distances(network, at_nodes, places)
    _along_shared_edges(distances, sources, places, len(network.lines))
    return np.where(distances <= limit, distances, np.inf)


def _contracted_distances(network: Network, sources: SnappedPoints, limit: float) -> Floats:
    """Return what `node_distances` does of the nearest source."""
    on = sources.edge >= 0
    edge, offset, leg = sources.edge[on], sources.offset[on], sources.leg[on]
    distances = network.contracted.distances(
        np.concatenate([network.u[edge], network.v[edge]]),
        np.concatenate([leg + offset, leg + network.length[edge] - offset]),
        limit,
    )
    count, copies = len(network.nodes), network.layers.copies
    distances[copies] = np.minimum(distances[copies], distances[count:])
    return distances[:count]


def _along_shared_edges(
    distances: Floats, sources: SnappedPoints, places: SnappedPoints, edge_count: int
) -> None:
    """Improve distances of places that stand on an edge with sources on it (few)."""
    order = np.argsort(sources.edge, kind="stable")
    edges: NDArray[np.int32] = sources.edge[order]
    marked = np.zeros(edge_count + 1, bool)  # the last entry is that of edge -1: off the network
    marked[edges] = True
    marked[-1] = False
    shared = np.flatnonzero(marked[places.edge])
    low = np.searchsorted(edges, places.edge[shared], "left")
    count = np.searchsorted(edges, places.edge[shared], "right") - low
    for step in range(int(count.max()) if shared.size else 0):
        has_source = count > step
        point, source = shared[has_source], order[low[has_source] + step]
        straight = (
            np.abs(places.offset[point] - sources.offset[source])
            + places.leg[point]
            + sources.leg[source]
        )
        distances[point] = np.minimum(distances[point], straight)
