"""Accessibility of facilities: exact walking distances from buildings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import fetch_rows
from gis.network.build import Network
from gis.network.snapping import Floats, Shapes, SnappedPoints
from gis.places.doors import DOORS, doors_sql
from gis.shapes.local_distance import within_bbox

# Every building, with or without households, by its doors, else the centroid of its footprint.
# Households and doors are read by the ids of the buildings: a lookup for each building took twice
# as long, a join all households of the county.
DEMAND_POINTS_SQL = f"""
WITH chosen AS MATERIALIZED (
  SELECT id, geom FROM building {{where}}
), home AS (
  SELECT building_id, count(*) AS households, sum(people) AS people, sum(elders) AS elders,
    sum(children) AS children
  FROM household {{of_chosen}} GROUP BY building_id
), door AS (
  SELECT building_id, {DOORS} AS geom
  FROM (SELECT * FROM entrance {{of_chosen}}) e
  WHERE removed_at IS NULL AND building_id IS NOT NULL GROUP BY building_id
)
SELECT c.id::float8, coalesce(h.households, 0)::float8, coalesce(h.people, 0)::float8,
  h.elders::float8, h.children::float8, ST_X(p.geom) AS lon, ST_Y(p.geom) AS lat
FROM chosen c LEFT JOIN home h ON h.building_id = c.id LEFT JOIN door d ON d.building_id = c.id
CROSS JOIN LATERAL ST_Dump(coalesce(d.geom, ST_Centroid(c.geom))) p
ORDER BY c.id, p.path
"""  # noqa: S608  ours
ALL_DEMAND_SQL = DEMAND_POINTS_SQL.format(where="", of_chosen="")
OF_CHOSEN = "WHERE building_id = ANY(ARRAY(SELECT id FROM chosen))"
NEAR_DEMAND_SQL = DEMAND_POINTS_SQL.format(
    where="WHERE geom && ST_GeomFromEWKT(%(near)s)", of_chosen=OF_CHOSEN
)
DEMAND_OF_IDS_SQL = DEMAND_POINTS_SQL.format(where="WHERE id = ANY(%(ids)s)", of_chosen=OF_CHOSEN)

FACILITY_DOORS_SQL = f"""
SELECT f.id, f.code, f.category,
  ST_AsBinary({doors_sql("facility", "f")}), ST_AsBinary(f.geom)
FROM facility f
WHERE (CAST(:category AS text) IS NULL OR f.category = :category)
  AND (CAST(:near AS text) IS NULL OR f.geom && ST_GeomFromEWKT(:near))
  AND (CAST(:ids AS bigint[]) IS NULL OR f.id = ANY(:ids))
  AND (CAST(:code AS text) IS NULL OR f.code = :code)
ORDER BY f.id
"""  # noqa: S608  ours


@dataclass(frozen=True)
class DemandPoints:
    """Buildings with their households, on the network.

    Attributes
    ----------
    building
        Ids.
    households, people
        How many live in each building.
    elders
        How many of the people are sixty or older, as far as households say; NaN: none says.
    children
        Likewise how many are six or younger.
    doors
        Metric coordinates, shape (m, 2), the main one of a building first: all its doors that are
        known, else the footprint's centroid.
    snaps
        The doors on the network.
    owner
        Index of the building of each door, ascending; every building has one.
    """

    building: NDArray[np.int64]
    households: NDArray[np.int64]
    people: NDArray[np.int64]
    elders: Floats
    children: Floats
    doors: Floats
    snaps: SnappedPoints
    owner: NDArray[np.int64]

    @property
    def points(self) -> Floats:
        """The main door of each building, metres, shape (n, 2)."""
        return self.doors[self._begin]

    @property
    def off_network(self) -> NDArray[np.bool_]:
        """Whether no door of a building is on the network."""
        return (
            ~np.logical_or.reduceat(self.snaps.edge >= 0, self._begin)
            if len(self.building)
            else np.empty(0, bool)
        )

    def best(self, by_door: Floats) -> Floats:
        """Return the least of the distances to the doors of each building."""
        metres = np.full(len(self.building), np.inf)
        np.minimum.at(metres, self.owner, by_door)
        return metres

    def on(self, network: Network) -> "DemandPoints":
        """Return the buildings on another network of the same metric system."""
        return replace(self, snaps=network.snap(shapely.points(self.doors)))

    def select(self, which: NDArray[np.int64]) -> "DemandPoints":
        """Return the buildings with these indices, ascending."""
        number = np.full(len(self.building), -1, np.int64)
        number[which] = np.arange(len(which))
        door = np.flatnonzero(number[self.owner] >= 0)
        return DemandPoints(
            self.building[which],
            self.households[which],
            self.people[which],
            self.elders[which],
            self.children[which],
            self.doors[door],
            self.snaps[door],
            number[self.owner[door]],
        )

    def within(self, bounds: tuple[float, float, float, float]) -> "DemandPoints":
        """Return the buildings with a door in a box in metres: west, south, east, north."""
        east, north = self.doors.T
        return self.select(np.unique(self.owner[within_bbox(east, north, bounds)]))

    def patch(self, ids: Sequence[int], fresh: "DemandPoints") -> "DemandPoints":
        """Return these buildings, those with the ids as `fresh` has them, which come last."""
        rest = self.select(np.flatnonzero(~np.isin(self.building, ids)))
        joined = {
            name: np.concatenate([getattr(rest, name), getattr(fresh, name)])
            for name in ("building", "households", "people", "elders", "children", "doors")
        }
        owner = np.concatenate([rest.owner, fresh.owner + len(rest.building)])
        return DemandPoints(**joined, snaps=rest.snaps.join(fresh.snaps), owner=owner)

    @cached_property
    def _begin(self) -> NDArray[np.int64]:
        return np.searchsorted(self.owner, np.arange(len(self.building)))


@dataclass(frozen=True)
class FacilityEntrances:
    """Facilities and their entrances, on the network.

    Attributes
    ----------
    id, code, category
        One entry a facility.
    shape
        One entry a facility: its entrances as one geometry in metres, or its outline if none is
        known.
    owner
        Index of the facility of each entrance, ascending.
    door
        Entrances in metres, shape (n, 2).
    snaps
        The entrances on the network.
    """

    id: NDArray[np.int64]
    code: list[str]
    category: NDArray[np.str_]
    shape: Shapes
    owner: NDArray[np.int64]
    door: Floats
    snaps: SnappedPoints

    def __len__(self) -> int:
        """Return the number of facilities."""
        return len(self.code)

    def of(self, facility: int) -> slice:
        """Return the slice of a facility's entrances among all."""
        low, high = np.searchsorted(self.owner, [facility, facility + 1])
        return slice(int(low), int(high))

    def select(self, which: NDArray[np.bool_]) -> "FacilityEntrances":
        """Return some of the facilities."""
        number, doors = np.cumsum(which) - 1, which[self.owner]
        return FacilityEntrances(
            self.id[which],
            [code for code, is_chosen in zip(self.code, which, strict=True) if is_chosen],
            self.category[which],
            self.shape[which],
            number[self.owner[doors]],
            self.door[doors],
            self.snaps[doors],
        )

    def only(self, which: NDArray[np.bool_]) -> "FacilityEntrances":
        """Return all facilities, those not chosen without a category, so that none looks for them.

        The indices stay those of the whole.
        """
        return replace(self, category=np.where(which, self.category, ""))

    def best(self, by_door: Floats) -> Floats:
        """Return the least of the distances to the doors of each facility; infinite without any."""
        metres = np.full(len(self.code), np.inf)
        np.minimum.at(metres, self.owner, by_door)
        return metres

    def off_network(self, facility: int) -> bool:
        """Return whether no entrance is near enough to a street, nor on an island."""
        snaps = self.snaps[self.of(facility)]
        return bool((snaps.edge < 0).all() and not snaps.island.any())

    def island(self, facility: int) -> bool:
        """Return whether the only ways within the maximum distance lead nowhere."""
        snaps = self.snaps[self.of(facility)]
        return bool((snaps.edge < 0).all() and snaps.island.any())


def read_demand_points(
    session: Session,
    network: Network,
    bbox: str | None = None,
    ids: Sequence[int] | None = None,
) -> DemandPoints:
    """Read the buildings, all, those in a box or some.

    Parameters
    ----------
    bbox
        EWKT; None means all.
    ids
        Only these; None means all.
    """
    query = ALL_DEMAND_SQL if bbox is None else NEAR_DEMAND_SQL
    if ids is not None:
        query = DEMAND_OF_IDS_SQL
    rows = fetch_rows(session, query, {"near": bbox, "ids": None if ids is None else [*ids]})
    table = np.array(rows, float).reshape(-1, 7)
    doors = network.to_metric(table[:, 5], table[:, 6]) if len(table) else np.empty((0, 2))
    building, begin, owner = np.unique(
        table[:, 0].astype(np.int64), return_index=True, return_inverse=True
    )
    households, people = table[begin, 1:3].astype(np.int64).T
    return DemandPoints(
        building,
        households,
        people,
        table[begin, 3],
        table[begin, 4],
        doors,
        network.snap(shapely.points(doors)),
        owner,
    )


def stated_count(value: float) -> int | None:
    """Return a count; None where nobody stated it (NaN)."""
    return None if math.isnan(value) else int(value)


def sum_elders(elders: Floats, people: NDArray[np.int64]) -> int | None:
    """Return the elders of some buildings as far as households say; None where none says.

    Among nobody there are none.
    """
    if not people.any():
        return 0
    return None if np.isnan(elders).all() else int(np.nansum(elders))


def read_facility_entrances(
    session: Session,
    network: Network,
    category: str | None = None,
    bbox: str | None = None,
    ids: Sequence[int] | None = None,
    code: str | None = None,
) -> FacilityEntrances:
    """Read the facilities and their entrances.

    Parameters
    ----------
    category
        Only this key of `gis.facilities.categories`; None means all.
    bbox
        Only facilities that touch this box, EWKT; None means all.
    ids
        Only these; None means all.
    code
        Only the one with this code; None means all.
    """
    params = {
        "category": category,
        "near": bbox,
        "ids": None if ids is None else [*ids],
        "code": code,
    }
    rows = session.execute(text(FACILITY_DOORS_SQL), params).all()
    return place_entrances(network, rows)


def place_entrances(network: Network, rows: Sequence[Sequence[Any]]) -> FacilityEntrances:
    """Return facilities on a network.

    Parameters
    ----------
    rows
        Id, code, category, doors that are known and outline or point of each; the latter two as
        WKB in degrees, EPSG:4490.
    """
    entrances, outlines = (
        shapely.transform(
            shapely.from_wkb(
                np.array([None if row[i] is None else bytes(row[i]) for row in rows], object)
            ),
            lambda xy: network.to_metric(xy[:, 0], xy[:, 1]) if len(xy) else xy,
        )
        for i in (3, 4)
    )
    shapes = _doors(network, entrances, outlines)
    doors, owner = shapely.get_parts(shapes, return_index=True)
    snaps = network.snap(doors)
    street = network.lines[np.maximum(snaps.edge, 0)]
    snapped_points = shapely.get_coordinates(
        shapely.get_point(shapely.shortest_line(doors, street), 0)
    )
    return FacilityEntrances(
        np.array([row[0] for row in rows], np.int64),
        [row[1] for row in rows],
        np.array([row[2] for row in rows], np.str_),
        shapes,
        owner.astype(np.int64),
        snapped_points,
        snaps,
    )


def _doors(network: Network, entrances: Shapes, outlines: Shapes) -> Shapes:
    """Return the entrances of facilities as one geometry each, in metres.

    Notes
    -----
    A point is its own entrance. An outline is entered at its known entrances and wherever a way on
    the ground meets it; if there are none, the outline itself is returned.
    """
    shapes = np.where(shapely.is_missing(entrances), outlines, entrances)
    areas = np.flatnonzero(shapely.get_dimensions(outlines) == 2)
    if not areas.size:
        return shapes
    rings = shapely.boundary(outlines[areas])
    which, edge = network.tree.query(rings, predicate="intersects")
    meets = shapely.intersection(rings[which], network.lines[network.on_ground[edge]])
    parts, owner = shapely.get_parts(meets, return_index=True)
    ends = shapely.get_type_id(parts) != 0  # of a stretch along the outline both ends
    points = np.concatenate(
        [parts[~ends], shapely.get_point(parts[ends], 0), shapely.get_point(parts[ends], -1)]
    )
    owner = np.concatenate([which[owner[~ends]], which[owner[ends]], which[owner[ends]]])
    for number, area in enumerate(areas.tolist()):
        every = [*points[owner == number], *([] if entrances[area] is None else [entrances[area]])]
        union = (
            shapely.union_all(shapely.set_precision(np.array(every, object), 0.01))
            if every
            else rings[number]
        )
        shapes[area] = union
    return shapes
