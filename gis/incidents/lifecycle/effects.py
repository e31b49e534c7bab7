"""What each move changes beside the state: columns, the event's detail, and offers."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from gis.errors import Conflict, invalid_field
from gis.incidents.clock import (
    Spent,
    begun_anew,
    clock_of,
    require_limit,
    spent_minutes,
    spent_until,
    stage_clock,
)
from gis.incidents.lifecycle.dispatching import dispatch
from gis.incidents.lifecycle.events import lock_incident
from gis.incidents.lifecycle.follow_up import NOT_ASKED, follow_up
from gis.incidents.lifecycle.payload import Effect, MovePayload
from gis.incidents.lifecycle.relocation import relocate
from gis.incidents.lifecycle.rerouting import reclassified
from gis.incidents.lifecycle.splitting import split
from gis.incidents.models import SEVERITIES, Incident, IncidentEvent
from gis.incidents.policy import MAX_SUSPENSION, policy_of
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.routing.claimants import TEAM_ROLE_SQL
from gis.incidents.routing.post_holders import HEIGHT, office
from gis.incidents.states import ENDED_STATES
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.principal import Principal

# As what somebody takes an order: for the team it was offered to, else alone.
CLAIMED_AS_SQL = f"""
SELECT o.id AS organisation_id, coalesce(
  CASE WHEN o.id IS NOT NULL THEN {TEAM_ROLE_SQL} END,
  (SELECT role FROM order_taker WHERE person_id = :person AND :way = 'order'),
  :role,
  (SELECT role FROM post WHERE holder_id = :person
    AND valid_time @> CAST(:at AS timestamptz) ORDER BY id LIMIT 1)) AS role
FROM (VALUES (1)) one
LEFT JOIN order_offer f ON f.incident_id = :incident AND f.person_id = :person AND :way = 'order'
LEFT JOIN organisation o ON o.id = f.organisation_id
"""  # noqa: S608  our own text
NOT_SUPERVISED: dict[str, Any] = {"supervised": False, "supervisor_role": None}


def _accept(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    if payload.category or payload.severity:
        return _reclassify(session, principal, row, payload, now)
    return {}, {}, []


def _reclassify(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    if not payload.category and not payload.severity:
        raise invalid_field("category", "reclassify.category_missing")
    if payload.severity and payload.severity not in SEVERITIES:
        raise invalid_field(
            "severity", "field.none_of", value=payload.severity[:40], allowed=SEVERITIES
        )
    changes, detail = reclassified(
        session, row, payload.category or row.category, payload.severity or row.severity, now
    )
    return changes, detail, []


def _take(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    if principal.person_id is None or principal.person_id == row.holder_id:
        return {}, {}, []
    params = {
        "person": principal.person_id,
        "way": row.dispatch_mode,
        "role": row.role,
        "at": now,
        "incident": row.id,
    }
    claimed = session.execute(text(CLAIMED_AS_SQL), params).mappings().one()
    return {"holder_id": principal.person_id, **claimed}, {}, []


def _return(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    waits = office(session, row.area_ids, now)
    return (
        {"dispatch_mode": "assign", **waits.columns},
        {"from_role": row.role, "how": [waits.decision]},
        [],
    )


def _request_suspend(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    if payload.until is None:
        raise invalid_field("until", "suspend.until_missing")
    if payload.until <= now:
        raise invalid_field("until", "suspend.until_past")
    if payload.until > now + MAX_SUSPENSION:
        raise invalid_field("until", "suspend.until_too_far", days=MAX_SUSPENSION.days)
    return {}, {"until": payload.until}, []


def _suspend(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    requested = _requested(session, row, "request_suspend", "until")
    latest = datetime.fromisoformat(requested) if isinstance(requested, str) else payload.until
    until = payload.until or latest
    if until is None or latest is None:
        raise invalid_field("until", "suspend.until_missing")
    if until > latest:
        raise invalid_field("until", "suspend.until_later_than_requested", until=latest.isoformat())
    if until <= now:
        raise invalid_field("until", "suspend.until_past")
    columns = suspension_columns(session, row.county, until, now)
    spent = spent_until(row, now)
    return columns, {"until": until, **_spent_detail(row, spent, row.state)}, []


def suspension_columns(
    session: Session, county: str, until: datetime, now: datetime
) -> dict[str, Any]:
    """Return the columns of a suspension that ends at a moment; a county sets the reminder."""
    days = policy_of(session, county).suspension_notice_days
    reminder = until - timedelta(days=days)
    return {
        "suspended_until": until,
        "suspension_reminder_at": reminder if days and reminder > now else None,
    }


def _spent_detail(row: LockedIncident, spent: Spent, state: str) -> dict[str, Any]:
    clock = clock_of(row.time_limits)
    return {"clock": clock, "spent_min": round(spent_minutes(spent, state, clock), 1)}


def _resume(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    columns = dict.fromkeys(("suspended_until", "suspension_reminder_at"))
    return columns, _spent_detail(row, row.spent_min, row.state_before_suspension), []


def _minutes(payload: MovePayload, requested: object = None) -> float:
    return require_limit(payload.minutes if payload.minutes is not None else requested)


def _ask_time(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    return {}, {"minutes": _minutes(payload)}, []


def _requested(session: Session, row: LockedIncident, request: str, name: str) -> object:
    """Return what the last request of a kind asks for: a value of its event's detail."""
    query = (
        select(IncidentEvent.detail[name])
        .where(IncidentEvent.incident_id == row.id, IncidentEvent.move == request)
        .order_by(IncidentEvent.id.desc())
        .limit(1)
    )
    return session.scalar(query)


def _asked_minutes(
    session: Session, row: LockedIncident, payload: MovePayload, request: str
) -> float:
    """Return the minutes that are approved: those asked for, unless the approval names others."""
    return _minutes(payload, _requested(session, row, request, "minutes"))


def _extend(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    return _limit(
        row,
        float(row.time_limits[row.state]) + _asked_minutes(session, row, payload, "request_extend"),
        now,
    )


def _set_limit(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    return _limit(row, _asked_minutes(session, row, payload, "request_limit"), now)


def _limit(row: LockedIncident, minutes: float, now: datetime) -> Effect:
    limits = dict(row.time_limits) | {row.state: minutes}
    columns = stage_clock(limits, row.state, row.stage_started_at or now, row.spent_min)
    detail = {
        "minutes": [row.time_limits[row.state], minutes],
        "due": [row.due_at, columns["due_at"]],
    }
    return {"time_limits": limits}, detail, []


def _supervise(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    role = next((key for key, _ in principal.roles if key in HEIGHT), None)
    if HEIGHT.get(role or "", 0) < HEIGHT.get(row.supervisor_role or "", 0):
        role = row.supervisor_role  # it never goes down
    return {"supervised": True, "supervisor_role": role}, {}, []


def _release(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    if not row.supervised:
        raise Conflict("release.not_supervised")
    return NOT_SUPERVISED, {"supervisor": row.supervisor_role}, []


def _rate(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    if payload.rating is None or not 1 <= payload.rating <= 5:
        raise invalid_field("rating", "rate.rating_out_of_range")
    office_record = not is_reporters_rating(principal, row)
    detail = {"rating": payload.rating, "solved": payload.solved, "follow_up": office_record}
    names = ("office_rating", "office_solved") if office_record else ("rating", "solved")
    changes: dict[str, Any] = dict(zip(names, (payload.rating, payload.solved), strict=True))
    follow_up = {"follow_up_due_at": None} if office_record else NOT_ASKED
    return changes | follow_up, detail, []


def is_reporters_rating(principal: Principal, row: LockedIncident) -> bool:
    """Return whether a rating is the reporter's own.

    Not the record of those who dispatch or handle the incident.
    """
    is_reporter = principal.kind == "reporter" or (
        principal.account_id is not None and principal.account_id == row.account_id
    )
    is_reporter = is_reporter or (principal.key_id is not None and principal.key_id == row.key_id)
    staff = principal.kind == "account" and (
        principal.is_allowed(Action.DISPATCH, row.area_ids)
        or (principal.person_id is not None and principal.person_id == row.holder_id)
    )
    return is_reporter and not staff


def _reopen(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    # back to the same chain; what repeated another stands on its own again; nobody says any more
    # that it is solved
    changes: dict[str, Any] = {
        "parent_id": None,
        "dispatch_mode": "assign",
        **NOT_SUPERVISED,
        **begun_anew(row),
    }
    # that it is not is still counted
    changes |= {name: None for name in ("solved", "office_solved") if getattr(row, name)}
    return changes, {"from": row.state, "withdrawn": bool(row.solved)}, []


def _link(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    if payload.parent is None:
        raise invalid_field("parent", "link.parent_missing")
    if payload.parent == row.id:
        raise invalid_field("parent", "link.parent_is_itself")
    if row.pending_request:
        raise Conflict("link.request_waits", request=Message(f"request.{row.pending_request}"))
    other = lock_incident(session, principal, payload.parent)
    principal.require(Action.DISPATCH, other.area_ids)
    if other.parent_id is not None:
        raise Conflict("link.parent_is_linked", parent=str(other.parent_id))
    if other.state in ENDED_STATES or other.county != row.county:
        raise Conflict("link.parent_not_open")
    session.execute(
        update(Incident).where(Incident.parent_id == row.id).values(parent_id=other.id),
        execution_options={"synchronize_session": False},
    )
    return {"parent_id": other.id}, {"parent": str(other.id)}, []


def _unlink(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    if row.parent_id is None:
        raise Conflict("unlink.not_linked")
    return {"parent_id": None}, {"parent": str(row.parent_id)}, []


def _note(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    return {}, {"update_id": payload.update_id} if payload.update_id else {}, []


EFFECTS = {
    "note": _note,
    "accept": _accept,
    "reclassify": _reclassify,
    "dispatch": dispatch,
    "take": _take,
    "return": _return,
    "request_suspend": _request_suspend,
    "approve_suspend": _suspend,
    "resume": _resume,
    "request_extend": _ask_time,
    "approve_extend": _extend,
    "request_limit": _ask_time,
    "approve_limit": _set_limit,
    "supervise": _supervise,
    "release": _release,
    "rate": _rate,
    "follow_up": follow_up,
    "reopen": _reopen,
    "relocate": relocate,
    "split": split,
    "link": _link,
    "unlink": _unlink,
}
