"""What the charts of the page draw: reports over time, rates beside those before, groups."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gis.incidents.reading.statistics import RATES, StatisticsRow
from gis.incidents.reading.statistics_sql import Scope
from web.pages.figures.cells import metric_title

MAX_DAY_BARS, MAX_WEEK_BARS = 62, 400  # days of a period up to which a bar is a day, a week
MAX_GROUP_BARS = 12
FORMAT_BY_STEP = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}

Address = Callable[..., str]


def time_step(scope: Scope) -> str:
    """Return what a bar of the chart over time is: day, week or month."""
    days = (scope.until - scope.since).days
    return "day" if days <= MAX_DAY_BARS else "week" if days <= MAX_WEEK_BARS else "month"


def trend(
    scope: Scope,
    counts: Mapping[str, tuple[int, int]],
    before: Scope,
    counts_before: Mapping[str, tuple[int, int]],
    address: Address,
) -> dict[str, Any]:
    """Return reports by day, week or month of a period, and those of the period before.

    Bars without reports are there too. The n-th of the period before stands beside the n-th.

    Parameters
    ----------
    counts, counts_before
        Reported, and closed of these, as `closed_by_key`.
    """
    step = time_step(scope)
    keys = _keys(scope, step)
    keys_before = _keys(before, step)[: len(keys)]
    bars = [counts.get(key, (0, 0)) for key in keys]
    return {
        "step": step,
        "keys": keys,
        "closed": [closed for _, closed in bars],
        "open": [reported - closed for reported, closed in bars],
        "keys_before": keys_before,
        "before": [counts_before.get(key, (0, 0))[0] for key in keys_before],
        "addresses": [address(per=step, key=key, metric="reported") for key in keys],
    }


def _keys(scope: Scope, step: str) -> list[str]:
    zone = ZoneInfo(scope.zone)
    since: datetime = scope.since.astimezone(zone)
    last = scope.until.astimezone(zone)
    days = (since + timedelta(days=number) for number in range((last - since).days))
    return [*dict.fromkeys(day.strftime(FORMAT_BY_STEP[step]) for day in days)]


def rates(
    total: StatisticsRow, before: StatisticsRow | None, language: str, address: Address
) -> list[dict[str, Any]]:
    """Return the rates of enough, each with that of the period before where it is of enough."""
    drawn = []
    for name in RATES:
        rate, previous = total.rates[name], before.rates[name] if before else None
        if rate.is_small:
            continue
        drawn.append(
            {
                "label": metric_title(name, language),
                "n": rate.n,
                "of": rate.of,
                "value": rate.value,
                "before": (previous and not previous.is_small and vars(previous)) or None,
                "address": address(per="all", key="", metric=name),
            }
        )
    return drawn


def groups(
    rows: Sequence[StatisticsRow], label: Callable[[StatisticsRow], str], address: Address
) -> list[dict[str, Any]]:
    """Return the groups with most reports: closed, open in time and overdue."""
    largest = sorted(rows, key=lambda row: row.reported, reverse=True)[:MAX_GROUP_BARS]
    return [
        {
            "label": label(row),
            "closed": row.closed,
            "open": row.open - row.overdue,
            "overdue": row.overdue,
            "address": address(key=row.key or "", metric="reported"),
        }
        for row in largest
    ]
