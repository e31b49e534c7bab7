"""What can be done to an incident: report it, move it, and what our own jobs do to it. One event for each.

Every function flushes and never commits. The database checks each event against the table of moves once more.
"""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.explanation import DecisionStep
from gis.areas.locate_result import LocateRequest, LocateResult
from gis.areas.resolver import parse_point
from gis.areas.snapshot import RegistrySnapshot
from gis.db import audit_context, cached_text
from gis.errors import Conflict, Forbidden, invalid_field
from gis.incidents import photos, working_time
from gis.incidents.catalogue import danger as catalogue_danger
from gis.incidents.catalogue.classifier import Suggestion
from gis.incidents.lifecycle import alert
from gis.incidents.lifecycle.effects import EFFECTS, NOTHING, MovePayload, alarmed, residents_word, successor
from gis.incidents.lifecycle.events import (
    as_json,
    desk_of,
    insert_events,
    insert_offers,
    lock_incident,
    notice_body,
    notify_of_move,
    record_event,
)
from gis.incidents.lifecycle.intake import MAX_DESCRIPTION_CHARS, Assessed, IncidentReport, assess
from gis.incidents.reading.duplicates import Duplicate, find_duplicates
from gis.incidents.reading.incidents import IncidentView, get_incident
from gis.incidents.reading.locked import LockedIncident, may_move
from gis.incidents.reading.queues import queue_to_json
from gis.incidents.routing.post_holders import DESKS, HEIGHT, above, home, list_post_holders, office
from gis.incidents.routing.router import CLOCK_COLUMNS, COMMUNITY, RoutingDecision, route, stage_clock
from gis.incidents.states import ENDED_STATES, INDEPENDENT_MOVES, TRANSITIONS, State, allowed_moves, next_state
from gis.notices.outbox import enqueue_notice
from gis.rights.access import ACCESS_ROLES as ACCESS
from gis.rights.access import LIVING, Action, Principal, holder_label, system_principal
from gis.rights.roles import ROLE_BY_KEY


@dataclass(frozen=True)
class FiledIncident:
    """What came of a report.

    danger: What its words tell of danger, and which numbers to call.

    tracking_secret: Shown once; only its hash is kept. assigned_to: role, name, area; None: it waits at the community.
    due: When the running stage's time is over. how: How place, rule and person were decided.
    """

    id: UUID
    county: str
    tracking_secret: str
    state: str
    assigned_to: dict[str, Any] | None
    due: datetime | None
    rule: str
    way: str
    category: str
    severity: str
    locate: LocateResult
    how: list[DecisionStep]
    duplicates: list[Duplicate]
    suggestions: list[Suggestion]
    version: int
    areas: list[int]
    queue: dict[str, str] | None
    danger: dict[str, Any] | None = None


INSERT = """
INSERT INTO incident (county, id, reported_at, changed_at, edition_id, category, severity, description, address, channel,
  attributes, shape, asked, areas, grid_id, unit_id, building_id, revision_id, how, rule_id, rule_name, way, skill,
  limits, role, area_id, holder_id, stage_began, amber_at, due_at, spent_min, supervise_at, account_id, key_id,
  tracking_hash)
VALUES (:county, :id, :now, :now, :edition_id, :category, :severity, :description, :address, :channel,
  CAST(:attributes AS jsonb), ST_SetSRID(ST_MakePoint(:lon, :lat), 4490), CAST(:asked AS jsonb), :areas, :grid_id,
  :unit_id, :building_id, :revision_id, CAST(:how AS jsonb), :rule_id, :rule_name, :way, :skill,
  CAST(:limits AS jsonb), :role, :area_id, :holder_id, :stage_began, :amber_at, :due_at, :spent_min, :supervise_at,
  :account_id, :key_id, :tracking_hash)
"""


def file_report(
    session: Session,
    by: Principal,
    given: IncidentReport,
    now: datetime,
    *,
    register: RegistrySnapshot | None = None,
    var: Path | None = None,
    pictures: Sequence[photos.SanitisedPhoto] = (),
    incident_id: UUID | None = None,
    secret: str | None = None,
    look_alike: bool = True,
    assessed: Assessed | None = None,
) -> FiledIncident:
    """File a report: find its place, rule and person, start the clock, and tell them.

    What the sender may say of itself (channel, severity, attributes) is for the ways in to check: `intake.admit`.

    Args:
        by: Needs Action.REPORT in the place's areas.
        register: As for `gis.areas.resolver.locate`.
        var: Folder photos are kept under; needed with `pictures`.
        look_alike: Whether to look for what it may repeat.
        incident_id, secret: The id and the tracking secret it is to have; made here when None.
        assessed: What `intake.assess` or `intake.admit` returned for it; assessed here when None.

    Raises:
        InvalidInput: A field is missing or wrong. OutsideGrids, NotFound: The place is none of ours.
        Forbidden: The asker may not report there.
    """
    case = assessed or assess(session, by, given, now, register=register)
    where = case.where
    routed = route(session, where, case.kind, case.severity, given.channel, case.at, now, case.clear)
    how = [*case.how, *routed.how]
    alike = find_duplicates(session, by, case.kind.code, where.lon, where.lat, now) if look_alike else []
    made, secret = incident_id or uuid4(), secret or secrets.token_urlsafe(24)
    _insert(session, by, given, case, routed, how, made, secret)
    events = _first_events(by, given, case, routed, now)
    numbers = insert_events(session, [{"county": where.county, "incident_id": made, "at": now} | one for one in events])
    if routed.offers:
        insert_offers(session, where.county, made, routed.offers, now)
    if given.name or given.phone or given.email:
        contact = {"county": where.county, "id": made, "name": given.name, "phone": given.phone, "email": given.email}
        session.execute(text(CONTACT), contact)
    if pictures:
        photos.store(session, _var(var), where.county, made, numbers[0], pictures)
    _tell_filed(session, case, routed, made, now)
    seat, columns = routed.seat, routed.columns
    return FiledIncident(
        made, where.county, secret, routed.state.value,
        None if seat is None else {"role": seat.role, "name": seat.name, "area": seat.code},
        columns["due_at"], columns["rule_name"], columns["way"], case.kind.code, case.severity, case.answer,
        how, alike, case.suggestions, len(events) + 1, where.area_ids,
        queue_to_json(routed.owner, columns["role"], {level: name for _, level, _, name in where.areas}),
        catalogue_danger.in_words(case.danger),
    )  # fmt: skip


def _insert(
    session: Session,
    by: Principal,
    given: IncidentReport,
    case: Assessed,
    routed: RoutingDecision,
    how: list[DecisionStep],
    made: UUID,
    secret: str,
) -> None:
    where = case.where
    session.execute(
        cached_text(INSERT),
        {
            "county": where.county, "id": made, "now": case.at, "edition_id": case.edition_id, "category": case.kind.code,
            "severity": case.severity, "description": given.description.strip(), "address": given.address.strip(),
            "channel": given.channel, "attributes": as_json(given.attributes), "lon": where.lon, "lat": where.lat,
            "asked": as_json(where.location_input), "areas": where.area_ids, "grid_id": where.grid_id, "unit_id": where.unit_id,
            "building_id": where.building_id, "revision_id": where.revision, "how": as_json(how),
            **routed.columns, "limits": as_json(routed.columns["limits"]), "account_id": by.account_id, "key_id": by.key_id,
            "tracking_hash": hash_tracking_secret(secret),
        },
    )  # fmt: skip


def _first_events(
    by: Principal, given: IncidentReport, case: Assessed, routed: RoutingDecision, now: datetime
) -> list[dict[str, Any]]:
    """The events of a report: that it came in, and what the rule did with it."""
    rule = {"who": f"rule {routed.columns['rule_name']}", "role": "system"}
    told = {"role": routed.columns["role"], "area": "", "way": routed.columns["way"]}
    if routed.seat is not None:
        told |= {"area": routed.seat.code, "person": routed.seat.person_code}
    events: list[dict[str, Any]] = [
        {"move": "report", "at": case.at, "who": by.who, "role": _role(by), "person_id": by.person_id, "from_state": "reported",
         "to_state": "reported", "detail": {"loaded_at": now} if given.at else {}},
    ]  # fmt: skip
    if routed.state != State.REPORTED:
        events.append(rule | {"move": "accept", "from_state": "reported", "to_state": "accepted"})
    if routed.state == State.DISPATCHED:
        events.append(rule | {"move": "dispatch", "from_state": "accepted", "to_state": "dispatched", "detail": told})
    return events


def _tell_filed(session: Session, case: Assessed, routed: RoutingDecision, made: UUID, now: datetime) -> None:
    """Tell who has a new report, else who waits for it; of danger also those above."""
    where, holder = case.where, routed.columns["holder_id"]
    people = [one.person_id for one in routed.offers] or [p for p in [holder] if p]
    desk = None if people else desk_of(session, where.area_ids, now)
    words = notice_body(
        made, routed.state, case.kind.code, case.kind.zh, where.areas[-1][2], routed.columns["role"], case.severity
    )
    enqueue_notice(
        session, "incident.report", county=where.county, incident_id=made, areas=where.area_ids,
        person_ids=desk.people if desk else people, account_ids=desk.accounts if desk else (), body=words,
    )  # fmt: skip
    if case.danger is not None:
        alert.alarm(
            session, where.county, made, where.area_ids, where.building_id, now, words, told=[holder],
            kind=case.danger.kinds[0],
        )  # fmt: skip


def assigned_to(principal: Principal, filed: FiledIncident) -> dict[str, Any] | None:
    """Whom a report went to, as somebody may know it: role, name and area; None: it waits at the community."""
    if filed.assigned_to is None:
        return None
    located = filed.locate
    names = {area.code: area.name for area in (*located.areas, *([located.unit] if located.unit else ()))}
    if located.building:
        names[located.building.code] = located.building.estate or located.building.name
    role, area = filed.assigned_to["role"], filed.assigned_to["area"]
    label = holder_label(principal, filed.areas, role, names.get(area, ""), filed.assigned_to["name"], None)
    return filed.assigned_to | {"name": label}


CONTACT = """
INSERT INTO personal.reporter (county, incident_id, name, phone, email) VALUES (:county, :id, :name, :phone, :email)
"""


def hash_tracking_secret(secret: str) -> bytes:
    """What is kept of a tracking secret (256 random bits need no salt)."""
    return hashlib.sha256(secret.encode()).digest()


def _role(by: Principal) -> str:
    return next((key for key, _ in by.roles), by.kind)


def _var(var: Path | None) -> Path:
    if var is None:
        raise invalid_field("photos", "this way in takes none")
    return var


# --- moves ---------------------------------------------------------------------------------------------------------

COMES_BACK = frozenset({"reopen", "send_back", "resume"})  # to who held it, unless they cannot act on it any more
CHAIN = ("reported", "accepted", "dispatched", "taken", "handled", "checked", "closed")
FORWARD = {"reported": "accept", "accepted": "dispatch", "dispatched": "take", "taken": "handle", "handled": "check",
           "checked": "close"}  # fmt: skip


def apply_move(
    session: Session,
    by: Principal,
    incident_id: UUID,
    name: str,
    now: datetime,
    wish: MovePayload = NOTHING,
    *,
    point: tuple[float, float, str] | None = None,
    version: int | Collection[int] | None = None,
    var: Path | None = None,
    pictures: Sequence[photos.SanitisedPhoto] = (),
) -> IncidentView:
    """Do one move of the table to an incident, and the same to its children.

    Args:
        name: One of `gis.incidents.states.TRANSITIONS` that people do.
        wish: What the move needs: words, for whom, how long.
        point: Where it was done, (lon, lat, crs). version: The version it was seen at, or several any of which will do;
            another one is a Conflict.

    Raises:
        NotFound: There is none, or it is not the asker's to see. Forbidden: It is not the asker's to do.
        Conflict: Its state does not allow the move, somebody was faster, or it is not the version seen.
        InvalidInput: Something the move needs is missing or wrong.
    """
    if name not in TRANSITIONS or TRANSITIONS[name].by == Action.SYSTEM or name == "report":
        known = [one for one in TRANSITIONS if TRANSITIONS[one].by != Action.SYSTEM and one != "report"]
        words = f"{name[:40]!r} is no move; one of {', '.join(known)}"
        raise invalid_field("move", words)
    row = lock_incident(session, by, incident_id, offered=name == "take")
    if row.unowned:  # in the operator's queue: the operator is its desk
        by = by.acting(row.areas)
    seen = (version,) if isinstance(version, int) else version
    if seen is not None and row.version not in seen:
        words = f"the incident is at version {row.version}, not {' or '.join(map(str, seen))}; look again"
        raise Conflict(words, extra={"version": row.version})
    next_state(name, row.state, row.pending, row.before)
    if TRANSITIONS[name].by == Action.APPROVE and row.pending and by.who == row.asked_by:
        raise Forbidden(f"{name}: whoever asked cannot approve it; another account that dispatches in this area must")
    if not may_move(by, row, name):
        raise Forbidden(f"{name} is not allowed to {by.role_words} here")
    if row.parent_id is not None and name not in INDEPENDENT_MOVES:
        raise Conflict(f"{name}: the incident repeats another and moves with it; move {row.parent_id}, or unlink it first",
                       parent=str(row.parent_id))  # fmt: skip
    if TRANSITIONS[name].needs_note and not wish.note.strip():
        raise invalid_field("note", "field.reason_missing")
    if len(wish.note) > MAX_DESCRIPTION_CHARS:
        words = f"has {len(wish.note):,} characters; at most {MAX_DESCRIPTION_CHARS:,}"
        raise invalid_field("note", words)
    shape = None
    if point is not None:
        x, y = parse_point(LocateRequest(*point))
        shape = f"SRID=4490;POINT({x!r} {y!r})"
    with audit_context(session, by.who, name):
        event = _apply(session, by, row, name, wish, now, shape)
        if pictures:
            photos.store(session, _var(var), row.county, row.id, event, pictures)
        if name not in INDEPENDENT_MOVES:
            _children(session, by, row, name, wish, now)
        elif name == "link":
            other = lock_incident(session, system_principal(by.who), wish.parent or row.id)
            _follow(
                session,
                by,
                lock_incident(session, system_principal(by.who), row.id),
                other.id,
                "",
                other.state,
                NOTHING,
                now,
            )
        elif name == "rate" and wish.solved is False and residents_word(by, row):
            again = MovePayload(note=wish.note.strip() or "上报人评价：问题没有解决")
            _apply(session, by, lock_incident(session, system_principal(by.who), row.id), "reopen", again, now)
    return get_incident(session, by, incident_id, now=now, moved=row)


def _apply(
    session: Session,
    by: Principal,
    row: LockedIncident,
    name: str,
    wish: MovePayload,
    now: datetime,
    shape: str | None = None,
) -> int:
    """One move of one incident: its columns, its event, its notices."""
    after, _ = next_state(name, row.state, row.pending, row.before)
    changes: dict[str, Any] = {}
    detail: dict[str, Any] = {}
    offered: list[Any] = []
    effect = EFFECTS.get(name)
    if effect is not None:
        changes, detail, offered = effect(session, by, row, wish, now)
    if name in COMES_BACK:
        to = successor(session, row, now)
        if to is not None:
            changes |= to.columns
            detail |= {"how": orjson.loads(orjson.dumps(to.how)), "from_person": row.holder_id}
    danger = catalogue_danger.heard(session, wish.note) if name in catalogue_danger.MOVES_WITH_DANGER else None
    if danger is not None:
        changes |= alarmed(session, row, after, now)
        detail["danger"] = danger.kinds[0]
        detail["how"] = [*detail.get("how", ()), *orjson.loads(as_json([alert.why(danger)]))]
    limits = changes.get("limits", row.limits)
    if after != row.state and "due_at" not in changes:
        changes |= stage_clock(limits, after, now)
    if changes.get("parent_id", row.parent_id) is not None and changes.keys() & set(CLOCK_COLUMNS):
        changes |= dict.fromkeys(CLOCK_COLUMNS)  # the clock is the parent's own: two would blame twice
    if changes.get("way", row.way) == "order" and after == State.DISPATCHED:
        changes["supervise_at"] = None  # unclaimed in time it falls back to the community instead
    role = _role(by)
    event = record_event(
        session, row, name, now, by.who, words=wish.note, role=role, person_id=by.person_id, shape=shape, detail=detail,
        changes=changes,
    )  # fmt: skip
    if offered:
        insert_offers(session, row.county, row.id, offered, now)
    notify_of_move(session, row, name, after, changes, by, [one.person_id for one in offered], now=now)
    if danger is not None and (
        row.severity != catalogue_danger.URGENT or by.kind != "system"
    ):  # a device repeats itself
        words = notice_body(
            row.id,
            after,
            row.category,
            row.category_zh,
            row.grid_code,
            changes.get("role", row.role),
            catalogue_danger.URGENT,
        )
        alert.alarm(session, row.county, row.id, row.areas, row.building_id, now, words, kind=danger.kinds[0])
    return event


def _children(
    session: Session, by: Principal, parent: LockedIncident, name: str, wish: MovePayload, now: datetime
) -> None:
    """What repeats an incident moves with it: the same move where its state allows, else forward to the same state.

    What cannot end with it (made void; or suspended by itself before it was linked) stands on its own again.
    """
    query = "SELECT id FROM incident WHERE parent_id = :id AND state NOT IN ('void') ORDER BY id"
    after = next_state(name, parent.state, parent.pending, parent.before)[0]
    for number in session.scalars(text(query), {"id": parent.id}).all():
        child = _follow(
            session, by, lock_incident(session, system_principal(by.who), number), parent.id, name, after, wish, now
        )
        if after in ENDED_STATES and child.state not in ENDED_STATES:
            _apply(session, system_principal(by.who), child, "unlink", NOTHING, now)


def _follow(
    session: Session,
    by: Principal,
    row: LockedIncident,
    parent: UUID,
    name: str,
    after: str,
    wish: MovePayload,
    now: datetime,
) -> LockedIncident:
    holder = session.execute(
        text("SELECT role, area_id, holder_id, way FROM incident WHERE id = :id"), {"id": parent}
    ).one()
    with_parent = {"role": holder.role, "area_id": holder.area_id, "holder_id": holder.holder_id, "way": holder.way}
    moves = [name] if name in allowed_moves(row.state, row.pending) else []
    start = "reported" if row.state == "returned" else row.state  # accepted anew
    if not moves and after in CHAIN and start in CHAIN:
        moves = [FORWARD[state] for state in CHAIN[CHAIN.index(start) : CHAIN.index(after)]]
    for one in moves:
        to, pending = next_state(one, row.state, row.pending, row.before)
        changes = with_parent | (dict.fromkeys(CLOCK_COLUMNS) if to != row.state else {})
        record_event(
            session, row, one, now, by.who, words=wish.note, detail={"with_parent": str(parent)}, changes=changes
        )
        notify_of_move(session, row, one, to, with_parent, by, now=now)
        before = row.state if to == State.SUSPENDED else "" if one == "resume" else row.before
        row = row.at(to, pending, before)
    return row


# --- what our own jobs do ------------------------------------------------------------------------------------------


def escalate_overdue(session: Session, incident_id: UUID, now: datetime, *, job: str = "job clock") -> bool:
    """Send an overdue incident one level up, once for each time the clock has run out. False: it is not due (any more).

    The next level follows when the same limit has passed again, counted from when this step was due, so that a
    missed run is caught up step by step without doubling.
    """
    row = lock_incident(session, system_principal(job), incident_id)
    if row.supervise_at is None or row.supervise_at > now or row.state in ENDED_STATES:
        return False
    level = row.supervise_level + 1
    people = list_post_holders(session, row.areas, row.building_id, now)
    waits = office(session, row.areas, now)
    place_level = session.scalar(text("SELECT level FROM area WHERE id = :id"), {"id": row.area_id})
    lies = HEIGHT.get(row.role or DESKS.get(place_level or ("operator" if row.way == "assign" else ""), ""), 0)
    floor = max(lies, HEIGHT.get(row.supervisor_role or "", 0))
    found = above(people, row.limits.get("escalation", ()), floor, row.supervise_level > 0, waits)
    if found is None:
        record_event(
            session, row, "escalate", now, job, words="超时，已上报到最高一级，继续督办", role="system",
            detail={"level": row.supervise_level, "top": True, "en": "overdue: it is at the top already"},
            changes={"supervised": True, "supervise_at": None},
        )  # fmt: skip
        notify_of_move(session, row, "escalate", row.state, {}, system_principal(job), now=now)
        return True
    role, person = found
    wall = bool(row.limits.get("around_the_clock"))
    following = working_time.deadline(row.supervise_at, float(row.limits.get(row.state, 60)), around_the_clock=wall)
    changes = {"supervised": True, "supervise_level": level, "supervisor_role": role, "supervise_at": following}
    zh, en = (ROLE_BY_KEY[role].zh, ROLE_BY_KEY[role].en) if role in ROLE_BY_KEY else ACCESS[role][:2]
    record_event(
        session, row, "escalate", now, job, words=f"超时，上报{zh}督办", role="system", person_id=person,
        detail={"level": level, "role": role, "due": row.due_at, "en": f"overdue: to {en}"}, changes=changes,
    )  # fmt: skip
    notify_of_move(session, row, "escalate", row.state, {}, system_principal(job), more=[person], now=now)
    return True


def expire_order(session: Session, incident_id: UUID, now: datetime, *, job: str = "job orders") -> bool:
    """Give an order that nobody claimed in time back to the community. False: it was claimed, or has time left."""
    row = lock_incident(session, system_principal(job), incident_id)
    if row.way != "order" or row.state != State.DISPATCHED or row.due_at is None or row.due_at > now:
        return False
    _give_back(session, row, now, job, "无人接单，退回社区", "nobody claimed it")
    return True


STAGE = f"SELECT {LIVING.stage('i', ':at')} FROM incident i WHERE i.id = :id"  # noqa: S608  our own text


def pass_on(session: Session, incident_id: UUID, now: datetime, *, job: str = "job owners") -> bool:
    """Pass a matter on whose holder cannot act on it any more: away, without a post or an account. False: they can.

    An order that none of those it was offered to can claim any more goes back before its time.
    """
    row = lock_incident(session, system_principal(job), incident_id)
    if row.state not in (State.DISPATCHED, State.TAKEN):
        return False
    if row.way == "order" and row.state == State.DISPATCHED:
        if session.scalar(text(STAGE), {"id": row.id, "at": now}) is not None:
            return False
        _give_back(
            session, row, now, job, "可接单的人均不在岗，退回社区", "none of those it was offered to can claim it"
        )
        return True
    to = successor(session, row, now)
    if to is None or to.columns["holder_id"] == row.holder_id:
        return False
    role = to.columns["role"]
    zh = ROLE_BY_KEY[role].zh if role else ""
    detail = {
        "from_person": row.holder_id, "to_person": to.columns["holder_id"], "role": role,
        "how": orjson.loads(orjson.dumps(to.how)), "en": f"{to.how[-1].en}: who held it cannot act on it now",
    }  # fmt: skip
    words = f"原承办人不在岗，转{zh}" if zh else f"原承办人不在岗：{to.how[-1].zh}"
    changes = {**to.columns, "way": "assign"}
    record_event(session, row, "pass_on", now, job, words=words, role="system", person_id=to.columns["holder_id"],
           detail=detail, changes=changes)  # fmt: skip
    notify_of_move(session, row, "pass_on", row.state, changes, system_principal(job), more=[row.holder_id], now=now)
    return True


def _give_back(session: Session, row: LockedIncident, now: datetime, job: str, words: str, en: str) -> None:
    to = home(session, row.areas, row.building_id, COMMUNITY, (), now, ("community", "street", "county"))
    changes = {"way": "assign", **to.columns, **stage_clock(row.limits, State.ACCEPTED, now)}
    detail = {"en": en, "how": orjson.loads(orjson.dumps(to.how))}
    record_event(session, row, "expire", now, job, words=words, detail=detail, changes=changes)
    session.execute(text("DELETE FROM order_offer WHERE incident_id = :id"), {"id": row.id})
    notify_of_move(session, row, "expire", State.ACCEPTED, changes, system_principal(job), now=now)
