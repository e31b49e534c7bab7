"""What happened to an incident, as those who work on it read it, and as its reporter does by the tracking secret."""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import NotFound
from gis.incidents.catalogue import danger as catalogue_danger
from gis.incidents.reading.event_access import told
from gis.incidents.reading.incidents import get_incident
from gis.incidents.states import ENDED_STATES, NOTES_SHOWN_TO_REPORTER, State, move_labels, state_labels
from gis.rights.principal import Principal, reporter_principal
from gis.rights.roles import ROLE_BY_KEY, role_label
from gis.rights.visibility import Fact, can_see, internal, visibility_clause


@dataclass(frozen=True)
class EventView:
    """One thing that happened. role: Of who did it, in words. who: Account or program; None for our own jobs and rules, and where the asker may not
    know names. words: What was said."""

    id: int
    at: datetime
    move: str
    move_zh: str
    move_en: str
    from_state: str
    to_state: str
    state_zh: str
    who: str | None
    role: str
    role_zh: str
    words: str
    photos: list[UUID]
    detail: dict[str, Any]


PERSONS = ("person", "from_person", "to_person")  # in the detail of events

TIMELINE = """
SELECT e.*, i.areas, {internal} AS inside, p.name AS person_name, ARRAY(SELECT f.id FROM photo f WHERE f.incident_id = e.incident_id AND f.event_id = e.id ORDER BY f.at) AS photos
FROM incident_event e JOIN incident i ON (i.county, i.id) = (e.county, e.incident_id)
  LEFT JOIN personal.person p ON p.id = e.person_id
WHERE e.incident_id = :id AND {condition} AND {told} ORDER BY e.id
"""


def events(session: Session, by: Principal, incident_id: UUID) -> list[EventView]:
    """What happened to an incident, oldest first; empty when it is not the asker's to see."""
    condition, params = visibility_clause(by, "i")
    readable, more = told(by)
    query = TIMELINE.format(condition=condition, internal=internal(by), told=readable)
    rows = session.execute(text(query), params | more | {"id": incident_id}).all()
    named = bool(rows) and can_see(by, Fact.NAMES, rows[0].areas)
    return [_event(row, named) if row.inside else _told(_event(row, named)) for row in rows]


def _told(one: EventView) -> EventView:
    role = {key: value for key, value in one.detail.items() if key == "role"}  # of who has it now, not who that is
    return replace(one, words=one.words if one.move in NOTES_SHOWN_TO_REPORTER else "", detail=role)


def _event(row: Any, named: bool) -> EventView:
    zh = (
        {"anonymous": "居民", "reporter": "上报人", "key": "程序", "system": "系统", "": "系统"}.get(row.role)
        or role_label(row.role, "zh")
    )  # fmt: skip
    nobody = row.role in ("system", "anonymous") or row.who.startswith("job ")
    return EventView(
        row.id, row.at, row.move, *move_labels(row.move), row.from_state,
        row.to_state, state_labels(row.to_state)[0], (row.person_name or row.who) if named and not nobody else None, row.role, zh, row.words,
        list(row.photos), row.detail if named else {key: value for key, value in row.detail.items() if key not in PERSONS},
    )  # fmt: skip


@dataclass(frozen=True)
class TrackedIncident:
    """An incident for who reported it: where it stands, who holds it (role; the name of an organisation), since
    when, who has it to act on now (queue), and what happened. No names, no words between those who work on it."""

    id: UUID
    state: str
    state_zh: str
    state_en: str
    version: int
    category: str
    category_zh: str
    category_en: str
    description: str
    address: str
    point: dict[str, Any]
    community: str
    reported_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    role: str | None
    role_zh: str | None
    role_en: str | None
    name: str | None
    queue: dict[str, str] | None
    due: datetime | None
    colour: str | None
    supervised: bool
    rating: int | None
    solved: bool | None
    photos: list[UUID]
    moves: list[str]
    timeline: list[dict[str, Any]]
    danger: dict[str, Any] | None


def authenticate_tracking(session: Session, incident_id: UUID, secret: str) -> Principal:
    """Who shows an incident's tracking secret.

    Raises:
        NotFound: There is no such incident, or it is not its secret.
    """
    kept = session.scalar(text("SELECT tracking_hash FROM incident WHERE id = :id"), {"id": incident_id})
    if not hmac.compare_digest(sha256(secret.encode()).digest(), kept or b"\0" * 32) or kept is None:
        raise NotFound("incident.unknown")
    return reporter_principal(incident_id)


def tracked(session: Session, incident_id: UUID, secret: str, *, now: datetime) -> TrackedIncident:
    """The reporter's view.

    Raises:
        NotFound: There is no such incident, or it is not its secret.
    """
    by = authenticate_tracking(session, incident_id, secret)
    seen = get_incident(session, by, incident_id, now=now)
    happened = events(session, by, incident_id)
    line = [
        {"at": one.at, "move": one.move, "zh": one.move_zh, "en": one.move_en, "state": one.to_state,
         "state_zh": one.state_zh, "role_zh": one.role_zh,
         "to_zh": ROLE_BY_KEY[one.detail["role"]].zh if one.detail.get("role") in ROLE_BY_KEY else None,
         "words": one.words, "photos": one.photos}
        for one in happened
    ]  # fmt: skip
    own = [seen.description, *(one.words for one in happened if one.move in catalogue_danger.HEARD)]
    running = seen.severity == catalogue_danger.URGENT and seen.state not in (
        *ENDED_STATES,
        State.HANDLED,
        State.CHECKED,
    )
    danger = (
        next((found for words in own if (found := catalogue_danger.heard(session, words))), None) if running else None
    )
    community = next((area["name"] for area in seen.areas if area["level"] == "community"), "")
    return TrackedIncident(
        seen.id, seen.state, seen.state_zh, seen.state_en, seen.version, seen.category, seen.category_zh,
        seen.category_en, seen.description, seen.address, seen.point, community, seen.reported_at, seen.changed_at,
        seen.closed_at, seen.role, seen.role_zh, seen.role_en, seen.assigned_to, seen.queue, seen.due, seen.colour,
        seen.supervised, seen.rating, seen.solved, [photo for one in happened for photo in one.photos], seen.moves, line, catalogue_danger.in_words(danger),
    )  # fmt: skip
