"""Where an incident is: from a point, an address or the code of an area to its areas."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.explanation import DecisionStep
from gis.areas.locate_result import LocateRequest, LocateResult
from gis.areas.models import Level
from gis.areas.resolver import parse_point, resolve_request
from gis.areas.snapshot import RegistrySnapshot
from gis.db import cached_text
from gis.errors import NotFound, invalid_field
from gis.incidents.routing.decisions import step
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
    asked: dict[str, Any]
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


IDS = """
SELECT id, level, code, name FROM area WHERE code = ANY(:codes)
UNION ALL SELECT id, 'building', code, name FROM building WHERE code = :building
"""


INSIDE = """
SELECT a.name, a.level, ST_X(p.spot) AS lon, ST_Y(p.spot) AS lat
FROM area a LEFT JOIN LATERAL (
  SELECT ST_PointOnSurface(b.shape) AS spot FROM boundary b WHERE b.area_id = a.id AND b.valid @> CAST(:at AS timestamptz)
  UNION ALL
  SELECT ST_PointOnSurface(h.shape) FROM unit_part u JOIN building h ON h.id = u.building_id WHERE u.unit_id = a.id
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

    Args:
        lon, lat: Degrees in `crs`, one of `gis.crs.SUPPORTED_CRS`.
        area: Code of a grid, unit or an area above; of one above a grid, nobody below it is asked.
        register: As for `gis.areas.resolver.locate`.

    Raises:
        InvalidInput: None of the three is given, or it cannot be right, or the address may mean several places.
        OutsideGrids: No grid answers for the point. NotFound: No area has the code.
    """
    how: list[DecisionStep] = []
    asked: dict[str, Any] = {}
    part_of: str | None = None
    unit: str | None = None
    if lon is not None or lat is not None:
        if lon is None or lat is None:
            missing = "lon" if lon is None else "lat"
            raise invalid_field(missing, "location.coordinate_missing")
        if not crs:
            raise invalid_field("crs", "location.crs_missing")
        asked = {"lon": lon, "lat": lat, "crs": crs}
    elif area:
        row = session.execute(text(INSIDE), {"code": area, "at": at}).one_or_none()
        if row is None or row.lon is None:
            raise NotFound("location.area_unknown", code=area[:40])
        how.append(step("point", "area", code=area, name=row.name))
        asked = {"area": area}
        part_of = area if row.level not in (Level.GRID, Level.UNIT) else None
        unit = area if row.level == Level.UNIT else None
        lon, lat, crs = row.lon, row.lat, "cgcs2000"
    elif address:
        lon, lat, name, part_of = _by_address(session, address, at)
        how.append(step("point", "address", name=name))
        asked, crs = {"address": address}, "cgcs2000"
    else:
        raise invalid_field("lon", "location.missing")
    question = LocateRequest(float(lon), float(lat), str(crs), address or None, at)
    x, y = parse_point(question)
    found = resolve_request(lambda: session, question, register)
    unit = unit or (found.unit.code if found.unit else None)
    codes = [one.code for one in found.areas] + ([unit] if unit else [])
    if part_of in codes:
        codes = codes[: codes.index(part_of) + 1]
    building = found.building.code if found.building and part_of is None else None
    wanted = [*codes, found.areas[-1].code]
    ids = {row[2]: row for row in session.execute(cached_text(IDS), {"codes": wanted, "building": building})}
    where = IncidentLocation(
        x, y, asked, tuple((row[0], row[1], row[2], row[3]) for row in (ids[code] for code in codes)),
        ids[found.areas[-1].code][0], ids[unit][0] if unit in codes else None, ids[building][0] if building else None,
        found.revision,
    )  # fmt: skip
    return where, found, [*how, *(one for one in found.how if one.step != "answerable")]


def _by_address(session: Session, address: str, at: datetime) -> tuple[float, float, str, str | None]:
    """A point of the building that an address names, and what it is called.

    Where it names no single building but an estate, a community or a street, a point of the smallest area that holds
    what it names, and the code of that area.
    """
    reading = parse_address(address)
    named = [one for one in find_named(session, reading, at, estates=True) if one.areas]
    if len(named) == 1 and named[0].naming and not reading.beside:
        name = reading.house if named[0].naming is Naming.HOUSE else named[0].estate + named[0].name
        return named[0].lon, named[0].lat, name, None
    common = [code for code in named[0].areas if all(code in one.areas for one in named)] if named else []
    sure = named and (
        named[0].naming is not Naming.NUMBER or named[0].named_areas or len(common) == len(named[0].areas)
    )
    code = (common[-1] if sure and len(common) > 1 else None) if named else named_area(session, reading.text, at)
    if code is not None:
        row = session.execute(text(INSIDE), {"code": code, "at": at}).one()
        if row.lon is not None:
            return row.lon, row.lat, row.name, code
        if named:
            return named[0].lon, named[0].lat, row.name, code
    if not named:
        raise invalid_field("address", "location.address_unknown", address=address[:60])
    several = "; ".join(one.estate + one.name for one in named[:5])
    raise invalid_field("address", "location.address_ambiguous", places=several)
