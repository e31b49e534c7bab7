"""Edits of the walking network: what closes, joins and bars, against networks drawn anew."""

import random
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point

from gis.errors import Unavailable
from gis.network.build import Network
from gis.network.edit_draft import EditedNetwork, apply_edits
from gis.network.edits import Edit
from gis.network.profiled import for_profile
from gis.network.profiles import ADULT
from gis.network.walk import network_distances
from tests.support.walk_networks import cities, network, same, snap, to_degrees

# a street of three blocks, and a lane round the middle one
LADDER = [(0, 0), (100, 0), (200, 0), (300, 0), (100, 80), (200, 80)]
STREETS = [(0, 1), (1, 2), (2, 3), (1, 4), (4, 5), (5, 2)]


def at(east: float, north: float) -> Point:
    return Point(to_degrees(east, north))


def line(*places: tuple[float, float]) -> LineString:
    return LineString([to_degrees(*location) for location in places])


def edited(net: Network, *edits: Edit) -> EditedNetwork:
    return apply_edits(net, edits, "edited")


def metres(net: Network, start: tuple[float, float], end: tuple[float, float]) -> float:
    a, b = snap(net, *start), snap(net, *end)
    return float(network_distances(net, a, b, 1e6)[0])


def ladder() -> Network:
    return network(LADDER, STREETS)


def is_sound(net: Network) -> bool:
    """Whether lines begin and end at their nodes, and lengths are those of the lines."""
    ends = [
        np.hypot(*(shapely.get_coordinates(shapely.get_point(net.lines, i)) - net.nodes[node]).T)
        for i, node in ((0, net.u), (-1, net.v))
    ]
    lengths = np.abs(net.metres - shapely.length(net.lines)) <= 0.01 + 2e-4 * net.metres
    facts = {len(column) for name, column in vars(net.facts).items() if name != "hours"}
    same_length = facts == {len(net.lines)} and max(net.facts.hours, default=0) < len(net.lines)
    return bool((np.max(ends, axis=0) <= 0.11).all() and lengths.all() and same_length)


@pytest.mark.parametrize(
    "shape",
    [
        line((150, -10), (150, 10), (150, -10), (160, 10)),  # to and fro
        line((150, -20), (170, 20), (190, -20), (210, 20)),  # over the street three times
        line((150, -20), (170, -20), (170, 20), (150, 20), (150, -20)),  # a ring over it
        line((100, 0), (200, 0)),  # along it
        line((50, 0), (250, 0.02)),
        line((120, 0), (180, 0)),
        line((100, 0), (100, 0), (150, 40), (150, 40), (200, 0)),  # points twice
        line((100.02, 0), (150, 40), (200, 0.03)),  # within centimetres of junctions
        line((100, 3), (100, 77)),  # beside a lane, from end to end
        line((150, 5), (150, 5.3), (150.2, 5.1)),  # a few decimetres
        line((150, -30), (170, 20), (130, 20), (170, -30)),  # over itself
        line((0, 40), (50, 0), (0, -40)),  # its corner on the street
    ],
)
def test_odd_lines_give_sound_networks(shape) -> None:
    for edits in (
        [Edit(1, "add", shape)],
        [Edit(1, "add", shape), Edit(2, "add", shape)],
        [Edit(1, "add", shape), Edit(2, "close", shape)],
        [Edit(1, "add", shape), Edit(2, "gate", Point(shape.coords[1]), "06:00-22:00")],
    ):
        result = edited(ladder(), *edits)
        assert is_sound(result.network), edits
        assert metres(result.network, (0, 0), (300, 0)) <= 461
    assert edited(ladder(), Edit(1, "add", shape)).unfit == {}


def test_an_added_path_climbs_between_what_it_meets() -> None:
    east = np.array([place[0] for place in LADDER], float)
    hill = replace(ladder(), height=east / 10)  # a tenth of the way east
    across = Edit(1, "add", line((20, 0), (20, 40), (100, 40)))  # from a street up to a lane
    net = edited(hill, across).network
    known = np.flatnonzero(np.isfinite(net.facts.gradient))
    metres_up = net.facts.gradient[known] * net.metres[known]
    assert metres_up.sum() == pytest.approx(8, abs=0.01)
    assert net.facts.slope_pct[known].max() == pytest.approx(100 * 8 / 120, abs=0.1)
    assert len(net.height) == len(net.nodes) and not net.flat
    assert edited(ladder(), across).network.flat
    lost = edited(hill, Edit(1, "add", line((20, 0), (20, 40)))).network  # its end meets nothing
    assert lost.flat


@pytest.mark.parametrize(
    "shape",
    [
        at(150, 4),
        line((101, 2), (199, -2)),
        line((120, 3), (190, 3)),  # most of it
        line((140, 0), (160, 0)),  # little of it, but of nothing else
        line((100, 0), (150, 1), (200, 0)),
    ],
)
def test_a_path_is_closed_from_one_junction_to_the_next(shape) -> None:
    result = edited(ladder(), Edit(1, "close", shape))
    assert result.unfit == {} and len(result.network.lines) == 5
    assert metres(result.network, (0, 0), (300, 0)) == pytest.approx(460, abs=0.5)


def test_a_closing_line_leaves_what_it_crosses_or_touches() -> None:
    net = network([*LADDER, (150, -60), (150, 60)], [*STREETS, (6, 7)])
    result = edited(net, Edit(1, "close", line((0, 0), (300, 0))))
    stored = sorted(zip(result.network.u.tolist(), result.network.v.tolist(), strict=True))
    assert stored == [(1, 4), (4, 5), (5, 2), (6, 7)]


def test_an_added_path_meets_what_it_crosses_and_what_its_ends_are_near() -> None:
    # across the lane, from 10 m beside the street to 8 m short of a far one
    net = network([*LADDER, (0, 160), (300, 160)], [*STREETS, (6, 7)])
    path = line((150, 10), (150, 152))
    result = edited(net, Edit(7, "add", path))
    assert result.unfit == {}
    assert metres(result.network, (150, 0), (150, 160)) == pytest.approx(160, abs=0.2)
    assert metres(result.network, (100, 80), (150, 160)) == pytest.approx(130, abs=0.2)
    # a wall hides an end, the crossing stays
    wall = shapely.linestrings([[to_degrees(100, 5), to_degrees(200, 5)]])
    walled = network([*LADDER, (0, 160), (300, 160)], [*STREETS, (6, 7)], walls=wall)
    behind = edited(walled, Edit(7, "add", path)).network
    assert metres(behind, (150, 0), (150, 160)) == pytest.approx(50 + 80 + 50 + 80, abs=0.2)


def test_an_end_on_a_junction_and_two_added_paths_meet() -> None:
    net = ladder()
    initial, second = line((100, 80), (100, 200)), line((40, 200), (160, 200))
    for edits in (
        [Edit(1, "add", initial), Edit(2, "add", second)],
        [Edit(1, "add", second), Edit(2, "add", initial)],
    ):
        result = edited(net, *edits)
        assert result.unfit == {}
        assert metres(result.network, (160, 200), (100, 0)) == pytest.approx(260, abs=0.3)


def test_a_gate_bars_at_its_hours_and_a_closed_one_always() -> None:
    net = ladder()
    gated = edited(net, Edit(3, "gate", at(150, 6), "06:00-22:00")).network
    assert list(gated.facts.hours.values()) == ["06:00-22:00"]
    assert metres(gated, (0, 0), (300, 0)) == pytest.approx(300, abs=0.2)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for state, expected in ((True, 300), (None, 300), (False, 460)):
        view = for_profile(gated, ADULT, moment, lambda *_, state=state: state)
        assert metres(view, (0, 0), (300, 0)) == pytest.approx(expected, abs=0.5)
    closed = edited(net, Edit(3, "gate", at(150, 6), "closed")).network
    assert metres(closed, (0, 0), (300, 0)) == pytest.approx(460, abs=0.5)
    # both sides are still walked up to it
    assert metres(closed, (0, 0), (140, 0)) == pytest.approx(140, abs=0.5)
    assert metres(closed, (300, 0), (160, 0)) == pytest.approx(140, abs=0.5)
    assert closed.metres.sum() == pytest.approx(net.metres.sum() - 1, abs=1e-3)


def test_a_gate_on_an_edge_shorter_than_itself_takes_it_all() -> None:
    net = network([(0, 0), (100, 0), (100.6, 0), (200, 0)], [(0, 1), (1, 2), (2, 3)])
    closed = edited(net, Edit(1, "gate", at(100.3, 1), "closed")).network
    assert not np.isfinite(metres(closed, (0, 0), (200, 0)))
    gated = edited(net, Edit(1, "gate", at(100.3, 1), "Mo off")).network
    assert gated.metres[list(gated.facts.hours)] == pytest.approx([0.6], abs=0.01)


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (Edit(5, "close", at(150, 20)), "path_edit.no_path_near"),
        (Edit(5, "gate", at(150, 20), "closed"), "path_edit.no_path_near"),
        (Edit(5, "close", line((150, 30), (150, 50))), "path_edit.no_path_near"),
        (Edit(5, "close", line((150, -20), (150, 20))), "path_edit.no_path_near"),  # across it
        (Edit(5, "add", line((150, 30), (150, 50))), "path_edit.joins_nothing"),
    ],
)
def test_what_does_not_fit_is_named_and_changes_no_walk(edit: Edit, code: str) -> None:
    result = edited(ladder(), edit)
    assert result.unfit == {5: code}
    assert metres(result.network, (0, 0), (300, 0)) == pytest.approx(300, abs=0.2)


def test_a_network_that_is_closed_altogether_is_said_to_be_empty() -> None:
    with pytest.raises(Unavailable):
        edited(network([(0, 0), (100, 0)], [(0, 1)]), Edit(1, "close", at(50, 0)))


def test_a_bridge_is_closed_only_where_nothing_on_the_ground_is_near() -> None:
    net = network(
        [(0, 0), (200, 0), (100, -100), (100, 250)], [(0, 1), (2, 3)],
        ground=np.array([True, False]),
    )  # fmt: skip
    assert edited(net, Edit(1, "close", at(104, 3))).network.u.tolist() == [2]
    assert edited(net, Edit(1, "close", at(104, 60))).network.u.tolist() == [0]
    # no path is joined to it
    added = edited(net, Edit(1, "add", line((20, 0), (20, 40), (180, 40), (180, 0)))).network
    assert not np.isfinite(metres(added, (0, 0), (100, 240)))


@st.composite
def many_edits(draw):
    """A made-up city with edits strewn over it."""
    nodes, pairs, flags, walls, sources, places = draw(cities())
    lines = np.array([line(*wall) for wall in walls], object)
    net = network(nodes, pairs, walls=lines, **flags)
    dice = random.Random(draw(st.integers(0, 2**32)))

    def place() -> tuple[float, float]:
        u, v = (nodes[node] for node in dice.choice(pairs))
        share, away = dice.random(), 20
        return tuple(
            a + share * (b - a) + dice.uniform(-away, away) for a, b in zip(u, v, strict=True)
        )

    makers = {
        "close": lambda: at(*place()) if dice.random() < 0.5 else line(place(), place()),
        "gate": lambda: at(*place()),
        "add": lambda: line(*(place() for _ in range(dice.choice([2, 3])))),
    }
    edits = []
    for number in range(draw(st.integers(1, 6))):
        kind = dice.choice([*makers])
        hours = dice.choice(["closed", "08:00-18:00"]) if kind == "gate" else ""
        edits.append(Edit(number, kind, makers[kind](), hours))
    return net, edits, sources, places


@settings(max_examples=40)
@given(many_edits(), st.randoms())
def test_the_order_of_edits_matters_to_no_walk(world, dice) -> None:
    net, edits, _, _ = world
    shuffled = list(edits)
    dice.shuffle(shuffled)
    try:
        ordered, other = edited(net, *edits), edited(net, *shuffled)
    except Unavailable:
        return
    assert ordered.unfit == other.unfit
    assert is_sound(ordered.network) and is_sound(other.network)
    assert ordered.network.metres.sum() == pytest.approx(other.network.metres.sum(), abs=0.2)
    assert len(ordered.network.lines) == len(other.network.lines)


@settings(max_examples=40)
@given(many_edits())
def test_edits_are_what_they_say_on_any_network(world) -> None:
    net, edits, sources, places = world
    # gates with hours alone change no walk; with walls a home may come to another piece of an edge
    net = replace(net, walls=np.array([], object))
    gates = [edit for edit in edits if edit.hours not in ("", "closed")]
    gated = edited(net, *gates).network
    assert gated.metres.sum() == pytest.approx(net.metres.sum(), abs=1e-6)
    lon, lat = zip(*(to_degrees(*location) for location in (*sources, *places)), strict=True)
    old, new = (
        network_distances(each, snaps[: len(sources)], snaps[len(sources) :], 1e6)
        for each in (net, gated)
        for snaps in [each.snap_degrees(lon, lat)]
    )
    assert same(old, new)
    # what is closed is no more, and all else is as it was
    closings = [edit for edit in edits if edit.kind == "close"]
    try:
        result = edited(net, *closings)
    except Unavailable:
        return
    left = {shape.wkb for shape in result.network.lines}
    assert left <= {shape.wkb for shape in net.lines}
    for edit in closings:
        gone = [shape for shape in net.lines if shape.wkb not in left]
        if edit.id in result.unfit:
            continue
        drawn = shapely.transform(edit.geom, lambda xy: net.to_metric(xy[:, 0], xy[:, 1]))
        assert min(shape.distance(drawn) for shape in gone) <= 15
