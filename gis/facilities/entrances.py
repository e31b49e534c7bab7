"""Doors and gates of buildings and facilities: list, add, change and take away.

Labels of coverage follow by their digests (`gis.facilities.access_store`); the service circles that
a change touches are dropped, so that they are computed anew when they are next asked for.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import point_ewkt
from gis.errors import Conflict, NotFound, invalid_field
from gis.facilities.hours import read_hours
from gis.facilities.planning_land import (
    MAX_STATED_CHARS,
    PLANNED_AREAS_CTE,
    planning_params,
    require_planner_of,
)
from gis.places.doors import ENTRANCE_KINDS, Owner
from gis.rights.principal import Principal

MAX_DISTANCE_M = 50  # of a door from the outline of its building or facility

PLANNED_ENTRANCES_SQL = f"""{PLANNED_AREAS_CTE}
SELECT e.id, CASE WHEN e.building_id IS NULL THEN 'facility' ELSE 'building' END AS owner,
  coalesce(b.code, f.code) AS owner_code, e.code, e.kind, e.hours, e.note, e.source, e.version,
  ST_X(e.geom) AS lon, ST_Y(e.geom) AS lat
FROM entrance e
LEFT JOIN building b ON b.id = e.building_id
LEFT JOIN facility f ON f.id = e.facility_id
LEFT JOIN LATERAL grid_at(ST_PointOnSurface(coalesce(b.geom, f.geom)), :at) g ON true
WHERE e.removed_at IS NULL
  AND (CAST(:id AS bigint) IS NULL OR e.id = :id)
  AND (CAST(:cursor AS bigint) IS NULL OR e.id > :cursor)
  AND (CAST(:box AS text) IS NULL OR e.geom && ST_GeomFromEWKT(:box))
  AND (:everywhere OR g.id IN (SELECT id FROM mine))
ORDER BY e.id
LIMIT :limit
"""  # noqa: S608  ours
OWNER_SQL = """
SELECT o.id, g.id AS grid,
  ST_Distance(geography(ST_SetSRID(o.geom, 4326)),
    geography(ST_SetSRID(ST_GeomFromEWKT(:point), 4326))) AS metres
FROM {owner} o
LEFT JOIN LATERAL grid_at(ST_PointOnSurface(o.geom), :at) g ON true
WHERE o.code = :code
"""
UNKNOWN_OWNER = {"building": "entrance.no_building", "facility": "facility.unknown"}


@dataclass(frozen=True)
class EntranceRow:
    """A door or gate.

    Attributes
    ----------
    owner, owner_code
        building or facility, and its code.
    lon, lat
        Degrees, EPSG:4490.
    """

    id: int
    owner: Owner
    owner_code: str
    code: str | None
    kind: str
    hours: str
    note: str
    source: str
    version: int
    lon: float
    lat: float


def list_entrances(
    session: Session,
    principal: Principal,
    at: datetime,
    *,
    box: str | None = None,
    cursor: int | None = None,
    limit: int = 100,
) -> list[EntranceRow]:
    """List the entrances in the areas that the principal plans, by id.

    Parameters
    ----------
    box
        Only those in this box, EWKT.
    cursor
        Continue after this id.
    """
    return _read(session, principal, at, box=box, cursor=cursor, limit=limit)


def add_entrance(
    session: Session,
    principal: Principal,
    at: datetime,
    *,
    owner: Owner,
    owner_code: str,
    point: tuple[float, float],
    facts: Mapping[str, str],
) -> EntranceRow:
    """Add an entrance to a building or facility.

    Parameters
    ----------
    point
        Longitude and latitude, EPSG:4490.
    facts
        Kind, hours, note; those that are missing are as in `entrance`, the kind is side.

    Raises
    ------
    NotFound
        No building or facility has the code.
    Forbidden
        The principal does not plan there.
    InvalidInput
        The point is far from it, or a fact is wrong.
    """
    values = {"kind": "side", "hours": "", "note": ""} | _checked(facts)
    number = _owner_id(session, principal, at, owner, owner_code, point)
    row = session.scalar(
        text(
            f"INSERT INTO entrance ({owner}_id, kind, hours, note, geom, source)"  # noqa: S608  ours
            " VALUES (:owner, :kind, :hours, :note, ST_GeomFromEWKT(:point), 'page') RETURNING id"
        ),
        values | {"owner": number, "point": point_ewkt(*point)},
    )
    return _one(session, principal, at, int(row or 0))


def change_entrance(
    session: Session,
    principal: Principal,
    at: datetime,
    number: int,
    *,
    versions: Collection[int] = (),
    point: tuple[float, float] | None = None,
    facts: Mapping[str, str] | None = None,
) -> EntranceRow:
    """Move an entrance or change what is said of it; loads of maps then leave it alone.

    Parameters
    ----------
    versions
        Those it may have; none means any.

    Raises
    ------
    NotFound
        There is none with the id where the principal plans.
    Conflict
        Somebody has changed it since.
    InvalidInput
        The point is far from its building or facility, or a fact is wrong.
    """
    row = _locked(session, principal, at, number, versions)
    values: dict[str, Any] = {"kind": row.kind, "hours": row.hours, "note": row.note}
    values |= _checked(facts or {})
    if point is not None:
        _owner_id(session, principal, at, row.owner, row.owner_code, point)
    session.execute(
        text(
            "UPDATE entrance SET kind = :kind, hours = :hours, note = :note, source = 'page',"
            " version = version + 1, geom = coalesce(ST_GeomFromEWKT(:point), geom) WHERE id = :id"
        ),
        values | {"id": number, "point": None if point is None else point_ewkt(*point)},
    )
    return _one(session, principal, at, number)


def remove_entrance(
    session: Session,
    principal: Principal,
    at: datetime,
    number: int,
    versions: Collection[int] = (),
) -> None:
    """Take an entrance away; loads of maps do not bring it back.

    Raises
    ------
    NotFound
        There is none with the id where the principal plans.
    Conflict
        Somebody has changed it since.
    """
    _locked(session, principal, at, number, versions)
    session.execute(
        text(
            "UPDATE entrance SET removed_at = :at, source = 'page', version = version + 1"
            " WHERE id = :id"
        ),
        {"id": number, "at": at},
    )


def _read(
    session: Session, principal: Principal, at: datetime, **conditions: Any
) -> list[EntranceRow]:
    params = {"id": None, "box": None, "cursor": None, "limit": 1, "at": at}
    rows = session.execute(
        text(PLANNED_ENTRANCES_SQL), params | planning_params(principal) | conditions
    )
    return [EntranceRow(**row._mapping) for row in rows]


def _one(session: Session, principal: Principal, at: datetime, number: int) -> EntranceRow:
    rows = _read(session, principal, at, id=number)
    if not rows:
        raise NotFound("entrance.unknown", id=number)
    return rows[0]


def _locked(
    session: Session, principal: Principal, at: datetime, number: int, versions: Collection[int]
) -> EntranceRow:
    """Return an entrance that nobody else can change now, of one of some versions.

    Raises
    ------
    Conflict
        It has another version.
    """
    session.execute(text("SELECT FROM entrance WHERE id = :id FOR UPDATE"), {"id": number})
    row = _one(session, principal, at, number)
    if versions and row.version not in versions:
        raise Conflict("entrance.version_changed", version=row.version, seen=max(versions))
    return row


def _owner_id(
    session: Session,
    principal: Principal,
    at: datetime,
    owner: Owner,
    code: str,
    point: tuple[float, float],
) -> int:
    """Return the id of a building or facility where the principal plans and a door may be put.

    Raises
    ------
    NotFound
        There is no such building or facility.
    InvalidInput
        The door would be too far from it.
    """
    row = session.execute(
        text(OWNER_SQL.format(owner=owner)), {"code": code, "point": point_ewkt(*point), "at": at}
    ).first()
    if row is None:
        raise NotFound(UNKNOWN_OWNER[owner], code=code)
    require_planner_of(session, principal, row.grid, at)
    if round(row.metres) > MAX_DISTANCE_M:
        raise invalid_field(
            "lon", "entrance.too_far", metres=round(row.metres), limit=MAX_DISTANCE_M
        )
    return int(row.id)


def _checked(facts: Mapping[str, str]) -> dict[str, str]:
    """Return facts as they are stored.

    Raises
    ------
    InvalidInput
        The kind is unknown, a text is too long, or the hours cannot be read.
    """
    values = {name: value.strip() for name, value in facts.items()}
    kind, hours = values.get("kind"), values.get("hours")
    if kind is not None and kind not in ENTRANCE_KINDS:
        raise invalid_field("kind", "field.none_of", value=kind[:40], allowed=list(ENTRANCE_KINDS))
    for name in ("hours", "note"):
        if len(values.get(name, "")) > MAX_STATED_CHARS:
            raise invalid_field(name, "checkup.text_too_long", limit=MAX_STATED_CHARS)
    if hours:
        syntax = read_hours(hours)
        if syntax is None:
            raise invalid_field("hours", "entrance.hours_unreadable", value=hours[:40])
        values["hours"] = syntax
    return values
