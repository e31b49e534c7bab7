"""A stored circle is that of now, or there is none: what changes around it drops it, and a job
computes it anew.
"""

import os
import random

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import db as gis_db
from gis.demo.generate import generate_town
from gis.facilities.service_circles import CIRCLE_MINUTES, compute, find_outdated, recompute
from gis.jobs import circles
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
FAR = """
UPDATE building SET geom = ST_Translate(geom, 0.05, 0)
WHERE id = (SELECT building_id FROM household ORDER BY md5(building_id || :word) LIMIT 1)
"""
STORED = "SELECT f.code, c.* FROM service_circle c JOIN facility f ON f.id = c.facility_id"
AT_THE_EDGE = """
UPDATE household SET people = people + 1
WHERE id = (SELECT h.id FROM household h JOIN building b ON b.id = h.building_id
            ORDER BY ST_XMin(b.geom), h.id LIMIT 1)
"""
CLOSE_A_PATH = """
INSERT INTO walk_edit (kind, geom, hours, reason, author, source)
SELECT 'close', ST_Centroid(geom), '', 'works', 'li', 'page' FROM facility ORDER BY id LIMIT 1
"""
PEOPLE = text("SELECT coalesce(sum(people), 0) FROM service_circle")
COUNT = text("SELECT count(*) FROM service_circle")


@pytest.fixture(scope="module")
def town(addresses):
    """The engine of a made-up town in a database of its own, with its circles."""
    with new_database(addresses) as urls:
        engine = gis_db.engine(urls.app)
        with Session(engine) as session, session.begin():
            generate_town(session, households=1500)
            recompute(session)
        yield engine


@pytest.mark.parametrize("change", [*CHANGES, *OF_FACILITIES, "a building moves far away"])
def test_what_is_stored_is_what_would_be_computed(town, change):
    sql = (CHANGES | OF_FACILITIES | {"a building moves far away": FAR})[change]
    with Session(town) as session:
        for word in ("1", "2", "3"):
            session.execute(text(sql), {"word": word})
            rows = session.execute(text(STORED)).all()
            for row in random.Random(word).sample(rows, min(len(rows), 20)):
                now = compute(session, row.code, row.minutes)
                assert (row.households, row.people, row.buildings) == (
                    now.households,
                    now.people,
                    now.buildings,
                ), row
            recompute(session)
            assert find_outdated(session) == {}
        session.rollback()


def test_circles_elsewhere_stay(town):
    with Session(town) as session:
        before = session.scalar(COUNT)
        session.execute(text(AT_THE_EDGE))
        after = session.scalar(COUNT)
        assert 0 < after < before
        session.execute(text(CHANGES["nothing that counts"]), {"word": "x"})
        assert session.scalar(COUNT) == after
        session.rollback()


def test_a_path_that_is_closed_makes_all_outdated(town):
    with Session(town) as session:
        recompute(session, (7,), "elder")
        assert find_outdated(session) == {}
        session.execute(text(CLOSE_A_PATH))
        assert find_outdated(session) == {"adult": CIRCLE_MINUTES, "elder": (7,)}
        recompute(session)
        assert find_outdated(session) == {"elder": (7,)}
        session.rollback()


def test_the_job_computes_what_was_dropped(town):
    assert circles.follow(town) is False
    with Session(town) as session, session.begin():
        before = session.scalar(COUNT)
        session.execute(text(AT_THE_EDGE))
        people = session.scalar(PEOPLE)
    assert circles.follow(town, lambda: True) is False  # the worker ends: nothing is stored
    with Session(town) as session:
        assert session.scalar(COUNT) < before
    assert circles.follow(town) is True
    with Session(town) as session:
        assert session.scalar(COUNT) == before and session.scalar(PEOPLE) > people
        assert find_outdated(session) == {}
    assert circles.follow(town) is False


def test_without_streets_nothing_is_outdated(session):
    assert find_outdated(session) == {}


def test_a_computation_that_fails_is_an_error(town, monkeypatch):
    monkeypatch.setattr(circles, "recompute_outdated", os.abort)
    with Session(town) as session, session.begin():
        session.execute(text(AT_THE_EDGE))
    with pytest.raises(RuntimeError, match="service circles"):
        circles.follow(town)
    monkeypatch.undo()
    assert circles.follow(town) is True
