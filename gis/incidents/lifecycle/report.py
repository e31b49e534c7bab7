"""Filing a report: its location, rule and person, its first events, and who is told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from gis.areas.explanation import DecisionStep
from gis.areas.locate_result import LocateResult
from gis.files.photos import AttachedPhotos
from gis.incidents import photos
from gis.incidents.catalogue import danger as catalogue_danger
from gis.incidents.catalogue.classifier import Suggestion
from gis.incidents.lifecycle import alert
from gis.incidents.lifecycle.events import (
    acting_role,
    desk_of,
    insert_offers,
    notice_body,
)
from gis.incidents.lifecycle.insertion import TrackingKey, incident_row, insert_incident
from gis.incidents.lifecycle.intake import Assessed, IncidentReport, assess
from gis.incidents.models import Reporter
from gis.incidents.reading.duplicates import Duplicate, duplicates_query
from gis.incidents.routing.router import RoutingDecision, queue_to_json, route
from gis.incidents.states import State
from gis.notices.outbox import enqueue_params
from gis.rights.principal import Principal
from gis.rights.visibility import holder_label


@dataclass(frozen=True)
class FiledIncident:
    """What came of a report.

    danger: What its words tell of danger, and which numbers to call.

    tracking_secret: Shown once; only its hash is kept. assigned_to: role, name, area; None: it
    waits at the community. due: When the running stage's time is over. how: How place, rule and
    person were decided.
    """

    id: UUID
    county: str
    tracking_secret: str
    state: str
    assigned_to: dict[str, Any] | None
    due: datetime | None
    rule: str
    way: str
    category: str
    severity: str
    locate: LocateResult
    how: list[DecisionStep]
    duplicates: list[Duplicate]
    suggestions: list[Suggestion]
    version: int
    areas: list[int]
    queue: dict[str, str] | None
    danger: dict[str, Any] | None = None


def file_report(
    session: Session,
    principal: Principal,
    report: IncidentReport,
    now: datetime,
    *,
    attached: AttachedPhotos | None = None,
    tracking: TrackingKey | None = None,
    look_alike: bool = True,
    assessed: Assessed | None = None,
) -> FiledIncident:
    """File a report: find its location, rule and person, start the clock, and notify them.

    What the sender may say of itself (channel, severity, attributes) is for the ways in to check:
    `intake.admit`.

    Parameters
    ----------
    principal
        Needs Action.REPORT in the areas of the location.
    attached
        The photos that come with it.
    tracking
        Id and tracking secret of the incident; None means new ones.
    look_alike
        Whether to look for incidents that it may repeat.
    assessed
        What `intake.assess` or `intake.admit` returned for it; None means to assess it here.

    Raises
    ------
    InvalidInput
        A field is missing or wrong.
    OutsideGrids, NotFound
        No grid covers the location, or an address or code is unknown.
    Forbidden
        The principal may not report there.
    """
    case = assessed or assess(session, principal, report, now)
    location = case.where
    routed = route(session, case.routing_request(report.channel), now)
    how = [*case.how, *routed.how]
    tracking = tracking or TrackingKey()
    new_id = tracking.incident_id
    events = first_events(principal, report, case, routed, now)
    row = incident_row(principal, report, case, routed.columns, how, tracking, events)
    notice = notice_of(session, case, routed, new_id, now)
    look = (principal, case.kind.code, location.lon, location.lat, now)
    numbers, alike = insert_incident(
        session, row, events, notice, duplicates_query(*look) if look_alike else None
    )
    if routed.offers:
        insert_offers(session, location.county, new_id, routed.offers, now)
    insert_contact(session, report, location.county, new_id)
    if attached is not None:
        photos.store(session, location.county, new_id, numbers[0], attached)
    sound_alarm(session, case, routed, new_id)
    return _filed(case, routed, tracking, how, alike, len(events) + 1)


def _filed(
    case: Assessed,
    routed: RoutingDecision,
    tracking: TrackingKey,
    how: list[DecisionStep],
    duplicates: list[Duplicate],
    version: int,
) -> FiledIncident:
    location, seat, columns = case.where, routed.seat, routed.columns
    return FiledIncident(
        tracking.incident_id,
        location.county,
        tracking.secret,
        routed.state.value,
        None if seat is None else {"role": seat.role, "name": seat.name, "area": seat.code},
        columns["due_at"],
        columns["rule_name"],
        columns["dispatch_mode"],
        case.kind.code,
        case.severity,
        case.answer,
        how,
        duplicates,
        case.suggestions,
        version,
        location.area_ids,
        queue_to_json(
            routed.owner, columns["role"], {level: name for _, level, _, name in location.areas}
        ),
        catalogue_danger.in_words(case.danger),
    )


def first_events(
    principal: Principal,
    report: IncidentReport,
    case: Assessed,
    routed: RoutingDecision,
    now: datetime,
) -> list[dict[str, Any]]:
    """Return the events of a report: that it came in, and what the rule did with it."""
    rule = {"who": f"rule {routed.columns['rule_name']}", "role": "system", "at": now}
    dispatch_detail = {
        "role": routed.columns["role"],
        "area": "",
        "way": routed.columns["dispatch_mode"],
    }
    if routed.seat is not None:
        dispatch_detail |= {"area": routed.seat.code, "person": routed.seat.person_code}
    events: list[dict[str, Any]] = [
        {
            "move": "report",
            "at": case.at,
            "who": principal.actor,
            "role": acting_role(principal),
            "person_id": principal.person_id,
            "from_state": "reported",
            "to_state": "reported",
            "detail": {"loaded_at": now} if report.at else {},
        },
    ]
    if routed.state != State.REPORTED:
        events.append(rule | {"move": "accept", "from_state": "reported", "to_state": "accepted"})
    if routed.state == State.DISPATCHED:
        events.append(
            rule
            | {
                "move": "dispatch",
                "from_state": "accepted",
                "to_state": "dispatched",
                "detail": dispatch_detail,
            }
        )
    return events


def notice_of(
    session: Session, case: Assessed, routed: RoutingDecision, new_id: UUID, now: datetime
) -> dict[str, object]:
    """Return the notice of a new report, for who has it, else for who waits for it."""
    location, holder = case.where, routed.columns["holder_id"]
    people = [offer.person_id for offer in routed.offers] or [p for p in [holder] if p]
    desk = None if people else desk_of(session, location.area_ids, now)
    return enqueue_params(
        "incident.report",
        location.county,
        new_id,
        location.area_ids,
        desk.people if desk else people,
        desk.accounts if desk else (),
        _notice_body(case, routed, new_id),
    )


def sound_alarm(session: Session, case: Assessed, routed: RoutingDecision, new_id: UUID) -> None:
    """Tell those above of a new report whose words tell of danger."""
    if case.danger is not None:
        location = case.where
        alert.alarm(
            session,
            location.county,
            new_id,
            location.area_ids,
            case.post_holders,
            _notice_body(case, routed, new_id),
            informed=[routed.columns["holder_id"]],
            danger=case.danger,
        )


def _notice_body(case: Assessed, routed: RoutingDecision, new_id: UUID) -> dict[str, Any]:
    return notice_body(
        new_id,
        routed.state,
        case.kind.code,
        case.kind.zh,
        case.where.areas[-1][2],
        routed.columns["role"],
        case.severity,
    )


def assigned_to(principal: Principal, filed: FiledIncident) -> dict[str, Any] | None:
    """Return to whom a report went as the principal may know it: role, name and area.

    None: it waits at the community.
    """
    if filed.assigned_to is None:
        return None
    located = filed.locate
    names = {
        area.code: area.name for area in (*located.areas, *([located.unit] if located.unit else ()))
    }
    if located.building:
        names[located.building.code] = located.building.estate or located.building.name
    role, area = filed.assigned_to["role"], filed.assigned_to["area"]
    label = holder_label(
        principal, filed.areas, role, names.get(area, ""), filed.assigned_to["name"], None
    )
    return filed.assigned_to | {"name": label}


def insert_contact(
    session: Session, report: IncidentReport, county: str, incident_id: UUID
) -> None:
    """Write how to reach who reported, where they said it."""
    contact = {"name": report.name, "phone": report.phone, "email": report.email}
    if any(contact.values()):
        session.execute(insert(Reporter).values(county=county, incident_id=incident_id, **contact))
