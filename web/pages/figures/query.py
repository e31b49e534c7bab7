"""What the page of figures shows, as it stands in the address: period, area, grouping, order."""

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import current_app, request
from flask_babel import gettext, lazy_gettext

from gis.incidents.reading.statistics import METRICS, StatisticsRow, previous_period
from gis.incidents.reading.statistics_sql import Scope
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http import params

DEFAULT_GROUP = "category"
DEFAULT_DAYS = 30  # length of the period without one in the address
GROUP_LABELS = {
    "city": lazy_gettext("City"),
    "county": lazy_gettext("County"),
    "street": lazy_gettext("Street"),
    "community": lazy_gettext("Community"),
    "grid": lazy_gettext("Grid"),
    "unit": lazy_gettext("Ten-household unit"),
    "category": lazy_gettext("Kind"),
    "major": lazy_gettext("Group of kinds"),
    "person": lazy_gettext("Person"),
    "role": lazy_gettext("Role"),
    "channel": lazy_gettext("Channel"),
    "day": lazy_gettext("Day"),
    "week": lazy_gettext("Week"),
    "month": lazy_gettext("Month"),
}
TIME_GROUPS = ("day", "week", "month")  # a day of this period has none before to compare with


@dataclass(frozen=True)
class FigureQuery:
    """The question in the address. since, until: Days, the last one included."""

    since: str
    until: str
    per: str
    area: str
    sort: str

    def address(self, **changes: str) -> str:
        """Return the part of the address behind the question mark, with some fields changed."""
        return urlencode(asdict(self) | changes)

    @property
    def compares_groups(self) -> bool:
        """Whether each group has one of the same key in the period before."""
        return self.per not in TIME_GROUPS

    def scope(self, *, per: str | None = None, before: bool = False) -> Scope:
        """Return what is to be counted: this period, or the one that it is compared with.

        Raises
        ------
        InvalidInput
            The period ends before it begins.
        """
        zone: ZoneInfo = current_app.config["SETTINGS"].timezone
        since = datetime.combine(date.fromisoformat(self.since), time(), zone)
        last = date.fromisoformat(self.until)
        until = datetime.combine(last + timedelta(days=1), time(), zone)
        if since >= until:
            raise params.invalid_field("until", "statistics.until_before_since")
        if before:
            since, until = previous_period(since, until, zone)
        now = params.parse_datetime(None)
        return Scope(since, until, now, per or self.per, self.area, zone.key)


def allowed_groups(by: Principal) -> dict[str, Any]:
    """Return what a principal may group by, with labels."""
    return {
        key: label
        for key, label in GROUP_LABELS.items()
        if key != "person" or by.is_allowed(Action.NAMES)
    }


def parse_query(by: Principal, *, whole: bool = False) -> FigureQuery:
    """Return the question of the address, with defaults for what is missing.

    Parameters
    ----------
    whole
        Whether it may be of all groups together (`per=all`), as the rows behind a figure may.

    Raises
    ------
    InvalidInput
        `field.none_of`: an unknown grouping or order. `field.not_a_day`: a malformed day.
    """
    today = datetime.now(current_app.config["SETTINGS"].timezone).date()
    query = FigureQuery(
        since=request.args.get("since") or (today - timedelta(days=DEFAULT_DAYS - 1)).isoformat(),
        until=request.args.get("until") or today.isoformat(),
        per=request.args.get("per", DEFAULT_GROUP),
        area=request.args.get("area", ""),
        sort=request.args.get("sort", "-reported"),
    )
    orders = [sign + name for name in ("key", *METRICS) for sign in ("", "-")]
    groups = [*allowed_groups(by), *(["all"] if whole else [])]
    for name, allowed in (("per", groups), ("sort", orders)):
        value = getattr(query, name)
        if value not in allowed:
            raise params.invalid_field(name, "field.none_of", value=value[:40], allowed=allowed)
    for name in ("since", "until"):
        value = getattr(query, name)
        try:
            parsed = date.fromisoformat(value)
        except ValueError:
            raise params.invalid_field(name, "field.not_a_day", value=value[:40]) from None
        if not 1900 <= parsed.year <= 2999:
            raise params.invalid_field(name, "field.not_a_day", value=value[:40])
        query = replace(query, **{name: parsed.isoformat()})
    return query


def periods(today: date) -> list[tuple[str, date, date]]:
    """Return the usual periods: label, first and last day."""
    monday, month_begin = today - timedelta(days=today.weekday()), today.replace(day=1)
    last_month = month_begin - timedelta(days=1)
    return [
        (gettext("This week"), monday, today),
        (gettext("Last week"), monday - timedelta(days=7), monday - timedelta(days=1)),
        (gettext("This month"), month_begin, today),
        (gettext("Last month"), last_month.replace(day=1), last_month),
        (gettext("%(n)s days", n=DEFAULT_DAYS), today - timedelta(days=DEFAULT_DAYS - 1), today),
    ]


def sorted_rows(rows: list[StatisticsRow], order: str) -> list[StatisticsRow]:
    """Sort rows by a column; rates of few behind the others, rows without a value last."""
    name, down = order.removeprefix("-"), order.startswith("-")
    valued = [row for row in rows if getattr(row, name) is not None]
    valued.sort(key=lambda row: getattr(row, name), reverse=down)
    valued.sort(key=lambda row: name in row.rates and row.rates[name].is_small)
    return valued + [row for row in rows if getattr(row, name) is None]
