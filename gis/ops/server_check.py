"""Connections to an external server, and what it must be.

Messages name the setting that has the address.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from sqlalchemy import Connection, text

from gis.errors import Unavailable

DELIVERY_S = 5.0  # seconds in which a notification arrives on any machine that serves
MIN_SERVER_VERSION, MIN_POSTGIS_VERSION = 150000, (3, 3)


def connect(url: str, setting: str = "DATABASE_URL") -> psycopg.Connection:
    """Connect to a database, each statement a transaction of its own.

    Raises
    ------
    Unavailable
        It cannot be reached, or the address is none of PostgreSQL.
    """
    with _in_words(setting):
        return psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True, connect_timeout=10)


@contextmanager
def _in_words(setting: str) -> Iterator[None]:
    """Raise what goes wrong with the database of a setting as Unavailable.

    Raises
    ------
    Unavailable
        Something did. Behind a pooler also a question finds out that there is no server.
    """
    try:
        yield
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise Unavailable("database.unreachable", setting=setting, reason=reason) from None
    except psycopg.ProgrammingError as error:
        reason = re.sub('"[^"]*@[^"]*"', '"…"', str(error).strip())  # it may have a password
        raise Unavailable("database.url_invalid", setting=setting, reason=reason) from None


def check_server(url: str, setting: str = "DATABASE_URL") -> None:
    """Raise Unavailable unless a server can be reached, is new enough and has PostGIS.

    Raises
    ------
    Unavailable
        It is not; the message says which of these, or that the URL is wrong.
    """
    with _in_words(setting), connect(url, setting) as connection:
        number = connection.info.server_version
        if number < MIN_SERVER_VERSION:
            raise Unavailable("database.server_too_old", setting=setting, version=number // 10000)
        row = connection.execute(
            "SELECT coalesce(e.extversion, a.default_version), e.extversion IS NOT NULL"
            " FROM pg_available_extensions a"
            " LEFT JOIN pg_extension e ON e.extname = a.name WHERE a.name = 'postgis'"
        ).fetchone()
    if row is None:
        raise Unavailable("database.postgis_missing", setting=setting)
    version = tuple(int(part) for part in re.findall(r"\d+", row[0])[:2])
    if version < MIN_POSTGIS_VERSION:
        raise Unavailable("database.postgis_too_old", setting=setting, version=row[0])


def require_notifications(url: str) -> None:
    """Raise Unavailable unless notifications arrive on an address.

    A pooler in transaction mode takes LISTEN and delivers nothing, without an error.

    Raises
    ------
    Unavailable
        They do not; the message says which setting is for the server itself.
    """
    token = uuid4().hex
    with (
        psycopg.connect(url, autocommit=True, prepare_threshold=None) as listener,
        psycopg.connect(url, autocommit=True, prepare_threshold=None) as writer,
    ):
        listener.execute("LISTEN wangge_start")
        writer.execute("SELECT pg_notify('wangge_start', %s)", [token])
        for notification in listener.notifies(timeout=DELIVERY_S):
            if notification.payload == token:
                return
    raise Unavailable("database.without_notifications")


UNARCHIVED_SQL = """
SELECT concat('the log of the database is not archived since ',
  coalesce(to_char(last_archived_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'it began'),
  ': no moment after it can be restored, and the log fills the disk')
FROM pg_stat_archiver
WHERE current_setting('archive_mode') <> 'off'
  AND last_failed_time > coalesce(last_archived_time, '-infinity')
"""


def unarchived_note(connection: Connection) -> str | None:
    """Return that, and since when, the archiving of the log fails; None while it does not."""
    note: str | None = connection.scalar(text(UNARCHIVED_SQL))
    return note


def describe(connection: Connection) -> dict[str, object]:
    """Return the versions of PostgreSQL and PostGIS, and the size of the database in words."""
    query = """
    SELECT current_setting('server_version') AS postgresql, postgis_lib_version() AS postgis,
      pg_size_pretty(pg_database_size(current_database())) AS size
    """
    return dict(connection.execute(text(query)).one()._mapping)
