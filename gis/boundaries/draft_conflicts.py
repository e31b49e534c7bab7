"""Conflicts of a draft with boundaries published since it was drawn."""

from dataclasses import dataclass
from datetime import datetime

import shapely
from sqlalchemy.orm import Session

from gis.boundaries import operations
from gis.db import cached_text

CONFLICTS = """
WITH drawn AS (
  SELECT DISTINCT ON (d.key)
         d.key AS code, d.value::bigint AS boundary_id, d.key = ANY(o.changed_codes) AS touched
  FROM operation o CROSS JOIN LATERAL jsonb_each_text(o.base_boundary_ids) d
  WHERE o.revision_id = :id
  ORDER BY d.key, (d.key = ANY(o.changed_codes)) DESC, o.step
)
SELECT drawn.code, a.name, drawn.touched, r.id AS revision, r.title,
       coalesce(r.publisher, r.author) AS author, r.published_at,
       ST_AsBinary(was.geom) AS was, ST_AsBinary(b.geom) AS now
FROM drawn
  JOIN area a ON a.code = drawn.code
  LEFT JOIN boundary b ON b.area_id = a.id AND upper_inf(b.valid_time)
  LEFT JOIN boundary was ON was.id = drawn.boundary_id
  LEFT JOIN LATERAL (
    SELECT * FROM revision x WHERE x.id = coalesce(b.revision_id, (
      SELECT l.revision_id FROM lineage l WHERE l.from_id = a.id ORDER BY l.id DESC LIMIT 1))
  ) r ON true
WHERE b.id IS DISTINCT FROM drawn.boundary_id ORDER BY drawn.code
"""


@dataclass(frozen=True)
class EditConflict:
    """A grid of a draft that another revision has redrawn since."""

    grid: str
    name: str
    revision: int | None
    title: str | None
    author: str | None
    published_at: datetime | None


def conflicts(session: Session, number: int) -> list[EditConflict]:
    """List the grids whose area the draft moves and another revision has changed since.

    Grids that only gained or lost a vertex are left out.
    """
    rows = [row for row in session.execute(cached_text(CONFLICTS), {"id": number}) if row.touched]
    same = {
        row.code
        for row in rows
        if row.was is not None
        and row.now is not None
        and not operations.moves_land(
            {row.code: shapely.from_wkb(row.was)}, {row.code: shapely.from_wkb(row.now)}
        )
    }
    return [
        EditConflict(row.code, row.name, row.revision, row.title, row.author, row.published_at)
        for row in rows
        if row.code not in same
    ]


def is_outdated(session: Session, number: int) -> bool:
    """Return whether any boundary the draft was drawn on has changed since, if only by a vertex."""
    return session.execute(cached_text(CONFLICTS), {"id": number}).first() is not None
