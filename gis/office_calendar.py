"""The working calendar of an office: its holidays, the weekends worked for them, its hours.

Under the rows that an office loads lie the days that the State Council publishes, as the package
chinesecalendar keeps them; for a year that neither knows, weekends and the holidays of fixed date
count. The calendar in use is that of the database which the running thread last took a connection
to, so that shards have theirs and what computes a deadline needs no session.
"""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Any

import chinese_calendar

HOLIDAY, WORKDAY, HOURS = CALENDAR_USES = ("holiday", "workday", "hours")
# 元旦, 劳动节, 国庆节: in every year (since 2025)
FIXED_HOLIDAYS = {(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)}
MIN_HOLIDAYS_OF_YEAR = 13  # as many the law gives: with fewer rows a year is not yet entered
MAX_CALENDAR_AGE_S = 3.0  # as the register of areas: decision 16

Micros = int
MINUTE: Micros = 60_000_000
Spans = tuple[tuple[Micros, Micros], ...]


@dataclass(frozen=True)
class CalendarRow:
    """A row of the table: days off, days worked, or the hours of a stretch of days.

    Attributes
    ----------
    use
        One of CALENDAR_USES.
    first, last
        Both count; hours without a last day hold on.
    spans
        Of hours: minutes of the day from and to, morning and afternoon or one for both.
    """

    use: str
    first: date
    last: date | None
    spans: tuple[tuple[int, int], ...]
    name: str

    @property
    def days(self) -> list[date]:
        """The days of a holiday or of days worked."""
        last = self.last or self.first
        return [
            self.first + timedelta(days=number) for number in range((last - self.first).days + 1)
        ]


# before any row: 09:00-12:00 and 13:30-18:00, 7.5 hours
DEFAULT_SPANS: Spans = ((540 * MINUTE, 720 * MINUTE), (810 * MINUTE, 1080 * MINUTE))


class OfficeCalendar:
    """The days and hours of rows, later rows before earlier ones; it never changes."""

    def __init__(self, rows: Sequence[CalendarRow] = ()) -> None:
        self._works = {
            day: row.use == WORKDAY for row in rows if row.use != HOURS for day in row.days
        }
        self._seasons = [
            (row.first, row.last or date.max, _in_micros(row.spans))
            for row in reversed(rows)
            if row.use == HOURS
        ]
        holidays = [day.year for day, works in self._works.items() if not works]
        self._entered = {year for year in holidays if holidays.count(year) >= MIN_HOLIDAYS_OF_YEAR}
        self._elapsed: dict[int, tuple[Micros, ...]] = {}

    def knows(self, year: int) -> bool:
        """Return whether the holidays of a year are known: published with the code, or entered."""
        return year in self._entered or _is_published(year)

    def works(self, day: date) -> bool:
        """Return whether a day is a working day."""
        if (stated := self._works.get(day)) is not None:
            return stated
        if _is_published(day.year):
            return bool(chinese_calendar.is_workday(day))
        return day.weekday() < 5 and (day.month, day.day) not in FIXED_HOLIDAYS

    def is_holiday(self, day: date) -> bool | None:
        """Return whether a day is a public holiday, not a mere weekend; None if not known."""
        if (stated := self._works.get(day)) is not None:
            return not stated
        if _is_published(day.year):
            return all(chinese_calendar.get_holiday_detail(day))
        return False if day.year in self._entered else None

    def spans(self, day: date) -> Spans:
        """Return the hours of a day, if it is worked."""
        return next(
            (spans for first, last, spans in self._seasons if first <= day <= last), DEFAULT_SPANS
        )

    def spans_in_minutes(self, day: date) -> list[tuple[int, int]]:
        """Return the hours of a day, as a row has them."""
        return [(start // MINUTE, end // MINUTE) for start, end in self.spans(day)]

    def worked(self, day: date) -> Micros:
        """Return the working time of a day."""
        return sum(end - start for start, end in self.spans(day)) if self.works(day) else 0

    def elapsed_by_day(self, year: int) -> tuple[Micros, ...]:
        """Return the working time from the start of a year to the start of each of its days.

        The last is the start of the next year.
        """
        if year not in self._elapsed:
            begin, end = date(year, 1, 1), date(year + 1, 1, 1)
            days = ((begin + timedelta(days=number)) for number in range((end - begin).days))
            self._elapsed[year] = tuple(accumulate(map(self.worked, days), initial=0))
        return self._elapsed[year]


def _in_micros(spans: Iterable[tuple[int, int]]) -> Spans:
    return tuple((start * MINUTE, end * MINUTE) for start, end in spans)


def _is_published(year: int) -> bool:
    return year in PUBLISHED_YEARS


def row_to_json(row: CalendarRow) -> dict[str, Any]:
    """Return a row as the database stores it."""
    last = row.last and row.last.isoformat()
    return {**vars(row), "first": row.first.isoformat(), "last": last}


def row_from_json(stored: Mapping[str, Any]) -> CalendarRow:
    """Return a row as it was stored."""
    return CalendarRow(
        stored["use"],
        date.fromisoformat(stored["first"]),
        date.fromisoformat(stored["last"]) if stored["last"] else None,
        tuple((start, end) for start, end in stored["spans"]),
        stored["name"],
    )


PUBLISHED_YEARS = frozenset(day.year for day in chinese_calendar.holidays)
PUBLISHED = OfficeCalendar()
_current: ContextVar[OfficeCalendar] = ContextVar("office_calendar", default=PUBLISHED)


def current() -> OfficeCalendar:
    """Return the calendar in use."""
    return _current.get()


def use(rows: Sequence[CalendarRow]) -> None:
    """Use a calendar from now on, until the next connection is taken."""
    _current.set(OfficeCalendar(rows))


class CalendarFollower:
    """Puts the calendar of a database in use whenever a connection to it is taken."""

    def __init__(self) -> None:
        self._calendar, self._edition, self._read_at = PUBLISHED, 0, -math.inf

    def follow(self, connection: Any) -> None:
        """Put the calendar in use, read again when it may have changed; `connection` is idle."""
        if time.monotonic() - self._read_at >= MAX_CALENDAR_AGE_S:
            self._read(connection.cursor())
            connection.commit()  # ROLLBACK would have the driver forget what is prepared
            self._read_at = time.monotonic()
        _current.set(self._calendar)

    def _read(self, cursor: Any) -> None:
        if cursor.execute("SELECT to_regclass('public.office_calendar')").fetchone()[0] is None:
            return  # before the first migration
        newest = "SELECT id, rows FROM office_calendar WHERE id > %s ORDER BY id DESC LIMIT 1"
        if row := cursor.execute(newest, (self._edition,)).fetchone():
            number, rows = row
            self._calendar = OfficeCalendar([row_from_json(each) for each in rows])
            self._edition = number  # last: another thread would take the old one for new
