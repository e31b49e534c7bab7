"""The WSGI application behind granian's RSGI: the event loop reads bodies, threads only compute.

granian's WSGI interface reads a body in the thread that computes, without a limit of time: eight
clients that send a byte a minute stop two workers of four threads. Here a body is read before a
thread is taken, within a time that grows with what has arrived, and `/healthz` is answered by the
loop itself, whatever the threads are doing.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from io import BytesIO
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

from granian.rsgi import HTTPProtocol, Scope

from web.http.body_limit import DEFAULT_MAX_BYTES, PHOTO_FORM_MAX_BYTES, REFUSAL
from web.http.request_headers import REPEATED, UNREADABLE

THREADS = 4  # of each worker: more compete for the interpreter (8: a third fewer requests a second)
BODY_GRACE_S = 10.0  # seconds a body may take, and one more for each `MIN_BYTES_PER_S` that arrived
MIN_BYTES_PER_S = 4096
SEND_TIMEOUT_S = 30.0  # for one piece of a streamed answer; a client that reads slower is let go
MAX_WHOLE_BYTES = (
    32 * 1024 * 1024
)  # an answer up to this length leaves its thread before it is sent
MAX_DRAINED_BYTES = 256 * 1024 * 1024  # of a body that is too large, so that its sender reads why
MAX_WAITING_BYTES = 512 * 1024 * 1024  # of bodies in memory; beyond it 503
HEALTH = "/healthz"

BASE: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multiprocess": True,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
}
Headers = list[tuple[str, str]]


class Answer(NamedTuple):
    """A whole answer; None in place of one has been streamed."""

    status: int
    headers: Headers
    body: bytes


class Gateway:
    """An RSGI application that asks a WSGI application."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app
        self.threads = ThreadPoolExecutor(THREADS, "request")
        self.waiting_bytes = 0

    @cached_property
    def health(self) -> Answer:
        """Return the answer to `/healthz`, which never changes; asked of the application once."""
        answer = self._compute(BASE | _environ_of("GET", HEALTH) | {"wsgi.input": BytesIO()}, None)
        assert answer is not None
        return answer

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request."""
        try:
            path = scope.path
        except Exception:  # not UTF-8 behind its percent signs
            protocol.response_bytes(
                400, [("content-type", "text/plain")], b"The address cannot be read.\n"
            )
            return
        if path == HEALTH and scope.method == "GET":
            protocol.response_bytes(*self.health)
            return
        environ = to_environ(scope, path)
        body = bytearray()
        try:
            if refusal := await self._read_body(environ, protocol, body):
                environ[REFUSAL] = refusal
            environ["wsgi.input"] = BytesIO(b"" if refusal else body)
            if environ.pop("HTTP_TRANSFER_ENCODING", None) and not refusal:
                environ["CONTENT_LENGTH"] = str(
                    len(body)
                )  # whole by now: who counts its bytes is not told "unknown"
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(
                self.threads, self._compute, environ, Stream(protocol, loop)
            )
        finally:
            self.waiting_bytes -= len(body)
        if answer is not None:
            closing = [("connection", "close")] if refusal else []
            protocol.response_bytes(answer.status, answer.headers + closing, answer.body)

    async def _read_body(
        self, environ: dict[str, Any], protocol: HTTPProtocol, body: bytearray
    ) -> int:
        """Read a body into `body`; return the status to refuse it with, 0 when it is whole."""
        length = environ.get("CONTENT_LENGTH", "")
        if length in ("", "0") and "HTTP_TRANSFER_ENCODING" not in environ:
            return 0
        is_form = environ.get("CONTENT_TYPE", "").startswith("multipart/form-data")
        max_bytes = PHOTO_FORM_MAX_BYTES if is_form else DEFAULT_MAX_BYTES
        if self.waiting_bytes > MAX_WAITING_BYTES:
            return 503
        began, received = asyncio.get_running_loop().time(), 0
        try:
            async with asyncio.timeout_at(began + BODY_GRACE_S) as limit:
                async for piece in protocol:
                    received += len(piece)
                    limit.reschedule(began + BODY_GRACE_S + received / MIN_BYTES_PER_S)
                    if received <= max_bytes:
                        body += piece
                        self.waiting_bytes += len(piece)
                    elif received > MAX_DRAINED_BYTES:
                        break
        except TimeoutError:
            return 408
        return 413 if received > max_bytes else 0

    def _compute(self, environ: dict[str, Any], stream: "Stream | None") -> Answer | None:
        """Ask the application, in a thread.

        A long or endless answer is sent from here, piece by piece.
        """
        status, headers = 500, Headers()

        def start_response(
            line: str, fields: Headers, exc_info: Any = None
        ) -> Callable[[bytes], object]:
            nonlocal status, headers
            status, headers = int(line[:3]), fields
            return lambda _: None

        pieces = self.app(environ, start_response)
        try:
            length = next(
                (value for name, value in headers if name.lower() == "content-length"), ""
            )
            if (
                stream is None
                or isinstance(pieces, list)
                or (length and int(length) <= MAX_WHOLE_BYTES)
            ):
                return Answer(status, headers, b"".join(pieces))
            # of 204, 304 and HEAD there is not a piece
            return None if stream.send(status, headers, pieces) else Answer(status, headers, b"")
        finally:
            if close := getattr(pieces, "close", None):
                close()


class Stream:
    """An answer sent piece by piece from a thread, at the pace of who reads it."""

    def __init__(self, protocol: HTTPProtocol, loop: asyncio.AbstractEventLoop) -> None:
        self.protocol, self.loop = protocol, loop

    def send(self, status: int, headers: Headers, pieces: Iterable[bytes]) -> bool:
        """Send all pieces; end early when the client is gone or reads too slowly.

        Return whether there was one.
        """
        transport: Any = None

        async def put(piece: bytes) -> None:
            nonlocal transport
            transport = transport or self.protocol.response_stream(status, headers)
            await transport.send_bytes(piece)

        for piece in filter(None, pieces):
            try:
                asyncio.run_coroutine_threadsafe(put(piece), self.loop).result(SEND_TIMEOUT_S)
            except (RuntimeError, TimeoutError):
                return True
        return transport is not None


def to_environ(scope: Scope, path: str) -> dict[str, Any]:
    """Return the environment of PEP 3333, without `wsgi.input`."""
    environ = BASE | _environ_of(scope.method, path)
    # as PEP 3333 wants it: bytes, one character each
    environ["QUERY_STRING"] = scope.query_string.encode().decode("latin-1")
    environ["SERVER_PROTOCOL"] = f"HTTP/{scope.http_version}"
    environ["SERVER_NAME"], _, environ["SERVER_PORT"] = scope.server.rpartition(":")
    client, _, environ["REMOTE_PORT"] = scope.client.rpartition(":")
    environ["REMOTE_ADDR"] = client.strip("[]")
    environ["wsgi.url_scheme"] = scope.scheme
    # a name with an underscore would read as that of a proxy's own header: X_Forwarded_For
    fields = [(name, value) for name, value in scope.headers.items() if "_" not in name]
    names = [name.lower() for name, _ in fields]
    if unreadable := {name.lower() for name in scope.headers.keys()} - set(names):  # noqa: SIM118  no mapping
        environ[UNREADABLE] = frozenset(unreadable)
    if repeated := {name for name in names if names.count(name) > 1}:
        environ[REPEATED] = frozenset(repeated)
    for name, value in fields:
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        if key in environ:
            value = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
        environ[key] = value
    if "HTTP_HOST" not in environ and scope.authority:
        environ["HTTP_HOST"] = scope.authority
    return environ


def _environ_of(method: str, path: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
    }
