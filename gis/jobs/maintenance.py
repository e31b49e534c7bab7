"""The work of the jobs: functions of the database and the clock.

Each may run again, late, or twice at the same time without harm.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gis.boundaries.publish import apply_scheduled
from gis.db import audit_context
from gis.files import photos
from gis.incidents.lifecycle import deadlines
from gis.incidents.lifecycle.boundary_follow import reassign_after_boundary_change
from gis.incidents.lifecycle.handover import apply_due_handovers
from gis.notices import actions as notices

Part = Callable[[Engine, datetime], int]

log = logging.getLogger(__name__)

MAX_ROWS_PER_TRANSACTION = 5000  # deleted

# tables whose rows name files of photos: a file that none of them names is removed
PHOTO_TABLES = ("photo", "checkup_photo")


class Retention(NamedTuple):
    """How long rows are kept from their `at`, and a condition in SQL of those that go then."""

    age: timedelta
    which: str = "true"


ROW_RETENTION = {
    "idempotency": Retention(timedelta(days=7)),
    "personal.sign_in": Retention(timedelta(days=90)),
    # Twice what may be unread of it. A transaction may end long after it wrote: what goes had ended
    # when an old row was written. So the last rows always stay, by which a reader knows that the
    # database has not been put back.
    "demand_change": Retention(
        timedelta(days=1),
        "transaction_id <"
        " (SELECT running FROM demand_change WHERE at < :before ORDER BY id DESC LIMIT 1)",
    ),
}


def run_due(engine: Engine, now: datetime) -> dict[str, int]:
    """Run every part that is due by the clock and return how many rows each changed.

    Raises
    ------
    ExceptionGroup
        Parts failed; all others have run.
    """
    done, failed = {}, []
    for name, part in DUE_TASKS.items():
        try:
            done[name] = part(engine, now)
        except Exception as error:
            log.exception("%s failed", name)
            failed.append(error)
        else:
            if done[name]:
                log.info("%s: %s changed", name, done[name])
    if failed:
        raise ExceptionGroup("parts of the sweep failed", failed)
    return done


def _in_batches(name: str) -> Part:
    def run(engine: Engine, now: datetime) -> int:
        done, cursor = 0, None
        while True:
            with Session(engine) as session, session.begin():
                batch = deadlines.run_deadline_batch(session, name, now, cursor)
            done, cursor = done + batch.done, batch.last
            if cursor is None:
                return done

    return run


def _at_once(name: str, do: Callable[[Session, datetime], int]) -> Part:
    """Return a part that runs in one transaction, by one worker at a time; others skip it."""

    def run(engine: Engine, now: datetime) -> int:
        lock = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
        with Session(engine) as session, session.begin(), audit_context(session, f"job {name}"):
            return do(session, now) if session.scalar(lock, {"name": f"job {name}"}) else 0

    return run


# in this order, so that holders are up to date before notices about deadlines are sent
DUE_TASKS: dict[str, Part] = {
    "posts": _at_once("posts", apply_due_handovers),
    "units": _at_once("units", apply_scheduled),
    "boundaries": _at_once("boundaries", reassign_after_boundary_change),
    **{name: _in_batches(name) for name in deadlines.DEADLINE_RULES},
}


def purge_expired(engine: Engine, now: datetime, var: Path) -> dict[str, int]:
    """Delete rows and photo files past their retention, a few thousand rows a transaction.

    Parameters
    ----------
    var
        Folder of the deployment, where photos lie.

    Returns
    -------
    dict[str, int]
        Number of deleted rows by table, and of deleted photo files.
    """
    done = {
        table: _until_none(engine, _old(table, retention.which, now - retention.age))
        for table, retention in ROW_RETENTION.items()
    }
    done["notice"] = _until_none(
        engine, lambda session: notices.delete_expired(session, now, MAX_ROWS_PER_TRANSACTION)
    )
    with Session(engine) as session:
        done["photo files"] = photos.delete_orphans(session, var, PHOTO_TABLES)
    return done


def _old(table: str, which: str, cutoff: datetime) -> Callable[[Session], int]:
    query = f"""
      DELETE FROM {table}
      WHERE ctid = ANY(ARRAY(
        SELECT ctid
        FROM {table}
        WHERE at < :before AND {which}
        LIMIT {MAX_ROWS_PER_TRANSACTION}
        FOR UPDATE SKIP LOCKED))
    """  # noqa: S608  the table above
    return lambda session: int(
        getattr(session.execute(text(query), {"before": cutoff}), "rowcount", 0)
    )


def _until_none(engine: Engine, delete_some: Callable[[Session], int]) -> int:
    count = 0
    while True:
        with Session(engine) as session, session.begin():
            deleted = delete_some(session)
        count += deleted
        if not deleted:
            return count
