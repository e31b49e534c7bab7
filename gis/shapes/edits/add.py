"""Create a grid on unassigned land."""

import shapely
from shapely import LineString
from shapely.geometry.base import BaseGeometry

from gis.db import PRECISION_DEG
from gis.errors import InvalidInput
from gis.shapes import drawn_line, line_noding, noding, polygon_coverage
from gis.shapes.edits.common import (
    MIN_WIDTH_M,
    ChangedGeometries,
    GridGeometries,
    complete_coverage,
    grids_near,
    position_of,
    widest_part,
)
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import extract_polygons, repair


def add(geometries: GridGeometries, code: str, outline: PolygonLike) -> ChangedGeometries:
    """Create a grid on free area; the part of the outline in other grids is left out.

    Raises
    ------
    InvalidInput
        The code is taken, the outline is not a polygon, or it holds no free area but slivers.
    """
    if code in geometries:
        raise InvalidInput("add.code_taken", grid=code)
    target = drawn_line.validate_outline(outline, "geometry")
    grids = grids_near(geometries, [], target)
    drawn_line.countable_crossings(target, list(grids.values()), "geometry")
    free = (
        target
        if not grids
        else extract_polygons(
            shapely.difference(target, polygon_coverage.dissolve(list(grids.values())))
        )
    )
    if free is None or (wide := widest_part(free, MIN_WIDTH_M)) is None:
        if not grids:
            raise InvalidInput("add.too_narrow", at=position_of(target))
        raise InvalidInput("add.no_free_land", at=position_of(target), grids=list(grids)[:3])
    interior_point = wide.point_on_surface()
    shapely.prepare(free)
    touching = {
        key: land
        for key, land in grids.items()
        if shapely.dwithin(free, land, line_noding.NOISE_STEPS * PRECISION_DEG)
    }
    parts_held = touching | {code: _roughly(free)}
    faces = noding.split_faces(parts_held, list(parts_held), _outside_border(free, touching))
    new_faces = [face for face, owner in faces if owner == code]
    if not new_faces or not any(shapely.intersects(face, interior_point) for face in new_faces):
        raise InvalidInput("add.too_narrow", at=position_of(free))
    shapes: ChangedGeometries = {
        key: noding.union_faces([face for face, owner in faces if owner == key]) for key in touching
    }
    shapes[code] = noding.union_faces(new_faces)
    return complete_coverage(grids, shapes, islands=True, grows=True)


def _outside_border(free: PolygonLike, geometries: GridGeometries) -> BaseGeometry:
    """Return the border of free area that faces no grid, as far as it lies near one.

    A new outline must meet the border of the grid there.
    """
    if not geometries:
        return LineString()
    whole = polygon_coverage.dissolve(list(geometries.values())).boundary
    rim, border_zone = (
        shapely.buffer(whole, noding.VERTEX_TOLERANCE_DEG),
        shapely.buffer(whole, 2 * line_noding.NOISE_STEPS * PRECISION_DEG, quad_segs=1),
    )
    return shapely.difference(shapely.intersection(free.boundary, border_zone), rim)


def _roughly(free: PolygonLike) -> PolygonLike:
    done = repair(free)
    return done.shape if done.shape is not None else free
