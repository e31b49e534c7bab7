"""Where people walk: gates, private ways, walls, platforms, plazas, islands, several doors.

Files from an editor.
"""

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import InvalidInput
from gis.exchange.osm import access_tags as access
from gis.exchange.osm.loader import load_osm
from gis.facilities import queries, service_circles
from gis.files.report import LoadReport
from gis.network.loading import load_network as load_network
from gis.settings import ROOT
from tests.support.osm_files import OsmFile

Load = Callable[[OsmFile], LoadReport]
DOCS = ROOT / "docs" / "walking.md"
STREET = [(x, 0) for x in range(9)]


@pytest.fixture
def load(session: Session, tmp_path: Path) -> Load:
    """Write a file and load it."""
    return lambda file: load_osm(session, file.write(tmp_path / "tiny.osm"))


def rows(session: Session, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.execute(text(query))]


def homes(file: OsmFile, columns: list[float], y: float) -> None:
    """Houses of 10 m, their lower left corners in a row."""
    for x in columns:
        file.square(x, y, 0.1, building="house")


def clinic(file: OsmFile, x: float, y: float) -> None:
    file.node(x, y, amenity="clinic", name="甲诊所")


def within(session: Session, minutes: int = 15) -> int | None:
    """Buildings within a walk of the only facility."""
    ((code,),) = rows(session, "SELECT code FROM facility")
    circle = queries.circle(session, code, minutes)
    assert not circle.off_network and not circle.island
    return circle.buildings


def test_the_tables_in_the_documentation_are_those_of_the_code() -> None:
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    values = {"open to all": "open", "open at its ends": "ends", "closed": "closed"}
    table = {
        values[cells[1]]: set(re.findall(r"`([^`]+)`", cells[0]))
        for line in lines
        if len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 2
        and cells[1] in values
    }
    assert table == {name: set(those) for name, those in access.VALUES.items()}
    phrase = {
        frozenset(re.findall(r"`([^`=]+)`", line))
        for line in " ".join(lines).replace("| |", "|\n|").splitlines()
    }
    listed = {word for those in phrase for word in those}
    for those in (
        access.WALKABLE,
        access.ON_PERMISSION,
        access.NODE_WALLS,
        access.LINE_WALLS,
        access.GATES,
    ):
        assert those <= listed
    text_ = " ".join(lines)
    for key, value in access.ALSO_WALKABLE | access.WALKED_AREAS:
        assert f"`{key}={value}`" in text_


def compound(gate: dict[str, str], lane: dict[str, str]) -> OsmFile:
    """A compound between two streets, a gate to each; the way round is 3 km.

    A home inside and one across.
    """
    file = OsmFile()
    south, north = file.node(0, 0), file.node(0, 3)
    file.way([(-12, 0), south, (1, 0)], highway="residential")
    file.way([north, (1, 3)], highway="residential")
    file.way([(-12, 0), (-12, 3), north], highway="residential")
    gates = [file.node(0.5, y, {"barrier": "gate", **gate}) for y in (0.2, 2.8)]
    file.way([south, gates[0]], highway="service")
    file.way(
        [gates[0], file.node(0.5, 1), file.node(0.5, 2), gates[1]], {"highway": "service", **lane}
    )
    file.way([gates[1], north], highway="service")
    homes(file, [0.55], 1.5)
    homes(file, [0.2], 3.05)
    clinic(file, 0, -0.1)
    return file


@pytest.mark.parametrize(
    ("gate", "lane", "right"),
    [
        ({}, {}, 2),
        ({"barrier": "kissing_gate"}, {}, 2),
        ({"barrier": "bollard"}, {"access": "permissive"}, 2),
        ({"access": "residents"}, {}, 1),
        ({"access": "permit"}, {}, 1),
        ({"access": "private"}, {"access": "private"}, 1),
        ({}, {"access": "destination"}, 1),
        ({}, {"access": "private", "foot": "yes"}, 2),
        ({"access": "no", "foot": "residents"}, {}, 1),
        ({"access": "no"}, {}, 0),
        ({"locked": "yes"}, {}, 0),
    ],
)
def test_residents_walk_through_their_gate_and_nobody_through_the_compound(
    session: Session, load: Load, gate: dict[str, str], lane: dict[str, str], right: int
) -> None:
    load(compound(gate, lane))
    assert within(session) == right


def test_from_a_compound_into_another_but_not_through_a_third(session: Session, load: Load) -> None:
    file = OsmFile()
    file.way([(0, 0), (2, 0), (4, 0), (6, 0)], highway="residential")
    file.way([(0, 0), (0, 9), (6, 9)], highway="residential")
    file.way([(2, 0), (2, 1)], highway="service", access="private")  # the clinic's own
    file.way([(4, 0), (4, 1)], highway="service", access="residents")  # another
    file.way(
        [(6, 0), (6, 4), (6, 9)], highway="service", access="permit"
    )  # a short cut to the north
    clinic(file, 2.05, 0.9)
    homes(file, [4.1], 0.85)
    homes(file, [6.1], 3)
    homes(file, [5.5], 9.1)
    load(file)
    assert within(session) == 2


@pytest.mark.parametrize(
    ("barrier", "right"), [("wall", 0), ("fence", 0), ("hedge", 0), ("guard_rail", 1), ("kerb", 1)]
)
def test_a_wall_stops_the_leg_to_the_street(
    session: Session, load: Load, barrier: str, right: int
) -> None:
    file = OsmFile()
    file.way(STREET, highway="residential")
    file.way([(2, 0.1), (6, 0.1)], barrier=barrier)
    homes(file, [3.9], 0.2)
    clinic(file, 3, -0.1)
    load(file)
    assert within(session) == right


@pytest.mark.parametrize("tags", [{"layer": "1"}, {"bridge": "yes"}, {"abandoned": "yes"}])
def test_a_wall_off_the_ground_or_gone_stops_nobody(
    session: Session, load: Load, tags: dict[str, str]
) -> None:
    file = OsmFile()
    file.way(STREET, highway="residential")
    file.way([(2, 0.1), (6, 0.1)], {"barrier": "noise_barrier", **tags})
    homes(file, [3.9], 0.2)
    clinic(file, 3, -0.1)
    load(file)
    assert within(session) == 1


def test_the_leg_goes_to_the_next_street_where_a_wall_cuts_off_the_nearest(
    session: Session, load: Load
) -> None:
    file = OsmFile()
    file.way(
        [*STREET, (8, 0.8), *((x, 0.8) for x in reversed(range(8)))], highway="residential"
    )  # one way, bent
    file.way([(2, 0.1), (6, 0.1)], barrier="wall")
    homes(file, [3.9], 0.2)
    clinic(file, 3, 0.85)
    load(file)
    assert within(session, 3) == 1


def test_a_gate_in_a_wall_without_a_way_is_joined(session: Session, load: Load) -> None:
    file = OsmFile()
    file.way(STREET, highway="residential")
    gate = file.node(2, 0.1, barrier="gate", access="residents")
    file.way([(0.5, 0.1), gate, (4, 0.1), (4, 1), (0.5, 1), (0.5, 0.1)], barrier="wall")
    homes(file, [1.9, 3.7], 0.4)  # the second is more than 100 m from the gate
    clinic(file, 2, -0.1)
    report = load(file)
    assert within(session) == 1 and "1 gates joined" in report.notes


def platform(form: str) -> OsmFile:
    """A stop on a platform beside a street with eight homes."""
    file = OsmFile()
    file.way(STREET, highway="residential")
    homes(file, list(range(8)), 0.15)
    if form == "line":
        file.way([(4, 0.05), (4.2, 0.05)], highway="platform")
    elif form == "area":
        file.square(4, 0.05, 0.1, public_transport="platform")
    else:
        outer = file.square(4, 0.05, 0.1)
        file.relation([(outer, "outer")], highway="platform")
    file.node(4.05, 0.06, highway="bus_stop", name="甲站")
    return file


@pytest.mark.parametrize("form", ["line", "area", "multipolygon"])
def test_a_platform_is_joined_to_the_street_beside_it(
    session: Session, load: Load, form: str
) -> None:
    load(platform(form))
    assert within(session) == 8
    assert rows(session, "SELECT count(DISTINCT component) FROM walk_node") == [(1,)]


def test_a_platform_below_a_bridge_is_not_joined_to_it(session: Session, load: Load) -> None:
    file = OsmFile()
    file.way(STREET, highway="residential", bridge="yes", layer="1")
    file.way([(4, 0.05), (4.2, 0.05)], railway="platform")
    load(file)
    assert rows(session, "SELECT count(DISTINCT component) FROM walk_node") == [(2,)]


OFF_GROUND: list[dict[str, str]] = [
    {"highway": "primary", "bridge": "yes", "layer": "1"},
    {"highway": "footway", "tunnel": "yes", "layer": "-1"},
    {"highway": "secondary", "bridge": "viaduct"},
    {"highway": "footway", "layer": "2"},
    {"highway": "footway", "level": "1"},
    {"highway": "corridor", "indoor": "yes"},
]


@pytest.mark.parametrize("tags", OFF_GROUND)
@pytest.mark.parametrize("joined", [False, True])
def test_a_home_below_a_bridge_or_above_a_tunnel_goes_to_the_street(
    session: Session, load: Load, tags: dict[str, str], joined: bool
) -> None:
    file = OsmFile()
    file.way(STREET, highway="residential")
    file.way([(4, -9), (4, 9)], tags)
    if joined:  # 2 km away, as the ends of a viaduct are
        file.way([(4, 9), (8, 9), (8, 0)], highway="residential")
    homes(file, [4.1], 0.3)
    homes(file, [3.8], -0.4)
    homes(file, [5.5], 0.2)
    clinic(file, 2.5, 0.1)
    load(file)
    assert within(session, 5) == 3
    assert rows(session, "SELECT count(*) > 0 FROM walk_edge WHERE structure <> ''") == [(True,)]


def test_where_only_a_bridge_is_within_the_cap_it_is_taken(session: Session, load: Load) -> None:
    file = OsmFile()
    file.way(STREET, highway="residential")
    file.way([(4, 0), (4, 9)], highway="footway", bridge="yes", layer="1")
    homes(file, [4.1], 3)
    clinic(file, 3, 0.1)
    load(file)
    assert within(session) == 1


@pytest.mark.parametrize(
    "tags", [{"tunnel": "building_passage"}, {"bridge": "boardwalk"}, {"layer": "0"}]
)
def test_a_lane_through_a_house_and_a_boardwalk_are_on_the_ground(
    session: Session, load: Load, tags: dict[str, str]
) -> None:
    file = OsmFile()
    file.way(STREET, highway="residential")
    file.way([(4, 0), (4, 9)], {"highway": "service", **tags})
    homes(file, [4.05], 0.7)
    load(file)
    network = load_network(session)
    ((x, y),) = rows(
        session, "SELECT ST_X(ST_Centroid(geom)), ST_Y(ST_Centroid(geom)) FROM building"
    )
    assert network.snap_degrees([x], [y]).leg[0] < 15 and network.flags.ground.all()


@pytest.mark.parametrize("as_relation", [False, True])
def test_all_edges_of_a_plaza_on_a_roof_are_off_the_ground(
    session: Session, load: Load, as_relation: bool
) -> None:
    file = OsmFile()
    file.way([(0, 0), (0, -1)], highway="steps", layer="1")
    file.way([(3, 3), (3, 4)], highway="steps", layer="1")
    tags = {"highway": "pedestrian", "layer": "1", "area": "yes"}
    outline = file.square(0, 0, 3, {} if as_relation else tags)
    if as_relation:
        file.relation([(outline, "outer")], {k: v for k, v in tags.items() if k != "area"})
    load(file)
    kinds = (
        "SELECT kind, structure FROM walk_edge WHERE kind IN ('plaza', 'across') GROUP BY 1, 2"
        " ORDER BY 1"
    )
    assert rows(session, kinds) == [("across", "storey"), ("plaza", "storey")]


def test_a_plaza_is_walked_across(session: Session, load: Load) -> None:
    file = OsmFile()
    file.way([(0, 0), (0, -1)], highway="residential")
    file.way([(3, 3), (3, 4)], highway="residential")
    file.square(0, 0, 3, highway="pedestrian", area="yes", name="甲广场")
    clinic(file, 0.05, -1)
    homes(file, [3.05], 3.9)
    report = load(file)
    # round by the outline it is 850 m, across 670; at 75 m a minute only the second is within 10
    assert within(session, 10) == 1 and "1 areas joined" in report.notes


def test_a_plaza_drawn_many_times_is_one_area(session: Session, load: Load) -> None:
    file = OsmFile()
    file.way(STREET, highway="residential")
    for _ in range(150):
        file.square(2, 0.02, 0.5, highway="pedestrian", area="yes")
    notes = load(file).notes
    assert "1 areas joined" in notes, notes


def test_a_plaza_with_a_hole_is_walked_round_the_hole(session: Session, load: Load) -> None:
    file = OsmFile()
    file.way([(0, 0), (-1, -1)], highway="residential")
    file.way([(3, 3), (4, 4)], highway="residential")
    outer, pond = file.square(0, 0, 3), file.square(1, 1, 1)
    file.relation([(outer, "outer"), (pond, "inner")], highway="pedestrian")
    load(file)
    straight = (
        "SELECT ST_Crosses(geom, ST_GeomFromText('POLYGON((105.9511 26.2311, 105.9519 26.2311,"
        " 105.9519 26.2319, "
    )
    straight += "105.9511 26.2319, 105.9511 26.2311))', 4490)) FROM walk_edge WHERE kind = 'across'"
    crossing = rows(session, straight)
    assert crossing and not any(value for (value,) in crossing)


def test_a_pier_on_a_ferry_island_is_called_an_island(session: Session, load: Load) -> None:
    file = OsmFile()
    file.way(STREET, highway="residential")
    file.way([(8, 0), (20, 20)], route="ferry", foot="yes")
    file.way([(20, 20), (20.8, 20)], man_made="pier")
    file.node(20.4, 20.05, amenity="ferry_terminal", name="甲码头")
    load(file)
    ((code,),) = rows(session, "SELECT code FROM facility")
    circle = queries.circle(session, code, 15)
    assert (circle.island, circle.off_network, circle.buildings) == (True, False, 0)
    assert circle.geometry == '{"type":"MultiPolygon","coordinates":[]}'
    done = service_circles.recompute(session)
    assert (done.islands, done.off_network) == ((code,), ())
    assert queries.circle(session, code, 15).island


def test_a_loose_pavement_gives_way_to_the_street(session: Session, load: Load) -> None:
    file = OsmFile()
    file.way([(x, 0) for x in range(12)], highway="residential")
    file.way([(x, 0.06) for x in range(2, 6)], highway="footway", footway="sidewalk")
    homes(file, list(range(11)), 0.15)
    clinic(file, 3, 0.08)
    load(file)
    assert within(session) == 11


@pytest.mark.parametrize("separate", [False, True])
def test_a_school_is_entered_through_all_its_gates(
    session: Session, load: Load, separate: bool
) -> None:
    file = OsmFile()
    for y in (0, 9):
        file.way([(x, y) for x in range(9)], highway="residential")
        homes(file, list(range(4)), y + (0.1 if y else -0.2))
    south, north = (
        file.node(2, 0.08, barrier="gate"),
        file.node(2, 8.92, barrier="swing_gate", access="permit"),
    )
    ring = [(0.4, 0.08), south, (4, 0.08), (4, 8.92), north, (0.4, 8.92), (0.4, 0.08)]
    if separate:  # the wall runs 1 m outside the grounds
        file.way(ring, barrier="fence")
        file.way(
            [(0.41, 0.09), (3.99, 0.09), (3.99, 8.91), (0.41, 8.91), (0.41, 0.09)],
            amenity="school",
            name="甲小学",
        )
    else:
        file.way(ring, barrier="fence", amenity="school", name="甲小学")
    load(file)
    assert within(session) == 8
    assert rows(session, "SELECT count(*) FROM entrance WHERE kind = 'gate'") == [(2,)]


def test_a_park_is_entered_where_paths_cross_its_outline(session: Session, load: Load) -> None:
    file = OsmFile()
    for y in (0, 9):
        file.way([(x, y) for x in range(9)], highway="residential")
        homes(file, list(range(4)), y + (0.1 if y else -0.2))
        file.way([(2, y), (2, 1 if y == 0 else 8)], highway="footway")  # no node on the outline
    file.square(1, 0.5, 8, leisure="park", name="甲公园")
    load(file)
    assert within(session) == 8


def test_a_file_of_an_editor_loads_with_negative_ids_and_without_what_is_deleted(
    session: Session, tmp_path: Path
) -> None:
    file = platform("line")
    gone = file.square(5, 0.4, 0.1, building="house")
    outer, yard = file.square(1, 0.4, 0.5), file.square(1.2, 0.6, 0.1)
    file.relation([(outer, "outer"), (yard, "inner")], building="yes")
    unseen = file.node(3, 0.1, amenity="bank", name="乙银行")
    path = file.write(tmp_path / "edited.osm")
    xml = path.read_text(encoding="utf-8")
    xml = xml.replace(f'<way id="{gone}" version="1"', f"<way id=\"{gone}\" action='delete'")
    xml = xml.replace(
        f'<node id="{unseen}" version="1"', f'<node id="{unseen}" version="1" visible="false"'
    )
    path.write_text(re.sub(r'( id| ref)="(\d+)"', r'\1="-\2"', xml), encoding="utf-8")
    report = load_osm(session, path)
    assert within(session) == 9
    assert "2 objects marked deleted or invisible are not loaded" in report.notes
    assert {
        code for (code,) in rows(session, "SELECT code FROM building WHERE code LIKE 'r%'")
    } == {"r-1"}
    assert rows(session, "SELECT count(*) FROM building WHERE code LIKE 'w-%'") == [(8,)]


def test_a_damaged_file_of_an_editor_is_refused(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "cut.osm"
    path.write_text(
        '<?xml version="1.0"?>\n<osm version="0.6"><node id="-1" action="delete" lat="26"',
        encoding="utf-8",
    )
    with pytest.raises(InvalidInput, match="cut off or damaged"):
        load_osm(session, path)


def test_ways_that_meet_in_two_nodes_of_one_place_are_joined_on_the_ground_only(
    session: Session, load: Load
) -> None:
    file = OsmFile()
    file.way([file.node(0, 0), file.node(1, 0), file.node(2, 0)], highway="residential")
    file.way([file.node(1, 0), file.node(1, 1)], highway="residential")
    file.way(
        [file.node(2, -1), file.node(2, 0), file.node(2, 1)],
        highway="footway",
        bridge="yes",
        layer="1",
    )
    report = load(file)
    assert "1 nodes at the place of another node joined to it" in report.notes
    assert rows(session, "SELECT component, count(*) FROM walk_node GROUP BY 1 ORDER BY 1") == [
        (0, 4),
        (1, 2),
    ]


def test_without_private_ways_the_graph_has_no_copies(session: Session, load: Load) -> None:
    load(compound({}, {}))
    network = load_network(session)
    assert network.graph.shape == (len(network.nodes), len(network.nodes))


@pytest.mark.parametrize("seed", range(8))
def test_areas_that_overlap_ways_and_each_other_are_joined_without_tears(
    session: Session, load: Load, seed: int
) -> None:
    dice, file = random.Random(seed), OsmFile()
    some = lambda: tuple(  # noqa: E731
        dice.choice([dice.randint(0, 8), round(dice.uniform(0, 8), 1)]) for _ in "xy"
    )
    tags: list[dict[str, str]] = [
        {},
        {"access": "private"},
        {"access": "no"},
        {"layer": "1", "bridge": "yes"},
    ]
    for _ in range(8):
        kind = dice.choice(["residential", "footway", "steps", "platform"])
        file.way(
            [some() for _ in range(dice.randint(2, 5))], {"highway": kind, **dice.choice(tags)}
        )
    for _ in range(4):
        ground = dice.choice(
            [
                {"highway": "pedestrian", "area": "yes"},
                {"leisure": "playground"},
                {"place": "square"},
            ]
        )
        corner = some()
        file.way([corner, some(), some(), some(), corner], {**ground, **dice.choice(tags)})
        file.square(*some(), dice.choice([0.05, 1, 2.5]), {**ground, **dice.choice(tags)})
    for _ in range(3):
        gate = file.node(
            *some(), {"barrier": dice.choice(["gate", "bollard", "wall"]), **dice.choice(tags)}
        )
        file.way([some(), gate, some()], dice.choice([{"barrier": "wall"}, {"highway": "service"}]))
    file.square(*some(), 1.3, leisure="park", name="甲公园")
    load(file)
    torn = (
        "SELECT count(*) FROM walk_edge AS e JOIN walk_node AS a ON a.id = e.u"
        " JOIN walk_node AS b ON b.id = e.v WHERE "
        "NOT ST_DWithin(a.geom, ST_StartPoint(e.geom), 1e-6) OR NOT ST_DWithin(b.geom,"
        " ST_EndPoint(e.geom), 1e-6)"
    )
    assert rows(session, torn) == [(0,)]
    ((code,),) = rows(session, "SELECT code FROM facility WHERE category = 'park' AND name <> ''")
    assert queries.circle(session, code, 15).minutes == 15


def edge_of_data(session: Session) -> list[int]:
    return [
        node
        for (node,) in rows(session, "SELECT id FROM walk_node WHERE at_edge_of_data ORDER BY id")
    ]


def test_the_data_end_at_missing_nodes_and_where_ways_leave_the_box(
    session: Session, load: Load
) -> None:
    """A street through the box, one with a missing node, one along the border, one inside."""
    file = OsmFile()
    file.box = (-5, -5), (5, 5)
    outside, distant = file.node(6, 0), file.node(7, 0)
    file.way([(0, 0), (1, 0), outside, distant], highway="residential")
    nearby, missing = file.node(-1, 0), file.node(-2, 0)
    file.way([(0, 0), nearby, missing, (-3, 0)], highway="residential")
    border = file.node(0, 5)
    file.way([(0, 0), (0, 1), border], highway="residential")
    file.way([(0, 0), (0, -1)], highway="residential")
    file.way([(0, -1), (0, -6)], highway="motorway")  # nobody walks there
    clinic(file, 0, 0.1)
    report = load(file.without_node(missing))
    # beyond the missing node nothing is left of that street, and its other end hangs in the air
    assert edge_of_data(session) == sorted([outside, nearby, border])
    assert report.counts["walk_nodes_at_edge"] == 3
    network = load_network(session)
    assert len(network.at_edge) == 3
    version = network.version
    file.box = (-50, -50), (50, 50)
    load(file)
    assert edge_of_data(session) == [nearby]
    assert load_network(session).version != version
