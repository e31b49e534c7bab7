"""Distances over the part of a graph that is in reach are those over the whole of it."""

from dataclasses import replace
from unittest import mock

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gis.network import walk
from tests.support.walk_networks import cities, network, to_degrees


@given(
    cities(),
    st.sampled_from([1.0, 60.0, 150.0, 300.0, 600.0]),
    st.booleans(),
    st.sampled_from([1.0, 1.7]),
)
def test_what_is_out_of_reach_changes_no_distance(city, limit, nearest_only, slower):
    nodes, pairs, flags, walls, doors, _ = city
    ends = [[to_degrees(*end) for end in wall] for wall in walls]
    lines = shapely.linestrings(np.reshape(ends, (-1, 2, 2)))
    net = network(nodes, pairs, **flags, walls=lines)
    net = replace(net, length=net.length * slower)
    sources = net.snap_degrees(*to_degrees(*np.array(doors).T))
    whole = walk.node_distances(net, sources, limit, nearest_only)
    with mock.patch.multiple(walk, MIN_CUT_NODES=0, MAX_CUT_SHARE=1):
        assert np.array_equal(walk.node_distances(net, sources, limit, nearest_only), whole)


def test_the_end_of_a_straight_street_is_in_reach():
    net = network(
        [(0, 0), *((1 + 100.0 * i, 0) for i in range(10))], [(i, i + 1) for i in range(10)]
    )
    source = net.snap_degrees(*to_degrees(0, 0))
    limit = float(net.length.sum()) + 1e-3
    with mock.patch.multiple(walk, MIN_CUT_NODES=0, MAX_CUT_SHARE=1):
        assert np.isfinite(walk.node_distances(net, source, limit)).all()
