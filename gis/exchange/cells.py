"""What a cell of a table means: text, codes, numbers, dates; and what Excel does to them.

Every parser takes a cell as the file gives it (text, or what Excel keeps: number, date, boolean) and raises
ValueError with what is wrong and what would be right.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

from gis.exchange.formulas import restore

EXCEL_DIGITS = 15  # Excel's numbers keep no more
LOST = "Excel turned the code {} into a number and lost digits; format the column as text and enter it again"
DATED = "Excel turned it into the date {}; format the column as text and enter it again"

INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
AS_FORMULA = re.compile(r'="(.*)"')  # how some programs keep Excel from touching a code
POINT_ZERO = re.compile(r"(\d+)\.0+")
SCIENTIFIC = re.compile(r"(\d)(?:\.(\d+))?[eE]\+(\d{2,3})")
DAY = re.compile(r"\d{1,2}月\d{1,2}日|\d{1,2}-(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", re.IGNORECASE)
MOMENT = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
    r"(?:[T\s]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.0+)?)?)?"
)


def clean(value: object) -> str:
    """The text of a cell, without blanks at its ends (full-width ones too) and invisible characters."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return restore(INVISIBLE.sub("", str(value)).strip())


def code(value: object) -> str:
    """A code as text, also where Excel has made it a number, as long as no digit is lost.

    520402007004003.0 and 5.20402007004003E+14 are whole; 5.20402E+14 and numbers of over 15 digits are not.

    Raises:
        ValueError: Digits are lost, or Excel has made a date of it.
    """
    if isinstance(value, datetime | date | time):
        raise ValueError(DATED.format(value))
    if isinstance(value, float | int):
        if not math.isfinite(value) or value != int(value):
            raise ValueError(f"{value} is not a code; format the column as text and enter it again")
        if abs(value) >= 10**EXCEL_DIGITS:
            raise ValueError(LOST.format(f"{value:.0f}"))
        return str(int(value))
    text = unicodedata.normalize("NFKC", clean(value))
    if formula := AS_FORMULA.fullmatch(text):
        return formula[1].strip()
    if DAY.fullmatch(text):
        raise ValueError(DATED.format(text))
    if whole := POINT_ZERO.fullmatch(text):
        digits, length = whole[1], len(whole[1])
    elif power := SCIENTIFIC.fullmatch(text):
        digits, length = power[1] + (power[2] or ""), int(power[3]) + 1
    else:
        return text
    if length > EXCEL_DIGITS or length > len(digits) or digits[length:].strip("0"):
        raise ValueError(LOST.format(text))
    return digits[:length]


def integer(value: object) -> int:
    """A whole number; words for storeys and heads after it are let pass, and B2 is storey -2.

    Raises:
        ValueError: It is no whole number.
    """
    text = re.sub(r"[层楼人Ff]$", "", unicodedata.normalize("NFKC", clean(value)))
    text = re.sub(r"^[Bb](?=\d{1,2}$)", "-", text)
    if not re.fullmatch(r"[+-]?\d{1,9}(\.0+)?", text):
        raise ValueError(f"{clean(value)!r} is not a whole number, as 5")
    return int(float(text))


def degrees(value: object) -> float:
    """Decimal degrees.

    Raises:
        ValueError: It is no finite number.
    """
    try:
        number = float(unicodedata.normalize("NFKC", clean(value)))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{clean(value)!r} is not a number; decimal degrees are needed, as 105.9501")
    return number


def moment(value: object) -> datetime:
    """A day or a minute, without time zone; a day is its midnight.

    Raises:
        ValueError: It is no date, as 2026-03-01, 2026/3/1, 20260301, 2026年3月1日, with or without 08:30.
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    text = unicodedata.normalize("NFKC", clean(value))
    if re.fullmatch(r"(?:19|20)\d{6}", text):
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    if not (parts := MOMENT.fullmatch(text)):
        raise ValueError(f"{text!r} is not a date, as 2026-03-01 or 2026-03-01 08:30")
    year, month, day, hour, minute, second = (int(part or 0) for part in parts.groups())
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a date: {error}") from error


CRS_WORDS = {
    "wgs84": "wgs84", "wgs-84": "wgs84", "epsg:4326": "wgs84", "4326": "wgs84", "gps": "wgs84",
    "cgcs2000": "cgcs2000", "cgcs-2000": "cgcs2000", "epsg:4490": "cgcs2000", "4490": "cgcs2000",
    "2000国家大地坐标系": "cgcs2000", "国家2000": "cgcs2000", "大地2000": "cgcs2000", "天地图": "cgcs2000",
    "gcj02": "gcj02", "gcj-02": "gcj02", "火星坐标": "gcj02", "火星坐标系": "gcj02", "国测局": "gcj02",
    "高德": "gcj02", "腾讯": "gcj02", "微信": "gcj02",
    "bd09": "bd09", "bd-09": "bd09", "bd09ll": "bd09", "百度": "bd09", "百度坐标": "bd09",
}  # fmt: skip


def system(value: object) -> str:
    """The coordinate system a cell names, one of `gis.crs.KNOWN`.

    Raises:
        ValueError: It is none we know.
    """
    text = unicodedata.normalize("NFKC", clean(value)).lower().replace(" ", "").replace("_", "-")
    if text not in CRS_WORDS:
        known = "wgs84, cgcs2000, gcj02, bd09"
        raise ValueError(f"{clean(value)!r} is not a coordinate system known here; one of {known}")
    return CRS_WORDS[text]


KINDS: Mapping[str, Callable[[object], Any]] = {
    "text": clean,
    "code": code,
    "integer": integer,
    "degrees": degrees,
    "moment": moment,
    "crs": system,
}
