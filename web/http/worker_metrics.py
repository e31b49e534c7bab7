"""The figures of all workers added up, without a file: a full disk must not end a worker.

Each worker answers on a private Unix socket with its own counts; whichever is asked for /metrics
asks the others.
"""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from gis import private

FOLDER_VARIABLE = "WANGGE_FIGURES"  # where the workers of one server have their sockets
PREFIX = "wangge"
METRICS_TIMEOUT_S = 1.0
MAX_BYTES = 16 << 20

Family = tuple[str, str, str, list[tuple[str, list[tuple[str, str]], float]]]

log = structlog.get_logger("wangge")


def share() -> None:
    """Answer the other workers from now on.

    Without a socket this worker is left out, and requests go on.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return
    try:
        listener = socket.socket(socket.AF_UNIX)
        path = private.create_folder(Path(folder)) / str(os.getpid())
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen(16)
    except OSError as error:
        log.warning("figures of this worker are not added up", reason=str(error))
        return
    threading.Thread(target=_answer, args=[listener], daemon=True, name="figures").start()


def _answer(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(METRICS_TIMEOUT_S)
                connection.sendall(orjson.dumps(_collect()))
        except OSError:
            continue


def _collect() -> list[Family]:
    """Return our own families of figures, as they stand in this process."""
    return [
        (
            family.name,
            family.documentation,
            family.type,
            [
                (sample.name, sorted(sample.labels.items()), sample.value)
                for sample in family.samples
                if not sample.name.endswith("_created")
            ],
        )
        for family in REGISTRY.collect()
        if family.name.startswith(PREFIX)
    ]


def _others(folder: Path) -> Iterator[list[Family]]:
    """Ask every other worker; one that is gone leaves its socket, which is removed."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name == str(os.getpid()):
            continue
        try:
            with socket.socket(socket.AF_UNIX) as asking:
                asking.settimeout(METRICS_TIMEOUT_S)
                asking.connect(str(path))
                chunks: list[bytes] = []
                while (data := asking.recv(1 << 16)) and sum(map(len, chunks)) < MAX_BYTES:
                    chunks.append(data)
            yield orjson.loads(b"".join(chunks))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
        except (OSError, ValueError):
            continue


class _Sum(Collector):
    """The families of all workers, sample by sample added up."""

    def __init__(self, workers: list[list[Family]]) -> None:
        self.workers = workers

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
        for name, documentation, kind, samples in (
            family for worker in self.workers for family in worker
        ):
            families.setdefault(name, Metric(name, documentation, kind))
            counted = values.setdefault(name, {})
            for sample, labels, value in samples:
                key = (sample, tuple((label, text) for label, text in labels))
                counted[key] = counted.get(key, 0.0) + value
        for name, family in families.items():
            for (sample, labels_of), value in values[name].items():
                family.add_sample(sample, dict(labels_of), value)
            yield family


def render() -> bytes:
    """Return the figures of all workers as Prometheus reads them."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    registry.register(_Sum([_collect(), *_others(Path(folder))]))
    return generate_latest(registry)
