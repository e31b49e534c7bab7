"""The steps from an empty deployment to one that works: what is there, and what is missing.

Each step is one query, which returns `present`, how many there are, `missing`, how many things want
it, and `names`, the first of these.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import office_calendar
from gis.incidents.reading.unanswered import unanswered
from gis.rights.living import SIGNS_IN

MAX_SETUP_NAMES = 5
IN_USE = "(a.retired_at IS NULL OR a.retired_at > :now)"
HELD = "p.valid_time @> CAST(:now AS timestamptz)"

State = Literal["empty", "missing", "done"]


@dataclass(frozen=True)
class Step:
    """A step.

    Attributes
    ----------
    key
        Its label is `setup.KEY`, what is missing is `setup.KEY.missing`.
    sql
        Its query.
    command
        What does it on the command line.
    page
        Path of the page that does it, under the root; empty for none.
    loads
        What `POST /setup/KEY` loads from a file: a kind of load, or `areas:LEVEL`; with the county
        also what is above it.
    optional
        Whether the loop of incidents works without.
    """

    key: str
    sql: str
    command: str
    page: str = ""
    loads: str = ""
    optional: bool = False


@dataclass(frozen=True)
class StepState:
    """How a step stands: how many are there, how much is missing, and the first names of it."""

    step: Step
    present: int
    missing: int
    names: list[str]

    @property
    def state(self) -> State:
        """Whether nothing is there yet, something is missing, or it is done."""
        return "missing" if self.missing and self.present else "done" if self.present else "empty"


def _wanting(level: str, below: str) -> str:
    """Return the query of areas of a level, and of those one level up that have none."""
    return f"""
SELECT (SELECT count(*) FROM area a WHERE a.level = '{level}' AND {IN_USE}) AS present,
  count(*) AS missing, array_agg(u.name || ' ' || u.code ORDER BY u.code) AS names
FROM area u
WHERE u.level = '{below}' AND (u.retired_at IS NULL OR u.retired_at > :now)
  AND NOT EXISTS (SELECT FROM area a WHERE a.parent_id = u.id AND a.level = '{level}' AND {IN_USE})
"""  # noqa: S608  ours


NOTHING = "0 AS missing, CAST('{}' AS text[]) AS names"
COUNTY_SQL = f"""
SELECT count(*) AS present, {NOTHING} FROM area a WHERE a.level = 'county' AND {IN_USE}
"""  # noqa: S608  ours
SETUP_BUILDINGS_SQL = """
SELECT (SELECT count(*) FROM building) AS present, count(*) AS missing,
  array_agg(estate || name ORDER BY estate, name) AS names FROM unplaced_building
"""
HOUSEHOLDS_SQL = """
SELECT (SELECT count(*) FROM household) AS present, count(*) AS missing,
  array_agg(b.estate || b.name || ' ' || b.code ORDER BY b.estate, b.name) AS names
FROM building b
WHERE b.homes > 0 AND NOT EXISTS (SELECT FROM household h WHERE h.building_id = b.id)
"""
SETUP_UNITS_SQL = f"""
SELECT (SELECT count(*) FROM area a WHERE a.level = 'unit' AND {IN_USE}) AS present,
  coalesce(sum(b.homes), 0) AS missing,
  array_agg(b.name || ' ' || b.homes ORDER BY b.homes DESC) AS names
FROM (SELECT b.estate || b.name AS name, count(*) AS homes
  FROM household h JOIN building b ON b.id = h.building_id WHERE h.unit_id IS NULL
  GROUP BY b.id) b
"""  # noqa: S608  ours
# Grids without anybody in a post of their own, and posts without a holder.
SETUP_PEOPLE_SQL = f"""
WITH gap AS (
  SELECT g.name || ' ' || g.code AS name FROM area g
  WHERE g.level = 'grid' AND (g.retired_at IS NULL OR g.retired_at > :now)
    AND NOT EXISTS (SELECT FROM post p WHERE p.area_id = g.id AND {HELD})
  UNION ALL
  SELECT CASE :lang WHEN 'zh' THEN r.zh ELSE r.en END || ' '
    || coalesce(a.name, b.estate || b.name)
  FROM post p JOIN role r ON r.key = p.role
  LEFT JOIN area a ON a.id = p.area_id LEFT JOIN building b ON b.id = p.building_id
  WHERE p.holder_id IS NULL AND {HELD}
)
SELECT (SELECT count(*) FROM post p WHERE p.holder_id IS NOT NULL AND {HELD}) AS present,
  count(*) AS missing, array_agg(name ORDER BY name) AS names FROM gap
"""  # noqa: S608  ours
# Who holds a post, or stands in, and has no account.
SETUP_HOLDERS_SQL = f"""
SELECT h.id, h.code, h.name, array_agg(DISTINCT p.role ORDER BY p.role) AS roles,
  array_agg(DISTINCT coalesce(a.name, b.estate || b.name)) AS places
FROM personal.person h
JOIN post p ON h.id IN (p.holder_id, p.deputy_id) AND {HELD}
LEFT JOIN area a ON a.id = p.area_id LEFT JOIN building b ON b.id = p.building_id
WHERE NOT EXISTS (SELECT FROM personal.account c WHERE c.person_id = h.id)
GROUP BY h.id
"""  # noqa: S608  ours
SETUP_ACCOUNTS_SQL = f"""
SELECT (SELECT count(*) FROM personal.account c WHERE {SIGNS_IN.format(a="c")}) AS present,
  count(*) AS missing, array_agg(h.name ORDER BY h.name) AS names FROM ({SETUP_HOLDERS_SQL}) h
"""  # noqa: S608  ours
RULES_SQL = f"""
SELECT (SELECT count(*) FROM rule_set WHERE state = 'active')
  * (SELECT count(*) FROM catalogue_edition WHERE state = 'active') AS present, {NOTHING}
"""  # noqa: S608  ours
NETWORK_SQL = """
SELECT (SELECT count(*) FROM walk_network) AS present, count(*) AS missing,
  array_agg(f.name ORDER BY f.name) AS names
FROM facility f, walk_network n
WHERE NOT EXISTS (SELECT FROM service_circle c
  WHERE c.facility_id = f.id AND c.profile = 'adult' AND c.minutes = 15
    AND starts_with(c.network_version, n.version))
"""
SETUP_FACILITIES_SQL = f"SELECT count(*) AS present, {NOTHING} FROM facility"  # noqa: S608  ours
BACKUPS_SQL = f"SELECT archived_count AS present, {NOTHING} FROM pg_stat_archiver"  # noqa: S608

LOAD_AREAS = "./wangge load areas FILE --level {level} --commit"
SETUP_STEPS = (
    Step("county", COUNTY_SQL, LOAD_AREAS.format(level="county"), loads="areas:county"),
    Step("streets", _wanting("street", "county"), LOAD_AREAS.format(level="street"),
         loads="areas:street"),
    Step("communities", _wanting("community", "street"), LOAD_AREAS.format(level="community"),
         loads="areas:community"),
    Step("grids", _wanting("grid", "community"), LOAD_AREAS.format(level="grid"), "editor",
         loads="areas:grid"),
    Step("buildings", SETUP_BUILDINGS_SQL, "./wangge load buildings FILE --commit", "buildings",
         loads="buildings"),
    Step("households", HOUSEHOLDS_SQL, "./wangge load households FILE --commit",
         loads="households"),
    Step("units", SETUP_UNITS_SQL, "./wangge load households FILE --commit", "units",
         loads="households"),
    Step("people", SETUP_PEOPLE_SQL, "./wangge load people FILE --commit", loads="people"),
    Step("accounts", SETUP_ACCOUNTS_SQL, "./wangge setup --accounts FILE", "accounts"),
    Step("answered", "", "./wangge account add NAME --role dispatcher --area AREA", "unanswered"),
    Step("rules", RULES_SQL, "./wangge rules load FILE --name NAME", "rules"),
    Step("calendar", "", "./wangge calendar load FILE --commit", "rules", optional=True),
    Step("network", NETWORK_SQL, "./wangge load osm FILE --commit", "coverage", optional=True),
    Step("facilities", SETUP_FACILITIES_SQL, "./wangge load facilities FILE --commit", "coverage",
         loads="facilities", optional=True),
    Step("backups", BACKUPS_SQL, "./wangge db archive DIR", optional=True),
)  # fmt: skip
# the State Council publishes the holidays of the next year in October or November
NEXT_YEAR_FROM_MONTH = 11
STEP_BY_KEY = {step.key: step for step in SETUP_STEPS}


def read_steps(session: Session, now: datetime, lang: str) -> list[StepState]:
    """Return the state of each step, in their order; posts are named in `lang`."""
    return [_state(session, step, now, lang) for step in SETUP_STEPS]


def _state(session: Session, step: Step, now: datetime, lang: str) -> StepState:
    if step.key == "calendar":
        years = [now.year, *[now.year + 1] * (now.month >= NEXT_YEAR_FROM_MONTH)]
        unknown = [str(year) for year in years if not office_calendar.current().knows(year)]
        return StepState(step, len(years) - len(unknown), len(unknown), unknown)
    if not step.sql:  # of every grid, whether somebody answers for it
        places = unanswered(session, now).places
        grids = session.scalar(
            text(f"SELECT count(*) FROM area a WHERE a.level = 'grid' AND {IN_USE}"),  # noqa: S608
            {"now": now},
        )
        names = [f"{grid.name} {grid.code}" for grid in places]
        return StepState(step, int(grids or 0) - len(places), len(places), names[:MAX_SETUP_NAMES])
    first = f"SELECT present, missing, names[1:{MAX_SETUP_NAMES}] AS names FROM ({step.sql}) s"  # noqa: S608
    row = session.execute(text(first), {"now": now, "lang": lang}).one()
    return StepState(step, int(row.present), int(row.missing), row.names or [])


def next_step(steps: Collection[StepState]) -> StepState | None:
    """Return the first step with something to do; an optional one last. None when all is done."""
    waiting = [each for each in steps if each.state != "done"]
    return next((each for each in waiting if not each.step.optional), next(iter(waiting), None))
