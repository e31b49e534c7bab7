"""Demand against capacity in the database: what is stated, what is not, and who shares."""

import numpy as np
import pytest
from sqlalchemy import text

from gis.errors import InvalidInput, NotFound, TooLarge
from gis.facilities import capacity
from gis.facilities.access_store import read_labels
from gis.facilities.capacity import REACHES, CapacityRequest, capacity_coverage
from gis.facilities.capacity_buildings import list_buildings
from gis.facilities.walkers import profile_network
from tests.support import build, siting_town

METHODS = ("2sfca", "e2sfca", "3sfca")


@pytest.fixture
def town(session) -> build.Town:
    """Three clinics in a row: 4 doctors, 6 doctors, and one that nobody stated."""
    created = siting_town.make(session)
    for code, east, doctors in (("c2", 0.0026, 6), ("c3", 0.0049, None)):
        session.execute(
            text(
                "INSERT INTO facility (code, category, name, capacity, geom) VALUES (:code,"
                " 'clinic', :code, :capacity, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490))"
            ),
            {
                "code": code,
                "capacity": doctors,
                "lon": build.LON + east,
                "lat": build.LAT + east,
            },
        )
    session.execute(text("UPDATE facility SET capacity = 4 WHERE code = 'c1'"))
    return created


def people(session) -> int:
    return session.scalar(text("SELECT sum(people) FROM household"))


def test_where_everybody_reaches_everything_all_share_alike(session, town) -> None:
    """Within an hour; of the nearer zones of the others nobody is left out either."""
    answer = capacity_coverage(session, CapacityRequest("clinic", 60))
    total = people(session)
    assert answer.unit == "doctors"
    assert answer.totals.per_1000 == pytest.approx(1000 * 10 / total, abs=1e-3)
    assert answer.totals.at_least == answer.totals.reached == answer.totals.total
    assert {
        load.code: (load.capacity, load.claims, load.per_place) for load in answer.facilities
    } == {
        "c1": (4, total, round(total / 4, 1)),
        "c2": (6, total, round(total / 6, 1)),
        "c3": (None, total, None),
    }
    assert [load.code for load in answer.facilities] == ["c1", "c2", "c3"]
    assert answer.as_json()["unstated_facilities"] == 1


@pytest.mark.parametrize("method", METHODS)
def test_what_is_shared_is_what_is_stated_and_reached(session, town, method) -> None:
    answer = capacity_coverage(session, CapacityRequest("clinic", 3, method=method))
    walker = profile_network(session, "adult")
    within = read_labels(session, walker, ["clinic"])["clinic"].minutes <= 3
    homes = answer.buildings
    reached = answer.reach == REACHES.index("reached")
    unstated = answer.reach == REACHES.index("unstated")
    assert (reached | unstated).tolist() == within.tolist() and unstated.any() and reached.any()
    stated = sum(load.capacity or 0 for load in answer.facilities if load.claims)
    assert (answer.per_person * homes.people).sum() == pytest.approx(stated)
    assert not answer.per_person[~reached].any()
    rows = answer.totals
    assert sum(getattr(rows, key).people for key in REACHES) == rows.total.people == people(session)
    output = rows.reached.people + rows.beyond.people
    assert rows.per_1000 == pytest.approx(1000 * stated / output, abs=1e-3)


def test_an_area_has_the_row_it_has_among_others_and_only_its_facilities(session, town) -> None:
    request = CapacityRequest("clinic", 3)
    everywhere = capacity_coverage(session, request, by="grid")
    west = everywhere.areas[0]
    alone = capacity_coverage(session, request, area=west.code, by="grid")
    assert alone.areas == (west,) and alone.totals.per_1000 == west.per_1000
    assert {load.code for load in alone.facilities} < {"c1", "c2", "c3"}
    existing = {load.code: load for load in everywhere.facilities}
    assert all(existing[load.code] == load for load in alone.facilities)
    area_id = session.scalar(text("SELECT id FROM area WHERE code = :code"), {"code": west.code})
    listed = list_buildings(everywhere, {area_id})
    assert sum(row.people for row in listed) == west.total.people
    assert [row.code for row in listed] == [row.code for row in list_buildings(alone)]
    assert list_buildings(everywhere, set()) == []
    shares = [row.per_1000 for row in listed if row.per_1000 is not None]
    assert shares == sorted(shares)
    assert all((row.per_1000 is None) == (row.reach == "unstated") for row in listed)


def test_nothing_stated_is_not_nothing(session, town) -> None:
    session.execute(text("UPDATE facility SET capacity = NULL"))
    answer = capacity_coverage(session, CapacityRequest("clinic", 60))
    assert answer.totals.per_1000 is None and answer.totals.unstated == answer.totals.total
    session.execute(text("UPDATE facility SET capacity = 0"))
    closed = capacity_coverage(session, CapacityRequest("clinic", 60))
    assert closed.totals.per_1000 == 0 and closed.totals.reached == closed.totals.total
    assert {load.per_place for load in closed.facilities} == {None}
    session.execute(text("DELETE FROM facility"))
    none = capacity_coverage(session, CapacityRequest("clinic", 60))
    assert none.totals.per_1000 == 0 and none.totals.beyond == none.totals.total
    assert none.facilities == ()
    session.execute(text("DELETE FROM household"))
    assert capacity_coverage(session, CapacityRequest("clinic")).totals.per_1000 is None


def test_facilities_are_walked_to_a_few_at_a_time_and_not_beyond_memory(
    session, town, monkeypatch
) -> None:
    whole = capacity_coverage(session, CapacityRequest("clinic", 3, method="3sfca"))
    monkeypatch.setattr(capacity, "FACILITIES_AT_A_TIME", 2)
    parts = capacity_coverage(session, CapacityRequest("clinic", 3, method="3sfca"))
    assert (parts.totals, parts.facilities) == (whole.totals, whole.facilities)
    monkeypatch.setattr(capacity, "MAX_PAIRS", 2)
    with pytest.raises(TooLarge, match="fewer minutes"):
        capacity_coverage(session, CapacityRequest("clinic", 3))


def test_elders_share_as_far_as_households_say(session, town) -> None:
    request = CapacityRequest("clinic", 60, demand="elders")
    with pytest.raises(InvalidInput, match="elders"):
        capacity_coverage(session, request)
    session.execute(text("UPDATE household SET elders = 1 WHERE id % 2 = 0 AND people > 0"))
    existing = session.scalar(text("SELECT sum(elders) FROM household"))
    answer = capacity_coverage(session, request)
    assert answer.totals.per_1000 == pytest.approx(10_000 / existing, abs=1e-3)
    assert answer.totals.total.elders == existing
    assert np.isfinite(answer.per_person).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"category": "clinics"},
        {"method": "4sfca"},
        {"demand": "cats"},
        {"minutes": 0},
        {"profile": "unicyclist"},
    ],
)
def test_what_cannot_be_asked_is_refused(session, town, wrong) -> None:
    with pytest.raises(InvalidInput):
        capacity_coverage(session, CapacityRequest(**{"category": "clinic"} | wrong))
    with pytest.raises(NotFound):
        capacity_coverage(session, CapacityRequest("clinic"), area="nothing")
