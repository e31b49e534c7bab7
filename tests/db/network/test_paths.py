"""The line of the shortest walk: as long as its label, on streets, from place to door."""

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from shapely import Point

from gis import crs
from gis.network import walk
from gis.network.paths import shortest_walk
from gis.shapes.measure import GEOD
from tests.support import brute_force
from tests.support.walk_networks import cities, network, to_degrees


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(cities())
def test_the_line_is_as_long_as_the_way_of_brute_force(city):
    nodes, pairs, flags, walls, doors, places = city
    lines = (
        shapely.linestrings([[to_degrees(*a), to_degrees(*b)] for a, b in walls]) if walls else None
    )
    net = network(nodes, pairs, walls=lines, **flags)
    metric = lambda all_: np.array([net.to_metric(*to_degrees(*one))[0] for one in all_])  # noqa: E731
    door_places, starts = metric(doors), metric(places)
    door_points, points = shapely.points(door_places), shapely.points(starts)
    truth = brute_force.distances(
        brute_force.edges_of(net), list(door_points), list(points), list(net.walls)
    )
    to, at = net.snap(door_points), net.snap(points)
    for i, metres in enumerate(truth):
        route = shortest_walk(net, at[i], starts[i], to, door_places)
        if not np.isfinite(metres):
            assert route is None
            continue
        assert route is not None
        label = walk.network_distances(net, to, at[i], 1e9)[0]
        assert route.length_m == pytest.approx(label, abs=1e-6)
        assert route.length_m == pytest.approx(metres, abs=1e-3)
        lon, lat = shapely.get_coordinates(route.line).T
        assert GEOD.line_length(lon, lat) == pytest.approx(metres, abs=0.1, rel=3e-4)
        follows(net, route, starts[i], door_places[route.door])


def follows(net, route, location, door):
    """Whether the line goes from the place to the door and, but for two legs, on the streets."""
    to_metric = crs.get_transformer(4490, net.epsg).transform
    points = np.column_stack(to_metric(*shapely.get_coordinates(route.line).T))
    assert points[0] == pytest.approx(location, abs=0.05)
    assert points[-1] == pytest.approx(door, abs=0.05)
    streets = shapely.buffer(shapely.union_all(net.lines), 0.1)
    assert sum(not streets.covers(shapely.LineString(pair)) for pair in _pairs(points)) <= 2


def _pairs(points):
    return np.stack([points[:-1], points[1:]], axis=1)


def test_of_parallel_ways_the_line_takes_the_shorter():
    net = network([(0, 0), (300, 0), (600, 0)], [(0, 1), (0, 1), (1, 2)])
    detour = shapely.LineString([net.nodes[0], net.nodes[0] + [150, 90], net.nodes[1]])
    net.lines[0], net.length[0] = detour, detour.length
    location, door = net.nodes[0] + [10, -5], net.nodes[2] + [-10, -5]
    route = shortest_walk(
        net,
        net.snap(np.array([Point(location)])),
        location,
        net.snap(np.array([Point(door)])),
        door[None],
    )
    assert route is not None and route.length_m == pytest.approx(590, abs=1)
    assert len(route.line.coords) == 5


def test_within_one_street_the_line_stays_on_it_and_a_short_limit_finds_nothing():
    net = network([(0, 0), (600, 0)], [(0, 1)])
    location, door = net.nodes[0] + [100, 7], net.nodes[0] + [400, -3]
    start, to = net.snap(np.array([Point(location)])), net.snap(np.array([Point(door)]))
    route = shortest_walk(net, start, location, to, door[None])
    assert route is not None and route.length_m == pytest.approx(310, abs=0.5)
    assert len(route.line.coords) == 4
    off = net.snap(np.array([Point(net.nodes[0] + [0, 500])]))
    assert shortest_walk(net, off, location, to, door[None]) is None
    assert shortest_walk(net, start, location, off, door[None]) is None
