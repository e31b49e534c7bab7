"""Slow, huge and broken bodies stop nobody else.

What the gateway hands on is what a WSGI server would.
"""

import asyncio
import json
import resource
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.served import Deployment
from web import gateway
from web.http.body_limit import DEFAULT_MAX_BYTES, REFUSAL

SLOW_CLIENTS = 24  # two workers of four threads each, three times over


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer with what arrived."""
    names = (
        "REQUEST_METHOD",
        "PATH_INFO",
        "QUERY_STRING",
        "REMOTE_ADDR",
        "HTTP_COOKIE",
        "CONTENT_TYPE",
        REFUSAL,
    )
    fields = {name: environ.get(name) for name in names} | {
        "length": len(environ["wsgi.input"].read())
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(fields).encode()]


class Protocol:
    """The server's side of one request: the pieces of its body, and what it was answered."""

    def __init__(self, pieces: list[bytes], pause_s: float = 0.0) -> None:
        self.pieces, self.pause_s = pieces, pause_s
        self.status, self.fields, self.streamed = 0, {}, []  # type: ignore[var-annotated]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            await asyncio.sleep(self.pause_s)
            yield piece

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Keep the answer."""
        self.status, self.fields = status, json.loads(body)

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> "Protocol":
        """Begin a streamed answer."""
        self.status = status
        return self

    async def send_bytes(self, piece: bytes) -> None:
        """Keep a piece; a client that is gone raises."""
        if len(self.streamed) == 3:
            raise RuntimeError("closed")
        self.streamed.append(piece)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next moment that is waited for, whatever the machine does."""

    now_s = 0.0

    def time(self) -> float:
        """Return the seconds of the simulated clock."""
        return self.now_s

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self.now_s = self._scheduled[0].when()
        super()._run_once()


def send(protocol: Protocol, app: Any = echo, path: str = "/x", **headers: str) -> Protocol:
    """Send one request through a gateway."""
    fields = [(name.replace("_", "-").lower(), value) for name, value in headers.items()]
    scope = SimpleNamespace(
        method="POST",
        path=path,
        query_string="q=1",
        http_version="1.1",
        server="127.0.0.1:80",
        client="[::1]:1234",
        scheme="http",
        authority=None,
        headers=SimpleNamespace(items=lambda: fields, keys=lambda: [name for name, _ in fields]),
    )
    with ThreadPoolExecutor(
        1
    ) as thread:  # a browser driven in this process has a loop in the main thread
        runner = asyncio.Runner(loop_factory=SimulatedLoop)
        thread.submit(runner.run, gateway.Gateway(app).__rsgi__(scope, protocol)).result()  # type: ignore[arg-type]
        thread.submit(runner.close).result()
    return protocol


def test_a_request_arrives_as_pep_3333_says() -> None:
    fields = send(
        Protocol([b"ab", b"c"]),
        path="/网格",
        content_length="3",
        cookie="a=1",
        content_type="text/plain",
    ).fields
    assert fields == {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/网格".encode().decode("latin-1"),
        "QUERY_STRING": "q=1",
        "REMOTE_ADDR": "::1",
        "HTTP_COOKIE": "a=1",
        "CONTENT_TYPE": "text/plain",
        REFUSAL: None,
        "length": 3,
    }


def test_a_name_with_an_underscore_is_not_a_proxys_header() -> None:
    fields = [("x-forwarded-for", "10.0.0.1"), ("X_Forwarded_For", "203.0.113.9"), ("x_b", "c")]
    headers = SimpleNamespace(items=lambda: fields, keys=lambda: [name for name, _ in fields])
    scope = SimpleNamespace(
        method="GET",
        query_string="",
        http_version="1.1",
        server="a:80",
        client="b:1",
        scheme="http",
    )
    vars(scope).update(headers=headers, authority=None)
    environ = gateway.to_environ(scope, "/x")  # type: ignore[arg-type]
    assert environ["HTTP_X_FORWARDED_FOR"] == "10.0.0.1"
    assert "HTTP_X_B" not in environ


def test_a_body_in_chunks_has_a_length_once_it_is_read() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [
            json.dumps(
                [environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING")]
            ).encode()
        ]

    assert send(Protocol([b"ab", b"c"]), app, transfer_encoding="chunked").fields == ["3", None]


@pytest.mark.parametrize(
    ("pieces", "pause_s", "refusal"),
    [
        ([b"a"] * 10, 0.9, None),
        ([b"a"] * 40, 0.9, 408),
        ([b"a" * 4000] * 40, 0.9, None),  # 4,444 bytes a second
        ([b"a" * 3000] * 70, 0.9, 408),  # 3,333
        ([b"a" * 2_000_000] * 5, 0.0, 413),
    ],
)
def test_a_body_has_time_for_what_arrives(
    pieces: list[bytes], pause_s: float, refusal: int | None
) -> None:
    fields = send(Protocol(pieces, pause_s), content_length=str(sum(map(len, pieces)))).fields
    assert fields[REFUSAL] == refusal
    assert fields["length"] == (0 if refusal else sum(map(len, pieces)))


def test_an_endless_answer_ends_with_its_reader() -> None:
    closed = []

    class Endless:
        def __iter__(self) -> Any:
            while True:
                yield b"data: x\n\n"

        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return Endless() if environ["PATH_INFO"] == "/x" else []

    assert send(Protocol([]), app).streamed == [b"data: x\n\n"] * 3
    assert closed == [True]


def test_an_answer_without_a_body_is_sent() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("204 NO CONTENT", [])
        return iter([b""])

    class Bare(Protocol):
        def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.status, self.streamed = status, [body]

    bare = send(Bare([]), app)
    assert (bare.status, bare.streamed) == (204, [b""])


UNREAD = "Idempotency-Key: 钥匙钥匙钥匙".encode()


@pytest.mark.parametrize(
    ("headers", "status", "field"),
    [
        ([UNREAD], 422, "Idempotency-Key"),
        ([b"Idempotency-Key: \xff\xfeabcdefgh"], 422, "Idempotency-Key"),
        ([b"Idempotency-Key: abcdefgh1", b"idempotency-key: abcdefgh2"], 422, "Idempotency-Key"),
        ([b"Idempotency-Key: abcdefgh1"] * 2, 422, "Idempotency-Key"),
        ([b"Idempotency-Key:"], 422, "Idempotency-Key"),
        ([b"Idempotency-Key: short"], 422, "Idempotency-Key"),
        ([b"Idempotency-Key: " + b"k" * 201], 422, "Idempotency-Key"),
        ([b"Idempotency-Key: tab\tin the key"], 422, "Idempotency-Key"),
        ([b"Authorization: Bearer \xe9\xe9"], 422, "Authorization"),
        ([b"If-Match: \xe9"], 422, "If-Match"),
        ([b"X-Tracking-Secret: \xe9"], 422, "X-Tracking-Secret"),
        (
            [b"User-Agent: \xe9", b"Referer: \xe9"],
            422,
            "category",
        ),  # nobody acts on these: on to the body
        ([b"Idempotency-Key: " + b"k" * 200], 422, "category"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused_not_passed_over(
    served: Deployment, headers: list[bytes], status: int, field: str
) -> None:
    head = [
        b"POST /api/v1/incidents HTTP/1.1",
        b"Host: a",
        b"Connection: close",
        b"Content-Type: application/json",
    ]
    point = json.dumps({"lon": 105.9501, "lat": 26.2302, "crs": "cgcs2000"}).encode()
    reply = exchange(
        served, b"\r\n".join([*head, b"Content-Length: %d" % len(point), *headers, b"", point])
    )
    assert reply.startswith(b"HTTP/1.1 %d" % status), reply
    errors = json.loads(reply.split(b"\r\n\r\n", 1)[1])["errors"]
    assert [error["field"] for error in errors] == [field]


def exchange(served: Deployment, data: bytes, seconds: float = 60.0) -> bytes:
    """Send bytes as they are; return all that comes back."""
    parts = urlsplit(served.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=seconds) as client:
        client.sendall(data)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_a_thousand_silent_connections_stop_nobody(served: Deployment) -> None:
    parts = urlsplit(served.url)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    silent: list[socket.socket] = []
    try:
        for number in range(1300):
            silent.append(socket.create_connection((parts.hostname, parts.port), timeout=30))
            if number % 2:
                silent[-1].sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: ")
        for path in ("/healthz", "/readyz", "/api/v1/locate?lon=105.9501&lat=26.2302&crs=cgcs2000"):
            assert served.ask(path).status == 200, path
    finally:
        for client in silent:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_slow_bodies_stop_nobody(served: Deployment) -> None:
    parts = urlsplit(served.url)
    head = b"POST /api/v1/incidents HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"  # noqa: E501
    clients = [socket.create_connection((parts.hostname, parts.port)) for _ in range(SLOW_CLIENTS)]
    try:
        for client in clients:
            client.sendall(head)
        assert served.ask("/tiles/city/15/26028/13909.mvt").status == 204
        assert (
            served.ask(
                "/api/v1/areas", If_None_Match=served.ask("/api/v1/areas").headers["etag"]
            ).status
            == 304
        )
        for path in (
            "/healthz",
            "/readyz",
            "/api/v1/locate?lon=105.9501&lat=26.2302&crs=cgcs2000",
            "/",
            "/report",
        ):
            assert served.ask(path).status == 200, path
        assert served.ask("/api/v1/locate", {"points": []}).status in (200, 422)
        reply = served.ask("/api/v1/locate", b" " * (DEFAULT_MAX_BYTES + 1))
        assert (reply.status, reply.kind) == (413, "application/problem+json") and reply.json()[
            "zh"
        ] == "内容太大了。"
    finally:
        for client in clients:
            client.close()


def test_a_refused_body_is_said_in_both_languages(app: Any) -> None:
    with app.test_request_context():
        environ = gateway.BASE | {"wsgi.input": BytesIO(b""), REFUSAL: 408}
    reply = app.test_client().post("/api/v1/incidents", environ_overrides=environ)
    assert reply.status_code == 408
    assert reply.json["detail"].startswith("The body of the request did not arrive in time")
    assert reply.json["zh"] == "内容没有及时传完，请再试一次。"
