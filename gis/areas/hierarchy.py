"""The tree of areas: lists, one area with what stands above and below it, and how it came to be.

Every question takes the moment it is asked about. Shapes, names, parents and retirement are dated.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, exists, func, or_, select, text, true
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session, aliased

from gis.areas.identity import require_area_id
from gis.areas.models import LEVELS_OVER_COUNTY, Area, Boundary, DatedParent, Level, Revision
from gis.errors import NotFound

Parent = aliased(Area, name="parent")
Drawn = aliased(Boundary, name="drawn")  # any shape of the area, at any time


@dataclass(frozen=True)
class AreaRow:
    """An area as it stood at the moment asked about.

    parent: Code of the area it belongs to; None for a province, and a city or county without one.
    county: Code of its county; over counties its own.
    revision: Number of the boundary revision in force; None for an area without a shape.
    valid_from, valid_to: When that shape holds, the end itself out; valid_to None: still.
    """

    code: str
    level: str
    name: str
    parent: str | None
    county: str
    revision: int | None
    valid_from: datetime | None
    valid_to: datetime | None


@dataclass(frozen=True)
class AreaName:
    """An area in a chain."""

    level: str
    code: str
    name: str


@dataclass(frozen=True)
class AreaDetail:
    """One area with its surroundings.

    above: The areas over it, the highest first. children: How many areas stand directly under it.
    area_m2: Square metres on the ellipsoid; None without a shape, as all further ones. The shape of
    a province or city is the union of its counties'. bbox: West, south, east, north in
    degrees, EPSG:4490. point: A place inside it, longitude and latitude, EPSG:4490. geometry:
    GeoJSON text (RFC 7946: longitude first, outer rings counter-clockwise), when asked for.
    code_list: The official list that its code is from; None: nobody stated it.
    """

    row: AreaRow
    above: tuple[AreaName, ...]
    children: int
    area_m2: float | None
    bbox: tuple[float, float, float, float] | None
    point: tuple[float, float] | None
    geometry: str | None
    code_list: str | None


@dataclass(frozen=True)
class BoundaryRow:
    """One shape an area has had. `title` and `reason` are those of the revision that drew it."""

    revision: int
    title: str
    reason: str | None
    valid_from: datetime
    valid_to: datetime | None
    area_m2: float


@dataclass(frozen=True)
class AreaChange:
    """One change to an area's row: `field` is name, parent or retired_at; parents by code."""

    at: datetime
    field: str
    old: str | None
    new: str | None
    why: str


@dataclass(frozen=True)
class LineageRow:
    """An ancestor or descendant of a grid, with the kind of relation and its first moment.

    The kinds are split, merged and recoded, each followed by _from or _into.
    """

    relation: str
    code: str
    name: str
    revision: int
    title: str
    at: datetime


def areas(
    session: Session,
    at: datetime,
    *,
    level: Level | None = None,
    parent: str | None = None,
    q: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[AreaRow]:
    """List areas that stood at a moment, by code.

    An area's children follow it, since codes grow downwards.

    Parameters
    ----------
    at
        The moment; areas drawn later or retired before are left out.
    level
        Only this level.
    parent
        Only those directly under the area with this code.
    q
        Only those whose code begins with, or whose name holds, these words.
    after
        Go on behind this code.
    limit
        At most so many rows.

    Raises
    ------
    NotFound
        No area has the parent's code.
    """
    query = _rows(at).where(_stood(at))
    if level is not None:
        query = query.where(Area.level == level)
    if parent is not None:
        require_area_id(session, parent)
        query = query.where(Parent.code == parent)
    if q:
        query = query.where(
            or_(
                Area.code.startswith(q, autoescape=True),
                Area.name_at(at).icontains(q, autoescape=True),
            )
        )
    if after is not None:
        query = query.where(Area.code > after)
    return [_row(row) for row in session.execute(query.order_by(Area.code).limit(limit))]


def area(session: Session, code: str, at: datetime, *, geometry: bool = False) -> AreaDetail:
    """Return an area as it was at a moment.

    Parameters
    ----------
    geometry
        Include the shape.

    Raises
    ------
    NotFound
        No area has this code, or it did not exist at that moment.
    """
    over_county = Area.level.in_(LEVELS_OVER_COUNTY)
    land = case((over_county, func.land_of(array([Area.id]), at)), else_=Boundary.geom)
    rows = (
        _rows(at)
        .add_columns(Area.code_list, land.label("geom"))
        .where(Area.code == code, _stood(at))
    )
    found = rows.cte("found").prefix_with("MATERIALIZED")  # so that it is dissolved once
    shape = found.c.geom
    inside = func.ST_PointOnSurface(shape)
    columns = [
        func.ST_Area(func.geography(shape)),
        *(corner(shape) for corner in (func.ST_XMin, func.ST_YMin, func.ST_XMax, func.ST_YMax)),
        func.ST_X(inside),
        func.ST_Y(inside),
        func.ST_AsGeoJSON(func.ST_ForcePolygonCCW(shape), 7, 0) if geometry else text("NULL"),
    ]
    row = session.execute(select(*list(found.c)[:-1], *columns)).first()
    if row is None:
        _explain_absence(session, code, at)
    assert row is not None
    code_list, m2, west, south, east, north, lon, lat, geojson = row[-9:]
    below = _rows(at).where(Parent.code == code, _stood(at)).subquery()
    return AreaDetail(
        row=_row(row),
        above=_above(session, code, at),
        children=session.scalar(select(func.count()).select_from(below)) or 0,
        area_m2=m2,
        bbox=None if west is None else (west, south, east, north),
        point=None if lon is None else (lon, lat),
        geometry=geojson,
        code_list=code_list,
    )


AREA_CHANGES_SQL = """
SELECT h.at, f.field,
       CASE f.field WHEN 'parent' THEN was.code ELSE h.old ->> f.field END AS old,
       CASE f.field WHEN 'parent' THEN becomes.code ELSE h.new ->> f.field END AS new, h.why
FROM history h
CROSS JOIN (VALUES ('name'), ('parent'), ('retired_at')) f (field)
LEFT JOIN area was ON was.id = (h.old ->> 'parent_id')::bigint
LEFT JOIN area becomes ON becomes.id = (h.new ->> 'parent_id')::bigint
WHERE h.table_name = 'area' AND h.row_key = :key AND h.op = 'update'
  AND (CAST(:at AS timestamptz) IS NULL OR h.at <= :at)
  AND CASE f.field WHEN 'parent' THEN h.old -> 'parent_id' IS DISTINCT FROM h.new -> 'parent_id'
                   ELSE h.old -> f.field IS DISTINCT FROM h.new -> f.field END
ORDER BY h.id, f.field
"""
LINEAGE_SQL = """
SELECT l.kind || CASE WHEN l.from_id = :id THEN '_into' ELSE '_from' END,
       o.code, o.name, r.id, r.title, r.effective
FROM lineage l JOIN area o ON o.id = CASE WHEN l.from_id = :id THEN l.to_id ELSE l.from_id END
  JOIN revision r ON r.id = l.revision_id
WHERE :id IN (l.from_id, l.to_id) AND (CAST(:at AS timestamptz) IS NULL OR r.effective <= :at)
ORDER BY r.effective, l.id
"""


def history(
    session: Session, code: str, at: datetime | None = None
) -> tuple[list[BoundaryRow], list[AreaChange], list[LineageRow]]:
    """Return the shapes, changes and lineage of an area, oldest first.

    The changes are those of name, parent and retirement. A planned shape begins later than now.

    Parameters
    ----------
    at
        Only the shape of this moment, and what had happened by then; None: everything.

    Raises
    ------
    NotFound
        No area has this code.
    """
    area_id = require_area_id(session, code)
    shapes = session.execute(
        select(
            Revision.id,
            Revision.title,
            Revision.reason,
            func.lower(Boundary.valid_time),
            func.upper(Boundary.valid_time),
            func.ST_Area(func.geography(Boundary.geom)),
        )
        .join(Revision, Revision.id == Boundary.revision_id)
        .where(Boundary.area_id == area_id, true() if at is None else Boundary.in_force(at))
        .order_by(func.lower(Boundary.valid_time))
    )
    changes = session.execute(
        text(AREA_CHANGES_SQL),
        {"key": str(area_id), "at": at},
    )
    related = session.execute(
        text(LINEAGE_SQL),
        {"id": area_id, "at": at},
    )
    return (
        [BoundaryRow(*row) for row in shapes],
        [AreaChange(*row) for row in changes],
        [LineageRow(*row) for row in related],
    )


def is_county(session: Session, code: str) -> bool:
    """Return whether a code is that of a county that is not retired."""
    county = select(Area.id).where(
        Area.code == code, Area.level == Level.COUNTY, Area.retired_at.is_(None)
    )
    return session.scalar(county) is not None


def has_boundaries(session: Session) -> bool:
    """Return whether any area has a boundary: nothing can be answered before."""
    return session.scalar(select(Boundary.id).limit(1)) is not None


def _rows(at: datetime) -> Select[Any]:
    """Areas with parent and the shape in force; the columns are those of AreaRow."""
    return (
        select(
            Area.code,
            Area.level,
            Area.name_at(at),
            Parent.code.label("parent"),
            Area.county,
            Boundary.revision_id,
            func.lower(Boundary.valid_time),
            func.upper(Boundary.valid_time),
        )
        .outerjoin(DatedParent, and_(DatedParent.area_id == Area.id, DatedParent.in_force(at)))
        .outerjoin(Parent, Parent.id == func.coalesce(DatedParent.parent_id, Area.parent_id))
        .outerjoin(Boundary, and_(Boundary.area_id == Area.id, Boundary.in_force(at)))
    )


def _row(row: Row[Any]) -> AreaRow:
    return AreaRow(*tuple(row)[:8])


def _stood(at: datetime) -> ColumnElement[bool]:
    """Return the condition that an area of `_rows` existed at a moment.

    An area exists if it is not retired, and has a shape at the moment or never had one.
    """
    never_drawn = ~exists().where(Drawn.area_id == Area.id)
    return and_(
        or_(Area.retired_at.is_(None), Area.retired_at > at),
        or_(Boundary.id.isnot(None), never_drawn),
    )


def _above(session: Session, code: str, at: datetime) -> tuple[AreaName, ...]:
    rows = session.execute(
        text("""
        WITH RECURSIVE up AS (
            SELECT coalesce(d.parent_id, a.parent_id) AS id, 0 AS step FROM area a
              LEFT JOIN dated_parent d
                ON d.area_id = a.id AND d.valid_time @> CAST(:at AS timestamptz)
            WHERE a.code = :code
            UNION ALL SELECT coalesce(d.parent_id, a.parent_id), step + 1 FROM up JOIN area a
                ON a.id = up.id
              LEFT JOIN dated_parent d
                ON d.area_id = a.id AND d.valid_time @> CAST(:at AS timestamptz))
        SELECT a.level, a.code, name_at(a.id, a.name, CAST(:at AS timestamptz))
        FROM up JOIN area a USING (id) ORDER BY step DESC"""),
        {"code": code, "at": at},
    )
    return tuple(AreaName(*row) for row in rows)


def _explain_absence(session: Session, code: str, at: datetime) -> None:
    row = session.execute(
        select(Area.retired_at, func.min(func.lower(Boundary.valid_time)))
        .outerjoin(Boundary, Boundary.area_id == Area.id)
        .where(Area.code == code)
        .group_by(Area.id)
    ).first()
    if row is None:
        raise NotFound("area.unknown_code", code=code)
    retired, since = row
    if retired is not None and retired <= at:
        raise NotFound("area.retired_at", code=code, moment=retired.isoformat())
    raise NotFound("area.without_boundary", code=code, at=at.isoformat(), since=since.isoformat())
