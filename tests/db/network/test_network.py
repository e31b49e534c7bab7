"""Walking distances and circles against brute force.

Edges, ends, islands, places off the network.
"""

import math

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from shapely.geometry import Point
from sqlalchemy import func, select, text

from gis.errors import InvalidInput, Unavailable
from gis.network import profiles, walk
from gis.network.build import EdgeTable, from_degrees
from gis.network.isochrone import isochrones
from gis.network.loading import load_network
from gis.network.models import WalkEdge, WalkNode
from gis.network.store import WalkEdgeRow, replace_network
from gis.ops.history import HistoryEntry
from gis.shapes.measure import GEOD
from tests.support import brute_force
from tests.support.walk_networks import (
    SOUTH,
    WEST,
    cities,
    contracted_labels,
    network,
    same,
    snap,
    to_degrees,
)

METRE = 1 / 111_000  # degrees of latitude, about


STREET = [(0, 0), (1000, 0)]


def test_both_legs_and_partial_edges_count():
    net = network(STREET, [(0, 1)])
    result = walk.network_distances(net, snap(net, 100, 30), snap(net, 400, -50), 2000)
    assert result[0] == pytest.approx(30 + 300 + 50, abs=0.2)


def test_two_places_on_one_edge_do_not_walk_round_by_its_ends():
    net = network([(0, 0), (1000, 0), (500, 300)], [(0, 1), (1, 2), (2, 0)])
    assert walk.network_distances(net, snap(net, 450, 0), snap(net, 550, 0), 2000)[
        0
    ] == pytest.approx(100, abs=0.1)


def test_on_a_horseshoe_the_way_round_by_the_other_end_may_be_shorter():
    net = network([(0, 0), (1000, 0), (1000, 10), (0, 10)], [(0, 1), (1, 2), (2, 3), (3, 0)])
    assert walk.network_distances(net, snap(net, 0, 0), snap(net, 0, 10), 2000)[0] == pytest.approx(
        10, abs=0.1
    )
    assert walk.network_distances(net, snap(net, 20, 0), snap(net, 20, 10), 2000)[
        0
    ] == pytest.approx(50, abs=0.1)


def test_the_limit_itself_is_within():
    net = network(STREET, [(0, 1)])
    position, destination = snap(net, 0, 0), snap(net, 500, 0)
    exact = walk.network_distances(net, position, destination, 5000)[0]
    assert np.isfinite(walk.network_distances(net, position, destination, exact)[0])
    assert np.isinf(walk.network_distances(net, position, destination, np.nextafter(exact, 0))[0])


def test_a_hundred_metres_from_the_street_is_on_it_and_more_is_off():
    net = network(STREET, [(0, 1)])
    assert snap(net, 500, 99.9).edge[0] == 0
    assert snap(net, 500, 100.5).edge[0] == -1
    assert np.isinf(walk.network_distances(net, snap(net, 0, 0), snap(net, 500, 100.5), 5000)[0])
    assert np.isinf(walk.network_distances(net, snap(net, 500, 100.5), snap(net, 0, 0), 5000)[0])
    assert isochrones(net, snap(net, 500, 100.5), [1125.0])[0].is_empty


def test_an_island_reaches_only_itself():
    net = network([(0, 0), (300, 0), (0, 300), (300, 300)], [(0, 1), (2, 3)])
    assert np.isinf(walk.network_distances(net, snap(net, 150, 0), snap(net, 150, 300), 5000)[0])
    island = isochrones(net, snap(net, 150, 300), [1125.0])[0]
    assert not island.covers(Point(to_degrees(150, 0)))
    assert island.covers(Point(to_degrees(150, 300)))


def test_a_network_of_one_short_edge_has_a_circle_round_its_facility():
    net = network([(0, 0), (2, 0)], [(0, 1)])
    circle = isochrones(net, snap(net, 1, 0), [1125.0])[0]
    assert circle.is_valid and circle.covers(Point(to_degrees(1, 0)))
    assert circle.covers(Point(to_degrees(1, 90))) and not circle.covers(Point(to_degrees(1, 110)))


def test_of_parallel_edges_the_shorter_counts_and_a_loop_does_no_harm():
    nodes = np.array([to_degrees(*node) for node in [(0, 0), (100, 0)]])
    straight = shapely.LineString([to_degrees(0, 0), to_degrees(100, 0)])
    round_about = shapely.LineString([to_degrees(0, 0), to_degrees(50, 80), to_degrees(100, 0)])
    loop = shapely.LineString(
        [to_degrees(100, 0), to_degrees(150, 50), to_degrees(150, -50), to_degrees(100, 0)]
    )
    lines = np.array([round_about, straight, loop])
    length = np.array([GEOD.line_length(*shapely.get_coordinates(line).T) for line in lines])
    net = from_degrees(
        "t", nodes, EdgeTable(np.array([0, 0, 1]), np.array([1, 1, 1]), length, lines)
    )
    assert walk.network_distances(net, snap(net, 0, 0), snap(net, 100, 0), 500)[0] == pytest.approx(
        100, abs=0.1
    )
    on_loop = snap(net, 150, 40)
    assert on_loop.edge[0] == 2
    around = walk.network_distances(net, snap(net, 0, 0), on_loop, 500)[0]
    assert around == pytest.approx(100 + math.hypot(50, 50) + 10, abs=0.2)


@pytest.mark.parametrize(
    "bridge_m", [400, 1500]
)  # on its own it is the smaller, or the larger part
def test_a_door_below_a_bridge_goes_to_the_street_on_the_ground(bridge_m):
    nodes = [(0, 0), (700, 0), (300, -bridge_m / 2), (300, bridge_m / 2)]
    net = network(nodes, [(0, 1), (2, 3)], ground=np.array([True, False]))
    assert snap(net, 312, 30).edge[0] == 0 and snap(net, 300, 99).edge[0] == 0
    assert snap(net, 300, 101).edge[0] == 1  # only the bridge is within the cap
    circle = isochrones(net, snap(net, 440, 10), [400.0])[0]
    assert circle.covers(Point(to_degrees(301, 40))) and not circle.covers(
        Point(to_degrees(301, 140))
    )


def test_a_small_part_on_the_ground_comes_before_a_bridge_of_the_town_and_an_island_does_not():
    nodes = [(0, 0), (500, 0), (1000, 0), (700, 60), (950, 60), (200, 60), (250, 60)]
    net = network(
        [*nodes, (0, 2000)], [(0, 1), (1, 2), (3, 4), (5, 6), (0, 7)], ground=np.arange(5) > 1
    )
    assert snap(net, 800, 20).edge[0] == 2
    assert snap(net, 225, 50).edge[0] == 0


def test_a_bridge_is_taken_where_walls_cut_off_the_ground():
    wall = shapely.linestrings([[to_degrees(0, 15), to_degrees(900, 15)]])
    net = network(
        [*STREET, (300, 40), (700, 40)],
        [(0, 1), (2, 3)],
        ground=np.array([True, False]),
        walls=wall,
    )
    assert snap(net, 500, 20).edge[0] == 1


def test_an_empty_network_is_said_to_be_empty(session):
    with pytest.raises(Unavailable, match="no walking network is loaded"):
        load_network(session)
    with pytest.raises(Unavailable, match="is empty"):
        network(STREET, [])


def test_an_unknown_profile_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInput, match="adult"):
        profiles.get_profile("unicyclist")


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(cities())
def test_distances_are_those_of_brute_force_and_circles_grow_with_the_limit(city):
    nodes, pairs, flags, walls, doors, places = city
    lines = (
        shapely.linestrings([[to_degrees(*a), to_degrees(*b)] for a, b in walls]) if walls else None
    )
    net = network(nodes, pairs, walls=lines, **flags)
    to_points = lambda all_: [Point(*net.to_metric(*to_degrees(*item))[0]) for item in all_]  # noqa: E731
    starts, ends = to_points(doors), to_points(places)
    truth = brute_force.distances(brute_force.edges_of(net), starts, ends, list(net.walls))
    sources, every = net.snap(np.array(starts)), net.snap(np.array(ends))
    result = walk.network_distances(net, sources, every, 1e9)
    assert same(result, truth)
    assert same(walk.nearest_source_distances(net, sources, every, 1e9), truth)
    assert same(contracted_labels(net, sources, every, 1e9), truth)
    rows = walk.node_distances(net, sources, 1e9)
    least = [
        walk.along_own_edges(walk.place_distances(net, row, every), sources[i], every)
        for i, row in enumerate(rows)
    ]
    assert same(np.min(least, axis=0), truth)
    one_by_one = np.array(
        [walk.network_distances(net, every[i], sources, 1e9).min() for i in range(len(every))]
    )
    assert same(one_by_one, truth)  # there and back are the same way
    small, large = isochrones(net, sources, [200.0, 400.0])
    assert small.is_valid and large.is_valid
    assert small.difference(large).area <= 1e-9
    alone = [isochrones(net, sources, [limit])[0] for limit in (200.0, 400.0)]
    assert alone == [small, large]  # to the last vertex: what else is drawn changes nothing
    for i, door in enumerate(doors):
        if sources.edge[i] >= 0 and sources.leg[i] < 50:
            assert isochrones(net, sources, [400.0], np.array([[p.x, p.y] for p in starts]))[
                0
            ].covers(Point(to_degrees(*door)))


def edge(u, v, coords, **extra):
    return WalkEdgeRow(extra.pop("way_id", 1), u, v, coords, "footway", "", False, "", **extra)


def test_a_stored_network_comes_back_and_the_same_one_again_changes_nothing(session):
    a, b, c, d = ((WEST, SOUTH), (WEST + 0.001, SOUTH), (WEST, SOUTH + 0.01), (WEST, SOUTH + 0.011))
    nodes = [(10, *a), (7, *b), (30, *c), (31, *d), (32, WEST + 0.002, SOUTH)]
    edges = [edge(10, 7, [a, b]), edge(7, 32, [b, (WEST + 0.002, SOUTH)]), edge(30, 31, [c, d])]
    version = replace_network(session, nodes, edges, "test")
    net = load_network(session)
    assert (net.version, len(net.nodes), len(net.lines)) == (version, 5, 3)
    assert net.length == pytest.approx(
        [GEOD.line_length(*zip(*e.coords, strict=True)) for e in edges]
    )
    parts = dict(map(tuple, session.execute(select(WalkNode.id, WalkNode.component)).all()))
    assert parts == {10: 0, 7: 0, 32: 0, 30: 1, 31: 1}
    old = session.scalars(text("SELECT xmin::text FROM walk_edge")).all()
    assert replace_network(session, reversed(nodes), edges, "test") == version
    assert session.scalars(text("SELECT xmin::text FROM walk_edge")).all() == old
    assert replace_network(session, nodes, edges[:2], "test") != version
    assert session.scalar(select(func.count()).select_from(WalkEdge)) == 2
    assert (
        session.scalar(
            select(func.count())
            .select_from(HistoryEntry)
            .where(HistoryEntry.table_name.like("walk%"))
        )
        == 0
    )


def test_an_edge_without_its_node_is_refused(session):
    with pytest.raises(InvalidInput, match="way 5"):
        replace_network(
            session,
            [(1, WEST, SOUTH)],
            [edge(1, 2, [(WEST, SOUTH), (WEST, SOUTH + 0.1)], way_id=5)],
            "test",
        )
