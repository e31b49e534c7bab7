"""What all edits of a coverage share: the grids they look at, and what may not come of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from shapely import LineString, MultiLineString, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from gis.db import PRECISION_DEG
from gis.errors import InvalidInput, NotFound
from gis.messages import Message
from gis.shapes import noding, polygon_coverage
from gis.shapes.measure import (
    geodesic_area_m2,
    inscribed_diameters_m,
    label_point,
    position_text,
    shape_array,
    wider,
)
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import extract_polygons

GridGeometries = Mapping[str, PolygonLike]
ChangedGeometries = dict[str, PolygonLike | None]

MIN_WIDTH_M = 1.0  # metres; a part that is narrower everywhere is a sliver
MAX_LOST_SHARE = 1e-9  # share of the changed area that rounding of the outline may change
MAX_LOST_STEPS2 = 100  # square lattice steps (1 dm²) that rounding may change


def require_grids(geometries: GridGeometries, *codes: str) -> None:
    """Raise NotFound unless all codes are among the grids.

    Raises
    ------
    NotFound
        `grid.unknown_codes`: which ones.
    """
    if missing := sorted(set(codes) - set(geometries)):
        raise NotFound("grid.unknown_codes", codes=missing)


def grids_near(
    geometries: GridGeometries, codes: Sequence[str], over: BaseGeometry | None = None
) -> dict[str, PolygonLike]:
    """Return some grids, those under a drawn shape, and all that touch any of these."""
    names, shapes = list(geometries), shape_array(list(geometries.values()))
    if not names:
        return {}
    core = {code: geometries[code] for code in codes}
    if over is not None:
        hit = STRtree(shapes).query(over, predicate="intersects") if len(names) else []
        core |= {names[i]: shapes[i] for i in hit}
    if not core:
        return {}
    around = np.unique(
        STRtree(shapes).query(shape_array(list(core.values())), predicate="intersects")[1]
    )
    return {names[i]: shapes[i] for i in around.tolist()}


def complete_coverage(
    geometries: GridGeometries, shapes: ChangedGeometries, *, islands: bool, grows: bool = False
) -> ChangedGeometries:
    """Return the shapes of an edit with the neighbours that must follow, as a coverage.

    Raises
    ------
    InvalidInput
        A grid falls apart, a part is a sliver, or the borders are too fine for the lattice.
    """
    changed = noding.share_vertices(geometries, shapes)
    changed = {
        code: shape
        for code, shape in changed.items()
        if shape is None
        or code not in geometries
        or not shapely.equals_exact(shape, geometries[code], 0)
    }
    for code, shape in changed.items():
        if shape is None:
            continue
        old_shape = geometries.get(code)
        parts = shapely.get_parts(shape)
        if not islands and old_shape is not None and len(parts) > len(shapely.get_parts(old_shape)):
            refuse_islands(code, shape)
        if old_shape is not None and len(parts) > 1:
            old = list(shapely.get_parts(old_shape))
            fresh = [part for part in parts if not is_one_of(part, old)]
            require_wide(fresh, Message("sliver.grid_would_have", {"grid": code}))
        elif code in shapes:
            cause = "sliver.grid_would_have" if old_shape is None else "sliver.grid_would_keep"
            require_wide(parts, Message(cause, {"grid": code}))
    new_coverage = {**geometries, **changed}
    shapes_left = [shape for code in new_coverage if (shape := new_coverage[code]) is not None]
    touching = STRtree(shape_array(shapes_left)).query(
        shape_array([shape for shape in changed.values() if shape is not None]),
        predicate="intersects",
    )
    around = [shapes_left[i] for i in np.unique(touching[1]).tolist()]
    if not polygon_coverage.is_valid(around):
        raise InvalidInput("coverage.borders_cross", at=_crossing_position(around))
    if not grows:
        was = sum(geometries[code].area for code in changed if code in geometries)
        now = sum(shape.area for shape in changed.values() if shape is not None)
        if abs(was - now) > max(
            MAX_LOST_SHARE * was, MAX_LOST_STEPS2 * PRECISION_DEG * PRECISION_DEG
        ):
            some_shape = next(shape for shape in changed.values() if shape is not None)
            raise InvalidInput("coverage.borders_too_fine", at=position_of(some_shape))
    return changed


def _crossing_position(shapes: Sequence[PolygonLike]) -> str:
    coverage = shape_array(shapes)
    bad = [shape for shape in coverage if not shape.is_valid]
    edges = shapely.coverage_invalid_edges(coverage)
    points = [edge for edge in edges if not shapely.is_empty(edge)] or bad or list(coverage[:1])
    position = shapely.get_coordinates(points[0])[0]
    return position_text(*position)


def refuse_islands(code: str, shape: PolygonLike) -> None:
    """Raise InvalidInput for a grid that falls apart, naming its smallest part.

    Raises
    ------
    InvalidInput
        Always.
    """
    least = min(shapely.get_parts(shape), key=lambda part: part.area)
    raise InvalidInput(
        "grid.falls_apart", grid=code, area_m2=round(geodesic_area_m2(least)), at=position_of(least)
    )


def is_one_of(part: PolygonLike, others: Sequence[PolygonLike]) -> bool:
    """Return whether a part has the area of another, which may have more vertices."""
    return any(part.bounds == other.bounds and shapely.equals(part, other) for other in others)


def require_wide(parts: Sequence[PolygonLike], cause: Message) -> None:
    """Raise InvalidInput if a part is narrower than `MIN_WIDTH_M`.

    Raises
    ------
    InvalidInput
        `sliver.left`: how wide, and where.
    """
    for part in parts:
        if not wider(shape_array([part]), MIN_WIDTH_M)[0]:
            width_m = f"{inscribed_diameters_m(shape_array([part]))[0]:.2f}"
            raise InvalidInput("sliver.left", cause=cause, width_m=width_m, at=position_of(part))


def require_wide_moves(moved: Sequence[PolygonLike], cause: Message) -> None:
    """Raise InvalidInput if area moves in pieces narrower than `MIN_WIDTH_M`.

    Such slivers show that a line that should follow a border missed it.

    Raises
    ------
    InvalidInput
        `sliver.moved`: how wide, and where.
    """
    slivers = np.flatnonzero(~wider(shape_array(moved), MIN_WIDTH_M))
    if slivers.size:
        thin = moved[int(slivers[0])]
        width_m = f"{inscribed_diameters_m(shape_array([thin]))[0]:.2f}"
        raise InvalidInput("sliver.moved", cause=cause, width_m=width_m, at=position_of(thin))


def require_land_left(shapes: ChangedGeometries) -> None:
    """Raise InvalidInput if a grid keeps no area.

    Raises
    ------
    InvalidInput
        `grid.no_land_left`.
    """
    for code, shape in shapes.items():
        if shape is None:
            raise InvalidInput("grid.no_land_left", grid=code)


def widest_part(land: PolygonLike, limit: float) -> Polygon | None:
    """Return the largest part of a shape that holds a circle of the given diameter in metres."""
    parts = shapely.get_parts(land)
    wide = parts[wider(parts, limit)]
    return max(wide, key=lambda part: part.area, default=None)


def overlaps(land: PolygonLike, other: PolygonLike) -> bool:
    """Return whether two shapes overlap by more than `MIN_GAP_WIDTH_M`."""
    shared = (
        extract_polygons(shapely.intersection(land, other))
        if shapely.intersects(land, other)
        else None
    )
    return shared is not None and widest_part(shared, polygon_coverage.MIN_GAP_WIDTH_M) is not None


def faces_within(faces: Sequence[Polygon], land: PolygonLike) -> Any:
    """Return which faces lie in a shape along whose outline they were cut."""
    shapely.prepare(land)
    return shapely.intersects(land, shapely.point_on_surface(shape_array(faces)))


def shared_borders(land: PolygonLike, other: PolygonLike) -> list[LineString]:
    """Return the lines that two shapes of a coverage share, each from end to end."""
    if not shapely.intersects(land, other):
        return []
    shared = shapely.intersection(land.boundary, other.boundary)
    lines = [part for part in shapely.get_parts(shared) if isinstance(part, LineString)]
    if not lines:
        return []
    merged = shapely.line_merge(MultiLineString(lines))
    return [part for part in shapely.get_parts(merged) if isinstance(part, LineString)]


def join_faces(faces: Sequence[PolygonLike]) -> PolygonLike | None:
    """Return the union of faces that form a coverage; None if there are none.

    Faces of earlier shapes may lack a vertex, which `complete_coverage` adds.
    """
    if not faces:
        return None
    singles = [part for face in faces for part in shapely.get_parts(face)]
    return noding.union_faces(singles)


def choose_takers(
    faces: Sequence[PolygonLike], homeless: Sequence[int], owners: Mapping[int, str]
) -> dict[int, str | None]:
    """Assign faces without an owner to the neighbour with the longest border.

    Parameters
    ----------
    faces
        Faces of one coverage.
    homeless
        Positions of the faces to assign.
    owners
        Owner of the other faces by position.

    Returns
    -------
    The owner by position; None for faces that no owner borders on, not even through other assigned
    faces.

    Notes
    -----
    Of two borders of the same length the lower code decides.
    """
    graph, owner_of, waiting = noding.neighbours(faces), dict(owners), list(homeless)
    answer: dict[int, str | None] = dict.fromkeys(homeless)
    while waiting:
        left = []
        for i in waiting:
            lengths: dict[str, float] = defaultdict(float)
            for j, metres in graph.get(i, {}).items():
                if j in owner_of:
                    lengths[owner_of[j]] += metres
            if lengths:
                answer[i] = min(lengths, key=lambda code: (-round(lengths[code], 6), code))
                owner_of[i] = answer[i] or ""
            else:
                left.append(i)
        if len(left) == len(waiting):
            break
        waiting = left
    return answer


def position_of(shape: BaseGeometry) -> str:
    """Return the label point of a shape as text."""
    return position_text(*label_point(shape))
