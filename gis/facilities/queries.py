"""Queries of facilities and of their service circles."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import shapely
from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from gis.areas.identity import find_area_id
from gis.areas.models import Boundary
from gis.db import STORAGE_SRID
from gis.errors import NotFound, Unavailable
from gis.facilities.circle_runs import in_step
from gis.facilities.demand_memory import keep
from gis.facilities.models import Facility, ServiceCircle
from gis.facilities.service_circles import compute
from gis.kinds import Kind
from gis.network.edits import find_edits
from gis.network.profiled import network_for

UNSTORED_MINUTES = 14  # a limit whose circles nobody stores


@dataclass(frozen=True)
class FacilityRow:
    """A facility.

    Attributes
    ----------
    kind, kind_zh
        Key and name of the kind of its category that people added; None if there is none.
    capacity
        In the unit of its category; None: nobody stated it.
    version
        One more with every change on a page.
    lon, lat
        Its entrance if known, else a point inside it; degrees, EPSG:4490.
    """

    code: str
    category: str
    kind: str | None
    kind_zh: str | None
    name: str
    address: str
    opening_hours: str
    contact: str
    capacity: int | None
    county: str | None
    version: int
    lon: float
    lat: float


@dataclass(frozen=True)
class CircleRow:
    """A service circle, stored or just computed.

    Attributes
    ----------
    speed
        Walking speed, metres a second.
    households, people, buildings
        Counts within the limit by exact distance; buildings is None if they were not counted.
    off_network, island
        Whether there is no street within 100 m, or only ways that lead nowhere; the circle is then
        empty.
    geometry
        GeoJSON text, longitude first, outer rings counter-clockwise.
    """

    minutes: int
    profile: str
    speed: float
    households: int
    people: int
    buildings: int | None
    off_network: bool
    island: bool
    network_version: str
    computed_at: datetime
    geometry: str


def facilities(
    session: Session,
    *,
    category: str | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    area: str | None = None,
    at: datetime,
    cursor: str | None = None,
    limit: int = 100,
) -> list[FacilityRow]:
    """List facilities by code.

    Parameters
    ----------
    category
        Only this key of `gis.facilities.categories`, or of a kind that people added.
    bbox
        Only facilities that touch this rectangle: west, south, east, north, degrees, EPSG:4490.
    area
        Only facilities whose location lies in the area with this code.
    at
        Moment whose boundary of that area applies.
    cursor
        Continue after this code.

    Raises
    ------
    NotFound
        No area has that code.
    """
    query = _rows()
    if category is not None:
        query = query.where((Facility.category == category) | (Kind.key == category))
    if bbox is not None:
        query = query.where(
            func.ST_Intersects(Facility.geom, func.ST_MakeEnvelope(*bbox, STORAGE_SRID))
        )
    if area is not None:
        area_id = find_area_id(session, area)
        if area_id is None:
            raise NotFound("facility.area_unknown", code=area)
        # the rectangle first, by the index; then the location itself
        query = query.where(
            exists().where(
                Boundary.geom.op("&&")(Facility.geom),
                func.ST_Covers(Boundary.geom, _location()),
                Boundary.area_id == func.any(func.in_counties(array([area_id]))),
                Boundary.in_force(at),
            )
        )
    if cursor is not None:
        query = query.where(Facility.code > cursor)
    return [
        FacilityRow(*row) for row in session.execute(query.order_by(Facility.code).limit(limit))
    ]


def facility(session: Session, code: str) -> FacilityRow:
    """Return one facility.

    Raises
    ------
    NotFound
        No facility has this code.
    """
    row = session.execute(_rows().where(Facility.code == code)).first()
    if row is None:
        raise NotFound("facility.unknown", code=code)
    return FacilityRow(*row)


def circle(session: Session, code: str, minutes: int, profile: str = "adult") -> CircleRow:
    """Return the service circle of a facility.

    Parameters
    ----------
    minutes
        1 to 60.
    profile
        A walking profile.

    Raises
    ------
    NotFound
        No facility has this code.
    InvalidInput
        The limit or the profile is not possible.
    Unavailable
        No walking network is loaded.

    Notes
    -----
    The stored circle where nothing has changed since stored ones were computed, else a new one,
    which is not stored.
    """
    stored = _stored(session, code, minutes, profile)
    if stored is not None:
        return stored
    computed = compute(session, code, minutes, profile)
    return CircleRow(
        minutes=minutes,
        profile=profile,
        speed=computed.speed_m_s,
        households=computed.households,
        people=computed.people,
        buildings=computed.buildings,
        off_network=computed.off_network,
        island=computed.island,
        network_version=computed.network_version,
        computed_at=datetime.now(UTC),
        geometry=shapely.to_geojson(shapely.orient_polygons(computed.shape)),
    )


def warm(session: Session) -> None:
    """Read into this process what circles are computed from, and compute one, if that is possible.

    For the processes that this one forks: they share it.
    """
    code = session.scalar(select(func.min(Facility.code)))
    with suppress(Unavailable):  # no walking network is loaded
        network = network_for(session, "adult")
        network.lattice.snap_all(network)
        keep(session, network)
        if code is not None:
            circle(session, code, UNSTORED_MINUTES)


def _stored(session: Session, code: str, minutes: int, profile: str) -> CircleRow | None:
    try:
        # with the edits in force: a circle of before they were stated is none of now
        version = find_edits(session).version
    except Unavailable:
        return None  # computing it says what is wrong
    row = session.execute(
        select(
            ServiceCircle.minutes,
            ServiceCircle.profile,
            ServiceCircle.speed_m_s,
            ServiceCircle.households,
            ServiceCircle.people,
            ServiceCircle.buildings,
            ServiceCircle.off_network,
            ServiceCircle.island,
            ServiceCircle.network_version,
            ServiceCircle.computed_at,
            func.ST_AsGeoJSON(func.ST_ForcePolygonCCW(ServiceCircle.geom), 7, 0),
        )
        .join(Facility)
        .where(
            Facility.code == code,
            ServiceCircle.network_version == version,
            ServiceCircle.minutes == minutes,
            ServiceCircle.profile == profile,
            in_step(profile, version),
        )
    ).first()
    return None if row is None else CircleRow(*row)


def _location() -> ColumnElement[object]:
    return func.coalesce(Facility.entrance, func.ST_PointOnSurface(Facility.geom))


def _rows() -> Select[Any]:
    columns: tuple[Any, ...] = (
        Facility.code,
        Facility.category,
        Kind.key,
        Kind.zh,
        Facility.name,
        Facility.address,
        Facility.opening_hours,
        Facility.contact,
        Facility.capacity,
        Facility.county,
        Facility.version,
        func.ST_X(_location()),
        func.ST_Y(_location()),
    )
    return select(*columns).outerjoin_from(Facility, Kind, Kind.id == Facility.kind_id)
