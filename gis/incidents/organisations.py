"""Organisations and their members: entered and changed, from a page, a table or a command."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range, insert
from sqlalchemy.orm import Session

from gis.db import point_ewkt
from gis.errors import FieldError, Forbidden, NotFound, invalid_field, invalid_fields
from gis.facilities.hours import read_hours
from gis.facilities.models import Facility
from gis.files.cells import CellError, parse_own_code
from gis.files.dates import ONGOING
from gis.incidents.catalogue import editions
from gis.incidents.clock import require_limit
from gis.incidents.kind_edits import list_roots
from gis.incidents.lifecycle.joint import DEFAULT_LIMIT_MIN
from gis.incidents.models import Organisation, OrganisationMember
from gis.kinds import KindRow, read_kinds
from gis.people.persons import find_or_add_person, may_change_at
from gis.places.address import parse_address
from gis.places.lookup import find_named
from gis.rights.principal import Principal

MAX_STATED_TEXT_CHARS = 200
AREA_SQL = """
SELECT id, level, county FROM area WHERE code = :code
  AND (retired_at IS NULL OR retired_at > :at)
"""

# UNION: a circle of others ends, too
IS_ABOVE_SQL = """
WITH RECURSIVE up AS (
  SELECT CAST(:parent AS bigint) AS id
  UNION SELECT o.parent_id FROM organisation o JOIN up ON o.id = up.id
)
SELECT EXISTS (SELECT FROM up WHERE id = :own)
"""


@dataclass(frozen=True)
class OrganisationInput:
    """An organisation as it is stated.

    kind: Key or name of a kind. area, parent, facility: Codes; empty: none. skills: Keys or names.
    lon, lat: EPSG:4490. head: Staff number, or name with head_phone. limit_min: None: as it is
    stored, else DEFAULT_LIMIT_MIN.
    """

    code: str
    name: str
    kind: str
    number: str = ""
    parent: str = ""
    area: str = ""
    estate: str = ""
    facility: str = ""
    head: str = ""
    head_name: str = ""
    head_phone: str = ""
    phone: str = ""
    address: str = ""
    skills: Sequence[str] = ()
    hours: str = ""
    lon: float | None = None
    lat: float | None = None
    limit_min: float | None = None
    active: bool = True


@dataclass(frozen=True)
class MembershipInput:
    """A membership as it is stated.

    organisation: Code. person: Staff number; empty: known by name and phone. role, takes_orders: As
    what, in words, and whether they take orders of it; None leaves it. begins, ends: None: as it
    is, or from now on, without end. ONGOING: without end.
    """

    organisation: str
    person: str = ""
    name: str = ""
    phone: str = ""
    role: str | None = None
    takes_orders: bool | None = None
    begins: datetime | None = None
    ends: datetime | None = None


class StartInput(Protocol):
    """What states where somebody sets out from, degrees, EPSG:4490, or an address."""

    @property
    def address(self) -> str:
        """The address as written."""

    @property
    def lon(self) -> float | None:
        """Its longitude."""

    @property
    def lat(self) -> float | None:
        """Its latitude."""


def save_organisation(
    session: Session, principal: Principal, stated: OrganisationInput, now: datetime
) -> int:
    """Enter an organisation, or change the one of the same code; return its id.

    Parameters
    ----------
    principal
        Needs Action.POSTS in its area, before and after; of all areas, to administer all.

    Raises
    ------
    InvalidInput
        A field is wrong; each is named.
    Forbidden
        It is not the principal's to change.
    """
    names = ("id", "area_id", "address", "geom", "limit_min", "kind_id", "skills")
    stored = select(*(getattr(Organisation, name) for name in names))
    old = session.execute(stored.where(Organisation.code == stated.code)).one_or_none()
    if old is None and stated.code.strip():  # a code that a file could bring back
        try:
            stated = replace(stated, code=parse_own_code(stated.code))
        except CellError as error:
            raise invalid_field("code", error.message.code, **error.message.params) from None
        old = session.execute(stored.where(Organisation.code == stated.code)).one_or_none()
    if stated.limit_min is None:
        stated = replace(stated, limit_min=old.limit_min if old else DEFAULT_LIMIT_MIN)
    values = _organisation_values(session, stated, old, now)
    values["geom"] = start_point(session, stated, old, now)
    own_areas = [values["area_id"], *([old.area_id] if old else [])]
    require_own(session, principal, own_areas, now)
    if old is not None:
        _require_no_circle(session, old.id, values["parent_id"])
    head = None
    if stated.head or stated.head_name:
        head = find_or_add_person(
            session, principal, stated.head, stated.head_name, stated.head_phone
        )
    values |= {"head_id": head}
    row = insert(Organisation).values(code=stated.code.strip(), **values)
    row = row.on_conflict_do_update(index_elements=["code"], set_=values)
    number = int(session.execute(row.returning(Organisation.id)).scalar_one())
    if head is not None:
        _join(session, number, head, MembershipInput(stated.code), now)
    return number


def _organisation_values(
    session: Session, stated: OrganisationInput, old: Any, now: datetime
) -> dict[str, Any]:
    """Return the columns of an organisation, its head apart; old: What is stored, if anything.

    Raises
    ------
    InvalidInput
        A field is wrong; each is named.
    """
    area = find_area(session, stated.area, now) if stated.area else None
    county = area.county if area else None
    skills, faults = read_skills(session, stated.skills, county, old.skills if old else ())
    faults += [
        FieldError(name, "field.value_missing")
        for name in ("code", "name")
        if not getattr(stated, name).strip()
    ]
    kinds = read_kinds(session, "organisation").keeping(old.kind_id if old else None)
    kind, kind_id = _kind(session, kinds.find(stated.kind, county), stated.kind, faults)
    if stated.area and area is None:
        faults.append(FieldError("area", "organisation.area_unknown", {"code": stated.area[:40]}))
    if skills and not stated.area:
        faults.append(FieldError("area", "organisation.skills_without_area"))
    faults += [*text_faults(stated), *hours_faults(stated.hours)]
    names = ("name", "number", "estate", "phone", "address")
    values: dict[str, Any] = {name: getattr(stated, name).strip() for name in names}
    values |= {
        "kind": kind,
        "kind_id": kind_id,
        "parent_id": _id_of(session, Organisation, "parent", stated.parent, faults),
        "area_id": area.id if area else None,
        "facility_id": _id_of(session, Facility, "facility", stated.facility, faults),
        "limit_min": require_limit(stated.limit_min),
        "skills": skills,
        "hours": read_hours(stated.hours) if stated.hours else "",
        "active": stated.active,
    }
    if faults:
        raise invalid_fields(faults)
    return values


def _kind(
    session: Session, own: KindRow | None, word: str, faults: list[FieldError]
) -> tuple[str | None, int | None]:
    """Return the root that a word means, and the id of the kind of its own that people added."""
    if own is not None:
        return own.parent, own.id
    roots = list_roots(session)["organisation"]
    root = next((root for root in roots if word in (root.key, root.zh, root.en)), None)
    if root is None:
        params = {"value": word[:40], "allowed": tuple(each.zh for each in roots)}
        faults.append(FieldError("kind", "field.none_of", params))
        return None, None
    return root.key, None


def save_member(
    session: Session, principal: Principal, stated: MembershipInput, now: datetime
) -> None:
    """Let somebody belong to an organisation, or change as what, or end it.

    Parameters
    ----------
    principal
        As for `save_organisation`.

    Raises
    ------
    NotFound
        There is no such organisation.
    Forbidden
        It is not the principal's to change.
    InvalidInput
        Nothing says who it is, or the dates are in the wrong order.
    """
    code = stated.organisation
    query = select(Organisation.id, Organisation.area_id).where(Organisation.code == code)
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("organisation.unknown", code=code[:40])
    require_own(session, principal, [row.area_id], now)
    if stated.role is not None and len(stated.role) > MAX_STATED_TEXT_CHARS:
        raise invalid_field("role", "field.longer_than", limit=MAX_STATED_TEXT_CHARS)
    person_id = find_or_add_person(session, principal, stated.person, stated.name, stated.phone)
    _join(session, row.id, person_id, stated, now)


def _join(
    session: Session,
    organisation_id: int,
    person_id: int,
    stated: MembershipInput,
    now: datetime,
) -> None:
    """Write a membership: the present or coming one is changed, else one begins.

    Raises
    ------
    InvalidInput
        It would end before it begins.
    """
    member = session.scalar(
        select(OrganisationMember)
        .where(
            OrganisationMember.organisation_id == organisation_id,
            OrganisationMember.person_id == person_id,
            text("(upper_inf(valid_time) OR upper(valid_time) > :at)").bindparams(at=now),
        )
        .order_by(text("lower(valid_time)"))
        .limit(1)
    )
    ends = stated.ends
    start = stated.begins or (member.valid_time.lower if member else now.replace(microsecond=0))
    if ends is None and member is not None:
        ends = member.valid_time.upper
    elif ends == ONGOING:
        ends = None
    if start is None or (ends is not None and ends <= start):
        raise invalid_field("to", "organisation.dates_in_order")
    valid_time = Range(start, ends, bounds="[)")
    if member is None:
        session.add(
            OrganisationMember(
                organisation_id=organisation_id,
                person_id=person_id,
                role=stated.role or "",
                takes_orders=stated.takes_orders is not False,
                valid_time=valid_time,
            )
        )
    else:
        if stated.role is not None:
            member.role = stated.role.strip()
        if stated.takes_orders is not None:
            member.takes_orders = stated.takes_orders
        member.valid_time = valid_time
    session.flush()


def require_own(
    session: Session, principal: Principal, areas: Sequence[int | None], now: datetime
) -> None:
    """Raise unless a principal may change what is in some areas; None: what is in all.

    Raises
    ------
    Forbidden
        One of them is not its own.
    """
    if not all(may_change_at(session, principal, area, now) for area in areas):
        raise Forbidden("organisation.not_yours")


def _require_no_circle(session: Session, own_id: int, parent_id: int | None) -> None:
    """Raise if an organisation would stand below itself.

    Raises
    ------
    InvalidInput
        It would.
    """
    if session.scalar(text(IS_ABOVE_SQL), {"parent": parent_id, "own": own_id}):
        raise invalid_field("parent", "organisation.circle")


def find_area(session: Session, code: str, now: datetime) -> Any:
    """Return id, level and county of the area with a code; None if there is none."""
    return session.execute(text(AREA_SQL), {"code": code, "at": now}).one_or_none()


def _id_of(
    session: Session, model: Any, field: str, code: str, faults: list[FieldError]
) -> int | None:
    """Return the id of what a code names; a fault is added if there is none."""
    if not code:
        return None
    number = session.scalar(select(model.id).where(model.code == code))
    if number is None:
        faults.append(FieldError(field, "organisation.no_such", {"code": code[:40]}))
    return number


def read_skills(
    session: Session, words: Sequence[str], county: str | None, kept: Sequence[str] = ()
) -> tuple[list[str], list[FieldError]]:
    """Return the keys that words for skills mean, and what is wrong; kept: Keys that are stored."""
    own, edition = read_kinds(session, "skill").keeping(*kept), editions.active_edition(session)
    roots = {
        word: category.skill
        for category in edition.categories.values()
        if category.skill
        for word in (category.skill, category.zh, category.en)
    }
    keys: list[str] = []
    for word in filter(None, map(str.strip, words)):
        kind = own.find(word, county)
        key = kind.key if kind else roots.get(word)
        if key is None:
            allowed = sorted({*roots} - {*roots.values()} | {row.zh for row in own.rows})
            params = {"value": word[:40], "allowed": allowed}
            return [], [FieldError("skills", "field.none_of", params)]
        keys.append(key)
    return list(dict.fromkeys(keys)), []


def text_faults(stated: object) -> list[FieldError]:
    """Return which texts of an input are too long."""
    return [
        FieldError(name, "field.longer_than", {"limit": MAX_STATED_TEXT_CHARS})
        for name, value in vars(stated).items()
        if isinstance(value, str) and len(value) > MAX_STATED_TEXT_CHARS
    ]


def hours_faults(hours: str) -> list[FieldError]:
    """Return what is wrong with opening hours."""
    if not hours or read_hours(hours) is not None:
        return []
    return [FieldError("hours", "entrance.hours_unreadable", {"value": hours[:40]})]


def start_point(session: Session, stated: StartInput, old: Any, at: datetime) -> Any:
    """Return where somebody sets out from, as it is stored; None where nobody can say.

    It is the stated point, else what is stored with the same address, else the building that the
    address names.
    """
    if stated.lon is not None and stated.lat is not None:
        return point_ewkt(round(stated.lon, 7), round(stated.lat, 7))  # as files have it
    address = stated.address.strip()
    if old is not None and old.address == address:
        return old.geom
    matches = find_named(session, parse_address(address), at) if address else []
    return point_ewkt(matches[0].lon, matches[0].lat) if len(matches) == 1 else None
