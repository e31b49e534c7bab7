"""Cutting a coverage along a line so that it stays one: where borders meet, all sides get the same vertex.

A crossing of two lines is seldom on the 1e-7 degree lattice, and the nearest lattice point bends the border by up to
half a centimetre. Between two grids that is no harm: both bend alike. On the outline of the land nobody takes what is
lost, so there a crossing is looked for along the border whose lattice point lies on it nearly exactly. No database.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, MultiPolygon, Point, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from gis.db import PRECISION
from gis.shapes.coverage import Land
from gis.shapes.repair import polygons

STEPS = round(1 / PRECISION)  # lattice steps in a degree
NOISE = 10  # steps, 0.1 m: a drawn point this near to a border is meant to be on it
ALONG_OUTLINE = 500  # steps, 5 m: how far along the outline a crossing may be moved, to the nearest that is good
GOOD = 4  # square steps, twice the land that a corner on the outline may gain or lose (0.1 m² are 1,000)
MEETS = 1.5 * PRECISION  # degrees: a new vertex this near to a neighbour's edge lies on it

Vertex = tuple[float, float]
Edge = tuple[Vertex, Vertex]


def on_steps(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates rounded to the lattice, as GEOS rounds them."""
    return np.round(xy * STEPS) / STEPS


def faces(lands: Mapping[str, Land], touched: Sequence[str], lines: BaseGeometry) -> list[tuple[Polygon, str]]:
    """Cut some lands along lines.

    Args:
        lands: A coverage by code, degrees, EPSG:4490; the touched ones and every one that touches them.
        touched: Codes of those to cut.
        lines: Lines; what lies outside the touched lands cuts nothing.

    Returns:
        The faces on the lattice, each with the code of the land it lies in. Together they are a coverage, with a
        vertex wherever a line meets a border.
    """
    cut = dict.fromkeys(touched)
    shapes = _array([lands[code] for code in cut])
    edges = _edges(shapes)
    inside = shapely.intersection(lines, shapely.union_all(shapes))
    pieces = [part for part in shapely.get_parts(inside) if isinstance(part, LineString)]
    new: dict[int, list[Vertex]] = defaultdict(list)
    once = _outline(lands, edges)
    bent = [line for piece in pieces if len(line := _bend(piece, edges, once, new)) > 1]
    table = {frozenset(_edge(edges[i])): found for i, found in new.items()}
    borders = [ring for shape in shapes for ring in _rings(with_vertices(shape, table))]
    noded = shapely.union_all([*borders, *(LineString(line) for line in bent)], grid_size=PRECISION)
    found = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    face, owner = STRtree(shapes).query(shapely.point_on_surface(found), predicate="intersects")
    first = dict(zip(face[::-1].tolist(), owner[::-1].tolist(), strict=True))
    codes = list(cut)
    return [(found[i], codes[first[i]]) for i in sorted(first)]


def meet(lands: Mapping[str, Land], changed: Mapping[str, Land | None]) -> dict[str, Land | None]:
    """The changed lands with those neighbours that get a vertex of theirs: both sides of a border have the same.

    Args:
        lands: The coverage before, by code.
        changed: Its new shapes; None: gone.
    """
    shapes = _array([shape for shape in changed.values() if shape is not None])
    old = {code: lands[code] for code in changed if code in lands}
    before = _array(list(old.values()))
    known = set(map(tuple, shapely.get_coordinates(before).tolist()))
    fresh = sorted({tuple(xy) for xy in shapely.get_coordinates(shapes).tolist()} - known)
    result = dict(changed)
    if not fresh:
        return result
    points = shapely.points(np.array(fresh))
    others = [code for code in lands if code not in changed]
    held = _array([lands[code] for code in others])
    for at in np.unique(STRtree(held).query(points, predicate="dwithin", distance=MEETS)[1]) if others else ():
        land = held[at]
        edges = _edges(_array([land]))
        lines = shapely.linestrings(edges)
        table: dict[frozenset[Vertex], list[Vertex]] = defaultdict(list)
        for point, vertex in zip(points, fresh, strict=True):
            far = shapely.distance(lines, point)
            i = int(np.argmin(far))
            edge = _edge(edges[i])
            if far[i] <= MEETS and vertex not in edge:
                table[frozenset(edge)].append(vertex)
        if table:
            result[others[at]] = with_vertices(land, table)
    return result


def with_vertices(land: Land, table: Mapping[frozenset[Vertex], Iterable[Vertex]]) -> Land:
    """A land with more vertices on some of its edges.

    Args:
        table: The vertices of each edge by its two ends, in any order.
    """

    def ring(xy: Sequence[Vertex]) -> list[Vertex]:
        found = [xy[0]]
        for start, end in itertools.pairwise(xy):
            more = set(table.get(frozenset((start, end)), ())) - {start, end}
            found += sorted(more, key=lambda one: _squared(start, one))
            found.append(end)
        return found

    def polygon(one: Polygon) -> Polygon:
        return Polygon(ring(one.exterior.coords[:]), [ring(hole.coords[:]) for hole in one.interiors])

    parts = [polygon(part) for part in shapely.get_parts(land)]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def united(faces: Sequence[Polygon]) -> Land | None:
    """The land of faces of one coverage; None when there are none. Their common borders go, every other vertex stays."""
    return polygons(shapely.coverage_union_all(_array(faces))) if len(faces) else None


def _bend(
    piece: LineString, edges: NDArray[np.float64], once: NDArray[np.bool_], new: dict[int, list[Vertex]]
) -> list[Vertex]:
    """A line that meets borders in lattice vertices only; those the edges do not have yet go to `new`."""
    vertices = shapely.multipoints(np.unique(edges.reshape(-1, 2), axis=0))
    rounded = LineString(on_steps(shapely.get_coordinates(piece)))
    snapped = shapely.snap(rounded, vertices, NOISE * PRECISION)
    lines = shapely.linestrings(edges)
    tree = STRtree(lines)
    taken = set(map(tuple, edges.reshape(-1, 2).tolist()))

    # its own vertices that lie on a border
    xy = [tuple(one) for one in shapely.get_coordinates(snapped).tolist()]
    if not xy:
        return []  # shorter than the snapping
    at: dict[int, int] = {}
    near = tree.query(shapely.points(np.array(xy)), predicate="dwithin", distance=NOISE * PRECISION)
    for i, edge in zip(*near.tolist(), strict=True):
        if xy[i] not in taken and (i not in at or _far(lines, edge, xy[i]) < _far(lines, at[i], xy[i])):
            at[i] = edge
    for i, edge in at.items():
        xy[i] = _on_edge(edges[edge], xy[i], bool(once[edge]), new[edge])

    # where it crosses one
    bent = [xy[0]]
    for start, end in itertools.pairwise(xy):
        if start == end:
            continue
        segment = LineString([start, end])
        crossings = set()
        for edge in tree.query(segment, predicate="intersects").tolist():
            meets = shapely.intersection(segment, lines[edge])
            ends = _edge(edges[edge])
            if isinstance(meets, Point) and not {start, end} & {*ends, *new[edge]}:
                crossings.add(_on_edge(edges[edge], (meets.x, meets.y), bool(once[edge]), new[edge]))
        bent += sorted(crossings - {start, end}, key=lambda one: _squared(start, one))
        bent.append(end)
    return [one for i, one in enumerate(bent) if i == 0 or one != bent[i - 1]]


def _on_edge(edge: NDArray[np.float64], near: Vertex, outline: bool, known: list[Vertex]) -> Vertex:
    """The lattice vertex at which an edge is met: one it has within `NOISE`, else a new one, added to the known."""
    close = [one for one in (*_edge(edge), *known) if _squared(one, near) <= (NOISE * PRECISION) ** 2]
    if close:
        return min(close, key=lambda one: (_squared(one, near), one))
    (px, py), (qx, qy) = np.round(edge * STEPS).astype(np.int64).tolist()
    x, y = near[0] * STEPS, near[1] * STEPS
    steep = abs(qy - py) > abs(qx - px)
    if steep:
        px, py, qx, qy, x, y = py, px, qy, qx, y, x
    reach = ALONG_OUTLINE if outline else 1
    first, last = max(min(px, qx) + 1, round(x) - reach), min(max(px, qx) - 1, round(x) + reach)
    if first > last:
        return min(_edge(edge), key=lambda one: (_squared(one, near), one))
    along = np.arange(first, last + 1)
    across = np.round(py + (along - px) * ((qy - py) / (qx - px))).astype(np.int64)
    off = np.abs((qx - px) * (across - py) - (qy - py) * (along - px))
    best = np.lexsort((along, np.abs(along - x), np.maximum(off, GOOD)))[0]
    found = (along[best] / STEPS, across[best] / STEPS)
    vertex = (float(found[1]), float(found[0])) if steep else (float(found[0]), float(found[1]))
    known.append(vertex)
    return vertex


def _edges(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """Every edge of the shapes once, its lesser end first: (edges, 2, 2)."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(shapes)), return_index=True)
    along = ring[1:] == ring[:-1]
    pairs = np.stack([xy[:-1][along], xy[1:][along]], axis=1)
    swap = (pairs[:, 0, 0] > pairs[:, 1, 0]) | ((pairs[:, 0, 0] == pairs[:, 1, 0]) & (pairs[:, 0, 1] > pairs[:, 1, 1]))
    pairs[swap] = pairs[swap][:, ::-1]
    return np.unique(pairs, axis=0)


def _outline(lands: Mapping[str, Land], edges: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which edges belong to one of the lands only."""
    west, south, east, north = edges[:, :, 0].min(), edges[:, :, 1].min(), edges[:, :, 0].max(), edges[:, :, 1].max()
    shapes = _array(list(lands.values()))
    near = shapes[shapely.intersects(shapely.envelope(shapes), shapely.box(west, south, east, north))]
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(near)), return_index=True)
    along = ring[1:] == ring[:-1]
    counts: dict[frozenset[Vertex], int] = defaultdict(int)
    for start, end in zip(map(tuple, xy[:-1][along].tolist()), map(tuple, xy[1:][along].tolist()), strict=True):
        counts[frozenset((start, end))] += 1
    return np.array([counts[frozenset(_edge(edge))] < 2 for edge in edges], dtype=bool)


def _rings(land: Land) -> list[BaseGeometry]:
    return [LineString(ring.coords) for ring in shapely.get_rings(shapely.get_parts(land))]


def _edge(edge: NDArray[np.float64]) -> Edge:
    (px, py), (qx, qy) = edge.tolist()
    return (px, py), (qx, qy)


def _far(lines: NDArray[np.object_], edge: int, xy: Vertex) -> float:
    return float(shapely.distance(lines[edge], Point(xy)))


def _squared(one: Vertex, other: Vertex) -> float:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2


def _array(shapes: Sequence[BaseGeometry]) -> NDArray[np.object_]:
    held = np.empty(len(shapes), dtype=object)
    held[:] = shapes
    return held
