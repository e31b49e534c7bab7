"""The parts of a matter that others do."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.incidents.models import Incident, JointPart, Organisation
from gis.people.models import Person
from gis.rights.principal import Principal
from gis.rights.visibility import Fact, can_see


@dataclass(frozen=True)
class PartView:
    """A part of a matter. person: A name where the reader may have names; late: past its time.

    mine: It is the reader's own.
    """

    id: int
    kind: str
    organisation: str | None
    organisation_name: str | None
    person: str | None
    note: str
    asked_at: datetime
    due: datetime
    late: bool
    mine: bool
    finished_at: datetime | None
    result: str


def list_parts(session: Session, by: Principal, incident_id: UUID, now: datetime) -> list[PartView]:
    """List the parts of an incident, in their order; empty for who does not work on it."""
    incident = session.execute(
        select(Incident.area_ids, Incident.holder_id).where(Incident.id == incident_id)
    ).one_or_none()
    if incident is None:
        return []
    inside = by.kind == "system" or can_see(by, Fact.INTERNAL, *incident)
    named = by.kind == "system" or can_see(by, Fact.NAMES, incident.area_ids)
    query = (
        select(JointPart, Organisation.code, Organisation.name, Person.name)
        .outerjoin(Organisation, Organisation.id == JointPart.organisation_id)
        .outerjoin(Person, Person.id == JointPart.person_id)
        .where(JointPart.incident_id == incident_id)
        .order_by(JointPart.id)
    )
    return [
        PartView(
            part.id,
            part.kind,
            code,
            name,
            person if named or part.person_id == by.person_id else None,
            part.note,
            part.asked_at,
            part.due_at,
            (part.finished_at or now) > part.due_at,
            by.person_id is not None and part.person_id == by.person_id,
            part.finished_at,
            part.result,
        )
        for part, code, name, person in session.execute(query)
        if inside or (by.person_id is not None and part.person_id == by.person_id)
    ]
