"""The stream of events: who hears what, nothing twice or missed, and requests that go on beside
open streams.
"""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accounts import api_keys
from gis.areas.models import Area
from gis.db import engine
from gis.incidents.lifecycle import report
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.reading.event_feed import EventFeed, FeedEvent, visible_events
from gis.ops import cluster
from gis.rights.principal import account_principal, system_principal
from gis.settings import Settings
from tests.support.build import Town
from tests.support.machine import slowdown
from tests.support.sharded import let_counties_hear
from tests.support.sign_in import account, signed_in

BY = system_principal("test")


@pytest.fixture
def town(session: Session) -> tuple[Area, Area]:
    """Two grids of one community."""
    created = Town(session)
    return created.grid("001", 0), created.grid("002", 1)


def filed(session: Session, grid: Area) -> FeedEvent:
    """A report inside a grid; the event it made."""
    now = datetime.now(UTC)
    created = report.file_report(
        session,
        BY,
        IncidentReport(category="06010", area=grid.code, description="secret words"),
        now,
    )
    number = session.execute(
        text("SELECT max(id) FROM incident_event WHERE incident_id = :id"), {"id": created.id}
    )
    return FeedEvent(number.scalar_one(), created.id, now.timestamp(), False)


def test_an_asker_is_told_of_the_incidents_in_sight_and_of_no_words_or_names(session, town):
    mine, other = filed(session, town[0]), filed(session, town[1])
    actor = account(session, "events-worker", "grid_worker", town[0].code)
    by = account_principal(session, actor.id, None, actor.username, datetime.now(UTC))
    result = visible_events(session, by, [other, mine], datetime.now(UTC))
    assert [visible_event["event"] for visible_event in result] == [mine.id]
    assert set(result[0]) == {
        "event",
        "id",
        "move",
        "state",
        "version",
        "category",
        "grid",
        "at",
        "colour",
    }
    assert result[0]["grid"] == town[0].code and "secret" not in json.dumps(result)
    assert [
        visible_event["event"]
        for visible_event in visible_events(session, BY, [other, mine], datetime.now(UTC))
    ] == [
        other.id,
        mine.id,
    ]


def test_nobody_is_told_anything(client):
    assert client.get("/api/v1/events").status_code == 401
    assert (
        client.get("/api/v1/events", headers={"Authorization": "Bearer wg_a_b"}).status_code == 401
    )


def test_a_number_that_is_none_is_refused(client, session):
    signed_in(client, account(session, "events-any", "resident"))
    answer = client.get("/api/v1/events", headers={"Last-Event-ID": "x"})
    assert answer.status_code == 422 and "Last-Event-ID" in answer.json["detail"]


@pytest.fixture
def feed() -> Iterator[EventFeed]:
    """A feed that hears only what the test says."""
    event_feed = EventFeed("postgresql://nowhere.invalid/none")
    event_feed._thread = threading.current_thread()
    event_feed._up.set()
    yield event_feed


def test_a_feed_goes_on_after_the_last_event_in_the_order_of_commits(feed):
    ids = [5, 7, 6, 9]
    feed._add(*(FeedEvent(number, uuid4(), time.time(), False) for number in ids))
    assert [item.id for item in feed.events_after(7)] == [6, 9]  # 6 was committed after 7
    assert [item.id for item in feed.events_after(9)] == []
    assert [item.id for item in feed.events_after(4)] == ids
    feed._add(*(FeedEvent(number, uuid4(), time.time(), False) for number in (9, 10)))
    assert [item.id for item in feed.events_after(6)] == [9, 10]


def test_what_was_read_from_the_table_is_sent_again_rather_than_missed(feed):
    now = time.time()
    feed._add(
        FeedEvent(1, uuid4(), now - 3600, True),
        FeedEvent(2, uuid4(), now - 5, True),
        FeedEvent(3, uuid4(), now, True),
    )
    assert [item.id for item in feed.events_after(3)] == [2]  # it may have been committed after 3


def test_a_waiting_stream_wakes_at_once(feed):
    feed._add(FeedEvent(1, uuid4(), time.time(), False))
    began = time.monotonic()
    threading.Timer(0.1, lambda: feed._add(FeedEvent(2, uuid4(), time.time(), False))).start()
    feed.wait(1, 10)
    assert 0.05 < time.monotonic() - began < 2 * slowdown() and [
        item.id for item in feed.events_after(1)
    ] == [2]


def test_many_streams_leave_room_for_requests(served):
    """A hundred askers at once: few are held, the others get an answer that ends, and ordinary
    requests go on.
    """
    with Session(engine(cluster.database_urls(Settings(var=served.var)).app)) as database:
        county = database.scalar(
            text("SELECT code FROM area WHERE level = 'county' ORDER BY id LIMIT 1")
        )
        secret = api_keys.add(
            database, "events", ["incident.read"], [county], datetime.now(UTC), per_minute=10_000
        )
        database.commit()
    let_counties_hear(served.var)
    where = urlsplit(served.url)
    open_, ended = [], 0
    for _ in range(100):
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        connection.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {secret}"})
        open_.append(connection)
    began = time.monotonic()
    for _ in range(20):
        assert served.ask("/api/v1/areas?limit=1").status == 200
    assert time.monotonic() - began < 4 * slowdown()
    for connection in open_:
        answer = connection.getresponse()
        assert answer.status == 200 and answer.getheader("Content-Type", "").startswith(
            "text/event-stream"
        )
        begun = answer.readline()
        ended += begun == b"retry: 5000\n"
        connection.close()
    assert ended >= 96
