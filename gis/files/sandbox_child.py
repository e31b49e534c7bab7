"""What a reader of `gis.files.sandbox` does once it is forked.

It limits itself, calls a function and sends the results.
"""

import ctypes
import importlib
import os
import pickle
import resource
import signal
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any, NoReturn

from gis.errors import WanggeError, plain_params

MEGABYTE = 1_000_000
HEADER_BYTES = 8  # the length in front of each message
FIRST_ITEMS, MAX_ITEMS = 1, 16_384  # rows in one message; within this range the size decides
MESSAGE_BYTES = MEGABYTE  # approximate bytes of one message
OPEN_FILES = 64
CO_GENERATOR = 0x20  # as inspect.CO_GENERATOR; importing inspect takes 30 ms
# linux/sched.h, linux/prctl.h
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38


@dataclass(frozen=True)
class Limits:
    """What one child may use.

    cpu_s: Seconds of CPU, of all its threads.
    wall_s: Seconds that we wait for it; the time in which it waits for us does not count.
    memory_bytes: Address space.
    written_bytes: The largest file it may write.
    returned_bytes: What it may send back in all.
    """

    cpu_s: float = 10.0
    wall_s: float = 15.0
    memory_bytes: int = 1_500 * MEGABYTE
    written_bytes: int = 1_000 * MEGABYTE
    returned_bytes: int = 200 * MEGABYTE

    def scaled(self, size: int, *, seconds_per_mb: float, growth: float) -> "Limits":
        """Return limits for a large file, which may take more in proportion to its size.

        Parameters
        ----------
        size
            Bytes of the file.
        seconds_per_mb
            CPU seconds allowed for each megabyte, several times the measured use.
        growth
            Bytes of memory, of written and of returned data for each byte of the file.
        """
        seconds, extra = size / MEGABYTE * seconds_per_mb, int(size * growth)
        return replace(
            self,
            cpu_s=self.cpu_s + seconds,
            wall_s=self.wall_s + 2 * seconds,
            memory_bytes=self.memory_bytes + extra,
            written_bytes=self.written_bytes + extra,
            returned_bytes=self.returned_bytes + extra,
        )


def serve(request: int, pipe: int) -> NoReturn:
    """Serve the one request, and end the process.

    Parameters
    ----------
    request
        Descriptor of a file that holds, pickled, the module and the name of a function, its
        arguments, the limits, the folder to work in and the variables of the environment.
    pipe
        Descriptor to which the results go.
    """
    with os.fdopen(request, "rb") as file:
        module, name, args, limits, folder, environment = pickle.load(file)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):  # keeps output of libraries out of the messages
        os.dup2(null, standard)
    os.close(null)
    os.chdir(folder)
    os.environ |= environment
    confine(limits)
    try:
        function = getattr(importlib.import_module(module), name)
        items = (
            function(*args)
            if function.__code__.co_flags & CO_GENERATOR
            else iter([function(*args)])
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
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # without its server, nobody would end it
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
