"""Edges of shapes on the lattice, as arrays and as pairs of vertices."""

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.db import PRECISION_DEG

LATTICE_PER_DEGREE = round(1 / PRECISION_DEG)  # lattice steps in a degree

Vertex = tuple[float, float]
Edge = tuple[Vertex, Vertex]


def snap_to_lattice(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round coordinates to the lattice, as GEOS does."""
    return np.round(xy * LATTICE_PER_DEGREE) / LATTICE_PER_DEGREE


def unique_edges(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
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


def edge_ends(edge: NDArray[np.float64]) -> Edge:
    """Return the two ends of an edge, shape (2, 2)."""
    (px, py), (qx, qy) = edge.tolist()
    return (px, py), (qx, qy)


def edge_keys(pairs: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return two numbers for each edge (edges, 2, 2), the same in either direction."""
    steps = np.round(pairs * LATTICE_PER_DEGREE).astype(np.int64)
    ends = (steps[:, :, 0] << 32) + steps[:, :, 1]
    return ends.min(axis=1), ends.max(axis=1)


def squared_distance(start: Vertex, other: Vertex) -> float:
    """Return the squared distance of two vertices in degrees."""
    return (start[0] - other[0]) ** 2 + (start[1] - other[1]) ** 2
