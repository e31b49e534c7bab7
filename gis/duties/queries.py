"""Duties with what was done of their yearly targets, and the visits that count for them.

A duty is what one person holds of one kind in one county: all posts of the role that the kind of
duty refines. A county's own kind replaces that of all counties.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import plan_for_values
from gis.duties.targets import HeldTime, Light, Progress, light_of, measure
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.years import Year

MAX_LISTED_VISITS = 1000

# A post whose role a kind of duty refines.
DUTY_POST_JOIN = """
FROM post p JOIN kind k ON k.subject = 'duty' AND k.active AND k.parent = p.role
  AND (k.county = p.county OR k.county IS NULL AND NOT EXISTS (SELECT FROM kind own
    WHERE own.subject = 'duty' AND own.active AND own.parent = p.role AND own.county = p.county))
"""
# Whether a post `d` was held, for the place visited or one around it, on a day: of the local day
# some moment.
VISIT_OF_POST = """
(d.area_id = ANY({area_ids}) OR d.building_id = {building_id})
  AND d.valid_time && tstzrange(CAST({day} AS timestamp) AT TIME ZONE :zone,
    (CAST({day} AS date) + 1)::timestamp AT TIME ZONE :zone)
"""


def _seconds(periods: str) -> str:
    """Return the SQL of the length of a multirange of moments."""
    length = "coalesce(sum(extract(epoch FROM upper(s) - lower(s))), 0)::bigint"
    return f"(SELECT {length} FROM unnest({periods}) s)"  # noqa: S608  ours


# raw SQL: recursive; parameters: areas (None: everywhere), me, since, until (moments of the year),
# first, next (its days), now, zone
DUTIES_SQL = f"""
WITH RECURSIVE down AS (
  SELECT id FROM area WHERE id = ANY(CAST(:areas AS bigint[]))
  UNION SELECT a.id FROM area a JOIN down ON a.parent_id = down.id
), whole_county AS (
  SELECT code FROM area WHERE id = ANY(CAST(:areas AS bigint[])) AND level = 'county'
), building_in AS (  -- the areas, where no whole county says it without looking at the map
  SELECT b.id FROM down JOIN area g ON g.id = down.id AND g.level = 'grid'
    AND g.county NOT IN (SELECT code FROM whole_county)
  JOIN boundary s ON s.area_id = g.id
    AND s.valid_time @> least(CAST(:now AS timestamptz), :until)
  JOIN building b ON b.geom && s.geom
  WHERE EXISTS (SELECT FROM grid_at(ST_PointOnSurface(b.geom),
    least(CAST(:now AS timestamptz), :until)) h WHERE h.id = g.id)
), year AS (
  SELECT tstzrange(:since, :until) AS span,
    tstzrange(:since, greatest(:since, least(CAST(:now AS timestamptz), :until))) AS gone
), duty_post AS (
  SELECT p.id, p.role, p.kind_id, p.county, p.area_id, p.building_id, p.holder_id, p.valid_time,
    k.id AS duty_id, coalesce('h' || p.holder_id, 'p' || p.id) AS holder_key
  {DUTY_POST_JOIN}
), duty AS (
  SELECT d.duty_id, d.county, d.holder_key, min(d.holder_id) AS holder_id,
    range_agg(d.valid_time * year.span) AS held,
    bool_or(d.holder_id = :me OR CAST(:areas AS bigint[]) IS NULL
      OR d.county IN (SELECT code FROM whole_county)
      OR d.area_id IN (SELECT id FROM down)
      OR d.building_id IN (SELECT id FROM building_in)) AS visible,
    jsonb_agg(DISTINCT jsonb_build_object('code', coalesce(a.code, b.code),
      'name', coalesce(a.name, b.estate || b.name), 'level', coalesce(a.level, 'building'),
      'role_zh', coalesce(t.zh, r.zh),
      'role_en', coalesce(nullif(t.en, ''), t.zh, r.en),
      'retired', coalesce(a.retired_at <= :now, false),
      'ended', NOT d.valid_time @> CAST(:now AS timestamptz))) AS places
  FROM duty_post d CROSS JOIN year JOIN role r ON r.key = d.role
  LEFT JOIN kind t ON t.id = d.kind_id
  LEFT JOIN area a ON a.id = d.area_id LEFT JOIN building b ON b.id = d.building_id
  WHERE d.valid_time && year.span
  GROUP BY d.duty_id, d.county, d.holder_key
), counted AS (
  SELECT d.duty_id, d.county, d.holder_id, v.id, v.day, v.incident_ids
  FROM duty_post d JOIN duty_visit v ON v.person_id = d.holder_id
    AND {VISIT_OF_POST.format(area_ids="v.area_ids", building_id="v.building_id", day="v.day")}
), visits AS (
  SELECT duty_id, county, holder_id, count(DISTINCT id) AS n FROM counted
  WHERE day >= :first AND day < :next GROUP BY duty_id, county, holder_id
), solved AS (
  -- what repeats another matter is that problem, not one more
  SELECT c.duty_id, c.county, c.holder_id, count(DISTINCT coalesce(i.parent_id, i.id)) AS n
  FROM counted c CROSS JOIN unnest(c.incident_ids) u(id) JOIN incident i ON i.id = u.id
  WHERE i.state = 'closed' AND i.closed_at >= :since AND i.closed_at < :until
  GROUP BY c.duty_id, c.county, c.holder_id
)
SELECT k.key AS kind, k.zh, coalesce(nullif(k.en, ''), k.zh) AS en, d.county,
  o.id AS holder_id, o.code AS person, o.name, d.places,
  coalesce(visits.n, 0) AS visits, k.visits_target, coalesce(solved.n, 0) AS solved,
  k.solved_target, {_seconds("d.held")} AS held,
  {_seconds("d.held * multirange(year.gone)")} AS gone,
  {_seconds("multirange(year.span)")} AS year
FROM duty d CROSS JOIN year JOIN kind k ON k.id = d.duty_id
LEFT JOIN personal.person o ON o.id = d.holder_id
LEFT JOIN visits
  ON (visits.duty_id, visits.county, visits.holder_id) = (d.duty_id, d.county, d.holder_id)
LEFT JOIN solved
  ON (solved.duty_id, solved.county, solved.holder_id) = (d.duty_id, d.county, d.holder_id)
WHERE d.visible
ORDER BY k.id, d.county, o.name NULLS LAST, o.code, d.holder_key
"""  # noqa: S608  ours
DUTY_VISITS_SQL = """
SELECT v.id, v.day, v.place, v.building_id IS NOT NULL AS is_building,
  coalesce(b.estate || b.name, CASE WHEN a.code = v.place THEN a.name END, v.place) AS place_name,
  o.id AS person_id, o.code AS person, o.name, v.note, v.recorded_by, v.recorded_at, v.area_ids,
  (SELECT coalesce(jsonb_agg(jsonb_build_object('id', u.id, 'state', i.state) ORDER BY u.n), '[]')
    FROM unnest(v.incident_ids) WITH ORDINALITY u(id, n) LEFT JOIN incident i ON i.id = u.id)
    AS incidents
FROM duty_visit v JOIN personal.person o ON o.id = v.person_id JOIN area a ON a.id = v.area_id
LEFT JOIN building b ON b.id = v.building_id
WHERE v.day >= coalesce(CAST(:first AS date), '-infinity')
  AND v.day < coalesce(CAST(:next AS date), 'infinity')
  AND (v.person_id = :me OR CAST(:areas AS bigint[]) IS NULL
    OR v.area_ids && CAST(:areas AS bigint[]))
ORDER BY v.day DESC, v.id DESC LIMIT :limit
"""
# offered where an incident is linked to a visit
LINKABLE_SQL = """
SELECT i.id, left(coalesce(nullif(i.description, ''), c.zh), 40) AS words
FROM incident i
JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
WHERE i.account_id = :account OR i.holder_id = :me
ORDER BY i.reported_at DESC LIMIT 30
"""


@dataclass(frozen=True)
class DutyRow:
    """What somebody has of a kind of duty in a county, and what was done of it in a year.

    Attributes
    ----------
    kind
        Key of the kind of duty; `zh` and `en` are its names.
    person, name
        None: a vacant post.
    places
        Code, name, level, role, and whether it is retired or held no longer, of each.
    mine
        Whether it is the principal's own.
    """

    kind: str
    zh: str
    en: str
    county: str
    person: str | None
    name: str | None
    places: list[dict[str, Any]]
    visits: Progress
    solved: Progress
    light: Light
    mine: bool


@dataclass(frozen=True)
class VisitRow:
    """A visit. incidents: Id and state of each that it led to. mine: Whether the principal made it.

    may_change: Whether the principal may link an incident to it or take it away.
    """

    id: int
    day: date
    place: str
    place_name: str
    is_building: bool
    person: str
    name: str
    note: str
    incidents: list[dict[str, Any]]
    recorded_by: str
    recorded_at: datetime
    mine: bool
    may_change: bool


def list_duties(session: Session, principal: Principal, year: Year, now: datetime) -> list[DutyRow]:
    """List duties by kind, county and name, each with its progress and light.

    Parameters
    ----------
    principal
        Has its own duties, and those with a place in areas of Action.FIGURES and Action.NAMES.
    """
    params = {
        "first": year.first,
        "next": year.following,
        "since": year.since,
        "until": year.until,
        "now": now,
        "zone": year.zone.key,
        "me": principal.person_id,
        "areas": _areas(principal, Action.FIGURES),
    }
    plan_for_values(session)
    return [_duty(row, principal) for row in session.execute(text(DUTIES_SQL), params).mappings()]


def _duty(row: Any, principal: Principal) -> DutyRow:
    held = HeldTime(row["held"], row["gone"], row["year"])
    visits = measure(row["visits"], row["visits_target"], held)
    solved = measure(row["solved"], row["solved_target"], held)
    is_vacant = row["holder_id"] is None
    return DutyRow(
        **{name: row[name] for name in ("kind", "zh", "en", "county", "person", "name", "places")},
        visits=visits,
        solved=solved,
        light="none" if is_vacant else light_of((visits, solved)),
        mine=not is_vacant and row["holder_id"] == principal.person_id,
    )


def list_visits(
    session: Session,
    principal: Principal,
    year: Year | None,
    limit: int | None = MAX_LISTED_VISITS,
) -> list[VisitRow]:
    """List the visits of a year, or of all years, the newest first.

    Parameters
    ----------
    principal
        Has its own, and those to places in areas of Action.READ and Action.NAMES.
    """
    params = {
        "first": year.first if year else None,
        "next": year.following if year else None,
        "me": principal.person_id,
        "areas": _areas(principal, Action.READ),
        "limit": limit,
    }
    names = [name for name in VisitRow.__dataclass_fields__ if name not in ("mine", "may_change")]
    return [
        VisitRow(
            **{name: row[name] for name in names},
            mine=row["person_id"] == principal.person_id,
            may_change=may_write(principal, row["person_id"], row["area_ids"]),
        )
        for row in session.execute(text(DUTY_VISITS_SQL), params).mappings()
    ]


def may_write(principal: Principal, person_id: int, areas: Sequence[int]) -> bool:
    """Return whether a principal writes down visits of a person to a place in some areas."""
    return person_id == principal.person_id or principal.is_allowed(Action.DISPATCH, areas)


def _areas(principal: Principal, action: Action) -> list[int] | None:
    """Return the ids of the areas where an action is allowed and people are named.

    None: everywhere.
    """
    sets = [principal.areas_of([each]) for each in (action, Action.NAMES)]
    limited = [areas for areas in sets if areas is not None]
    return sorted(frozenset.intersection(*limited)) if limited else None


def list_linkable(session: Session, principal: Principal) -> list[tuple[str, str]]:
    """List id and words of the incidents a principal reported or holds, the newest first."""
    params = {"account": principal.account_id, "me": principal.person_id}
    return [(str(row.id), row.words) for row in session.execute(text(LINKABLE_SQL), params)]
