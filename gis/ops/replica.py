"""Whether a replica may be read: it answers and is not far behind the main server."""

import re
import threading
import time
from collections import deque

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from gis.db import read_only_engine
from gis.errors import Unavailable, invalid_field
from gis.ops import databases
from gis.ops.cluster import DatabaseUrls

MAX_LAG_S = 10.0  # behind the main server; beyond it the replica is stepped over
CHECK_INTERVAL_S = 2.0
SLOT_PATTERN = re.compile(r"[a-z0-9_]{1,63}")
MAIN_LSN_SQL = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"
REPLICA_LSN_SQL = "SELECT coalesce(pg_last_wal_replay_lsn(), '0/0') - '0/0'::pg_lsn"


class Replica:
    """Whether a replica may be read at present; a thread looks every few seconds."""

    def __init__(self, url: str, main_url: str) -> None:
        """Begin to look at the first question.

        Parameters
        ----------
        url, main_url
            The replica, and the server that takes changes.
        """
        self.url, self.main_url = url, main_url
        self._usable = False
        self._positions: deque[tuple[float, int]] = deque()  # of the main server, not replayed yet
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def is_usable(self) -> bool:
        """Return whether it answered lately and was at most `MAX_LAG_S` behind."""
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="replica", daemon=True)
                    self._thread.start()
        return self._usable

    def step_over(self) -> None:
        """Read the main server until the replica has been looked at again."""
        self._usable = False

    def lag_s(self, main_position: int | None, replica_position: int, now: float) -> float:
        """Return how long ago the main server was where the replica is.

        Parameters
        ----------
        main_position
            None: it does not answer, so nothing is known to be missing.
        now
            Seconds of a monotonic clock.
        """
        if main_position is not None:
            self._positions.append((now, main_position))
        while self._positions and self._positions[0][1] <= replica_position:
            self._positions.popleft()
        return now - self._positions[0][0] if self._positions else 0.0

    def _run(self) -> None:
        while True:
            main_position = _position(self.main_url, MAIN_LSN_SQL)
            position = _position(self.url, REPLICA_LSN_SQL)
            self._usable = (
                position is not None
                and self.lag_s(main_position, position, time.monotonic()) <= MAX_LAG_S
            )
            time.sleep(CHECK_INTERVAL_S)


def keep_log(addresses: DatabaseUrls, slot: str, keep_gb: int) -> None:
    """Let the main server keep its log until a replica has it, up to a size.

    Beyond it the replica has to be copied anew, and the main server's disk is not filled. Again for
    the same slot, only the size changes.

    Parameters
    ----------
    slot
        Name of the replication slot: small letters, digits and underscores.

    Raises
    ------
    InvalidInput
        The name is not possible.
    Unavailable
        Our role may not; the message says what an administrator has to run.
    """
    if not SLOT_PATTERN.fullmatch(slot):
        raise invalid_field("slot", "replica.slot_name_wrong", name=slot)
    create = (
        f"SELECT pg_create_physical_replication_slot('{slot}', true)"  # noqa: S608  a plain name
        f" WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{slot}')"
    )
    statements = (
        create,
        f"ALTER SYSTEM SET max_slot_wal_keep_size = '{keep_gb}GB'",
        "SELECT pg_reload_conf()",
    )
    try:
        with databases.maintenance(addresses) as connection:
            for statement in statements:
                connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        raise Unavailable("replica.slot_forbidden", advice="; ".join(statements)) from None


def _position(url: str, query: str) -> int | None:
    """Return a position in the write-ahead log, in bytes; None if the server does not answer."""
    try:
        with read_only_engine(url).connect() as connection:
            return int(connection.scalar(text(query)) or 0)
    except SQLAlchemyError:
        return None
