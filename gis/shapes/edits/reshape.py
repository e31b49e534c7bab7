"""Give a grid a new outline."""

import shapely

from gis.errors import InvalidInput
from gis.messages import Message
from gis.shapes import drawn_line, noding, polygon_coverage
from gis.shapes.edits.common import (
    ChangedGeometries,
    GridGeometries,
    choose_takers,
    complete_coverage,
    faces_within,
    grids_near,
    join_faces,
    overlaps,
    position_of,
    require_grids,
    require_land_left,
    require_wide_moves,
    shared_borders,
    widest_part,
)
from gis.shapes.measure import geodesic_area_m2
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import extract_polygons


def reshape(
    geometries: GridGeometries,
    code: str,
    outline: PolygonLike,
    *,
    give_to: str | None = None,
    islands: bool = False,
) -> ChangedGeometries:
    """Give a grid a new outline.

    Parameters
    ----------
    geometries
        The grids around, by code; degrees, EPSG:4490.
    code
        The grid.
    outline
        The whole new area of the grid.
    give_to
        The grid that takes the lost area. None means that each piece goes to the neighbour with the
        longest border.
    islands
        Whether grids may lie in more parts than before.

    Raises
    ------
    NotFound
        A code is not among the grids.
    InvalidInput
        The outline is not a polygon, leaves the coverage, or leaves slivers or islands.
    """
    require_grids(geometries, code, *([give_to] if give_to else []))
    if give_to == code:
        raise InvalidInput("reshape.gives_to_itself", grid=code)
    target = drawn_line.validate_outline(outline, "geometry")
    grids = grids_near(geometries, [code], target)
    drawn_line.countable_crossings(target, list(grids.values()), "geometry")
    _require_inside(target, grids)
    gains = [other for other in grids if other != code and overlaps(grids[other], target)]
    loses = extract_polygons(shapely.difference(grids[code], target)) is not None
    neighbours = (
        [other for other in grids if other != code and shared_borders(grids[code], grids[other])]
        if loses
        else []
    )
    touched = list(dict.fromkeys([code, *gains, *neighbours]))
    grids = grids_near(geometries, touched)  # grids that touch one of them get its new corners
    faces = noding.split_faces(grids, touched, target.boundary)
    inside = faces_within([face for face, _ in faces], target)
    if not inside.any():
        raise InvalidInput("reshape.elsewhere", grid=code)
    own_faces = [face for (face, _), taken in zip(faces, inside, strict=True) if taken]
    lost = [i for i, (_, owner) in enumerate(faces) if owner == code and not inside[i]]
    gained = [i for i, (_, owner) in enumerate(faces) if owner != code and inside[i]]
    require_wide_moves([faces[i][0] for i in gained + lost], Message("sliver.outline_moves"))
    owners = {i: owner for i, (_, owner) in enumerate(faces) if owner != code and not inside[i]}
    takers = (
        dict.fromkeys(lost, give_to)
        if give_to
        else choose_takers([face for face, _ in faces], lost, owners)
    )
    faces_of: dict[str, list[PolygonLike]] = {other: [] for other in touched if other != code}
    for i, owner in (owners | takers).items():
        if owner is None:
            raise InvalidInput("reshape.no_taker", grid=code, at=position_of(faces[i][0]))
        faces_of.setdefault(owner, [grids[owner]] if owner not in touched else []).append(
            faces[i][0]
        )
    shapes: ChangedGeometries = {other: join_faces(faces) for other, faces in faces_of.items()} | {
        code: noding.union_faces(own_faces)
    }
    require_land_left(shapes)
    return complete_coverage(grids, shapes, islands=islands)


def _require_inside(outline: PolygonLike, grids: GridGeometries) -> None:
    """Raise InvalidInput if an outline leaves the coverage by more than drawing noise.

    Raises
    ------
    InvalidInput
        `reshape.leaves_land`: by how much, and where.
    """
    coverage = polygon_coverage.dissolve(list(grids.values()))
    beyond = extract_polygons(shapely.difference(outline, coverage))
    if beyond is None:
        return
    wide = widest_part(beyond, polygon_coverage.NOISE_WIDTH_M)
    if wide is not None:
        raise InvalidInput(
            "reshape.leaves_land", area_m2=round(geodesic_area_m2(beyond)), at=position_of(wide)
        )
