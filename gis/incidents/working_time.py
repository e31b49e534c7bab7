"""The clock of the loop: working time of the office calendar, in the zone of the deployment."""

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta

from gis import office_calendar
from gis.office_calendar import MINUTE, Micros
from gis.settings import ZONE

WARNING_SHARE = 0.8  # share of a time after which it is amber


def working_day(day: date) -> bool:
    """Return whether a day is a working day."""
    return office_calendar.current().works(day)


def day_minutes(at: datetime) -> float:
    """Return the minutes of work of a working day with the hours of a moment's day."""
    spans = office_calendar.current().spans(at.astimezone(ZONE).date())
    return sum(end - start for start, end in spans) / MINUTE


def _count(moment: datetime) -> tuple[int, Micros]:
    """Return the year of a moment, and the working time in it before the moment."""
    local = moment.astimezone(ZONE)
    day = local.date()
    number = (day - date(day.year, 1, 1)).days
    calendar = office_calendar.current()
    elapsed = calendar.elapsed_by_day(day.year)
    micros = elapsed[number]
    if elapsed[number + 1] > micros:
        at = ((local.hour * 60 + local.minute) * 60 + local.second) * 1_000_000 + local.microsecond
        micros += sum(min(max(at - start, 0), end - start) for start, end in calendar.spans(day))
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
    remaining = max(round(minutes * MINUTE), 0)
    if around_the_clock:
        return began + timedelta(microseconds=remaining)
    calendar = office_calendar.current()
    year, count = _count(began)
    remaining += count
    if remaining == count:
        return began
    while remaining > calendar.elapsed_by_day(year)[-1]:
        remaining -= calendar.elapsed_by_day(year)[-1]
        year += 1
    elapsed = calendar.elapsed_by_day(year)
    # the last day that begins before so much is done: at the very end of a day it is that day, not
    # the next
    number = bisect_right(elapsed, remaining - 1) - 1
    left = remaining - elapsed[number]
    day = date(year, 1, 1) + timedelta(days=number)
    for start, end in calendar.spans(day):
        if left <= end - start:
            local = datetime.combine(day, time(), ZONE)
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
    calendar = office_calendar.current()
    (begin_year, begin_micros), (end_year, end_micros) = _count(began), _count(until)
    return (
        sum(calendar.elapsed_by_day(year)[-1] for year in range(begin_year, end_year))
        + end_micros
        - begin_micros
    ) / MINUTE


def due_status(now: datetime, amber_at: datetime | None, due_at: datetime | None) -> str | None:
    """Return green below 80 % of the time, amber from there, red past 100 %.

    None when no clock runs.
    """
    if amber_at is None or due_at is None:
        return None
    return "red" if now > due_at else "amber" if now >= amber_at else "green"
