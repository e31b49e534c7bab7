"""A report of several complaints: one incident each."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gis.errors import invalid_field
from gis.incidents.catalogue.danger import URGENT
from gis.incidents.clock import carried_on
from gis.incidents.lifecycle.events import lock_incident
from gis.incidents.lifecycle.intake import MAX_DESCRIPTION_CHARS, IncidentReport
from gis.incidents.lifecycle.payload import Effect, MovePayload, Part
from gis.incidents.lifecycle.report import file_report
from gis.incidents.lifecycle.rerouting import reclassified
from gis.incidents.models import Incident
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.reading.reporters import find_contact
from gis.rights.principal import Principal, system_principal

MIN_PARTS, MAX_PARTS = 2, 6
EXTERNAL = ("external_system", "external_number")  # attributes that all parts share


def split(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    """Keep the first complaint of a report, and file the others as incidents of their own.

    Each is routed by itself, at the incident's place and as of its report, with its reporter,
    contact and tracking secret; its clock goes on with what was spent. Photos of the report are
    shown with each (gis/incidents/photos.py).

    Raises
    ------
    InvalidInput
        There are too few parts or too many, or one lacks its words or its category.
    """
    parts = [replace(part, description=part.description.strip()) for part in payload.parts]
    if not MIN_PARTS <= len(parts) <= MAX_PARTS:
        raise invalid_field("parts", "split.count", low=MIN_PARTS, high=MAX_PARTS)
    for number, part in enumerate(parts):
        _validate(part, number)
    first_part, *others = parts
    changes, detail = reclassified(session, row, first_part.category, row.severity, now)
    new_ids = _file(session, principal, row, others, now)
    return (
        {**changes, "description": first_part.description},
        {**detail, "parts": [str(new_id) for new_id in new_ids]},
        [],
    )


def _validate(part: Part, number: int) -> None:
    """Raise InvalidInput unless a part has words and a category.

    Raises
    ------
    InvalidInput
        It lacks one of them, or has too many words.
    """
    if not part.description:
        raise invalid_field(f"parts.{number}.description", "split.description_missing")
    if len(part.description) > MAX_DESCRIPTION_CHARS:
        raise invalid_field(
            f"parts.{number}.description",
            "field.too_long",
            count=len(part.description),
            limit=MAX_DESCRIPTION_CHARS,
        )
    if not part.category:
        raise invalid_field(f"parts.{number}.category", "reclassify.category_missing")


def _file(
    session: Session, principal: Principal, row: LockedIncident, parts: list[Part], now: datetime
) -> list[UUID]:
    """File the parts of a report, and return their ids in order."""
    original = session.execute(
        select(
            Incident.reported_at,
            Incident.address,
            Incident.account_id,
            Incident.key_id,
            Incident.tracking_hash,
            Incident.split_from,
            Incident.attributes,
        ).where(Incident.id == row.id)
    ).one()
    contact: dict[str, Any] = find_contact(session, row.county, row.id)
    numbers = {key: original.attributes[key] for key in EXTERNAL if key in original.attributes}
    new_ids = []
    for part in parts:
        report = IncidentReport(
            category=part.category,
            description=part.description,
            lon=row.lon,
            lat=row.lat,
            crs="cgcs2000",
            address=original.address,
            channel=row.channel,
            at=original.reported_at,
            attributes=numbers,
            **contact,
        )
        filed = file_report(
            session, system_principal(principal.actor), report, now, look_alike=False
        )
        inherited = {
            # of a part split again: all are parts of the one report, whose reporter sees them
            "split_from": original.split_from or row.id,
            "account_id": original.account_id,
            "key_id": original.key_id,
            "tracking_hash": original.tracking_hash,
        }
        filed_row = lock_incident(session, system_principal(principal.actor), filed.id)
        if filed_row.severity != URGENT or row.severity == URGENT:  # nobody knew of the danger
            inherited |= carried_on(row, filed_row, now)
        session.execute(
            update(Incident).where(Incident.id == filed.id).values(**inherited),
            execution_options={"synchronize_session": False},
        )
        new_ids.append(filed.id)
    return new_ids
