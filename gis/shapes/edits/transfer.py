"""Give the land in a drawn region to a grid."""

from shapely import Polygon

from gis.errors import InvalidInput
from gis.messages import Message
from gis.shapes import drawn_line, noding
from gis.shapes.edits.common import (
    ChangedGeometries,
    GridGeometries,
    complete_coverage,
    faces_within,
    grids_near,
    overlaps,
    position_of,
    require_grids,
    require_land_left,
    require_wide_moves,
)
from gis.shapes.polygon_coverage import PolygonLike


def transfer(
    geometries: GridGeometries,
    region: PolygonLike,
    to: str,
    *,
    only: str | None = None,
    islands: bool = False,
) -> ChangedGeometries:
    """Transfer the area in a drawn region to a grid; area outside all grids is left out.

    Parameters
    ----------
    only
        The grid that gives area; None means every grid under the region.

    Raises
    ------
    NotFound
        The grid is not among the grids.
    InvalidInput
        The region is not a polygon, holds no area of others, takes all of a grid, or leaves a
        sliver or islands.
    """
    require_grids(geometries, to)
    target = drawn_line.validate_outline(region, "region")
    grids = grids_near(geometries, [to], target)
    drawn_line.countable_crossings(target, list(grids.values()), "region")
    touched = [
        code
        for code, land in grids.items()
        if code != to and only in (None, code) and overlaps(land, target)
    ]
    if not touched:
        raise InvalidInput("transfer.no_land", at=position_of(target), grid=to)
    faces = noding.split_faces(grids, [to, *touched], target.boundary)
    inside = faces_within([face for face, _ in faces], target)
    moved = [
        face for (face, owner), taken in zip(faces, inside, strict=True) if owner != to and taken
    ]
    if not moved:
        raise InvalidInput("transfer.too_small", at=position_of(target))
    require_wide_moves(moved, Message("sliver.region_moves"))
    stays: dict[str, list[Polygon]] = {code: [] for code in touched}
    for (face, owner), taken in zip(faces, inside, strict=True):
        if owner != to and not taken:
            stays[owner].append(face)
    shapes: ChangedGeometries = {code: noding.union_faces(faces) for code, faces in stays.items()}
    shapes[to] = noding.union_faces([*moved, *(face for face, owner in faces if owner == to)])
    require_land_left(shapes)
    return complete_coverage(grids, shapes, islands=islands)
