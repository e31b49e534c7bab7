"""Coverages: polygons that share their borders vertex for vertex, without gap or overlap.

No database.

Shapes come and go as longitude and latitude in degrees, EPSG:4490; widths are metres, areas square
metres on the ellipsoid. Positions in the answers are those of the shapes given.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from gis.db import PRECISION_DEG
from gis.errors import InvalidInput
from gis.shapes.measure import (
    Shapes,
    geodesic_area_m2,
    inscribed_diameters_m,
    label_point,
    shape_array,
    to_local_metres,
)
from gis.shapes.repair import extract_polygons, is_on_lattice

PolygonLike: TypeAlias = Polygon | MultiPolygon

NOISE_WIDTH_M = 0.1  # metres; borders within it are one border drawn twice
MAX_SLIVER_WIDTH_M = 2.0  # metres; an open gap that is wider counts as outside
MIN_GAP_WIDTH_M = 0.02  # metres; narrower gaps are rounding of the lattice


class Gap(NamedTuple):
    """Land that belongs to none: shape, square metres, a place (lon, lat), metres at its widest."""

    shape: PolygonLike
    area_m2: float
    label_point: tuple[float, float]
    width_m: float


class Overlap(NamedTuple):
    """Area shared by two shapes: their positions, the area, a point in it, and its width."""

    position: int
    other_position: int
    shape: PolygonLike
    area_m2: float
    label_point: tuple[float, float]
    width_m: float


def is_valid(shapes: Sequence[PolygonLike]) -> bool:
    """Return whether the shapes are valid, on the lattice, and share the vertices of their borders.

    The lattice has steps of 1e-7 degrees. Holes in the coverage are allowed (see `find_gaps`).
    """
    array = shape_array(shapes)
    return bool(
        shapely.is_valid(array).all()
        and is_on_lattice(array).all()
        and shapely.coverage_is_valid(array)
    )


def find_gaps(shapes: Sequence[PolygonLike], slit: float = MAX_SLIVER_WIDTH_M) -> list[Gap]:
    """Find area between the shapes that belongs to none, largest first.

    Parameters
    ----------
    shapes
        Valid polygons.
    slit
        Metres. Enclosed area counts at any width; open area counts where two shapes face each other
        across this width or less.
    """
    if not len(shapes):
        return []
    union = dissolve(shapes)
    rings = [Polygon(ring) for part in shapely.get_parts(union) for ring in part.interiors]
    inside = [shapely.difference(ring, union) for ring in rings]  # without its islands
    outside = _slits(shape_array(shapes), union, slit)
    candidates = [
        part
        for shape in (*inside, *outside)
        for part in shapely.get_parts(shape)
        if isinstance(part, Polygon)
    ]
    wide = inscribed_diameters_m(shape_array(candidates)).tolist()
    answers = [
        Gap(part, geodesic_area_m2(part), label_point(part), w)
        for part, w in zip(candidates, wide, strict=True)
        if w >= MIN_GAP_WIDTH_M
    ]
    return sorted(answers, key=lambda gap: -gap.area_m2)


def _slits(shapes: Shapes, union: PolygonLike, slit: float) -> list[BaseGeometry]:
    """Return what a closing of the union by half the width fills.

    The union is buffered outwards and back, and then subtracted.
    """
    latitude = union.centroid.y
    flat = to_local_metres(np.array([union]), latitude=latitude)[0]
    swollen = shapely.buffer(flat, slit / 2, join_style="mitre", mitre_limit=5)
    closed = shapely.buffer(swollen, -slit / 2, join_style="mitre", mitre_limit=5)
    shut_in = shapely.union_all(
        [Polygon(ring) for part in shapely.get_parts(flat) for ring in part.interiors]
    )
    parts = shapely.get_parts(shapely.difference(shapely.difference(closed, flat), shut_in))
    parts = parts[
        (shapely.get_dimensions(parts) == 2)
        & (shapely.area(parts) > MIN_GAP_WIDTH_M * MIN_GAP_WIDTH_M)
    ]
    if not len(parts):
        return []
    tree = STRtree(to_local_metres(shapes, latitude=latitude))
    touching = np.bincount(
        tree.query(shapely.buffer(parts, MIN_GAP_WIDTH_M), predicate="intersects")[0],
        minlength=len(parts),
    )
    return list(to_local_metres(parts[touching >= 2], back=True, latitude=latitude))


def find_overlaps(shapes: Sequence[PolygonLike]) -> list[Overlap]:
    """Find land that belongs to two of the shapes, in the order of the shapes.

    Parameters
    ----------
    shapes
        Valid polygons. What is narrower than the lattice's own rounding (2 cm) is not counted.
    """
    array = shape_array(shapes)
    if shapely.coverage_is_valid(array):
        return []
    left, right = STRtree(array).query(array, predicate="intersects")
    left, right = left[left < right], right[left < right]
    shared = [
        extract_polygons(shape) or Polygon()
        for shape in shapely.intersection(array[left], array[right])
    ]
    wide = inscribed_diameters_m(shape_array(shared)).tolist()
    overlaps = [
        Overlap(i, j, land, geodesic_area_m2(land), label_point(land), w)
        for i, j, land, w in zip(left.tolist(), right.tolist(), shared, wide, strict=True)
        if w >= MIN_GAP_WIDTH_M
    ]
    return sorted(overlaps, key=lambda overlap: overlap[:2])


def repair_coverage(
    shapes: Sequence[PolygonLike], tolerance: float = NOISE_WIDTH_M
) -> list[PolygonLike]:
    """Repair a coverage: assign overlaps and narrow gaps, and match the borders.

    Overlaps and gaps go to the neighbour with the longest border.

    Parameters
    ----------
    shapes
        Valid polygons.
    tolerance
        Maximum width in metres of a gap to fill. Overlaps are repaired at any width; use
        `find_overlaps` first to refuse wide ones. Vertices move by at most `NOISE_WIDTH_M` to meet
        each other.

    Returns
    -------
    As many shapes in the same order, a coverage on the 1e-7 degree lattice. Shapes that were a
    coverage already are returned unchanged.

    Raises
    ------
    InvalidInput
        A shape lies entirely within others; nothing of it would be left.
    """
    narrow = [gap.shape for gap in find_gaps(shapes, tolerance) if gap.width_m <= tolerance]
    if not narrow and is_valid(shapes):
        return list(shapes)
    filled = _fill(shape_array(shapes), narrow)
    latitude = float(np.mean(shapely.total_bounds(filled)[[1, 3]]))
    flat = to_local_metres(filled, latitude=latitude)
    flat = shapely.coverage_clean(
        flat, snapping_distance=min(NOISE_WIDTH_M, tolerance), gap_width=tolerance
    )
    mended = node_borders(list(to_local_metres(flat, back=True, latitude=latitude)))
    for i, shape in enumerate(mended):
        if shape.is_empty:
            raise InvalidInput("coverage.shape_within_others", number=i + 1)
    return mended


def _fill(shapes: Shapes, narrow: Sequence[PolygonLike]) -> Shapes:
    """Give each gap to the shape it has the longest border with."""
    filled = shapes.copy()
    for gap in narrow:
        # degrees, one or two centimetres, so that it meets its neighbours
        rim = shapely.buffer(gap, MIN_GAP_WIDTH_M * 1e-5)
        candidates = STRtree(filled).query(rim, predicate="intersects")
        border = shapely.area(shapely.intersection(filled[candidates], rim))
        if len(candidates):
            owner = candidates[int(np.argmax(border))]
            # Slivers converted between degrees and metres may cross themselves; borders
            # are noded afterwards.
            pieces = [extract_polygons(shapely.make_valid(shape)) for shape in (filled[owner], gap)]
            whole = shapely.union_all(
                [shape for shape in pieces if shape is not None], grid_size=PRECISION_DEG / 100
            )
            filled[owner] = extract_polygons(whole) or filled[owner]
    return filled


def node_borders(shapes: Sequence[PolygonLike]) -> list[PolygonLike]:
    """Snap a coverage to the 1e-7 degree lattice, with the same vertices on both sides of borders.

    Parameters
    ----------
    shapes
        Valid polygons that fit to about a centimetre. Area of two goes to the first.

    Returns
    -------
    As many shapes in the same order, a coverage (see `is_valid`). A shape too thin for the lattice
    becomes empty. Where a corner meets the middle of a neighbour's edge, the edge gets a vertex.
    """
    snapped = shapely.set_precision(shape_array(shapes), PRECISION_DEG, mode="pointwise")
    if not shapely.is_empty(snapped).any() and is_valid(list(snapped)):
        return list(snapped)
    # Snap rounding of all borders at once; then each face is assigned to the shape that covers it.
    lines = shapely.union_all(shapely.boundary(shape_array(shapes)), grid_size=PRECISION_DEG)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    face, owner = STRtree(shape_array(shapes)).query(
        shapely.point_on_surface(faces), predicate="intersects"
    )
    order = np.lexsort((owner, face))
    face, owner = face[order], owner[order]
    is_first = np.concatenate([[True], face[1:] != face[:-1]]) if len(face) else np.array([], bool)
    face, owner = face[is_first], owner[is_first]
    noded: list[PolygonLike] = []
    for i in range(len(shapes)):
        land = extract_polygons(shapely.coverage_union_all(faces[face[owner == i]]))
        noded.append(land if land is not None else Polygon())
    return noded


def dissolve(shapes: Sequence[PolygonLike]) -> PolygonLike:
    """Return the union of the shapes; in a coverage the outline keeps every vertex.

    Returns
    -------
    A valid shape, on the 1e-7 degree lattice where the shapes are.

    Raises
    ------
    InvalidInput
        There are no shapes.
    """
    array = shape_array(shapes)
    if not len(array):
        raise InvalidInput("coverage.no_shapes")
    if shapely.coverage_is_valid(array):
        whole = extract_polygons(shapely.coverage_union_all(array))
        if whole is not None and whole.is_valid:
            return whole
    whole = extract_polygons(shapely.union_all(array, grid_size=PRECISION_DEG))
    if whole is None:
        raise InvalidInput("coverage.no_land")
    return whole
