"""Taking a publication back: a draft that gives its grids the land they had before it.

Grids count by their land, not by who drew them last: once later publications are taken back
themselves, or only added a vertex, the earlier one can be taken back too. Nothing here commits.
"""

from collections.abc import Mapping
from typing import Any

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas.models import Level, Revision, RevisionState
from gis.boundaries import draft_grids, drafts, operations, revision_access, statistics
from gis.errors import Conflict
from gis.messages import Message
from gis.rights.principal import Principal
from gis.shapes import noding
from gis.shapes.polygon_coverage import PolygonLike

Redrawn = Mapping[str, tuple[PolygonLike | None, PolygonLike | None]]

# The grids as planned, with the revision that drew or ended them last.
NEWEST = """
SELECT a.code, a.name, p.code AS parent, ST_AsBinary(b.geom) AS now, coalesce(b.revision_id, (
  SELECT l.revision_id FROM lineage l WHERE l.from_id = a.id ORDER BY l.id DESC
      LIMIT 1)) AS revision
FROM area a JOIN area p ON p.id = a.parent_id LEFT JOIN boundary b ON b.area_id = a.id
    AND upper_inf(b.valid_time)
WHERE a.code = ANY(:codes) ORDER BY a.code"""
# The shapes of a load, or of a publication without stored figures.
DREW = """
SELECT a.code, ST_AsBinary(was.geom) AS was, ST_AsBinary(drew.geom) AS drew
FROM area a LEFT JOIN boundary drew ON drew.area_id = a.id AND drew.revision_id = :id
  LEFT JOIN boundary was ON was.area_id = a.id AND upper(was.valid_time) = :at
WHERE a.level = 'grid' AND (drew.id IS NOT NULL OR (
  was.id IS NOT NULL AND EXISTS (SELECT FROM operation o WHERE o.revision_id = :id
      AND o.geometries ? a.code)))
ORDER BY a.code"""


def create_reverting_draft(session: Session, principal: Principal, number: int) -> Revision:
    """Create a draft that restores the previous shapes of a published revision's grids.

    Raises
    ------
    NotFound, Forbidden
        As `get_revision`.
    Conflict
        The revision is not published, or area of its grids was moved since.
    """
    old = revision_access.get_revision(session, principal, number)
    if old.state != RevisionState.PUBLISHED or old.effective is None:
        raise Conflict(
            "revert.not_published", number=str(number), state=Message(f"revision_state.{old.state}")
        )
    redrawn = _redrawn(session, old)
    rows = {row.code: row for row in session.execute(text(NEWEST), {"codes": list(redrawn)})}
    now = {code: shapely.from_wkb(row.now) for code, row in rows.items() if row.now is not None}
    if later := _moved_since({code: new_shape for code, (_, new_shape) in redrawn.items()}, now):
        clashes = [
            Message("revert.grid_of_revision", {"grid": code, "revision": str(rows[code].revision)})
            for code in later[:5]
            if code in rows
        ]
        raise Conflict("revert.redrawn_since", grids=clashes)
    targets = _targets(redrawn, now)
    if not targets:
        raise Conflict("revert.nothing_to_take_back", number=str(number))
    grids = [
        {
            "code": code,
            "name": rows[code].name,
            "parent": rows[code].parent,
            "geometry": None if shape is None else shapely.geometry.mapping(shape),
        }
        for code, shape in _met(session, targets, rows).items()
    ]
    draft = drafts.create_draft(session, principal, f"撤销：{old.title}"[: drafts.MAX_TITLE_CHARS])
    draft.reverts = number
    drafts.add_operation(session, principal, draft.id, {"op": "redraw", "grids": grids})
    return draft


def _redrawn(session: Session, old: Revision) -> Redrawn:
    """Return the old and new shapes of the grids that a publication drew."""
    if (stored := statistics.stored(session, old.id)) is not None:
        return stored.redrawn
    rows = session.execute(text(DREW), {"id": old.id, "at": old.effective}).all()
    read = lambda wkb: None if wkb is None else shapely.from_wkb(wkb)  # noqa: E731
    return {row.code: (read(row.was), read(row.drew)) for row in rows}


def _moved_since(
    new_shapes: Mapping[str, PolygonLike | None], now: Mapping[str, PolygonLike]
) -> list[str]:
    """Return the grids whose area differs from the publication, not only by a vertex."""
    remaining = {code: shape for code, shape in new_shapes.items() if shape is not None}
    moved = operations.moves_land(remaining, {code: now.get(code) for code in remaining})
    return sorted({*moved, *(code for code in now if code not in remaining)})


def _targets(redrawn: Redrawn, now: Mapping[str, PolygonLike]) -> dict[str, PolygonLike | None]:
    """Return the shapes to restore.

    These belong to grids whose area moved, and to grids that only gained a vertex and still have
    it.
    """
    old_shapes = {code: was for code, (was, _) in redrawn.items() if was is not None}
    moved = set(
        operations.moves_land(
            old_shapes, {code: new_shape for code, (_, new_shape) in redrawn.items()}
        )
    )
    targets: dict[str, PolygonLike | None] = {}
    for code, (was, new_shape) in redrawn.items():
        alike = (
            new_shape is not None
            and code in now
            and shapely.equals_exact(
                shapely.normalize(new_shape), shapely.normalize(now[code]), 1e-8
            )
        )
        if (code in moved or alike) and not (was is None and code not in now):
            targets[code] = was
    return targets


def _met(
    session: Session, targets: Mapping[str, PolygonLike | None], rows: Mapping[str, Any]
) -> dict[str, PolygonLike | None]:
    """Return the shapes to restore, with the vertices of neighbours added since.

    Neighbours that gain a vertex are included.
    """
    shapes = {code: shape for code, shape in targets.items() if shape is not None}
    county = patterns.ancestor_code(next(iter(targets)), Level.COUNTY)
    around = draft_grids.neighbouring_grids(
        session, county, {}, list(targets), list(shapes.values())
    ).geometries
    unchanged = {code: land for code, land in around.items() if code not in targets}
    fitted = noding.share_vertices(shapes, dict(unchanged)) if unchanged else dict(shapes)
    met: dict[str, PolygonLike | None] = {
        code: fitted.get(code, shape) for code, shape in shapes.items()
    }
    final = noding.share_vertices(unchanged | shapes, met) if unchanged else dict(met)
    return {code: None for code in targets if code not in shapes} | {
        code: shape for code, shape in final.items() if code in targets or code in rows
    }
