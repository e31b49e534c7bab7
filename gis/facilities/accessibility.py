"""Who is within reach: exact labels of homes by walking distance."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.network.build import Network
from gis.network.snapping import Floats, Shapes, SnappedPoints
from gis.network.walk import get_profile, nearest_source_distances

# Every building counts, with or without households; a door that is not known is the middle of the
# footprint.
DEMAND_POINTS_SQL = """
SELECT b.id, coalesce(h.households, 0), coalesce(h.people, 0), ST_X(p.place) AS lon,
    ST_Y(p.place) AS lat
FROM building b
LEFT JOIN (SELECT building_id, count(*) AS households, sum(people) AS people FROM household
           WHERE CAST(:near AS text) IS NULL OR building_id IN
             (SELECT id FROM building WHERE geom && ST_GeomFromEWKT(:near))
           GROUP BY building_id) h ON h.building_id = b.id
CROSS JOIN LATERAL (SELECT coalesce(b.entrance, ST_Centroid(b.geom)) AS place) p
WHERE CAST(:near AS text) IS NULL OR b.geom && ST_GeomFromEWKT(:near)
ORDER BY b.id
"""

DOORS = """
SELECT f.id, f.code, f.category, ST_AsBinary(coalesce(f.entrances, f.entrance)),
    ST_AsBinary(f.geom)
FROM facility f
WHERE (CAST(:category AS text) IS NULL OR f.category = :category)
  AND (CAST(:near AS text) IS NULL OR f.geom && ST_GeomFromEWKT(:near))
ORDER BY f.id
"""


@dataclass(frozen=True)
class DemandPoints:
    """Buildings, put on the network.

    building: Ids. households, people: How many live there. place: Metric coordinates, shape (n, 2).
    snaps: From the entrance when known, else the footprint's centroid.
    """

    building: NDArray[np.int64]
    households: NDArray[np.int64]
    people: NDArray[np.int64]
    place: Floats
    snaps: SnappedPoints


@dataclass(frozen=True)
class FacilityEntrances:
    """Facilities, put on the network by all their doors.

    id, code, category: One entry a facility. owner: The facility of each door, by number,
    ascending. door: Points in metres, (n, 2). snaps: One each. shape: Per facility its doors as one
    shape in metres, or its outline when no door is known.
    """

    id: NDArray[np.int64]
    code: list[str]
    category: NDArray[np.str_]
    shape: Shapes
    owner: NDArray[np.int64]
    door: Floats
    snaps: SnappedPoints

    def of(self, facility: int) -> slice:
        """Return where the doors of a facility stand among all."""
        low, high = np.searchsorted(self.owner, [facility, facility + 1])
        return slice(int(low), int(high))

    def off_network(self, facility: int) -> bool:
        """Return whether no door is within the cap of a street, nor on an island."""
        snaps = self.snaps[self.of(facility)]
        return bool((snaps.edge < 0).all() and not snaps.island.any())

    def island(self, facility: int) -> bool:
        """Return whether the only ways within the cap lead nowhere."""
        snaps = self.snaps[self.of(facility)]
        return bool((snaps.edge < 0).all() and snaps.island.any())


def read_demand_points(session: Session, network: Network, near: str | None = None) -> DemandPoints:
    """Every building, or those in a box (EWKT)."""
    rows = session.execute(text(DEMAND_POINTS_SQL), {"near": near}).all()
    table = np.array([tuple(row) for row in rows], float).reshape(-1, 5)
    place = network.to_metric(table[:, 3], table[:, 4]) if len(table) else np.empty((0, 2))
    whole = table[:, :3].astype(np.int64)
    return DemandPoints(
        whole[:, 0], whole[:, 1], whole[:, 2], place, network.snap(shapely.points(place))
    )


def read_facility_entrances(
    session: Session, network: Network, category: str | None = None, near: str | None = None
) -> FacilityEntrances:
    """Facilities, all or of one category, all or in a box (EWKT)."""
    rows = session.execute(text(DOORS), {"category": category, "near": near}).all()
    known, outline = (
        shapely.transform(
            shapely.from_wkb(
                np.array([None if row[i] is None else bytes(row[i]) for row in rows], object)
            ),
            lambda xy: network.to_metric(xy[:, 0], xy[:, 1]) if len(xy) else xy,
        )
        for i in (3, 4)
    )
    shapes = _doors(network, known, outline)
    points, owner = shapely.get_parts(shapes, return_index=True)
    snaps = network.snap(points)
    street = network.lines[np.maximum(snaps.edge, 0)]
    place = shapely.get_coordinates(shapely.get_point(shapely.shortest_line(points, street), 0))
    return FacilityEntrances(
        np.array([row[0] for row in rows], np.int64),
        [row[1] for row in rows],
        np.array([row[2] for row in rows], np.str_),
        shapes,
        owner.astype(np.int64),
        place,
        snaps,
    )


def _doors(network: Network, known: Shapes, outline: Shapes) -> Shapes:
    """The doors of facilities: known ones, and for outlines every place where a way on the ground
    meets them.

    A point is its own door. An outline that has neither is entered where it comes nearest to a
    street.
    """
    shapes = np.where(shapely.is_missing(known), outline, known)
    areas = np.flatnonzero(shapely.get_dimensions(outline) == 2)
    if not areas.size:
        return shapes
    rings = shapely.boundary(outline[areas])
    which, edge = network.tree.query(rings, predicate="intersects")
    meets = shapely.intersection(rings[which], network.lines[network.on_ground[edge]])
    parts, owner = shapely.get_parts(meets, return_index=True)
    ends = shapely.get_type_id(parts) != 0  # of a stretch along the outline its ends
    points = np.concatenate(
        [parts[~ends], shapely.get_point(parts[ends], 0), shapely.get_point(parts[ends], -1)]
    )
    owner = np.concatenate([which[owner[~ends]], which[owner[ends]], which[owner[ends]]])
    for number, area in enumerate(areas.tolist()):
        every = [*points[owner == number], *([] if known[area] is None else [known[area]])]
        union = (
            shapely.union_all(shapely.set_precision(np.array(every, object), 0.01))
            if every
            else rings[number]
        )
        shapes[area] = union
    return shapes


@dataclass(frozen=True)
class CoverageResult:
    """How many homes have a facility of a category within the limit.

    within, beyond, off_network: (households, people) each; off the network, or on an island of it,
        is told apart from too far.
    metres: Per building of `Homes`, walking metres to the nearest one; infinite beyond the limit.
    """

    within: tuple[int, int]
    beyond: tuple[int, int]
    off_network: tuple[int, int]
    metres: Floats


def compute_coverage(
    network: Network, living: DemandPoints, to: SnappedPoints, minutes: float, who: str = "adult"
) -> CoverageResult:
    """Label every home by the exact distance to the nearest of some facilities.

    Parameters
    ----------
    to
        The facilities' places on the network.
    minutes
        Walking time at the profile's speed.

    Raises
    ------
    InvalidInput
        There is no such profile.
    """
    metres = nearest_source_distances(
        network, to, living.snaps, minutes * 60 * get_profile(who).speed
    )
    within, off = np.isfinite(metres), living.snaps.edge < 0

    def count(which: NDArray[np.bool_]) -> tuple[int, int]:
        return int(living.households[which].sum()), int(living.people[which].sum())

    return CoverageResult(count(within), count(~within & ~off), count(off), metres)
