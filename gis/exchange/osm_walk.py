"""From walkable ways to the nodes and edges of the walking network.

Ways are spooled to disk as they are read; only eight bytes for each of their nodes stay in memory, to
find the junctions. The second time round each way is cut at its junctions. Ways that cross without a
shared node (a bridge over a street) share no junction and so stay apart.
"""

import pickle
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np

NodeAt = tuple[int, int, int]  # OSM id, and x, y in 1e-7 degrees
DEGREE = 10_000_000  # OSM's whole-number coordinates to a degree


class Walk(NamedTuple):
    """What is told of a way and of every edge cut from it."""

    way_id: int
    kind: str
    name: str
    steps: bool
    structure: str


class Piece(NamedTuple):
    """A piece of way between two nodes of the network; coords run from u to v, in degrees."""

    walk: Walk
    u: int
    v: int
    coords: list[tuple[float, float]]


class Walks:
    """The walkable ways of one file.

    A node that blocks (a wall, a locked gate) ends every way it lies on: each end gets a node of its
    own, numbered -1, -2, … in the order of the file.
    """

    def __init__(self, folder: Path) -> None:
        self._spool = cast(BinaryIO, (folder / "walks").open("w+b"))
        self._refs = array("q")
        self._ends = array("q")
        self._same: dict[int, int] = {}  # nodes at the very same place count as one
        self.blocked: set[int] = set()

    def add(self, walk: Walk, runs: Sequence[Sequence[NodeAt]]) -> None:
        """Take a way as its runs of known nodes (more than one where nodes are missing from the file)."""
        for run in runs:
            kept = [run[0]]
            for node in run[1:]:
                if node[1:] != kept[-1][1:]:
                    kept.append(node)
                elif node[0] != kept[-1][0] and self._root(node[0]) != self._root(kept[-1][0]):
                    self._same[self._root(node[0])] = self._root(kept[-1][0])
            if len(kept) < 2:
                continue
            refs, xs, ys = (array("q", column) for column in zip(*kept, strict=True))
            self._refs.extend(refs)
            self._ends.extend((refs[0], refs[-1]))
            pickle.dump((tuple(walk), refs.tobytes(), xs.tobytes(), ys.tobytes()), self._spool, protocol=5)

    @property
    def empty(self) -> bool:
        """Whether no way has been taken."""
        return self._spool.tell() == 0

    def pieces(self) -> Iterator[Piece]:
        """The edges: every way cut at its junctions. May be asked for more than once."""
        blocked = np.array(sorted(self.blocked), dtype=np.int64)
        own = 0
        for walk, refs, xs, ys in self._spooled():
            closed = _isin(refs, blocked)
            cut = _isin(refs, self._junctions) | closed
            coords = list(zip((xs / DEGREE).tolist(), (ys / DEGREE).tolist(), strict=True))
            for start, end in pairwise(np.flatnonzero(cut).tolist()):
                ends = []
                for at in (start, end):
                    if closed[at]:
                        own -= 1
                        ends.append(own)
                    else:
                        ends.append(int(refs[at]))
                yield Piece(walk, ends[0], ends[1], coords[start : end + 1])

    def nodes(self) -> Iterator[tuple[int, float, float]]:
        """(id, longitude, latitude) of every node of the edges, each once."""
        seen = np.zeros(len(self._junctions), dtype=bool)
        for piece in self.pieces():
            for node, (lon, lat) in ((piece.u, piece.coords[0]), (piece.v, piece.coords[-1])):
                if node >= 0:  # one of the file's, not an end of our own
                    at = int(np.searchsorted(self._junctions, node))
                    if seen[at]:
                        continue
                    seen[at] = True
                yield node, lon, lat

    @cached_property
    def _junctions(self) -> np.ndarray:
        """Sorted ids of the nodes that two pieces of way share or that end a way; no way may be added after."""
        refs = np.array(self._refs, dtype=np.int64)
        ends = np.array(self._ends, dtype=np.int64)
        self._refs, self._ends = array("q"), array("q")
        if self._same:
            refs, ends = self._merged(refs), self._merged(ends)
        refs.sort()
        return np.union1d(refs[1:][refs[1:] == refs[:-1]], ends)

    def _spooled(self) -> Iterator[tuple[Walk, np.ndarray, np.ndarray, np.ndarray]]:
        self._spool.flush()
        with Path(self._spool.name).open("rb") as spool:
            while True:
                try:
                    walk, *columns = pickle.load(spool)
                except EOFError:
                    return
                refs, xs, ys = (np.frombuffer(column, dtype=np.int64) for column in columns)
                yield Walk(*walk), self._merged(refs) if self._same else refs, xs, ys

    def _root(self, node: int) -> int:
        while node in self._same:
            node = self._same[node]
        return node

    def _merged(self, refs: np.ndarray) -> np.ndarray:
        gone = np.array(sorted(self._same), dtype=np.int64)
        hit = _isin(refs, gone)
        if not hit.any():
            return refs
        refs = refs.copy()
        refs[hit] = [self._root(int(ref)) for ref in refs[hit]]
        return refs


def _isin(values: np.ndarray, of_sorted: np.ndarray) -> np.ndarray:
    """Which values occur in a sorted array."""
    if not len(of_sorted):
        return np.zeros(len(values), dtype=bool)
    at = np.searchsorted(of_sorted, values).clip(max=len(of_sorted) - 1)
    return cast(np.ndarray, of_sorted[at] == values)


def runs(nodes: Iterable[tuple[int, int, int, bool]]) -> list[list[NodeAt]]:
    """Cut a way where the place of a node is unknown: runs of at least two known nodes."""
    found: list[list[NodeAt]] = [[]]
    for ref, x, y, known in nodes:
        if known:
            found[-1].append((ref, x, y))
        elif found[-1]:
            found.append([])
    return [run for run in found if len(run) > 1]
