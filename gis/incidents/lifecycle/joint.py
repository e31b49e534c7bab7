"""Handing parts of a matter to external units and colleagues (外部单位、协办、会签).

The matter stays with its holder, and its clock runs on; each part has a clock of its own. A matter
is handled only when all who are to sign have done so.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis.db import audit_context
from gis.errors import Conflict, Forbidden, NotFound, invalid_field
from gis.incidents import working_time
from gis.incidents.clock import require_limit
from gis.incidents.lifecycle.events import (
    EventInput,
    acting_role,
    lock_incident,
    notify_of_move,
    record_event,
)
from gis.incidents.lifecycle.intake import MAX_DESCRIPTION_CHARS
from gis.incidents.models import Incident, JointPart, Organisation
from gis.incidents.models.values import PART_KINDS
from gis.incidents.reading.locked import LockedIncident, as_desk
from gis.incidents.routing.post_holders import list_post_holders
from gis.incidents.states import TRANSITIONS
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.principal import Principal

DEFAULT_LIMIT_MIN = 900.0  # working minutes of a colleague's part: two days


@dataclass(frozen=True)
class PartInput:
    """What is asked of whom.

    kind: One of PART_KINDS; external goes to a unit. organisation, person: Code of the unit, or of
    somebody with a post in the matter's place; one of them. minutes: Working minutes; None means
    the unit's, else DEFAULT_LIMIT_MIN.
    """

    kind: str
    organisation: str = ""
    person: str = ""
    note: str = ""
    minutes: float | None = None


def hand_out(
    session: Session, principal: Principal, incident_id: UUID, stated: PartInput, now: datetime
) -> int:
    """Hand a part of a matter to an external unit or a colleague; return the part's id.

    Parameters
    ----------
    principal
        Needs Action.DISPATCH there.

    Raises
    ------
    NotFound, Forbidden
        The incident is hidden, or not the principal's to dispatch.
    InvalidInput
        Something is missing or wrong.
    Conflict
        The state does not allow it, or the same is asked of them already.
    """
    row = lock_incident(session, principal, incident_id)
    _desk(principal, row).require(Action.DISPATCH, row.area_ids)
    kind, note = stated.kind, stated.note
    if kind not in PART_KINDS:
        raise invalid_field("kind", "field.none_of", value=kind[:40], allowed=PART_KINDS)
    if len(note) > MAX_DESCRIPTION_CHARS:
        raise invalid_field("note", "field.too_long", count=len(note), limit=MAX_DESCRIPTION_CHARS)
    unit_id, person_id, limit = _addressee(session, row, stated, now)
    limit = require_limit(limit if stated.minutes is None else stated.minutes)
    part = JointPart(
        county=row.county,
        incident_id=row.id,
        kind=kind,
        organisation_id=unit_id,
        person_id=person_id,
        note=note.strip(),
        asked_at=now,
        due_at=working_time.deadline(now, limit),
    )
    _require_new(session, part)
    session.add(part)
    session.flush()
    detail = {"part": part.id, "kind": kind, "organisation": stated.organisation or None}
    detail |= {"person": stated.person or None}
    _record(session, principal, row, "hand_out", note, detail, now)
    notify_of_move(session, row, "hand_out", {}, principal, extra_person_ids=[person_id], now=now)
    return part.id


def may_hand_out(session: Session, principal: Principal, incident_id: UUID) -> bool:
    """Return whether a principal may hand a part of an incident out now."""
    query = select(Incident.state, Incident.area_ids).where(Incident.id == incident_id)
    row = session.execute(query).one()
    desk = as_desk(session, principal, incident_id)
    allowed = desk.is_allowed(Action.DISPATCH, row.area_ids)
    return row.state in TRANSITIONS["hand_out"].states and allowed


def finish_part(
    session: Session,
    principal: Principal,
    incident_id: UUID,
    part_id: int,
    result: str,
    now: datetime,
) -> None:
    """Record that a part is done.

    Raises
    ------
    NotFound
        There is none, or the incident is hidden.
    Forbidden
        It is neither the principal's part, nor theirs to dispatch. Who signs does so in person
        while they have a post in the matter's place; of who has none any more, the desk says so.
    InvalidInput
        The result is missing or too long.
    Conflict
        The part is done already, or the incident has ended.
    """
    row = lock_incident(session, principal, incident_id)
    part = session.get(JointPart, part_id)
    if part is None or part.incident_id != row.id:
        raise NotFound("part.unknown")
    mine = principal.person_id is not None and part.person_id == principal.person_id
    dispatches = _desk(principal, row).is_allowed(Action.DISPATCH, row.area_ids)
    in_person = part.kind == "sign" and part.person_id in _people_there(session, row, now).values()
    if not mine and (in_person or not dispatches):
        raise Forbidden("part.not_yours")
    if not 0 < len(result.strip()) <= MAX_DESCRIPTION_CHARS:
        raise invalid_field("result", "part.result_missing", limit=MAX_DESCRIPTION_CHARS)
    if part.finished_at is not None:
        raise Conflict("part.finished")
    part.finished_at, part.result, part.finished_by = now, result.strip(), principal.actor
    session.flush()
    detail = {"part": part.id, "kind": part.kind, "in_time": now <= part.due_at}
    _record(session, principal, row, "finish_part", result, detail, now)
    notify_of_move(session, row, "finish_part", {}, principal, now=now)


def require_signed(session: Session, incident_id: UUID) -> None:
    """Raise Conflict `handle.not_signed` while somebody is still to sign.

    Raises
    ------
    Conflict
        `count` says how many.
    """
    waiting = session.scalar(
        select(func.count()).where(
            JointPart.incident_id == incident_id,
            JointPart.kind == "sign",
            JointPart.finished_at.is_(None),
        )
    )
    if waiting:
        raise Conflict("handle.not_signed", count=waiting)


def _desk(principal: Principal, row: LockedIncident) -> Principal:
    """Return the principal, as the desk of an incident in the operator's queue."""
    return principal.acting(row.area_ids) if row.unowned else principal


def _addressee(
    session: Session, row: LockedIncident, stated: PartInput, now: datetime
) -> tuple[int | None, int | None, float]:
    """Return unit or person, and the working minutes that they have.

    Raises
    ------
    InvalidInput
        Not exactly one of both is named, it is unknown, or the person is the holder.
    """
    organisation, person = stated.organisation, stated.person
    if bool(organisation) == bool(person) or (stated.kind == "external" and not organisation):
        raise invalid_field("organisation", "part.one_addressee")
    if organisation:
        query = select(Organisation).where(Organisation.code == organisation, Organisation.active)
        unit = session.scalar(query)
        if unit is None:
            raise invalid_field("organisation", "part.unit_unknown", code=organisation[:40])
        return unit.id, None, unit.limit_min
    ids = _people_there(session, row, now)
    if person not in ids:
        raise invalid_field("person", "dispatch.person_not_there", code=person[:40])
    if ids[person] == row.holder_id:
        raise invalid_field("person", "part.is_holder")
    return None, ids[person], DEFAULT_LIMIT_MIN


def _people_there(session: Session, row: LockedIncident, now: datetime) -> dict[str | None, int]:
    """Return the ids of who has a post in a matter's place, by their codes."""
    posts = list_post_holders(session, row.area_ids, row.building_id, now)
    return {post.person_code: post.person_id for post in posts if post.person_id}


def _require_new(session: Session, part: JointPart) -> None:
    same = select(JointPart.id).where(
        JointPart.incident_id == part.incident_id,
        JointPart.organisation_id.is_not_distinct_from(part.organisation_id),
        JointPart.person_id.is_not_distinct_from(part.person_id),
        JointPart.finished_at.is_(None),
    )
    if session.scalar(same) is not None:
        raise Conflict("part.asked_already", move=Message("move.hand_out"))


def _record(
    session: Session,
    principal: Principal,
    row: LockedIncident,
    move: str,
    note: str,
    detail: dict[str, object],
    now: datetime,
) -> None:
    with audit_context(session, principal.actor, move):
        record_event(
            session,
            row,
            EventInput(
                move,
                principal.actor,
                note=note.strip(),
                role=acting_role(principal),
                person_id=principal.person_id,
                detail={key: value for key, value in detail.items() if value is not None},
            ),
            now,
        )
