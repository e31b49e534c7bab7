"""The registry: areas, buildings and posts at one moment in memory, complete or around points.

A single request reads what it needs through the GiST index. The web service holds a complete
snapshot and does not query the database. A file of points reads what lies around them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis.areas.grids import IN_BOX, GridIndex, read_grids
from gis.areas.models import Level
from gis.db import fetch_rows
from gis.people.queries import MAX_MICROS, MIN_MICROS, Micros, PeopleIndex
from gis.people.reading import PERIOD_SQL, read_people
from gis.places.queries import NAMES_AT_SQL, BuildingIndex, read_places
from gis.shapes import local_distance

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

READ_MARGIN_M = 100.0  # metres read around the points
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

ANCESTORS_SQL = f"""
WITH RECURSIVE up AS (
  SELECT * FROM area WHERE id = ANY(%(ids)s) UNION SELECT a.* FROM area a JOIN up
      ON a.id = up.parent_id
) SELECT id, level, code, {NAMES_AT_SQL.format("up")}, parent_id FROM up"""  # noqa: S608  our own text
# The last change of any shape, unit or name before a moment, and the next change after it.
MOMENTS = f"""
SELECT max(t) FILTER (WHERE t <= %(at)s), min(t) FILTER (WHERE t > %(at)s) FROM (
  SELECT unnest(ARRAY[first, last]) AS t FROM (SELECT {PERIOD_SQL.format("b")}
      FROM boundary b {{shapes}}) span (first, last)
  UNION ALL SELECT (extract(epoch FROM retired_at) * 1000000)::bigint FROM area
      WHERE retired_at IS NOT NULL {{units}}
  UNION ALL SELECT (extract(epoch FROM until) * 1000000)::bigint FROM former_name
  UNION ALL SELECT (extract(epoch FROM effective) * 1000000)::bigint FROM planned_name
) moments"""  # noqa: S608  our own text


class Area(NamedTuple):
    """An area of the chain."""

    id: int
    level: str
    code: str
    name: str
    parent_id: int | None


@dataclass(frozen=True)
class RegistrySnapshot:
    """Everything locating needs, for any moment `since` <= moment < `until`.

    upper_areas: Communities, streets, counties and what is above them by id.
    building_grid: Row of the grid each building stands in, -1 outside all; `by_grid` are the
        buildings in the order of their grids, `by_grid_of` those grids.
    """

    since: Micros
    until: Micros
    grids: GridIndex
    upper_areas: dict[int, Area]
    places: BuildingIndex
    building_grid: Ints
    by_grid: Ints
    by_grid_of: Ints
    people: PeopleIndex

    def is_valid_at(self, at: datetime) -> bool:
        """Return whether the snapshot holds at a moment."""
        return self.since <= micros(at) < self.until

    def warm(self) -> None:
        """Work out now what requests would otherwise wait for."""
        for part, names in (
            (self.grids, ("cell_index",)),
            (self.places, ("cells", "metric", "part_units")),
            (self.people, ("name_by_person", "leave_by_person")),
        ):
            for name in names:
                getattr(part, name)

    def buildings_of(self, row: int) -> Ints:
        """Return the rows of the buildings of a grid, lowest code first."""
        start, end = self.by_grid_of.searchsorted((row, row + 1))
        return self.by_grid[start:end]

    def ancestors(self, parent: int | None) -> list[Area]:
        """Return the areas from a community up to its county, where the chain of a place ends."""
        areas: list[Area] = []
        while parent is not None and parent in self.upper_areas:
            areas.append(self.upper_areas[parent])
            parent = None if areas[-1].level == Level.COUNTY else areas[-1].parent_id
        return areas

    def chain(self, row: int) -> tuple[Area, ...]:
        """Return the areas of a grid, from the county down to the grid itself."""
        grids = self.grids
        parent = grids.parents[row]
        grid = Area(
            int(grids.ids[row]), Level.GRID.value, grids.codes[row], grids.names[row], parent
        )
        return (*reversed(self.ancestors(parent)), grid)

    def names_of(self, row: int) -> tuple[str, ...]:
        """Return the names of the areas of a grid."""
        if row not in self._names:
            self._names[row] = tuple(area.name for area in self.chain(row))
        return self._names[row]

    @cached_property
    def area_by_code(self) -> dict[str, Area]:
        """The areas in force by code: grids, what is above them, and units of buildings."""
        grids = self.grids
        rows = zip(grids.ids.tolist(), grids.codes, grids.names, grids.parents, strict=True)
        return {
            **{area.code: area for area in self.upper_areas.values()},
            **{row[1]: Area(row[0], Level.GRID.value, *row[1:]) for row in rows},
            **{
                code: Area(unit_id, Level.UNIT.value, code, name, grid_id)
                for _, unit_id, code, name, grid_id, *_ in self.places.parts
            },
        }

    @cached_property
    def building_ids(self) -> dict[str, int]:
        """The ids of the buildings by code."""
        return dict(zip(self.places.codes, self.places.ids.tolist(), strict=True))

    @cached_property
    def _names(self) -> dict[int, tuple[str, ...]]:
        return {}


def micros(at: datetime) -> Micros:
    """Convert a moment with time zone to microseconds as the database counts them."""
    return (at - EPOCH) // MICROSECOND


def moment(count: Micros) -> str:
    """Such a count as a timestamp in SQL."""
    if MIN_MICROS < count < MAX_MICROS:
        return (EPOCH + count * MICROSECOND).isoformat()
    return "infinity" if count == MAX_MICROS else "-infinity"


def read_snapshot(
    session: Session,
    at: datetime,
    box: Any | None = None,
    *,
    addresses: bool = False,
    people: PeopleIndex | None = None,
) -> RegistrySnapshot:
    """Read the register of a moment.

    Parameters
    ----------
    at
        With its time zone.
    box
        Only what touches this box (degrees, EPSG:4490); None reads everything.
    addresses
        With a box, also the buildings beyond it of the grids that touch it, which an address may
        name.
    people
        All people of that moment, where they are read already.
    """
    if box is not None and addresses and len((near := read_grids(session, at, box)).codes):
        box = shapely.box(*shapely.total_bounds([box, *near.shapes]))
    places = read_places(session, at.isoformat(), box)
    if box is not None and len(places.ids):
        # a building touches the box, and may stand in a grid that does not
        box = shapely.box(*shapely.total_bounds([box, box_around(*places.label_points.T)]))
    grids = read_grids(session, at, box)
    since, until = read_period(session, at, box, places.ids.tolist())
    upper = read_upper_areas(session, grids.parents, at)
    areas = buildings = None
    if box is not None:
        areas = [*upper, *grids.ids.tolist(), *{part[1] for part in places.parts}]
        buildings = places.ids.tolist()
    if people is None:
        people = read_people(session, areas, buildings, moment(since))
    building_grid, _, _ = grids.grids_at(places.label_points[:, 0], places.label_points[:, 1])
    return with_order(since, until, grids, upper, places, building_grid, people)


def with_order(
    since: Micros,
    until: Micros,
    grids: GridIndex,
    upper_areas: dict[int, Area],
    places: BuildingIndex,
    building_grid: Ints,
    people: PeopleIndex,
) -> RegistrySnapshot:
    """Return the snapshot of these parts, its buildings also in the order of their grids."""
    order = np.argsort(building_grid, kind="stable")
    of = building_grid[order]
    return RegistrySnapshot(
        since, until, grids, upper_areas, places, building_grid, order, of, people
    )


def read_snapshot_around(
    session: Session,
    at: datetime,
    lon: Any,
    lat: Any,
    *,
    addresses: bool = False,
    reach_m: float = 0.0,
) -> RegistrySnapshot:
    """Read what is needed to locate some points, READ_MARGIN_M around them.

    Parameters
    ----------
    lon, lat
        Degrees, EPSG:4490, scalars or arrays.
    addresses
        Whether any of them comes with an address.
    reach_m
        Metres to read around them where that is further.
    """
    return read_snapshot(session, at, box_around(lon, lat, reach_m), addresses=addresses)


def box_around(lon: Any, lat: Any, reach_m: float = 0.0) -> Any:
    """Return the box (degrees, EPSG:4490) of what is needed to locate some points."""
    west, south, east, north = np.min(lon), np.min(lat), np.max(lon), np.max(lat)
    corners = local_distance.buffer_boxes(
        np.array([west, east]), np.array([south, north]), max(READ_MARGIN_M, reach_m)
    )
    return shapely.box(*shapely.total_bounds(corners))


def read_upper_areas(session: Session, parents: list[int], at: datetime) -> dict[int, Area]:
    """Read the areas from some parents of grids up to the top, as named at a moment."""
    rows = fetch_rows(session, ANCESTORS_SQL, {"ids": [*{*parents}], "at": at})
    return {row[0]: Area(*row) for row in rows}


def read_period(
    session: Session,
    at: datetime,
    box: Any | None = None,
    buildings: Sequence[int] = (),
    areas: Collection[int] | None = None,
) -> tuple[Micros, Micros]:
    """Return the half-open period around a moment in which no shape, unit or name changes.

    Parameters
    ----------
    box, buildings
        Only what touches this box (degrees, EPSG:4490), and units of these buildings; None means
        everything.
    areas
        Only shapes and units with these ids, and all names; None means everything.
    """
    shapes, units, params = "", "", dict[str, object](at=micros(at))
    if box is not None:
        shapes = f"WHERE {IN_BOX}"
        units = "AND id IN (SELECT unit_id FROM unit_part WHERE building_id = ANY(%(buildings)s))"
        params |= {"box": shapely.to_wkb(box), "buildings": list(buildings)}
    if areas is not None:
        # a join, since the index of boundaries (GiST) does not look several up at once
        shapes = "JOIN unnest(%(areas)s::bigint[]) key (area_id) USING (area_id)"
        units = "AND id = ANY(%(areas)s)"
        params["areas"] = [*areas]
    since, until = fetch_rows(session, MOMENTS.format(shapes=shapes, units=units), params)[0]
    return MIN_MICROS if since is None else since, MAX_MICROS if until is None else until
