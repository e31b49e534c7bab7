"""Read foreign files in a child process with limits on time, memory and CPU.

A file from outside may be made to keep its reader busy for ever, fill the memory or crash it. So no
reader of files runs in the process that serves: `run` and `iterate` call a module-level function in
a process of its own, forked by `gis.files.sandbox_server`. Its environment holds no secrets, it has
no network where the system allows that, and what it sends back is decoded by an unpickler that
knows plain values and dates only. See docs/decisions/0012-foreign-files.md.
"""

import io
import logging
import os
import pickle
import select
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from datetime import time as dt_time
from types import MappingProxyType
from typing import IO, Any

from gis import errors
from gis.errors import FieldError, InvalidInput, Unavailable, WanggeError, invalid_fields
from gis.files.sandbox_child import HEADER_BYTES, MEGABYTE, Limits
from gis.files.sandbox_server import Reader, start_reader

__all__ = ["Limits", "effective", "iterate", "run", "within_request"]

REQUEST_WALL_S = 15.0  # for one reader inside a web request
REQUEST_READERS = 3  # children at once in a web worker, which has four threads
REQUEST_WAIT_S = 1.0  # seconds to wait for a free reader
MAX_MESSAGE_BYTES = 256 * MEGABYTE  # bytes of one message from the child
DATES = (date, datetime, dt_time, timedelta, timezone)
ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, WanggeError)
}

# code of the error by the end of the child
DAMAGED = "file.reader_crashed"
TOO_SLOW = "file.too_slow"
TOO_LARGE = "file.too_much_memory"
UNEXPECTED = "file.unreadable"
BUSY_LOAD = 2  # processes that want each processor, with which a good file may take too long
ERROR_BY_SIGNAL = {
    signal.SIGXCPU: TOO_SLOW,
    signal.SIGXFSZ: TOO_LARGE,
    signal.SIGKILL: TOO_LARGE,  # killed by the system for lack of memory
    signal.SIGABRT: TOO_LARGE,  # errors of readers in C++ and Rust on failed allocations
}

log = logging.getLogger("wangge.sandbox")
_request_wall_s: ContextVar[float | None] = ContextVar("request_wall_s", default=None)
_request_readers = threading.BoundedSemaphore(REQUEST_READERS)


@contextmanager
def within_request(
    wall_s: float = REQUEST_WALL_S, busy: str = "file.readers_busy"
) -> Iterator[None]:
    """Hold children to what a web request may take.

    Only a few run at once, so that the other threads go on serving.

    Raises
    ------
    Unavailable
        `busy`: other children are at work just now.
    """
    if not _request_readers.acquire(timeout=REQUEST_WAIT_S):
        raise Unavailable(busy)
    token = _request_wall_s.set(wall_s)
    try:
        yield
    finally:
        _request_wall_s.reset(token)
        _request_readers.release()


def effective(limits: Limits) -> Limits:
    """Return the limits in force: those of the request are never exceeded."""
    if (wall_s := _request_wall_s.get()) is None:
        return limits
    return replace(limits, cpu_s=min(limits.cpu_s, wall_s), wall_s=min(limits.wall_s, wall_s))


def run(function: Callable[..., Any], *args: object, limits: Limits, name: str = "the file") -> Any:
    """Call a module-level function in a child process and return its result; see `iterate`."""
    (result,) = iterate(function, *args, limits=limits, name=name)
    return result


def iterate(
    function: Callable[..., Any],
    *args: object,
    limits: Limits,
    name: str = "the file",
    environment: Mapping[str, str] = MappingProxyType({}),
    types: Sequence[type] = (),
) -> Iterator[Any]:
    """Yield what a module-level generator function yields in a child process.

    Leaving the loop ends the child.

    Parameters
    ----------
    function Of a module of ours; its arguments can be pickled. Yields or returns text, bytes,
        numbers, dates, and collections of them.
    limits
        What the child may use.
    name
        What messages call the file.
    environment
        More variables of the child's environment.
    types
        Plain classes of ours, such as NamedTuples, that may be among what comes back.

    Raises
    ------
    InvalidInput
        `file.too_slow`, `file.too_much_memory`, `file.reader_crashed` or `file.unreadable`.
    Unavailable
        `file.readers_busy`: it took too long while the machine had much else to do.
    WanggeError
        As raised by the function, with the same code and fields.
    """
    limits = effective(limits)
    with (
        tempfile.TemporaryDirectory(prefix="wangge-read-") as folder,
        tempfile.TemporaryFile() as request,
    ):
        own = dict(environment) | {"HOME": folder, "TMPDIR": folder}
        pickle.dump(
            (function.__module__, function.__qualname__, args, limits, folder, own), request
        )
        request.seek(0)
        reader, pipe = start_reader(request.fileno())
        try:
            yield from _received(reader, pipe, limits, name, (*DATES, *types))
        finally:
            os.close(pipe)
            reader.close()


def _received(
    reader: Reader,
    pipe: int,
    limits: Limits,
    name: str,
    types: Sequence[type],
) -> Iterator[Any]:
    """Decode the child's messages up to its last one.

    Raises
    ------
    InvalidInput
        The child took too long or too much memory, returned too much, or ended early.
    Unavailable
        It took too long on a machine that has much else to do.
    WanggeError
        The error of ours that the function raised in the child.
    """
    clock = _Clock(limits.wall_s)
    left = limits.returned_bytes
    while True:
        header = _read(pipe, HEADER_BYTES, clock)
        size = int.from_bytes(header)
        left -= size
        if len(header) == HEADER_BYTES and (size > MAX_MESSAGE_BYTES or left < 0):
            raise InvalidInput(TOO_LARGE, file=name)
        body = _read(pipe, size, clock) if len(header) == HEADER_BYTES else b""
        if clock.is_over:
            if os.getloadavg()[0] > BUSY_LOAD * (os.cpu_count() or 1):
                raise Unavailable("file.readers_busy")  # it may be a good file
            raise InvalidInput(TOO_SLOW, file=name)
        if not body or len(body) < size:
            raise InvalidInput(_ending(reader, clock), file=name)
        kind, payload = _decode(body, name, types)
        if kind == "items":
            yield from payload
        elif kind == "end":
            return
        elif kind == "memory":
            raise InvalidInput(TOO_LARGE, file=name)
        elif kind == "error":
            raise _error(*payload)
        else:
            log.warning("reading %s failed: %s", name, payload)
            raise InvalidInput(UNEXPECTED, file=name)


class _Clock:
    """The seconds that are left to wait for a child."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    @property
    def is_over(self) -> bool:
        """Return whether the time is over."""
        return self.left <= 0

    def wait_for(self, fd: int) -> bool:
        """Wait until there is something to read; False when the time is over."""
        begin = time.monotonic()
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        ready = bool(poll.poll(max(self.left, 0) * 1000))
        self.left -= time.monotonic() - begin
        return ready and not self.is_over


def _read(fd: int, size: int, clock: _Clock) -> bytes:
    """Read so many bytes; fewer when the child ends or the time is over."""
    pieces = bytearray()
    while len(pieces) < size and clock.wait_for(fd):
        piece = os.read(fd, min(size - len(pieces), 1 << 20))
        if not piece:
            break
        pieces += piece
    return bytes(pieces)


def _ending(reader: Reader, clock: _Clock) -> str:
    """Return the code of why a child ended before its last message."""
    code = reader.wait(max(clock.left, 1.0))
    if code is None:
        return TOO_SLOW
    return ERROR_BY_SIGNAL.get(signal.Signals(-code), DAMAGED) if code < 0 else DAMAGED


def _error(
    kind: str,
    code: str,
    fields: list[tuple[str, str, dict[str, object]]],
    extra: dict[str, object],
    params: dict[str, object],
) -> WanggeError:
    """Rebuild an error of ours that the function raised."""
    errors = [
        FieldError(field, field_code, field_params) for field, field_code, field_params in fields
    ]
    if kind == "InvalidFields":
        return invalid_fields(errors)
    return ERRORS[kind](code, errors, extra=extra, **params)


class _PlainUnpickler(pickle.Unpickler):
    """Makes plain values and dates.

    A pickle that names anything else is refused before it is looked up.
    """

    def __init__(self, file: IO[bytes], types: Sequence[type]) -> None:
        super().__init__(file)
        self.types = {(kind.__module__, kind.__qualname__): kind for kind in types}

    def find_class(self, module: str, name: str) -> Any:
        """Return a plain class.

        Raises
        ------
        UnpicklingError
            It is any other.
        """
        if (plain := self.types.get((module, name))) is None:
            raise pickle.UnpicklingError(f"{module}.{name} is not a plain value")
        return plain


def _decode(body: bytes, name: str, types: Sequence[type]) -> tuple[str, Any]:
    try:
        kind, payload = _PlainUnpickler(io.BytesIO(body), types).load()
    except Exception as error:  # only a compromised child writes undecodable messages
        log.warning("the reader of %s sent what cannot be decoded: %s", name, error)
        raise InvalidInput(DAMAGED, file=name) from None
    return kind, payload
