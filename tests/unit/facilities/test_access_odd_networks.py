"""Labels on networks that no mapper should draw, for every profile, against slow references."""

import random
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import floyd_warshall
from shapely.geometry import Point

from gis.errors import Unavailable
from gis.facilities.access_labels import MAX_WALK_MIN, STEPS_MIN, label_buildings
from gis.network.build import EdgeTable, Network, from_degrees
from gis.network.profiled import for_profile
from gis.network.profiles import PROFILES
from gis.shapes.measure import GEOD
from tests.support import brute_force
from tests.support.access_inputs import demand_of, entrances_of
from tests.support.slow_profiles import edges_the_slow_way
from tests.support.walk_networks import contracted_labels, network, same, to_degrees, whole_lattice

SLOW = 0.2  # of the speed of a profile: so 15 minutes end inside a city of some 500 m


@st.composite
def odd_networks(draw) -> Network:
    """A lattice with dead ends, doubled and zero-length edges, loops and an island."""
    dice = random.Random(draw(st.integers(0, 2**32)))
    side = draw(st.integers(2, 4))
    nodes = [
        (x * 120 + dice.uniform(-30, 30), y * 120 + dice.uniform(-30, 30))
        for y in range(side)
        for x in range(side)
    ]
    count = side * side
    pairs = [(i, i + 1) for i in range(count) if (i + 1) % side]
    pairs += [(i, i + side) for i in range(count - side)]
    paths = [[nodes[u], nodes[v]] for u, v in pairs]

    def add(path, u, v=None):
        if v is None:
            nodes.append(path[-1])
            v = len(nodes) - 1
        pairs.append((u, v))
        paths.append(path)

    for _ in range(draw(st.integers(0, 3))):  # dead ends
        end = dice.randrange(count)
        x, y = nodes[end]
        add([(x, y), (x + dice.uniform(20, 60), y + dice.uniform(20, 60))], end)
    for _ in range(draw(st.integers(0, 3))):  # a loop at a node, and one that crosses itself
        end = dice.randrange(count)
        x, y = nodes[end]
        a, b, c = ((x + dice.uniform(5, 50), y + dice.uniform(5, 50)) for _ in range(3))
        add([(x, y), a, b, c, (x, y)], end, end)
    for _ in range(draw(st.integers(0, 2))):  # two nodes at one place
        end = dice.randrange(count)
        add([nodes[end], nodes[end]], end)
        x, y = nodes[end]
        add([(x, y), (x - 30, y - 40)], len(nodes) - 1)
    for number in dice.sample(range(len(pairs)), draw(st.integers(0, 3))):  # the same edge again
        u, v = pairs[number]
        add(paths[number][:: dice.choice([1, -1])], u, v)
        if paths[-1][0] != nodes[u]:
            pairs[-1] = v, u
    if draw(st.booleans()):  # an island
        nodes += [(-400.0, 0.0), (-400.0, 90.0)]
        add(nodes[-2:], len(nodes) - 2, len(nodes) - 1)
    places = np.array([to_degrees(*node) for node in nodes])
    lines = np.array([shapely.LineString([to_degrees(*xy) for xy in path]) for path in paths])
    length = np.array([GEOD.line_length(*shapely.get_coordinates(line).T) for line in lines])
    u, v = np.array(pairs).T
    return from_degrees("odd", places, EdgeTable(u, v, length, lines))


def metric(net: Network, places) -> list[Point]:
    return [Point(*net.to_metric(*to_degrees(*xy))[0]) for xy in places]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(odd_networks(), st.integers(0, 2**32))
def test_labels_of_every_profile_are_right_on_odd_networks(profile, plain, seed):
    rng = np.random.default_rng(seed)
    # of edges on one line, the same is known: which of them a place stands on is anybody's guess
    wkb = [line.normalize().wkb for line in plain.lines]
    chosen = {line: rng.random(2) < 0.15 for line in wkb}
    steps, rough = np.array([chosen[line] for line in wkb]).T
    facts = replace(
        plain.facts, steps=steps, surface=np.where(rough, 3, 0).astype(plain.facts.surface.dtype)
    )
    plain = replace(plain, facts=facts)
    edges = edges_the_slow_way(plain, profile)
    try:
        net = for_profile(plain, profile)
    except Unavailable:
        assert all(edge.closed for edge in edges)
        return
    homes = metric(net, rng.uniform(-130, 500, (10, 2)))
    doors = [metric(net, rng.uniform(-130, 500, (2, 2))) for _ in range(3)]
    speed = profile.speed_m_s * SLOW
    labels = label_buildings(
        net,
        demand_of(net, homes),
        entrances_of(net, doors, ["clinic"] * 3),
        ["clinic", "school"],
        speed,
    )
    truth = np.array([brute_force.distances(edges, those, homes) for those in doors]) / (60 * speed)
    nearest = truth.min(axis=0)
    assert same(labels.minutes[:, 0], np.where(nearest <= MAX_WALK_MIN, nearest, np.inf))
    for number, limit in enumerate(STEPS_MIN):
        sure = (np.abs(truth - limit) > 1e-3).all(axis=0)
        assert (labels.within[sure, 0, number] == (truth <= limit).sum(axis=0)[sure]).all()
    every_door = net.snap(np.array([door for those in doors for door in those]))
    by_home = contracted_labels(net, every_door, net.snap(np.array(homes)), 1e9) / (60 * speed)
    assert same(by_home, nearest)
    # an empty category has nothing to say of anybody
    assert np.isinf(labels.minutes[:, 1]).all() and (labels.facility[:, 1] == -1).all()
    assert not labels.within[:, 1].any()


def test_ten_thousand_facilities_of_one_category_are_each_counted():
    """Against all pairs of crossings by Floyd and Warshall; nobody stands on an edge of another."""
    side, gap = 5, 300.0
    nodes = [(x * gap, y * gap) for y in range(side) for x in range(side)]
    pairs = [(i, i + 1) for i in range(side * side) if (i + 1) % side]
    pairs += [(i, i + side) for i in range(side * (side - 1))]
    net = network(nodes, pairs)
    rng = np.random.default_rng(9)
    doors = shapely.points(net.nodes.min(axis=0) + rng.uniform(0, gap * (side - 1), (10_000, 2)))
    homes = shapely.points(net.nodes.min(axis=0) + rng.uniform(0, gap * (side - 1), (30, 2)))
    facilities = entrances_of(net, [[door] for door in doors], ["clinic"] * len(doors))
    labels = label_buildings(net, demand_of(net, list(homes)), facilities, ["clinic"], 0.8)
    size = len(net.nodes)
    between = floyd_warshall(
        coo_array((net.length, (net.u, net.v)), shape=(size, size)).tocsr(), directed=False
    )
    home, door = net.snap(homes), facilities.snaps

    def at_ends(points):
        length = net.length[points.edge]
        return [(net.u[points.edge], points.offset), (net.v[points.edge], length - points.offset)]

    metres = np.min(
        [
            between[np.ix_(node, other)] + distant[:, None] + nearby[None, :]
            for node, distant in at_ends(home)
            for other, nearby in at_ends(door)
        ],
        axis=0,
    )
    straight = np.abs(home.offset[:, None] - door.offset[None, :])
    shared = home.edge[:, None] == door.edge[None, :]
    metres = np.where(shared, np.minimum(metres, straight), metres)
    minutes = (metres + home.leg[:, None] + door.leg[None, :]) / (60 * 0.8)
    assert same(labels.minutes[:, 0], minutes.min(axis=1))
    for number, limit in enumerate(STEPS_MIN):
        assert (labels.within[:, 0, number] == (minutes <= limit).sum(axis=1)).all()
    assert labels.within.max() > 1000


@pytest.mark.parametrize(
    ("nodes", "pairs"),
    [
        ([(0, 0), (1000, 0)], [(0, 1), (1, 0), (0, 1)]),
        # with nodes of its own, joined to the other at one end; and by itself, an island
        ([(0, 0), (1000, 0), (0, 0), (1000, 0)], [(0, 1), (0, 2), (2, 3)]),
        ([(0, 0), (1000, 0), (1000, 90), (0, 0), (1000, 0)], [(3, 4), (0, 1), (1, 2)]),
    ],
)
def test_two_doors_on_a_street_drawn_twice_stand_on_the_same_one(nodes, pairs):
    """Else the walk between them would lead round by an end of the street."""
    plain = network(nodes, pairs)
    home, shop = metric(plain, [(600, 20), (500, -10)])
    labels = label_buildings(
        plain, demand_of(plain, [home]), entrances_of(plain, [[shop]], ["clinic"]), ["clinic"], 1.0
    )
    assert labels.minutes[0, 0] * 60 == pytest.approx(130, abs=0.1)
    edge = whole_lattice(plain).edge
    long = edge[edge >= 0]
    assert len(np.unique(long[plain.metres[long] > 500])) == 1
