"""Visits of a check-up: what people saw of an item in a community, and who may read and write."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from gis.errors import invalid_field
from gis.facilities.checkup import Community, find_community
from gis.facilities.models import VISIT_RESULTS, CheckupVisit
from gis.facilities.standard_editions import active_rows
from gis.people.queries import area_chain
from gis.rights.actions import Action
from gis.rights.principal import Principal

MAX_LOCATION_CHARS, MAX_NOTE_CHARS = 200, 2000
CLOCK_TOLERANCE = timedelta(minutes=5)  # by which the clock of a telephone may be fast


@dataclass(frozen=True)
class Visit:
    """What a visit saw. `author` is empty for who may not have names there."""

    id: int
    item: str
    result: str
    location: str
    note: str
    visited_at: datetime
    author: str


def read_community(session: Session, principal: Principal, code: str, at: datetime) -> Community:
    """Return a community whose check-up the principal may read.

    Raises
    ------
    NotFound
        No community has the code.
    Forbidden
        The principal may not read figures of the community.
    """
    community = find_community(session, code)
    principal.require(Action.FIGURES, area_chain(session, community.id, None, at))
    return community


def may_write(session: Session, principal: Principal, community: Community, at: datetime) -> bool:
    """Return whether the principal may write a visit down: reads the sheet and handles there."""
    areas = area_chain(session, community.id, None, at)
    return principal.is_allowed(Action.FIGURES, areas) and principal.is_allowed(
        Action.HANDLE, areas
    )


def list_visits(
    session: Session, principal: Principal, community: Community, tier: str, at: datetime
) -> list[Visit]:
    """List the visits of a community, the newest first.

    Parameters
    ----------
    principal
        Of `read_community`; who wrote a visit down is for those who may have names there.
    """
    areas = area_chain(session, community.id, None, at)
    named = principal.is_allowed(Action.NAMES, areas)
    query = (
        select(CheckupVisit)
        .where(CheckupVisit.area_id == community.id, CheckupVisit.tier == tier)
        .order_by(CheckupVisit.visited_at.desc(), CheckupVisit.id.desc())
    )
    return [_visit(row, named=named) for row in session.scalars(query)]


def add_visit(
    session: Session,
    principal: Principal,
    code: str,
    *,
    tier: str,
    item: str,
    result: str,
    location: str = "",
    note: str = "",
    visited_at: datetime,
    now: datetime,
) -> Visit:
    """Write a visit down beside what the data say. Earlier visits stay.

    Parameters
    ----------
    code
        Of the community.
    item
        An item of the tier in the table of standards in force.
    result
        One of VISIT_RESULTS.

    Raises
    ------
    NotFound
        No community has the code.
    Forbidden
        The principal may not read the sheet, or not handle incidents there.
    InvalidInput
        A field is wrong, or the visit is still to come.
    """
    community = read_community(session, principal, code, now)
    principal.require(Action.HANDLE, area_chain(session, community.id, None, now))
    items = [row.item for row in active_rows(session, tier)]
    for field, value, allowed in (("item", item, items), ("result", result, VISIT_RESULTS)):
        if value not in allowed:
            raise invalid_field(field, "field.none_of", value=value[:40], allowed=list(allowed))
    for field, value, limit in (
        ("where", location, MAX_LOCATION_CHARS),
        ("note", note, MAX_NOTE_CHARS),
    ):
        if len(value) > limit:
            raise invalid_field(field, "checkup.text_too_long", limit=limit)
    if visited_at > now + CLOCK_TOLERANCE:
        raise invalid_field("visited_at", "checkup.visit_in_future")
    values = {
        "area_id": community.id,
        "tier": tier,
        "item": item,
        "result": result,
        "location": location.strip(),
        "note": note.strip(),
        "visited_at": visited_at,
        "account_id": principal.account_id,
        "author": principal.actor,
    }
    row = session.scalars(insert(CheckupVisit).values(values).returning(CheckupVisit)).one()
    return _visit(row, named=True)


def _visit(row: CheckupVisit, *, named: bool) -> Visit:
    return Visit(
        row.id,
        row.item,
        row.result,
        row.location,
        row.note,
        row.visited_at,
        row.author if named else "",
    )
