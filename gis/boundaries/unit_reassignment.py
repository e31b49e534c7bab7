"""Assign ten-household units to grids when boundaries are published."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import shapely
from psycopg.types.range import TimestamptzRange
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.grids import read_grids
from gis.areas.models import Operation
from gis.boundaries import draft_identity, settlements
from gis.boundaries.household_counts import read_unit_households
from gis.boundaries.preview_grids import counties_of
from gis.db import cached_text, copy_rows

# Units under grids that go on under another code, those without a building too.
UNITS_OF_RECODED_SQL = """
SELECT u.id AS unit, old.id AS old, new.id AS new
FROM unnest(CAST(:olds AS text[]), CAST(:news AS text[])) t(old_code, new_code)
  JOIN area old ON old.code = t.old_code JOIN area new ON new.code = t.new_code
  JOIN area u ON u.level = 'unit' AND u.county = old.county
    AND (u.retired_at IS NULL OR u.retired_at > now())
  LEFT JOIN dated_parent d ON d.area_id = u.id AND d.valid_time @> CAST(:at AS timestamptz)
WHERE coalesce(d.parent_id, u.parent_id) = old.id
"""


def reassign_units(
    session: Session,
    number: int,
    geometries: Sequence[Any],
    done: Sequence[Operation],
    at: datetime,
) -> None:
    """Assign units to the grid of most of their households, or the one the draft settles.

    Parameters
    ----------
    session
        Open session; the caller commits.
    number
        Number of the revision.
    geometries
        The changed shapes, degrees, EPSG:4490.
    done
        The operations of the draft.
    at
        Moment from which the assignments hold.
    """
    new_parents = _new_parents(session, geometries, done, at)
    if not new_parents:
        return
    last = _end_terms(session, new_parents, at)
    opened = {
        unit: pair
        for unit, pair in new_parents.items()
        if unit not in last or last[unit] != pair[1]
    }
    rows = [
        (unit, parent, number, TimestamptzRange(None, at, "()"))
        for unit, (parent, _) in opened.items()
        if unit not in last
    ]
    rows += [
        (unit, grid, number, TimestamptzRange(at, None, "[)")) for unit, (_, grid) in opened.items()
    ]
    copy_rows(session, "dated_parent", ("area_id", "parent_id", "revision_id", "valid_time"), rows)


def _new_parents(
    session: Session, geometries: Sequence[Any], done: Sequence[Operation], at: datetime
) -> dict[int, tuple[int, int]]:
    """Return the old and new parent of each unit that changes grid, by id."""
    geometries = [land for land in geometries if land is not None]
    geometries += settlements.decided_footprints(session, done)
    parents = _parents_by_code(session, done, at)
    if not geometries:
        return parents
    settled = [str(item.op["unit"]) for item in done if item.op["op"] == "settle"]
    counties = counties_of([*settled, *(code for item in done for code in item.changed_codes)])
    grids = read_grids(session, at, shapely.box(*shapely.total_bounds(geometries)))
    units = read_unit_households(session, counties, grids, geometries, at)
    decisions = settlements.decisions(session, done, [unit.code for unit in units], at)
    ids = dict(zip(grids.codes, grids.ids.tolist(), strict=True))
    for unit in units:
        households = {grids.codes[row]: count for row, count in unit.households.items()}
        grid = decisions.grid_of(unit.code, households)
        majority = None if unit.best is None else ids[grids.codes[unit.best]]
        new_id = majority if grid is None else ids.get(grid)
        if new_id is not None:
            parents.pop(unit.id, None)
            if new_id != unit.parent_id:
                parents[unit.id] = (unit.parent_id, new_id)
    return parents


def _parents_by_code(
    session: Session, done: Sequence[Operation], at: datetime
) -> dict[int, tuple[int, int]]:
    """Return the old and new parent of the units whose grid goes on under another code, by id."""
    goes_on = draft_identity.recoded(done)
    if not goes_on:
        return {}
    params = {"olds": list(goes_on), "news": list(goes_on.values()), "at": at}
    rows = session.execute(cached_text(UNITS_OF_RECODED_SQL), params)
    return {row.unit: (row.old, row.new) for row in rows}


def _end_terms(
    session: Session, new_parents: Mapping[int, tuple[int, int]], at: datetime
) -> dict[int, int]:
    """End the current terms of units, and return the last parent of each by unit.

    A term whose parent is the new one continues, as after a cancelled plan.
    """
    params = {"ids": list(new_parents), "at": at}
    # planned parents are replaced; the current one ends
    session.execute(
        text("DELETE FROM dated_parent WHERE area_id = ANY(:ids) AND lower(valid_time) >= :at"),
        params,
    )
    session.execute(
        text(
            "UPDATE dated_parent SET valid_time = tstzrange(lower(valid_time), :at)"
            " WHERE area_id = ANY(:ids) AND valid_time @> CAST(:at AS timestamptz)"
        ),
        params,
    )
    rows = session.execute(
        text(
            "SELECT area_id, id, parent_id FROM dated_parent WHERE area_id = ANY(:ids)"
            " AND upper(valid_time) = :at"
        ),
        params,
    ).all()
    continued = [row.id for row in rows if row.parent_id == new_parents[row.area_id][1]]
    session.execute(
        text(
            "UPDATE dated_parent SET valid_time = tstzrange(lower(valid_time), NULL)"
            " WHERE id = ANY(:on)"
        ),
        {"on": continued},
    )
    return {row.area_id: row.parent_id for row in rows}
