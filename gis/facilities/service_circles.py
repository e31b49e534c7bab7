"""Service circles: computed, stored, and recomputed only where something changed.

The nearest of each category.
"""

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
MAX_MINUTES = 60  # minutes
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class RecomputeResult:
    """What a run did: facilities looked at, recomputed, unchanged, those off the network and on
    islands (codes).
    """

    facilities: int
    recomputed: int
    unchanged: int
    removed: int
    off_network: tuple[str, ...]
    islands: tuple[str, ...]


@dataclass(frozen=True)
class Circle:
    """One circle: its limit, its ground in EPSG:4490, and who lives within it by exact distance."""

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
    """The nearest facility of a category: metres and minutes on foot from door to door, and where
    it is.
    """

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
    """Bring the stored circles in step with facilities, network and homes.

    A circle is left alone when the network's version, its facility's place, the speed and the homes
    near it are what they were. Circles of other limits and profiles stay.

    Parameters
    ----------
    minutes
        Limits, 1 to 60.
    profile_name
        Who walks.
    progress
        Called with (done, total).

    Raises
    ------
    InvalidInput
        A limit or the profile is not possible.
    Unavailable
        No walking network is loaded.
    """
    wanted = tuple(sorted({_limit(one) for one in minutes}))
    speed = get_profile(profile_name).speed
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext('service_circle'))")
    )  # one run at a time
    network = load_network(session)
    living, to = read_demand_points(session, network), read_facility_entrances(session, network)
    stored: dict[int, dict[int, str]] = {}
    for facility, limit, digest in session.execute(
        text(
            "SELECT facility_id, minutes, origin_digest FROM service_circle"
            " WHERE profile = :profile AND network_version = :version"
        ),
        {"profile": profile_name, "version": network.version},
    ):
        stored.setdefault(facility, {})[limit] = digest
    known = sorted({*wanted, *(limit for limits in stored.values() for limit in limits)})
    digests = {limit: list(_digests(living, to, limit * 60 * speed, speed)) for limit in known}
    stale = [
        {"id": place, "minutes": limit}
        for place, digest in zip(to.id.tolist(), zip(*digests.values(), strict=True), strict=True)
        for limit, one in zip(known, digest, strict=True)
        if limit not in wanted and stored.get(place, {}).get(limit, one) != one
    ]
    if stale:  # limits not asked for now, whose facility or homes are others than they were
        session.execute(
            text(
                "DELETE FROM service_circle WHERE facility_id = :id AND minutes = :minutes"
                " AND profile = :profile"
            ),
            [{**one, "profile": profile_name} for one in stale],
        )
    changed = [
        i
        for i, place in enumerate(to.id.tolist())
        if any(stored.get(place, {}).get(limit) != digests[limit][i] for limit in wanted)
    ]
    _store(
        session,
        _rows(network, living, to, changed, wanted, profile_name, digests, progress),
        wanted,
        profile_name,
    )
    # limits nobody asked for now, on another network than today's, would be wrong; they go
    removed = session.execute(
        text("DELETE FROM service_circle WHERE profile = :profile AND network_version <> :version"),
        {"profile": profile_name, "version": network.version},
    ).rowcount  # type: ignore[attr-defined]
    off = tuple(code for i, code in enumerate(to.code) if to.off_network(i))
    islands = tuple(code for i, code in enumerate(to.code) if to.island(i))
    return RecomputeResult(
        len(to.code), len(changed), len(to.code) - len(changed), removed, off, islands
    )


def compute(session: Session, code: str, minutes: int, profile_name: str = "adult") -> Circle:
    """One circle of one facility, now, without storing it.

    Raises
    ------
    NotFound
        There is no facility of that code.
    InvalidInput
        The limit or the profile is not possible.
    Unavailable
        No walking network is loaded.
    """
    speed = get_profile(profile_name).speed
    _limit(minutes)
    network = load_network(session)
    place = session.scalar(
        text("SELECT ST_AsEWKT(ST_Expand(geom, 1e-7)) FROM facility WHERE code = :code"),
        {"code": code},
    )
    if place is None:
        raise NotFound("facility.unknown_code", code=code)
    to = read_facility_entrances(session, network, near=place)
    i = to.code.index(code)
    return _circles(
        network,
        read_demand_points(session, network, _around(to, i, network, minutes * 60 * speed)),
        to,
        i,
        (minutes,),
        speed,
    )[0]


def nearest_facilities(
    session: Session, network: Network, lon: float, lat: float, minutes: float = 15
) -> list[NearestFacility]:
    """The nearest facility of each category within a walk, nearest first.

    Parameters
    ----------
    lon, lat
        Degrees, EPSG:4490.
    minutes
        Limit at the adult profile's speed.

    Exact: legs at both ends and partial edges count. Empty when the place is more than 100 m from
    any street.
    """
    speed = get_profile("adult").speed
    limit = minutes * 60 * speed
    degrees = limit / 111_000 + 0.001
    wide = degrees / np.cos(np.radians(lat))
    box = f"SRID={STORAGE_SRID};POLYGON(({_ring(lon - wide, lat - degrees, lon + wide, lat + degrees)}))"
    to = read_facility_entrances(session, network, near=box)
    if not to.code:
        return []
    by_door = network_distances(network, network.snap_degrees(lon, lat), to.snaps, limit)
    metres = np.full(len(to.code), np.inf)
    np.minimum.at(metres, to.owner, by_door)
    best: dict[str, int] = {}
    for i in np.argsort(metres, kind="stable"):
        if np.isfinite(metres[i]):
            best.setdefault(str(to.category[i]), int(i))
    rows = session.execute(
        text("""SELECT id, name, ST_X(p), ST_Y(p) FROM facility
                CROSS JOIN LATERAL (SELECT coalesce(entrance, ST_PointOnSurface(geom)) AS p) q
                WHERE id = ANY(:ids)"""),
        {"ids": [int(to.id[i]) for i in best.values()]},
    )
    named = {row[0]: row for row in rows}
    return [
        NearestFacility(
            category,
            CATEGORY_BY_KEY[category].zh if category in CATEGORY_BY_KEY else category,
            to.code[i],
            named[int(to.id[i])][1],
            round(float(metres[i]), 1),
            round(float(metres[i]) / speed / 60, 1),
            *named[int(to.id[i])][2:],
        )
        for category, i in best.items()
    ]


def _limit(minutes: int) -> int:
    if not 1 <= minutes <= MAX_MINUTES:
        raise InvalidInput("circle.minutes_out_of_range", high=MAX_MINUTES, minutes=minutes)
    return minutes


def _circles(
    network: Network,
    living: DemandPoints,
    to: FacilityEntrances,
    i: int,
    minutes: Sequence[int],
    speed: float,
) -> list[Circle]:
    """The circles of the facility number i; one Dijkstra for the ground, one for the homes."""
    sources = to.snaps[to.of(i)]
    limits = [one * 60 * speed for one in minutes]
    shapes = isochrones(network, sources, limits, to.door[to.of(i)])
    metres = network_distances(network, sources, living.snaps, max(limits))
    return [
        Circle(
            one,
            speed,
            shape,
            int(living.households[metres <= limit].sum()),
            int(living.people[metres <= limit].sum()),
            int((metres <= limit).sum()),
            to.off_network(i),
            to.island(i),
        )
        for one, limit, shape in zip(minutes, limits, shapes, strict=True)
    ]


def _around(to: FacilityEntrances, i: int, network: Network, limit: float) -> str:
    """A box in degrees (EWKT) round all that can be reached from a facility, and the legs at both
    ends.
    """
    reach = limit + 2 * MAX_SNAP_DISTANCE_M
    west, south, east, north = shapely.bounds(to.shape[i])
    x = [west - reach, east + reach, west - reach, east + reach]
    y = [south - reach, south - reach, north + reach, north + reach]
    lon, lat = crs.get_transformer(network.epsg, STORAGE_SRID).transform(x, y)
    return f"SRID={STORAGE_SRID};POLYGON(({_ring(min(lon), min(lat), max(lon), max(lat))}))"


def _digests(
    living: DemandPoints, to: FacilityEntrances, reach: float, speed: float
) -> Iterator[str]:
    """What each facility's circles depend on, the network's version apart: its place, the speed,
    the homes in reach.
    """
    tree = cKDTree(living.place) if len(living.place) else None
    table = np.column_stack([living.place, living.households, living.people])
    for shape in to.shape:
        near = []
        if tree is not None and not shape.is_empty:
            middle, wide = (
                shapely.centroid(shape),
                reach + shapely.minimum_bounding_radius(shape) + 200,
            )
            near = sorted(tree.query_ball_point((middle.x, middle.y), wide))
        sha = hashlib.sha256(shapely.to_wkb(shape))
        sha.update(repr(speed).encode())
        sha.update(np.ascontiguousarray(table[near]).tobytes())
        yield sha.hexdigest()[:16]


def _rows(
    network: Network,
    living: DemandPoints,
    to: FacilityEntrances,
    which: Sequence[int],
    minutes: Sequence[int],
    profile_name: str,
    digests: dict[int, list[str]],
    progress: Progress | None,
) -> Iterator[tuple[object, ...]]:
    speed = get_profile(profile_name).speed
    for done, i in enumerate(which, 1):
        for circle in _circles(network, living, to, i, minutes, speed):
            hexed = shapely.to_wkb(
                shapely.set_srid(circle.shape, STORAGE_SRID), hex=True, include_srid=True
            )
            yield (
                int(to.id[i]),
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
    "speed_m_s",
    "network_version",
    "origin_digest",
    "off_network",
    "households",
    "people",
    "buildings",
    "island",
    "geom",
)


def _store(
    session: Session, rows: Iterator[tuple[object, ...]], minutes: Sequence[int], profile_name: str
) -> None:
    """Through COPY into a table of this transaction, then over the old rows."""
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


def _ring(west: float, south: float, east: float, north: float) -> str:
    return f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
