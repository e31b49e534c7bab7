"""Bend lines so that they meet the borders of a coverage in lattice vertices only.

A crossing of two lines is seldom on the 1e-7 degree lattice, and rounding it bends the border by up
to half a centimetre. Between two grids this is harmless, because both bend alike. On the outline of
the coverage area would be lost, so the crossing is moved along the border to a lattice point that
lies on it almost exactly. No database.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from shapely import LineString, STRtree

from gis.db import PRECISION_DEG
from gis.shapes.edges import (
    LATTICE_PER_DEGREE,
    Vertex,
    edge_ends,
    snap_to_lattice,
    squared_distance,
)
from gis.shapes.measure import shape_array

NOISE_STEPS = 10  # steps, 0.1 m: a drawn point within this of a border is meant to be on it
# steps, 5 m: how far along the outline a crossing may be moved to a better lattice point
MAX_SHIFT_STEPS = 500
# square steps, twice the area that a corner on the outline may gain or lose (0.1 m² are 1,000)
MAX_CORNER_AREA_STEPS2 = 4
POINT_TYPE = 0  # shapely's number of the geometry type


class Borders:
    """The edges of a coverage, and the vertices that lines add to them.

    edges: Ends of each edge, shape (n, 2, 2), degrees.
    is_outline: Whether each edge belongs to one shape only.
    new: New vertices by number of the edge, with their steps along it, in order.
    """

    def __init__(self, edges: NDArray[np.float64], is_outline: NDArray[np.bool_]) -> None:
        self.edges, self.is_outline = edges, is_outline
        self.new: defaultdict[int, list[tuple[int, Vertex]]] = defaultdict(list)
        self.corners = np.unique(edges.reshape(-1, 2), axis=0)
        self.lines = shapely.linestrings(edges)
        self.tree = STRtree(self.lines)

    def meet(self, edge: int, target: Vertex) -> Vertex:
        """Return the lattice vertex at which an edge is met near a target point."""
        return _on_edge(self.edges[edge], target, bool(self.is_outline[edge]), self.new[edge])

    def new_vertices(self) -> dict[frozenset[Vertex], list[Vertex]]:
        """Return the new vertices of each edge by its two ends."""
        return {
            frozenset(edge_ends(self.edges[edge])): [vertex for _, vertex in vertices]
            for edge, vertices in self.new.items()
        }


def bend_lines(pieces: Sequence[LineString], borders: Borders) -> list[list[Vertex]]:
    """Return lines that meet borders in lattice vertices only.

    Vertices that the edges lack are added to `borders.new`.
    """
    xy, piece = shapely.get_coordinates(shape_array(pieces), return_index=True)
    if not len(xy):
        return []
    xy, piece = _snapped(snap_to_lattice(xy), piece, borders.corners)
    vertices = _on_borders(xy, borders)
    crossed = _crossings(vertices, piece, borders)
    bent: list[list[Vertex]] = []
    for i, vertex in enumerate(vertices):
        if i == 0 or piece[i] != piece[i - 1]:
            bent.append([])
        bent[-1] += [
            vertex,
            *sorted(crossed.get(i, ()), key=lambda other: squared_distance(vertex, other)),
        ]
    distinct = [
        [vertex for i, vertex in enumerate(line) if i == 0 or vertex != line[i - 1]]
        for line in bent
    ]
    return [line for line in distinct if len(line) > 1]


def _on_borders(xy: NDArray[np.float64], borders: Borders) -> list[Vertex]:
    """Return the vertices of lines, those near a border moved onto it."""
    corners = set(map(tuple, borders.corners.tolist()))
    vertices: list[Vertex] = [(x, y) for x, y in xy.tolist()]
    points = shapely.points(xy)
    at, edge = borders.tree.query(points, predicate="dwithin", distance=NOISE_STEPS * PRECISION_DEG)
    order = np.lexsort((edge, shapely.distance(points[at], borders.lines[edge]), at))
    nearest: dict[int, int] = {}
    for i, candidate in zip(at[order].tolist(), edge[order].tolist(), strict=True):
        if vertices[i] not in corners:
            nearest.setdefault(i, candidate)
    for i, candidate in nearest.items():
        vertices[i] = borders.meet(candidate, vertices[i])
    return vertices


def _crossings(
    vertices: Sequence[Vertex], piece: NDArray[np.intp], borders: Borders
) -> dict[int, set[Vertex]]:
    """Return the vertices at which segments cross borders, by the segment's first vertex."""
    starts = [
        i
        for i in range(len(vertices) - 1)
        if piece[i] == piece[i + 1] and vertices[i] != vertices[i + 1]
    ]
    crossed: dict[int, set[Vertex]] = defaultdict(set)
    if not starts:
        return crossed
    segments = np.asarray(
        shapely.linestrings([(vertices[i], vertices[i + 1]) for i in starts]), dtype=object
    )
    at, edge = borders.tree.query(segments, predicate="intersects")
    meets = shapely.intersection(segments[at], borders.lines[edge])
    single = shapely.get_type_id(meets) == POINT_TYPE
    points = shapely.get_coordinates(meets[single]).tolist()
    for number, crossed_edge, (x, y) in zip(
        at[single].tolist(), edge[single].tolist(), points, strict=True
    ):
        start = starts[number]
        ends = {vertices[start], vertices[start + 1]}
        new = borders.new[crossed_edge]
        if not ends & {*edge_ends(borders.edges[crossed_edge])} and not any(
            _has(new, end) for end in ends
        ):
            crossed[start] |= {borders.meet(crossed_edge, (x, y))} - ends
    return crossed


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
    through = {
        (number, *vertex) for number, vertex in zip(piece.tolist(), xy.tolist(), strict=True)
    }
    order = np.lexsort((segment, shapely.distance(points[corner], segments[segment]), corner))
    insertions: list[tuple[int, float, list[float]]] = []
    for i, j in zip(corner[order].tolist(), segment[order].tolist(), strict=True):
        at, (x, y) = int(start[j]), corners[i].tolist()
        if (passed := (int(piece[at]), x, y)) not in through:
            through.add(passed)
            insertions.append((at, squared_distance((xy[at, 0], xy[at, 1]), (x, y)), [x, y]))
    insertions.sort()
    insert_at = np.array([at + 1 for at, _, _ in insertions], dtype=np.intp)
    added = np.array([vertex for _, _, vertex in insertions]).reshape(-1, 2)
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
    ends = edge_ends(edge)
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
        vertex
        for vertex in (*ends, *(new_vertex for _, new_vertex in vertices[low:high]))
        if squared_distance(vertex, target) <= (NOISE_STEPS * PRECISION_DEG) ** 2
    ]
    if close:
        return min(close, key=lambda end: (squared_distance(end, target), end))
    reach = MAX_SHIFT_STEPS if outline else 1
    low_step, last = max(min(px, qx) + 1, round(x) - reach), min(max(px, qx) - 1, round(x) + reach)
    if low_step > last:
        return min(ends, key=lambda end: (squared_distance(end, target), end))
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
