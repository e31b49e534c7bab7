"""What each move changes beside the state: columns, the event's detail, and whom an order is offered to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Conflict, invalid_field
from gis.incidents import working_time
from gis.incidents.catalogue import editions
from gis.incidents.lifecycle.events import lock_incident
from gis.incidents.models import SEVERITIES
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.routing.claimants import list_claimants
from gis.incidents.routing.location import IncidentLocation
from gis.incidents.routing.post_holders import HEIGHT, Home, home, list_post_holders, office
from gis.incidents.routing.router import CLOCK_COLUMNS, COMMUNITY, route, stage_clock
from gis.incidents.states import ENDED_STATES, State
from gis.rights.access import LIVING, Action, Principal
from gis.rights.living import NO_ACCOUNTS, has_account, on_duty
from gis.rights.roles import ROLE_BY_KEY

MAX_LIMIT_MINUTES = 60 * 24 * 366  # minutes


@dataclass(frozen=True)
class MovePayload:
    """What goes with a move; each move reads what it needs.

    note: What is said; some moves need it. to, role: For dispatch: the code of a person, or a role of the place.
    way: For dispatch: assign, or order to push it to whoever claims it. category, severity: For accept, reclassify.
    minutes: For more time, and for a new limit: working minutes. parent: For link. rating (1 to 5), solved: For rate.
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
    """An incident's stored place, as far as routing needs it."""
    query = "SELECT a.id, a.level, a.code, a.name FROM area a WHERE a.id = ANY(:ids)"
    order = {"county": 0, "street": 1, "community": 2, "grid": 3, "unit": 4}
    found = session.execute(text(query), {"ids": row.areas})
    areas = sorted(((one.id, one.level, one.code, one.name) for one in found), key=lambda a: order[a[1]])
    return IncidentLocation(
        row.lon, row.lat, {}, tuple(areas), row.grid_id, row.unit_id, row.building_id, row.revision_id
    )  # fmt: skip


def _accept(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    if wish.category or wish.severity:
        return _reclassify(session, by, row, wish, now)
    return {}, {}, []


def _reclassify(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    if not wish.category and not wish.severity:
        raise invalid_field("category", "is missing; or send a severity")
    if wish.severity and wish.severity not in SEVERITIES:
        words = f"{wish.severity[:40]!r} is none of {', '.join(SEVERITIES)}"
        raise invalid_field("severity", words)
    kind = editions.get_edition(session, row.edition_id).category(wish.category or row.category)
    severity = wish.severity or row.severity
    where = stored_location(session, row)
    routed = route(session, where, kind, severity, row.channel, now, now)
    after = State.ACCEPTED if row.state in ("reported", "returned") else row.state
    changes = {
        "category": kind.code, "severity": severity, "rule_id": routed.columns["rule_id"],
        "rule_name": routed.columns["rule_name"], "skill": kind.skill, "limits": routed.columns["limits"],
        **stage_clock(routed.columns["limits"], after, *((row.stage_began or now, row.spent_min) if after == row.state else (now, None))),
    }  # fmt: skip
    detail = {"category": [row.category, kind.code], "severity": [row.severity, severity],
              "rule": [row.rule_name, routed.columns["rule_name"]]}  # fmt: skip
    return changes, detail, []


def alarmed(session: Session, row: LockedIncident, after: str, now: datetime) -> dict[str, Any]:
    """The columns of a matter that turns out to be dangerous: urgent from now on, by the rule for that."""
    if row.severity == "urgent":
        return {}
    kind = editions.get_edition(session, row.edition_id).category(row.category)
    routed = route(session, stored_location(session, row), kind, "urgent", row.channel, now, now)
    found = {key: routed.columns[key] for key in ("rule_id", "rule_name", "limits")}
    return {"severity": "urgent", **found, **stage_clock(found["limits"], after, now)}


def _dispatch(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    where = stored_location(session, row)
    if wish.way not in ("", "assign", "order"):
        words = f"{wish.way[:40]!r} is neither assign nor order"
        raise invalid_field("way", words)
    if wish.way == "order":
        skill = row.skill
        if not skill:
            words = "this category asks for no skill; dispatch it to a person (to) or role"
            raise invalid_field("way", words)
        found, why = list_claimants(session, where, skill, now)
        if not found:
            raise Conflict(why.en)
        changes: dict[str, Any] = {"way": "order", "role": None, "area_id": None, "holder_id": None}
        return changes, {"how": [orjson.loads(orjson.dumps(why))], "way": "order"}, found
    if wish.to:
        here = [
            seat
            for seat in list_post_holders(session, where.area_ids, where.building_id, now)
            if seat.person_code == wish.to
        ]
        if wish.role:
            here = [seat for seat in here if seat.role == wish.role]
        if here:
            seat = here[0]
            role, area, person = seat.role, seat.area_id, seat.person_id
            code = seat.code
        else:
            role, area, person, code = _taker(session, where, wish.to)
        changes = {"way": "assign", "role": role, "area_id": area, "holder_id": person}
        return changes, {"role": role, "area": code, "person": wish.to, "way": "assign", "chosen": True}, []
    if wish.role and wish.role not in ROLE_BY_KEY:
        raise invalid_field("role", f"{wish.role[:40]!r} is no role of this city")
    first = wish.role or row.limits.get("first_role") or "grid_worker"
    escalation = () if wish.role else row.limits.get("escalation", ())
    to = home(session, row.areas, row.building_id, first, escalation, now)
    changes = {"way": "assign", **to.columns}
    how = orjson.loads(orjson.dumps(to.how))
    told = {"role": to.seat.role, "area": to.seat.code, "person": to.seat.person_code} if to.seat else {}
    return changes, {**told, "way": "assign", "how": how}, []


TAKER = f"""
SELECT t.role, t.area_id, t.person_id, a.code FROM order_taker t JOIN personal.person p ON p.id = t.person_id
  JOIN area a ON a.id = t.area_id
WHERE p.code = :code AND t.active AND t.area_id = ANY(:areas) AND {has_account("t.person_id")}
"""  # noqa: S608  our own text


def _taker(session: Session, where: IncidentLocation, code: str) -> tuple[str, int, int, str]:
    found = session.execute(text(TAKER), {"code": code, "areas": where.area_ids}).first()
    if found is None:
        words = f"nobody with the code {code[:40]!r} is in a post of this place or takes its orders now"
        raise invalid_field("to", words)
    return found[0], found[1], found[2], found[3]


def _take(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    if by.person_id is None or by.person_id == row.holder_id:
        return {}, {}, []
    query = (
        "SELECT coalesce((SELECT role FROM order_taker WHERE person_id = :person AND :way = 'order'), :role,"
        " (SELECT role FROM post WHERE holder_id = :person AND valid @> CAST(:at AS timestamptz) ORDER BY id LIMIT 1))"
    )
    params = {"person": by.person_id, "way": row.way, "role": row.role, "at": now}
    return {"holder_id": by.person_id, "role": session.scalar(text(query), params)}, {}, []


def _return(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    waits = office(session, row.areas, now)
    return (
        {"way": "assign", **waits.columns},
        {"from_role": row.role, "how": orjson.loads(orjson.dumps([waits.decision]))},
        [],
    )


def _stop(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    spent = row.spent_min or 0.0
    if row.stage_began is not None:
        spent += working_time.elapsed_minutes(
            row.stage_began, now, around_the_clock=bool(row.limits.get("around_the_clock"))
        )
    return dict.fromkeys(CLOCK_COLUMNS) | {"spent_min": round(spent, 3)}, {"spent_min": round(spent, 1)}, []


def _resume(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    return (
        stage_clock(row.limits, row.before, now, row.spent_min),
        {"spent_min": round(row.spent_min or 0.0, 1)},
        [],
    )


def _minutes(wish: MovePayload, given: object = None) -> float:
    minutes = wish.minutes if wish.minutes is not None else given
    if not isinstance(minutes, int | float) or not 0 < minutes <= MAX_LIMIT_MINUTES:
        words = f"must be more than 0 and at most {MAX_LIMIT_MINUTES:,} working minutes"
        raise invalid_field("minutes", words)
    return float(minutes)


def _ask_time(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    return {}, {"minutes": _minutes(wish)}, []


def _asked_minutes(session: Session, row: LockedIncident, wish: MovePayload, request: str) -> float:
    """The minutes that are approved: those asked for, where the approval names no others."""
    query = "SELECT detail -> 'minutes' FROM incident_event WHERE incident_id = :id AND move = :move ORDER BY id DESC LIMIT 1"
    return _minutes(wish, session.scalar(text(query), {"id": row.id, "move": request}))


def _extend(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    return _limit(row, float(row.limits[row.state]) + _asked_minutes(session, row, wish, "request_extend"), now)


def _set_limit(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    return _limit(row, _asked_minutes(session, row, wish, "request_limit"), now)


def _limit(row: LockedIncident, minutes: float, now: datetime) -> Effect:
    limits = dict(row.limits) | {row.state: minutes}
    columns = stage_clock(limits, row.state, row.stage_began or now, row.spent_min)
    detail = {"minutes": [row.limits[row.state], minutes], "due": [row.due_at, columns["due_at"]]}
    return columns | {"limits": limits}, detail, []


def _supervise(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    role = next((key for key, _ in by.roles), by.kind)
    if HEIGHT.get(role, 0) < HEIGHT.get(row.supervisor_role or "", 0):
        role = row.supervisor_role or role  # it never goes down
    return {"supervised": True, "supervise_level": max(row.supervise_level, 1), "supervisor_role": role}, {}, []


def _release(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    if not row.supervised:
        raise Conflict("release: the incident is not supervised")
    return {"supervised": False, "supervise_level": 0, "supervisor_role": None}, {"level": row.supervise_level}, []


def _rate(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    if wish.rating is None or not 1 <= wish.rating <= 5:
        words = "must be a whole number from 1 (bad) to 5 (good)"
        raise invalid_field("rating", words)
    office_record = not residents_word(by, row)
    told = {"rating": wish.rating, "solved": wish.solved, "follow_up": office_record}
    names = ("office_rating", "office_solved") if office_record else ("rating", "solved")
    return dict(zip(names, (wish.rating, wish.solved), strict=True)), told, []


def residents_word(by: Principal, row: LockedIncident) -> bool:
    """Whether a rating is the reporter's own, not the record of those who dispatch or handle the matter."""
    own = by.kind == "reporter" or (by.account_id is not None and by.account_id == row.account_id)
    own = own or (by.key_id is not None and by.key_id == row.key_id)
    staff = by.kind == "account" and (
        by.may(Action.DISPATCH, row.areas) or (by.person_id is not None and by.person_id == row.holder_id)
    )
    return own and not staff


def _reopen(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    # back to the same chain; what repeated another stands on its own again; nobody says any more that it is solved
    changes: dict[str, Any] = {"parent_id": None, "office_solved": None, "way": "assign"}
    if row.solved:
        changes["solved"] = None
    return changes, {"from": row.state, "withdrawn": bool(row.solved)}, []


ABLE = f"SELECT ({NO_ACCOUNTS} AND {on_duty('CAST(:person AS bigint)', ':at')}) OR {LIVING.able('CAST(:person AS bigint)', ':at')}"


def successor(session: Session, row: LockedIncident, now: datetime) -> Home | None:
    """Who has a matter instead of a holder who cannot act on it; None where the holder can, or nobody holds it."""
    if row.holder_id is None or session.scalar(text(ABLE), {"person": row.holder_id, "at": now}):
        return None
    first = row.role if row.role in HEIGHT else row.limits.get("first_role") or COMMUNITY
    return home(session, row.areas, row.building_id, first, row.limits.get("escalation", ()), now)


def _link(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    if wish.parent is None:
        raise invalid_field("parent", "is missing; the id of the other incident")
    if wish.parent == row.id:
        raise invalid_field("parent", "is the incident itself")
    if row.pending:
        raise Conflict(f"link: a request ({row.pending}) waits; approve or refuse it first")
    other = lock_incident(session, by, wish.parent)
    by.need(Action.DISPATCH, other.areas)
    if other.parent_id is not None:
        raise Conflict(
            f"parent: that incident repeats another one; link to {other.parent_id}", parent=str(other.parent_id)
        )
    if other.state in ENDED_STATES or other.county != row.county:
        raise Conflict("parent: that incident is closed or void, or of another county; only open ones are linked to")
    session.execute(
        text("UPDATE incident SET parent_id = :parent WHERE parent_id = :id"), {"parent": other.id, "id": row.id}
    )
    return {"parent_id": other.id, **dict.fromkeys(CLOCK_COLUMNS)}, {"parent": str(other.id)}, []


def _unlink(session: Session, by: Principal, row: LockedIncident, wish: MovePayload, now: datetime) -> Effect:
    if row.parent_id is None:
        raise Conflict("unlink: the incident is not linked to another")
    return {"parent_id": None, **stage_clock(row.limits, row.state, now)}, {"parent": str(row.parent_id)}, []


EFFECTS = {
    "accept": _accept, "reclassify": _reclassify, "dispatch": _dispatch, "take": _take, "return": _return,
    "approve_suspend": _stop, "resume": _resume, "request_extend": _ask_time, "approve_extend": _extend,
    "request_limit": _ask_time, "approve_limit": _set_limit, "supervise": _supervise, "release": _release, "rate": _rate, "reopen": _reopen,
    "link": _link, "unlink": _unlink,
}  # fmt: skip
