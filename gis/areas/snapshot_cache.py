"""A complete snapshot of the present registry in memory, patched when the database changes.

Triggers notify the channel `wangge_changed` at commit with the name of the table and the keys of
the rows; a thread listens, and reads those rows again. Everything is read again only after more
changes than keys are announced for, and where a change may have been missed. From a notification
until the new state is read, `current` waits where that takes moments, else it returns None and the
caller queries the database, so a result is never older than the delay of a notification. Leave and
posts that begin or end need no notification: their moments are compared at each request. A boundary
that takes effect later ends the period of the snapshot.

Delivery is verified continuously: every second a token is notified on a separate connection, and
must arrive. A pooler in transaction mode accepts LISTEN but delivers nothing; then no token
arrives, and the snapshot is not used. Notifications arrive in the order of their commits, so a
received token also proves that no earlier change was missed.

A process that forks workers reads the register before (`preload`): they share it, and answer from
it at once where the rows that it was read from are still the same.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gis.areas.snapshot import RegistrySnapshot, read_snapshot
from gis.areas.snapshot_patch import SNAPSHOT_TABLES, patch_snapshot
from gis.db import CONNECTION_LIMITS, engine
from gis.people.queries import names_are_public

log = logging.getLogger(__name__)

CHANGE_CHANNEL = "wangge_changed"
ACCOUNTS = "account"  # its changes need no new snapshot
MAX_PATCHED_KEYS = 5000  # keys beyond which everything is read instead
DEBOUNCE_S = 0.1  # seconds to wait for more changes before everything is read
POLL_INTERVAL_S = 1.0  # seconds between tokens, and between attempts to connect
MAX_UNPROVED_S = 3.0  # seconds a snapshot may be used after the last received token
# Seconds that a request waits for a patch, which takes 5 to 15 ms on an idle processor: to query
# the database takes as long, and keeps the patch from the processor.
MAX_PATCH_WAIT_S = 0.2

# The tables that a snapshot is read from: those that announce changes, and former names.
READ_TABLES = sorted(SNAPSHOT_TABLES - {"person"} | {"personal.person", "former_name"})
# A digest of which versions of rows there are: it differs once one is inserted, changed or deleted.
DIGEST = "(SELECT coalesce(sum(hashtidextended(ctid, xmin::text::bigint)), 0) FROM {})"
ROW_VERSIONS_SQL = f"SELECT concat_ws(' ', {', '.join(map(DIGEST.format, READ_TABLES))})"
_preloaded: dict[str, tuple[str, RegistrySnapshot]] = {}  # by the server: digest of rows, snapshot


def preload(url: str) -> None:
    """Read the present register, for the processes that this one forks.

    Parameters
    ----------
    url
        The server that accepts changes, as their `SnapshotCache` gets it.
    """
    with _reading(url) as session:
        snapshot = read_snapshot(session, datetime.now(UTC))
        _preloaded[url] = str(session.scalar(text(ROW_VERSIONS_SQL))), snapshot
    snapshot.warm()


@contextmanager
def _reading(url: str) -> Iterator[Session]:
    """Yield a session whose queries all read one state."""
    with Session(engine(url)) as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        yield session


class SnapshotCache:
    """The snapshot of the present registry, for one process."""

    def __init__(self, url: str) -> None:
        """Create an empty cache; the first request connects.

        Parameters
        ----------
        url
            The server that accepts changes.
        """
        self.url = url
        self._snapshot: RegistrySnapshot | None = None
        self._stale = True
        # keys by table of what changed since the snapshot was read; None: it may be anything
        self._changes: dict[str, set[int]] | None = None
        self._for_all: bool | None = None
        self._began_at = self._proved_at = float("-inf")
        self._is_reading = False
        self._patched = threading.Event()  # cleared while a patch is under way
        self._patched.set()
        self._tokens: dict[str, float] = {}  # sent and not received yet, with the moment of sending
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def current(self, at: datetime) -> RegistrySnapshot | None:
        """Return the snapshot if it is fresh and holds the moment, else None."""
        if self._thread is None:
            self._begin()
        if self._stale:
            self._patched.wait(MAX_PATCH_WAIT_S)
        snapshot = self._snapshot
        if snapshot is None or self._stale or not snapshot.is_valid_at(at):
            return None
        return snapshot if self._is_proved() else None

    def names_for_all(self) -> bool | None:
        """Return the result of `names_are_public`, or None if it is unknown at present."""
        if self._thread is None:
            self._begin()
        return None if self._for_all and not self._is_proved() else self._for_all

    def undelivered_s(self) -> float:
        """Return the seconds for which the channel has failed to deliver.

        The value is 0 while it delivers or is not in use.
        """
        if self._thread is None:
            self._begin()
        waited = time.monotonic() - max(self._proved_at, self._began_at)
        return waited if waited > MAX_UNPROVED_S and not self._is_reading else 0.0

    def _is_proved(self) -> bool:
        return time.monotonic() - self._proved_at <= MAX_UNPROVED_S

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
            self._thread.join(timeout=2 * POLL_INTERVAL_S)

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._began_at = time.monotonic()
                self._thread = threading.Thread(target=self._run, name="register", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with closing(self._connect()) as connection, closing(self._connect()) as writer:
                    connection.execute(f"LISTEN {CHANGE_CHANNEL}")
                    self._doubt_all()  # notifications may have been missed before the connection
                    self._for_all = self._for_all and None
                    self._tokens.clear()
                    self._is_reading = False
                    self._listen(connection, writer)
            except (psycopg.Error, SQLAlchemyError, OSError):
                pass  # connection lost: requests query the database, which reports the failure
            except Exception:  # of ours, as in a patch: everything is read from the beginning
                log.exception("the register in memory is read again")
            self._patched.set()
            self._stop.wait(POLL_INTERVAL_S)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            self.url, autocommit=True, prepare_threshold=None, **CONNECTION_LIMITS
        )

    def _listen(self, connection: psycopg.Connection, writer: psycopg.Connection) -> None:
        worker, sent_at = uuid4().hex, float("-inf")
        for number in count():
            if self._stop.is_set():
                return
            if time.monotonic() - sent_at >= POLL_INTERVAL_S:
                sent_at = time.monotonic()
                self._miss(sent_at - MAX_UNPROVED_S)
                self._tokens[token := f"token:{worker}:{number}"] = sent_at
                writer.execute("SELECT pg_notify(%s, %s)", (CHANGE_CHANNEL, token))
            if self._for_all is None:
                self._for_all = self._without_accounts()
            if self._is_proved() and (self._stale or self._ended()):
                self._is_reading = True
                fresh = self._read()
                self._is_reading = False
                self._snapshot = fresh
                # changes notified during the read may be missing from it
                self._expect_patch(self._heard(connection, 0))
            elif self._heard(connection, max(0.0, sent_at + POLL_INTERVAL_S - time.monotonic())):
                self._expect_patch(True)
            while self._changes is None and self._heard(connection, DEBOUNCE_S):
                pass

    def _expect_patch(self, stale: bool) -> None:
        """Say whether the snapshot is out of date, and let requests wait if a patch mends that.

        Whoever waits looks at `_stale` again, so that is right before they go on.
        """
        if stale and self._changes is not None and self._snapshot is not None:
            self._patched.clear()
            self._stale = True
        else:
            self._stale = stale
            self._patched.set()

    def _ended(self) -> bool:
        return self._snapshot is None or not self._snapshot.is_valid_at(datetime.now(UTC))

    def _heard(self, connection: psycopg.Connection, timeout: float) -> bool:
        """Wait some seconds for notifications, and return whether the registry changed."""
        payloads = [
            notification.payload
            for notification in connection.notifies(timeout=timeout, stop_after=1)
        ]
        if ACCOUNTS in payloads and self._for_all:
            self._for_all = None  # names stay hidden once an account has existed
        for token in self._tokens.keys() & set(payloads):
            sent_at = self._tokens.pop(token)
            self._proved_at = max(self._proved_at, sent_at)
            self._miss(sent_at)
        changes = [payload.partition(":") for payload in payloads]
        changes = [change for change in changes if change[0] in SNAPSHOT_TABLES]
        for table, _, keys in changes:
            self._note_change(table, [int(key) for key in keys.split(",") if key])
        return bool(changes)

    def _note_change(self, table: str, keys: list[int]) -> None:
        """Remember which rows changed; without keys it may be any."""
        if self._changes is None or not keys:
            self._changes = None
            return
        self._changes.setdefault(table, set()).update(keys)
        if sum(map(len, self._changes.values())) > MAX_PATCHED_KEYS:
            self._changes = None

    def _doubt_all(self) -> None:
        self._stale, self._changes = True, None
        self._patched.set()

    def _miss(self, moment: float) -> None:
        """Give up the tokens sent before a moment.

        Where one was lost a change may be too, so all is read again.
        """
        for token in [token for token, at in self._tokens.items() if at < moment]:
            del self._tokens[token]
            self._doubt_all()
            self._for_all = self._for_all and None

    def _read(self) -> RegistrySnapshot:
        """Read what changed since the snapshot, or everything."""
        old, changes, now = self._snapshot, self._changes, datetime.now(UTC)
        self._changes = {}  # of what is heard from now on
        with _reading(self.url) as session:
            if old is None and (inherited := self._inherited(session, now)):
                fresh = inherited
            elif old is None or changes is None or not old.is_valid_at(now):
                fresh = read_snapshot(session, now)
            else:
                fresh = patch_snapshot(session, old, changes, now)
        fresh.warm()
        return fresh

    def _inherited(self, session: Session, now: datetime) -> RegistrySnapshot | None:
        """Return what the process that forked this one has read, if it is still so."""
        rows, snapshot = _preloaded.get(self.url, ("", None))
        if snapshot is None or not snapshot.is_valid_at(now):
            return None
        return snapshot if session.scalar(text(ROW_VERSIONS_SQL)) == rows else None

    def _without_accounts(self) -> bool:
        with Session(engine(self.url)) as session:
            return names_are_public(session)
