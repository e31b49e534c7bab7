"""Service circles: computed, stored, and recomputed only where their input has changed."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely import MultiPolygon
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import crs
from gis.db import STORAGE_SRID, copy_rows
from gis.errors import InvalidInput, NotFound
from gis.facilities.accessibility import (
    DemandPoints,
    FacilityEntrances,
    read_demand_points,
    read_facility_entrances,
)
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.network.build import Network, load_network
from gis.network.isochrone import isochrones
from gis.network.snapping import MAX_SNAP_DISTANCE_M
from gis.network.walk import get_profile, network_distances

MINUTES = (5, 10, 15)
MAX_MINUTES = 60
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class RecomputeResult:
    """The result of a run.

    Attributes
    ----------
    facilities, recomputed, unchanged, removed
        Counts.
    off_network, islands
        Codes of the facilities off the network, and on islands of it.
    """

    facilities: int
    recomputed: int
    unchanged: int
    removed: int
    off_network: tuple[str, ...]
    islands: tuple[str, ...]


@dataclass(frozen=True)
class Circle:
    """A service circle: geometry in EPSG:4490, and who lives within its limit by exact distance."""

    minutes: int
    speed: float
    shape: MultiPolygon
    households: int
    people: int
    buildings: int
    off_network: bool
    island: bool


@dataclass(frozen=True)
class NearestFacility:
    """The nearest facility of a category: walking metres and minutes, and its location."""

    category: str
    category_zh: str
    code: str
    name: str
    walk_m: float
    minutes: float
    lon: float
    lat: float


def recompute(
    session: Session,
    minutes: Sequence[int] = MINUTES,
    profile_name: str = "adult",
    progress: Progress | None = None,
) -> RecomputeResult:
    """Update the stored circles to the present facilities, network and homes.

    Parameters
    ----------
    minutes
        Limits, 1 to 60.
    profile_name
        A key of `gis.network.walk.PROFILES`.
    progress
        Called with (done, total).

    Raises
    ------
    InvalidInput
        A limit or the profile is not possible.
    Unavailable
        No walking network is loaded.

    Notes
    -----
    A circle is left alone if the version of the network, the location of its facility, the speed
    and the homes around it are unchanged. Circles of other limits and profiles stay, unless they
    are outdated.
    """
    requested = tuple(sorted({_limit(value) for value in minutes}))
    speed = get_profile(profile_name).speed_m_s
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext('service_circle'))")
    )  # one run at a time
    network = load_network(session)
    demand, entrances = (
        read_demand_points(session, network),
        read_facility_entrances(session, network),
    )
    stored: dict[int, dict[int, str]] = {}
    for facility, limit, digest in session.execute(
        text(
            "SELECT facility_id, minutes, origin_digest FROM service_circle"
            " WHERE profile = :profile AND network_version = :version"
        ),
        {"profile": profile_name, "version": network.version},
    ):
        stored.setdefault(facility, {})[limit] = digest
    limits = sorted({*requested, *(limit for limits in stored.values() for limit in limits)})
    digests = {
        limit: list(_digests(demand, entrances, limit * 60 * speed, speed)) for limit in limits
    }
    stale = [
        {"id": facility_id, "minutes": limit}
        for facility_id, digest in zip(
            entrances.id.tolist(), zip(*digests.values(), strict=True), strict=True
        )
        for limit, value in zip(limits, digest, strict=True)
        if limit not in requested and stored.get(facility_id, {}).get(limit, value) != value
    ]
    if stale:  # circles of other limits whose facility or homes have changed
        session.execute(
            text(
                "DELETE FROM service_circle WHERE facility_id = :id AND minutes = :minutes"
                " AND profile = :profile"
            ),
            [{**row, "profile": profile_name} for row in stale],
        )
    changed = [
        i
        for i, facility_id in enumerate(entrances.id.tolist())
        if any(stored.get(facility_id, {}).get(limit) != digests[limit][i] for limit in requested)
    ]
    _store(
        session,
        _rows(network, demand, entrances, changed, requested, profile_name, digests, progress),
        requested,
        profile_name,
    )
    # circles of other limits are outdated once the network has changed
    removed = session.execute(
        text("DELETE FROM service_circle WHERE profile = :profile AND network_version <> :version"),
        {"profile": profile_name, "version": network.version},
    ).rowcount  # type: ignore[attr-defined]
    off = tuple(code for i, code in enumerate(entrances.code) if entrances.off_network(i))
    islands = tuple(code for i, code in enumerate(entrances.code) if entrances.island(i))
    return RecomputeResult(
        len(entrances.code), len(changed), len(entrances.code) - len(changed), removed, off, islands
    )


def compute(session: Session, code: str, minutes: int, profile_name: str = "adult") -> Circle:
    """Compute one circle of one facility, without storing it.

    Raises
    ------
    NotFound
        No facility has this code.
    InvalidInput
        The limit or the profile is not possible.
    Unavailable
        No walking network is loaded.
    """
    speed = get_profile(profile_name).speed_m_s
    _limit(minutes)
    network = load_network(session)
    bbox = session.scalar(
        text("SELECT ST_AsEWKT(ST_Expand(shape, 1e-7)) FROM facility WHERE code = :code"),
        {"code": code},
    )
    if bbox is None:
        raise NotFound("facility.unknown_code", code=code)
    entrances = read_facility_entrances(session, network, bbox=bbox)
    i = entrances.code.index(code)
    return _circles(
        network,
        read_demand_points(session, network, _around(entrances, i, network, minutes * 60 * speed)),
        entrances,
        i,
        (minutes,),
        speed,
    )[0]


def nearest_facilities(
    session: Session, network: Network, lon: float, lat: float, minutes: float = 15
) -> list[NearestFacility]:
    """List the nearest facility of each category within a walk, nearest first.

    Parameters
    ----------
    lon, lat
        Degrees, EPSG:4490.
    minutes
        Limit at the adult profile's speed.

    Notes
    -----
    Distances are exact: the legs at both ends and partial edges count. Empty if the point is more
    than 100 m from any street.
    """
    speed = get_profile("adult").speed_m_s
    limit = minutes * 60 * speed
    reach_lat = limit / 111_000 + 0.001
    reach_lon = reach_lat / np.cos(np.radians(lat))
    bbox = _box_ewkt(lon - reach_lon, lat - reach_lat, lon + reach_lon, lat + reach_lat)
    entrances = read_facility_entrances(session, network, bbox=bbox)
    if not entrances.code:
        return []
    by_door = network_distances(network, network.snap_degrees(lon, lat), entrances.snaps, limit)
    metres = np.full(len(entrances.code), np.inf)
    np.minimum.at(metres, entrances.owner, by_door)
    best: dict[str, int] = {}
    for i in np.argsort(metres, kind="stable"):
        if np.isfinite(metres[i]):
            best.setdefault(str(entrances.category[i]), int(i))
    rows = session.execute(
        text("""SELECT id, name, ST_X(p), ST_Y(p) FROM facility
                CROSS JOIN LATERAL (SELECT coalesce(entrance, ST_PointOnSurface(shape)) AS p) q WHERE id = ANY(:ids)"""),
        {"ids": [int(entrances.id[i]) for i in best.values()]},
    )
    named = {row[0]: row for row in rows}
    return [
        NearestFacility(
            category,
            CATEGORY_BY_KEY[category].zh if category in CATEGORY_BY_KEY else category,
            entrances.code[i],
            named[int(entrances.id[i])][1],
            round(float(metres[i]), 1),
            round(float(metres[i]) / speed / 60, 1),
            *named[int(entrances.id[i])][2:],
        )
        for category, i in best.items()
    ]


def _limit(minutes: int) -> int:
    if not 1 <= minutes <= MAX_MINUTES:
        raise InvalidInput("circle.minutes_out_of_range", high=MAX_MINUTES, minutes=minutes)
    return minutes


def _circles(
    network: Network,
    demand: DemandPoints,
    entrances: FacilityEntrances,
    i: int,
    minutes: Sequence[int],
    speed: float,
) -> list[Circle]:
    """Return the circles of the facility with index i.

    One Dijkstra run for the geometries, one for the homes.
    """
    sources = entrances.snaps[entrances.of(i)]
    limits = [limit_minutes * 60 * speed for limit_minutes in minutes]
    shapes = isochrones(network, sources, limits, entrances.door[entrances.of(i)])
    metres = network_distances(network, sources, demand.snaps, max(limits))
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
        )
        for limit_minutes, limit, shape in zip(minutes, limits, shapes, strict=True)
    ]


def _around(entrances: FacilityEntrances, i: int, network: Network, limit: float) -> str:
    """Return the box of all that can be reached from a facility, legs included; degrees, EWKT."""
    reach = limit + 2 * MAX_SNAP_DISTANCE_M
    west, south, east, north = shapely.bounds(entrances.shape[i])
    x = [west - reach, east + reach, west - reach, east + reach]
    y = [south - reach, south - reach, north + reach, north + reach]
    lon, lat = crs.get_transformer(network.epsg, STORAGE_SRID).transform(x, y)
    return _box_ewkt(min(lon), min(lat), max(lon), max(lat))


def _digests(
    demand: DemandPoints, entrances: FacilityEntrances, reach: float, speed: float
) -> Iterator[str]:
    """Yield a digest of what each facility's circles depend on, apart from the network.

    That is its location, the speed and the homes in reach.
    """
    tree = cKDTree(demand.points) if len(demand.points) else None
    table = np.column_stack([demand.points, demand.households, demand.people])
    for shape in entrances.shape:
        neighbours = []
        if tree is not None and not shape.is_empty:
            centre, radius = (
                shapely.centroid(shape),
                reach + shapely.minimum_bounding_radius(shape) + 200,
            )
            neighbours = sorted(tree.query_ball_point((centre.x, centre.y), radius))
        sha = hashlib.sha256(shapely.to_wkb(shape))
        sha.update(repr(speed).encode())
        sha.update(np.ascontiguousarray(table[neighbours]).tobytes())
        yield sha.hexdigest()[:16]


def _rows(
    network: Network,
    demand: DemandPoints,
    entrances: FacilityEntrances,
    which: Sequence[int],
    minutes: Sequence[int],
    profile_name: str,
    digests: dict[int, list[str]],
    progress: Progress | None,
) -> Iterator[tuple[object, ...]]:
    speed = get_profile(profile_name).speed_m_s
    for done, i in enumerate(which, 1):
        for circle in _circles(network, demand, entrances, i, minutes, speed):
            hexed = shapely.to_wkb(
                shapely.set_srid(circle.shape, STORAGE_SRID), hex=True, include_srid=True
            )
            yield (
                int(entrances.id[i]),
                profile_name,
                circle.minutes,
                speed,
                network.version,
                digests[circle.minutes][i],
                circle.off_network,
                circle.households,
                circle.people,
                circle.buildings,
                circle.island,
                hexed,
            )
        if progress:
            progress(done, len(which))


COLUMNS = (
    "facility_id",
    "profile",
    "minutes",
    "speed",
    "network_version",
    "origin_digest",
    "off_network",
    "households",
    "people",
    "buildings",
    "island",
    "shape",
)


def _store(
    session: Session, rows: Iterator[tuple[object, ...]], minutes: Sequence[int], profile_name: str
) -> None:
    """Replace circles through COPY into a temporary table."""
    session.execute(text("DROP TABLE IF EXISTS new_circle"))
    session.execute(
        text("CREATE TEMP TABLE new_circle (LIKE service_circle INCLUDING DEFAULTS) ON COMMIT DROP")
    )
    copy_rows(session, "new_circle", COLUMNS, rows)
    session.execute(
        text(
            "DELETE FROM service_circle s USING new_circle n"
            " WHERE (s.facility_id, s.profile, s.minutes) = (n.facility_id, n.profile,"
            " n.minutes)"
        )
    )
    session.execute(text("INSERT INTO service_circle SELECT * FROM new_circle"))
    session.execute(text("DROP TABLE new_circle"))


def _box_ewkt(west: float, south: float, east: float, north: float) -> str:
    ring = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
    return f"SRID={STORAGE_SRID};POLYGON(({ring}))"
