"""Validate drawn lines and outlines before grids are cut along them. No database."""

from collections.abc import Sequence

import numpy as np
import shapely
from shapely import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from gis.errors import InvalidInput
from gis.messages import Message
from gis.shapes import edges, noding
from gis.shapes.measure import position_text, to_local_metres
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import fault_message, repair

OVERSHOOT = 2e-7  # degrees: two steps of the lattice
SNAP_REACH_M = 1.0  # metres by which the end of a line may miss the border it was drawn to
MAX_DRAWN_VERTICES = 10_000  # vertices of a drawn line or outline
MAX_CROSSINGS = 5_000  # crossings of a drawing with borders


def validate_line(line: BaseGeometry) -> LineString:
    """Return a drawn line on the lattice.

    Raises
    ------
    InvalidInput
        The shape is not a line, is empty or a single point of the lattice, has too many vertices,
        or crosses itself.
    """
    if not isinstance(line, LineString) or line.is_empty:
        if line.is_empty:
            raise InvalidInput("line.empty")
        raise InvalidInput("line.not_line", type=line.geom_type)
    flat = shapely.force_2d(line)
    _countable(flat, "line")
    xy = edges.snap_to_lattice(shapely.get_coordinates(flat))
    distinct = np.concatenate([[True], (xy[1:] != xy[:-1]).any(axis=1)])
    if distinct.sum() < 2:
        raise InvalidInput("line.one_point")
    drawn = LineString(xy[distinct])
    if not drawn.is_simple:
        crossing = _self_crossing(drawn)
        raise InvalidInput("line.crosses_itself", at=position_text(crossing.x, crossing.y))
    return drawn


def _self_crossing(line: LineString) -> Point:
    """Return the point at which a line that is not simple first meets itself."""
    xy = shapely.get_coordinates(line)
    simple, crossing = 2, len(xy)  # lengths of a prefix that is simple, and of one that is not
    while crossing - simple > 1:
        middle = (simple + crossing) // 2
        simple, crossing = (
            (middle, crossing) if LineString(xy[:middle]).is_simple else (simple, middle)
        )
    simple_part, last = LineString(xy[: crossing - 1]), LineString(xy[crossing - 2 : crossing])
    meets = shapely.get_coordinates(shapely.intersection(simple_part, last))
    others = meets[(meets != xy[crossing - 2]).any(axis=1)]
    return Point(others[0] if len(others) else xy[crossing - 1])


def validate_outline(outline: BaseGeometry, field: str) -> PolygonLike:
    """Return a drawn outline as a valid polygon.

    Raises
    ------
    InvalidInput
        The outline is invalid, has too many vertices, or cannot be stored.
    """
    if not outline.is_empty:
        _countable(outline, field)
    if not outline.is_valid and isinstance(outline, Polygon | MultiPolygon):
        fault = fault_message(str(shapely.is_valid_reason(outline)))
        raise InvalidInput("outline.not_valid", field=field, fault=fault)
    done = repair(outline)
    if done.shape is None:
        raise InvalidInput("outline.not_storable", field=field, reason=done.reason)
    return done.shape


def countable_crossings(shape: BaseGeometry, geometries: Sequence[PolygonLike], field: str) -> None:
    """Raise InvalidInput if a shape crosses borders too often to be cut in reasonable time.

    Raises
    ------
    InvalidInput
        There are more than MAX_CROSSINGS.
    """
    borders = shapely.geometrycollections([land.boundary for land in geometries])
    count = noding.crossings(shape, borders, MAX_CROSSINGS)
    if count > MAX_CROSSINGS:
        raise InvalidInput("drawing.too_many_crossings", field=field, limit=MAX_CROSSINGS)


def _countable(shape: BaseGeometry, field: str) -> None:
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise InvalidInput("drawing.not_finite", field=field)
    closing = (
        len(shapely.get_rings(shapely.get_parts(shape)))
        if shapely.get_dimensions(shape) == 2
        else 0
    )
    if shapely.get_num_coordinates(shape) - closing > MAX_DRAWN_VERTICES:
        raise InvalidInput("drawing.too_many_vertices", field=field, limit=MAX_DRAWN_VERTICES)


def extend_to_border(line: LineString, land: PolygonLike) -> LineString:
    """Extend the ends of a line over the border where they miss it by less than `SNAP_REACH_M`.

    The nearest place of a border is seldom a pair of floating-point numbers: an end there may lie
    inside, so it is drawn on by `OVERSHOOT`. So is an end that a map has snapped to the border.
    """
    xy = np.array(line.coords)
    for end, inner in ((0, 1), (-1, -2)):
        point = Point(xy[end])
        if not shapely.contains_properly(land, point):
            continue
        nearest = shapely.shortest_line(point, land.boundary)
        if length_m(nearest) > SNAP_REACH_M:
            continue
        onto = np.array(nearest.coords[-1])
        way = onto - xy[end]
        if np.hypot(*way) < OVERSHOOT / 100:  # too short for a direction
            way = xy[end] - xy[inner]
        beyond = onto + way / np.hypot(*way) * OVERSHOOT
        xy = np.vstack([beyond, xy] if end == 0 else [xy, beyond])
    return LineString(xy)


def require_crossing(line: LineString, land: PolygonLike, name: str | Message) -> None:
    """Require that a line crosses the land from border to border.

    Raises
    ------
    InvalidInput
        It ends inside the land, or is not in it at all.
    """
    inside = shapely.get_parts(shapely.intersection(line, land))
    inside = inside[shapely.get_dimensions(inside) == 1]
    if not len(inside) or shapely.relate_pattern(line, land, "F********"):
        raise InvalidInput("line.does_not_cross", grid=name)
    for end in (line.coords[0], line.coords[-1]):
        if shapely.contains_properly(land, Point(end)):
            raise InvalidInput("line.ends_inside", grid=name, at=position_text(end[0], end[1]))


def length_m(line: BaseGeometry) -> float:
    """Return the length of a line in metres; 0 if it is empty."""
    if line.is_empty:
        return 0.0
    return float(
        shapely.length(
            to_local_metres(np.array([line]), latitude=shapely.get_coordinates(line)[0][1])[0]
        )
    )
