"""What each figure counts, as SQL over the incidents of a period.

`CTES` makes one row per incident (`counted`); the conditions of COUNT_CONDITIONS and RATES are of
its columns. So a figure and the list of the incidents behind it cannot differ.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import office_calendar
from gis.db import plan_for_values
from gis.errors import Forbidden, invalid_field
from gis.incidents.reading.filters import area_id
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.visibility import ACTION_BY_FACT, Fact
from gis.settings import ZONE

LOCAL = "i.reported_at AT TIME ZONE :zone"
# As they were when it was filed. `area_ids` has them in this order, and leaves out only the last
# ones, where something is of no grid. PostgreSQL does not join what a grouping does not use.
RECORDED_LEVELS = ("county", "street", "community")
RECORDED_AREAS_SQL = "\n".join(
    f"    LEFT JOIN area {level} ON {level}.id = i.area_ids[{place}] AND {level}.level = '{level}'"
    for place, level in enumerate(RECORDED_LEVELS, 1)
)
# what to group by -> the key and its name in SQL; those of GROUPED_TABLES are named from there
GROUP_EXPRESSIONS = {
    "all": ("''", "''"),
    **{level: (f"{level}.code", "''") for level in (*RECORDED_LEVELS, "grid", "unit", "city")},
    "category": ("i.category", "c.zh"),
    "major": ("c.major", "c.major_zh"),
    "person": ("p.code", "''"),
    "role": ("i.role", "coalesce(r.zh, '')"),
    "channel": ("i.channel", "i.channel"),
    "day": (f"to_char({LOCAL}, 'YYYY-MM-DD')", "''"),
    "week": (f"to_char({LOCAL}, 'IYYY-\"W\"IW')", "''"),
    "month": (f"to_char({LOCAL}, 'YYYY-MM')", "''"),
}
# of those whose key is the code of a row: its table. They are grouped by its id, since codes that
# begin alike take three times as long to sort.
GROUPED_TABLES = {
    key: "personal.person" if key == "person" else "area"
    for key, (code, _) in GROUP_EXPRESSIONS.items()
    if code.endswith(".code")
}
# figure -> which incidents it counts
COUNT_CONDITIONS = {
    "reported": "true",
    "open": "state <> 'closed'",
    "closed": "state = 'closed'",
    "overdue": "late",
    "supervised": "supervised OR watched",
    "rated": "rating IS NOT NULL",
    "taken": "taken_at IS NOT NULL",
    "handled": "finished AND handled_at IS NOT NULL",
}
# rate -> of which incidents, and which of these count
RATE_CONDITIONS = {
    "response": ("answerable", "taken_at IS NOT NULL AND taken_in_time"),
    "completion": ("true", "state = 'closed'"),
    "in_time": ("on_time IS NOT NULL", "on_time"),
    "resolution": ("settled IS NOT NULL", "settled"),
    "satisfaction": ("rating IS NOT NULL", "rating >= 4"),
    "followed_up": ("reached OR call_late", "NOT call_late"),
    "office_resolution": ("office_solved IS NOT NULL", "office_solved"),
    "office_satisfaction": ("office_rating IS NOT NULL", "office_rating >= 4"),
    "returned": ("true", "returned"),
    "confirmed": ("verdict IS NOT NULL", "verdict = 'real'"),
}
DAY_S = 86_400
HALVES = ("morning", "afternoon")  # a day has two stretches of work at most
# Since when the zone of working time has one offset: those of China since 1992; before, they had
# summer times and the sun's own time.
CHINESE_ZONES = ("Asia/Shanghai", "Asia/Urumqi", "Asia/Hong_Kong", "Asia/Macau", "Asia/Taipei")
ZONE_SINCE = "'1992-01-01 UTC'" if ZONE.key in CHINESE_ZONES else "'infinity'"
ZONE_OFFSET_S = ZONE.utcoffset(datetime(2000, 1, 1)) // timedelta(seconds=1)  # type: ignore[operator]


def _local_seconds(moment: str) -> str:
    """Return SQL for the seconds of working time's zone from 1970 to a moment.

    By addition where that is right: the zone of every moment takes a fifth of a figure's time.
    """
    return (
        f"CASE WHEN {moment} < {ZONE_SINCE}"
        f" THEN date_part('epoch', {moment} AT TIME ZONE '{ZONE.key}')"
        f" ELSE date_part('epoch', {moment}) + {ZONE_OFFSET_S} END"
    )


def _hours_since_report(name: str) -> str:
    """Return SQL for the hours from the report to a moment, by columns of `counted`.

    Parameters
    ----------
    name
        Of the moment, without its `_at`.
    """
    # `_local_seconds` differ by what has passed, unless clocks were changed in between
    return (
        f"CASE WHEN reported_at < {ZONE_SINCE}"
        f" THEN date_part('epoch', {name}_at - reported_at)"
        f" ELSE {name}_s - reported_s END / 3600"
    )


def _working_seconds(seconds: str) -> str:
    """Return SQL for the working time from the start of the calendar to a moment, in seconds.

    Parameters
    ----------
    seconds
        The column with its `_local_seconds`.
    """
    day = f"floor({seconds} / {DAY_S})::integer - :first_day"
    today = f"{seconds} - {DAY_S} * floor({seconds} / {DAY_S})"
    worked = " + ".join(
        f"greatest(0, least({today} - (CAST(:{half}_from AS float8[]))[{day}],"
        f" (CAST(:{half}_s AS float8[]))[{day}]))"
        for half in HALVES
    )
    return (
        f"((CAST(:seconds_before AS float8[]))[{day}]"
        f" + CASE WHEN (CAST(:works AS boolean[]))[{day}] THEN {worked} ELSE 0 END)"
    )


# median of hours -> its value in SQL, and the count of the incidents that it is of
HOUR_EXPRESSIONS = {
    "hours_to_take": (_hours_since_report("taken"), "taken"),
    "hours_to_take_working": ("(taken_work - reported_work) / 3600", "taken"),
    "hours_to_handle": (_hours_since_report("handled"), "handled"),
    "hours_to_handle_working": ("(handled_work - reported_work) / 3600", "handled"),
}


CTES = f"""
WITH picked AS (
  SELECT i.id, i.county, i.area_ids, i.category, i.edition_id, i.grid_id, i.state, i.supervised,
      i.rating, i.solved, i.office_rating, i.office_solved, i.reported_at, i.due_at,
      i.follow_up_due_at, i.taken_at, i.taken_in_time, i.handled_at, i.handled_in_time,
      i.returned, i.reopened, i.watched, i.reached, {{key}} AS key, {{number}} AS number,
      {{name}} AS name
  FROM incident i
    LEFT JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
    LEFT JOIN personal.person p ON p.id = i.holder_id LEFT JOIN role r ON r.key = i.role
    -- a matter of a whole community is none of the grid that was found for its point
    LEFT JOIN area grid ON grid.id = i.grid_id AND i.grid_id = ANY(i.area_ids)
      AND grid.level = 'grid'
    LEFT JOIN area unit ON unit.id = i.unit_id AND i.unit_id = ANY(i.area_ids)
      AND unit.level = 'unit'
{RECORDED_AREAS_SQL}
    -- of the county as it is now; an incident keeps no more than its county
    LEFT JOIN area counted_in ON counted_in.code = i.county
    LEFT JOIN area city ON city.id = counted_in.parent_id AND city.level = 'city'
  WHERE i.reported_at >= :since AND i.reported_at < :until AND i.state <> 'void'
      AND i.parent_id IS NULL AND {{allowed}}
    AND (CAST(:area AS bigint) IS NULL
      OR i.area_ids && in_counties(ARRAY[CAST(:area AS bigint)]))
), checked AS (
  SELECT DISTINCT ON (s.incident_id) s.incident_id, s.verdict
  FROM spot_check s WHERE s.verdict IS NOT NULL
  ORDER BY s.incident_id, s.checked_at DESC, s.id DESC
), one AS (
  SELECT i.*, i.due_at < :now AS late, coalesce(i.follow_up_due_at < :now, false) AS call_late,
    i.state IN ('handled', 'checked', 'closed') AS finished,
    CASE WHEN coalesce(i.taken_at, i.handled_at) IS NOT NULL
      THEN {_working_seconds("reported_s")} END AS reported_work,
    {_working_seconds("taken_s")} AS taken_work,
    {_working_seconds("handled_s")} AS handled_work
  FROM (
    SELECT i.*, k.verdict, {_local_seconds("i.reported_at")} AS reported_s,
      {_local_seconds("i.taken_at")} AS taken_s, {_local_seconds("i.handled_at")} AS handled_s
    FROM picked i LEFT JOIN checked k ON k.incident_id = i.id
    -- so that these are worked out once a row; to the planner 0 is a call, and what has an offset
    -- that it does not know is no work for a second process
    OFFSET '0'
  ) i
), counted AS (
  SELECT *, taken_at IS NOT NULL OR (late AND state IN ('reported', 'accepted', 'dispatched',
      'returned')) AS answerable,
    CASE WHEN finished THEN handled_in_time WHEN late THEN false END AS on_time,
    CASE WHEN solved IS NOT NULL THEN solved AND finished
      WHEN reopened AND NOT finished THEN false END AS settled
  FROM one
)"""  # noqa: S608  our own text


@dataclass(frozen=True)
class Scope:
    """Whose incidents of when and where are counted, and how they are grouped.

    since, until: Moments of the report, the end itself out. per: One of GROUP_EXPRESSIONS.
    area: Code of an area; empty: everywhere. now: Moment at which clocks are read.
    zone: Whose days, weeks (ISO 8601) and months.
    """

    since: datetime
    until: datetime
    now: datetime
    per: str = "all"
    area: str = ""
    zone: str = "Asia/Shanghai"


def counted_sql(session: Session, by: Principal, scope: Scope) -> tuple[str, dict[str, Any]]:
    """Return `CTES` for what a principal may count of a scope, and its parameters.

    From then on the transaction has its statements planned for their values.

    Raises
    ------
    InvalidInput
        An unknown grouping or area, or a period that ends before it begins.
    Forbidden
        The principal may not count, or not by person.
    """
    by.require(Action.FIGURES)
    if scope.per not in GROUP_EXPRESSIONS:
        allowed = list(GROUP_EXPRESSIONS)
        raise invalid_field("per", "field.none_of", value=scope.per[:40], allowed=allowed)
    if scope.since >= scope.until:
        raise invalid_field("until", "statistics.until_before_since")
    if scope.per == "person" and not by.is_allowed(Action.NAMES):
        raise Forbidden("statistics.names_forbidden")
    plan_for_values(session)
    condition, params = _limits(by, scope.per)
    key, name = GROUP_EXPRESSIONS[scope.per]
    number = key.replace(".code", ".id") if scope.per in GROUPED_TABLES else key
    params |= {
        "since": scope.since,
        "until": scope.until,
        "now": scope.now,
        "zone": scope.zone,
        "area": area_id(session, scope.area) if scope.area else None,
    }
    params |= _calendar(session, scope)
    return CTES.format(key=key, number=number, name=name, allowed=condition), params


def _limits(by: Principal, per: str) -> tuple[str, dict[str, Any]]:
    """Return the condition of the areas that the rights reach over, and its parameters."""
    needed = {"own": Action.FIGURES}
    if per == "person":
        needed["named"] = ACTION_BY_FACT[Fact.NAMES]
    params = {
        column: sorted(areas)
        for column, action in needed.items()
        if (areas := by.areas_by_action[action]) is not None
    }
    conditions = [f"i.area_ids && CAST(:{column} AS bigint[])" for column in params]
    return " AND ".join(conditions) or "true", dict(params)


def _calendar(session: Session, scope: Scope) -> dict[str, Any]:
    """Return the working days from the first incident of the scope until now, as parameters."""
    first_day = session.scalar(
        text("SELECT min(reported_at) FROM incident WHERE reported_at >= :since"),
        {"since": scope.since},
    )
    begin = min(first_day or scope.now, scope.now).astimezone(ZONE).date()
    end = (scope.now + timedelta(days=1)).astimezone(ZONE).date()  # clocks may differ
    days = [begin + timedelta(days=number) for number in range((end - begin).days + 1)]
    calendar = office_calendar.current()
    worked_s = [calendar.worked(day) / 1e6 for day in days]
    params: dict[str, Any] = {
        "first_day": (begin - date(1970, 1, 1)).days - 1,  # arrays begin at 1
        "seconds_before": list(accumulate(worked_s[:-1], initial=0.0)),
        "works": [seconds > 0 for seconds in worked_s],
    }
    for number, half in enumerate(HALVES):
        spans = [(*calendar.spans(day), (0, 0))[number] for day in days]
        params[f"{half}_from"] = [start / 1e6 for start, _ in spans]
        params[f"{half}_s"] = [(end - start) / 1e6 for start, end in spans]
    return params
