"""Writing the walking network: geodesic lengths, connected parts, a version, and COPY."""

import hashlib
from array import array
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID, copy_rows
from gis.errors import InvalidInput
from gis.files.datasets import forget_load
from gis.network.edge_facts import NO_TAGS, EdgeTags
from gis.network.models import WalkEdge, WalkNetwork, WalkNode, WalkWall
from gis.shapes.measure import GEOD

MIN_EDGE_LENGTH_M = (
    0.001  # metres an edge counts at least, so that no two places are one for Dijkstra
)


COPY_CHUNK_ROWS = 20_000
MIN_POINTS = 2
NODE = np.dtype([("id", "i8"), ("x", "f8"), ("y", "f8")])
Ints = NDArray[np.int64]


class WalkEdgeRow(NamedTuple):
    """One edge to store: its way, end nodes, and line from u to v as (lon, lat), EPSG:4490."""

    way_id: int | None
    u: int
    v: int
    coords: list[tuple[float, float]]
    kind: str
    name: str
    steps: bool
    structure: str  # bridge, tunnel, storey; empty on the ground
    ends: bool = False  # open only to those who live or have their door on it or behind it
    tags: EdgeTags = NO_TAGS


class WallRow(NamedTuple):
    """A wall to store: its barrier=* value and its line as (lon, lat) in degrees, EPSG:4490."""

    kind: str
    coords: list[tuple[float, float]]


EDGE_COLUMNS = (
    "id", "way_id", "u", "v", "length_m", "kind", "name", "steps", "structure", "ends",
    *EdgeTags._fields, "geom",
)  # fmt: skip


def replace_network(
    session: Session,
    nodes: Iterable[tuple[int, float, float]],
    edges: Iterable[WalkEdgeRow],
    source: str,
    walls: Iterable[WallRow] = (),
    at_edge: Collection[int] = frozenset(),
) -> str:
    """Put a network in place of the one stored, without heights; the same one changes nothing.

    Parameters
    ----------
    nodes
        (id, longitude, latitude) in degrees, EPSG:4490.
    edges
        Usable both ways. Read twice; in memory are 16 bytes of each.
    source
        The load it comes from.
    walls
        Lines that no straight leg crosses.
    at_edge
        Ids of nodes where the data end; ids of no node do not matter.

    Returns
    -------
    The version
        A digest of nodes, edges, walls and the edge of the data; and of heights that stay.

    Raises
    ------
    InvalidInput
        An edge names a node that is not there, or has no two points.
    """
    points = np.fromiter(nodes, NODE)
    points.sort(order="id")
    if iter(edges) is edges:  # they are read twice
        edges = list(edges)
    barriers = list(walls)
    is_at_edge = np.isin(points["id"], np.fromiter(at_edge, np.int64))
    version, ends = _digest(points, edges, barriers, points["id"][is_at_edge])
    stored = session.scalar(select(WalkNetwork.version)) or ""
    if stored.split("-")[0] == version:
        return stored
    forget_load(session, "elevation")  # its heights were of the former edges
    component = _components(len(points), np.searchsorted(points["id"], ends))
    for table in (WalkEdge, WalkNode, WalkNetwork, WalkWall):
        session.execute(delete(table))
    copy_rows(
        session,
        "walk_node",
        ("id", "geom", "component", "at_edge_of_data"),
        _node_rows(points, component, is_at_edge),
    )
    copy_rows(
        session,
        "walk_edge",
        EDGE_COLUMNS,
        _edge_rows(edges),
    )
    copy_rows(
        session,
        "walk_wall",
        ("id", "kind", "geom"),
        (
            (i, wall.kind, f"SRID={STORAGE_SRID};{shapely.LineString(wall.coords).wkt}")
            for i, wall in enumerate(barriers)
        ),
    )
    session.add(WalkNetwork(version=version, nodes=len(points), edges=len(ends), source=source))
    session.flush()
    return version


def _metres(coords: list[tuple[float, float]]) -> float:
    lon, lat = zip(*coords, strict=True)
    return float(GEOD.line_length(lon, lat))


def _node_rows(
    points: NDArray[np.void], component: Ints, is_at_edge: NDArray[np.bool_]
) -> Iterator[tuple[object, ...]]:
    """Yield the rows of nodes, with their connected parts and whether the data end there."""
    for begin in range(0, len(points), COPY_CHUNK_ROWS):
        chunk = slice(begin, begin + COPY_CHUNK_ROWS)
        columns = (points[chunk], component[chunk], is_at_edge[chunk])
        for (node, x, y), part, is_last in zip(*(c.tolist() for c in columns), strict=True):
            yield node, f"SRID={STORAGE_SRID};POINT({x!r} {y!r})", part, is_last


def _edge_rows(edges: Iterable[WalkEdgeRow]) -> Iterator[tuple[object, ...]]:
    """Yield the edges as COPY takes them."""
    numbered = enumerate(edges)
    while chunk := list(islice(numbered, COPY_CHUNK_ROWS)):
        shapes = shapely.linestrings(
            np.concatenate([np.asarray(edge.coords, float) for _, edge in chunk]),
            indices=np.repeat(np.arange(len(chunk)), [len(edge.coords) for _, edge in chunk]),
        )
        hexes = shapely.to_wkb(shapely.set_srid(shapes, STORAGE_SRID), hex=True, include_srid=True)
        for (number, e), shape in zip(chunk, hexes.tolist(), strict=True):
            length = max(_metres(e.coords), MIN_EDGE_LENGTH_M)
            facts = (e.kind, e.name, e.steps, e.structure, e.ends, *e.tags)
            yield number, e.way_id, e.u, e.v, length, *facts, shape


def _components(count: int, ends: Ints) -> Ints:
    """Return the connected part of every node, numbered from the largest (0) down.

    Parameters
    ----------
    ends
        Places of the end nodes of every edge, shape (n, 2).
    """
    if not count:
        return np.empty(0, np.int64)
    graph = coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    sizes = np.bincount(label)
    rank = np.empty_like(sizes)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(sizes.size)
    return rank[label]


def _digest(
    points: NDArray[np.void], edges: Iterable[WalkEdgeRow], walls: list[WallRow], at_edge: Ints
) -> tuple[str, Ints]:
    """Return the version, and the ids of the end nodes of every edge, shape (n, 2).

    Raises
    ------
    InvalidInput
        An edge names a node that is not there, or has no two points.
    """
    sha = hashlib.sha256()
    for begin in range(0, len(points), COPY_CHUNK_ROWS):
        for node in points[begin : begin + COPY_CHUNK_ROWS].tolist():
            sha.update(repr(node).encode())
    ids, ways, short = array("q"), array("q"), []
    for number, edge in enumerate(edges):
        sha.update(repr(edge[:-1]).encode())
        if edge.tags != NO_TAGS:
            sha.update(repr(tuple(edge.tags)).encode())
        ids.extend((edge.u, edge.v))
        ways.append(-1 if edge.way_id is None else edge.way_id)
        if len(edge.coords) < MIN_POINTS:
            short.append(number)
    ends = np.frombuffer(ids, np.int64).reshape(-1, 2)
    wrong = np.flatnonzero(~np.isin(ends, points["id"]).all(axis=1)).tolist()
    if wrong or short:
        number = min([*wrong, *short])
        way = None if ways[number] == -1 else ways[number]
        raise InvalidInput("network.edge_invalid", number=number, way=str(way))
    for wall in walls:
        sha.update(repr(tuple(wall)).encode())
    sha.update(at_edge.tobytes())
    return sha.hexdigest()[:16], ends
