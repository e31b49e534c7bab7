"""What happens to incidents, as it happens: server-sent events for the pages and for programs.

One thread of a process listens on the channel `wangge_incident` and keeps the last events in the order of their
commits. A stream takes a thread of the worker for as long as it is open, so that only few are held (`HELD`); every
other asker gets what is new at once, and the answer ends with the request to ask again after `RETRY`. Either way an
EventSource goes on from its `Last-Event-ID` and misses nothing; an event may come twice after a restart.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import psycopg
from apiflask import APIBlueprint
from flask import Flask, Response, current_app, g, request, stream_with_context
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Forbidden, InvalidInput, SignInNeeded, WanggeError
from gis.incidents import clock
from gis.people.access import Action, Principal, visible
from web import auth, db

bp = APIBlueprint("events", __name__, url_prefix="/api/v1", tag="Incidents")

CHANNEL = "wangge_incident"
MOST = 1000  # events kept and sent again, none older than a day
HELD = 1  # streams kept open by a process; it has web.commands.serve.THREADS threads for everything
LIFE = 55.0  # seconds a stream is kept open, then the client asks again: rights are looked at anew
BEAT = 15.0  # seconds between comments that keep the way open
CHECK = 15.0  # seconds between looks at the asker's rights
RETRY = 5000  # milliseconds until an asker without a stream asks again
OVERLAP = 60.0  # seconds before the last seen event that are sent again where the order of commits is not known
USES = (Action.READ, Action.HANDLE, Action.DISPATCH, Action.SUPERVISE)


class Heard(NamedTuple):
    """An event that was committed. read: It was found in the table, so that its order among others is not sure."""

    id: int
    incident_id: UUID
    at: float
    read: bool


class Feed:
    """The last events of a process, oldest first, and who waits for the next."""

    def __init__(self, url: str) -> None:
        """url: The server that takes the changes. Nothing is connected to before somebody asks."""
        self.url = url
        self.held = threading.BoundedSemaphore(HELD)
        self._events: deque[Heard] = deque(maxlen=MOST)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._up = threading.Event()

    def after(self, last: int | None) -> list[Heard]:
        """What came after an event; nothing when none is named, everything kept when it is not known any more."""
        self._begin()
        with self._changed:
            kept = list(self._events)
        if last is None:
            return []
        place = next((index for index, one in enumerate(kept) if one.id == last), None)
        if place is None:
            return [one for one in kept if one.id > last]
        since = kept[place].at - OVERLAP
        again = [one for one in kept[:place] if one.read and one.at > since] if kept[place].read else []
        return again + kept[place + 1 :]

    def newest(self) -> int:
        """Number of the last event; 0 when there is none."""
        self._begin()
        with self._changed:
            return self._events[-1].id if self._events else 0

    def wait(self, last: int, seconds: float) -> None:
        """Until there is another last event than that one."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._events) and self._events[-1].id != last, seconds)

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
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._add(*self._missed(connection))
                    self._up.set()
                    for one in connection.notifies():
                        number, _, incident = one.payload.partition(" ")
                        self._add(Heard(int(number), UUID(incident), time.time(), False))
            except (psycopg.Error, OSError):
                pass  # lost: what happens meanwhile is read from the table
            self._up.set()
            time.sleep(1)

    def _missed(self, connection: psycopg.Connection[Any]) -> list[Heard]:
        query = f"""SELECT id, incident_id, extract(epoch FROM at)::float8 FROM incident_event
          WHERE at > now() - interval '1 day' ORDER BY id DESC LIMIT {MOST}"""  # noqa: S608  our own number
        rows = connection.execute(query).fetchall()
        return [Heard(number, incident, at, True) for number, incident, at in reversed(rows)]

    def _add(self, *events: Heard) -> None:
        with self._changed:
            known = {one.id for one in self._events}
            self._events.extend(one for one in events if one.id not in known)
            self._changed.notify_all()


EVENTS = """
SELECT e.id AS event, e.incident_id AS id, e.move, e.to_state AS state, i.version, i.category, g.code AS grid,
  e.at, i.amber_at, i.due_at
FROM incident_event e JOIN incident i ON (i.county, i.id) = (e.county, e.incident_id) JOIN area g ON g.id = i.grid_id
WHERE e.incident_id = ANY(:incidents) AND e.id = ANY(:events) AND {condition}
"""


def told(session: Session, by: Principal, heard: list[Heard], now: datetime) -> list[dict[str, Any]]:
    """What an asker may know of events, in their order: those of incidents they see; no names, no words."""
    if not heard:
        return []
    condition, params = visible(by, "i")
    params |= {"incidents": list({one.incident_id for one in heard}), "events": [one.id for one in heard]}
    rows = {row.event: row for row in session.execute(text(EVENTS.format(condition=condition)), params)}
    return [
        {
            "event": row.event, "id": str(row.id), "move": row.move, "state": row.state, "version": row.version,
            "category": row.category, "grid": row.grid, "at": row.at.isoformat(),
            "colour": clock.colour(now, row.amber_at, row.due_at),
        }
        for row in (rows[one.id] for one in heard if one.id in rows)
    ]  # fmt: skip


@bp.get("/events")
@bp.doc(
    summary="What happens to incidents, as it happens",
    responses={
        200: "Server-sent events, as text/event-stream", 401: "Sign in, or send a key", 403: "Not allowed",
    },
)  # fmt: skip
def events() -> Response:
    """`text/event-stream`; each event `incident` of an incident one may see: its id, move, state, version, category,
    grid and colour. Without `Last-Event-ID` from now on; with it what came after, at most of a day and 1000."""
    allowed()
    found = feed(current_app)
    given = request.headers.get("Last-Event-ID") or request.args.get("last", "")
    if given and not (given.isdigit() and len(given) < 19):
        raise InvalidInput("Last-Event-ID: must be the number of an event, as the stream gave it")
    last = int(given) if given else None
    hold = request.args.get("hold") != "0" and found.held.acquire(blocking=False)  # hold=0: only what is new by now
    response = Response(stream_with_context(_stream(found, last, hold)), mimetype="text/event-stream")
    if hold:
        response.call_on_close(found.held.release)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # a proxy in front passes each event on at once
    return response


def allowed() -> Principal:
    """Who asks, looked up anew.

    Raises:
        SignInNeeded, Forbidden: Nobody, or somebody who works on no incidents.
    """
    g.pop("principal", None)
    by = auth.principal()
    if by.kind == "anonymous":
        raise SignInNeeded("sign in, or send Authorization: Bearer with a key")
    if by.kind != "account" and not any(by.may(action) for action in USES):
        raise Forbidden(f"events need {Action.READ.value}")
    return by


def feed(app: Flask) -> Feed:
    """The process's feed."""
    found: Feed = app.extensions.setdefault("wangge_events", Feed(app.config["DATABASE_URL"]))
    return found


def _stream(found: Feed, last: int | None, hold: bool) -> Iterator[bytes]:
    end = time.monotonic() + LIFE
    newest, begins = found.newest(), last is None
    heard = found.after(last or 0)
    sent: set[int] = set()
    checked = 0.0
    yield f"retry: {500 if hold else RETRY}\n\n".encode()
    while True:
        fresh = [one for one in heard if one.id not in sent]
        try:
            if fresh or time.monotonic() - checked >= CHECK:
                by, checked = allowed(), time.monotonic()
                news = told(db.session(), by, fresh, datetime.now(UTC))
                if begins:  # a number to go on from: of the last event in the asker's sight, not of a hidden one
                    yield f"id: {news[-1]['event'] if news else 0}\nevent: now\ndata: {{}}\n\n".encode()
                    begins, news = False, []
                for one in news:
                    yield f"id: {one['event']}\nevent: incident\ndata: {orjson.dumps(one).decode()}\n\n".encode()
        except WanggeError:
            return  # signed out, revoked or changed: the client asks again and is told
        finally:
            opened = g.pop("session", None)
            if opened is not None:
                opened.close()  # no connection is kept while nothing happens
        sent |= {one.id for one in fresh}
        newest = heard[-1].id if heard else newest
        left = end - time.monotonic()
        if not hold or left <= 0:
            return
        found.wait(newest, min(BEAT, left))
        heard = found.after(newest)
        if not heard:
            yield b": still here\n\n"
