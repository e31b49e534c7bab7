"""What happened to an incident: for those who work on it, and for its reporter.

The reporter reads it by the tracking secret.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.accounts.credentials import hash_secret
from gis.errors import NotFound
from gis.incidents.catalogue import danger as catalogue_danger
from gis.incidents.danger.reader import Danger
from gis.incidents.models import Incident
from gis.incidents.reading.event_access import readable_events
from gis.incidents.reading.incidents import IncidentView, get_incident
from gis.incidents.states import (
    ENDED_STATES,
    NOTES_SHOWN_TO_REPORTER,
    State,
    move_labels,
    state_labels,
)
from gis.rights.principal import Principal, reporter_principal
from gis.rights.roles import ROLE_BY_KEY, role_label
from gis.rights.visibility import Fact, can_see, internal, visibility_clause


@dataclass(frozen=True)
class EventView:
    """One thing that happened. role: Of who did it, in words. who: Account or program.

    None for our own jobs and rules, and where the asker may not know names. words: What was said.
    """

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


PERSONS = ("person", "from_person", "to_person", "handler")  # in the detail of events

TIMELINE = """
SELECT e.*, i.area_ids, {internal} AS inside, p.name AS person_name, ARRAY(SELECT f.id FROM photo f
    WHERE f.incident_id = e.incident_id AND f.event_id = e.id ORDER BY f.at) AS photos
FROM incident_event e JOIN incident i ON (i.county, i.id) = (e.county, e.incident_id)
  LEFT JOIN personal.person p ON p.id = e.person_id
WHERE e.incident_id = :id AND {condition} AND {told} ORDER BY e.id
"""


def events(session: Session, by: Principal, incident_id: UUID) -> list[EventView]:
    """List what happened to an incident, oldest first; empty when it is not visible."""
    condition, params = visibility_clause(by, "i")
    readable, readable_params = readable_events(by)
    query = TIMELINE.format(condition=condition, internal=internal(by), told=readable)
    rows = session.execute(text(query), params | readable_params | {"id": incident_id}).all()
    named = bool(rows) and can_see(by, Fact.NAMES, rows[0].area_ids)
    return [_event(row, named) if row.inside else _for_reporter(_event(row, named)) for row in rows]


def _for_reporter(event: EventView) -> EventView:
    role = {
        key: value for key, value in event.detail.items() if key == "role"
    }  # of who has it now, not who that is
    return replace(
        event, words=event.words if event.move in NOTES_SHOWN_TO_REPORTER else "", detail=role
    )


def _event(row: Any, named: bool) -> EventView:
    zh = {
        "anonymous": "居民",
        "reporter": "上报人",
        "key": "程序",
        "system": "系统",
        "": "系统",
    }.get(row.role) or role_label(row.role, "zh")
    nobody = row.role in ("system", "anonymous") or row.who.startswith("job ")
    return EventView(
        row.id,
        row.at,
        row.move,
        *move_labels(row.move),
        row.from_state,
        row.to_state,
        state_labels(row.to_state)[0],
        (row.person_name or row.who) if named and not nobody else None,
        row.role,
        zh,
        row.note,
        list(row.photos),
        row.detail
        if named
        else {key: value for key, value in row.detail.items() if key not in PERSONS},
    )


@dataclass(frozen=True)
class TrackedIncident:
    """An incident for who reported it.

    Where it stands, who holds it (role; the name of an organisation), since when, who has it to act
    on now (queue), and what happened. parts: What else was made of the same report (id, state,
    category), each with the same tracking secret. No names, no words between those who work on it.
    """

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
    parts: list[dict[str, Any]]


def authenticate_tracking(session: Session, incident_id: UUID, secret: str) -> Principal:
    """Return the principal of an incident's tracking secret.

    Raises
    ------
    NotFound
        There is no such incident, or it is not its secret.
    """
    stored_hash = session.scalar(select(Incident.tracking_hash).where(Incident.id == incident_id))
    if (
        not hmac.compare_digest(hash_secret(secret), stored_hash or b"\0" * 32)
        or stored_hash is None
    ):
        raise NotFound("incident.unknown")
    return reporter_principal(incident_id)


def _danger_to_reporter(
    session: Session, view: IncidentView, happened: Sequence[EventView]
) -> Danger | None:
    """Return the danger that the reporter's words told of, while somebody is to deal with it."""
    if view.severity != catalogue_danger.URGENT or view.state in (
        *ENDED_STATES,
        State.HANDLED,
        State.CHECKED,
    ):
        return None
    moves = catalogue_danger.MOVES_WITH_DANGER
    texts = [view.description, *(event.words for event in happened if event.move in moves)]
    return next(
        filter(None, (catalogue_danger.heard(session, sentence) for sentence in texts)), None
    )


def _to_reporter(event: EventView) -> dict[str, Any]:
    """Return an event as its reporter reads it: no names."""
    return {
        "at": event.at,
        "move": event.move,
        "zh": event.move_zh,
        "en": event.move_en,
        "state": event.to_state,
        "state_zh": event.state_zh,
        "role_zh": event.role_zh,
        "to_zh": ROLE_BY_KEY[event.detail["role"]].zh
        if event.detail.get("role") in ROLE_BY_KEY
        else None,
        "words": event.words,
        "photos": event.photos,
    }


def tracked(session: Session, incident_id: UUID, secret: str, *, now: datetime) -> TrackedIncident:
    """Return the reporter's view.

    Raises
    ------
    NotFound
        There is no such incident, or it is not its secret.
    """
    by = authenticate_tracking(session, incident_id, secret)
    view = get_incident(session, by, incident_id, now=now)
    happened = events(session, by, incident_id)
    danger = _danger_to_reporter(session, view, happened)
    community = next((area["name"] for area in view.areas if area["level"] == "community"), "")
    return TrackedIncident(
        view.id,
        view.state,
        view.state_zh,
        view.state_en,
        view.version,
        view.category,
        view.category_zh,
        view.category_en,
        view.description,
        view.address,
        view.point,
        community,
        view.reported_at,
        view.changed_at,
        view.closed_at,
        view.role,
        view.role_zh,
        view.role_en,
        view.assigned_to,
        view.queue,
        view.due,
        view.colour,
        view.supervised,
        view.rating,
        view.solved,
        [photo for event in happened for photo in event.photos],
        view.moves,
        [_to_reporter(event) for event in happened],
        catalogue_danger.in_words(danger),
        _other_parts(session, incident_id),
    )


# raw SQL: the report's own incident and those that were split from it, but the one shown
SPLIT_INCIDENTS_SQL = """
SELECT i.id, i.state, i.category, c.zh AS category_zh, c.en AS category_en
FROM incident one
  JOIN incident i ON coalesce(one.split_from, one.id) IN (i.id, i.split_from) AND i.id <> one.id
  JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
WHERE one.id = :id AND i.tracking_hash = one.tracking_hash ORDER BY i.reported_at, i.id
"""


def _other_parts(session: Session, incident_id: UUID) -> list[dict[str, Any]]:
    """List the other incidents made of the same report, for its reporter."""
    rows = session.execute(text(SPLIT_INCIDENTS_SQL), {"id": incident_id}).mappings()
    return [
        {**row, **dict(zip(("state_zh", "state_en"), state_labels(row["state"]), strict=True))}
        for row in rows
    ]
