"""What a household reaches on foot: facilities around a place by walking time, and walks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import numpy as np
import shapely
from shapely import LineString, MultiPolygon
from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID
from gis.errors import NotFound
from gis.facilities.accessibility import read_facility_entrances
from gis.facilities.categories import CATEGORIES
from gis.facilities.circles import MAX_MINUTES, box_ewkt, walk_bbox
from gis.facilities.hours import is_open
from gis.network.build import Network
from gis.network.isochrone import isochrones
from gis.network.paths import shortest_walk
from gis.network.profiles import ADULT, WalkingProfile
from gis.network.snapping import Floats
from gis.network.walk import network_distances
from gis.places.address import parse_address
from gis.places.doors import doors_sql
from gis.places.lookup import NamedBuilding, find_named

RINGS = (5, 10, 15)  # minutes
MAX_NAMED = 5  # buildings that a refusal lists

# The doors of a building: a walk begins at the best. The one named, or the one that the point lies
# on or is a door of; each is found by an index.
BUILDING_SQL = text(f"""
SELECT b.code, b.name, b.estate, ST_X(p.point) AS lon, ST_Y(p.point) AS lat,
  ST_AsBinary({doors_sql("building", "b")}) AS doors
FROM (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), :srid) AS point) at
CROSS JOIN LATERAL (
  SELECT id FROM building WHERE code = :code
  UNION
  SELECT id FROM building WHERE CAST(:code AS text) IS NULL AND ST_Covers(geom, at.point)
  UNION
  SELECT building_id FROM entrance
  WHERE CAST(:code AS text) IS NULL AND geom ~= at.point AND removed_at IS NULL
) meant
JOIN building b ON b.id = meant.id
CROSS JOIN LATERAL (SELECT coalesce(b.entrance, ST_Centroid(b.geom)) AS point) p
ORDER BY p.point <-> at.point, b.code
LIMIT 1
""")  # noqa: S608  ours

NEARBY_FACILITIES_SQL = text("""
SELECT f.id, f.code, f.name, f.address, f.contact, f.opening_hours,
  ST_X(p.point) AS lon, ST_Y(p.point) AS lat
FROM facility f
CROSS JOIN LATERAL (SELECT coalesce(f.entrance, ST_PointOnSurface(f.geom)) AS point) p
WHERE f.id = ANY(:ids)
""")


@dataclass(frozen=True)
class Start:
    """Where a walk begins.

    Attributes
    ----------
    lon, lat
        Degrees, EPSG:4490: the main door of the building, else the point itself.
    building, name
        Code and name of the building; None and empty if the point lies on none.
    doors
        Longitudes and latitudes of all its doors; empty where none is known.
    """

    lon: float
    lat: float
    building: str | None = None
    name: str = ""
    doors: tuple[tuple[float, float], ...] = ()

    @property
    def places(self) -> Floats:
        """Where a walk may begin, degrees, shape (n, 2)."""
        return np.array(self.doors or [(self.lon, self.lat)])

    def as_json(self) -> dict[str, object]:
        """Return the start as the API shows it."""
        return {name: getattr(self, name) for name in ("lon", "lat", "building", "name")}


@dataclass(frozen=True)
class NearbyFacility:
    """A facility within a walk.

    Attributes
    ----------
    minutes, walk_m
        Time and metres on foot, legs at both ends included.
    within
        The smallest ring that holds it, minutes; None beyond the last.
    open
        Whether it is open at the moment; None if its hours do not tell.
    lon, lat
        Its entrance if known, else a point inside it; degrees, EPSG:4490.
    """

    code: str
    name: str
    minutes: float
    walk_m: float
    within: int | None
    open: bool | None
    opening_hours: str
    telephone: str
    address: str
    lon: float
    lat: float


@dataclass(frozen=True)
class NearbyCategory:
    """The facilities of a category within a walk, nearest first."""

    category: str
    category_zh: str
    category_en: str
    items: list[NearbyFacility]


@dataclass(frozen=True)
class Nearby:
    """What is reached from a place.

    Attributes
    ----------
    off_network, island
        Whether no street lies within 100 m, or only ways that lead nowhere; nothing is then
        reached.
    categories
        All categories in the order of lists, also those without facilities within the walk.
    """

    start: Start
    off_network: bool
    island: bool
    categories: list[NearbyCategory]


@dataclass(frozen=True)
class WalkTo:
    """The shortest walk to a facility; its line is in degrees, EPSG:4490."""

    code: str
    name: str
    walk_m: float
    minutes: float
    line: LineString


def find_start(
    session: Session, at: datetime, *, point: tuple[float, float] | None, address: str = ""
) -> Start:
    """Return where a walk begins: the doors of the building that is named or stood on.

    Parameters
    ----------
    at
        Moment whose boundaries apply.
    point
        Longitude and latitude, degrees, EPSG:4490. None needs an address.
    address
        As `locate` reads it. Of several buildings that it may mean, the nearest to the point.

    Raises
    ------
    NotFound
        `nearby.address_unknown`, `nearby.address_ambiguous`: no building, or several, and no point.
    """
    named = find_named(session, parse_address(address), at) if address.strip() else []
    if point is None:
        if not named:
            raise NotFound("nearby.address_unknown", address=address)
        if len(named) > 1:
            names = [building.estate + building.name for building in named]
            raise NotFound("nearby.address_ambiguous", address=address, names=names[:MAX_NAMED])
        point = named[0].lon, named[0].lat
    code = _nearest_of(named, *point).code if named else None
    row = session.execute(
        BUILDING_SQL, {"code": code, "lon": point[0], "lat": point[1], "srid": STORAGE_SRID}
    ).first()
    if row is None:
        return Start(*point)
    doors = shapely.get_coordinates(None if row.doors is None else shapely.from_wkb(row.doors))
    return Start(
        row.lon, row.lat, row.code, row.estate + row.name, tuple(map(tuple, doors.tolist()))
    )


def _nearest_of(named: list[NamedBuilding], lon: float, lat: float) -> NamedBuilding:
    shrink = np.cos(np.radians(lat))
    return min(
        named, key=lambda building: ((building.lon - lon) * shrink) ** 2 + (building.lat - lat) ** 2
    )


def find_nearby(
    session: Session,
    network: Network,
    start: Start,
    *,
    minutes: int = RINGS[-1],
    profile: WalkingProfile = ADULT,
    at: datetime,
    timezone: tzinfo,
) -> Nearby:
    """Return the facilities within a walk by category, with time, metres and whether they are open.

    Parameters
    ----------
    minutes
        Limit of the walk at the profile's speed.
    at
        Moment at which they are open or closed.
    timezone
        Where they stand.

    Notes
    -----
    `network` is the profile's own (`gis.network.profiled.network_for`); its metres are those on the
    level that take as long.
    """
    speed = profile.speed_m_s
    limit = minutes * 60 * speed
    snaps = network.snap_degrees(*start.places.T)
    off = bool((snaps.edge < 0).all())
    by_category: dict[str, list[NearbyFacility]] = {}
    if not off:
        (west, south), (east, north) = start.places.min(axis=0), start.places.max(axis=0)
        bbox = box_ewkt(*walk_bbox((west, south, east, north), limit))
        entrances = read_facility_entrances(session, network, bbox=bbox)
        metres = entrances.best(network_distances(network, snaps, entrances.snaps, limit))
        within = [i for i in np.argsort(metres, kind="stable").tolist() if metres[i] <= limit]
        rows = session.execute(
            NEARBY_FACILITIES_SQL, {"ids": [int(entrances.id[i]) for i in within]}
        ).mappings()
        row_by_id = {row["id"]: row for row in rows}
        for i in within:
            by_category.setdefault(str(entrances.category[i]), []).append(
                _item(row_by_id[int(entrances.id[i])], float(metres[i]), speed, at, timezone)
            )
    categories = [
        NearbyCategory(category.key, category.zh, category.en, by_category.get(category.key, []))
        for category in sorted(CATEGORIES, key=lambda category: category.rank)
    ]
    island = off and bool(snaps.island.any())
    return Nearby(start, off and not island, island, categories)


def _item(
    row: RowMapping, metres: float, speed: float, at: datetime, timezone: tzinfo
) -> NearbyFacility:
    minutes = metres / speed / 60
    return NearbyFacility(
        row["code"],
        row["name"],
        round(minutes, 1),
        round(metres, 1),
        next((ring for ring in RINGS if minutes <= ring), None),
        is_open(row["opening_hours"], at, timezone),
        row["opening_hours"],
        row["contact"],
        row["address"],
        row["lon"],
        row["lat"],
    )


def reach(
    network: Network, start: Start, minutes: Sequence[int] = RINGS, profile: WalkingProfile = ADULT
) -> list[MultiPolygon]:
    """Return the areas within some minutes' walk of a place, EPSG:4490; empty off the network."""
    speed = profile.speed_m_s
    return isochrones(
        network,
        network.snap_degrees(*start.places.T),
        [limit * 60 * speed for limit in minutes],
        network.to_metric(*start.places.T),
    )


def walk_to(
    session: Session, network: Network, start: Start, code: str, profile: WalkingProfile = ADULT
) -> WalkTo:
    """Return the shortest walk from a place to a facility.

    Raises
    ------
    NotFound
        `facility.unknown`; `walk.start_off_network`, `walk.facility_off_network`, `walk.no_way`:
        no walk of at most an hour leads there.
    """
    speed = profile.speed_m_s
    row = session.execute(
        text(
            "SELECT name, ST_AsEWKT(ST_Expand(geom, 1e-7)) AS box FROM facility WHERE code = :code"
        ),
        {"code": code},
    ).first()
    if row is None:
        raise NotFound("facility.unknown", code=code)
    entrances = read_facility_entrances(session, network, bbox=row.box)
    number = entrances.code.index(code)
    doors = entrances.of(number)
    snaps = network.snap_degrees(*start.places.T)
    if (snaps.edge < 0).all():
        raise NotFound("walk.start_off_network")
    if (entrances.snaps[doors].edge < 0).all():
        raise NotFound("walk.facility_off_network", name=row.name or code)
    places = network.to_metric(*start.places.T)
    walks = [
        shortest_walk(
            network,
            snaps[i : i + 1],
            places[i],
            entrances.snaps[doors],
            entrances.door[doors],
            MAX_MINUTES * 60 * speed,
        )
        for i in range(len(places))
    ]
    walk = min((walk for walk in walks if walk), key=lambda walk: walk.length_m, default=None)
    if walk is None:
        raise NotFound("walk.no_way", name=row.name or code, minutes=MAX_MINUTES)
    return WalkTo(
        code,
        row.name,
        round(walk.length_m, 1),
        round(walk.length_m / speed / 60, 1),
        shapely.force_2d(walk.line),
    )
