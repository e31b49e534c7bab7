"""The walking cases of ../shared: files with their right answers."""

import pytest
from sqlalchemy import text

from gis.exchange.osm import load_osm
from gis.facilities import queries


def rows(session, query, **values):
    return [tuple(row) for row in session.execute(text(query), values)]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "buildings"),
    [
        ("gated_plain", 42),
        ("gated_private_gate", 42),
        ("gated_residents_gate", 42),
        ("gated_private_ways", 42),
        ("stop_platform", 12),
        ("two_gates_park", 24),
    ],
)
def test_every_home_is_within_15_minutes(session, shared, name, buildings):
    load_osm(session, shared.parent / "cases" / "truth" / "osm" / f"{name}.osm")
    ((code,),) = rows(session, "SELECT code FROM facility")
    circle = queries.circle(session, code, 15)
    assert (circle.buildings, circle.off_network, circle.island) == (buildings, False, False)
