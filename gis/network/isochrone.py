"""Circles: contours of walking distance on the lattice (docs/decisions/0006)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import shapely
from contourpy import FillType, contour_generator
from numpy.typing import NDArray
from shapely import MultiPolygon

from gis import crs
from gis.db import PRECISION_DEG
from gis.network.build import Network
from gis.network.lattice import Singles
from gis.network.snapping import MAX_SNAP_DISTANCE_M, Floats, SnappedPoints
from gis.network.walk import node_distances

# lattice spacings: a jump of the distance, as at a wall, is contoured midway; smooth slopes stay
# unchanged
MAX_STEP_SPACINGS = 1.5
# How contours are drawn, as part of what a stored circle was computed from: another letter has all
# drawn anew.
CONTOUR_FORM = b"b"
# metres; vertices this near the line of their neighbours are left out. It is what rounding to
# PRECISION_DEG moves a vertex by, so circles of one facility stay nested as well as they were
STRAIGHT_M = 0.01


def isochrones(
    network: Network,
    sources: SnappedPoints,
    limits: Sequence[float],
    doors: Floats | None = None,
    at_nodes: Floats | None = None,
) -> list[MultiPolygon]:
    """Compute the areas within given walking distances of one facility.

    Parameters
    ----------
    network
        The walking network.
    sources
        The entrances of the facility on the network. Those off the network reach nothing.
    limits
        Distances in metres, one area each. One run of Dijkstra serves all.
    doors
        The entrances in metres, shape (k, 2). The areas include them and their straight legs, even
        on a bridge over streets.
    at_nodes
        What `node_distances` returns of the nearest source within the `contour_reach` of the
        largest limit, where it is known; shape (n,).

    Returns
    -------
    A valid MultiPolygon in EPSG:4490 on the 1e-7 degree lattice for each limit; empty off the
    network.
    """
    on = np.flatnonzero(sources.edge >= 0)
    if not on.size:
        return [MultiPolygon() for _ in limits]
    sources = sources[on]
    if at_nodes is None:
        reach = contour_reach(network, max(limits))
        at_nodes = node_distances(network, sources, reach, nearest_only=True)
    at_node = np.append(at_nodes, np.inf).astype(np.float32)
    lattice = network.lattice
    shares = sources.offset / network.stretch[sources.edge]
    streets = shapely.get_coordinates(
        shapely.line_interpolate_point(network.lines[sources.edge], shares)
    )
    # each contour in a window of its own, so that it is the same whatever others are drawn
    windows = [_window(network, sources, streets, at_node[:-1], limit) for limit in limits]
    whole = windows[int(np.argmax(limits))]
    at_edge, u, v, by_u, by_v = lattice.window(
        network, slice(whole.low, whole.high), slice(whole.left, whole.right)
    )
    distances = np.minimum(at_node.take(u) + by_u, at_node.take(v) + by_v)
    corner = np.array(
        [lattice.west + lattice.spacing * whole.left, lattice.south + lattice.spacing * whole.low]
    )
    for i, (edge, offset, leg) in enumerate(
        zip(sources.edge, sources.offset, sources.leg, strict=True)
    ):
        # along the edge itself the way may be shorter
        same = np.nonzero(at_edge == edge)
        to_u, to_v = by_u[same], by_v[same]
        along = (to_u - to_v + network.length[edge]) / 2  # the points' own offsets
        straight = np.abs(along - offset) + to_u - along + leg
        distances[same] = np.minimum(distances[same], straight)
        door = streets[i] if doors is None else doors[on[i]]
        _own_ground(distances, float(leg), streets[i], door, corner, lattice.spacing)
    return [
        _polygon(network, window, distances[window.of(whole)], limit)
        for window, limit in zip(windows, limits, strict=True)
    ]


def contour_reach(network: Network, limit: float) -> float:
    """Return how far a contour looks at distances: it lies between those on both sides of it.

    Parameters
    ----------
    limit
        Distance of the contour, in metres.
    """
    return limit + MAX_STEP_SPACINGS * network.lattice.spacing


def _own_ground(
    distances: np.ndarray, leg: float, street: Floats, door: Floats, corner: Floats, spacing: float
) -> None:
    """Set the distances of the lattice points around an entrance and its leg.

    Notes
    -----
    Over a bridge or tunnel these points are snapped to other streets, and would be too distant.
    """
    share = np.linspace(0, 1, int(leg / spacing * 4) + 2)[:, None]
    way = street + share * (door - street)
    cell = np.floor((way - corner) / spacing).astype(int)
    points = (cell[:, None] + [[0, 0], [1, 0], [0, 1], [1, 1]]).reshape(-1, 2)
    column, row = points[(points >= 0).all(1) & (points < distances.shape[::-1]).all(1)].T
    straight = np.hypot(
        corner[0] + spacing * column - street[0], corner[1] + spacing * row - street[1]
    )
    distances[row, column] = np.minimum(distances[row, column], straight + leg)


class _Window(NamedTuple):
    """Rows and columns of the lattice, each from the first to one past the last."""

    low: int
    high: int
    left: int
    right: int

    def of(self, larger: "_Window") -> tuple[slice, slice]:
        """Return the rows and columns of this part in an array of a larger one."""
        return (
            slice(self.low - larger.low, self.high - larger.low),
            slice(self.left - larger.left, self.right - larger.left),
        )


def _window(
    network: Network, sources: SnappedPoints, streets: Floats, at_nodes: Singles, limit: float
) -> _Window:
    """Return the part of the lattice that a contour lies in.

    It holds the remaining distance around each node, and the edges of the sources with their sides.
    """
    reach = contour_reach(network, limit)
    bounds = shapely.bounds(network.lines[sources.edge])
    low = np.maximum(bounds[:, :2] - MAX_SNAP_DISTANCE_M, streets - reach).min(0)
    high = np.minimum(bounds[:, 2:] + MAX_SNAP_DISTANCE_M, streets + reach).max(0)
    reached = np.flatnonzero(at_nodes <= reach)
    if reached.size:
        left = (reach - at_nodes[reached])[:, None]
        low = np.minimum(low, (network.nodes[reached] - left).min(0))
        high = np.maximum(high, (network.nodes[reached] + left).max(0))
    lattice = network.lattice
    (west, south), (east, north) = (
        (corner - (lattice.west, lattice.south)).tolist() for corner in (low, high)
    )
    return _Window(
        *_span(south, north, lattice.spacing, lattice.rows),
        *_span(west, east, lattice.spacing, lattice.columns),
    )


def _span(low: float, high: float, spacing: float, count: int) -> tuple[int, int]:
    """Return the first and one past the last lattice index of a stretch, with a margin."""
    return max(int(low / spacing) - 2, 0), min(int(high / spacing) + 4, count)


def _polygon(network: Network, window: _Window, distances: Singles, limit: float) -> MultiPolygon:
    lattice, slack = network.lattice, MAX_STEP_SPACINGS * network.lattice.spacing
    xs = lattice.west + lattice.spacing * np.arange(window.left, window.right)
    ys = lattice.south + lattice.spacing * np.arange(window.low, window.high)
    z = np.clip(distances, limit - slack, limit + slack, dtype=float)
    areas: Any = contour_generator(
        x=xs, y=ys, z=z, fill_type=FillType.ChunkCombinedOffsetOffset
    ).filled(limit - 2 * slack, limit)
    (points,), (ring_begins,), (polygon_begins,) = areas
    if points is None:
        return MultiPolygon()
    rings = shapely.linearrings(points, indices=_owners(ring_begins))
    polygons = shapely.simplify(
        shapely.polygons(rings, indices=_owners(polygon_begins)),
        STRAIGHT_M,
        preserve_topology=False,
    )
    change = crs.get_transformer(network.epsg, 4490).transform
    shape = shapely.transform(
        shapely.multipolygons(polygons[~shapely.is_empty(polygons)]),
        lambda xy: np.round(np.column_stack(change(*xy.T)), 7),  # PRECISION_DEG
    )
    if not shape.is_valid:  # contours that touch themselves in a point
        shape = shapely.set_precision(shapely.make_valid(shape, method="structure"), PRECISION_DEG)
        parts = [
            part
            for part in shapely.get_parts(shape)
            if part.geom_type == "Polygon" and not part.is_empty
        ]
        shape = MultiPolygon(parts)
    return shape


def _owners(begins: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Return for every item the number of the part it is in; part i begins at `begins[i]`."""
    return np.repeat(np.arange(begins.size - 1), np.diff(begins))
