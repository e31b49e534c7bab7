"""Figures of what lies far back, and of matters that no grid has."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents.lifecycle import intake, report
from gis.incidents.reading import statistics
from gis.incidents.reading.statistics_rows import counted_incidents
from gis.incidents.reading.statistics_sql import Scope
from gis.rights.principal import system_principal
from tests.support import build
from tests.support.figures_by_hand import count_by_hand

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
LONG_AGO = datetime(1890, 1, 1, tzinfo=UTC)
SYSTEM = system_principal("test")
POINT = {"lon": build.LON + 0.0005, "lat": build.LAT + 0.0005, "crs": "cgcs2000"}
# Shanghai had the sun's time until 1901, and summer times in the forties and from 1986 to 1991
YEARS = (1900, 1901, 1919, 1940, 1941, 1949, *range(1986, 1993), 2020, 2025)
EVENT = """
INSERT INTO incident_event (county, incident_id, at, move, from_state, to_state, who)
VALUES ('520402', :id, :at, :move, :from, :to, 'test')
"""


@pytest.fixture
def world(session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A community of one grid since long ago."""
    monkeypatch.setattr(build, "FROM", LONG_AGO)
    town = build.Town(session)
    town.boundary(town.community, build.square(build.LON, build.LAT))
    town.post("grid_worker", town.grid("001"), "王网格")
    return session


def filed(session: Session, at: datetime, **place: object) -> object:
    incident_report = intake.IncidentReport(category="06010", at=at, **(place or POINT))  # type: ignore[arg-type]
    return report.file_report(session, SYSTEM, incident_report, NOW).id


def test_working_time_of_any_year_is_by_the_clocks_of_then(world: Session) -> None:
    dice = random.Random("clocks")
    for year in YEARS * 2:
        at = datetime(year, 4, 1, tzinfo=UTC) + timedelta(minutes=dice.randrange(180 * 1440))
        taken = at + timedelta(minutes=dice.randrange(4 * 1440))
        number = filed(world, at)
        for move, begin, end, when in (
            ("take", "dispatched", "taken", taken),
            ("handle", "taken", "handled", taken + timedelta(minutes=dice.randrange(30 * 1440))),
        ):
            event = {"id": number, "at": when, "move": move, "from": begin, "to": end}
            world.execute(text(EVENT), event)
    counted = count_by_hand(world, LONG_AGO, NOW, NOW)
    scope = Scope(LONG_AGO, NOW, NOW)
    for name, hours in counted.hours.items():
        rows = counted_incidents(world, SYSTEM, scope, name, limit=1000)
        assert {row.id: row.value for row in rows} == pytest.approx(hours, abs=1e-4), name
        assert len(rows) == 2 * len(YEARS)


def test_a_matter_of_a_whole_community_is_of_no_grid(world: Session) -> None:
    filed(world, NOW)
    filed(world, NOW, area="520402007012")
    day = timedelta(days=1)
    for per, keys in (
        ("grid", ["520402007012001", None]),
        ("unit", [None]),
        ("community", ["520402007012"]),
    ):
        rows = statistics.incident_statistics(world, SYSTEM, NOW - day, NOW + day, per, now=NOW)
        assert [(row.key, row.reported) for row in rows] == [(key, 2 // len(keys)) for key in keys]
