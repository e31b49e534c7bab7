"""What is done to posts: handing one over, and leave.

Nobody's patch is without a person meanwhile.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import or_, select, text, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from gis.db import audit_context
from gis.errors import NotFound, invalid_field
from gis.incidents.lifecycle.events import EventInput, lock_incident, notify_of_move, record_event
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.routing.post_holders import home, list_post_holders
from gis.incidents.states import ENDED_STATES
from gis.messages import Message, render
from gis.people.area_chains import area_chain
from gis.people.models import Leave, Person, Post
from gis.rights.actions import Action
from gis.rights.principal import Principal, system_principal

HANDOVER_ACTOR = "job hand-over"


@dataclass(frozen=True)
class HandoverResult:
    """A post handed over.

    post: Number of the successor's. at: From when. incidents: How many came along by now.
    """

    post: int
    at: datetime
    incidents: int


def hand_over(
    session: Session,
    principal: Principal,
    post_id: int,
    to_person: str | int | None,
    at: datetime | None,
    open_incidents: Literal["follow", "stay"],
    now: datetime,
) -> HandoverResult:
    """Hand a post over: the holder's time ends at a moment, the successor's begins with it.

    Parameters
    ----------
    principal
        Needs Action.POSTS in the post's area.
    to_person
        Code or number of the successor; None leaves the post vacant. The deputy stays, unless
        it is they.
    at
        From when, not past; None is now. A later moment takes effect by itself
        (`apply_due_handovers`).
    open_incidents
        Whether what the old holder has open in this post goes to the successor, or stays with them.

    Raises
    ------
    NotFound
        There is no such post, or it is in none of the principal's areas.
    InvalidInput
        The successor is unknown or holds it already, or the moment lies outside the post's time.
    """
    principal.require(Action.POSTS)
    old = session.get(Post, post_id, with_for_update=True, populate_existing=True)
    if old is None or not principal.is_allowed(
        Action.POSTS, area_chain(session, old.area_id, old.building_id, now)
    ):
        raise NotFound("post.unknown")
    if open_incidents not in ("follow", "stay"):
        raise invalid_field(
            "incidents", "handover.incidents_unknown", value=str(open_incidents)[:40]
        )
    at = at or now
    _require_moment_of_post(old, at, now)
    successor = _successor(session, old, to_person, at)
    with audit_context(session, principal.actor, "hand over"):
        new = _succeed(session, old, successor, at)
        carried = 0
        if open_incidents == "follow":
            # of one that begins now, too: what is reported while it runs goes to who held the post
            new.incidents_from_post_id = old.id
            session.flush()
            if at <= now:
                carried = _carry(session, old, new, now, principal.actor)
    return HandoverResult(new.id, at, carried)


def _succeed(session: Session, old: Post, successor: Person | None, at: datetime) -> Post:
    """End a post at a moment and store the one that continues it."""
    new = Post(
        county=old.county,
        role=old.role,
        kind_id=old.kind_id,
        area_id=old.area_id,
        building_id=old.building_id,
        holder_id=successor.id if successor else None,
        deputy_id=None if successor and successor.id == old.deputy_id else old.deputy_id,
        valid_time=Range(at, old.valid_time.upper, bounds="[)"),
    )
    old.valid_time = Range(old.valid_time.lower, at, bounds="[)")
    session.add(new)
    session.flush()
    # what was to come along to a post already planned after this one comes from the new one then
    session.execute(
        update(Post)
        .where(Post.incidents_from_post_id == old.id)
        .values(incidents_from_post_id=new.id),
        execution_options={"synchronize_session": False},
    )
    return new


def _successor(
    session: Session, post: Post, to_person: str | int | None, at: datetime
) -> Person | None:
    """Return who gets a post from a moment on, None if it is left vacant.

    Raises
    ------
    InvalidInput
        There is no such person, nothing would change, or the same person would hold two posts of a
        kind at one place.
    """
    if to_person is None:
        if post.holder_id is None:
            raise invalid_field("to", "handover.already_vacant")
        return None
    successor = _lock_person(session, to_person)
    if successor is None:
        raise invalid_field("to", "person.unknown", code=str(to_person)[:40])
    if successor.id == post.holder_id:
        raise invalid_field("to", "handover.holds_it_already")
    period = Range(at, post.valid_time.upper, bounds="[)")
    other = session.scalar(
        select(Post.id).where(
            Post.id != post.id,
            Post.holder_id == successor.id,
            Post.role == post.role,
            Post.kind_id.is_not_distinct_from(post.kind_id),
            Post.area_id.is_not_distinct_from(post.area_id),
            Post.building_id.is_not_distinct_from(post.building_id),
            Post.valid_time.overlaps(period),
        )
    )
    if other is not None:
        raise invalid_field("to", "handover.holds_another")
    return successor


def _require_moment_of_post(post: Post, at: datetime, now: datetime) -> None:
    """Raise InvalidInput unless a moment is not past and lies within a post's time.

    Raises
    ------
    InvalidInput
        `handover.moment_past`, `handover.before_post` or `handover.outside_post`.
    """
    if at < now:
        raise invalid_field("at", "handover.moment_past")
    begins, ends = post.valid_time.lower, post.valid_time.upper
    assert begins is not None
    if begins < at and (ends is None or at < ends):
        return
    begin = begins.astimezone(at.tzinfo).isoformat()
    if ends is None:
        raise invalid_field("at", "handover.before_post", begin=begin)
    raise invalid_field(
        "at", "handover.outside_post", begin=begin, end=ends.astimezone(at.tzinfo).isoformat()
    )


DUE_HANDOVERS_SQL = """
SELECT id, incidents_from_post_id FROM post
WHERE incidents_from_post_id IS NOT NULL AND lower(valid_time) <= :now
ORDER BY lower(valid_time), id FOR UPDATE
"""


def apply_due_handovers(session: Session, now: datetime) -> int:
    """Bring along the incidents of posts that were handed over for a moment now come.

    Returns how many.

    In the order of the moments, each once: a missed run is caught up, and a second run does
    nothing.
    """
    carried = 0
    for new_id, old_id in session.execute(text(DUE_HANDOVERS_SQL), {"now": now}).all():
        new, old = (
            session.get_one(Post, new_id, populate_existing=True),
            session.get_one(Post, old_id),
        )
        carried += _carry(session, old, new, now, HANDOVER_ACTOR)
        new.incidents_from_post_id = None
        session.flush()
    return carried


HELD_INCIDENTS_SQL = """
SELECT id FROM incident WHERE holder_id = :holder AND state <> ALL(:ended) AND role = :role
  AND (area_id = :area OR area_id IS NULL AND building_id = :building) ORDER BY reported_at, id
"""


def _carry(session: Session, old: Post, new: Post, now: datetime, actor: str) -> int:
    """Give what the old holder has open in a post to who answers for it now; one event each."""
    if old.holder_id is None:
        return 0
    params = {
        "holder": old.holder_id,
        "ended": [state.value for state in ENDED_STATES],
        "role": old.role,
        "area": old.area_id,
        "building": old.building_id,
    }
    incident_ids = session.scalars(text(HELD_INCIDENTS_SQL), params).all()
    for number in incident_ids:
        _carry_one(session, number, old, new, now, actor)
    return len(incident_ids)


def _carry_one(
    session: Session, number: UUID, old: Post, new: Post, now: datetime, actor: str
) -> None:
    """Give one incident to who answers for the post now, else one step up."""
    row = lock_incident(session, system_principal(actor), number)
    changes = _holder_after(session, row, new, now)
    note = Message("event_note.handed_over", {"role": Message(f"role.{old.role}")})
    detail = {
        "from_person": old.holder_id,
        "to_person": changes["holder_id"],
        "role": changes.get("role", old.role),
        "en": render(note),
    }
    record_event(
        session,
        row,
        EventInput(
            "hand_over",
            actor,
            note=render(note, "zh"),
            role=old.role,
            person_id=changes["holder_id"],
            detail=detail,
        ),
        now,
        changes=changes,
    )
    notify_of_move(
        session,
        row,
        "hand_over",
        changes,
        system_principal(actor),
        extra_person_ids=[old.holder_id],
        now=now,
    )


def _holder_after(
    session: Session, row: LockedIncident, post: Post, now: datetime
) -> dict[str, Any]:
    """Return the columns of an incident that say who holds it, once a post has changed hands."""
    seats = list_post_holders(session, row.area_ids, row.building_id, now)
    holders = (seat.person_id for seat in seats if seat.post_id == post.id)
    holder_id = next(holders, post.holder_id)
    if holder_id is not None:
        return {"holder_id": holder_id}
    # vacant, away or without an account, and no deputy: one step up
    escalation = row.time_limits.get("escalation", ())
    return home(session, row.area_ids, row.building_id, post.role, escalation, now).columns


def record_leave(
    session: Session,
    principal: Principal,
    person: str | int,
    begins: datetime,
    ends: datetime | None,
    now: datetime,
) -> int:
    """Enter a time somebody is away, when the deputies of their posts stand in; returns its number.

    Times that overlap are one: entered twice, or longer than was thought.

    Parameters
    ----------
    principal
        Needs Action.POSTS in the area of one of the person's posts.
    person
        Code or number.
    begins, ends
        The end itself is out; None: until further notice.

    Raises
    ------
    NotFound
        Nobody with a post in the principal's areas is meant.
    InvalidInput
        The end is not after the beginning.
    """
    principal.require(Action.POSTS)
    employee = _lock_person(session, person)
    posts: list[Post] = []
    if employee is not None:
        posts = (
            session.query(Post)
            .filter(or_(Post.holder_id == employee.id, Post.deputy_id == employee.id))
            .all()
        )
    if employee is None or not any(
        principal.is_allowed(Action.POSTS, area_chain(session, post.area_id, post.building_id, now))
        for post in posts
    ):
        raise NotFound("leave.person_without_post", person=str(person))
    if ends is not None and ends <= begins:
        raise invalid_field("until", "leave.end_not_after_begin")
    with audit_context(session, principal.actor, "leave"):
        return _store_leave(session, employee.id, Range(begins, ends, bounds="[)"))


def _store_leave(session: Session, person_id: int, away: Range[datetime]) -> int:
    """Store a time somebody is away as one with those that it overlaps; return its number."""
    overlapping = session.scalars(
        select(Leave)
        .where(Leave.person_id == person_id, Leave.valid_time.overlaps(away))
        .order_by(Leave.id)
    ).all()
    for each in overlapping:
        away = away.union(each.valid_time)
    for each in overlapping[1:]:
        session.delete(each)
    session.flush()
    leave = overlapping[0] if overlapping else Leave(person_id=person_id)
    leave.valid_time = away
    session.add(leave)
    session.flush()
    return leave.id


def _lock_person(session: Session, code_or_id: str | int) -> Person | None:
    """Return a person, locked: two at once see each other's leave and posts.

    Rows that refer to the person are written meanwhile as ever.
    """
    is_person = (
        Person.id == code_or_id if isinstance(code_or_id, int) else Person.code == code_or_id
    )
    return session.query(Person).filter(is_person).with_for_update(key_share=True).one_or_none()
