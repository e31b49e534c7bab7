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
from gis.incidents import alert
from gis.incidents.queries import find
from gis.incidents.workflow import ENDED, MOVES, STATES, State
from gis.people.access import ROLES as ACCESS
from gis.people.access import Action, Principal, reporter, visible
from gis.people.roles import BY_KEY


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


TIMELINE = """
SELECT e.*, i.areas, i.holder_id, p.name AS person_name, ARRAY(SELECT f.id FROM photo f WHERE f.incident_id = e.incident_id AND f.event_id = e.id ORDER BY f.at) AS photos
FROM incident_event e JOIN incident i ON (i.county, i.id) = (e.county, e.incident_id)
  LEFT JOIN personal.person p ON p.id = e.person_id
WHERE e.incident_id = :id AND {condition} ORDER BY e.id
"""


def events(session: Session, by: Principal, incident_id: UUID) -> list[EventView]:
    """What happened to an incident, oldest first; empty when it is not the asker's to see."""
    condition, params = visible(by, "i")
    rows = session.execute(text(TIMELINE.format(condition=condition)), params | {"id": incident_id})
    found = rows.all()
    # who reported, and who may only claim it, does not read what those who work on it say among themselves
    inside = found and (
        by.may(Action.READ, found[0].areas) or (by.person_id is not None and by.person_id == found[0].holder_id)
    )
    views = [_event(row, by.may(Action.NAMES)) for row in found]
    return views if inside else [_told(one) for one in views if one.move in TOLD_REPORTER or _own_note(one)]


def _own_note(one: EventView) -> bool:
    return one.move == "note" and one.role in ("reporter", "anonymous", "resident")


def _told(one: EventView) -> EventView:
    role = {key: value for key, value in one.detail.items() if key == "role"}  # of who has it now, not who that is
    return replace(one, words=one.words if one.move in SAID_REPORTER else "", detail=role)


def _event(row: Any, named: bool) -> EventView:
    move = MOVES.get(row.move)
    zh = (
        ACCESS[row.role][0] if row.role in ACCESS
        else BY_KEY[row.role].zh if row.role in BY_KEY
        else {"anonymous": "居民", "reporter": "上报人", "key": "程序", "system": "系统", "": "系统"}.get(row.role, row.role)
    )  # fmt: skip
    nobody = row.role in ("system", "anonymous") or row.who.startswith("job ")
    return EventView(
        row.id, row.at, row.move, move.zh if move else row.move, move.en if move else row.move, row.from_state,
        row.to_state, STATES[State(row.to_state)][0], (row.person_name or row.who) if named and not nobody else None, row.role, zh, row.words,
        list(row.photos), row.detail if named else {key: value for key, value in row.detail.items() if key != "person"},
    )  # fmt: skip


# what the reporter reads of the timeline; the rest is between those who work
TOLD_REPORTER = ("report", "accept", "dispatch", "take", "return", "handle", "check", "send_back", "close", "rate",
                 "reopen", "approve_suspend", "resume", "approve_extend", "approve_void", "escalate", "supervise",
                 "expire", "follow", "hand_over")  # fmt: skip
# whose words are meant for the reporter
SAID_REPORTER = ("report", "handle", "close", "rate", "reopen", "approve_suspend", "approve_void", "note")


@dataclass(frozen=True)
class Tracked:
    """An incident for who reported it: where it stands, who holds it (role; a name where the role is public), since
    when, and what happened. No names, no words between those who work on it."""

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
    due: datetime | None
    colour: str | None
    supervised: bool
    rating: int | None
    solved: bool | None
    photos: list[UUID]
    moves: list[str]
    timeline: list[dict[str, Any]]
    danger: dict[str, Any] | None


def by_secret(session: Session, incident_id: UUID, secret: str) -> Principal:
    """Who shows an incident's tracking secret.

    Raises:
        NotFound: There is no such incident, or it is not its secret.
    """
    kept = session.scalar(text("SELECT tracking_hash FROM incident WHERE id = :id"), {"id": incident_id})
    if not hmac.compare_digest(sha256(secret.encode()).digest(), kept or b"\0" * 32) or kept is None:
        raise NotFound("there is no such incident")
    return reporter(incident_id)


def tracked(session: Session, incident_id: UUID, secret: str, *, now: datetime) -> Tracked:
    """The reporter's view.

    Raises:
        NotFound: There is no such incident, or it is not its secret.
    """
    by = by_secret(session, incident_id, secret)
    seen = find(session, by, incident_id, now=now)
    told = events(session, by, incident_id)
    line = [
        {"at": one.at, "move": one.move, "zh": one.move_zh, "en": one.move_en, "state": one.to_state,
         "state_zh": one.state_zh, "role_zh": one.role_zh,
         "to_zh": BY_KEY[one.detail["role"]].zh if one.detail.get("role") in BY_KEY else None,
         "words": one.words, "photos": one.photos}
        for one in told
    ]  # fmt: skip
    own = [seen.description, *(one.words for one in told if one.move in alert.HEARD)]
    running = seen.severity == alert.URGENT and seen.state not in (*ENDED, State.HANDLED, State.CHECKED)
    danger = next((found for words in own if (found := alert.heard(session, words))), None) if running else None
    community = next((area["name"] for area in seen.areas if area["level"] == "community"), "")
    return Tracked(
        seen.id, seen.state, seen.state_zh, seen.state_en, seen.version, seen.category, seen.category_zh,
        seen.category_en, seen.description, seen.address, seen.point, community, seen.reported_at, seen.changed_at,
        seen.closed_at, seen.role, seen.role_zh, seen.role_en, seen.assigned_to, seen.due, seen.colour,
        seen.supervised, seen.rating, seen.solved, [photo for one in told for photo in one.photos], seen.moves, line, alert.in_words(danger),
    )  # fmt: skip
