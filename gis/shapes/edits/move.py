"""Give two grids another border between them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from shapely import LineString, Polygon

from gis.errors import InvalidInput
from gis.messages import Message
from gis.shapes import drawn_line, noding, polygon_coverage
from gis.shapes.edits.common import (
    ChangedGeometries,
    GridGeometries,
    complete_coverage,
    grids_near,
    position_of,
    require_grids,
    shared_borders,
)
from gis.shapes.polygon_coverage import PolygonLike

MAX_SAMPLE_POINTS = 100  # points of each line for measuring the distance of two lines


def move_border(
    geometries: GridGeometries, code: str, other_code: str, line: LineString
) -> ChangedGeometries:
    """Give two grids another border between them.

    Parameters
    ----------
    line
        The new border, drawn from end to end; it begins and ends on the outline of the two
        together.

    Raises
    ------
    NotFound
        A code is not among the grids.
    InvalidInput
        The two are no neighbours; the line crosses itself, does not part them in two, or leaves a
        sliver.

    The border that the line replaces is the one nearest to it; others that the two share stay.
    """
    require_grids(geometries, code, other_code)
    if code == other_code:
        raise InvalidInput("move_border.same_grid", grid=code)
    line = drawn_line.validate_line(line)
    grids = grids_near(geometries, [code, other_code])
    a, b = geometries[code], geometries[other_code]
    shared = shared_borders(a, b)
    if not shared:
        raise InvalidInput("move_border.not_neighbours", first=code, second=other_code)
    old = (
        min(shared, key=lambda border: (_apart(border, line), border.wkb))
        if len(shared) > 1
        else shared[0]
    )
    other_borders = [border for border in shared if border is not old]
    both = polygon_coverage.dissolve([a, b])
    path = drawn_line.extend_to_border(line, both)
    drawn_line.countable_crossings(path, [a, b], "line")
    drawn_line.require_crossing(
        path, both, Message("grids.together", {"first": code, "second": other_code})
    )
    merged: dict[str, PolygonLike] = {
        code: shape for code, shape in grids.items() if code not in (code, other_code)
    }
    merged[code] = both
    faces = [
        face
        for face, _ in noding.split_faces(merged, [code], shapely.union_all([path, *other_borders]))
    ]
    sides = _two_sides(faces, a, b, code, other_code)
    return complete_coverage(
        grids,
        {code: noding.union_faces(sides[0]), other_code: noding.union_faces(sides[1])},
        islands=False,
    )


def _two_sides(
    faces: Sequence[Polygon], a: PolygonLike, b: PolygonLike, code: str, other_code: str
) -> tuple[list[Polygon], list[Polygon]]:
    """Return the faces of each of two grids after a new border was drawn between them.

    Both sides of a border belong to different grids.

    Raises
    ------
    InvalidInput
        The line does not part the two grids, or leaves one of them no land.
    """
    graph = noding.neighbours(faces)
    groups: list[tuple[list[int], list[int]]] = []
    colour: dict[int, int] = {}
    for start in range(len(faces)):
        if start in colour:
            continue
        colour[start], queue = 0, [start]
        sides: tuple[list[int], list[int]] = ([], [])
        while queue:
            i = queue.pop()
            sides[colour[i]].append(i)
            for j in sorted(graph.get(i, ())):
                fresh = j not in colour
                if colour.setdefault(j, 1 - colour[i]) == colour[i]:
                    raise InvalidInput(
                        "move_border.line_does_not_part_at",
                        first=code,
                        second=other_code,
                        at=position_of(faces[j]),
                    )
                if fresh:
                    queue.append(j)
        groups.append(sides)
    if not any(all(sides) for sides in groups):
        raise InvalidInput("move_border.line_does_not_part", first=code, second=other_code)
    answer: tuple[list[Polygon], list[Polygon]] = ([], [])
    for sides in groups:
        shared_areas = [
            [_shared_area([faces[i] for i in side], land) for land in (a, b)] for side in sides
        ]
        swap = shared_areas[0][1] + shared_areas[1][0] > shared_areas[0][0] + shared_areas[1][1]
        for i in sides[0]:
            answer[int(swap)].append(faces[i])
        for i in sides[1]:
            answer[1 - int(swap)].append(faces[i])
    for side, name in zip(answer, (code, other_code), strict=True):
        if not side:
            raise InvalidInput("move_border.no_land_left", grid=name)
    return answer


def _shared_area(faces: Sequence[Polygon], land: PolygonLike) -> float:
    """Return the square degrees that some faces of one coverage share with a shape."""
    whole = noding.union_faces(faces)
    return 0.0 if whole is None else float(shapely.intersection(whole, land).area)


def _apart(border: LineString, line: LineString) -> float:
    """Return the largest distance of two lines in degrees.

    It is measured at up to `MAX_SAMPLE_POINTS` points of each.
    """
    share = np.linspace(0, 1, MAX_SAMPLE_POINTS)
    pairs = ((border, line), (line, border))
    for base, _ in pairs:
        shapely.prepare(base)
    return max(
        float(shapely.distance(other, _points_of(base, share)).max()) for base, other in pairs
    )


def _points_of(line: LineString, share: Any) -> Any:
    """Return the vertices of a line, or points along a long one."""
    few = shapely.get_num_coordinates(line) <= MAX_SAMPLE_POINTS
    return (
        shapely.points(shapely.get_coordinates(line))
        if few
        else line.interpolate(share, normalized=True)
    )
