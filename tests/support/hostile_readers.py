"""Readers that do what hostile files make real ones do.

Called in the child process by tests/http/test_sandbox.py.
"""

import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from gis.errors import Conflict, FieldError
from gis.files import sandbox_child


class Pair(NamedTuple):
    """A plain class of ours."""

    left: int
    right: int


class Planted:
    """What a child that was taken over would have us unpickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch planted",)


def spin() -> Iterator[int]:
    """Send one item, then compute for ever."""
    yield 1
    while True:
        pass


def sleep() -> None:
    """Wait for ever without computing."""
    time.sleep(3600)


def hoard() -> int:
    """Take all memory there is."""
    return len([bytearray(10_000_000) for _ in range(1_000_000)])


def die(number: int) -> None:
    """End by a signal, as a crash does."""
    os.kill(os.getpid(), number)
    time.sleep(10)


def leave() -> None:
    """End without a last message."""
    os._exit(0)


def fill_disk() -> None:
    """Write a file without end."""
    with Path("filled").open("wb") as file:
        while True:
            file.write(bytes(1 << 20))


def flood() -> Iterator[str]:
    """Send without end."""
    while True:
        yield "x" * 1_000_000


def plant() -> object:
    """Send something that runs when it is unpickled."""
    return Planted()


def lie_about_length() -> None:
    """Announce a message of an exabyte."""
    pipe = next(
        int(link.name)
        for link in Path("/proc/self/fd").iterdir()
        if link.is_fifo() and int(link.name) > 2
    )
    os.write(pipe, (1 << 60).to_bytes(sandbox_child.HEADER_BYTES))
    time.sleep(10)


def fail() -> None:
    """Fail in a way nobody foresaw."""
    raise LookupError("nobody foresaw this")


def refuse() -> Iterator[int]:
    """Yield three items, then refuse with an error of ours."""
    yield from range(3)
    raise Conflict(
        "layer.without_codes",
        [FieldError("lon", "field.not_one_of", {"allowed": ["a", "b"]})],
        layer="nowhere",
        extra={"nearest": {"code": "5204"}},
    )


def values() -> Iterator[object]:
    """Yield what readers yield."""
    yield from (1, "字", b"\0", None, 1.5, date(2026, 3, 1), [(1, "a")], {"a": {1}}, Pair(1, 2))


def add(left: int, right: int) -> int:
    """Return a sum, as a reader that does what it should."""
    return left + right


def server() -> int:
    """Return the process that forked this one."""
    return os.getppid()


def count(number: int) -> Iterator[int]:
    """Yield so many numbers."""
    yield from range(number)


def surroundings() -> dict[str, Any]:
    """Describe the process: environment, folder, limits, what it can reach."""
    print("printing does no harm", flush=True)
    os.write(1, b"nor this")
    try:
        socket.create_connection(
            ("127.0.0.1", int(os.environ.get("TEST_PORT", "9"))), timeout=1
        ).close()
        network = "reached"
    except OSError as error:
        network = type(error).__name__
    return {
        "environment": dict(os.environ),
        "memory": Path("/proc/self/environ").read_text(),
        "folder": str(Path.cwd()),
        "stdin": sys.stdin.buffer.read(),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "files": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "network": network,
        "ignored": signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN,
    }
