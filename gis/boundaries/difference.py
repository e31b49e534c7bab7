"""Differences between two states of the grids, or two moments: the area that changed grid."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import shapely
from shapely import STRtree
from sqlalchemy.orm import Session

from gis.areas.identity import require_area_id
from gis.boundaries.operations import moves_land
from gis.db import cached_text
from gis.errors import TooLarge, invalid_field
from gis.shapes import polygon_coverage
from gis.shapes.measure import geodesic_area_m2, shape_array, wider
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import extract_polygons

MAX_COMPARED_GRIDS = 5_000  # grids that differ between two moments

# Grids whose boundaries at the two moments differ.
CHANGED_GRIDS_SQL = """
WITH one AS (
    SELECT id, area_id, geom FROM boundary WHERE valid_time @> CAST(:since AS timestamptz)),
  other AS (
    SELECT id, area_id, geom FROM boundary WHERE valid_time @> CAST(:until AS timestamptz))
SELECT a.code, name_at(a.id, a.name, CAST(:until AS timestamptz)), ST_AsBinary(one.geom),
  ST_AsBinary(other.geom)
FROM one FULL JOIN other USING (area_id) JOIN area a ON a.id = area_id
WHERE a.level = 'grid' AND (:within = '' OR EXISTS (SELECT FROM area u
    WHERE u.id = ANY(in_counties(ARRAY(SELECT id FROM area WHERE code = :within)))
      AND starts_with(a.code, u.code)))
  AND one.id IS DISTINCT FROM other.id
ORDER BY a.code LIMIT :limit
"""


@dataclass(frozen=True)
class GridDifference:
    """A grid whose land is another. change: new, gone or changed.

    Areas in square metres, shapes in degrees, EPSG:4490.
    """

    code: str
    name: str
    change: str
    area_m2: tuple[float, float]
    old_shape: PolygonLike | None
    new_shape: PolygonLike | None


@dataclass(frozen=True)
class BoundaryDifference:
    """Grids that changed, and the transferred pieces as (from, to, square metres, shape)."""

    grids: list[GridDifference]
    pieces: list[tuple[str | None, str | None, float, PolygonLike]]


def compare_boundaries(
    session: Session, since: datetime, until: datetime, within: str = ""
) -> BoundaryDifference:
    """Return the difference of the boundaries at two moments; either may be in the future.

    Parameters
    ----------
    session
        Open session; only read.
    since, until
        The earlier and the later moment, with time zone.
    within
        Code of an area; only grids under it are compared. Empty means everywhere.

    Raises
    ------
    NotFound
        No area has the code.
    InvalidInput
        The moments are in the wrong order.
    TooLarge
        More than `MAX_COMPARED_GRIDS` grids differ.
    """
    if since >= until:
        raise invalid_field("to", "field.not_later_than_from")
    if within:
        require_area_id(session, within)
    rows = session.execute(
        cached_text(CHANGED_GRIDS_SQL),
        {"since": since, "until": until, "within": within, "limit": MAX_COMPARED_GRIDS + 1},
    ).all()
    if len(rows) > MAX_COMPARED_GRIDS:
        raise TooLarge("difference.too_many_grids", limit=MAX_COMPARED_GRIDS)
    names = {row[0]: row[1] for row in rows}
    old_shapes = {row[0]: shapely.from_wkb(row[2]) for row in rows if row[2] is not None}
    new_shapes = {row[0]: shapely.from_wkb(row[3]) for row in rows if row[3] is not None}
    codes = moves_land(old_shapes, {code: new_shapes.get(code) for code in names})
    grids = [
        GridDifference(
            code,
            names[code],
            change_type(old_shapes.get(code), new_shapes.get(code)),
            (_m2(old_shapes.get(code)), _m2(new_shapes.get(code))),
            old_shapes.get(code),
            new_shapes.get(code),
        )
        for code in codes
    ]
    return BoundaryDifference(
        grids,
        [
            (start, end, _m2(land), land)
            for start, end, land in transferred_pieces(old_shapes, new_shapes, codes)
        ],
    )


def change_type(old_shape: PolygonLike | None, new_shape: PolygonLike | None) -> str:
    """Return the kind of a change: new, gone or changed."""
    return "new" if old_shape is None else "gone" if new_shape is None else "changed"


def transferred_pieces(
    old_shapes: Mapping[str, PolygonLike],
    new_shapes: Mapping[str, PolygonLike],
    codes: Sequence[str],
) -> list[tuple[str | None, str | None, PolygonLike]]:
    """Return the pieces of area that change grid as (from, to, shape), without slivers of rounding.

    Parameters
    ----------
    old_shapes, new_shapes
        Shapes by code, degrees, EPSG:4490.
    codes
        Codes of the grids whose area changes.

    Returns
    -------
    Tuples of codes and shape; None is the side without a grid.
    """
    starts, ends = (
        [code for code in codes if code in old_shapes],
        [code for code in codes if code in new_shapes],
    )
    pieces: list[tuple[str | None, str | None, PolygonLike]] = []
    if starts and ends:
        olds, news = (
            shape_array([old_shapes[code] for code in starts]),
            shape_array([new_shapes[code] for code in ends]),
        )
        for i, j in zip(*STRtree(news).query(olds, predicate="intersects").tolist(), strict=True):
            if (
                starts[i] != ends[j]
                and (land := extract_polygons(shapely.intersection(olds[i], news[j]))) is not None
            ):
                pieces.append((starts[i], ends[j], land))
    pieces += [
        (code, None, land)
        for code, land in _outside({code: old_shapes[code] for code in starts}, new_shapes)
    ]
    pieces += [
        (None, code, land)
        for code, land in _outside({code: new_shapes[code] for code in ends}, old_shapes)
    ]
    wide = wider(shape_array([land for *_, land in pieces]), polygon_coverage.MIN_GAP_WIDTH_M)
    wide_pieces = [piece for piece, yes in zip(pieces, wide.tolist(), strict=True) if yes]
    return sorted(wide_pieces, key=lambda piece: (piece[0] or "", piece[1] or ""))


def _outside(
    geometries: Mapping[str, PolygonLike], others: Mapping[str, PolygonLike]
) -> Iterator[tuple[str, PolygonLike]]:
    """Yield the part of each shape that lies in none of the others."""
    shapes = shape_array(list(others.values()))
    tree = STRtree(shapes)
    for code, land in geometries.items():
        neighbours = shapes[tree.query(land, predicate="intersects")]
        remaining = (
            extract_polygons(
                shapely.difference(land, polygon_coverage.dissolve(neighbours.tolist()))
            )
            if len(neighbours)
            else land
        )
        if remaining is not None:
            yield code, remaining


def _m2(land: PolygonLike | None) -> float:
    return 0.0 if land is None else round(geodesic_area_m2(land), 1)
