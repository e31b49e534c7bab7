"""The lines of the answer file, one for each distinct result."""

from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from gis.areas.batch_csv import csv_cells
from gis.areas.explanation import decision_step
from gis.areas.grids import MATCH_RULES, nearest_many
from gis.areas.resolver import LocateResolver
from gis.areas.snapshot import RegistrySnapshot
from gis.arrow_arrays import take, text_scalar
from gis.places.queries import MAX_BUILDING_DISTANCE_M

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

HEADER = (
    "id",
    "county",
    "street",
    "community",
    "grid",
    "unit",
    "building",
    "people",
    "how",
    "error",
)
LEVEL_COLUMNS = HEADER[1:5]
BUILDING_RULES = ("covers", "nearest_within_15m", "none_within_15m")
NO_UNIT = (None, decision_step("unit", "no_building"))


def answer_lines(resolver: LocateResolver, columns: list[Any], times: Ints) -> list[str]:
    """Return the cells after the id as CSV, one line for each distinct answer.

    Notes
    -----
    Points with the same grid, rules, building, shift and people share a line. The columns hold the
    row of the building plus one; 0 means none.
    """
    grid, rule, building, building_rule, shifted = columns
    snapshot = resolver.snapshot
    grids, places, people = snapshot.grids, snapshot.places, snapshot.people
    parents, parent = np.unique(np.array(grids.parents, dtype=np.int64)[grid], return_inverse=True)
    above = [{area.level: area for area in snapshot.ancestors(item)} for item in parents.tolist()]
    # the unit depends on the building and the grid; without a building there is none
    size = len(grids.codes)
    pairs, pair = np.unique(np.where(building > 0, building * size + grid, 0), return_inverse=True)
    units = [
        resolver.unit(of // size - 1, int(grids.ids[of % size]), None)[::2] if of else NO_UNIT
        for of in pairs.tolist()
    ]
    whys, unit_rule = np.unique([step.rule for _, step in units], return_inverse=True)
    shape = (2, len(MATCH_RULES), len(BUILDING_RULES), len(whys))
    hows, how = np.unique(
        np.ravel_multi_index((shifted, rule, building_rule, unit_rule[pair]), shape),
        return_inverse=True,
    )

    cells = [
        take([item[level].code if level in item else "" for item in above], parent)
        for level in LEVEL_COLUMNS[:-1]
    ]
    cells.append(take(grids.codes, grid))
    cells.append(take([part.code if part else "" for part, _ in units], pair))
    cells.append(take(["", *places.codes], building))
    unit_ids = np.array([part.unit_id if part else 0 for part, _ in units], dtype=np.int64)
    upper = [
        np.array([item[level].id if level in item else 0 for item in above], np.int64)
        for level in LEVEL_COLUMNS[-2::-1]
    ]
    names = [
        people.texts(people.areas, unit_ids[pair], times),
        people.texts(people.buildings, np.append(0, places.ids)[building], times),
        people.texts(people.areas, grids.ids[grid], times),
        *(people.texts(people.areas, ids[parent], times) for ids in upper),
    ]
    people_text = pc.binary_join_element_wise(*names, text_scalar(";"), null_handling="skip")
    # pyarrow returns an empty array if every text is null
    cells.append(people_text if len(people_text) else take([""], np.zeros_like(grid)))
    cells.append(take(_explanations(hows, shape, whys), how))
    start, end = (take([edge], np.zeros_like(grid)) for edge in ("", "\n"))
    joined = pc.binary_join_element_wise(start, *map(csv_cells, cells), end, text_scalar(","))
    lines: list[str] = joined.to_pylist()
    return lines


def _explanations(hows: Ints, shape: tuple[int, ...], unit_rules: Any) -> list[str]:
    """Return the texts of combinations of rules, given as indices into an array of that shape."""
    return [
        f"{'point:converted;' if converted else ''}"
        f"grid:{MATCH_RULES[rule]};building:{BUILDING_RULES[building_rule]};unit:{unit_rules[unit]}"
        for converted, rule, building_rule, unit in zip(*np.unravel_index(hows, shape), strict=True)
    ]


def buildings_at(snapshot: RegistrySnapshot, grid: Ints, x: Floats, y: Floats) -> tuple[Ints, Ints]:
    """Return the row of the building of each point, and the index of its rule.

    Returns
    -------
    Rows, -1 where there is no building, and indices into `BUILDING_RULES`.
    """
    places = snapshot.places
    rows, _ = places.cells.covering_many(x, y)
    rule = np.zeros(len(x), dtype=np.int64)
    off = np.flatnonzero(rows < 0)
    rule[off] = 2
    if off.size and len(places.codes):
        in_same_grid = lambda point, shape: snapshot.building_grid[shape] == grid[off[point]]  # noqa: E731
        nearest, metres = nearest_many(
            places.tree, places.shapes, x[off], y[off], MAX_BUILDING_DISTANCE_M, in_same_grid
        )
        close = metres <= MAX_BUILDING_DISTANCE_M
        rows[off[close]], rule[off[close]] = nearest[close], 1
    return rows, rule
