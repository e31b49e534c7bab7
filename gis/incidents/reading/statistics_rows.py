"""The incidents behind a figure, one by one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import invalid_field
from gis.incidents.reading.statistics_sql import (
    COUNT_CONDITIONS,
    HOUR_EXPRESSIONS,
    RATE_CONDITIONS,
    Scope,
    counted_sql,
)
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.visibility import visibility_clause

# which of the incidents of a rate: all it is of, those that count, those that do not
RATE_PARTS = ("of", "n", "rest")


@dataclass(frozen=True)
class CountedIncident:
    """An incident that a figure counts.

    counts: Whether it is one of the `n` of a rate; true for a plain count. value: Its hours, for a
    median of hours.
    """

    id: UUID
    category: str
    edition_id: int
    category_zh: str
    grid: str
    state: str
    reported_at: datetime
    counts: bool
    value: float | None


def counted_incidents(
    session: Session,
    by: Principal,
    scope: Scope,
    metric: str,
    key: str | None = None,
    part: str = "of",
    *,
    limit: int = 200,
    after: tuple[datetime, UUID] | None = None,
) -> list[CountedIncident]:
    """List the incidents that a figure of a group counts, the newest first.

    Parameters
    ----------
    metric
        A count, a rate or a median of hours.
    key
        Of the group, as `StatisticsRow.key`, empty for the group without one. None: every group.
    part
        One of RATE_PARTS.
    after
        Moment of the report and id behind which to go on.

    Raises
    ------
    InvalidInput
        An unknown figure or part, or as `counted_sql`.
    Forbidden
        The principal may not count, or may not read incidents.
    """
    by.require(Action.READ)
    of, counts, value = _conditions(metric)
    if part not in RATE_PARTS:
        raise invalid_field("part", "field.none_of", value=part[:40], allowed=list(RATE_PARTS))
    chosen = {"of": "true", "n": "x.counts", "rest": "NOT x.counts"}[part]
    ctes, params = counted_sql(session, by, scope)
    visible, seen = visibility_clause(by, "i")
    query = f"""{ctes}
SELECT x.id, x.category, x.edition_id, c.zh AS category_zh, g.name AS grid, x.state, x.reported_at,
  x.counts, x.value
FROM (SELECT *, ({counts}) IS TRUE AS counts, {value} AS value FROM counted WHERE {of}) x
  JOIN incident i ON (i.county, i.id) = (x.county, x.id)
  JOIN incident_category c ON (c.edition_id, c.code) = (x.edition_id, x.category)
  JOIN area g ON g.id = x.grid_id
WHERE {chosen} AND {visible} AND (CAST(:key AS text) IS NULL OR coalesce(x.key, '') = :key)
  AND (CAST(:after_at AS timestamptz) IS NULL
    OR (x.reported_at, x.id) < (CAST(:after_at AS timestamptz), CAST(:after_id AS uuid)))
ORDER BY x.reported_at DESC, x.id DESC LIMIT :limit"""  # noqa: S608  our own text
    params |= seen | {"key": key, "limit": limit}
    params |= dict(zip(("after_at", "after_id"), after or (None, None), strict=True))
    return [_row(row) for row in session.execute(text(query), params).mappings()]


def _conditions(metric: str) -> tuple[str, str, str]:
    """Return SQL for what a figure is of, which of these count, and the hours of each.

    Raises
    ------
    InvalidInput
        There is no such figure.
    """
    if metric in RATE_CONDITIONS:
        of, counts = RATE_CONDITIONS[metric]
        return of, counts, "NULL::float8"
    if metric in HOUR_EXPRESSIONS:
        value, of = HOUR_EXPRESSIONS[metric]
        return COUNT_CONDITIONS[of], "true", value
    if metric in COUNT_CONDITIONS:
        return COUNT_CONDITIONS[metric], "true", "NULL::float8"
    allowed = [*COUNT_CONDITIONS, *RATE_CONDITIONS, *HOUR_EXPRESSIONS]
    raise invalid_field("metric", "field.none_of", value=metric[:40], allowed=allowed)


def _row(row: Any) -> CountedIncident:
    values = dict(row)
    if values["value"] is not None:
        values["value"] = round(float(values["value"]), 4)
    return CountedIncident(**values)
