"""Conflicts of a draft with boundaries published since it was drawn."""

from dataclasses import dataclass
from datetime import datetime

import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.areas.models import Operation
from gis.boundaries import draft_identity, operations
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

# Areas whose name is another than a draft read, or that no longer stand, and who did that.
NAME_CONFLICTS_SQL = f"""
WITH was AS (
  SELECT DISTINCT ON (w.key) w.key AS code, w.value AS name
  FROM operation o CROSS JOIN LATERAL jsonb_each_text(o.op -> 'was') w
  WHERE o.revision_id = :id AND o.op ? 'was' ORDER BY w.key, o.step
)
SELECT a.code, {draft_identity.NEWEST_NAME_SQL} AS name, r.id AS revision, r.title,
  r.published_at, coalesce(r.publisher, r.author, (
    SELECT h.who FROM history h WHERE h.table_name = 'area' AND h.row_key = a.id::text
    ORDER BY h.id DESC LIMIT 1)) AS author, a.retired_at IS NOT NULL AS ended
FROM was JOIN area a ON a.code = was.code
  LEFT JOIN LATERAL (
    SELECT x.* FROM operation o JOIN revision x ON x.id = o.revision_id
    WHERE x.state = 'published' AND o.changed_codes @> ARRAY[a.code]
      AND (o.op ? 'was' OR a.retired_at IS NOT NULL)
    ORDER BY x.published_at DESC LIMIT 1
  ) r ON true
WHERE {draft_identity.NEWEST_NAME_SQL} <> was.name OR a.retired_at IS NOT NULL ORDER BY a.code
"""  # noqa: S608  our own text


@dataclass(frozen=True)
class EditConflict:
    """A grid of a draft that another revision has redrawn, or renamed, since.

    change: land or name.
    """

    grid: str
    name: str
    revision: int | None
    title: str | None
    author: str | None
    published_at: datetime | None
    change: str = "land"


def conflicts(session: Session, number: int) -> list[EditConflict]:
    """List the grids whose area or name the draft changes and another revision has changed since.

    Grids that only gained or lost a vertex are left out, and areas that have the draft's name now.
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
    land = [
        EditConflict(row.code, row.name, row.revision, row.title, row.author, row.published_at)
        for row in rows
        if row.code not in same
    ]
    redrawn = {item.grid for item in land}
    return land + [item for item in _renamed_since(session, number) if item.grid not in redrawn]


def _renamed_since(session: Session, number: int) -> list[EditConflict]:
    rows = session.execute(cached_text(NAME_CONFLICTS_SQL), {"id": number}).all()
    if not rows:
        return []
    steps = select(Operation).where(Operation.revision_id == number).order_by(Operation.step)
    names = draft_identity.draft_names(session.scalars(steps))
    return [
        EditConflict(
            row.code, row.name, row.revision, row.title, row.author, row.published_at, "name"
        )
        for row in rows
        if row.ended or names.get(row.code) != row.name
    ]


def is_outdated(session: Session, number: int) -> bool:
    """Return whether any boundary the draft was drawn on has changed since, if only by a vertex."""
    return session.execute(cached_text(CONFLICTS), {"id": number}).first() is not None
