"""A whole register kept in memory for the present, read again when the database says that something changed.

A thread listens on the channel `wangge_changed`, which triggers notify at commit with the table's name. From the
moment it hears of a change until the new state is read, `current` gives nothing and the caller asks the database
itself, so that an answer is never older than the way of a notification. Leave and posts that begin or end need no
change: their moments are compared at every question; a boundary that takes effect later ends the register's time.
"""

import threading
import time
from datetime import UTC, datetime

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gis.areas.register import Register, read_register
from gis.db import engine
from gis.people.queries import names_for_all

CHANNEL = "wangge_changed"
TABLES = frozenset(
    {"area", "boundary", "dated_parent", "building", "stairwell", "unit_part", "person", "post", "leave"}
)
ACCOUNTS = "account"  # its changes need no new register
SETTLE = 0.1  # seconds to wait for more changes before reading again
UNHEARD = 5.0  # seconds a register may be used while the listening connection is lost
BEAT = 1.0  # seconds between looks at the clock, and between tries to connect


class Live:
    """The register of the present, for one process."""

    def __init__(self, url: str) -> None:
        """url: The server that takes the changes. Nothing is connected to before the first question."""
        self.url = url
        self._register: Register | None = None
        self._read_at = 0.0
        self._stale = True
        self._for_all: bool | None = None
        self._hears = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def current(self, at: datetime) -> Register | None:
        """The register, when it is fresh and holds the moment; the caller asks the database otherwise."""
        if self._thread is None:
            self._begin()
        register = self._register
        if register is None or self._stale or not register.holds(at):
            return None
        if not self._hears and time.monotonic() - self._read_at > UNHEARD:
            return None
        return register

    def names_for_all(self) -> bool | None:
        """As the query of that name; None: it is not known just now, ask the database."""
        if self._thread is None:
            self._begin()
        if self._for_all and not self._hears and time.monotonic() - self._read_at > UNHEARD:
            return None
        return self._for_all

    def ready(self, timeout: float) -> bool:
        """Wait until a fresh register is there; False when it takes longer than so many seconds."""
        end = time.monotonic() + timeout
        while self.current(datetime.now(UTC)) is None:
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2 * BEAT)

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="register", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._hears = True
                    self._stale = True  # whatever was notified while nobody listened
                    self._for_all = self._for_all and None
                    self._listen(connection)
            except (psycopg.Error, SQLAlchemyError, OSError):
                pass  # lost: questions go to the database, which says so itself
            self._hears = False
            self._stop.wait(BEAT)

    def _listen(self, connection: psycopg.Connection) -> None:
        while not self._stop.is_set():
            if self._for_all is None:
                self._for_all = self._without_accounts()
            if self._stale or self._ended():
                fresh = self._read()
                # what was notified while reading may be missing in what was read
                self._stale = self._heard(connection, 0)
                self._register, self._read_at = fresh, time.monotonic()
            elif self._heard(connection, BEAT):
                self._stale = True
            while self._stale and self._heard(connection, SETTLE):
                pass

    def _ended(self) -> bool:
        return self._register is None or not self._register.holds(datetime.now(UTC))

    def _heard(self, connection: psycopg.Connection, timeout: float) -> bool:
        """Whether a change of ours was notified; waits so many seconds for one."""
        found = [one.payload for one in connection.notifies(timeout=timeout, stop_after=1)]
        if ACCOUNTS in found and self._for_all:
            self._for_all = None  # once there was an account it stays closed
        return not TABLES.isdisjoint(found)

    def _read(self) -> Register:
        with Session(engine(self.url)) as session:
            # all queries see one state
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            return read_register(session, datetime.now(UTC))

    def _without_accounts(self) -> bool:
        with Session(engine(self.url)) as session:
            return names_for_all(session)
