"""What happens to incidents, as it happens: server-sent events for the pages and for programs.

A stream takes a thread of the worker for as long as it is open, so that only few are held (`HELD`);
every other asker gets what is new at once, and the answer ends with the request to ask again after
`RETRY`. Either way an EventSource goes on from its `Last-Event-ID` and misses nothing; an event may
come twice after a restart.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
from apiflask import APIBlueprint
from flask import Flask, Response, current_app, g, request, stream_with_context

from gis.errors import Forbidden, WanggeError, invalid_field
from gis.incidents.reading.event_feed import EventFeed, FeedEvent, visible_events
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http import db
from web.security.guard import require_sign_in

bp = APIBlueprint("events", __name__, url_prefix="/api/v1", tag="Incidents")

MAX_STREAM_S = (
    55.0  # seconds a stream is kept open, then the client asks again: rights are looked at anew
)
HEARTBEAT_S = 15.0  # seconds between comments that keep the way open
RIGHTS_CHECK_S = 15.0  # seconds between looks at the asker's rights
RETRY = 5000  # milliseconds until an asker without a stream asks again
RECENT_EVENTS = 100  # events looked at first when only the last one is wanted
FEED_ACTIONS = (Action.READ, Action.HANDLE, Action.DISPATCH, Action.SUPERVISE)


@bp.get("/events")
@bp.doc(
    summary="What happens to incidents, as it happens",
    responses={
        200: "Server-sent events, as text/event-stream",
        401: "Sign in, or send a key",
        403: "Not allowed",
    },
)
def events() -> Response:
    """`text/event-stream`.

    Each event `incident` of an incident one may see: its id, move, state, version, category, grid
    and colour. Without `Last-Event-ID` from now on; with it what came after, at most of a day and
    1000.

    Raises
    ------
    InvalidInput
        The last id is not a number.
    """
    require_event_reader()
    event_feed = feed(current_app)
    header = request.headers.get("Last-Event-ID", "")
    text, name = (header, "Last-Event-ID") if header else (request.args.get("last", ""), "last")
    if text and not (text.isdecimal() and len(text) < 19):
        raise invalid_field(name, "events.number_wrong")
    last = int(text) if text else None
    hold = request.args.get("hold") != "0" and event_feed.streams.acquire(
        blocking=False
    )  # hold=0: only what is new by now
    response = Response(
        stream_with_context(_stream(event_feed, last, hold)), mimetype="text/event-stream"
    )
    if hold:
        response.call_on_close(event_feed.streams.release)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # a proxy in front passes each event on at once
    return response


def require_event_reader() -> Principal:
    """Return who asks, looked up anew, if they may hear of events.

    Raises
    ------
    AuthenticationRequired
        Nobody is signed in.
    Forbidden
        It is somebody who works on no incidents.
    """
    g.pop("principal", None)
    by = require_sign_in()
    if by.kind != "account" and not by.is_allowed_any(FEED_ACTIONS):
        raise Forbidden("events.not_allowed")
    return by


def feed(app: Flask) -> EventFeed:
    """Return the feed of this process."""
    event_feed: EventFeed = app.extensions.setdefault(
        "wangge_events", EventFeed(app.config["DATABASE_URL"])
    )
    return event_feed


def _stream(event_feed: EventFeed, last: int | None, hold: bool) -> Iterator[bytes]:
    end = time.monotonic() + MAX_STREAM_S
    newest, begins = event_feed.newest(), last is None
    heard: list[FeedEvent] = event_feed.events_after(last or 0)
    sent: set[int] = set()
    checked = 0.0
    yield f"retry: {500 if hold else RETRY}\n\n".encode()
    while True:
        fresh = [event for event in heard if event.id not in sent]
        try:
            if fresh or time.monotonic() - checked >= RIGHTS_CHECK_S:
                by, checked = require_event_reader(), time.monotonic()
                now = datetime.now(UTC)
                news = visible_events(
                    db.session(), by, fresh[-RECENT_EVENTS:] if begins else fresh, now
                )
                if begins and not news:  # nothing of theirs lately
                    news = visible_events(db.session(), by, fresh[:-RECENT_EVENTS], now)
                # a number to go on from: of the last event in the asker's sight, not of a hidden
                # one
                if begins:
                    newest = news[-1]["event"] if news else 0
                    yield f"id: {newest}\nevent: now\ndata: {{}}\n\n".encode()
                    begins, news = False, []
                for event in news:
                    yield (
                        f"id: {event['event']}\nevent: incident\ndata:"
                        f" {orjson.dumps(event).decode()}\n\n"
                    ).encode()
        except WanggeError:
            return  # signed out, revoked or changed: the client asks again and is told
        finally:
            opened = g.pop("session", None)
            if opened is not None:
                opened.close()  # no connection is kept while nothing happens
        sent |= {event.id for event in fresh}
        newest = heard[-1].id if heard else newest
        left = end - time.monotonic()
        if not hold or left <= 0:
            return
        event_feed.wait(newest, min(HEARTBEAT_S, left))
        heard = event_feed.events_after(newest)
        if not heard:
            yield b": still here\n\n"
