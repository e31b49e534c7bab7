"""Move a corner of the borders."""

from collections.abc import Sequence

import numpy as np
import shapely
from shapely import Point, Polygon

from gis.db import PRECISION_DEG
from gis.errors import InvalidInput
from gis.shapes import edges, noding, polygon_coverage
from gis.shapes.edges import Vertex
from gis.shapes.edits.common import (
    ChangedGeometries,
    GridGeometries,
    complete_coverage,
    grids_near,
    position_of,
)
from gis.shapes.measure import position_text, shape_array
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import extract_polygons


def move_vertex(
    geometries: GridGeometries,
    vertex: Vertex,
    to: Vertex,
    *,
    edge: tuple[Vertex, Vertex] | None = None,
) -> ChangedGeometries:
    """Move a corner of the borders, for all grids that share it.

    Parameters
    ----------
    geometries
        The grids around, by code; degrees, EPSG:4490.
    vertex
        Longitude and latitude of a vertex.
    to
        Its new position; it is removed if that is the next vertex of its border.
    edge
        Two ends of an edge on which a new vertex is created and moved; `vertex` is then ignored.

    Raises
    ------
    InvalidInput
        The vertex or edge does not exist or lies on the outline, or borders would cross.
    """
    for name, xy in (("to", to), ("from", vertex)):
        if not np.isfinite(xy).all():
            raise InvalidInput("move_vertex.not_a_point", field=name)
    target = _on_lattice(to)
    ends = None if edge is None else frozenset((_on_lattice(edge[0]), _on_lattice(edge[1])))
    origin = Point(vertex) if ends is None else shapely.multipoints([list(end) for end in ends])
    reach = shapely.buffer(
        shapely.union_all([origin, Point(target)]).envelope, polygon_coverage.MIN_GAP_WIDTH_M * 1e-5
    )
    grids = grids_near(geometries, [], reach)
    moved = (
        _with_moved_vertex(grids, _on_lattice(vertex), target)
        if ends is None
        else _with_new_vertex(grids, ends, target)
    )
    shapes: ChangedGeometries = {key: _without_doubles(land, target) for key, land in moved.items()}
    around = grids_near(geometries, list(moved), reach)
    for key, shape in shapes.items():
        if shape is None or not shape.is_valid:
            raise InvalidInput("move_vertex.crosses_itself", grid=key, at=position_text(*target))
    changed = noding.share_vertices(around, shapes)
    old_land = polygon_coverage.dissolve([around[key] for key in changed])
    new_land = shapely.union_all(
        shape_array([shape for shape in changed.values() if shape is not None])
    )
    differ = extract_polygons(shapely.symmetric_difference(old_land, new_land))
    if differ is not None and differ.area > PRECISION_DEG * PRECISION_DEG:
        raise InvalidInput(
            "move_vertex.on_outline", vertex=position_text(*vertex), at=position_of(differ)
        )
    return complete_coverage(around, shapes, islands=False)


def _with_new_vertex(
    grids: GridGeometries, ends: frozenset[Vertex], target: Vertex
) -> dict[str, PolygonLike]:
    """Return the grids that have an edge, with a vertex inserted into it.

    Raises
    ------
    InvalidInput
        No grid has the edge.
    """
    table = {ends: [target]}
    changed = {
        code: new
        for code, land in grids.items()
        if (new := noding.insert_vertices(land, table)) is not land
        and shapely.get_num_coordinates(new) > shapely.get_num_coordinates(land)
    }
    if not changed:
        raise InvalidInput("move_vertex.no_edge")
    return changed


def _with_moved_vertex(
    grids: GridGeometries, old: Vertex, target: Vertex
) -> dict[str, PolygonLike]:
    """Return the grids that have a vertex, with the vertex moved.

    Raises
    ------
    InvalidInput
        No grid has the vertex.
    """
    changed: dict[str, PolygonLike] = {}
    for code, land in grids.items():
        if (shapely.get_coordinates(land) == old).all(axis=1).any():
            changed[code] = shapely.transform(
                land, lambda xy: np.where((xy == old).all(axis=1)[:, None], target, xy)
            )
    if not changed:
        raise InvalidInput("move_vertex.no_vertex", at=f"{old[0]:.7f}, {old[1]:.7f}")
    return changed


def _without_doubles(land: PolygonLike, at: Vertex) -> PolygonLike | None:
    """Return a shape without the vertex that was repeated by moving it onto the next.

    None means that nothing of the shape is left.
    """
    parts = []
    for part in shapely.get_parts(land):
        rings = [
            [
                xy
                for i, xy in enumerate(ring.coords[:])
                if i == 0 or xy != ring.coords[i - 1] or xy != at
            ]
            for ring in (part.exterior, *part.interiors)
        ]
        if len(rings[0]) < 4:
            return None
        parts.append(Polygon(rings[0], [ring for ring in rings[1:] if len(ring) >= 4]))
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _on_lattice(xy: Sequence[float]) -> Vertex:
    x, y = edges.snap_to_lattice(np.array(xy[:2], dtype=float)).tolist()
    return x, y
