"""The live feed follows the table of events: in the order of numbers, nothing missed or old."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents.reading import event_feed
from gis.incidents.reading.event_feed import EventFeed, FeedEvent, Follower
from tests.support.incident_town import NOW, IncidentTown
from tests.support.served import until

LOOKS = 4  # in which what is committed is settled


@pytest.fixture
def town(apart: Callable[[], Session]) -> IncidentTown:
    """A town in a database of its own, which has forgotten nobody's old events."""
    result = IncidentTown(apart())
    result.report(at=NOW)  # days ago
    result.session.commit()
    return result


@pytest.fixture
def url(town: IncidentTown) -> str:
    address = town.session.get_bind().engine.url.set(drivername="postgresql")
    return address.render_as_string(hide_password=False)


@pytest.fixture
def follower(url: str) -> Iterator[Follower]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield Follower(connection)


def reported(town: IncidentTown, session: Session) -> list[int]:
    """File a report now, without committing it; the numbers of its events."""
    town.session = session
    filed = town.report(at=datetime.now(UTC))
    query = "SELECT id FROM incident_event WHERE incident_id = :id ORDER BY id"
    return list(session.scalars(text(query), {"id": filed.id}))


def looked(follower: Follower, times: int = LOOKS) -> list[FeedEvent]:
    return [event for _ in range(times) for event in follower.next()]


def test_what_was_there_before_is_not_new(town: IncidentTown, follower: Follower) -> None:
    assert follower.recent() == []  # nothing of the last day
    assert looked(follower) == []
    numbers = reported(town, town.session)
    town.session.commit()
    assert [(event.id, event.read) for event in looked(follower)] == [(n, False) for n in numbers]


def test_who_begins_later_has_the_last_day(town: IncidentTown, follower: Follower) -> None:
    numbers = reported(town, town.session)
    town.session.commit()
    assert [(event.id, event.read) for event in follower.recent()] == [(n, True) for n in numbers]
    assert looked(follower) == []


def test_a_lower_number_that_comes_later_comes_first(
    town: IncidentTown,
    follower: Follower,
    apart: Callable[[], Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_feed, "MAX_UNSETTLED_S", 60.0)
    follower.recent()
    slow, quick = town.session, apart()
    first, second = reported(town, slow), reported(town, quick)
    quick.commit()
    assert looked(follower) == []  # it waits for the transaction that is open
    slow.commit()
    assert [(event.id, event.read) for event in looked(follower)] == [
        (n, False) for n in first + second
    ]


def test_nobody_waits_long_for_an_open_transaction(
    town: IncidentTown,
    follower: Follower,
    apart: Callable[[], Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_feed, "MAX_UNSETTLED_S", 0.0)
    follower.recent()
    slow, quick = town.session, apart()
    first, second = reported(town, slow), reported(town, quick)
    quick.commit()
    assert [(event.id, event.read) for event in looked(follower)] == [(n, True) for n in second]
    slow.commit()
    assert [event.id for event in looked(follower)] == first


def test_nobody_follows_while_nobody_asks_and_nothing_is_missed(
    town: IncidentTown, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_feed, "UNREAD_S", 0.1)
    before, feed = threading.active_count(), EventFeed(url)
    assert feed.newest() == 0
    for _ in range(2):
        until(lambda: threading.active_count() == before)
        numbers = reported(town, town.session)
        town.session.commit()
        heard = [event.id for event in feed.events_after(numbers[0] - 1)]
        assert heard[-len(numbers) :] == numbers  # some of before may come twice


def test_nobody_tries_for_ever_to_reach_a_server_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_feed, "UNREAD_S", 0.1)
    before, feed = threading.active_count(), EventFeed("postgresql://nobody@127.0.0.1:1/none")
    assert feed.newest() == 0
    until(lambda: threading.active_count() == before)
