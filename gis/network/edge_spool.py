"""Edges of a walking network on disk: what is joined to areas is read back, the others pass by."""

import pickle
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import BinaryIO, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from gis.network.store import WalkEdgeRow

CHUNK_EDGES = 20_000
DEAD_END_KINDS = ("platform", "pier", "plaza")  # kinds that lead nowhere by themselves

Boxes = NDArray[np.float64]  # west, south, east, north per row, degrees


class EdgeSpool:
    """Edges in the order in which they came, read as often as wanted.

    In memory are 48 bytes for each edge, of its end nodes, and the boxes of platforms and plazas.
    """

    def __init__(self, edges: Iterable[WalkEdgeRow]) -> None:
        self._file = cast(BinaryIO, tempfile.TemporaryFile(prefix="wangge-edges-"))  # noqa: SIM115  closed with the spool
        self._offsets: list[int] = []
        self._ids, self._xs, self._ys = array("q"), array("d"), array("d")
        self._no_street_boxes: list[Boxes] = []
        rows = iter(edges)
        while chunk := list(islice(rows, CHUNK_EDGES)):
            self._offsets.append(self._file.tell())
            pickle.dump([tuple(row) for row in chunk], self._file, protocol=5)
            for row in chunk:
                self._ids.extend((row.u, row.v))
                self._xs.extend((row.coords[0][0], row.coords[-1][0]))
                self._ys.extend((row.coords[0][1], row.coords[-1][1]))
            if special := [row for row in chunk if row.kind in DEAD_END_KINDS]:
                self._no_street_boxes.append(_boxes(special))

    def __len__(self) -> int:
        """Return the number of edges."""
        return len(self._ids) // 2

    def __iter__(self) -> Iterator[WalkEdgeRow]:
        """Yield the edges."""
        for chunk in self._chunks():
            yield from chunk

    @property
    def first_point(self) -> tuple[float, float]:
        """Longitude and latitude where the first edge begins."""
        return self._xs[0], self._ys[0]

    @property
    def node_ids(self) -> NDArray[np.int64]:
        """The ids of the end nodes, u and v of every edge in turn."""
        return np.frombuffer(self._ids, np.int64)

    @property
    def no_street_boxes(self) -> Boxes:
        """The boxes of the edges of platforms and plazas."""
        return np.concatenate([np.empty((0, 4)), *self._no_street_boxes])

    def nodes(self) -> Iterator[tuple[int, float, float]]:
        """Yield (id, longitude, latitude) of every end node, each once, in the order of ids."""
        ids, places = np.unique(self.node_ids, return_index=True)
        xs, ys = np.frombuffer(self._xs), np.frombuffer(self._ys)
        for begin in range(0, len(ids), CHUNK_EDGES):
            at = places[begin : begin + CHUNK_EDGES]
            yield from zip(
                ids[begin : begin + CHUNK_EDGES].tolist(),
                xs[at].tolist(),
                ys[at].tolist(),
                strict=True,
            )

    def select(self, boxes: Boxes) -> tuple[list[int], list[WalkEdgeRow]]:
        """Return the numbers and the edges whose boxes meet one of the boxes."""
        numbers: list[int] = []
        rows: list[WalkEdgeRow] = []
        tree = STRtree(shapely.box(*boxes.T))
        begin = 0
        for chunk in self._chunks() if len(boxes) else ():
            hits = np.unique(tree.query(shapely.box(*_boxes(chunk).T))[0]).tolist()
            numbers += [begin + at for at in hits]
            rows += [chunk[at] for at in hits]
            begin += len(chunk)
        return numbers, rows

    def _chunks(self) -> Iterator[list[WalkEdgeRow]]:
        for offset in self._offsets:
            self._file.seek(offset)
            yield [WalkEdgeRow._make(row) for row in pickle.load(self._file)]


def _boxes(rows: list[WalkEdgeRow]) -> Boxes:
    sizes = [len(row.coords) for row in rows]
    flat = np.array([point for row in rows for point in row.coords])
    begins = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return np.hstack([np.minimum.reduceat(flat, begins), np.maximum.reduceat(flat, begins)])
