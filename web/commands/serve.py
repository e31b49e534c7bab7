"""`./wangge serve`: the web service, with granian."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import click

from gis.cluster import Addresses
from gis.db import engine
from gis.errors import Unavailable
from gis.settings import ROOT, Settings
from web.commands import database


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes.")
@click.option("--jobs/--no-jobs", default=True, show_default=True, help="Run the jobs too, as ./wangge worker does.")
def command(host: str, port: int, workers: int, jobs: bool) -> None:
    """Serve the map and the API until stopped; requests under way are finished first."""
    settings = Settings.from_env()
    check_free(host, port)
    addresses = database(settings)
    click.echo(f"wangge: serving http://{host}:{port}/ with {workers} workers; stop with Ctrl-C", err=True)
    run(settings, addresses, host=host, port=port, workers=workers, jobs=jobs)


def run(settings: Settings, addresses: Addresses, *, host: str, port: int, workers: int, jobs: bool = True) -> None:
    """Serve until a signal; the workers find the database's address in their environment.

    Args:
        jobs: Keep a process beside them that runs the jobs.

    Raises:
        Unavailable: The port is taken.
    """
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    check_free(host, port)
    # each worker writes its figures there, so that /metrics of any can add them up; those of the last run go
    figures = settings.var / "metrics" / str(port)
    shutil.rmtree(figures, ignore_errors=True)
    figures.mkdir(parents=True)
    for url in (addresses.app, addresses.owner):
        engine(url).dispose()  # workers are forked: two of them on one connection would read each other's answers
    os.environ |= {
        "DATABASE_URL": addresses.app,
        "WANGGE_VAR": str(settings.var),
        "PROMETHEUS_MULTIPROC_DIR": str(figures),
    }
    console = {"class": "logging.StreamHandler", "formatter": "generic"}  # on stderr
    server = Granian(
        "web.wsgi:gateway",
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        workers=workers,
        workers_kill_timeout=10,
        respawn_failed_workers=True,
        working_dir=ROOT,
        websockets=False,
        log_level=LogLevels.error,
        log_dictconfig={"handlers": {"console": console, "access": console}},
    )
    with beside() if jobs else nullcontext():
        server.serve()
    click.echo(f"wangge: stopped; http://{host}:{port}/ is served no more", err=True)


@contextmanager
def beside() -> Iterator[None]:
    """Keep a process that runs the jobs: started again when it ends, stopped with this one."""
    # started without a fork of ours (posix_spawn): the web workers must not hold its ends open
    words = [sys.executable, "-m", "web", "worker", "--beside", str(os.getpid())]
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])}
    stopping = threading.Event()

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, close_fds=False)

    def keep(process: subprocess.Popen[bytes]) -> None:
        pause, began = 1.0, time.monotonic()
        while not stopping.wait(0.5):
            if process.poll() is None:
                continue
            pause = 1.0 if time.monotonic() - began > 60 else min(pause * 2, 30.0)
            click.echo(f"wangge: the jobs ended with {process.returncode}; again in {pause:.0f} s", err=True)
            if stopping.wait(pause):
                return
            process, began = start(), time.monotonic()
        process.terminate()
        try:
            process.wait(12)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    keeper = threading.Thread(target=keep, args=[start()], daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        keeper.join(15)


def check_free(host: str, port: int) -> None:
    """See that a port can be listened at.

    Raises:
        Unavailable: It is taken, or not ours to take.
    """
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise Unavailable(
            f"cannot listen at {host}:{port}: {error.strerror or error}; choose another with --port"
        ) from None


def free_port(host: str, port: int) -> int:
    """The port, or the next one that is free.

    Raises:
        Unavailable: None of the next hundred is.
    """
    for candidate in range(port, min(port + 100, 65536)):
        try:
            check_free(host, candidate)
        except Unavailable:
            continue
        return candidate
    raise Unavailable(f"no free port at {host} from {port} on")
