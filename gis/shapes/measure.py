"""Measuring shapes: always on the ellipsoid or in a metric system, never in degrees or EPSG:3857."""

from math import pi
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from gis.errors import InvalidInput
from gis.shapes.nearby import degree_metres

GEOD = Geod(ellps="GRS80")  # the ellipsoid of CGCS2000
Shapes = NDArray[Any]


def area(shape: Polygon | MultiPolygon) -> float:
    """The area on the ellipsoid, holes taken out.

    Args:
        shape: Valid, longitude and latitude in degrees, EPSG:4490.

    Returns:
        Square metres, whichever way the rings run.

    Source: Karney (2013), Algorithms for geodesics, J. Geodesy 87, 43-55, through pyproj.
    """
    if shape.is_empty:
        return 0.0
    return float(GEOD.geometry_area_perimeter(shapely.orient_polygons(shape))[0])


def length(shape: BaseGeometry) -> float:
    """The length of a line, or of all rings of a polygon, on the ellipsoid.

    Args:
        shape: Longitude and latitude in degrees, EPSG:4490.

    Returns:
        Metres.
    """
    return 0.0 if shape.is_empty else float(GEOD.geometry_length(shape))


def compactness(shape: Polygon | MultiPolygon) -> float:
    """Score how round an area is: 1 for a circle, near 0 for a ribbon.

    Args:
        shape: In a metric system (see gis.crs.metric); degrees distort the score.

    Returns:
        4 pi A / P^2, without unit.

    Raises:
        InvalidInput: The shape has no area.

    Source: Polsby & Popper (1991), Yale Law & Policy Review 9(2), 301-353.
    """
    if shape.area == 0:
        raise InvalidInput("an empty shape has no compactness")
    return float(4 * pi * shape.area / shape.length**2)


def place(shape: BaseGeometry) -> tuple[float, float]:
    """A point inside the shape that people can look up: (lon, lat), degrees, 6 decimals (0.1 m)."""
    point = shape.representative_point()
    return round(point.x, 6), round(point.y, 6)


def local_metres(shapes: Shapes, *, back: bool = False, latitude: float) -> Shapes:
    """Stretch degrees to metres about a latitude, for widths and tolerances (not for areas): within 1 %.

    Args:
        shapes: Shapes in degrees, or in such metres when going `back`.
        latitude: Where, degrees; the same both ways. Up to a few hundred kilometres around it.
    """
    scale = np.array(degree_metres(latitude))
    return shapely.transform(shapes, lambda xy: xy / scale if back else xy * scale)


def widths(shapes: Shapes) -> NDArray[np.float64]:
    """How wide each shape is where it is widest: the diameter of the largest circle that fits in.

    Args:
        shapes: Polygons, longitude and latitude in degrees, EPSG:4490, within some hundred kilometres.

    Returns:
        Metres, within about 5 %; 0 for an empty shape.
    """
    if not len(shapes) or shapely.is_empty(shapes).all():
        return np.zeros(len(shapes))
    flat = local_metres(shapes, latitude=float(np.mean(shapely.total_bounds(shapes)[[1, 3]])))
    areas, around = shapely.area(flat), np.maximum(shapely.length(flat), 1e-12)
    # A circle of 2 A / P always fits, one larger than the shape's own area never; between them shrinking
    # decides.
    fits, too_wide = 2 * areas / around, 2 * np.sqrt(areas / pi)
    for _ in range(40):
        open_ = too_wide > fits * 1.05
        if not open_.any():
            break
        middle = np.sqrt(fits[open_] * too_wide[open_])
        left = ~shapely.is_empty(shapely.buffer(flat[open_], -middle / 2, quad_segs=4))
        fits[open_] = np.where(left, middle, fits[open_])
        too_wide[open_] = np.where(left, too_wide[open_], middle)
    return fits
