"""Measuring, mending and fitting shapes together; no database."""

import itertools
import math
import random

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Point, Polygon, box

from gis.crs import get_transformer
from gis.demo.streets import make_plan, to_degrees
from gis.errors import InvalidInput
from gis.messages import render
from gis.shapes import measure, polygon_coverage
from gis.shapes.repair import MAX_STORED_VERTICES, is_on_lattice, repair, to_multipolygon

LON, LAT = 105.95, 26.23
METRE = 1e-5 * 0.9  # degrees of latitude in a metre, nearly
SIDE = 0.001


def square(column: float = 0, row: float = 0, width: float = 1, height: float = 1) -> Polygon:
    west, south = LON + column * SIDE, LAT + row * SIDE
    return shapely.set_precision(box(west, south, west + width * SIDE, south + height * SIDE), 1e-7)


def m2(shape) -> float:
    """Area in the metric system of the place, as a second opinion."""
    to_metres = get_transformer(4490, 4544)
    return shapely.transform(
        shape, lambda xy: np.column_stack(to_metres.transform(xy[:, 0], xy[:, 1]))
    ).area


# --- measuring


def test_area_agrees_with_the_metric_system_and_takes_holes_out():
    ring = shapely.difference(square(0, 0, 3, 3), square(1, 1))
    assert measure.geodesic_area_m2(ring) == pytest.approx(
        m2(ring), rel=5e-4
    )  # the zone stretches by up to 0.02 %
    assert measure.geodesic_area_m2(ring) == pytest.approx(
        measure.geodesic_area_m2(square(0, 0, 3, 3)) - measure.geodesic_area_m2(square(1, 1)),
        rel=1e-9,
    )


def test_area_does_not_depend_on_the_way_rings_run():
    ring = shapely.difference(square(0, 0, 3, 3), square(1, 1))
    assert measure.geodesic_area_m2(shapely.reverse(ring)) == pytest.approx(
        measure.geodesic_area_m2(ring), rel=1e-12
    )


def test_area_of_parts_adds_up_and_of_nothing_is_nothing():
    parts = MultiPolygon([square(0), square(5)])
    assert measure.geodesic_area_m2(parts) == pytest.approx(
        measure.geodesic_area_m2(square(0)) + measure.geodesic_area_m2(square(5)), rel=1e-9
    )
    assert measure.geodesic_area_m2(Polygon()) == 0


def test_a_degree_of_meridian_is_as_long_as_the_tables_say():
    # Snyder (1987), table of the length of a degree: about 110,775 m from 26 to 27 N on such an
    # ellipsoid
    assert measure.length_m(LineString([(106, 26), (106, 27)])) == pytest.approx(110_775, abs=30)
    assert measure.length_m(LineString()) == 0


def test_compactness_of_a_circle_a_square_and_a_ribbon():
    assert measure.compactness(Point(0, 0).buffer(100, quad_segs=256)) == pytest.approx(1, abs=1e-3)
    assert measure.compactness(box(0, 0, 1, 1)) == pytest.approx(math.pi / 4)
    assert measure.compactness(box(0, 0, 1000, 1)) < 0.01
    with pytest.raises(InvalidInput):
        measure.compactness(Polygon())


@given(st.floats(0.05, 500), st.floats(1, 50), st.floats(0, 90))
@settings(max_examples=60)
def test_width_of_a_turned_rectangle_is_its_short_side(short, times, angle):
    flat = shapely.affinity.rotate(box(0, 0, short * times, short), angle)
    shape = measure.to_local_metres(np.array([flat]), back=True, latitude=30)
    shape = shapely.transform(shape, lambda xy: xy + np.array([110, 30]))
    assert measure.inscribed_diameters_m(shape)[0] == pytest.approx(short, rel=0.06)


def test_width_is_that_of_the_widest_place_not_the_mean():
    lollipop = shapely.union(square(0, 0, 1, 1), square(1, 0.5, 40, 0.001))
    assert measure.inscribed_diameters_m(np.array([lollipop]))[0] == pytest.approx(99.9, rel=0.06)
    assert measure.inscribed_diameters_m(np.array([Polygon(), square()])).tolist()[0] == 0


def test_a_place_lies_in_the_shape_even_in_a_horseshoe():
    horseshoe = shapely.difference(square(0, 0, 3, 3), square(1, 1, 1, 2))
    assert horseshoe.covers(Point(measure.label_point(horseshoe)))


# --- mending


def bowtie() -> Polygon:
    return Polygon([(LON, LAT), (LON + SIDE, LAT + SIDE), (LON + SIDE, LAT), (LON, LAT + SIDE)])


def shell(*holes) -> Polygon:
    return Polygon(square(0, 0, 4, 4).exterior, holes)


def at(column, row):
    return (round(LON + column * SIDE, 7), round(LAT + row * SIDE, 7))


@pytest.mark.parametrize(
    (
        "name",
        "shape",
        "message",
        "share",
    ),  # share of the 4 x 4 shell (or of the square) that stays land
    [
        ("bow-tie", bowtie(), "crosses", 0.5),
        (
            "spike",
            Polygon([at(0, 0), at(4, 0), at(4, 4), at(4, 9), at(4, 4), at(0, 4)]),
            "spike",
            16,
        ),
        ("hole along the shell", shell([at(0, 1), at(2, 1), at(2, 2), at(0, 2)]), "hole along", 14),
        (
            "hole cutting the shell",
            shell([at(0, 1), at(2, 0), at(4, 1), at(2, 3)]),
            "cut it apart",
            16 - 6,
        ),
        ("hole outside", shell([at(5, 5), at(6, 5), at(6, 6)]), "outside", 16.5),
        (
            "hole in a hole",
            shell([at(1, 1), at(3, 1), at(3, 3), at(1, 3)], [at(1.5, 1.5), at(2, 1.5), at(2, 2)]),
            "hole",
            12,
        ),
        ("part in a part", MultiPolygon([square(0, 0, 4, 4), square(1, 1)]), "within another", 16),
        (
            "twice round",
            Polygon(
                [*square(0, 0, 4, 4).exterior.coords[:-1], *square(0, 0, 4, 4).exterior.coords]
            ),
            "crosses or doubles",
            16,
        ),
    ],
)
def test_invalid_rings_are_mended_and_said(name, shape, message, share):
    done = repair(shape)
    assert (
        done.shape is not None
        and shapely.is_valid(done.shape)
        and is_on_lattice([done.shape]).all()
    )
    assert message in " ".join(map(render, done.repairs))
    assert measure.geodesic_area_m2(done.shape) == pytest.approx(
        share * measure.geodesic_area_m2(square()), rel=0.05
    )


def test_the_words_say_where_a_bow_tie_crosses():
    assert "at 105.950500, 26.230500" in render(repair(bowtie()).repairs[0])


def test_doubled_vertices_are_removed_and_counted():
    corners = list(square().exterior.coords)
    done = repair(Polygon([corners[0], corners[0], corners[1], *corners[1:]]))
    assert list(map(render, done.repairs)) == ["2 doubled vertices removed"]
    assert done.shape.equals(square())


def test_a_hole_touching_the_shell_at_one_point_is_right_as_it_is():
    done = repair(shell([at(0, 1), at(1, 0.5), at(1, 2)]))
    assert done.repairs == [] and len(done.shape.interiors) == 1


def test_a_good_shape_stays_vertex_for_vertex_and_says_nothing():
    done = repair(square())
    assert done.repairs == [] and done.reason is None
    assert shapely.equals_exact(to_multipolygon(done.shape), to_multipolygon(square()))


def test_heights_are_dropped():
    flat = repair(shapely.force_3d(square(), 12.0)).shape
    assert not flat.has_z and flat.equals(square())


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (None, "no shape"),
        (Polygon(), "no shape"),
        (MultiPolygon(), "no shape"),
        (Point(LON, LAT), "is a Point; a polygon"),
        (LineString([(LON, LAT), (LON + 1, LAT)]), "is a LineString"),
        (shapely.GeometryCollection([square()]), "is a GeometryCollection"),
        (Polygon([(LON, LAT), (LON + 1, LAT), (LON + 0.5, LAT)]), "no land"),
        (Polygon([(LON, LAT), (LON + 1e-9, LAT), (LON, LAT + 1e-9)]), "thinner than 1 cm"),
    ],
)
def test_what_cannot_be_mended_is_refused_in_words(shape, message):
    done = repair(shape)
    assert done.shape is None and done.reason is not None and message in render(done.reason)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_coordinate_that_is_no_number_is_refused(bad):
    shape = shapely.from_wkb(
        shapely.to_wkb(Polygon([(LON, LAT), (LON + 1, bad), (LON + 1, LAT + 1)]))
    )
    reason = repair(shape).reason
    assert reason is not None and "not a number" in render(reason)


def test_a_million_vertex_ring_is_refused_with_the_limit():
    angle = np.linspace(0, 2 * np.pi, 1_000_000, endpoint=False)
    ring = Polygon(np.column_stack([LON + np.cos(angle), LAT + np.sin(angle)]))
    done = repair(ring)
    assert done.shape is None and done.reason is not None
    assert f"{MAX_STORED_VERTICES:,}" in render(done.reason)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=3, max_size=14))
def test_any_ring_is_mended_to_a_storable_shape_or_refused_with_a_reason(points):
    done = repair(Polygon([(LON + x * 1e-5, LAT + y * 1e-5) for x, y in points]))
    if done.shape is None:
        assert done.reason
    else:
        assert (
            shapely.is_valid(done.shape)
            and not done.shape.is_empty
            and is_on_lattice([done.shape]).all()
        )
        assert repair(done.shape).repairs == []


# --- coverages


def staggered(n: int = 3) -> list[Polygon]:
    """Bricks: every row is half a brick off, so that corners meet the middle of edges."""
    return [square(column + row * 0.5, row) for row in range(n) for column in range(n)]


def test_neighbours_with_the_same_vertices_are_a_coverage():
    assert polygon_coverage.is_valid([square(0), square(1)])
    assert (
        polygon_coverage.find_gaps([square(0), square(1)])
        == polygon_coverage.find_overlaps([square(0), square(1)])
        == []
    )


def test_a_corner_in_the_middle_of_an_edge_is_no_coverage_until_noded():
    bricks = staggered()
    assert not polygon_coverage.is_valid(bricks)
    noded = polygon_coverage.node_borders(bricks)
    assert polygon_coverage.is_valid(noded)
    for brick, new in zip(bricks, noded, strict=True):
        assert brick.symmetric_difference(new).area < 1e-12


def test_noding_twice_is_noding_once():
    once = polygon_coverage.node_borders(staggered())
    assert all(
        shapely.equals_exact(to_multipolygon(a), to_multipolygon(b))
        for a, b in zip(once, polygon_coverage.node_borders(once), strict=True)
    )


def test_a_coverage_is_left_exactly_as_it_is():
    shapes = [square(0), square(1)]
    assert polygon_coverage.repair_coverage(shapes) == shapes


def test_an_enclosed_gap_is_found_with_its_area_and_place_whatever_its_width():
    frame = [square(0, 0, 3, 1), square(0, 2, 3, 1), square(0, 1), square(2, 1)]
    (gap,) = polygon_coverage.find_gaps(frame)
    assert gap.area_m2 == pytest.approx(measure.geodesic_area_m2(square(1, 1)), rel=1e-6)
    assert square(1, 1).covers(Point(gap.label_point)) and gap.width_m > 90


def test_an_island_in_a_gap_is_not_counted_as_gap():
    ring = shapely.difference(square(0, 0, 5, 5), square(1, 1, 3, 3))
    (gap,) = polygon_coverage.find_gaps([ring, square(2, 2)])
    assert gap.area_m2 == pytest.approx(8 * measure.geodesic_area_m2(square()), rel=1e-3)


def test_a_slit_open_at_both_ends_is_found():
    off = 0.5 / 99.9  # half a metre
    (gap,) = polygon_coverage.find_gaps([square(0), square(1 + off)])
    assert gap.width_m == pytest.approx(0.5, rel=0.1)
    assert gap.area_m2 == pytest.approx(0.5 * 110.8, rel=0.05)


def test_a_street_between_grids_that_opens_to_the_outside_is_no_gap():
    assert polygon_coverage.find_gaps([square(0), square(1.1)]) == []


def test_a_notch_in_one_shape_alone_is_no_gap_between_shapes():
    notched = shapely.difference(square(), square(0.5, 0.5, 0.01, 0.6))
    assert polygon_coverage.find_gaps([notched, square(5)]) == []


def test_overlaps_are_found_by_pair_with_area_and_place():
    overlaps = polygon_coverage.find_overlaps([square(0), square(0.9), square(5)])
    (item,) = overlaps
    assert (item.position, item.other_position) == (0, 1)
    assert item.area_m2 == pytest.approx(0.1 * measure.geodesic_area_m2(square()), rel=1e-3)
    assert square(0.9, 0, 0.1).covers(Point(item.label_point)) and item.width_m == pytest.approx(
        10, rel=0.06
    )


def test_a_shape_twice_and_a_shape_within_another_are_overlaps():
    assert [
        overlap[:2]
        for overlap in polygon_coverage.find_overlaps(
            [square(), square(), square(0.2, 0.2, 0.1, 0.1)]
        )
    ] == [
        (0, 1),
        (0, 2),
        (1, 2),
    ]


def test_shapes_that_only_touch_do_not_overlap():
    assert polygon_coverage.find_overlaps(staggered()) == []
    assert polygon_coverage.find_overlaps([square(0, 0), square(1, 1)]) == []


def test_clean_mends_overlap_slit_and_pinhole_at_once():
    shapes = [square(0, 0, 1.004), square(1), square(2.004, 0, 1), square(0, 1, 3.004)]
    fitted = polygon_coverage.repair_coverage(shapes, 1.0)
    assert polygon_coverage.is_valid(fitted)
    assert polygon_coverage.find_overlaps(fitted) == polygon_coverage.find_gaps(fitted) == []
    assert [measure.geodesic_area_m2(a) for a in fitted] == pytest.approx(
        [measure.geodesic_area_m2(a) for a in shapes], rel=0.01
    )


def test_clean_leaves_gaps_wider_than_the_tolerance():
    shapes = [square(0), square(1.01)]
    (gap,) = polygon_coverage.find_gaps(polygon_coverage.repair_coverage(shapes, 0.5))
    assert gap.width_m == pytest.approx(1.0, rel=0.1)


def test_clean_keeps_small_corners_that_are_no_noise():
    stairs = shapely.union(square(), square(1, 0, 0.01, 0.01))  # a step of about a metre
    fitted = polygon_coverage.repair_coverage([stairs, square(-1.004)], 2.0)
    assert measure.geodesic_area_m2(fitted[0]) == pytest.approx(
        measure.geodesic_area_m2(stairs), rel=0.01
    )
    assert shapely.get_num_coordinates(fitted[0]) >= shapely.get_num_coordinates(stairs)


def test_clean_refuses_to_swallow_a_shape():
    with pytest.raises(InvalidInput, match="shape 2 lies within others"):
        polygon_coverage.repair_coverage([square(0, 0, 3, 3), square(1, 1)], 0.5)


def test_multipolygons_stay_one_shape_each():
    two = MultiPolygon([square(0), square(2)])
    fitted = polygon_coverage.repair_coverage([two, square(1.0005)], 0.2)
    assert len(fitted) == 2 and isinstance(fitted[0], MultiPolygon)
    assert polygon_coverage.is_valid(fitted)


def test_dissolving_a_coverage_keeps_the_outline_and_its_vertices():
    whole = polygon_coverage.dissolve(polygon_coverage.node_borders(staggered(2)))
    assert whole.equals(shapely.union_all(staggered(2)))
    assert is_on_lattice([whole]).all()
    # the corner of the upper row on the lower row's outer edge is still a vertex of the outline
    assert any(math.dist(xy, at(0.5, 1)) < 1e-9 for xy in shapely.get_coordinates(whole))


def test_dissolving_what_is_no_coverage_is_still_the_union():
    whole = polygon_coverage.dissolve([square(0), square(0.5)])
    assert whole.equals(square(0, 0, 1.5)) and shapely.is_valid(whole)
    with pytest.raises(InvalidInput):
        polygon_coverage.dissolve([])


cuts = st.lists(st.integers(1, 99), min_size=1, max_size=4, unique=True).map(sorted)


@given(cuts, st.lists(cuts, min_size=5, max_size=5), st.integers(-3, 3), st.integers(-3, 3))
@settings(max_examples=60)
def test_any_bricks_a_little_off_are_fitted_to_a_coverage_near_where_they_were(
    rows, columns, dx, dy
):
    """Rows of bricks with cuts anywhere; every other brick is moved by up to 3 cm."""
    edges = [0, *rows, 100]
    bricks = []
    for row, (south, north) in enumerate(itertools.pairwise(edges)):
        across = [0, *columns[row], 100]
        for n, (west, east) in enumerate(itertools.pairwise(across)):
            off = np.array([dx, dy]) * 1e-7 * ((row + n) % 2)
            brick = box(
                LON + west * 1e-5, LAT + south * 1e-5, LON + east * 1e-5, LAT + north * 1e-5
            )
            bricks.append(repair(shapely.transform(brick, lambda xy, off=off: xy + off)).shape)
    fitted = polygon_coverage.repair_coverage(bricks)
    assert polygon_coverage.is_valid(fitted)
    assert polygon_coverage.find_overlaps(fitted) == []
    assert not [
        gap
        for gap in polygon_coverage.find_gaps(fitted)
        if gap.width_m <= polygon_coverage.NOISE_WIDTH_M
    ]
    for old, new in zip(bricks, fitted, strict=True):
        assert (
            measure.inscribed_diameters_m(
                np.array([repair(old).shape.symmetric_difference(new).buffer(0)])
            )[0]
            < 0.2
        )
    assert measure.geodesic_area_m2(polygon_coverage.dissolve(fitted)) == pytest.approx(
        sum(map(measure.geodesic_area_m2, fitted)), rel=1e-6
    )


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=6, unique=True)
)
@settings(max_examples=40)
def test_gaps_and_shapes_together_fill_the_frame(holes):
    """Squares cut out of a frame are its gaps, whatever they look like together."""
    frame = box(LON, LAT, LON + 50e-5, LAT + 50e-5)
    cut = shapely.union_all(
        [
            box(
                LON + (x + 2) * 1e-5,
                LAT + (y + 2) * 1e-5,
                LON + (x + 7) * 1e-5,
                LAT + (y + 7) * 1e-5,
            )
            for x, y in holes
        ]
    )
    halves = [
        box(LON, LAT, LON + 25e-5, LAT + 50e-5),
        box(LON + 25e-5, LAT, LON + 50e-5, LAT + 50e-5),
    ]
    shapes = [repair(shapely.difference(half, cut)).shape for half in halves]
    result = sum(gap.area_m2 for gap in polygon_coverage.find_gaps(shapes))
    assert result == pytest.approx(measure.geodesic_area_m2(repair(cut).shape), abs=0.05)
    assert result + sum(map(measure.geodesic_area_m2, shapes)) == pytest.approx(
        measure.geodesic_area_m2(frame), rel=1e-3
    )


@st.composite
def torn(draw):
    """A made-up town's grids, some vertices of some of them moved by up to 8 cm: borders drawn
    twice.
    """
    plan = make_plan(draw(st.integers(0, 10_000)), draw(st.integers(2, 12)))
    dice = random.Random(draw(st.integers(0, 10_000)))
    shapes = [
        shapely.transform(plan.outline(cell), lambda xy: to_degrees(xy[:, 0], xy[:, 1]))
        for cell in plan.cells
    ]

    def nudge(shape):
        if dice.random() < 0.5:
            return shape
        ring = [
            (x + dice.uniform(-4e-7, 4e-7), y + dice.uniform(-4e-7, 4e-7))
            for x, y in shape.exterior.coords[:-1]
        ]
        return shapely.set_precision(Polygon(ring), 1e-7)

    return shapes, [nudge(shape) for shape in shapes]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(torn())
def test_a_torn_coverage_is_whole_again_after_cleaning_and_hardly_moved(case):
    whole, broken = case
    mended = polygon_coverage.repair_coverage(broken, 0.5)
    assert polygon_coverage.is_valid(mended)
    assert polygon_coverage.find_overlaps(mended) == []
    # every point of the land has just one owner
    dice = random.Random(1)
    west, south, east, north = shapely.union_all(mended).bounds
    for _ in range(30):
        point = Point(dice.uniform(west, east), dice.uniform(south, north))
        assert sum(shape.contains(point) for shape in mended) <= 1
    assert sum(map(measure.geodesic_area_m2, mended)) == pytest.approx(
        sum(map(measure.geodesic_area_m2, whole)), rel=1e-3
    )
    assert all(
        item.symmetric_difference(other).area < 1e-8
        for item, other in zip(mended, whole, strict=True)
    )


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(2, 30))
def test_the_union_of_a_coverage_conserves_its_area(seed, grids):
    plan = make_plan(seed, grids)
    shapes = [
        shapely.transform(plan.outline(cell), lambda xy: to_degrees(xy[:, 0], xy[:, 1]))
        for cell in plan.cells
    ]
    assert polygon_coverage.is_valid(shapes)
    union = polygon_coverage.dissolve(shapes)
    assert union.is_valid
    assert measure.geodesic_area_m2(union) == pytest.approx(
        sum(map(measure.geodesic_area_m2, shapes)), rel=1e-9
    )
    assert np.all(is_on_lattice(np.array([union])))
