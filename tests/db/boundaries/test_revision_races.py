"""Boundaries under two hands at once, and under a crash in the middle: one after the other, or not
at all.
"""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text

from gis.areas.models import Area, Boundary, Revision
from gis.boundaries import drafts, publish
from gis.boundaries.queries import boundaries_at
from gis.errors import Conflict
from gis.settings import ROOT
from gis.shapes import polygon_coverage
from tests.support import build
from tests.support.draft_town import LEAD, begin, code, line, shapes_of


@pytest.fixture
def county(apart):
    """Sessions of a database of its own with four rows of nine grids."""
    with apart() as session:
        town = build.Town(session)
        for i in range(36):
            town.grid(f"{i + 1:03d}", i % 9, i // 9)
        session.commit()
    return apart


def cut(number: int) -> dict:
    """A split of the grid with a number, east to west."""
    column, row = (number - 1) % 9, (number - 1) // 9
    return {
        "op": "split",
        "code": code(number),
        "line": line((column - 0.1, row + 0.5), (column + 1.1, row + 0.45)),
    }


def drafted(county, *numbers: int) -> int:
    with county() as session:
        number = begin(session)
        for item in numbers:
            drafts.add_operation(session, LEAD, number, cut(item))
        session.commit()
        return number


def published(county, number: int) -> str:
    with county() as session:
        try:
            publish.publish(session, LEAD, number, "试", None)
        except Conflict:
            return "conflict"
        session.commit()
        return "published"


def test_editors_of_different_grids_all_publish_and_the_coverage_is_whole(county):
    numbers = [drafted(county, item) for item in range(1, 37, 2)]  # neighbours among them
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda item: published(county, item), numbers)) == ["published"] * len(
            numbers
        )
    with county() as session:
        new_shapes = shapes_of(session)
        assert len(new_shapes) == 36 + len(numbers) and polygon_coverage.is_valid(
            list(new_shapes.values())
        )
        community = session.scalar(select(Area).where(Area.level == "community"))
        union = boundaries_at(session, [community.id], datetime.now(UTC))[community.id]
        assert union.equals(polygon_coverage.dissolve(list(new_shapes.values())))


def test_of_editors_of_one_grid_exactly_one_publishes(county):
    numbers = [drafted(county, 14, other) for other in (1, 9, 28, 36)]
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(lambda item: published(county, item), numbers)) == [
            "conflict"
        ] * 3 + ["published"]
    with county() as session:
        assert len(shapes_of(session)) == 36 + 2
        assert (
            session.scalar(
                select(func.count()).select_from(Revision).where(Revision.state == "published")
            )
            == 2
        )


def test_two_sessions_cannot_both_add_the_same_step(county):
    number = drafted(county)
    with county() as session:
        version = session.get(Revision, number).version

    def add(one: int) -> str:
        with county() as session:
            try:
                drafts.add_operation(session, LEAD, number, cut(one), version)
            except Conflict:
                return "conflict"
            session.commit()
            return "done"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(add, (1, 5, 20, 30))) == ["conflict"] * 3 + ["done"]


PUBLISHER = """
import sys
from sqlalchemy.orm import Session
from gis.boundaries import publish
from gis.db import engine
from gis.rights.principal import system_principal
with Session(engine(sys.argv[1])) as session:
    publish.publish(session, system_principal("test"), int(sys.argv[2]), "试", None)
    session.flush()
    print("written", flush=True)
    sys.stdin.read()  # killed here, before the commit
"""


def test_a_crash_in_the_middle_of_publishing_leaves_the_old_state_whole(county):
    number = drafted(county, 14, 15)
    with county() as session:
        old_shapes = shapes_of(session)
        url = session.get_bind().url.render_as_string(hide_password=False).replace("+psycopg", "")
        rows = session.scalar(select(func.count()).select_from(Boundary))
    child = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, url, str(number)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        text=True,
    )
    assert child.stdout.readline() == "written\n"
    with county() as session:  # nobody sees half of it
        assert shapes_of(session).keys() == old_shapes.keys()
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    with county() as session:
        new_shapes = shapes_of(session)
        assert all(new_shapes[item].equals_exact(old_shapes[item], 0) for item in old_shapes)
        assert session.scalar(select(func.count()).select_from(Boundary)) == rows
        assert session.get(Revision, number).state == "draft"
        assert (
            session.scalar(text("SELECT count(*) FROM area WHERE code > :last"), {"last": code(36)})
            == 0
        )
    assert published(county, number) == "published"  # and the lock is free
