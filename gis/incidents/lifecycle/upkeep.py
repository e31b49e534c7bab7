"""What our own jobs do to an incident: pass it on, take an order back, resume it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from gis.incidents.lifecycle.events import (
    lock_incident,
    notify_of_move,
    record_event,
)
from gis.incidents.lifecycle.moves import apply_move
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.lifecycle.rerouting import successor
from gis.incidents.models import Incident, OrderOffer
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.routing.post_holders import home
from gis.incidents.routing.router import COMMUNITY
from gis.incidents.states import State
from gis.messages import Message, label, render
from gis.rights.living import LIVING
from gis.rights.principal import system_principal
from gis.rights.roles import ROLE_BY_KEY

SUSPENSION_ACTOR = "job suspensions"


def expire_order(
    session: Session, incident_id: UUID, now: datetime, *, job: str = "job orders"
) -> bool:
    """Give an order that nobody claimed in time back to the community.

    False: it was claimed, or has time left.
    """
    row = lock_incident(session, system_principal(job), incident_id)
    if (
        row.dispatch_mode != "order"
        or row.state != State.DISPATCHED
        or row.due_at is None
        or row.due_at > now
    ):
        return False
    _give_back(session, row, now, job, Message("event_note.nobody_claimed"))
    return True


def remind_of_suspension(
    session: Session, incident_id: UUID, now: datetime, *, job: str = SUSPENSION_ACTOR
) -> bool:
    """Remind holder and desk, once, that a suspension ends soon.

    False: they were, or it ended.
    """
    row = lock_incident(session, system_principal(job), incident_id)
    due = session.scalar(select(Incident.suspension_reminder_at).where(Incident.id == row.id))
    if row.state != State.SUSPENDED or due is None or due > now:
        return False
    session.execute(
        update(Incident).where(Incident.id == row.id).values(suspension_reminder_at=None),
        execution_options={"synchronize_session": False},
    )
    notify_of_move(session, row, "suspension_ends", row.state, {}, system_principal(job), now=now)
    return True


def resume_suspended(
    session: Session, incident_id: UUID, now: datetime, *, job: str = SUSPENSION_ACTOR
) -> bool:
    """Resume an incident whose suspension ends, and what repeats it; its clock goes on.

    False: it was resumed before, or suspended for longer.
    """
    row = lock_incident(session, system_principal(job), incident_id)
    until = session.scalar(select(Incident.suspended_until).where(Incident.id == row.id))
    if row.state != State.SUSPENDED or until is None or until > now:
        return False
    note = MovePayload(note=label("event_note.suspension_over", "zh"))
    apply_move(session, system_principal(job), row.id, "resume", now, note)
    return True


STAGE = f"SELECT {LIVING.stage('i', ':at')} FROM incident i WHERE i.id = :id"  # noqa: S608  our own text


def pass_on(session: Session, incident_id: UUID, now: datetime, *, job: str = "job owners") -> bool:
    """Pass a matter on whose holder cannot act on it any more: away, without a post or an account.

    False: they can.

    An order that none of those it was offered to can claim any more goes back before its time.
    """
    row = lock_incident(session, system_principal(job), incident_id)
    if row.state not in (State.DISPATCHED, State.TAKEN):
        return False
    if row.dispatch_mode == "order" and row.state == State.DISPATCHED:
        if session.scalar(text(STAGE), {"id": row.id, "at": now}) is not None:
            return False
        _give_back(session, row, now, job, Message("event_note.claimants_cannot_act"))
        return True
    to = successor(session, row, now)
    if to is None or to.columns["holder_id"] == row.holder_id:
        return False
    role = to.columns["role"]
    zh = ROLE_BY_KEY[role].zh if role else ""
    detail = {
        "from_person": row.holder_id,
        "to_person": to.columns["holder_id"],
        "role": role,
        "how": to.how,
        "en": f"{to.how[-1].en}: who held it cannot act on it now",
    }
    note = f"原承办人不在岗，转{zh}" if zh else f"原承办人不在岗：{to.how[-1].zh}"
    changes = {**to.columns, "dispatch_mode": "assign"}
    record_event(
        session,
        row,
        "pass_on",
        now,
        job,
        note=note,
        role="system",
        person_id=to.columns["holder_id"],
        detail=detail,
        changes=changes,
    )
    notify_of_move(
        session,
        row,
        "pass_on",
        row.state,
        changes,
        system_principal(job),
        extra_person_ids=[row.holder_id],
        now=now,
    )
    return True


def _give_back(
    session: Session, row: LockedIncident, now: datetime, job: str, note: Message
) -> None:
    to = home(
        session,
        row.area_ids,
        row.building_id,
        COMMUNITY,
        (),
        now,
        ("community", "street", "county"),
    )
    changes = {"dispatch_mode": "assign", **to.columns}
    detail = {"en": render(note), "how": to.how}
    record_event(
        session, row, "expire", now, job, note=render(note, "zh"), detail=detail, changes=changes
    )
    session.execute(
        delete(OrderOffer).where(OrderOffer.incident_id == row.id),
        execution_options={"synchronize_session": False},
    )
    notify_of_move(session, row, "expire", State.ACCEPTED, changes, system_principal(job), now=now)
