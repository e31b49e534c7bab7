"""The check-up sheet of a community (完整社区体检): each item of a standard against the data.

What a visit said (`gis.facilities.checkup_visits`) stands beside it and never replaces it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import NotFound, Unavailable
from gis.facilities.accessibility import (
    DemandPoints,
    FacilityEntrances,
    read_demand_points,
    read_facility_entrances,
)
from gis.facilities.circles import box_ewkt, walk_bbox
from gis.facilities.standard_editions import EDITIONS
from gis.facilities.standards import COMPLETE, Standard
from gis.network.build import Network
from gis.network.loading import load_network
from gis.network.snapping import Floats
from gis.network.walk import nearest_source_distances

MAX_NAMED_PLACES = 20  # facilities and buildings named in an item; the others are counted

# The land of a community: its own shape, and those of its grids.
LAND_CTE = """
WITH RECURSIVE down AS (
  SELECT id, level FROM area WHERE id = :area
  UNION
  SELECT a.id, a.level FROM area a JOIN down ON a.parent_id = down.id WHERE a.level = 'grid'
), land AS (
  SELECT b.geom
  FROM boundary b
  JOIN down ON down.id = b.area_id
  WHERE b.valid_time @> CAST(:at AS timestamptz)
)
"""
BOX_SQL = (
    LAND_CTE
    + """
SELECT min(ST_XMin(geom)), min(ST_YMin(geom)), max(ST_XMax(geom)), max(ST_YMax(geom)) FROM land
"""
)
CHECKUP_BUILDINGS_SQL = (
    LAND_CTE
    + """
SELECT b.id, b.code, b.estate || b.name AS name, count(*) AS households, sum(h.people) AS people
FROM building b
JOIN household h ON h.building_id = b.id
WHERE EXISTS (SELECT FROM land WHERE ST_Covers(land.geom, ST_PointOnSurface(b.geom)))
GROUP BY b.id
"""
)
CHECKUP_FACILITIES_SQL = (
    LAND_CTE
    + """
SELECT f.id, f.code, f.category, f.name, ST_X(p.location) AS lon, ST_Y(p.location) AS lat,
  EXISTS (SELECT FROM land WHERE ST_Covers(land.geom, p.location)) AS inside
FROM facility f
CROSS JOIN LATERAL (
  SELECT coalesce(f.entrance, ST_PointOnSurface(f.geom)) AS location
) p
WHERE f.geom && ST_GeomFromEWKT(:box)
ORDER BY f.code
"""
)
LOADED_CATEGORIES_SQL = """
SELECT DISTINCT category FROM facility WHERE county IS NULL OR county = :county
"""


@dataclass(frozen=True)
class Community:
    """The community that is looked at."""

    id: int
    code: str
    name: str
    county: str


@dataclass(frozen=True)
class NearFacility:
    """A facility that serves an item.

    Attributes
    ----------
    inside
        Whether it stands in the community.
    walk_m
        Metres on foot from the nearest home of the community; None beyond the distance of the
        item, or without a network.
    """

    code: str
    category: str
    name: str
    lon: float
    lat: float
    inside: bool
    walk_m: float | None


@dataclass(frozen=True)
class LeftOutBuilding:
    """A building whose homes are farther from an item than its distance."""

    code: str
    name: str
    households: int
    people: int


@dataclass(frozen=True)
class Finding:
    """What the data say of an item.

    Attributes
    ----------
    result
        have, have_not or cannot_say.
    reason
        Of cannot_say: visit_only, none_loaded, no_land, no_homes, no_network or off_network.
    facilities, facility_count
        Those in the community or within the distance of one of its homes, nearest first; at most
        MAX_NAMED_PLACES of them.
    reached, beyond, off_network
        Households and people; None where the item has no distance, or nothing can be measured.
    left_out, left_out_count
        Buildings beyond the distance, most people first; at most MAX_NAMED_PLACES of them.
    """

    standard: Standard
    result: str
    reason: str = ""
    facilities: tuple[NearFacility, ...] = ()
    facility_count: int = 0
    reached: tuple[int, int] | None = None
    beyond: tuple[int, int] | None = None
    off_network: tuple[int, int] | None = None
    left_out: tuple[LeftOutBuilding, ...] = ()
    left_out_count: int = 0


@dataclass(frozen=True)
class CheckupSheet:
    """The check-up sheet of a community.

    Attributes
    ----------
    households, people
        Of the whole community.
    network_version
        None while no network is loaded.
    """

    community: Community
    tier: str
    edition: int
    households: int
    people: int
    network_version: str | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Surroundings:
    """What all items of a sheet are measured on; without a network only `facilities` is filled."""

    facilities: dict[int, NearFacility]
    loaded: frozenset[str]
    has_land: bool
    homes: dict[int, LeftOutBuilding]
    network: Network | None = None
    demand: DemandPoints | None = None
    entrances: FacilityEntrances | None = None
    facility_m: dict[int, float] | None = None


def find_community(session: Session, code: str) -> Community:
    """Return the community with a code.

    Raises
    ------
    NotFound
        No community has it, or it is retired.
    """
    row = session.execute(
        text(
            "SELECT id, code, name, county FROM area WHERE code = :code AND level = 'community'"
            " AND (retired_at IS NULL OR retired_at > now())"
        ),
        {"code": code},
    ).first()
    if row is None:
        raise NotFound("checkup.community_unknown", code=code[:40])
    return Community(*row)


def check_up(
    session: Session, community: Community, at: datetime, tier: str = COMPLETE
) -> CheckupSheet:
    """Return the check-up sheet of a community by the standards in force.

    Parameters
    ----------
    at
        Moment whose boundaries count.
    tier
        A key of `gis.facilities.standards.TIERS`.

    Raises
    ------
    Unavailable
        No table of standards is loaded.

    Notes
    -----
    An adult walks, on the network as it is loaded. A facility serves an item if it is of one of
    the item's categories and stands in the community, or within the item's distance of one of its
    homes. Whether it is large enough is for a visit to say.
    """
    edition_id = EDITIONS.active_id(session)
    items = [row for row in EDITIONS.rows(session, edition_id) if row.tier == tier]
    longest = max((row.limit_m or 0.0 for row in items), default=0.0)
    around = _read_surroundings(session, community, at, longest)
    return CheckupSheet(
        community,
        tier,
        edition_id,
        sum(home.households for home in around.homes.values()),
        sum(home.people for home in around.homes.values()),
        around.network.version if around.network else None,
        tuple(_look(item, around) for item in items),
    )


def _read_surroundings(
    session: Session, community: Community, at: datetime, longest: float
) -> _Surroundings:
    """Read homes, facilities and their distances, as far as the longest distance of an item."""
    params = {"area": community.id, "at": at}
    bounds = session.execute(text(BOX_SQL), params).one()
    loaded = frozenset(session.scalars(text(LOADED_CATEGORIES_SQL), {"county": community.county}))
    if bounds[0] is None:
        return _Surroundings({}, loaded, False, {})
    homes = {
        row.id: LeftOutBuilding(row.code, row.name or row.code, row.households, row.people)
        for row in session.execute(text(CHECKUP_BUILDINGS_SQL), params)
    }
    box = box_ewkt(*walk_bbox(bounds, longest))
    rows = session.execute(text(CHECKUP_FACILITIES_SQL), params | {"box": box}).all()
    facilities = {
        row.id: NearFacility(row.code, row.category, row.name, row.lon, row.lat, row.inside, None)
        for row in rows
    }
    try:
        network = load_network(session)
    except Unavailable:
        return _Surroundings(facilities, loaded, True, homes)
    everyone = read_demand_points(session, network, box_ewkt(*bounds))
    demand = everyone.select(np.flatnonzero(np.isin(everyone.building, sorted(homes))))
    entrances = read_facility_entrances(session, network, bbox=box)
    by_door = nearest_source_distances(network, demand.snaps, entrances.snaps, longest)
    facility_m = dict(zip(entrances.id.tolist(), entrances.best(by_door).tolist(), strict=True))
    return _Surroundings(facilities, loaded, True, homes, network, demand, entrances, facility_m)


def _look(item: Standard, around: _Surroundings) -> Finding:
    """Return what the data say of an item."""
    if not item.categories:
        return Finding(item, "cannot_say", "visit_only")
    facilities = _near(item, around)
    listed = tuple(facilities[:MAX_NAMED_PLACES])
    reach = None if item.limit_m is None else _reach(item, around)
    if facilities:
        result, reason = "have", ""
    else:
        reason = _why_unknown(item, around)
        result = "cannot_say" if reason else "have_not"
    if reach is None or result == "cannot_say":
        return Finding(item, result, reason, listed, len(facilities))
    within, off, buildings = reach
    beyond = [around.homes[building] for building in buildings[~within & ~off].tolist()]
    beyond.sort(key=lambda home: (-home.people, home.code))
    assert around.demand is not None
    reached, left_out, off_network = (
        (int(around.demand.households[which].sum()), int(around.demand.people[which].sum()))
        for which in (within, ~within & ~off, off)
    )
    return Finding(
        item,
        result,
        reason,
        listed,
        len(facilities),
        reached,
        left_out,
        off_network,
        tuple(beyond[:MAX_NAMED_PLACES]),
        len(beyond),
    )


def _near(item: Standard, around: _Surroundings) -> list[NearFacility]:
    """List the facilities that serve an item: by walk, those without one last."""
    facilities = []
    for number, facility in around.facilities.items():
        if facility.category not in item.categories:
            continue
        metres = np.inf if around.facility_m is None else around.facility_m.get(number, np.inf)
        within = item.limit_m is not None and metres <= item.limit_m
        if facility.inside or within:
            walk_m = round(metres, 1) if within else None
            facilities.append(replace(facility, walk_m=walk_m))
    return sorted(facilities, key=lambda one: (one.walk_m is None, one.walk_m or 0.0, one.code))


def _reach(
    item: Standard, around: _Surroundings
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]] | None:
    """Return which buildings with homes are within the distance, which are off the network, ids.

    None when there is nothing to measure.
    """
    if around.network is None or around.demand is None or around.entrances is None:
        return None
    if not around.homes or item.limit_m is None:
        return None
    serving = np.isin(around.entrances.category, np.array(item.categories, np.str_))
    sources = around.entrances.snaps[serving[around.entrances.owner]]
    metres: Floats = nearest_source_distances(
        around.network, sources, around.demand.snaps, item.limit_m
    )
    within = np.isfinite(around.demand.best(metres))
    return within, around.demand.off_network, around.demand.building


def _why_unknown(item: Standard, around: _Surroundings) -> str:
    """Return why the absence of a facility says nothing; empty when it does."""
    if not around.has_land:
        return "no_land"
    if not around.loaded.intersection(item.categories):
        return "none_loaded"
    if item.limit_m is None:
        return ""
    if not around.homes:
        return "no_homes"
    if around.network is None or around.demand is None:
        return "no_network"
    return "off_network" if around.demand.off_network.all() else ""
