"""Many at once, and power cuts: one winner, one incident, nothing lost, nothing twice.

Real processes, real HTTP.
"""

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accounts.models import Account
from gis.db import engine
from gis.errors import Conflict
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.moves import apply_move
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.lifecycle.report import file_report
from gis.incidents.models import OrderTaker
from gis.incidents.routing.claimants import MAX_CLAIMANTS
from gis.ops import cluster
from gis.ops.cluster.setup import unused_port
from gis.rights.principal import system_principal
from gis.settings import Settings
from tests.support import build
from tests.support.deployment import PreparedDeployments
from tests.support.forked import Forked
from tests.support.served import environment, serving, until
from tests.support.sharded import urls_of
from web.cli.serve import free_port

POINT = {"lon": build.LON + 0.0005, "lat": build.LAT + 0.0005, "crs": "cgcs2000"}
TAKERS = 50
WAITING_SQL = """
SELECT count(*) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


@dataclass(frozen=True)
class Small:
    """A grid with its people and fifty who take orders, in a database of its own."""

    var: Path
    database: str
    accounts: list[int]

    def session(self) -> Session:
        """A session as the application has it."""
        return Session(engine(urls_of(self.var).app))

    def count(self, query: str) -> int:
        """A number from the database."""
        with self.session() as session:
            return int(session.scalar(text(query)) or 0)


@pytest.fixture(scope="module")
def small(prepared: PreparedDeployments) -> Iterator[Small]:
    """The usual grid, committed."""
    with prepared.migrated() as var:
        addresses = cluster.start(Settings(var=var), throw_away=False)
        with Session(engine(addresses.app)) as session:
            town = build.Town(session)
            grid = town.grid("001")
            town.grid("002", 1)
            town.post("grid_worker", grid, "王网格")
            town.post("community_worker", town.community, "赵社工")
            skill = session.scalar(
                text("SELECT skill FROM incident_category WHERE kind = 'order' ORDER BY position")
            )
            accounts = []
            for number in range(TAKERS):
                person = town.person(f"水工{number}")
                session.add(
                    OrderTaker(
                        consent_at=build.FROM,
                        person_id=person.id,
                        role="volunteer_team",
                        area_id=town.community.id,
                        skills=[str(skill)],
                    )
                )
                account = Account(username=f"taker{number}", person_id=person.id, password_hash="x")
                session.add(account)
                session.flush()
                accounts.append(account.id)
            session.commit()
        yield Small(var, addresses.app, accounts)
        engine(addresses.app).dispose()


def cookies(small: Small) -> list[dict[str, str]]:
    """The headers of fifty people who are signed in."""
    import flask
    from flask_wtf.csrf import generate_csrf

    from web.app import create_app

    app = create_app(Settings(var=small.var), small.database)
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    result, now = [], int(time.time())
    for account in small.accounts:
        with app.test_request_context("/"):
            flask.session["account"] = [account, 1, now, now]
            token = generate_csrf()
            value = serializer.dumps(dict(flask.session))
        result.append(
            {"Cookie": f"{app.config['SESSION_COOKIE_NAME']}={value}", "X-CSRFToken": token}
        )
    return result


def post(
    url: str, body: dict[str, Any], headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """POST as JSON."""
    request = urllib.request.Request(
        url,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})},
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_fifty_claim_one_order_and_one_wins(small: Small) -> None:
    with small.session() as session:
        code = session.scalar(
            text("SELECT code FROM incident_category WHERE kind = 'order' ORDER BY position")
        )
    headers = cookies(small)
    with serving(small.var, "--no-jobs") as url, ThreadPoolExecutor(TAKERS) as pool:
        status, filed = post(
            f"{url}/api/v1/incidents", POINT | {"category": code, "description": "水管漏水"}
        )
        assert (status, filed["state"], filed["way"]) == (201, "dispatched", "order")
        moves = f"{url}/api/v1/incidents/{filed['id']}/moves"
        answers = list(pool.map(lambda mine: post(moves, {"move": "take"}, mine), headers))
    assert Counter(status for status, _ in answers) == {
        200: 1,
        409: MAX_CLAIMANTS - 1,
        404: TAKERS - MAX_CLAIMANTS,  # it was not offered to them
    }
    lost = next(body for status, body in answers if status == 409)
    assert "taken" in lost["detail"]
    assert small.count("SELECT count(*) FROM incident_event WHERE move = 'take'") == 1


def test_twenty_posts_with_one_key_are_one_incident(small: Small) -> None:
    old_count = small.count("SELECT count(*) FROM incident")
    body = POINT | {"category": "06010", "description": "同一件事"}
    key = {"Idempotency-Key": str(uuid4())}
    with serving(small.var, "--no-jobs") as url, ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: post(f"{url}/api/v1/incidents", body, key), range(20)))
    assert {status for status, _ in answers} == {201}
    assert len({json.dumps(body, sort_keys=True) for _, body in answers}) == 1
    assert small.count("SELECT count(*) FROM incident") == old_count + 1


BESIDE = {"lon": POINT["lon"] + build.SIDE, "lat": POINT["lat"], "crs": "cgcs2000"}


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (("accept", {"category": "06041"}), ("accept", {"category": "06010"}), Conflict),
        (("accept", {"category": "06041"}), ("note", {"note": "看过"}), None),
        (("relocate", BESIDE | {"note": "x"}), ("note", {"note": "看过"}), None),
        (("relocate", BESIDE | {"note": "x"}), ("accept", {"category": "06010"}), None),
    ],
)
def test_who_waits_for_anothers_move_sees_what_it_left(
    small: Small, first: Any, second: Any, outcome: type[Exception] | None
) -> None:
    desk, now = system_principal("desk"), datetime.now(UTC)
    with small.session() as session:
        # words that mean nothing wait for somebody to accept them
        filed = file_report(session, desk, IncidentReport(description="嗯嗯", **POINT), now)
        session.commit()

    def move(session: Session, name: str, fields: dict[str, Any]) -> None:
        apply_move(session, desk, filed.id, name, datetime.now(UTC), MovePayload(**fields))

    def wait_and_move() -> None:
        with small.session() as session:
            move(session, *second)
            session.commit()

    with small.session() as ahead, ThreadPoolExecutor(1) as pool:
        move(ahead, *first)
        behind = pool.submit(wait_and_move)
        until(lambda: small.count(WAITING_SQL) > 0)
        ahead.commit()
        if outcome is None:
            behind.result(30)
        else:
            with pytest.raises(outcome):
                behind.result(30)


class Load:
    """Reports filed without end by a few threads; what was acknowledged is written down."""

    def __init__(self, url: str) -> None:
        self.url, self.acknowledged, self.stop = url, dict[str, str](), threading.Event()
        self.threads = [threading.Thread(target=self._file) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    def _file(self) -> None:
        while not self.stop.is_set():
            key = str(uuid4())
            while (
                not self.stop.is_set()
            ):  # the same report with the same key until it is acknowledged
                try:
                    body = POINT | {"category": "06010", "description": key}
                    status, answer = post(
                        f"{self.url}/api/v1/incidents", body, {"Idempotency-Key": key}
                    )
                except (OSError, ValueError):
                    time.sleep(0.05)
                    continue
                if status == 201:
                    self.acknowledged[key] = answer["id"]
                    break
                assert status == 503 or status == 429, answer
                time.sleep(0.05)

    def end(self) -> dict[str, str]:
        """Stop; what was acknowledged, by its words."""
        self.stop.set()
        for thread in self.threads:
            thread.join(120)
        return self.acknowledged


def serve(var: Path, port: int) -> Forked:
    """The server in a process group of its own."""
    return Forked(
        ("serve", "--port", port, "--no-jobs"),
        cwd=var,
        env=environment(var),
        output=var / "serve.log",
        own_group=True,
    )


def until_more(load: Load, count: int) -> None:
    """Wait until so many more are acknowledged."""
    expected = len(load.acknowledged) + count
    until(
        lambda: len(load.acknowledged) >= expected,
        words=lambda: f"only {len(load.acknowledged)} of {expected} came through",
    )


def test_kill_9_of_server_and_database_loses_nothing_and_doubles_nothing(small: Small) -> None:
    port = unused_port()
    server = serve(small.var, port)
    load = Load(f"http://127.0.0.1:{port}")
    try:
        until_more(load, 20)
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        until(lambda: free_port("127.0.0.1", port) == port)  # its workers have ended too
        server = serve(small.var, port)
        until_more(load, 20)
        location = cluster.cluster_location(Settings(var=small.var))
        os.kill(int((location.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        engine(small.database).dispose()
        until_more(load, 20)  # the server starts the database again by itself
        assert cluster.start(Settings(var=small.var)).app == small.database
    finally:
        acknowledged = load.end()
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(120)
    assert len(acknowledged) >= 60
    with small.session() as session:
        stored = session.execute(
            text("SELECT description, id::text FROM incident WHERE description = ANY(:keys)"),
            {"keys": list(acknowledged)},
        ).all()
        assert (
            dict(map(tuple, stored)) == acknowledged
        )  # every one is there, under the id that was answered
        assert len(stored) == len(acknowledged)  # none twice
        torn = (
            "SELECT count(*) FROM incident i WHERE NOT EXISTS (SELECT FROM incident_event e"
            " WHERE e.incident_id = i.id)"
        )
        assert session.scalar(text(torn)) == 0
