"""Connected parts of the walking network, public access, and the graph of walks.

A way or gate for residents or customers ("ends") is open to those who start or end there or behind
it, and closed to those who walk through. See docs/decisions/0017.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Ints = NDArray[np.signedinteger[Any]]
Bools = NDArray[np.bool_]

TOWN_M = (
    1000.0  # metres of streets from which a part is worth walking on wherever it is within the cap
)
# metres of streets; a smaller part is an island, a larger one is used where no large one is near
HAMLET_M = 200.0


class Access(NamedTuple):
    """Public edges, and nodes with a public edge.

    All else is private: the beginning or the end of a walk.
    """

    edge: Bools
    node: Bools


# The order in which places take edges: parts worth walking on, small ones, then bridges and tunnels
# of both.
SNAPPED, ISLAND = range(4), 4
DOUBLED = 5  # the line of another edge again; see `gis.network.snapping.doubled`


def ranks(count: int, u: Ints, v: Ints, street_m: Floats, ground: Bools) -> Ints:
    """Rank every edge by the size of its connected part, and by whether it lies on the ground.

    0 is large, 1 small; 2 and 3 are the same but bridge, tunnel or another storey; 4 is an island.

    Parameters
    ----------
    count
        Number of nodes.
    u, v
        End nodes of each edge.
    street_m
        Metres of each edge; 0 for edges of platforms and plazas, which do not connect anything.
    ground
        Per edge, whether it lies on the ground.

    Notes
    -----
    The part with most metres of streets, and that with most on the ground, always rank as large;
    without streets all parts do.
    """
    if not u.size:
        return np.empty(0, np.int32)
    part = _parts(count, u, v)[u]
    metres = np.bincount(part, weights=street_m)
    rank = np.where(metres >= TOWN_M, 0, np.where(metres >= HAMLET_M, 1, 2))
    rank[metres == metres.max()] = 0
    on_ground = np.bincount(part, weights=street_m * ground)
    rank[(on_ground > 0) & (on_ground == on_ground.max())] = 0
    of_edge = rank[part]
    return np.where(of_edge == 2, ISLAND, of_edge + 2 * ~ground).astype(np.int32)


def public_access(count: int, u: Ints, v: Ints, length: Floats, ends: Bools, road: Bools) -> Access:
    """Return the public edges and nodes of the network.

    Parameters
    ----------
    count
        Number of nodes.
    u, v
        End nodes of each edge.
    length
        Length of each edge in metres.
    ends
        Per edge, whether it is open only to those who start or end on it or behind it.
    road
        Per edge, whether it is a public road outside all walls.

    Notes
    -----
    Of each connected part, the pieces that are joined by open edges and hold a road are public;
    where no piece holds one, the largest is. Other pieces lie behind gates or private ways, such as
    the lanes of a compound, which may be longer than the street outside. So no walk leads through a
    private way between two roads.
    """
    if not ends.any():
        return Access(np.ones(u.size, bool), np.ones(count, bool))
    whole, piece = _parts(count, u, v), _parts(count, u[~ends], v[~ends])
    metres = np.bincount(piece[u[~ends]], weights=length[~ends], minlength=count)
    order = np.lexsort((-metres[piece], whole))
    is_first = np.r_[True, whole[order][1:] != whole[order][:-1]]
    largest = np.empty(whole.max() + 1, np.int32)
    largest[whole[order][is_first]] = piece[order][is_first]
    has_road = np.bincount(piece[u[road & ~ends]], minlength=count) > 0
    part_has_road = np.bincount(whole[u[road & ~ends]], minlength=count) > 0
    edge = ~ends & np.where(
        part_has_road[whole[u]], has_road[piece[u]], piece[u] == largest[whole[u]]
    )
    node = np.zeros(count, bool)
    node[u[edge]] = node[v[edge]] = True
    return Access(edge, node)


class Graph(NamedTuple):
    """A directed graph whose shortest paths never walk through what is private.

    matrix: Nodes of the network first, then a second copy of each private one, for walks that end
    there. copies: The private nodes that have a copy, in the order of the copies.
    """

    matrix: csr_array
    copies: Ints


def graph(count: int, u: Ints, v: Ints, length: Floats, access: Access) -> Graph:
    """Build the graph that leaves private nodes by the first copy and enters them by the second.

    Notes
    -----
    A path is private edges, then public ones, then private ones; a node with a public edge is
    public. So a private edge between two public nodes lies only on paths that start or end on it.
    """
    copies = (
        np.flatnonzero(~access.node).astype(np.int32)
        if access.edge.any()
        else np.empty(0, np.int32)
    )
    copy_of = np.full(count, -1, np.int32)
    copy_of[copies] = count + np.arange(copies.size, dtype=np.int32)
    start, end = np.concatenate([u, v]), np.concatenate([v, u])
    metres, is_public = np.tile(length, 2), np.tile(access.edge, 2)
    from_public, to_public = access.node[start], access.node[end]
    out = is_public | ~from_public
    into = ~is_public & ~to_public & (copy_of[end] >= 0)
    tail = np.concatenate([start[out], np.where(from_public, start, copy_of[start])[into]])
    head = np.concatenate([end[out], copy_of[end][into]])
    metres = np.concatenate([metres[out], metres[into]])
    return Graph(least_arcs(tail, head, metres, count + copies.size), copies)


def least_arcs(tail: Ints, head: Ints, cost: Floats, size: int) -> csr_array:
    """Return the matrix of arcs: of parallel ones the least, none from a node to itself."""
    key = tail.astype(np.int64) * size + head
    order = np.argsort(key)
    order = order[tail[order] != head[order]]
    key = key[order]
    begin = np.flatnonzero(np.append(True, key[1:] != key[:-1])[: key.size])
    least = np.minimum.reduceat(cost[order], begin) if begin.size else np.empty(0)
    tail, head = tail[order[begin]], head[order[begin]]
    filled = np.append(0, np.cumsum(np.bincount(tail, minlength=size)))
    return csr_array((least, head.astype(np.int32), filled.astype(np.int32)), shape=(size, size))


def _parts(count: int, u: Ints, v: Ints) -> Ints:
    """Return the number of the connected part of each node of an undirected graph."""
    joined = coo_array((np.ones(u.size, np.int8), (u, v)), shape=(count, count))
    return np.asarray(connected_components(joined, directed=False)[1], np.int32)
