"""Facilities that stand only in a plan, beside those that are there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely

from gis.facilities.accessibility import FacilityEntrances
from gis.network.build import Network
from gis.network.snapping import SnappedPoints

MAX_PLANNED = 100


@dataclass(frozen=True)
class PlannedFacility:
    """A facility of a plan; it is always open.

    Attributes
    ----------
    category
        Key of `gis.facilities.categories`.
    code, name
        As the plan calls it; may be empty.
    lon, lat
        Where people go in, degrees, EPSG:4490.
    """

    category: str
    code: str
    name: str
    lon: float
    lat: float


def planned_id(index: int) -> int:
    """Return the number that stands for a planned facility where others have their id."""
    return -2 - index  # -1 is none


def with_planned(
    entrances: FacilityEntrances, planned: Sequence[PlannedFacility], network: Network
) -> FacilityEntrances:
    """Return facilities with planned ones after them."""
    if not planned:
        return entrances
    lon, lat = (np.array([getattr(each, name) for each in planned]) for name in ("lon", "lat"))
    points = network.to_metric(lon, lat)
    shapes = shapely.points(points)
    count = len(entrances.code)
    on, more = entrances.snaps, network.snap(shapes)
    return replace(
        entrances,
        id=np.append(entrances.id, [planned_id(index) for index in range(len(planned))]),
        code=[*entrances.code, *(each.code for each in planned)],
        category=np.append(entrances.category, [each.category for each in planned]),
        shape=np.append(entrances.shape, shapes),
        owner=np.append(entrances.owner, count + np.arange(len(planned))),
        door=np.concatenate([entrances.door, points]),
        snaps=SnappedPoints(
            np.append(on.edge, more.edge),
            np.append(on.offset, more.offset),
            np.append(on.leg, more.leg),
            np.append(on.island, more.island),
        ),
    )
