"""Buildings as keepers of the register state them on a page: added, changed, placed, closed.

A change is a register of one row, so that its checks, and what follows from it, exist once.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import point_ewkt
from gis.errors import Conflict, FieldError, NotFound, invalid_field, invalid_fields
from gis.exchange.building_match import BuildingQuery, find_buildings
from gis.exchange.building_place import NAMESAKE_M
from gis.exchange.buildings import BuildingDefaults, load_buildings_table
from gis.files.report import LoadReport
from gis.files.tables import Row, Table
from gis.people.area_chains import area_chain
from gis.rights.actions import KEEPING, Action
from gis.rights.principal import Principal
from gis.shapes.rings import find_open_ring

EDIT_CRS = "cgcs2000"
NAME_COLUMNS = ("head", "head_phone", "sponsor", "sponsor_phone")  # of persons, who then hold posts
GRID_OF_BUILDING_SQL = "SELECT g.id FROM grid_at(ST_GeomFromEWKT(:point), :at) g"
LOCKED_BUILDING_SQL = "SELECT id, version FROM building WHERE code = :code FOR UPDATE"
WRITTEN_SQL = "SELECT b.code FROM building b JOIN incoming_building_row i ON i.building_id = b.id"
DISTANCE_SQL = """
SELECT code, ST_Distance(geography(ST_SetSRID(geom, 4326)),
  geography(ST_SetSRID(ST_GeomFromEWKT(:point), 4326))) AS metres
FROM building WHERE id = :id
"""
HELD_SQL = """
SELECT (SELECT count(*) FROM household WHERE building_id = :id) AS homes,
  (SELECT count(*) FROM incident WHERE building_id = :id) AS incidents,
  (SELECT min(u.name) FROM unit_part p JOIN area u ON u.id = p.unit_id
   WHERE p.building_id = :id) AS unit
"""
CLOSE_BUILDINGS_SQL = """
WITH gone AS (DELETE FROM building WHERE id = ANY(:ids) RETURNING code, estate || name AS name)
INSERT INTO closed_building (code, name, closed_at, author)
SELECT code, name, now(), coalesce(nullif(current_setting('wangge.who', true), ''), :author)
FROM gone
"""


def add_building(
    session: Session,
    principal: Principal,
    at: datetime,
    facts: Mapping[str, Any],
    *,
    timezone: tzinfo,
) -> str:
    """Add a building, or place one that waits, or name an outline that nobody has named.

    Parameters
    ----------
    facts
        Values of `gis.exchange.columns.BUILDINGS`; `lon` and `lat`, or `geometry` as GeoJSON, of
        EPSG:4490.
    timezone
        Of the first days of posts.

    Returns
    -------
    Its code.

    Raises
    ------
    Forbidden
        The principal does not keep the register there.
    Conflict
        It is entered already.
    InvalidInput
        A fact is wrong, or there is no place.
    """
    point = _point(facts)
    if point is None:
        raise invalid_field("geometry", "building.needs_place")
    _require(session, principal, point, facts, at)
    query = BuildingQuery(estate=facts.get("estate") or "", name=facts.get("name"))
    known = find_buildings(session, [query])[0] if query.name else None
    if isinstance(known, int):
        place = {"id": known, "point": point_ewkt(*point)}
        code, metres = session.execute(text(DISTANCE_SQL), place).one()
        if metres <= NAMESAKE_M:
            name = f"{query.estate}{query.name}"
            raise Conflict("building.exists", code=code, name=name)
    return _load(session, facts, timezone)


def change_building(
    session: Session,
    principal: Principal,
    at: datetime,
    code: str,
    facts: Mapping[str, Any],
    versions: Collection[int] = (),
    *,
    timezone: tzinfo,
) -> None:
    """Change what is said of a building, its place or its outline.

    Parameters
    ----------
    facts
        Those that change; None clears a number.
    versions
        Those it may have; none means any.

    Raises
    ------
    NotFound
        No building has the code.
    Forbidden
        The principal does not keep the register there, or where it would stand.
    Conflict
        Somebody has changed it since.
    InvalidInput
        A fact is wrong.
    """
    _locked(session, principal, at, code, versions, facts)
    if point := _point(facts):
        _require(session, principal, point, facts, at)
    _load(session, dict(facts) | {"code": code}, timezone)


def close_building(
    session: Session,
    principal: Principal,
    at: datetime,
    code: str,
    versions: Collection[int] = (),
) -> None:
    """Take a building away that is gone, with its doors and posts; the history holds what it was.

    Raises
    ------
    NotFound, Forbidden
        As `change_building`.
    Conflict
        Somebody has changed it since; or homes, a unit or incidents hold on to it.
    """
    id = _locked(session, principal, at, code, versions, {})
    held = session.execute(text(HELD_SQL), {"id": id}).one()
    if held.homes:
        raise Conflict("building.has_homes", count=held.homes)
    if held.unit:
        raise Conflict("building.part_of_unit", unit=held.unit)
    if held.incidents:
        raise Conflict("building.has_incidents", count=held.incidents)
    close_buildings(session, [id], principal.actor)


def close_buildings(session: Session, ids: Sequence[int], author: str) -> None:
    """Take buildings away with their posts and doors, and remember that they are closed.

    Parameters
    ----------
    author
        Who does it, where the transaction does not say.
    """
    session.execute(text("DELETE FROM post WHERE building_id = ANY(:ids)"), {"ids": list(ids)})
    session.execute(text(CLOSE_BUILDINGS_SQL), {"ids": list(ids), "author": author})


def _locked(
    session: Session,
    principal: Principal,
    at: datetime,
    code: str,
    versions: Collection[int],
    facts: Mapping[str, Any],
) -> int:
    """Return the id of a building that the principal keeps, of one of some versions.

    Raises
    ------
    NotFound
        No building has the code.
    Conflict
        It has another version.
    """
    row = session.execute(text(LOCKED_BUILDING_SQL), {"code": code}).first()
    if row is None:
        raise NotFound("building.unknown", code=code)
    _require_there(principal, area_chain(session, None, row.id, at), facts)
    if versions and row.version not in versions:
        raise Conflict("building.version_changed", version=row.version, seen=max(versions))
    return int(row.id)


def _require(
    session: Session,
    principal: Principal,
    point: tuple[float, float],
    facts: Mapping[str, Any],
    at: datetime,
) -> None:
    grid = session.scalar(text(GRID_OF_BUILDING_SQL), {"point": point_ewkt(*point), "at": at})
    chain = [] if grid is None else area_chain(session, grid, None, at)
    _require_there(principal, chain, facts)


def _require_there(principal: Principal, chain: Collection[int], facts: Mapping[str, Any]) -> None:
    """Raise Forbidden unless the principal keeps the register, and posts where facts name them."""
    principal.require_any(KEEPING, chain)
    if any(facts.get(name) for name in NAME_COLUMNS):
        principal.require(Action.POSTS, chain)


def _point(facts: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return a point in the building, longitude and latitude; None where it stays."""
    if facts.get("geometry"):
        inside = _shape(facts["geometry"]).representative_point()
        return inside.x, inside.y
    if facts.get("lon") is None:
        return None
    return facts["lon"], facts["lat"]


def _shape(geometry: Mapping[str, Any]) -> shapely.Geometry:
    """Return a shape from GeoJSON.

    Raises
    ------
    InvalidInput
        It is no polygon, or a ring of it is not closed.
    """
    try:
        shape = shapely.geometry.shape(geometry)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise invalid_field("geometry", "building_row.no_polygon") from error
    if shape.is_empty or shape.geom_type not in ("Polygon", "MultiPolygon"):
        raise invalid_field("geometry", "building_row.no_polygon")
    if at := find_open_ring(geometry):
        raise invalid_field("geometry", "geometry.ring_not_closed", at=at)
    return shape


def _load(session: Session, facts: Mapping[str, Any], timezone: tzinfo) -> str:
    """Load one row, and return the code of its building.

    Raises
    ------
    InvalidInput
        The row is refused.
    """
    values = {name: value for name, value in facts.items() if name not in ("geometry", "crs")}
    if facts.get("geometry"):
        values["shape"] = _shape(facts["geometry"]).wkt
    numbers = ("floors", "homes")
    values["clear"] = [name for name in numbers if name in facts and facts[name] is None]
    for name in NAME_COLUMNS:
        values[name] = values.get(name) or None
    report = LoadReport("buildings", "page")
    report.counts["rows"] = 1
    table = Table({}, iter([Row(1, values | {"crs": EDIT_CRS})]))
    defaults = BuildingDefaults(timezone=timezone)
    load_buildings_table(session, table, report, defaults, source="page")
    if report.refused:
        faults = [
            FieldError(each.field, each.message.code, each.message.params)
            for each in report.refused
        ]
        raise invalid_fields(faults)
    return str(session.execute(text(WRITTEN_SQL)).scalar_one())
