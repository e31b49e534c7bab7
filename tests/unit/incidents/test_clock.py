"""The clock of working time: holidays, swapped days, lunch, the last second.

And that both directions agree.
"""

import time as wall
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis import office_calendar
from gis.incidents import working_time
from gis.incidents.working_time import ZONE, amber, deadline, due_status, elapsed_minutes


def at(message: str) -> datetime:
    """A moment in Anshun."""
    return datetime.fromisoformat(message).replace(tzinfo=ZONE)


MOMENTS = st.datetimes(datetime(2019, 1, 1), datetime(2031, 12, 31), timezones=st.just(ZONE))
MINUTES = st.floats(0, 60 * 24 * 400, allow_nan=False)
TINY = 1e-6  # minutes; the clock counts whole microseconds


@pytest.mark.parametrize(
    ("began", "minutes", "ends"),
    [
        ("2026-11-23T09:00", 60, "2026-11-23T10:00"),
        ("2026-11-23T11:30", 60, "2026-11-23T14:00"),  # lunch lies between
        ("2026-11-23T12:30", 10, "2026-11-23T13:40"),  # begun at lunch
        (
            "2026-11-23T09:00",
            180,
            "2026-11-23T12:00",
        ),  # the very end of the morning, not the afternoon
        (
            "2026-11-23T09:00",
            450,
            "2026-11-23T18:00",
        ),  # the very end of the day, not the next morning
        ("2026-11-23T17:59:59", 1 / 60, "2026-11-23T18:00"),  # the last second
        ("2026-11-23T18:00", 1, "2026-11-24T09:01"),
        ("2026-11-23T22:15", 30, "2026-11-24T09:30"),
        ("2026-11-20T17:30", 60, "2026-11-23T09:30"),  # Friday to Monday
        (
            "2026-02-14T17:30",
            60,
            "2026-02-24T09:30",
        ),  # a Saturday worked (调休), then Spring Festival till the 23rd
        ("2026-02-15T10:00", 30, "2026-02-24T09:30"),  # the first day of Spring Festival, a Sunday
        ("2025-01-26T09:00", 30, "2025-01-26T09:30"),  # a Sunday worked (调休)
        ("2025-12-31T17:45", 30, "2026-01-04T09:15"),  # New Year, and the Sunday worked for it
    ],
)
def test_working_time(began: str, minutes: float, ends: str) -> None:
    assert deadline(at(began), minutes) == at(ends)


def test_around_the_clock_nothing_is_left_out() -> None:
    began = at("2026-02-16T23:30")  # the eve of Spring Festival
    assert deadline(began, 60, around_the_clock=True) == at("2026-02-17T00:30")
    assert elapsed_minutes(began, at("2026-02-17T00:30"), around_the_clock=True) == 60


def test_no_time_is_the_moment_itself() -> None:
    night = at("2026-11-23T03:00")
    assert deadline(night, 0) == deadline(night, -5) == night


def test_nothing_is_spent_in_the_night_nor_backwards() -> None:
    assert elapsed_minutes(at("2026-11-23T18:00"), at("2026-11-24T09:00")) == 0
    assert elapsed_minutes(at("2026-11-24T09:00"), at("2026-11-23T09:00")) == 0
    assert elapsed_minutes(at("2026-11-23T09:00"), at("2026-11-24T09:00")) == 450


def test_any_zone_may_be_asked_in() -> None:
    began = at("2026-11-23T11:30").astimezone(UTC)
    assert deadline(began, 60) == at("2026-11-23T14:00")
    assert deadline(began, 60).tzinfo is UTC


@given(MOMENTS, MINUTES)
def test_what_is_due_has_been_spent_by_then(began: datetime, minutes: float) -> None:
    assert elapsed_minutes(began, deadline(began, minutes)) == pytest.approx(minutes, abs=TINY)


@given(MOMENTS, MINUTES, MINUTES)
def test_more_time_never_ends_earlier(began: datetime, one: float, other: float) -> None:
    assert deadline(began, min(one, other)) <= deadline(began, max(one, other))


@given(st.lists(MOMENTS, min_size=3, max_size=3))
def test_time_adds_up(moments: list[datetime]) -> None:
    a, b, c = sorted(moments)
    assert elapsed_minutes(a, b) + elapsed_minutes(b, c) == pytest.approx(
        elapsed_minutes(a, c), abs=TINY
    )


@given(MOMENTS, MINUTES, MINUTES)
def test_a_pause_of_no_length_changes_nothing(began: datetime, one: float, other: float) -> None:
    apart = deadline(deadline(began, one), other)
    together = deadline(began, one + other)
    assert (
        abs(apart - together) <= timedelta(microseconds=3)
        or elapsed_minutes(min(apart, together), max(apart, together)) < TINY
    )


@settings(max_examples=30)
@given(MOMENTS, st.integers(0, 60 * 24 * 30))
def test_it_counts_what_a_slow_count_by_minutes_does(began: datetime, length: int) -> None:
    """Every minute looked at one by one, over at most two days."""
    began = began.replace(second=0, microsecond=0)
    until = began + timedelta(minutes=length % 2880)
    minutes = (began + timedelta(minutes=n) for n in range(length % 2880))
    slow = sum(
        working_time.working_day(minute.date())
        and any(
            start <= minute.hour * 60 + minute.minute < end
            for start, end in office_calendar.PUBLISHED.spans_in_minutes(minute.date())
        )
        for minute in minutes
    )
    assert elapsed_minutes(began, until) == slow


def test_amber_comes_at_four_fifths() -> None:
    began = at("2026-11-23T09:00")
    assert amber(began, 450) == at("2026-11-23T16:30")
    assert amber(began, 100, around_the_clock=True) == at("2026-11-23T10:20")


def test_colours_change_at_eighty_percent_and_past_the_end() -> None:
    began = at("2026-11-23T09:00")
    yellow, red = (
        amber(began, 100, around_the_clock=True),
        deadline(began, 100, around_the_clock=True),
    )
    second = timedelta(seconds=1)
    assert due_status(yellow - second, yellow, red) == "green"
    assert due_status(yellow, yellow, red) == due_status(red, yellow, red) == "amber"
    assert due_status(red + second, yellow, red) == "red"
    assert due_status(red, None, None) is None


def test_a_year_without_published_holidays_counts_weekends_and_fixed_dates() -> None:
    calendar = office_calendar.PUBLISHED
    assert not calendar.knows(2099) and calendar.knows(2026)
    # New Year, then a Friday
    assert deadline(at("2098-12-31T17:30"), 60) == at("2099-01-02T09:30")
    assert deadline(at("2099-01-02T09:00"), 60) == at("2099-01-02T10:00")
    assert not calendar.works(date(2099, 10, 2)) and calendar.works(date(2026, 2, 14))
    assert calendar.is_holiday(date(2099, 2, 1)) is None


def test_it_is_fast() -> None:
    began, year_on = at("2026-03-01T10:00"), at("2027-03-01T10:00")
    deadline(began, 200_000), elapsed_minutes(began, year_on)  # the years are read once
    rounds = 2_000
    start = wall.process_time()
    for _ in range(rounds):
        elapsed_minutes(began, deadline(began, 900))
    short = (wall.process_time() - start) / rounds / 2
    start = wall.process_time()
    for _ in range(rounds):
        deadline(began, 120_000), elapsed_minutes(began, year_on)
    long = (wall.process_time() - start) / rounds / 2
    assert short < 200e-6, f"{short * 1e6:.0f} µs"  # 50 µs alone; cores that others use are slower
    assert long < 1e-3, f"{long * 1e6:.0f} µs"
    print(f"{short * 1e6:.0f} µs, over a year {long * 1e6:.0f} µs")
