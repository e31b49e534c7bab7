"""How well the loop works, by area, category, person and period.

Response, completion, resolution and satisfaction.

What each figure means, `metric_meaning` says; the page and the API show it beside the numbers.
Incidents that repeat another one (children) and void ones are left out: a matter counts once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import execute_raw
from gis.incidents.reading.statistics_sql import (
    COUNT_CONDITIONS,
    GROUPED_TABLES,
    HOUR_EXPRESSIONS,
    RATE_CONDITIONS,
    Scope,
    counted_sql,
)
from gis.messages import label
from gis.rights.principal import Principal

# each with its name `metric.<key>` and its definition `metric_meaning.<key>` in the catalogue
RATES = tuple(RATE_CONDITIONS)
HOUR_FIGURES = tuple(HOUR_EXPRESSIONS)
METRICS = ("reported", "open", "overdue", "supervised", *RATES, *HOUR_FIGURES)
MIN_RATE_OF = 10  # of fewer a rate is shown as a count: one more or less would move it by a tenth


def metric_label(metric: str, language: str) -> str:
    """Return what a figure is called, as "response rate"."""
    return label(f"metric.{metric}", language)


def metric_meaning(metric: str, language: str) -> str:
    """Return what is counted for a figure."""
    return label(f"metric_meaning.{metric}", language)


@dataclass(frozen=True)  # without slots, for which orjson takes four times as long
class RateCount:
    """A rate with what it was counted of: `n` of `of`; value 0 to 1, null where `of` is 0.

    value: To six digits, so that no page rounds it a second time: 5 of 130 as 0.0385 would be
    3.9 %.
    """

    n: int
    of: int
    value: float | None = field(init=False)

    def __post_init__(self) -> None:
        """Divide."""
        object.__setattr__(self, "value", round(self.n / self.of, 6) if self.of else None)

    @property
    def is_small(self) -> bool:
        """Whether it is of so few that it is shown as a count."""
        return self.of < MIN_RATE_OF


# of forty thousand in a grouping by grid, all but some hundred are of the same few numbers
_rate = lru_cache(maxsize=4096)(RateCount)


@dataclass  # not frozen, which takes three times as long for the thousands of a county's grids
class StatisticsRow:
    """The figures of one group; a rate is null where nothing is counted under its line.

    key, name: Of the group: a code and name, a period, or empty for all. Rates are 0 to 1.
    taken, handled: How many the medians of hours are of. `_working`: hours of working time, the
    others of the clock on the wall.
    """

    key: str | None
    name: str | None
    reported: int
    open: int
    closed: int
    overdue: int
    supervised: int
    returned: float | None
    response: float | None
    completion: float | None
    in_time: float | None
    resolution: float | None
    satisfaction: float | None
    followed_up: float | None
    office_resolution: float | None = field(
        metadata={"description": "As the office recorded it at follow-up visits"}
    )
    office_satisfaction: float | None = field(metadata={"description": "As `office_resolution`"})
    rated: int
    mean_rating: float | None
    hours_to_take: float | None
    hours_to_handle: float | None
    confirmed: float | None = field(metadata={"description": "Of spot checks"})
    taken: int
    handled: int
    hours_to_take_working: float | None
    hours_to_handle_working: float | None
    rates: dict[str, RateCount] = field(
        metadata={"description": "Each rate with the numbers it is made of"}
    )


ROUNDED = ("mean_rating", *HOUR_FIGURES)
# of a row as it is read: what it counts, `n` and `of` of each rate, and means
COUNTED = ("key", "name", *COUNT_CONDITIONS)
RATE_PAIRS = tuple(f"{name}_{part}" for name in RATES for part in ("n", "of"))
STATISTICS_SQL = ",\n".join(
    (
        "SELECT number",
        *(
            f"count(*) FILTER (WHERE {condition}) AS {name}"
            for name, condition in COUNT_CONDITIONS.items()
        ),
        *(
            f"count(*) FILTER (WHERE {of}) AS {name}_of,\n"
            f"count(*) FILTER (WHERE ({of}) AND ({n})) AS {name}_n"
            for name, (of, n) in RATE_CONDITIONS.items()
        ),
        "CAST(avg(rating) AS float8) AS mean_rating",
        *(
            f"percentile_cont(0.5) WITHIN GROUP (ORDER BY {value})"
            f" FILTER (WHERE {COUNT_CONDITIONS[of]}) AS {name}"
            for name, (value, of) in HOUR_EXPRESSIONS.items()
        ),
    )
)


def incident_statistics(
    session: Session,
    by: Principal,
    since: datetime,
    until: datetime,
    per: str = "all",
    area: str = "",
    *,
    now: datetime,
    zone: str = "Asia/Shanghai",
) -> list[StatisticsRow]:
    """Return the figures of the incidents reported from `since` until before `until`, by group.

    Parameters
    ----------
    by
        Needs Action.FIGURES; incidents of areas it is not allowed in are not counted.
    per
        What to group by, one of GROUPS. By person: whoever holds the incident now or held it last;
        names need Action.NAMES. area: Code; only incidents in it. zone: Whose days, weeks (ISO
        8601) and months.

    Raises
    ------
    InvalidInput
        An unknown grouping or area, or a period that ends before it begins.
    Forbidden
        The principal may not read them.
    """
    scope = Scope(since, until, now, per, area, zone)
    return [_row(row) for row in _read_figures(session, by, scope)]


def grouped_statistics(
    session: Session, by: Principal, scope: Scope
) -> tuple[StatisticsRow | None, list[StatisticsRow]]:
    """Return the figures of all incidents of a scope, None if there are none, and by group.

    In one pass over the events. Rights and errors are those of `incident_statistics`.
    """
    total, grouped = None, []
    for *row, is_whole in _read_figures(session, by, scope, with_all=True):
        figures = _row(row)
        if not is_whole:
            grouped.append(figures)
        elif figures.reported:
            total = replace(figures, key="", name="")
    return total, grouped


def _read_figures(
    session: Session, by: Principal, scope: Scope, *, with_all: bool = False
) -> Iterable[Sequence[Any]]:
    """Return the figures of `counted` by group: COUNTED, RATE_PAIRS and ROUNDED.

    Parameters
    ----------
    with_all
        Also those of all groups together, and at the end of each row whether it is theirs. The
        medians of a hundred thousand incidents take a sort each.
    """
    ctes, params = counted_sql(session, by, scope)
    return execute_raw(session, f"{ctes}\n{_figures_sql(scope.per, with_all)}", params)


def _figures_sql(per: str, with_all: bool) -> str:
    """Return the query for the figures of `counted`, by group and, where asked for, of all."""
    table = GROUPED_TABLES.get(per)
    columns = STATISTICS_SQL if table else f"{STATISTICS_SQL}, max(name) AS name"
    by = "number"
    if with_all:
        columns, by = f"{columns}, grouping(number) = 1 AS whole", "GROUPING SETS ((number), ())"
    # fenced, as CTES, so that what several figures count is worked out once a row
    fenced = "(SELECT * FROM counted OFFSET '0') counted"
    groups = f"{columns}\nFROM {fenced} GROUP BY {by}"
    # named at the end: the largest name of a hundred thousand rows takes a tenth of the time
    level = f" AND n.level = '{per}'" if table == "area" else ""
    key, name, source = (
        ("n.code", "n.name", f"({groups}) g LEFT JOIN {table} n ON n.id = g.number{level}")
        if table
        else ("g.number", "g.name", f"({groups}) g")
    )
    read = ", ".join((*COUNT_CONDITIONS, *RATE_PAIRS, *ROUNDED, *(["whole"] if with_all else [])))
    return f"SELECT {key} AS key, {name}, {read} FROM {source} ORDER BY key NULLS LAST"  # noqa: S608


def closed_by_key(session: Session, by: Principal, scope: Scope) -> dict[str, tuple[int, int]]:
    """Return how many were reported, and how many of them are closed, by group."""
    ctes, params = counted_sql(session, by, scope)
    closed = f"count(*) FILTER (WHERE {COUNT_CONDITIONS['closed']})"
    query = f"{ctes}\nSELECT key, count(*), {closed} FROM picked GROUP BY key"
    return {row[0]: (row[1], row[2]) for row in session.execute(text(query), params)}


def _row(row: Sequence[Any]) -> StatisticsRow:
    names, means = len(COUNTED), -len(ROUNDED)
    rates = dict(
        zip(RATES, map(_rate, row[names:means:2], row[names + 1 : means : 2]), strict=True)
    )
    values: dict[str, Any] = dict(zip(COUNTED, row, strict=False))
    for name, rate in rates.items():
        values[name] = rate.value
    for name, mean in zip(ROUNDED, row[means:], strict=True):
        values[name] = mean and round(mean, 4)
    return StatisticsRow(**values, rates=rates)


def previous_period(since: datetime, until: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the period that one is compared with: as long, and just before.

    Whole calendar months of the zone are compared with as many months before, so October with
    September.
    """
    begin, end = since.astimezone(zone), until.astimezone(zone)
    if _starts_month(begin) and _starts_month(end):
        months = (end.year - begin.year) * 12 + end.month - begin.month
        number = begin.year * 12 + begin.month - 1 - months
        first_day = date(number // 12, number % 12 + 1, 1)
        return datetime.combine(first_day, begin.time(), zone), since
    return since - (until - since), since


def _starts_month(moment: datetime) -> bool:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return moment.day == 1 and moment - midnight == timedelta(0)
