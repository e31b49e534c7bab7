"""Objects of an OSM extract, read by osmium in a child process.

`read_objects` runs in the child, `objects` in the parent. Nodes, ways, relations and areas keep the
names that osmium gives them.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import osmium
from osmium.filter import EmptyTagFilter, KeyFilter, TagFilter
from osmium.osm import AREA, NODE, RELATION

from gis.errors import InvalidInput
from gis.exchange.osm.edited import is_xml, needs_settling, settle
from gis.exchange.osm.file import damaged_file_error, header_box, open_osm
from gis.exchange.osm.walk_graph import DEGREE
from gis.files import sandbox
from gis.files.sandbox import Limits

MAX_WAY_NODES = 50_000  # OSM allows 2,000; joining a street takes time with its nodes
MAX_X, MAX_Y = 180 * DEGREE, 90 * DEGREE
NODE_INDEX = "sparse_file_array,places"  # in the folder of the child
_FACTORY = osmium.geom.WKBFactory()

Columns = tuple[bytes, bytes, bytes]  # ids, x and y of nodes, 64 bits each


class Location(NamedTuple):
    """Where a node is, in whole 1e-7 degrees."""

    x: int
    y: int

    @property
    def lon(self) -> float:
        """Return the longitude in degrees."""
        return self.x / DEGREE

    @property
    def lat(self) -> float:
        """Return the latitude in degrees."""
        return self.y / DEGREE

    def valid(self) -> bool:
        """Return whether it is on the earth; the place of a node that the file lacks is not."""
        return -MAX_X <= self.x <= MAX_X and -MAX_Y <= self.y <= MAX_Y


class NodeRef(NamedTuple):
    """A node of a way or ring."""

    ref: int
    x: int
    y: int

    @property
    def location(self) -> Location:
        """Return where it is."""
        return Location(self.x, self.y)


class Member(NamedTuple):
    """A member of a relation; type is n, w or r."""

    type: str
    ref: int
    role: str


class OsmObject:
    """A node (n), way (w), relation (r) or area (a), with the attribute names of osmium.

    The box that the file was cut to (b) comes as an object too, before all others.
    """

    def __init__(self, kind: str, id: int, tags: dict[str, str], deleted: bool, body: Any) -> None:
        self.id, self.tags, self.deleted = id, tags, deleted
        self._kind, self._body = kind, body

    def type_str(self) -> str:
        """Return n, w, r, a or b."""
        return self._kind

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Return west, south, east and north of the box of the file, in whole 1e-7 degrees."""
        west, south, east, north = self._body
        return west, south, east, north

    @property
    def location(self) -> Location:
        """Return where it is."""
        return Location(*self._body)

    @property
    def members(self) -> list[Member]:
        """Return the members of a relation."""
        return [Member(*member) for member in self._body]

    @cached_property
    def nodes(self) -> list[NodeRef]:
        """Return the nodes of a way."""
        return _nodes(self._body)

    def is_closed(self) -> bool:
        """Return whether a way ends where it begins."""
        return len(self.nodes) > 0 and self.nodes[0].ref == self.nodes[-1].ref

    @property
    def wkb(self) -> str | None:
        """Return the shape of an area as hex WKB; None where its rings do not make one."""
        return self._body[0]

    def outer_rings(self) -> list[list[NodeRef]]:
        """Return the outer rings of an area."""
        return [_nodes(columns) for columns in self._body[1]]


def objects(
    path: Path, keys: Sequence[str], leave_out: Callable[[int], None]
) -> Iterator[OsmObject]:
    """Yield the box of the file, the relations that have one of the keys, then all other objects.

    These are tagged nodes, ways, and the areas of such relations. `leave_out` receives the number
    of objects that an editor marked deleted or invisible.

    Raises
    ------
    InvalidInput
        The file is not OSM, truncated, unsorted or inflated, or exceeds the limits of time or
        memory.
    """
    limits = Limits().scaled(
        path.stat().st_size if path.is_file() else 0, seconds_per_mb=8.0, growth=20
    )
    for item in sandbox.iterate(
        read_objects, path.absolute(), tuple(keys), limits=limits, name=path.name
    ):
        if isinstance(item, int):
            leave_out(item)
        else:
            yield OsmObject(*item)


def read_objects(
    path: Path, keys: Sequence[str]
) -> Iterator[tuple[str, int, dict[str, str], bool, Any] | int]:
    """Yield what an `OsmObject` is made of, or how many objects an editor's file marks deleted.

    In the child process.

    Raises
    ------
    InvalidInput
        The file is damaged, or not sorted, or a way has more than MAX_WAY_NODES nodes.
    """
    source = open_osm(path)
    if (box := header_box(source)) is not None:
        yield "b", 0, {}, False, box
    if is_xml(path) and needs_settling(path):
        settled = Path("settled.osm.pbf")  # in the child's own folder
        yield settle(path, source, settled)
        source = osmium.io.File(str(settled), "pbf")
    for relation in _pass(
        path, osmium.FileProcessor(source, RELATION).with_filter(KeyFilter(*keys))
    ):
        members = [(member.type, member.ref, member.role) for member in relation.members]
        yield "r", relation.id, dict(relation.tags), relation.deleted, members
    tagged, useful = EmptyTagFilter(), KeyFilter(*keys)
    tagged.enable_for(NODE)
    useful.enable_for(AREA)
    whole = (
        osmium.FileProcessor(source)
        .with_locations(NODE_INDEX)
        .with_areas(TagFilter(("type", "multipolygon")), KeyFilter(*keys))
        .with_filter(tagged)
        .with_filter(useful)
    )
    missing: int | None = None  # a node that a way lacks
    for thing in _pass(path, whole):
        kind = thing.type_str()
        if kind == "n":
            yield (
                kind,
                thing.id,
                dict(thing.tags),
                thing.deleted,
                (thing.location.x, thing.location.y),
            )
        elif kind == "w":
            _require_short(path, thing)
            columns = _columns(thing.nodes)
            if missing is None:
                missing = next(
                    (node.ref for node in thing.nodes if not node.location.valid()), None
                )
            yield kind, thing.id, dict(thing.tags), thing.deleted, columns
        elif kind == "a" and not thing.from_way():  # closed ways are ways already
            yield kind, thing.orig_id(), dict(thing.tags), thing.deleted, _area(thing)
    if missing is not None and _is_known(whole.node_location_storage, missing):
        raise InvalidInput("osm.not_sorted", file=path.name)


def _pass(path: Path, processor: osmium.FileProcessor) -> Iterator[Any]:
    """Yield the objects of a pass.

    Raises
    ------
    InvalidInput
        The reader finds the file damaged.
    """
    try:
        yield from processor
    except (RuntimeError, osmium.InvalidLocationError) as error:
        raise damaged_file_error(path, error) from None


def _require_short(path: Path, way: Any) -> None:
    """Refuse a way of more than `MAX_WAY_NODES` nodes.

    Raises
    ------
    InvalidInput
        It has more.
    """
    if (count := len(way.nodes)) > MAX_WAY_NODES:
        raise InvalidInput(
            "osm.way_too_long", file=path.name, way=str(way.id), count=count, limit=MAX_WAY_NODES
        )


def _area(area: Any) -> tuple[str | None, list[Columns]]:
    try:
        wkb = _FACTORY.create_multipolygon(area)
    except RuntimeError:
        return None, []
    return wkb, [_columns(ring) for ring in area.outer_rings()]


def _columns(nodes: Any) -> Columns:
    refs, xs, ys = (
        zip(*((node.ref, node.x, node.y) for node in nodes), strict=True)
        if len(nodes)
        else ((), (), ())
    )
    return array("q", refs).tobytes(), array("q", xs).tobytes(), array("q", ys).tobytes()


def _nodes(columns: Columns) -> list[NodeRef]:
    return [
        NodeRef(*node)
        for node in zip(*(memoryview(column).cast("q") for column in columns), strict=True)
    ]


def _is_known(places: Any, node: int) -> bool:
    """Return whether the place of a node has been read after all."""
    try:
        return bool(places.get(node).valid())
    except KeyError:
        return False
