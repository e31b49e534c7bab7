"""Inputs of a siting problem: who is to be served, where a facility could stand, and the walks.

Distances are those of `gis.network.walk`, straight legs and partial edges included, found by one
Dijkstra from each candidate that ends at the limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from gis.errors import TooLarge
from gis.facilities.accessibility import DemandPoints
from gis.facilities.siting_problem import Floats, Ints
from gis.network.build import Network
from gis.network.parts import ISLAND
from gis.network.snapping import SnappedPoints
from gis.network.walk import node_distances

CANDIDATE_SPACING_M = 50.0  # between candidates along streets, and of cells that hold one building
MAX_FAR_CANDIDATES = 200  # where every walk within the hour counts, not only those of the limit
MAX_SITING_CANDIDATES = 2_000  # beyond it the lattice widens; a longer file is refused
SOURCES_AT_A_TIME = 32  # rows of distances to all nodes in memory
CELL_GROWTH = 1.25  # by how much a lattice widens while it has too many points
LEAST_M = 1e-6  # a sparse table stores no zero


@dataclass(frozen=True)
class CandidatePlace:
    """A place of a file where a facility could stand.

    Attributes
    ----------
    shape
        Point, or polygon (a parcel), which is entered where a street comes nearest; degrees,
        EPSG:4490.
    """

    code: str
    name: str
    shape: shapely.Geometry


@dataclass(frozen=True)
class Candidates:
    """Where a facility could stand, on the network.

    Attributes
    ----------
    points
        A point of each in metres, shape (n, 2).
    owner
        Index of the candidate of each entry of `snaps`.
    snaps
        Its doors on the network.
    building
        Id of the building of each; empty unless buildings are the candidates.
    places
        What the file says of each; empty unless a file names them.
    spacing_m
        Least distance between candidates that was aimed at; None for those of a file.
    """

    points: Floats
    owner: Ints
    snaps: SnappedPoints
    building: Ints
    places: Sequence[CandidatePlace] = ()
    spacing_m: float | None = None

    def __len__(self) -> int:
        """Return the number of candidates."""
        return len(self.points)


def street_candidates(
    network: Network,
    land: shapely.Geometry | None,
    spacing_m: float = CANDIDATE_SPACING_M,
    most: int = MAX_SITING_CANDIDATES,
) -> Candidates:
    """Return points along public streets on the ground, one in each square of a lattice.

    Parameters
    ----------
    land
        Metres; None means everywhere.
    spacing_m
        Side of the squares; widened until there are at most `most` points.
    """
    usable = (
        network.flags.street & network.flags.ground & network.access.edge & (network.rank < ISLAND)
    )
    edge = np.flatnonzero(usable)
    if land is not None:
        shapely.prepare(land)
        edge = edge[shapely.intersects(land, network.lines[edge])]
    lengths = shapely.length(network.lines[edge])
    pieces = np.maximum(np.ceil(lengths / (spacing_m / 2)), 1).astype(np.int64)
    which = np.repeat(np.arange(edge.size), pieces)
    nth = np.arange(which.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    share = (nth + 0.5) / pieces[which]
    points = shapely.get_coordinates(
        shapely.line_interpolate_point(network.lines[edge[which]], share, normalized=True)
    )
    inside = np.flatnonzero(_within(land, points))
    chosen, spacing_m = _one_in_each_cell(points[inside], spacing_m, most)
    chosen = inside[chosen]
    on = edge[which[chosen]].astype(np.int32)
    snaps = SnappedPoints(on, share[chosen] * network.length[on], np.zeros(chosen.size))
    none = np.empty(0, np.int64)
    return Candidates(
        points[chosen], np.arange(chosen.size), snaps, none, spacing_m=float(spacing_m)
    )


def building_candidates(
    demand: DemandPoints,
    land: shapely.Geometry | None,
    spacing_m: float = CANDIDATE_SPACING_M,
    most: int = MAX_SITING_CANDIDATES,
) -> Candidates:
    """Return the buildings on the network, all or, where they are too many, one in each square.

    Parameters
    ----------
    demand
        All buildings around, inhabited or not.
    land
        Metres; None means everywhere.
    """
    usable = np.flatnonzero(_within(land, demand.points) & ~demand.off_network)
    side: float | None = None
    if usable.size > most:
        chosen, side = _one_in_each_cell(demand.points[usable], spacing_m, most)
        usable = usable[chosen]
    chosen_homes = demand.select(usable)
    return Candidates(
        chosen_homes.points,
        chosen_homes.owner,
        chosen_homes.snaps,
        chosen_homes.building,
        spacing_m=side,
    )


def file_candidates(
    network: Network,
    places: Sequence[CandidatePlace],
    land: shapely.Geometry | None,
    most: int = MAX_SITING_CANDIDATES,
) -> Candidates:
    """Return the places of a file that lie in the land.

    Parameters
    ----------
    land
        Metres; None means everywhere.

    Raises
    ------
    TooLarge
        They are more than `most`.
    """
    shapes = shapely.transform(
        np.array([candidate.shape for candidate in places], object),
        lambda xy: network.to_metric(xy[:, 0], xy[:, 1]),
    )
    points = shapely.get_coordinates(shapely.point_on_surface(shapes)).reshape(-1, 2)
    inside = np.flatnonzero(_within(land, points))
    if inside.size > most:
        raise TooLarge("siting.too_many_candidates", count=inside.size, high=most)
    parts, owner = shapely.get_parts(shapes[inside], return_index=True)
    areas = shapely.get_dimensions(parts) == 2
    parts[areas] = shapely.get_exterior_ring(parts[areas])
    return Candidates(
        points[inside],
        owner.astype(np.int64),
        network.snap(parts),
        np.empty(0, np.int64),
        [places[number] for number in inside.tolist()],
    )


def home_table(
    network: Network,
    sources: SnappedPoints,
    owner: NDArray[np.int64],
    count: int,
    homes: DemandPoints,
    limit_m: float,
) -> csr_array:
    """Return the table of `walking_table` from buildings, each by its best door."""
    by_door = walking_table(network, sources, owner, count, homes.snaps, limit_m).tocoo()
    rows = homes.owner[by_door.row]
    order = np.lexsort((by_door.data, by_door.col, rows))
    rows, columns, metres = rows[order], by_door.col[order], by_door.data[order]
    best = np.ones(rows.size, bool)
    best[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    return csr_array(
        (metres[best], (rows[best], columns[best])), shape=(len(homes.building), count)
    )


def walking_table(
    network: Network,
    sources: SnappedPoints,
    owner: NDArray[np.int64],
    count: int,
    places: SnappedPoints,
    limit_m: float,
) -> csr_array:
    """Return the walking distances from places to facilities or candidates.

    Parameters
    ----------
    sources
        Doors on the network.
    owner
        Number of the facility or candidate of each door.
    count
        How many facilities or candidates there are.
    limit_m
        Longer walks are not stored.

    Returns
    -------
    csr_array
        Metres, shape (places, count), by the best door; at least LEAST_M.
    """
    rows, columns, metres = [], [], []
    edge = np.maximum(places.edge, 0)
    order = np.argsort(places.edge, kind="stable")
    low, high = np.searchsorted(
        places.edge[order], np.stack([sources.edge, sources.edge + 1]), "left"
    )
    for begin in range(0, len(sources), SOURCES_AT_A_TIME):
        number = np.arange(begin, min(begin + SOURCES_AT_A_TIME, len(sources)))
        number = number[sources.edge[number] >= 0]
        if not number.size:
            continue
        at_nodes = node_distances(network, sources[number], limit_m)
        reached: NDArray[np.bool_] = np.asarray(np.isfinite(at_nodes).any(axis=0))
        is_reached = reached[network.u[edge]] | reached[network.v[edge]]
        for door in number.tolist():
            is_reached[order[low[door] : high[door]]] = True
        home = np.flatnonzero(is_reached & (places.edge >= 0))
        by_u = at_nodes[:, network.u[edge[home]]] + places.offset[home]
        by_v = at_nodes[:, network.v[edge[home]]] + (
            network.length[edge[home]] - places.offset[home]
        )
        walks = np.minimum(by_u, by_v) + places.leg[home]
        for row, door in enumerate(number.tolist()):
            shared = order[low[door] : high[door]]
            if shared.size:
                along = np.abs(places.offset[shared] - sources.offset[door])
                column = np.searchsorted(home, shared)
                walks[row, column] = np.minimum(
                    walks[row, column], along + places.leg[shared] + sources.leg[door]
                )
        door_of, place_of = np.nonzero(walks <= limit_m)
        rows.append(home[place_of])
        columns.append(owner[number[door_of]])
        metres.append(walks[door_of, place_of])
    if not rows:
        return csr_array((len(places), count))
    return _least_by_pair(
        np.concatenate(rows), np.concatenate(columns), np.concatenate(metres), (len(places), count)
    )


def nearest_of(table: csr_array) -> Floats:
    """Return the least distance of each row of a walking table; infinite where none is stored."""
    nearest = np.full(table.shape[0], np.inf)
    pairs = table.tocoo()
    np.minimum.at(nearest, pairs.row, pairs.data)
    return nearest


def _least_by_pair(rows: Ints, columns: Ints, metres: Floats, shape: tuple[int, int]) -> csr_array:
    """Return the sparse table with the least value of each pair."""
    order = np.lexsort((metres, columns, rows))
    rows, columns, metres = rows[order], columns[order], np.maximum(metres[order], LEAST_M)
    is_least = np.ones(rows.size, bool)
    is_least[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    return coo_array((metres[is_least], (rows[is_least], columns[is_least])), shape=shape).tocsr()


def _within(land: shapely.Geometry | None, points: Floats) -> NDArray[np.bool_]:
    if land is None:
        return np.ones(len(points), bool)
    shapely.prepare(land)
    covered: NDArray[np.bool_] = shapely.intersects_xy(land, points[:, 0], points[:, 1])
    return covered


def _one_in_each_cell(points: Floats, side_m: float, most: int) -> tuple[Ints, float]:
    """Return a point near the middle of each square, and the side that leaves at most `most`."""
    chosen = np.arange(len(points))
    while True:
        cell = np.floor(points[chosen] / side_m).astype(np.int64)
        away = np.hypot(*(points[chosen] - (cell + 0.5) * side_m).T)
        order = np.lexsort((away, cell[:, 1], cell[:, 0]))
        sorted_cells = cell[order]
        is_first = np.ones(order.size, bool)
        is_first[1:] = (sorted_cells[1:] != sorted_cells[:-1]).any(axis=1)
        chosen = chosen[order[is_first]]
        if chosen.size <= most:
            return chosen, side_m
        side_m *= CELL_GROWTH
