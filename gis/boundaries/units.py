"""Ten-household units of a grid: their homes, what they stand on, and who heads them.

Read as they stand now. A home is in the unit that the register of homes names; see
`gis.boundaries.unit_edits` for changing it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from gis.areas.models import Area, DatedParent, Level
from gis.boundaries.revision_access import area_codes, require_on_grids
from gis.boundaries.unit_changes import units_version
from gis.errors import NotFound
from gis.rights.actions import PLANNING, Action
from gis.rights.principal import Principal

# Units in use under a grid. Raw SQL, as the statements below, for parents that are dated.
UNITS_OF_GRID_CTE = """
unit AS (
  SELECT u.id, u.code, u.name FROM area u
  LEFT JOIN dated_parent d ON d.area_id = u.id AND d.valid_time @> now()
  WHERE u.level = 'unit' AND (u.retired_at IS NULL OR u.retired_at > now())
    AND (u.parent_id = :grid OR u.id IN (SELECT area_id FROM dated_parent WHERE parent_id = :grid))
    AND coalesce(d.parent_id, u.parent_id) = :grid)
"""
UNITS_SQL = f"""
WITH {UNITS_OF_GRID_CTE}, home AS (
  SELECT h.unit_id, h.building_id, count(*) AS homes, sum(h.people) AS people
  FROM household h JOIN unit ON unit.id = h.unit_id GROUP BY 1, 2
), counted AS (
  SELECT h.unit_id, sum(h.homes) AS homes, sum(h.people) AS people,
    coalesce(sum(h.homes) FILTER (WHERE NOT ST_Intersects(g.geom, b.geom)), 0) AS elsewhere
  FROM home h JOIN building b ON b.id = h.building_id
  LEFT JOIN boundary g ON g.area_id = :grid AND g.valid_time @> now()
  GROUP BY 1
), head AS (
  SELECT p.area_id, string_agg(holder.name, '、' ORDER BY p.id) AS name
  FROM post p JOIN unit ON unit.id = p.area_id
  JOIN personal.person holder ON holder.id = p.holder_id
  WHERE p.role = 'unit_head' AND p.valid_time @> now() GROUP BY 1
)
SELECT unit.code, unit.name, coalesce(c.homes, 0)::int AS households,
  coalesce(c.people, 0)::int AS people, coalesce(c.elsewhere, 0)::int AS elsewhere,
  head.name AS head
FROM unit LEFT JOIN counted c ON c.unit_id = unit.id LEFT JOIN head ON head.area_id = unit.id
ORDER BY unit.code
"""  # noqa: S608  our own text
PARTS_OF_UNITS_SQL = f"""
WITH {UNITS_OF_GRID_CTE}
SELECT unit.code AS unit, b.code AS building, coalesce(nullif(b.name, ''), nullif(b.address, ''),
    b.code) AS name, s.name AS stairwell, p.floor_from, p.floor_to
FROM unit JOIN unit_part p ON p.unit_id = unit.id JOIN building b ON b.id = p.building_id
LEFT JOIN stairwell s ON s.id = p.stairwell_id
ORDER BY unit.code, b.name, b.code, length(s.name), s.name, p.floor_from
"""  # noqa: S608
# Buildings with homes that touch the grid, or in which one of its units has homes; homes by the
# code of their unit, those without one under the empty text.
BUILDINGS_OF_GRID_SQL = f"""
WITH {UNITS_OF_GRID_CTE}, near AS (
  SELECT b.id FROM building b JOIN boundary g ON g.area_id = :grid AND g.valid_time @> now()
    AND b.geom && g.geom AND ST_Intersects(g.geom, b.geom)
  UNION SELECT p.building_id FROM unit_part p JOIN unit ON unit.id = p.unit_id
), homes AS (
  SELECT h.building_id, coalesce(u.code, '') AS unit, count(*) AS n
  FROM household h JOIN near ON near.id = h.building_id LEFT JOIN area u ON u.id = h.unit_id
  GROUP BY 1, 2
), by_unit AS (
  SELECT building_id, jsonb_object_agg(unit, n) AS homes FROM homes GROUP BY 1
)
SELECT b.code, coalesce(nullif(b.name, ''), nullif(b.address, ''), b.code) AS name, b.estate,
  b.floors, ST_AsGeoJSON(b.geom, 7, 0) AS geometry, by_unit.homes
FROM by_unit JOIN building b ON b.id = by_unit.building_id ORDER BY b.code
"""  # noqa: S608
WITHOUT_UNIT_SQL = """
SELECT count(*) FROM household h JOIN building b ON b.id = h.building_id
JOIN boundary g ON g.area_id = :grid AND g.valid_time @> now()
  AND b.geom && g.geom AND ST_Intersects(g.geom, b.geom)
WHERE h.unit_id IS NULL
"""
HOMES_OF_BUILDING_SQL = """
SELECT s.name AS stairwell, h.floor, h.room, u.code AS unit, u.name AS unit_name
FROM household h JOIN building b ON b.id = h.building_id
LEFT JOIN stairwell s ON s.id = h.stairwell_id LEFT JOIN area u ON u.id = h.unit_id
WHERE b.code = :building
ORDER BY length(s.name), s.name, h.floor DESC NULLS LAST, length(h.room), h.room
"""
GRIDS_OF_BUILDING_SQL = """
SELECT a.code FROM building b JOIN boundary g ON g.valid_time @> now()
  AND b.geom && g.geom AND ST_Intersects(g.geom, b.geom)
JOIN area a ON a.id = g.area_id AND a.level = 'grid'
WHERE b.code = :building
UNION SELECT g.code FROM building b JOIN unit_part p ON p.building_id = b.id
JOIN area u ON u.id = p.unit_id JOIN area g ON g.id = u.parent_id
WHERE b.code = :building
"""


@dataclass(frozen=True)
class UnitPartRow:
    """A part of a building; None means every stairwell, or every floor."""

    building: str
    name: str
    stairwell: str | None
    floor_from: int | None
    floor_to: int | None


@dataclass(frozen=True)
class UnitRow:
    """A ten-household unit in use.

    Attributes
    ----------
    elsewhere
        How many of its homes stand in buildings that do not touch its grid.
    head
        Name of the unit head; None when vacant, or when names are hidden.
    has_head
        Whether somebody heads it.
    parts
        What it stands on.
    """

    code: str
    name: str
    households: int
    people: int
    elsewhere: int
    head: str | None
    has_head: bool
    parts: tuple[UnitPartRow, ...]


@dataclass(frozen=True)
class GridUnits:
    """The units of a grid at a version; `without_unit` counts the homes there without a unit."""

    grid: str
    name: str
    version: int
    without_unit: int
    units: tuple[UnitRow, ...]


@dataclass(frozen=True)
class UnitBuilding:
    """A building with homes by the code of their unit; the empty text: without a unit.

    geometry: GeoJSON text, EPSG:4490.
    """

    code: str
    name: str
    estate: str
    floors: int | None
    geometry: str
    homes: Mapping[str, int]


@dataclass(frozen=True)
class HomeRow:
    """A home by its door, and its unit; None where unknown or absent."""

    stairwell: str | None
    floor: int | None
    room: str
    unit: str | None
    unit_name: str | None


def planned_grid(session: Session, principal: Principal, code: str) -> Area:
    """Return a grid in use in which the principal may draft or publish.

    Raises
    ------
    NotFound
        No grid in use has the code.
    Forbidden
        It lies elsewhere.
    """
    in_use = select(Area).where(Area.code == code, Area.level == Level.GRID, Area.in_use())
    grid = session.scalar(in_use)
    if grid is None:
        raise NotFound("unit.no_grid", code=code[:40])
    if not _reaches(session, principal, PLANNING, code):
        action = Action.DRAFT if principal.is_allowed(Action.DRAFT) else Action.PUBLISH
        require_on_grids(session, principal, action, [code])
    return grid


def grid_of(session: Session, unit: Area) -> Area:
    """Return the grid that a unit stands under now."""
    dated = select(DatedParent.parent_id).where(
        DatedParent.area_id == unit.id, DatedParent.valid_time.op("@>")(func.now())
    )
    return session.get_one(Area, session.scalar(dated) or unit.parent_id)


def list_units(session: Session, principal: Principal, grid: Area) -> GridUnits:
    """List the units of a grid, by code."""
    params = {"grid": grid.id}
    parts: dict[str, list[UnitPartRow]] = {}
    for unit, *part in session.execute(text(PARTS_OF_UNITS_SQL), params):
        parts.setdefault(unit, []).append(UnitPartRow(*part))
    named = _reaches(session, principal, (Action.NAMES,), grid.code)
    units = tuple(
        UnitRow(
            row.code,
            row.name,
            row.households,
            row.people,
            row.elsewhere,
            row.head if named else None,
            row.head is not None,
            tuple(parts.get(row.code, ())),
        )
        for row in session.execute(text(UNITS_SQL), params)
    )
    without = session.scalar(text(WITHOUT_UNIT_SQL), params) or 0
    return GridUnits(grid.code, grid.name, units_version(session, grid.id), without, units)


def list_unit_buildings(session: Session, grid: Area) -> list[UnitBuilding]:
    """List the buildings with homes that touch a grid, or hold homes of its units."""
    rows = session.execute(text(BUILDINGS_OF_GRID_SQL), {"grid": grid.id})
    return [UnitBuilding(**row._mapping) for row in rows]


def list_homes(session: Session, principal: Principal, building: str) -> list[HomeRow]:
    """List the homes of a building by stairwell, highest floor first.

    Raises
    ------
    NotFound
        The building does not exist, has no homes, or touches no grid that the principal plans.
    """
    grids = session.scalars(text(GRIDS_OF_BUILDING_SQL), {"building": building}).all()
    rows = session.execute(text(HOMES_OF_BUILDING_SQL), {"building": building})
    homes = [HomeRow(*row) for row in rows]
    if not homes or not any(_reaches(session, principal, PLANNING, code) for code in grids):
        raise NotFound("unit.unknown_building", building=building[:60])
    return homes


def _reaches(session: Session, principal: Principal, actions: Sequence[Action], code: str) -> bool:
    """Return whether the principal may do one of some actions in a grid."""
    areas = principal.areas_of(actions)
    return areas is None or code.startswith(tuple(area_codes(session, sorted(areas))))
