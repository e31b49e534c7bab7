"""Coverage in the database: stored labels, sums by area, gaps and marks."""

import random
from collections import defaultdict
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely
from shapely.geometry import Point
from sqlalchemy import text

from gis.demo.generate import generate_town
from gis.errors import InvalidInput, NotFound, Unavailable
from gis.exchange.osm.loader import load_osm
from gis.facilities import access_store
from gis.facilities.access_score import score, walk_mark
from gis.facilities.access_store import recompute_access
from gis.facilities.accessibility import read_demand_points
from gis.facilities.accessibility import read_facility_entrances as read_entrances
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.coverage_gaps import gaps
from gis.facilities.coverage_summary import Tally, coverage
from gis.facilities.coverage_tiers import tier_coverage
from gis.facilities.siting_request import SitingRequest
from gis.facilities.siting_search import site
from gis.facilities.standard_editions import active_rows
from gis.facilities.walkers import profile_network
from gis.network.loading import load_network
from tests.support import brute_force
from tests.support.osm_files import OsmFile, degrees
from tests.support.plain_coverage import compute_coverage

ACCESS = """
SELECT building_id, profile, category, minutes, facility_id, within_5, within_10, within_15,
  edge_minutes, off_network
FROM building_access
ORDER BY 1, 2, 3
"""


def stored(session) -> list[tuple]:
    return [tuple(row) for row in session.execute(text(ACCESS))]


@pytest.mark.made_up(1500)
def test_only_changed_categories_are_computed_anew_and_the_labels_are_those_of_a_full_run(session):
    """Facilities are added, removed and moved, and a door of a building, in random order."""
    initial = recompute_access(session)
    assert initial.recomputed == tuple(CATEGORY_BY_KEY) and not initial.unchanged
    assert len(stored(session)) == initial.buildings * len(CATEGORY_BY_KEY)
    assert recompute_access(session).recomputed == ()
    dice = random.Random(7)
    present = sorted(session.scalars(text("SELECT DISTINCT category FROM facility")))
    changes = {
        "add": """
            INSERT INTO facility (code, category, geom)
            SELECT 'new' || :n, category, ST_Translate(geom, 0.0005, 0.0003)
            FROM facility WHERE category = :category ORDER BY id LIMIT 1""",
        "remove": "DELETE FROM facility WHERE id = (SELECT min(id) FROM facility"
        " WHERE category = :category) AND :n >= 0",
        "move": """
            UPDATE facility SET entrance = NULL, geom = ST_Translate(geom, 0.0002, 0)
            WHERE id = (SELECT max(id) FROM facility WHERE category = :category) AND :n >= 0""",
    }
    for n in range(8):
        category, change = dice.choice(present), dice.choice([*changes])
        rows = session.execute(text(changes[change]), {"category": category, "n": n}).rowcount
        result = recompute_access(session)
        assert result.recomputed == ((category,) if rows else ())
        partial = stored(session)
        session.execute(text("DELETE FROM access_run"))
        assert recompute_access(session).recomputed == tuple(CATEGORY_BY_KEY)
        assert stored(session) == partial
    session.execute(
        text(
            "UPDATE entrance SET geom = ST_Translate(geom, 0.00002, 0)"
            " WHERE building_id = (SELECT min(id) FROM building)"
        )
    )
    assert recompute_access(session).recomputed == tuple(CATEGORY_BY_KEY)
    # another profile has labels of its own
    slow = recompute_access(session, "elder")
    assert slow.recomputed == tuple(CATEGORY_BY_KEY)
    assert len(stored(session)) == 2 * initial.buildings * len(CATEGORY_BY_KEY)


@pytest.mark.made_up(1500)
def test_sums_are_those_of_the_exact_distances_and_of_the_stored_labels(session):
    fresh = coverage(session, ["clinic"], 10)
    network = load_network(session)
    truth = compute_coverage(
        network,
        read_demand_points(session, network),
        read_entrances(session, network, "clinic").snaps,
        10,
    )
    total = fresh.totals
    assert (total.served.households, total.served.people) == truth.covered
    assert (total.beyond.households, total.beyond.people) == truth.outside
    assert (total.off_network.households, total.off_network.people) == truth.off_network
    assert total.cannot_say.buildings == 0  # a made-up town has no edge
    assert total.total.households == 1500 and 0 < total.share < 1
    # as the crow flies it is never farther, from the same door
    assert total.plain_circle.households >= total.served.households
    circle, inside, outside = total.plain_circle, total.circle_only, total.walk_only
    assert inside.households > 0 == outside.households
    assert inside.people + total.served.people - outside.people == circle.people
    for name in ("buildings", "households", "people"):
        for part in ("total", "served", "beyond", "off_network", "plain_circle"):
            assert sum(getattr(getattr(row, part), name) for row in fresh.areas) == getattr(
                getattr(total, part), name
            )
    recompute_access(session)
    again = coverage(session, ["clinic"], 10)
    assert (again.totals, again.areas) == (fresh.totals, fresh.areas)
    # an area alone has the row it has among others; by grid the rows add up to it
    initial = fresh.areas[0]
    alone = coverage(session, ["clinic"], 10, area=initial.code)
    assert alone.areas == (initial,)
    grids = coverage(session, ["clinic"], 10, area=initial.code, by="grid")
    assert len(grids.areas) > 1 and all(row.code.startswith(initial.code) for row in grids.areas)
    assert sum(row.served.people for row in grids.areas) == initial.served.people
    # of two categories the nearer counts
    both = coverage(session, ["clinic", "pharmacy"], 10).totals
    assert both.served.people >= max(
        total.served.people, coverage(session, ["pharmacy"], 10).totals.served.people
    )
    slow = coverage(session, ["clinic"], 10, "elder").totals
    assert slow.served.people < total.served.people


@pytest.mark.made_up(1500)
def test_at_a_moment_only_what_is_open_counts_and_unknown_hours_are_counted_neither_way(session):
    zone = ZoneInfo("Asia/Shanghai")
    evening = datetime(2026, 11, 24, 20, 0, tzinfo=zone)  # a Tuesday
    clinics = session.scalars(
        text("SELECT id FROM facility WHERE category = 'clinic' ORDER BY id")
    ).all()
    change = text("UPDATE facility SET opening_hours = :hours WHERE id = ANY(:ids)")

    def totals(hours, ids, at=evening):
        session.execute(change, {"hours": "08:00-18:00", "ids": clinics})
        session.execute(change, {"hours": hours, "ids": ids})
        return coverage(session, ["clinic"], 10, open_at=at).totals

    whenever = coverage(session, ["clinic"], 10).totals
    assert totals("24/7", clinics).figures() == whenever.figures()
    closed = totals("08:00-18:00", clinics)
    assert closed.served.households == closed.cannot_say.households == 0
    assert closed.beyond == Tally(
        *(
            getattr(whenever.served, name) + getattr(whenever.beyond, name)
            for name in ("buildings", "households", "people", "elders")
        )
    )
    assert closed.plain_circle.households == 0
    morning = evening.replace(hour=9)
    assert totals("08:00-18:00", clinics, morning).served == whenever.served
    # nobody knows when they are open: whom they reach is counted neither way
    unknown = totals("", clinics)
    assert unknown.served.households == 0 and unknown.cannot_say == whenever.served
    assert unknown.share == 0
    # one that is open serves the same with and without the others, whose hours do not tell
    alone = totals("24/7", clinics[:1])
    session.execute(change, {"hours": "看情况", "ids": clinics[1:]})
    beside = coverage(session, ["clinic"], 10, open_at=evening).totals
    assert beside.served == alone.served
    assert beside.served.people + beside.cannot_say.people == whenever.served.people
    listed = gaps(session, ["clinic"], 10, open_at=evening)
    assert sum(gap.households for gap in listed if gap.standing == "cannot_say") == (
        beside.cannot_say.households
    )


@pytest.mark.made_up(1500)
def test_the_items_of_a_tier_are_those_of_its_standards(session):
    items = {item.standard.item: item for item in tier_coverage(session, "15", "elder")}
    assert len(items) == len(active_rows(session, "15"))
    health = items["health_centre"]
    assert health.minutes == pytest.approx(1000 / 75)  # an adult's time for the distance
    assert health.facilities == session.scalar(
        text("SELECT count(*) FROM facility WHERE category IN ('clinic', 'hospital')")
    )
    alone = coverage(session, ["clinic", "hospital"], 1000 / 75, "elder")
    assert health.summary.totals == alone.totals and health.summary.areas == alone.areas
    by_visit = [item for item in items.values() if item.summary is None]
    assert by_visit and all(
        not item.standard.categories or item.minutes is None for item in by_visit
    )
    with pytest.raises(InvalidInput, match="15"):
        tier_coverage(session, "14")


@pytest.mark.made_up(1500)
def test_gaps_are_the_households_that_are_not_served(session):
    summary = coverage(session, ["clinic"], 5)
    listed = gaps(session, ["clinic"], 5)
    by_standing = defaultdict(int)
    for gap in listed:
        by_standing[gap.standing] += gap.households
        assert gap.households > 0 and 0 <= gap.elders <= gap.people
        if gap.standing == "beyond" and gap.minutes is not None:
            assert gap.minutes > 5 and gap.missing_minutes == pytest.approx(
                gap.minutes - 5, abs=0.01
            )
            assert gap.facility and gap.community
    assert by_standing["beyond"] == summary.totals.beyond.households
    assert by_standing["off_network"] == summary.totals.off_network.households
    assert [gap.people for gap in listed] == sorted((gap.people for gap in listed), reverse=True)
    area_code = summary.areas[0].code
    inside = gaps(session, ["clinic"], 5, area=area_code)
    assert {gap.code for gap in inside} == {
        gap.code for gap in listed if gap.community == area_code
    }
    area_id = session.scalar(text("SELECT id FROM area WHERE code = :code"), {"code": area_code})
    assert gaps(session, ["clinic"], 5, within=[{area_id}]) == inside
    assert gaps(session, ["clinic"], 5, within=[set()]) == []
    # where nobody is known to live every building counts
    session.execute(text("DELETE FROM household"))
    assert len(gaps(session, ["clinic"], 5)) > len(listed)


@pytest.mark.made_up(1500)
def test_elders_are_counted_as_far_as_households_say(session):
    session.execute(text("UPDATE household SET elders = NULL"))
    nobody = coverage(session, ["clinic"], 5)
    assert nobody.totals.total.elders is None and nobody.totals.elders_unknown == 1500
    assert {gap.elders for gap in gaps(session, ["clinic"], 5)} == {None}
    with pytest.raises(InvalidInput, match="elders"):
        site(session, SitingRequest("clinic", 1, 5, weights="elders"))
    # of every second household one is known to be old, of some none
    session.execute(
        text("UPDATE household SET elders = (id % 4 = 0)::int WHERE id % 2 = 0 AND people > 0")
    )
    existing, silent = session.execute(
        text("SELECT sum(elders), count(*) FILTER (WHERE elders IS NULL) FROM household")
    ).one()
    some = coverage(session, ["clinic"], 5)
    assert (some.totals.total.elders, some.totals.elders_unknown) == (existing, silent)
    parts = (some.totals.served, some.totals.beyond, some.totals.off_network)
    assert sum(part.elders for part in parts) == existing
    assert sum(row.total.elders for row in some.areas) == existing
    listed = gaps(session, ["clinic"], 5)
    assert sum(gap.elders or 0 for gap in listed) == (
        some.totals.beyond.elders + some.totals.off_network.elders
    )
    answer = site(session, SitingRequest("clinic", 2, 5, weights="elders"))
    assert answer.total.elders == existing
    assert answer.objective == sum(each.newly_served.elders or 0 for each in answer.sites) > 0


def test_another_door_may_be_served_though_the_main_one_is_outside_the_circle(session, tmp_path):
    file = OsmFile()
    file.way([(x, 0) for x in range(12)], highway="residential")
    long = [(5, 0.2), (11, 0.2), (11, 0.4), (5, 0.4)]
    file.way([*long, long[0]], building="house")
    file.node(0, 0.1, amenity="clinic", name="甲诊所")
    load_osm(session, file.write(tmp_path / "a.osm"))
    totals = coverage(session, ["clinic"], 10).totals
    assert totals.walk_only.buildings == totals.served.buildings == 0
    for x, kind in ((11, "main"), (5, "side")):
        lon, lat = degrees(x, 0.2)
        session.execute(
            text(
                "INSERT INTO entrance (building_id, kind, geom, source) SELECT id, :kind,"
                " ST_SetSRID(ST_MakePoint(:lon, :lat), 4490), 'page' FROM building"
            ),
            {"kind": kind, "lon": lon, "lat": lat},
        )
    totals = coverage(session, ["clinic"], 10).totals
    assert totals.walk_only.buildings == totals.served.buildings == 1
    assert totals.plain_circle.buildings == totals.circle_only.buildings == 0


def test_of_homes_near_the_edge_of_the_data_nothing_is_said(session, tmp_path):
    """A street with a clinic in the west goes on in the east beyond the file."""
    file = OsmFile()
    missing = file.node(17, 0)
    file.way([(x, 0) for x in range(17)] + [missing], highway="residential")
    for x in (2, 8, 15):
        file.square(x, 0.2, 0.1, building="house")
    file.node(0, 0.1, amenity="clinic", name="甲诊所")
    load_osm(session, file.without_node(missing).write(tmp_path / "cut.osm"))
    totals = coverage(session, ["clinic"], 5).totals  # 375 m
    assert (totals.served.buildings, totals.beyond.buildings, totals.cannot_say.buildings) == (
        1,
        1,
        1,
    )
    assert totals.share is None and totals.total.households == 0
    assert sorted(gap.standing for gap in gaps(session, ["clinic"], 5)) == ["beyond", "cannot_say"]
    # with a quarter of an hour the edge is near to the middle one too, but a clinic is near as well
    totals = coverage(session, ["clinic"], 15).totals
    assert (totals.served.buildings, totals.cannot_say.buildings) == (2, 1)
    # no pharmacy at all: beyond is certain only far from the edge
    totals = coverage(session, ["pharmacy"], 5).totals
    assert (totals.served.buildings, totals.beyond.buildings, totals.cannot_say.buildings) == (
        0,
        2,
        1,
    )
    assert [row.code for row in coverage(session, ["pharmacy"], 5).areas] == [None]


@pytest.mark.made_up(1500)
def test_marks_follow_the_formula(session):
    assert walk_mark(np.array([0, 5, 10, 15, 15.01, np.inf])).tolist() == [1, 1, 0.75, 0.5, 0, 0]
    marks = score(session)
    assert len(marks) == len(coverage(session, ["clinic"]).areas)
    network = load_network(session)
    demand = read_demand_points(session, network)
    metres = compute_coverage(
        network, demand, read_entrances(session, network, "clinic").snaps, 15
    ).metres
    on = demand.snaps.edge >= 0
    mean = (walk_mark(metres / 75) * demand.people)[on].sum() / demand.people[on].sum()
    whole = score(session, by="county", categories=["clinic"])
    assert len(whole) == 1 and whole[0].score == pytest.approx(100 * mean, abs=0.06)
    for mark in marks:
        existing = [value for value in mark.by_category.values() if value is not None]
        assert mark.score == pytest.approx(sum(existing) / len(existing), abs=0.1)
    session.execute(text("DELETE FROM facility"))
    assert {mark.score for mark in score(session)} == {None}


def test_what_cannot_be_asked_is_refused(session):
    with pytest.raises(Unavailable):
        coverage(session, ["clinic"])
    generate_town(session, households=300)
    with pytest.raises(InvalidInput, match="clinic"):
        coverage(session, ["clinics"])
    with pytest.raises(InvalidInput):
        coverage(session, [])
    with pytest.raises(InvalidInput):
        coverage(session, ["clinic"], 61)
    with pytest.raises(InvalidInput, match="community"):
        coverage(session, ["clinic"], by="unit")
    with pytest.raises(InvalidInput, match="adult"):
        coverage(session, ["clinic"], profile="unicyclist")
    with pytest.raises(NotFound):
        coverage(session, ["clinic"], area="nothing")
    unit = session.scalar(text("SELECT code FROM area WHERE level = 'unit' LIMIT 1"))
    with pytest.raises(InvalidInput, match="ten-household"):
        coverage(session, ["clinic"], area=unit)


@pytest.mark.shared
@pytest.mark.parametrize("location", ["beijing_cau_2026", "shenzhen_longgang_2019"])
def test_on_real_chinese_streets_labels_are_exact(session, shared, location):
    """Nearest and counts of one category and some buildings against brute force."""
    load_osm(session, shared / location / "source.osm.pbf")
    network = load_network(session)
    assert network.at_edge.size  # an extract ends somewhere
    entrances = read_entrances(session, network)
    demand = read_demand_points(session, network)
    by_points = np.array([shape.geom_type != "LinearRing" for shape in entrances.shape])
    names, counts = np.unique(entrances.category[by_points], return_counts=True)
    few = [name for name, count in zip(names, counts, strict=True) if count <= 12]
    category = str(few[np.argmax(counts[np.isin(names, few)])])
    walker = profile_network(session, "adult")
    labels = access_store.read_labels(session, walker, [category])[category]
    count = len(demand.building)
    places = np.random.default_rng(1).choice(count, min(150, count), replace=False)
    points = [Point(*xy) for xy in demand.points[places]]
    edges, walls = brute_force.edges_of(network), list(network.walls)
    which = np.flatnonzero(entrances.category == category)
    truth = (
        np.array(
            [
                brute_force.distances(
                    edges, list(shapely.get_parts(entrances.shape[i])), points, walls
                )
                for i in which
            ]
        )
        / 75
    )
    nearest = truth.min(axis=0)
    nearest[nearest > 60] = np.inf
    matches = labels.minutes[places]
    assert (np.isfinite(matches) == np.isfinite(nearest)).all() and np.isfinite(matches).any()
    assert matches[np.isfinite(matches)] == pytest.approx(nearest[np.isfinite(nearest)], abs=1e-4)
    for number, limit in enumerate((5, 10, 15)):
        assert (labels.within[places, number] == (truth <= limit).sum(axis=0)).all()
    totals = coverage(session, [category], 15).totals
    parts = (totals.served, totals.beyond, totals.cannot_say, totals.off_network)
    assert sum(part.buildings for part in parts) == len(demand.building)
    assert totals.cannot_say.buildings > 0
