"""Residents who report without a pause, and repeat with the same key what was not acknowledged."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from uuid import uuid4

import orjson

from tests.bench.ha_cluster import wait_for
from tests.bench.report import CODES, REPORTS

CONNECTIONS = 8
PAUSE_S = 0.05  # between two reports of a connection: residents, not a flood
READING = "/api/v1/areas?limit=1"  # what anybody may read, from a replica
RETRY_S = 0.5  # before a report that was not acknowledged is sent again
READ_PAUSE_S = 0.2
TIMEOUT_S = 20.0  # after which a client gives an answer up


@dataclass(frozen=True)
class Reply:
    """One answer: moment, seconds it took, and what it was; `id` if it acknowledges."""

    at: float
    took_s: float
    kind: str
    key: str
    id: str | None


@dataclass
class Residents:
    """The connections, and all answers that they got."""

    port: int
    places: Sequence[tuple[float, float]]
    replies: list[Reply] = field(default_factory=list)
    readings: list[Reply] = field(default_factory=list)
    running: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    busy: set[int] = field(default_factory=set)  # connections whose report is not acknowledged yet
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin to report, each connection in a thread of its own."""
        self.running.set()
        self.threads = [
            threading.Thread(target=self.work, args=(number,), daemon=True)
            for number in range(CONNECTIONS)
        ]
        self.threads.append(threading.Thread(target=self.read, daemon=True))
        for thread in self.threads:
            thread.start()

    def pause(self) -> None:
        """Report nothing for a while; return when each report under way is acknowledged."""
        self.running.clear()
        wait_for(lambda: not self.busy, "acknowledgements of all reports")

    def stop(self) -> None:
        """End, when each report under way is acknowledged."""
        self.pause()
        self.stopping.set()
        self.running.set()
        for thread in self.threads:
            thread.join()

    def work(self, number: int) -> None:
        """Report until stopped; each report is repeated until it is acknowledged."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        turn = number
        while not self.stopping.wait(PAUSE_S):
            self.busy.discard(number)
            self.running.wait()
            self.busy.add(number)
            if not self.running.is_set() or self.stopping.is_set():
                continue
            turn += CONNECTIONS
            lon, lat = self.places[turn % len(self.places)]
            key = str(uuid4())
            body = orjson.dumps(
                {"lon": lon, "lat": lat, "crs": "wgs84", "description": key}
                | {"category": CODES[turn % len(CODES)]}
            )
            while self._send(connection, key, body).id is None and not self.stopping.is_set():
                connection.close()
                time.sleep(RETRY_S)
        connection.close()

    def read(self) -> None:
        """Read until stopped, each time over another connection, which any worker may take."""
        while not self.stopping.wait(READ_PAUSE_S):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
            self.readings.append(exchange(connection, "GET", READING))
            connection.close()

    def _send(self, connection: http.client.HTTPConnection, key: str, body: bytes) -> Reply:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        reply = exchange(connection, "POST", REPORTS, body, headers)
        self.replies.append(reply)
        return reply

    def acknowledged(self) -> dict[str, set[str]]:
        """The ids that each key was acknowledged with."""
        result: dict[str, set[str]] = {}
        for reply in list(self.replies):
            if reply.id is not None:
                result.setdefault(reply.key, set()).add(reply.id)
        return result

    def longest_gap(self, since: float) -> tuple[float, float]:
        """Seconds of the longest time without an acknowledgement that ends after a moment, and
        that end.
        """
        moments = sorted(reply.at for reply in list(self.replies) if reply.id is not None)
        pairs = pairwise(moments)
        return max((later - earlier, later) for earlier, later in pairs if later > since)

    def kinds(self, since: float) -> Counter[str]:
        """The answers since a moment that acknowledged nothing."""
        return Counter(each.kind for each in list(self.replies) if each.at > since and not each.id)

    def slowest_s(self, since: float) -> float:
        """The longest wait for any answer since a moment."""
        replies = [*self.replies, *self.readings]
        return max((each.took_s for each in replies if each.at > since), default=0.0)

    def refused_readings(self, since: float) -> str:
        """How many readings since a moment were refused, of how many."""
        readings = [each for each in list(self.readings) if each.at > since]
        return f"{sum(each.kind != '200' for each in readings)} of {len(readings)}"

    def acknowledge_since(self, since: float, count: int = 20) -> bool:
        """Whether so many reports, sent after a moment, have been acknowledged."""
        late = [each for each in list(self.replies) if each.id and each.at - each.took_s > since]
        return len(late) >= count


def exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Reply:
    """Send a request and say what came back."""
    begin, number = time.monotonic(), None
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        data = answer.read()
    except (OSError, http.client.HTTPException) as error:
        kind = type(error).__name__
    else:
        kind, number = describe(answer.status, answer.headers.get_content_type(), data)
    key = headers.get("Idempotency-Key", "")
    return Reply(time.monotonic(), time.monotonic() - begin, kind, key, number)


def describe(status: int, media_type: str, data: bytes) -> tuple[str, str | None]:
    """What an answer is, and the id that it acknowledges."""
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        return f"{status} {media_type}", None
    if status in (200, 201):
        return str(status), body.get("id")
    return f"{status} {media_type} {body.get('code')}", None


@contextmanager
def reporting(port: int, places: Sequence[tuple[float, float]]) -> Iterator[Residents]:
    """Report during the block."""
    residents = Residents(port, places)
    residents.start()
    try:
        yield residents
    finally:  # not waiting for what may never be acknowledged
        residents.stopping.set()
        residents.running.set()
