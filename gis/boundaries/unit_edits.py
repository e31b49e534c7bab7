"""Create, fill, rename and retire ten-household units.

A home's row names its unit, so it is in one unit at every moment; moving changes that and derives
what both units stand on in the same transaction. One change at a time per county: borders, loads
and units wait for each other. Nothing here commits.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.identity import lock_counties
from gis.areas.models import Area, Level
from gis.boundaries.home_selection import MAX_NAMED_CODES, HomeSelection, select_homes
from gis.boundaries.operation_fields import MAX_AREA_NAME_CHARS
from gis.boundaries.publish import validate_reason
from gis.boundaries.revision_access import require_on_grids
from gis.boundaries.store import derive_units
from gis.boundaries.unit_changes import record_change, require_version
from gis.boundaries.units import grid_of, planned_grid
from gis.db import allow_boundary_writes, audit_context
from gis.errors import Conflict, NotFound, invalid_field
from gis.incidents.states import ENDED_STATES
from gis.places.unit_parts import derive_unit_parts
from gis.rights.actions import Action
from gis.rights.principal import Principal

UNITS_OF_GRID_SQL = """
SELECT u.code, u.name, u.retired_at IS NULL OR u.retired_at > now() AS in_use FROM area u
LEFT JOIN dated_parent d ON d.area_id = u.id AND d.valid_time @> now()
WHERE u.level = 'unit' AND (u.code LIKE :under OR coalesce(d.parent_id, u.parent_id) = :grid)
"""
BUILDINGS_ELSEWHERE_SQL = """
SELECT b.code FROM building b
WHERE b.id = ANY(:buildings) AND NOT EXISTS (
  SELECT FROM boundary g WHERE g.area_id = :grid AND g.valid_time @> now()
    AND ST_Intersects(g.geom, b.geom))
ORDER BY b.code
"""
MOVE_SQL = """
UPDATE household h SET unit_id = :unit
FROM unnest(CAST(:counties AS text[]), CAST(:ids AS bigint[])) m(county, id)
WHERE (h.county, h.id) = (m.county, m.id)
"""
SOURCES_SQL = """
SELECT u.id, u.code, g.id AS grid_id, g.code AS grid FROM area u
LEFT JOIN dated_parent d ON d.area_id = u.id AND d.valid_time @> now()
JOIN area g ON g.id = coalesce(d.parent_id, u.parent_id) WHERE u.id = ANY(:units)
"""
EMPTY_SQL = """
SELECT u.code FROM unnest(CAST(:units AS bigint[])) id JOIN area u USING (id)
WHERE NOT EXISTS (SELECT FROM household h WHERE h.unit_id = u.id) ORDER BY u.code
"""
END_POSTS_SQL = """
UPDATE post SET valid_time = tstzrange(lower(valid_time), now())
WHERE area_id = :unit AND valid_time @> now() AND lower(valid_time) < now()
"""


@dataclass(frozen=True)
class UnitMove:
    """What a move changed.

    Attributes
    ----------
    moved
        How many homes came to the unit.
    already
        How many of the selected homes were in it.
    sources
        Homes by the code of the unit they left; the empty text: without a unit before.
    emptied
        Codes of units left without a home.
    version
        The new version of the grid's units.
    """

    unit: str
    moved: int
    already: int
    sources: dict[str, int]
    emptied: list[str]
    version: int


def create_unit(
    session: Session,
    principal: Principal,
    grid_code: str,
    name: str | None,
    reason: str,
    versions: Sequence[int] = (),
) -> Area:
    """Create a unit without homes; it gets the next code of the grid.

    Parameters
    ----------
    name
        None means its number: 第3十联户.
    versions
        Versions of the grid's units that the caller knows, any of which will do; none: any.

    Raises
    ------
    NotFound, Forbidden, InvalidInput
        The grid, the right, the name or the reason is missing.
    Conflict
        The version is another, the name is taken, or all codes are used.
    """
    grid, stated = planned_grid(session, principal, grid_code), validate_reason(reason)
    _begin(session, principal, grid, versions)
    code, number = _next_code(session, grid)
    stated_name = _validate_name(session, grid, f"第{number}十联户" if name is None else name)
    with audit_context(session, principal.actor, stated):
        allow_boundary_writes(session)
        unit = Area(
            code=code, level=Level.UNIT, name=stated_name, county=grid.county, parent_id=grid.id
        )
        session.add(unit)
        session.flush()
        record_change(
            session,
            "create",
            unit.id,
            [grid.id],
            author=principal.actor,
            reason=stated,
            detail={"name": stated_name},
        )
    return unit


def move_homes(
    session: Session,
    principal: Principal,
    code: str,
    selections: Sequence[HomeSelection],
    reason: str,
    versions: Sequence[int] = (),
) -> UnitMove:
    """Move homes to a unit, out of the units they are in.

    Parameters
    ----------
    code
        The unit that gets the homes.
    selections
        Which homes; one that several select moves once.
    versions
        As for `create_unit`, of the grid of the unit.

    Raises
    ------
    NotFound
        No unit in use has the code.
    Forbidden
        The principal may not publish in the grid of the unit, or of a unit that loses homes.
    InvalidInput
        A selection holds no home, names an unknown or ambiguous door, or a building outside the
        grid of the unit.
    Conflict
        The version is another, or all homes are in the unit already.
    """
    stated = validate_reason(reason)
    unit, grid = _locked_unit(session, principal, code, versions)
    homes = select_homes(session, selections)
    leaving = [home for home in homes if home.unit_id != unit.id]
    if not leaving:
        raise Conflict("unit.already_there", unit=unit.name, count=len(homes))
    _require_in_grid(session, grid, {home.building_id for home in leaving})
    by_unit = Counter(home.unit_id for home in leaving)
    sources = {
        row.id: row
        for row in session.execute(text(SOURCES_SQL), {"units": [u for u in by_unit if u]})
    }
    require_on_grids(session, principal, Action.PUBLISH, {row.grid for row in sources.values()})
    with audit_context(session, principal.actor, stated):
        _write_move(session, unit, leaving)
        left = {sources[u].code if u else "": count for u, count in by_unit.items()}
        emptied = session.scalars(text(EMPTY_SQL), {"units": list(sources)}).all()
        version = record_change(
            session,
            "move",
            unit.id,
            {grid.id, *(row.grid_id for row in sources.values())},
            author=principal.actor,
            reason=stated,
            homes=len(leaving),
            detail={"from": left, "homes": [asdict(selection) for selection in selections]},
        )
    already = len(homes) - len(leaving)
    return UnitMove(unit.code, len(leaving), already, left, list(emptied), version)


def rename_unit(
    session: Session,
    principal: Principal,
    code: str,
    name: str,
    reason: str,
    versions: Sequence[int] = (),
) -> Area:
    """Rename a unit; errors are those of `create_unit`."""
    stated = validate_reason(reason)
    unit, grid = _locked_unit(session, principal, code, versions)
    stated_name, former = _validate_name(session, grid, name, but=code), unit.name
    if stated_name == former:
        return unit
    with audit_context(session, principal.actor, stated):
        allow_boundary_writes(session)
        unit.name = stated_name
        session.flush()
        record_change(
            session,
            "rename",
            unit.id,
            [grid.id],
            author=principal.actor,
            reason=stated,
            detail={"from": former, "name": stated_name},
        )
    return unit


def retire_unit(
    session: Session,
    principal: Principal,
    code: str,
    reason: str,
    versions: Sequence[int] = (),
) -> Area:
    """Retire a unit without homes; the terms of its heads end.

    Raises
    ------
    Conflict
        It has homes, or open incidents. Other errors are those of `create_unit`.
    """
    stated = validate_reason(reason)
    unit, grid = _locked_unit(session, principal, code, versions)
    count = "SELECT count(*) FROM household WHERE unit_id = :unit"
    if homes := session.scalar(text(count), {"unit": unit.id}):
        raise Conflict("unit.has_homes", unit=unit.name, count=homes)
    open_ = "SELECT count(*) FROM incident WHERE unit_id = :unit AND state <> ALL(:ended)"
    params = {"unit": unit.id, "ended": [state.value for state in ENDED_STATES]}
    if incidents := session.scalar(text(open_), params):
        raise Conflict("unit.has_incidents", unit=unit.name, count=incidents)
    with audit_context(session, principal.actor, stated):
        allow_boundary_writes(session)
        derive_units(session, [unit.id], clear=True)
        session.execute(text("DELETE FROM unit_part WHERE unit_id = :unit"), {"unit": unit.id})
        session.execute(text("UPDATE area SET retired_at = now() WHERE id = :unit"), params)
        session.execute(text(END_POSTS_SQL), {"unit": unit.id})
        record_change(session, "retire", unit.id, [grid.id], author=principal.actor, reason=stated)
    session.refresh(unit)
    return unit


def _locked_unit(
    session: Session, principal: Principal, code: str, versions: Sequence[int]
) -> tuple[Area, Area]:
    """Return a unit in use and its grid, with the county locked, rights and version checked."""
    lock_counties(session, [_unit(session, code).county])
    unit = _unit(session, code)  # it may have changed while this waited
    grid = planned_grid(session, principal, grid_of(session, unit).code)
    _begin(session, principal, grid, versions)
    return unit, grid


def _unit(session: Session, code: str) -> Area:
    """Return a unit in use, as it is stored now.

    Raises
    ------
    NotFound
        There is none with the code.
    """
    in_use = select(Area).where(Area.code == code, Area.level == Level.UNIT, Area.in_use())
    unit = session.scalar(in_use.execution_options(populate_existing=True))
    if unit is None:
        raise NotFound("unit.unknown", code=code[:40])
    return unit


def _begin(session: Session, principal: Principal, grid: Area, versions: Sequence[int]) -> None:
    """Check the right to change the units of a grid, lock its county, and compare versions."""
    require_on_grids(session, principal, Action.PUBLISH, [grid.code])
    lock_counties(session, [grid.county])
    require_version(session, grid, versions)


def _next_code(session: Session, grid: Area) -> tuple[str, int]:
    """Return a code that no unit has ever had, and its number; as long as those of the grid.

    Raises
    ------
    Conflict
        No number is left.
    """
    params = {"under": f"{grid.code}%", "grid": grid.id}
    used = {row.code for row in session.execute(text(UNITS_OF_GRID_SQL), params)}
    ends = [code[len(grid.code) :] for code in used if code.startswith(grid.code)]
    shortest, longest = (length - len(grid.code) for length in codes.CODE_DIGITS[Level.UNIT])
    width = shortest if ends and all(len(end) == shortest for end in ends) else longest
    last = max((int(end) for end in ends if end.isdigit()), default=0)
    for digits in {width, longest}:
        if last + 1 < 10**digits:
            return f"{grid.code}{last + 1:0{digits}d}", last + 1
    raise Conflict("unit.codes_used_up", grid=grid.name)


def _validate_name(session: Session, grid: Area, name: str, but: str = "") -> str:
    """Return a name without the space around it; refuse one that another unit has.

    Raises
    ------
    InvalidInput
        It is empty, too long or not printable.
    Conflict
        Another unit of the grid has it.
    """
    stripped = name.strip()
    if not stripped or len(stripped) > MAX_AREA_NAME_CHARS or not stripped.isprintable():
        raise invalid_field("name", "unit.name_wrong", limit=MAX_AREA_NAME_CHARS)
    params = {"under": f"{grid.code}%", "grid": grid.id}
    for row in session.execute(text(UNITS_OF_GRID_SQL), params):
        if row.name == stripped and row.code != but and row.in_use:
            raise Conflict("unit.name_taken", name=stripped, code=row.code)
    return stripped


def _require_in_grid(session: Session, grid: Area, building_ids: Iterable[int]) -> None:
    """Refuse buildings that do not touch the grid.

    Raises
    ------
    InvalidInput
        `unit.building_elsewhere`: which ones.
    """
    params = {"buildings": sorted(building_ids), "grid": grid.id}
    if outside := session.scalars(text(BUILDINGS_ELSEWHERE_SQL), params).all():
        raise invalid_field(
            "homes", "unit.building_elsewhere", grid=grid.name, buildings=outside[:MAX_NAMED_CODES]
        )


def _write_move(session: Session, unit: Area, homes: Sequence[Row[Any]]) -> None:
    """Write the homes' unit, and what the units then stand on."""
    allow_boundary_writes(session)
    session.execute(
        text(MOVE_SQL),
        {
            "unit": unit.id,
            "counties": [home.county for home in homes],
            "ids": [home.id for home in homes],
        },
    )
    changed = derive_unit_parts(session, {home.building_id for home in homes})
    if changed:
        derive_units(session, changed, clear=True)
