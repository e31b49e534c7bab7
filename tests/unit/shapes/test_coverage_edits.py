"""Edits of a coverage: whatever is done to it, it stays whole, or it is refused with the place and
the remedy.
"""

import json
import math
import time

import numpy as np
import pytest
import shapely
from hypothesis import given, note, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPoint, Point, Polygon, box

from gis.demo.streets import make_plan, to_degrees
from gis.errors import InvalidInput, NotFound
from gis.shapes import edits, polygon_coverage
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import repair
from tests.bench.grids import lattice

X, Y, S = 105.95, 26.23, 0.001  # corner, and side of a square: about 100 m


def at(x: float, y: float) -> tuple[float, float]:
    return X + x * S, Y + y * S


def land(west: float, south: float, east: float, north: float) -> Polygon:
    return shapely.set_precision(box(*at(west, south), *at(east, north)), 1e-7)


def line(*points: tuple[float, float]) -> LineString:
    return LineString([at(*point) for point in points])


def squares(columns: int = 3, rows: int = 3) -> dict[str, PolygonLike]:
    """Grids named by row and column: 00 01 02 in the south, 20 21 22 in the north."""
    shapes = [land(c, r, c + 1, r + 1) for r in range(rows) for c in range(columns)]
    names = [f"{r}{c}" for r in range(rows) for c in range(columns)]
    return dict(zip(names, polygon_coverage.node_borders(shapes), strict=True))


def ring() -> dict[str, PolygonLike]:
    """A grid around an island, and a neighbour."""
    outer, inner, east = land(0, 0, 4, 4), land(1, 1, 3, 3), land(4, 0, 6, 4)
    return dict(
        zip(
            "abc",
            polygon_coverage.node_borders([outer.difference(inner), inner, east]),
            strict=True,
        )
    )


def skewed() -> dict[str, PolygonLike]:
    """Irregular cells whose borders hold no lattice point but their ends."""
    rng = np.random.default_rng(7)
    frame = land(0.13, 0.07, 5.91, 4.87)
    cells = shapely.voronoi_polygons(MultiPoint([at(*xy) for xy in rng.uniform(0, 6, (14, 2))]))
    shapes = [shapely.intersection(cell, frame) for cell in shapely.get_parts(cells)]
    stored = [shape for shape in shapes if isinstance(shape, Polygon) and not shape.is_empty]
    return {f"v{i}": shape for i, shape in enumerate(polygon_coverage.node_borders(stored))}


def comb() -> dict[str, PolygonLike]:
    """A grid with three teeth, and the grid between them."""
    teeth = shapely.union_all(
        [land(0, 0, 7, 1), land(0, 1, 1, 4), land(3, 1, 4, 4), land(6, 1, 7, 4)]
    )
    return dict(
        zip(
            "uw",
            polygon_coverage.node_borders([teeth, shapely.difference(land(0, 0, 7, 4), teeth)]),
            strict=True,
        )
    )


def jagged() -> dict[str, PolygonLike]:
    """Grids as a made-up county has them: corners of four, borders of many short pieces."""
    return {f"j{i}": shape for i, shape in enumerate(lattice(4, 4))}


def town() -> dict[str, PolygonLike]:
    """The grids of the made-up pilot town."""
    plan = make_plan(2026, 35)
    shapes = [
        shapely.transform(plan.outline(cell), lambda xy: to_degrees(xy[:, 0], xy[:, 1]))
        for cell in plan.cells
    ]
    return {f"t{i:02d}": shape for i, shape in enumerate(polygon_coverage.node_borders(shapes))}


BASES = {
    "squares": squares(),
    "town": town(),
    "ring": ring(),
    "skewed": skewed(),
    "comb": comb(),
    "jagged": jagged(),
}


def whole(
    previous: dict[str, PolygonLike], changed: dict[str, PolygonLike | None]
) -> dict[str, PolygonLike]:
    """The coverage after an edit, when it is one."""
    new = {code: shape for code, shape in {**previous, **changed}.items() if shape is not None}
    assert polygon_coverage.is_valid(list(new.values()))
    return new


def same_land(
    previous: dict[str, PolygonLike], following: dict[str, PolygonLike], within: float = 1e-9
) -> None:
    """The land as a whole is what it was: to 1e-9 of its area (in a tiny county: to 100 cm²), in
    every place.
    """
    old, new = (sum(shape.area for shape in lands.values()) for lands in (previous, following))
    least = max(within * old, 1e-12)  # square degrees
    assert abs(new - old) <= least
    differ = shapely.symmetric_difference(
        *(shapely.union_all(list(lands.values())) for lands in (previous, following))
    )
    assert differ.area <= least


# --- any sequence of edits ------------------------------------------------------------------------

KINDS = ("split", "transfer", "merge", "retire", "vertex", "edge", "border", "reshape")
SHARE = st.integers(0, 1000)  # thousandths, so that a case shrinks to small numbers
STEP = st.tuples(st.sampled_from(KINDS), SHARE, SHARE, SHARE, SHARE)


def picked(lands: dict[str, PolygonLike], which: int) -> str:
    """One of the grids."""
    return sorted(lands)[which % len(lands)]


def do(
    lands: dict[str, PolygonLike], kind: str, code: str, a: int, b: int, c: int, fresh: list[str]
) -> dict[str, PolygonLike | None]:
    """One edit of a grid told by a few numbers; 500 is the plain case."""
    shape = lands[code]
    nearby = [other for other in sorted(lands) if other != code and lands[other].intersects(shape)]
    other = nearby[a % len(nearby)] if nearby else code
    west, south, east, north = shape.bounds
    wide, high = east - west, north - south
    position = (west + wide * b / 1000, south + high * c / 1000)
    xy = shapely.get_coordinates(shape)
    if kind == "split":
        turn = math.pi * a / 1000
        reach = (wide + high) * np.array([math.cos(turn), math.sin(turn)])
        drawn = LineString([np.array(position) - reach, np.array(position) + reach])
        return edits.split(lands, code, line=drawn, fresh=fresh)
    if kind == "transfer":
        return edits.transfer(
            lands, Point(position).buffer((wide + high) * (a + 50) / 4000, quad_segs=2), other
        )
    if kind == "merge":
        return edits.merge(lands, [code, other], code)
    if kind == "retire":
        return edits.retire(lands, code, give_to=other)
    to = (
        xy[a % len(xy)][0] + wide * (b - 500) / 5000,
        xy[a % len(xy)][1] + high * (c - 500) / 5000,
    )
    if kind == "vertex":
        return edits.move_vertex(lands, tuple(xy[a % len(xy)]), to)
    if kind == "edge":
        ends = (tuple(xy[a % (len(xy) - 1)]), tuple(xy[a % (len(xy) - 1) + 1]))
        return edits.move_vertex(lands, ends[0], to, edge=ends)
    if kind == "border":
        shared = shapely.line_merge(shape.boundary.intersection(lands[other].boundary))
        lines = [
            part
            for part in shapely.get_parts(shared)
            if isinstance(part, LineString) and not part.is_ring
        ]
        if not lines:
            return {}
        start, end = lines[0].coords[0], lines[0].coords[-1]
        return edits.move_border(lands, code, other, LineString([start, position, end]))
    return edits.reshape(lands, code, shape.buffer((wide + high) * (a - 500) / 20000, quad_segs=1))


def run(lands: dict[str, PolygonLike], steps: list[tuple[str, int, int, int, int]]) -> int:
    """Do the steps; after every one the coverage is whole and the land the same.

    How many were done, not refused.
    """
    initial, done = lands, 0
    for i, (kind, which, a, b, c) in enumerate(steps):
        old = {code: shape.wkb for code, shape in lands.items()}
        note(f"{kind} {picked(lands, which)}: {a}, {b}, {c}")
        try:
            changed = do(
                lands, kind, picked(lands, which), a, b, c, [f"n{i}.{n}" for n in range(40)]
            )
        except InvalidInput as error:
            assert len(error.detail) > 20
            assert ";" in error.detail  # what is wrong; what would be right
            assert {code: shape.wkb for code, shape in lands.items()} == old  # nothing is half done
            continue
        done += bool(changed)
        new_whole = whole(lands, changed)
        same_land(lands, new_whole)
        lands = new_whole
    same_land(
        initial, lands, within=1e-8
    )  # a new corner on the outline lies off it by a hair, and hairs add up
    return done


@settings(max_examples=120, derandomize=True)
@given(base=st.sampled_from(sorted(BASES)), steps=st.lists(STEP, min_size=1, max_size=40))
def test_a_coverage_stays_whole_whatever_is_done_to_it(base, steps):
    run(dict(BASES[base]), steps)


@pytest.mark.shared
@settings(max_examples=60, derandomize=True)
@given(steps=st.lists(STEP, min_size=1, max_size=40))
def test_real_street_cut_grids_stay_whole_whatever_is_done_to_them(real, steps):
    run(dict(real), steps)


@pytest.fixture(scope="module")
def real(shared):
    """Grids cut along real streets."""
    features = json.loads((shared / "beijing_cau_2026" / "grids.geojson").read_text())["features"]
    shapes = [repair(shapely.geometry.shape(item["geometry"])).shape for item in features]
    return {
        f"g{i}": shape
        for i, shape in enumerate(
            polygon_coverage.repair_coverage([item for item in shapes if item is not None], 0.5)
        )
    }


@settings(max_examples=60, derandomize=True)
@given(
    base=st.sampled_from(sorted(BASES)),
    steps=st.lists(STEP, min_size=1, max_size=4),
    x=SHARE,
    y=SHARE,
)
def test_every_point_of_the_land_is_in_exactly_one_grid(base, steps, x, y):
    lands = dict(BASES[base])
    for i, (kind, which, a, b, c) in enumerate(steps):
        try:
            lands = whole(
                lands,
                do(lands, kind, picked(lands, which), a, b, c, [f"n{i}.{n}" for n in range(40)]),
            )
        except InvalidInput:
            continue
    old = shapely.union_all(list(BASES[base].values()))
    west, south, east, north = old.bounds
    point = Point(west + (east - west) * x / 1000, south + (north - south) * y / 1000)
    inside = [code for code, shape in lands.items() if shapely.contains_properly(shape, point)]
    touching = [code for code, shape in lands.items() if shape.intersects(point)]
    if old.boundary.distance(point) > 1e-6:
        assert bool(touching) == old.intersects(point)
    assert len(inside) <= 1 and (not inside or touching == inside)


@settings(max_examples=120, derandomize=True)
@given(
    kind=st.sampled_from(("split", "border", "transfer", "reshape", "add", "parts")),
    points=st.lists(st.tuples(st.floats(-1, 4), st.floats(-1, 4)), min_size=1, max_size=8),
    onto=st.booleans(),
)
def test_whatever_is_drawn_is_done_or_refused_in_words(kind, points, onto):
    lands = squares()
    drawn = [at(*(round(n) if onto else n for n in point)) for point in points]
    path = LineString(drawn * 2 if len(drawn) == 1 else drawn)
    area = Polygon(drawn) if len(drawn) > 2 else Polygon()
    work = {
        "split": lambda: edits.split(lands, "11", line=path),
        "border": lambda: edits.move_border(lands, "11", "12", path),
        "transfer": lambda: edits.transfer(lands, area, "11"),
        "reshape": lambda: edits.reshape(lands, "11", area),
        "add": lambda: edits.add({code: lands[code] for code in lands if code != "11"}, "11", area),
        "parts": lambda: edits.split(lands, "11", parts=[area, land(1, 1, 2, 1.5)]),
    }[kind]
    try:
        changed = work()
    except InvalidInput as error:
        assert len(error.detail) > 10
        return
    old = {code: shape for code, shape in lands.items() if kind != "add" or code != "11"}
    new_whole = whole(old, changed)
    if kind != "add":
        same_land(old, new_whole)


@settings(max_examples=40, derandomize=True)
@given(step=STEP)
def test_grids_further_away_change_nothing_of_an_edit(step):
    lands = BASES["jagged"]
    kind, which, a, b, c = step
    code = picked(lands, which)
    fresh = [f"n{n}" for n in range(40)]
    try:
        changed = do(lands, kind, code, a, b, c, fresh)
    except InvalidInput:
        return
    core = [lands[item] for item in changed if item in lands] + [lands[code]]
    touching = [item for item in lands if any(lands[item].intersects(shape) for shape in core)]
    nearby = {
        item: lands[item]
        for item in lands
        if any(lands[item].intersects(lands[other]) for other in touching)
    }
    again = do(nearby, kind, code, a, b, c, fresh)
    assert {item: shape and shape.wkb for item, shape in again.items()} == {
        item: shape and shape.wkb for item, shape in changed.items()
    }


# --- each edit ------------------------------------------------------------------------------------


def test_a_border_moves_between_two_grids_only():
    lands = squares()
    changed = edits.move_border(lands, "11", "12", line((2, 1), (2.3, 1.5), (2, 2)))
    assert set(changed) == {"11", "12"}
    assert changed["11"].area == pytest.approx(1.15 * S * S, rel=1e-6)
    whole(lands, changed)


def test_a_border_that_ends_beside_its_old_end_gives_the_neighbours_a_vertex():
    lands = squares()
    changed = edits.move_border(lands, "11", "12", line((2.2, 1), (2.2, 2)))
    assert set(changed) == {"11", "12", "02", "22"}
    assert all(changed[code].equals(lands[code]) for code in ("02", "22"))
    whole(lands, changed)


def test_the_larger_part_keeps_the_code_and_new_codes_run_west_to_east():
    lands = squares()
    changed = edits.split(lands, "11", line=line((1.6, 0.9), (1.6, 2.1)), fresh=["x", "y"])
    assert (
        changed["11"].area > changed["x"].area and changed["x"].bounds[0] > changed["11"].bounds[0]
    )
    both = edits.split(
        lands, "11", line=line((0.9, 1.2), (1.5, 1.9), (2.1, 1.2)), fresh=["x", "y", "z"]
    )
    assert set(both) - {"11", "10", "12"} == {"x"}
    zigzag = edits.split(
        lands, "11", line=line((1.3, 0.9), (1.3, 2.1), (1.7, 2.1), (1.7, 0.9)), fresh=["x", "y"]
    )
    west, middle, east = sorted(
        (zigzag[code] for code in ("11", "x", "y")), key=lambda item: item.bounds[0]
    )
    assert zigzag["11"] is middle and zigzag["x"] is west and zigzag["y"] is east


def test_codes_of_a_split_are_given_west_to_east():
    changed = edits.split(squares(), "11", line=line((1.4, 0.9), (1.4, 2.1)), codes=["11", "new"])
    assert changed["11"].bounds[0] < changed["new"].bounds[0]
    with pytest.raises(InvalidInput, match="2 parts"):
        edits.split(squares(), "11", line=line((1.4, 0.9), (1.4, 2.1)), codes=["11", "a", "b"])
    with pytest.raises(InvalidInput, match="taken already"):
        edits.split(squares(), "11", line=line((1.4, 0.9), (1.4, 2.1)), codes=["11", "12"])


def test_a_grid_is_split_into_given_parts_that_fill_it():
    parts = [land(1, 1, 2, 1.4), land(1, 1.4, 2, 2)]
    changed = edits.split(squares(), "11", parts=parts, codes=["a", "11"])
    assert changed["a"].area == pytest.approx(0.4 * S * S, rel=1e-6)
    with pytest.raises(InvalidInput, match="leave out"):
        edits.split(squares(), "11", parts=[land(1, 1, 2, 1.4), land(1, 1.6, 2, 2)])
    with pytest.raises(InvalidInput, match="overlap"):
        edits.split(squares(), "11", parts=[land(1, 1, 2, 1.5), land(1, 1.4, 2, 2)])


def test_a_split_of_a_ring_needs_both_sides_cut():
    lands = ring()
    with pytest.raises(InvalidInput, match="does not part"):
        edits.split(lands, "a", line=line((-0.1, 2), (1.1, 2)))
    whole(lands, edits.split(lands, "a", line=line((-0.1, 2), (4.1, 2))))


def test_a_reshaped_grid_takes_from_who_had_it_and_gives_to_the_longest_border():
    lands = squares()
    changed = edits.reshape(lands, "11", land(1, 1.2, 2.3, 2))
    assert changed["12"].area == pytest.approx(0.76 * S * S, rel=1e-6)  # 0.3 wide, 0.8 high gone
    assert changed["01"].area == pytest.approx(1.2 * S * S, rel=1e-6)
    answer = edits.reshape(lands, "11", land(1, 1, 1.8, 2), give_to="12")
    assert answer["12"].area == pytest.approx(1.2 * S * S, rel=1e-6)
    with pytest.raises(InvalidInput, match="leaves the land"):
        edits.reshape(lands, "01", land(1, -0.5, 2, 1))


def test_merged_grids_border_on_each_other():
    lands = squares()
    changed = edits.merge(lands, ["11", "12"], "12")
    assert changed["11"] is None and changed["12"].area == pytest.approx(2 * S * S, rel=1e-6)
    with pytest.raises(InvalidInput, match="do not border"):
        edits.merge(lands, ["00", "11"], "11")  # a corner is no border
    assert len(shapely.get_parts(edits.merge(lands, ["00", "22"], "00", islands=True)["00"])) == 2


def test_a_merge_undoes_a_split():
    lands = squares()
    split = whole(lands, edits.split(lands, "11", line=line((0.9, 1.31), (2.1, 1.77)), fresh=["x"]))
    back = whole(split, edits.merge(split, ["11", "x"], "11"))
    assert (
        back.keys() == lands.keys()
        and shapely.symmetric_difference(back["11"], lands["11"]).area < 1e-13
    )


def test_a_region_is_given_over_and_leaves_no_islands():
    lands = squares()
    changed = edits.transfer(lands, land(1.7, 1.5, 2.5, 2.5), "11")
    assert changed["11"].area == pytest.approx((1 + 0.25 + 0.15 + 0.25) * S * S, rel=1e-6)
    with pytest.raises(InvalidInput, match="fall apart"):
        edits.transfer(lands, land(0.1, 0.1, 0.4, 0.4), "11")
    with pytest.raises(InvalidInput, match="no land left"):
        edits.transfer(lands, land(1, 1, 3, 2), "11")
    with pytest.raises(InvalidInput, match="holds no land"):
        edits.transfer(lands, land(1.2, 1.2, 1.4, 1.4), "11")


def test_land_that_nobody_has_becomes_a_grid():
    lands = squares()
    free = whole(lands, edits.retire(lands, "11"))
    changed = edits.add(free, "new", land(0.8, 0.8, 2.2, 1.5))
    assert changed["new"].area == pytest.approx(0.5 * S * S, rel=1e-6)
    whole(free, changed)
    with pytest.raises(InvalidInput, match="no free land"):
        edits.add(lands, "new", land(0.2, 0.2, 0.6, 0.6))


def test_a_vertex_moves_for_all_grids_that_share_it():
    lands = squares()
    changed = edits.move_vertex(lands, at(1, 1), at(1.2, 1.1))
    assert set(changed) == {"00", "01", "10", "11"}
    new = edits.move_vertex(lands, at(1, 1), at(1.2, 1.5), edge=(at(1, 1), at(1, 2)))
    assert set(new) == {"10", "11"}
    gone = whole(lands, new)
    assert edits.move_vertex(gone, at(1.2, 1.5), at(1, 2))["11"].equals(
        lands["11"]
    )  # onto the next: it goes away
    with pytest.raises(InvalidInput, match="outline"):
        edits.move_vertex(lands, at(1, 0), at(1.1, 0.1))
    with pytest.raises(InvalidInput, match="cross itself"):
        edits.move_vertex(lands, at(1, 1), at(2.5, 1.1))


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda lands: edits.split(lands, "11", line=line((0.9, 1.5), (1.5, 1.5))), "ends inside"),
        (lambda lands: edits.split(lands, "11", line=line((5, 5), (6, 6))), "does not cross"),
        (lambda lands: edits.split(lands, "11", line=line((1, 0.5), (1, 2.5))), "does not cross"),
        (
            lambda lands: edits.split(lands, "11", line=line((0.9, 1.003), (2.1, 1.003))),
            "sliver 0.3",
        ),
        (
            lambda lands: edits.split(
                lands, "11", line=line((0.9, 1.2), (2.1, 1.8), (2.1, 1.2), (0.9, 1.8))
            ),
            "crosses itself",
        ),
        (
            lambda lands: edits.move_border(lands, "00", "22", line((1, 1), (2, 2))),
            "share no border",
        ),
        (
            lambda lands: edits.transfer(
                lands, Polygon([at(0, 0), at(2, 2), at(2, 0), at(0, 2)]), "11"
            ),
            "crosses",
        ),
        (
            lambda lands: edits.split(lands, "11", line=line((1.5, float("nan")), (1.5, 3))),
            "not a number",
        ),
    ],
)
def test_what_is_refused_says_what_would_be_right(work, message):
    with pytest.raises(InvalidInput, match=message) as refused:
        work(squares())
    assert ";" in refused.value.detail


def test_an_unknown_grid_is_not_found():
    for work in (
        lambda lands: edits.merge(lands, ["11", "99"], "11"),
        lambda lands: edits.split(lands, "99", line=line((0, 0), (1, 1))),
    ):
        with pytest.raises(NotFound, match="99"):
            work(squares())


def test_an_edit_takes_milliseconds_whatever_the_size_of_the_county():
    shapes = lattice(100, 100)
    lands = {f"{i:05d}": shape for i, shape in enumerate(shapes)}
    middle = lands["05050"]
    west, south, east, north = middle.bounds
    around = {
        code: shape for code, shape in lands.items() if shape.intersects(middle.buffer(0.004))
    }
    drawn = LineString([((west + east) / 2, south - 1e-4), ((west + east) / 2, north + 1e-4)])
    took = []
    for _ in range(5):
        begin = time.process_time()
        edits.split(around, "05050", line=drawn)
        took.append(time.process_time() - begin)
    assert min(took) < 0.05


@settings(max_examples=60, derandomize=True)
@given(
    places=st.lists(st.integers(-900, 900), min_size=2, max_size=2),
    slants=st.lists(st.integers(50, 900) | st.integers(-900, -50), min_size=2, max_size=2),
    begin=st.floats(0.1, 0.9),
    end=st.floats(0.1, 0.9),
)
def test_a_line_that_a_map_snapped_to_the_borders_cuts_the_grid(places, slants, begin, end):
    """On the lattice a place of a slanted border lies beside it, as often inside as outside."""
    a, c = (round(105.95 + place * 1e-7, 7) for place in places)
    b, d = (round(x + slant * 1e-7, 7) for x, slant in zip((a, c), slants, strict=True))
    south, north = 26.23, 26.235
    lands = {
        "1": Polygon([(105.94, south), (a, south), (b, north), (105.94, north)]),
        "2": Polygon([(a, south), (c + 0.01, south), (d + 0.01, north), (b, north)]),
    }
    west = shapely.line_interpolate_point(
        LineString([(a, south), (b, north)]), begin, normalized=True
    )
    east = shapely.line_interpolate_point(
        LineString([(c + 0.01, south), (d + 0.01, north)]), end, normalized=True
    )
    drawn = LineString([(round(at.x, 7), round(at.y, 7)) for at in (west, east)])
    try:
        changed = edits.split(lands, "2", line=drawn)
    except InvalidInput as refused:  # no place of the lattice lies near enough on the border
        assert refused.code == "coverage.borders_too_fine" and min(map(abs, slants)) < 200
        return
    new = [shape for shape in (lands | changed).values() if shape is not None]
    assert len(new) == 3 and polygon_coverage.is_valid(new)
    assert (
        shapely.union_all(new).symmetric_difference(shapely.union_all(list(lands.values()))).area
        < 1e-12
    )
