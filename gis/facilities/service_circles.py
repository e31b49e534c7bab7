"""Service circles: computed, stored, and recomputed only where their input has changed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID, copy_rows
from gis.errors import NotFound
from gis.facilities.accessibility import (
    FacilityEntrances,
    read_demand_points,
    read_facility_entrances,
)
from gis.facilities.by_county import spread_circles
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.circle_runs import CIRCLE_MINUTES, read_snapshot, store_run
from gis.facilities.circles import (
    Circle,
    box_ewkt,
    compute_circles,
    origin_digests,
    require_limit,
    walk_bbox,
)
from gis.facilities.demand_memory import demand_around
from gis.network.build import Network
from gis.network.loading import load_network
from gis.network.profile_table import find_profile
from gis.network.profiled import for_profile, network_for
from gis.network.profiles import WalkingProfile
from gis.network.walk import network_distances
from gis.spread import reading, spread_of

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
    minutes: Sequence[int] = CIRCLE_MINUTES,
    profile_name: str = "adult",
    progress: Progress | None = None,
) -> RecomputeResult:
    """Update the stored circles to the present facilities, network and homes.

    Parameters
    ----------
    minutes
        Limits, 1 to 60.
    profile_name
        A walking profile.
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
    requested = tuple(sorted({require_limit(value) for value in minutes}))
    profile = find_profile(session, profile_name)
    # one run at a time
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('service_circle'))"))
    state = reading(session)
    counted_in = read_snapshot(state)  # before all that is computed from
    network = network_for(state, profile_name)
    demand = read_demand_points(state, network)
    entrances = read_facility_entrances(state, network)
    stored = _read_digests(session, profile_name, network.version)
    limits = {*requested, *(limit for by_limit in stored.values() for limit in by_limit)}
    digests = {
        limit: list(origin_digests(demand, entrances, limit * 60 * profile.speed_m_s, profile))
        for limit in sorted(limits)
    }
    _delete_stale(session, stored, digests, requested, entrances, profile_name)
    changed = [
        i
        for i, facility_id in enumerate(entrances.id.tolist())
        if any(stored.get(facility_id, {}).get(limit) != digests[limit][i] for limit in requested)
    ]
    spread = spread_of(session)
    computed: Iterable[tuple[int, list[Circle]]]
    if spread is None:
        computed = (
            (i, compute_circles(network, demand, entrances, i, requested, profile.speed_m_s))
            for i in changed
        )
    else:
        computed = spread_circles(spread, network, profile, entrances, changed, requested)
    _store(session, _rows(network, entrances, computed, profile, digests, len(changed), progress))
    # circles of other limits are outdated once the network has changed
    removed = session.execute(
        text("DELETE FROM service_circle WHERE profile = :profile AND network_version <> :version"),
        {"profile": profile_name, "version": network.version},
    ).rowcount  # type: ignore[attr-defined]
    store_run(session, profile_name, network.version, counted_in)
    off = tuple(code for i, code in enumerate(entrances.code) if entrances.off_network(i))
    islands = tuple(code for i, code in enumerate(entrances.code) if entrances.island(i))
    return RecomputeResult(
        len(entrances.code), len(changed), len(entrances.code) - len(changed), removed, off, islands
    )


def _read_digests(session: Session, profile_name: str, version: str) -> dict[int, dict[int, str]]:
    """Read the origin digests of the stored circles of a network, by facility id and limit."""
    rows = session.execute(
        text(
            "SELECT facility_id, minutes, origin_digest FROM service_circle"
            " WHERE profile = :profile AND network_version = :version"
        ),
        {"profile": profile_name, "version": version},
    )
    stored: dict[int, dict[int, str]] = {}
    for facility_id, limit, digest in rows:
        stored.setdefault(facility_id, {})[limit] = digest
    return stored


def _delete_stale(
    session: Session,
    stored: dict[int, dict[int, str]],
    digests: dict[int, list[str]],
    requested: Sequence[int],
    entrances: FacilityEntrances,
    profile_name: str,
) -> None:
    """Delete circles of limits not requested whose facility or homes have changed."""
    stale = [
        {"id": facility_id, "minutes": limit, "profile": profile_name}
        for limit, by_facility in digests.items()
        if limit not in requested
        for facility_id, digest in zip(entrances.id.tolist(), by_facility, strict=True)
        if stored.get(facility_id, {}).get(limit, digest) != digest
    ]
    if stale:
        session.execute(
            text(
                "DELETE FROM service_circle WHERE facility_id = :id AND minutes = :minutes"
                " AND profile = :profile"
            ),
            stale,
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
    profile = find_profile(session, profile_name)
    require_limit(minutes)
    network = for_profile(load_network(session), profile)
    entrances = read_facility_entrances(session, network, code=code)
    if not entrances.code:
        raise NotFound("facility.unknown_code", code=code)
    speed = profile.speed_m_s
    demand = demand_around(session, network, entrances.shape, minutes * 60 * speed)
    return compute_circles(network, demand, entrances, 0, (minutes,), speed)[0]


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
    speed = find_profile(session, "adult").speed_m_s
    limit = minutes * 60 * speed
    bbox = box_ewkt(*walk_bbox((lon, lat, lon, lat), limit))
    entrances = read_facility_entrances(session, network, bbox=bbox)
    if not entrances.code:
        return []
    by_door = network_distances(network, network.snap_degrees(lon, lat), entrances.snaps, limit)
    metres = entrances.best(by_door)
    best: dict[str, int] = {}
    for i in np.argsort(metres, kind="stable"):
        if np.isfinite(metres[i]):
            best.setdefault(str(entrances.category[i]), int(i))
    rows = session.execute(
        text("""
            SELECT id, name, ST_X(p), ST_Y(p)
            FROM facility
            CROSS JOIN LATERAL (SELECT coalesce(entrance, ST_PointOnSurface(geom)) AS p) q
            WHERE id = ANY(:ids)
        """),
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


def _rows(
    network: Network,
    entrances: FacilityEntrances,
    computed: Iterable[tuple[int, list[Circle]]],
    profile: WalkingProfile,
    digests: dict[int, list[str]],
    total: int,
    progress: Progress | None,
) -> Iterator[tuple[object, ...]]:
    for done, (i, circles) in enumerate(computed, 1):
        for circle in circles:
            hexed = shapely.to_wkb(
                shapely.set_srid(circle.shape, STORAGE_SRID), hex=True, include_srid=True
            )
            yield (
                int(entrances.id[i]),
                profile.name,
                circle.minutes,
                profile.speed_m_s,
                circle.network_version,
                digests[circle.minutes][i],
                circle.off_network,
                circle.households,
                circle.people,
                circle.buildings,
                circle.island,
                hexed,
            )
        if progress:
            progress(done, total)


CIRCLE_COLUMNS = (
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


def _store(session: Session, rows: Iterator[tuple[object, ...]]) -> None:
    """Replace circles through COPY into a temporary table, in one order whoever computed them."""
    session.execute(text("DROP TABLE IF EXISTS new_circle"))
    session.execute(
        text("CREATE TEMP TABLE new_circle (LIKE service_circle INCLUDING DEFAULTS) ON COMMIT DROP")
    )
    copy_rows(session, "new_circle", CIRCLE_COLUMNS, rows)
    session.execute(
        text(
            "DELETE FROM service_circle s USING new_circle n"
            " WHERE (s.facility_id, s.profile, s.minutes) = (n.facility_id, n.profile,"
            " n.minutes)"
        )
    )
    session.execute(
        text("INSERT INTO service_circle SELECT * FROM new_circle ORDER BY facility_id, minutes")
    )
    session.execute(text("DROP TABLE new_circle"))
