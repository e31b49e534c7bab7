"""What each move changes beside the state: columns, the event's detail, and offers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from gis.errors import Conflict, invalid_field
from gis.incidents import working_time
from gis.incidents.catalogue import editions
from gis.incidents.lifecycle.events import lock_incident
from gis.incidents.lifecycle.rerouting import stored_location
from gis.incidents.models import SEVERITIES, Incident, IncidentEvent
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.routing.claimants import list_claimants
from gis.incidents.routing.location import IncidentLocation
from gis.incidents.routing.post_holders import HEIGHT, home, list_post_holders, office
from gis.incidents.routing.router import CLOCK_COLUMNS, route, stage_clock
from gis.incidents.states import ENDED_STATES, State
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.living import has_account
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY

MAX_LIMIT_MINUTES = 60 * 24 * 366  # minutes


@dataclass(frozen=True)
class MovePayload:
    """What goes with a move; each move reads what it needs.

    note: What is said; some moves need it. to, role: For dispatch: the code of a person, or a role
    of the place. way: For dispatch: assign, or order to push it to whoever claims it. category,
    severity: For accept, reclassify. minutes: For more time, and for a new limit: working minutes.
    parent: For link. rating (1 to 5), solved: For rate. update_id: For note: its number in the
    system that sends it.
    """

    note: str = ""
    to: str = ""
    role: str = ""
    way: str = ""
    category: str = ""
    severity: str = ""
    minutes: float | None = None
    parent: UUID | None = None
    rating: int | None = None
    solved: bool | None = None
    update_id: str = ""


NOTHING = MovePayload()
Effect = tuple[dict[str, Any], dict[str, Any], list[Any]]  # columns, the event's detail, offers


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
    kind = editions.get_edition(session, row.edition_id).category(payload.category or row.category)
    severity = payload.severity or row.severity
    location = stored_location(session, row)
    routed = route(session, location, kind, severity, row.channel, now, now)
    new_state = State.ACCEPTED if row.state in ("reported", "returned") else row.state
    changes = {
        "category": kind.code,
        "severity": severity,
        "rule_id": routed.columns["rule_id"],
        "rule_name": routed.columns["rule_name"],
        "skill": kind.skill,
        "time_limits": routed.columns["time_limits"],
        **stage_clock(
            routed.columns["time_limits"],
            new_state,
            *(
                (row.stage_started_at or now, row.elapsed_min)
                if new_state == row.state
                else (now, None)
            ),
        ),
    }
    detail = {
        "category": [row.category, kind.code],
        "severity": [row.severity, severity],
        "rule": [row.rule_name, routed.columns["rule_name"]],
    }
    return changes, detail, []


def _dispatch(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    location = stored_location(session, row)
    if payload.way not in ("", "assign", "order"):
        raise invalid_field("way", "dispatch.way_unknown", way=payload.way[:40])
    if payload.way == "order":
        skill = row.skill
        if not skill:
            raise invalid_field("way", "dispatch.no_skill")
        claimants, offer_step = list_claimants(session, location, skill, now)
        if not claimants:
            raise Conflict("dispatch.nobody_claims", skill=skill)
        changes: dict[str, Any] = {
            "dispatch_mode": "order",
            "role": None,
            "area_id": None,
            "holder_id": None,
        }
        return changes, {"how": [offer_step], "way": "order"}, claimants
    if payload.to:
        holders = [
            seat
            for seat in list_post_holders(session, location.area_ids, location.building_id, now)
            if seat.person_code == payload.to
        ]
        if payload.role:
            holders = [seat for seat in holders if seat.role == payload.role]
        if holders:
            seat = holders[0]
            role, area, person = seat.role, seat.area_id, seat.person_id
            code = seat.code
        else:
            role, area, person, code = _taker(session, location, payload.to)
        changes = {"dispatch_mode": "assign", "role": role, "area_id": area, "holder_id": person}
        return (
            changes,
            {"role": role, "area": code, "person": payload.to, "way": "assign", "chosen": True},
            [],
        )
    if payload.role and payload.role not in ROLE_BY_KEY:
        raise invalid_field("role", "dispatch.role_unknown", role=payload.role[:40])
    first_role = payload.role or row.time_limits.get("first_role") or "grid_worker"
    escalation = () if payload.role else row.time_limits.get("escalation", ())
    to = home(session, row.area_ids, row.building_id, first_role, escalation, now)
    changes = {"dispatch_mode": "assign", **to.columns}
    how = to.how
    assignment = (
        {"role": to.seat.role, "area": to.seat.code, "person": to.seat.person_code}
        if to.seat
        else {}
    )
    return changes, {**assignment, "way": "assign", "how": how}, []


TAKER = f"""
SELECT t.role, t.area_id, t.person_id, a.code FROM order_taker t JOIN personal.person p
    ON p.id = t.person_id
  JOIN area a ON a.id = t.area_id
WHERE p.code = :code AND t.active AND t.area_id = ANY(:areas) AND {has_account("t.person_id")}
"""  # noqa: S608  our own text


def _taker(session: Session, location: IncidentLocation, code: str) -> tuple[str, int, int, str]:
    claimant = session.execute(text(TAKER), {"code": code, "areas": location.area_ids}).first()
    if claimant is None:
        raise invalid_field("to", "dispatch.person_not_there", code=code[:40])
    return claimant[0], claimant[1], claimant[2], claimant[3]


def _take(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    if principal.person_id is None or principal.person_id == row.holder_id:
        return {}, {}, []
    query = (
        "SELECT coalesce((SELECT role FROM order_taker WHERE person_id = :person"
        " AND :way = 'order'), :role,"
        " (SELECT role FROM post WHERE holder_id = :person"
        " AND valid_time @> CAST(:at AS timestamptz) ORDER BY id LIMIT 1))"
    )
    params = {"person": principal.person_id, "way": row.dispatch_mode, "role": row.role, "at": now}
    return {"holder_id": principal.person_id, "role": session.scalar(text(query), params)}, {}, []


def _return(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    waits = office(session, row.area_ids, now)
    return (
        {"dispatch_mode": "assign", **waits.columns},
        {"from_role": row.role, "how": [waits.decision]},
        [],
    )


def _stop(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    spent = row.elapsed_min or 0.0
    if row.stage_started_at is not None:
        spent += working_time.elapsed_minutes(
            row.stage_started_at,
            now,
            around_the_clock=bool(row.time_limits.get("around_the_clock")),
        )
    return (
        dict.fromkeys(CLOCK_COLUMNS) | {"elapsed_min": round(spent, 3)},
        {"spent_min": round(spent, 1)},
        [],
    )


def _resume(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    return (
        stage_clock(row.time_limits, row.state_before_suspension, now, row.elapsed_min),
        {"spent_min": round(row.elapsed_min or 0.0, 1)},
        [],
    )


def _minutes(payload: MovePayload, requested: object = None) -> float:
    minutes = payload.minutes if payload.minutes is not None else requested
    if not isinstance(minutes, int | float) or not 0 < minutes <= MAX_LIMIT_MINUTES:
        raise invalid_field("minutes", "limit.minutes_out_of_range", limit=MAX_LIMIT_MINUTES)
    return float(minutes)


def _ask_time(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    return {}, {"minutes": _minutes(payload)}, []


def _asked_minutes(
    session: Session, row: LockedIncident, payload: MovePayload, request: str
) -> float:
    """Return the minutes that are approved: those asked for, unless the approval names others."""
    query = (
        select(IncidentEvent.detail["minutes"])
        .where(IncidentEvent.incident_id == row.id, IncidentEvent.move == request)
        .order_by(IncidentEvent.id.desc())
        .limit(1)
    )
    return _minutes(payload, session.scalar(query))


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
    columns = stage_clock(limits, row.state, row.stage_started_at or now, row.elapsed_min)
    detail = {
        "minutes": [row.time_limits[row.state], minutes],
        "due": [row.due_at, columns["due_at"]],
    }
    return columns | {"time_limits": limits}, detail, []


def _supervise(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    role = next((key for key, _ in principal.roles), principal.kind)
    if HEIGHT.get(role, 0) < HEIGHT.get(row.supervisor_role or "", 0):
        role = row.supervisor_role or role  # it never goes down
    return (
        {
            "supervised": True,
            "supervise_level": max(row.supervise_level, 1),
            "supervisor_role": role,
        },
        {},
        [],
    )


def _release(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    if not row.supervised:
        raise Conflict("release.not_supervised")
    return (
        {"supervised": False, "supervise_level": 0, "supervisor_role": None},
        {"level": row.supervise_level},
        [],
    )


def _rate(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    if payload.rating is None or not 1 <= payload.rating <= 5:
        raise invalid_field("rating", "rate.rating_out_of_range")
    office_record = not is_reporters_rating(principal, row)
    detail = {"rating": payload.rating, "solved": payload.solved, "follow_up": office_record}
    names = ("office_rating", "office_solved") if office_record else ("rating", "solved")
    return dict(zip(names, (payload.rating, payload.solved), strict=True)), detail, []


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
    changes: dict[str, Any] = {"parent_id": None, "office_solved": None, "dispatch_mode": "assign"}
    if row.solved:
        changes["solved"] = None
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
    return {"parent_id": other.id, **dict.fromkeys(CLOCK_COLUMNS)}, {"parent": str(other.id)}, []


def _unlink(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    if row.parent_id is None:
        raise Conflict("unlink.not_linked")
    return (
        {"parent_id": None, **stage_clock(row.time_limits, row.state, now)},
        {"parent": str(row.parent_id)},
        [],
    )


def _note(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    return {}, {"update_id": payload.update_id} if payload.update_id else {}, []


EFFECTS = {
    "note": _note,
    "accept": _accept,
    "reclassify": _reclassify,
    "dispatch": _dispatch,
    "take": _take,
    "return": _return,
    "approve_suspend": _stop,
    "resume": _resume,
    "request_extend": _ask_time,
    "approve_extend": _extend,
    "request_limit": _ask_time,
    "approve_limit": _set_limit,
    "supervise": _supervise,
    "release": _release,
    "rate": _rate,
    "reopen": _reopen,
    "link": _link,
    "unlink": _unlink,
}
