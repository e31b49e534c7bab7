"""Labels of buildings against brute force on random cities; the edge of the data."""

import numpy as np
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

from gis.facilities.access_labels import STEPS_MIN, AccessLabels, label_buildings
from gis.facilities.accessibility import DemandPoints
from gis.network.build import Network
from tests.support import brute_force
from tests.support.access_inputs import demand_of, entrances_of
from tests.support.walk_networks import cities, network, same, to_degrees

# so slow that 15 minutes end inside these cities of some 500 m
SPEED_M_S = 0.25
METRE_MIN = 1 / (60 * SPEED_M_S)
CATEGORIES = ("clinic", "school", "market")


def labels_of(net: Network, places, doors, categories, limit: float = 1e6) -> AccessLabels:
    entrances = entrances_of(net, doors, categories)
    return label_buildings(
        net, demand_of(net, places), entrances, CATEGORIES, SPEED_M_S, limit_min=limit
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(cities(), st.integers(0, 2**32))
def test_labels_are_those_of_brute_force(city, seed):
    """Nearest, which one, how many, and the edge of the data, with several doors a facility."""
    nodes, pairs, flags, walls, _, places = city
    rng = np.random.default_rng(seed)
    lines = (
        shapely.linestrings([[to_degrees(*a), to_degrees(*b)] for a, b in walls]) if walls else None
    )
    net = network(nodes, pairs, walls=lines, **flags)
    to_points = lambda those: [Point(*net.to_metric(*to_degrees(*xy))[0]) for xy in those]  # noqa: E731
    side = np.sqrt(len(nodes)) * 120
    doors = [
        to_points(rng.uniform(-130, side, (rng.integers(1, 4), 2)))
        for _ in range(rng.integers(1, 8))
    ]
    doors.append(doors[0])  # two at the same door
    categories = rng.choice(CATEGORIES[:2], len(doors)).tolist()
    labels = labels_of(net, to_points(places), doors, categories)
    edges = brute_force.edges_of(net)
    truth = METRE_MIN * np.array(
        [brute_force.distances(edges, those, to_points(places), list(net.walls)) for those in doors]
    )
    for column, category in enumerate(CATEGORIES):
        which = np.flatnonzero(np.array(categories) == category)
        if not which.size:
            assert np.isinf(labels.minutes[:, column]).all()
            assert (labels.facility[:, column] == -1).all() and not labels.within[:, column].any()
            continue
        nearest = truth[which].min(axis=0)
        assert same(labels.minutes[:, column], nearest)
        for location, facility in enumerate(labels.facility[:, column]):
            assert (facility >= 0) == np.isfinite(nearest[location])
            if facility >= 0:
                assert categories[facility] == category
                assert abs(truth[facility, location] - nearest[location]) < 1e-3
        for number, limit in enumerate(STEPS_MIN):
            sure = (np.abs(truth[which] - limit) > 1e-3).all(axis=0)
            count = (truth[which] <= limit).sum(axis=0)
            assert (labels.within[sure, column, number] == count[sure]).all()


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(cities(), st.integers(0, 2**32))
def test_the_label_of_a_building_is_that_of_its_best_door(city, seed):
    nodes, pairs, flags, _, _, places = city
    rng = np.random.default_rng(seed)
    net = network(nodes, pairs, at_edge=np.array([0]), **flags)
    points = [Point(*net.to_metric(*to_degrees(*xy))[0]) for xy in places]
    entrances = entrances_of(net, [points[:2], points[-1:], points[1:2]], ["clinic"] * 3)
    single = demand_of(net, points)
    owner = np.unique(rng.integers(0, 4, len(points)), return_inverse=True)[1]
    owner.sort()
    count = owner[-1] + 1
    number = np.arange(count)
    homes = DemandPoints(
        number, number, number, number * 0.0, number * 0.0, single.doors, single.snaps, owner
    )
    of_doors, labels = (
        label_buildings(net, demand, entrances, ("clinic",), SPEED_M_S)
        for demand in (single, homes)
    )
    for building in range(count):
        doors = np.flatnonzero(owner == building)
        best = doors[of_doors.minutes[doors, 0].argmin()]
        assert labels.minutes[building, 0] == of_doors.minutes[best, 0]
        assert labels.edge_minutes[building] == of_doors.edge_minutes[doors].min()
        assert labels.off_network[building] == of_doors.off_network[doors].all()
        assert (labels.within[building, 0] >= of_doors.within[doors, 0].max(axis=0)).all()
    assert (homes.off_network == labels.off_network).all()
    some = homes.select(number[::2])
    assert (some.points == homes.points[::2]).all() and some.owner.max() == len(some.building) - 1


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(cities(), st.integers(0, 2**32))
def test_the_walk_to_the_edge_of_the_data_is_that_of_brute_force(city, seed):
    nodes, pairs, flags, _, _, places = city
    rng = np.random.default_rng(seed)
    net = network(nodes, pairs, **flags)
    snaps = net.snap(shapely.points(net.nodes))
    edge = np.maximum(snaps.edge, 0)
    number = np.arange(len(nodes))
    # of islands and under bridges, a point is elsewhere than its node
    at_node = (snaps.edge >= 0) & (snaps.leg < 1e-6)
    at_node &= (net.u[edge] == number) | (net.v[edge] == number)
    at_edge = np.flatnonzero(at_node & (rng.random(len(nodes)) < 0.3))
    net = network(nodes, pairs, at_edge=at_edge, **flags)
    points = [Point(*net.to_metric(*to_degrees(*xy))[0]) for xy in places]
    labels = labels_of(net, points, [points[:1]], ["clinic"])
    if not at_edge.size:
        assert np.isinf(labels.edge_minutes).all()
        return
    truth = brute_force.distances(
        brute_force.edges_of(net), list(shapely.points(net.nodes[at_edge])), points
    )
    assert same(labels.edge_minutes, METRE_MIN * np.array(truth))


def test_nothing_is_said_where_the_data_end_nearer_than_the_nearest_facility():
    """A street of 1,000 m that goes on in the east, a facility in the west."""
    net = network([(0, 0), (1000, 0)], [(0, 1)], at_edge=np.array([1]))
    points = [Point(*net.to_metric(*to_degrees(x, 10))[0]) for x in (100, 500, 900)]
    facility = Point(*net.to_metric(*to_degrees(0, 0))[0])
    labels = labels_of(net, points, [[facility]], ["clinic"])
    limit = 500 * METRE_MIN
    assert labels.served(limit)[:, 0].tolist() == [True, False, False]
    assert labels.cannot_say(limit)[:, 0].tolist() == [False, False, True]
    # of the one in the middle the edge is 510 m away
    assert labels.cannot_say(511 * METRE_MIN)[:, 0].tolist() == [False, False, True]
    assert labels.served(511 * METRE_MIN)[:, 0].tolist() == [True, True, False]


def test_beyond_the_limit_there_is_no_facility_and_off_the_network_nothing_is_near():
    net = network([(0, 0), (1000, 0)], [(0, 1)])
    points = [
        Point(*net.to_metric(*to_degrees(x, y))[0]) for x, y in ((100, 10), (900, 10), (0, 200))
    ]
    facility = Point(*net.to_metric(*to_degrees(0, 0))[0])
    labels = labels_of(net, points, [[facility]], ["clinic"], limit=500 * METRE_MIN)
    assert labels.facility[:, 0].tolist() == [0, -1, -1]
    assert np.isfinite(labels.minutes[:, 0]).tolist() == [True, False, False]
    assert labels.off_network.tolist() == [False, False, True]
