"""What the people of each building can share of the capacity in reach."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from gis.facilities.accessibility import (
    stated_count,
)
from gis.facilities.capacity import REACHES, CapacityCoverage


@dataclass(frozen=True)
class BuildingCapacity:
    """What the people of one building can share.

    Attributes
    ----------
    per_1000
        As of AreaCapacity; None where it cannot be said.
    reach
        One of REACHES.
    at_least
        A facility of unstated capacity is in reach as well.
    lon, lat
        The door, else the middle of the footprint, degrees, EPSG:4490.
    """

    code: str
    name: str
    community: str
    households: int
    people: int
    elders: int | None
    per_1000: float | None
    reach: str
    at_least: bool
    lon: float
    lat: float


def list_buildings(
    answer: CapacityCoverage, within: Collection[int] | None = None
) -> list[BuildingCapacity]:
    """List the buildings where people live, those with least to share first.

    Parameters
    ----------
    within
        Ids of the areas whose buildings may be listed; None means all.
    """
    buildings = answer.buildings
    which = buildings.households > 0
    if within is not None:
        which &= buildings.areas.in_any(frozenset(within))
    number, communities = buildings.areas.at_level("community")
    is_certain = np.isin(answer.reach, [REACHES.index("reached"), REACHES.index("beyond")])
    order = np.lexsort((buildings.code, -buildings.people, answer.per_person, ~is_certain))
    return [
        BuildingCapacity(
            str(buildings.code[i]),
            str(buildings.name[i]),
            "" if number[i] < 0 else communities[number[i]].code,
            int(buildings.households[i]),
            int(buildings.people[i]),
            stated_count(buildings.elders[i]),
            round(1000 * float(answer.per_person[i]), 3) if is_certain[i] else None,
            REACHES[answer.reach[i]],
            bool(answer.at_least[i]),
            round(float(buildings.lon[i]), 7),
            round(float(buildings.lat[i]), 7),
        )
        for i in order[which[order]].tolist()
    ]
