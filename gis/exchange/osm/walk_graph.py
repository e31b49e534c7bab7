"""From walkable ways to the nodes and edges of the walking network.

Ways are spooled to disk as they are read; only eight bytes for each of their nodes stay in memory,
to find the junctions. The second time round each way is cut at its junctions. Ways that cross
without a shared node (a bridge over a street) share no junction and so stay apart.
"""

import pickle
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np

from gis.network.edge_facts import CROSSINGS, NO_TAGS, EdgeTags, main_roads

NodeAt = tuple[int, int, int]  # OSM id, and x, y in 1e-7 degrees
DEGREE = 10_000_000  # OSM's whole-number coordinates to a degree


class Walk(NamedTuple):
    """Attributes of a way and of every edge cut from it."""

    way_id: int
    kind: str
    name: str
    steps: bool
    structure: str
    ends: bool = False  # open to those who start or end on it or behind it
    tags: EdgeTags = NO_TAGS


class WalkSegment(NamedTuple):
    """A piece of way between two nodes of the network; coords run from u to v, in degrees."""

    walk: Walk
    u: int
    v: int
    coords: list[tuple[float, float]]


GATE_SIDE_M = 1.0  # metres of way on each side of a residents' gate that count as the gate
METRES_PER_DEGREE = 111_000.0
# between two nodes of a way, about 20 km; a longer segment has a misplaced node
MAX_STEP = DEGREE // 5


class WalkGraphBuilder:
    """The walkable ways of one file.

    A node that blocks (a wall, a locked gate) ends every way it lies on: each end gets a node of
    its own, numbered -1, -2, … in the order of the file. At a residents' gate the last metre of
    every way is a piece of its own that is open to those behind it only; so it is at a kerb, a gate
    with hours and a barrier to wheels, which hold for that metre. A kerb where ways meet holds for
    the way that crosses a road only. Nodes at the very same place are one where all their ways lie
    on the ground. Where the data end (`at_edge`) a way is cut, so that there is a node to say so.
    """

    def __init__(self, folder: Path) -> None:
        self._spool = cast(BinaryIO, (folder / "walks").open("w+b"))
        self._refs = array("q")
        self._ends = array("q")
        self._same: dict[int, int] = {}  # nodes at the same coordinates count as one
        self._places = array("q")  # of the nodes of ways on the ground, in the order of _grounded
        self._grounded = array("q")
        # nodes of different ways joined at the same coordinates; set by the first reading
        self.twins = 0
        self.blocked: set[int] = set()
        self.gates: set[int] = set()
        self.node_tags: dict[int, EdgeTags] = {}  # kerbs, barriers to wheels, gates with hours
        self.crossings: dict[int, str] = {}  # node of a road where one crosses it -> how
        self.at_edge: set[int] = set()

    def add(self, walk: Walk, runs: Sequence[Sequence[NodeAt]]) -> None:
        """Add a way as its runs of known nodes; several where nodes are missing from the file."""
        for run in runs:
            line = [run[0]]
            for node in run[1:]:
                if node[1:] != line[-1][1:]:
                    line.append(node)
                elif node[0] != line[-1][0] and self._root(node[0]) != self._root(line[-1][0]):
                    self._same[self._root(node[0])] = self._root(line[-1][0])
            if len(line) < 2:
                continue
            refs, xs, ys = (array("q", column) for column in zip(*line, strict=True))
            self._refs.extend(refs)
            self._ends.extend((refs[0], refs[-1]))
            if not walk.structure:
                self._grounded.extend(refs)
                self._places.extend((x << 32) + y for x, y in zip(xs, ys, strict=True))
            pickle.dump(
                (tuple(walk), refs.tobytes(), xs.tobytes(), ys.tobytes()), self._spool, protocol=5
            )

    @property
    def empty(self) -> bool:
        """Return whether no way has been taken."""
        return self._spool.tell() == 0

    def pieces(self) -> Iterator[WalkSegment]:
        """Yield the edges: every way cut at its junctions. May be called more than once."""
        junctions = self._junctions  # first, because it joins nodes at the same coordinates
        blocked, gates, at_edge = (
            np.array(sorted(map(self._root, ids)), dtype=np.int64)
            for ids in (self.blocked, self.gates, self.at_edge)
        )
        node_tags = {self._root(node): tags for node, tags in self.node_tags.items()}
        crossings = {self._root(node): value for node, value in self.crossings.items()}
        tagged = np.array(sorted(node_tags), dtype=np.int64)
        own_id = 0
        for walk, refs, xs, ys in self._spooled():
            closed, gated = _isin(refs, blocked), _isin(refs, gates)
            shared = _isin(refs, junctions)
            cut = shared | closed | gated | _isin(refs, tagged) | _isin(refs, at_edge)
            cut[[0, -1]] = True
            along = _shares(xs, ys) if walk.tags.step_count else None
            coords = list(zip((xs / DEGREE).tolist(), (ys / DEGREE).tolist(), strict=True))
            for start, end in pairwise(np.flatnonzero(cut).tolist()):
                ends = []
                for at in (start, end):
                    if closed[at]:
                        own_id -= 1
                        ends.append(own_id)
                    else:
                        ends.append(int(refs[at]))
                ways = walk
                if along is not None:
                    tags = walk.tags.part(float(along[start]), float(along[end]))
                    ways = walk._replace(tags=tags)
                nodes = int(refs[start]), int(refs[end])
                ways = _crossing(ways, [crossings[node] for node in nodes if node in crossings])
                piece = WalkSegment(ways, ends[0], ends[1], coords[start : end + 1])
                at_ends = [
                    _at_node(ways, bool(gated[at]), node_tags.get(node), bool(shared[at]))
                    for at, node in zip((start, end), nodes, strict=True)
                ]
                for part in _at_gates(piece, at_ends[0], at_ends[1], own_id):
                    own_id = min(own_id, part.u, part.v)
                    yield part

    def nodes(self) -> Iterator[tuple[int, float, float]]:
        """Yield (id, longitude, latitude) of every node of the edges, each once."""
        seen: set[int] = set()
        for piece in self.pieces():
            for node, (lon, lat) in ((piece.u, piece.coords[0]), (piece.v, piece.coords[-1])):
                if node not in seen:
                    seen.add(node)
                    yield node, lon, lat

    def nodes_at_edge(self) -> set[int]:
        """Return the nodes of the edges where the data end; after `pieces` has been called."""
        return {self._root(node) for node in self.at_edge}

    @cached_property
    def _junctions(self) -> np.ndarray:
        """Return sorted ids of the nodes that two pieces of way share or that end a way.

        No way may be added after.
        """
        refs = np.array(self._refs, dtype=np.int64)
        ends = np.array(self._ends, dtype=np.int64)
        self._refs, self._ends = array("q"), array("q")
        self._join_twins()
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

    def _join_twins(self) -> None:
        """Make nodes of ways on the ground that lie at the very same place one."""
        refs, places = (
            np.frombuffer(column, dtype=np.int64) for column in (self._grounded, self._places)
        )
        order = np.lexsort((refs, places))
        refs, places = refs[order], places[order]
        for at in np.flatnonzero((places[1:] == places[:-1]) & (refs[1:] != refs[:-1])).tolist():
            node, twin = self._root(int(refs[at])), self._root(int(refs[at + 1]))
            if twin in self.blocked or twin in self.gates:
                node, twin = twin, node
            if node != twin:
                self._same[twin] = node
                self.twins += 1
        self._grounded, self._places = array("q"), array("q")

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


def _shares(xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Return the share of a way's length that precedes each of its nodes."""
    east = np.diff(xs) * np.cos(np.radians(ys[0] / DEGREE))
    along = np.concatenate([[0.0], np.cumsum(np.hypot(east, np.diff(ys)))])
    return along / max(float(along[-1]), 1.0)


def _crossing(walk: Walk, at_nodes: list[str]) -> Walk:
    """Return the piece of way with how one crosses the roads at its ends; a road crosses none."""
    if not at_nodes or main_roads([walk.kind])[0]:
        return walk
    best = max([walk.tags.crossing, *at_nodes], key=CROSSINGS.index)
    return walk._replace(tags=walk.tags._replace(crossing=best))


def _at_node(walk: Walk, gated: bool, tags: EdgeTags | None, shared: bool) -> Walk:
    """Return a way as it is at one of its nodes: open to residents, or with the node's tags."""
    if tags is not None:
        kerb = tags.kerb if walk.tags.crossing or not shared else ""
        stated = walk.tags._replace(
            kerb=kerb or walk.tags.kerb,
            wheelchair=tags.wheelchair or walk.tags.wheelchair,
            hours=tags.hours or walk.tags.hours,
        )
        walk = walk._replace(tags=stated)
    return walk._replace(ends=walk.ends or gated)


def _at_gates(piece: WalkSegment, first: Walk, last: Walk, own_id: int) -> list[WalkSegment]:
    """Cut the metre at each end off a piece where the way is another there.

    Half of its segment where that is shorter.
    """
    walk, u, v, coords = piece
    parts = []
    if first != walk:
        own_id -= 1
        cut = _towards(coords[0], coords[1])
        parts.append(WalkSegment(first, u, own_id, [coords[0], cut]))
        u, coords = own_id, [cut, *coords[1:]]
    end = None
    if last != walk:
        own_id -= 1
        cut = _towards(coords[-1], coords[-2])
        end = WalkSegment(last, own_id, v, [cut, coords[-1]])
        v, coords = own_id, [*coords[:-1], cut]
    return [*parts, WalkSegment(walk, u, v, coords), *([end] if end else [])]


def _towards(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """Return the point GATE_SIDE_M from start to end, at most half-way."""
    east, north = end[0] - start[0], end[1] - start[1]
    metres = METRES_PER_DEGREE * float(np.hypot(east * np.cos(np.radians(start[1])), north))
    share = min(0.5, GATE_SIDE_M / max(metres, 1e-9))
    return start[0] + share * east, start[1] + share * north


def _isin(values: np.ndarray, of_sorted: np.ndarray) -> np.ndarray:
    """Return which values occur in a sorted array."""
    if not len(of_sorted):
        return np.zeros(len(values), dtype=bool)
    at = np.searchsorted(of_sorted, values).clip(max=len(of_sorted) - 1)
    return cast(np.ndarray, of_sorted[at] == values)


def split_at_missing_nodes(nodes: Iterable[tuple[int, int, int, bool]]) -> list[list[NodeAt]]:
    """Cut a way where the place of a node is unknown: runs of at least two known nodes."""
    runs: list[list[NodeAt]] = [[]]
    for ref, x, y, is_known in nodes:
        if is_known:
            runs[-1].append((ref, x, y))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if len(run) > 1]


def cut_nodes(
    nodes: Sequence[tuple[int, int, int, bool]], box: tuple[int, int, int, int] | None
) -> list[int]:
    """Return the nodes where the data of a way end.

    They are the known ones beside a node that the file lacks, and the first outside the box that
    the file was cut to, or on its border.
    """
    inside = [box is None or (box[0] < x < box[2] and box[1] < y < box[3]) for _, x, y, _ in nodes]
    result = []
    for at in range(1, len(nodes)):
        (previous, _, _, is_known), (following, _, _, next_is_known) = nodes[at - 1], nodes[at]
        if is_known != next_is_known:
            result.append(previous if is_known else following)
        elif is_known and inside[at - 1] != inside[at]:
            result.append(following if inside[at - 1] else previous)
    return result


def cut_at_gaps(runs: Sequence[Sequence[NodeAt]]) -> list[list[NodeAt]]:
    """Cut runs where a node lies further than MAX_STEP from the one before.

    A single node is dropped.
    """
    parts: list[list[NodeAt]] = []
    for run in runs:
        cuts = [
            n
            for n, (node, following) in enumerate(pairwise(run), 1)
            if not _is_close(node, following)
        ]
        parts += [
            list(run[begin:end]) for begin, end in pairwise((0, *cuts, len(run))) if end - begin > 1
        ]
    return parts


def _is_close(node: NodeAt, other: NodeAt) -> bool:
    return abs(node[1] - other[1]) <= MAX_STEP and abs(node[2] - other[2]) <= MAX_STEP
