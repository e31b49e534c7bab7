"""Events of incidents: the row held, the event written with what changes by it, and who is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis.db import as_json, cached_text, execute_raw
from gis.errors import NotFound
from gis.incidents.clock import clock_changes
from gis.incidents.lifecycle.follow_up import after_work
from gis.incidents.models import Incident, IncidentEvent, OrderOffer
from gis.incidents.reading.locked import LOCK_INCIDENT_SQL, LockedIncident, locked_query
from gis.incidents.states import ENDED_STATES, next_state
from gis.notices.outbox import enqueue_notice
from gis.rights.actions import OPERATOR
from gis.rights.living import LIVING, SIGNS_IN, given_there, has_account, on_duty
from gis.rights.principal import Principal

EVENT: dict[str, Any] = {
    "from_request": "",
    "to_request": "",
    "role": "",
    "person_id": None,
    "note": "",
    "geom": None,
    "detail": {},
}


# whom a move is told, beside whoever holds the matter then: the community's desk, the reporter,
# those above
RECIPIENTS_BY_MOVE = {
    "accept": ("reporter",),
    "dispatch": ("reporter",),
    "take": ("reporter",),
    "return": ("community",),
    "handle": ("community", "reporter"),
    "close": ("reporter",),
    "send_back": ("reporter",),
    "reopen": ("community",),
    "request_suspend": ("community",),
    "request_extend": ("community",),
    "request_void": ("community",),
    "request_limit": ("community",),
    "pass_on": ("community",),
    "approve_suspend": ("reporter",),
    "resume": ("community", "reporter"),
    "suspension_ends": ("community",),
    "approve_void": ("reporter",),
    "expire": ("community",),
    "rate": ("community",),
}


def acting_role(principal: Principal) -> str:
    """Return the role an event names: the strongest of an account, else the kind of principal."""
    return next((role for role, _ in principal.roles), principal.kind)


INSERTED_COLUMNS = ", ".join(
    column.name for column in IncidentEvent.__table__.columns if column.name != "id"
)
# one statement: row by row the triggers of each statement would run for each event
INSERT_EVENTS_SQL = f"""
INSERT INTO incident_event ({INSERTED_COLUMNS}) SELECT {INSERTED_COLUMNS}
FROM jsonb_populate_recordset(NULL::incident_event, CAST(:events AS jsonb)) RETURNING id
"""  # noqa: S608  our own columns


def events_param(events: Sequence[Mapping[str, Any]]) -> str:
    """Return the parameter of INSERT_EVENTS_SQL; what an event does not say is as in EVENT."""
    return as_json([{**EVENT, **event} for event in events])


def lock_incident(
    session: Session, principal: Principal, incident_id: UUID, *, offered: bool = False
) -> LockedIncident:
    """Return an incident's row, locked until the end of the transaction.

    Parameters
    ----------
    offered
        Also an order that was offered to the principal and that somebody else has claimed.

    Raises
    ------
    NotFound
        There is none, or it is not the principal's to see.
    """
    session.execute(text(LOCK_INCIDENT_SQL), {"id": incident_id})
    query, params = locked_query(principal, offered)
    fields = session.execute(text(query), params | {"id": incident_id}).mappings().one_or_none()
    if fields is None:
        raise NotFound("incident.unknown")
    return LockedIncident(**fields)


@dataclass(frozen=True)
class EventInput:
    """What is written down of a move.

    role, person_id: As `IncidentEvent` has them. shape: EWKT of where it was done.
    """

    move: str
    actor: str
    note: str = ""
    role: str = ""
    person_id: int | None = None
    shape: str | None = None
    detail: Mapping[str, Any] | None = None


def record_event(
    session: Session,
    row: LockedIncident,
    event: EventInput,
    now: datetime,
    changes: Mapping[str, Any] | None = None,
) -> int:
    """Write one event of a locked incident, with the columns that change by it.

    Returns the event's number.

    Parameters
    ----------
    changes
        Columns of incident and their values; never those that the event itself sets. Those of its
        clocks follow from them.

    Raises
    ------
    Conflict
        The state does not allow the move.
    """
    new_state, pending = next_state(
        event.move, row.state, row.pending_request, row.state_before_suspension
    )
    detail = dict(event.detail or {})
    if new_state != row.state and row.due_at is not None:
        detail["in_time"] = now <= row.due_at  # what the figures count
    if changes and "holder_id" in changes:  # who gets it alone takes it from the team
        changes = {"organisation_id": None, **changes}
    changes = {
        **after_work(session, row, new_state, now),
        **(changes or {}),
        **clock_changes(row, new_state, changes or {}, now),
    }
    if changes:
        session.execute(
            update(Incident)
            .where(Incident.county == row.county, Incident.id == row.id)
            .values(**changes),
            execution_options={"synchronize_session": False},
        )
    stored = {"county": row.county, "incident_id": row.id, "at": now, "move": event.move}
    stored |= {"who": event.actor, "role": event.role, "person_id": event.person_id}
    stored |= {"note": event.note, "geom": event.shape, "detail": detail}
    stored |= {"from_state": row.state, "to_state": new_state}
    stored |= {"from_request": row.pending_request, "to_request": pending}
    params = {"events": events_param([stored])}
    ((number,),) = execute_raw(session, INSERT_EVENTS_SQL, params)
    return int(number)


def insert_offers(
    session: Session, county: str, incident_id: UUID, offers: Sequence[Any], now: datetime
) -> None:
    """Write to whom an order is offered, with the walking distance of each in metres."""
    session.execute(
        insert(OrderOffer).on_conflict_do_nothing(),
        [
            {
                "county": county,
                "incident_id": incident_id,
                "person_id": offer.person_id,
                "organisation_id": offer.organisation_id,
                "distance_m": offer.distance_m,
                "offered_at": now,
            }
            for offer in offers
        ],
    )


def notice_body(
    incident_id: UUID,
    state: str,
    category: str,
    category_zh: str,
    area: str,
    role: str | None,
    severity: str,
) -> dict[str, Any]:
    """Return the body of a notice; it has no names and no words of residents."""
    return {
        "incident": str(incident_id),
        "state": str(state),
        "category": category,
        "category_zh": category_zh,
        "area": area,
        "role": role,
        "severity": severity,
    }


@dataclass(frozen=True)
class Desk:
    """Who is told of what waits at a desk.

    People in its posts, and accounts with its rights alone.
    """

    people: list[int]
    accounts: list[int]


DESK_HOLDERS_SQL = f"""
WITH place AS (
  SELECT a.id, array_position(ARRAY['unit', 'grid', 'community', 'street', 'county'],
      a.level) AS height
  FROM area a WHERE a.id = ANY(:areas)
), desk AS (
  SELECT place.height, person.id AS person_id, NULL::bigint AS account_id
  FROM place JOIN post p ON p.area_id = place.id AND p.role IN ({LIVING.posts("desk")})
      AND p.valid_time @> CAST(:at AS timestamptz)
    JOIN personal.person person ON person.id IN (p.holder_id, p.deputy_id)
  WHERE {on_duty("person.id", ":at")} AND {has_account("person.id")}
  UNION ALL
  SELECT place.height, NULL, c.id
  FROM place JOIN personal.access_grant g ON g.area_id = place.id
      AND g.role IN ({LIVING.roles("desk")})
    JOIN personal.account c ON c.id = g.account_id
  WHERE {SIGNS_IN.format(a="c")} AND {on_duty("c.person_id", ":at")}
  UNION ALL
  SELECT 8, NULL, c.id
  FROM area u JOIN personal.access_grant g ON g.area_id = u.id
    JOIN personal.account c ON c.id = g.account_id
  WHERE u.level IN ('province', 'city') AND g.role IN ({LIVING.roles("desk")})
    AND {given_there("CAST(:areas AS bigint[])")}
    AND {SIGNS_IN.format(a="c")} AND {on_duty("c.person_id", ":at")}
  UNION ALL
  SELECT 9, NULL, c.id FROM personal.access_grant g JOIN personal.account c ON c.id = g.account_id
  WHERE g.role = '{OPERATOR}' AND {given_there("CAST(:areas AS bigint[])")}
      AND {SIGNS_IN.format(a="c")}
)
SELECT DISTINCT person_id, account_id FROM desk WHERE height = (SELECT min(height) FROM desk)
"""  # noqa: S608  our own text


def desk_of(session: Session, areas: Sequence[int], at: datetime) -> Desk:
    """Return the nearest desk of some areas with somebody who can act.

    The operators' if there is none.
    """
    rows = session.execute(cached_text(DESK_HOLDERS_SQL), {"areas": list(areas), "at": at}).all()
    return Desk(
        sorted(row.person_id for row in rows if row.person_id),
        sorted(row.account_id for row in rows if row.account_id),
    )


# what a notice says of an incident, and where it lies, as it is now
PRESENT_SQL = """
SELECT i.state, i.category, c.zh AS category_zh, g.code AS area, i.role, i.severity, i.area_ids
FROM incident i JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
  JOIN area g ON g.id = i.grid_id
WHERE (i.county, i.id) = (:county, :id)
"""


def present_notice(session: Session, row: LockedIncident) -> tuple[dict[str, Any], list[int]]:
    """Return the body of a notice after a move, and the areas of the incident before and after."""
    present = dict(
        session.execute(cached_text(PRESENT_SQL), {"county": row.county, "id": row.id})
        .mappings()
        .one()
    )
    areas = {*row.area_ids, *present.pop("area_ids")}
    return notice_body(row.id, **present), sorted(areas)


def notify_of_move(
    session: Session,
    row: LockedIncident,
    name: str,
    changes: Mapping[str, Any],
    principal: Principal,
    extra_person_ids: Sequence[int | None] = (),
    *,
    now: datetime,
    to_desk: bool = False,
) -> None:
    """Notify whom a recorded move concerns: the holder, others, and those of RECIPIENTS_BY_MOVE.

    If nobody holds it, the desk where it waits; that in any case if `to_desk`.
    """
    body, areas = present_notice(session, row)
    recipients = RECIPIENTS_BY_MOVE.get(name, ())
    people = {*extra_person_ids, changes.get("holder_id", row.holder_id)} - {
        None,
        principal.person_id,
    }
    accounts: list[int] = []
    waits_at_desk = (
        not people and body["state"] not in ENDED_STATES and changes.keys() & {"holder_id", "role"}
    )
    if to_desk or "community" in recipients or waits_at_desk:
        desk = desk_of(session, changes.get("area_ids", row.area_ids), now)
        people |= set(desk.people) - {principal.person_id}
        accounts = [
            account_id for account_id in desk.accounts if account_id != principal.account_id
        ]
    if "reporter" in recipients and row.account_id and row.account_id != principal.account_id:
        accounts.append(row.account_id)
    enqueue_notice(
        session,
        f"incident.{name}",
        county=row.county,
        incident_id=row.id,
        areas=areas,
        person_ids=sorted(person_id for person_id in people if person_id),
        account_ids=accounts,
        body=body,
    )
