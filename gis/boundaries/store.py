"""Store published boundaries: grids and units, and all levels above the grids.

A publication closes the shapes it replaces and opens the new ones at one moment. Shapes that are
identical, vertex for vertex, keep their row. Nothing here commits.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

import shapely
from psycopg.types.range import TimestamptzRange
from shapely import MultiPolygon, Polygon
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from gis.areas.identity import lock_counties
from gis.areas.models import Area, Revision, RevisionState
from gis.boundaries.queries import boundaries_at
from gis.boundaries.store_checks import (
    require_none_later,
    require_open_areas,
    validate_coverage,
    validate_shapes,
)
from gis.db import PRECISION_DEG, STORAGE_SRID, allow_boundary_writes, copy_rows
from gis.errors import InvalidInput
from gis.shapes.polygon_coverage import PolygonLike, dissolve
from gis.shapes.repair import to_multipolygon


def publish_shapes(
    session: Session,
    shapes: Mapping[str, PolygonLike | None],
    *,
    title: str,
    author: str,
    reason: str | None = None,
    effective: datetime | None = None,
    draft: Revision | None = None,
) -> Revision | None:
    """Store new shapes of grids, and the unions of all areas above them.

    Parameters
    ----------
    session
        Open session; the caller commits.
    shapes
        Shape by grid code, EPSG:4490, valid, on the 1e-7 degree lattice. None means no area from
        then on. The areas exist already, and form a coverage with the grids around them (see
        `gis.shapes.polygon_coverage.repair_coverage`).
    title
        Short description of the change.
    author
        Account, program or load that drew it.
    reason
        Reason of the change.
    effective
        Moment from which the shapes hold, with time zone. None means now.
    draft
        The draft to publish. None means that the publication gets a new revision.

    Returns
    -------
    The published revision; None if all shapes were in force already and nothing was written.

    Raises
    ------
    NotFound
        A code belongs to no area.
    InvalidInput
        A shape cannot be stored, overlaps a grid or does not share its vertices; `errors` names it.
    Conflict
        An area is retired, or has a shape that begins later than `effective`.
    """
    effective = effective_time(session, effective)
    grids = {
        area.code: area for area in session.scalars(select(Area).where(Area.code.in_(list(shapes))))
    }
    require_open_areas(shapes, grids)
    counties = sorted({area.county for area in grids.values()})
    # One publication at a time per county: the next must read these shapes.
    lock_counties(session, counties)
    drawn = {code: to_multipolygon(shape) for code, shape in shapes.items() if shape is not None}
    validate_shapes(drawn)
    require_none_later(session, [grids[code].id for code in shapes], effective)
    validate_coverage(session, counties, drawn, set(shapes), effective)
    by_id: dict[int, MultiPolygon | None] = {grids[code].id: drawn.get(code) for code in shapes}
    return write_boundaries(
        session,
        by_id | _above(session, by_id, effective),
        title=title,
        author=author,
        reason=reason,
        effective=effective,
        draft=draft,
    )


def derive_units(
    session: Session,
    unit_ids: Collection[int] | None = None,
    effective: datetime | None = None,
    *,
    clear: bool = False,
) -> Revision | None:
    """Store the shapes of ten-household units as the unions of their buildings' footprints.

    Units in one tower share its footprint.

    Parameters
    ----------
    session
        Open session; the caller commits.
    unit_ids
        Ids of the units (areas); None means all. Units without a building keep their shapes.
    effective
        Moment from which the shapes hold, with time zone. None means now.
    clear
        Whether units of `unit_ids` without a building lose their shapes.

    Returns
    -------
    The published revision; None if nothing changed.

    Raises
    ------
    Conflict
        A unit has a shape that begins later than `effective`.
    """
    effective = effective_time(session, effective)
    rows = session.execute(
        text("""
        SELECT p.unit_id, ST_AsBinary(b.geom) FROM building b
        JOIN (SELECT DISTINCT unit_id, building_id FROM unit_part) p ON p.building_id = b.id
        WHERE CAST(:ids AS bigint[]) IS NULL OR p.unit_id = ANY(:ids)
        ORDER BY p.unit_id, p.building_id
        """),
        {"ids": None if unit_ids is None else list(unit_ids)},
    ).all()
    stands_on: dict[int, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        stands_on[row[0]].append(i)
    footprints = shapely.from_wkb([row[1] for row in rows])
    drawn: dict[int, MultiPolygon | None] = dict.fromkeys(unit_ids or () if clear else ())
    drawn |= {
        unit: to_multipolygon(shapely.union_all(footprints[at], grid_size=PRECISION_DEG))
        for unit, at in stands_on.items()
    }
    return write_boundaries(
        session,
        drawn,
        title="按楼栋范围生成十联户边界",
        author="derive_units",
        reason=None,
        effective=effective,
    )


def write_boundaries(
    session: Session,
    drawn: Mapping[int, MultiPolygon | None],
    *,
    title: str,
    author: str,
    reason: str | None,
    effective: datetime | None,
    draft: Revision | None = None,
) -> Revision | None:
    """Close the shapes that differ and open the new ones.

    Unchecked: `publish_shapes` is the way for grids.

    Parameters
    ----------
    drawn
        Shape by area id, in the normal form of `gis.shapes.repair.to_multipolygon`; None: no land
        from then on.

    Returns
    -------
    The published revision; None when nothing changed.

    Raises
    ------
    Conflict
        An area has a shape that begins later than `effective`.
    """
    effective = effective_time(session, effective)
    now = boundaries_at(session, drawn, effective)
    changed = [area for area, shape in drawn.items() if not equals_exact(shape, now.get(area))]
    if not changed:
        return None
    require_none_later(session, changed, effective)
    base = session.scalar(
        select(func.max(Revision.id)).where(Revision.state == RevisionState.PUBLISHED)
    )
    # not now(), so that several publications in one transaction have different moments
    published_at = session.execute(select(func.clock_timestamp())).scalar_one()
    revision = draft or Revision(title=title, author=author, base=base)
    revision.state, revision.published_at = RevisionState.PUBLISHED, published_at
    revision.reason, revision.effective = reason, effective
    session.add(revision)
    session.flush()
    allow_boundary_writes(session)
    _close(session, changed, effective)
    valid = TimestamptzRange(effective, None, "[)")
    on = _reopen(
        session, {area: shape for area in changed if (shape := drawn[area]) is not None}, effective
    )
    rows = (
        (area, revision.id, hex_ewkb(shape), valid)
        for area in changed
        if (shape := drawn[area]) is not None and area not in on
    )
    copy_rows(session, "boundary", ("area_id", "revision_id", "geom", "valid_time"), rows)
    session.expire_all()
    return revision


def _close(session: Session, area_ids: list[int], at: datetime) -> None:
    """End the shapes of some areas at a moment."""
    params = {"ids": area_ids, "at": at}
    # A shape that began at this moment was never in force: it is replaced, not closed.
    session.execute(
        text("DELETE FROM boundary WHERE area_id = ANY(:ids) AND lower(valid_time) = :at"), params
    )
    session.execute(
        text("""
        UPDATE boundary SET valid_time = tstzrange(lower(valid_time), :at)
        WHERE area_id = ANY(:ids) AND valid_time @> CAST(:at AS timestamptz)
        """),
        params,
    )


def _reopen(session: Session, drawn: Mapping[int, MultiPolygon], at: datetime) -> set[int]:
    """Reopen shapes that were to end at a moment if the new shape is the same.

    This is the case when a planned change was cancelled.

    Returns
    -------
    The ids of their areas.
    """
    rows = session.execute(
        text(
            "SELECT area_id, id, ST_AsBinary(geom) FROM boundary WHERE area_id = ANY(:ids)"
            " AND upper(valid_time) = :at"
        ),
        {"ids": list(drawn), "at": at},
    ).all()
    on = {row[0]: row[1] for row in rows if equals_exact(drawn[row[0]], shapely.from_wkb(row[2]))}
    session.execute(
        text(
            "UPDATE boundary SET valid_time = tstzrange(lower(valid_time), NULL)"
            " WHERE id = ANY(:on)"
        ),
        {"on": list(on.values())},
    )
    return set(on)


def effective_time(session: Session, effective: datetime | None) -> datetime:
    """Return the moment a change holds from; None means the database's current time.

    Raises
    ------
    InvalidInput
        The moment has no time zone.
    """
    if effective is None:
        return session.execute(select(func.now())).scalar_one()
    if effective.tzinfo is None:
        raise InvalidInput("store.without_time_zone", moment=effective.isoformat())
    return effective


def hex_ewkb(shape: MultiPolygon) -> str:
    """Return a shape in the form that COPY reads."""
    return str(shapely.to_wkb(shapely.set_srid(shape, STORAGE_SRID), hex=True, include_srid=True))


def equals_exact(shape: MultiPolygon | None, other: MultiPolygon | None) -> bool:
    """Return whether two shapes are equal vertex for vertex.

    The first must be in the normal form of `to_multipolygon`.
    """
    if shape is None or other is None:
        return shape is other
    return bool(shapely.equals_exact(shape, to_multipolygon(other), tolerance=PRECISION_DEG / 10))


def _above(
    session: Session, grids: Mapping[int, MultiPolygon | None], at: datetime
) -> dict[int, MultiPolygon | None]:
    """Return the new shapes of the areas from the grids that change up to their counties.

    They are unions of those below; over counties nothing is stored, so that a publication in one
    county waits for no other.

    What lies above an area that stays as it is stays too: the outline of a street or a county, the
    costliest of all, is not dissolved again for a border inside a community.
    """
    shapes_above: dict[int, MultiPolygon | None] = {}
    below = dict(grids)
    while below:
        children = session.execute(
            text("""
            SELECT c.parent_id, c.id FROM area c JOIN area p ON p.id = c.parent_id
            WHERE p.level NOT IN ('province', 'city')
              AND c.parent_id IN (SELECT parent_id FROM area WHERE id = ANY(:ids))
            ORDER BY c.parent_id, c.code
            """),
            {"ids": list(below)},
        ).all()
        shapes = (
            boundaries_at(session, [row[1] for row in children if row[1] not in below], at) | below
        )
        parts: dict[int, list[Polygon | MultiPolygon]] = defaultdict(list)
        for parent, child in children:
            members = parts[parent]
            if (shape := shapes.get(child)) is not None:
                members.append(shape)
        stored = boundaries_at(session, parts, at)
        unions = {
            parent: to_multipolygon(dissolve(members)) if members else None
            for parent, members in parts.items()
        }
        below = {
            parent: shape
            for parent, shape in unions.items()
            if not equals_exact(shape, stored.get(parent))
        }
        shapes_above |= below
    return shapes_above
