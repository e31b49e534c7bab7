"""A metric lattice over the network for isochrones, each point snapped once (decision 0006)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from gis.network.parts import SNAPPED
from gis.network.snapping import MAX_SNAP_DISTANCE_M, Floats, Ints, pieces_of

if TYPE_CHECKING:
    from gis.network.build import Network

Singles = NDArray[np.float32]

# metres between lattice points; at 6 m, F1 against exact distances is 0.998, at 12 m 0.993
MIN_SPACING_M, MAX_SPACING_M = 6.0, 12.0
FINE_LATTICE_POINTS = 1e6  # points from which the lattice grows coarser
MAX_LATTICE_POINTS = 8e6
STREET_SAMPLE_M = 5.0  # metres between sample points along streets
BLOCK = 32  # points each way that are snapped together
SNAP_BATCH_POINTS = 200_000  # lattice points snapped at a time, to bound memory


def spacing_for(area: float) -> float:
    """Return the spacing of the lattice in metres for an extent in m².

    Larger extents have a wider spacing.
    """
    return float(
        max(
            np.clip(np.sqrt(area / FINE_LATTICE_POINTS), MIN_SPACING_M, MAX_SPACING_M),
            np.sqrt(area / MAX_LATTICE_POINTS),
        )
    )


class LatticePoints(NamedTuple):
    """Points of a lattice, each snapped to the network; rows run from the south.

    edge: Number of the nearest edge; -1 off the network.
    u, v: The nodes at that edge's ends; off the network the number of nodes, one past the last.
    by_u, by_v: Metres from those nodes to the point: along the edge and the straight leg.
    """

    edge: Ints
    u: Ints
    v: Ints
    by_u: Singles
    by_v: Singles


class Lattice:
    """A metric lattice over a network and `MAX_SNAP_DISTANCE_M` around it, each point snapped once.

    Points are snapped, block by block, when a window over them is first asked for: so the first
    circle in a county costs what is around it, and ground that nobody asks for takes no memory.

    Attributes
    ----------
    west, south
        Metric coordinates of the first point.
    spacing
        Metres between points.
    rows, columns
        How many points there are.

    Notes
    -----
    A k-d tree of points along the streets selects the piece of street, then the point is projected
    onto it exactly. Where two streets differ by less than a metre, the farther one may be selected:
    accurate enough for drawing, never used for counts.
    """

    def __init__(self, network: Network, spacing: float | None = None) -> None:
        west, south, east, north = shapely.total_bounds(network.lines)
        self.spacing = spacing or spacing_for((east - west) * (north - south))
        margin = MAX_SNAP_DISTANCE_M + 4 * self.spacing
        self.west, self.south = west - margin, south - margin
        self.columns = int(np.ceil((east + margin - self.west) / self.spacing)) + 1
        self.rows = int(np.ceil((north + margin - self.south) / self.spacing)) + 1
        shape = self.rows, self.columns
        types = np.int32, np.int32, np.int32, np.float32, np.float32
        points: list[Any] = [np.empty(shape, each) for each in types]
        self._points = LatticePoints(*points)
        self._snapped = np.zeros((-(-self.rows // BLOCK), -(-self.columns // BLOCK)), bool)

    def window(self, network: Network, rows: slice, columns: slice) -> LatticePoints:
        """Return the points of some rows and columns of the network that the lattice is of.

        Notes
        -----
        Whoever comes while others snap the same points snaps them too, and writes the same.
        """
        blocks = np.s_[
            rows.start // BLOCK : -(-rows.stop // BLOCK),
            columns.start // BLOCK : -(-columns.stop // BLOCK),
        ]
        missing = np.argwhere(~self._snapped[blocks])
        if missing.size:
            starts = np.array([block.start for block in blocks])
            low, high = starts + missing.min(axis=0), starts + missing.max(axis=0) + 1
            self._snap(network, *low.tolist(), *high.tolist())
        window: list[Any] = [each[rows, columns] for each in self._points]
        return LatticePoints(*window)

    def snap_all(self, network: Network) -> None:
        """Snap every point now, for processes that this one forks: they share them."""
        self.window(network, slice(0, self.rows), slice(0, self.columns))

    def _snap(self, network: Network, bottom: int, left: int, top: int, right: int) -> None:
        """Snap a rectangle of blocks, from the first to one past the last each way."""
        rows = slice(bottom * BLOCK, min(top * BLOCK, self.rows))
        columns = slice(left * BLOCK, min(right * BLOCK, self.columns))
        shape = rows.stop - rows.start, columns.stop - columns.start
        origin = np.array([self.west, self.south]) + self.spacing * np.array(
            [columns.start, rows.start]
        )
        flat = _snapped(network, origin, self.spacing, *shape)
        for whole, part in zip(self._points, flat, strict=True):
            whole[rows, columns] = part.reshape(shape)
        self._snapped[bottom:top, left:right] = True


def _snapped(
    network: Network, origin: Floats, spacing: float, rows: int, columns: int
) -> LatticePoints:
    """Return the snapped points of a rectangle, the first of which lies at `origin`."""
    total, no_node = rows * columns, len(network.nodes)
    flat = LatticePoints(
        np.full(total, -1, np.int32),
        np.full(total, no_node, np.int32),
        np.full(total, no_node, np.int32),
        np.full(total, np.inf, np.float32),
        np.full(total, np.inf, np.float32),
    )
    reach = MAX_SNAP_DISTANCE_M + STREET_SAMPLE_M
    box = shapely.box(
        *(origin - reach), *(origin + spacing * np.array([columns - 1, rows - 1]) + reach)
    )
    candidates = np.sort(network.line_tree.query(box))
    for rank in SNAPPED:  # each rank fills what the previous ones leave
        _fill(network, candidates[network.rank[candidates] == rank], flat, origin, spacing, columns)
    if len(network.walls):
        _heed_walls(network, flat, origin, spacing, rows, columns)
    return flat


def _fill(
    network: Network, edges: Ints, flat: LatticePoints, origin: Floats, spacing: float, columns: int
) -> None:
    """Put the points that are on no edge yet on the nearest of some edges."""
    if not edges.size:
        return
    pieces = pieces_of(network.lines[edges])
    step = np.maximum(np.ceil(pieces.metres / STREET_SAMPLE_M), 1).astype(int)
    piece = np.repeat(np.arange(step.size), step)
    nth = np.arange(piece.size) - np.repeat(np.cumsum(step) - step, step)
    share = (nth + 0.5) / step[piece]
    tree = cKDTree(pieces.start[piece] + share[:, None] * pieces.way[piece])
    for begin in range(0, flat.edge.size, SNAP_BATCH_POINTS):
        part = np.arange(begin, min(begin + SNAP_BATCH_POINTS, flat.edge.size))
        part = part[flat.edge[part] < 0]
        points = origin + spacing * np.column_stack([part % columns, part // columns])
        _, hit = tree.query(
            points, distance_upper_bound=MAX_SNAP_DISTANCE_M + STREET_SAMPLE_M, workers=-1
        )
        candidates = np.flatnonzero(hit < piece.size)
        on = piece[hit[candidates]]
        way, from_start = pieces.way[on], points[candidates] - pieces.start[on]
        along = np.clip((way * from_start).sum(1) / np.maximum((way * way).sum(1), 1e-12), 0, 1)
        away = np.hypot(*(from_start - along[:, None] * way).T)
        close = away <= MAX_SNAP_DISTANCE_M
        point, on = part[candidates[close]], on[close]
        metres = pieces.preceding_m[on] + along[close] * pieces.metres[on]
        _put(network, flat, point, edges[pieces.edge[on]], metres, away[close])


def _put(
    network: Network, flat: LatticePoints, point: Ints, edge: Ints, metres: Floats, leg: Floats
) -> None:
    """Note the edge of lattice points, with the projected metres along it and the leg."""
    offset = np.minimum(metres * network.stretch[edge], network.length[edge])
    edge, offset = network.on_public(edge, offset)
    flat.edge[point], flat.u[point], flat.v[point] = edge, network.u[edge], network.v[edge]
    flat.by_u[point], flat.by_v[point] = offset + leg, network.length[edge] - offset + leg


def _heed_walls(
    network: Network, flat: LatticePoints, origin: Floats, spacing: float, rows: int, columns: int
) -> None:
    """Snap the points whose leg crosses a wall again, exactly as places are snapped."""
    pad = int(MAX_SNAP_DISTANCE_M / spacing) + 3  # walls beside the rectangle hide streets too
    corner = origin - pad * spacing
    shape = np.array([columns, rows]) + 2 * pad
    walls = network.snapper.walls_near(shapely.box(*corner, *(corner + spacing * shape)))
    samples = shapely.get_coordinates(shapely.segmentize(walls, spacing / 2))
    cell = np.rint((samples - corner) / spacing).astype(int)
    column, row = cell[((cell >= 0) & (cell < shape)).all(axis=1)].T
    if not row.size:
        return
    bare = np.ones(shape[::-1], bool)
    bare[row, column] = False
    to_wall = distance_transform_edt(bare)[pad:-pad, pad:-pad].ravel() * spacing - 1.5 * spacing
    leg = (flat.by_u + flat.by_v - network.length[flat.edge]) / 2
    for exposed in np.array_split(
        np.flatnonzero((flat.edge >= 0) & (leg >= to_wall)), 1 + flat.edge.size // SNAP_BATCH_POINTS
    ):
        edge = flat.edge[exposed]
        points = shapely.points(
            origin + spacing * np.column_stack([exposed % columns, exposed // columns])
        )
        metres = (flat.by_u[exposed] - leg[exposed]) / network.stretch[edge]
        feet = shapely.line_interpolate_point(network.lines[edge], metres)
        legs = shapely.linestrings(
            np.stack([shapely.get_coordinates(points), shapely.get_coordinates(feet)], axis=1)
        )
        blocked = network.snapper.blocked(legs)
        point, snaps = exposed[blocked], network.snap(points[blocked])
        off = snaps.edge < 0
        lost = point[off]
        flat.edge[lost], flat.u[lost], flat.v[lost] = -1, len(network.nodes), len(network.nodes)
        flat.by_u[lost], flat.by_v[lost] = np.inf, np.inf
        on = snaps[np.flatnonzero(~off)] if (~off).any() else None
        if on is not None:
            _put(network, flat, point[~off], on.edge, on.offset / network.stretch[on.edge], on.leg)
