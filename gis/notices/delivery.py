"""Delivery of the outbox to webhooks and mail, in order for each receiver.

A receiver has one deliverer at a time, which holds its lock; a process that dies releases it. A
notice that fails is tried again at growing intervals, and those after it wait until it has failed
`MAX_BLOCKING_FAILURES` times; then they pass it, and it is tried beside them. After `MAX_RETRY_AGE`
it is dead, and can be retried by hand. So a notice arrives at least once: twice if the process dies
between sending and recording it.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Engine, Row, text
from sqlalchemy.orm import Session

from gis.db import audit_context
from gis.notices import mail, webhook
from gis.notices.queries import AREA_NAME_SQL, CATEGORY_EN_SQL
from gis.notices.webhook import DeliveryError
from gis.settings import Settings

MIN_RETRY_DELAY_S, MAX_RETRY_DELAY_S = 5.0, 3600.0
MAX_BLOCKING_FAILURES = 8  # about ten minutes
MAX_RETRY_AGE = timedelta(days=3)
MIN_ATTEMPTS = 10  # before a notice is given up, however old
MAX_NOTICES_PER_TURN, MAX_TURN_S = 200, 30.0  # then other receivers have their turn

log = logging.getLogger(__name__)

# notices `n` of a receiver that may be sent: the first that others wait for, and those that were
# passed. The receiver is named apart from `n`, so that the first is looked for once, not for each.
SENDABLE_SQL = f"""n.state = 'waiting' AND (n.attempts >= {MAX_BLOCKING_FAILURES} OR n.id = (
  SELECT min(o.id) FROM notice o
  WHERE o.target_id = {{target}} AND o.state = 'waiting'
    AND o.attempts < {MAX_BLOCKING_FAILURES}))"""  # noqa: S608  a number of ours
DUE_TARGETS_SQL = f"""
SELECT t.id
FROM notice_target t
CROSS JOIN LATERAL (
  SELECT min(n.next_try_at) AS at FROM notice n
  WHERE n.target_id = t.id AND {SENDABLE_SQL.format(target="t.id")}
) next
WHERE t.active AND next.at <= :now
ORDER BY next.at
"""  # noqa: S608  our own text
NEXT_SQL = f"""
SELECT n.id, n.at, n.topic, n.county, n.body, n.attempts,
  t.id AS target, t.kind, t.address, t.secret,
  {AREA_NAME_SQL} AS area_name, {CATEGORY_EN_SQL} AS category_en
FROM notice n
JOIN notice_target t ON t.id = n.target_id
WHERE t.id = :target AND t.active AND n.next_try_at <= :now
  AND {SENDABLE_SQL.format(target=":target")}
ORDER BY n.attempts >= {MAX_BLOCKING_FAILURES}, n.id
LIMIT 1
"""  # noqa: S608  our own text
SENT_SQL = """
UPDATE notice SET state = 'sent', attempts = attempts + 1, last_error = ''
WHERE id = :id AND state = 'waiting'
"""
RESUME_SQL = """
UPDATE notice SET next_try_at = :now
WHERE target_id = :target AND state = 'waiting' AND next_try_at > :now
"""
FAILED_SQL = """
UPDATE notice SET attempts = attempts + 1, last_error = :error, next_try_at = :again
WHERE id = :id AND state = 'waiting'
"""
# when a notice is given up, so are all of its receiver that have waited as long
DEAD_SQL = """
UPDATE notice
SET state = 'dead', last_error = CASE WHEN last_error = '' THEN :error ELSE last_error END
WHERE target_id = :target AND state = 'waiting' AND at <= :before
"""
LOCK_KEY_SQL = "hashtextextended('notice_target ' || :target, 0)"


def due_targets(session: Session, now: datetime) -> list[int]:
    """Return the ids of receivers with a notice due, the longest waiting first."""
    return list(session.scalars(text(DUE_TARGETS_SQL), {"now": now}))


def deliver(
    engine: Engine, settings: Settings, target: int, stop: Callable[[], bool] = lambda: False
) -> int:
    """Send the notices that wait for a receiver, in order, and return how many arrived.

    Parameters
    ----------
    engine
        Each notice has its own transactions; none is open while something is sent.
    stop
        Called between notices; returns whether to end.

    Returns
    -------
    int
        Number of notices that arrived; 0 also if another process delivers to the receiver.

    Notes
    -----
    Ends when a notice fails, none is due or the turn is over.
    """
    arrived, began = 0, time.monotonic()
    with _only_one(engine, target) as mine:
        while (
            mine
            and arrived < MAX_NOTICES_PER_TURN
            and time.monotonic() - began < MAX_TURN_S
            and not stop()
        ):
            with Session(engine) as session:
                params = {"target": target, "now": datetime.now(UTC)}
                notice = session.execute(text(NEXT_SQL), params).one_or_none()
            if notice is None:
                break
            error = send_notice(settings, notice)
            with Session(engine) as session, session.begin(), audit_context(session, "job notices"):
                record_attempt(session, notice, error, datetime.now(UTC))
            if error:
                log.warning(
                    "notice %s to receiver %s failed %s times: %s",
                    notice.id,
                    target,
                    notice.attempts + 1,
                    error,
                )
                break
            arrived += 1
    return arrived


def send_notice(settings: Settings, notice: Any) -> str:
    """Send a notice once, and return the error; empty if it arrived."""
    try:
        if notice.kind == "email":
            mail.send(settings, notice)
        else:
            webhook.send(
                notice.address,
                notice.secret,
                notice.id,
                notice.topic,
                payload(notice),
                private=settings.private_webhooks,
            )
    except DeliveryError as error:
        return str(error)
    except Exception as error:  # else it would be tried for ever, and nobody could see why
        log.exception("notice %s cannot be sent", notice.id)
        return f"cannot be sent: {type(error).__name__}"
    return ""


def payload(notice: Any) -> bytes:
    """Return the body of a webhook request."""
    envelope = {
        "id": notice.id,
        "topic": notice.topic,
        "at": notice.at.astimezone(UTC),
        "county": notice.county,
    }
    return orjson.dumps(envelope | notice.body, option=orjson.OPT_UTC_Z)


def record_attempt(session: Session, notice: Row[Any], error: str, now: datetime) -> None:
    """Record the result of an attempt."""
    params = {"id": notice.id, "target": notice.target, "now": now, "error": error}
    if not error:
        session.execute(text(SENT_SQL), params)
        if notice.attempts:  # the receiver is back: send what waits at once
            session.execute(text(RESUME_SQL), params)
        return
    tries = notice.attempts + 1
    session.execute(text(FAILED_SQL), params | {"again": now + retry_delay(tries)})
    if tries >= MIN_ATTEMPTS and notice.at <= now - MAX_RETRY_AGE:
        session.execute(text(DEAD_SQL), params | {"before": now - MAX_RETRY_AGE})


def retry_delay(failures: int) -> timedelta:
    """Return the delay after a number of failures: doubled each time up to an hour, with jitter."""
    seconds = min(MIN_RETRY_DELAY_S * 2.0 ** min(failures - 1, 20), MAX_RETRY_DELAY_S)
    return timedelta(seconds=seconds * random.uniform(0.75, 1.0))


@contextmanager
def _only_one(engine: Engine, target: int) -> Iterator[bool]:
    """Hold a receiver's lock on its own connection, outside any transaction.

    Yields False if another process has it.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        mine = bool(
            connection.scalar(
                text(f"SELECT pg_try_advisory_lock({LOCK_KEY_SQL})"), {"target": str(target)}
            )
        )
        try:
            yield mine
        finally:
            if mine:
                connection.execute(
                    text(f"SELECT pg_advisory_unlock({LOCK_KEY_SQL})"), {"target": str(target)}
                )
