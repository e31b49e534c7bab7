"""Shapes and coverages: measuring, mending, gaps and overlaps; invariants by hypothesis."""

import math
import random

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import MultiPolygon, Point, Polygon, box

from gis.errors import InvalidInput
from gis.shapes import coverage, measure, repair
from gis.town.streets import make_plan, to_degrees

WEST, SOUTH, STEP = 105.95, 26.23, 0.003


def squares(count):
    return [box(WEST + i * STEP, SOUTH, WEST + (i + 1) * STEP, SOUTH + STEP) for i in range(count)]


def test_area_and_length_are_those_of_the_ellipsoid():
    shape = squares(1)[0]
    metres, _ = Geod(ellps="GRS80").geometry_area_perimeter(shape)
    assert measure.area(shape) == pytest.approx(abs(metres), rel=1e-9)
    assert measure.area(MultiPolygon([shape])) == pytest.approx(abs(metres), rel=1e-9)


def test_compactness_is_one_for_a_circle_and_small_for_a_ribbon():
    assert measure.compactness(Point(0, 0).buffer(100, quad_segs=64)) == pytest.approx(1, abs=1e-3)
    assert measure.compactness(box(0, 0, 1000, 1)) < 0.01
    with pytest.raises(InvalidInput):
        measure.compactness(Polygon())


@pytest.mark.parametrize(
    ("shape", "share"),
    [
        (Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), 0.5),  # bow-tie: both lobes
        (Polygon([(0, 0), (1, 0), (1, 0), (1, 1), (0, 1)]), 1.0),  # a vertex twice
        (Polygon([(0, 0), (1, 0), (1, 1), (0, 1)], [[(0, 0.2), (0.5, 0.5), (0, 0.8)]]), None),  # hole on the shell
    ],
)
def test_broken_rings_become_the_land_they_enclose(shape, share):
    moved = shapely.affinity.translate(shapely.affinity.scale(shape, 0.003, 0.003, origin=(0, 0)), WEST, SOUTH)
    found = repair.repair(moved)
    assert found.shape is not None and found.shape.is_valid
    if share:
        assert found.shape.area == pytest.approx(share * 0.003**2, rel=1e-3)


@pytest.mark.parametrize("shape", [None, Polygon(), Point(1, 1), Polygon([(0, 0), (1, 0), (2, 0)])])
def test_what_holds_no_land_is_not_taken_and_says_why(shape):
    found = repair.repair(shape)
    assert found.shape is None and found.reason


def test_gaps_and_overlaps_are_found_with_size_and_place():
    a, b, c = squares(3)
    slit = shapely.set_precision(b.difference(box(WEST + STEP, SOUTH, WEST + STEP + 1e-5, SOUTH + STEP)), 1e-7)
    (gap,) = coverage.gaps([a, slit, c])
    width = 1e-5 * 111_320 * math.cos(math.radians(26.23))
    assert gap.m2 == pytest.approx(width * STEP * 110_800, rel=0.02)
    assert abs(gap.place[0] - (WEST + STEP)) < 2e-5 and SOUTH <= gap.place[1] <= SOUTH + STEP
    wide = shapely.union(b, box(WEST + STEP - 1e-5, SOUTH, WEST + STEP, SOUTH + STEP))
    (overlap,) = coverage.overlaps([a, wide, c])
    assert (overlap.first, overlap.second) == (0, 1) and overlap.m2 == pytest.approx(gap.m2, rel=0.02)
    assert coverage.gaps([a, b, c]) == [] and coverage.overlaps([a, b, c]) == []


@st.composite
def torn(draw):
    """A made-up town's grids, some vertices of some of them moved by up to 8 cm: borders drawn twice."""
    plan = make_plan(draw(st.integers(0, 10_000)), draw(st.integers(2, 12)))
    dice = random.Random(draw(st.integers(0, 10_000)))
    shapes = [shapely.transform(plan.outline(cell), lambda xy: to_degrees(xy[:, 0], xy[:, 1])) for cell in plan.cells]

    def nudge(shape):
        if dice.random() < 0.5:
            return shape
        ring = [(x + dice.uniform(-4e-7, 4e-7), y + dice.uniform(-4e-7, 4e-7)) for x, y in shape.exterior.coords[:-1]]
        return shapely.set_precision(Polygon(ring), 1e-7)

    return shapes, [nudge(shape) for shape in shapes]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(torn())
def test_a_torn_coverage_is_whole_again_after_cleaning_and_hardly_moved(case):
    whole, broken = case
    mended = coverage.clean(broken, 0.5)
    assert coverage.is_valid(mended)
    assert coverage.overlaps(mended) == []
    # every point of the land has just one owner
    dice = random.Random(1)
    west, south, east, north = shapely.union_all(mended).bounds
    for _ in range(30):
        point = Point(dice.uniform(west, east), dice.uniform(south, north))
        assert sum(shape.contains(point) for shape in mended) <= 1
    assert sum(map(measure.area, mended)) == pytest.approx(sum(map(measure.area, whole)), rel=1e-3)
    assert all(one.symmetric_difference(other).area < 1e-8 for one, other in zip(mended, whole, strict=True))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 30))
def test_the_union_of_a_coverage_conserves_its_area(seed, grids):
    plan = make_plan(seed, grids)
    shapes = [shapely.transform(plan.outline(cell), lambda xy: to_degrees(xy[:, 0], xy[:, 1])) for cell in plan.cells]
    assert coverage.is_valid(shapes)
    union = coverage.dissolve(shapes)
    assert union.is_valid
    assert measure.area(union) == pytest.approx(sum(map(measure.area, shapes)), rel=1e-9)
    assert np.all(repair.on_lattice(np.array([union])))
