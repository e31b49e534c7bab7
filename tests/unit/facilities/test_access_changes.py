"""Labels brought in step with a change: the same as a full run, of few buildings."""

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point

from gis.errors import Unavailable
from gis.facilities.access_changes import AccessChange, AccessState
from gis.facilities.access_labels import label_buildings
from gis.facilities.category_labels import CategoryLabels, by_category
from gis.network.build import Network
from gis.network.edit_draft import apply_edits
from gis.network.edits import Edit
from tests.support.access_inputs import demand_of, entrances_of
from tests.support.walk_networks import cities, network, same, to_degrees

# so slow that 15 minutes, and the limit of 20, end inside these cities of some 500 m
SPEED_M_S, LIMIT_MIN = 0.15, 20.0
CATEGORIES = ("clinic", "school")


def state(net: Network, places, facilities) -> AccessState:
    """Buildings and facilities on a network: (id, category, doors in metres)."""
    entrances = entrances_of(
        net, [doors for _, _, doors in facilities], [category for _, category, _ in facilities]
    )
    object.__setattr__(entrances, "id", np.array([number for number, _, _ in facilities], int))
    return AccessState(net, demand_of(net, places), entrances)


def full(of: AccessState) -> dict[str, CategoryLabels]:
    labels = label_buildings(of.network, of.demand, of.entrances, CATEGORIES, SPEED_M_S, LIMIT_MIN)
    return by_category(labels, of.demand, of.entrances)


def random_edits(dice: random.Random, nodes) -> list[Edit]:
    def place() -> tuple[float, float]:
        east, north = dice.choice(nodes)
        return to_degrees(east + dice.uniform(-40, 40), north + dice.uniform(-40, 40))

    edits = []
    for number in range(dice.randint(0, 3)):
        kind = dice.choice(["close", "add", "gate"])
        is_line = kind == "add" or (kind == "close" and dice.random() < 0.5)
        shape = LineString([place(), place()]) if is_line else Point(place())
        edits.append(Edit(number, kind, shape, "closed" if kind == "gate" else ""))
    return edits


def agree(labels: CategoryLabels, other: CategoryLabels) -> None:
    """Equal to the last digit; of facilities equally far beyond 15 minutes any is right."""
    assert (labels.minutes == other.minutes).all()
    assert (labels.within == other.within).all()
    assert (labels.edge_minutes == other.edge_minutes).all()
    assert (labels.off_network == other.off_network).all()
    nearby = labels.minutes <= 15
    assert (labels.facility[nearby] == other.facility[nearby]).all()
    assert ((labels.facility >= 0) == (other.facility >= 0)).all()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cities(), st.integers(0, 2**32))
def test_what_is_brought_in_step_equals_a_full_run(city, seed) -> None:
    """Any edits before and after, facilities come, gone, moved and of another category."""
    nodes, pairs, flags, walls, _, places = city
    dice = random.Random(seed)
    lines = np.array([LineString([to_degrees(*a), to_degrees(*b)]) for a, b in walls], object)
    at_edge = np.array(sorted(dice.sample(range(len(nodes)), dice.randint(0, 2))), np.int64)
    net = network(nodes, pairs, walls=lines, at_edge=at_edge, **flags)
    point = lambda xy: Point(*net.to_metric(*to_degrees(*xy))[0])  # noqa: E731
    side = int(np.sqrt(len(nodes))) * 120

    def facility(number: int):
        doors = [
            point((dice.uniform(-60, side), dice.uniform(-60, side)))
            for _ in range(dice.randint(1, 2))
        ]
        return number, dice.choice(CATEGORIES), doors

    every = [facility(number) for number in range(dice.randint(1, 6))]
    later = [
        facility(each[0]) if dice.random() < 0.2 else each for each in every if dice.random() < 0.8
    ] + [facility(10 + number) for number in range(dice.randint(0, 2))]
    homes = [point(xy) for xy in places]
    try:
        previous, following = (
            apply_edits(net, random_edits(dice, nodes), name).network for name in "ab"
        )
    except Unavailable:
        return
    old, new = state(previous, homes, every), state(following, homes, later)
    change = AccessChange(old, new, SPEED_M_S, LIMIT_MIN)
    stored, truth = full(old), full(new)
    for category in CATEGORIES:
        labels, which = change.relabel(category, stored[category])
        agree(labels, truth[category])
        differs = (stored[category].minutes != truth[category].minutes).nonzero()[0]
        assert set(differs) <= set(which.tolist())


def long_street() -> tuple[Network, list[Point]]:
    """A street of 10 km with lanes beside it, and a home at each of 400 places."""
    count = 100
    nodes = [(100 * n, 0) for n in range(count)] + [(100 * n, 80) for n in range(count)]
    pairs = [(n, n + 1) for n in range(count - 1)] + [(n, count + n) for n in range(count)]
    net = network(nodes, pairs)
    homes = [(100 * n + east, north) for n in range(count) for east, north in
             ((5, 20), (5, 60), (40, 5), (70, 5))]  # fmt: skip
    return net, [Point(*net.to_metric(*to_degrees(*xy))[0]) for xy in homes]


def clinics(net: Network, *east: int):
    return [(n, "clinic", [Point(*net.to_metric(*to_degrees(n, 3))[0])]) for n in east]


@pytest.mark.parametrize(
    ("edit", "facilities", "most"),
    [
        # a blind lane closed
        (Edit(1, "close", Point(to_degrees(3000, 40))), (500, 2500, 4500, 8000), 60),
        # the street barred midway between two clinics
        (Edit(1, "gate", Point(to_degrees(3550, 0)), "closed"), (500, 2500, 4500, 8000), 30),
        # a way between the ends of two lanes far from all clinics
        (Edit(1, "add", LineString([to_degrees(6200, 80), to_degrees(6300, 80)])),
         (500, 2500, 4500, 8000), 8),
        (None, (500, 2500, 4500, 6000, 8000), 100),  # one opens
        (None, (500, 2500, 8000), 120),  # one closes
        (None, (500, 2500, 4500, 8000), 0),
    ],
)  # fmt: skip
def test_few_buildings_are_computed_anew(edit, facilities, most) -> None:
    net, homes = long_street()
    edited = net if edit is None else apply_edits(net, [edit], "edited").network
    old = state(net, homes, clinics(net, 500, 2500, 4500, 8000))
    new = state(edited, homes, clinics(edited, *facilities))
    change = AccessChange(old, new, 1.25)
    previous, following = (
        by_category(
            label_buildings(each.network, each.demand, each.entrances, ["clinic"], 1.25),
            each.demand, each.entrances,
        )["clinic"]
        for each in (old, new)
    )  # fmt: skip
    labels, which = change.relabel("clinic", previous)
    print(f"{len(which)} of {len(homes)} buildings computed anew")
    assert same(labels.minutes, following.minutes) and (labels.within == following.within).all()
    assert len(which) <= most
