"""Cut a coverage along a line so that it stays a coverage: all sides of a border share vertices.

`gis.shapes.line_noding` bends the line to the lattice first. No database.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, MultiPolygon, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from gis.db import PRECISION_DEG
from gis.shapes.edges import Vertex, edge_ends, edge_keys, squared_distance, unique_edges
from gis.shapes.line_noding import Borders, bend_lines
from gis.shapes.local_distance import metres_per_degree
from gis.shapes.measure import shape_array
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import extract_polygons

# a new vertex within this of a neighbour's edge is on it
VERTEX_TOLERANCE_DEG = 1.5 * PRECISION_DEG
MAX_EDGE_PAIRS = 4_000_000  # pairs of edges with overlapping boxes, tested for crossings


def split_faces(
    geometries: Mapping[str, PolygonLike], touched: Sequence[str], lines: BaseGeometry
) -> list[tuple[Polygon, str]]:
    """Cut some shapes along lines.

    Parameters
    ----------
    geometries
        A coverage by code, degrees, EPSG:4490; the touched ones and every one that touches them.
    touched
        Codes of those to cut.
    lines
        Lines; what lies outside the touched shapes cuts nothing.

    Returns
    -------
    The faces on the lattice, each with the code of the shape it lies in. Together they are a
    coverage, with a vertex wherever a line meets a border.
    """
    cut = dict.fromkeys(touched)
    shapes = shape_array([geometries[code] for code in cut])
    edges = unique_edges(shapes)
    inside = shapely.intersection(lines, shapely.union_all(shapes))
    pieces = [part for part in shapely.get_parts(inside) if isinstance(part, LineString)]
    borders = Borders(edges, _outline(geometries, edges))
    bent = bend_lines(pieces, borders)
    table = borders.new_vertices()
    rings = [ring for shape in shapes for ring in _rings(insert_vertices(shape, table))]
    noded = shapely.union_all(
        [*rings, *(LineString(line) for line in bent)], grid_size=PRECISION_DEG
    )
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    # STRtree prepares the query shapes, so the shapes query the points
    owner, face = STRtree(shapely.point_on_surface(faces)).query(shapes, predicate="intersects")
    owner_of: dict[int, int] = {}
    for at, owner_position in sorted(zip(face.tolist(), owner.tolist(), strict=True)):
        owner_of.setdefault(at, owner_position)
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
        if count > most or looked_at > MAX_EDGE_PAIRS:
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
    start, end = edge_keys(pairs)
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
    geometries: Mapping[str, PolygonLike], changed: Mapping[str, PolygonLike | None]
) -> dict[str, PolygonLike | None]:
    """Return the changed shapes, and the neighbours that get a vertex of theirs.

    Both sides of a border then have the same vertices.

    Parameters
    ----------
    geometries
        The coverage before the change, by code.
    changed
        Its new shapes; None for a removed one.
    """
    shapes = shape_array([shape for shape in changed.values() if shape is not None])
    old = {code: geometries[code] for code in changed if code in geometries}
    old_shapes = shape_array(list(old.values()))
    old_vertices = set(map(tuple, shapely.get_coordinates(old_shapes).tolist()))
    fresh = sorted({tuple(xy) for xy in shapely.get_coordinates(shapes).tolist()} - old_vertices)
    result = dict(changed)
    if not fresh:
        return result
    points = shapely.points(np.array(fresh))
    others = [code for code in geometries if code not in changed]
    other_shapes = shape_array([geometries[code] for code in others])
    spread = shapely.buffer(
        shapely.envelope(shapely.multipoints(points)), VERTEX_TOLERANCE_DEG
    ).envelope
    for at in np.sort(STRtree(other_shapes).query(spread)) if others else ():
        land = other_shapes[at]
        edges = unique_edges(shape_array([land]))
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
            if fresh[i] not in (ends := edge_ends(edges[j])):
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
            vertices += sorted(inserted, key=lambda vertex: squared_distance(start, vertex))
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


def _outline(
    geometries: Mapping[str, PolygonLike], edges: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which edges belong to one of the shapes only."""
    west, south, east, north = (
        edges[:, :, 0].min(),
        edges[:, :, 1].min(),
        edges[:, :, 0].max(),
        edges[:, :, 1].max(),
    )
    shapes = shape_array(list(geometries.values()))
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
            edge_keys(np.stack([xy[:-1][along], xy[1:][along]], axis=1)),
            edge_keys(edges),
            strict=True,
        )
    )
    order = np.lexsort((end, start))
    fresh = np.concatenate([[True], (np.diff(start[order]) != 0) | (np.diff(end[order]) != 0)])
    group = np.cumsum(fresh) - 1
    counts = np.empty(len(order), dtype=np.intp)
    counts[order] = np.bincount(group)[group]
    return counts[-len(edges) :] < 3  # once itself, and once in each shape that has it


def _rings(land: PolygonLike) -> list[BaseGeometry]:
    return [LineString(ring.coords) for ring in shapely.get_rings(shapely.get_parts(land))]
