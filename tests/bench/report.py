"""`POST /incidents` over HTTP, from report to assignment, beside the same application answering a
constant to a POST, and the database alone writing the same rows in one call a report.
"""

import itertools
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.request import urlopen

import orjson
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import engine
from gis.demo.generate import generate_town
from gis.ops import cluster, migration
from gis.ops.cluster import DatabaseUrls, find_binaries
from gis.ops.databases import libpq
from gis.settings import Settings
from tests.bench.http import (
    CONNECTIONS,
    CONSTANT,
    SHAPES,
    WORKERS,
    by_threads,
    by_wrk,
    middle,
    served,
    told,
    wait,
    within,
)
from tests.bench.rows import Figure, Reach, Row, median
from web.gateway import THREADS

REPORTS = "/api/v1/incidents"
CODES = ("06010", "06012", "06013", "06028", "09009", "C0101")

READERS, READ_EVERY_S = 4, 0.1  # who look what is near, beside those who report

PATTERNS = 200
# The rows of a report that was filed, as of another: written by one call, with every trigger, index
# and key, and nothing read but them.
FLOOR = f"""
CREATE TABLE bench_pattern AS
SELECT row_number() OVER (ORDER BY id) AS number, id, county FROM incident
WHERE state = 'dispatched' LIMIT {PATTERNS};
CREATE UNIQUE INDEX ON bench_pattern (number);
CREATE TABLE bench_notice AS SELECT n.* FROM notice n JOIN bench_pattern p ON p.id = n.incident_id;
CREATE INDEX ON bench_notice (incident_id);
GRANT SELECT ON bench_pattern, bench_notice TO PUBLIC;
CREATE FUNCTION bench_report(place bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  first bench_pattern;
  report incident;
BEGIN
  SELECT * INTO first FROM bench_pattern WHERE number = place;
  SELECT * INTO report FROM incident WHERE county = first.county AND id = first.id;
  report.id := gen_random_uuid();
  report.reported_at := now();
  report.changed_at := now();
  INSERT INTO incident SELECT report.*;
  INSERT INTO incident_event (county, incident_id, at, move, from_state, to_state, from_request,
    to_request, who, role, person_id, note, detail)
  SELECT county, report.id, now(), move, from_state, to_state, from_request, to_request, who, role,
    person_id, note, detail
  FROM incident_event WHERE incident_id = first.id AND county = first.county ORDER BY id;
  INSERT INTO notice (topic, county, incident_id, person_id, account_id, body)
  SELECT topic, county, report.id, person_id, account_id, body
  FROM bench_notice WHERE incident_id = first.id;
END $$;
"""


def floor_rate(addresses: DatabaseUrls, patterns: int, seconds: int) -> float:
    """Reports a second that the database alone writes, asked by pgbench with as many clients."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(f"\\set place random(1, {patterns})\nSELECT bench_report(:place);\n")
        script.flush()
        done = subprocess.run(
            [
                find_binaries() / "pgbench",
                *("--no-vacuum", "--protocol=prepared", f"--client={CONNECTIONS}", "--jobs=2"),
                *(f"--time={seconds}", f"--file={script.name}", libpq(addresses.app)),
            ],
            capture_output=True,
            text=True,
        )
    rate = re.search(r"tps = ([0-9.]+)", done.stdout)
    assert done.returncode == 0 and rate is not None, done.stderr
    return float(rate[1])


@contextmanager
def read_beside(port: int, places: Sequence[tuple[float, float]]) -> Iterator[None]:
    """Ask meanwhile, at a steady pace, for what was reported near other places."""
    over = threading.Event()
    turns = itertools.cycle(places)

    def read() -> None:
        while not over.wait(READ_EVERY_S):
            x, y = next(turns)
            query = f"lon={x:.7f}&lat={y:.7f}&crs=wgs84&category={CODES[0]}"
            with urlopen(f"http://127.0.0.1:{port}{REPORTS}/near?{query}", timeout=30) as answer:
                answer.read()

    readers = [threading.Thread(target=read) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        yield
    finally:
        over.set()
        for reader in readers:
            reader.join()


def measure(settings: Settings, small: bool) -> Row:
    """Serve a made-up town and in turns file reports, each at another place, and post
    the constant.
    """
    seconds, turns = (1, 1) if small else (8, 3)
    addresses = cluster.start(
        settings, throw_away=False
    )  # a report is acknowledged when it is on the disk
    migration.migrate(addresses)
    with Session(engine(addresses.app)) as session:
        generate_town(session, 2026, 300) if small else generate_town(session)
        session.commit()
        grids = shapely.from_wkb([bytes(row[0]) for row in session.execute(text(SHAPES))])
    bodies = [
        orjson.dumps(
            {
                "lon": x,
                "lat": y,
                "crs": "wgs84",
                "category": CODES[number % len(CODES)],
                "description": "bench",
            }
        ).decode()
        for number, (x, y) in enumerate(within(grids, 2000))
    ]
    wrk = shutil.which("wrk")
    ask = by_wrk if wrk else by_threads
    with served(settings, addresses.app, 1 if small else WORKERS) as port:
        x, y = within(grids, 1)[0]
        wait(port, f"/api/v1/locate?lon={x:.7f}&lat={y:.7f}&crs=wgs84")
        for some, path in () if small else ((bodies, REPORTS), (["{}"], CONSTANT)):
            ask(port, some, 2, path)  # warm
        with engine(addresses.owner).begin() as owner:
            # as autovacuum does within a minute: till then plans are those of empty tables
            owner.execute(text("ANALYZE"))
        seen = [
            (ask(port, bodies, seconds, REPORTS), ask(port, ["{}"], seconds, CONSTANT))
            for _ in range(turns)
        ]
        with read_beside(port, within(grids, 500)):
            beside = ask(port, bodies, seconds, REPORTS)
    with engine(addresses.owner).begin() as owner:
        owner.execute(text(FLOOR))
        patterns = owner.scalar(text("SELECT count(*) FROM bench_pattern")) or 0
    with Session(engine(addresses.app)) as session:
        filed = session.scalar(text("SELECT count(*) FROM incident WHERE state = 'dispatched'"))
    floors = [floor_rate(addresses, patterns, seconds) for _ in range(turns)]
    ours, constant = (middle([pair[side] for pair in seen]) for side in (0, 1))
    return Row(
        "report",
        "POST /incidents over HTTP: from report to assignment",
        f"A made-up town ({len(grids)} grids); granian,"
        f" {WORKERS} workers of {THREADS} threads, {CONNECTIONS} connections,"
        f" {turns} turns of {seconds} s;"
        f" load by {'wrk' if wrk else 'threads in Python'} on the same machine;"
        f" every report is on the disk (fsync) when it is acknowledged.",
        "requests a second",
        Figure(
            "report: place, rule, person, events, notices, history", ours.rate, turns, told(ours)
        ),
        [
            Figure(
                "the same application answering a constant to a POST",
                constant.rate,
                turns,
                told(constant),
            ),
            Figure(
                "the database alone: the same rows in one call a report, by pgbench",
                median(floors),
                turns,
            ),
        ],
        [
            Reach(f"every report is acknowledged: {ours.bad} refused", ours.bad == 0),
            Reach(f"≥ 1,000 a second: {ours.rate:,.0f}", ours.rate >= 1000),
            Reach(f"p99 ≤ 40 ms: {ours.p99:.0f}", ours.p99 <= 40),
        ],
        more_is_better=True,
        notes=[
            f"{filed:,} reports were filed and assigned in all.",
            "Server, database and load generator share the cores.",
            f"While {READERS} people look ten times a second what is near: {beside.rate:,.0f}"
            f" reports a second, {told(beside)}.",
        ],
    )
