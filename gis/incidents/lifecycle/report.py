"""Filing a report: its location, rule and person, its first events, and who is told."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert
from sqlalchemy.orm import Session

from gis.accounts.credentials import hash_secret
from gis.areas.explanation import DecisionStep
from gis.areas.locate_result import LocateResult
from gis.areas.snapshot import RegistrySnapshot
from gis.incidents import photos
from gis.incidents.catalogue import danger as catalogue_danger
from gis.incidents.catalogue.classifier import Suggestion
from gis.incidents.lifecycle import alert
from gis.incidents.lifecycle.events import (
    acting_role,
    desk_of,
    insert_events,
    insert_offers,
    notice_body,
)
from gis.incidents.lifecycle.intake import Assessed, IncidentReport, assess
from gis.incidents.models import Reporter
from gis.incidents.reading.duplicates import Duplicate, find_duplicates
from gis.incidents.routing.router import RoutingDecision, queue_to_json, route
from gis.incidents.states import ENDED_STATES, State
from gis.notices.outbox import enqueue_notice
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
    snapshot: RegistrySnapshot | None = None,
    var: Path | None = None,
    pictures: Sequence[photos.SanitisedPhoto] = (),
    incident_id: UUID | None = None,
    secret: str | None = None,
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
    snapshot
        As for `gis.areas.resolver.resolve_request`.
    var
        Folder that photos are stored under; needed with `pictures`.
    incident_id, secret
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
    case = assessed or assess(session, principal, report, now, snapshot=snapshot)
    location = case.where
    routed = route(
        session,
        location,
        case.kind,
        case.severity,
        report.channel,
        case.at,
        now,
        case.clear,
        case.rule_set,
    )
    how = [*case.how, *routed.how]
    alike = (
        find_duplicates(session, principal, case.kind.code, location.lon, location.lat, now)
        if look_alike
        else []
    )
    new_id, secret = incident_id or uuid4(), secret or secrets.token_urlsafe(24)
    events = first_events(principal, report, case, routed, now)
    numbers = insert_incident(
        session, principal, report, case, routed.columns, how, new_id, secret, events, now
    )
    if routed.offers:
        insert_offers(session, location.county, new_id, routed.offers, now)
    insert_contact(session, report, location.county, new_id)
    if pictures:
        photos.store(
            session, photos.require_folder(var), location.county, new_id, numbers[0], pictures
        )
    tell_filed(session, case, routed, new_id, now)
    return _filed(case, routed, new_id, secret, how, alike, len(events) + 1)


def _filed(
    case: Assessed,
    routed: RoutingDecision,
    new_id: UUID,
    secret: str,
    how: list[DecisionStep],
    duplicates: list[Duplicate],
    version: int,
) -> FiledIncident:
    location, seat, columns = case.where, routed.seat, routed.columns
    return FiledIncident(
        new_id,
        location.county,
        secret,
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


def insert_incident(
    session: Session,
    principal: Principal,
    report: IncidentReport,
    case: Assessed,
    columns: Mapping[str, Any],
    how: list[DecisionStep],
    new_id: UUID,
    secret: str,
    events: Sequence[Mapping[str, Any]],
    now: datetime,
) -> list[int]:
    """Write the row of a report as its first events leave it, and these events.

    Returns the numbers of the events. One statement; triggers check both against each other.

    Parameters
    ----------
    columns
        Those that routing decides.
    events
        As for `insert_events`, in their order; what does not say `at` happened now.
    """
    location = case.where
    row = {
        "county": location.county,
        "id": new_id,
        "reported_at": case.at,
        "edition_id": case.edition_id,
        "category": case.kind.code,
        "severity": case.severity,
        "description": report.description.strip(),
        "address": report.address.strip(),
        "channel": report.channel,
        "attributes": {
            **report.attributes,
            **({"service": case.service} if case.service else {}),
        },
        **location.columns,
        "explanation": how,
        **columns,
        **_left_by(events, now),
        "account_id": principal.account_id,
        "key_id": principal.key_id,
        "tracking_hash": hash_secret(secret),
    }
    keys = {"county": location.county, "incident_id": new_id, "at": now}
    return insert_events(session, [{**keys, **event} for event in events], row)


def _left_by(events: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """Return the columns that events set, as they leave a new incident; as `apply_events.sql`."""
    state, before, closed_at, at = State.REPORTED.value, "", None, now
    for event in events:
        to_state, at = event["to_state"], event.get("at", now)
        if to_state == State.SUSPENDED and state != State.SUSPENDED:
            before = state
        elif event["move"] == "resume":
            before = ""
        if to_state not in ENDED_STATES:
            closed_at = None
        elif to_state != state:
            closed_at = at
        state = to_state
    return {
        "state": state,
        "pending_request": events[-1].get("to_request", ""),
        "state_before_suspension": before,
        "closed_at": closed_at,
        "version": len(events) + 1,
        "changed_at": at,
    }


def first_events(
    principal: Principal,
    report: IncidentReport,
    case: Assessed,
    routed: RoutingDecision,
    now: datetime,
) -> list[dict[str, Any]]:
    """Return the events of a report: that it came in, and what the rule did with it."""
    rule = {"who": f"rule {routed.columns['rule_name']}", "role": "system"}
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


def tell_filed(
    session: Session, case: Assessed, routed: RoutingDecision, new_id: UUID, now: datetime
) -> None:
    """Tell who has a new report, else who waits for it; of danger also those above."""
    location, holder = case.where, routed.columns["holder_id"]
    people = [offer.person_id for offer in routed.offers] or [p for p in [holder] if p]
    desk = None if people else desk_of(session, location.area_ids, now)
    body = notice_body(
        new_id,
        routed.state,
        case.kind.code,
        case.kind.zh,
        location.areas[-1][2],
        routed.columns["role"],
        case.severity,
    )
    enqueue_notice(
        session,
        "incident.report",
        county=location.county,
        incident_id=new_id,
        areas=location.area_ids,
        person_ids=desk.people if desk else people,
        account_ids=desk.accounts if desk else (),
        body=body,
    )
    if case.danger is not None:
        alert.alarm(
            session,
            location.county,
            new_id,
            location.area_ids,
            location.building_id,
            now,
            body,
            informed=[holder],
            kind=case.danger.kinds[0],
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
