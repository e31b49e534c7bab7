"""Buildings in memory, with those that changed read again by their ids."""

from collections.abc import Collection, Iterable
from itertools import compress
from typing import Any, TypeVar

import numpy as np
import shapely
from sqlalchemy.orm import Session

from gis.db import fetch_rows
from gis.places.queries import (
    INDEXED_BUILDINGS_SQL,
    BuildingIndex,
    Ints,
    index_buildings,
    read_parts,
)

T = TypeVar("T")
PartRow = tuple[Any, ...]  # a row of `PARTS_SQL`

BUILDINGS_OF_UNITS_SQL = "SELECT DISTINCT building_id FROM unit_part WHERE unit_id = ANY(%(units)s)"


def buildings_of_units(
    session: Session, index: BuildingIndex, units: Collection[int]
) -> frozenset[int]:
    """Return the ids of the buildings of which some units have a part, or had it in the index."""
    had = index.part_of[np.isin(index.part_units, [*units])].tolist()
    rows = fetch_rows(session, BUILDINGS_OF_UNITS_SQL, {"units": [*units]})
    return frozenset([*had, *(building for (building,) in rows)])


def patch_places(
    session: Session, index: BuildingIndex, buildings: Collection[int], at: str
) -> BuildingIndex:
    """Return an index of all buildings with some of them, and their parts, read again.

    What is worked out from the shapes is kept where no shape differs.

    Parameters
    ----------
    buildings
        Ids of those that changed, came or went.
    at
        Moment whose units apply, as a timestamp.
    """
    ids = [*buildings]
    query = INDEXED_BUILDINGS_SQL.format(where="b.id = ANY(%(ids)s)")
    few = index_buildings(fetch_rows(session, query, {"ids": ids}), read_parts(session, at, ids))
    parts, part_of, units = _merged_parts(index, few, ids)
    old = np.flatnonzero(np.isin(index.ids, ids))
    rows = dict(zip(index.ids[old].tolist(), old.tolist(), strict=True))
    same = [rows.get(building) for building in few.ids.tolist()]
    if len(rows) == len(same) and all(
        row is not None and index.codes[row] == code
        for row, code in zip(same, few.codes, strict=True)
    ):
        result = _in_place(index, few, np.array(same, dtype=np.int64), parts, part_of)
    else:
        result = _merged(index, few, ~np.isin(index.ids, ids), parts, part_of)
    vars(result)["part_units"] = units  # worked out from all parts it would take 5 ms
    return result


def _in_place(
    index: BuildingIndex, few: BuildingIndex, rows: Ints, parts: list[PartRow], part_of: Ints
) -> BuildingIndex:
    """Replace buildings that keep their rows."""
    names = _with_values(index.names, rows, few.names)
    estates = _with_values(index.estates, rows, few.estates)
    addresses = _with_values(index.addresses, rows, few.addresses)
    shapes, points = index.shapes, index.label_points
    worked_out = ["tree", "cells", "metric"]
    if not shapely.equals_identical(shapes[rows], few.shapes).all():
        shapes, points, worked_out = shapes.copy(), points.copy(), []
        shapes[rows], points[rows] = few.shapes, few.label_points
    if estates == index.estates:
        worked_out.append("estate_names")
    result = BuildingIndex(
        index.ids, index.codes, names, estates, addresses, shapes, points, parts, part_of
    )
    keep_worked_out(index, result, *worked_out)
    return result


def _with_values(old: list[str], rows: Ints, new: list[str]) -> list[str]:
    """Return a list with other values in some rows."""
    values = old.copy()
    for row, value in zip(rows.tolist(), new, strict=True):
        values[row] = value
    return values


def _merged(
    index: BuildingIndex, few: BuildingIndex, keep: Any, parts: list[PartRow], part_of: Ints
) -> BuildingIndex:
    """Replace buildings of which some come or go, in the order of the codes."""
    order = merge_order(index.codes, keep, few.codes)
    return BuildingIndex(
        np.concatenate([index.ids[keep], few.ids])[order],
        merge_lists(index.codes, keep, few.codes, order),
        merge_lists(index.names, keep, few.names, order),
        merge_lists(index.estates, keep, few.estates, order),
        merge_lists(index.addresses, keep, few.addresses, order),
        np.concatenate([index.shapes[keep], few.shapes])[order],
        np.concatenate([index.label_points[keep], few.label_points])[order],
        parts,
        part_of,
    )


def merge_order(old: list[str], keep: Iterable[bool], new: list[str]) -> list[int]:
    """Return the order of the codes to keep and the new ones, for `merge_lists`."""
    codes = [*compress(old, keep), *new]
    return sorted(range(len(codes)), key=codes.__getitem__)


def merge_lists(old: list[T], keep: Iterable[bool], new: list[T], order: Iterable[int]) -> list[T]:
    """Return the values to keep and the new ones, in an order of both."""
    values = [*compress(old, keep), *new]
    return [values[row] for row in order]


def _merged_parts(
    index: BuildingIndex, few: BuildingIndex, ids: Collection[int]
) -> tuple[list[PartRow], Ints, Ints]:
    """Return the parts of all buildings, by building, and the building and the unit of each.

    Those of some ids come from another index.
    """
    parts = index.parts.copy()
    for building in sorted(ids, reverse=True):  # from the end, so that the places of others stay
        ends = (building, building + 1)
        start, end = index.part_of.searchsorted(ends)
        few_start, few_end = few.part_of.searchsorted(ends)
        parts[start:end] = few.parts[few_start:few_end]
    keep = ~np.isin(index.part_of, [*ids])
    positions = index.part_of[keep].searchsorted(few.part_of)
    return (
        parts,
        np.insert(index.part_of[keep], positions, few.part_of),
        np.insert(index.part_units[keep], positions, few.part_units),
    )


def keep_worked_out(old: object, new: object, *names: str) -> None:
    """Keep cached properties that were worked out from what did not change."""
    vars(new).update({name: value for name, value in vars(old).items() if name in names})
