"""Slopes of edges: exact on a plane, level over bridges, unknown where a height is missing."""

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely

from gis.network.edge_facts import HeightColumns, plain_facts, with_heights
from gis.network.elevation import STRETCH_M, EdgeLines, edge_slopes, sample_edges
from gis.network.profiled import closed_edges, slope_factors
from gis.network.profiles import ADULT, PROFILES
from gis.shapes.measure import GEOD
from tests.support.slow_profiles import tobler_both_ways
from tests.support.walk_networks import to_degrees

GROUND, BRIDGE, STAIR = (True, False), (False, False), (True, True)


def lines(nodes, edges) -> EdgeLines:
    """Edges from places in metres: (u, v, kind, places between)."""
    degrees = np.array([to_degrees(*node) for node in nodes])
    shapes = [
        shapely.LineString([degrees[u], *(to_degrees(*at) for at in between), degrees[v]])
        for u, v, _, *between in edges
    ]
    return EdgeLines(
        np.arange(len(edges)),
        np.array([edge[0] for edge in edges]),
        np.array([edge[1] for edge in edges]),
        np.array([GEOD.line_length(*shapely.get_coordinates(shape).T) for shape in shapes]),
        np.array([edge[2][0] for edge in edges]),
        np.array([edge[2][1] for edge in edges]),
        np.array(shapes),
        degrees,
    )


def slopes_on(edges: EdgeLines, height):
    """Slopes by a surface over degrees, counted from the first node in metres of the ellipsoid."""
    samples = sample_edges(edges)
    lon, lat = edges.nodes[0]
    east = (samples.points[:, 0] - lon) * 111_320 * math.cos(math.radians(lat))
    north = (samples.points[:, 1] - lat) * 110_780
    return samples, edge_slopes(edges, samples, height(east, north))


def test_on_a_plane_rise_and_fall_are_those_of_the_ends():
    edges = lines(
        [(0, 0), (200, 0), (200, 150), (0.2, 0)],
        [(0, 1, GROUND), (1, 0, GROUND), (1, 2, GROUND), (0, 3, GROUND)],
    )
    samples, slopes = slopes_on(edges, lambda x, y: 50 + 0.1 * x)
    assert samples.stretches.tolist() == [7, 7, 5, 1]
    assert len(samples.points) == 4 + 6 + 6 + 4
    assert slopes.rise == pytest.approx([20, 0, 0, 0.02], rel=5e-3, abs=0.15)
    assert slopes.fall == pytest.approx([0, 20, 0, 0], rel=5e-3, abs=0.05)
    assert slopes.steepest_pct[:3] == pytest.approx([10, 10, 0], rel=5e-3, abs=0.15)
    assert slopes.steepest_pct[3] < 0.3  # centimetres over centimetres are no slope
    gradient = (slopes.rise + slopes.fall) / edges.length
    assert gradient[[0, 1, 3]] == pytest.approx([0.1] * 3, rel=5e-3)


def test_points_lie_on_the_line_in_equal_stretches():
    edges = lines([(0, 0), (100, 100)], [(0, 1, GROUND, (100, 0))])
    samples, _ = slopes_on(edges, lambda x, y: x * 0)
    points = [(28.57, 0), (57.14, 0), (85.71, 0), (100, 14.3), (100, 42.9), (100, 71.4)]
    assert samples.stretches[0] == math.ceil(edges.length[0] / STRETCH_M) == 7
    target = np.array([to_degrees(*point) for point in points])
    assert np.abs(samples.points[2:] - target).max() < 5e-6  # half a metre


def test_over_a_hill_both_sides_count_and_the_steepest_stretch():
    edges = lines([(0, 0), (240, 0)], [(0, 1, GROUND)])
    _, slopes = slopes_on(edges, lambda x, y: np.minimum(0.2 * x, 12 - 0.1 * (x - 60)).clip(0))
    assert slopes.rise[0] == pytest.approx(12, abs=0.1)
    assert slopes.fall[0] == pytest.approx(12, abs=0.1)
    assert slopes.steepest_pct[0] == pytest.approx(20, abs=0.2)


def valley(x, y):
    """Ten metres deep between 100 and 300 m east."""
    return np.where((x > 105) & (x < 295), 90.0, 100.0) + 0.02 * x


def test_a_bridge_goes_straight_over_a_valley_and_a_stair_leads_up_to_it():
    # abutment, two nodes on the bridge, abutment; a stair from the valley to the first of them
    nodes = [(0, 0), (100, 0), (150, 0), (250, 0), (300, 0), (400, 0), (150, -40), (300, -40)]
    edges = lines(
        nodes,
        [(0, 1, GROUND), (1, 2, BRIDGE), (2, 3, BRIDGE), (3, 4, BRIDGE), (4, 5, GROUND),
         (6, 2, STAIR), (6, 7, GROUND)],
    )  # fmt: skip
    assert np.flatnonzero(edges.lifted).tolist() == [2, 3]
    samples, slopes = slopes_on(edges, valley)
    # the stair pulls the bridge down a little; the far part is even
    assert samples.stretches.tolist() == [4, 1, 1, 1, 4, 1, 5]
    straight = lines(nodes[:6], [(n, n + 1, BRIDGE if 0 < n < 4 else GROUND) for n in range(5)])
    _, straight_slopes = slopes_on(straight, valley)
    assert straight_slopes.rise == pytest.approx([2, 1, 2, 1, 2], abs=0.05)
    assert straight_slopes.fall == pytest.approx([0] * 5, abs=1e-6)
    assert np.isfinite(slopes.rise).all()
    assert slopes.rise[5] > 5  # the stair climbs out of the valley
    total = slopes.rise[1:4].sum() - slopes.fall[1:4].sum()
    assert total == pytest.approx(4, abs=0.05)  # from abutment to abutment


def test_a_bridge_without_ground_and_an_edge_with_a_hole_are_not_known():
    edges = lines(
        [(0, 0), (200, 0), (500, 0), (600, 0)], [(0, 1, GROUND), (2, 3, BRIDGE), (1, 2, BRIDGE)]
    )
    _, slopes = slopes_on(edges, lambda x, y: np.where(abs(x - 100) < 20, np.nan, x))
    assert slopes.are_known.tolist() == [False, True, True]  # level with its one end
    assert slopes.rise[1:] == pytest.approx([0, 0], abs=1e-9)
    alone = lines([(0, 0), (100, 0)], [(0, 1, BRIDGE)])
    assert not slopes_on(alone, lambda x, y: x)[1].are_known.any()


def test_the_factor_is_toblers_both_ways_exact_on_the_level_and_never_below_it():
    slopes = np.concatenate([[0.0, 0.05, math.nan, 30.0], np.linspace(0, 1, 1001)])
    factors = slope_factors(slopes)
    assert factors == pytest.approx([tobler_both_ways(slope) for slope in slopes], rel=1e-12)
    assert factors[0] == factors[2] == 1.0
    assert (factors >= 1).all() and (np.diff(factors[4:]) >= 0).all()
    assert factors[4 + 100] == pytest.approx((math.exp(0.35) + 1) / 2)  # 10 %: up e^0.35, down 1


def test_wheels_stop_at_a_steep_stretch_unless_a_mapper_says_otherwise():
    tagged = np.array([math.nan, 4, math.nan, 20], np.float32)
    heights = HeightColumns([9, 9, None, 0], [0, 1, None, 0], [9, 9, None, 0])
    facts = with_heights(replace(plain_facts(4), slope_pct=tagged), heights, np.full(4, 100.0))
    assert facts.slope_pct == pytest.approx([9, 4, math.nan, 20], nan_ok=True)
    assert facts.gradient == pytest.approx([0.09, 0.1, math.nan, 0], nan_ok=True)
    assert closed_edges(facts, PROFILES["wheelchair"]).tolist() == [True, False, False, True]
    assert not closed_edges(facts, ADULT).any()
