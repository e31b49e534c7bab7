"""The child process of `gis.files.sandbox`: limits itself, calls a function, sends the results.

Started as `python -m gis.files.sandbox_child` with the request as its stdin.
"""

import ctypes
import importlib
import inspect
import os
import pickle
import resource
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any

from gis.errors import WanggeError, plain_params
from gis.files.sandbox import HEADER_BYTES, MEGABYTE, Limits

FIRST_ITEMS, MAX_ITEMS = 1, 16_384  # rows in one message; within this range the size decides
MESSAGE_BYTES = MEGABYTE  # approximate bytes of one message
OPEN_FILES = 64
# linux/sched.h, linux/prctl.h
CLONE_NEWUSER, CLONE_NEWNET, PR_SET_NO_NEW_PRIVS = (
    0x10000000,
    0x40000000,
    38,
)


def main() -> None:
    """Serve the one request."""
    pipe = os.dup(1)
    module, name, args, limits = pickle.load(sys.stdin.buffer)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):  # keeps output of libraries out of the messages
        os.dup2(null, standard)
    confine(limits)
    # pyogrio and pyarrow import them if present, which takes half a second
    for unneeded in (
        "geopandas",
        "pandas",
    ):
        sys.modules[unneeded] = None  # type: ignore[assignment]
    try:
        function = getattr(importlib.import_module(module), name)
        items = (
            function(*args) if inspect.isgeneratorfunction(function) else iter([function(*args)])
        )
        for message in batches(items):
            send(pipe, message)
        send(pipe, dump("end", None))
    except WanggeError as error:
        fields = [(field.field, field.code, plain_params(field.params)) for field in error.errors]
        send(
            pipe,
            dump(
                "error",
                (type(error).__name__, error.code, fields, error.extra, plain_params(error.params)),
            ),
        )
    except MemoryError:
        send(pipe, dump("memory", None))
    except BrokenPipeError:
        pass  # the parent has stopped reading
    except BaseException as error:  # panics of readers in Rust are not subclasses of Exception
        last = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"{type(error).__name__}: {str(error)[:300]} ({last.filename}:{last.lineno})"
        send(pipe, dump("failure", reason))
    os._exit(0)  # without finalisers, which may hang or crash


def confine(limits: Limits) -> None:
    """Limit this process, as far as the system lets us; it can only ever be limited further."""
    cpu = ceil(limits.cpu_s)
    for kind, soft, hard in (
        (resource.RLIMIT_CPU, cpu, cpu + 2),
        (resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.written_bytes, limits.written_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        most = resource.getrlimit(kind)[1]
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(kind, (soft, hard))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # An empty network. Systems without user namespaces refuse it; the drivers that fetch are
    # left out in any case.
    libc.unshare(CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWUSER | CLONE_NEWNET)
    with suppress(OSError):
        # the first process to be killed when memory is short
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def batches(items: Iterator[Any]) -> Iterator[bytes]:
    """Pack items into messages of about a megabyte, and send at once what came before an error."""
    count = FIRST_ITEMS
    failed: BaseException | None = None
    while failed is None:
        batch: list[Any] = []
        try:
            batch.extend(islice(items, count))
        except BaseException as error:
            failed = error
        if not batch and failed is None:
            return
        message = dump("items", batch)
        yield message
        if len(message) < MESSAGE_BYTES / 2:
            count = min(count * 2, MAX_ITEMS)
        elif len(message) > MESSAGE_BYTES * 2:
            count = max(count // 2, 1)
    raise failed


def dump(kind: str, payload: object) -> bytes:
    """Encode a message with its length in front."""
    body = pickle.dumps((kind, payload), protocol=5)
    return len(body).to_bytes(HEADER_BYTES) + body


def send(pipe: int, message: bytes) -> None:
    """Write a whole message."""
    view = memoryview(message)
    while view:
        view = view[os.write(pipe, view) :]


if __name__ == "__main__":
    main()
