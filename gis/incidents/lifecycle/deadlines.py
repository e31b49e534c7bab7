"""What time alone brings about.

What lapsed with its holder is passed on, overdue matters go one level up, orders nobody claimed
fall back to the community.

Each sweep does a batch of what is due now. A batch holds its rows and passes over those that
somebody else holds, so two workers never do the same; what is done is no longer due, so a run more
or less changes nothing.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import audit_context
from gis.incidents.lifecycle import supervision, upkeep
from gis.rights.living import LIVING, NO_ACCOUNTS, on_duty

BATCH = 50  # incidents held at once

log = logging.getLogger(__name__)


class DeadlineRule(NamedTuple):
    """Incidents that are due by the clock in a column, and what is done to each.

    It says whether it did something.
    """

    at: str
    which: str
    do: Callable[[Session, UUID, datetime], bool]
    who: str


# held by somebody who cannot act on it, or offered only to such; holders are looked at once each
LAPSED = f"""state IN ('dispatched', 'taken') AND (
  holder_id IN (SELECT h.holder_id FROM (
      SELECT DISTINCT o.holder_id FROM incident o WHERE o.state IN ('dispatched', 'taken')
          AND o.holder_id IS NOT NULL) h
    WHERE NOT ({NO_ACCOUNTS} AND {on_duty("h.holder_id", ":now")}
        OR {LIVING.able("h.holder_id", ":now")}))
  OR dispatch_mode = 'order' AND state = 'dispatched' AND NOT {NO_ACCOUNTS} AND NOT EXISTS (
    SELECT FROM order_offer o WHERE o.incident_id = i.id
        AND {LIVING.able("o.person_id", ":now")}))"""  # noqa: S608  our own text

DEADLINE_RULES = {
    "lapsed": DeadlineRule("reported_at", LAPSED, upkeep.pass_on, "job owners"),
    "overdue": DeadlineRule(
        "supervise_at",
        "state NOT IN ('closed', 'void')",
        supervision.escalate_overdue,
        supervision.SUPERVISION_ACTOR,
    ),
    "vacant": DeadlineRule(
        "reported_at",
        f"state NOT IN ('closed', 'void') AND {supervision.VACANT}",
        supervision.fill_vacant_chair,
        supervision.SUPERVISION_ACTOR,
    ),
    "suspension_ends": DeadlineRule(
        "suspension_reminder_at",
        "state = 'suspended'",
        upkeep.remind_of_suspension,
        upkeep.SUSPENSION_ACTOR,
    ),
    "suspended": DeadlineRule(
        "suspended_until",
        "state = 'suspended' AND parent_id IS NULL",
        upkeep.resume_suspended,
        upkeep.SUSPENSION_ACTOR,
    ),
    "unclaimed": DeadlineRule(
        "due_at",
        "dispatch_mode = 'order' AND state = 'dispatched'",
        upkeep.expire_order,
        "job orders",
    ),
}


DUE_RULES_SQL = " UNION ALL ".join(
    f"SELECT '{name}' WHERE EXISTS (SELECT FROM incident i"  # noqa: S608  the table above
    f" WHERE {rule.at} <= :now AND {rule.which})"
    for name, rule in DEADLINE_RULES.items()
)


def list_due(session: Session, now: datetime) -> list[str]:
    """Return the rules under which an incident is due, in their order."""
    return list(session.scalars(text(DUE_RULES_SQL), {"now": now}))


class Batch(NamedTuple):
    """What came of a batch.

    done: How many incidents were changed. last: Time and id to go on after; None: nothing more is
    due.
    """

    done: int
    last: tuple[datetime, UUID] | None


def run_deadline_batch(
    session: Session, name: str, now: datetime, cursor: tuple[datetime, UUID] | None = None
) -> Batch:
    """Do the next incidents of a sweep, the longest due first.

    The caller commits, then asks for those after.

    One that fails is left as it was, logged by its id, and does not keep the others from their
    turn.

    Parameters
    ----------
    name
        One of `DEADLINE_RULES`.
    """
    rule = DEADLINE_RULES[name]
    beyond = "" if cursor is None else f"AND ({rule.at}, id) > (:after_at, :after_id)"
    # raw SQL: FOR UPDATE SKIP LOCKED under the conditions of the table above
    query = f"""
      SELECT {rule.at}, id FROM incident i WHERE {rule.at} <= :now AND {rule.which} {beyond}
      ORDER BY {rule.at}, id LIMIT {BATCH} FOR UPDATE SKIP LOCKED
    """  # noqa: S608  the words of the table above
    at, number = cursor or (None, None)
    rows = session.execute(text(query), {"now": now, "after_at": at, "after_id": number}).all()
    if not rows:
        return Batch(0, None)
    done = 0
    with audit_context(session, rule.who, name):
        for _, incident_id in rows:
            try:
                with session.begin_nested():
                    done += rule.do(session, incident_id, now)
            except Exception:
                log.exception("%s failed for incident %s", name, incident_id)
    return Batch(done, (rows[-1][0], rows[-1][1]))
