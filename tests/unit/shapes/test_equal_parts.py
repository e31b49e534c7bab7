"""A grid in parts of equal households: fair, whole, filling, and sparing the buildings."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.shapes.equal_parts import equal_parts
from tests.support import build

X, Y = build.LON, build.LAT
M = 1e-5  # degrees, about a metre


def box(west: float, south: float, east: float, north: float):
    return shapely.box(X + west * M, Y + south * M, X + east * M, Y + north * M)


LAND = box(0, 0, 600, 400)


def houses(*places: tuple[float, float]):
    return [box(x - 10, y - 6, x + 10, y + 6) for x, y in places]


def counts(parts, footprints, weights):
    middles = shapely.centroid(footprints)
    return [int(np.asarray(weights)[shapely.intersects(part, middles)].sum()) for part in parts]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_rows_of_equal_buildings_are_divided_evenly_and_none_is_cut(count):
    places = [(60 * i + 30, 60 * j + 40) for i in range(10) for j in range(6)]
    footprints, weights = houses(*places), np.full(60, 10)
    parts = equal_parts(LAND, count, footprints, weights)
    shares = counts(parts, footprints, weights)
    assert len(parts) == count and sum(shares) == 600
    assert max(shares) <= 600 / count * 1.05 + 10
    assert shapely.union_all(parts).equals_exact(LAND, 1e-9, normalize=True) or (
        shapely.union_all(parts).symmetric_difference(LAND).area < 1e-14
    )
    borders = shapely.union_all([part.boundary for part in parts])
    assert not shapely.crosses(borders, shapely.union_all(footprints))


def test_a_bent_grid_stays_whole():
    bent = shapely.union_all([box(0, 0, 600, 100), box(0, 0, 100, 600), box(500, 0, 600, 600)])
    footprints = houses((50, 550), (50, 300), (300, 50), (550, 300), (550, 550), (550, 50))
    for count in (2, 3):
        parts = equal_parts(bent, count, footprints, np.full(6, 20))
        assert [len(shapely.get_parts(part)) for part in parts] == [1] * count


def test_what_cannot_be_divided_is_returned_in_fewer_parts():
    tower = houses((300, 200))
    assert len(equal_parts(LAND, 2, tower, np.array([130]))) == 1
    assert len(equal_parts(LAND, 2, [], np.array([], dtype=int))) == 1
    same_place = houses((300, 200), (300, 200))
    assert len(equal_parts(LAND, 2, same_place, np.array([60, 70]))) == 1


@settings(max_examples=60)
@given(
    homes=st.lists(
        st.tuples(st.integers(15, 585), st.integers(15, 385), st.integers(1, 150)),
        min_size=4,
        max_size=40,
        unique_by=lambda home: (home[0] // 25, home[1] // 15),
    ),
    count=st.integers(2, 4),
)
def test_parts_fill_the_land_and_every_home_is_in_one(homes, count):
    footprints = houses(*((x, y) for x, y, _ in homes))
    weights = np.array([weight for *_, weight in homes])
    parts = equal_parts(LAND, count, footprints, weights)
    assert 1 <= len(parts) <= count
    assert sum(part.area for part in parts) == pytest.approx(LAND.area, rel=1e-9)
    for i, part in enumerate(parts):
        assert all(shapely.intersection(part, other).area < 1e-15 for other in parts[i + 1 :])
    assert sum(counts(parts, footprints, weights)) >= weights.sum()
