"""The queue of follow-up visits (回访): whom to call, since when, and how it went before."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents.reading.filters import area_id
from gis.incidents.reading.orders import KeyPart, Order
from gis.incidents.states import SOLVED, State, state_labels
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.visibility import visibility_clause


@dataclass(frozen=True)
class FollowUp:
    """A reporter to call.

    due: By when. attempts: Calls since it was handled; last_outcome: Of the last. again_at: When
    they asked to be called. reopened: How often it was. account: They have one.
    """

    id: UUID
    version: int
    state: str
    state_zh: str
    state_en: str
    category: str
    category_zh: str
    category_en: str
    severity: str
    description: str
    address: str
    area: str | None
    area_name: str | None
    reported_at: datetime
    handled_at: datetime | None
    reopened: int
    attempts: int
    last_outcome: str | None
    again_at: datetime | None
    due: datetime
    overdue: bool
    account: bool


@dataclass(frozen=True)
class FollowUpCounts:
    """How many are to be called: all, those due by now, and of urgent or reopened matters."""

    waiting: int
    overdue: int
    first: int


def _is_first(row: FollowUp) -> bool:
    return row.severity == "urgent" or row.reopened > 0


def _parse_flag(value: str) -> str:
    if value not in ("True", "False"):
        raise ValueError(value)
    return value


# urgent and reopened ones first, then by when they are due
FIRST = "(i.severity = 'urgent' OR happened.reopened > 0)"
ORDER = Order(
    (
        KeyPart("NOT q.first", "boolean", lambda row: str(not _is_first(row)), _parse_flag),
        KeyPart(
            "q.follow_up_due_at",
            "timestamptz",
            lambda row: row.due.isoformat(),
            datetime.fromisoformat,
        ),
        KeyPart("q.id", "uuid", lambda row: str(row.id), UUID),
    )
)
# raw SQL: a lateral subquery over the events, and the visibility that every reading shares as text
QUEUE = f"""
SELECT i.id, i.version, i.state, i.category, c.zh AS category_zh, c.en AS category_en, i.severity,
  i.description, i.address, a.code AS area, a.name AS area_name, i.reported_at, i.follow_up_due_at,
  i.account_id IS NOT NULL AS account, {FIRST} AS first, happened.*
FROM incident i
  JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
  LEFT JOIN area a ON a.id = i.grid_id
  CROSS JOIN LATERAL (
    SELECT max(e.at) FILTER (WHERE e.move = 'handle') AS handled_at,
      max(e.id) FILTER (WHERE e.move = 'handle') AS handled_event,
      count(*) FILTER (WHERE e.move = 'reopen') AS reopened
    FROM incident_event e
    WHERE e.incident_id = i.id AND e.move IN ('handle', 'reopen')) happened
WHERE i.follow_up_due_at IS NOT NULL AND i.state = ANY(:states) AND i.rating IS NULL
  AND (CAST(:area AS bigint) IS NULL OR i.area_ids && in_counties(ARRAY[CAST(:area AS bigint)]))
  AND {{visible}} AND {{allowed}}
"""  # noqa: S608  our own text
PAGE = f"""
SELECT q.*, calls.* FROM ({QUEUE}) q
  CROSS JOIN LATERAL (
    SELECT count(*) AS attempts,
      (array_agg(e.detail ->> 'outcome' ORDER BY e.id DESC))[1] AS last_outcome,
      (array_agg(e.detail ->> 'again_at' ORDER BY e.id DESC))[1] AS again_at
    FROM incident_event e WHERE e.incident_id = q.id AND e.move = 'follow_up'
      AND e.id > coalesce(q.handled_event, 0)) calls
WHERE {{beyond}} ORDER BY {ORDER.order_by} LIMIT :limit
"""  # noqa: S608  our own text
FOLLOW_UP_COUNTS_SQL = f"""
SELECT count(*) AS waiting, count(*) FILTER (WHERE q.follow_up_due_at < :now) AS overdue,
  count(*) FILTER (WHERE q.first) AS first
FROM ({QUEUE}) q
"""  # noqa: S608  our own text


def list_follow_ups(
    session: Session,
    by: Principal,
    now: datetime,
    area: str = "",
    cursor: str | None = None,
    limit: int = 50,
) -> list[FollowUp]:
    """List whom a principal is to call, the most pressing first.

    Who left a contact or has an account, has not rated, and was not reached yet: those of urgent
    and of reopened matters first, then by when the call is due.

    Parameters
    ----------
    by
        Needs Action.DISPATCH; only matters of areas where it is allowed are listed.
    area
        Code; only what lies in it. cursor: `ORDER.key` of the last row of the page before.

    Raises
    ------
    Forbidden, InvalidInput
        Not allowed; or the area or cursor is unknown.
    """
    where, params = _conditions(session, by, area)
    beyond = "true"
    if cursor is not None:
        beyond, behind = ORDER.behind(cursor)
        params |= behind
    query = PAGE.format(beyond=beyond, **where)
    rows = session.execute(text(query), params | {"limit": limit}).mappings()
    return [_follow_up(row, now) for row in rows]


def count_follow_ups(
    session: Session, by: Principal, now: datetime, area: str = ""
) -> FollowUpCounts:
    """Count whom a principal is to call; see `list_follow_ups`."""
    where, params = _conditions(session, by, area)
    row = session.execute(text(FOLLOW_UP_COUNTS_SQL.format(**where)), params | {"now": now}).one()
    return FollowUpCounts(row.waiting, row.overdue, row.first)


def _conditions(
    session: Session, by: Principal, area: str
) -> tuple[dict[str, str], dict[str, Any]]:
    by.require(Action.DISPATCH)
    visible, params = visibility_clause(by, "i")
    areas = by.areas_by_action[Action.DISPATCH]
    allowed = "true" if areas is None else "i.area_ids && CAST(:dispatched AS bigint[])"
    params |= {
        "states": [*SOLVED, State.CLOSED],
        "area": area_id(session, area) if area else None,
        "dispatched": sorted(areas or ()),
    }
    return {"visible": f"({visible})", "allowed": allowed}, params


def _follow_up(row: Any, now: datetime) -> FollowUp:
    values = {key: row[key] for key in FollowUp.__dataclass_fields__ if key in row}
    zh, en = state_labels(row["state"])
    again_at = row["again_at"] and datetime.fromisoformat(row["again_at"])
    due = row["follow_up_due_at"]
    return FollowUp(
        **values | {"again_at": again_at}, state_zh=zh, state_en=en, due=due, overdue=due < now
    )
