"""An incident that was reported at the wrong place: corrected, and routed again from there."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from gis.errors import Conflict, invalid_field
from gis.incidents.catalogue import editions
from gis.incidents.lifecycle.events import (
    EventInput,
    insert_offers,
    lock_incident,
    notify_of_move,
    record_event,
)
from gis.incidents.lifecycle.payload import Effect, MovePayload
from gis.incidents.lifecycle.rerouting import stored_location
from gis.incidents.models import OrderOffer
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.routing.location import IncidentLocation, resolve_location
from gis.incidents.routing.post_holders import office
from gis.incidents.routing.router import RoutingDecision, RoutingRequest, route
from gis.incidents.states import SOLVED, TRANSITIONS, State
from gis.rights.principal import Principal, system_principal

BUILDING_POINT = """
SELECT ST_X(p) AS lon, ST_Y(p) AS lat
FROM (SELECT ST_PointOnSurface(geom) AS p FROM building WHERE code = :code) b
"""


def relocate(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    """Return what changes when an incident lies elsewhere than it was reported.

    Elsewhere, it waits at the desk of the new place until it is dispatched there (`dispatch_anew`).
    Who has handled it keeps it; what repeats another goes on with that one.

    Raises
    ------
    InvalidInput, OutsideGrids, NotFound
        As `resolve_location`: there is no such place of ours.
    Conflict
        `relocate.other_county`, `relocate.same_place`.
    """
    lon, lat, crs = _point(session, payload)
    location, _, steps = resolve_location(
        session, now, lon=lon, lat=lat, crs=crs, address=payload.address, area=payload.area
    )
    if location.county != row.county:
        raise Conflict("relocate.other_county", county=location.county)
    if (round(location.lon, 7), round(location.lat, 7)) == (round(row.lon, 7), round(row.lat, 7)):
        raise Conflict("relocate.same_place")
    changes = location.columns | {"explanation": steps}
    if payload.address:
        changes["address"] = payload.address.strip()
    detail = {
        "from": _place(stored_location(session, row)),
        "to": _place(location),
        "how": steps,
    }
    if not _goes_elsewhere(row, location.area_ids):
        return changes, detail, []
    routed = _route(session, row, location, now)
    rule = {name: routed.columns[name] for name in ("rule_id", "rule_name", "time_limits")}
    waits = office(session, location.area_ids, now)
    changes |= rule | waits.columns | {"dispatch_mode": "assign"}
    changes["explanation"] = [*steps, *routed.how]
    return changes, detail | {"from_person": row.holder_id}, []


def _point(session: Session, payload: MovePayload) -> tuple[float | None, float | None, str | None]:
    """Return the point of a new place, as `resolve_location` takes it.

    Raises
    ------
    InvalidInput
        There is no such building.
    """
    if not payload.building:
        return payload.lon, payload.lat, payload.crs
    point = session.execute(text(BUILDING_POINT), {"code": payload.building}).one_or_none()
    if point is None:
        raise invalid_field("building", "relocate.building_unknown", code=payload.building[:40])
    return point.lon, point.lat, "cgcs2000"


def _place(location: IncidentLocation) -> dict[str, Any]:
    """Return a place as the event has it: point, EPSG:4490, and its smallest area."""
    _, _, code, name = location.areas[-1]
    return {"lon": location.lon, "lat": location.lat, "area": code, "name": name}


def _goes_elsewhere(row: LockedIncident, areas: list[int]) -> bool:
    """Return whether an incident in new areas goes to whoever is there."""
    return set(areas) != set(row.area_ids) and row.parent_id is None and row.state not in SOLVED


def _route(
    session: Session, row: LockedIncident, location: IncidentLocation, now: datetime
) -> RoutingDecision:
    category = editions.get_edition(session, row.edition_id).category(row.category)
    kind = replace(category, skill=row.skill)  # the service that was asked for comes along
    return route(session, RoutingRequest(location, kind, row.severity, row.channel, now), now)


def dispatch_anew(session: Session, old: LockedIncident, actor: str, now: datetime) -> None:
    """Dispatch an incident that was relocated, by the rule and from its new place.

    Its clocks go on with what was spent. What waits for its category, or is suspended, waits at the
    desk of the new place.
    """
    row = lock_incident(session, system_principal(actor), old.id)
    if not _goes_elsewhere(old, row.area_ids):
        return
    session.execute(
        delete(OrderOffer).where(OrderOffer.incident_id == row.id),
        execution_options={"synchronize_session": False},
    )
    routed = _route(session, row, stored_location(session, row), now)
    under_way = row.state in (State.DISPATCHED, State.TAKEN)
    by = system_principal(actor)
    if row.state not in TRANSITIONS["dispatch"].states or not (routed.holds or under_way):
        notify_of_move(session, row, "relocate", {"role": row.role}, by, now=now)
        return
    changes = {
        name: routed.columns[name] for name in ("dispatch_mode", "role", "area_id", "holder_id")
    }
    detail = {"role": changes["role"], "way": changes["dispatch_mode"], "how": routed.how}
    record_event(
        session,
        row,
        EventInput("dispatch", f"rule {row.rule_name}", role="system", detail=detail),
        now,
        changes=changes,
    )
    if routed.offers:
        insert_offers(session, row.county, row.id, routed.offers, now)
    offered = [offer.person_id for offer in routed.offers]
    notify_of_move(session, row, "dispatch", changes, by, offered, now=now)
