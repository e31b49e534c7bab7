"""Circles and labels computed by other processes, county by county.

A walk knows no counties. So a task is the facilities of a county, and whoever does it walks on the
whole network and counts all buildings in reach, on whichever side of a border they stand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Conflict
from gis.facilities.access_labels import (
    STEPS_MIN,
    AccessLabels,
    Near,
    label_buildings,
    near_buildings,
)
from gis.facilities.accessibility import (
    DemandPoints,
    FacilityEntrances,
    read_demand_points,
    read_facility_entrances,
)
from gis.facilities.circles import Circle, compute_circles, reachable_from
from gis.facilities.walkers import ProfileNetwork, profile_network
from gis.network.build import Network
from gis.network.profiles import WalkingProfile
from gis.network.snapping import Floats, Ints
from gis.shapes.tiles import neighbouring_parts
from gis.spread import Spread, spread_of

CIRCLE_FACILITIES = 100  # of a task: one or two seconds
LABEL_FACILITIES = 2000
COUNTIES_OF_SQL = "SELECT id, coalesce(county, '') FROM facility WHERE id = ANY(:ids)"


@dataclass(frozen=True)
class CountyTask:
    """Facilities of a county, and how people walk to them.

    Attributes
    ----------
    facilities
        Ids, ascending.
    profile, at
        As of `gis.facilities.walkers.profile_network`.
    network_version
        Of that network where the task comes from.
    minutes
        Limits of circles.
    categories
        Of labels.
    """

    facilities: tuple[int, ...]
    profile: str
    at: datetime | None
    network_version: str
    minutes: tuple[int, ...] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class NearPart:
    """What of a category is near buildings: ids of both, and `gis.facilities.access_labels.Near`.

    Only of buildings with something near.
    """

    category: str
    building: NDArray[np.int64]
    minutes: Floats
    facility: NDArray[np.int64]
    within: NDArray[np.int64]


def spread_circles(
    spread: Spread,
    network: Network,
    profile: WalkingProfile,
    entrances: FacilityEntrances,
    which: Sequence[int],
    minutes: Sequence[int],
) -> Iterator[tuple[int, list[Circle]]]:
    """Yield the index of each of some facilities with its circles, county by county.

    Raises
    ------
    WanggeError
        As `gis.spread.Spread.each`.
    """
    parts = _by_county(spread.session, entrances, np.array(which, np.int64), CIRCLE_FACILITIES)
    tasks = (
        CountyTask(
            tuple(entrances.id[part].tolist()),
            profile.name,
            None,
            f"{network.version} {profile.key}",
            minutes=tuple(minutes),
        )
        for part in parts
    )
    for part, circles in zip(parts, spread.each(circles_of, tasks), strict=True):
        yield from zip(part.tolist(), circles, strict=True)


def circles_of(session: Session, task: CountyTask) -> list[list[Circle]]:
    """Return the circles of each facility of a task."""
    walker, entrances, demand = _read(session, task, max(task.minutes))
    return [
        compute_circles(walker.network, demand, entrances, i, task.minutes, walker.speed_m_s)
        for i in range(len(entrances))
    ]


def label_everywhere(
    session: Session,
    walker: ProfileNetwork,
    demand: DemandPoints,
    entrances: FacilityEntrances,
    categories: Sequence[str],
    at: datetime | None = None,
) -> AccessLabels:
    """Return what `label_buildings` does; by the help that the session has, if any.

    Parameters
    ----------
    demand
        All buildings.
    entrances
        All facilities; none is looked for where its category is empty.
    at
        The moment of the walker's network.

    Raises
    ------
    WanggeError
        As `gis.spread.Spread.each`.
    """
    spread = spread_of(session)
    near = None
    if spread is not None:
        which = np.flatnonzero(np.isin(entrances.category, categories))
        tasks = (
            CountyTask(
                tuple(entrances.id[part].tolist()),
                walker.name,
                at,
                walker.version,
                categories=tuple(categories),
            )
            for part in _by_county(spread.session, entrances, which, LABEL_FACILITIES)
        )
        near = {category: Near.none(len(demand.building)) for category in categories}
        for results in spread.each(near_of, tasks):
            for part in results:
                rows = np.searchsorted(demand.building, part.building)
                facility = np.searchsorted(entrances.id, part.facility)
                near[part.category].add(rows, part.minutes, facility, part.within)
    return label_buildings(
        walker.network, demand, entrances, categories, walker.speed_m_s, near=near
    )


def near_of(session: Session, task: CountyTask) -> list[NearPart]:
    """Return the buildings near the facilities of a task, by category."""
    walker, entrances, demand = _read(session, task, STEPS_MIN[-1])
    parts = []
    for category in task.categories:
        near = near_buildings(walker.network, demand, entrances, category, walker.speed_m_s)
        rows = np.flatnonzero(near.facility >= 0)
        near = near.select(rows)
        parts.append(
            NearPart(
                category,
                demand.building[rows],
                near.minutes,
                entrances.id[near.facility],
                near.within,
            )
        )
    return parts


def _read(
    session: Session, task: CountyTask, minutes: float
) -> tuple[ProfileNetwork, FacilityEntrances, DemandPoints]:
    """Return the network of a task, its facilities, and the buildings in reach of them.

    Raises
    ------
    Conflict
        The network is another than where the task comes from: hours or edits of paths have begun.
    """
    walker = profile_network(session, task.profile, task.at)
    if walker.version != task.network_version:
        raise Conflict("spread.network_changed")
    entrances = read_facility_entrances(session, walker.network, ids=task.facilities)
    box = reachable_from(entrances.shape, walker.network, minutes * 60 * walker.speed_m_s)
    return walker, entrances, read_demand_points(session, walker.network, box)


def _by_county(
    session: Session, entrances: FacilityEntrances, which: Ints, size: int
) -> list[Ints]:
    """Return indices of facilities in parts of one county each, of at most a size."""
    rows = session.execute(text(COUNTIES_OF_SQL), {"ids": entrances.id[which].tolist()})
    county_by_id = {row[0]: row[1] for row in rows}
    county = np.array([county_by_id[number] for number in entrances.id[which].tolist()], np.str_)
    middle = shapely.centroid(entrances.shape[which])
    x, y = shapely.get_x(middle), shapely.get_y(middle)
    parts = []
    for code in np.unique(county):
        of_county = np.flatnonzero(county == code)
        tiles = neighbouring_parts(x[of_county], y[of_county], size)
        parts += [which[of_county[tile]] for tile in tiles]
    return parts
