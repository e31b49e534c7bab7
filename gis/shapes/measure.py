"""Measure shapes on the ellipsoid or in a metric system, never in degrees or EPSG:3857."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from gis.errors import InvalidInput
from gis.shapes.local_distance import metres_per_degree

GEOD = Geod(ellps="GRS80")  # the ellipsoid of CGCS2000
Shapes = NDArray[Any]
# vertices of a polygon whose width is measured by shrinking it, at a cost that grows with their
# fourth power
SMALL = 64


def shape_array(shapes: Sequence[BaseGeometry]) -> Shapes:
    """Return shapes as an array of objects; NumPy would take some sequences of shapes apart."""
    array = np.empty(len(shapes), dtype=object)
    array[:] = shapes
    return array


def geodesic_area_m2(shape: Polygon | MultiPolygon) -> float:
    """Return the area on the ellipsoid in square metres, without holes.

    Parameters
    ----------
    shape
        Valid, longitude and latitude in degrees, EPSG:4490. The direction of the rings is
        irrelevant.

    References
    ----------
    Karney (2013), Algorithms for geodesics, J. Geodesy 87, 43-55, through pyproj.
    """
    if shape.is_empty:
        return 0.0
    return float(GEOD.geometry_area_perimeter(shapely.orient_polygons(shape))[0])


def length_m(shape: BaseGeometry) -> float:
    """Return the length of a line, or of all rings of a polygon, on the ellipsoid in metres.

    Parameters
    ----------
    shape
        Longitude and latitude in degrees, EPSG:4490.
    """
    return 0.0 if shape.is_empty else float(GEOD.geometry_length(shape))


def compactness(shape: Polygon | MultiPolygon) -> float:
    """Score how round an area is: 1 for a circle, near 0 for a ribbon.

    Parameters
    ----------
    shape
        In a metric system (see gis.crs.metric_epsg); degrees distort the score.

    Returns
    -------
    4 pi A / P^2, without unit.

    Raises
    ------
    InvalidInput
        The shape has no area.

    Source: Polsby & Popper (1991), Yale Law & Policy Review 9(2), 301-353.
    """
    if shape.area == 0:
        raise InvalidInput("polygon.empty")
    return float(4 * math.pi * shape.area / shape.length**2)


def label_point(shape: BaseGeometry) -> tuple[float, float]:
    """Return a point inside the shape as (lon, lat) in degrees with 6 decimals (0.1 m)."""
    point = shape.representative_point()
    return round(point.x, 6), round(point.y, 6)


def position_text(lon: float, lat: float) -> str:
    """Return a position as messages write it: longitude, latitude in degrees, six decimals."""
    return f"{lon:.6f}, {lat:.6f}"


def to_local_metres(shapes: Shapes, *, back: bool = False, latitude: float) -> Shapes:
    """Scale degrees to metres around a latitude, accurate to 1 %.

    For widths and tolerances, not for areas.

    Parameters
    ----------
    shapes
        Shapes in degrees, or in such metres if `back`.
    back
        Scale from metres to degrees instead.
    latitude
        Degrees; the same in both directions. Valid up to a few hundred kilometres around it.
    """
    scale = np.array(metres_per_degree(latitude))
    return shapely.transform(shapes, lambda xy: xy / scale if back else xy * scale)


def inscribed_diameters_m(shapes: Shapes) -> NDArray[np.float64]:
    """Return the diameter in metres of the largest circle that fits in each shape.

    Parameters
    ----------
    shapes
        Polygons, longitude and latitude in degrees, EPSG:4490, within a few hundred kilometres.

    Returns
    -------
    Metres, accurate to about 5 %; 0 for an empty shape.

    Notes
    -----
    `wider` is faster for comparing with a limit.
    """
    parts, owner = _flat_parts(shapes)
    fits, too_wide = _width_bounds(parts)
    large = shapely.get_num_coordinates(parts) > SMALL
    too_wide[large] = fits[large]
    for _ in range(40):
        open_ = too_wide > fits * 1.05
        if not open_.any():
            break
        middle = np.sqrt(fits[open_] * too_wide[open_])
        left = ~shapely.is_empty(shapely.buffer(parts[open_], -middle / 2, quad_segs=4))
        fits[open_] = np.where(left, middle, fits[open_])
        too_wide[open_] = np.where(left, too_wide[open_], middle)
    for i in np.flatnonzero(large).tolist():
        fits[i] = max(fits[i], _circle_diameter(parts[i], max(fits[i] * 0.05, 1e-3)))
    diameters = np.zeros(len(shapes))
    np.maximum.at(diameters, owner, fits)
    return diameters


def wider(shapes: Shapes, limit: float) -> NDArray[np.bool_]:
    """Return whether a circle of a diameter fits in each shape.

    Parameters
    ----------
    shapes
        Polygons, longitude and latitude in degrees, EPSG:4490, within a few hundred kilometres.
    limit
        Metres; exact but for shapes within about 5 % of it.

    Notes
    -----
    The cost grows about linearly with the vertices.
    """
    parts, owner = _flat_parts(shapes)
    fits, too_wide = _width_bounds(parts)
    yes = fits >= limit
    unsure = ~yes & (too_wide >= limit)
    large = shapely.get_num_coordinates(parts) > SMALL
    small = unsure & ~large
    yes[small] = ~shapely.is_empty(shapely.buffer(parts[small], -limit / 2, quad_segs=4))
    for i in np.flatnonzero(unsure & large).tolist():
        yes[i] = _circle_diameter(parts[i], limit * 0.05) >= limit * 0.95
    return np.bincount(owner[yes], minlength=len(shapes)) > 0


def _flat_parts(shapes: Shapes) -> tuple[Shapes, NDArray[np.intp]]:
    """Return the polygons of some shapes in metres, and the position of the shape of each."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    is_areal = ~shapely.is_empty(parts) & (shapely.get_dimensions(parts) == 2)
    parts, owner = parts[is_areal], owner[is_areal]
    if not len(parts):
        return parts, owner
    return to_local_metres(
        parts, latitude=float(np.mean(shapely.total_bounds(parts)[[1, 3]]))
    ), owner


def _width_bounds(parts: Shapes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return bounds of the diameter of the largest circle in each polygon.

    References
    ----------
    A circle of diameter 2 A / P always fits: Osserman (1979), Bonnesen-style inequalities. One with
    a larger area than the polygon, or wider than its box, never does.
    """
    if not len(parts):
        return np.empty(0), np.empty(0)
    areas, around = shapely.area(parts), np.maximum(shapely.length(parts), 1e-12)
    west, south, east, north = shapely.bounds(parts).T
    return 2 * areas / around, np.minimum(
        2 * np.sqrt(areas / math.pi), np.minimum(east - west, north - south)
    )


def _circle_diameter(part: Polygon, tolerance: float) -> float:
    """Return the diameter of the largest circle in a polygon, in metres like `tolerance`.

    GEOS searches cells by an index of the ring: 0.4 s at most for 10,000 vertices, where erosion
    took 4 s.
    """
    return 2 * float(shapely.length(shapely.maximum_inscribed_circle(part, tolerance=tolerance)))
