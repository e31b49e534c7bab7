"""A county moves out of the main database with all that happened there.

It answers as before, by the numbers it had; an interrupted move loses nothing.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, CompletedProcess
from threading import Timer

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from werkzeug.test import Client

from gis.accounts.models import Account
from gis.areas.models import Area
from gis.db import engine
from gis.errors import Conflict
from gis.incidents.models import Incident
from gis.ops import backup, cluster, databases
from gis.ops.migration import MIGRATION_ACTOR
from gis.ops.shards import moving, registry
from gis.ops.shards.registry import ShardUrls
from gis.ops.shards.tables import COUNTY_TABLES, SHARED_TABLES
from gis.settings import SHARD_FILE, SHARD_ID_BITS, Settings, read_shards
from tests.support import build
from tests.support.deployment import PreparedDeployments
from tests.support.served import Deployment, Reply, environment, serving
from tests.support.shard_city import run_with, shard_environment, start, wait_for
from tests.support.sharded import beside, empty_database
from web.app import create_app
from web.security.session import SESSION_COOKIE
from web.shards.dispatcher import MAIN_BLUEPRINTS, MAIN_ENDPOINTS
from web.shards.questions import COUNTY_COOKIE, ROW_PARAMETERS
from web.shards.service import make_application

COUNTY = "520402"  # of the made-up pilot
SECOND = "520403"
# the demo's people, and nobody
WHO = ("", "head", "worker", "dispatcher", "planner", "admin")
# of a suspended matter the whole time goes on with the clock, in working hours
CLOCK_PATTERN = re.compile(r'"(?:at|now|as_of|generated_at|total_due|[a-z_]+_min)": [^,}]*')
# a matter may pass its time between two questions: one more of which as many are in time
PASSED_PATTERN = re.compile(r'("in_time": {"n": \d+), "of": \d+, "value": [^}]*}')
FIRST_ID = 1 << SHARD_ID_BITS
# parameters of paths that are numbers, but not of rows, or of rows of one that the path names, too
NO_ROWS = {"x", "y", "z", "minutes", "step", "comment_id", "part_id"}
# which say where they are, when they were asked, or what differs between two databases
CHANGING = ("/readyz", "/metrics", "/healthz", "/api/v1/events")
POINTS_SQL = """
SELECT ST_X(p), ST_Y(p) FROM (SELECT b.id, ST_PointOnSurface(b.geom) p FROM boundary b
JOIN area a ON a.id = b.area_id WHERE a.level = 'grid' ORDER BY b.id LIMIT 8) s
"""
SAVE_SQL = """
INSERT INTO personal.saved_filter (account_id, name, filters)
SELECT id, 'open', '{"state": "open"}' FROM personal.account WHERE username = 'dispatcher'
"""
FOREIGN_KEYS_SQL = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND conrelid = ANY(CAST(%s AS regclass[]))
"""


@dataclass(frozen=True)
class Town:
    """A deployment, its main database, and an empty database for the county."""

    var: Path
    main: cluster.DatabaseUrls
    empty: cluster.DatabaseUrls

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return Settings(var=self.var, anonymous_units_per_minute=10_000_000, min_free_mb=0)

    def move(self, county: str = COUNTY, to: cluster.DatabaseUrls | None = None) -> str:
        """Move a county by the command; what it said, when it went well."""
        completed = self.run("db", "shard", "move", county, to=to)
        assert completed.returncode == 0, completed.stderr
        return completed.stdout

    def run(self, *words: str, to: cluster.DatabaseUrls | None = None) -> CompletedProcess[str]:
        """Run a command that has the addresses of a shard."""
        close(self)
        return run_with(Deployment(self.var), shard_environment(to or self.empty), *words)


def close(town: Town) -> None:
    """End the connections of the application in this process: nobody works in the database."""
    engine(town.main.app).dispose()


def counted(url: str, table: str, where: str = "true") -> int:
    """The rows of a table."""
    with psycopg.connect(databases.libpq(url)) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table} WHERE {where}".encode()).fetchone()
    return int(row[0]) if row else 0


@pytest.fixture(scope="module")
def pilot(prepared: PreparedDeployments) -> Iterator[Town]:
    """The made-up pilot, not moved yet."""
    with prepared.demo() as var:
        main = start(var)
        yield Town(var, main, empty_database(main, "county"))


@pytest.fixture
def town(prepared: PreparedDeployments) -> Iterator[Town]:
    """A county of one grid with a person who has an account, and an incident with a photo."""
    with prepared.migrated() as var, ExitStack() as stack:
        main = start(var)
        empty = beside(main, "county", cluster.DATABASE)  # that of `pilot` has no schema yet
        stack.callback(engine(main.app).dispose)
        with Session(engine(main.app)) as session:
            small = build.Town(session)
            small.post("grid_worker", small.grid("001"), "王网格")
            session.commit()
        yield Town(var, main, empty)


def cookies_of(town: Town) -> dict[str, str]:
    """What a browser sends for each of the demo's people, who have chosen the county."""
    app = create_app(town.settings, town.main.app)
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    now = int(time.time())
    with Session(engine(town.main.app)) as session:
        accounts = session.scalars(select(Account).where(Account.username.in_(WHO))).all()
        signed = {
            account.username: serializer.dumps(
                {"account": [account.id, account.session_version, now, now]}
            )
            for account in accounts
        }
    assert signed.keys() == set(WHO) - {""}
    choice = f"{COUNTY_COOKIE}={COUNTY}"
    return {"": choice} | {
        name: f"{choice}; {SESSION_COOKIE}={value}" for name, value in signed.items()
    }


def addresses_of(town: Town) -> list[str]:
    """What can be read by its address alone, and some of what has a number or code."""
    app = create_app(town.settings, town.main.app)
    plain = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments and rule.rule.startswith("/api/")
    ]
    with Session(engine(town.main.app)) as session:
        incidents = session.scalars(select(Incident.id).order_by(Incident.id).limit(12)).all()
        points = session.execute(text(POINTS_SQL)).all()
        grids = session.scalars(
            select(Area.code).where(Area.level == "grid").order_by(Area.code).limit(4)
        ).all()
    revisions = [f"/api/v1/revisions/{number}" for number in (1, 2)]
    places = [f"/api/v1/locate?lon={lon}&lat={lat}&crs=cgcs2000" for lon, lat in points]
    return sorted(
        {
            *plain,
            *revisions,
            *places,
            *(f"/api/v1/incidents/{number}" for number in incidents),
            *(f"/api/v1/areas/{code}" for code in grids),
            *(f"/api/v1/areas/{code}/history" for code in grids),
            "/api/v1/search?q=1栋",
            "/api/v1/figures?per=grid",
            "/api/v1/figures?per=person",
            "/api/v1/incidents?limit=200",
            "/api/v1/facilities?category=clinic",
            "/api/v1/coverage?category=clinic",
            "/api/v1/me/filters",
        }
        - set(CHANGING)
    )


def answers(town: Town, cookies: dict[str, str], addresses: list[str]) -> dict[str, str]:
    """What everybody is answered by a real server, by name and address."""
    addresses_of_main = {"DATABASE_URL": town.main.app, "DATABASE_OWNER_URL": town.main.owner}
    with serving(town.var, "--workers", "1", "--no-jobs", **addresses_of_main) as url:
        site = Deployment(town.var, url)
        return {
            f"{name or 'nobody'} {address}": said(site.ask(address, Cookie=cookie))
            for name, cookie in cookies.items()
            for address in addresses
        }


def said(reply: Reply) -> str:
    """An answer: its status and what it says, but for what goes on with the clock."""
    words = reply.json() if reply.kind.endswith("json") else [reply.kind, reply.status]
    text = json.dumps(words, ensure_ascii=False, sort_keys=True)
    unmoved = PASSED_PATTERN.sub(r"\1}", CLOCK_PATTERN.sub("", text))
    return f"{reply.status} {unmoved}"


@pytest.fixture(scope="module")
def moved(pilot: Town) -> Iterator[tuple[Town, dict[str, str], dict[str, str]]]:
    """The pilot, moved; what everybody was answered before, and after."""
    addresses, cookies = addresses_of(pilot), cookies_of(pilot)
    with psycopg.connect(databases.libpq(pilot.main.owner)) as connection:
        connection.execute(SAVE_SQL)
    before = answers(pilot, cookies, addresses)
    words = pilot.move()
    assert words.startswith(f"county {COUNTY} is shard 1"), words
    yield pilot, before, answers(pilot, cookies, addresses)


def first_difference(before: str, after: str) -> str:
    """Where two answers begin to differ."""
    pairs = enumerate(zip(before, after, strict=False))
    at = max(0, next((i for i, (a, b) in pairs if a != b), len(after)) - 60)
    return f"  before {before[at : at + 200]}\n  after  {after[at : at + 200]}"


def test_everybody_is_answered_as_before(moved) -> None:
    _, before, after = moved
    assert sum(text.startswith("200") for text in before.values()) > 200
    different = [
        f"{name}\n{first_difference(before[name], after[name])}"
        for name in before
        if before[name] != after[name]
    ]
    assert not different, f"{len(different)} of {len(before)}\n" + "\n".join(different[:12])


def test_what_moved_is_whole_and_the_main_database_has_none_of_it(moved) -> None:
    town, *_ = moved
    shard = read_shards(town.var)[COUNTY]
    assert shard.has_old_ids
    for table in COUNTY_TABLES:
        if table not in ("personal.person", "dataset"):
            assert counted(town.main.owner, table) == 0, table
    # its accounts are of made-up people: every page says so, wherever it is read
    assert counted(town.main.owner, "dataset") == counted(town.main.owner, "dataset", "made_up") > 0
    assert counted(town.main.owner, "history", f"county = '{COUNTY}'") == 0
    assert counted(shard.owner_url, "history", "table_name = 'incident'") > 0
    shared = ", ".join(f"'{name}'" for name in SHARED_TABLES)
    of_shared = f"table_name IN ({shared}) AND who <> '{MIGRATION_ACTOR}'"
    assert counted(shard.owner_url, "history", of_shared) == 0
    assert counted(town.main.owner, "history", of_shared) > 0
    linked = "SELECT person_id FROM personal.account"
    assert counted(town.main.owner, "personal.person", f"id NOT IN ({linked})") == 0
    assert counted(town.main.owner, "personal.person", f"name !~ '^{COUNTY}:' OR phone <> ''") == 0
    assert counted(town.main.owner, "area", "level = 'unit'") == 0
    assert counted(town.main.owner, "area", "level = 'grid'") > 0
    with psycopg.connect(databases.libpq(shard.owner_url)) as connection:
        # a key that is added anew is checked for every row
        for table, name, definition in connection.execute(
            FOREIGN_KEYS_SQL, [[*COUNTY_TABLES, "area"]]
        ).fetchall():
            connection.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}, ADD {}").format(
                    sql.Identifier(*table.split(".")),
                    sql.Identifier(name),
                    sql.SQL(definition.replace(" NOT VALID", "")),
                )
            )
        connection.rollback()


def test_afterwards_it_is_worked_in_and_new_numbers_are_the_shard_s(moved) -> None:
    town, *_ = moved
    client = Client(make_application(town.settings, town.main.app))
    shard = read_shards(town.var)[COUNTY]
    with psycopg.connect(databases.libpq(shard.url)) as connection:
        point = connection.execute(POINTS_SQL).fetchone()
    assert point
    body = {"lon": point[0], "lat": point[1], "crs": "cgcs2000", "category": "06010"}
    filed = client.post("/api/v1/incidents", json=body | {"description": "路灯不亮"})
    assert filed.status_code == 201, filed.text
    assert counted(shard.url, "incident", f"id = '{filed.json['id']}'") == 1
    assert counted(town.main.app, "incident") == 0
    assert counted(shard.url, "incident_event", f"id < {FIRST_ID}") > 0
    assert counted(shard.url, "incident_event", f"id >= {FIRST_ID}") > 0
    close(town)
    assert town.move() == f"county {COUNTY} is shard 1 already\n"


def test_a_moved_county_s_own_commands_and_backup_work(moved, tmp_path) -> None:
    town, *_ = moved
    site, own = Deployment(town.var), {"WANGGE_COUNTY": COUNTY}
    dumped = run_with(site, own, "dump", "people", tmp_path / "people.csv")
    assert dumped.returncode == 0, dumped.stderr
    saved = run_with(site, own, "db", "backup", tmp_path / "county.backup")
    assert saved.returncode == 0, saved.stderr
    assert len((tmp_path / "people.csv").read_text().splitlines()) > 100


def test_every_number_of_a_path_says_of_which_row_it_is(moved) -> None:
    town, *_ = moved
    app = create_app(town.settings, town.main.app)
    unknown = {
        name
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] not in MAIN_BLUEPRINTS
        and rule.endpoint not in MAIN_ENDPOINTS
        for name, converter in rule._converters.items()
        if type(converter).__name__ == "IntegerConverter"
        and name not in ROW_PARAMETERS
        and name not in NO_ROWS
    }
    assert not unknown
    for table in set(ROW_PARAMETERS.values()):
        counted(town.main.owner, table, "id IS NULL")  # it has ids


def test_who_works_in_the_main_database_is_not_cut_off(town: Town) -> None:
    with psycopg.connect(databases.libpq(town.main.app)):
        refused = town.run("db", "shard", "move", COUNTY)
    assert (refused.returncode, "stop `serve` first" in refused.stderr) == (1, True), refused
    assert not (town.var / SHARD_FILE).exists()
    assert counted(town.main.owner, "area", "level = 'grid'") == 1


def test_somebody_who_writes_is_waited_for_and_loses_nothing(town: Town, monkeypatch) -> None:
    monkeypatch.setattr(moving, "LOCK_TIMEOUT", "200ms")
    with psycopg.connect(databases.libpq(town.main.owner)) as planner:
        planner.execute("UPDATE area SET name = '新名' WHERE level = 'grid'")
        refused = town.run("db", "shard", "move", COUNTY)
        assert refused.returncode == 1, refused
        planner.commit()
    town.move()
    shard = read_shards(town.var)[COUNTY]
    assert counted(shard.url, "area", "name = '新名'") == 1


def test_the_main_database_is_restored_to_after_the_move_but_not_to_before(
    town: Town, tmp_path: Path
) -> None:
    areas = counted(town.main.owner, "area", "level <> 'unit'")
    backup.backup(town.main, tmp_path / "before", town.var)
    town.move()
    backup.backup(town.main, tmp_path / "after", town.var)
    command = ("db", "restore", str(tmp_path / "after"), "--yes")
    restored = Deployment(town.var).run_inside(*command)
    assert (restored.returncode, f"db shard add {COUNTY}" in restored.stderr) == (0, True), restored
    urls = ShardUrls(*shard_environment(town.empty).values())
    registry.add(town.settings, town.main, COUNTY, urls)
    assert counted(town.main.owner, "area", "level <> 'unit'") == areas
    backup.restore(town.main, tmp_path / "before", town.var)
    with pytest.raises(Conflict, match="cannot be in two"):
        registry.add(town.settings, town.main, COUNTY, urls)


@pytest.mark.parametrize(
    ("county", "words"), [("520499", "does not hold"), ("52", "six digits"), (SECOND, "hold")]
)
def test_a_county_that_is_not_there_is_refused(town: Town, county: str, words: str) -> None:
    refused = town.run("db", "shard", "move", county)
    assert (refused.returncode, words in refused.stderr) == (1, True), refused
    assert counted(town.main.owner, "boundary") > 0


def test_one_of_two_counties_is_refused_by_name(town: Town) -> None:
    with Session(engine(town.main.owner)) as session:
        other = build.Town(session, f"{SECOND}007012")
        other.grid("001", 3)
        session.commit()
    refused = town.run("db", "shard", "move", COUNTY)
    assert (refused.returncode, f"{COUNTY}, {SECOND}" in refused.stderr) == (1, True), refused


def test_a_county_with_a_hotline_stays(town: Town) -> None:
    with psycopg.connect(databases.libpq(town.main.owner)) as connection:
        connection.execute("INSERT INTO external_system (name) VALUES ('12345')")
    refused = town.run("db", "shard", "move", COUNTY)
    assert (refused.returncode, "hotline" in refused.stderr) == (1, True), refused


@pytest.mark.parametrize("place", ["copied", "emptied", "photos", "subscribed"])
def test_an_interrupted_move_is_finished_by_the_next(town: Town, place: str) -> None:
    """Killed after the copy, after the main database let go, at the photos, or at the copying."""
    folder = town.var / "photos" / "0a"
    folder.mkdir(parents=True)
    (folder / "0a6f3f2e.jpg").write_bytes(b"photo")

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        match place:
            case "copied":
                patch.setattr(moving, "TAKE_SQL", Dying())
            case "emptied":
                patch.setattr(registry, "_write", die)
            case "photos":
                patch.setattr(moving, "move_photos", die)
            case "subscribed":
                patch.setattr(registry, "_connect_both", die)
        assert town.run("db", "shard", "move", COUNTY).returncode == 1
    listed = town.run("db", "shard", "list")
    if place == "copied":
        assert counted(town.main.owner, "boundary") > 0
        assert (listed.returncode, listed.stderr) == (0, "")
    else:
        for refused in (listed, town.run(*SERVE), town.run("db", "shard", "add", SECOND)):
            assert (refused.returncode, "interrupted" in refused.stderr) == (1, True), refused
            assert "/county" in refused.stderr and "@" not in refused.stderr
    town.move()
    shard = read_shards(town.var)[COUNTY]
    assert counted(shard.url, "area", "level = 'grid'") == 1
    assert counted(shard.url, "post") == 1
    assert counted(town.main.owner, "boundary") == 0
    assert (town.var / "counties" / COUNTY / "photos/0a/0a6f3f2e.jpg").read_bytes() == b"photo"
    assert not list((town.var / "photos").glob("*/*"))
    with psycopg.connect(databases.libpq(shard.owner_url)) as connection:
        connection.execute("UPDATE area SET name = '改名' WHERE level = 'grid'")
    wait_for(town.main.app, "SELECT count(*) = 1 FROM area WHERE name = '改名'")


def test_two_who_move_at_once_move_it_once(town: Town) -> None:
    close(town)
    engine(town.main.owner).dispose()
    env = environment(town.var) | shard_environment(town.empty)
    words = [sys.executable, "-m", "web", "db", "shard", "move", COUNTY]
    running = [
        subprocess.Popen(words, cwd=town.var, env=env, stdout=PIPE, stderr=PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=120) for process in running]
    assert sum(f"county {COUNTY} is shard 1: ids" in out for out, _ in said) == 1, said
    for process, (_, error) in zip(running, said, strict=True):
        assert process.returncode in (0, 1) and "Traceback" not in error, error
    assert [*read_shards(town.var)] == [COUNTY]
    assert counted(town.empty.owner, "area", "level = 'grid'") == 1
    assert counted(town.empty.owner, "post") == 1


def test_a_copy_that_the_main_database_has_no_more_is_not_replaced(town: Town) -> None:
    """A move that stopped after the main database let go, and the county loaded anew."""

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_write", die)
        assert town.run("db", "shard", "move", COUNTY).returncode == 1
    with psycopg.connect(databases.libpq(town.main.owner)) as connection:
        connection.execute("UPDATE area SET name = '又载入' WHERE level = 'grid'")
    refused = town.run("db", "shard", "move", COUNTY)
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False), refused
    assert counted(town.empty.owner, "post") == 1


SERVE = ("serve", "--port", "1", "--no-jobs")


@pytest.mark.parametrize("name", ["URL", "OWNER_URL", "ADMIN_URL"])
def test_addresses_of_two_databases_are_refused(town: Town, name: str) -> None:
    own = {"URL": town.main.app, "OWNER_URL": town.main.owner, "ADMIN_URL": str(town.main.admin)}
    mixed = {
        "URL": town.empty.app,
        "OWNER_URL": town.empty.owner,
        "ADMIN_URL": str(town.empty.admin),
        name: own[name],
    }
    refused = town.run(
        "db", "shard", "move", COUNTY, to=cluster.DatabaseUrls(*map(str, mixed.values()))
    )
    assert refused.returncode == 1, refused
    assert "do not lead to one database" in refused.stderr
    wrong = town.empty.owner.replace("wangge_owner:", "wangge_owner:not")
    mixed["OWNER_URL"] = wrong
    refused = town.run("db", "shard", "move", COUNTY, to=cluster.DatabaseUrls(*mixed.values()))
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False), refused
    assert counted(town.main.owner, "boundary") > 0


def test_an_address_that_leads_nowhere_is_named_without_its_password(town: Town) -> None:
    right = shard_environment(town.empty)
    for name in (*right, "WANGGE_MAIN_ADMIN_URL"):
        for wrong in ("postgresql//a:geheim@h/d", "postgresql://a:geheim@127.0.0.1:1/d"):
            refused = run_with(
                Deployment(town.var), right | {name: wrong}, "db", "shard", "move", COUNTY
            )
            assert (refused.returncode, "Traceback" in refused.stderr) == (1, False), refused
            assert name in refused.stderr and "geheim" not in refused.stderr
    assert counted(town.main.owner, "boundary") > 0


def test_a_connection_that_is_closing_is_waited_for(town: Town) -> None:
    with psycopg.connect(databases.libpq(town.main.app)) as closing:
        timer = Timer(0.5, closing.close)
        timer.start()
        try:
            town.move()
        finally:
            timer.join()


def test_a_subscription_that_somebody_left_is_replaced(town: Town) -> None:
    with psycopg.connect(databases.libpq(str(town.empty.admin)), autocommit=True) as connection:
        connection.execute(
            f"CREATE SUBSCRIPTION wangge_shared_{COUNTY} CONNECTION 'host=/nonexistent dbname=x'"
            " PUBLICATION p WITH (connect = false)".encode()
        )
    town.move()
    with psycopg.connect(databases.libpq(town.main.owner)) as connection:
        connection.execute("UPDATE kind SET active = NOT active")
        row = connection.execute("SELECT count(*) FROM kind WHERE NOT active").fetchone()
    assert row
    wait_for(town.empty.app, f"SELECT count(*) = {row[0]} FROM kind WHERE NOT active")


@pytest.mark.parametrize("is_migrated", [False, True])
def test_no_empty_database_takes_the_place_of_a_shard(town: Town, is_migrated: bool) -> None:
    other = empty_database(town.main, "other")
    if is_migrated:  # by a call that was refused
        refused = town.run("db", "shard", "move", "520499", to=other)
        assert (refused.returncode, "does not hold" in refused.stderr) == (1, True), refused
    town.move()
    refused = town.run("db", "shard", "add", COUNTY, to=other)
    assert (refused.returncode, "has a shard already" in refused.stderr) == (1, True), refused
    assert read_shards(town.var)[COUNTY].url == town.empty.app


class Dying(tuple[str, ...]):
    """Statements that nobody comes to the end of."""

    def __iter__(self) -> Iterator[str]:
        raise KeyboardInterrupt


def test_a_county_without_an_outline_is_known_by_its_grids(town: Town) -> None:
    """The only one on the map, too, is that of who has chosen none."""
    assert counted(town.main.owner, "boundary b JOIN area a ON a.id = b.area_id", COUNTY_LEVEL) == 0
    town.move()
    client = Client(make_application(town.settings, town.main.app))
    place = f"lon={build.LON + 0.0005}&lat={build.LAT + 0.0005}&crs=cgcs2000"
    located = client.get(f"/api/v1/locate?{place}")
    assert located.status_code == 200 and located.json["areas"][0]["code"] == COUNTY
    assert client.get("/api/v1/areas?level=grid").json["items"][0]["code"].startswith(COUNTY)
    assert client.get("/", headers={"Accept": "text/html"}).status_code == 200


COUNTY_LEVEL = "a.level = 'county'"


def test_a_database_that_was_worked_in_is_not_emptied(town: Town) -> None:
    town.move()
    wrong = {"WANGGE_SHARD_ADMIN_URL": "postgresql//a:geheim@h/d"}
    refused = run_with(Deployment(town.var), wrong, "db", "shard", "remove", COUNTY, "--yes")
    assert (refused.returncode, "geheim" in refused.stderr) == (1, False), refused
    assert "WANGGE_SHARD_ADMIN_URL is not an address" in refused.stderr
    with psycopg.connect(databases.libpq(read_shards(town.var)[COUNTY].owner_url)) as connection:
        connection.execute("UPDATE area SET name = '未断开' WHERE level = 'grid'")
    wait_for(town.main.app, "SELECT EXISTS (SELECT FROM area WHERE name = '未断开')")
    removed = town.run("db", "shard", "remove", COUNTY, "--yes")
    assert removed.returncode == 0, removed.stderr
    with psycopg.connect(databases.libpq(town.empty.owner)) as connection:
        connection.execute("UPDATE area SET name = '改名' WHERE level = 'grid'")
    refused = town.run("db", "shard", "move", COUNTY)
    assert refused.returncode == 1, refused
    assert counted(town.empty.owner, "area", "name = '改名'") == 1


def test_two_counties_move_one_after_the_other(town: Town) -> None:
    town.move()
    with Session(engine(town.main.owner)) as session:
        other = build.Town(session, f"{SECOND}007012")
        other.post("grid_worker", other.grid("001", 3), "李网格")
        session.commit()
    engine(town.main.owner).dispose()
    town.move(SECOND, empty_database(town.main, "second"))
    application = make_application(town.settings, town.main.app)
    for county, shard in read_shards(town.var).items():
        with psycopg.connect(databases.libpq(shard.url)) as connection:
            row = connection.execute("SELECT max(id) FROM post").fetchone()
        assert row and 0 < row[0] < FIRST_ID
        assert application.finder.of_row("post", row[0]) == county
        assert counted(shard.url, "area", f"county <> '{county}'") == 0
    assert application.finder.of_row("post", 12345) == ""


def test_a_county_that_moved_and_was_removed_comes_back(town: Town) -> None:
    town.move()
    removed = town.run("db", "shard", "remove", COUNTY, "--yes")
    assert removed.returncode == 0, removed.stderr
    assert read_shards(town.var) == {}
    added = town.run("db", "shard", "add", COUNTY)
    assert f"county {COUNTY} is shard 1: " in added.stdout, added.stderr
    client = Client(make_application(town.settings, town.main.app))
    place = f"lon={build.LON + 0.0005}&lat={build.LAT + 0.0005}&crs=cgcs2000"
    assert "王网格" in client.get(f"/api/v1/locate?{place}").text
