"""What people do to an incident: one move of the table of states, and what follows from it.

Every function flushes and never commits. The database checks each event against the table of moves
once more.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.areas.locate_input import parse_point
from gis.db import audit_context, point_ewkt
from gis.errors import Conflict, Forbidden, invalid_field
from gis.files.photos import AttachedPhotos
from gis.incidents import photos
from gis.incidents.catalogue import danger as catalogue_danger
from gis.incidents.danger.reader import Danger
from gis.incidents.lifecycle import alert, supervision
from gis.incidents.lifecycle.effects import EFFECTS, is_reporters_rating
from gis.incidents.lifecycle.events import (
    EventInput,
    acting_role,
    insert_offers,
    lock_incident,
    notify_of_move,
    present_notice,
    record_event,
)
from gis.incidents.lifecycle.intake import MAX_DESCRIPTION_CHARS
from gis.incidents.lifecycle.joint import require_signed
from gis.incidents.lifecycle.payload import EMPTY_PAYLOAD, MovePayload
from gis.incidents.lifecycle.relocation import dispatch_anew
from gis.incidents.lifecycle.rerouting import alarmed, home_by_rule, successor
from gis.incidents.models import Incident
from gis.incidents.reading.locked import LockedIncident, impossible, may_move
from gis.incidents.routing.post_holders import Home, list_post_holders
from gis.incidents.states import (
    ENDED_STATES,
    INDEPENDENT_MOVES,
    SOLVED,
    TRANSITIONS,
    State,
    allowed_moves,
    next_state,
)
from gis.messages import Message, label
from gis.rights.actions import Action
from gis.rights.principal import Principal, system_principal
from gis.storable import is_blank

RETURNING_MOVES = frozenset(
    {"reopen", "send_back", "resume"}
)  # to who held it, unless they cannot act on it any more
CHAIN = ("reported", "accepted", "dispatched", "taken", "handled", "checked", "closed")
FORWARD = {
    "reported": "accept",
    "accepted": "dispatch",
    "dispatched": "take",
    "taken": "handle",
    "handled": "check",
    "checked": "close",
}


def apply_move(
    session: Session,
    principal: Principal,
    incident_id: UUID,
    name: str,
    now: datetime,
    payload: MovePayload = EMPTY_PAYLOAD,
    *,
    version: int | Collection[int] | None = None,
    attached: AttachedPhotos | None = None,
) -> LockedIncident:
    """Do one move of the table to an incident, and the same to its children.

    Returns its row as it was before.

    Parameters
    ----------
    name
        One of `gis.incidents.states.TRANSITIONS` that people do.
    payload
        What the move needs: words, for whom, how long.
    version
        The version it was seen at, or several any of which will do; another one is a Conflict.
    attached
        The photos that come with it.

    Raises
    ------
    NotFound
        There is none, or it is not the principal's to see.
    Forbidden
        It is not the principal's to do.
    Conflict
        Its state does not allow the move, somebody was faster, or it is not the version seen.
    InvalidInput
        Something the move needs is missing or wrong.
    """
    _require_move_of_people(name)
    row = lock_incident(session, principal, incident_id, offered=name == "take")
    if row.unowned:  # in the operator's queue: the operator is its desk
        principal = principal.acting(row.area_ids)
    _require_version(row, version)
    _require_allowed(principal, row, name)
    _require_note(name, payload)
    if name == "handle":
        require_signed(session, row.id)
    point = payload.point
    shape = None if point is None else point_ewkt(*parse_point(point))
    with audit_context(session, principal.actor, name):
        event = _apply(session, principal, row, name, payload, now, shape)
        if attached is not None:
            photos.store(session, row.county, row.id, event, attached)
        _apply_consequences(session, principal, row, name, payload, now)
    return row


def _apply_consequences(
    session: Session,
    principal: Principal,
    row: LockedIncident,
    name: str,
    payload: MovePayload,
    now: datetime,
) -> None:
    """Do what follows from a move.

    Children move along, a linked incident with its parent, an unsolved one reopens.
    """
    if name not in INDEPENDENT_MOVES:
        _move_children(session, principal, row, name, payload, now)
    elif name == "relocate":
        dispatch_anew(session, row, principal.actor, now)
        _raise_alarm_elsewhere(session, row, now)
    elif name == "link":
        parent = lock_incident(session, system_principal(principal.actor), payload.parent or row.id)
        child = lock_incident(session, system_principal(principal.actor), row.id)
        _follow_parent(session, principal, child, parent.id, "", parent.state, EMPTY_PAYLOAD, now)
    elif payload.solved is False and (
        name == "follow_up" or (name == "rate" and is_reporters_rating(principal, row))
    ):
        code = "event_note.not_solved" if name == "rate" else "event_note.not_solved_on_the_phone"
        reopening = MovePayload(note=payload.note.strip() or label(code, "zh"))
        rated = lock_incident(session, system_principal(principal.actor), row.id)
        _apply(session, principal, rated, "reopen", reopening, now)


def _require_move_of_people(name: str) -> None:
    allowed = [
        move for move, row in TRANSITIONS.items() if row.by != Action.SYSTEM and move != "report"
    ]
    if name not in allowed:
        raise invalid_field("move", "incident.move_unknown", move=name[:40], allowed=allowed)


def _require_version(row: LockedIncident, version: int | Collection[int] | None) -> None:
    versions = (version,) if isinstance(version, int) else version
    if versions is not None and row.version not in versions:
        seen = [str(number) for number in sorted(versions)]
        raise Conflict(
            "incident.version_changed",
            version=str(row.version),
            seen=seen,
            extra={"version": row.version},
        )


def _require_allowed(principal: Principal, row: LockedIncident, name: str) -> None:
    """Raise unless the state allows a move, and the principal may do it.

    Nobody approves their own request.

    Raises
    ------
    Conflict
        The state does not allow it, or the matter moves with the one that it is part of.
    Forbidden
        The principal may not do it, or would approve their own request.
    """
    try:
        next_state(name, row.state, row.pending_request, row.state_before_suspension)
    except Conflict:
        raise impossible(principal, row, name) from None
    move = Message(f"move.{name}")
    if (
        TRANSITIONS[name].by == Action.APPROVE
        and row.pending_request
        and principal.actor == row.asked_by
    ):
        raise Forbidden("incident.own_request", move=move)
    if not may_move(principal, row, name):
        raise Forbidden("right.not_allowed", action=move, roles=principal.role_labels)
    if row.parent_id is not None and name not in INDEPENDENT_MOVES:
        raise Conflict("incident.moves_with_parent", move=move, parent=str(row.parent_id))


def _require_note(name: str, payload: MovePayload) -> None:
    if TRANSITIONS[name].needs_note and is_blank(payload.note):
        raise invalid_field("note", "field.reason_missing")
    if len(payload.note) > MAX_DESCRIPTION_CHARS:
        raise invalid_field(
            "note", "field.too_long", count=len(payload.note), limit=MAX_DESCRIPTION_CHARS
        )


def _apply(
    session: Session,
    principal: Principal,
    row: LockedIncident,
    name: str,
    payload: MovePayload,
    now: datetime,
    shape: str | None = None,
) -> int:
    """Do one move of one incident: its columns, its event, its notices.

    Return the number of the event.
    """
    new_state, _ = next_state(name, row.state, row.pending_request, row.state_before_suspension)
    changes: dict[str, Any] = {}
    detail: dict[str, Any] = {}
    offers: list[Any] = []
    if effect := EFFECTS.get(name):
        changes, detail, offers = effect(session, principal, row, payload, now)
    if name in RETURNING_MOVES and (to := _returns_to(session, row, new_state, now)) is not None:
        changes |= to.columns
        detail |= {"how": to.how, "from_person": row.holder_id}
    danger = _heard_danger(session, row, name, payload)
    if danger is not None:
        changes |= alarmed(session, row, now)
        how = [*detail.get("how", ()), alert.danger_step(danger)]
        detail |= {"danger": danger.kinds[0], "how": how}
    event = record_event(
        session,
        row,
        EventInput(
            name,
            principal.actor,
            note=payload.note,
            role=acting_role(principal),
            person_id=principal.person_id,
            shape=shape,
            detail=detail,
        ),
        now,
        changes=changes,
    )
    if name == "reopen":
        supervision.supervise_reopened(session, row.id, now, principal.actor)
    if offers:
        insert_offers(session, row.county, row.id, offers, now)
    offered = [offer.person_id for offer in offers]
    notify_of_move(session, row, name, changes, principal, offered, now=now)
    # a device repeats itself
    is_repetition = row.severity == catalogue_danger.URGENT and principal.kind == "system"
    if danger is not None and not is_repetition:
        _raise_alarm(session, row, danger, now)
    return event


def _returns_to(
    session: Session, row: LockedIncident, new_state: str, now: datetime
) -> Home | None:
    """Return who has an incident that comes back; None: as before it was away."""
    is_held = row.holder_id is not None or row.dispatch_mode == "order"
    if is_held or new_state not in (State.DISPATCHED, State.TAKEN):
        return successor(session, row, now)
    return home_by_rule(session, row, now)  # it lost its holder meanwhile


def _heard_danger(
    session: Session, row: LockedIncident, name: str, payload: MovePayload
) -> Danger | None:
    """Return the danger that the words of a move tell of, or of the part that a split keeps."""
    if name == "split" and row.severity != catalogue_danger.URGENT:
        return catalogue_danger.heard(session, payload.parts[0].description)
    heeded = name in catalogue_danger.MOVES_WITH_DANGER
    return catalogue_danger.heard(session, payload.note) if heeded else None


def _raise_alarm_elsewhere(session: Session, old: LockedIncident, now: datetime) -> None:
    """Notify those above at the right place of a danger that was reported at a wrong one."""
    if old.severity != catalogue_danger.URGENT or old.state in SOLVED:
        return
    row = lock_incident(session, system_principal("relocate"), old.id)
    description = session.scalar(select(Incident.description).where(Incident.id == row.id)) or ""
    danger = catalogue_danger.heard(session, description)
    if danger is not None and set(row.area_ids) != set(old.area_ids):
        _raise_alarm(session, row, danger, now)


def _raise_alarm(session: Session, row: LockedIncident, danger: Danger, now: datetime) -> None:
    """Notify those above of a danger that somebody's words in a move told of."""
    body, areas = present_notice(session, row)
    post_holders = list_post_holders(session, areas, row.building_id, now)
    alert.alarm(session, row.county, row.id, areas, post_holders, body, danger=danger)


def _move_children(
    session: Session,
    principal: Principal,
    parent: LockedIncident,
    name: str,
    payload: MovePayload,
    now: datetime,
) -> None:
    """Move along what repeats an incident.

    By the same move where its state allows, else forward to the same state.

    What cannot end with it (made void; or suspended by itself before it was linked) stands on its
    own again.
    """
    children = (
        select(Incident.id)
        .where(Incident.parent_id == parent.id, Incident.state != State.VOID)
        .order_by(Incident.id)
    )
    new_state = next_state(
        name, parent.state, parent.pending_request, parent.state_before_suspension
    )[0]
    for number in session.scalars(children).all():
        child = _follow_parent(
            session,
            principal,
            lock_incident(session, system_principal(principal.actor), number),
            parent.id,
            name,
            new_state,
            payload,
            now,
        )
        if new_state in ENDED_STATES and child.state not in ENDED_STATES:
            _apply(session, system_principal(principal.actor), child, "unlink", EMPTY_PAYLOAD, now)


def _follow_parent(
    session: Session,
    principal: Principal,
    row: LockedIncident,
    parent: UUID,
    name: str,
    parent_state: str,
    payload: MovePayload,
    now: datetime,
) -> LockedIncident:
    names = ("role", "area_id", "holder_id", "organisation_id", "dispatch_mode")
    assignment = select(*(getattr(Incident, name) for name in names)).where(Incident.id == parent)
    with_parent = {**session.execute(assignment).mappings().one()}
    moves = [name] if name in allowed_moves(row.state, row.pending_request) else []
    start = "reported" if row.state == "returned" else row.state  # accepted anew
    if not moves and parent_state in CHAIN and start in CHAIN:
        moves = [FORWARD[state] for state in CHAIN[CHAIN.index(start) : CHAIN.index(parent_state)]]
    for move in moves:
        to, pending = next_state(move, row.state, row.pending_request, row.state_before_suspension)
        record_event(
            session,
            row,
            EventInput(
                move, principal.actor, note=payload.note, detail={"with_parent": str(parent)}
            ),
            now,
            changes=with_parent,
        )
        notify_of_move(session, row, move, with_parent, principal, now=now)
        state_before = (
            row.state
            if to == State.SUSPENDED
            else ""
            if move == "resume"
            else row.state_before_suspension
        )
        row = row.at(to, pending, state_before)
    return row
