"""Facilities that stand only in a plan, beside those that are there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from gis.facilities.accessibility import FacilityEntrances
from gis.network.build import Network

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


def planned_entrances(planned: Sequence[PlannedFacility], network: Network) -> FacilityEntrances:
    """Return planned facilities on the network, each with one entrance."""
    lon, lat = (np.array([getattr(each, name) for each in planned]) for name in ("lon", "lat"))
    points = network.to_metric(lon, lat)
    shapes = shapely.points(points)
    return FacilityEntrances(
        np.array([planned_id(index) for index in range(len(planned))]),
        [each.code for each in planned],
        np.array([each.category for each in planned]),
        shapes,
        np.arange(len(planned)),
        points,
        network.snap(shapes),
    )
