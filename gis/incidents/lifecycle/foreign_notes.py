"""Notes that another system sends about an incident, each taken once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.files.photos import AttachedPhotos
from gis.incidents.lifecycle.events import lock_incident
from gis.incidents.lifecycle.moves import apply_move
from gis.incidents.lifecycle.payload import MovePayload
from gis.rights.principal import Principal

NOTE_SQL = """
SELECT e.id FROM incident_event e
WHERE e.incident_id = :id AND e.move = 'note' AND e.who = :who
  AND (CAST(:update_id AS text) IS NULL OR e.detail ->> 'update_id' = :update_id)
ORDER BY e.id DESC LIMIT 1
"""


def add_foreign_note(
    session: Session,
    principal: Principal,
    incident_id: UUID,
    note: str,
    update_id: str,
    now: datetime,
    attached: AttachedPhotos | None = None,
) -> int:
    """Add a note, and return the number of its event.

    Parameters
    ----------
    update_id
        Its number in the sender's system: the same again changes nothing. Empty: it has none.

    Raises
    ------
    NotFound, Forbidden, InvalidInput
        As `gis.incidents.lifecycle.moves.apply_move`.
    """
    lock_incident(session, principal, incident_id)  # two of the same number come one by one
    params = {"id": incident_id, "who": principal.actor, "update_id": update_id}
    note_id: int | None = session.scalar(text(NOTE_SQL), params) if update_id else None
    if note_id is not None:
        return note_id
    payload = MovePayload(note=note, update_id=update_id)
    apply_move(session, principal, incident_id, "note", now, payload, attached=attached)
    return int(session.execute(text(NOTE_SQL), params | {"update_id": None}).scalar_one())
