"""Store published boundaries: grids and units, and all levels above the grids.

A publication closes the shapes it replaces and opens the new ones at one moment. Shapes that are
identical, vertex for vertex, keep their row. Nothing here commits.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from psycopg.types.range import TimestamptzRange
from shapely import MultiPolygon, Polygon
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from gis.areas.models import Area, Boundary, Level, Revision, RevisionState
from gis.db import PRECISION_DEG, STORAGE_SRID, allow_boundary_writes, copy_rows
from gis.errors import Conflict, FieldError, InvalidInput, NotFound
from gis.messages import Message
from gis.shapes.measure import position_text
from gis.shapes.polygon_coverage import PolygonLike, dissolve
from gis.shapes.repair import is_on_lattice, to_multipolygon

NEIGHBOUR_TOLERANCE_DEG = 1e-6  # degrees: grids whose boxes are within it are checked together
MAX_NAMED_CODES = 20  # codes named in one error


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
    _check_areas(shapes, grids)
    counties = sorted({area.county for area in grids.values()})
    # One publication at a time per county: the next must read these shapes.
    session.execute(
        select(Area.id).where(Area.code.in_(counties)).order_by(Area.code).with_for_update()
    )
    drawn = {code: to_multipolygon(shape) for code, shape in shapes.items() if shape is not None}
    _check_shapes(drawn)
    _check_later(session, [grids[code].id for code in shapes], effective)
    _check_coverage(session, counties, drawn, set(shapes), effective)
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
    session: Session, unit_ids: Iterable[int] | None = None, effective: datetime | None = None
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
    drawn: dict[int, MultiPolygon | None] = {
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
    _check_later(session, changed, effective)
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


def boundaries_at(
    session: Session, area_ids: Iterable[int], at: datetime
) -> dict[int, MultiPolygon]:
    """Return the shapes of areas at a moment by area id; areas without one are left out."""
    rows = session.execute(
        select(Boundary.area_id, func.ST_AsBinary(Boundary.geom))
        .where(Boundary.area_id == func.any(list(area_ids)), Boundary.in_force(at))
        .order_by(Boundary.area_id)
    ).all()
    return dict(
        zip((row[0] for row in rows), shapely.from_wkb([row[1] for row in rows]), strict=True)
    )


def grids_near(
    session: Session,
    counties: Sequence[str],
    shapes: Sequence[PolygonLike],
    at: datetime,
    tolerance_deg: float = NEIGHBOUR_TOLERANCE_DEG,
) -> dict[str, MultiPolygon]:
    """Return the grids of counties in force at a moment whose boxes lie near some shapes.

    Parameters
    ----------
    session
        Open session; only read.
    counties
        Codes of the counties.
    shapes
        Shapes in degrees, EPSG:4490.
    at
        Moment whose boundaries apply.
    tolerance_deg
        Maximum distance of the boxes in degrees.

    Returns
    -------
    Shapes by code, in order of the codes.
    """
    if not len(shapes):
        return {}
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    rows = session.execute(
        text(f"""
        SELECT a.code, ST_AsBinary(b.geom) FROM area a JOIN boundary b ON b.area_id = a.id
        WHERE a.level = 'grid' AND a.county = ANY(:counties)
          AND b.valid_time @> CAST(:at AS timestamptz)
          AND b.geom && ST_MakeEnvelope(:west, :south, :east, :north, {STORAGE_SRID})
        ORDER BY a.code
        """),  # noqa: S608  a number of ours
        {
            "counties": list(counties),
            "at": at,
            "west": west - tolerance_deg,
            "south": south - tolerance_deg,
            "east": east + tolerance_deg,
            "north": north + tolerance_deg,
        },
    ).all()
    return dict(
        zip((row[0] for row in rows), shapely.from_wkb([row[1] for row in rows]), strict=True)
    )


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


def _check_areas(shapes: Mapping[str, Any], grids: Mapping[str, Area]) -> None:
    if unknown := sorted(set(shapes) - set(grids)):
        raise NotFound("store.unknown_codes", codes=unknown[:MAX_NAMED_CODES])
    if other := sorted(code for code, area in grids.items() if area.level != Level.GRID):
        raise InvalidInput("store.not_grids", codes=other[:MAX_NAMED_CODES])
    if retired := sorted(code for code, area in grids.items() if area.retired_at is not None):
        raise Conflict("store.retired", codes=retired[:MAX_NAMED_CODES])


def _check_shapes(drawn: Mapping[str, MultiPolygon]) -> None:
    shapes = np.array(list(drawn.values()), dtype=object)
    if not len(shapes):
        return
    wrong = {
        code: str(reason)
        for code, reason in zip(drawn, shapely.is_valid_reason(shapes), strict=True)
    }
    right = shapely.is_valid(shapes) & ~shapely.is_empty(shapes)
    errors = [
        FieldError(code, "geometry.other_fault", {"reason": wrong[code]})
        for code, good in zip(drawn, right, strict=True)
        if not good
    ]
    errors += [
        FieldError(code, "geometry.off_lattice")
        for code, good in zip(drawn, is_on_lattice(shapes), strict=True)
        if not good
    ]
    if errors:
        fault = Message(errors[0].code, errors[0].params)
        raise InvalidInput(
            "store.grid_not_storable", errors[:MAX_NAMED_CODES], grid=errors[0].field, fault=fault
        )


def _check_coverage(
    session: Session,
    counties: list[str],
    drawn: Mapping[str, MultiPolygon],
    codes: set[str],
    at: datetime,
) -> None:
    """Raise InvalidInput unless the shapes form a coverage with each other and their neighbours."""
    around = grids_near(session, counties, list(drawn.values()), at)
    together = {**drawn, **{code: shape for code, shape in around.items() if code not in codes}}
    edges = shapely.coverage_invalid_edges(np.array(list(together.values()), dtype=object))
    at_fault = {
        code: edge for code, edge in zip(together, edges, strict=True) if not shapely.is_empty(edge)
    }
    errors = []
    for code in [code for code in at_fault if code in drawn][:MAX_NAMED_CODES]:
        others = [
            other
            for other in at_fault
            if other != code and at_fault[other].intersects(together[code])
        ]
        point = shapely.get_point(shapely.get_parts(at_fault[code])[0], 0)
        position = position_text(point.x, point.y)
        if others:
            errors.append(
                FieldError(code, "coverage.overlaps_others", {"grids": others[:3], "at": position})
            )
        else:
            errors.append(FieldError(code, "coverage.overlaps_itself", {"at": position}))
    if errors:
        fault = Message(errors[0].code, errors[0].params)
        raise InvalidInput("store.no_coverage", errors, grid=errors[0].field, fault=fault)


def _check_later(session: Session, area_ids: Iterable[int], effective: datetime) -> None:
    row = session.execute(
        text("""
        SELECT a.code, min(lower(b.valid_time)) FROM boundary b JOIN area a ON a.id = b.area_id
        WHERE b.area_id = ANY(:ids) AND lower(b.valid_time) > :at
        GROUP BY a.code ORDER BY a.code LIMIT 1
        """),
        {"ids": list(area_ids), "at": effective},
    ).first()
    if row:
        raise Conflict(
            "store.planned_later",
            grid=row[0],
            since=row[1].isoformat(),
            effective=effective.isoformat(),
        )


def _above(
    session: Session, grids: Mapping[int, MultiPolygon | None], at: datetime
) -> dict[int, MultiPolygon | None]:
    """Return the new shapes of all areas above the grids, as unions of the level below."""
    shapes_above: dict[int, MultiPolygon | None] = {}
    below = dict(grids)
    while below:
        children = session.execute(
            text("""
            SELECT c.parent_id, c.id FROM area c JOIN area p ON p.id = c.parent_id
            WHERE c.parent_id IN (SELECT parent_id FROM area WHERE id = ANY(:ids))
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
        below = {
            parent: to_multipolygon(dissolve(members)) if members else None
            for parent, members in parts.items()
        }
        shapes_above |= below
    return shapes_above
