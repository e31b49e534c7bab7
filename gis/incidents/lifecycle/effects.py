"""What each move changes beside the state: columns, the event's detail, and whom an order is
offered to.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from gis.errors import Conflict, invalid_field
from gis.incidents import working_time
from gis.incidents.catalogue import editions
from gis.incidents.lifecycle.events import lock_incident
from gis.incidents.models import SEVERITIES, Incident
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.routing.claimants import list_claimants
from gis.incidents.routing.location import IncidentLocation
from gis.incidents.routing.post_holders import HEIGHT, Home, home, list_post_holders, office
from gis.incidents.routing.router import CLOCK_COLUMNS, COMMUNITY, route, stage_clock
from gis.incidents.states import ENDED_STATES, State
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.living import LIVING, NO_ACCOUNTS, has_account, on_duty
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY

MAX_LIMIT_MINUTES = 60 * 24 * 366  # minutes


@dataclass(frozen=True)
class MovePayload:
    """What goes with a move; each move reads what it needs.

    note: What is said; some moves need it. to, role: For dispatch: the code of a person, or a role
    of the place. way: For dispatch: assign, or order to push it to whoever claims it. category,
    severity: For accept, reclassify. minutes: For more time, and for a new limit: working minutes.
    parent: For link. rating (1 to 5), solved: For rate.
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


NOTHING = MovePayload()
Effect = tuple[dict[str, Any], dict[str, Any], list[Any]]  # columns, the event's detail, offers


def stored_location(session: Session, row: LockedIncident) -> IncidentLocation:
    """Return an incident's stored location, as far as routing needs it."""
    query = "SELECT a.id, a.level, a.code, a.name FROM area a WHERE a.id = ANY(:ids)"
    order = {"county": 0, "street": 1, "community": 2, "grid": 3, "unit": 4}
    rows = session.execute(text(query), {"ids": row.areas})
    areas = sorted(
        ((area.id, area.level, area.code, area.name) for area in rows), key=lambda a: order[a[1]]
    )
    return IncidentLocation(
        row.lon,
        row.lat,
        {},
        tuple(areas),
        row.grid_id,
        row.unit_id,
        row.building_id,
        row.revision_id,
    )


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
        "limits": routed.columns["limits"],
        **stage_clock(
            routed.columns["limits"],
            new_state,
            *((row.stage_began or now, row.spent_min) if new_state == row.state else (now, None)),
        ),
    }
    detail = {
        "category": [row.category, kind.code],
        "severity": [row.severity, severity],
        "rule": [row.rule_name, routed.columns["rule_name"]],
    }
    return changes, detail, []


def alarmed(session: Session, row: LockedIncident, new_state: str, now: datetime) -> dict[str, Any]:
    """Return the columns of an incident that turns out to be dangerous: urgent from now on, by the
    rule for that.
    """
    if row.severity == "urgent":
        return {}
    kind = editions.get_edition(session, row.edition_id).category(row.category)
    routed = route(session, stored_location(session, row), kind, "urgent", row.channel, now, now)
    routing = {key: routed.columns[key] for key in ("rule_id", "rule_name", "limits")}
    return {"severity": "urgent", **routing, **stage_clock(routing["limits"], new_state, now)}


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
        changes: dict[str, Any] = {"way": "order", "role": None, "area_id": None, "holder_id": None}
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
        changes = {"way": "assign", "role": role, "area_id": area, "holder_id": person}
        return (
            changes,
            {"role": role, "area": code, "person": payload.to, "way": "assign", "chosen": True},
            [],
        )
    if payload.role and payload.role not in ROLE_BY_KEY:
        raise invalid_field("role", "dispatch.role_unknown", role=payload.role[:40])
    first_role = payload.role or row.limits.get("first_role") or "grid_worker"
    escalation = () if payload.role else row.limits.get("escalation", ())
    to = home(session, row.areas, row.building_id, first_role, escalation, now)
    changes = {"way": "assign", **to.columns}
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
        " (SELECT role FROM post WHERE holder_id = :person AND valid_time @> CAST(:at AS timestamptz)"
        " ORDER BY id LIMIT 1))"
    )
    params = {"person": principal.person_id, "way": row.way, "role": row.role, "at": now}
    return {"holder_id": principal.person_id, "role": session.scalar(text(query), params)}, {}, []


def _return(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    waits = office(session, row.areas, now)
    return (
        {"way": "assign", **waits.columns},
        {"from_role": row.role, "how": [waits.decision]},
        [],
    )


def _stop(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    spent = row.spent_min or 0.0
    if row.stage_began is not None:
        spent += working_time.elapsed_minutes(
            row.stage_began, now, around_the_clock=bool(row.limits.get("around_the_clock"))
        )
    return (
        dict.fromkeys(CLOCK_COLUMNS) | {"spent_min": round(spent, 3)},
        {"spent_min": round(spent, 1)},
        [],
    )


def _resume(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    return (
        stage_clock(row.limits, row.before, now, row.spent_min),
        {"spent_min": round(row.spent_min or 0.0, 1)},
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
    """The minutes that are approved: those asked for, where the approval names no others."""
    query = (
        "SELECT detail -> 'minutes' FROM incident_event WHERE incident_id = :id"
        " AND move = :move ORDER BY id DESC LIMIT 1"
    )
    return _minutes(payload, session.scalar(text(query), {"id": row.id, "move": request}))


def _extend(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    return _limit(
        row,
        float(row.limits[row.state]) + _asked_minutes(session, row, payload, "request_extend"),
        now,
    )


def _set_limit(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    return _limit(row, _asked_minutes(session, row, payload, "request_limit"), now)


def _limit(row: LockedIncident, minutes: float, now: datetime) -> Effect:
    limits = dict(row.limits) | {row.state: minutes}
    columns = stage_clock(limits, row.state, row.stage_began or now, row.spent_min)
    detail = {"minutes": [row.limits[row.state], minutes], "due": [row.due_at, columns["due_at"]]}
    return columns | {"limits": limits}, detail, []


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
    """Return whether a rating is the reporter's own, not the record of those who dispatch or handle
    the incident.
    """
    is_reporter = principal.kind == "reporter" or (
        principal.account_id is not None and principal.account_id == row.account_id
    )
    is_reporter = is_reporter or (principal.key_id is not None and principal.key_id == row.key_id)
    staff = principal.kind == "account" and (
        principal.is_allowed(Action.DISPATCH, row.areas)
        or (principal.person_id is not None and principal.person_id == row.holder_id)
    )
    return is_reporter and not staff


def _reopen(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    # back to the same chain; what repeated another stands on its own again; nobody says any more
    # that it is solved
    changes: dict[str, Any] = {"parent_id": None, "office_solved": None, "way": "assign"}
    if row.solved:
        changes["solved"] = None
    return changes, {"from": row.state, "withdrawn": bool(row.solved)}, []


ABLE = (
    f"SELECT ({NO_ACCOUNTS} AND {on_duty('CAST(:person AS bigint)', ':at')})"
    f" OR {LIVING.able('CAST(:person AS bigint)', ':at')}"
)


def successor(session: Session, row: LockedIncident, now: datetime) -> Home | None:
    """Return who takes over from a holder who cannot act.

    None if the holder can, or there is none.
    """
    if row.holder_id is None or session.scalar(text(ABLE), {"person": row.holder_id, "at": now}):
        return None
    first_role = row.role if row.role in HEIGHT else row.limits.get("first_role") or COMMUNITY
    return home(
        session, row.areas, row.building_id, first_role, row.limits.get("escalation", ()), now
    )


def _link(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    if payload.parent is None:
        raise invalid_field("parent", "link.parent_missing")
    if payload.parent == row.id:
        raise invalid_field("parent", "link.parent_is_itself")
    if row.pending:
        raise Conflict("link.request_waits", request=Message(f"request_name.{row.pending}"))
    other = lock_incident(session, principal, payload.parent)
    principal.require(Action.DISPATCH, other.areas)
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
        {"parent_id": None, **stage_clock(row.limits, row.state, now)},
        {"parent": str(row.parent_id)},
        [],
    )


EFFECTS = {
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
