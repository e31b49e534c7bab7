"""A graph with most of its nodes taken out, so that shortest paths touch fewer (decision 0029).

A node with few neighbours is taken out by joining its neighbours to one another by the ways through
it: distances between the nodes that are left stay the same, and that of the node is the least over
its neighbours. Nodes are taken out in levels; no two of a level are joined, so a level takes a few
operations on whole arrays.

References
----------
Geisberger et al. (2008), Contraction hierarchies. Delling et al. (2011), PHAST.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gis.network.parts import Bools, Floats, Ints, least_arcs

MAX_NEIGHBOURS = 12  # of a node taken out; more add more arcs than they spare nodes
MAX_LEVELS = 16
MIN_CONTRACTED_SHARE = 0.02  # of the nodes that a level takes out at least
MIN_CORE = 2_000  # nodes; fewer are searched sooner than another level is gone through
LEAST_COST = 1e-9  # of an arc: to SciPy zero may mean no arc


class Arcs(NamedTuple):
    """Arcs by one of their ends: node i has those from `begin[i]` to `begin[i + 1]`."""

    begin: Ints
    other: Ints
    cost: Floats

    def of(self, nodes: Ints) -> tuple[Ints, Ints]:
        """Return the numbers of the arcs of some nodes, and the place in `nodes` of each."""
        count = self.begin[nodes + 1] - self.begin[nodes]
        position = np.repeat(np.arange(nodes.size), count)
        nth = np.arange(position.size) - np.repeat(np.cumsum(count) - count, count)
        return self.begin[nodes[position]] + nth, position


class Level(NamedTuple):
    """Nodes taken out together, those with most arcs into them first.

    Nodes are meant by rank: the core, then the levels, the first one taken out last.

    begin, end: Their ranks.
    into: The first arcs into them, the second and so on: where they begin, and their costs. Each
        time only for the nodes that have so many.
    out: The arcs out of them, by rank less `begin`.
    """

    begin: int
    end: int
    into: list[tuple[NDArray[np.intp], Floats]]
    out: Arcs


@dataclass(frozen=True)
class ContractedGraph:
    """The core of a graph, and what was taken out of it.

    rank: Per node of the whole graph, its rank.
    core: The arcs between the nodes of the core.
    levels: In the order in which they were taken out; arcs of each lead to lower ranks.
    """

    rank: NDArray[np.intp]
    core: csr_array
    levels: list[Level]

    def distances(self, nodes: Ints, costs: Floats, limit: float) -> Floats:
        """Return the distances of all nodes of the whole graph from one source.

        Parameters
        ----------
        nodes, costs
            The nodes that the source reaches by itself, and at what cost; a node more than once
            counts by the least.
        limit
            Longer distances are infinite.
        """
        by_rank = np.full(self.rank.size, np.inf)
        np.minimum.at(by_rank, self.rank[nodes], np.maximum(costs, LEAST_COST))
        for level in self.levels:  # by the ways through what was taken out into the core
            position = np.flatnonzero(by_rank[level.begin : level.end] <= limit)
            arcs, start = level.out.of(position)
            reached = by_rank[level.begin + position][start] + level.out.cost[arcs]
            np.minimum.at(by_rank, level.out.other[arcs], reached)
        size = self.core.shape[0]
        by_rank[:size] = self._in_core(by_rank[:size], limit)
        for level in reversed(self.levels):  # and back
            for begin, metres in level.into:
                nearest = by_rank[level.begin : level.begin + begin.size]
                np.minimum(nearest, by_rank.take(begin) + metres, out=nearest)
        by_rank[by_rank > limit] = np.inf
        return by_rank.take(self.rank)

    def _in_core(self, reached: Floats, limit: float) -> Floats:
        """Return the distances in the core from a source that reaches some of it by itself.

        The source is one more node, with one-way arcs.
        """
        size, node = reached.size, np.flatnonzero(reached <= limit)
        total = self.core.nnz + node.size
        grown = csr_array(
            (
                np.concatenate([self.core.data, reached[node]]),
                np.concatenate([self.core.indices, node.astype(np.int32)]),
                np.append(self.core.indptr, np.int32(total)),
            ),
            shape=(size + 1, size + 1),
        )
        metres: Floats = dijkstra(grown, indices=size, limit=limit)
        return metres[:size]


def contract(graph: csr_array, min_core: int = MIN_CORE) -> ContractedGraph:
    """Take the nodes with few neighbours out of a directed graph without parallel arcs.

    Parameters
    ----------
    min_core
        With so few nodes left, no more are taken out.
    """
    nodes = np.arange(graph.shape[0])  # of the whole graph, by number in what is left
    taken: list[tuple[Ints, Arcs, Arcs]] = []
    while nodes.size > min_core and len(taken) < MAX_LEVELS:
        out, into = _arcs(graph), _arcs(graph.T.tocsr())
        gone = _independent(out, into)
        chosen = np.flatnonzero(gone)
        if chosen.size <= MIN_CONTRACTED_SHARE * nodes.size:
            break
        chosen = chosen[np.argsort(into.begin[chosen] - into.begin[chosen + 1], kind="stable")]
        taken.append((nodes[chosen], _part(into, chosen, nodes), _part(out, chosen, nodes)))
        graph = _without(out, into, gone)
        nodes = nodes[~gone]
    rank = np.empty(sum(each.size for each, _, _ in taken) + nodes.size, np.intp)
    begin = 0
    for each in (nodes, *(each for each, _, _ in reversed(taken))):
        rank[each] = np.arange(begin, begin + each.size)
        begin += each.size
    return ContractedGraph(rank, graph, [_level(rank, *level) for level in taken])


def _arcs(graph: csr_array) -> Arcs:
    return Arcs(graph.indptr, graph.indices, graph.data)


def _part(arcs: Arcs, which: Ints, nodes: Ints) -> Arcs:
    """Return the arcs of some nodes, the other ends by number in the whole graph."""
    number, position = arcs.of(which)
    begin = np.append(0, np.cumsum(np.bincount(position, minlength=which.size)))
    return Arcs(begin, nodes[arcs.other[number]], arcs.cost[number])


def _level(rank: NDArray[np.intp], nodes: Ints, into: Arcs, out: Arcs) -> Level:
    many = np.diff(into.begin)
    layers = []
    for nth in range(int(many.max(initial=0))):
        arc = into.begin[:-1][many > nth] + nth
        layers.append((rank[into.other[arc]], into.cost[arc]))
    begin = int(rank[nodes[0]])
    return Level(begin, begin + nodes.size, layers, out._replace(other=rank[out.other]))


def _independent(out: Arcs, into: Arcs) -> Bools:
    """Return nodes to take out, no two of them joined: where few arcs are added, by lot."""
    outgoing, incoming = np.diff(out.begin), np.diff(into.begin)
    turn = outgoing * incoming + np.random.default_rng(0).random(outgoing.size)
    turn[np.maximum(outgoing, incoming) > MAX_NEIGHBOURS] = np.inf
    of_neighbours = np.full(turn.size, np.inf)
    tail = np.repeat(np.arange(turn.size), outgoing)
    np.minimum.at(of_neighbours, tail, turn[out.other])
    np.minimum.at(of_neighbours, out.other, turn[tail])
    return turn < of_neighbours


def _without(out: Arcs, into: Arcs, gone: Bools) -> csr_array:
    """Return the graph without some nodes, their neighbours joined by the ways through them."""
    tail = np.repeat(np.arange(gone.size), np.diff(out.begin))
    stays = ~(gone[tail] | gone[out.other])
    chosen = np.flatnonzero(gone)
    source, position = into.of(chosen)
    second, way = out.of(chosen[position])
    source = source[way]
    number = np.cumsum(~gone) - 1
    return least_arcs(
        number[np.concatenate([tail[stays], into.other[source]])],
        number[np.concatenate([out.other[stays], out.other[second]])],
        np.concatenate([out.cost[stays], into.cost[source] + out.cost[second]]),
        int(gone.size - chosen.size),
    )
