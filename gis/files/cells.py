"""What a cell of a table means: text, codes, numbers, dates; and what Excel does to them.

Every parser takes a cell as the file gives it (text, or what Excel keeps: number, date, boolean)
and raises CellError with what is wrong and what would be right.
"""

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Literal

import orjson

from gis.files.formulas import restore
from gis.labels import parse_number as numeral
from gis.messages import Message, render

MAX_QUOTED_CHARS = 80  # of a cell that a message names
INTEGER_DIGITS = 9  # of counts, which the database holds as an integer
EXCEL_DIGITS = 15  # digits that Excel's numbers keep


# Texts that Excel shows in place of a value, and common texts for a missing one.
SUBSTITUTE_PATTERN = re.compile(r"#{2,}|#(?:REF|VALUE|DIV/0|NUM|NULL|SPILL|CALC)!|#NAME\?|#N/A")
PLACEHOLDER_PATTERN = re.compile(
    r"[?*…×√✓〃\"'″′.#~]+|X{2,}|待[定查补核填]|未知|无.{0,3}|[全整](?:楼|栋|幢|部)|不[详明清]|不清楚|同[上前]|见?(?:详?见)?(?:备注|附表)|[有是否空]|TBD|NULL|NONE|NAN|TRUE|FALSE|0+",
    re.IGNORECASE,
)

INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
AS_FORMULA = re.compile(r'="(.*)"')  # written by some programs so that Excel keeps a code as text
POINT_ZERO = re.compile(r"(\d+)\.0+")
SCIENTIFIC = re.compile(r"(\d)(?:\.(\d+))?[eE]\+(\d{2,3})")
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
DAY_PATTERN = re.compile(
    rf"\d{{1,2}}月\d{{1,2}}日|\d{{1,2}}-({_MONTHS})(-\d{{2,4}})?|({_MONTHS})-\d{{1,2}}",
    re.IGNORECASE,
)


class CellError(ValueError):
    """A cell that cannot be read, with a code and parameters for the fault and the remedy."""

    def __init__(self, code: str, /, **params: object) -> None:
        super().__init__(code, params)
        shown = {
            name: f"{value[:MAX_QUOTED_CHARS]}…"
            if isinstance(value, str) and len(value) > MAX_QUOTED_CHARS
            else value
            for name, value in params.items()
        }
        self.message = Message(code, shown)

    def __str__(self) -> str:
        """Return the message in the default language."""
        return render(self.message)


@dataclass(frozen=True)
class Marked:
    """A cell whose value is not its own or is not there.

    value: What the cell counts as.
    how: "merged" (filled from the cell above that it is merged with), "formula" (without a stored
        result), or "error" (the formula failed, as #REF!).
    """

    value: object
    how: Literal["merged", "formula", "error"]


@dataclass(frozen=True)
class Guess:
    """A value that was read with an assumption, which becomes a note with its row.

    value: As the cell was read.
    code: The assumption, the same for all cells of its kind.
    detail: What stood in the cell and what was made of it.
    """

    value: Any
    code: str
    detail: Message | str = ""


def clean_text(value: object) -> str:
    """Return the text of a cell without blanks at its ends and invisible characters.

    Full-width blanks are removed too.
    """
    if isinstance(value, Marked):
        value = value.value
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**EXCEL_DIGITS:
        value = int(value)
    return _clean(value if isinstance(value, str) else str(value))


@lru_cache(maxsize=1 << 16)  # the same few texts recur
def _clean(text: str) -> str:
    return restore(INVISIBLE.sub("", text).strip())


def parse_code(value: object) -> str:
    """Return a code as text, also where Excel has made it a number, as long as no digit is lost.

    520402007004003.0 and 5.20402007004003E+14 are whole; 5.20402E+14 and numbers of over 15 digits
    are not.

    Raises
    ------
    CellError
        Digits are lost, or Excel has made a date of it.
    """
    refuse_date(value)
    if isinstance(value, bool):
        raise CellError("cell.not_code", value=str(value).upper())
    if isinstance(value, float | int):
        if not math.isfinite(value) or value != int(value):
            raise CellError("cell.not_code", value=str(value))
        if abs(value) >= 10**EXCEL_DIGITS:
            raise CellError("cell.digits_lost", value=f"{value:.0f}")
        return str(int(value))
    text = unicodedata.normalize("NFKC", clean_text(value))
    if formula := AS_FORMULA.fullmatch(text):
        return formula[1].strip()
    text = re.sub(r"^['‘’`](?=\w)", "", text)  # typed to mark a text, and kept by some programs
    if DAY_PATTERN.fullmatch(text):
        raise CellError("cell.date_by_excel", date=text)
    if whole := POINT_ZERO.fullmatch(text):
        digits, length = whole[1], len(whole[1])
    elif power := SCIENTIFIC.fullmatch(text):
        digits, length = power[1] + (power[2] or ""), int(power[3]) + 1
    else:
        return text
    if length > EXCEL_DIGITS or length > len(digits) or digits[length:].strip("0"):
        raise CellError("cell.digits_lost", value=text)
    return digits[:length]


def parse_own_code(value: object) -> str:
    """Return the code that a row gives to what it describes, as `parse_code`.

    Raises
    ------
    CellError
        As `parse_code`; or it cannot stand in the address of a page: it has a slash or what cannot
        be printed, or is dots alone.
    """
    code = parse_code(value)
    if "/" in code or not code.isprintable() or code.strip(".") == "" != code:
        raise CellError("cell.code_in_address", value=code[:60])
    return code


def parse_integer(value: object) -> int:
    """Return a whole number, also in words.

    Words for storeys and persons after it are allowed, and B2 is storey -2.

    Raises
    ------
    CellError
        The cell is not a whole number, or too large a one.
    """
    refuse_date(value)
    written = unicodedata.normalize("NFKC", clean_text(value))
    text = re.sub(r"\s*(?:[层楼人口位名户Ff]|[个口]人)$", "", written)
    numerals = re.fullmatch(r"(负|地下)?第?(\d{1,3}|[一二三四五六七八九十百]{1,5})", text)
    if numerals and (text != written or not written.isalpha()):
        text = f"{numerals[1] or ''}{numeral(numerals[2])}"
    text = re.sub(r"^(?:[Bb]|负|地下)(?=\d{1,2}$)", "-", text)
    if not (whole := re.fullmatch(r"[+-]?(\d+)(\.0+)?", text)):
        raise CellError("cell.not_whole_number", text=clean_text(value))
    if len(whole[1]) > INTEGER_DIGITS:
        high = "9" * INTEGER_DIGITS
        raise CellError("cell.whole_number_too_large", text=clean_text(value)[:40], high=high)
    return int(float(text))


def parse_count(value: object) -> int:
    """Return a whole number, also in words before a counting word: 两人 is 2, 三口 is 3.

    Raises
    ------
    CellError
        The cell is not a whole number.
    """
    match = re.fullmatch(
        "([零〇一二两三四五六七八九十]{1,3})(?:个?人|口人?|位|名)", clean_text(value)
    )
    return numeral(match[1]) if match else parse_integer(value)


def parse_text(value: object) -> str:
    """Return text, such as a name.

    Raises
    ------
    CellError
        Excel has made a date of them.
    """
    refuse_date(value)
    return clean_text(value)


def refuse_date(value: object) -> None:
    """Raise CellError where Excel has made a date of a cell.

    Raises
    ------
    CellError
        `cell.date_by_excel`.
    """
    if isinstance(value, datetime | date | time):
        raise CellError("cell.date_by_excel", date=str(value))


def parse_words(value: object) -> str:
    """Return free text as it was written: signs that do not show (of an emoji) stay.

    Raises
    ------
    CellError
        Excel has made a date of it.
    """
    refuse_date(value)
    if isinstance(value, Marked):
        value = value.value
    return restore(value.strip()) if isinstance(value, str) else clean_text(value)


def parse_json_object(value: object) -> dict[str, Any]:
    """Return a JSON object.

    Raises
    ------
    CellError
        The cell is none.
    """
    text = parse_words(value)
    try:
        item = orjson.loads(text)
    except orjson.JSONDecodeError:
        item = None
    if not isinstance(item, dict):
        raise CellError("cell.not_json_object", text=text[:40])
    return item


def read_float(text: str) -> float:
    """Return a number; Python's own 1_000 is nobody else's, and none.

    Raises
    ------
    ValueError
        It is none.
    """
    if "_" in text:
        raise ValueError(text)
    return float(text)


def parse_degrees(value: object) -> float:
    """Return decimal degrees.

    Raises
    ------
    CellError
        The cell is not a finite number.
    """
    try:
        number = read_float(unicodedata.normalize("NFKC", clean_text(value)))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise CellError("cell.not_degrees", text=clean_text(value))
    return number


CRS_ALIASES = {
    "wgs84": "wgs84",
    "epsg:4326": "wgs84",
    "4326": "wgs84",
    "gps": "wgs84",
    "84": "wgs84",
    "大地84": "wgs84",
    "世界大地": "wgs84",
    "google earth": "wgs84",
    "谷歌地球": "wgs84",
    "手持gps": "wgs84",
    "手机gps": "wgs84",
    "cgcs2000": "cgcs2000",
    "epsg:4490": "cgcs2000",
    "4490": "cgcs2000",
    "2000": "cgcs2000",
    "2000国家大地": "cgcs2000",
    "国家2000": "cgcs2000",
    "国家大地2000": "cgcs2000",
    "大地2000": "cgcs2000",
    "中国大地2000": "cgcs2000",
    "国家大地": "cgcs2000",
    "天地图": "cgcs2000",
    "北斗": "cgcs2000",
    "gcj02": "gcj02",
    "火星": "gcj02",
    "国测局": "gcj02",
    "高德": "gcj02",
    "amap": "gcj02",
    "腾讯": "gcj02",
    "微信": "gcj02",
    "企业微信": "gcj02",
    "钉钉": "gcj02",
    "支付宝": "gcj02",
    "tencent": "gcj02",
    "bd09": "bd09",
    "bd09ll": "bd09",
    "百度": "bd09",
    "baidu": "bd09",
    "百度经纬": "bd09",
}
_CRS_SUFFIX_PATTERN = re.compile(
    "(?:app|小程序|地图|导航|经纬度?|坐标系统?|坐标|定位|位置|拾取器?|系统?)$"
)


def parse_crs(value: object) -> str:
    """Return the coordinate system named in a cell, one of `gis.crs.SUPPORTED_CRS`.

    Chinese and English names are read: 高德地图, 高德 and GCJ-02（高德） are gcj02.

    Raises
    ------
    CellError
        The cell names no supported system, or several.
    """
    name = unicodedata.normalize("NFKC", clean_text(value)).lower()
    parts = [name, *(part for part in re.split(r"[()\[\]/、,;]", name) if part)]
    systems = {system for part in parts if (system := _system_of(part))}
    if not systems:
        raise CellError("cell.crs_unknown", text=clean_text(value))
    if len(systems) > 1:
        raise CellError(
            "cell.crs_several", text=clean_text(value), systems=" and ".join(sorted(systems))
        )
    return systems.pop()


def _system_of(word: str) -> str | None:
    word = re.sub(r"[\s_-]", "", word)
    while word not in CRS_ALIASES and (shorter := _CRS_SUFFIX_PATTERN.sub("", word)) != word:
        word = shorter
    return CRS_ALIASES.get(word)
