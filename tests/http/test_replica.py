"""Reads on a real streaming replica: never without what the reader wrote, never from a dead one."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import read_only_engine
from gis.ops import cluster
from gis.ops.replica import MAX_LAG_S, Replica
from gis.settings import Settings
from tests.support.served import Deployment, serving, until
from tests.support.standby import Standby, standby
from web.http.replica import REPLICA_BLUEPRINTS

GRIDS = "/api/v1/layers/grids?bbox=105.94,26.22,105.96,26.24"


@dataclass(frozen=True)
class Pair:
    """The made-up pilot on two servers, served."""

    site: Deployment
    urls: cluster.DatabaseUrls
    copy: Standby

    def rename(self, name: str) -> None:
        """Give the first grid of the map a name, on the main server."""
        with psycopg.connect(self.urls.app) as connection:
            connection.execute(
                "UPDATE area SET name = %s WHERE code ="
                " (SELECT min(code) FROM area WHERE level = 'grid' AND retired_at IS NULL)",
                [name],
            )

    def name(self, **headers: str) -> str:
        """The name of the first grid, as the service tells it."""
        reply = self.site.ask("/ogc/collections/grids/items?limit=1", **headers)
        assert reply.status == 200, reply.body
        return reply.json()["features"][0]["properties"]["name"]


@pytest.fixture(scope="module")
def pair(prepared) -> Iterator[Pair]:
    with prepared.demo() as var:
        urls = cluster.start(Settings(var=var), throw_away=True)
        with (
            standby(Settings(var=var)) as copy,
            serving(var, "--workers", "1", "--no-jobs", DATABASE_READ_URL=copy.url) as url,
        ):
            pair = Pair(replace(Deployment(var), url=url), urls, copy)
            until(lambda: is_used(pair))
            yield pair


def is_used(pair: Pair) -> bool:
    """Whether the service reads the replica, as it says."""
    return bool(pair.site.get("/readyz")["status"] == "ready")


def test_what_anybody_reads_is_read_there_and_all_else_on_the_main_server(pair):
    pair.copy.control("SELECT pg_wal_replay_pause()")
    try:
        pair.rename("主库新名")
        assert pair.name() != "主库新名"  # the copy does not have it yet
        key = {"Authorization": "Bearer nobody"}
        assert pair.site.ask("/ogc/collections/grids/items", **key).status == 401
        cookie = {"Cookie": "wangge_session=x"}
        assert pair.name(**cookie) == "主库新名"
    finally:
        pair.copy.control("SELECT pg_wal_replay_resume()")
    until(lambda: pair.name() == "主库新名")


def test_who_reports_follows_the_report_at_once(pair):
    pair.copy.control("SELECT pg_wal_replay_pause()")
    try:
        body = {"lon": 105.9512, "lat": 26.2312, "crs": "wgs84", "category": "06010"}
        report = pair.site.ask("/api/v1/incidents", body | {"description": "路灯不亮"}).json()
        secret = {"X-Tracking-Secret": report["tracking_secret"]}
        reply = pair.site.ask(f"/api/v1/incidents/{report['id']}/track", **secret)
        assert reply.status == 200, reply.body
    finally:
        pair.copy.control("SELECT pg_wal_replay_resume()")


def test_a_dead_replica_is_stepped_over_and_used_again(pair):
    log = pair.copy.place.base / "log"
    until(lambda: is_used(pair), words=lambda: f"{pair.site.get('/readyz')}\n{log.read_text()}")
    pair.copy.kill()
    assert [pair.site.ask(GRIDS).status for _ in range(20)] == [200] * 20
    pair.rename("副本不在")
    assert pair.name() == "副本不在"
    notes = pair.site.get("/readyz")
    assert notes["status"] == "degraded" and "replica" in notes["notes"][0]
    pair.copy.start()
    until(lambda: is_used(pair))
    until(lambda: pair.name() == "副本不在")


def test_it_is_looked_at_over_connections_that_requests_have_read_it_with(pair, monkeypatch):
    look_once = SimpleNamespace(sleep=lambda _: threading.Event().wait(), monotonic=time.monotonic)
    monkeypatch.setattr("gis.ops.replica.time", look_once)
    reads = read_only_engine(pair.copy.url)  # as web.http.db
    with Session(reads) as session:
        assert session.scalar(text("SELECT pg_is_in_recovery()"))
    until(Replica(pair.copy.url, pair.urls.app).is_usable, 10)
    reads.dispose()


def test_the_log_is_kept_for_a_replica_by_one_command(pair):
    for keep in ("3", "4"):  # again: only the size changes
        done = pair.site.run("db", "replica", "second_site", "--keep", keep)
        assert done.returncode == 0, done.stderr
        assert "--slot=second_site" in done.stdout
    with psycopg.connect(pair.urls.admin) as connection:
        query = "SELECT slot_type, restart_lsn IS NOT NULL FROM pg_replication_slots"
        assert connection.execute(query).fetchall() == [("physical", True)]
        size = "SELECT setting::int FROM pg_settings WHERE name = 'max_slot_wal_keep_size'"
        until(lambda: connection.execute(size).fetchone() == (4096,))
        connection.execute("SELECT pg_drop_replication_slot('second_site')")
    wrong = pair.site.run("db", "replica", "Second-Site")
    assert wrong.returncode == 1 and "small letters, digits and underscores" in wrong.stderr


def test_how_far_behind_it_is():
    replica = Replica("", "")
    assert replica.lag_s(100, 100, 1.0) == 0.0
    assert replica.lag_s(200, 150, 2.0) == 0.0
    assert replica.lag_s(300, 150, 4.0) == 2.0
    assert replica.lag_s(400, 200, 6.0) == 2.0  # where the main server was at 4
    assert replica.lag_s(None, 300, 9.0) == 3.0  # nothing is known of it since 6
    assert replica.lag_s(None, 400, 30.0) == 0.0
    assert MAX_LAG_S > 0


def test_no_endpoint_read_there_belongs_to_somebody():
    assert REPLICA_BLUEPRINTS.isdisjoint({"account", "accounts", "keys", "posts"})
    assert REPLICA_BLUEPRINTS.isdisjoint({"incidents", "photos", "track", "open311", "events"})
