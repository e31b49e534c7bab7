"""Events of incidents: the row held, the event written with what changes by it, and who is told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import sql
from gis.errors import NotFound
from gis.incidents.queries import LOCKED, Row
from gis.incidents.routing import COMMUNITY
from gis.incidents.workflow import target
from gis.notices.outbox import tell
from gis.people.access import Principal

# in their order: the trigger checks each against what those before it left
EVENTS = """
INSERT INTO incident_event (county, incident_id, at, move, from_state, to_state, from_pending, to_pending, who, role,
  person_id, words, shape, detail)
SELECT county, incident_id, at, move, from_state, to_state, from_pending, to_pending, who, role, person_id, words,
  ST_GeomFromEWKT(shape), detail
FROM jsonb_to_recordset(CAST(:events AS jsonb)) AS e (county text, incident_id uuid, at timestamptz, move text,
  from_state text, to_state text, from_pending text, to_pending text, who text, role text, person_id bigint, words text,
  shape text, detail jsonb)
RETURNING id
"""
EVENT: dict[str, Any] = {
    "from_pending": "",
    "to_pending": "",
    "role": "",
    "person_id": None,
    "words": "",
    "shape": None,
    "detail": {},
}


# whom a move is told, beside whoever holds the matter then: the community's desk, the reporter, those above
TOLD = {
    "accept": ("reporter",), "dispatch": ("reporter",), "take": ("reporter",), "return": ("community",),
    "handle": ("community", "reporter"), "close": ("reporter",), "send_back": ("reporter",),
    "reopen": ("community",), "request_suspend": ("community",), "request_extend": ("community",),
    "request_void": ("community",), "approve_suspend": ("reporter",), "resume": ("reporter",),
    "approve_void": ("reporter",), "expire": ("community",), "rate": ("community",),
}  # fmt: skip


def as_json(value: Any) -> str:
    """JSON as text, for a column."""
    return orjson.dumps(value).decode()


def write(session: Session, events: Sequence[Mapping[str, Any]]) -> list[int]:
    """Write events in their order; returns their numbers. What an event does not say is as in EVENT."""
    return list(session.scalars(sql(EVENTS), {"events": as_json([{**EVENT, **one} for one in events])}))


def lock(session: Session, by: Principal, incident_id: UUID, *, offered: bool = False) -> Row:
    """An incident's row, held against others until the end of the transaction.

    Args:
        offered: Also an order that was offered to the asker and that somebody else has claimed.

    Raises:
        NotFound: There is none, or it is not the asker's to see.
    """
    query, params = LOCKED(by, offered)
    found = session.execute(text(query), params | {"id": incident_id}).mappings().one_or_none()
    if found is None:
        raise NotFound("there is no such incident")
    return Row(**found)


def record(
    session: Session,
    row: Row,
    name: str,
    now: datetime,
    who: str,
    *,
    words: str = "",
    role: str = "",
    person_id: int | None = None,
    shape: str | None = None,
    detail: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> int:
    """Write one event of a locked incident, with the columns that change by it. Returns the event's number.

    Args:
        changes: Columns of incident and their values; never those that the event itself sets.
        shape: EWKT of where it was done.

    Raises:
        Conflict: The state does not allow the move.
    """
    after, pending = target(name, row.state, row.pending, row.before)
    if after != row.state and row.due_at is not None:
        detail = {**(detail or {}), "in_time": now <= row.due_at}  # what the figures count
    if changes:
        values = {key: as_json(value) if key in ("limits", "how") else value for key, value in changes.items()}
        sets = ", ".join(
            f"{key} = CAST(:{key} AS jsonb)" if key in ("limits", "how") else f"{key} = :{key}" for key in values
        )
        session.execute(
            text(f"UPDATE incident SET {sets} WHERE county = :k_county AND id = :k_id"),  # noqa: S608  our own columns
            values | {"k_county": row.county, "k_id": row.id},
        )
    (number,) = write(
        session,
        [{"county": row.county, "incident_id": row.id, "at": now, "move": name, "from_state": row.state,
          "to_state": after, "from_pending": row.pending, "to_pending": pending, "who": who, "role": role,
          "person_id": person_id, "words": words, "shape": shape, "detail": detail or {}}],
    )  # fmt: skip
    return number


def offer(session: Session, county: str, incident_id: UUID, found: Sequence[Any], now: datetime) -> None:
    session.execute(
        text(
            "INSERT INTO order_offer (county, incident_id, person_id, distance_m, offered_at)"
            " SELECT :county, :id, p, d, :now FROM unnest(CAST(:persons AS bigint[]), CAST(:metres AS float8[])) o(p, d)"
            " ON CONFLICT (county, incident_id, person_id) DO NOTHING"
        ),
        {"county": county, "id": incident_id, "now": now, "persons": [one.person_id for one in found],
         "metres": [one.distance_m for one in found]},
    )  # fmt: skip


def body(
    incident_id: UUID, state: str, category: str, category_zh: str, area: str, role: str | None, severity: str
) -> dict[str, Any]:
    """What a notice tells; no names, no words of residents."""
    return {"incident": str(incident_id), "state": str(state), "category": category, "category_zh": category_zh,
            "area": area, "role": role, "severity": severity}  # fmt: skip


def tell_of(
    session: Session,
    row: Row,
    name: str,
    after: str,
    changes: Mapping[str, Any],
    by: Principal,
    offered: Sequence[int] = (),
    more: Sequence[int | None] = (),
) -> None:
    told = TOLD.get(name, ())
    people = {*offered, *more, changes.get("holder_id", row.holder_id)} - {None, by.person_id}
    if "community" in told:
        query = ("SELECT holder_id FROM post WHERE area_id = ANY(:areas) AND role = :role AND holder_id IS NOT NULL"
                 " AND valid @> CAST(:at AS timestamptz)")  # fmt: skip
        params = {"areas": row.areas, "role": COMMUNITY, "at": changes.get("stage_began") or row.changed_at}
        people |= set(session.scalars(text(query), params)) - {by.person_id}
    accounts = [row.account_id] if "reporter" in told and row.account_id and row.account_id != by.account_id else []
    tell(
        session, f"incident.{name}", county=row.county, incident_id=row.id, areas=row.areas,
        person_ids=sorted(one for one in people if one), account_ids=accounts,
        body=body(row.id, after, row.category, row.category_zh, row.grid_code, changes.get("role", row.role), row.severity),
    )  # fmt: skip
