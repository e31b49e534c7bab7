"""Lists of official division codes, each under its own name: two lists give one code to two towns.

So a code is looked up in the list that it is from, and lists are joined by county and name.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Index, Text, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from gis.areas.codes import CODE_DIGITS
from gis.areas.models import Level
from gis.db import Base
from gis.labels import normalise_text

DIVISION_DIGITS = tuple(CODE_DIGITS[level][0] for level in tuple(Level)[:5])  # 2, 4, 6, 9, 12
# what lists write behind the name that people use: 村民委员会 follows 村, or holds it
OFFICE_PATTERN = re.compile(
    "(?<=社区)居(?:民委员|委)会$|(?<=村)村(?:民委员|委)会$|(?<=村)(?:民委员|委)会$|(?<=街道)办事处$"
)
KIND_PATTERN = re.compile("(?:社区|村|居民委员会|居委会)$")


class DivisionCode(Base):
    """A code of an official list, and what it is the code of there."""

    __tablename__ = "division_code"
    __table_args__ = (
        Index(None, "plain_name", "list"),
        {"comment": "Codes of official lists with their names; never one list by another's code."},
    )

    list: Mapped[str] = mapped_column(primary_key=True, comment="Name of the list, as nbs2023.")
    code: Mapped[str] = mapped_column(primary_key=True, comment="2, 4, 6, 9 or 12 digits.")
    name: Mapped[str] = mapped_column(Text, comment="Name in the list.")
    plain_name: Mapped[str] = mapped_column(comment="What names of lists are compared by.")


@dataclass(frozen=True)
class ListedCode:
    """The code and name that a list has for an area."""

    list: str
    code: str
    name: str


def short_name(name: str) -> str:
    """Return the name that people use: 新安社区居民委员会 is 新安社区, 关口村民委员会 关口村."""
    return OFFICE_PATTERN.sub("", name)


def plain_name(name: str) -> str:
    """Return a name as lists are compared by: without office and kind at its end."""
    plain = short_name(normalise_text(name))
    return KIND_PATTERN.sub("", plain) or plain


def short_division_code(code: str) -> str:
    """Return a code without the zeros that fill it up: 520402000000 and 520402 are one."""
    return next((code[:digits] for digits in DIVISION_DIGITS if not code[digits:].strip("0")), code)


def list_names(session: Session, name: str, codes: Collection[str]) -> dict[str, str]:
    """Return the names that a list has for codes of its own."""
    query = select(DivisionCode.code, DivisionCode.name).where(
        DivisionCode.list == name, DivisionCode.code.in_(codes)
    )
    return {row.code: row.name for row in session.execute(query)}


# of the same level, in the same county, with the same name; a community in a street of the same
LISTED_SQL = """
SELECT d.list, d.code, d.name FROM division_code d
WHERE d.plain_name = :plain AND length(d.code) = :digits AND starts_with(d.code, :county)
  AND (:digits < 12 OR EXISTS (SELECT FROM division_code s
    WHERE s.list = d.list AND s.code = left(d.code, 9) AND s.plain_name = :street))
ORDER BY d.list, d.code
"""
LISTED_AREA_SQL = """
SELECT a.code, a.name, a.level, a.county, coalesce(up.name, '') AS street
FROM area a LEFT JOIN area up ON up.id = a.parent_id WHERE a.code = :code
"""


def find_listed_codes(session: Session, code: str) -> list[ListedCode]:
    """Return what the lists have for an area, found by its county and name.

    Empty for grids and units, which no list has.
    """
    row = session.execute(text(LISTED_AREA_SQL), {"code": code}).one_or_none()
    if row is None or row.level in (Level.GRID, Level.UNIT):
        return []
    params = {
        "plain": plain_name(row.name),
        "digits": CODE_DIGITS[Level(row.level)][0],
        "county": row.county if row.level in (Level.STREET, Level.COMMUNITY) else "",
        "street": plain_name(row.street),
    }
    return [ListedCode(*each) for each in session.execute(text(LISTED_SQL), params)]
