"""Where an incident is: from a point, an address or the code of an area to its areas."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.explanation import DecisionStep, routing_step
from gis.areas.locate_result import LocateRequest, LocateResult
from gis.areas.models import Level
from gis.areas.resolver import locate, parse_point
from gis.areas.snapshot import RegistrySnapshot
from gis.db import cached_text, point_ewkt
from gis.errors import NotFound, invalid_field
from gis.places.address import parse_address
from gis.places.lookup import find_named, named_area
from gis.places.naming import Naming


@dataclass(frozen=True)
class IncidentLocation:
    """Where a matter is: lon, lat in degrees, EPSG:4490; its areas top down; who sits where.

    areas: (id, level, code, name), county first, the unit last when known.
    """

    lon: float
    lat: float
    location_input: dict[str, Any]
    areas: tuple[tuple[int, str, str, str], ...]
    grid_id: int
    unit_id: int | None
    building_id: int | None
    revision: int

    @property
    def area_ids(self) -> list[int]:
        """The ids of its areas."""
        return [area[0] for area in self.areas]

    @property
    def county(self) -> str:
        """Code of its county."""
        return self.areas[0][2]

    @property
    def columns(self) -> dict[str, Any]:
        """What an incident stores of it."""
        return {
            "geom": point_ewkt(self.lon, self.lat),
            "location_input": self.location_input,
            "area_ids": self.area_ids,
            "grid_id": self.grid_id,
            "unit_id": self.unit_id,
            "building_id": self.building_id,
            "revision_id": self.revision,
        }


# raw SQL: on the way of every report
LOCATION_IDS_SQL = """
SELECT id, level, code, name FROM area WHERE code = ANY(:codes)
UNION ALL SELECT id, 'building', code, name FROM building WHERE code = :building
"""


# raw SQL for its LATERAL
INSIDE = """
SELECT a.name, a.level, ST_X(p.spot) AS lon, ST_Y(p.spot) AS lat
FROM area a LEFT JOIN LATERAL (
  SELECT ST_PointOnSurface(b.geom) AS spot FROM boundary b WHERE b.area_id = a.id
      AND b.valid_time @> CAST(:at AS timestamptz)
  UNION ALL
  SELECT ST_PointOnSurface(h.geom) FROM unit_part u JOIN building h ON h.id = u.building_id
      WHERE u.unit_id = a.id
  LIMIT 1) p ON true
WHERE a.code = :code AND (a.retired_at IS NULL OR a.retired_at > :at)
"""


def resolve_location(
    session: Session,
    at: datetime,
    *,
    lon: float | None = None,
    lat: float | None = None,
    crs: str | None = None,
    address: str = "",
    area: str = "",
    register: RegistrySnapshot | None = None,
) -> tuple[IncidentLocation, LocateResult, list[DecisionStep]]:
    """Find the place of a matter by its point, else its address, else the code of an area.

    Returns the place, what `locate` answers for it, and how it was found.

    Parameters
    ----------
    lon, lat
        Degrees in `crs`, one of `gis.crs.SUPPORTED_CRS`.
    area
        Code of a grid, unit or an area above; of one above a grid, nobody below it is asked.
    register
        As for `gis.areas.resolver.locate`.

    Raises
    ------
    InvalidInput
        None of the three is given, or it cannot be right, or the address may mean several places.
    OutsideGrids
        No grid answers for the point.
    NotFound
        No area has the code.
    """
    point = _input_point(session, at, lon, lat, crs, address, area)
    x, y = parse_point(LocateRequest(point.lon, point.lat, point.crs))
    located = locate(
        session, point.lon, point.lat, point.crs, address=address or None, at=at, snapshot=register
    )
    unit = point.unit_code or (located.unit.code if located.unit else None)
    codes = [item.code for item in located.areas] + ([unit] if unit else [])
    if point.upper_area in codes:
        codes = codes[: codes.index(point.upper_area) + 1]
    building = located.building.code if located.building and point.upper_area is None else None
    ids = _ids(session, {*codes, located.areas[-1].code}, building, register)
    location = IncidentLocation(
        x,
        y,
        point.submitted,
        tuple((row[0], row[1], row[2], row[3]) for row in (ids[code] for code in codes)),
        ids[located.areas[-1].code][0],
        ids[unit][0] if unit in codes else None,
        ids[building][0] if building else None,
        located.revision,
    )
    return (
        location,
        located,
        [*point.explanation, *(item for item in located.how if item.step != "answerable")],
    )


def _ids(
    session: Session, codes: set[str], building: str | None, register: RegistrySnapshot | None
) -> dict[str, tuple[int, str, str, str]]:
    """Return id, level, code and name of areas and a building by code, from memory if they are."""
    if register is not None:
        known = register.area_by_code
        if known.keys() >= codes and (building is None or building in register.building_ids):
            result = {code: known[code][:4] for code in codes}
            if building is not None:
                row = (register.building_ids[building], "building", building, "")
                result[building] = row
            return result
    params = {"codes": list(codes), "building": building}
    rows = session.execute(cached_text(LOCATION_IDS_SQL), params)
    return {row[2]: (row[0], row[1], row[2], row[3]) for row in rows}


class _InputPoint(NamedTuple):
    """The point that a report stands for.

    submitted: As it was given. upper_area: Code of the area above a grid that it stands for.
    unit_code: Of the unit that it stands for.
    """

    lon: float
    lat: float
    crs: str
    submitted: dict[str, Any]
    explanation: list[DecisionStep]
    upper_area: str | None = None
    unit_code: str | None = None


def _input_point(
    session: Session,
    at: datetime,
    lon: float | None,
    lat: float | None,
    crs: str | None,
    address: str,
    area: str,
) -> _InputPoint:
    if lon is not None or lat is not None:
        if lon is None or lat is None:
            raise invalid_field("lon" if lon is None else "lat", "location.coordinate_missing")
        if not crs:
            raise invalid_field("crs", "location.crs_missing")
        return _InputPoint(
            float(lon), float(lat), str(crs), {"lon": lon, "lat": lat, "crs": crs}, []
        )
    if area:
        row = session.execute(text(INSIDE), {"code": area, "at": at}).one_or_none()
        if row is None or row.lon is None:
            raise NotFound("location.area_unknown", code=area[:40])
        return _InputPoint(
            row.lon,
            row.lat,
            "cgcs2000",
            {"area": area},
            [routing_step("point", "area", code=area, name=row.name)],
            area if row.level not in (Level.GRID, Level.UNIT) else None,
            area if row.level == Level.UNIT else None,
        )
    if address:
        x, y, name, upper_area = _by_address(session, address, at)
        explanation = [routing_step("point", "address", name=name)]
        return _InputPoint(x, y, "cgcs2000", {"address": address}, explanation, upper_area)
    raise invalid_field("lon", "location.missing")


def _by_address(
    session: Session, address: str, at: datetime
) -> tuple[float, float, str, str | None]:
    """Return a point of the building that an address names, its name and an area's code.

    Degrees, EPSG:4490.

    Where it names no single building but an estate, a community or a street, a point of the
    smallest area that holds what it names, and the code of that area.

    Raises
    ------
    InvalidInput
        It names nothing that is known, or several places.
    """
    reading = parse_address(address)
    named = [match for match in find_named(session, reading, at, estates=True) if match.areas]
    if len(named) == 1 and named[0].naming and not reading.beside:
        name = reading.house if named[0].naming is Naming.HOUSE else named[0].estate + named[0].name
        return named[0].lon, named[0].lat, name, None
    common = (
        [code for code in named[0].areas if all(code in match.areas for match in named)]
        if named
        else []
    )
    sure = named and (
        named[0].naming is not Naming.NUMBER
        or named[0].named_areas
        or len(common) == len(named[0].areas)
    )
    code = (
        (common[-1] if sure and len(common) > 1 else None)
        if named
        else named_area(session, reading.text, at)
    )
    if code is not None:
        row = session.execute(text(INSIDE), {"code": code, "at": at}).one()
        if row.lon is not None:
            return row.lon, row.lat, row.name, code
        if named:
            return named[0].lon, named[0].lat, row.name, code
    if not named:
        raise invalid_field("address", "location.address_unknown", address=address[:60])
    several = "; ".join(match.estate + match.name for match in named[:5])
    raise invalid_field("address", "location.address_ambiguous", places=several)
