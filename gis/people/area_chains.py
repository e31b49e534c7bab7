"""An area with all above it: where a right must be held to hold in it."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

AREA_CHAIN_SQL = """
WITH RECURSIVE up AS (
  SELECT id, parent_id
  FROM area
  WHERE id = coalesce(CAST(:area AS bigint), (
    SELECT g.id
    FROM building h
    CROSS JOIN LATERAL grid_at(ST_PointOnSurface(h.geom), CAST(:at AS timestamptz)) g
    WHERE h.id = :building))
  UNION
  SELECT a.id, a.parent_id FROM area a JOIN up ON a.id = up.parent_id
)
SELECT id FROM up
"""


def area_chain(session: Session, area: int | None, building: int | None, at: datetime) -> list[int]:
    """Return the ids of an area, or of a building's grid, and of all areas above.

    Empty if there is none.
    """
    return list(
        session.scalars(text(AREA_CHAIN_SQL), {"area": area, "building": building, "at": at})
    )


def area_chains(session: Session, area: int, at: datetime) -> list[list[int]]:
    """Return the chain of an area; of a city or province that of each of its counties.

    What is allowed in each of them is allowed in the whole area.
    """
    counties = session.scalar(text("SELECT in_counties(ARRAY[:area])"), {"area": area})
    return [area_chain(session, each, None, at) for each in counties or [area]]
