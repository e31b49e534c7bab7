"""The server of a private cluster: start, stop, state."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from gis import private
from gis.db import pool_transactions
from gis.errors import Unavailable
from gis.ops.cluster.location import (
    APP,
    DATABASE,
    OWNER,
    SUPERUSER,
    Cluster,
    DatabaseUrls,
    cluster_location,
)
from gis.ops.cluster.programs import find_binaries, run
from gis.ops.cluster.setup import LOGICAL_FILE, create_cluster, create_database, launch
from gis.ops.server_check import check_server
from gis.settings import Settings

PORT_OF_SOCKET = 5432  # of a server that listens on a socket in a folder of its own only
# Only our server listens on its socket, and one that has ended refuses at once: who does not answer
# is slow, and taken for ended would be started a second time, or never stopped.
CONNECT_TIMEOUT_S = 30


def start(settings: Settings, *, throw_away: bool = False) -> DatabaseUrls:
    """Start the private cluster unless it is running; create it first if there is none.

    Parameters
    ----------
    throw_away
        Trade durability for speed (tests, benchmarks).

    Raises
    ------
    Unavailable
        It cannot be created or started; the message names the log.
    """
    cluster = cluster_location(settings)
    with _only_one(settings.var / ".cluster.lock"):
        if not (cluster.data / "PG_VERSION").exists():
            create_cluster(cluster)
        port = _port(cluster, APP, DATABASE)
        if port is None:
            port = running_port(cluster) or launch(cluster, throw_away)
            create_database(cluster, port)
        cluster.stopped.unlink(missing_ok=True)
    return addresses_at(cluster, port)


def addresses_at(cluster: Cluster, port: int) -> DatabaseUrls:
    """Return the URLs of a running private cluster."""
    return DatabaseUrls(
        cluster.url(APP, port), cluster.url(OWNER, port), cluster.url(SUPERUSER, port)
    )


def database_urls(settings: Settings) -> DatabaseUrls:
    """Return the URLs of the database to use.

    That is `DATABASE_URL`, else the private cluster, which is started if necessary.

    Raises
    ------
    Unavailable
        The server is unreachable, too old or without PostGIS.
    """
    if not settings.database_url:
        return start(settings)
    check_server(settings.database_url)
    if settings.database_listen_url:
        check_server(settings.database_listen_url)
        pool_transactions(settings.database_url)
    return DatabaseUrls(
        app=settings.database_url,
        owner=settings.database_owner_url or settings.database_listen_url or settings.database_url,
        direct=settings.database_listen_url,
    )


def running_port(cluster: Cluster) -> int | None:
    """Return the port of the running server; None if it does not answer."""
    return _port(cluster, SUPERUSER, "postgres")


def _port(cluster: Cluster, role: str, database: str) -> int | None:
    """Return the port of the running server; None if it does not let a role into a database."""
    try:
        port = int((cluster.data / "postmaster.pid").read_text().splitlines()[3])
        url = cluster.url(role, port, database)
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S):
            return port
    except (OSError, IndexError, ValueError, psycopg.OperationalError):
        return None


def has_died(settings: Settings) -> bool:
    """Return whether the private server ended without having been stopped by `stop`.

    Notes
    -----
    Looks for its process, which is cheap, and connects only if there is none.
    """
    cluster = cluster_location(settings)
    if cluster.stopped.exists() or not (cluster.data / "PG_VERSION").exists():
        return False
    try:
        pid = int((cluster.data / "postmaster.pid").read_text().split()[0])
        if str(cluster.data).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            return False
    except (OSError, IndexError, ValueError):
        pass
    return running_port(cluster) is None


def stop(settings: Settings) -> bool:
    """Stop the private cluster, and return whether it was running."""
    cluster = cluster_location(settings)
    with _only_one(settings.var / ".cluster.lock"):
        if running_port(cluster) is None:
            return False
        private.create_file(cluster.stopped)
        run(cluster, [find_binaries() / "pg_ctl", "-D", cluster.data, "-m", "fast", "-w", "stop"])
    return True


def reset(settings: Settings) -> None:
    """Drop the private database with all its data, and create an empty one in the same cluster."""
    start(settings)
    cluster = cluster_location(settings)
    port = running_port(cluster)
    assert port is not None
    with psycopg.connect(cluster.url(SUPERUSER, port, "postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(DATABASE))
        )
    start(settings)


def make_logical(settings: Settings, *, throw_away: bool = False) -> bool:
    """Have the private cluster write its log for logical replication, too.

    Returns whether it did not yet: then it has been restarted.
    """
    file = cluster_location(settings).base / LOGICAL_FILE
    if file.exists():
        return False
    start(settings, throw_away=throw_away)
    private.create_file(file)
    stop(settings)
    start(settings, throw_away=throw_away)
    return True


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold a lock file, so that concurrent starts wait for each other.

    Raises
    ------
    Unavailable
        The folder belongs to another user.
    """
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, private.FILE_MODE), "w")
    except PermissionError:
        raise Unavailable("database.var_of_other_user", folder=str(path.parent)) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
