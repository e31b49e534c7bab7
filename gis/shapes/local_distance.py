"""Short distances from points to shapes, in metres, many at once."""

from math import cos, radians, sin, sqrt
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_GRS80_AXIS_M = 6378137.0  # metres, GRS 80, the ellipsoid of CGCS2000
_E2 = 0.00669438002290
MAX_COORDINATES = 500_000  # in memory at a time, about 30 MB


def metres_per_degree(lat: Any) -> tuple[Any, Any]:
    """Return the length in metres of a degree of longitude and of latitude, on GRS 80.

    References
    ----------
    Radii of curvature of the ellipsoid: Snyder (1987), USGS Professional Paper 1395, eq. 4-18 to
    4-20.
    """
    phi = np.radians(lat)
    w = 1 - _E2 * np.sin(phi) ** 2
    return np.radians(_GRS80_AXIS_M / np.sqrt(w)) * np.cos(phi), np.radians(
        _GRS80_AXIS_M * (1 - _E2) / w**1.5
    )


def point_distances_m(shapes: Any, lon: Any, lat: Any) -> Floats:
    """Distances between shapes and points, pair by pair.

    Parameters
    ----------
    shapes
        Array of shapes, degrees, EPSG:4490.
    lon, lat
        The points, degrees; arrays of the same length, or scalars.

    Returns
    -------
    Metres, 0 inside a shape. Right to a millimetre within some hundred metres and to about 0.1 %
    within ten kilometres, since a degree is taken to be as long all around the point as at the
    point.
    """
    shapes = np.atleast_1d(np.asarray(shapes, dtype=object))
    x, y = np.broadcast_to(lon, shapes.shape), np.broadcast_to(lat, shapes.shape)
    ends = np.cumsum(shapely.get_num_coordinates(shapes))
    if not shapes.size or ends[-1] <= MAX_COORDINATES:
        return _distances_m(shapes, x, y)
    parts = np.flatnonzero(np.diff(ends // MAX_COORDINATES)) + 1
    cut = (np.split(values, parts) for values in (shapes, x, y))
    return np.concatenate([_distances_m(*part) for part in zip(*cut, strict=True)])


def _distances_m(shapes: Any, x: Floats, y: Floats) -> Floats:
    """Return what `point_distances_m` does, with all coordinates in memory at once."""
    per_lon, per_lat = metres_per_degree(y)
    points, owners = shapely.get_coordinates(shapes, return_index=True)
    local = np.empty_like(points)
    local[:, 0] = (points[:, 0] - x[owners]) * per_lon[owners]
    local[:, 1] = (points[:, 1] - y[owners]) * per_lat[owners]
    stretched = shapely.set_coordinates(shapes.copy(), local)
    return np.asarray(shapely.distance(stretched, shapely.Point(0, 0)), dtype=float)


def buffer_bbox(lon: float, lat: float, metres: float) -> tuple[float, float, float, float]:
    """Return the west, south, east and north of the box within some metres of a point."""
    w = 1 - _E2 * sin(radians(lat)) ** 2
    dx, dy = (
        metres / (radians(_GRS80_AXIS_M / sqrt(w)) * cos(radians(lat))),
        metres / radians(_GRS80_AXIS_M * (1 - _E2) / w**1.5),
    )
    return lon - dx, lat - dy, lon + dx, lat + dy


def widen_bbox(
    bounds: tuple[float, float, float, float], metres: float
) -> tuple[float, float, float, float]:
    """Return a box in degrees with so many metres more on each side."""
    west, south, east, north = bounds
    low, high = buffer_bbox(west, south, metres), buffer_bbox(east, north, metres)
    aside = max(west - low[0], high[2] - east)
    return west - aside, low[1], east + aside, high[3]


def within_bbox(x: Any, y: Any, bounds: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    """Return which points lie in a box or on its edge; of one unit with it, whichever that is."""
    west, south, east, north = bounds
    inside: NDArray[np.bool_] = (x >= west) & (x <= east) & (y >= south) & (y <= north)
    return inside


def buffer_boxes(lon: Any, lat: Any, metres: Any) -> Any:
    """Boxes that hold everything within some metres of points; shapely boxes in degrees."""
    per_lon, per_lat = metres_per_degree(lat)
    dx, dy = metres / per_lon, metres / per_lat
    return shapely.box(lon - dx, lat - dy, lon + dx, lat + dy)
