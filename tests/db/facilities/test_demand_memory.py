"""Homes in memory are those of the database, whatever changed them, by whom and when."""

import random
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import db as gis_db
from gis.demo.generate import generate_town
from gis.facilities import demand_memory
from gis.facilities.accessibility import DemandPoints, read_demand_points
from gis.jobs import maintenance
from gis.network.loading import load_network
from gis.network.snapping import MAX_SNAP_DISTANCE_M
from gis.ops.backup import backup, restore
from tests.support.demand_changes import CHANGES
from tests.support.deployment import new_database

EVERYWHERE = 1e6  # metres: every building of a town is within


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep nothing after a test."""
    monkeypatch.setattr(demand_memory, "_is_keeping", False)


@pytest.fixture(scope="module")
def town(addresses):
    """Sessions on a made-up town in a database of its own."""
    with new_database(addresses) as urls:
        with Session(gis_db.engine(urls.app)) as session, session.begin():
            generate_town(session, households=400)
        yield lambda: Session(gis_db.engine(urls.app))


def kept(session) -> DemandPoints:
    """What a request gets of all buildings."""
    network = load_network(session)
    return demand_memory.demand_around(session, network, network.lines, EVERYWHERE)


def rows(points: DemandPoints) -> dict[int, tuple]:
    """Buildings by id: their counts and their doors on the network."""
    return {
        building: (
            *(
                str(column[i])
                for column in (points.households, points.people, points.elders, points.children)
            ),
            points.doors[points.owner == i].tolist(),
            points.snaps[points.owner == i].edge.tolist(),
            points.snaps[points.owner == i].offset.tolist(),
        )
        for i, building in enumerate(points.building.tolist())
    }


def assert_never_old(town) -> None:
    """What is kept is what the database has, or nothing is."""
    with town() as session:
        network = load_network(session)
        current = demand_memory._current(session, network)
        if current is not None:
            assert rows(current) == rows(read_demand_points(session, network))


def begin(town) -> None:
    """Keep the homes as a server does before it begins."""
    with town() as session:
        network = load_network(session)
        network.beside.clear()
        demand_memory.keep(session, network)


def assert_equal(town) -> None:
    with town() as session:
        network = load_network(session)
        current = demand_memory._current(session, network)
        assert current is not None, "nothing is kept"
        assert rows(current) == rows(read_demand_points(session, network))


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.booleans()), max_size=6))
def test_what_is_kept_is_what_the_database_has(town, changes):
    begin(town)
    dice = random.Random(str(changes))
    with ExitStack() as undone:
        for name, is_committed in changes:
            session = town()
            session.execute(text(CHANGES[name]), {"word": f"{dice.random()}"})
            if is_committed:
                session.commit()
                session.close()
                assert_equal(town)
            else:
                session.rollback()
                undone.callback(session.close)
        assert_equal(town)


def test_no_change_reads_no_building(town, monkeypatch):
    begin(town)
    monkeypatch.setattr(demand_memory, "read_demand_points", lambda *_, **__: 1 / 0)
    with town() as session:
        assert len(kept(session).building) > 10
    with town() as session, session.begin():
        session.execute(text(CHANGES["nothing that counts"]), {"word": "楼"})
    with town() as session:
        assert len(kept(session).building) > 10


def test_a_transaction_that_ends_later_than_the_next_is_not_missed(town):
    begin(town)
    with town() as slow:
        slow.execute(text(CHANGES["one person more"]), {"word": "slow"})
        with town() as quick, quick.begin():
            quick.execute(text(CHANGES["a footprint moves"]), {"word": "quick"})
        assert_equal(town)
        assert_equal(town)
        slow.commit()
    assert_equal(town)


def test_what_a_transaction_has_changed_is_its_own(town):
    begin(town)
    with town() as writer:
        writer.execute(text(CHANGES["a home more"]), {"word": "own"})
        network = load_network(writer)
        own = kept(writer)
        assert rows(own) == rows(read_demand_points(writer, network))
        with town() as other:
            assert rows(kept(other)) != rows(own)
        writer.rollback()
    assert_equal(town)


def test_only_what_is_in_reach_is_measured(town):
    begin(town)
    with town() as session:
        network = load_network(session)
        whole = read_demand_points(session, network)
        west = whole.points[whole.points[:, 0].argmin()]
        reach = np.median(whole.points[:, 0]) - west[0] - 1
        place = np.array([shapely.Point(west)])
        some = demand_memory.demand_around(session, network, place, reach - 2 * MAX_SNAP_DISTANCE_M)
        assert 0 < len(some.building) < len(whole.building)
        near = np.hypot(*(whole.points - west).T) <= reach
        assert set(whole.building[near]) <= set(some.building)
        nowhere = np.array([shapely.Point()])
        assert len(demand_memory.demand_around(session, network, nowhere, 150.0).building) == 0


@pytest.mark.parametrize("how", ["truncate", "many", "old", "put back", "trimmed"])
def test_where_the_log_does_not_reach_all_is_read_again(town, how, monkeypatch):
    begin(town)
    with town() as session, session.begin():
        session.execute(text(CHANGES["one person more"]), {"word": how})
    assert_equal(town)
    with town() as session:
        network = load_network(session)
    before = dict(network.beside)
    monkeypatch.setattr(demand_memory, "_read_beside", lambda *_: None)
    with town() as session, session.begin():
        match how:
            case "truncate":
                session.execute(text("INSERT INTO demand_change (building_ids) VALUES (NULL)"))
            case "many":
                monkeypatch.setattr(demand_memory, "MAX_PATCHED", 3)
                session.execute(text(CHANGES["everything at once"]))
            case "old":
                monkeypatch.setattr(demand_memory, "MAX_UNREAD", timedelta(0))
            case "put back":
                session.execute(
                    text(
                        "UPDATE demand_change SET stamp = gen_random_uuid()"
                        " WHERE id = (SELECT max(id) FROM demand_change)"
                    )
                )
            case "trimmed":
                session.execute(text("DELETE FROM demand_change"))
    with town() as session:
        assert rows(kept(session)) == rows(read_demand_points(session, network))
    assert before and not network.beside, "what was kept is used no more"


def test_what_is_no_longer_kept_is_read_beside_the_requests(town):
    begin(town)
    with town() as session:
        network = load_network(session)
        network.beside.clear()
        first = kept(session)
        demand_memory._reading.acquire()  # waits for the thread
        demand_memory._reading.release()
        assert network.beside
        assert rows(kept(session)) == rows(first)


def test_of_many_statements_in_one_transaction_few_are_noted(town):
    begin(town)
    count = text("SELECT count(*) FROM demand_change")
    with town() as session, session.begin():
        before = session.scalar(count)
        for number in range(150):
            session.execute(text(CHANGES["one person more"]), {"word": f"{number}"})
        assert session.scalar(count) == before + 101
    with town() as session:
        network = load_network(session)
        assert rows(kept(session)) == rows(read_demand_points(session, network))
    begin(town)
    assert_equal(town)


MANY_DOORS = """
INSERT INTO building (code, county, name, geom)
SELECT 'many' || n, county, '', ST_Translate(geom, n * 1e-6, 0)
FROM (SELECT county, geom FROM building LIMIT 1) b, generate_series(1, 2100) n;
INSERT INTO entrance (building_id, facility_id, code, kind, source, geom)
SELECT CASE WHEN n > 1 THEN b.id END, CASE WHEN n = 1 THEN (SELECT min(id) FROM facility) END,
  'many', 'side', 'page', ST_Centroid(geom)
FROM building b, generate_series(1, 2) n WHERE n > 1 OR b.code = 'many1'
"""


def test_of_more_buildings_than_are_noted_any_may_have_changed(town):
    with town() as session:
        for statement in MANY_DOORS.split(";"):
            session.execute(text(statement))
            session.execute(text("UPDATE demand_change SET transaction_id = 0"))
        noted = (
            "SELECT building_ids FROM demand_change WHERE building_ids IS DISTINCT FROM '{}'"
            " ORDER BY id DESC LIMIT 2"  # but of facilities
        )
        assert session.scalars(text(noted)).all() == [None, None]
        session.rollback()


OF_A_DAY_AGO = """
UPDATE demand_change SET at = at - interval '25 hours'
WHERE transaction_id = pg_current_xact_id()::text::bigint
"""


def test_a_change_of_a_transaction_that_took_more_than_a_day_is_not_missed(town, tmp_path):
    with town() as session, session.begin():
        session.execute(text(CHANGES["one person more"]), {"word": "before"})
    begin(town)
    with town() as slow:
        slow.execute(text(CHANGES["one person more"]), {"word": "slow"})
        slow.execute(text(OF_A_DAY_AGO))
        with town() as quick, quick.begin():
            quick.execute(text(CHANGES["an elder"]), {"word": "quick"})
        assert_equal(town)
        slow.commit()
        engine = slow.get_bind()
    maintenance.purge_expired(engine, datetime.now(UTC), tmp_path)
    assert_equal(town)


def test_of_the_log_the_last_rows_stay(town, tmp_path):
    """By them a reader knows that the database has not been put back, however quiet it was."""
    with town() as session, session.begin():
        session.execute(text(CHANGES["one person more"]), {"word": "last"})
        last = session.scalar(text("SELECT max(id) FROM demand_change"))
        count = session.scalar(text("SELECT count(*) FROM demand_change"))
        engine = session.get_bind()
    begin(town)
    for days in (2, 4):
        maintenance.purge_expired(engine, datetime.now(UTC) + timedelta(days=days), tmp_path)
    with town() as session:
        assert session.scalars(text("SELECT id FROM demand_change")).all() == [last]
    assert count > 1
    assert_equal(town)


def test_a_log_of_which_the_last_commit_is_lost_is_of_another_past(town):
    """As of a standby that takes over: the transaction that ended last had written first."""
    with town() as session, session.begin():
        session.execute(text(CHANGES["one person more"]), {"word": "before"})
    begin(town)
    with town() as slow:
        slow.execute(text(CHANGES["one person more"]), {"word": "lost"})
        lost = slow.scalar(text("SELECT max(id) FROM demand_change"))
        with town() as quick, quick.begin():
            quick.execute(text(CHANGES["a footprint moves"]), {"word": "quick"})
        slow.commit()
    assert_equal(town)
    with town() as session, session.begin():
        session.execute(text("DELETE FROM demand_change WHERE id = :id"), {"id": lost})
    with town() as session:
        assert demand_memory._current(session, load_network(session)) is None


def test_a_restore_after_quiet_days_is_noticed(addresses, tmp_path):
    with new_database(addresses) as urls:
        engine = gis_db.engine(urls.app)
        long_after = datetime.now(UTC) + timedelta(days=2)
        with Session(engine) as session, session.begin():
            generate_town(session, households=100)
        maintenance.purge_expired(engine, long_after, tmp_path)
        backup(urls, tmp_path / "saved", tmp_path)
        with Session(engine) as session, session.begin():
            session.execute(text(CHANGES["one person more"]), {"word": "after"})
        maintenance.purge_expired(engine, long_after, tmp_path)
        begin(lambda: Session(gis_db.engine(urls.app)))
        restore(urls, tmp_path / "saved", tmp_path)
        assert_never_old(lambda: Session(gis_db.engine(urls.app)))
