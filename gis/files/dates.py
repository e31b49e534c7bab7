"""Dates as people and Excel write them: days, months, day numbers, and ends that are still open."""

import re
import unicodedata
from datetime import datetime, timedelta

from gis.files.cells import (
    CellError,
    Guess,
    clean_text,
)
from gis.files.moments import excel_day, in_years, parse_local_datetime, parse_moment, to_datetime
from gis.labels import parse_number

ONGOING = datetime.max  # the end of an open period: 至今, and 9999-12-31 as many programs have it

MONTH_PATTERN = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?(?:份)?[起止]?")
SHORT_YEAR_PATTERN = re.compile(r"(\d{2})(年\d{1,2}月(?:\d{1,2}[日号]?)?)[起止]?")
CHINESE_PATTERN = re.compile("[零〇一二三四五六七八九十]{1,4}(?=[年月日号])")
BEFORE_PATTERN = re.compile(r"^(?:自从?|从|截[至止]到?|直?[至到])\s*(?=\d)")
ONGOING_PATTERN = re.compile(
    r"(?:至|到|迄)?(?:今|现在|目前)|长期(?:有效)?|永久|无(?:固定)?(?:期限|限期)?|不限|[仍现]?在[任职岗]|未离[任职]|现任|[-/—–一]+|未定|9999(?:\D.*|1231)?"
)


def parse_first_day(value: object) -> datetime | Guess:
    """Return the moment of a cell; a month is its first day.

    Raises
    ------
    CellError
        The cell is not a date, or is ambiguous.
    """
    return _read(value, last=False)


def parse_first_moment(value: object) -> datetime | Guess:
    """Return the moment of a cell with its offset where it has one, else as `parse_first_day`.

    Raises
    ------
    CellError
        As `parse_first_day`.
    """
    try:
        moment = parse_moment(value)
    except CellError:
        return parse_first_day(value)
    return moment if moment.tzinfo else parse_first_day(value)


def parse_end_day(value: object) -> datetime | Guess:
    """Return the first moment that no longer counts.

    至今 is `ONGOING`, and a month is its first day.

    Raises
    ------
    CellError
        As `parse_first_day`.
    """
    return (
        Guess(ONGOING, "cell.ongoing", clean_text(value))
        if _is_ongoing(value)
        else _read(value, last=False)
    )


def parse_last_day(value: object) -> datetime | Guess:
    """Return the first moment after a last day: 2026-03-31 is 2026-04-01, and so is 2026年3月.

    至今 is `ONGOING`.

    Raises
    ------
    CellError
        As `parse_first_day`.
    """
    return (
        Guess(ONGOING, "cell.ongoing", clean_text(value))
        if _is_ongoing(value)
        else _read(value, last=True)
    )


def _read(value: object, last: bool) -> datetime | Guess:
    written = clean_text(value)
    text = unicodedata.normalize("NFKC", written)
    text = CHINESE_PATTERN.sub(
        lambda numeral: str(parse_number(numeral[0])), BEFORE_PATTERN.sub("", text)
    )
    if last:
        text = re.sub("(?<=月)[底末]$", "", text)
    if short := SHORT_YEAR_PATTERN.fullmatch(text):
        read = _day_or_month(f"20{short[1]}{short[2]}", last)
        return Guess(
            read.value if isinstance(read, Guess) else read, "cell.two_digit_year", written
        )
    if re.fullmatch(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{1,4}", text):
        raise CellError("cell.date_ambiguous", text=text)
    if day := excel_day(text):
        read_day = day + timedelta(days=last and day.time() == datetime.min.time())
        return Guess(read_day, "cell.day_number_read", f"{written}: {day:%Y-%m-%d}")
    return _day_or_month(value if text == unicodedata.normalize("NFKC", written) else text, last)


def _day_or_month(value: object, last: bool) -> datetime | Guess:
    """Return the moment of a day or a month.

    After its end when `last`, unless it says a time of day.

    Raises
    ------
    CellError
        It is neither, or a month that may be the first or the tenth.
    """
    text = unicodedata.normalize("NFKC", clean_text(value))
    if re.fullmatch(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])", text):
        text = f"{text[:4]}-{text[4:]}"
    if not (month := MONTH_PATTERN.fullmatch(text)):
        read = parse_local_datetime(value)
        return read + timedelta(days=1) if last and read.time() == datetime.min.time() else read
    if re.fullmatch(r"\d{4}\.1", text):
        raise CellError("cell.month_ambiguous", text=text, year=text[:4])
    month_start = in_years(to_datetime(text, int(month[1]), int(month[2]), 1))
    if not last:
        return Guess(month_start, "cell.month_as_first_day", f"{text}: {month_start:%Y-%m-%d}")
    next_month = (month_start + timedelta(days=31)).replace(day=1)
    return Guess(
        next_month, "cell.month_as_last_day", f"{text}: {next_month - timedelta(days=1):%Y-%m-%d}"
    )


def _is_ongoing(value: object) -> bool:
    text = re.sub(r"\s|\(.*\)", "", unicodedata.normalize("NFKC", clean_text(value)))
    return bool(ONGOING_PATTERN.fullmatch(text))
