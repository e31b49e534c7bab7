"""Longitudes and latitudes in text: decimal, with letters, or in degrees, minutes and seconds."""

import re
import unicodedata
from datetime import date

from gis.files.cells import CellError, Guess, clean_text, parse_degrees

# letters of its directions, and its own sign
AXES = {
    "longitude": ("EW东西", "经"),
    "latitude": ("NS北南", "纬"),
}
SWAPPED = {"longitude": "cell.not_longitude", "latitude": "cell.not_latitude"}
READ_AS_DEGREES = {"longitude": "cell.longitude_read", "latitude": "cell.latitude_read"}
SEXAGESIMAL_PATTERN = re.compile(
    r"(?P<degrees>\d{1,3})\s*[°º˚度d]\s*"
    r"(?:(?P<minutes>\d{1,2}(?:\.\d+)?)\s*['′’‘分m]\s*)?"
    r"(?:(?P<seconds>\d{1,2}(?:\.\d+)?)\s*(?:\"|″|”|“|''|′′|’’|秒|s)?)?"
)
COLON_PATTERN = re.compile(
    r"(?P<degrees>\d{1,3})[:：](?P<minutes>\d{1,2})[:：](?P<seconds>\d{1,2}(?:\.\d+)?)"
)
LETTERS_PATTERN = re.compile(
    r"^(?P<prefix>[NSEW]|[东西][经]|[南北][纬]|经度|纬度)?\s*[:：]?\s*(?P<number>[-+]?\d.*?)\s*(?P<suffix>[NSEW东西南北])?$"
)


def parse_longitude(value: object) -> float | Guess:
    """Return degrees east.

    Raises
    ------
    CellError
        The cell is not a longitude, or too coarse.
    """
    return _degrees(value, "longitude")


def parse_latitude(value: object) -> float | Guess:
    """Return degrees north.

    Raises
    ------
    CellError
        The cell is not a latitude, or too coarse.
    """
    return _degrees(value, "latitude")


def _degrees(value: object, axis: str) -> float | Guess:
    if isinstance(value, float | int | date) and not isinstance(value, bool):
        return parse_degrees(value)
    written = clean_text(value)
    text = unicodedata.normalize("NFKC", written.replace("º", "°").replace("˚", "°")).upper()
    match = LETTERS_PATTERN.match(text)
    if match is None:
        return parse_degrees(value)
    letters = [letter for letter in (match["prefix"], match["suffix"]) if letter]
    directions, sign = AXES[axis]
    if any(letter[0] not in directions and letter[0] != sign for letter in letters):
        raise CellError(SWAPPED[axis], text=written)
    if len({letter[0] in "WS西南" for letter in letters if letter[0] != sign}) > 1:
        raise CellError("cell.two_directions", text=written)
    negative = any(letter[0] in "WS西南" for letter in letters)
    digits = match["number"].lower()
    parts = COLON_PATTERN.fullmatch(digits) or SEXAGESIMAL_PATTERN.fullmatch(digits)
    if parts and (parts["minutes"] or parts["seconds"]):
        number = _sexagesimal(written, parts)
    elif letters or digits.endswith(("°", "º", "˚", "度")):
        number = parse_degrees(re.sub("[°º˚度]$", "", digits))
    else:
        return parse_degrees(value)
    number = -number if negative else number
    return Guess(number, READ_AS_DEGREES[axis], f"{written}: {number:.7f}".rstrip("0"))


def _sexagesimal(written: str, parts: re.Match[str]) -> float:
    minutes, seconds = float(parts["minutes"] or 0), parts["seconds"]
    if minutes >= 60 or float(seconds or 0) >= 60:
        raise CellError("cell.minutes_beyond_59", text=written)
    if seconds is None and "." not in (parts["minutes"] or ""):
        raise CellError("cell.no_seconds", text=written)
    return round(int(parts["degrees"]) + minutes / 60 + float(seconds or 0) / 3600, 9)
