"""Buildings and facilities on made-up networks, from doors in metres."""

import numpy as np
import shapely
from shapely.geometry import Point

from gis.facilities.accessibility import DemandPoints, FacilityEntrances
from gis.network.build import Network


def demand_of(net: Network, places: list[Point]) -> DemandPoints:
    """Buildings by their doors, in metres; the third has nobody."""
    points = shapely.get_coordinates(places).reshape(-1, 2)
    number = np.arange(len(places))
    snaps = net.snap(np.array(places, object))
    return DemandPoints(
        number, number % 3, number % 7, number * 0.0, number * 0.0, points, snaps, number
    )


def entrances_of(
    net: Network, doors: list[list[Point]], categories: list[str]
) -> FacilityEntrances:
    """Facilities by their doors, in metres."""
    flat = np.array([door for those in doors for door in those], object)
    owner = np.repeat(np.arange(len(doors)), [len(those) for those in doors])
    return FacilityEntrances(
        np.arange(len(doors)),
        [f"f{number}" for number in range(len(doors))],
        np.array(categories, np.str_),
        np.array([shapely.MultiPoint(those) for those in doors], object),
        owner,
        shapely.get_coordinates(flat).reshape(-1, 2),
        net.snap(flat),
    )
