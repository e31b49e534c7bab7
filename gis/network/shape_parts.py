"""Points, lines and corners of shapes in metres, for joining ways to areas."""

import numpy as np
import shapely
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry


def direction(leg: LineString) -> np.ndarray:
    """Return the vector from the first to the last point of a straight leg."""
    (x0, y0), (x1, y1) = leg.coords
    return np.array([x1 - x0, y1 - y0])


def points_of(shape: BaseGeometry) -> list[Point]:
    """Return the points of an intersection; of a stretch in common its ends."""
    points: list[Point] = []
    for part in shapely.get_parts(shape).tolist():
        if part.geom_type == "Point":
            points.append(part)
        elif part.geom_type == "LineString" and not part.is_empty:
            points += [Point(part.coords[0]), Point(part.coords[-1])]
    return points


def lines_of(shape: BaseGeometry) -> list[LineString]:
    """Return the lines of an intersection, its points left out."""
    return [
        part
        for part in shapely.get_parts(shape).tolist()
        if part.geom_type == "LineString" and not part.is_empty
    ]


def inward_corners(polygon: Polygon) -> list[Point]:
    """Return the corners that a straight way through the area may have to turn at."""
    corners = []
    for ring in shapely.get_parts(shapely.orient_polygons(polygon)).tolist()[0:1]:
        for loop in (ring.exterior, *ring.interiors):
            xy = np.array(loop.coords)[:-1]
            incoming, outgoing = xy - np.roll(xy, 1, axis=0), np.roll(xy, -1, axis=0) - xy
            turn = incoming[:, 0] * outgoing[:, 1] - incoming[:, 1] * outgoing[:, 0]
            corners += [Point(at) for at in xy[turn < -1e-9]]
    return corners
