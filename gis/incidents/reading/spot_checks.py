"""Spot checks (抽查) as drawn, with the verdicts, for who supervises the community."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import invalid_field
from gis.incidents.reading.filters import area_id
from gis.incidents.reading.statistics import RateCount
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.visibility import visibility_clause

WEEK_PATTERN = re.compile(r"((?:19|2[0-9])[0-9]{2})-W([0-9]{2})")


@dataclass(frozen=True)
class DrawnIncident:
    """An incident of a sample. verdict: One of VERDICTS; None: nobody has looked yet.

    grid: Name. mine: Whether the principal handled it, and so may not give the verdict.
    """

    id: int
    incident_id: UUID
    category: str
    category_zh: str
    description: str
    address: str
    grid: str
    reported_at: datetime
    verdict: str | None
    note: str
    checked_by: str | None
    checked_at: datetime | None
    mine: bool


@dataclass(frozen=True)
class SpotSample:
    """The sample of a community and week, as `gis.incidents.models.SpotDraw`."""

    id: int
    area: str
    name: str
    week: str
    seed: str
    share: float
    minimum: int
    population: int
    drawn_at: datetime
    drawn_by: str
    incidents: tuple[DrawnIncident, ...]

    @property
    def confirmed(self) -> RateCount:
        """How many were real, of those looked at."""
        verdicts = [row.verdict for row in self.incidents if row.verdict]
        return RateCount(verdicts.count("real"), len(verdicts))


def week_period(week: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the first moment of an ISO week and that of the week after.

    Raises
    ------
    InvalidInput
        `spot_check.week_malformed`: it is no week, as 2026-W48.
    """
    match = WEEK_PATTERN.fullmatch(week)
    try:
        monday = date.fromisocalendar(int(match[1]), int(match[2]), 1) if match else None
    except ValueError:
        monday = None
    if monday is None:
        raise invalid_field("week", "spot_check.week_malformed", value=week[:40])
    return (
        datetime.combine(monday, time(), zone),
        datetime.combine(monday + timedelta(days=7), time(), zone),
    )


def week_of(moment: datetime) -> str:
    """Return the ISO week of a moment in its own zone, as 2026-W48."""
    year, number, _ = moment.isocalendar()
    return f"{year}-W{number:02}"


COMMUNITIES_SQL = """
WITH RECURSIVE up AS (
  SELECT id AS community, id, parent_id FROM area WHERE level = 'community'
  UNION ALL SELECT up.community, a.id, a.parent_id FROM up JOIN area a ON a.id = up.parent_id
)
SELECT DISTINCT c.id, c.code, c.name, c.retired_at FROM up JOIN area c ON c.id = up.community
WHERE (CAST(:areas AS bigint[]) IS NULL OR up.id = ANY(CAST(:areas AS bigint[])))
ORDER BY c.code
"""


@dataclass(frozen=True)
class CommunityRow:
    """A community whose spot checks the principal may draw and judge."""

    id: int
    code: str
    name: str


def supervised_communities(
    session: Session, by: Principal, at: datetime, area: str = ""
) -> list[CommunityRow]:
    """List the communities that a principal supervises as a whole, by code.

    Parameters
    ----------
    area
        Code; only communities in it. A community that was retired before `at` is left out.

    Raises
    ------
    Forbidden
        The principal supervises nothing.
    InvalidInput
        There is no such area.
    """
    by.require(Action.SUPERVISE)
    areas = by.areas_by_action[Action.SUPERVISE]
    rows = _communities(session, areas)
    if area:
        inside = {row.id for row in _communities(session, [area_id(session, area)])}
        rows = [row for row in rows if row.id in inside]
    return [
        CommunityRow(row.id, row.code, row.name)
        for row in rows
        if row.retired_at is None or row.retired_at > at
    ]


def _communities(session: Session, areas: Any) -> list[Any]:
    params = {"areas": None if areas is None else sorted(areas)}
    return list(session.execute(text(COMMUNITIES_SQL), params))


DRAWN_SQL = """
SELECT s.id, s.draw_id, s.incident_id, s.verdict, s.note, s.checked_by, s.checked_at, i.category,
  c.zh AS category_zh, i.description, i.address, g.name AS grid, i.reported_at,
  coalesce(i.holder_id = :person OR EXISTS (SELECT FROM incident_event e
    WHERE e.incident_id = i.id AND e.move = 'handle' AND e.person_id = :person), false) AS mine
FROM spot_check s JOIN incident i ON (i.county, i.id) = (s.county, s.incident_id)
  JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
  JOIN area g ON g.id = i.grid_id
WHERE s.draw_id = ANY(:draws) AND {visible}
ORDER BY s.id
"""


def list_samples(
    session: Session, by: Principal, week: str, at: datetime, area: str = ""
) -> list[SpotSample]:
    """List the samples of a week of the communities that a principal supervises.

    Parameters and errors are those of `supervised_communities`; a week that is none has no sample.
    """
    communities = {row.id: row for row in supervised_communities(session, by, at, area)}
    draws = session.execute(
        text("SELECT * FROM spot_draw WHERE week = :week AND area_id = ANY(:areas)"),
        {"week": week, "areas": list(communities)},
    ).all()
    visible, params = visibility_clause(by, "i")
    params |= {"draws": [draw.id for draw in draws], "person": by.person_id}
    query = DRAWN_SQL.format(visible=visible)
    drawn: dict[int, list[DrawnIncident]] = {}
    for row in session.execute(text(query), params).mappings():
        values = dict(row)
        drawn.setdefault(values.pop("draw_id"), []).append(DrawnIncident(**values))
    return [
        SpotSample(
            area=communities[draw.area_id].code,
            name=communities[draw.area_id].name,
            incidents=tuple(drawn.get(draw.id, ())),
            **{
                name: getattr(draw, name)
                for name in (
                    "id",
                    "week",
                    "seed",
                    "share",
                    "minimum",
                    "population",
                    "drawn_at",
                    "drawn_by",
                )
            },
        )
        for draw in sorted(draws, key=lambda draw: communities[draw.area_id].code)
    ]
