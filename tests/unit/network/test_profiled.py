"""Networks of walking profiles: costs and closed edges as said, distances as by brute force."""

import math
import random
from dataclasses import replace
from datetime import UTC, datetime

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

from gis.errors import InvalidInput, Unavailable
from gis.network import walk
from gis.network.build import Network
from gis.network.edge_facts import MAIN_ROADS, SURFACES
from gis.network.isochrone import isochrones
from gis.network.profiled import closed_edges, edge_costs, for_profile
from gis.network.profiles import (
    ADULT,
    PROFILES,
    WalkingProfile,
    default_rows,
    get_profile,
    is_possible,
)
from tests.support import brute_force
from tests.support.slow_profiles import edges_the_slow_way
from tests.support.walk_networks import cities, contracted_labels, network, same, snap, to_degrees

MAIN = {name: n for n, name in enumerate(MAIN_ROADS, 1)}


def with_facts(net: Network, **columns) -> Network:
    """The network with some facts, by name of the array."""
    return replace(
        net,
        facts=replace(
            net.facts,
            **{
                name: value if name == "hours" else np.array(value, getattr(net.facts, name).dtype)
                for name, value in columns.items()
            },
        ),
    )


def random_facts(dice: random.Random, count: int) -> dict[str, object]:
    """Facts of every kind, most of them unknown."""
    some = lambda values: [dice.choice(values) for _ in range(count)]  # noqa: E731
    return {
        "main": some([0, 0, 0, 1, 2, 3, 4]),
        "steps": some([False, False, True]),
        "step_count": some([0, 0, 3, 500]),
        "surface": some([0, 0, 1, 2, 3]),
        "slope_pct": some([math.nan, math.nan, 4, 20]),
        "kerb_cm": some([math.nan, math.nan, 0, 3, 10]),
        "width_m": some([math.nan, math.nan, 0.5, 0.9, 2]),
        "wheelchair": some([0, 0, 0, 1, -1]),
        "crossing": some([0, 0, 1, 2, 3, 4]),
        "gradient": some([math.nan, math.nan, 0, 0.03, 0.05, 0.2, 3]),
    }


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(cities(), st.integers(0, 2**32), st.sampled_from(list(PROFILES.values())))
def test_labels_of_every_profile_are_those_of_brute_force_and_circles_hold_them(
    city, seed, profile
):
    nodes, pairs, flags, walls, doors, places = city
    lines = (
        shapely.linestrings([[to_degrees(*a), to_degrees(*b)] for a, b in walls]) if walls else None
    )
    plain = network(nodes, pairs, walls=lines, **flags)
    plain = with_facts(plain, **random_facts(random.Random(seed), len(pairs)))
    edges = edges_the_slow_way(plain, profile)
    if all(edge.closed for edge in edges):
        with pytest.raises(Unavailable):
            for_profile(plain, profile)
        return
    net = for_profile(plain, profile)
    stored = [edge for edge in edges if not edge.closed]
    assert net.length == pytest.approx([edge.time for edge in stored])
    assert (net.metres == [edge.length for edge in stored]).all()
    assert (net.length >= net.metres).all()
    points = lambda all_: [Point(*net.to_metric(*to_degrees(*point))[0]) for point in all_]  # noqa: E731
    truth = brute_force.distances(edges, points(doors), points(places), list(net.walls))
    sources, every = net.snap(np.array(points(doors))), net.snap(np.array(points(places)))
    assert same(walk.network_distances(net, sources, every, 1e9), truth)
    assert same(walk.nearest_source_distances(net, sources, every, 1e9), truth)
    assert same(contracted_labels(net, sources, every, 1e9), truth)
    one_by_one = [walk.network_distances(net, every[i], sources, 1e9).min() for i in range(12)]
    assert same(one_by_one, truth)  # there and back are the same way
    small, large = isochrones(net, sources, [200.0, 400.0])
    assert small.is_valid and large.is_valid
    assert small.difference(large).area <= 1e-9
    alone = [isochrones(net, sources, [limit])[0] for limit in (200.0, 400.0)]
    assert alone == [small, large]  # to the last vertex: what else is drawn changes nothing


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(cities())
def test_the_adult_walks_the_plain_network(city):
    nodes, pairs, flags, _, _, _ = city
    facts = random_facts(random.Random(1), len(pairs)) | {"gradient": [math.nan] * len(pairs)}
    plain = with_facts(network(nodes, pairs, **flags), **facts)
    assert plain.flat and for_profile(plain, ADULT) is plain
    level = with_facts(plain, gradient=[0.0] * len(pairs))
    assert not level.flat and for_profile(level, ADULT) is level


def town() -> Network:
    """A made-up town of 12 by 12 streets, with main roads, stairs, kerbs and bad surfaces."""
    dice = random.Random(11)
    side = 12
    nodes = [
        (x * 90 + dice.uniform(-25, 25), y * 90 + dice.uniform(-25, 25))
        for y in range(side)
        for x in range(side)
    ]
    along = [(i, i + 1) for i in range(side * side) if (i + 1) % side]
    across = [(i, i + side) for i in range(side * (side - 1))]
    pairs = along + across
    facts = random_facts(dice, len(pairs))
    for name in ("slope_pct", "kerb_cm", "width_m"):  # not so many that nothing is left for wheels
        facts[name] = [v if dice.random() < 0.15 else math.nan for v in facts[name]]
    facts["gradient"] = [n % 4 * 0.02 for n in range(len(pairs))]
    facts["steps"] = [dice.random() < 0.08 for _ in pairs]
    facts["wheelchair"] = [dice.choice([0] * 8 + [1, -1]) for _ in pairs]
    facts["surface"] = [dice.choice([0] * 6 + [1, 2, 3]) for _ in pairs]
    facts["main"] = [
        MAIN["primary"]
        if u // side == v // side == 5
        else MAIN["tertiary"]
        if u % side == v % side == 4
        else 0
        for u, v in pairs
    ]
    return with_facts(network(nodes, pairs), **facts)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_in_a_made_up_town_labels_are_exact_and_circles_fit_them(profile):
    plain = town()
    net, edges = for_profile(plain, profile), edges_the_slow_way(plain, profile)
    assert (profile.name == "wheelchair") == (len(net.lines) < len(plain.lines))
    dice, side = random.Random(5), 12 * 90
    doors = [(300, 320), (310, 330)]
    places = [(dice.uniform(0, side), dice.uniform(0, side)) for _ in range(150)]
    points = lambda all_: [Point(*net.to_metric(*to_degrees(*point))[0]) for point in all_]  # noqa: E731
    truth = np.array(brute_force.distances(edges, points(doors), points(places)))
    sources = net.snap(np.array(points(doors)))
    assert same(
        walk.network_distances(net, sources, net.snap(np.array(points(places))), 1e9), truth
    )
    limit = 10 * 60 * profile.speed_m_s
    many = [(dice.uniform(0, side), dice.uniform(0, side)) for _ in range(6000)]
    labels = walk.network_distances(net, sources, net.snap(np.array(points(many))), limit)
    shape = isochrones(net, sources, [limit])[0]
    assert shape == isochrones(net, sources, [1.5 * limit, limit, limit / 2])[1]
    inside = brute_force.covered(shape, [Point(to_degrees(*point)) for point in many])
    assert np.isfinite(labels).sum() > 500
    assert brute_force.f1(inside, np.isfinite(labels).tolist()) >= 0.98


STREET = [(0, 0), (1000, 0)]
# a stair of 20 m, and 200 m round it
ROUND = [(0, 0), (500, 0), (520, 0), (500, 100), (520, 100), (1020, 0)]
ROUND_PAIRS = [(0, 1), (1, 2), (1, 3), (3, 4), (4, 2), (2, 5)]


def metres_of(net: Network) -> float:
    """Between the ends of the streets on both sides of the stair."""
    return float(walk.network_distances(net, snap(net, 0, 0), snap(net, 1020, 0), 1e6)[0])


def test_stairs_cost_by_their_steps_and_wheels_go_round():
    plain = with_facts(network(ROUND, ROUND_PAIRS), steps=[False, True, *[False] * 4])
    elder, chair = get_profile("elder"), get_profile("wheelchair")
    assert metres_of(plain) == pytest.approx(1020, abs=0.2)
    # 67 steps of 0.3 m, a second each
    assert metres_of(for_profile(plain, elder)) == pytest.approx(1000 + 67 * 0.8, abs=0.2)
    assert metres_of(for_profile(plain, chair)) == pytest.approx(1220, abs=0.4)
    counted = with_facts(plain, step_count=[0, 400, 0, 0, 0, 0])
    assert metres_of(for_profile(counted, elder)) == pytest.approx(1220, abs=0.4)  # round it
    ramp = with_facts(plain, wheelchair=[0, 1, 0, 0, 0, 0])
    assert metres_of(for_profile(ramp, chair)) == pytest.approx(1020, abs=0.2)


@pytest.mark.parametrize(
    ("fact", "value", "is_open"),
    [
        ("kerb_cm", 10, False),
        ("kerb_cm", 3, True),
        ("width_m", 0.8, False),
        ("width_m", 0.9, True),
        ("slope_pct", 12, False),
        ("slope_pct", 8.33, True),
        ("surface", SURFACES["sand"], False),
        ("surface", SURFACES["gravel"], True),
        ("wheelchair", -1, False),
        ("wheelchair", 1, True),
    ],
)
def test_what_closes_a_way_to_wheels_closes_it_to_nobody_else(fact, value, is_open):
    net = with_facts(network(STREET, [(0, 1)]), **{fact: [value]})
    assert closed_edges(net.facts, get_profile("wheelchair")).tolist() == [not is_open]
    assert not closed_edges(net.facts, get_profile("elder")).any()


def crossroads(**facts) -> Network:
    """A path from south to north over a road from west to east."""
    nodes = [(0, 0), (500, 0), (1000, 0), (500, -300), (500, 300)]
    columns = {"main": [MAIN["primary"]] * 2 + [0, 0], **facts}
    return with_facts(network(nodes, [(0, 1), (1, 2), (3, 1), (1, 4)]), **columns)


def test_crossing_a_main_road_costs_once_and_walking_along_it_nothing():
    elder = get_profile("elder")
    net = for_profile(crossroads(), elder)
    over = walk.network_distances(net, snap(net, 500, -300), snap(net, 500, 300), 1e6)[0]
    assert over == pytest.approx(600 + 40 * 0.8, abs=0.2)
    along = walk.network_distances(net, snap(net, 0, 0), snap(net, 1000, 0), 1e6)[0]
    assert along == pytest.approx(1000, abs=0.2)
    turn = walk.network_distances(net, snap(net, 500, -300), snap(net, 1000, 0), 1e6)[0]
    assert turn == pytest.approx(800 + 20 * 0.8, abs=0.2)
    light = for_profile(crossroads(crossing=[0, 0, 4, 4]), replace(elder, signal_s=10))
    over = walk.network_distances(light, snap(light, 500, -300), snap(light, 500, 300), 1e6)[0]
    assert over == pytest.approx(600 + 10 * 0.8, abs=0.2)


def test_a_gate_is_closed_outside_its_hours_only():
    plain = with_facts(network(ROUND, ROUND_PAIRS), hours={1: "06:00-22:00", 5: "nonsense"})
    at = datetime(2026, 1, 1, 23, tzinfo=UTC)
    state = {"06:00-22:00": False, "nonsense": None}
    night = for_profile(plain, ADULT, at, lambda hours, _: state[hours])
    assert metres_of(night) == pytest.approx(1220, abs=0.4)
    assert for_profile(plain, ADULT) is plain
    assert for_profile(plain, ADULT, at, lambda *_: True) is plain
    assert for_profile(plain, replace(ADULT, hours=False), at, lambda *_: False) is plain


def test_behind_closed_stairs_a_lane_stays_public():
    """Residents' ways and closed ways do not make private what all may walk."""
    nodes = [(0, 0), (300, 0), (600, 0), (600, 400), (300, 400)]
    pairs = [(0, 1), (1, 2), (2, 3), (3, 4), (1, 4)]
    plain = with_facts(
        network(nodes, pairs, ends=np.arange(5) == 4, road=np.arange(5) == 0),
        steps=[False, False, True, False, False],
    )
    chair = for_profile(plain, get_profile("wheelchair"))
    assert chair.access.edge.tolist() == [True, True, True, False]


def test_networks_of_profiles_are_kept_beside_theirs():
    plain = town()
    elder = for_profile(plain, get_profile("elder"))
    assert for_profile(plain, get_profile("elder")) is elder
    assert for_profile(plain, replace(get_profile("elder"), step_s=3.0)) is not elder
    for profile in PROFILES.values():
        for_profile(plain, profile)
    assert len(plain.views) == 3 and elder.version == plain.version


def test_profiles_of_the_table_are_possible_and_say_where_they_come_from():
    assert list(PROFILES) == ["adult", "elder", "child", "wheelchair"]
    assert WalkingProfile("adult", 1.25) == ADULT and ADULT.key == "1.25"
    for row in default_rows():
        assert is_possible(row.quantity, row.value) and row.unit and row.source and row.note
    assert not is_possible("rough_factor", 0.5) and not is_possible("speed_m_s", 0)
    assert not is_possible("kerb_cm", math.nan) and not is_possible("steps", 2)
    with pytest.raises(InvalidInput) as refused:
        get_profile("unicyclist")
    assert refused.value.code == "invalid_fields" or "unicyclist" in str(refused.value)


def test_costs_never_fall_below_metres():
    plain = town()
    for profile in PROFILES.values():
        assert (edge_costs(plain, profile) >= plain.metres).all()
    assert nx.is_connected(nx.Graph(zip(plain.u.tolist(), plain.v.tolist(), strict=True)))
