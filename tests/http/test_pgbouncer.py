"""The service behind a real pgbouncer in transaction mode, with the server itself for listeners."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text

from gis import db
from gis.ops import cluster
from gis.ops.cluster.setup import unused_port
from gis.settings import Settings
from tests.support import forked
from tests.support.pgbouncer import pooled
from tests.support.served import Deployment, environment, serving, until

PLACE = "lon=105.9512&lat=26.2312&crs=wgs84"


@pytest.fixture(scope="module")
def addresses(prepared) -> Iterator[tuple[Deployment, cluster.DatabaseUrls, str]]:
    """The made-up pilot: its folder, the server's addresses, and the pooler's."""
    with prepared.demo() as var:
        urls = cluster.start(Settings(var=var), throw_away=True)
        with pooled(urls.app) as pooler:
            yield Deployment(var), urls, pooler


@pytest.fixture(scope="module")
def behind(addresses) -> Iterator[Deployment]:
    """It, served behind the pooler by two workers, with its jobs."""
    deployment, urls, pooler = addresses
    settings = {
        "DATABASE_URL": pooler,
        "DATABASE_LISTEN_URL": urls.app,
        "DATABASE_OWNER_URL": urls.owner,
    }
    with serving(deployment.var, "--workers", "2", **settings) as url:
        yield replace(deployment, url=url)


def test_many_at_once_get_answers_and_no_statement_meets_another_s(behind):
    """Each statement comes more often than psycopg needs to prepare it, on three connections."""

    def ask(number: int) -> tuple[int, str]:
        paths = (
            f"/api/v1/locate?{PLACE}",
            "/api/v1/areas?limit=5",
            "/api/v1/layers/grids?bbox=105.94,26.22,105.96,26.24",
            "/ogc/collections/grids/items?limit=3",
            f"/api/v1/facilities/nearest?{PLACE}",
            "/api/v1/facilities?limit=5",
        )
        path = paths[number % len(paths)]
        return behind.ask(path).status, path

    with ThreadPoolExecutor(12) as threads:
        answers = [*threads.map(ask, range(360))]
    assert {status for status, _ in answers} == {200}


def test_reports_are_filed_once_and_worked_by_the_jobs(behind, addresses):
    _, urls, _ = addresses

    def report(number: int) -> tuple[int, str]:
        body = {"lon": 105.9512, "lat": 26.2312, "crs": "wgs84", "category": "06010"}
        body["description"] = f"路灯不亮 {number % 20}"
        reply = behind.ask(
            "/api/v1/incidents", body, **{"Idempotency-Key": f"pgbouncer-{number % 20}"}
        )
        return reply.status, str(json.loads(reply.body).get("id"))

    with ThreadPoolExecutor(8) as threads:
        answers = [*threads.map(report, range(40))]  # each twice
    assert {status for status, _ in answers} <= {200, 201}, answers
    assert len({number for _, number in answers}) == 20
    with psycopg.connect(urls.app) as direct:
        query = "SELECT count(*) FROM incident WHERE description LIKE '路灯不亮 %'"
        assert direct.execute(query).fetchone() == (20,)
        swept = (
            "SELECT count(*) FROM jobs.procrastinate_jobs WHERE status IN ('doing', 'succeeded')"
        )
        until(lambda: (direct.rollback(), direct.execute(swept).fetchone())[1] != (0,))


def test_the_register_hears_of_changes_made_through_the_pooler(behind, addresses):
    _, urls, pooler = addresses
    located = behind.get(f"/api/v1/locate?{PLACE}")
    code, name = located["areas"][-1]["code"], located["areas"][-1]["name"]
    until(lambda: behind.get("/readyz")["status"] == "ready")
    with psycopg.connect(pooler, prepare_threshold=None) as writer:
        writer.execute("UPDATE area SET name = '新名网格' WHERE code = %s", [code])
    until(lambda: behind.get(f"/api/v1/locate?{PLACE}")["areas"][-1]["name"] == "新名网格")
    with psycopg.connect(urls.app) as writer:
        writer.execute("UPDATE area SET name = %s WHERE code = %s", [name, code])
    until(lambda: behind.get(f"/api/v1/locate?{PLACE}")["areas"][-1]["name"] == name)


def test_without_the_server_itself_it_refuses_to_serve_and_says_why(addresses):
    deployment, urls, pooler = addresses
    done = forked.run(
        ["serve", "--port", unused_port()],
        cwd=deployment.var,
        env=environment(deployment.var)
        | {"DATABASE_URL": pooler, "DATABASE_OWNER_URL": urls.owner},
    )
    assert done.returncode == 1, done.stderr
    assert "set DATABASE_LISTEN_URL to the server itself" in done.stderr


def test_what_is_prepared_elsewhere_is_not_prepared_there(addresses, monkeypatch):
    _, urls, pooler = addresses
    monkeypatch.setattr("gis.db._pooled", {pooler})
    for url, count in ((pooler, 0), (urls.app, 1)):
        with db.engine(url).connect() as connection:
            for _ in range(8):
                connection.execute(text("SELECT 1 AS prepared_or_not"))
            query = text("SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'or_not$'")
            assert connection.scalar(query) == count
        db.engine(url).dispose()
