"""Cut a coverage along a line so that it stays a coverage: all sides of a border share vertices.

A crossing of two lines is seldom on the 1e-7 degree lattice, and rounding it bends the border by up
to half a centimetre. Between two grids this is harmless, because both bend alike. On the outline of
the coverage area would be lost, so the crossing is moved along the border to a lattice point that
lies on it almost exactly. No database.
"""

import itertools
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from shapely import LineString, MultiPolygon, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from gis.db import PRECISION_DEG
from gis.shapes.local_distance import metres_per_degree
from gis.shapes.measure import shape_array
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import extract_polygons

LATTICE_PER_DEGREE = round(1 / PRECISION_DEG)  # lattice steps in a degree
NOISE_STEPS = 10  # steps, 0.1 m: a drawn point this near to a border is meant to be on it
# steps, 5 m: how far along the outline a crossing may be moved, to the nearest that is good
MAX_SHIFT_STEPS = 500
# square steps, twice the land that a corner on the outline may gain or lose (0.1 m² are 1,000)
MAX_CORNER_AREA_STEPS2 = 4
VERTEX_TOLERANCE_DEG = (
    1.5 * PRECISION_DEG
)  # degrees: a new vertex this near to a neighbour's edge lies on it
MOST_PAIRS = 4_000_000  # of edges whose boxes lie over each other, looked at for crossings
POINT = 0  # shapely's number of the type

Vertex = tuple[float, float]
Edge = tuple[Vertex, Vertex]
Corners = defaultdict[
    int, list[tuple[int, Vertex]]
]  # new vertices by edge, with the steps along it, in order


def snap_to_lattice(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round coordinates to the lattice, as GEOS does."""
    return np.round(xy * LATTICE_PER_DEGREE) / LATTICE_PER_DEGREE


def split_faces(
    lands: Mapping[str, PolygonLike], touched: Sequence[str], lines: BaseGeometry
) -> list[tuple[Polygon, str]]:
    """Cut some lands along lines.

    Parameters
    ----------
    lands
        A coverage by code, degrees, EPSG:4490; the touched ones and every one that touches them.
    touched
        Codes of those to cut.
    lines
        Lines; what lies outside the touched lands cuts nothing.

    Returns
    -------
    The faces on the lattice, each with the code of the land it lies in. Together they are a
    coverage, with a vertex wherever a line meets a border.
    """
    cut = dict.fromkeys(touched)
    shapes = shape_array([lands[code] for code in cut])
    edges = _edges(shapes)
    inside = shapely.intersection(lines, shapely.union_all(shapes))
    pieces = [part for part in shapely.get_parts(inside) if isinstance(part, LineString)]
    new: Corners = defaultdict(list)
    bent = _bend(pieces, edges, _outline(lands, edges), new)
    table = {
        frozenset(_edge(edges[i])): [vertex for _, vertex in faces] for i, faces in new.items()
    }
    borders = [ring for shape in shapes for ring in _rings(insert_vertices(shape, table))]
    noded = shapely.union_all(
        [*borders, *(LineString(line) for line in bent)], grid_size=PRECISION_DEG
    )
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    # the query shape is the one that is prepared: lands over points, not points over lands
    owner, face = STRtree(shapely.point_on_surface(faces)).query(shapes, predicate="intersects")
    owner_of: dict[int, int] = {}
    for at, whose in sorted(zip(face.tolist(), owner.tolist(), strict=True)):
        owner_of.setdefault(at, whose)
    codes = list(cut)
    return [(faces[i], codes[owner_of[i]]) for i in sorted(owner_of)]


def crossings(line: BaseGeometry, other: BaseGeometry, most: int) -> int:
    """Return how often the edges of two shapes cross, not counting where they touch.

    Any number above `most` means that there are more, or that counting would take too long.
    """
    tree, edges = STRtree(_segments(other)), _segments(line)
    ends = [
        shapely.get_coordinates(segments).reshape(-1, 2, 2) for segments in (edges, tree.geometries)
    ]
    count = looked_at = 0
    for some in np.array_split(np.arange(len(edges)), max(1, len(edges) // 200)):
        i, j = tree.query(edges[some])
        looked_at += len(i)
        (p, q), (r, s) = ends[0][some[i]].transpose(1, 0, 2), ends[1][j].transpose(1, 0, 2)
        count += int(
            ((_side(p, q, r) * _side(p, q, s) < 0) & (_side(r, s, p) * _side(r, s, q) < 0)).sum()
        )
        if count > most or looked_at > MOST_PAIRS:
            return most + 1
    return count


def _side(
    p: NDArray[np.float64], q: NDArray[np.float64], r: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the sign of the side of the lines p q on which the points r lie."""
    d, e = q - p, r - p
    return np.sign(d[:, 0] * e[:, 1] - d[:, 1] * e[:, 0])


def _segments(shape: BaseGeometry) -> NDArray[np.object_]:
    """Return the edges of a shape as single segments."""
    lines = shapely.get_parts(shape.boundary if shapely.get_dimensions(shape) == 2 else shape)
    lines = shapely.get_parts(lines)  # of a collection
    xy, line = shapely.get_coordinates(lines, return_index=True)
    along = line[1:] == line[:-1]
    return np.asarray(
        shapely.linestrings(np.stack([xy[:-1][along], xy[1:][along]], axis=1)), dtype=object
    )


def neighbours(faces: Sequence[PolygonLike]) -> dict[int, dict[int, float]]:
    """Return the neighbours of each face of a coverage, with the length of the border in metres."""
    xy, ring = shapely.get_coordinates(
        rings := shapely.get_rings(shapely.get_parts(shape_array(faces))), return_index=True
    )
    owner = np.repeat(
        np.arange(len(faces)), [len(shapely.get_rings(shapely.get_parts(face))) for face in faces]
    )
    assert len(owner) == len(rings)
    along = ring[1:] == ring[:-1]
    pairs, whose = np.stack([xy[:-1][along], xy[1:][along]], axis=1), owner[ring[:-1][along]]
    start, end = _keys(pairs)
    order = np.lexsort((end, start))
    same = (start[order][1:] == start[order][:-1]) & (end[order][1:] == end[order][:-1])
    pair_start, other = order[:-1][same], order[1:][same]
    scale = np.array(metres_per_degree(float(xy[:, 1].mean()))) if len(xy) else np.ones(2)
    metres = np.hypot(*((pairs[pair_start, 1] - pairs[pair_start, 0]) * scale).T)
    lengths: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for i, j, length in zip(
        whose[pair_start].tolist(), whose[other].tolist(), metres.tolist(), strict=True
    ):
        if i != j:
            lengths[i][j] += length
            lengths[j][i] += length
    return lengths


def share_vertices(
    lands: Mapping[str, PolygonLike], changed: Mapping[str, PolygonLike | None]
) -> dict[str, PolygonLike | None]:
    """Return the changed shapes, and the neighbours that get a vertex of theirs.

    Both sides of a border then have the same vertices.

    Parameters
    ----------
    lands
        The coverage before the change, by code.
    changed
        Its new shapes; None for a removed one.
    """
    shapes = shape_array([shape for shape in changed.values() if shape is not None])
    old = {code: lands[code] for code in changed if code in lands}
    old_shapes = shape_array(list(old.values()))
    old_vertices = set(map(tuple, shapely.get_coordinates(old_shapes).tolist()))
    fresh = sorted({tuple(xy) for xy in shapely.get_coordinates(shapes).tolist()} - old_vertices)
    result = dict(changed)
    if not fresh:
        return result
    points = shapely.points(np.array(fresh))
    others = [code for code in lands if code not in changed]
    other_shapes = shape_array([lands[code] for code in others])
    spread = shapely.buffer(
        shapely.envelope(shapely.multipoints(points)), VERTEX_TOLERANCE_DEG
    ).envelope
    for at in np.sort(STRtree(other_shapes).query(spread)) if others else ():
        land = other_shapes[at]
        edges = _edges(shape_array([land]))
        lines = shapely.linestrings(edges)
        point, edge = STRtree(lines).query(
            points, predicate="dwithin", distance=VERTEX_TOLERANCE_DEG
        )
        distances = shapely.distance(points[point], lines[edge])
        order = np.lexsort((edge, distances, point))
        point, edge = point[order], edge[order]
        nearest = (
            np.concatenate([[True], point[1:] != point[:-1]])
            if len(point)
            else np.empty(0, dtype=bool)
        )
        table: dict[frozenset[Vertex], list[Vertex]] = defaultdict(list)
        for i, j in zip(point[nearest].tolist(), edge[nearest].tolist(), strict=True):
            if fresh[i] not in (ends := _edge(edges[j])):
                table[frozenset(ends)].append(fresh[i])
        if table:
            result[others[at]] = insert_vertices(land, table)
    return result


def insert_vertices(
    land: PolygonLike, table: Mapping[frozenset[Vertex], Iterable[Vertex]]
) -> PolygonLike:
    """Return a shape with vertices inserted into some of its edges.

    Parameters
    ----------
    land
        A polygon or multipolygon.
    table
        The new vertices of each edge by its two ends, in any order.
    """

    def ring(xy: Sequence[Vertex]) -> list[Vertex]:
        vertices = [xy[0]]
        for start, end in itertools.pairwise(xy):
            inserted = set(table.get(frozenset((start, end)), ())) - {start, end}
            vertices += sorted(inserted, key=lambda vertex: _squared(start, vertex))
            vertices.append(end)
        return vertices

    def polygon(part: Polygon) -> Polygon:
        return Polygon(
            ring(part.exterior.coords[:]), [ring(hole.coords[:]) for hole in part.interiors]
        )

    parts = [polygon(part) for part in shapely.get_parts(land)]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def union_faces(faces: Sequence[Polygon]) -> PolygonLike | None:
    """Return the union of faces of one coverage; None if there are none.

    Common borders vanish, every other vertex stays.
    """
    return extract_polygons(shapely.coverage_union_all(shape_array(faces))) if len(faces) else None


def _bend(
    pieces: Sequence[LineString], edges: NDArray[np.float64], once: NDArray[np.bool_], new: Corners
) -> list[list[Vertex]]:
    """Return lines that meet borders in lattice vertices only.

    Vertices that the edges lack are added to `new`.
    """
    xy, piece = shapely.get_coordinates(shape_array(pieces), return_index=True)
    if not len(xy):
        return []
    corners = np.unique(edges.reshape(-1, 2), axis=0)
    xy, piece = _snapped(snap_to_lattice(xy), piece, corners)
    lines = shapely.linestrings(edges)
    tree = STRtree(lines)
    taken = set(map(tuple, corners.tolist()))
    vertices: list[Vertex] = [(x, y) for x, y in xy.tolist()]

    # its own vertices that lie on a border
    points = shapely.points(xy)
    at, edge = tree.query(points, predicate="dwithin", distance=NOISE_STEPS * PRECISION_DEG)
    order = np.lexsort((edge, shapely.distance(points[at], lines[edge]), at))
    nearest: dict[int, int] = {}
    for i, found in zip(at[order].tolist(), edge[order].tolist(), strict=True):
        if vertices[i] not in taken:
            nearest.setdefault(i, found)
    for i, found in nearest.items():
        vertices[i] = _on_edge(edges[found], vertices[i], bool(once[found]), new[found])

    # where it crosses one
    starts = [
        i
        for i in range(len(vertices) - 1)
        if piece[i] == piece[i + 1] and vertices[i] != vertices[i + 1]
    ]
    crossed: dict[int, set[Vertex]] = defaultdict(set)
    if starts:
        segments = np.asarray(
            shapely.linestrings([(vertices[i], vertices[i + 1]) for i in starts]), dtype=object
        )
        at, edge = tree.query(segments, predicate="intersects")
        meets = shapely.intersection(segments[at], lines[edge])
        single = shapely.get_type_id(meets) == POINT
        spots = shapely.get_coordinates(meets[single]).tolist()
        for number, found, spot in zip(
            at[single].tolist(), edge[single].tolist(), spots, strict=True
        ):
            ends = {vertices[starts[number]], vertices[starts[number] + 1]}
            if not ends & {*_edge(edges[found])} and not any(_has(new[found], one) for one in ends):
                crossing = _on_edge(edges[found], (spot[0], spot[1]), bool(once[found]), new[found])
                crossed[starts[number]] |= {crossing} - ends
    bent: list[list[Vertex]] = []
    for i, vertex in enumerate(vertices):
        if i == 0 or piece[i] != piece[i - 1]:
            bent.append([])
        bent[-1] += [vertex, *sorted(crossed.get(i, ()), key=lambda one: _squared(vertex, one))]
    lines_ = [[one for i, one in enumerate(line) if i == 0 or one != line[i - 1]] for line in bent]
    return [line for line in lines_ if len(line) > 1]


def _snapped(
    xy: NDArray[np.float64], piece: NDArray[np.intp], corners: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return lines that pass through every corner within `NOISE_STEPS` of them.

    Parameters
    ----------
    xy
        Vertices of the lines.
    piece
        The line of each vertex.
    corners
        Corners of the borders.
    """
    reach = NOISE_STEPS * PRECISION_DEG
    distances, nearest = cKDTree(corners).query(xy, distance_upper_bound=reach)
    xy = np.where((distances <= reach)[:, None], corners[np.minimum(nearest, len(corners) - 1)], xy)
    start = np.flatnonzero((piece[1:] == piece[:-1]) & (xy[1:] != xy[:-1]).any(axis=1))
    if not len(start):
        return xy, piece
    segments = np.asarray(
        shapely.linestrings(np.stack([xy[start], xy[start + 1]], axis=1)), dtype=object
    )
    points = shapely.points(corners)
    corner, segment = STRtree(segments).query(points, predicate="dwithin", distance=reach)
    through = {(number, *one) for number, one in zip(piece.tolist(), xy.tolist(), strict=True)}
    order = np.lexsort((segment, shapely.distance(points[corner], segments[segment]), corner))
    insertions: list[tuple[int, float, list[float]]] = []
    for i, j in zip(corner[order].tolist(), segment[order].tolist(), strict=True):
        at, (x, y) = int(start[j]), corners[i].tolist()
        if (passed := (int(piece[at]), x, y)) not in through:
            through.add(passed)
            insertions.append((at, _squared((xy[at, 0], xy[at, 1]), (x, y)), [x, y]))
    insertions.sort()
    insert_at = np.array([at + 1 for at, _, _ in insertions], dtype=np.intp)
    added = np.array([one for _, _, one in insertions]).reshape(-1, 2)
    return np.insert(xy, insert_at, added, axis=0), np.insert(
        piece, insert_at, piece[insert_at - 1]
    )


def _on_edge(
    edge: NDArray[np.float64], target: Vertex, outline: bool, vertices: list[tuple[int, Vertex]]
) -> Vertex:
    """Return the lattice vertex at which an edge is met.

    An existing vertex within `NOISE_STEPS` is used; otherwise a new one is added to `vertices`.

    Parameters
    ----------
    edge
        Ends of the edge, shape (2, 2), degrees.
    target
        Point near the edge, degrees.
    outline
        Whether the edge belongs to one shape only.
    vertices
        New vertices of the edge with their steps along it, in order.
    """
    ends = _edge(edge)
    (px, py), (qx, qy) = np.round(edge * LATTICE_PER_DEGREE).astype(np.int64).tolist()
    x, y = target[0] * LATTICE_PER_DEGREE, target[1] * LATTICE_PER_DEGREE
    steep = abs(qy - py) > abs(qx - px)
    if steep:
        px, py, qx, qy, x, y = py, px, qy, qx, y, x
    low, high = (
        bisect_left(vertices, (round(x) - NOISE_STEPS - 1,)),
        bisect_left(vertices, (round(x) + NOISE_STEPS + 2,)),
    )
    close = [
        one
        for one in (*ends, *(vertex for _, vertex in vertices[low:high]))
        if _squared(one, target) <= (NOISE_STEPS * PRECISION_DEG) ** 2
    ]
    if close:
        return min(close, key=lambda one: (_squared(one, target), one))
    reach = MAX_SHIFT_STEPS if outline else 1
    low_step, last = max(min(px, qx) + 1, round(x) - reach), min(max(px, qx) - 1, round(x) + reach)
    if low_step > last:
        return min(ends, key=lambda one: (_squared(one, target), one))
    along = np.arange(low_step, last + 1)
    across = np.round(py + (along - px) * ((qy - py) / (qx - px))).astype(np.int64)
    off = np.abs((qx - px) * (across - py) - (qy - py) * (along - px))
    best = np.lexsort((along, np.abs(along - x), np.maximum(off, MAX_CORNER_AREA_STEPS2)))[0]
    vertex_found = (along[best] / LATTICE_PER_DEGREE, across[best] / LATTICE_PER_DEGREE)
    vertex = (
        (float(vertex_found[1]), float(vertex_found[0]))
        if steep
        else (float(vertex_found[0]), float(vertex_found[1]))
    )
    if not _has(vertices, vertex):
        insort(vertices, (int(along[best]), vertex))
    return vertex


def _has(vertices: list[tuple[int, Vertex]], vertex: Vertex) -> bool:
    """Return whether a vertex is one of the new vertices of an edge."""
    steps = (round(vertex[0] * LATTICE_PER_DEGREE), round(vertex[1] * LATTICE_PER_DEGREE))
    return any(
        at < len(vertices) and vertices[at][1] == vertex
        for along in steps
        for at in (bisect_left(vertices, (along, vertex)),)
    )


def _edges(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return every edge of the shapes once, its lesser end first, shape (edges, 2, 2)."""
    xy, ring = shapely.get_coordinates(
        shapely.get_rings(shapely.get_parts(shapes)), return_index=True
    )
    along = ring[1:] == ring[:-1]
    pairs = np.stack([xy[:-1][along], xy[1:][along]], axis=1)
    swap = (pairs[:, 0, 0] > pairs[:, 1, 0]) | (
        (pairs[:, 0, 0] == pairs[:, 1, 0]) & (pairs[:, 0, 1] > pairs[:, 1, 1])
    )
    pairs[swap] = pairs[swap][:, ::-1]
    return np.unique(pairs, axis=0)


def _outline(lands: Mapping[str, PolygonLike], edges: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which edges belong to one of the shapes only."""
    west, south, east, north = (
        edges[:, :, 0].min(),
        edges[:, :, 1].min(),
        edges[:, :, 0].max(),
        edges[:, :, 1].max(),
    )
    shapes = shape_array(list(lands.values()))
    neighbours_of_box = shapes[
        shapely.intersects(shapely.envelope(shapes), shapely.box(west, south, east, north))
    ]
    xy, ring = shapely.get_coordinates(
        shapely.get_rings(shapely.get_parts(neighbours_of_box)), return_index=True
    )
    along = ring[1:] == ring[:-1]
    start, end = (
        np.concatenate(both)
        for both in zip(
            _keys(np.stack([xy[:-1][along], xy[1:][along]], axis=1)), _keys(edges), strict=True
        )
    )
    order = np.lexsort((end, start))
    fresh = np.concatenate([[True], (np.diff(start[order]) != 0) | (np.diff(end[order]) != 0)])
    group = np.cumsum(fresh) - 1
    counts = np.empty(len(order), dtype=np.intp)
    counts[order] = np.bincount(group)[group]
    return counts[-len(edges) :] < 3  # once itself, and once in each land that has it


def _keys(pairs: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return two numbers for each edge (edges, 2, 2), the same in either direction."""
    steps = np.round(pairs * LATTICE_PER_DEGREE).astype(np.int64)
    ends = (steps[:, :, 0] << 32) + steps[:, :, 1]
    return ends.min(axis=1), ends.max(axis=1)


def _rings(land: PolygonLike) -> list[BaseGeometry]:
    return [LineString(ring.coords) for ring in shapely.get_rings(shapely.get_parts(land))]


def _edge(edge: NDArray[np.float64]) -> Edge:
    (px, py), (qx, qy) = edge.tolist()
    return (px, py), (qx, qy)


def _squared(start: Vertex, other: Vertex) -> float:
    return (start[0] - other[0]) ** 2 + (start[1] - other[1]) ** 2
