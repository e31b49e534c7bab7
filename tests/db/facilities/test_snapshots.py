"""Saved coverage, and what has changed: two dates, two networks, two plans."""

from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from shapely.geometry import LineString, Point
from sqlalchemy import text

from gis.areas.models import Level
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound, TooLarge, Unavailable
from gis.facilities import snapshots
from gis.facilities.building_coverage import read_buildings
from gis.facilities.coverage_gaps import list_gaps
from gis.facilities.coverage_summary import coverage, summarise
from gis.facilities.planned import PlannedFacility
from gis.facilities.snapshot_changes import list_changes
from gis.facilities.snapshot_difference import CHANGES, difference, read_state
from gis.facilities.snapshots import (
    NOW,
    Question,
    delete_snapshot,
    list_snapshots,
    read_snapshot,
    save,
    take,
)
from gis.facilities.standard_editions import active_rows
from gis.network.loading import load_network
from gis.network.store import replace_network
from gis.rights.actions import Action
from gis.rights.principal import Principal, system_principal
from tests.support import build, siting_town

CLINIC = Question(("clinic",), minutes=3)
BY = system_principal("planner")
EAST = siting_town.SIDE * siting_town.STEP - 0.0011


@pytest.fixture
def town(session) -> build.Town:
    return siting_town.make(session)


def planned(east: float = EAST, north: float = EAST, category: str = "clinic") -> PlannedFacility:
    return PlannedFacility(category, "p1", "规划诊所", build.LON + east, build.LAT + north)


def add_clinic(session, code: str, east: float, north: float) -> None:
    session.execute(
        text(
            "INSERT INTO facility (code, category, geom) VALUES (:code, 'clinic',"
            " ST_SetSRID(ST_MakePoint(:lon, :lat), 4490))"
        ),
        {"code": code, "lon": build.LON + east, "lat": build.LAT + north},
    )


def since(session, name: str, **options):
    old = read_snapshot(session, name)
    return difference(session, old, read_state(session, NOW, old), **options)


def test_a_snapshot_is_the_coverage_of_its_moment_and_nothing_changes_by_itself(
    session, town
) -> None:
    session.execute(text("UPDATE household SET elders = 1 WHERE id % 2 = 0 AND people > 0"))
    head = save(session, BY, "  before   the move ", CLINIC)
    assert (head.name, head.author, head.question) == ("before the move", "planner", CLINIC)
    assert list_snapshots(session) == [head]
    stored, fresh = read_snapshot(session, head.name), take(session, CLINIC)
    for name in ("code", "lon", "lat", "households", "people", "elders"):
        np.testing.assert_array_equal(getattr(stored, name), getattr(fresh, name))
    for name in ("walk", "standing"):
        np.testing.assert_array_equal(
            getattr(stored.items["clinic"], name), getattr(fresh.items["clinic"], name)
        )
    (item,) = since(session, head.name, by="grid").items
    totals = coverage(session, ["clinic"], 3).totals
    assert item.totals.served_before == item.totals.served_after == totals.served
    assert item.totals.changes["same"].people == totals.served.people + totals.beyond.people
    assert {key for key, tally in item.totals.changes.items() if tally.buildings} <= {
        "same",
        "unclear",
    }
    assert list_changes(session, since(session, head.name), within=None) == []


def test_two_dates_a_clinic_opens_and_another_closes(session, town) -> None:
    save(session, BY, "spring", CLINIC)
    served = coverage(session, ["clinic"], 3).totals.served
    add_clinic(session, "c9", EAST, EAST)
    opened = since(session, "spring", by="grid").items[0]
    gained = opened.totals.changes["gained"]
    assert gained.people > 0 == opened.totals.changes["lost"].people
    assert opened.totals.served_after.people == served.people + gained.people
    save(session, BY, "summer", CLINIC)
    session.execute(text("DELETE FROM facility WHERE code = 'c1'"))
    closed = since(session, "summer", by="grid")
    (item,) = closed.items
    assert item.totals.changes["lost"].people == served.people > 0
    assert item.totals.changes["gained"].people == 0 < item.totals.changes["slower"].people
    for key in item.totals.changes:
        assert sum(row.changes[key].people for row in item.areas) == item.totals.changes[key].people
    everybody = sum(tally.people for tally in item.totals.changes.values())
    assert everybody == session.scalar(text("SELECT sum(people) FROM household"))
    # the same two states compared the other way, and over both moves
    both = difference(session, read_snapshot(session, "summer"), read_snapshot(session, "spring"))
    assert both.items[0].totals.changes["lost"] == gained
    moved = since(session, "spring").items[0].totals
    assert moved.served_after.people == gained.people
    # one by one, in one area, and only where one may look
    listed = list_changes(session, closed)
    assert [row.change for row in listed] == sorted(
        (row.change for row in listed), key=[each.value for each in CHANGES].index
    )
    lost = [row for row in listed if row.change == "lost"]
    assert sum(row.people for row in lost) == item.totals.changes["lost"].people
    assert all(row.minutes_before <= 3 for row in lost) and lost[0].name.startswith("桂花苑")
    west = item.areas[0]
    alone = since(session, "summer", by="grid", area=west.code)
    assert alone.items[0].areas == (west,)
    area_id = session.scalar(text("SELECT id FROM area WHERE code = :code"), {"code": west.code})
    assert list_changes(session, alone) == list_changes(session, closed, within={area_id})
    assert list_changes(session, closed, within=set()) == []


def test_two_networks_a_path_is_closed(session, town) -> None:
    save(session, BY, "all paths", CLINIC)
    head = read_snapshot(session, "all paths").head
    nodes, edges = siting_town._streets(Random(1))
    corner = Point(build.LON, build.LAT)
    nearby = sorted(edges, key=lambda edge: LineString(edge.coords).distance(corner))
    replace_network(session, nodes, [nearby[0], *nearby[4:]], "test")
    assert load_network(session).version not in head.network_version
    totals = since(session, "all paths").items[0].totals
    assert totals.served_after.people < totals.served_before.people
    changes = totals.changes
    assert changes["lost"].people + changes["unclear"].people > 0 == changes["gained"].people


def test_two_plans_are_compared_like_two_dates(session, town) -> None:
    plans = [
        Question(("clinic",), minutes=3, planned=(planned(east, north),))
        for east, north in ((EAST, EAST), (EAST, 0.0))
    ]
    old = coverage(session, ["clinic"], 3).totals
    save(session, BY, "as it is", CLINIC)
    for number, plan in enumerate(plans):
        head = save(session, BY, f"plan {number}", plan)
        assert read_snapshot(session, head.name).head.question == plan
    assert coverage(session, ["clinic"], 3).totals == old  # a plan changes nothing
    as_it_is, north, south = (
        read_snapshot(session, name) for name in ("as it is", "plan 0", "plan 1")
    )
    for plan in (north, south):
        changes = difference(session, as_it_is, plan).items[0].totals.changes
        assert changes["gained"].people > 0 == changes["lost"].people + changes["slower"].people
    between = difference(session, north, south).items[0].totals
    assert between.changes["gained"].people > 0 < between.changes["lost"].people
    # built as planned, it is the plan
    add_clinic(session, "c9", EAST, EAST)
    built = take(session, CLINIC)
    changes = difference(session, north, built).items[0].totals.changes
    assert changes["same"].people + changes["unclear"].people == sum(
        tally.people for tally in changes.values()
    )


def test_a_planned_facility_counts_in_gaps_circles_and_at_any_hour(session, town) -> None:
    night = datetime(2026, 11, 24, 23, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
    session.execute(text("UPDATE facility SET opening_hours = '08:00-18:00'"))
    plan = read_buildings(session, ["clinic"], open_at=night, planned=(planned(),))
    assert set(plan.facility.tolist()) == {-2}
    summary = summarise(session, plan, ["clinic"], 3, Level.COMMUNITY)
    assert summary.totals.served.people > 0
    assert summary.totals.plain_circle.people >= summary.totals.served.people
    listed = list_gaps(session, plan, 3)
    assert {(gap.facility, gap.facility_name) for gap in listed} == {("p1", "规划诊所")}
    # where nothing stands at all
    session.execute(text("DELETE FROM facility"))
    alone = read_buildings(session, ["clinic"], planned=(planned(), planned(0.0)))
    assert np.isfinite(alone.minutes).all()
    of_another = read_buildings(session, ["pharmacy"], planned=(planned(),))
    assert not np.isfinite(of_another.minutes).any()


def test_people_and_buildings_that_come_and_go_are_counted_apart(session, town) -> None:
    save(session, BY, "spring", CLINIC)
    building = town.building("新楼", 0.0, 0.0003, 0.0001)
    town.household(building, "101", people=4)
    session.flush()
    gone = session.execute(
        text("SELECT id, code FROM building WHERE code <> :code ORDER BY id LIMIT 1"),
        {"code": building.code},
    ).one()
    left = session.scalar(
        text("SELECT sum(people) FROM household WHERE building_id = :id"), {"id": gone.id}
    )
    session.execute(text("DELETE FROM household WHERE building_id = :id"), {"id": gone.id})
    session.execute(text("DELETE FROM building WHERE id = :id"), {"id": gone.id})
    answer = since(session, "spring")
    changes = answer.items[0].totals.changes
    assert (changes["new"].people, changes["gone"].people) == (4, left)
    listed = {row.code: row for row in list_changes(session, answer)}
    assert listed[gone.code].change == "gone" and listed[gone.code].minutes_after is None
    assert listed[building.code].minutes_before is None
    # and where there is no building left at all
    session.execute(text("DELETE FROM household"))
    session.execute(text("DELETE FROM building"))
    empty = since(session, "spring").items[0].totals
    assert empty.served_after.people == 0 < empty.changes["gone"].people
    head = save(session, BY, "nobody", CLINIC)
    assert read_snapshot(session, head.name).code.size == 0


def test_a_tier_is_compared_item_by_item(session, town) -> None:
    head = save(session, BY, "tier", Question(tier="15", profile="elder"))
    assert head.question.tier == "15" and head.question.categories == ()
    add_clinic(session, "c9", EAST, EAST)
    answer = since(session, "tier")
    by_item = {item.item: item for item in answer.items}
    assert set(by_item) == {
        row.item for row in active_rows(session, "15") if row.categories and row.limit_m
    }
    assert by_item["health_centre"].totals.changes["faster"].people > 0
    assert list_changes(session, answer, "health_centre")
    with pytest.raises(InvalidInput, match="health_centre"):
        list_changes(session, answer)
    with pytest.raises(InvalidInput, match="do not ask the same"):
        difference(session, read_snapshot(session, "tier"), take(session, CLINIC))


def test_what_cannot_be_saved_or_compared_is_refused(session, town, monkeypatch) -> None:
    save(session, BY, "a", CLINIC)
    with pytest.raises(Conflict, match="already"):
        save(session, BY, " a ", CLINIC)
    for name in ("", " ", NOW, "x" * 81, "a\0b"):
        with pytest.raises(InvalidInput):
            save(session, BY, name, CLINIC)
    for question in (
        Question(("clinics",)),
        Question(()),
        Question(("clinic",), minutes=61),
        Question(("clinic",), profile="unicyclist"),
        Question(tier="14"),
        Question(("clinic",), planned=(planned(category="clinics"),)),
    ):
        with pytest.raises(InvalidInput):
            save(session, BY, "b", question)
    with pytest.raises(TooLarge):
        save(session, BY, "b", Question(("clinic",), planned=(planned(),) * 101))
    for name in ("b", "a\0b"):
        with pytest.raises(NotFound):
            read_snapshot(session, name)
    with pytest.raises(InvalidInput):
        read_state(session, NOW)
    ten = save(session, BY, "ten", Question(("clinic",), minutes=10))
    with pytest.raises(InvalidInput, match="do not ask the same"):
        difference(session, read_snapshot(session, "a"), read_snapshot(session, ten.name))
    with pytest.raises(NotFound):
        since(session, "a", area="nothing")
    with pytest.raises(InvalidInput):
        since(session, "a", by="unit")
    monkeypatch.setattr(snapshots, "MAX_SNAPSHOTS", 2)
    with pytest.raises(TooLarge):
        save(session, BY, "b", CLINIC)


def test_only_who_saved_it_or_plans_everywhere_deletes(session, town) -> None:
    def program(actor: str, areas: frozenset[int] | None) -> Principal:
        return Principal("key", actor, {Action.DRAFT: areas})

    mine = program("program mini", frozenset({town.community.id}))
    save(session, mine, "mine", CLINIC)
    with pytest.raises(Forbidden):
        delete_snapshot(session, program("program other", frozenset({1})), "mine")
    delete_snapshot(session, mine, "mine")
    save(session, mine, "mine", CLINIC)
    delete_snapshot(session, program("program other", None), "mine")
    assert list_snapshots(session) == []
    assert session.scalar(text("SELECT count(*) FROM coverage_snapshot_item")) == 0
    with pytest.raises(NotFound):
        delete_snapshot(session, mine, "mine")


def test_without_a_network_nothing_is_saved(session) -> None:
    with pytest.raises(Unavailable):
        save(session, BY, "a", CLINIC)
