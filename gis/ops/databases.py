"""Whole databases of a server: PostgreSQL's programs, creation, swap, and replaced databases.

A URL with a password never stands on a command line: programs get it through a private service
file.
"""

import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import make_url

from gis import private
from gis.db import engine
from gis.errors import Conflict, NotFound, Unavailable
from gis.ops.cluster import EXTENSIONS, DatabaseUrls, find_binaries

MAX_DATABASE_NAME_CHARS = 34  # of our name within that of another database, which may have 63
RESTORING, OLD = "restoring", "before"
MAX_SWAP_TRIES = 10
ALONE_POLL_S = 0.1  # as often as PostgreSQL looks whether a database is free
CANNOT_DROP = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse)


class DiskFull(Unavailable):
    """A program of PostgreSQL, or the server, has no space left."""


@dataclass(frozen=True)
class OldDatabase:
    """A database that a restore has replaced."""

    name: str
    bytes: int
    replaced_at: datetime


def libpq(url: str) -> str:
    """Return an address as libpq takes it."""
    return url.replace("+psycopg", "", 1)


def get_name(url: str) -> str:
    """Return the name of the database in an address."""
    return str(conninfo_to_dict(libpq(url)).get("dbname") or make_url(url).username)


def with_database(addresses: DatabaseUrls, name: str) -> DatabaseUrls:
    """Return the addresses of another database on the same server."""

    def other(url: str) -> str:
        return make_url(url).set(database=name).render_as_string(hide_password=False)

    # a pooler knows the databases of its configuration only
    return replace(
        addresses, app=other(addresses.listening), owner=other(addresses.owner), direct=None
    )


def run_program(program: str, arguments: Sequence[str], url: str | None = None) -> str:
    """Run a program of PostgreSQL and return its output.

    Parameters
    ----------
    url
        Server and database. Neither it nor its password is visible in a process list.

    Raises
    ------
    DiskFull
        No space is left.
    Unavailable
        The program failed; the message has its first error.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "DATABASE_"))
    }
    environment["PGOPTIONS"] = "-c client_min_messages=warning"
    with tempfile.TemporaryDirectory() as folder:
        if url:
            parameters = conninfo_to_dict(libpq(url))
            environment["PGPASSWORD"] = str(parameters.pop("password", ""))
            service = Path(folder) / "service"
            with private.open_file(service) as file:
                file.write(
                    "[wangge]\n"
                    + "".join(f"{name}={value}\n" for name, value in parameters.items())
                )
            environment |= {"PGSERVICEFILE": str(service), "PGSERVICE": "wangge"}
        done = subprocess.run(
            [str(find_binaries() / program), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment,
            errors="replace",
            umask=private.UMASK,
        )
    if done.returncode and "No space left on device" in done.stderr:
        raise DiskFull("restore.disk_full")
    if done.returncode:
        lines = [
            line for line in done.stderr.splitlines() if "error" in line.lower()
        ] or done.stderr.splitlines()
        raise Unavailable(
            "database.program_failed",
            program=program,
            reason=lines[0] if lines else done.returncode,
        )
    return done.stdout


@contextmanager
def maintenance(addresses: DatabaseUrls) -> Iterator[psycopg.Connection]:
    """Connect as the role that creates databases, to a database that is not ours.

    A database cannot be renamed through a connection to it.

    Raises
    ------
    Unavailable
        No such database accepts the connection.
    """
    url = addresses.admin or addresses.owner
    reason = ""
    for name in ("postgres", "template1"):
        address = make_url(url).set(database=name).render_as_string(hide_password=False)
        try:
            connection = psycopg.connect(libpq(address), autocommit=True, connect_timeout=10)
        except psycopg.OperationalError as error:
            reason = str(error).strip().splitlines()[-1]
            continue
        with connection:
            yield connection
        return
    raise Unavailable("database.maintenance_unreachable", reason=reason)


def create_beside(addresses: DatabaseUrls) -> DatabaseUrls:
    """Create an empty database with our extensions, owned by the owner of the tables.

    Raises
    ------
    Unavailable
        Our role may not; the message says what an administrator has to run.
    """
    owner = str(make_url(addresses.owner).username)
    base = get_name(addresses.owner)
    suffix = f"{datetime.now(UTC):%Y%m%d%H%M%S}{secrets.token_hex(2)}"
    name = f"{base[:MAX_DATABASE_NAME_CHARS]}_{RESTORING}_{suffix}"
    advice = (
        f"have an administrator run: CREATE DATABASE {base}_new OWNER {owner}; \\c {base}_new; "
        + " ".join(f"CREATE EXTENSION {extension};" for extension in EXTENSIONS)
        + f" then restore with --into {base}_new"
    )
    with maintenance(addresses) as connection:
        try:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(
                    sql.Identifier(name), sql.Identifier(owner)
                )
            )
        except psycopg.errors.InsufficientPrivilege:
            raise Unavailable("database.create_forbidden", role=owner, advice=advice) from None
        try:
            _copy_rights(connection, base, name)
            create_extensions(addresses, name)
        except psycopg.errors.InsufficientPrivilege as error:
            drop(addresses, name)
            raise Unavailable(
                "database.prepare_forbidden", role=owner, reason=str(error), advice=advice
            ) from None
        except BaseException:
            drop(addresses, name)
            raise
    return with_database(addresses, name)


def create_extensions(addresses: DatabaseUrls, name: str) -> None:
    """Create our missing extensions in a database."""
    address = (
        make_url(addresses.admin or addresses.owner)
        .set(database=name)
        .render_as_string(hide_password=False)
    )
    with psycopg.connect(libpq(address), autocommit=True) as connection:
        for extension in EXTENSIONS:
            connection.execute(
                sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension))
            )


def _copy_rights(connection: psycopg.Connection, source: str, target: str) -> None:
    """Copy the rights of a database to a new one: a restore does not change who may connect."""
    rights = connection.execute(
        """
        SELECT CASE WHEN a.grantee = 0 THEN NULL ELSE r.rolname END, a.privilege_type
        FROM pg_database d, aclexplode(d.datacl) a
        LEFT JOIN pg_roles r ON r.oid = a.grantee
        WHERE d.datname = %s
        """,
        [source],
    ).fetchall()
    if not rights:
        return  # the defaults of PostgreSQL
    database = sql.Identifier(target)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    for role, right in rights:
        grantee = sql.SQL("PUBLIC") if role is None else sql.Identifier(role)
        connection.execute(
            sql.SQL("GRANT {} ON DATABASE {} TO {}").format(sql.SQL(right), database, grantee)
        )


def swap(addresses: DatabaseUrls, new: str) -> str:
    """Rename a database to ours, and ours to another name, in one transaction.

    Returns
    -------
    str
        The new name of the old database.

    Raises
    ------
    Unavailable
        Connections remain; nothing was changed.
    """
    current = get_name(addresses.owner)
    # milliseconds: two restores may end within a second
    stamp = f"{datetime.now(UTC):%Y%m%d%H%M%S%f}"[:-3]
    old = f"{current[:MAX_DATABASE_NAME_CHARS]}_{OLD}_{stamp}"
    for url in (addresses.app, addresses.owner):
        engine(url).dispose()
    names = ((current, old), (new, current))
    for _ in range(MAX_SWAP_TRIES):
        try:
            _run_alone(addresses, (current, new), lambda connection: _rename(connection, names))
            return old
        except psycopg.errors.ObjectInUse:
            continue
        except psycopg.errors.InsufficientPrivilege as error:
            raise Unavailable(
                "database.rename_forbidden", reason=str(error).splitlines()[0]
            ) from None
    raise Unavailable("database.busy")


def _run_alone(
    addresses: DatabaseUrls, names: Sequence[str], command: Callable[[psycopg.Connection], object]
) -> None:
    """Run a command that needs databases without connections, and end theirs meanwhile.

    Who connected before the command locked the name keeps it waiting, five seconds long, and comes
    back as soon as it is ended before: a subscription, a service. An autovacuum worker, which only
    a superuser may end (``DROP DATABASE … WITH (FORCE)`` fails at one), is ended by the command.

    Raises
    ------
    psycopg.errors.ObjectInUse
        Connections remain: of somebody else, or of those who come back.
    psycopg.Error
        The command failed.
    """
    with (
        maintenance(addresses) as ending,
        maintenance(addresses) as running,
        ThreadPoolExecutor(1) as thread,
    ):
        done = thread.submit(command, running)
        while not done.done():
            with suppress(psycopg.errors.InsufficientPrivilege):  # of somebody else: busy, then
                ending.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = ANY(%s) AND usesysid IS NOT NULL",
                    [list(names)],
                )
            wait([done], ALONE_POLL_S)
        done.result()


def _rename(connection: psycopg.Connection, names: Sequence[tuple[str, str]]) -> None:
    """Rename databases in one transaction, at whose end those who connect meanwhile go on.

    Raises
    ------
    psycopg.Error
        A database is in use, or the role may not; no name was changed.
    """
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    with connection.transaction():
        for old, new in names:
            connection.execute(rename.format(sql.Identifier(old), sql.Identifier(new)))


def drop(addresses: DatabaseUrls, name: str) -> None:
    """Drop a database and end its connections.

    Raises
    ------
    psycopg.errors.ObjectInUse
        Connections of somebody else remain.
    psycopg.errors.InsufficientPrivilege
        Our role may not drop it.
    """
    engine(with_database(addresses, name).owner).dispose()
    engine(with_database(addresses, name).app).dispose()
    command = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    _run_alone(addresses, [name], lambda connection: connection.execute(command))


def drop_unfinished(addresses: DatabaseUrls) -> None:
    """Drop the databases that killed restores have left behind.

    The caller ensures that no restore is running.
    """
    base = get_name(addresses.owner)[:MAX_DATABASE_NAME_CHARS]
    name_pattern = re.compile(re.escape(base) + rf"_{RESTORING}_\d{{14}}[0-9a-f]{{4}}")
    with maintenance(addresses) as connection:
        names = [
            name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()
        ]
    for name in filter(name_pattern.fullmatch, names):
        # those of another deployment of the same server cannot be dropped
        with suppress(*CANNOT_DROP):
            drop(addresses, name)


def list_old(addresses: DatabaseUrls) -> list[OldDatabase]:
    """List the databases that restores have replaced, newest first."""
    base = get_name(addresses.owner)[:MAX_DATABASE_NAME_CHARS]
    name_pattern = re.compile(re.escape(base) + rf"_{OLD}_(\d{{14,17}})")
    with maintenance(addresses) as connection:
        rows = connection.execute(
            """
            SELECT datname,
              CASE WHEN has_database_privilege(datname, 'CONNECT') THEN pg_database_size(datname)
                ELSE 0 END
            FROM pg_database
            WHERE NOT datistemplate
            """
        ).fetchall()
    old = [
        OldDatabase(name, size, datetime.strptime(f"{match[1]:0<20}+0000", "%Y%m%d%H%M%S%f%z"))
        for name, size in rows
        if (match := name_pattern.fullmatch(name))
    ]
    return sorted(old, key=lambda database: database.replaced_at, reverse=True)


def drop_old(addresses: DatabaseUrls, name: str | None = None) -> list[str]:
    """Drop the databases that restores have replaced, or one of them, and return their names.

    Parameters
    ----------
    name
        None means all.

    Raises
    ------
    NotFound
        There is no such database.
    Conflict
        Our role may not drop it, or somebody else uses it.
    """
    names = [database.name for database in list_old(addresses)]
    if name is not None and name not in names:
        raise NotFound("database.old_unknown", name=name)
    chosen = names if name is None else [name]
    for database in chosen:
        try:
            drop(addresses, database)
        except CANNOT_DROP as error:
            raise Conflict(
                "database.drop_forbidden", name=database, reason=str(error).splitlines()[0]
            ) from None
    return chosen
