"""Lines and outlines as somebody drew them: taken when they can be cut along, else refused with the place. No database."""

from collections.abc import Sequence

import numpy as np
import shapely
from shapely import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from gis.errors import InvalidInput
from gis.shapes import noding
from gis.shapes.measure import to_local_metres
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import in_words, repair

SNAP_REACH_M = 1.0  # metres by which the end of a line may miss the border it was drawn to
MAX_DRAWN_VERTICES = 10_000  # of one drawn line or outline
MOST_CROSSINGS = 5_000  # of it with borders


def validate_line(line: BaseGeometry) -> LineString:
    if not isinstance(line, LineString) or line.is_empty:
        raise InvalidInput(f"line: a LineString is needed, not {'nothing' if line.is_empty else line.geom_type}")
    flat = shapely.force_2d(line)
    _countable(flat, "line")
    xy = noding.snap_to_lattice(shapely.get_coordinates(flat))
    kept = np.concatenate([[True], (xy[1:] != xy[:-1]).any(axis=1)])
    if kept.sum() < 2:
        raise InvalidInput("line: begins and ends in one point; draw it across")
    drawn = LineString(xy[kept])
    if not drawn.is_simple:
        crossing = _self_crossing(drawn)
        raise InvalidInput(f"line: crosses itself near {crossing.x:.6f}, {crossing.y:.6f}; draw it without a loop")
    return drawn


def _self_crossing(line: LineString) -> Point:
    """The place where a line that is not simple first meets itself."""
    xy = shapely.get_coordinates(line)
    simple, crossing = 2, len(xy)  # vertices of a beginning that is simple, and of one that is not
    while crossing - simple > 1:
        middle = (simple + crossing) // 2
        simple, crossing = (middle, crossing) if LineString(xy[:middle]).is_simple else (simple, middle)
    before, last = LineString(xy[: crossing - 1]), LineString(xy[crossing - 2 : crossing])
    meets = shapely.get_coordinates(shapely.intersection(before, last))
    others = meets[(meets != xy[crossing - 2]).any(axis=1)]
    return Point(others[0] if len(others) else xy[crossing - 1])


def validate_outline(outline: BaseGeometry, field: str) -> PolygonLike:
    if not outline.is_empty:
        _countable(outline, field)
    if not outline.is_valid and isinstance(outline, Polygon | MultiPolygon):
        raise InvalidInput(
            f"{field}: {in_words(str(shapely.is_valid_reason(outline)))}; draw it without crossing itself"
        )
    done = repair(outline)
    if done.shape is None:
        raise InvalidInput(f"{field}: {done.reason}")
    return done.shape


def countable_crossings(shape: BaseGeometry, lands: Sequence[PolygonLike], field: str) -> None:
    """Refuse a line or outline that crosses borders so often that cutting along it would take too long."""
    borders = shapely.geometrycollections([land.boundary for land in lands])
    count = noding.crossings(shape, borders, MOST_CROSSINGS)
    if count > MOST_CROSSINGS:
        raise InvalidInput(
            f"{field}: crosses borders more than {MOST_CROSSINGS:,} times, or lies too close along them;"
            " draw it with fewer corners"
        )


def _countable(shape: BaseGeometry, field: str) -> None:
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise InvalidInput(f"{field}: has a coordinate that is not a number; draw it again")
    closing = len(shapely.get_rings(shapely.get_parts(shape))) if shapely.get_dimensions(shape) == 2 else 0
    if shapely.get_num_coordinates(shape) - closing > MAX_DRAWN_VERTICES:
        raise InvalidInput(f"{field}: has more than {MAX_DRAWN_VERTICES:,} vertices; simplify it")


def extend_to_border(line: LineString, land: PolygonLike) -> LineString:
    """A line whose ends, where they miss the border by less than `REACH`, are led onto it."""
    xy = [tuple(one) for one in line.coords]
    for end in (0, -1):
        point = Point(xy[end])
        if not shapely.contains_properly(land, point):
            continue
        nearest = shapely.shortest_line(point, land.boundary)
        if length_m(nearest) <= SNAP_REACH_M:
            onto = nearest.coords[-1]
            xy = [onto, *xy] if end == 0 else [*xy, onto]
    return LineString(xy)


def require_crossing(line: LineString, land: PolygonLike, name: str) -> None:
    """Refuse a line that ends inside the land, or that is not in it at all."""
    inside = shapely.get_parts(shapely.intersection(line, land))
    inside = inside[shapely.get_dimensions(inside) == 1]
    if not len(inside) or shapely.relate_pattern(line, land, "F********"):
        raise InvalidInput(f"the line does not cross {name}; draw it from border to border, across the grid")
    for end in (line.coords[0], line.coords[-1]):
        if shapely.contains_properly(land, Point(end)):
            raise InvalidInput(
                f"the line ends inside {name}, at {end[0]:.6f}, {end[1]:.6f}; draw it from border to border"
            )


def length_m(line: BaseGeometry) -> float:
    if line.is_empty:
        return 0.0
    return float(shapely.length(to_local_metres(np.array([line]), latitude=shapely.get_coordinates(line)[0][1])[0]))
