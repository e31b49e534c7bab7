"""`load osm FILE`: streets, buildings, facilities and basemap out of an OpenStreetMap extract.

One pass over the file (a short one over its relations first). Node places lie in a file on disk,
rows go through temporary tables by COPY, ways and the edges cut from them are spooled to disk. In
memory stay numbers: some 24 bytes for each node of a walkable way and 100 for each edge while
they are sorted, and as objects only gates, walls, walked areas and the edges near them
(`gis.network.surroundings`). See rules.py for what each tag means.
"""

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import shapely
from sqlalchemy.orm import Session

from gis.db import copy_rows
from gis.errors import InvalidInput
from gis.exchange.osm import access_tags as access
from gis.exchange.osm import edge_tags, rules, staging, store
from gis.exchange.osm.edited import file_id
from gis.exchange.osm.ewkb import degrees_of, ewkb, line_ewkb, point_ewkb, polygon_ewkb
from gis.exchange.osm.objects import objects
from gis.exchange.osm.staging import MAX_LISTED_CODES
from gis.exchange.osm.walk_graph import (
    Walk,
    WalkGraphBuilder,
    cut_at_gaps,
    cut_nodes,
    split_at_missing_nodes,
)
from gis.facilities.category_tags import OSM_KEYS, classify_tags
from gis.files.datasets import file_sha256, find_source, is_loaded, record_load
from gis.files.progress import Progress
from gis.files.report import LoadReport, shorten
from gis.messages import Message
from gis.network.surroundings import Gate, Surroundings, WalkArea

OSM_KIND = "osm"
OSM_ATTRIBUTION = "© OpenStreetMap contributors, ODbL"
CRS = "EPSG:4326, as all OSM data; kept as EPSG:4490, the same to under a metre"
COPY_BATCH_ROWS = 5_000  # rows held in memory before they are copied


def load_osm(session: Session, path: Path | str, progress: Progress | None = None) -> LoadReport:
    """Read an OSM extract into buildings, facilities, basemap features and the walking network.

    The very file that is loaded already changes nothing (but for counties that were not known
    then). Another file replaces the former OSM load: rows are matched by code, changed ones
    updated, and those that are gone deleted, except buildings that households, posts or units stand
    on.

    Parameters
    ----------
    path
        An .osm.pbf or .osm file, sorted as all tools write them (nodes, ways, relations).
    progress
        Called now and then with what is being done and how many objects are done.

    Raises
    ------
    InvalidInput
        No OSM file, a cut-off, unsorted or swollen one, or one without anything of use. The
        database is then as it was.
    """
    path = Path(path)
    report_progress = progress or (lambda what, count: None)
    report = LoadReport(kind=OSM_KIND, source=path.name, crs=CRS)
    if not path.is_file():
        raise InvalidInput("osm.file_not_found", file=path.name)
    digest = file_sha256(path)
    if is_loaded(session, OSM_KIND, digest) and store.network_is_osm(session):
        report.counts, report.bbox = store.current_counts(session, OSM_KIND)
        report.counts |= {
            "new": 0,
            "changed": 0,
            "deleted": 0,
            "counties set": staging.set_counties(session),
        }
        report.note("osm.already_loaded")
        return report
    with session.begin_nested(), tempfile.TemporaryDirectory(prefix="wangge-osm-") as folder:
        staging.create_staging(session)
        reading = _Reading(session, path, Path(folder), report_progress)
        reading.run()
        report_progress("buildings and facilities", 0)
        if codes := staging.duplicate_codes(session):
            raise InvalidInput("osm.objects_twice", file=path.name, codes=codes)
        counts, notes = store.merge_staging(session, OSM_KIND, reading.outlines_of)
        elevation = find_source(session, "elevation")
        network_counts, network_notes = store.publish_walks(
            session, reading.walks, reading.surroundings, OSM_KIND, report_progress
        )
        counts |= network_counts
        report.bbox = staging.extent(session)
        staging.drop_staging(session)
        report.counts = counts
        report.messages += [*reading.notes(), *notes, *network_notes]
        if elevation and not find_source(session, "elevation"):
            report.note("osm.elevation_gone", file=elevation)
        stored = {
            name: n for name, n in counts.items() if name not in ("new", "changed", "deleted")
        }
        record_load(session, OSM_KIND, path, digest, stored, OSM_ATTRIBUTION)
    return report


class PlazaEdge(NamedTuple):
    """What a way takes from the plaza it is an edge of."""

    name: str
    passage: access.Access
    structure: str


@dataclass
class _Reading:
    """One file on its way into the temporary tables and the spool of walks."""

    session: Session
    path: Path
    folder: Path
    report_progress: Progress
    rows: dict[str, list[Sequence[object]]] = field(
        default_factory=lambda: {table: [] for table in staging.STAGING_COLUMNS}
    )
    surroundings: Surroundings = field(default_factory=Surroundings)
    left_out: int = 0  # objects marked deleted or invisible
    # way -> the plaza it is an edge of
    plaza_ways: dict[int, PlazaEdge] = field(default_factory=dict)
    plaza_ways_of: dict[int, list[int]] = field(default_factory=dict)  # plaza relation -> its ways
    # outer way -> building or facility relation
    outlines_of: dict[int, int] = field(default_factory=dict)
    unmade: set[int] = field(default_factory=set)  # relations of use whose area has not been made
    skipped: Counter[str] = field(default_factory=Counter)  # by code of the note
    box: tuple[int, int, int, int] | None = None  # that the file was cut to, 1e-7 degrees

    def __post_init__(self) -> None:
        self.walks = WalkGraphBuilder(self.folder)

    def run(self) -> None:
        """Read relations, then everything.

        Raise InvalidInput for a file that is damaged or of no use.

        Raises
        ------
        InvalidInput
            The file is damaged, or holds nothing of use.
        """
        keys = tuple(dict.fromkeys((*rules.AREA_KEYS, *OSM_KEYS)))
        take = {
            "b": self._box,
            "r": self._relation,
            "n": self._node,
            "w": self._way,
            "a": self._area,
        }
        for count, thing in enumerate(objects(self.path, keys, self._leave_out)):
            if count % 20_000 == 0:
                self.report_progress("objects read", count)
            if thing.deleted:
                self._leave_out(1)
            else:
                take[thing.type_str()](thing)
        for table in self.rows:
            self._flush(table)
        if self.walks.empty and not staging.any_rows(self.session):
            raise InvalidInput("osm.nothing_of_use", file=self.path.name)

    def notes(self) -> list[Message]:
        """Return what was cut or passed over."""
        notes = [Message(code, {"count": count}) for code, count in sorted(self.skipped.items())]
        if self.left_out:
            notes.append(Message("osm.deleted_left_out", {"count": self.left_out}))
        if self.unmade:
            codes = shorten([f"r{number}" for number in sorted(self.unmade)], MAX_LISTED_CODES)
            notes.append(
                Message("osm.relations_skipped", {"count": len(self.unmade), "codes": codes})
            )
        return notes

    def _leave_out(self, count: int) -> None:
        """Count objects marked deleted or invisible."""
        self.left_out += count

    def _box(self, file: Any) -> None:
        self.box = file.box

    def _relation(self, relation: Any) -> None:
        tags = dict(relation.tags)
        if tags.get("type") != "multipolygon":
            return
        if access.way_access(tags) != "closed" and access.walked_area(tags, closed=True):
            plaza = PlazaEdge(rules.name(tags), access.way_access(tags), access.structure(tags))
            for member in relation.members:
                if member.type == "w":
                    self.plaza_ways[member.ref] = plaza
                    self.plaza_ways_of.setdefault(relation.id, []).append(file_id(member.ref))
        if rules.is_building(tags) or classify_tags(tags) or rules.drawn_area(tags):
            self.unmade.add(relation.id)
        if rules.is_building(tags) or classify_tags(tags):
            self.outlines_of |= {
                m.ref: relation.id for m in relation.members if m.type == "w" and m.role != "inner"
            }

    def _node(self, node: Any) -> None:
        tags = dict(node.tags)
        passage = access.gate_access(tags)
        if passage == "closed":
            self.walks.blocked.add(node.id)
        elif passage == "ends":
            self.walks.gates.add(node.id)
        self._note_hindrances(node.id, tags)
        rank = rules.entrance_rank(tags)
        if not node.location.valid():
            return
        shape = point_ewkb(node.location.x, node.location.y)
        if rank is not None:
            hours = tags.get("opening_hours", "")[:500]
            self._add("door", (node.id, rank, rules.entrance_kind(rank), hours, shape))
        if tags.get("barrier") in access.GATES and passage != "closed":
            position = node.location.lon, node.location.lat
            self.surroundings.gates.append(Gate(node.id, *position, passage == "ends"))
        self._facility(f"n{file_id(node.id)}", tags, shape)
        label = rules.drawn_label(tags)
        if label and rules.name(tags):
            self._add(
                "basemap_feature", (*label[:2], rules.name(tags), label.min_zoom, shape, OSM_KIND)
            )

    def _note_hindrances(self, node: int, tags: dict[str, str]) -> None:
        """Keep what a node of a way says of the metre around it, and how one crosses a road."""
        if (at_node := edge_tags.node_tags(tags)) != edge_tags.NO_TAGS:
            self.walks.node_tags[node] = at_node
        if crossing := edge_tags.crossing(tags):
            self.walks.crossings[node] = crossing

    def _way(self, way: Any) -> None:
        tags = dict(way.tags)
        if not tags and way.id not in self.plaza_ways:
            return
        closed = way.is_closed()
        walk = self._walk(way.id, tags, closed=closed)
        line = rules.drawn_line(tags)
        category = classify_tags(tags)
        wall = access.stops_leg(tags)
        uses = (walk, line, category, wall, rules.drawn_area(tags), rules.is_building(tags))
        if not (any(uses) or rules.drawn_label(tags)):
            return
        nodes = [(n.ref, n.x, n.y, n.location.valid()) for n in way.nodes]
        present = split_at_missing_nodes(nodes)
        runs = cut_at_gaps(present)
        whole = all(node[3] for node in nodes)
        if not whole and any(node[0] < 0 for node in nodes):
            raise InvalidInput("osm.negative_ids", file=self.path.name)
        if wall:
            self.surroundings.walls += [(tags["barrier"], degrees_of(run)) for run in runs]
        # unless it is the edge of a plaza
        is_street = line is not None or (walk is not None and way.id not in self.plaza_ways)
        if is_street and not whole:
            self.skipped["osm.lines_cut_at_edge"] += 1
        if is_street and runs != present:
            self.skipped["osm.lines_cut_at_gap"] += 1
        if walk:
            self.walks.add(walk, runs)
            self.walks.at_edge.update(cut_nodes(nodes, self.box))
            if whole and walk.kind == "plaza" and way.id not in self.plaza_ways:
                ring = shapely.Polygon(degrees_of(node[:3] for node in nodes))
                self.surroundings.areas.append(_area_of(walk, tags, ring, [walk.way_id]))
        if line and not _is_ground(tags, way.is_closed()):
            for run in runs:
                self._add(
                    "basemap_feature",
                    (*line[:2], rules.name(tags), line.min_zoom, line_ewkb(run), OSM_KIND),
                )
        if is_street and not _is_ground(tags, way.is_closed()):
            return
        if not way.is_closed() or len(nodes) < 4 or tags.get("area") == "no":
            if category or rules.is_building(tags):
                self.skipped["osm.outlines_open"] += 1
        elif not whole:
            self.skipped["osm.outlines_cut_at_edge"] += 1
        else:
            shape = polygon_ewkb([node[:3] for node in nodes])
            self._outline(f"w{file_id(way.id)}", tags, shape)

    def _area(self, area: Any) -> None:
        if area.wkb is None:
            self.unmade.add(area.id)
            return
        self.unmade.discard(area.id)
        tags = dict(area.tags)
        ring = [(n.ref, n.x, n.y) for outer in area.outer_rings() for n in outer]
        if access.stops_leg(tags):
            self.surroundings.walls.append((tags["barrier"], degrees_of(ring)))
        ways = self.plaza_ways_of.get(area.id)
        if ways:
            walk = Walk(file_id(area.id), "plaza", rules.name(tags), False, access.structure(tags))
            for part in shapely.get_parts(shapely.from_wkb(area.wkb)).tolist():
                self.surroundings.areas.append(_area_of(walk, tags, part, ways))
        self._outline(f"r{file_id(area.id)}", tags, ewkb(area.wkb))

    def _walk(self, way_id: int, tags: dict[str, str], closed: bool) -> Walk | None:
        """Return the way as one to walk on; None when it is not."""
        passage = access.way_access(tags)
        area = access.walked_area(tags, closed=closed)
        plaza = self.plaza_ways.get(way_id)
        if passage != "closed" and (area or access.walked_line(tags)):
            kind = (
                "plaza"
                if area
                else tags.get("highway") or tags.get("railway") or tags.get("public_transport")
            )
            name, structure = rules.name(tags), access.structure(tags)
        elif plaza is not None and "highway" not in tags:
            kind = "plaza"
            name, passage, structure = plaza
        else:
            return None
        return Walk(
            file_id(way_id),
            kind or tags["man_made"],
            name,
            kind == "steps",
            structure,
            passage == "ends",
            edge_tags.way_tags(tags),
        )

    def _outline(self, code: str, tags: dict[str, str], shape: str) -> None:
        """Store a closed way or multipolygon under all that its tags make it.

        It may be a building, facility, ground and label at once.
        """
        named = rules.name(tags)
        if rules.is_building(tags):
            title = named or tags.get("addr:housename", "") or tags.get("ref", "")
            facts = rules.address(tags), tags["building"][:100], rules.storeys(tags)
            self._add("building", (code, title[:200], *facts, shape, OSM_KIND))
        self._facility(code, tags, shape)
        drawn, label = rules.drawn_area(tags), rules.drawn_label(tags)
        if drawn:
            self._add("basemap_feature", (*drawn[:2], named, drawn.min_zoom, shape, OSM_KIND))
        if label and named:
            self._add("basemap_feature", (*label[:2], named, label.min_zoom, shape, OSM_KIND))

    def _facility(self, code: str, tags: dict[str, str], shape: str) -> None:
        category = classify_tags(tags)
        if category:
            hours = tags.get("opening_hours", "")[:500]
            facts = rules.name(tags), rules.address(tags), hours, rules.contact(tags)
            capacity = rules.capacity(tags, category)
            self._add("facility", (code, category, *facts, capacity, shape, OSM_KIND))

    def _add(self, table: str, row: Sequence[object]) -> None:
        self.rows[table].append(row)
        if len(self.rows[table]) >= COPY_BATCH_ROWS:
            self._flush(table)

    def _flush(self, table: str) -> None:
        copy_rows(
            self.session, f"incoming_{table}", staging.STAGING_COLUMNS[table], self.rows[table]
        )
        self.rows[table].clear()


def _is_ground(tags: dict[str, str], closed: bool) -> bool:
    """Return whether a closed street, platform or pier is walkable ground rather than a loop."""
    return (closed and tags.get("area") == "yes") or access.walked_area(tags, closed=closed)


def _area_of(
    walk: Walk, tags: dict[str, str], polygon: shapely.Polygon, ways: list[int]
) -> WalkArea:
    """Return the area that a walked outline encloses."""
    platform = "platform" in (
        tags.get("highway"),
        tags.get("railway"),
        tags.get("public_transport"),
    )
    ends = access.way_access(tags) == "ends"
    return WalkArea(
        walk.way_id, walk.name, polygon, frozenset(ways), ends, walk.structure, platform
    )
