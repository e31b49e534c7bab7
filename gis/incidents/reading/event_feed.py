"""What happens to incidents, as it happens.

The last events in the order of their commits, and who may know of them.

One thread of a process listens on the channel `wangge_incident`; whoever waits is woken by it.
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

from gis.incidents import working_time
from gis.incidents.reading import event_access
from gis.rights.principal import Principal
from gis.rights.visibility import visibility_clause

INCIDENT_CHANNEL = "wangge_incident"
MAX_BUFFERED_EVENTS = 1000  # events kept and sent again, none older than a day
MAX_OPEN_STREAMS = (
    1  # streams kept open by a process; it has web.gateway.THREADS threads for everything
)
# seconds before the last seen event that are sent again where the order of commits is not known
OVERLAP_S = 60.0


class FeedEvent(NamedTuple):
    """An event that was committed.

    read: It was found in the table, so that its order among others is not sure.
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
            if self._thread is None or not self._thread.is_alive():
                self._up.clear()
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()
        self._up.wait(5)

    def _run(self) -> None:
        while True:
            try:
                with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
                    connection.execute(f"LISTEN {INCIDENT_CHANNEL}")
                    self._add(*self._missed(connection))
                    self._up.set()
                    for notification in connection.notifies():
                        number, _, incident = notification.payload.partition(" ")
                        self._add(FeedEvent(int(number), UUID(incident), time.time(), False))
            except (psycopg.Error, OSError):
                pass  # lost: what happens meanwhile is read from the table
            self._up.set()
            time.sleep(1)

    def _missed(self, connection: psycopg.Connection[Any]) -> list[FeedEvent]:
        query = f"""SELECT id, incident_id, extract(epoch FROM at)::float8 FROM incident_event
          WHERE at > now() - interval '1 day' ORDER BY id DESC
              LIMIT {MAX_BUFFERED_EVENTS}"""  # noqa: S608  our own number
        rows = connection.execute(query).fetchall()
        return [FeedEvent(number, incident, at, True) for number, incident, at in reversed(rows)]

    def _add(self, *events: FeedEvent) -> None:
        with self._changed:
            present_ids = {event.id for event in self._events}
            self._events.extend(event for event in events if event.id not in present_ids)
            self._changed.notify_all()


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
