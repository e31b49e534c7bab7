"""Points of who takes orders, computed from the events of incidents by one query.

An order counts for who holds it at the end: the team that it was taken for, else the person. Each
fact of it counts once, by its last event, in the year of that event, and only while the incident
still bears it out. What repeats another incident, what was made void, and what its holder
reported, counts nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.credit.formulas import Formula
from gis.credit.rules import CONDITIONS, POINT_FACTS
from gis.db import as_json
from gis.incidents.reading.filters import area_id
from gis.incidents.takers import TAKER_ROLES
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.visibility import visibility_clause
from gis.years import Year


def _cases(column: str, conditions: Mapping[str, str]) -> str:
    cases = " ".join(f"WHEN '{key}' THEN {condition}" for key, condition in conditions.items())
    return f"CASE {column} {cases} END"


# raw SQL: rules as rows joined to events; `computed` as of now, `stored` of years that are closed
ENTRIES_SQL = f"""
WITH rule AS (
  SELECT r.* FROM jsonb_to_recordset(CAST(:rules AS jsonb)) AS r(edition_id bigint, county text,
    closed boolean, move text, fact text, condition text, value numeric, cap numeric)
), latest AS (
  SELECT DISTINCT ON (e.incident_id, e.move) e.*,
    max(e.id) FILTER (WHERE e.move = 'handle') OVER (PARTITION BY e.incident_id) AS handle_id
  FROM incident i JOIN incident_event e ON (e.county, e.incident_id) = (i.county, i.id)
  WHERE e.at >= :since AND i.county IN (SELECT county FROM rule)
    AND i.parent_id IS NULL AND i.state <> 'void' AND i.holder_id IS NOT NULL
    AND (i.role = ANY(:taker_roles) OR i.organisation_id IS NOT NULL)
    AND NOT EXISTS (SELECT FROM personal.account a
      WHERE a.id = i.account_id AND a.person_id = i.holder_id)
    AND (e.move IN ('take', 'handle', 'close')
      OR e.move = 'rate' AND NOT coalesce((e.detail ->> 'follow_up')::boolean, false)
      OR e.move = 'follow_up' AND e.detail ->> 'outcome' = 'reached')
  ORDER BY e.incident_id, e.move, e.id DESC
), counted AS (
  SELECT r.edition_id, r.closed, l.id AS event_id, r.fact, r.condition, l.incident_id, l.at,
    CASE WHEN i.organisation_id IS NULL THEN i.holder_id END AS person_id, i.organisation_id,
    i.area_ids, r.value, r.cap
  FROM latest l JOIN incident i ON (i.county, i.id) = (l.county, l.incident_id)
    JOIN rule r ON (r.county, r.move) = (l.county, l.move)
  WHERE l.at < :until
    AND {_cases("r.fact", {fact.key: fact.counts for fact in POINT_FACTS})}
    AND {_cases("r.condition", CONDITIONS)}
), computed AS (
  SELECT c.*, CASE WHEN cap IS NULL THEN value
    ELSE least(value, greatest(0, cap - sum(value) OVER earlier + value)) END AS points
  FROM counted c
  WINDOW earlier AS (PARTITION BY edition_id, fact, condition, person_id, organisation_id
    ORDER BY at, event_id)
), entry AS (
  SELECT edition_id, event_id, fact, condition, incident_id, at, person_id, organisation_id,
    area_ids, CASE WHEN closed THEN 0 ELSE points END AS points, points AS points_now
  FROM computed
  UNION ALL
  SELECT edition_id, event_id, fact, condition, incident_id, at, person_id, organisation_id,
    area_ids, points, 0
  FROM credit_entry WHERE edition_id IN (SELECT edition_id FROM rule WHERE closed)
)"""  # noqa: S608  our own text
OWNED_SQL = """
SELECT {columns}
FROM entry e LEFT JOIN personal.person p ON p.id = e.person_id
  LEFT JOIN organisation o ON o.id = e.organisation_id {joins}
WHERE {allowed} AND (CAST(:area AS bigint) IS NULL
  OR e.area_ids && in_counties(ARRAY[CAST(:area AS bigint)]))
"""
OWNER_POINTS_SQL = OWNED_SQL.format(
    columns="""coalesce(o.code, p.code) AS code, coalesce(o.name, p.name) AS name,
  e.organisation_id IS NOT NULL AS is_team,
  count(DISTINCT e.incident_id) FILTER (WHERE e.points > 0) AS matters, sum(e.points) AS points,
  sum(e.points_now) - sum(e.points) AS change""",
    joins="",
    allowed="{allowed}",
)
OWNER_ORDER_SQL = """GROUP BY e.person_id, e.organisation_id, o.code, o.name, p.code, p.name
HAVING sum(e.points) > 0 OR sum(e.points_now) > 0
ORDER BY sum(e.points) DESC, coalesce(o.code, p.code)"""
EVENTS_SQL = OWNED_SQL.format(
    columns="""e.event_id, e.at, e.fact, e.condition, i.category, c.zh AS category_zh,
  g.name AS area_name, CASE WHEN {visible} THEN i.id END AS incident, sum(e.points) AS points,
  sum(e.points_now) - sum(e.points) AS change""",
    joins="""JOIN incident i ON i.id = e.incident_id
  JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
  LEFT JOIN area g ON g.id = i.grid_id""",
    allowed="{allowed}",
)
EVENTS_ORDER_SQL = """AND CASE WHEN :is_team THEN o.code ELSE p.code END = :code
GROUP BY e.event_id, e.at, e.fact, e.condition, i.county, i.id, c.zh, g.name
ORDER BY e.at, e.event_id, e.fact, e.condition"""


@dataclass(frozen=True)
class OwnerPoints:
    """The points of a person or a team.

    code, name: None where the person was erased. matters: How many incidents they are of. change:
    Of a year that is closed: what came or went since.
    """

    code: str | None
    name: str | None
    is_team: bool
    matters: int
    points: float
    change: float


@dataclass(frozen=True)
class EventPoints:
    """The points of one event by one rule.

    points: 0 beyond the cap of the rule. change: As in `OwnerPoints`. incident: Its id, where the
    principal may see the incident.
    """

    event_id: int
    at: datetime
    fact: str
    condition: str
    category: str
    category_zh: str
    area_name: str | None
    incident: UUID | None
    points: float
    change: float


def list_points(
    session: Session,
    by: Principal,
    year: Year,
    formulas: Collection[Formula],
    area: str = "",
) -> list[OwnerPoints]:
    """List who has points of a year, the most first.

    Parameters
    ----------
    by
        Points of incidents count where it may read figures and names; its own, and those of its
        teams, everywhere.
    formulas
        At most one for each county.
    area
        Code; only points of incidents in it.

    Raises
    ------
    InvalidInput
        There is no such area.
    """
    rows = _read(session, by, year, formulas, area, OWNER_POINTS_SQL, OWNER_ORDER_SQL, {})
    return [OwnerPoints(**row) for row in rows]


def list_events(
    session: Session,
    by: Principal,
    year: Year,
    formulas: Collection[Formula],
    code: str,
    *,
    is_team: bool = False,
    area: str = "",
) -> list[EventPoints]:
    """List the events that the points of a person or a team are of, in their order.

    Parameters
    ----------
    by, formulas, area
        As for `list_points`.
    code
        Of the person or team.

    Raises
    ------
    InvalidInput
        There is no such area.
    """
    owner = {"code": code, "is_team": is_team}
    rows = _read(session, by, year, formulas, area, EVENTS_SQL, EVENTS_ORDER_SQL, owner)
    return [EventPoints(**row) for row in rows]


STORE_SQL = f"""{ENTRIES_SQL}
INSERT INTO credit_entry (edition_id, event_id, fact, condition, incident_id, at, person_id,
  organisation_id, area_ids, points)
SELECT edition_id, event_id, fact, condition, incident_id, at, person_id, organisation_id,
  area_ids, points FROM entry
"""  # noqa: S608  our own text


def store_points(session: Session, year: Year, formula: Formula) -> None:
    """Store the points of a year as they are now, for a formula that is being closed."""
    session.execute(text(STORE_SQL), _params(year, [formula]))


def _params(year: Year, formulas: Collection[Formula]) -> dict[str, Any]:
    move = {fact.key: fact.move for fact in POINT_FACTS}
    rules = [
        {"edition_id": formula.id, "county": formula.county, "move": move[rule.fact]}
        | {"closed": formula.closed_at is not None, **asdict(rule)}
        for formula in formulas
        for rule in formula.rules
    ]
    return {
        "rules": as_json(rules),
        "since": year.since,
        "until": year.until,
        "taker_roles": [*TAKER_ROLES],
    }


def _read(
    session: Session,
    by: Principal,
    year: Year,
    formulas: Collection[Formula],
    area: str,
    select: str,
    order: str,
    params: Mapping[str, Any],
) -> list[dict[str, Any]]:
    values = {**_params(year, formulas), **params}
    values["area"] = area_id(session, area) if area else None
    allowed, limits = _limits(by)
    visible, seen = visibility_clause(by, "i")
    query = f"{ENTRIES_SQL}{select.format(allowed=allowed, visible=visible)}{order}"
    rows = session.execute(text(query), values | limits | seen).mappings()
    return [dict(row) | {name: float(row[name]) for name in ("points", "change")} for row in rows]


def _limits(by: Principal) -> tuple[str, dict[str, Any]]:
    """Return the condition of the entries that a principal may read, and its parameters."""
    if by.kind == "system":
        return "true", {}
    areas, params = [], dict[str, Any]()
    for action in (Action.FIGURES, Action.NAMES):
        allowed = by.areas_of([action])
        if allowed is not None:
            name = f"may_{action.name.lower()}"
            areas.append(f"e.area_ids && CAST(:{name} AS bigint[])")
            params[name] = sorted(allowed)
    own = "e.person_id = :own_person OR e.organisation_id = ANY(CAST(:own_teams AS bigint[]))"
    params |= {"own_person": by.person_id, "own_teams": sorted(by.teams)}
    return f"({' AND '.join(areas) or 'true'} OR {own})", params
