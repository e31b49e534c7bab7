"""From the tags of a file to who walks where: stairs, kerbs, crossings, gates with hours."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.exchange.osm.loader import load_osm
from gis.files.report import LoadReport
from gis.network import walk
from gis.network.build import Network
from gis.network.loading import load_network
from gis.network.profiled import for_profile, network_for
from gis.network.profiles import ADULT, get_profile
from tests.support.osm_files import OsmFile, degrees

Load = Callable[[OsmFile], LoadReport]
STEP_M = 99.8  # metres of 0.001 degrees east at 26.23 N


@pytest.fixture
def load(session: Session, tmp_path: Path) -> Load:
    """Write a file and load it."""
    return lambda file: load_osm(session, file.write(tmp_path / "tiny.osm"))


def rows(session: Session, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.execute(text(query))]


def metres(net: Network, start: tuple[float, float], end: tuple[float, float]) -> float:
    """The walk between two places in steps, in equivalent metres."""
    a, b = (net.snap_degrees(*(np.array([d]) for d in degrees(*at))) for at in (start, end))
    return float(walk.network_distances(net, a, b, 1e6)[0])


def two_ways(tags: dict[str, str]) -> OsmFile:
    """A street, a way of 100 m with tags, a street; and 300 m round it."""
    file = OsmFile()
    file.way([(0, 0), (4, 0)], highway="residential")
    file.way([(4, 0), (5, 0)], tags)
    file.way([(5, 0), (9, 0)], highway="residential")
    file.way([(4, 0), (4, 1), (5, 1), (5, 0)], highway="residential")
    return file


@pytest.mark.parametrize(
    ("tags", "is_open"),
    [
        ({"highway": "footway"}, True),
        ({"highway": "steps"}, False),
        ({"highway": "steps", "ramp:wheelchair": "yes"}, True),
        ({"highway": "footway", "wheelchair": "no"}, False),
        ({"highway": "footway", "incline": "12%"}, False),
        ({"highway": "footway", "incline": "up"}, True),
        ({"highway": "footway", "width": "0.6"}, False),
        ({"highway": "path", "surface": "sand"}, False),
        ({"highway": "path", "surface": "sand", "wheelchair": "limited"}, True),
    ],
)
def test_wheels_go_round_what_is_closed_to_them(session, load, tags, is_open) -> None:
    load(two_ways(tags))
    chair, adult = network_for(session, "wheelchair"), network_for(session, "adult")
    straight, round_it = metres(adult, (0, 0), (9, 0)), 11
    assert straight == pytest.approx(9 * STEP_M, rel=0.01)
    assert metres(chair, (0, 0), (9, 0)) >= straight
    assert (metres(chair, (0, 0), (9, 0)) < (round_it - 0.5) * STEP_M) == is_open


@pytest.mark.parametrize(
    ("tags", "is_open"),
    [
        ({"kerb": "raised"}, False),
        ({"barrier": "kerb", "kerb": "lowered"}, True),
        ({"barrier": "turnstile"}, False),
        ({"barrier": "stile", "wheelchair": "yes"}, True),
    ],
)
def test_what_stands_on_a_way_holds_for_the_metre_around_it(session, load, tags, is_open) -> None:
    file = OsmFile()
    file.way([(0, 0), (4, 0)], highway="residential")
    middle = file.node(4.5, 0, tags)
    file.way([(4, 0), middle, (5, 0)], highway="footway")
    file.way([(5, 0), (9, 0)], highway="residential")
    file.way([(4, 0), (4, 1), (5, 1), (5, 0)], highway="residential")
    load(file)
    chair, adult = network_for(session, "wheelchair"), network_for(session, "adult")
    assert metres(adult, (0, 0), (9, 0)) == pytest.approx(9 * STEP_M, rel=0.01)
    assert (metres(chair, (0, 0), (9, 0)) < 10.5 * STEP_M) == is_open
    if not is_open:  # both halves are walked up to the metre
        assert metres(chair, (0, 0), (4.4, 0)) == pytest.approx(4.4 * STEP_M, rel=0.01)
        ((short,),) = rows(
            session, "SELECT sum(length_m) FROM walk_edge WHERE kerb || wheelchair <> ''"
        )
        assert short == pytest.approx(2, rel=0.05)


def test_a_kerb_of_a_crossing_does_not_close_the_pavement_it_meets(session, load) -> None:
    file = OsmFile()
    kerb = file.node(4, 0, kerb="raised")
    file.way([(0, 0), kerb, (9, 0)], highway="footway", footway="sidewalk")
    file.way([kerb, (4, 1)], highway="footway", footway="crossing")
    file.way([(0, 1), (4, 1), (9, 1)], highway="footway")
    file.way([(0, 0), (0, 1)], highway="footway")
    load(file)
    chair = network_for(session, "wheelchair")
    assert metres(chair, (0, 0), (9, 0)) == pytest.approx(9 * STEP_M, rel=0.01)
    assert metres(chair, (4.3, 0), (4.3, 1)) > 8 * STEP_M  # round by the west


def test_a_stair_costs_by_its_steps_wherever_ways_join_it(session, load) -> None:
    file = two_ways({"highway": "steps", "step_count": "150"})
    load(file)
    elder = get_profile("elder")
    net = network_for(session, "elder")
    at_end = metres(net, (0, 0), (9, 0))
    assert at_end == pytest.approx(8 * STEP_M + 150 * elder.step_s * elder.speed_m_s, rel=0.01)
    file = OsmFile()
    file.way([(0, 0), (4, 0)], highway="residential")
    file.way([(4, 0), (4.25, 0), (5, 0)], highway="steps", step_count="160")
    file.way([(4.25, 0), (4.25, 2)], highway="footway")
    file.way([(5, 0), (9, 0)], highway="residential")
    load(file)
    counts = rows(session, "SELECT step_count FROM walk_edge WHERE steps ORDER BY 1")
    assert counts == [(40,), (120,)]


@pytest.mark.parametrize(
    ("node", "way", "seconds"),
    [
        ({}, {}, 40),
        ({"highway": "crossing", "crossing": "traffic_signals"}, {}, 20),
        ({}, {"footway": "crossing", "crossing": "traffic_signals"}, 20),
        ({"highway": "crossing", "crossing": "unmarked"}, {}, 40),
    ],
)
def test_crossing_a_main_road_costs_its_wait(session, load, node, way, seconds) -> None:
    file = OsmFile()
    middle = file.node(4, 0, node)
    file.way([(0, 0), middle, (9, 0)], highway="primary")
    file.way([(4, -2), middle, (4, 2)], {"highway": "footway", **way})
    load(file)
    elder = replace(get_profile("elder"), signal_s=20.0)
    net = for_profile(load_network(session), elder)
    plain = metres(load_network(session), (4, -2), (4, 2))
    assert metres(net, (4, -2), (4, 2)) == pytest.approx(plain + seconds * 0.8, abs=0.1)
    assert metres(net, (0, 0), (9, 0)) == pytest.approx(9 * STEP_M, rel=0.01)


def test_a_gate_with_hours_is_kept_for_those_who_ask_at_a_moment(session, load) -> None:
    file = OsmFile()
    gate = file.node(4.5, 0, barrier="gate", opening_hours="06:00-22:00")
    file.way([(0, 0), gate, (9, 0)], highway="residential")
    file.way([(0, 0), (0, 1), (9, 1), (9, 0)], highway="residential")
    load(file)
    stored = load_network(session)
    assert set(stored.facts.hours.values()) == {"06:00-22:00"}
    night = for_profile(stored, ADULT, datetime(2026, 1, 1, tzinfo=UTC), lambda *_: False)
    assert metres(stored, (4, 0), (5, 0)) == pytest.approx(STEP_M, rel=0.01)
    assert metres(night, (4, 0), (5, 0)) > 8 * STEP_M
    assert network_for(session, "adult") is stored


def test_tags_that_say_nothing_leave_the_network_as_it_was(session, load) -> None:
    load(two_ways({"highway": "footway"}))
    plain = load_network(session).version
    load(two_ways({"highway": "footway", "incline": "up", "width": "wide"}))
    assert load_network(session).version == plain
    load(two_ways({"highway": "footway", "width": "0.6"}))
    assert load_network(session).version != plain
