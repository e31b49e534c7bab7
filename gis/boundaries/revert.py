"""Taking a publication back: a draft that gives its grids the land, names and codes before it.

Grids count by their land, not by who drew them last: once later publications are taken back
themselves, or only added a vertex, the earlier one can be taken back too. Nothing here commits.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas.models import Level, Operation, Revision, RevisionState
from gis.boundaries import (
    draft_grids,
    draft_identity,
    drafts,
    operations,
    revision_access,
    settlements,
    statistics,
)
from gis.boundaries.draft_identity import NEWEST_NAME_SQL
from gis.boundaries.operation_fields import OperationSpec
from gis.boundaries.store import equals_exact
from gis.errors import Conflict
from gis.messages import Message
from gis.rights.principal import Principal
from gis.shapes import noding
from gis.shapes.measure import label_point, position_text
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import extract_polygons, to_multipolygon

Redrawn = Mapping[str, tuple[PolygonLike | None, PolygonLike | None]]

# The grids as planned, with the revision that drew or ended them last.
NEWEST = f"""
SELECT a.code, {NEWEST_NAME_SQL} AS name, p.code AS parent, ST_AsBinary(b.geom) AS now,
  coalesce(b.revision_id, (
  SELECT l.revision_id FROM lineage l WHERE l.from_id = a.id ORDER BY l.id DESC
      LIMIT 1)) AS revision
FROM area a LEFT JOIN area p ON p.id = a.parent_id LEFT JOIN boundary b ON b.area_id = a.id
    AND upper_inf(b.valid_time)
WHERE a.code = ANY(:codes) ORDER BY a.code"""  # noqa: S608  our own text
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
    """Create a draft that restores the shapes, names, codes and units before a publication.

    Raises
    ------
    NotFound, Forbidden
        As `get_revision`.
    Conflict
        The revision is not published, or area of its grids was moved, or its areas were renamed
        since; or all is as it was before.
    """
    old = revision_access.get_revision(session, principal, number)
    if old.state != RevisionState.PUBLISHED or old.effective is None:
        raise Conflict(
            "revert.not_published", number=str(number), state=Message(f"revision_state.{old.state}")
        )
    done = drafts.list_operations(session, number)
    back = {new_code: code for code, new_code in draft_identity.recoded(done).items()}
    redrawn = _redrawn(session, old)
    codes = [*redrawn, *draft_identity.draft_names(done)]
    rows = {row.code: row for row in session.execute(text(NEWEST), {"codes": codes})}
    now = {
        code: shapely.from_wkb(row.now)
        for code, row in rows.items()
        if row.now is not None and code in redrawn
    }
    _require_as_published(redrawn, now, rows)
    targets = _targets(redrawn, now)
    steps = [*_codes_back(back, now, rows)]
    current = {back.get(code, code): shape for code, shape in now.items()}
    steps += _land_back(session, targets, rows, current)
    steps += _names_back(done, rows, back)
    steps += _units_back(session, done)
    if not steps:
        raise Conflict("revert.nothing_to_take_back", number=str(number))
    draft = drafts.create_draft(session, principal, f"撤销：{old.title}"[: drafts.MAX_TITLE_CHARS])
    draft.reverts = number
    for step in steps:
        drafts.add_operation(session, principal, draft.id, step)
    return draft


def _require_as_published(
    redrawn: Redrawn, now: Mapping[str, PolygonLike], rows: Mapping[str, Any]
) -> None:
    """Raise Conflict, with the places, for grids that are neither as published nor as before.

    Grids to which it only gave a vertex may have any land since.

    Raises
    ------
    Conflict
        `revert.redrawn_since`: which grids, by which revisions.
    """
    redrawn = {
        code: (was, drew)
        for code, (was, drew) in redrawn.items()
        if was is None or drew is None or operations.moves_land({code: was}, {code: drew})
    }
    now = {code: shape for code, shape in now.items() if code in redrawn}
    as_before = set(now) - set(
        operations.moves_land(now, {code: redrawn[code][0] for code in now if code in redrawn})
    )
    as_before |= {code for code, (was, _) in redrawn.items() if was is None and code not in now}
    new_shapes = {code: shape for code, (_, shape) in redrawn.items() if code not in as_before}
    others = {code: shape for code, shape in now.items() if code not in as_before}
    later = [code for code in _moved_since(new_shapes, others) if code in rows]
    if later:
        clashes = [
            Message(
                "revert.grid_of_revision",
                {
                    "grid": code,
                    "revision": str(rows[code].revision),
                    "at": _place(new_shapes.get(code), now.get(code)),
                },
            )
            for code in later[:5]
        ]
        raise Conflict("revert.redrawn_since", grids=clashes)


def _place(published: PolygonLike | None, now: PolygonLike | None) -> str:
    """Return a point, as text, where a grid has other land than published."""
    shapes = [shape for shape in (published, now) if shape is not None]
    differ = shapes[0] if len(shapes) == 1 else shapely.symmetric_difference(*shapes)
    parts = extract_polygons(differ)
    lon, lat = label_point(parts if parts is not None else shapes[0])
    return position_text(lon, lat)


def _codes_back(
    back: Mapping[str, str], now: Mapping[str, PolygonLike], rows: Mapping[str, Any]
) -> list[OperationSpec]:
    """Return the operations that give recoded grids their old codes, by new code."""
    return [
        {
            "op": "move_to",
            "code": new_code,
            "parent": patterns.ancestor_code(code, Level.COMMUNITY),
            "new_code": code,
            "name": rows[code].name,
        }
        if patterns.ancestor_code(code, Level.COMMUNITY)
        != patterns.ancestor_code(new_code, Level.COMMUNITY)
        else {"op": "recode", "code": new_code, "new_code": code, "name": rows[code].name}
        for new_code, code in sorted(back.items())
        if new_code in now and code in rows and code not in now
    ]


def _land_back(
    session: Session,
    targets: Mapping[str, PolygonLike | None],
    rows: Mapping[str, Any],
    current: Mapping[str, PolygonLike],
) -> list[OperationSpec]:
    """Return the operation that redraws grids as they were; none where only codes had changed.

    Parameters
    ----------
    current
        The shapes of today by code, recoded grids under their old codes.
    """
    if not targets:
        return []
    restored = {
        code: shape
        for code, shape in _met(session, targets, rows).items()
        if not equals_exact(None if shape is None else to_multipolygon(shape), current.get(code))
    }
    grids = [
        {
            "code": code,
            "name": rows[code].name,
            "parent": rows[code].parent,
            "geometry": None if shape is None else shapely.geometry.mapping(shape),
        }
        for code, shape in restored.items()
    ]
    return [{"op": "redraw", "grids": grids}] if grids else []


def _names_back(
    done: Sequence[Operation], rows: Mapping[str, Any], back: Mapping[str, str]
) -> list[OperationSpec]:
    """Return the operation that gives renamed areas their old names.

    Raises
    ------
    Conflict
        An area was renamed since.
    """
    old_names: dict[str, str] = {}
    for item in done:
        if item.op["op"] == "rename":
            old_names = dict(item.op["was"]) | old_names  # type: ignore[call-overload]
    new_names = draft_identity.draft_names(done)
    names = {}
    for code, old_name in sorted(old_names.items()):
        row, name = rows.get(code), new_names.get(code)
        if row is None or name is None or code in back or row.name == old_name:
            continue
        if row.name != name:
            raise Conflict("revert.renamed_since", code=code, name=row.name)
        names[code] = old_name
    return [{"op": "rename", "names": names}] if names else []


def _units_back(session: Session, done: Sequence[Operation]) -> list[OperationSpec]:
    """Return the operations that leave the units a publication settled to the majority again."""
    settled = draft_identity.settled_grids(done)
    if not settled:
        return []
    standing = settlements.decisions(session, [], list(settled), datetime.now(UTC)).standing
    return [
        {"op": "settle", "unit": unit}
        for unit, grid in sorted(settled.items())
        if standing.get(unit) == grid
    ]


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
