"""Coverage reckoned plainly, for one category and limit: the truth that labels are held against."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gis.facilities.accessibility import DemandPoints
from gis.network.build import Network
from gis.network.profiles import ADULT, WalkingProfile
from gis.network.snapping import Floats, SnappedPoints
from gis.network.walk import nearest_source_distances


@dataclass(frozen=True)
class CoverageResult:
    """How many homes have a facility within a walking distance.

    Attributes
    ----------
    covered, outside, off_network
        Households and people each; off the network, or on an island of it, is distinguished from
        too far.
    metres
        Walking distance of each building of `DemandPoints` to its nearest facility; infinite beyond
        the limit.
    """

    covered: tuple[int, int]
    outside: tuple[int, int]
    off_network: tuple[int, int]
    metres: Floats


def compute_coverage(
    network: Network,
    demand: DemandPoints,
    sources: SnappedPoints,
    minutes: float,
    profile: WalkingProfile = ADULT,
) -> CoverageResult:
    """Compute the network distance from each demand point to its nearest facility.

    Parameters
    ----------
    network
        The network of the profile (`gis.network.profiled`).
    sources
        The facilities' entrances on the network.
    minutes
        Walking time at the profile's speed.
    """
    metres = demand.best(
        nearest_source_distances(network, sources, demand.snaps, minutes * 60 * profile.speed_m_s)
    )
    covered, off_network = np.isfinite(metres), demand.off_network

    def count(which: NDArray[np.bool_]) -> tuple[int, int]:
        return int(demand.households[which].sum()), int(demand.people[which].sum())

    return CoverageResult(
        count(covered), count(~covered & ~off_network), count(off_network), metres
    )
