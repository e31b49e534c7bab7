"""A stored circle is answered only if it is that of now, and a job computes it anew."""

import os
import random

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis import db as gis_db
from gis.demo.generate import generate_town
from gis.facilities import circle_runs, queries
from gis.facilities.circle_runs import CIRCLE_MINUTES, find_outdated
from gis.facilities.service_circles import compute, recompute
from gis.jobs import circles
from gis.network.edits import find_edits
from gis.ops.backup import backup, restore
from tests.support.demand_changes import CHANGES
from tests.support.deployment import new_database

OF_FACILITIES = {
    "a facility moves": """
        UPDATE facility SET geom = ST_Translate(geom, 0.001, 0) WHERE code = (
          SELECT min(f.code) FROM facility f
          WHERE NOT EXISTS (SELECT FROM entrance e WHERE e.facility_id = f.id))""",
    "a facility gets a gate": """
        INSERT INTO entrance (facility_id, code, kind, source, geom)
        SELECT id, :word, 'gate', 'page', ST_Translate(ST_Centroid(geom), 0.0005, 0) FROM facility
        ORDER BY md5(id || :word) LIMIT 1""",
    "a gate of a facility moves": """
        UPDATE entrance SET geom = ST_Translate(geom, 0, 0.0005) WHERE facility_id IS NOT NULL""",
    "the gates of a facility close": """
        UPDATE entrance SET removed_at = now() WHERE facility_id IS NOT NULL""",
}
MOVES = {
    "a building moves far away": """
        UPDATE building SET geom = ST_Translate(geom, 0.05, 0)
        WHERE id = (SELECT building_id FROM household ORDER BY md5(building_id || :word) LIMIT 1)"""
}
ONE_PERSON_MORE = text(
    "UPDATE household SET people = people + 1 WHERE id = (SELECT max(id) - :nth FROM household)"
)
CLOSE_A_PATH = text(
    "INSERT INTO walk_edit (kind, geom, hours, reason, author, source)"
    " SELECT 'close', ST_Centroid(geom), '', 'works', 'li', 'page' FROM facility"
    " ORDER BY id LIMIT 1"
)
PEOPLE = text("SELECT coalesce(sum(people), 0) FROM service_circle")
CODES = text("SELECT code FROM facility ORDER BY code")


@pytest.fixture(scope="module")
def town(addresses):
    """The engine of a made-up town in a database of its own, with its circles."""
    with new_database(addresses) as urls:
        engine = gis_db.engine(urls.app)
        with Session(engine) as session, session.begin():
            generate_town(session, households=1500)
        yield engine


@pytest.fixture
def in_step(town):
    """The town, every circle of adults stored and of now."""
    with Session(town) as session, session.begin():
        recompute(session)
    with Session(town) as session:
        assert find_outdated(session) == {} and is_stored(session)
    return town


def is_stored(session: Session) -> bool:
    """Whether stored circles of adults are answered."""
    return bool(session.scalar(select(circle_runs.in_step("adult", find_edits(session).version))))


@pytest.mark.parametrize("change", [*CHANGES, *OF_FACILITIES, *MOVES])
def test_what_is_answered_is_what_would_be_computed(in_step, change):
    sql = (CHANGES | OF_FACILITIES | MOVES)[change]
    for word in ("1", "2"):
        with Session(in_step) as session, session.begin():
            session.execute(text(sql), {"word": f"{word}{change}"})
        with Session(in_step) as session:
            dice, codes = random.Random(word), session.scalars(CODES).all()
            for code in dice.sample(codes, 6):
                minutes = dice.choice(CIRCLE_MINUTES)
                row, now = queries.circle(session, code, minutes), compute(session, code, minutes)
                assert (row.households, row.people, row.buildings) == (
                    now.households,
                    now.people,
                    now.buildings,
                )
    with Session(in_step) as session:
        # a change of no row is none
        assert is_stored(session) == (find_outdated(session) == {})
        assert is_stored(session) == (change == "nothing that counts")


def test_a_change_while_circles_are_computed_is_not_counted_in(in_step):
    """Whether it was begun before them and committed after, or both while they are computed."""
    with Session(in_step) as slow:
        slow.execute(ONE_PERSON_MORE, {"nth": 0})
        with Session(in_step) as computing:
            recompute(computing)
            with Session(in_step) as quick, quick.begin():  # nor does it wait
                quick.execute(text("SET LOCAL lock_timeout = '1s'"))
                quick.execute(ONE_PERSON_MORE, {"nth": 1})
            computing.commit()
        slow.commit()
    with Session(in_step) as session:
        assert not is_stored(session)
        assert find_outdated(session) == {"adult": CIRCLE_MINUTES}


def test_nobody_who_changes_a_home_waits_for_another(in_step):
    with Session(in_step) as one, Session(in_step) as other:
        for session in (one, other):
            session.execute(text("SET LOCAL lock_timeout = '1s'"))
        for nth, session in enumerate((one, other, one, other)):
            session.execute(ONE_PERSON_MORE, {"nth": nth})
        one.rollback()
        other.rollback()
    with Session(in_step) as session:
        assert is_stored(session)


def test_what_is_not_known_for_long_is_not_answered(in_step):
    with Session(in_step) as session:
        session.execute(text("UPDATE circle_run SET checked_at = now() - interval '13 hours'"))
        assert not is_stored(session)
        session.commit()
    assert circles.follow(in_step) is True  # the log may have forgotten what changed meanwhile
    with Session(in_step) as session:
        assert is_stored(session)


def test_a_path_that_is_closed_makes_all_outdated(in_step):
    with Session(in_step) as session:
        recompute(session, (7,), "elder")
        session.commit()
        session.execute(CLOSE_A_PATH)
        assert find_outdated(session) == {"adult": CIRCLE_MINUTES, "elder": (7,)}
        recompute(session)
        assert find_outdated(session) == {"elder": (7,)}
        session.rollback()
        session.execute(text("DELETE FROM service_circle WHERE profile = 'elder'"))
        session.commit()


def test_the_job_computes_what_changed(in_step):
    assert circles.follow(in_step) is False
    with Session(in_step) as session, session.begin():
        session.execute(ONE_PERSON_MORE, {"nth": 2})
        people = session.scalar(PEOPLE)
    assert circles.follow(in_step, lambda: True) is False  # the worker ends: nothing is stored
    with Session(in_step) as session:
        assert not is_stored(session) and session.scalar(PEOPLE) == people
    assert circles.follow(in_step) is True
    with Session(in_step) as session:
        assert is_stored(session) and session.scalar(PEOPLE) > people
    assert circles.follow(in_step) is False


def test_without_streets_nothing_is_outdated(session):
    assert find_outdated(session) == {}


def test_a_computation_that_fails_is_an_error(in_step, monkeypatch):
    monkeypatch.setattr(circles, "recompute_outdated", os.abort)
    with Session(in_step) as session, session.begin():
        session.execute(ONE_PERSON_MORE, {"nth": 3})
    with pytest.raises(RuntimeError, match="service circles"):
        circles.follow(in_step)
    monkeypatch.undo()
    assert circles.follow(in_step) is True


@pytest.mark.parametrize("changes", [False, True])
def test_a_restored_database_answers_what_was_right_when_it_was_saved(addresses, tmp_path, changes):
    with new_database(addresses) as urls:
        with Session(gis_db.engine(urls.app)) as session, session.begin():
            generate_town(session, households=100)
            recompute(session)
        with Session(gis_db.engine(urls.app)) as session, session.begin():
            recompute(session)  # its own transaction was not counted in
        if changes:
            with Session(gis_db.engine(urls.app)) as session, session.begin():
                session.execute(ONE_PERSON_MORE, {"nth": 0})
        backup(urls, tmp_path / "saved", tmp_path)
        restore(urls, tmp_path / "saved", tmp_path)
        with Session(gis_db.engine(urls.app)) as session:
            assert is_stored(session) is not changes
            session.execute(ONE_PERSON_MORE, {"nth": 1})
            assert not is_stored(session)
            session.rollback()
