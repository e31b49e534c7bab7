"""Logical replication between the main database and a shard: what is shared goes down, areas go up.

Slots are made apart from their subscriptions, since within one cluster a subscription that makes
its own waits for itself.
"""

import time
from collections.abc import Iterable, Mapping
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from gis.errors import Unavailable
from gis.ops.shards.county import AREAS_PUBLICATION
from gis.ops.shards.tables import SHARED_TABLES

SHARED_PUBLICATION = "wangge_shared"
# the statement that subscribes holds a password: it must not come into the server's log
UNLOGGED_SETTINGS: tuple[LiteralString, ...] = (
    "SET log_statement = 'none'",
    "SET log_min_error_statement = 'panic'",
    "SET log_min_duration_statement = -1",
)
# as a publication and DELETE take them: what goes down to a county, and what comes up from one
SHARED_ROWS: tuple[sql.Composable, ...] = (
    *(sql.Identifier(*name.split(".")) for name in SHARED_TABLES),
    sql.SQL("area WHERE (level IN ('province', 'city'))"),
)
COPY_TIMEOUT_S = 300.0  # of the first copy
SUBSCRIPTION_SQL = """
SELECT s.subenabled FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
WHERE s.subname = %s AND d.datname = current_database()
"""
# slots that are neither of a database which a restore has replaced, nor given up by the server
SLOTS_SQL = """
SELECT slot_name::text AS name,
  pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) AS lag_bytes
FROM pg_replication_slots
WHERE slot_type = 'logical' AND database = current_database() AND wal_status <> 'lost'
"""
LEFT_SQL = """
SELECT count(*) FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid
WHERE s.subname = %s AND r.srsubstate <> 'r'
"""


def require_logical(connections: Mapping[str, psycopg.Connection]) -> None:
    """Raise Unavailable unless servers write what logical replication needs.

    Parameters
    ----------
    connections
        By county, or "main", for the message.

    Raises
    ------
    Unavailable
        The wal_level of one is another.
    """
    for whose, connection in connections.items():
        if connection.execute("SHOW wal_level").fetchone() != ("logical",):
            raise Unavailable("shard.wal_level", whose=whose)


def publish_shared(owner: psycopg.Connection) -> None:
    """Publish what all counties share, and the areas over them; again, only what is new."""
    listed = sql.SQL(", ").join(SHARED_ROWS)
    name = sql.Identifier(SHARED_PUBLICATION)
    is_known = owner.execute(
        "SELECT true FROM pg_publication WHERE pubname = %s", [SHARED_PUBLICATION]
    ).fetchone()
    owner.execute("ALTER TABLE area REPLICA IDENTITY FULL")
    statement = (
        "ALTER PUBLICATION {} SET TABLE {}" if is_known else "CREATE PUBLICATION {} FOR TABLE {}"
    )
    owner.execute(sql.SQL(statement).format(name, listed))


def subscribe(
    publisher: psycopg.Connection,
    subscriber: psycopg.Connection,
    publisher_url: str,
    publication: str,
    name: str,
    copied: Iterable[sql.Composable],
    *,
    is_new: bool = False,
) -> bool:
    """Have a database copy a publication, from now on; return whether it did not yet.

    Parameters
    ----------
    publisher, subscriber
        Connections of superusers.
    publisher_url
        As the subscriber's server reaches it, for a role that may replicate.
    name
        Of the subscription and of its slot.
    copied
        The rows that are copied, each table as DELETE FROM takes it; those that are there go first.
    is_new
        Whether nothing was copied there yet: a subscription of that name is no one of ours.
    """
    row = subscriber.execute(SUBSCRIPTION_SQL, [name]).fetchone()
    if row and row[0] and not is_new and has_slot(publisher, name):
        subscriber.execute(
            sql.SQL("ALTER SUBSCRIPTION {} REFRESH PUBLICATION").format(sql.Identifier(name))
        )
        return False
    unsubscribe(subscriber, name)  # what somebody left, or stopped
    _end_elsewhere(subscriber, name)
    drop_slot(publisher, name)
    _delete_rows(subscriber, copied)
    for setting in UNLOGGED_SETTINGS:
        subscriber.execute(sql.SQL(setting))
    publisher.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [name])
    subscriber.execute(
        sql.SQL(
            "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {}"
            " WITH (create_slot = false, slot_name = {})"
        ).format(
            sql.Identifier(name),
            sql.Literal(publisher_url),
            sql.Identifier(publication),
            sql.Literal(name),
        )
    )
    return True


def _end_elsewhere(subscriber: psycopg.Connection, name: str) -> None:
    """End a subscription of that name in a database that a restore has replaced."""
    replaced = subscriber.execute(
        "SELECT d.datname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid"
        " WHERE s.subname = %s AND d.datname <> current_database()",
        [name],
    ).fetchall()
    for (database,) in replaced:
        url = make_conninfo(subscriber.info.dsn, password=subscriber.info.password, dbname=database)
        with psycopg.connect(url, autocommit=True) as connection:
            unsubscribe(connection, name)


def has_slot(publisher: psycopg.Connection, name: str) -> bool:
    """Return whether a database keeps its log for a subscription; a restored one does not."""
    return name in {slot for slot, _ in publisher.execute(SLOTS_SQL)}


def _delete_rows(subscriber: psycopg.Connection, copied: Iterable[sql.Composable]) -> None:
    """Delete the rows that are to be copied; what refers to them refers to the copies."""
    with subscriber.transaction():
        subscriber.execute("SET LOCAL session_replication_role = replica")
        for rows in copied:
            subscriber.execute(sql.SQL("DELETE FROM {}").format(rows))


def stream_rows(
    source: psycopg.Connection,
    query: sql.Composable | bytes,
    target: psycopg.Connection,
    into: sql.Composable,
) -> int:
    """Copy the rows of a query, without parameters, to another database; return their number.

    Parameters
    ----------
    into
        The table, and in parentheses its columns where these are not all, in the query's order.
    """
    chosen = query if isinstance(query, bytes) else query.as_bytes(source)
    with source.cursor() as reader, target.cursor() as writer:
        with (
            reader.copy(b"COPY (" + chosen + b") TO STDOUT (FORMAT binary)") as blocks,
            writer.copy(sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(into)) as copied,
        ):
            for block in blocks:
                copied.write(block)
        return writer.rowcount


def wait_copied(subscriber: psycopg.Connection, name: str) -> None:
    """Wait until the first copy of a subscription is whole.

    Raises
    ------
    Unavailable
        It is not after COPY_TIMEOUT_S.
    """
    deadline = time.monotonic() + COPY_TIMEOUT_S
    while subscriber.execute(LEFT_SQL, [name]).fetchone() != (0,):
        if time.monotonic() > deadline:
            raise Unavailable("shard.copy_unfinished", name=name)
        time.sleep(0.05)


def unsubscribe(subscriber: psycopg.Connection, name: str) -> None:
    """End a subscription, if there is one; its slot is left to `drop_slot`."""
    if subscriber.execute(SUBSCRIPTION_SQL, [name]).fetchone() is None:
        return
    for words in ("DISABLE", "SET (slot_name = NONE)"):
        subscriber.execute(
            sql.SQL("ALTER SUBSCRIPTION {} {}").format(sql.Identifier(name), sql.SQL(words))
        )
    subscriber.execute(sql.SQL("DROP SUBSCRIPTION {}").format(sql.Identifier(name)))


def drop_slot(publisher: psycopg.Connection, name: str) -> None:
    """Drop a slot, if there is one; whoever reads from it is cut off.

    Raises
    ------
    Unavailable
        It is still in use.
    """
    publisher.execute(
        "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
        " WHERE slot_name = %s AND active_pid IS NOT NULL",
        [name],
    )
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        row = publisher.execute(
            "SELECT active FROM pg_replication_slots WHERE slot_name = %s", [name]
        ).fetchone()
        if row is None:
            return
        if not row[0]:
            publisher.execute("SELECT pg_drop_replication_slot(%s)", [name])
            return
        time.sleep(0.05)
    raise Unavailable("shard.slot_busy", name=name)


def shared_name(county: str) -> str:
    """Return the name of the slot and subscription of what goes down to a county."""
    return f"{SHARED_PUBLICATION}_{county}"


def areas_name(county: str) -> str:
    """Return the name of the slot and subscription of what comes up from a county."""
    return f"{AREAS_PUBLICATION}_{county}"
