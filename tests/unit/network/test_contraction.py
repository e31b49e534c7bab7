"""Contracted graphs: distances to all nodes are those of the whole graph."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gis.network.contraction import contract
from gis.network.parts import least_arcs


@st.composite
def graphs(draw) -> csr_array:
    """Directed graphs: streets both ways and one-way arcs, parallel ones, loops, islands, dead ends
    and arcs of no length.
    """
    dice = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.integers(1, 60))
    streets, one_way = draw(st.integers(0, 3 * size)), draw(st.sampled_from([0, 0, 5, 40]))
    a, b = dice.integers(0, size, (2, streets + one_way))
    cost = np.maximum(dice.choice([0, 10, 10, 35.5, 120], a.size) * dice.random(a.size), 1e-9)
    return least_arcs(
        np.concatenate([a, b[:streets]]),
        np.concatenate([b, a[:streets]]),
        np.concatenate([cost, cost[:streets]]),
        size,
    )


@settings(max_examples=50)
@given(graphs(), st.integers(0, 2**32), st.sampled_from([15.0, 60.0, 1e9]))
def test_distances_are_those_of_the_whole_graph(graph, seed, limit):
    dice = np.random.default_rng(seed)
    size = graph.shape[0]
    nodes = dice.integers(0, size, dice.integers(0, 2 * size))
    costs = dice.choice([0, 20], nodes.size) * dice.random(nodes.size)
    from_each = dijkstra(graph, indices=nodes) if nodes.size else np.empty((0, size))
    truth = np.min(costs[:, None] + from_each, axis=0, initial=np.inf)
    contracted = contract(graph, min_core=0)
    result = contracted.distances(nodes, costs, limit)
    hair = np.abs(truth - limit) < 1e-6
    assert np.allclose(result[~hair], np.where(truth <= limit, truth, np.inf)[~hair], atol=1e-6)
    assert len(contracted.levels) and contracted.core.shape[0] < size


def test_a_small_graph_is_left_whole_and_an_empty_one_is_no_mistake():
    whole = contract(least_arcs(np.array([0, 1]), np.array([1, 0]), np.array([7.0, 7.0]), 2))
    assert not whole.levels and whole.core.shape == (2, 2)
    assert whole.distances(np.array([1]), np.array([3.0]), 9.0).tolist() == [np.inf, 3.0]
    nothing = np.empty(0, np.int64)
    empty = contract(least_arcs(nothing, nothing, np.empty(0), 0), min_core=0)
    assert empty.distances(nothing, np.empty(0), 9.0).size == 0


def test_most_of_a_city_is_taken_out():
    side = 60
    number = np.arange(side * side).reshape(side, side)
    a = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    b = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    kept = np.random.default_rng(1).random(a.size) > 0.25
    a, b = a[kept], b[kept]
    graph = least_arcs(np.append(a, b), np.append(b, a), np.ones(2 * a.size), side * side)
    assert contract(graph, min_core=0).core.shape[0] < side * side / 6
