"""Edits of planners on the stored network: in force, fitted to every load, in its version."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, Point
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.exchange.osm.loader import load_osm
from gis.facilities.path_edits import NewEdit, find_problems, insert_edit
from gis.network import walk
from gis.network.build import Network
from gis.network.loading import load_network
from gis.network.profiled import network_for
from tests.support.osm_files import OsmFile, degrees

STEP_M = 99.8  # metres of 0.001 degrees east at 26.23 N


def block(middle: bool = True) -> OsmFile:
    """A street, with or without its middle, and a lane round this."""
    file = OsmFile()
    file.way([(0, 0), (4, 0)], highway="residential")
    if middle:
        file.way([(4, 0), (6, 0)], highway="footway")
    file.way([(6, 0), (9, 0)], highway="residential")
    file.way([(4, 0), (4, 1), (6, 1), (6, 0)], highway="residential")
    return file


@pytest.fixture
def load(session: Session, tmp_path: Path):
    """Write a file and load it."""
    return lambda file: load_osm(session, file.write(tmp_path / "tiny.osm"))


def steps(net: Network, start: tuple[float, float], end: tuple[float, float]) -> float:
    """The walk between two places, in steps."""
    a, b = (
        net.snap_degrees(*(np.array([d]) for d in degrees(*location))) for location in (start, end)
    )
    return float(walk.network_distances(net, a, b, 1e6)[0]) / STEP_M


def state(session: Session, kind: str, *places: tuple[float, float], **facts) -> int:
    points = [degrees(*location) for location in places]
    shape = Point(points[0]) if len(points) == 1 else LineString(points)
    return insert_edit(session, NewEdit(kind, shape, **facts), source="page", author="test")


def test_edits_hold_from_statement_to_withdrawal_and_are_part_of_the_version(session, load) -> None:
    load(block())
    plain = load_network(session)
    number = state(session, "close", (5, 0))
    closed = load_network(session)
    assert closed.version != plain.version
    assert steps(plain, (0, 0), (9, 0)) == pytest.approx(9, abs=0.02)
    assert steps(closed, (0, 0), (9, 0)) == pytest.approx(11.2, abs=0.3)
    assert load_network(session) is closed
    # profiles walk the edited one
    assert network_for(session, "wheelchair").version == closed.version
    session.execute(text("UPDATE walk_edit SET withdrawn_at = now()"))
    assert load_network(session) is plain
    state(session, "close", (5, 0))
    # the same again is another edit
    assert load_network(session).version not in (plain.version, closed.version)
    assert number


def test_edits_hold_from_and_until_their_moments(session, load) -> None:
    load(block())
    now = datetime.now(UTC)
    state(session, "close", (5, 0), from_at=now + timedelta(days=1), until_at=now + timedelta(2))
    plain = load_network(session)
    assert steps(plain, (0, 0), (9, 0)) == pytest.approx(9, abs=0.02)
    during = load_network(session, now + timedelta(days=1, hours=1))
    assert steps(during, (0, 0), (9, 0)) > 10
    assert load_network(session, now + timedelta(days=2, hours=1)) is plain


def test_after_a_load_edits_are_fitted_anew_and_those_that_do_not_fit_are_named(
    session, load
) -> None:
    load(block())
    closing = state(session, "close", (4.2, 0), (5.8, 0))
    adding = state(session, "add", (2, 0), (2, -3), (7, -3), (7, 0))
    assert find_problems(session) == {}
    assert steps(load_network(session), (2, 0), (7, 0)) > 5
    load(block(middle=False))
    assert find_problems(session) == {closing: "path_edit.no_path_near"}
    assert steps(load_network(session), (2, -3), (7, -3)) == pytest.approx(5, abs=0.02)
    assert session.scalar(text("SELECT count(*) FROM walk_edit WHERE withdrawn_at IS NULL")) == 2
    load(block())
    assert find_problems(session) == {}
    assert adding


def test_a_gate_bars_those_who_obey_hours(session, load) -> None:
    load(block())
    state(session, "gate", (5, 0), hours="06:00-22:00")
    night = network_for(session, "adult", datetime(2026, 3, 1, tzinfo=UTC), lambda *_: False)
    assert steps(night, (0, 0), (9, 0)) > 10
    assert steps(network_for(session, "adult"), (0, 0), (9, 0)) == pytest.approx(9, abs=0.02)
    state(session, "gate", (2, 0), hours="关闭")
    assert not np.isfinite(steps(load_network(session), (0, 0), (9, 0)))


def test_the_database_refuses_shapes_and_hours_of_other_kinds(session: Session) -> None:
    for kind, shape, hours in (
        ("gate", LineString([(1, 1), (2, 2)]), "closed"),
        ("add", Point(1, 1), ""),
        ("close", Point(1, 1), "closed"),
        ("gate", Point(1, 1), ""),
        ("close", shapely.box(0, 0, 1, 1), ""),
    ):
        with pytest.raises(Exception, match="ck_walk_edit"), session.begin_nested():
            session.execute(
                text(
                    "INSERT INTO walk_edit (kind, geom, hours, source, author)"
                    " VALUES (:kind, ST_GeomFromText(:wkt, 4490), :hours, 'page', 'x')"
                ),
                {"kind": kind, "wkt": shape.wkt, "hours": hours},
            )
