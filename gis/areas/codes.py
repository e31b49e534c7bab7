"""The pattern of area codes: digits only; from the county down each begins with that above it.

A deployment with another pattern changes `CODE_DIGITS`; nothing else knows the lengths.
"""

from gis.areas.models import LEVELS, LEVELS_OVER_COUNTY, Level
from gis.messages import Message

# Division codes to the community (GB/T 2260, NBS 12 digits), then 3 digits for the grid and 2 or 3
# for the unit.
CODE_DIGITS: dict[Level, tuple[int, ...]] = {
    Level.PROVINCE: (2,),
    Level.CITY: (4,),
    Level.COUNTY: (6,),
    Level.STREET: (9,),
    Level.COMMUNITY: (12,),
    Level.GRID: (15,),
    Level.UNIT: (17, 18),
}
EXAMPLE = "520402007004003017"


def parent_level(level: Level) -> Level | None:
    """Return the next higher level; None for a province."""
    at = LEVELS.index(level)
    return LEVELS[at - 1] if at else None


def coded_levels(level: Level) -> tuple[Level, ...]:
    """Return the levels above one that its codes name, the highest first: none over counties.

    A county may belong to another city than the one that its code begins with.
    """
    return tuple(
        above for above in LEVELS[: LEVELS.index(level)] if above not in LEVELS_OVER_COUNTY
    )


def codes_above(code: str, level: Level) -> dict[Level, str]:
    """Return the codes of the areas above one that its own code names, the highest first."""
    return {above: ancestor_code(code, above) for above in coded_levels(level)}


def stated_levels(level: Level) -> tuple[Level, ...]:
    """Return the levels that may hold an area of one only because its file says so.

    They are those over counties, highest first; none for what stands below a county.
    """
    return LEVELS_OVER_COUNTY[: LEVELS.index(level)] if coded_levels(level) == () else ()


def code_error(code: str, level: Level) -> Message | None:
    """Return what is wrong with a code as one of a level; None when it is right."""
    lengths = CODE_DIGITS[level]
    of_province = level is Level.CITY and code.endswith("00")  # 5200 is Guizhou itself
    if code.isascii() and code.isdigit() and len(code) in lengths and not of_province:
        return None
    shortest, longest = str(lengths[0]), str(lengths[-1])
    digits = (
        shortest
        if len(lengths) == 1
        else Message("area.digits_or", {"low": shortest, "high": longest})
    )
    params = {
        "code": code,
        "level": Message(f"area_level.{level}"),
        "digits": digits,
        "example": EXAMPLE[: lengths[0]],
    }
    return Message("area.code_wrong", params)


def level_of(code: str) -> Level | None:
    """Return the level that a code is of by its length; None for no code at all."""
    return next((level for level in LEVELS if code_error(code, level) is None), None)


def ancestor_code(code: str, level: Level) -> str:
    """Return the code of the ancestor of the given level: the first digits of a valid code."""
    return code[: CODE_DIGITS[level][0]]


def normalise_division_code(code: str, level: Level) -> str:
    """Return a division code of 12 digits, or of 6, cut to the length of its level.

    County 520402000000 becomes 520402, city 520400 becomes 5204. Other codes are returned
    unchanged.
    """
    length = CODE_DIGITS[level][0]
    full = {CODE_DIGITS[above][0] for above in (Level.COUNTY, Level.COMMUNITY)}
    if length < len(code) and len(code) in full and set(code[length:]) == {"0"}:
        return code[:length]
    return code
