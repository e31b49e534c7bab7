"""What our own jobs do to an incident: pass it on, take an order back, resume it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from gis.areas.explanation import routing_step
from gis.incidents.lifecycle.events import (
    EventInput,
    insert_offers,
    lock_incident,
    notify_of_move,
    record_event,
)
from gis.incidents.lifecycle.moves import apply_move
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.lifecycle.rerouting import stored_location, successor
from gis.incidents.models import Incident, OrderOffer
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.routing.claimants import list_claimants
from gis.incidents.routing.post_holders import Home, home, list_post_holders
from gis.incidents.routing.router import COMMUNITY
from gis.incidents.states import State
from gis.messages import Message, label, render
from gis.rights.living import LIVING, NO_ACCOUNTS, on_duty
from gis.rights.principal import system_principal
from gis.rights.roles import ROLE_BY_KEY

SUSPENSION_ACTOR = "job suspensions"
MAX_OFFER_ROUNDS = 3  # an order is offered before it goes back to the community


def expire_order(
    session: Session, incident_id: UUID, now: datetime, *, job: str = "job orders"
) -> bool:
    """Offer an order that nobody claimed in time to the next; else give it back to the community.

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
    if not _offer_to_next(session, row, now, job):
        _give_back(session, row, now, job, Message("event_note.nobody_claimed"))
    return True


def _offer_to_next(session: Session, row: LockedIncident, now: datetime, job: str) -> bool:
    """Offer an order to who has not been asked yet, with the whole time again.

    False: everybody was, or enough were.
    """
    query = select(OrderOffer.person_id, OrderOffer.offered_at)
    asked = session.execute(query.where(OrderOffer.incident_id == row.id)).all()
    if len({offer.offered_at for offer in asked}) >= MAX_OFFER_ROUNDS:
        return False
    where = stored_location(session, row)
    without = [offer.person_id for offer in asked]
    claimants, step = list_claimants(session, where, row.skill, now, without)
    if not claimants:
        return False
    note = Message("event_note.offered_to_next", {"count": len(claimants)})
    detail = {"en": render(note), "how": [step]}
    # the stage begins anew
    changes = {"spent_min": row.spent_min}
    text_zh = render(note, "zh")
    record_event(
        session, row, EventInput("note", job, note=text_zh, detail=detail), now, changes=changes
    )
    insert_offers(session, row.county, row.id, claimants, now)
    people = [claimant.person_id for claimant in claimants]
    notify_of_move(session, row, "dispatch", {}, system_principal(job), people, now=now)
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
    notify_of_move(session, row, "suspension_ends", {}, system_principal(job), now=now)
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


# who of a team can act: its head first
MEMBER_SQL = f"""
SELECT m.person_id FROM organisation_member m JOIN organisation o ON o.id = m.organisation_id
WHERE o.id = :team AND o.active AND m.takes_orders AND m.valid_time @> CAST(:at AS timestamptz)
  AND ({NO_ACCOUNTS} AND {on_duty("m.person_id", ":at")} OR {LIVING.able("m.person_id", ":at")})
ORDER BY m.person_id = o.head_id DESC NULLS LAST, m.person_id LIMIT 1
"""  # noqa: S608  our own text
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
    to = (to and _of_team(session, row, now)) or to
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
    changes = {"dispatch_mode": "assign", **to.columns}
    record_event(
        session,
        row,
        EventInput(
            "pass_on",
            job,
            note=note,
            role="system",
            person_id=to.columns["holder_id"],
            detail=detail,
        ),
        now,
        changes=changes,
    )
    notify_of_move(
        session,
        row,
        "pass_on",
        changes,
        system_principal(job),
        extra_person_ids=[row.holder_id],
        now=now,
    )
    return True


def _of_team(session: Session, row: LockedIncident, now: datetime) -> Home | None:
    """Return the member of the team that holds a matter who takes over; None: there is none."""
    if row.organisation_id is None:
        return None
    params = {"team": row.organisation_id, "at": now}
    member = session.scalar(text(MEMBER_SQL), params)
    if member is None:
        return None
    columns = {"role": row.role, "area_id": row.area_id, "holder_id": member}
    columns |= {"organisation_id": row.organisation_id, "dispatch_mode": row.dispatch_mode}
    return Home(None, columns, [routing_step("person", "of_team")], "holder")


def _give_back(
    session: Session, row: LockedIncident, now: datetime, job: str, note: Message
) -> None:
    place = row.area_ids, row.building_id
    post_holders = [
        seat
        for seat in list_post_holders(session, *place, now)
        if seat.level in ("community", "street", "county")
    ]
    to = home(session, *place, COMMUNITY, (), now, post_holders)
    changes = {"dispatch_mode": "assign", **to.columns}
    detail = {"en": render(note), "how": to.how}
    record_event(
        session,
        row,
        EventInput("expire", job, note=render(note, "zh"), detail=detail),
        now,
        changes=changes,
    )
    session.execute(
        delete(OrderOffer).where(OrderOffer.incident_id == row.id),
        execution_options={"synchronize_session": False},
    )
    notify_of_move(session, row, "expire", changes, system_principal(job), now=now)
