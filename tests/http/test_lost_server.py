"""A database server that vanishes without a word: who asks is told in seconds, and all goes on when
it is back. What happens when another takes its place is tried by ./wangge bench --only failover.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace

import psycopg
import pytest
from sqlalchemy.orm import Session

from gis import db
from gis.db import engine
from gis.ops import cluster
from gis.settings import Settings
from tests.support import build
from tests.support.deployment import PreparedDeployments
from tests.support.far import FarServer, far_server
from tests.support.machine import slowdown
from tests.support.served import Deployment, Reply, serving, until

POINT = {"lon": build.LON + 0.0005, "lat": build.LAT + 0.0005, "crs": "cgcs2000"}
REPORTS = 12  # more than threads that answer, so that some wait for others
MAX_ANSWER_S = 2 * db.LOST_S + 10.0  # a report that waited for one that noticed


@dataclass(frozen=True)
class Far:
    """A grid served from a server that can vanish, and the server by another way."""

    site: Deployment
    server: FarServer
    direct: str

    def report(self, number: int) -> tuple[Reply, float]:
        """File one of the reports; the answer, and seconds to it."""
        body = POINT | {"category": "06010", "description": f"路灯不亮 {number}"}
        begin = time.monotonic()
        reply = self.site.ask("/api/v1/incidents", body, Idempotency_Key=f"far-server-{number}")
        return reply, time.monotonic() - begin

    def report_all(self) -> list[tuple[Reply, float]]:
        """File all reports at once."""
        with ThreadPoolExecutor(REPORTS) as threads:
            return list(threads.map(self.report, range(REPORTS)))

    def value(self, query: str) -> object:
        """A value of the database."""
        with psycopg.connect(self.direct) as connection:
            row = connection.execute(query.encode()).fetchone()
        return row and row[0]


@pytest.fixture(scope="module")
def far(prepared: PreparedDeployments) -> Iterator[Far]:
    with prepared.migrated() as var, ExitStack() as stack:
        addresses = cluster.start(Settings(var=var), throw_away=True)
        with Session(engine(addresses.app)) as session:
            town = build.Town(session)
            town.post("grid_worker", town.grid("001"), "王网格")
            session.commit()
        server = stack.enter_context(far_server(addresses.app))
        settings = {"DATABASE_URL": server.url, "DATABASE_OWNER_URL": addresses.owner}
        url = stack.enter_context(serving(var, "--workers", "2", **settings))
        yield Far(replace(Deployment(var), url=url), server, addresses.app)


def test_who_asks_a_vanished_server_is_told_in_seconds_and_all_goes_on_afterwards(far: Far) -> None:
    assert {reply.status for reply, _ in far.report_all()} == {201}
    until(lambda: far.site.get("/readyz")["status"] == "ready")
    far.server.vanish()
    for _ in range(2):  # over connections that are open, and over new ones
        for reply, seconds in far.report_all():
            assert (reply.status, reply.kind) == (503, "application/problem+json"), reply.body
            assert reply.json()["code"] == "service.database_lost"
            assert seconds < MAX_ANSWER_S * slowdown()
    assert far.site.ask("/readyz").status == 503
    assert far.site.ask("/healthz").status == 200
    far.server.come_back()
    until(lambda: far.site.ask("/readyz").status == 200)
    until(lambda: far.site.get("/readyz")["status"] == "ready")
    assert {reply.status for reply, _ in far.report_all()} == {201}
    assert far.value("SELECT count(*) FROM incident") == REPORTS


def test_afterwards_the_register_hears_of_changes_and_the_jobs_look_for_what_is_due(
    far: Far,
) -> None:
    far.server.vanish()
    far.report(0)
    far.server.come_back()
    code = far.value("SELECT min(code) FROM area WHERE level = 'grid'")
    with psycopg.connect(far.direct) as writer:
        writer.execute("UPDATE area SET name = '新名网格' WHERE code = %s", [code])
    query = "&".join(f"{name}={value}" for name, value in POINT.items())
    until(lambda: "新名网格" in json.dumps(located(far, query), ensure_ascii=False))
    last = far.value("SELECT coalesce(max(id), 0) FROM jobs.procrastinate_jobs")
    swept = "SELECT count(*) FROM jobs.procrastinate_jobs WHERE status = 'succeeded'"
    until(lambda: far.value(f"{swept} AND task_name = 'sweep' AND id > {last}") != 0)


def located(far: Far, query: str) -> object:
    """What is answered for the place of the reports, once it is."""
    reply = far.site.ask(f"/api/v1/locate?{query}")
    return reply.json()
