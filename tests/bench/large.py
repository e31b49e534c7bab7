"""A served county of a million households and 100,000 incidents: what people wait for, and a soak
of mixed work.
"""

import http.client
import os
import random
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import brotli
import numpy as np
import orjson
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accounts import accounts, credentials
from gis.accounts.models import Account
from gis.db import engine
from gis.demo.generate import generate_town
from gis.demo.simulation import simulate
from gis.incidents.reading.statistics_sql import GROUP_EXPRESSIONS
from gis.ops import cluster, migration
from gis.rights.principal import system_principal
from gis.settings import Settings
from tests.bench.http import SHAPES, WORKERS, served, wait, within
from tests.bench.report import CODES, REPORTS
from tests.bench.rows import Figure, Reach, Row, median
from tests.support.map_things import tile_of

PASSWORD = "a quite long sentence"
CLIENTS = 8  # of the soak
PAUSE_S = 0.02  # between two requests of a client: people and programs, not a flood
ZOOMS = range(10, 17)

# Incidents like those of the simulated days, with the same events, spread over all grids and half a
# year. Triggers are off: the state of each was reached by the events that are copied with it.
COPIES = """
CREATE TEMPORARY TABLE copied AS
WITH template AS (SELECT *, row_number() OVER (ORDER BY id) - 1 AS n FROM incident),
place AS (
  SELECT g.id, ST_PointOnSurface(b.geom) AS point,
    row_number() OVER (ORDER BY md5(g.code)) - 1 AS n,
    ARRAY[county.id, street.id, community.id, g.id] AS areas
  FROM area g JOIN boundary b ON b.area_id = g.id AND b.valid_time @> now()
  JOIN area community ON community.id = g.parent_id
  JOIN area street ON street.id = community.parent_id
  JOIN area county ON county.id = street.parent_id WHERE g.level = 'grid'
)
SELECT gen_random_uuid() AS id, t.id AS template_id, p.id AS grid_id, p.point, p.areas,
  interval '1 day' * (s % 180) AS earlier
FROM generate_series(1, :count) s
JOIN template t ON t.n = s % (SELECT count(*) FROM template)
JOIN place p ON p.n = s % (SELECT count(*) FROM place)
"""
MOMENTS = (
    "reported_at",
    "changed_at",
    "stage_started_at",
    "warning_at",
    "due_at",
    "closed_at",
    "taken_at",
    "handled_at",
)
# the record is a row source: (record).* would build it again for each of its columns
INCIDENTS = f"""
INSERT INTO incident SELECT r.* FROM copied c JOIN incident i ON i.id = c.template_id
CROSS JOIN LATERAL jsonb_populate_record(i, jsonb_build_object('id', c.id,
    'grid_id', c.grid_id, 'area_ids', c.areas, 'unit_id', NULL, 'building_id', NULL,
    'supervise_at', NULL, 'parent_id', NULL, 'geom', c.point,
    {", ".join(f"'{name}', i.{name} - c.earlier" for name in MOMENTS)})) r
"""
EVENTS = """
INSERT INTO incident_event (county, incident_id, at, move, from_state, to_state, from_request,
  to_request, who, role, person_id, note, detail)
SELECT e.county, c.id, e.at - c.earlier, e.move, e.from_state, e.to_state, e.from_request,
  e.to_request, e.who, e.role, e.person_id, e.note, e.detail
FROM copied c JOIN incident_event e ON e.incident_id = c.template_id ORDER BY e.id
"""


Place = tuple[float, float]  # lon, lat in degrees


class Answer(NamedTuple):
    """Status, body and milliseconds of a request."""

    status: int
    body: bytes
    ms: float


class Client:
    """A connection that stays open, as those of a program."""

    def __init__(self, port: int, cookie: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.headers = {"Cookie": cookie, "Accept-Encoding": "br, gzip"}

    def ask(self, path: str, body: bytes | None = None) -> Answer:
        """GET a path, or POST a JSON body to it."""
        # a report is a resident's, without a session
        headers = {"Content-Type": "application/json"} if body else self.headers
        begin = time.perf_counter()
        self.connection.request("POST" if body else "GET", path, body, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        if renewed := answer.headers.get_all("Set-Cookie"):  # a session lasts while it is used
            cookies = dict(each.split("=", 1) for each in self.headers["Cookie"].split("; "))
            cookies |= dict(each.split(";")[0].split("=", 1) for each in renewed)
            self.headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in cookies.items())
        return Answer(answer.status, data, (time.perf_counter() - begin) * 1e3)


def sign_in(port: int) -> str:
    """The cookies of the command centre's session."""
    address = f"http://127.0.0.1:{port}/sign-in"
    jar = CookieJar()
    opener = build_opener(HTTPCookieProcessor(jar))
    page = opener.open(address).read().decode()
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    form = {"csrf_token": token[1], "username": "bench", "password": PASSWORD}
    opener.open(Request(address, urlencode(form).encode(), {"Origin": address[:-8]})).close()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


class County(NamedTuple):
    """What was seen of a county of a size.

    made_min, started_s: Minutes to fill the database, seconds until the workers answer.
    disk_mb, memory_mb: Of the database, and of server and workers that have answered (PSS).
    search, first, again: Milliseconds of answers. figures: As `slowest_figures`.
    """

    households: int
    incidents: int
    made_min: float
    started_s: float
    disk_mb: float
    memory_mb: float
    search: list[float]
    figures: tuple[float, int, str]
    first: list[float]
    again: list[float]

    @property
    def words(self) -> str:
        """Its size and what it takes."""
        return (
            f"{self.households:,} households, {self.incidents:,} incidents: made in"
            f" {self.made_min:.1f} minutes (without circles), {self.disk_mb:,.0f} MB on disk;"
            f" the workers answer {self.started_s:.0f} s after they are started and take"
            f" {self.memory_mb:,.0f} MB with the server (PSS)."
        )


def measure(settings: Settings, small: bool) -> Row:
    """Make counties of several sizes, ask each for what people wait for, and soak the largest."""
    sizes = [(300, 500)] if small else [(10_000, 1_000), (100_000, 10_000), (1_000_000, 100_000)]
    minutes, counties = (0.02 if small else 30), []
    for households, incidents in sizes:
        # a toy's only county may lie in the deployment that is given, which is migrated
        part = settings if small else replace(settings, var=settings.var / f"{households}")
        part.var.mkdir(exist_ok=True)
        part.var.chmod(0o755)  # the user postgres must be able to enter
        addresses = cluster.start(part, throw_away=False)
        try:
            migration.migrate(addresses)
            begin = time.monotonic()
            points = make(addresses, households, incidents, 20 if small else 120)
            made_min = (time.monotonic() - begin) / 60
            with served(part, addresses.app, 1 if small else WORKERS) as port:
                county, cookie = look_at(
                    port, addresses, points, (households, incidents, made_min), small
                )
                counties.append(county)
                if (households, incidents) == sizes[-1]:
                    seen, memory = soak(port, cookie, points, minutes * 60)
        finally:
            for address in (addresses.app, addresses.owner, addresses.admin or addresses.owner):
                engine(address).dispose()
            cluster.stop(part)
    return row(counties, seen, memory, minutes)


def look_at(
    port: int,
    addresses: cluster.DatabaseUrls,
    points: Sequence[Place],
    made: tuple[int, int, float],
    small: bool,
) -> tuple[County, str]:
    """What a served county shows of itself, and the cookies of a session there."""
    begin = time.monotonic()
    wait(port, f"/api/v1/locate?lon={points[0][0]:.7f}&lat={points[0][1]:.7f}&crs=wgs84")
    started = time.monotonic() - begin
    cookie = sign_in(port)
    client = Client(port, cookie)
    with engine(addresses.app).connect() as connection:
        disk = connection.scalar(text("SELECT pg_database_size(current_database())")) or 0
    search = [timed(client, "/api/v1/search?q=12%E6%A0%8B") for _ in range(1 + 20)][1:]
    figures = slowest_figures(client)
    first, again = first_and_again(client, points, small)
    memory = memory_of_workers(port)
    return County(*made, started, disk / 1e6, memory, search, figures, first, again), cookie


def make(
    addresses: cluster.DatabaseUrls, households: int, incidents: int, templates: int
) -> list[Place]:
    """Fill the database, with an account of the command centre; places in the county."""
    now = datetime.now(UTC)
    with Session(engine(addresses.app)) as session:
        generate_town(session, 2026, households)
        simulate(session, now - timedelta(days=4), now, templates)
        account(session, session.scalar(text("SELECT code FROM area WHERE level = 'county'")))
        session.commit()
        grids = shapely.from_wkb([bytes(row[0]) for row in session.execute(text(SHAPES))])
    with engine(addresses.admin or addresses.owner).begin() as admin:
        admin.execute(text("SET LOCAL session_replication_role = replica"))
        admin.execute(text(COPIES), {"count": incidents})
        admin.execute(text(INCIDENTS))
        admin.execute(text(EVENTS))
    with engine(addresses.owner).begin() as owner:
        owner.execute(text("ANALYZE"))
    return within(grids, 2000)


def account(session: Session, county: str) -> None:
    """Create the account that the clients sign in with."""
    created = Account(username="bench", password_hash=credentials.hash_password(PASSWORD))
    session.add(created)
    session.flush()
    accounts.grant(session, system_principal("bench"), created, "command_centre", county)


def timed(client: Client, path: str) -> float:
    """Milliseconds of an answer, which must be there."""
    answer = client.ask(path)
    assert answer.status in (200, 204), answer.body[:300]
    return answer.ms


def slowest_figures(client: Client) -> tuple[float, int, str]:
    """The median milliseconds and the bytes as sent of the slowest grouping, and which it is."""
    since, groupings = _since(190), []
    for per in GROUP_EXPRESSIONS:
        answers = [client.ask(f"/api/v1/figures?since={since}&per={per}") for _ in range(3)]
        assert all(answer.status == 200 for answer in answers), (per, answers[0].body[:300])
        size = max(len(answer.body) for answer in answers)
        groupings.append((median([answer.ms for answer in answers]), size, per))
    slowest, _, per = max(groupings)
    return slowest, max(size for _, size, _ in groupings), per


def first_and_again(
    client: Client, points: Sequence[Place], small: bool
) -> tuple[list[float], list[float]]:
    """Milliseconds of tiles asked for the first time, and of the same again."""
    page = client.ask("/").body
    unpacked = page if b"<html" in page else brotli.decompress(page)
    version = re.search(rb"mvt\?v=([0-9a-f]+)", unpacked)
    assert version is not None
    paths = [
        f"/tiles/{name}/{z}/{x}/{y}.mvt?v={version[1].decode()}"
        for name in ("base", "city")
        for z in ZOOMS
        for _, x, y in dict.fromkeys(tile_of(*point, z) for point in points[: 3 if small else 10])
    ]
    first = [timed(client, path) for path in paths]
    for _ in range(4):  # so that every worker has drawn each
        again = [timed(client, path) for path in paths]
    return first, again


def soak(
    port: int, cookie: str, points: Sequence[Place], seconds: float
) -> tuple[dict[str, list[Answer]], list[float]]:
    """Ask for all kinds of things for a while.

    The answers by kind, and the memory of the workers in MB along the time.
    """
    end = time.monotonic() + seconds
    seen: dict[str, list[Answer]] = defaultdict(list)
    lock = threading.Lock()

    def work(number: int) -> None:
        rng, client = random.Random(number), Client(port, cookie)
        kinds = [name for name, (share, _) in KINDS.items() for _ in range(share)]
        while time.monotonic() < end:
            kind = rng.choice(kinds)
            path, body = KINDS[kind][1](rng, rng.choice(points))
            answer = client.ask(path, body)
            with lock:
                seen[kind].append(answer._replace(body=answer.body[:200]))
            time.sleep(PAUSE_S)

    memory = []
    with ThreadPoolExecutor(CLIENTS) as pool:
        done = [pool.submit(work, number) for number in range(CLIENTS)]
        while time.monotonic() < end:
            time.sleep(min(10.0, max(end - time.monotonic(), 0.01)))
            memory.append(memory_of_workers(port))
        for each in done:
            each.result()
    return dict(seen), memory


def memory_of_workers(port: int) -> float:
    """Private and shared memory of the processes that serve a port (PSS), in MB."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"\0{port}\0".encode() in (folder / "cmdline").read_bytes():
                rollup = (folder / "smaps_rollup").read_text()
                total += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1])  # type: ignore[index]
        except OSError:
            continue
    return total / 1024


# kind: how many of 100 requests, and the path and body of one
KINDS: dict[str, tuple[int, Callable[[random.Random, Place], tuple[str, bytes | None]]]] = {
    "locate": (
        50,
        lambda rng, p: (f"/api/v1/locate?lon={p[0]:.7f}&lat={p[1]:.7f}&crs=wgs84", None),
    ),
    "tile": (
        20,
        lambda rng, p: (_tile_path(rng, p), None),
    ),
    "report": (
        12,
        lambda rng, p: (
            REPORTS,
            orjson.dumps(
                {
                    "lon": p[0] + rng.uniform(-1e-4, 1e-4),
                    "lat": p[1],
                    "crs": "wgs84",
                    "category": rng.choice(CODES),
                    "description": "bench",
                }
            ),
        ),
    ),
    "search": (
        10,
        lambda rng, p: (f"/api/v1/search?q={rng.randint(1, 40)}%E6%A0%8B", None),
    ),
    "list of incidents": (6, lambda rng, p: ("/api/v1/incidents?limit=50", None)),
    "figures": (2, lambda rng, p: (f"/api/v1/figures?since={_since(30)}&per=community", None)),
}


def _since(days: int) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}"


def _tile_path(rng: random.Random, place: Place) -> str:
    z = rng.choice(ZOOMS)
    _, x, y = tile_of(*place, z)
    return f"/tiles/{rng.choice(('base', 'city'))}/{z}/{x}/{y}.mvt"


def row(
    counties: Sequence[County],
    seen: dict[str, list[Answer]],
    memory: Sequence[float],
    minutes: float,
) -> Row:
    """What was seen, as a row."""
    largest = counties[-1]
    bad = [a for answers in seen.values() for a in answers if a.status not in (200, 201, 204)]
    third = max(len(memory) // 3, 1)
    growth = median(memory[-third:]) / median(memory[:third]) - 1
    return Row(
        "large",
        f"{largest.households:,} households and {largest.incidents:,} incidents, served",
        f"{WORKERS} workers; the largest then has {CLIENTS} clients for {minutes:g} minutes,"
        f" {PAUSE_S * 1e3:.0f} ms between two requests of each.",
        "ms",
        _waits(largest)[0],
        [
            *_waits(largest)[1:],
            *(figure for county in counties[:-1] for figure in _waits(county)),
            *(
                Figure(
                    f"soak: {kind}",
                    median([a.ms for a in seen[kind]]),
                    len(seen[kind]),
                    f"p99 {np.percentile([a.ms for a in seen[kind]], 99):.0f} ms",
                )
                for kind in KINDS
                if kind in seen
            ),
        ],
        [
            *_reaches(largest),
            Reach(f"soak: no error: {len(bad)} of {sum(map(len, seen.values())):,}", not bad),
            Reach(f"soak: memory grows by less than 5 %: {growth:+.1%}", growth < 0.05),
        ],
        notes=[
            *(county.words for county in counties),
            f"Memory of server and workers: {memory[0]:.0f} MB when the soak begins,"
            f" {memory[-1]:.0f} MB at its end.",
            *(f"Not answered: {a.status} {a.body[:120]!r}" for a in bad[:3]),
            f"{os.cpu_count()} cores, shared by server, database and clients.",
        ],
    )


def _waits(county: County) -> list[Figure]:
    """What people wait for in a county."""
    size, (slowest, largest, per) = f"{county.households:,} households", county.figures
    return [
        Figure(f"{size}: search by a building's number", median(county.search), 20),
        Figure(f"{size}: figures per {per}, the slowest", slowest, 3, f"{largest:,} bytes at most"),
        *(
            Figure(
                f"{size}: a tile, {when}", median(times), len(times), f"p99 {_p99(times):.1f} ms"
            )
            for when, times in (("first", county.first), ("again", county.again))
        ),
    ]


def _reaches(county: County) -> list[Reach]:
    search, (slowest, largest, _) = median(county.search), county.figures
    first, again = _p99(county.first), _p99(county.again)
    return [
        Reach(f"search by a building's number ≤ 50 ms: {search:.0f}", search <= 50),
        Reach(
            f"figures of any grouping ≤ 300 ms and ≤ 150 kB: {slowest:.0f} ms,"
            f" {largest / 1e3:.0f} kB",
            slowest <= 300 and largest <= 150_000,
        ),
        Reach(f"tiles ≤ 50 ms first, 99 %: {first:.0f}", first <= 50),
        Reach(f"tiles ≤ 5 ms again, 99 %: {again:.1f}", again <= 5),
    ]


def _p99(times: Sequence[float]) -> float:
    return float(np.percentile(times, 99))
