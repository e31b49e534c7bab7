"""Moments of cells: days and times of day as people, Excel and our own files write them."""

import re
import unicodedata
from datetime import date, datetime, timedelta

from gis.files.cells import CellError, Marked, clean_text
from gis.storable import YEARS

EXCEL_DAY_ZERO = datetime(1899, 12, 30)
EXCEL_DAYS = range(20_000, 80_000)  # 1954 to 2119
# hour by the clock of 12 or 24 hours -> hour of the day, by the word beside it
_MORNING = {hour: hour % 12 for hour in range(13)}
_AFTERNOON = {hour: hour % 12 + 12 for hour in range(1, 24)}
_EVENING = {hour: hour % 12 + 12 for hour in (*range(5, 12), *range(17, 24))}  # 12: of which day?
HALF_DAYS: dict[str | None, dict[int, int]] = {
    **dict.fromkeys(("上午", "早上", "早晨", "清晨", "凌晨", "am", "a.m."), _MORNING),
    **dict.fromkeys(("下午", "傍晚", "pm", "p.m."), _AFTERNOON),
    **dict.fromkeys(("晚上", "夜里", "夜间"), _EVENING),
    "中午": {11: 11, 12: 12, 1: 13, 2: 14},
    None: {hour: hour for hour in range(24)},
}
MOMENT_PATTERN = re.compile(
    r"(?P<year>\d{4})\s*[-/.年]\s*(?P<month>\d{1,2})\s*[-/.月]\s*(?P<day>\d{1,2})\s*[日号]?"
    r"(?:\s*\(?(?:星期|周)[一二三四五六日天]\)?)?"
    r"(?:(?:[T\s]+|(?<=[日号]))(?P<half>[早上中下傍清凌夜晚][午上晚晨里间])?\s*(?P<hour>\d{1,2})"
    r"[:时点](?:(?P<minute>\d{2}|半|整)(?:[:分](?:(?P<second>\d{2})(?:\.(?P<fraction>\d{1,6})0*)?秒?)?)?)?"
    r"(?:\s*(?P<of_12>[ap]\.?m\.?))?)?[起止]?",
    re.IGNORECASE,
)
MINUTE_WORDS = {"半": "30", "整": "0"}


def parse_moment(value: object) -> datetime:
    """Return a moment with its offset where it has one, else as `parse_local_datetime`.

    ISO 8601, or as our own files have it: UTC 2026-03-01 08:30:00.
    """
    if isinstance(value, datetime) and value.tzinfo:
        return in_years(value)
    if isinstance(value, str):
        text = clean_text(value)
        iso = f"{text[4:]}+00:00" if text.startswith("UTC ") else text
        try:
            moment = datetime.fromisoformat(iso)
        except ValueError:
            return parse_local_datetime(value)
        if moment.tzinfo:
            return in_years(moment)
    return parse_local_datetime(value)


def parse_local_datetime(value: object) -> datetime:
    """Return a day or a minute, without time zone; a day is its midnight.

    Raises
    ------
    CellError
        The cell is not a date such as 2026-03-01, 2026/3/1, 20260301, 2026年3月1日, with or without
        08:30, 下午3:30 or 3:30 PM; or its year is none of YEARS.
    """
    if isinstance(value, Marked):
        value = value.value
    if isinstance(value, datetime):
        return in_years(value.replace(tzinfo=None))
    if isinstance(value, date):
        return in_years(datetime(value.year, value.month, value.day))
    text = unicodedata.normalize("NFKC", clean_text(value))
    if re.fullmatch(r"(?:19|20)\d{6}", text):
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    if not (parts := MOMENT_PATTERN.fullmatch(text)):
        day = excel_day(text)
        if day:
            raise CellError("cell.day_number", text=text, date=f"{day:%Y-%m-%d}")
        raise CellError("cell.not_date", text=text)
    day_parts = (int(parts[name]) for name in ("year", "month", "day"))
    minute = MINUTE_WORDS.get(parts["minute"] or "", parts["minute"] or 0)
    second, fraction = parts["second"] or 0, (parts["fraction"] or "").ljust(6, "0")
    moment = to_datetime(text, *day_parts, _hour(parts), int(minute), int(second), int(fraction))
    return in_years(moment)


def _hour(parts: re.Match[str]) -> int:
    """Return the hour of the day that a text says, with 上午, 下午, PM or without.

    Raises
    ------
    CellError
        There is no such hour, as 上午15:00; or it may be of two days, as 晚上12:00.
    """
    written = [word.lower() for word in (parts["half"], parts["of_12"]) if word]
    hours = HALF_DAYS.get(written[0] if written else None, {}) if len(written) < 2 else {}
    if (hour := hours.get(int(parts["hour"] or 0))) is None:
        raise CellError("cell.no_such_day", text=parts[0])
    return hour


def in_years(moment: datetime) -> datetime:
    """Return a moment of a year that every reader can show.

    Raises
    ------
    CellError
        Its year is none of YEARS, as 0001-01-01, which some programs write for no date.
    """
    if moment.year not in YEARS:
        low, high = map(str, (YEARS[0], YEARS[-1]))
        raise CellError("cell.year_beyond", text=str(moment.date()), low=low, high=high)
    return moment


def excel_day(text: str) -> datetime | None:
    """Return the day of an Excel day number; None if the text is not such a number."""
    whole = re.fullmatch(r"(\d{5})(?:\.\d+)?", text)
    return (
        EXCEL_DAY_ZERO + timedelta(days=float(text))
        if whole and int(whole[1]) in EXCEL_DAYS
        else None
    )


def to_datetime(
    text: str, year: int, month: int, day: int, hour: int = 0, minute: int = 0, *seconds: int
) -> datetime:
    """Return the moment of its parts, the last being seconds and microseconds.

    Raises
    ------
    CellError
        The day does not exist, such as 2026-02-30.
    """
    try:
        return datetime(year, month, day, hour, minute, *seconds)  # type: ignore[arg-type]
    except ValueError as error:
        raise CellError("cell.no_such_day", text=text) from error
