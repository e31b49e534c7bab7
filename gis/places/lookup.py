"""The buildings that an address may mean, read from the database.

`gis.places.naming` compares them.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from gis.bigrams import bigrams_of, contains_sql, substrings
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
# areas it stands in, where these matter. An index answers the last part of each line of the
# condition.
BUILDING_CANDIDATES_SQL = text(f"""
WITH candidate AS (
  SELECT h.*
  FROM building h
  WHERE h.name ~* :number AND bigrams(h.estate || h.name) && CAST(:number_ends AS text[])
    OR :house <> '' AND {contains_sql("h.address", "house")}
    OR (h.address <> '' AND strpos(:said, lower(h.address)) > 0
        OR length(h.name) > 1 AND h.name !~ '^[0-9]' AND strpos(:said, lower(h.name)) > 0
        OR :estates AND h.estate <> '' AND strpos(:said, lower(h.estate)) > 0)
      AND building_words(h.estate, h.name, h.address) && CAST(:parts AS text[])
  ORDER BY (h.estate <> '' AND strpos(:said, left(lower(h.estate), 2)) > 0) DESC, h.code
  LIMIT :most
)
SELECT h.code, h.name, h.estate, h.address, ST_X(p.point) AS lon, ST_Y(p.point) AS lat,
  coalesce(up.levels, '{{}}') AS levels, coalesce(up.codes, '{{}}') AS codes,
  coalesce(up.names, '{{}}') AS names
FROM candidate h
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(h.geom) AS point) p
LEFT JOIN LATERAL (
  WITH RECURSIVE up AS (
    SELECT a.id, a.parent_id, a.level, a.code,
      name_at(a.id, a.name, CAST(:at AS timestamptz)) AS name
    FROM grid_at(p.point, CAST(:at AS timestamptz)) a WHERE CAST(:areas AS boolean)
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
""")  # noqa: S608  our own text
NUMERALS = "零一二三四五六七八九"
NUMBER_SUFFIXES = "号栋棟號幢座#楼"
# an address without a word that could be the name of an area: 12栋, 3号楼2单元501室, 3-2-501
BARE_NUMBER_PATTERN = re.compile(rf"[0-9A-Za-z{NUMERALS}十百{NUMBER_SUFFIXES}单元层室门-]+")


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
    session: Session,
    address: Address,
    at: datetime,
    *,
    estates: bool = False,
    areas: bool = True,
) -> list[NamedBuilding]:
    """Find the buildings that an address names with the highest certainty.

    Among equally certain ones, those in the areas that the address names.

    Parameters
    ----------
    at
        Moment whose boundaries apply.
    estates
        Whether to return the buildings of a named estate if no building is named.
    areas
        Whether to return the areas of the buildings also where no word of the address could be the
        name of an area, so that they decide nothing: 12栋 is a building in every other estate.
    """
    if address.beside and not address.building:
        address = replace(address, building=address.beside, several=False)
    number = address.building or (address.other.building if address.other else "")
    said, house = address.text.lower(), "".join(address.house.lower().split())
    rows = session.execute(
        BUILDING_CANDIDATES_SQL,
        {
            "number": number_pattern(number) if number else "",
            "number_ends": number_ends(number) if number else [],
            "house": house,
            "house_bigrams": bigrams_of(house),
            "said": said,
            "parts": substrings(said),
            "areas": areas or BARE_NUMBER_PATTERN.fullmatch(said) is None,
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
    ways = "|".join((rf"0*{number}", *_other_digits(number)))
    return rf"(^|[^0-9A-Z{NUMERALS}十百])({ways})([{NUMBER_SUFFIXES}]|$)"


def number_ends(number: str) -> list[str]:
    """Return the pairs of characters of which a name that `number_pattern` matches has one."""
    last = {way[-1].lower() for way in (number, *_other_digits(number))}
    return [digit + suffix for digit in last for suffix in (*NUMBER_SUFFIXES, "\n")]


def _other_digits(number: str) -> list[str]:
    """Return a decimal number in full-width digits and, below a thousand, in Chinese numerals."""
    if not number.isdecimal():
        return []
    ways = ["".join(chr(ord(sign) + 0xFEE0) for sign in number), numeral(int(number))]
    return [way for way in ways if way]


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
  AND lower(a.name) = ANY(CAST(:parts AS text[]))
ORDER BY length(a.code) DESC, a.code
""")


def named_area(session: Session, address: str, at: datetime) -> str | None:
    """Return the code of the smallest area whose whole name stands in an address.

    Grids, communities and streets are searched. None if there are several, or none.
    """
    params = {"parts": substrings(address.lower()), "at": at}
    rows = session.execute(AREAS_SQL, params).all()
    smallest = [row.code for row in rows if len(row.code) == len(rows[0].code)]
    return smallest[0] if len(smallest) == 1 else None
