"""Visits of a check-up: what people saw of an item in a community, and who may read and write."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from gis.errors import NotFound, invalid_field
from gis.facilities.checkup import Community, find_community
from gis.facilities.models import VISIT_RESULTS, CheckupPhoto, CheckupVisit
from gis.facilities.standard_editions import active_rows
from gis.files.photos import AttachedPhotos, file_path
from gis.people.area_chains import area_chain
from gis.rights.actions import Action
from gis.rights.principal import Principal

MAX_LOCATION_CHARS, MAX_VISIT_NOTE_CHARS = 200, 2000
CLOCK_TOLERANCE = timedelta(minutes=5)  # by which the clock of a telephone may be fast


@dataclass(frozen=True)
class VisitInput:
    """What somebody enters of a visit.

    item: An item of the tier in the table of standards in force. result: One of VISIT_RESULTS.
    """

    tier: str
    item: str
    result: str
    visited_at: datetime
    location: str = ""
    note: str = ""


@dataclass(frozen=True)
class VisitPhoto:
    """A photo of a visit, of a media type of `gis.files.photo_files`."""

    id: UUID
    media_type: str


@dataclass(frozen=True)
class Visit:
    """What a visit saw. `author` is empty for who may not have names there.

    `photos` are in the order in which they came.
    """

    id: int
    item: str
    result: str
    location: str
    note: str
    visited_at: datetime
    author: str
    photos: tuple[VisitPhoto, ...]


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
    rows = session.scalars(query).all()
    photos: dict[int, list[VisitPhoto]] = {row.id: [] for row in rows}
    stored = (
        select(CheckupPhoto.visit_id, CheckupPhoto.id, CheckupPhoto.media_type)
        .where(CheckupPhoto.visit_id.in_(photos))
        .order_by(CheckupPhoto.visit_id, CheckupPhoto.position)
    )
    for visit_id, photo_id, media_type in session.execute(stored):
        photos[visit_id].append(VisitPhoto(photo_id, media_type))
    return [_visit(row, photos[row.id], named=named) for row in rows]


def add_visit(
    session: Session,
    principal: Principal,
    code: str,
    visit: VisitInput,
    now: datetime,
    attached: AttachedPhotos | None = None,
) -> Visit:
    """Write a visit down beside what the data say. Earlier visits stay.

    Parameters
    ----------
    code
        Of the community.
    attached
        The photos that come with it.

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
    items = [row.item for row in active_rows(session, visit.tier)]
    for field, value, allowed in (
        ("item", visit.item, items),
        ("result", visit.result, VISIT_RESULTS),
    ):
        if value not in allowed:
            raise invalid_field(field, "field.none_of", value=value[:40], allowed=list(allowed))
    for field, value, limit in (
        ("where", visit.location, MAX_LOCATION_CHARS),
        ("note", visit.note, MAX_VISIT_NOTE_CHARS),
    ):
        if len(value) > limit:
            raise invalid_field(field, "checkup.text_too_long", limit=limit)
    if visit.visited_at > now + CLOCK_TOLERANCE:
        raise invalid_field("visited_at", "checkup.visit_in_future")
    values = {
        "area_id": community.id,
        **asdict(visit),
        "location": visit.location.strip(),
        "note": visit.note.strip(),
        "account_id": principal.account_id,
        "author": principal.actor,
    }
    row = session.scalars(insert(CheckupVisit).values(values).returning(CheckupVisit)).one()
    photos = []
    for position, columns in enumerate(attached.write() if attached else ()):
        photo = columns | {"visit_id": row.id, "position": position}
        session.execute(insert(CheckupPhoto).values(photo))
        photos.append(VisitPhoto(columns["id"], columns["media_type"]))
    return _visit(row, photos, named=True)


def photo_path(
    session: Session,
    principal: Principal,
    var: Path,
    photo_id: UUID,
    at: datetime,
    *,
    thumbnail: bool = False,
) -> tuple[Path, str]:
    """Return the file of a photo of a visit, and its media type.

    Raises
    ------
    NotFound
        There is none, or the principal may not read figures of its community.
    """
    query = (
        select(CheckupPhoto.media_type, CheckupVisit.area_id)
        .join(CheckupVisit, CheckupVisit.id == CheckupPhoto.visit_id)
        .where(CheckupPhoto.id == photo_id)
    )
    row = session.execute(query).one_or_none()
    if row is None or not principal.is_allowed(
        Action.FIGURES, area_chain(session, row.area_id, None, at)
    ):
        raise NotFound("photo.unknown")
    path = file_path(var, photo_id, row.media_type, thumbnail=thumbnail)
    if not path.is_file():
        raise NotFound("photo.unknown")
    return path, row.media_type


def _visit(row: CheckupVisit, photos: Sequence[VisitPhoto], *, named: bool) -> Visit:
    return Visit(
        row.id,
        row.item,
        row.result,
        row.location,
        row.note,
        row.visited_at,
        row.author if named else "",
        tuple(photos),
    )
