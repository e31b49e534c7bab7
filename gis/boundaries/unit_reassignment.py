"""Assign ten-household units to grids when boundaries are published."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import shapely
from psycopg.types.range import TimestamptzRange
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.models import Operation
from gis.areas.snapshot import read_grids
from gis.boundaries.household_counts import read_unit_households
from gis.db import copy_rows


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
    session.execute(text("SELECT pg_notify('wangge_changed', 'dated_parent')"))


def _new_parents(
    session: Session, geometries: Sequence[Any], done: Sequence[Operation], at: datetime
) -> dict[int, tuple[int, int]]:
    """Return the old and new parent of each unit that changes grid, by id."""
    geometries = [land for land in geometries if land is not None]
    grids = (
        read_grids(session, at, shapely.box(*shapely.total_bounds(geometries)))
        if geometries
        else None
    )
    moved = [] if grids is None else read_unit_households(session, grids, geometries, at)
    settled = {
        str(item.op["unit"]): str(item.op["grid"]) for item in done if item.op["op"] == "settle"
    }
    parents: dict[int, tuple[int, int]] = {}
    for unit in moved:
        if unit.best is not None and grids is not None and unit.parent != grids.codes[unit.best]:
            parents[unit.id] = (unit.parent_id, int(grids.ids[unit.best]))
    if settled:
        rows = session.execute(
            text(
                "SELECT u.id, u.parent_id, g.id"
                " FROM unnest(CAST(:units AS text[]), CAST(:grids AS text[])) t(u, g)"
                " JOIN area u ON u.code = t.u JOIN area g ON g.code = t.g"
            ),
            {"units": list(settled), "grids": list(settled.values())},
        )
        for item, parent, grid in rows:
            parents.pop(item, None)
            if parent != grid:
                parents[item] = (parent, grid)
    return parents


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
