"""The buildings that an address may mean, read from the database.

`gis.places.naming` compares them.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from gis.places.address import Address
from gis.places.naming import (
    Naming,
    area_is_named,
    compare,
    label_building,
    other_community,
    stands_in,
)

MAX_COMPARED_BUILDINGS = 2000  # that are compared

# Candidates by number, house, name or estate, those whose estate is named first; each with the
# areas it stands in.
BUILDING_CANDIDATES_SQL = text("""
WITH candidate AS (
  SELECT h.*
  FROM building h
  WHERE (:number <> '' AND h.name ~* :number)
    OR (h.address <> '' AND (
      strpos(:said, lower(h.address)) > 0
      OR (:house <> '' AND strpos(lower(h.address), :house) > 0)))
    OR (length(h.name) > 1 AND h.name !~ '^[0-9]' AND strpos(:said, lower(h.name)) > 0)
    OR (:estates AND h.estate <> '' AND strpos(:said, lower(h.estate)) > 0)
  ORDER BY (h.estate <> '' AND strpos(:said, left(lower(h.estate), 2)) > 0) DESC, h.code
  LIMIT :most
)
SELECT h.code, h.name, h.estate, h.address, ST_X(p.point) AS lon, ST_Y(p.point) AS lat,
  coalesce(up.levels, '{}') AS levels, coalesce(up.codes, '{}') AS codes,
  coalesce(up.names, '{}') AS names
FROM candidate h
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(h.geom) AS point) p
LEFT JOIN LATERAL (
  WITH RECURSIVE up AS (
    SELECT a.id, a.parent_id, a.level, a.code,
      name_at(a.id, a.name, CAST(:at AS timestamptz)) AS name
    FROM grid_at(p.point, CAST(:at AS timestamptz)) a
    UNION ALL
    SELECT a.id, a.parent_id, a.level, a.code, name_at(a.id, a.name, CAST(:at AS timestamptz))
    FROM area a
    JOIN up ON a.id = up.parent_id AND up.level <> 'county'
  )
  SELECT array_agg(level ORDER BY code) AS levels, array_agg(code ORDER BY code) AS codes,
    array_agg(name ORDER BY code) AS names
  FROM up
) up ON true
ORDER BY h.code
""")
NUMERALS = "零一二三四五六七八九"


@dataclass(frozen=True)
class NamedBuilding:
    """A building that an address may mean.

    Attributes
    ----------
    lon, lat
        A point on it, degrees, EPSG:4490.
    areas
        Codes of the areas it stands in, county first.
    named_areas
        Codes of those that the address names.
    naming
        How certain the address names it; NO if it names only the estate.
    """

    code: str
    name: str
    estate: str
    lon: float
    lat: float
    areas: tuple[str, ...]
    named_areas: tuple[str, ...]
    naming: Naming


def find_named(
    session: Session, address: Address, at: datetime, *, estates: bool = False
) -> list[NamedBuilding]:
    """Find the buildings that an address names with the highest certainty.

    Among equally certain ones, those in the areas that the address names.

    Parameters
    ----------
    at
        Moment whose boundaries apply.
    estates
        Whether to return the buildings of a named estate if no building is named.
    """
    if address.beside and not address.building:
        address = replace(address, building=address.beside, several=False)
    number = address.building or (address.other.building if address.other else "")
    rows = session.execute(
        BUILDING_CANDIDATES_SQL,
        {
            "number": number_pattern(number) if number else "",
            "house": address.house.lower(),
            "said": address.text.lower(),
            "estates": estates,
            "most": MAX_COMPARED_BUILDINGS,
            "at": at,
        },
    )
    buildings = [
        _named(address, row._mapping) for row in rows if not _is_elsewhere(address, row._mapping)
    ]
    buildings = [
        building for building in buildings if building.naming is not Naming.NUMBER_IN_UNKNOWN_ESTATE
    ]
    best = max((building.naming for building in buildings), default=Naming.NO)
    if best is Naming.NO:
        buildings = [
            building
            for building in buildings
            if estates and building.estate and stands_in(building.estate, address.text)
        ]
    buildings = [building for building in buildings if building.naming is best]
    most = max((len(building.named_areas) for building in buildings), default=0)
    return [building for building in buildings if len(building.named_areas) == most]


def _is_elsewhere(address: Address, row: RowMapping) -> bool:
    """Return whether an address names another community than a building's."""
    return any(
        level == "community" and other_community(address, name)
        for level, name in zip(row["levels"], row["names"], strict=True)
    )


def _named(address: Address, row: RowMapping) -> NamedBuilding:
    label = label_building(row["name"], row["estate"], row["address"])
    named = [
        code
        for level, code, name in zip(row["levels"], row["codes"], row["names"], strict=True)
        if level != "county" and area_is_named(address.text, name)
    ]
    return NamedBuilding(
        row["code"],
        row["name"],
        row["estate"],
        row["lon"],
        row["lat"],
        tuple(row["codes"]),
        tuple(named),
        compare(address, label, row["names"]),
    )


def number_pattern(number: str) -> str:
    """Return a regular expression for names with a building's number or letter.

    3号楼, 三栋, 03#, 桂花苑3号楼 match the number 3.
    """
    ways = [rf"0*{number}"]
    if number.isdecimal():
        ways += ["".join(chr(ord(sign) + 0xFEE0) for sign in number), numeral(int(number))]
    return rf"(^|[^0-9A-Z{NUMERALS}十百])({'|'.join(ways)})(号|栋|棟|號|幢|座|#|楼|$)"


def numeral(value: int) -> str:
    """Return a number below a thousand in Chinese numerals, as spoken."""
    hundreds, tens, ones = value // 100 % 10, value // 10 % 10, value % 10
    text = f"{NUMERALS[hundreds]}百" if hundreds else ""
    if tens:
        text += ("" if tens == 1 and not hundreds else NUMERALS[tens]) + "十"
    elif hundreds and ones:
        text += "零"
    return text + (NUMERALS[ones] if ones else "")


AREAS_SQL = text("""
SELECT a.code, a.name
FROM area a
WHERE a.level IN ('community', 'street', 'grid')
  AND (a.retired_at IS NULL OR a.retired_at > CAST(:at AS timestamptz))
  AND strpos(:said, lower(a.name)) > 0
ORDER BY length(a.code) DESC, a.code
""")


def named_area(session: Session, address: str, at: datetime) -> str | None:
    """Return the code of the smallest area whose whole name stands in an address.

    Grids, communities and streets are searched. None if there are several, or none.
    """
    rows = session.execute(AREAS_SQL, {"said": address.lower(), "at": at}).all()
    smallest = [row.code for row in rows if len(row.code) == len(rows[0].code)]
    return smallest[0] if len(smallest) == 1 else None
