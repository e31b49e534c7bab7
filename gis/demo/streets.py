"""The plan of a made-up town: an irregular lattice of streets, a river, a railway, and its grids.

Streets are the borders of grids (以道路为界): every cell between streets is one grid. Coordinates
are metres, x east and y north of the town's corner, rotated by `ROTATION_RAD` when they are
converted to degrees.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil, cos, radians, sin, sqrt
from random import Random

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from gis.db import PRECISION_DEG, STORAGE_SRID

CORNER = (105.9405, 26.2235)  # degrees: the town lies round 105.95 E 26.23 N
ROTATION_RAD = radians(9)
HOUSEHOLDS_PER_GRID = 8800 / 35
GRIDS_PER_COMMUNITY = 12
EVERY_ARTERIAL = 3  # every third street is an arterial
RIVER_HALF = 17.0  # metres from the centre of the river to its bank

METRES_PER_DEGREE_LAT = 110_790.0  # at 26.23 N, GRS 80
METRES_PER_DEGREE_LON = 99_920.0


def to_degrees(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert metres of the plan to degrees (EPSG:4490) on the storage lattice.

    Returns
    -------
    NDArray[np.float64]
        Longitude and latitude, shape (n, 2).
    """
    east, north = (
        x * cos(ROTATION_RAD) - y * sin(ROTATION_RAD),
        x * sin(ROTATION_RAD) + y * cos(ROTATION_RAD),
    )
    degrees = np.column_stack(
        [CORNER[0] + east / METRES_PER_DEGREE_LON, CORNER[1] + north / METRES_PER_DEGREE_LAT]
    )
    return np.round(degrees / PRECISION_DEG) / round(1 / PRECISION_DEG)


def shape_to_degrees(shape: BaseGeometry) -> BaseGeometry:
    """Convert a geometry from metres of the plan to degrees, as `to_degrees` does."""
    return shapely.transform(shape, lambda xy: to_degrees(xy[:, 0], xy[:, 1]))


def ewkb_hex(shape: BaseGeometry) -> str:
    """Return a geometry in metres of the plan as hex EWKB in EPSG:4490."""
    located = shapely.set_srid(shape_to_degrees(shape), STORAGE_SRID)
    return str(shapely.to_wkb(located, hex=True, include_srid=True))


@dataclass(frozen=True)
class Cell:
    """A grid of the plan: column and row (row 0 is the southernmost) and number in the town."""

    number: int
    column: int
    row: int


@dataclass(frozen=True)
class Plan:
    """The plan of a town.

    Attributes
    ----------
    corners
        Street corners in metres, shape (rows + 1, columns + 1, 2).
    across, along
        Bends halfway on the streets running east, shape (rows + 1, columns, 2), and north, shape
        (rows, columns + 1, 2).
    river
        Number of the column line that is a river instead of a street.
    """

    seed: int
    grids: int
    columns: int
    rows: int
    corners: NDArray[np.float64]
    across: NDArray[np.float64]
    along: NDArray[np.float64]
    river: int

    @cached_property
    def cells(self) -> list[Cell]:
        """The grids, up one column and down the next, so that any run of them is connected."""
        order = (
            (c, r if c % 2 == 0 else self.rows - 1 - r)
            for c in range(self.columns)
            for r in range(self.rows)
        )
        return [Cell(n, c, r) for n, (c, r) in zip(range(self.grids), order, strict=False)]

    def outline(self, cell: Cell) -> Polygon:
        """Return the polygon of a cell: corners and bends, counter-clockwise."""
        c, r = cell.column, cell.row
        return Polygon(
            [
                self.corners[r, c],
                self.across[r, c],
                self.corners[r, c + 1],
                self.along[r, c + 1],
                self.corners[r + 1, c + 1],
                self.across[r + 1, c],
                self.corners[r + 1, c],
                self.along[r, c],
            ]
        )

    @cached_property
    def river_line(self) -> LineString:
        """The centre line of the river, extended beyond the town at both ends."""
        points = [self.corners[0, self.river] + (10, -500)]
        for r in range(self.rows):
            points += [self.corners[r, self.river], self.along[r, self.river]]
        points += [
            self.corners[self.rows, self.river],
            self.corners[self.rows, self.river] + (60, 500),
        ]
        return LineString(points)

    @cached_property
    def railway(self) -> LineString:
        """A railway north of the town."""
        top = float(self.corners[-1, :, 1].max())
        east = float(self.corners[:, -1, 0].max())
        return LineString([(-700, top + 150), (east / 2, top + 95), (east + 700, top + 170)])


@dataclass(frozen=True)
class Street:
    """One side of a block: the piece of a street from corner to corner by its bend.

    Attributes
    ----------
    key
        "across" or "along", row, column.
    name
        Number of the street.
    arterial
        Whether the street is an arterial.
    """

    key: tuple[str, int, int]
    name: int
    arterial: bool
    line: LineString


def make_plan(seed: int, grids: int) -> Plan:
    """Draw the plan of a town with a number of grids.

    Parameters
    ----------
    seed
        The same seed and number give the same plan.
    grids
        At least one.
    """
    rows = max(1, round(sqrt(grids * 5 / 7)))
    columns = ceil(grids / rows)
    rng = np.random.default_rng(seed)
    xs = np.concatenate([[0], np.cumsum(rng.uniform(235, 300, columns))])
    ys = np.concatenate([[0], np.cumsum(rng.uniform(215, 270, rows))])
    corners = np.stack(np.meshgrid(xs, ys), axis=2) + rng.uniform(
        -22, 22, (rows + 1, columns + 1, 2)
    )
    corners[:, :, 1] += 40 * np.sin(corners[:, :, 0] / 900)  # streets follow the land
    across = (corners[:, :-1] + corners[:, 1:]) / 2 + rng.uniform(-9, 9, (rows + 1, columns, 2))
    along = (corners[:-1] + corners[1:]) / 2 + rng.uniform(-9, 9, (rows, columns + 1, 2))
    return Plan(
        seed, grids, columns, rows, corners, across, along, river=columns // 2 + columns // 5
    )


def streets(plan: Plan) -> Iterator[Street]:
    """Yield the street pieces that bound the grids.

    None runs along the river; arterials cross it, others end at its bank.
    """
    present = {(cell.column, cell.row) for cell in plan.cells}
    bank = plan.river_line.buffer(RIVER_HALF + 9)
    for r in range(plan.rows + 1):
        arterial = is_arterial_row(r)
        for c in range(plan.columns):
            if (c, r) in present or (c, r - 1) in present:
                line = LineString([plan.corners[r, c], plan.across[r, c], plan.corners[r, c + 1]])
                if not arterial and plan.river in (c, c + 1):
                    line = line.difference(bank)
                yield Street(("across", r, c), 2 * r, arterial, line)
    for r in range(plan.rows):
        for c in range(plan.columns + 1):
            if c != plan.river and ((c, r) in present or (c - 1, r) in present):
                line = LineString([plan.corners[r, c], plan.along[r, c], plan.corners[r + 1, c]])
                yield Street(("along", r, c), 2 * c + 1, c % EVERY_ARTERIAL == 0, line)


def is_arterial_row(row: int) -> bool:
    """Return whether the street running east at the foot of a row of cells is an arterial."""
    return row % EVERY_ARTERIAL == 1


def rng_for(seed: int, *what: object) -> Random:
    """Return a random generator for a part of the town, so that parts can be made in any order."""
    return Random(f"{seed}/" + "/".join(map(str, what)))
