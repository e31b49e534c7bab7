"""Writing the walking network: geodesic lengths, connected parts, a version, and COPY."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID, copy_rows
from gis.errors import InvalidInput
from gis.network.models import WalkEdge, WalkNetwork, WalkNode, WalkWall
from gis.shapes.measure import GEOD

MIN_EDGE_LENGTH_M = (
    0.001  # metres an edge counts at least, so that no two places are one for Dijkstra
)


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
    ends: bool = False  # open only to those who start or end on it or behind it


class WallRow(NamedTuple):
    """A wall to store: its barrier=* value and its line as (lon, lat) in degrees, EPSG:4490."""

    kind: str
    coords: list[tuple[float, float]]


def replace_network(
    session: Session,
    nodes: Iterable[tuple[int, float, float]],
    edges: Iterable[WalkEdgeRow],
    source: str,
    walls: Iterable[WallRow] = (),
) -> str:
    """Put a network in place of the one stored; the same one again changes nothing.

    Parameters
    ----------
    nodes
        (id, longitude, latitude) in degrees, EPSG:4490.
    edges
        Usable both ways.
    source
        The load it comes from.
    walls
        Lines that no straight leg crosses.

    Returns
    -------
    The version
        A digest of nodes, edges and walls.

    Raises
    ------
    InvalidInput
        An edge names a node that is not there, or has no two points.
    """
    points = sorted(nodes)
    lines = list(edges)
    position = {node[0]: i for i, node in enumerate(points)}
    for number, edge in enumerate(lines):
        if edge.u not in position or edge.v not in position or len(edge.coords) < 2:
            raise InvalidInput("network.edge_invalid", number=number, way=str(edge.way_id))
    barriers = list(walls)
    version = _digest(points, lines, barriers)
    if session.scalar(select(WalkNetwork.version)) == version:
        return version
    shapes = shapely.linestrings(
        np.concatenate([np.asarray(edge.coords, float) for edge in lines])
        if lines
        else np.empty((0, 2)),
        indices=np.repeat(np.arange(len(lines)), [len(edge.coords) for edge in lines]),
    )
    component = _components(
        len(points), [position[e.u] for e in lines], [position[e.v] for e in lines]
    )
    for table in (WalkEdge, WalkNode, WalkNetwork, WalkWall):
        session.execute(delete(table))
    copy_rows(
        session,
        "walk_node",
        ("id", "geom", "component"),
        (
            (node, f"SRID={STORAGE_SRID};POINT({x!r} {y!r})", part)
            for (node, x, y), part in zip(points, component, strict=True)
        ),
    )
    hexes = shapely.to_wkb(shapely.set_srid(shapes, STORAGE_SRID), hex=True, include_srid=True)
    copy_rows(
        session,
        "walk_edge",
        (
            "id",
            "way_id",
            "u",
            "v",
            "length_m",
            "kind",
            "name",
            "steps",
            "structure",
            "ends",
            "geom",
        ),
        (
            (
                i,
                e.way_id,
                e.u,
                e.v,
                max(_metres(e.coords), MIN_EDGE_LENGTH_M),
                e.kind,
                e.name,
                e.steps,
                e.structure,
                e.ends,
                hexes[i],
            )
            for i, e in enumerate(lines)
        ),
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
    session.add(WalkNetwork(version=version, nodes=len(points), edges=len(lines), source=source))
    session.flush()
    return version


def _metres(coords: list[tuple[float, float]]) -> float:
    lon, lat = zip(*coords, strict=True)
    return float(GEOD.line_length(lon, lat))


def _components(count: int, u: list[int], v: list[int]) -> list[int]:
    """Return the connected part of every node, numbered from the largest (0) down."""
    if not count:
        return []
    graph = coo_array((np.ones(len(u), np.int8), (u, v)), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    sizes = np.bincount(label)
    rank = np.empty_like(sizes)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(sizes.size)
    return [int(part) for part in rank[label]]


def _digest(
    nodes: list[tuple[int, float, float]], edges: list[WalkEdgeRow], walls: list[WallRow]
) -> str:
    sha = hashlib.sha256()
    for node in nodes:
        sha.update(repr(node).encode())
    for edge in edges:
        sha.update(repr(tuple(edge)).encode())
    for wall in walls:
        sha.update(repr(tuple(wall)).encode())
    return sha.hexdigest()[:16]
