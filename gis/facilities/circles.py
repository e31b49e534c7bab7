"""The computation of service circles from the network, facilities and homes."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely import MultiPolygon

from gis import crs
from gis.db import STORAGE_SRID
from gis.errors import InvalidInput
from gis.facilities.accessibility import (
    DemandPoints,
    FacilityEntrances,
)
from gis.network.build import Network
from gis.network.isochrone import CONTOUR_FORM, contour_reach, isochrones
from gis.network.profiles import WalkingProfile
from gis.network.snapping import MAX_SNAP_DISTANCE_M, Shapes
from gis.network.walk import network_distances, node_distances
from gis.shapes.local_distance import widen_bbox

MAX_MINUTES = 60
Minutes = TypeVar("Minutes", int, float)


@dataclass(frozen=True)
class Circle:
    """A service circle: geometry in EPSG:4490, and who lives within its limit by exact distance."""

    minutes: int
    speed_m_s: float
    shape: MultiPolygon
    households: int
    people: int
    buildings: int
    off_network: bool
    island: bool
    network_version: str


def require_limit(minutes: Minutes) -> Minutes:
    """Return a limit in minutes.

    Raises
    ------
    InvalidInput
        It is not 1 to MAX_MINUTES.
    """
    if not 1 <= minutes <= MAX_MINUTES:
        raise InvalidInput("circle.minutes_out_of_range", high=MAX_MINUTES, minutes=minutes)
    return minutes


def compute_circles(
    network: Network,
    demand: DemandPoints,
    entrances: FacilityEntrances,
    i: int,
    minutes: Sequence[int],
    speed: float,
) -> list[Circle]:
    """Return the circles of the facility with index i.

    One Dijkstra run serves the geometries and the homes.
    """
    sources, doors = entrances.snaps[entrances.of(i)], entrances.door[entrances.of(i)]
    limits = [limit_minutes * 60 * speed for limit_minutes in minutes]
    reach = contour_reach(network, max(limits))
    at_nodes = node_distances(network, sources, reach, nearest_only=True)
    shapes = isochrones(network, sources, limits, doors, at_nodes)
    metres = demand.best(network_distances(network, sources, demand.snaps, max(limits), at_nodes))
    return [
        Circle(
            limit_minutes,
            speed,
            shape,
            int(demand.households[metres <= limit].sum()),
            int(demand.people[metres <= limit].sum()),
            int((metres <= limit).sum()),
            entrances.off_network(i),
            entrances.island(i),
            network.version,
        )
        for limit_minutes, limit, shape in zip(minutes, limits, shapes, strict=True)
    ]


def reachable_box(shapes: Shapes, limit: float) -> tuple[float, float, float, float]:
    """Return the box of all that can be reached from some places, legs included; metres."""
    reach = limit + 2 * MAX_SNAP_DISTANCE_M
    # of places without any shape a box where nobody lives
    west, south, east, north = np.nan_to_num(shapely.total_bounds(shapes)).tolist()
    return west - reach, south - reach, east + reach, north + reach


def reachable_from(shapes: Shapes, network: Network, limit: float) -> str:
    """Return the box of all that can be reached from some places, legs included; degrees, EWKT."""
    west, south, east, north = reachable_box(shapes, limit)
    x, y = [west, east, west, east], [south, south, north, north]
    lon, lat = crs.get_transformer(network.epsg, STORAGE_SRID).transform(x, y)
    return box_ewkt(min(lon), min(lat), max(lon), max(lat))


def origin_digests(
    demand: DemandPoints, entrances: FacilityEntrances, reach: float, profile: WalkingProfile
) -> Iterator[str]:
    """Yield a digest of what each facility's circles depend on, apart from the network.

    That is its location, the profile, the homes in reach and how contours are drawn.
    """
    tree = cKDTree(demand.doors) if len(demand.doors) else None
    table = np.column_stack(
        [demand.doors, demand.households[demand.owner], demand.people[demand.owner]]
    )
    for shape in entrances.shape:
        neighbours = []
        if tree is not None and not shape.is_empty:
            centre, radius = (
                shapely.centroid(shape),
                reach + shapely.minimum_bounding_radius(shape) + 200,
            )
            neighbours = sorted(tree.query_ball_point((centre.x, centre.y), radius))
        sha = hashlib.sha256(shapely.to_wkb(shape))
        sha.update(CONTOUR_FORM + profile.key.encode())
        sha.update(np.ascontiguousarray(table[neighbours]).tobytes())
        yield sha.hexdigest()[:16]


def walk_bbox(
    bounds: tuple[float, float, float, float], reach_m: float
) -> tuple[float, float, float, float]:
    """Return the box of all within a walk of a box or point, legs included; degrees, EPSG:4490."""
    return widen_bbox(bounds, reach_m + 2 * MAX_SNAP_DISTANCE_M)


def box_ewkt(west: float, south: float, east: float, north: float) -> str:
    """Return a box in degrees, EPSG:4490, as EWKT."""
    ring = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
    return f"SRID={STORAGE_SRID};POLYGON(({ring}))"
