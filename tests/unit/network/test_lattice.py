"""The lattice of the circles: whichever window is asked for first, the points are the same."""

import numpy as np
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gis.network.lattice import BLOCK
from tests.support.walk_networks import cities, network, to_degrees, whole_lattice


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(cities(), st.integers(0, 2**32))
def test_points_are_the_same_whichever_window_they_are_snapped_in(city, seed):
    nodes, pairs, flags, walls, _, _ = city
    lines = (
        shapely.linestrings([[to_degrees(*a), to_degrees(*b)] for a, b in walls]) if walls else None
    )
    net = network(nodes, pairs, walls=lines, **flags)
    whole, lattice, dice = whole_lattice(net), net.lattice, np.random.default_rng(seed)
    for _ in range(4):
        low, high = (np.sort(dice.choice(n + 1, 2, replace=False)) for n in whole.edge.shape)
        window = np.s_[low[0] : low[1], high[0] : high[1]]
        part = lattice.window(net, *window)
        assert part.edge.shape == whole.edge[window].shape
        off = whole.edge[window] < 0
        assert ((part.edge < 0) == off).mean() > 0.999  # at the cap rounding decides
        same = (part.edge == whole.edge[window]) & ~off
        for each, other in zip(part[3:], whole[3:], strict=True):
            assert np.allclose(each[same], other[window][same], atol=0.01)
        assert same.sum() >= 0.99 * (~off).sum()  # of streets equally near either may be taken


def test_ground_that_nobody_asks_for_is_not_snapped():
    side = 12
    nodes = [(x * 150, y * 150) for y in range(side) for x in range(side)]
    pairs = [(i, i + 1) for i in range(side * side) if (i + 1) % side]
    net = network(nodes, pairs)
    lattice = net.lattice
    lattice.window(net, slice(5, 40), slice(0, 3))
    assert lattice._snapped.sum() == 2 and lattice._snapped.size > 40
    assert lattice._snapped[: -(-40 // BLOCK), 0].all()
