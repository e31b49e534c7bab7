"""Labels of buildings: minutes to the nearest facility of every category, and how many are near.

The engine is pure: it reads no database. Every number is an exact walking distance, as circles are
counted, at the speed of a profile.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gis.facilities.accessibility import DemandPoints, FacilityEntrances
from gis.network.build import Network
from gis.network.snapping import Bools, Floats, Ints, SnappedPoints

STEPS_MIN = (5, 10, 15)  # minutes within which facilities are counted
MAX_WALK_MIN = 60.0  # minutes; a facility that is farther is none
CHUNK_CELLS = 4_000_000  # distances in memory at a time


@dataclass(frozen=True)
class AccessLabels:
    """Labels of buildings, in the order of `DemandPoints`.

    Attributes
    ----------
    categories
        Keys of `gis.facilities.categories`: the columns of the arrays.
    minutes
        To the nearest facility, shape (buildings, categories); infinite beyond the limit.
    facility
        Its index in `FacilityEntrances`, -1 for none; of several at the same distance within 15
        minutes the lowest.
    within
        How many facilities are within each of `STEPS_MIN`, shape (buildings, categories, 3).
    edge_minutes
        To where the data end, shape (buildings,); infinite beyond the limit.
    off_network
        No street is near, or only those of an island, shape (buildings,).
    """

    categories: tuple[str, ...]
    minutes: Floats
    facility: NDArray[np.int64]
    within: NDArray[np.int64]
    edge_minutes: Floats
    off_network: Bools

    def served(self, minutes: float) -> Bools:
        """Return which buildings have a facility within a limit, shape (buildings, categories)."""
        return self.minutes <= minutes

    def cannot_say(self, minutes: float) -> Bools:
        """Return which buildings nothing can be said of, shape (buildings, categories).

        No facility is within the limit, but the edge of the data is: one may stand beyond it.
        """
        return ~self.served(minutes) & (self.edge_minutes <= minutes)[:, None]


def label_buildings(
    network: Network,
    demand: DemandPoints,
    entrances: FacilityEntrances,
    categories: Sequence[str],
    speed_m_s: float,
    limit_min: float = MAX_WALK_MIN,
    *,
    edge_minutes: Floats | None = None,
    near: Mapping[str, "Near"] | None = None,
) -> AccessLabels:
    """Label buildings for categories of facilities.

    Parameters
    ----------
    network
        The walking network, of a profile or plain.
    categories
        Keys; one without facilities has infinite minutes.
    speed_m_s
        Metres of the network's lengths walked in a second.
    limit_min
        Minutes beyond which a facility is none, at least the longest of `STEPS_MIN`.
    edge_minutes
        Those of the buildings, where they are known already.
    near
        What `near_buildings` returns for each category, where that is known.

    Notes
    -----
    A facility is one source with all its doors, and the label of a building is that of its best
    door. Counts need a run of Dijkstra for each facility,
    as far as 15 minutes; the nearest beyond needs one run for each category.
    """
    metre_min = 1.0 / (60.0 * speed_m_s)
    on, homes = _homes_of(demand)
    count = len(demand.building)
    minutes = np.full((count, len(categories)), np.inf)
    facility = np.full((count, len(categories)), -1, np.int64)
    within = np.zeros((count, len(categories), len(STEPS_MIN)), np.int64)
    for column, category in enumerate(categories):
        which = np.flatnonzero(entrances.category == category)
        if not which.size or not on.size:
            continue
        doors = _Doors.of(network, entrances, which)
        if near is None:
            candidates = _near(network, entrances, which, homes, metre_min)
        else:
            candidates = near[category].select(on)
        nearest_min, nearest_facility = homes.nearest(
            *_nearest(network, doors, homes.places, limit_min / metre_min)
        )
        nearest_min *= metre_min
        is_far = ~np.isfinite(candidates.minutes)
        best = np.where(is_far, nearest_min, candidates.minutes)
        reached = best <= limit_min
        minutes[on, column] = np.where(reached, best, np.inf)
        index = np.where(is_far, which[np.maximum(nearest_facility, 0)], -1)
        index[~is_far] = candidates.facility[~is_far]
        facility[on, column] = np.where(reached, index, -1)
        within[on, column] = candidates.within
    if edge_minutes is None:
        edge_minutes = minutes_to_edge(network, demand, speed_m_s, limit_min)
    return AccessLabels(
        tuple(categories), minutes, facility, within, edge_minutes, demand.off_network
    )


def near_buildings(
    network: Network,
    demand: DemandPoints,
    entrances: FacilityEntrances,
    category: str,
    speed_m_s: float,
    countable: Bools | None = None,
) -> "Near":
    """Return what of a category is within the longest of `STEPS_MIN` of each building.

    Parameters
    ----------
    countable
        Per facility, whether it may be so near to a building; the others are not looked for. None:
        any may. Other parameters are as for `label_buildings`.
    """
    on, homes = _homes_of(demand)
    result = Near.none(len(demand.building))
    is_one = entrances.category == category
    which = np.flatnonzero(is_one if countable is None else is_one & countable)
    if which.size and on.size:
        close = _near(network, entrances, which, homes, 1.0 / (60.0 * speed_m_s))
        result.add(on, close.minutes, close.facility, close.within)
    return result


def minutes_to_edge(
    network: Network, demand: DemandPoints, speed_m_s: float, limit_min: float = MAX_WALK_MIN
) -> Floats:
    """Return the minutes from buildings to where the data end; infinite beyond a limit."""
    metre_min = 1.0 / (60.0 * speed_m_s)
    return metres_to_edge(network, demand, limit_min / metre_min) * metre_min


def metres_to_edge(network: Network, demand: DemandPoints, limit_m: float) -> Floats:
    """Return the metres from buildings to where the data end; infinite beyond a limit."""
    door = np.flatnonzero(demand.snaps.edge >= 0)
    by_door = np.full(len(demand.snaps), np.inf)
    by_door[door] = edge_distances(network, demand.snaps[door], limit_m)
    return demand.best(by_door)


def edge_distances(network: Network, places: SnappedPoints, limit_m: float) -> Floats:
    """Return the metres from points to where the data end; infinite beyond a limit."""
    if not network.at_edge.size:
        return np.full(len(places), np.inf)
    count = len(network.nodes)
    graph, copies = network.layers
    metres = dijkstra(graph, indices=network.at_edge, limit=limit_m, min_only=True)
    metres[copies] = np.minimum(metres[copies], metres[count:])
    result = _at_places(network, metres[None, :count], places)[0]
    return np.where(result <= limit_m, result, np.inf)


@dataclass(frozen=True)
class _Doors:
    """Doors on the network, with the number of the facility of each, ascending from 0."""

    owner: Ints
    snaps: SnappedPoints
    facilities: int

    @classmethod
    def of(
        cls, network: Network, entrances: FacilityEntrances, which: NDArray[np.int64]
    ) -> "_Doors":
        index = np.full(len(entrances.code), -1)
        index[which] = np.arange(which.size)
        use = np.flatnonzero((index[entrances.owner] >= 0) & (entrances.snaps.edge >= 0))
        return cls(index[entrances.owner[use]], entrances.snaps[use], which.size)

    def select(self, start: int, stop: int) -> "_Doors":
        """Return the doors of facilities start to stop (exclusive), numbered anew."""
        low, high = np.searchsorted(self.owner, [start, stop])
        part = slice(int(low), int(high))
        return _Doors(self.owner[part] - start, self.snaps[part], stop - start)


@dataclass(frozen=True)
class _Homes:
    """Buildings by their doors on the network, and the first door of each."""

    places: SnappedPoints
    begin: Ints

    def __len__(self) -> int:
        return len(self.begin)

    def nearest(self, metres: Floats, facility: Ints) -> tuple[Floats, Ints]:
        """Return the distance from the best door of each building, and the facility there."""
        owner = np.repeat(np.arange(len(self)), np.diff(self.begin, append=len(self.places)))
        nearest_rows = np.lexsort((metres, owner))[self.begin]
        return metres[nearest_rows], facility[nearest_rows]


def _homes_of(demand: DemandPoints) -> tuple[Ints, _Homes]:
    """Return the buildings with a door on the network, and their doors there."""
    door = np.flatnonzero(demand.snaps.edge >= 0)
    on, begin = np.unique(demand.owner[door], return_index=True)
    return on, _Homes(demand.snaps[door], begin)


@dataclass(frozen=True)
class Near:
    """Facilities within the longest of `STEPS_MIN` of buildings.

    Attributes
    ----------
    minutes
        To the nearest; infinite for none.
    facility
        Its index in `FacilityEntrances`, the lowest of several at the same distance.
    within
        How many are within each of `STEPS_MIN`, shape (buildings, 3).
    """

    minutes: Floats
    facility: Ints
    within: NDArray[np.int64]

    @classmethod
    def none(cls, count: int) -> "Near":
        """Return that nothing is near some buildings."""
        return cls(
            np.full(count, np.inf),
            np.full(count, -1, np.int64),
            np.zeros((count, len(STEPS_MIN)), np.int64),
        )

    def add(self, rows: Ints, minutes: Floats, facility: Ints, within: NDArray[np.int64]) -> None:
        """Count further facilities: the nearest of them, and how many, for buildings (indices)."""
        self.within[rows] += within
        same = (minutes == self.minutes[rows]) & (facility < self.facility[rows])
        closer = (minutes < self.minutes[rows]) | (same & np.isfinite(minutes))
        self.minutes[rows[closer]] = minutes[closer]
        self.facility[rows[closer]] = facility[closer]

    def select(self, rows: Ints) -> "Near":
        """Return what is near some of the buildings."""
        return Near(self.minutes[rows], self.facility[rows], self.within[rows])


def _near(
    network: Network,
    entrances: FacilityEntrances,
    which: Ints,
    homes: _Homes,
    metre_min: float,
) -> Near:
    """Return what is within 15 minutes of buildings, by one run for each facility."""
    doors, result = _Doors.of(network, entrances, which), Near.none(len(homes))
    every = np.arange(len(homes))
    size = network.graph.shape[0] + len(homes.places)
    # the facilities of a step are nodes too
    step = max(1, min(CHUNK_CELLS // size, math.isqrt(CHUNK_CELLS)))
    for start in range(0, doors.facilities, step):
        part = doors.select(start, min(start + step, doors.facilities))
        by_door = _facility_distances(network, part, homes.places, STEPS_MIN[-1] / metre_min)
        table = np.minimum.reduceat(by_door, homes.begin, axis=1) * metre_min
        within = np.stack([(table <= limit).sum(axis=0) for limit in STEPS_MIN], axis=1)
        nearest = table.argmin(axis=0)
        minutes = table[nearest, every]
        minutes[minutes > STEPS_MIN[-1]] = np.inf
        result.add(every, minutes, which[nearest + start], within)
    return result


def _facility_distances(
    network: Network, doors: _Doors, places: SnappedPoints, limit_m: float
) -> Floats:
    """Return the metres from facilities to places, shape (facilities, places)."""
    grown, first = _grown(network, doors)
    graph, copies = network.layers
    count, size = len(network.nodes), graph.shape[0]
    metres = dijkstra(
        # a margin, so that the longest walk is not cut by rounding
        grown,
        indices=first + np.arange(doors.facilities),
        limit=limit_m * (1 + 1e-9),
    )
    if copies.size:
        metres[:, copies] = np.minimum(metres[:, copies], metres[:, count:size])
    table = _at_places(network, metres, places)
    door, home, straight = _on_same_edges(doors.snaps, places, len(network.lines))
    np.minimum.at(table, (doors.owner[door], home), straight)
    return table


def _nearest(
    network: Network, doors: _Doors, places: SnappedPoints, limit_m: float
) -> tuple[Floats, Ints]:
    """Return the metres from places to the nearest facility and its number; one run for all."""
    grown, first = _grown(network, doors)
    graph, copies = network.layers
    count, size = len(network.nodes), graph.shape[0]
    metres, _, source = dijkstra(
        grown,
        indices=first + np.arange(doors.facilities),
        limit=limit_m * (1 + 1e-9),
        min_only=True,
        return_predecessors=True,
    )
    if copies.size:
        by_copy = metres[count:size] < metres[copies]
        source[copies] = np.where(by_copy, source[count:size], source[copies])
        metres[copies] = np.where(by_copy, metres[count:size], metres[copies])
    edge = places.edge
    by_u = metres[network.u[edge]] + places.offset
    by_v = metres[network.v[edge]] + network.length[edge] - places.offset
    nearest = np.minimum(by_u, by_v) + places.leg
    facility = np.where(by_u <= by_v, source[network.u[edge]], source[network.v[edge]]) - first
    door, home, straight = _on_same_edges(doors.snaps, places, len(network.lines))
    order = np.lexsort((doors.owner[door], straight, home))
    home, begin = np.unique(home[order], return_index=True)
    straight, owner = straight[order][begin], doors.owner[door][order][begin]
    closer = straight < nearest[home]
    nearest[home[closer]], facility[home[closer]] = straight[closer], owner[closer]
    return nearest, np.where(np.isfinite(nearest), facility, -1)


def _grown(network: Network, doors: _Doors) -> tuple[csr_array, int]:
    """Return the graph with a node for each facility, one-way to the ends of its doors' edges."""
    graph = network.graph
    size, edge = graph.shape[0], doors.snaps.edge
    ends = np.stack([network.u[edge], network.v[edge]], axis=1).ravel()
    leg, offset = doors.snaps.leg, doors.snaps.offset
    costs = np.stack([leg + offset, leg + network.length[edge] - offset], axis=1).ravel()
    owner = np.repeat(doors.owner, 2)
    order = np.lexsort((costs, ends, owner))  # two doors on one edge: the shorter way to its ends
    owner, ends, costs = owner[order], ends[order], costs[order]
    is_first = np.ones(owner.size, bool)
    is_first[1:] = (owner[1:] != owner[:-1]) | (ends[1:] != ends[:-1])
    owner, ends, costs = owner[is_first], ends[is_first], costs[is_first]
    filled = np.cumsum(np.bincount(owner, minlength=doors.facilities)).astype(graph.indptr.dtype)
    total = size + doors.facilities
    return csr_array(
        (
            np.concatenate([graph.data, np.maximum(costs, 1e-9)]),  # zero means no edge
            np.concatenate([graph.indices, ends.astype(graph.indices.dtype)]),
            np.concatenate([graph.indptr, graph.indptr[-1] + filled]),
        ),
        shape=(total, total),
    ), size


def _at_places(network: Network, metres: Floats, places: SnappedPoints) -> Floats:
    """Return rows of distances at nodes as distances at places, by the better end of each edge."""
    edge = places.edge
    by_u = metres[:, network.u[edge]] + places.offset
    by_v = metres[:, network.v[edge]] + (network.length[edge] - places.offset)
    result: Floats = np.minimum(by_u, by_v) + places.leg
    return result


def _on_same_edges(
    doors: SnappedPoints, places: SnappedPoints, edges: int
) -> tuple[Ints, Ints, Floats]:
    """Return the pairs of a door and a place on one edge, with the metres along it."""
    order = np.argsort(doors.edge, kind="stable")
    count = np.bincount(doors.edge, minlength=edges)
    begin = np.cumsum(count) - count
    many = count[places.edge]
    home = np.repeat(np.arange(len(places)), many)
    nth = np.arange(home.size) - np.repeat(np.cumsum(many) - many, many)
    door = order[begin[places.edge[home]] + nth]
    straight = np.abs(places.offset[home] - doors.offset[door])
    return door, home, straight + places.leg[home] + doors.leg[door]
