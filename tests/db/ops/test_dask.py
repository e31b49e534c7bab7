"""Batch jobs by workers of Dask: what one machine answers, byte for byte, and what is refused."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import shapely
from click.testing import CliRunner, Result
from dask import config
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import db
from gis.db import allow_boundary_writes
from gis.demo.generate import generate_town
from gis.errors import WanggeError
from gis.ops import cluster, dask_spread, spread_work
from gis.ops.spread_work import Origin, Outcome
from tests.support.dask_workers import Mark, count_facilities, die, die_at_first, scheduler
from tests.support.deployment import new_database
from web.cli import cli

CIRCLES_SQL = """
SELECT ctid::text, facility_id, profile, minutes, origin_digest, households, people, buildings,
  off_network, island, encode(ST_AsBinary(geom), 'hex')
FROM service_circle ORDER BY ctid
"""
LABELS_SQL = "SELECT * FROM building_access ORDER BY profile, category, building_id"
# the county of the west, and a second one: every third facility stands within a walk of the border
SECOND_COUNTY_SQL = (
    "INSERT INTO area (code, level, name, county) VALUES ('520425', 'county', '紫云县', '520425')",
    """UPDATE area SET parent_id = (SELECT id FROM area WHERE code = '520425'), county = '520425'
       WHERE code = '520402100'""",
    """UPDATE facility SET county = '520425' WHERE ST_X(ST_Centroid(geom)) >
       (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ST_X(ST_Centroid(geom))) FROM facility)
    """,
    # one off the network, and one whose county nobody knows
    "DELETE FROM entrance WHERE facility_id = (SELECT min(id) FROM facility)",
    "UPDATE facility SET geom = ST_Translate(ST_Centroid(geom), 0.5, 0), entrance = NULL"
    " WHERE id = (SELECT min(id) FROM facility)",
    "UPDATE facility SET county = NULL WHERE id = (SELECT max(id) FROM facility)",
)


@pytest.fixture(scope="module")
def urls(addresses: cluster.DatabaseUrls) -> Iterator[cluster.DatabaseUrls]:
    """A database with a town in two counties."""
    with new_database(addresses) as urls:
        with Session(db.engine(urls.app)) as session:
            generate_town(session, households=2_500)
            allow_boundary_writes(session)
            for statement in SECOND_COUNTY_SQL:
                session.execute(text(statement))
            session.commit()
        yield urls


@pytest.fixture(scope="module")
def town(urls: cluster.DatabaseUrls) -> str:
    """The address of the town's database."""
    return urls.app


@pytest.fixture(scope="module")
def address(town: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers that know the town."""
    folder = tmp_path_factory.mktemp("dask")
    with scheduler(folder, 2, {"DATABASE_URL": town}) as started:
        yield started


Run = Callable[..., Result]


@pytest.fixture
def run(town: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the town."""
    monkeypatch.setenv("DATABASE_URL", town)
    return lambda *words: CliRunner().invoke(cli, [str(word) for word in words])


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with Session(db.engine(url)) as session:
        return [tuple(row) for row in session.execute(text(query))]


def execute(url: str, *statements: str) -> None:
    with Session(db.engine(url)) as session:
        for statement in statements:
            session.execute(text(statement))
        session.commit()


def code_of(result: Result) -> str:
    assert isinstance(result.exception, WanggeError), result.exception
    return result.exception.code


def test_circles_are_those_of_one_machine_in_the_same_order(
    urls: cluster.DatabaseUrls, address: str, run: Run
) -> None:
    def compute(*dask: str) -> tuple[str, list[tuple[object, ...]]]:
        execute(urls.owner, "TRUNCATE service_circle")
        result = run("circles", "--minutes", "5,15", "--json", *dask)
        assert result.exit_code == 0, result.output
        return result.stdout, rows(urls.app, CIRCLES_SQL)

    alone = compute()
    counts = json.loads(alone[0])
    assert counts["recomputed"] > 40 and len(counts["off_network"]) == 1
    assert compute("--dask", address) == alone
    again = run("circles", "--minutes", "5,15", "--json", "--dask", address)
    assert json.loads(again.stdout)["recomputed"] == 0
    other = run("circles", "--minutes", "61", "--dask", address)
    assert code_of(other) == code_of(run("circles", "--minutes", "61"))


@pytest.mark.parametrize(
    "words",
    [
        ("--category", "kindergarten,clinic", "--by", "county"),
        ("--tier", "15", "--by", "grid"),
        ("--score",),
        ("--category", "clinic", "--at", "2026-11-28T20:00", "--profile", "elder"),
        ("--category", "clinic", "--area", "520425", "--capacity"),
        ("--category", "no_such"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_coverage_is_that_of_one_machine(address: str, run: Run, words: tuple[str, ...]) -> None:
    alone, spread = run("coverage", *words, "--json"), run(
        "coverage", *words, "--json", "--dask", address
    )  # fmt: skip
    without_clock = [
        re.sub(r'"computed_at": ?"[^"]*"', "", each.stdout) for each in (alone, spread)
    ]
    assert without_clock[0] == without_clock[1] and alone.exit_code == spread.exit_code
    assert str(alone.exception) == str(spread.exception)


def test_stored_walks_and_gaps_are_those_of_one_machine(
    urls: cluster.DatabaseUrls, address: str, run: Run, tmp_path: Path
) -> None:
    def compute(*dask: str) -> tuple[object, ...]:
        execute(urls.owner, "TRUNCATE building_access", "TRUNCATE access_run")
        file = tmp_path / "gaps.csv"
        words = ("--category", "clinic", "--minutes", 3, "--gaps", file, "--reason", "test")
        result = run("coverage", "--recompute", *words, *dask)
        assert result.exit_code == 0, result.output
        return result.stdout, result.stderr, file.read_bytes(), rows(urls.app, LABELS_SQL)

    alone = compute()
    assert compute("--dask", address) == alone and len(alone[3]) > 500  # type: ignore[arg-type]


def points_of(town: str) -> str:
    """Return a file of points: at buildings, between them, outside, and rows that are wrong."""
    points = rows(town, "SELECT ST_X(p), ST_Y(p), estate || name FROM"
                  " (SELECT ST_PointOnSurface(geom) p, estate, name FROM building) q")  # fmt: skip
    box = shapely.MultiPoint([(float(str(x)), float(str(y))) for x, y, _ in points]).bounds
    lines = ["id,lon,lat,crs,address,at"]
    for number, (x, y, address) in enumerate(points):
        crs = ("wgs84", "gcj02")[number % 2]
        lines.append(f"b{number},{x},{y},{crs},{address if number % 3 == 0 else ''},")
        lines.append(f'"n,{number}",{x + 0.0007},{y - 0.0005},{crs},,2026-11-0{number % 9 + 1}')
    lines += [f"far,{box[0] - 1},{box[3] + 1},wgs84,,", "early,105.95,26.23,wgs84,,1999-01-01"]
    lines += ["empty,,,wgs84,,", "text,x,26.2,wgs84,,", "crs,105.9,26.2,wgs85,,", "short,1"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("bad_rows", [True, False])
def test_a_file_of_points_is_answered_as_by_one_machine(
    town: str,
    address: str,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bad_rows: bool,
) -> None:
    monkeypatch.setattr("gis.areas.batch.PIECE_ROWS", 97)
    source, alone, spread = (tmp_path / name for name in ("in.csv", "alone.csv", "spread.csv"))
    lines = points_of(town).splitlines()
    source.write_text("\n".join(lines if bad_rows else lines[:-4]), encoding="utf-8")
    results = [
        run("locate", "--batch", source, alone, "--json"),
        run("locate", "--batch", source, spread, "--json", "--dask", address),
    ]
    assert [result.exit_code for result in results] == [0, 0], results[1].output
    assert alone.read_bytes() == spread.read_bytes() and len(lines) > 500
    counts = [json.loads(result.stdout) | {"file": ""} for result in results]
    assert counts[0] == counts[1] and counts[0]["errors"] >= (6 if bad_rows else 2)
    source.write_text("id,lon,lat,crs\n", encoding="utf-8")
    empty = run("locate", "--batch", source, spread, "--json", "--dask", address)
    assert json.loads(empty.stdout)["rows"] == 0, empty.output
    absent = tmp_path / "absent.csv"
    for dask in ((), ("--dask", address)):  # wrong usage, as an absent file is of other commands
        assert run("locate", "--batch", absent, spread, *dask).exit_code == 2


def test_workers_read_the_state_that_was_read_here(town: str, address: str) -> None:
    with dask_spread.dask_spread(address, db.engine(town), lambda: None) as spread:
        before = count_facilities(spread.session, Mark(Path()))
        execute(town, "INSERT INTO facility (code, category, geom) VALUES"
                " ('new', 'clinic', ST_SetSRID(ST_MakePoint(105.95, 26.23), 4490))")  # fmt: skip
        try:
            marks = [Mark(Path())] * 20
            assert set(spread.each(count_facilities, marks)) == {before}
            spread.session.rollback()
            assert set(spread.each(count_facilities, marks)) == {before + 1}
        finally:
            execute(town, "DELETE FROM facility WHERE code = 'new'")


def test_a_worker_of_another_database_or_program_is_refused(
    addresses: cluster.DatabaseUrls, address: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {**spread_work.program_versions(), "numpy": "1.0"}
    with monkeypatch.context() as patch:
        patch.setattr(dask_spread, "program_versions", lambda: other)
        refused = run("circles", "--minutes", "7", "--dask", address)
    assert code_of(refused) == "spread.other_program" and "numpy" in str(refused.exception)
    with new_database(addresses) as urls:
        with (
            dask_spread.dask_spread(address, db.engine(urls.app), lambda: None) as spread,
            pytest.raises(WanggeError) as caught,
        ):
            list(spread.each(count_facilities, [Mark(Path())]))
        assert caught.value.code == "spread.other_database"
        assert "postgresql" not in str(caught.value)
        # a deployment without anything has nothing to spread
        monkeypatch.setenv("DATABASE_URL", urls.app)
        results = [run("circles", *words) for words in ((), ("--dask", address))]
        assert [code_of(result) for result in results] == ["network.not_loaded"] * 2


def test_a_worker_makes_no_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("WANGGE_VAR", str(tmp_path / "none"))
    origin = Origin(spread_work.program_versions(), 1, "00000001-00000001-1")
    outcome = spread_work.run(origin, count_facilities, Mark(tmp_path))
    assert isinstance(outcome, Outcome) and outcome.refusal is not None
    assert outcome.refusal.code == "spread.worker_without_database"
    assert not (tmp_path / "none").exists()


def test_where_nothing_answers_or_nobody_works_it_is_said(
    town: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_spread, "CONNECT_S", 0.5)
    for address, code in (
        ("tcp://127.0.0.1:1", "spread.unreachable"),
        ("tls://127.0.0.1:1", "spread.unreachable"),  # no certificates
        ("local:0", "spread.address_invalid"),
        ("http://127.0.0.1:8786", "spread.address_invalid"),
        ("tcp://me:secret@127.0.0.1:8786", "spread.address_invalid"),
    ):
        assert code_of(run("circles", "--dask", address)) == code, address
    assert run("locate", "105.9", "26.2", "--crs", "wgs84", "--dask", "local").exit_code == 2
    assert run("coverage", "--saved", "--dask", "local").exit_code == 2
    monkeypatch.setattr(dask_spread, "CONNECT_S", 10.0)
    waits: list[None] = []
    with (
        scheduler(tmp_path, 0, {}) as empty,
        pytest.raises(WanggeError) as caught,
        dask_spread.dask_spread(empty, db.engine(town), lambda: waits.append(None), 0.2),
    ):
        pytest.fail("no worker is there")
    assert caught.value.code == "spread.no_workers" and len(waits) == 1


def test_a_scheduler_without_this_program_is_refused(town: str, tmp_path: Path) -> None:
    with (
        scheduler(tmp_path, 1, {}, cwd=tmp_path) as other,
        dask_spread.dask_spread(other, db.engine(town), lambda: None) as spread,
        pytest.raises(WanggeError) as caught,
    ):
        list(spread.each(count_facilities, [Mark(tmp_path)]))
    assert caught.value.code == "spread.program_missing"


def test_work_that_kills_every_worker_is_given_up(
    town: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", town)
    marks = [Mark(tmp_path)] * 3
    with (
        # the second worker has run for a while when it takes what killed the first
        config.set({"distributed.scheduler.allowed-failures": 1}),
        dask_spread.dask_spread("local:2", db.engine(town), lambda: None) as spread,
    ):
        count = count_facilities(spread.session, marks[0])
        assert list(spread.each(count_facilities, marks)) == [count] * 3
        with pytest.raises(WanggeError) as caught:
            list(spread.each(die, marks[:1]))
    assert caught.value.code == "spread.workers_died"


def test_what_a_killed_worker_did_is_done_again(town: str, address: str, tmp_path: Path) -> None:
    """The last of this file: one of the two workers is no more after it."""
    marks = [Mark(tmp_path / str(number % 10)) for number in range(30)]
    for mark in marks[1:]:
        mark.path.touch()
    with dask_spread.dask_spread(address, db.engine(town), lambda: None) as spread:
        count = count_facilities(spread.session, marks[0])
        marks[0].path.unlink(missing_ok=True)
        assert list(spread.each(die_at_first, marks)) == [count] * 30
        assert marks[0].path.exists()
