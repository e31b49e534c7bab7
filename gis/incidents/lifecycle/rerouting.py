"""Where an incident in hand goes anew: from its stored location, by danger, to a successor."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.incidents.catalogue import editions
from gis.incidents.catalogue.services import find_service
from gis.incidents.clock import begun_anew
from gis.incidents.models import Incident
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.routing.location import IncidentLocation
from gis.incidents.routing.post_holders import HEIGHT, Home, home
from gis.incidents.routing.router import COMMUNITY, RoutingRequest, route
from gis.rights.living import LIVING, NO_ACCOUNTS, on_duty


def stored_location(session: Session, row: LockedIncident) -> IncidentLocation:
    """Return an incident's stored location, as far as routing needs it."""
    order = {"county": 0, "street": 1, "community": 2, "grid": 3, "unit": 4}
    query = select(Area.id, Area.level, Area.code, Area.name).where(Area.id.in_(row.area_ids))
    rows = session.execute(query)
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


def alarmed(session: Session, row: LockedIncident, now: datetime) -> dict[str, Any]:
    """Return the columns of an incident that turns out to be dangerous.

    Urgent from now on, by the rule for that. Its stages begin anew: nobody had time for a danger
    that nobody knew of.
    """
    if row.severity == "urgent":
        return {}
    kind = editions.get_edition(session, row.edition_id).category(row.category)
    location = stored_location(session, row)
    routed = route(session, RoutingRequest(location, kind, "urgent", row.channel, now), now)
    routing = {key: routed.columns[key] for key in ("rule_id", "rule_name", "time_limits")}
    return {"severity": "urgent", **routing, **begun_anew(row)}


def reclassified(
    session: Session, row: LockedIncident, category: str, severity: str, now: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns of an incident of another category or severity, and the event's detail.

    Raises
    ------
    InvalidInput
        Its edition of the catalogue has no such category.
    """
    edition = editions.get_edition(session, row.edition_id)
    kind, service = find_service(session, edition, category, row.county)
    is_as_before = category == row.category
    if is_as_before:  # the service that was asked for, too
        kind = replace(kind, skill=row.skill)
    location = stored_location(session, row)
    routed = route(session, RoutingRequest(location, kind, severity, row.channel, now), now)
    changes = {
        "category": kind.code,
        "severity": severity,
        "rule_id": routed.columns["rule_id"],
        "rule_name": routed.columns["rule_name"],
        "skill": kind.skill,
        "time_limits": routed.columns["time_limits"],
    }
    if not is_as_before:
        stated = session.scalar(select(Incident.attributes).where(Incident.id == row.id)) or {}
        others = {key: value for key, value in stated.items() if key != "service"}
        changes["attributes"] = others | ({"service": service} if service else {})
    detail = {
        "category": [row.category, kind.code],
        "severity": [row.severity, severity],
        "rule": [row.rule_name, routed.columns["rule_name"]],
    }
    return changes, detail


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
    return home_by_rule(session, row, now, row.role if row.role in HEIGHT else None)


def home_by_rule(
    session: Session, row: LockedIncident, now: datetime, first_role: str | None = None
) -> Home:
    """Return who has an incident of its place by its rule, from a role on; None: the rule's."""
    return home(
        session,
        row.area_ids,
        row.building_id,
        first_role or row.time_limits.get("first_role") or COMMUNITY,
        row.time_limits.get("escalation", ()),
        now,
    )
