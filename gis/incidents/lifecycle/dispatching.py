"""What a dispatch changes: an order is offered, or a person or a post of the rules assigned."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Conflict, invalid_field
from gis.incidents.clock import late_holders
from gis.incidents.lifecycle.payload import Effect, MovePayload
from gis.incidents.lifecycle.rerouting import stored_location
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.routing.claimants import ORDER_TAKERS_SQL, list_claimants
from gis.incidents.routing.location import IncidentLocation
from gis.incidents.routing.post_holders import home, list_post_holders
from gis.rights.living import has_account
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY

CLAIMANT = f"""
SELECT t.role, t.area_id, t.person_id, a.code, t.organisation_id FROM ({ORDER_TAKERS_SQL}) t
  JOIN personal.person p ON p.id = t.person_id
  JOIN area a ON a.id = t.area_id
WHERE p.code = :code AND t.area_id = ANY(:areas) AND {has_account("t.person_id")}
ORDER BY t.organisation_id NULLS FIRST LIMIT 1
"""  # noqa: S608  our own text


def dispatch(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    """Return what a dispatch changes.

    Raises
    ------
    InvalidInput
        The way, person or role is none here, or the category has no skill to order by.
    Conflict
        Nobody may claim the order.
    """
    if payload.way not in ("", "assign", "order"):
        raise invalid_field("way", "dispatch.way_unknown", way=payload.way[:40])
    location = stored_location(session, row)
    if payload.way == "order":
        return _offer(session, location, row.skill, now)
    if payload.to:
        return _assign_person(session, location, payload.to, payload.role, now)
    return _assign_post(session, row, payload.role, now)


def _offer(session: Session, location: IncidentLocation, skill: str, now: datetime) -> Effect:
    """Offer the order to those with the skill who may claim it.

    Raises
    ------
    InvalidInput
        No skill is named.
    Conflict
        Nobody can claim it.
    """
    if not skill:
        raise invalid_field("way", "dispatch.no_skill")
    claimants, offer_step = list_claimants(session, location, skill, now)
    if not claimants:
        raise Conflict("dispatch.nobody_claims", skill=skill)
    changes: dict[str, Any] = dict.fromkeys(("role", "area_id", "holder_id"))
    return changes | {"dispatch_mode": "order"}, {"how": [offer_step], "way": "order"}, claimants


def _assign_person(
    session: Session, location: IncidentLocation, person_code: str, role: str, now: datetime
) -> Effect:
    """Assign to a person: in a post here, of the role if one is named, else as a claimant."""
    posts = (
        (holder.role, holder.area_id, holder.person_id, holder.code, None)
        for holder in list_post_holders(session, location.area_ids, location.building_id, now)
        if holder.person_code == person_code and role in ("", holder.role)
    )
    role_key, area_id, person_id, area_code, team = next(posts, None) or _claimant(
        session, location, person_code, now
    )
    changes = {
        "dispatch_mode": "assign",
        "role": role_key,
        "area_id": area_id,
        "holder_id": person_id,
        "organisation_id": team,
    }
    detail = {
        "role": role_key,
        "area": area_code,
        "person": person_code,
        "way": "assign",
        "chosen": True,
    }
    return changes, detail, []


def _claimant(
    session: Session, location: IncidentLocation, code: str, now: datetime
) -> tuple[Any, ...]:
    """Return role, area, person, area code and team of one who claims orders here.

    Raises
    ------
    InvalidInput
        There is no such person here.
    """
    params = {"code": code, "areas": location.area_ids, "at": now}
    claimant = session.execute(text(CLAIMANT), params).first()
    if claimant is None:
        raise invalid_field("to", "dispatch.person_not_there", code=code[:40])
    return tuple(claimant)


def _assign_post(session: Session, row: LockedIncident, role: str, now: datetime) -> Effect:
    """Assign to the post of a role, else to the first of the incident's rule and its escalation.

    Raises
    ------
    InvalidInput
        There is no such role.
    """
    if role and role not in ROLE_BY_KEY:
        raise invalid_field("role", "dispatch.role_unknown", role=role[:40])
    first_role = role or row.time_limits.get("first_role") or "grid_worker"
    escalation = () if role else row.time_limits.get("escalation", ())
    late, place = late_holders(row, now), (row.area_ids, row.building_id)
    post_holders = [  # who let its time pass is passed over
        replace(seat, person_id=None, absence="late") if seat.person_id in late else seat
        for seat in list_post_holders(session, *place, now)
    ]
    assigned = home(session, *place, first_role, escalation, now, post_holders)
    detail: dict[str, Any] = {"way": "assign", "how": assigned.how}
    if seat := assigned.seat:
        detail |= {"role": seat.role, "area": seat.code, "person": seat.person_code}
    return {"dispatch_mode": "assign", **assigned.columns}, detail, []
