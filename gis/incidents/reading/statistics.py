"""How well the loop works, by area, category, person and period.

Response, completion, resolution and satisfaction.

What each figure means, `metric_meaning` says; the page and the API show it beside the numbers.
Incidents that repeat another one (children) and void ones are left out: a matter counts once.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Forbidden, invalid_field
from gis.messages import label
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.visibility import ACTION_BY_FACT, Fact

# each with its name `metric.<key>` and its definition `metric_meaning.<key>` in the catalogue
RATES = (
    "response",
    "completion",
    "in_time",
    "resolution",
    "satisfaction",
    "office_resolution",
    "office_satisfaction",
    "returned",
)
HOURS = ("hours_to_take", "hours_to_handle")
METRICS = ("reported", "open", "overdue", "supervised", *RATES, *HOURS)


def metric_label(metric: str, language: str) -> str:
    """Return what a figure is called, as "response rate"."""
    return label(f"metric.{metric}", language)


def metric_meaning(metric: str, language: str) -> str:
    """Return what is counted for a figure."""
    return label(f"metric_meaning.{metric}", language)


LOCAL = "i.reported_at AT TIME ZONE :zone"
AREA = "(SELECT {} FROM area a WHERE a.id = ANY(i.area_ids) AND a.level = '{}')"
# what to group by -> the key and its name in SQL
GROUP_EXPRESSIONS = {
    "all": ("''", "''"),
    **{
        level: (AREA.format("a.code", level), AREA.format("a.name", level))
        for level in ("street", "community", "grid", "unit")
    },
    "category": ("i.category", "c.zh"),
    "major": ("c.major", "c.major_zh"),
    "person": ("p.code", "p.name"),
    "role": ("i.role", "coalesce(r.zh, '')"),
    "channel": ("i.channel", "i.channel"),
    "day": (f"to_char({LOCAL}, 'YYYY-MM-DD')", "''"),
    "week": (f"to_char({LOCAL}, 'IYYY-\"W\"IW')", "''"),
    "month": (f"to_char({LOCAL}, 'YYYY-MM')", "''"),
}


@dataclass(frozen=True)
class StatisticsRow:
    """The figures of one group; a rate is null where nothing is counted under its line.

    key, name: Of the group: a code and name, a period, or empty for all. Rates are 0 to 1.
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
    office_resolution: float | None = field(
        metadata={"description": "As the office recorded it at follow-up visits"}
    )
    office_satisfaction: float | None = field(metadata={"description": "As `office_resolution`"})
    rated: int
    mean_rating: float | None
    hours_to_take: float | None
    hours_to_handle: float | None


STATISTICS_SQL = """
WITH picked AS (
  SELECT i.id, i.state, i.supervised, i.rating, i.solved, i.office_rating, i.office_solved,
      i.reported_at, i.due_at, {key} AS key, {name} AS name
  FROM incident i JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
    LEFT JOIN personal.person p ON p.id = i.holder_id LEFT JOIN role r ON r.key = i.role
  WHERE i.reported_at >= :since AND i.reported_at < :until AND i.state <> 'void'
      AND i.parent_id IS NULL AND {allowed}
    AND (CAST(:area AS bigint) IS NULL OR :area = ANY(i.area_ids))
), happened AS (
  SELECT e.incident_id, min(e.at) FILTER (WHERE e.move = 'take') AS taken_at,
    (array_agg(coalesce((e.detail ->> 'in_time')::boolean, true)
        ORDER BY e.id) FILTER (WHERE e.move = 'take'))[1]
      AS taken_in_time,
    max(e.at) FILTER (WHERE e.move = 'handle') AS handled_at,
    (array_agg(coalesce((e.detail ->> 'in_time')::boolean, true)
        ORDER BY e.id DESC) FILTER (WHERE e.move = 'handle'))[1]
      AS handled_in_time,
    max(e.at) FILTER (WHERE e.move = 'reopen') AS reopened_at,
        bool_or(e.move = 'return') AS returned, bool_or(e.move IN ('escalate',
        'supervise')) AS watched
  FROM incident_event e JOIN picked ON picked.id = e.incident_id
  WHERE e.move IN ('take', 'handle', 'return', 'reopen', 'escalate', 'supervise')
      GROUP BY e.incident_id
), one AS (
  SELECT i.key, i.name, i.state, i.supervised, i.rating, i.solved, i.office_rating, i.office_solved,
      i.reported_at, i.due_at < :now AS late,
    i.state IN ('handled', 'checked', 'closed') AS finished, h.*
  FROM picked i LEFT JOIN happened h ON h.incident_id = i.id
), counted AS (
  SELECT *, taken_at IS NOT NULL OR (late AND state IN ('reported', 'accepted', 'dispatched',
      'returned')) AS answerable,
    CASE WHEN finished THEN handled_in_time WHEN late THEN false END AS on_time,
    CASE WHEN solved IS NOT NULL THEN solved AND finished WHEN reopened_at IS NOT NULL
        AND NOT finished THEN false END AS settled
  FROM one
)
SELECT key, max(name) AS name, count(*) AS reported,
    count(*) FILTER (WHERE state <> 'closed') AS open,
  count(*) FILTER (WHERE state = 'closed') AS closed, count(*) FILTER (WHERE late) AS overdue,
  count(*) FILTER (WHERE supervised OR watched) AS supervised, avg(coalesce(returned,
      false)::int) AS returned,
  avg((taken_at IS NOT NULL AND taken_in_time)::int) FILTER (WHERE answerable) AS response,
  avg((state = 'closed')::int) AS completion, avg(on_time::int) AS in_time,
  avg(settled::int) AS resolution, avg(office_solved::int) AS office_resolution,
  avg((office_rating >= 4)::int) FILTER (WHERE office_rating IS NOT NULL) AS office_satisfaction,
      avg((rating >= 4)::int) FILTER (WHERE rating IS NOT NULL) AS satisfaction,
  count(rating) AS rated, avg(rating) AS mean_rating,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch
      FROM taken_at - reported_at) / 3600) AS hours_to_take,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch
      FROM handled_at - reported_at) / 3600) FILTER (WHERE finished) AS hours_to_handle
FROM counted GROUP BY key ORDER BY key NULLS LAST
"""


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
        An unknown grouping or area, or a period that ends before it begins. Forbidden: Not allowed.
    """
    by.require(Action.FIGURES)
    if per not in GROUP_EXPRESSIONS:
        raise invalid_field("per", "field.none_of", value=per[:40], allowed=list(GROUP_EXPRESSIONS))
    if since >= until:
        raise invalid_field("until", "statistics.until_before_since")
    if per == "person" and not by.is_allowed(Action.NAMES):
        raise Forbidden("statistics.names_forbidden")
    where = None
    if area:
        where = session.scalar(text("SELECT id FROM area WHERE code = :code"), {"code": area})
        if where is None:
            raise invalid_field("area", "field.area_unknown", code=area[:40])
    key, name = GROUP_EXPRESSIONS[per]
    needed = {"own": Action.FIGURES} | (
        {"named": ACTION_BY_FACT[Fact.NAMES]} if per == "person" else {}
    )
    limits = {
        column: areas
        for column, action in needed.items()
        if (areas := by.areas_by_action[action]) is not None
    }
    allowed = " AND ".join(
        ["true", *(f"i.area_ids && CAST(:{column} AS bigint[])" for column in limits)]
    )
    query = STATISTICS_SQL.format(key=key, name=name, allowed=allowed)
    params = {"since": since, "until": until, "now": now, "zone": zone, "area": where}
    params |= {column: sorted(areas) for column, areas in limits.items()}
    return [_figure(row) for row in session.execute(text(query), params).mappings()]


COUNTED = frozenset({"key", "name", "reported", "open", "closed", "overdue", "supervised", "rated"})


def _figure(row: Any) -> StatisticsRow:
    values: dict[str, Any] = dict(row)
    rates = {
        name: round(float(value), 4)
        for name, value in values.items()
        if name not in COUNTED and value is not None
    }
    return StatisticsRow(**values | rates)
