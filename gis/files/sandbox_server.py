"""The process that forks the readers of `gis.files.sandbox`, with Python and its readers loaded.

One for each process of ours that reads files, started with the first of them as `python -m
gis.files.sandbox_server` with a socket as its stdin. It holds no secrets and opens no file itself.
A message on the socket carries three descriptors: the request, the pipe for the answer, and a
socket that stands for the reader: closing it ends the reader, and its wait status comes back on it.
"""

import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from types import FrameType

from gis.files import sandbox_child
from gis.settings import ROOT

# What most files need. Others are imported by the reader itself: pyarrow and GDAL start threads,
# with which a process cannot be forked safely, and take 100 MB.
PRELOADED = ("gis.files.tables", "gis.files.photo_files", "shapely")
# pyogrio and pyarrow import them if present, which takes half a second
UNNEEDED = ("geopandas", "pandas")
STATUS_BYTES = 4
# a closed port, for systems where the child cannot get an empty network
NO_PROXY = "http://127.0.0.1:9"
# all of the environment; one thread each, since address space is limited
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "GDAL_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "GDAL_HTTP_PROXY": NO_PROXY,
    "http_proxy": NO_PROXY,
    "https_proxy": NO_PROXY,
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": str(ROOT),
}

Handles = tuple[int, int, int]
"""Descriptors of the request, of the pipe for the answer, and of the reader's socket."""


class Reader:
    """A reader that was started; closing it ends it."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control

    def wait(self, seconds: float) -> int | None:
        """Return the reader's exit code, negative for a signal; None if it does not end in time.

        It counts as killed when the server is gone, which takes its readers along.
        """
        self.control.settimeout(seconds)
        try:
            status = self.control.recv(STATUS_BYTES)
        except TimeoutError:
            return None
        return os.waitstatus_to_exitcode(int.from_bytes(status)) if status else -signal.SIGKILL

    def close(self) -> None:
        """End the reader, and wait until it has ended."""
        with self.control, suppress(OSError):  # it has ended already, or its server has
            self.control.settimeout(None)
            self.control.shutdown(socket.SHUT_WR)
            while self.control.recv(STATUS_BYTES):
                pass


class _Connection:
    """The socket to the server of this process; a fork of the process starts one of its own."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process_id = 0
        self.socket: socket.socket | None = None
        self.server: subprocess.Popen[bytes] | None = None

    def send(self, handles: Handles) -> None:
        """Send the descriptors of a reader, to a new server if the last one is gone."""
        with self.lock:
            if self.socket is not None and self.process_id == os.getpid():
                try:
                    socket.send_fds(self.socket, [b"r"], list(handles))
                    return
                except OSError:
                    self.socket.close()
            self.socket = self._start()
            socket.send_fds(self.socket, [b"r"], list(handles))

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self.server = subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", __name__],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=ENVIRONMENT,
                start_new_session=True,
            )
        self.process_id = os.getpid()
        return ours


_connection = _Connection()


def start_reader(request: int) -> tuple[Reader, int]:
    """Fork a reader for a request.

    Parameters
    ----------
    request
        Descriptor of a file that holds what `sandbox_child.serve` reads.

    Returns
    -------
    The reader, and the descriptor from which its answer is read; the caller closes both.
    """
    answer, answer_end = os.pipe()
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            _connection.send((request, answer_end, theirs.fileno()))
    except BaseException:
        os.close(answer)
        ours.close()
        raise
    finally:
        os.close(answer_end)
    return Reader(ours), answer


def main() -> None:
    """Fork readers until the socket is closed, then end those that still run."""
    sys.modules.update(dict.fromkeys(UNNEEDED))  # type: ignore[arg-type]
    for module in PRELOADED:
        importlib.import_module(module)
    requests = socket.socket(fileno=os.dup(0))
    wake, wake_end = os.pipe()
    os.set_blocking(wake_end, False)
    signal.set_wakeup_fd(wake_end)
    signal.signal(signal.SIGCHLD, _ignore)
    controls: dict[int, socket.socket] = {}  # by process
    while True:
        awaited: list[socket.socket | int] = [requests, wake, *controls.values()]
        ready = select.select(awaited, [], [])[0]
        for process, control in controls.items():
            if control in ready:  # nothing is ever sent on it: it is closed
                os.kill(process, signal.SIGKILL)
        if wake in ready or any(control in ready for control in controls.values()):
            _report_ended(wake if wake in ready else None, controls)
        if requests in ready:
            _, handles, _, _ = socket.recv_fds(requests, 1, 3)
            if len(handles) < 3:  # the process that we serve has ended
                for process in controls:
                    os.kill(process, signal.SIGKILL)
                os._exit(0)
            process = os.fork()
            if process == 0:
                signal.set_wakeup_fd(-1)
                for inherited in (requests, *controls.values()):
                    inherited.close()
                for descriptor in (wake, wake_end, handles[2]):
                    os.close(descriptor)
                sandbox_child.serve(handles[0], handles[1])
            os.close(handles[0])
            os.close(handles[1])
            controls[process] = socket.socket(fileno=handles[2])


def _ignore(number: int, frame: FrameType | None) -> None:
    """Take a signal, which then wakes the loop."""


def _report_ended(wake: int | None, controls: dict[int, socket.socket]) -> None:
    """Send the wait status of each reader that has ended."""
    if wake is not None:
        os.read(wake, 4096)
    while controls:
        process, status = os.waitpid(-1, os.WNOHANG)
        if process == 0:
            return
        control = controls.pop(process)
        with control, suppress(OSError):  # nobody waits for it any more
            control.send(status.to_bytes(STATUS_BYTES))


if __name__ == "__main__":
    main()
