"""`./wangge serve`: the web service, with granian."""

import ctypes
import gc
import importlib
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import click
from sqlalchemy.orm import Session

from gis.areas import snapshot_cache
from gis.db import engine
from gis.errors import Unavailable
from gis.facilities import queries
from gis.files.sandbox_child import PR_SET_PDEATHSIG
from gis.incidents.catalogue import classifier, danger
from gis.incidents.catalogue.editions import active_edition
from gis.network.loading import keep_maps
from gis.ops import cluster
from gis.ops.cluster import DatabaseUrls
from gis.ops.server_check import require_notifications
from gis.ops.shards import checks, states
from gis.ops.shards.finder import MAIN_DATABASE
from gis.settings import ROOT, Settings, Shard, read_shards
from web.cli.common import make_private, open_database
from web.http import worker_metrics
from web.http.observability import say

# by their names, which granian and we import: what is served stands above the commands
APPLICATION, WORKER = "web.app", "web.wsgi:gateway"
FOLLOW_S = 1.0  # between two looks at the file of the shards
MAX_CONNECTIONS = 4096  # of each worker: who only holds them open must not keep others out


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes."
)
@click.option(
    "--jobs/--no-jobs",
    default=True,
    show_default=True,
    help="Run the jobs too, as ./wangge worker does.",
)
def command(host: str, port: int, workers: int, jobs: bool) -> None:
    """Serve the map and the API until stopped; requests under way are finished first."""
    settings = Settings.from_env()
    check_free(host, port)
    make_private(settings)
    addresses = open_database(settings)
    if settings.database_url:
        require_notifications(addresses.listening)
    click.echo(
        f"wangge: serving http://{host}:{port}/ with {workers} workers; stop with Ctrl-C", err=True
    )
    run(settings, addresses, host=host, port=port, workers=workers, jobs=jobs)


def run(
    settings: Settings,
    addresses: DatabaseUrls,
    *,
    host: str,
    port: int,
    workers: int,
    jobs: bool = True,
) -> None:
    """Serve until a signal; the workers find the database's address in their environment.

    Parameters
    ----------
    jobs
        Keep a process beside them that runs the jobs.

    Raises
    ------
    Unavailable
        The port is taken.
    """
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.log import LogLevels

    check_free(host, port)
    checks.require_finished(settings.var, addresses)
    shards = read_shards(settings.var)
    _say_unconnected(settings, addresses)
    _prepare_workers(addresses, shards.values())
    os.environ |= {
        "DATABASE_URL": addresses.app,
        "WANGGE_VAR": str(settings.var),
    }
    console = {"class": "logging.StreamHandler", "formatter": "generic"}  # on stderr
    server = Granian(
        WORKER,
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        # to find out which HTTP is spoken, granian waits for ever; for a head it waits 30 s
        http=HTTPModes.http1,
        backpressure=MAX_CONNECTIONS,
        workers=workers,
        workers_kill_timeout=10,
        respawn_failed_workers=True,
        working_dir=ROOT,
        websockets=False,
        log_level=LogLevels.error,
        log_dictconfig={"handlers": {"console": console, "access": console}},
    )
    # its name is short, as a socket's must be, wherever the deployment lies
    with tempfile.TemporaryDirectory(prefix="wangge-figures-") as folder, ExitStack() as stack:
        os.environ[worker_metrics.FOLDER_VARIABLE] = folder
        stack.enter_context(wake_on_signals(server))
        os.register_at_fork(after_in_child=partial(_end_with, os.getpid()))
        stack.enter_context(follow_shards(settings, server, shards, jobs=jobs))
        if not settings.database_url:
            stack.enter_context(keep_database(settings, server, addresses.app))
        server.serve()
    say(f"wangge: stopped; http://{host}:{port}/ is served no more")


@contextmanager
def wake_on_signals(server: Any) -> Iterator[None]:
    """Let SIGTERM and SIGINT end granian's server whichever thread the kernel hands them to.

    Python runs handlers in the main thread, which waits for an event: a signal that comes to
    another thread, as on a busy machine, would not wake it, and the server never end.
    """
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    former = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    # a signal to a forked worker is not one to us
    os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))

    def wake() -> None:
        with ours:
            while numbers := ours.recv(64):
                if not {signal.SIGTERM, signal.SIGINT}.isdisjoint(numbers):
                    server.interrupt_signal = True
                    server.main_loop_interrupt.set()

    threading.Thread(target=wake, daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(former)
        theirs.close()


def import_application() -> None:
    """Import what every worker runs: the workers are forked, and share it from then on."""
    for name in importlib.import_module(APPLICATION).BLUEPRINTS:
        importlib.import_module(name)
    gc.freeze()  # a collection would write to the shared pages, and so copy them


def _say_unconnected(settings: Settings, addresses: DatabaseUrls) -> None:
    """Say which counties get no copies of the main database, and what connects them."""
    for county in states.list_unconnected(settings, addresses):
        say(
            f"wangge: not all that changes in the main database reaches county {county};"
            f" with the addresses of its database set, run: ./wangge db shard add {county}"
        )


def _prepare_workers(addresses: DatabaseUrls, shards: Collection[Shard]) -> None:
    """Have the workers forked, and import and read what they share from then on."""
    if sys.platform == "linux":  # elsewhere, and from Python 3.14 on, workers would share nothing
        multiprocessing.set_start_method("fork", force=True)
    import_application()
    _allow_files(2 * MAX_CONNECTIONS)
    keep_maps(1 + len(shards))
    for each in (*(DatabaseUrls(shard.url, shard.owner_url) for shard in shards), addresses):
        _read_shared(each)


def _read_shared(addresses: DatabaseUrls) -> None:
    """Read what every worker answers from: register, walking network, homes, words of reports.

    Connections are closed after it.
    """
    try:
        snapshot_cache.preload(addresses.listening)
        with Session(engine(addresses.app)) as session:
            queries.warm(session)
            edition = active_edition(session)
            danger.reader(session, edition)
            classifier.term_weights(edition)
    except Exception as error:  # whatever it is: the workers read by themselves, and report it
        say(f"wangge: not everything was read in advance ({error!r})")
    for url in (addresses.app, addresses.owner, addresses.listening):
        # workers are forked: two of them on one connection would read each other's answers
        engine(url).dispose()
    gc.freeze()


def _end_with(server: int) -> None:
    """Have a worker end when its server is gone, even by SIGKILL: nobody else would end it."""
    if os.getppid() == server:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _allow_files(count: int) -> None:
    """Raise the limit of open files of this process and its workers as far as is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def renew_workers(server: Any) -> None:
    """Have the workers of granian's server begin anew, one after another, as SIGHUP does."""
    server.reload_signal = True
    server.main_loop_interrupt.set()


@contextmanager
def follow_shards(
    settings: Settings, server: Any, served: Mapping[str, Shard], *, jobs: bool
) -> Iterator[None]:
    """Serve the counties that there are, until the end.

    When one is added, removed or elsewhere, the workers begin anew; its jobs begin, end or both.

    Parameters
    ----------
    served
        The shards that the workers begin with.
    jobs
        Whether a process for each runs its jobs.
    """
    stopping = threading.Event()
    running: dict[str, tuple[Shard | None, ExitStack]] = {}

    def run_jobs(shards: Mapping[str, Shard | None]) -> None:
        kept = {of for of, (shard, _) in running.items() if of in shards and shards[of] == shard}
        for county in running.keys() - kept:
            running.pop(county)[1].close()
        for county in shards.keys() - running.keys() if jobs else ():
            running[county] = shards[county], ExitStack()
            running[county][1].enter_context(beside(county))

    def follow(shards: Mapping[str, Shard]) -> None:
        while not stopping.wait(FOLLOW_S):
            if (found := read_shards(settings.var)) != shards:
                say(f"wangge: serving other counties from here on: {', '.join(found) or 'none'}")
                shards = found
                run_jobs({MAIN_DATABASE: None, **shards})
                renew_workers(server)

    run_jobs({MAIN_DATABASE: None, **served})
    follower = threading.Thread(target=follow, args=[served], daemon=True)
    follower.start()
    try:
        yield
    finally:
        stopping.set()
        follower.join(15)
        run_jobs({})


@contextmanager
def keep_database(settings: Settings, server: Any, served_url: str) -> Iterator[None]:
    """Start the private cluster again when it has died, until the end.

    One that `db stop` stopped stays so.

    Parameters
    ----------
    served_url
        What the workers connect to; they begin anew when the cluster has to take another port.
    """
    stopping = threading.Event()

    def keep() -> None:
        url, pause = served_url, 0.5
        while not stopping.wait(pause):
            try:
                if not cluster.has_died(settings):
                    pause = 0.5
                    continue
                say("wangge: the private database has died; starting it again")
                new = cluster.start(settings).app
            except Exception as error:  # whatever it is, a full disk perhaps: the next try may do
                pause = min(pause * 2, 30.0)
                say(
                    f"wangge: the private database does not start ({error}); again in {pause:.0f} s"
                )
                continue
            say("wangge: the private database runs again")
            if new != url:
                url = os.environ["DATABASE_URL"] = new
                renew_workers(server)

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        keeper.join(15)


@contextmanager
def beside(county: str = "") -> Iterator[None]:
    """Keep a process that runs the jobs: started again when it ends, stopped with this one.

    Parameters
    ----------
    county
        Whose shard's jobs; empty: those of the main database.
    """
    # started without a fork of ours (posix_spawn): the web workers must not hold its ends open
    arguments = [sys.executable, "-m", "web", "worker", "--beside", str(os.getpid())]
    python_path = {
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    }
    if county:
        python_path["WANGGE_COUNTY"] = county
    stopping = threading.Event()

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            arguments, env=os.environ | python_path, stdin=subprocess.DEVNULL, close_fds=False
        )

    def keep(process: subprocess.Popen[bytes]) -> None:
        pause, began = 1.0, time.monotonic()
        while not stopping.wait(0.5):
            if process.poll() is None:
                continue
            pause = 1.0 if time.monotonic() - began > 60 else min(pause * 2, 30.0)
            say(f"wangge: the jobs ended with {process.returncode}; again in {pause:.0f} s")
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

    Raises
    ------
    Unavailable
        It is taken, or not ours to take.
    """
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise Unavailable(
            "cli.cannot_listen", address=f"{host}:{port}", reason=error.strerror or str(error)
        ) from None


def free_port(host: str, port: int) -> int:
    """Return the port, or the next one that is free.

    Raises
    ------
    Unavailable
        None of the next hundred is.
    """
    for candidate in range(port, min(port + 100, 65536)):
        try:
            check_free(host, candidate)
        except Unavailable:
            continue
        return candidate
    raise Unavailable("cli.no_free_port", host=host, port=str(port))
