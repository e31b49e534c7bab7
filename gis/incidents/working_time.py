"""The clock of the loop: working time with Chinese public holidays.

And the weekends worked for them (调休).

Working time is Monday to Friday, `WORKING_HOURS`, in `ZONE`; holidays and swapped days are those
the State Council publishes for each year, as the package chinesecalendar keeps them. For a year it
does not know yet, plain weekends and the holidays of fixed date count, and `has_holiday_calendar`
says so.
"""

import logging
from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate

import chinese_calendar

from gis.settings import SHANGHAI

ZONE = SHANGHAI
WORKING_HOURS = ((time(9), time(12)), (time(13, 30), time(18)))  # morning and afternoon: 7.5 hours
FIXED_HOLIDAYS = {
    (1, 1),
    (5, 1),
    (5, 2),
    (10, 1),
    (10, 2),
    (10, 3),
}  # 元旦, 劳动节, 国庆节: in every year (since 2025)
WARNING_SHARE = 0.8  # share of a time after which it is amber

log = logging.getLogger(__name__)

Micros = int
_MINUTE: Micros = 60_000_000


def _micros(of: time) -> Micros:
    return (of.hour * 60 + of.minute) * _MINUTE


SPANS = tuple((_micros(start), _micros(end)) for start, end in WORKING_HOURS)
WORKDAY_MICROS: Micros = sum(end - start for start, end in SPANS)
DAY_MINUTES = WORKDAY_MICROS / _MINUTE


@lru_cache(maxsize=128)
def has_holiday_calendar(year: int) -> bool:
    """Return whether the package has the holidays of a year.

    If not, weekends and fixed dates count. Warns once.
    """
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        log.warning(
            "the holidays of %s are not known: weekends and fixed dates count;"
            " is chinesecalendar up to date?",
            year,
        )
        return False
    return True


@lru_cache(maxsize=4096)
def working_day(day: date) -> bool:
    """Return whether a day is a working day."""
    if has_holiday_calendar(day.year):
        return bool(chinese_calendar.is_workday(day))
    return day.weekday() < 5 and (day.month, day.day) not in FIXED_HOLIDAYS


@lru_cache(maxsize=128)
def _elapsed_by_day(year: int) -> tuple[Micros, ...]:
    """Return the working time from the start of a year to the start of each of its days.

    The last is the start of the next year.
    """
    days = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    begin = date(year, 1, 1)
    worked = (
        WORKDAY_MICROS if working_day(begin + timedelta(days=number)) else 0
        for number in range(days)
    )
    return tuple(accumulate(worked, initial=0))


def _count(moment: datetime) -> tuple[int, Micros]:
    """Return the year of a moment, and the working time in it before the moment."""
    local = moment.astimezone(ZONE)
    day = local.date()
    number = (day - date(day.year, 1, 1)).days
    elapsed = _elapsed_by_day(day.year)
    micros = elapsed[number]
    if elapsed[number + 1] > micros:
        at = ((local.hour * 60 + local.minute) * 60 + local.second) * 1_000_000 + local.microsecond
        micros += sum(min(max(at - start, 0), end - start) for start, end in SPANS)
    return day.year, micros


def deadline(began: datetime, minutes: float, *, around_the_clock: bool = False) -> datetime:
    """Return the moment when so many minutes are over.

    Parameters
    ----------
    began
        With its time zone. minutes: Of working time, or of the clock on the wall with
        `around_the_clock`.

    No time at all, or less: the moment itself. Returned in `began`'s zone.

    Raises
    ------
    AssertionError
        Cannot happen: a day has no more than its hours.
    """
    remaining = max(round(minutes * _MINUTE), 0)
    if around_the_clock:
        return began + timedelta(microseconds=remaining)
    year, count = _count(began)
    remaining += count
    if remaining == count:
        return began
    while remaining > _elapsed_by_day(year)[-1]:
        remaining -= _elapsed_by_day(year)[-1]
        year += 1
    elapsed = _elapsed_by_day(year)
    # the last day that begins before so much is done: at the very end of a day it is that day, not
    # the next
    number = bisect_right(elapsed, remaining - 1) - 1
    left = remaining - elapsed[number]
    for start, end in SPANS:
        if left <= end - start:
            local = datetime.combine(date(year, 1, 1) + timedelta(days=number), time(), ZONE)
            return (local.astimezone(UTC) + timedelta(microseconds=start + left)).astimezone(
                began.tzinfo
            )
        left -= end - start
    raise AssertionError("a day has no more than its hours")


def amber(began: datetime, minutes: float, *, around_the_clock: bool = False) -> datetime:
    """Return the moment when 80 % of so many minutes are over; see `deadline`."""
    return deadline(began, minutes * WARNING_SHARE, around_the_clock=around_the_clock)


def elapsed_minutes(began: datetime, until: datetime, *, around_the_clock: bool = False) -> float:
    """Return the minutes of working time, or of the wall clock, between two moments.

    0 when `until` is earlier.
    """
    if until <= began:
        return 0.0
    if around_the_clock:
        return (until - began) / timedelta(minutes=1)
    (begin_year, begin_micros), (end_year, end_micros) = _count(began), _count(until)
    return (
        sum(_elapsed_by_day(year)[-1] for year in range(begin_year, end_year))
        + end_micros
        - begin_micros
    ) / _MINUTE


def due_status(now: datetime, amber_at: datetime | None, due_at: datetime | None) -> str | None:
    """Return green below 80 % of the time, amber from there, red past 100 %.

    None when no clock runs.
    """
    if amber_at is None or due_at is None:
        return None
    return "red" if now > due_at else "amber" if now >= amber_at else "green"
