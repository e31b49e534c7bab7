"""What our own jobs do to an incident: escalate it, pass it on, take an order back."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from gis.incidents import working_time
from gis.incidents.lifecycle.events import (
    lock_incident,
    notify_of_move,
    record_event,
)
from gis.incidents.lifecycle.rerouting import successor
from gis.incidents.models import OrderOffer
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.routing.post_holders import DESKS, HEIGHT, above, home, list_post_holders, office
from gis.incidents.routing.router import COMMUNITY, stage_clock
from gis.incidents.states import ENDED_STATES, State
from gis.messages import Message, render
from gis.rights.living import LIVING
from gis.rights.principal import system_principal
from gis.rights.roles import ROLE_BY_KEY


def escalate_overdue(
    session: Session, incident_id: UUID, now: datetime, *, job: str = "job clock"
) -> bool:
    """Send an overdue incident one level up, once for each time the clock has run out.

    False: it is not due (any more).

    The next level follows when the same limit has passed again, counted from when this step was
    due, so that a missed run is caught up step by step without doubling.
    """
    row = lock_incident(session, system_principal(job), incident_id)
    if row.supervise_at is None or row.supervise_at > now or row.state in ENDED_STATES:
        return False
    people = list_post_holders(session, row.area_ids, row.building_id, now)
    waits = office(session, row.area_ids, now)
    place_level = session.scalar(text("SELECT level FROM area WHERE id = :id"), {"id": row.area_id})
    lies = HEIGHT.get(
        row.role
        or DESKS.get(place_level or ("operator" if row.dispatch_mode == "assign" else ""), ""),
        0,
    )
    floor = max(lies, HEIGHT.get(row.supervisor_role or "", 0))
    supervisor = above(
        people, row.time_limits.get("escalation", ()), floor, row.supervise_level > 0, waits
    )
    changes: dict[str, Any] = {"supervised": True, "supervise_at": None}
    if supervisor is None:
        person = None
        note = Message("event_note.overdue_at_the_top")
        detail: dict[str, Any] = {"level": row.supervise_level, "top": True}
    else:
        role, person = supervisor
        level = row.supervise_level + 1
        minutes = float(row.time_limits.get(row.state, 60))
        wall = bool(row.time_limits.get("around_the_clock"))
        changes |= {
            "supervise_level": level,
            "supervisor_role": role,
            "supervise_at": working_time.deadline(row.supervise_at, minutes, around_the_clock=wall),
        }
        note = Message("event_note.overdue", {"role": Message(f"role.{role}")})
        detail = {"level": level, "role": role, "due": row.due_at}
    record_event(
        session,
        row,
        "escalate",
        now,
        job,
        note=render(note, "zh"),
        role="system",
        person_id=person,
        detail=detail | {"en": render(note)},
        changes=changes,
    )
    by = system_principal(job)
    notify_of_move(session, row, "escalate", row.state, {}, by, extra_person_ids=[person], now=now)
    return True


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
    changes = {
        "dispatch_mode": "assign",
        **to.columns,
        **stage_clock(row.time_limits, State.ACCEPTED, now),
    }
    detail = {"en": render(note), "how": to.how}
    record_event(
        session, row, "expire", now, job, note=render(note, "zh"), detail=detail, changes=changes
    )
    session.execute(
        delete(OrderOffer).where(OrderOffer.incident_id == row.id),
        execution_options={"synchronize_session": False},
    )
    notify_of_move(session, row, "expire", State.ACCEPTED, changes, system_principal(job), now=now)
