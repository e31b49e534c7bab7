"""Queries of notices: the principal's own, the receivers, and what did not arrive."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import AuthenticationRequired
from gis.rights.principal import Principal
from gis.rights.visibility import visibility_clause

# of a notice `n`: the name of its area, and of its category in English; empty if it has none
AREA_NAME_SQL = """coalesce((
  SELECT concat_ws(' ', CASE WHEN a.level = 'unit' THEN g.name END, a.name)
  FROM area a LEFT JOIN area g ON g.id = a.parent_id
  WHERE a.code = n.body ->> 'area'
  ORDER BY a.id DESC LIMIT 1), '')"""
CATEGORY_EN_SQL = """coalesce((
  SELECT c.en
  FROM incident m
  JOIN incident_category c ON c.edition_id = m.edition_id AND c.code = n.body ->> 'category'
  WHERE m.id = n.incident_id), '')"""
OWN_NOTICE_SQL = "(n.person_id = :own_person OR n.account_id = :own_account)"


@dataclass(frozen=True)
class InApp:
    """A notice to the principal, with the names of its area and category, if it has any."""

    id: int
    at: datetime
    topic: str
    incident: UUID | None
    body: Mapping[str, Any]
    seen: bool
    area_name: str
    category_en: str


@dataclass(frozen=True)
class NoticeTargetView:
    """A receiver without its secret.

    Attributes
    ----------
    waiting, dead
        Number of notices in these states.
    last_error
        Text of the latest failure; empty if there is none.
    area_retired_at
        Since when its area is no more, so that nothing new reaches it; None: it is there.
    """

    id: int
    kind: str
    address: str
    topics: list[str]
    area: str | None
    waiting: int
    dead: int
    last_error: str
    area_retired_at: datetime | None


@dataclass(frozen=True)
class Outgoing:
    """A notice to a receiver, and its state."""

    id: int
    at: datetime
    topic: str
    target: int
    address: str
    state: str
    attempts: int
    next_try_at: datetime
    last_error: str
    incident: UUID | None


def own_params(principal: Principal) -> dict[str, Any]:
    """Return the parameters of `OWN_NOTICE_SQL`.

    Raises
    ------
    AuthenticationRequired
        The principal is not an account.
    """
    if principal.kind != "account":
        raise AuthenticationRequired("notice_target.sign_in_needed")
    return {"own_person": principal.person_id, "own_account": principal.account_id}


def _mine(principal: Principal) -> tuple[str, dict[str, Any]]:
    """Return the SQL condition of the principal's notices, with its parameters.

    Notices about incidents that the principal may no longer see are left out.
    """
    condition, params = visibility_clause(principal, "i")
    hidden = (
        f"(n.incident_id IS NULL OR EXISTS (SELECT FROM incident i WHERE i.id = n.incident_id"
        f" AND {condition}))"
    )
    return f"{OWN_NOTICE_SQL} AND {hidden}", own_params(principal) | params


def list_notices(
    session: Session, principal: Principal, limit: int, cursor: int | None = None
) -> list[InApp]:
    """List the principal's notices, newest first.

    Parameters
    ----------
    cursor
        List only notices with a smaller number.

    Raises
    ------
    AuthenticationRequired
        The principal is not an account.
    """
    condition, params = _mine(principal)
    query = f"""
      SELECT n.id, n.at, n.topic, n.incident_id, n.body, n.state = 'seen',
        {AREA_NAME_SQL}, {CATEGORY_EN_SQL}
      FROM notice n
      WHERE {condition} AND (CAST(:before AS bigint) IS NULL OR n.id < :before)
      ORDER BY n.id DESC
      LIMIT :limit
    """  # noqa: S608  conditions of ours
    return [
        InApp(*row)
        for row in session.execute(text(query), params | {"before": cursor, "limit": limit})
    ]


def count_unseen(session: Session, principal: Principal) -> int:
    """Count the principal's unseen notices.

    Raises
    ------
    AuthenticationRequired
        The principal is not an account.
    """
    condition, params = _mine(principal)
    query = f"SELECT count(*) FROM notice n WHERE {condition} AND n.state = 'waiting'"  # noqa: S608  ours
    return int(session.scalar(text(query), params) or 0)


TARGETS_SQL = """
SELECT t.id, t.kind, t.address, t.topics, a.code,
  coalesce(n.waiting, 0), coalesce(n.dead, 0), coalesce(n.error, ''), a.retired_at
FROM notice_target t
LEFT JOIN area a ON a.id = t.area_id
LEFT JOIN (
  SELECT target_id,
    count(*) FILTER (WHERE state = 'waiting') AS waiting,
    count(*) FILTER (WHERE state = 'dead') AS dead,
    (array_agg(last_error ORDER BY id DESC) FILTER (WHERE last_error <> ''))[1] AS error
  FROM notice
  WHERE target_id IS NOT NULL AND state IN ('waiting', 'dead')
  GROUP BY target_id
) n ON n.target_id = t.id
WHERE t.active
ORDER BY t.id
"""
OUTGOING_SQL = """
SELECT n.id, n.at, n.topic, n.target_id, t.address, n.state, n.attempts, n.next_try_at,
  n.last_error, n.incident_id
FROM notice n
JOIN notice_target t ON t.id = n.target_id
WHERE n.target_id IS NOT NULL AND (:state = '' OR n.state = :state)
ORDER BY n.id DESC
LIMIT :limit
"""


LATE_AFTER = timedelta(hours=1)
LATE_SQL = """
SELECT count(*) FROM notice n
WHERE n.state = 'waiting' AND n.target_id IS NOT NULL AND n.at < :before
"""


def count_late(session: Session, now: datetime) -> int:
    """Count the notices to receivers that have not arrived within `LATE_AFTER`, nor are dead."""
    return int(session.scalar(text(LATE_SQL), {"before": now - LATE_AFTER}) or 0)


def targets(session: Session) -> list[NoticeTargetView]:
    """List the receivers that notices are sent to."""
    return [NoticeTargetView(*row) for row in session.execute(text(TARGETS_SQL))]


def outgoing(session: Session, state: str = "", limit: int = 100) -> list[Outgoing]:
    """List notices to receivers, newest first.

    Parameters
    ----------
    state
        waiting, sent or dead; empty means all.
    """
    return [
        Outgoing(*row)
        for row in session.execute(text(OUTGOING_SQL), {"state": state, "limit": limit})
    ]
