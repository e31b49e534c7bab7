"""Which labels of buildings a change can have touched, and only those computed anew.

The engine is pure. It compares two states of the network and of the facilities on it, whatever
changed between them: paths, gates, doors, or facilities.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra

from gis.facilities.access_labels import (
    MAX_WALK_MIN,
    STEPS_MIN,
    label_buildings,
    minutes_to_edge,
    near_buildings,
)
from gis.facilities.accessibility import DemandPoints, FacilityEntrances
from gis.facilities.category_labels import CategoryLabels, by_category
from gis.network import parts
from gis.network.build import Network
from gis.network.snapping import Bools, Floats, Ints, SnappedPoints
from gis.network.walk import nearest_source_distances, place_distances

ROUNDING_FACTOR = 1 + 1e-9  # so that no walk of exactly the limit is missed by rounding


@dataclass(frozen=True)
class AccessState:
    """Buildings and facilities on a network, as a profile walks it."""

    network: Network
    demand: DemandPoints
    entrances: FacilityEntrances

    def within(self, doors: SnappedPoints, limit_m: float) -> Floats:
        """Return the metres from each building to the nearest of some doors."""
        return self.demand.best(
            nearest_source_distances(self.network, doors, self.demand.snaps, limit_m)
        )


@dataclass(frozen=True)
class _Reach:
    """What a state has within reach of the edges that the other lacks.

    Attributes
    ----------
    buildings, facilities
        At most the metres from each to such an edge; infinite where it is beyond the limit.
    edge
        The same of where the data end.
    """

    buildings: Floats
    facilities: Floats
    edge: float


class AccessChange:
    """The difference between two states with the same buildings.

    Notes
    -----
    A walk differs between the states only if it leads over an edge that one of them lacks, or
    begins or ends at a door that is elsewhere. One over such an edge is at least as long as the way
    from the building to the nearest of these edges and from the nearest of them to a facility, both
    as the plain graph has them. Where that is more than the walk to the nearest facility and than
    the longest of `STEPS_MIN`, neither the nearest facility nor a count can be another.
    """

    def __init__(
        self, old: AccessState, new: AccessState, speed_m_s: float, limit_min: float = MAX_WALK_MIN
    ) -> None:
        self.old, self.new = old, new
        self.speed_m_s, self.limit_min = speed_m_s, limit_min
        self.limit_m = limit_min * 60 * speed_m_s * ROUNDING_FACTOR
        number: dict[tuple[object, ...], int] = {}
        networks = {id(each.network): each.network for each in (old, new)}
        edges = {
            key: np.array([number.setdefault(key, len(number)) for key in _edge_keys(network)])
            for key, network in networks.items()
        }
        self._edges = [edges[id(each.network)] for each in (old, new)]

    @cached_property
    def _reaches(self) -> list[_Reach]:
        mine, other = self._edges
        return [
            self._reach(state, np.flatnonzero(~np.isin(edges, others)))
            for state, edges, others in ((self.old, mine, other), (self.new, other, mine))
        ]

    def _reach(self, state: AccessState, edges: Ints) -> _Reach:
        network = state.network
        if not edges.size:
            nothing = np.full(len(state.demand.building), np.inf)
            return _Reach(nothing, np.full(len(state.entrances.code), np.inf), np.inf)
        count = len(network.nodes)
        every = parts.Access(np.ones(len(network.u), bool), np.ones(count, bool))
        plain = parts.graph(count, network.u, network.v, network.length, every).matrix
        ends = np.unique(np.concatenate([network.u[edges], network.v[edges]]))
        at_nodes = dijkstra(plain, indices=ends, limit=self.limit_m, min_only=True)
        return _Reach(
            state.demand.best(place_distances(network, at_nodes, state.demand.snaps)),
            state.entrances.best(place_distances(network, at_nodes, state.entrances.snaps)),
            float(at_nodes[network.at_edge].min(initial=np.inf)),
        )

    @cached_property
    def moved_buildings(self) -> Bools:
        """Per building, whether one of its doors lies elsewhere on the network."""
        old, new = (
            self._places(state.demand.snaps, edges)
            for state, edges in zip((self.old, self.new), self._edges, strict=True)
        )
        moved = np.zeros(len(self.new.demand.building), bool)
        moved[self.new.demand.owner[(old != new).any(axis=1)]] = True
        return moved

    @cached_property
    def moved_facilities(self) -> tuple[Bools, Bools]:
        """Per facility of the old and of the new state, whether the other has not the same."""
        states = []
        for state, edges in zip((self.old, self.new), self._edges, strict=True):
            entrances, doors = state.entrances, self._places(state.entrances.snaps, edges)
            states.append(
                [
                    (int(number), str(category), doors[entrances.of(i)].tobytes())
                    for i, (number, category) in enumerate(
                        zip(entrances.id, entrances.category, strict=True)
                    )
                ]
            )
        old, new = (set(keys) for keys in states)
        return (
            np.array([key not in new for key in states[0]], bool),
            np.array([key not in old for key in states[1]], bool),
        )

    @staticmethod
    def _places(snaps: SnappedPoints, edges: Ints) -> Floats:
        """Return edge, offset and leg of doors, the edges by numbers that both states share."""
        edge = np.append(edges, -1)[snaps.edge]
        on = snaps.edge >= 0
        return np.column_stack([edge, np.where(on, snaps.offset, 0), np.where(on, snaps.leg, 0)])

    def affected(self, category: str, labels: CategoryLabels) -> Bools:
        """Return which buildings may have another label for a category.

        Parameters
        ----------
        labels
            Those of the old state.
        """
        metres = 60 * self.speed_m_s * ROUNDING_FACTOR
        nearest = np.where(np.isfinite(labels.minutes), labels.minutes, self.limit_min)
        matter = np.maximum(nearest, STEPS_MIN[-1]) * metres
        to_edge = np.where(np.isfinite(labels.edge_minutes), labels.edge_minutes, self.limit_min)
        result = self.moved_buildings.copy()
        for state, reach, moved in zip(
            (self.old, self.new), self._reaches, self.moved_facilities, strict=True
        ):
            of_category = state.entrances.category == category
            nearest_door = reach.facilities[of_category].min(initial=np.inf)
            result |= reach.buildings + nearest_door <= matter
            result |= reach.buildings + reach.edge <= to_edge * metres
            doors = state.entrances.snaps[(of_category & moved)[state.entrances.owner]]
            if len(doors):
                result |= state.within(doors, self.limit_m) <= matter
        return result

    @cached_property
    def _edge_minutes(self) -> Floats:
        return minutes_to_edge(self.new.network, self.new.demand, self.speed_m_s, self.limit_min)

    def relabel(
        self, category: str, labels: CategoryLabels
    ) -> tuple[CategoryLabels, NDArray[np.int64]]:
        """Return the labels of the new state, and the places of the buildings computed anew.

        Parameters
        ----------
        labels
            Those of the old state.
        """
        which = np.flatnonzero(self.affected(category, labels))
        if not which.size:
            return labels, which
        network, entrances = self.new.network, self.new.entrances
        part = self.new.demand.select(which)
        longest = STEPS_MIN[-1] * 60 * self.speed_m_s * ROUNDING_FACTOR
        metres = entrances.best(
            nearest_source_distances(network, part.snaps, entrances.snaps, longest)
        )
        near = near_buildings(
            network, part, entrances, category, self.speed_m_s, np.isfinite(metres)
        )
        anew = label_buildings(
            network,
            part,
            entrances,
            [category],
            self.speed_m_s,
            self.limit_min,
            edge_minutes=self._edge_minutes[which],
            near={category: near},
        )
        return labels.patched(which, by_category(anew, part, entrances)[category]), which


def _edge_keys(network: Network) -> list[tuple[object, ...]]:
    """Return what is the same of an edge in two networks if walks over it are."""
    access = network.access
    return list(
        zip(
            shapely.to_wkb(network.lines).tolist(),
            network.length.tolist(),
            access.edge.tolist(),
            access.node[network.u].tolist(),
            access.node[network.v].tolist(),
            strict=True,
        )
    )
