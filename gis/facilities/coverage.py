"""Who is within reach: exact labels of homes by walking distance (DESIGN decision 8)."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.network.build import Floats, Network, Snaps
from gis.network.walk import nearest, profile

HOMES = """
SELECT b.id, count(*) AS households, sum(h.people) AS people,
       ST_X(p.place) AS lon, ST_Y(p.place) AS lat
FROM household h JOIN building b ON b.id = h.building_id
CROSS JOIN LATERAL (SELECT coalesce(b.entrance, ST_Centroid(b.shape)) AS place) p
GROUP BY b.id, p.place ORDER BY b.id
"""

# A facility without a known entrance is entered where its outline comes nearest to a street.
DOORS = """
SELECT f.id, f.code, f.category,
       ST_AsBinary(coalesce(f.entrance, CASE WHEN ST_Dimension(f.shape) = 0 THEN f.shape ELSE ST_Boundary(f.shape) END))
FROM facility f
WHERE (CAST(:category AS text) IS NULL OR f.category = :category)
  AND (CAST(:near AS text) IS NULL OR f.shape && ST_GeomFromEWKT(:near))
ORDER BY f.id
"""


@dataclass(frozen=True)
class Homes:
    """Buildings with households, put on the network.

    building: Ids. households, people: How many live there. place: Metric coordinates, shape (n, 2).
    snaps: From the entrance when known, else the footprint's centroid.
    """

    building: NDArray[np.int64]
    households: NDArray[np.int64]
    people: NDArray[np.int64]
    place: Floats
    snaps: Snaps


@dataclass(frozen=True)
class Doors:
    """Facilities, put on the network: ids, codes, categories, and the places people walk to."""

    id: NDArray[np.int64]
    code: list[str]
    category: NDArray[np.str_]
    shape: NDArray[np.object_]
    snaps: Snaps


def homes(session: Session, network: Network) -> Homes:
    """Every building with households."""
    rows = session.execute(text(HOMES)).all()
    table = np.array([tuple(row) for row in rows], float).reshape(-1, 5)
    place = network.to_metric(table[:, 3], table[:, 4]) if len(table) else np.empty((0, 2))
    whole = table[:, :3].astype(np.int64)
    return Homes(whole[:, 0], whole[:, 1], whole[:, 2], place, network.snap(shapely.points(place)))


def doors(session: Session, network: Network, category: str | None = None, near: str | None = None) -> Doors:
    """Facilities, all or of one category, all or in a box (EWKT)."""
    rows = session.execute(text(DOORS), {"category": category, "near": near}).all()
    degrees = shapely.from_wkb(np.array([bytes(row[3]) for row in rows], object))
    metric = shapely.transform(degrees, lambda xy: network.to_metric(xy[:, 0], xy[:, 1]) if len(xy) else xy)
    return Doors(
        np.array([row[0] for row in rows], np.int64),
        [row[1] for row in rows],
        np.array([row[2] for row in rows], np.str_),
        metric,
        network.snap(metric),
    )


@dataclass(frozen=True)
class Covered:
    """How many homes have a facility of a category within the limit.

    within, beyond, off_network: (households, people) each; off the network is told apart from too far.
    metres: Per building of `Homes`, walking metres to the nearest one; infinite beyond the limit.
    """

    within: tuple[int, int]
    beyond: tuple[int, int]
    off_network: tuple[int, int]
    metres: Floats


def coverage(network: Network, living: Homes, to: Snaps, minutes: float, who: str = "adult") -> Covered:
    """Label every home by the exact distance to the nearest of some facilities.

    Args:
        to: The facilities' places on the network.
        minutes: Walking time at the profile's speed.

    Raises:
        InvalidInput: There is no such profile.
    """
    metres = nearest(network, to, living.snaps, minutes * 60 * profile(who).speed)
    within, off = np.isfinite(metres), living.snaps.edge < 0

    def count(which: NDArray[np.bool_]) -> tuple[int, int]:
        return int(living.households[which].sum()), int(living.people[which].sum())

    return Covered(count(within), count(~within & ~off), count(off), metres)
