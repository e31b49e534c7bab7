"""The places nobody answers for, and what waits at the operator because of it.

For the page, the metric and the loads.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import cached_text
from gis.incidents.states import STATE_PARAMS
from gis.messages import Message
from gis.rights.living import LIVING, NO_ACCOUNTS, has_account, on_duty

MAX_NOTED_GRIDS = 5  # places named in a note of a load


@dataclass(frozen=True)
class Silent:
    """A grid in force without a living desk from itself up to its county; area codes and names.

    handled: Somebody there handles what is given to them; but nobody accepts and checks.
    """

    code: str
    name: str
    community: str
    community_name: str
    handled: bool


@dataclass(frozen=True)
class Unanswered:
    """The places nobody answers for.

    waiting: Open incidents in the operator's queue. operators: Accounts that see it.
    """

    places: list[Silent]
    waiting: int
    operators: int


# before there are accounts, a post with somebody on duty counts
STAFFED_AREAS_SQL = f"""
SELECT p.area_id FROM post p WHERE {NO_ACCOUNTS} AND p.role IN ({LIVING.posts("desk")})
    AND p.area_id IS NOT NULL
  AND p.valid_time @> CAST(:now AS timestamptz)
  AND (p.holder_id IS NOT NULL AND {on_duty("p.holder_id", ":now")} OR p.deputy_id IS NOT NULL
      AND {on_duty("p.deputy_id", ":now")})
UNION ALL {LIVING.places("desk", ":now")}
"""  # noqa: S608  our own text
UNANSWERED_PLACES_SQL = f"""
WITH RECURSIVE desk AS MATERIALIZED (SELECT DISTINCT area_id FROM ({STAFFED_AREAS_SQL}) d), up AS (
  SELECT id AS grid, id, parent_id FROM area WHERE level = 'grid' AND (retired_at IS NULL
      OR retired_at > :now)
  UNION ALL SELECT up.grid, a.id, a.parent_id FROM up JOIN area a ON a.id = up.parent_id
), answered AS MATERIALIZED (SELECT DISTINCT up.grid FROM up JOIN desk ON desk.area_id = up.id)
SELECT g.code, g.name, coalesce(c.code, '') AS community, coalesce(c.name, '') AS community_name,
  EXISTS (SELECT FROM post p WHERE p.area_id = g.id AND p.role IN ({LIVING.posts("there")})
    AND p.valid_time @> CAST(:now AS timestamptz)
    AND (p.holder_id IS NOT NULL AND {on_duty("p.holder_id", ":now")}
        AND {has_account("p.holder_id")}
      OR p.deputy_id IS NOT NULL AND {on_duty("p.deputy_id", ":now")}
          AND {has_account("p.deputy_id")})) AS handled
FROM area g LEFT JOIN area c ON c.id = g.parent_id
WHERE g.level = 'grid' AND (g.retired_at IS NULL OR g.retired_at > :now) AND NOT EXISTS (SELECT
    FROM answered WHERE grid = g.id)
ORDER BY g.code
"""  # noqa: S608  our own text
# desks are read once, and only what no desk covers is looked at one by one
UNANSWERED_INCIDENTS_SQL = f"""
SELECT count(*) FROM incident i WHERE i.state = ANY(:open_states)
  AND NOT (i.area_ids && ARRAY({LIVING.places("desk", ":now")}))
      AND ({LIVING.stage("i", ":now")}) IS NULL
"""  # noqa: S608  our own text
OPERATORS = f"SELECT {LIVING.count_operators()}"


def unanswered(session: Session, now: datetime) -> Unanswered:
    """Return the grids in force without a responsible account, by code.

    And what waits at the operator.
    """
    places = [
        Silent(**row)
        for row in session.execute(cached_text(UNANSWERED_PLACES_SQL), {"now": now}).mappings()
    ]
    waiting, operators = (
        int(session.scalar(text(query), {"now": now, **STATE_PARAMS}) or 0)
        for query in (UNANSWERED_INCIDENTS_SQL, OPERATORS)
    )
    return Unanswered(places, waiting, operators)


def note(session: Session, now: datetime) -> list[Message]:
    """Return the notes of a load of areas or people about such grids; empty when there are none."""
    silent_grids = unanswered(session, now).places
    if not silent_grids:
        return []
    named = ", ".join(f"{grid.name} ({grid.code})" for grid in silent_grids[:MAX_NOTED_GRIDS]) + (
        ", …" if len(silent_grids) > MAX_NOTED_GRIDS else ""
    )
    code = "unanswered.grid" if len(silent_grids) == 1 else "unanswered.grids"
    return [Message(code, {"count": len(silent_grids), "grids": named})]
