"""Facilities: lists, one, and the service circle of one."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import shapely
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from gis.areas.models import Area, Boundary
from gis.db import STORAGE_SRID
from gis.errors import NotFound
from gis.facilities.models import Facility, ServiceCircle
from gis.facilities.service_circles import compute
from gis.network.build import load_network
from gis.network.models import WalkNetwork


@dataclass(frozen=True)
class FacilityRow:
    """A facility.

    `lon`, `lat`: its entrance when known, else a place inside it; degrees, EPSG:4490.
    """

    code: str
    category: str
    name: str
    address: str
    opening_hours: str
    contact: str
    county: str | None
    lon: float
    lat: float


@dataclass(frozen=True)
class CircleRow:
    """A service circle, stored or computed now.

    speed: Metres a second. households, people, buildings: Within the limit by exact distance;
    buildings None where none were counted. off_network, island: No street within 100 m, or only
    ways that lead nowhere; the circle is then empty. geometry: GeoJSON text (longitude first, outer
    rings counter-clockwise).
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
    after: str | None = None,
    limit: int = 100,
) -> list[FacilityRow]:
    """List facilities by code.

    Parameters
    ----------
    category
        Only this key of `gis.facilities.categories`.
    bbox
        Only those touching this rectangle: west, south, east, north, degrees, EPSG:4490.
    area
        Only those whose place lies in the area with this code.
    at
        The moment whose boundary of that area counts.
    after
        Go on behind this code.

    Raises
    ------
    NotFound
        No area has that code.
    """
    asked = _rows()
    if category is not None:
        asked = asked.where(Facility.category == category)
    if bbox is not None:
        asked = asked.where(
            func.ST_Intersects(Facility.geom, func.ST_MakeEnvelope(*bbox, STORAGE_SRID))
        )
    if area is not None:
        area_id = session.scalar(select(Area.id).where(Area.code == area))
        if area_id is None:
            raise NotFound("facility.area_unknown", code=area)
        # the rectangle first, by the index; then the place itself
        asked = asked.join(
            Boundary,
            Boundary.geom.op("&&")(Facility.geom) & func.ST_Covers(Boundary.geom, _place()),
        ).where(Boundary.area_id == area_id, Boundary.in_force(at))
    if after is not None:
        asked = asked.where(Facility.code > after)
    return [
        FacilityRow(*row) for row in session.execute(asked.order_by(Facility.code).limit(limit))
    ]


def facility(session: Session, code: str) -> FacilityRow:
    """One facility.

    Raises
    ------
    NotFound
        None has this code.
    """
    found = session.execute(_rows().where(Facility.code == code)).first()
    if found is None:
        raise NotFound("facility.unknown", code=code)
    return FacilityRow(*found)


def circle(session: Session, code: str, minutes: int, profile: str = "adult") -> CircleRow:
    """The circle of a facility: the stored one when it was computed on today's network, else
    computed now.

    Parameters
    ----------
    minutes
        1 to 60.
    profile
        Who walks, a key of `gis.network.walk.PROFILES`.

    Raises
    ------
    NotFound
        No facility has this code.
    InvalidInput
        The limit or the profile is not possible.
    Unavailable
        No walking network is loaded.
    """
    stored = _stored(session, code, minutes, profile)
    if stored is not None:
        return stored
    now = compute(session, code, minutes, profile)
    return CircleRow(
        minutes=minutes,
        profile=profile,
        speed=now.speed,
        households=now.households,
        people=now.people,
        buildings=now.buildings,
        off_network=now.off_network,
        island=now.island,
        network_version=load_network(session).version,
        computed_at=datetime.now(UTC),
        geometry=shapely.to_geojson(shapely.orient_polygons(now.shape)),
    )


def _stored(session: Session, code: str, minutes: int, profile: str) -> CircleRow | None:
    found = session.execute(
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
        .join(WalkNetwork, WalkNetwork.version == ServiceCircle.network_version)
        .where(
            Facility.code == code,
            ServiceCircle.minutes == minutes,
            ServiceCircle.profile == profile,
        )
    ).first()
    return None if found is None else CircleRow(*found)


def _place() -> ColumnElement[object]:
    return func.coalesce(Facility.entrance, func.ST_PointOnSurface(Facility.geom))


def _rows() -> Select[Any]:
    return select(
        Facility.code,
        Facility.category,
        Facility.name,
        Facility.address,
        Facility.opening_hours,
        Facility.contact,
        Facility.county,
        func.ST_X(_place()),
        func.ST_Y(_place()),
    )
