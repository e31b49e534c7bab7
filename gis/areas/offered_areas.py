"""The areas that fields and pages offer: those of a principal as a tree, or the smallest first."""

from collections.abc import Collection

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.areas.models import Area, Level

MAX_OFFERED_AREAS = 400  # that a field for an area lists; any other can be typed

# What is over several others is offered where all of its counties are.
SUBTREE_SQL = """
WITH RECURSIVE root AS (
  SELECT id FROM area WHERE id = ANY(:areas)
  UNION
  SELECT u.id FROM area u CROSS JOIN LATERAL in_counties(ARRAY[u.id]) AS counties (ids)
  WHERE u.level IN ('province', 'city') AND ids <@ CAST(:areas AS bigint[])
    AND (SELECT count(*) FROM area below WHERE below.parent_id = u.id) > 1
), down AS (
  SELECT id, code, name, level, code AS path, 0 AS depth FROM area
  WHERE id IN (SELECT id FROM root) AND (retired_at IS NULL OR retired_at > now())
    AND NOT (level IN ('city', 'county') AND coalesce(parent_id IN (SELECT id FROM root), false))
  UNION ALL
  SELECT a.id, a.code, a.name, a.level, down.path || ' ' || a.code, depth + 1 FROM area a JOIN down
      ON a.parent_id = down.id
  WHERE a.level <> 'unit' AND (a.retired_at IS NULL OR a.retired_at > now()) AND depth < 6
), upper AS (
  SELECT code, name, level, min(depth) AS depth, min(path) AS path FROM down
  GROUP BY code, name, level ORDER BY depth, path LIMIT 2000
)
SELECT * FROM upper ORDER BY path
"""

SMALLEST_FIRST_SQL = """
SELECT code, name, level FROM area WHERE id = ANY(:areas) AND (retired_at IS NULL
    OR retired_at > now())
ORDER BY array_position(ARRAY['unit', 'grid', 'community', 'street', 'county'], level), code
    LIMIT :limit
"""


def list_subtree(session: Session, area_ids: Collection[int]) -> list[dict[str, object]]:
    """List areas with their descendants as a tree in one list, units left out.

    Returns
    -------
    Dictionaries with code, name, level and depth, each area before its descendants.
    """
    rows = session.execute(text(SUBTREE_SQL), {"areas": sorted(area_ids)})
    return [
        {"code": row.code, "name": row.name, "level": row.level, "depth": row.depth} for row in rows
    ]


def list_smallest_first(
    session: Session, area_ids: Collection[int], limit: int
) -> list[dict[str, str]]:
    """Return code, name and level of areas, the lowest level first."""
    rows = session.execute(text(SMALLEST_FIRST_SQL), {"areas": sorted(area_ids), "limit": limit})
    return [dict(row) for row in rows.mappings()]


def list_upper_areas(session: Session) -> list[tuple[str, str]]:
    """Return code and name of the areas down to the grid, by code; at most MAX_OFFERED_AREAS."""
    upper = select(Area.code, Area.name).where(Area.level != Level.UNIT, Area.in_use())
    query = upper.order_by(Area.code).limit(MAX_OFFERED_AREAS)
    return [(code, name) for code, name in session.execute(query)]
