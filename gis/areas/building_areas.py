"""The areas of many points at a moment: the grid of each, and what stands above it."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis.areas.grids import read_grids
from gis.areas.models import Level
from gis.areas.snapshot import Area, read_upper_areas

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class PointAreas:
    """Areas of points.

    Attributes
    ----------
    grid
        Number of the chain of each point, -1 outside every grid.
    chains
        Of each grid, the areas from the top down to itself.
    """

    grid: Ints
    chains: list[tuple[Area, ...]]

    def at_level(self, level: str) -> tuple[Ints, list[Area]]:
        """Return the area of each point at a level, as a number in a list; -1 for none.

        The list is in the order of codes.
        """
        by_chain = [
            next((area for area in chain if area.level == level), None) for chain in self.chains
        ]
        areas = sorted({area for area in by_chain if area is not None}, key=lambda area: area.code)
        number = {area.id: i for i, area in enumerate(areas)}
        of_chain = np.array(
            [-1 if area is None else number[area.id] for area in by_chain] + [-1], np.int64
        )
        return of_chain[self.grid], areas

    def within(self, area_id: int) -> NDArray[np.bool_]:
        """Return which points lie in an area of any level down to the grid."""
        return self.in_any({area_id})

    def in_any(self, area_ids: set[int] | frozenset[int]) -> NDArray[np.bool_]:
        """Return which points lie in any of some areas."""
        inside = [any(area.id in area_ids for area in chain) for chain in self.chains]
        return np.array([*inside, False], bool)[self.grid]


def areas_of_points(
    session: Session, at: datetime, lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> PointAreas:
    """Return the areas of points, as `locate` finds them: nearest within 50 m outside all grids.

    Parameters
    ----------
    at
        Moment whose boundaries count.
    lon, lat
        Degrees, EPSG:4490.
    """
    grids = read_grids(session, at)
    rows, _, _ = grids.grids_at(lon, lat) if len(lon) else (np.empty(0, np.int64), None, None)
    upper = read_upper_areas(session, grids.parents, at)
    chains = []
    for number, parent in enumerate(grids.parents):
        chain = [
            Area(
                int(grids.ids[number]),
                Level.GRID.value,
                grids.codes[number],
                grids.names[number],
                parent,
            )
        ]
        above: int | None = parent
        while above is not None and above in upper:
            chain.append(upper[above])
            above = upper[above].parent_id
        chains.append(tuple(reversed(chain)))
    return PointAreas(np.asarray(rows, np.int64), chains)
