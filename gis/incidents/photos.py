"""Photos of incidents: looked at by content, written again, stored as files.

What comes in is never kept: every photo is decoded and written again, so that position, comments
and whatever else hung on the file are gone; `gis.incidents.photo_files` does that in a child
process with limits. Files lie under `var/photos/<first two digits>/<id>.jpg`, thumbnails beside
them.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import time
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from gis import private
from gis.accounts.credentials import hash_secret
from gis.errors import FieldError, NotFound, TooLarge, invalid_field
from gis.files import sandbox
from gis.files.sandbox import Limits
from gis.incidents.models import Photo
from gis.incidents.photo_files import EXTENSION_BY_MEDIA_TYPE, SanitisedPhoto, check_named
from gis.incidents.reading.event_access import readable_events
from gis.rights.principal import ANONYMOUS, Principal, reporter_principal
from gis.rights.visibility import visibility_clause

MAX_PHOTOS_PER_EVENT = 6  # photos of one event
ORPHAN_MIN_AGE_S = (
    3600  # seconds after which a file without a row is nobody's: no transaction takes so long
)
LIMITS = Limits(
    cpu_s=14.0, memory_bytes=2_000_000_000
)  # for all photos of an event; six of 12 megapixels take 4 s


def sanitise_photos(photos: Sequence[bytes]) -> list[SanitisedPhoto]:
    """Return the photos of one event, each written again as `gis.incidents.photo_files.check` does.

    Raises
    ------
    InvalidInput, TooLarge
        One of them is no good, named as photos[0], photos[1] …; or they are too many.
    """
    _few(len(photos))
    return (
        _checked([(f"photos[{number}]", data) for number, data in enumerate(photos)])
        if photos
        else []
    )


def sanitise_photo(data: bytes, name: str = "photo") -> SanitisedPhoto:
    """Return one photo, written again; see `sanitise_photos`."""
    return _checked([(name, data)])[0]


def _checked(named: Sequence[tuple[str, bytes]]) -> list[SanitisedPhoto]:
    rows = sandbox.run(
        check_named, named, limits=LIMITS, name=f"{named[0][0].partition('[')[0]}: a photo"
    )
    return [SanitisedPhoto(*fields) for fields in rows]


def _few(number: int) -> None:
    if number > MAX_PHOTOS_PER_EVENT:
        errors = [
            FieldError("photos", "photo.too_many", {"count": number, "limit": MAX_PHOTOS_PER_EVENT})
        ]
        raise TooLarge(
            "photo.too_many_of", errors, field="photos", count=number, limit=MAX_PHOTOS_PER_EVENT
        )


# --- kept -----------------------------------------------------------------------------------------


def require_folder(var: Path | None) -> Path:
    """Return the deployment's folder.

    Raises
    ------
    InvalidInput
        `report.photos_not_accepted`: this way in has none.
    """
    if var is None:
        raise invalid_field("photos", "report.photos_not_accepted")
    return var


def store(
    session: Session,
    var: Path,
    county: str,
    incident_id: UUID,
    event_id: int,
    pictures: Iterable[SanitisedPhoto],
) -> list[UUID]:
    """Store the photos of an event.

    Files are there before rows, and stay behind when those are undone.

    Parameters
    ----------
    var
        The deployment's folder.

    Raises
    ------
    TooLarge
        More than six.
    """
    photos = list(pictures)
    _few(len(photos))
    new_ids = []
    for picture in photos:
        photo = uuid4()
        path = _path(var, photo, picture.media_type)
        private.create_folder(path.parent)
        try:
            _write(_small(path), picture.thumbnail)
            _write(path, picture.data)
            _sync(path.parent)
        except OSError:
            _small(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise
        row = {
            "county": county,
            "id": photo,
            "incident_id": incident_id,
            "event_id": event_id,
            "media_type": picture.media_type,
            "width": picture.width,
            "height": picture.height,
            "size": len(picture.data),
            "sha256": picture.sha256,
            "at": func.clock_timestamp(),  # keeps their order within the event
        }
        session.execute(insert(Photo).values(row))
        new_ids.append(photo)
    return new_ids


def photo_path(
    session: Session, principal: Principal, var: Path, photo_id: UUID, *, thumbnail: bool = False
) -> tuple[Path, str]:
    """Return the file of a photo, and its media type.

    Raises
    ------
    NotFound
        There is none, or it is not the principal's to see.
    """
    condition, params = visibility_clause(principal, "i")
    readable, told_params = readable_events(principal)
    query = f"""SELECT f.media_type
        FROM photo f JOIN incident i ON (i.county, i.id) = (f.county, f.incident_id)
                  JOIN incident_event e ON (e.county, e.id) = (f.county, f.event_id)
                WHERE f.id = :photo AND {condition}
                    AND {readable}"""  # noqa: S608  the conditions are ours
    media_type = session.scalar(text(query), params | told_params | {"photo": photo_id})
    path = None if media_type is None else _path(var, photo_id, media_type)
    if path is None or not path.is_file():
        raise NotFound("photo.unknown")
    return (_small(path) if thumbnail else path), str(media_type)


@dataclass(frozen=True)
class Subject:
    """What a photo is of. reported: By whoever asks."""

    incident_id: UUID
    areas: list[int]
    reported: bool


def subject_of(session: Session, principal: Principal, photo_id: UUID) -> Subject:
    """Return the incident a photo belongs to."""
    query = """SELECT i.id, i.area_ids,
                 i.id = :incident OR i.account_id = :account OR i.key_id = :key AS reported
               FROM photo f JOIN incident i ON (i.county, i.id) = (f.county, f.incident_id)
                   WHERE f.id = :photo"""
    params = {
        "photo": photo_id,
        "incident": principal.incident_id,
        "account": principal.account_id,
        "key": principal.key_id,
    }
    row = session.execute(text(query), params).one()
    return Subject(row.id, row.area_ids, bool(row.reported))


def by_secret(session: Session, photo_id: UUID, secret: str) -> Principal:
    """Return the principal who shows the tracking secret of a photo's incident.

    Anonymous for another secret.
    """
    query = """SELECT i.id
        FROM photo f JOIN incident i ON (i.county, i.id) = (f.county, f.incident_id)
               WHERE f.id = :photo AND i.tracking_hash = :hash"""
    incident_id = session.scalar(text(query), {"photo": photo_id, "hash": hash_secret(secret)})
    return ANONYMOUS if incident_id is None else reporter_principal(incident_id)


# a database that a restore replaced (gis/ops/databases.py names it) may still name them
OLD_DATABASE = """SELECT EXISTS (SELECT FROM pg_database
  WHERE starts_with(datname, left(current_database(), 36) || '_before_'))"""


def delete_orphans(session: Session, var: Path) -> int:
    """Remove files that no photo has: what a crash or an undone change left behind.

    Says how many files.

    Those of the last hour stay: their rows may not be committed yet. All stay while a database that
    a restore replaced is kept.
    """
    removed = 0
    if session.scalar(text(OLD_DATABASE)):
        return removed
    oldest = time() - ORPHAN_MIN_AGE_S
    for folder in sorted((var / "photos").glob("??")):
        old = [file for file in folder.iterdir() if file.stat().st_mtime < oldest]
        named = {file: photo_id for file in old if (photo_id := _id(file)) is not None}
        stored_ids = set(session.scalars(select(Photo.id).where(Photo.id.in_(set(named.values())))))
        for file in old:
            if named.get(file) not in stored_ids:
                file.unlink(missing_ok=True)
                removed += 1
    return removed


def _path(var: Path, photo: UUID, media_type: str) -> Path:
    return var / "photos" / photo.hex[:2] / f"{photo}{EXTENSION_BY_MEDIA_TYPE[media_type]}"


def _small(path: Path) -> Path:
    return path.with_name(f"{path.stem}-small{path.suffix}")


def _id(file: Path) -> UUID | None:
    """Return the photo a file is of; None for what was never finished."""
    try:
        return (
            UUID(file.stem.removesuffix("-small"))
            if file.suffix in EXTENSION_BY_MEDIA_TYPE.values()
            else None
        )
    except ValueError:
        return None


def _write(path: Path, data: bytes) -> None:
    """All of a file or nothing of it, also when the power goes."""
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as target:
        try:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        except BaseException:  # a full disk: no part of a photo takes what is left of it
            Path(target.name).unlink(missing_ok=True)
            raise
    Path(target.name).replace(path)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
