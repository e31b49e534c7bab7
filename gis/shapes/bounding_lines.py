"""The four sides of an area (四至): which named lines and neighbours bound it, and where."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.shapes.local_distance import metres_per_degree
from gis.shapes.polygon_coverage import PolygonLike

SIDES = ("east", "south", "west", "north")
STEP_M = 10.0  # metres of border judged at once
LINE_REACH_M = 25.0  # metres from the border to the middle of the line that it follows
MAX_ANGLE_DEG = 35.0  # between border and line; a street that crosses the border is steeper
TOUCH_M = 1.0  # metres to a neighbour
MIN_SIDE_SHARE = 0.2  # of the side, for a name to be stated
MAX_NAMES = 3  # of one side


class NamedLine(NamedTuple):
    """A street, river or railway: its name, and its line or outline in degrees, EPSG:4490."""

    name: str
    line: shapely.Geometry


class Limit(NamedTuple):
    """What bounds part of a side.

    kind: line, neighbour or outside. name: Of the line, or the code of the neighbour, or empty.
    share: Of the length of the side, 0 to 1.
    """

    kind: str
    name: str
    share: float


def bounding_limits(
    land: PolygonLike, lines: Sequence[NamedLine], neighbours: Mapping[str, PolygonLike]
) -> dict[str, list[Limit]]:
    """Return what bounds an area on each of its four sides.

    The border is cut into pieces of `STEP_M`. A piece belongs to the side towards which it lies in
    the area's box and faces, the place counting twice: a notch in the north stays of the north, the
    lower end of a slanting west border of the west. It is bounded by the nearest named line within
    `LINE_REACH_M` that runs along it, else by the neighbour that touches it, else by nothing. A
    side names what bounds at least `MIN_SIDE_SHARE` of its length, from north to south or from
    west to east.

    Parameters
    ----------
    land
        The area, degrees, EPSG:4490.
    lines
        Named lines around it.
    neighbours
        Areas around it by code.
    """
    local = _Local.around(land)
    starts, ends = _pieces(local.of([land])[0])
    middles, lengths = (starts + ends) / 2, np.hypot(*(ends - starts).T)
    limits = np.full(len(middles), -1)
    shapes = [line.line for line in lines]
    along = _nearest_along(middles, ends - starts, local.of(shapes))
    touching = _nearest(middles, local.of(list(neighbours.values())), TOUCH_M)
    limits = np.where(along >= 0, along, np.where(touching >= 0, len(lines) + touching, -1))
    names = [("line", line.name) for line in lines]
    names += [("neighbour", code) for code in neighbours] + [("outside", "")]
    sides = _sides(middles, ends - starts, local.of([land])[0].bounds)
    return {
        side: _rank(names, limits[sides == nth], lengths[sides == nth], middles[sides == nth], side)
        for nth, side in enumerate(SIDES)
    }


class _Local(NamedTuple):
    """Metres about a point; right to 0.1 % within ten kilometres."""

    origin: tuple[float, float]
    scale: tuple[float, float]

    @classmethod
    def around(cls, land: PolygonLike) -> "_Local":
        west, south, east, north = land.bounds
        per_lon, per_lat = metres_per_degree((south + north) / 2)
        return cls(((west + east) / 2, (south + north) / 2), (float(per_lon), float(per_lat)))

    def of(self, shapes: Sequence[shapely.Geometry]) -> NDArray[np.object_]:
        """Return shapes in metres."""
        array = np.empty(len(shapes), dtype=object)
        array[:] = shapes
        moved: NDArray[np.object_] = shapely.transform(
            array, lambda xy: (xy - self.origin) * self.scale
        )
        return moved


def _pieces(land: shapely.Geometry) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return start and end of the pieces of the outer borders, counter-clockwise, metres."""
    rings = shapely.get_exterior_ring(shapely.get_parts(shapely.orient_polygons(land)))
    points, ring = shapely.get_coordinates(shapely.segmentize(rings, STEP_M), return_index=True)
    same = ring[1:] == ring[:-1]
    return points[:-1][same], points[1:][same]


def _sides(
    points: NDArray[np.float64],
    directions: NDArray[np.float64],
    bounds: tuple[float, float, float, float],
) -> NDArray[np.int64]:
    """Return the side of each piece of a counter-clockwise border, as an index of `SIDES`."""
    west, south, east, north = bounds
    position = (points - ((west + east) / 2, (south + north) / 2)) / (
        max(east - west, 1e-9) / 2,
        max(north - south, 1e-9) / 2,
    )
    outward = np.column_stack((directions[:, 1], -directions[:, 0]))
    outward /= np.maximum(np.hypot(*outward.T), 1e-9)[:, None]
    x, y = (2 * position + outward).T
    return np.argmax(np.stack((x, -y, -x, y)), axis=0)


def _nearest(
    points: NDArray[np.float64], shapes: NDArray[np.object_], reach: float
) -> NDArray[np.int64]:
    """Return the nearest shape of each point within reach, of as many the first; else -1."""
    nearest = np.full(len(points), -1)
    if len(shapes):
        rows, hits = shapely.STRtree(shapes).query_nearest(
            shapely.points(points), max_distance=reach, all_matches=True
        )
        nearest[rows[::-1]] = hits[::-1]
    return nearest


def _nearest_along(
    points: NDArray[np.float64], directions: NDArray[np.float64], shapes: NDArray[np.object_]
) -> NDArray[np.int64]:
    """Return the nearest shape of each point that runs in its direction; else -1."""
    best = np.full(len(points), -1)
    if not len(shapes):
        return best
    parts, owners = shapely.get_parts(shapes, return_index=True)
    outlines = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    parts[outlines] = shapely.get_exterior_ring(parts[outlines])
    places = shapely.points(points)
    rows, hits = shapely.STRtree(parts).query(places, predicate="dwithin", distance=LINE_REACH_M)
    at = shapely.line_locate_point(parts[hits], places[rows])
    length = shapely.length(parts[hits])
    earlier = shapely.get_coordinates(
        shapely.line_interpolate_point(parts[hits], np.maximum(at - STEP_M / 2, 0))
    )
    following = shapely.get_coordinates(
        shapely.line_interpolate_point(parts[hits], np.minimum(at + STEP_M / 2, length))
    )
    run, way = following - earlier, directions[rows]
    cosine = np.abs((run * way).sum(axis=1)) / np.maximum(np.hypot(*run.T) * np.hypot(*way.T), 1e-9)
    steep = cosine < np.cos(np.radians(MAX_ANGLE_DEG))
    distance = shapely.distance(parts[hits], places[rows])
    for nth in np.lexsort((owners[hits], -distance)).tolist():
        if not steep[nth]:
            best[rows[nth]] = owners[hits[nth]]
    return best


def _rank(
    names: Sequence[tuple[str, str]],
    limits: NDArray[np.int64],
    lengths: NDArray[np.float64],
    points: NDArray[np.float64],
    side: str,
) -> list[Limit]:
    """Return what bounds a side, in order along it; what bounds most when nothing bounds enough."""
    total = lengths.sum()
    covered: defaultdict[tuple[str, str], float] = defaultdict(float)
    position_sum: defaultdict[tuple[str, str], float] = defaultdict(float)
    along = points[:, 0] if side in ("north", "south") else -points[:, 1]
    for limit, length, position in zip(
        limits.tolist(), lengths.tolist(), along.tolist(), strict=True
    ):
        covered[names[limit]] += length
        position_sum[names[limit]] += length * position
    ranked = sorted(covered, key=lambda key: (-covered[key], key))
    enough = [key for key in ranked if covered[key] >= MIN_SIDE_SHARE * total]
    stated = enough[:MAX_NAMES] or ranked[:1]
    stated.sort(key=lambda key: position_sum[key] / covered[key])
    return [Limit(*key, round(covered[key] / total, 3)) for key in stated]
