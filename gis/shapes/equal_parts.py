"""Divide a polygon into parts with equal weights, along straight cuts that spare footprints."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from gis.shapes.measure import to_local_metres
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import extract_polygons

ANGLES_DEG = range(0, 180, 15)  # directions in which cuts are tried
PIECE_COST = 1.0  # of a part that a cut leaves in pieces, in shares of the weight
LENGTH_COST = 0.02  # of a cut as long as the root of the area
BROKEN_COST = 0.3  # of a cut through a footprint


class _Cut(NamedTuple):
    cost: float
    low: PolygonLike
    high: PolygonLike


def equal_parts(
    land: PolygonLike, count: int, footprints: Sequence[PolygonLike], weights: NDArray[np.int64]
) -> list[PolygonLike]:
    """Divide a shape into parts of about equal weight.

    It is cut in two again and again, each time straight across in the direction and at the place
    that balance best; of near equals the shorter cut, and none through a footprint where that can
    be helped. No part can be fairer than the heaviest footprint allows.

    Parameters
    ----------
    land
        Degrees, EPSG:4490.
    count
        Number of parts, 2 or more.
    footprints, weights
        Buildings with their households; those whose middle lies in the shape count.

    Returns
    -------
    `count` shapes that fill the shape; fewer where its weight lies in fewer places than that.
    """
    latitude = (land.bounds[1] + land.bounds[3]) / 2
    array = np.empty(len(footprints) + 1, dtype=object)
    array[:] = [land, *footprints]
    local = to_local_metres(array, latitude=latitude)
    parts = _divide(local[0], count, local[1:], np.asarray(weights, dtype=np.int64))
    back = np.empty(len(parts), dtype=object)
    back[:] = parts
    return list(to_local_metres(back, back=True, latitude=latitude))


def _divide(
    land: PolygonLike, count: int, footprints: Any, weights: NDArray[np.int64]
) -> list[PolygonLike]:
    middles = shapely.point_on_surface(footprints)
    inside = np.flatnonzero(shapely.intersects(land, middles) & (weights > 0))
    if count == 1 or not len(inside):
        return [land]
    footprints, middles, weights = footprints[inside], middles[inside], weights[inside]
    half = count // 2
    cuts = (
        _best_cut(land, half / count, footprints, shapely.get_coordinates(middles), weights, angle)
        for angle in ANGLES_DEG
    )
    best = min((cut for cut in cuts if cut), key=lambda cut: cut.cost, default=None)
    if best is None:
        return [land]
    return [
        *_divide(best.low, half, footprints, weights),
        *_divide(best.high, count - half, footprints, weights),
    ]


def _best_cut(
    land: PolygonLike,
    share: float,
    footprints: Any,
    middles: NDArray[np.float64],
    weights: NDArray[np.int64],
    angle: int,
) -> _Cut | None:
    """Return the best cut in a direction; None when all weight lies at one place of it."""
    along = np.array((np.cos(np.radians(angle)), np.sin(np.radians(angle))))
    position = middles @ along
    order = np.argsort(position, kind="stable")
    low = np.cumsum(weights[order])[:-1] / weights.sum()
    free = position[order][1:] - position[order][:-1] > 1e-6
    if not free.any():
        return None
    points, owners = shapely.get_coordinates(footprints, return_index=True)
    reach = points @ along
    least, last = (
        getattr(np, name).reduceat(reach, np.unique(owners, return_index=True)[1])
        for name in ("minimum", "maximum")
    )
    # between two neighbours: in the middle of the clear strip, else of their middles
    ends = np.maximum.accumulate(last[order])[:-1]
    begins = np.minimum.accumulate(least[order][::-1])[::-1][1:]
    clear = begins > ends
    at = np.where(clear, (ends + begins) / 2, (position[order][:-1] + position[order][1:]) / 2)
    cost = np.abs(low - share) + np.where(clear, 0, BROKEN_COST)
    cost[~free] = np.inf
    nth = int(np.argmin(cost))
    sides = _cut(land, along, float(at[nth]))
    if sides is None:
        return None
    pieces = sum(len(shapely.get_parts(side)) - 1 for side in sides)
    length = shapely.intersection(sides[0].boundary, sides[1].boundary).length
    extra = PIECE_COST * pieces + LENGTH_COST * length / np.sqrt(land.area)
    return _Cut(float(cost[nth]) + extra, *sides)


def _cut(
    land: PolygonLike, along: NDArray[np.float64], at: float
) -> tuple[PolygonLike, PolygonLike] | None:
    """Return the two sides of a straight cut across a shape."""
    west, south, east, north = land.bounds
    size = 2 * (east - west + north - south)
    middle = np.array(((west + east) / 2, (south + north) / 2))
    foot = middle + along * (at - middle @ along)
    across = np.array((-along[1], along[0])) * size
    low = Polygon(
        [foot - across, foot + across, foot + across - along * size, foot - across - along * size]
    )
    sides = (
        extract_polygons(shapely.intersection(land, low)),
        extract_polygons(shapely.difference(land, low)),
    )
    if sides[0] is None or sides[1] is None or sides[0].is_empty or sides[1].is_empty:
        return None
    return sides[0], sides[1]
