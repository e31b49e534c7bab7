"""Periods of papers as offices name them: a day, an ISO 8601 week, a month, a year."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gis.errors import invalid_field
from gis.storable import YEARS

KINDS = ("day", "week", "month", "year")
PATTERN = re.compile(r"(\d{4})(?:-W(\d{2})|-(\d{2})(?:-(\d{2}))?)?", re.ASCII)


@dataclass(frozen=True)
class Period:
    """A period. text: As it is named, as 2026-W47. first, last: Its days."""

    text: str
    first: date
    last: date
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.first, time(), self.zone)

    @property
    def until(self) -> datetime:
        """The first moment behind it."""
        return datetime.combine(self.last + timedelta(days=1), time(), self.zone)

    @property
    def end(self) -> datetime:
        """Its last moment that the database tells from the next."""
        return self.until - timedelta(microseconds=1)


def parse_period(text: str, zone: ZoneInfo) -> Period:
    """Return the period that a text names: 2026-11-27, 2026-W47, 2026-11 or 2026.

    Raises
    ------
    InvalidInput
        It names none.
    """
    match = PATTERN.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        year, week, month, day = (int(part) if part else None for part in match.groups())
        assert year is not None
        if year not in YEARS:
            raise ValueError(text)
        if week is not None:
            first = date.fromisocalendar(year, week, 1)
            return Period(text, first, first + timedelta(days=6), zone)
        first = date(year, month or 1, day or 1)
        if day is not None:
            return Period(text, first, first, zone)
        months = year * 12 + (month if month else 12)  # of the month behind it, from 0
        last = date(months // 12, months % 12 + 1, 1) - timedelta(days=1)
    except (ValueError, OverflowError):
        raise invalid_field("period", "paper.period_unknown", value=text[:40]) from None
    return Period(text, first, last, zone)


def period_at(kind: str, day: date) -> str:
    """Return the name of the period of a kind, one of KINDS, that a day lies in."""
    year, week, _ = day.isocalendar()
    return {
        "day": day.isoformat(),
        "week": f"{year}-W{week:02}",
        "month": f"{day:%Y-%m}",
        "year": f"{day:%Y}",
    }[kind]
