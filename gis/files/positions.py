"""Longitudes and latitudes as people write them: decimal degrees, with letters, or degrees, minutes and seconds."""

import re
import unicodedata
from datetime import date

from gis.files.cells import Guess, clean_text, parse_degrees

AXES = {"longitude": ("EW东西", "经"), "latitude": ("NS北南", "纬")}
SEXAGESIMAL_PATTERN = re.compile(
    r"(?P<degrees>\d{1,3})\s*[°º˚度d]\s*"
    r"(?:(?P<minutes>\d{1,2}(?:\.\d+)?)\s*['′’‘分m]\s*)?"
    r"(?:(?P<seconds>\d{1,2}(?:\.\d+)?)\s*(?:\"|″|”|“|''|′′|’’|秒|s)?)?"
)
COLON_PATTERN = re.compile(r"(?P<degrees>\d{1,3})[:：](?P<minutes>\d{1,2})[:：](?P<seconds>\d{1,2}(?:\.\d+)?)")
LETTERS_PATTERN = re.compile(
    r"^(?P<before>[NSEW]|[东西][经]|[南北][纬]|经度|纬度)?\s*[:：]?\s*(?P<rest>[-+]?\d.*?)\s*(?P<after>[NSEW东西南北])?$"
)


def longitude(value: object) -> float | Guess:
    """Return degrees east.

    Raises:
        ValueError: It is no longitude, or too coarse.
    """
    return _degrees(value, "longitude")


def latitude(value: object) -> float | Guess:
    """Return degrees north.

    Raises:
        ValueError: It is no latitude, or too coarse.
    """
    return _degrees(value, "latitude")


def _degrees(value: object, axis: str) -> float | Guess:
    if isinstance(value, float | int | date) and not isinstance(value, bool):
        return parse_degrees(value)
    shown = clean_text(value)
    text = unicodedata.normalize("NFKC", shown.replace("º", "°").replace("˚", "°")).upper()
    match = LETTERS_PATTERN.match(text)
    if match is None:
        return parse_degrees(value)
    letters = [letter for letter in (match["before"], match["after"]) if letter]
    own, sign = AXES[axis]
    if any(letter[0] not in own and letter[0] != sign for letter in letters):
        raise ValueError(f"{shown!r} is not a {axis}; are the columns swapped?")
    if len({letter[0] in "WS西南" for letter in letters if letter[0] != sign}) > 1:
        raise ValueError(f"{shown!r} names two directions")
    negative = any(letter[0] in "WS西南" for letter in letters)
    rest = match["rest"].lower()
    parts = COLON_PATTERN.fullmatch(rest) or SEXAGESIMAL_PATTERN.fullmatch(rest)
    if parts and (parts["minutes"] or parts["seconds"]):
        number = _sexagesimal(shown, parts)
    elif letters or rest.endswith(("°", "º", "˚", "度")):
        number = parse_degrees(re.sub("[°º˚度]$", "", rest))
    else:
        return parse_degrees(value)
    number = -number if negative else number
    return Guess(number, f"{axis} read as decimal degrees", f"{shown}: {number:.7f}".rstrip("0"))


def _sexagesimal(shown: str, parts: re.Match[str]) -> float:
    minutes, seconds = float(parts["minutes"] or 0), parts["seconds"]
    if minutes >= 60 or float(seconds or 0) >= 60:
        raise ValueError(f"{shown!r}: minutes and seconds go up to 59")
    if seconds is None and "." not in (parts["minutes"] or ""):
        raise ValueError(
            f"{shown!r} has no seconds and would be as much as 1.8 km off; give decimal degrees, as 105.9501"
        )
    return round(int(parts["degrees"]) + minutes / 60 + float(seconds or 0) / 3600, 9)
