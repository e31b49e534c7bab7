"""What the tags of ways and nodes say to those whom something hinders."""

import itertools
import math
import re

import pytest

from gis.exchange.osm.edge_tags import CROSSING_VALUES, NO_WHEELS, node_tags, way_tags
from gis.network.edge_facts import (
    KERBS_CM,
    NO_TAGS,
    ROUGH,
    SOFT,
    SURFACES,
    UNPAVED,
    EdgeTags,
    TagColumns,
    facts_of,
)
from gis.settings import ROOT


@pytest.mark.parametrize(
    ("tags", "field", "value"),
    [
        ({"step_count": "12"}, "step_count", 12),
        ({"step_count": " 12 "}, "step_count", 12),
        ({"step_count": "0"}, "step_count", None),
        ({"step_count": "many"}, "step_count", None),
        ({"step_count": "99999999999999999999"}, "step_count", None),
        ({"step_count": "9000"}, "step_count", None),
        ({"step_count": "١٢"}, "step_count", None),
        ({"incline": "8%"}, "incline_pct", 8.0),
        ({"incline": "-8.5 %"}, "incline_pct", -8.5),
        ({"incline": "5°"}, "incline_pct", 8.75),
        ({"incline": "up"}, "incline_pct", None),
        ({"incline": "8"}, "incline_pct", None),  # of what?
        ({"incline": "9000%"}, "incline_pct", None),
        ({"incline": "90°"}, "incline_pct", None),
        ({"width": "1.2"}, "width_m", 1.2),
        ({"width": "1.2 m"}, "width_m", 1.2),
        ({"width": "90 cm"}, "width_m", 0.9),
        ({"width": "3'6\""}, "width_m", None),
        ({"width": "-1"}, "width_m", None),
        ({"width": "1e309"}, "width_m", None),
        ({"surface": "Asphalt;paving_stones"}, "surface", "asphalt"),
        ({"wheelchair": "limited"}, "wheelchair", "limited"),
        ({"wheelchair": "perhaps"}, "wheelchair", ""),
        ({"ramp:wheelchair": "yes"}, "wheelchair", "yes"),
        ({"opening_hours": "06:00-22:00"}, "hours", "06:00-22:00"),
        ({"opening_hours": "24/7"}, "hours", ""),
        ({"footway": "crossing", "crossing": "traffic_signals"}, "crossing", "signals"),
        ({"footway": "crossing", "crossing": "zebra"}, "crossing", "marked"),
        ({"footway": "crossing", "crossing": "unmarked"}, "crossing", "unmarked"),
        ({"footway": "crossing", "crossing:markings": "zebra"}, "crossing", "marked"),
        ({"footway": "crossing", "crossing:signals": "yes"}, "crossing", "signals"),
        ({"footway": "crossing"}, "crossing", "yes"),
        ({"crossing": "zebra"}, "crossing", ""),
    ],
)
def test_what_a_way_says(tags, field, value):
    assert getattr(way_tags(tags), field) == value
    assert way_tags(tags) == EdgeTags(**{field: value})  # and nothing else


@pytest.mark.parametrize(
    ("tags", "output"),
    [
        ({"kerb": "raised"}, {"kerb": "raised"}),
        ({"barrier": "kerb", "kerb": "lowered"}, {"kerb": "lowered"}),
        ({"kerb": "mountain"}, {}),
        ({"barrier": "stile"}, {"wheelchair": "no"}),
        ({"barrier": "turnstile", "wheelchair": "yes"}, {"wheelchair": "yes"}),
        ({"barrier": "gate", "opening_hours": "06:00-22:00"}, {"hours": "06:00-22:00"}),
        ({"barrier": "gate"}, {}),
        ({"shop": "bakery", "opening_hours": "06:00-22:00", "wheelchair": "no"}, {}),
    ],
)
def test_what_a_node_says_of_the_way_around_it(tags, output):
    assert node_tags(tags) == EdgeTags(**output)


def test_steps_are_shared_among_the_parts_of_a_stair():
    stair = EdgeTags(step_count=31)
    cuts = [0.0, 0.2, 0.55, 0.9, 1.0]
    counts = [stair.part(a, b).step_count for a, b in itertools.pairwise(cuts)]
    assert sum(counts) == 31 and counts == [6, 11, 11, 3]
    assert NO_TAGS.part(0.1, 0.2) is NO_TAGS
    assert EdgeTags(step_count=1).part(0, 0.1).step_count == 1


def test_facts_are_numbers_and_what_is_not_known_is_said():
    rows = [
        EdgeTags(12, -8.5, 0.9, "sett", "raised", "no", "signals", "06:00-22:00"),
        EdgeTags(),
        EdgeTags(surface="marble", kerb="odd", wheelchair="limited"),
    ]
    facts = facts_of(
        ["steps", "primary_link", "path"],
        [True, False, False],
        TagColumns(*zip(*rows, strict=True)),
    )
    assert facts.main.tolist() == [0, 2, 0] and facts.steps.tolist() == [True, False, False]
    assert facts.step_count.tolist() == [12, 0, 0]
    assert facts.slope_pct[0] == 8.5 and math.isnan(facts.slope_pct[1])
    assert facts.width_m[0] == pytest.approx(0.9) and math.isnan(facts.width_m[2])
    assert facts.surface.tolist() == [ROUGH, 0, 0]
    assert facts.kerb_cm[0] == 10 and math.isnan(facts.kerb_cm[1]) and math.isnan(facts.kerb_cm[2])
    assert facts.wheelchair.tolist() == [-1, 0, 1] and facts.crossing.tolist() == [4, 0, 0]
    assert facts.hours == {0: "06:00-22:00"}


def test_the_tables_in_the_documentation_are_those_of_the_code():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs" / "walking.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    named = lambda cell: set(re.findall(r"`([^`=]+)`", cell))  # noqa: E731
    table = {row[1]: named(row[0].split(";")[0]) for row in rows if len(row) == 2}
    for word, number in (("soft", SOFT), ("unpaved", UNPAVED), ("rough", ROUGH)):
        assert table[word] == {value for value, it in SURFACES.items() if it == number}
    for height in set(KERBS_CM.values()):
        assert table[f"{height:g} cm"] == {kerb for kerb, cm in KERBS_CM.items() if cm == height}
    for how in ("signals", "marked", "unmarked"):
        assert table[how] == {value for value, it in CROSSING_VALUES.items() if it == how}
    (barriers,) = [row[0] for row in rows if "on a node" in row[0] and "wheelchair=no" in row[0]]
    assert named(barriers.split("; ")[1]) - {"barrier"} == NO_WHEELS
    fields = {name for row in rows if len(row) == 3 and "tag" not in row for name in named(row[1])}
    assert fields | {"surface", "kerb", "crossing"} == {*EdgeTags._fields, "steps"}
