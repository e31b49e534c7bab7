"""What happens to incidents, as it happens: the last events, and who may know of them.

One thread of a process follows the table of events while somebody asks, and wakes who waits.
Nothing is announced in the transaction of a report: NOTIFY makes all commits wait for each other.
"""

import threading
import time
from collections import deque
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import CONNECTION_LIMITS
from gis.incidents import working_time
from gis.incidents.reading import event_access
from gis.rights.principal import Principal
from gis.rights.visibility import visibility_clause

FOLLOW_INTERVAL_S = 0.1  # seconds between two looks at the table
# seconds after which an event is given although a transaction that may hold an earlier one is open
MAX_UNSETTLED_S = 1.0
UNREAD_S = 20.0  # seconds without a reader until nobody follows; an open stream reads more often
MAX_BUFFERED_EVENTS = 1000  # events kept and sent again, none older than a day
MAX_OPEN_STREAMS = (
    1  # streams kept open by a process; it has web.gateway.THREADS threads for everything
)
# seconds before the last seen event that are sent again where the order of commits is not known
OVERLAP_S = 60.0


class FeedEvent(NamedTuple):
    """An event that was committed.

    read: It was read with others at once or before them, so that its order is not sure.
    """

    id: int
    incident_id: UUID
    at: float
    read: bool


class EventFeed:
    """The last events of a process, oldest first, and who waits for the next."""

    def __init__(self, url: str) -> None:
        """url: The server that takes the changes. Nothing is connected to before somebody asks."""
        self.url = url
        self.streams = threading.BoundedSemaphore(MAX_OPEN_STREAMS)
        self._events: deque[FeedEvent] = deque(maxlen=MAX_BUFFERED_EVENTS)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._last_reader_at = float("-inf")
        self._up = threading.Event()

    def events_after(self, last: int | None) -> list[FeedEvent]:
        """Return the events after one.

        None when None is given, all buffered ones when it is unknown.
        """
        self._begin()
        with self._changed:
            buffered = list(self._events)
        if last is None:
            return []
        last_index = next((index for index, event in enumerate(buffered) if event.id == last), None)
        if last_index is None:
            return [event for event in buffered if event.id > last]
        since = buffered[last_index].at - OVERLAP_S
        again = (
            [event for event in buffered[:last_index] if event.read and event.at > since]
            if buffered[last_index].read
            else []
        )
        return again + buffered[last_index + 1 :]

    def newest(self) -> int:
        """Return the number of the last event; 0 when there is none."""
        self._begin()
        with self._changed:
            return self._events[-1].id if self._events else 0

    def wait(self, last: int, seconds: float) -> None:
        """Wait until there is another last event than the given one."""
        with self._changed:
            self._changed.wait_for(
                lambda: bool(self._events) and self._events[-1].id != last, seconds
            )

    def _begin(self) -> None:
        with self._changed:
            self._last_reader_at = time.monotonic()
            if self._thread is None or not self._thread.is_alive():
                self._up.clear()
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()
        self._up.wait(5)

    def _run(self) -> None:
        while True:
            try:
                with psycopg.connect(self.url, autocommit=True, **CONNECTION_LIMITS) as connection:
                    follower = Follower(connection)
                    self._add(*follower.recent())
                    self._up.set()
                    while self._has_reader():
                        time.sleep(FOLLOW_INTERVAL_S)
                        self._add(*follower.next())
                    return
            except (psycopg.Error, OSError):
                pass  # lost: what happens meanwhile is read from the table
            self._up.set()
            if not self._has_reader():
                return
            time.sleep(1)

    def _has_reader(self) -> bool:
        """Return whether somebody read lately; if not, the next who reads begins a thread."""
        with self._changed:
            if time.monotonic() - self._last_reader_at < UNREAD_S:
                return True
            self._thread = None
            return False

    def _add(self, *events: FeedEvent) -> None:
        with self._changed:
            present_ids = {event.id for event in self._events}
            self._events.extend(event for event in events if event.id not in present_ids)
            self._changed.notify_all()


NEW_EVENTS_SQL = """
SELECT pg_snapshot_xmin(s.now)::text::bigint, pg_snapshot_xmax(s.now)::text::bigint,
  e.id, e.incident_id
FROM (SELECT pg_current_snapshot() AS now) s
  LEFT JOIN incident_event e ON e.county = ANY(%s) AND e.id > %s
ORDER BY e.id
"""
# those of each county by its index, whatever their moment: what was loaded has the past's
NEWEST_EVENTS_SQL = """
SELECT e.id, e.incident_id, extract(epoch FROM e.at)::float8, e.at > now() - interval '1 day'
FROM unnest(%s::text[]) c (code) CROSS JOIN LATERAL (
  SELECT id, incident_id, at FROM incident_event WHERE county = c.code ORDER BY id DESC LIMIT %s) e
ORDER BY e.id DESC LIMIT %s
"""
COUNTY_CODES_SQL = "SELECT coalesce(array_agg(code), '{}') FROM area WHERE level = 'county'"
COUNTY_CODES_S = 60.0  # seconds until the counties are read again


class Follower:
    """Reads new events in the order of their numbers, once no earlier one can come any more.

    A number is taken when an event is written and seen when its transaction ends, so that a lower
    one may appear after a higher one. The numbers seen at a look are settled when every transaction
    that was open at the look after it has ended. What is settled comes in one order in every
    process; what has waited for MAX_UNSETTLED_S comes before, marked as read.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._counties: list[str] = []
        self._counties_at = float("-inf")
        self._settled = self._highest = 0
        self._looks: deque[tuple[int, int]] = deque()  # highest number, first transaction after it
        self._seen_at: dict[int, float] = {}  # numbers above the settled ones
        self._given: set[int] = set()  # of these

    def recent(self) -> list[FeedEvent]:
        """Return the events of the last day, as many as are buffered."""
        most = MAX_BUFFERED_EVENTS
        newest = self._connection.execute(NEWEST_EVENTS_SQL, [self._codes(), most, most])
        rows = newest.fetchall()
        if rows:
            self._settled = self._highest = rows[-1][0]
            self._given = {row[0] for row in rows}
        return [
            FeedEvent(number, incident, at, True)
            for number, incident, at, is_recent in reversed(rows)
            if is_recent
        ]

    def _codes(self) -> list[str]:
        """Return the codes of the counties, by which events are indexed."""
        if time.monotonic() - self._counties_at > COUNTY_CODES_S:
            self._counties = self._connection.execute(COUNTY_CODES_SQL).fetchone()[0]  # type: ignore[index]
            self._counties_at = time.monotonic()
        return self._counties

    def next(self) -> list[FeedEvent]:
        """Return the events that are to be given now."""
        now = time.monotonic()
        rows = self._connection.execute(NEW_EVENTS_SQL, [self._codes(), self._settled]).fetchall()
        oldest_open, next_transaction = rows[0][:2]
        while self._looks and self._looks[0][1] <= oldest_open:
            self._settled = self._looks.popleft()[0]
        seen = {number: incident for _, _, number, incident in rows if number is not None}
        if self._highest > self._settled:
            self._looks.append((self._highest, next_transaction))
        self._highest = max(self._highest, *seen, 0)
        result = []
        for number, incident in seen.items():
            since = self._seen_at.setdefault(number, now)
            is_settled = number <= self._settled
            if number not in self._given and (is_settled or now - since >= MAX_UNSETTLED_S):
                self._given.add(number)
                result.append(FeedEvent(number, incident, time.time(), not is_settled))
        self._given = {number for number in self._given if number > self._settled}
        self._seen_at = {n: at for n, at in self._seen_at.items() if n > self._settled}
        return result


EVENTS = """
SELECT e.id AS event, e.incident_id AS id, e.move, e.to_state AS state, {version} AS version,
    i.category, g.code AS grid,
  e.at, i.warning_at, i.due_at
FROM incident_event e JOIN incident i ON (i.county, i.id) = (e.county, e.incident_id) JOIN area g
    ON g.id = i.grid_id
WHERE e.incident_id = ANY(:incidents) AND e.id = ANY(:events) AND {condition} AND {readable}
"""


def visible_events(
    session: Session, by: Principal, feed_events: list[FeedEvent], now: datetime
) -> list[dict[str, Any]]:
    """Return events as the principal may know them, in their order.

    Those of visible incidents, without names and notes.
    """
    if not feed_events:
        return []
    condition, params = visibility_clause(by, "i")
    readable, readable_params = event_access.readable_events(by)
    query = EVENTS.format(
        condition=condition, readable=readable, version=event_access.progress(by)[0]["version"]
    )
    params |= readable_params | {
        "incidents": list({event.incident_id for event in feed_events}),
        "events": [event.id for event in feed_events],
    }
    rows = {row.event: row for row in session.execute(text(query), params)}
    return [
        {
            "event": row.event,
            "id": str(row.id),
            "move": row.move,
            "state": row.state,
            "version": row.version,
            "category": row.category,
            "grid": row.grid,
            "at": row.at.isoformat(),
            "colour": working_time.due_status(now, row.warning_at, row.due_at),
        }
        for row in (rows[event.id] for event in feed_events if event.id in rows)
    ]
