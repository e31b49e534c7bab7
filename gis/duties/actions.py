"""Visits of people with duties: written down, linked with what they led to, taken away."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import case, delete, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis.db import point_ewkt
from gis.duties.models import DutyVisit
from gis.duties.queries import DUTY_POST_JOIN, VISIT_OF_POST, may_write
from gis.errors import Conflict, NotFound, invalid_field
from gis.people.persons import find_person
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.visibility import visibility_clause

MAX_DUTY_NOTE_CHARS = 2000
MAX_VISIT_INCIDENTS = 50
SHOWN_ID_PATTERN = re.compile(r"[0-9a-f]{8,32}", re.ASCII | re.IGNORECASE)
SHORTEST = timedelta(microseconds=1)

# The place of a visit, with the areas around it: one row at most.
PLACE_VISITED_SQL = """
WITH RECURSIVE site AS (
  SELECT a.id AS area_id, CAST(NULL AS bigint) AS building_id, a.code AS place, a.county
  FROM area a WHERE a.code = :area AND (a.retired_at IS NULL OR a.retired_at > :since)
  UNION ALL
  SELECT g.id, b.id, b.code, g.county
  FROM building b CROSS JOIN LATERAL grid_at(ST_PointOnSurface(b.geom), :at) g
  WHERE b.code = :building
  UNION ALL
  SELECT g.id, b.id, coalesce(b.code, g.code), g.county
  FROM grid_at(CAST(:point AS geometry), :at) g LEFT JOIN LATERAL (
    SELECT h.id, h.code FROM building h WHERE ST_Covers(h.geom, CAST(:point AS geometry))
    ORDER BY h.code LIMIT 1) b ON true
), up AS (
  SELECT area_id AS id FROM site
  UNION SELECT a.parent_id FROM area a JOIN up ON a.id = up.id WHERE a.parent_id IS NOT NULL
)
SELECT site.*, (SELECT array_agg(id) FROM up) AS area_ids FROM site
"""
HAS_DUTY_SQL = f"""
SELECT EXISTS (SELECT FROM (SELECT p.* {DUTY_POST_JOIN} WHERE p.holder_id = :person) d
  WHERE {VISIT_OF_POST.format(area_ids=":area_ids", building_id=":building_id", day=":day")})
"""  # noqa: S608  ours
LINKED_INCIDENTS_SQL = """
SELECT w.n, i.id
FROM unnest(CAST(:lows AS uuid[]), CAST(:highs AS uuid[])) WITH ORDINALITY w(low, high, n)
JOIN incident i ON i.id BETWEEN w.low AND w.high
WHERE :area = ANY(i.area_ids)
  AND (CAST(:building AS bigint) IS NULL OR coalesce(i.building_id = :building, true))
  AND i.reported_at >= CAST(:day AS timestamp) AT TIME ZONE :zone AND {visible}
"""
VISIT_SQL = """
SELECT id, person_id, day, area_id, area_ids, building_id, incident_ids
FROM duty_visit WHERE id = :id FOR UPDATE
"""


@dataclass(frozen=True)
class VisitInput:
    """A visit as it is stated.

    Attributes
    ----------
    day
        Of the deployment's time zone; None: today.
    person
        Staff number; empty: of who states it.
    area, building
        Code of the place; or `lon` and `lat`, degrees, EPSG:4490. One of the three.
    incidents
        Ids of the incidents that it led to, whole or their first eight digits and more.
    """

    day: date | None = None
    person: str = ""
    area: str = ""
    building: str = ""
    lon: float | None = None
    lat: float | None = None
    note: str = ""
    incidents: Sequence[str] = ()


def record_visit(
    session: Session,
    principal: Principal,
    stated: VisitInput,
    now: datetime,
    zone: ZoneInfo,
    *,
    replace: bool = False,
) -> int:
    """Write a visit down; return its id.

    Parameters
    ----------
    principal
        Who made it, or who has Action.DISPATCH at the place.
    replace
        Whether one of the same person, day and place takes over the note and incidents that are
        stated; for files.

    Raises
    ------
    InvalidInput
        A field is wrong, or the person has no duty for the place on that day.
    Forbidden
        It is not the principal's to write down.
    Conflict
        It is written down already.
    """
    today = now.astimezone(zone).date()
    day = stated.day or today
    if day > today:
        raise invalid_field("day", "visit.in_future", day=f"{day}")
    if len(stated.note) > MAX_DUTY_NOTE_CHARS:
        raise invalid_field("note", "field.longer_than", limit=MAX_DUTY_NOTE_CHARS)
    end = _midnight(day + timedelta(days=1), zone)
    place = _place(session, stated, _midnight(day, zone), min(now, end - SHORTEST))
    person_id = _visitor(session, principal, stated.person.strip(), place, day, zone)
    values: dict[str, Any] = {
        **{name: getattr(place, name) for name in ("county", "place", "area_id", "area_ids")},
        "building_id": place.building_id,
        "geom": _point(stated),
        "note": stated.note.strip(),
        "incident_ids": _linkable(session, principal, place, day, stated.incidents, zone),
        "recorded_by": principal.actor,
    }
    row = insert(DutyVisit).values(person_id=person_id, day=day, **values)
    keys = ["person_id", "day", "place"]
    if replace:
        changes = {
            "note": func.coalesce(func.nullif(row.excluded.note, ""), DutyVisit.note),
            "incident_ids": case(
                (func.cardinality(row.excluded.incident_ids) > 0, row.excluded.incident_ids),
                else_=DutyVisit.incident_ids,
            ),
        }
        row = row.on_conflict_do_update(index_elements=keys, set_=changes)
    else:
        row = row.on_conflict_do_nothing(index_elements=keys)
    new_id = session.execute(row.returning(DutyVisit.id)).scalar()
    if new_id is None:
        raise Conflict("visit.exists", place=place.place, day=f"{day}")
    return int(new_id)


def _visitor(
    session: Session, principal: Principal, code: str, place: Any, day: date, zone: ZoneInfo
) -> int:
    """Return the id of who made a visit.

    Raises
    ------
    InvalidInput
        The person has no duty for the place on that day.
    Forbidden
        It is not the principal's to write down.
    """
    person_id = principal.person_id
    if code:
        person = find_person(session, code)
        person_id = person and person.id
        if person_id is None or not may_write(principal, person_id, place.area_ids):
            principal.require(Action.DISPATCH, place.area_ids)
    params = {
        "person": person_id,
        "area_ids": place.area_ids,
        "building_id": place.building_id,
        "day": day,
        "zone": zone.key,
    }
    if person_id is None or not session.scalar(text(HAS_DUTY_SQL), params):
        raise invalid_field("person", "visit.no_duty", place=place.place, day=f"{day}")
    return person_id


def link_incident(
    session: Session, principal: Principal, visit_id: int, incident: str, zone: ZoneInfo
) -> None:
    """Write down that a visit led to an incident.

    Parameters
    ----------
    principal
        As for `record_visit`, and sees the incident.

    Raises
    ------
    NotFound
        There is no such visit, or it is not the principal's.
    InvalidInput
        There is no such incident at the place since the day of the visit.
    """
    visit = _own_visit(session, principal, visit_id)
    ids = _linkable(session, principal, visit, visit.day, [incident], zone)
    linked = list(dict.fromkeys([*visit.incident_ids, *ids]))
    if len(linked) > MAX_VISIT_INCIDENTS:
        raise invalid_field("incidents", "visit.too_many_incidents", limit=MAX_VISIT_INCIDENTS)
    session.execute(
        text("UPDATE duty_visit SET incident_ids = :ids WHERE id = :id"),
        {"ids": linked, "id": visit_id},
    )


def remove_visit(session: Session, principal: Principal, visit_id: int) -> None:
    """Take away a visit that was written down by mistake; the history keeps it.

    Raises
    ------
    NotFound
        There is no such visit, or it is not the principal's.
    """
    visit = _own_visit(session, principal, visit_id)
    session.execute(delete(DutyVisit).where(DutyVisit.id == visit.id))


def _own_visit(session: Session, principal: Principal, visit_id: int) -> Any:
    """Return a visit that a principal may change, locked.

    Raises
    ------
    NotFound
        There is none.
    """
    visit = session.execute(text(VISIT_SQL), {"id": visit_id}).one_or_none()
    if visit is None or not may_write(principal, visit.person_id, visit.area_ids):
        raise NotFound("visit.unknown")
    return visit


def _place(session: Session, stated: VisitInput, since: datetime, at: datetime) -> Any:
    """Return the place of a visit, with the areas around it, on a day that begins at `since`.

    Raises
    ------
    InvalidInput
        Not one place is stated, or there is none.
    """
    has_point = stated.lon is not None and stated.lat is not None
    if sum((bool(stated.area), bool(stated.building), has_point)) != 1:
        raise invalid_field("area", "visit.one_place")
    params = {
        "area": stated.area.strip(),
        "building": stated.building.strip(),
        "point": _point(stated),
        "since": since,
        "at": at,
    }
    place = session.execute(text(PLACE_VISITED_SQL), params).one_or_none()
    if place is None:
        field = "lon" if has_point else "building" if stated.building else "area"
        code = f"{stated.lon}, {stated.lat}" if has_point else stated.area or stated.building
        raise invalid_field(field, "visit.place_unknown", code=code[:40])
    return place


def _point(stated: VisitInput) -> str | None:
    return None if stated.lon is None or stated.lat is None else point_ewkt(stated.lon, stated.lat)


def _linkable(
    session: Session,
    principal: Principal,
    place: Any,
    day: date,
    incidents: Sequence[str],
    zone: ZoneInfo,
) -> list[UUID]:
    """Return the ids of incidents that a visit can have led to.

    They are at the place, reported since that day, and the principal sees them.

    Raises
    ------
    InvalidInput
        One is not.
    """
    if len(incidents) > MAX_VISIT_INCIDENTS:
        raise invalid_field("incidents", "visit.too_many_incidents", limit=MAX_VISIT_INCIDENTS)
    visible, params = visibility_clause(principal, "i")
    ranges = [_id_range(word) for word in incidents]
    params |= {
        "lows": [low for low, _high in ranges],
        "highs": [high for _low, high in ranges],
        "area": place.area_id,
        "building": place.building_id,
        "day": day,
        "zone": zone.key,
    }
    linkable: dict[int, list[UUID]] = {}
    for row in session.execute(text(LINKED_INCIDENTS_SQL.format(visible=visible)), params):
        linkable.setdefault(row.n, []).append(row.id)
    for number, word in enumerate(incidents, 1):
        if len(linkable.get(number, ())) != 1:
            raise invalid_field("incidents", "visit.incident_unknown", id=word[:40])
    return list(dict.fromkeys(ids[0] for _number, ids in sorted(linkable.items())))


def _id_range(word: str) -> tuple[UUID, UUID]:
    """Return the lowest and highest id of an incident that begins as pages show it.

    Raises
    ------
    InvalidInput
        It is no beginning of an id, or one too short to mean a single incident.
    """
    digits = word.strip().replace("-", "")
    if not SHOWN_ID_PATTERN.fullmatch(digits):
        raise invalid_field("incidents", "visit.incident_unknown", id=word[:40])
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
