"""`POST /incidents` over HTTP, from report to assignment, beside the same application answering a
constant to a POST.
"""

import shutil

import orjson
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import engine
from gis.demo.generate import generate_town
from gis.ops import cluster, migration
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
from tests.bench.rows import Figure, Reach, Row
from web.gateway import THREADS

REPORTS = "/api/v1/incidents"
CODES = ("06010", "06012", "06013", "06028", "09009", "C0101")


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
    with Session(engine(addresses.app)) as session:
        filed = session.scalar(text("SELECT count(*) FROM incident WHERE state = 'dispatched'"))
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
            )
        ],
        [Reach(f"every report is acknowledged: {ours.bad} refused", ours.bad == 0)],
        more_is_better=True,
        notes=[
            f"{filed:,} reports were filed and assigned in all.",
            "Server, database and load generator share the cores.",
        ],
    )
