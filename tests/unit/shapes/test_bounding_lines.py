"""The four sides of an area: streets, rivers, neighbours and the outside, in order."""

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Polygon, box

from gis.shapes.bounding_lines import SIDES, NamedLine, bounding_limits
from tests.support import build

X, Y = build.LON, build.LAT
M = 1e-5  # degrees, about a metre


def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
    return [(X + x * M, Y + y * M) for x, y in points]


def street(name: str, *points: tuple[float, float]) -> NamedLine:
    return NamedLine(name, LineString(at(*points)))


LAND = Polygon(at((0, 0), (400, 0), (400, 300), (0, 300)))


def names(land, lines=(), neighbours=None) -> dict[str, list[str]]:
    limits = bounding_limits(land, lines, neighbours or {})
    return {side: [limit.name for limit in limits[side]] for side in SIDES}


def test_streets_rivers_neighbours_and_the_outside():
    river = NamedLine("示例河", Polygon(at((-40, -500), (-5, -500), (-5, 800), (-40, 800))))
    lines = [
        street("虹湖大道", (-200, 310), (600, 315)),
        street("穿越路", (200, -400), (200, 700)),  # crosses both borders and bounds none
        street("东一路", (408, 150), (408, 500)),
        river,
    ]
    limits = bounding_limits(LAND, lines, {"b": box(X, Y - 0.002, X + 400 * M, Y)})
    assert [(limit.kind, limit.name) for limit in limits["north"]] == [("line", "虹湖大道")]
    assert [(limit.kind, limit.name) for limit in limits["west"]] == [("line", "示例河")]
    assert [(limit.kind, limit.name) for limit in limits["south"]] == [("neighbour", "b")]
    east = [(limit.kind, limit.name) for limit in limits["east"]]
    assert east == [("line", "东一路"), ("outside", "")]  # from north to south
    assert sum(limit.share for limit in limits["east"]) == pytest.approx(1, abs=0.05)


def test_a_street_out_of_reach_or_across_bounds_nothing():
    far = street("远路", (-100, 340), (500, 340))
    steep = street("斜路", (150, 250), (250, 350))
    assert names(LAND, [far, steep])["north"] == [""]


def test_two_streets_of_a_side_stand_from_west_to_east():
    lines = [street("乙路", (190, 305), (420, 305)), street("甲路", (-20, 305), (190, 305))]
    assert names(LAND, lines)["north"] == ["甲路", "乙路"]


def test_a_notch_stays_of_its_side_and_a_slanting_border_of_its_own():
    notched = Polygon(
        at((0, 0), (400, 0), (400, 300), (260, 300), (260, 200), (140, 200), (140, 300), (0, 300))
    )
    inner = street("内巷", (145, 210), (145, 290))  # the notch's wall, which faces east
    assert "内巷" not in names(notched, [inner])["east"]
    tilted = Polygon(at((100, 0), (500, 80), (400, 400), (0, 320)))
    west = street("西路", (95, 0), (-5, 320))
    limits = names(tilted, [west])
    assert limits["west"] == ["西路"] and "西路" not in limits["south"]


def test_parts_and_closed_lines():
    island = shapely.MultiPolygon([LAND, Polygon(at((900, 0), (1000, 0), (1000, 90), (900, 90)))])
    ring = NamedLine("环路", shapely.LinearRing(at((-9, -9), (409, -9), (409, 309), (-9, 309))))
    assert names(island, [ring])["north"] == ["环路"]


@given(
    corners=st.lists(
        st.tuples(st.integers(-900, 900), st.integers(-900, 900)), min_size=3, max_size=9
    ),
    ways=st.lists(
        st.lists(st.tuples(st.integers(-900, 900), st.integers(-900, 900)), min_size=2, max_size=4),
        max_size=4,
    ),
)
def test_each_side_says_something_and_no_more_than_all(corners, ways):
    land = shapely.MultiPoint(at(*corners)).convex_hull.buffer(2 * M)
    lines = [street(str(nth), *way) for nth, way in enumerate(ways)]
    limits = bounding_limits(land, lines, {"next": box(X, Y, X + 0.02, Y + 0.02)})
    for side in SIDES:
        assert limits[side]
        rounding = 0.0005 * len(limits[side]) + 1e-9  # each share has three decimals
        assert sum(limit.share for limit in limits[side]) <= 1 + rounding
        assert all(0 < limit.share <= 1 for limit in limits[side])
