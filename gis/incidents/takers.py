"""Who takes orders: entered and changed, from a page, a table or a command."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis.errors import FieldError, invalid_fields
from gis.facilities.hours import read_hours
from gis.incidents.models import OrderTaker
from gis.incidents.organisations import (
    find_area,
    hours_faults,
    read_skills,
    require_own,
    start_point,
    text_faults,
)
from gis.people.persons import find_or_add_person, find_person
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY

TAKER_ROLES = ("volunteer_team", "party_member", "property_company")


@dataclass(frozen=True)
class TakerInput:
    """Somebody who takes orders, as it is stated; fields as of `OrganisationInput`.

    consent: When they agreed to be offered orders; None: they have not. consent_by: Who says so.
    """

    person: str
    area: str
    skills: Sequence[str]
    name: str = ""
    phone: str = ""
    role: str = TAKER_ROLES[0]
    hours: str = ""
    address: str = ""
    lon: float | None = None
    lat: float | None = None
    consent: datetime | None = None
    consent_by: str = ""
    active: bool = True


def save_taker(session: Session, principal: Principal, stated: TakerInput, now: datetime) -> int:
    """Enter somebody who takes orders, or change what is stored; return the id of the person.

    Parameters
    ----------
    principal
        Needs Action.POSTS in the area, before and after.

    Raises
    ------
    InvalidInput
        A field is wrong; each is named.
    Forbidden
        It is not the principal's to change.
    """
    area = find_area(session, stated.area, now)
    person = find_person(session, stated.person, stated.name, stated.phone)
    old = session.get(OrderTaker, person.id) if person else None
    kept = old.skills if old else ()
    skills, faults = read_skills(session, stated.skills, area.county if area else None, kept)
    if area is None:
        faults.append(FieldError("area", "organisation.area_unknown", {"code": stated.area[:40]}))
    if not stated.skills:
        faults.append(FieldError("skills", "field.value_missing"))
    roles = {word: key for key in TAKER_ROLES for word in (key, ROLE_BY_KEY[key].zh)}
    if stated.role not in roles:
        params = {"value": stated.role[:40], "allowed": tuple(roles)}
        faults.append(FieldError("role", "field.none_of", params))
    if stated.consent is not None and stated.consent > now:
        faults.append(FieldError("consent", "taker.consent_in_future"))
    faults += [*text_faults(stated), *hours_faults(stated.hours)]
    if faults or area is None:
        raise invalid_fields(faults)
    require_own(session, principal, [area.id], now)
    person_id = find_or_add_person(session, principal, stated.person, stated.name, stated.phone)
    if old is not None:
        require_own(session, principal, [old.area_id], now)
    by = stated.consent_by.strip() or principal.actor
    values: dict[str, Any] = {
        "role": roles[stated.role],
        "area_id": area.id,
        "skills": skills,
        "hours": read_hours(stated.hours) if stated.hours else "",
        "address": stated.address.strip(),
        "consent_at": stated.consent and stated.consent.replace(microsecond=0),
        "consent_by": by if stated.consent else "",
        "active": stated.active,
        "geom": start_point(session, stated, old, now),
    }
    row = insert(OrderTaker).values(person_id=person_id, **values)
    session.execute(row.on_conflict_do_update(index_elements=["person_id"], set_=values))
    session.expire_all()
    return person_id
