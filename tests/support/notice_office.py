"""Receivers of notices on this machine, and a database of its own that notices them."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gis import db as gis_db
from gis.notices import actions, delivery
from gis.notices.outbox import enqueue_notice
from gis.ops.cluster import DatabaseUrls
from gis.settings import Settings
from tests.support.deployment import new_database
from tests.support.machine import slowdown

SECRET = "a secret of the gateway, long enough"
BODY = {
    "incident": "0a",
    "state": "dispatched",
    "category": "06010",
    "category_zh": "暴露垃圾",
    "area": "520402007012001",
    "role": "grid_worker",
    "severity": "normal",
}


def mail_notice(address: str, topic: str, body: dict[str, Any]) -> Any:
    """A notice as a mail is written from it."""
    names = {"area_name": "", "category_en": ""}
    moment = datetime.now(UTC)
    return SimpleNamespace(id=1, at=moment, topic=topic, body=body, address=address, **names)


@dataclass
class Gateway:
    """A receiver: what it got (headers, body), and what it answers next: a status, or seconds to
    hang first.
    """

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int | float] = field(default_factory=list)
    always: int | float = 200

    def topics(self) -> list[str]:
        """What it was told, in order."""
        return [json.loads(body)["topic"] for _, body in self.got]


@contextmanager
def gateway(**args: Any) -> Iterator[Gateway]:
    """A receiver that listens on this machine."""
    created = Gateway(**args)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = created.answers.pop(0) if created.answers else created.always
            created.got.append((dict(self.headers), body))
            if isinstance(answer, float):
                time.sleep(answer)
                answer = 200
            self.send_response(answer)
            if answer == 302:
                self.send_header("Location", created.url + "elsewhere")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    created.url = f"http://127.0.0.1:{server.server_port}/in"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield created
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Office:
    """A database of its own with receivers, and who delivers to them."""

    engine: Engine
    settings: Settings
    database: str

    def add(self, url: str, kind: str = "webhook") -> int:
        """A receiver."""
        with Session(self.engine) as session, session.begin():
            session.execute(text("UPDATE notice_target SET active = false WHERE active"))
            secret = SECRET if kind == "webhook" else ""
            return actions.add_target(session, kind, url, secret=secret).id

    def more(self, url: str) -> int:
        """One more receiver."""
        with Session(self.engine) as session, session.begin():
            return actions.add_target(session, "webhook", url, secret=SECRET).id

    def tell(self, *topics: str) -> None:
        """A notice for everybody on each topic."""
        with Session(self.engine) as session, session.begin():
            for topic in topics:
                enqueue_notice(
                    session, topic, county="520402", incident_id=None, areas=[], body=BODY
                )

    def deliver(self, target: int) -> int:
        """One turn."""
        return delivery.deliver(self.engine, self.settings, target)

    def due(self, at: datetime | None = None) -> list[int]:
        """Receivers that something is to be sent to."""
        with Session(self.engine) as session:
            return delivery.due_targets(session, at or datetime.now(UTC))

    def later(self, target: int) -> None:
        """All waits are over."""
        with Session(self.engine) as session, session.begin():
            session.execute(
                text("UPDATE notice SET next_try_at = now() WHERE target_id = :t"), {"t": target}
            )

    def rows(self, target: int) -> list[Any]:
        """Its notices."""
        with Session(self.engine) as session:
            query = (
                "SELECT id, topic, state, attempts, last_error, at, next_try_at FROM notice"
                " WHERE target_id = :t ORDER BY id"
            )
            return list(session.execute(text(query), {"t": target}))

    def states(self, target: int) -> list[str]:
        """How far each of its notices is."""
        return [row.state for row in self.rows(target)]

    def change(self, query: str, **values: object) -> None:
        """Change rows by hand."""
        with Session(self.engine) as session, session.begin():
            session.execute(text(query), values)


@pytest.fixture(scope="module")
def office(addresses: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Receivers on this machine are allowed."""
    with new_database(addresses) as urls:
        settings = Settings(var=tmp_path_factory.mktemp("office"), private_webhooks=True)
        yield Office(gis_db.engine(urls.app), settings, urls.app)


def until(true: Callable[[], object], seconds: float = 15) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds * slowdown()
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)
