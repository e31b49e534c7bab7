"""Which shapes cover which points, for many points at once.

The bounding boxes of the shapes are sorted into square cells, the points into the order of the
ground, so that points close together are tested against shapes still warm in the processor's cache:
about three times as fast as asking an R-tree point by point. The test itself is the exact one of
GEOS, border included.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import floor
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_ROWS: Ints = np.empty(0, dtype=np.int64)
CHUNK_POINTS = 1 << 15  # points tested together: their pairs fit in the cache
MAX_MEAN_CELL_ENTRIES = 20  # cell entries a shape may have on average before cells are made larger


class CellIndex:
    """Candidates by cell: for every cell of a raster the shapes whose bounding box meets it."""

    def __init__(self, shapes: Any) -> None:
        """shapes: Array of shapes, degrees; empty ones are never candidates."""
        self.shapes = shapes
        self.bounds = shapely.bounds(shapes).reshape(-1, 4)
        filled = np.flatnonzero(~np.isnan(self.bounds[:, 0]))
        self.empty = not filled.size
        if self.empty:
            return
        boxes = self.bounds[filled]
        self.west, self.south = float(boxes[:, 0].min()), float(boxes[:, 1].min())
        width, height = boxes[:, 2].max() - self.west, boxes[:, 3].max() - self.south
        sides = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
        self.side = max(
            float(np.median(sides)) / 2, float(width) / 4000, float(height) / 4000, 1e-9
        )
        while True:
            low = ((boxes[:, :2] - (self.west, self.south)) / self.side).astype(np.int64)
            high = ((boxes[:, 2:] - (self.west, self.south)) / self.side).astype(np.int64)
            counts = np.prod(high - low + 1, axis=1)
            if counts.sum() <= MAX_MEAN_CELL_ENTRIES * len(boxes):
                break
            self.side *= 2
        self.columns, self.rows = int(width / self.side) + 1, int(height / self.side) + 1
        owner = np.repeat(np.arange(len(boxes)), counts)
        nth = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        across = (high - low + 1)[owner, 0]
        cell = (low[owner, 1] + nth // across) * self.columns + low[owner, 0] + nth % across
        self.members = filled[owner[np.argsort(cell, kind="stable")]]
        self.start = np.zeros(self.columns * self.rows + 1, dtype=np.int64)
        np.cumsum(np.bincount(cell, minlength=self.columns * self.rows), out=self.start[1:])

    def covering(self, x: float, y: float) -> Ints:
        """Return the shapes that cover one point, border included, lowest first."""
        if self.empty:
            return NO_ROWS
        column, row = floor((x - self.west) / self.side), floor((y - self.south) / self.side)
        if not (0 <= column < self.columns and 0 <= row < self.rows):
            return NO_ROWS
        cell = row * self.columns + column
        candidates = self.members[self.start[cell] : self.start[cell + 1]]
        return (
            candidates[shapely.intersects_xy(self.shapes[candidates], x, y)]
            if candidates.size
            else candidates
        )

    def bbox_candidates(self, west: float, south: float, east: float, north: float) -> Ints:
        """Return the shapes whose bounding box meets a box, lowest first."""
        if self.empty:
            return NO_ROWS
        left, right = (
            max(0, floor((west - self.west) / self.side)),
            floor((east - self.west) / self.side),
        )
        low, high = (
            max(0, floor((south - self.south) / self.side)),
            floor((north - self.south) / self.side),
        )
        right, high = min(right, self.columns - 1), min(high, self.rows - 1)
        if left > right or low > high:
            return NO_ROWS
        rows = range(low * self.columns, high * self.columns + 1, self.columns)
        parts = [self.members[self.start[row + left] : self.start[row + right + 1]] for row in rows]
        candidates = np.unique(np.concatenate(parts))
        if not candidates.size:
            return candidates
        box = self.bounds[candidates]
        return candidates[
            (box[:, 0] <= east) & (box[:, 2] >= west) & (box[:, 1] <= north) & (box[:, 3] >= south)
        ]

    def pairs(self, x: Floats, y: Floats) -> tuple[Ints, Ints]:
        """Return all (point, shape) where the shape covers the point, its border included."""
        if self.empty:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        column, row = np.floor((x - self.west) / self.side), np.floor((y - self.south) / self.side)
        inside = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        cell = np.where(inside, row * self.columns + column, 0).astype(np.int64)
        cell_start = self.start[cell]
        counts = np.where(inside, self.start[cell + 1] - cell_start, 0)
        point = np.repeat(np.arange(len(x)), counts)
        shape = self.members[
            np.arange(len(point)) + np.repeat(cell_start - (np.cumsum(counts) - counts), counts)
        ]
        px, py, box = x[point], y[point], self.bounds[shape]
        keep = (px >= box[:, 0]) & (px <= box[:, 2]) & (py >= box[:, 1]) & (py <= box[:, 3])
        point, shape = point[keep], shape[keep]
        keep = shapely.intersects_xy(self.shapes[shape], px[keep], py[keep])
        return point[keep], shape[keep]

    def covering_many(self, x: Floats, y: Floats) -> tuple[Ints, NDArray[np.int64]]:
        """Return the lowest shape that covers each point (-1 for none), and how many do.

        Parameters
        ----------
        x, y
            Degrees, in any order of the points. NaN is covered by nothing.
        """
        lowest, hits = np.full(len(x), -1, dtype=np.int64), np.zeros(len(x), dtype=np.int64)
        if self.empty or not len(x):
            return lowest, hits

        def work(piece: Ints) -> None:
            point, shape = self.pairs(x[piece], y[piece])
            # ordered by point and, within a cell, by shape: the first of a point is the lowest
            first = np.flatnonzero(np.diff(point, prepend=-1))
            at = piece[point[first]]
            lowest[at], hits[at] = shape[first], np.diff(first, append=len(point))

        pieces = list(_pieces(x, y))
        if len(pieces) == 1:
            work(pieces[0])
        else:
            with ThreadPoolExecutor(min(len(pieces), os.cpu_count() or 1)) as pool:
                list(pool.map(work, pieces))
        return lowest, hits


def _pieces(x: Floats, y: Floats) -> Iterator[Ints]:
    """Yield the points in spatial order, a few thousand at a time."""
    if len(x) <= CHUNK_POINTS:
        yield np.arange(len(x))
        return
    order = np.argsort(_strip(y) * np.uint16(256) + _strip(x), kind="stable")
    for begin in range(0, len(x), CHUNK_POINTS):
        yield order[begin : begin + CHUNK_POINTS]


def _strip(values: Floats) -> NDArray[np.uint16]:
    low, high = np.nanmin(values), np.nanmax(values)
    scaled = (values - low) / max(high - low, 1e-12) * 255
    return np.nan_to_num(scaled).astype(np.uint16)
