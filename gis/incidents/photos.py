"""Photos of incidents: whose they are, and who may see them. Files are of `gis.files.photos`."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, insert, text
from sqlalchemy.orm import Session

from gis.accounts.credentials import hash_secret
from gis.errors import NotFound
from gis.files.photos import AttachedPhotos, file_path
from gis.incidents.models import Photo
from gis.incidents.reading.event_access import readable_events
from gis.rights.principal import ANONYMOUS, Principal, reporter_principal
from gis.rights.visibility import visibility_clause


def store(
    session: Session, county: str, incident_id: UUID, event_id: int, attached: AttachedPhotos
) -> list[UUID]:
    """Store the photos of an event, and return their ids.

    Files are there before rows, and stay behind when those are undone.
    """
    new_ids = []
    for columns in attached.write():
        row = columns | {
            "county": county,
            "incident_id": incident_id,
            "event_id": event_id,
            "at": func.clock_timestamp(),  # keeps their order within the event
        }
        session.execute(insert(Photo).values(row))
        new_ids.append(row["id"])
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
        FROM photo f JOIN incident_event e ON (e.county, e.id) = (f.county, f.event_id)
          JOIN incident i ON i.county = f.county
            AND (i.id = f.incident_id OR i.split_from = f.incident_id AND e.move = 'report')
        WHERE f.id = :photo AND {condition} AND {readable} LIMIT 1"""  # noqa: S608  the conditions are ours
    media_type = session.scalar(text(query), params | told_params | {"photo": photo_id})
    path = None
    if media_type is not None:
        path = file_path(var, photo_id, media_type, thumbnail=thumbnail)
    if path is None or not path.is_file():
        raise NotFound("photo.unknown")
    return path, str(media_type)


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
