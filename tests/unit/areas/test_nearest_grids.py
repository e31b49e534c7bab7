"""The nearest grid of many points: that of the single question, near, far and at any size."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point

from gis.areas import grids
from gis.areas.grids import GridIndex, nearest_many
from gis.shapes import local_distance
from gis.shapes.measure import GEOD

WEST, SOUTH, STEP = 105.9, 26.2, 0.004


def index_of(shapes) -> GridIndex:
    """An index of grids with codes in their order."""
    count = len(shapes)
    codes = [f"520402007001{number:03}" for number in range(count)]
    return GridIndex(
        np.arange(count), codes, codes, [1] * count, [1] * count, np.array(shapes, object)
    )


SQUARES = index_of(
    [
        shapely.box(
            WEST + i * STEP, SOUTH + j * STEP, WEST + (i + 1) * STEP, SOUTH + (j + 1) * STEP
        )
        for i in range(6)
        for j in range(5)
        if (i + j) % 3  # with gaps, so that points lie between them
    ]
)
degrees = st.tuples(
    st.floats(WEST - 0.05, WEST + 0.08, allow_nan=False),
    st.floats(SOUTH - 0.05, SOUTH + 0.08, allow_nan=False),
)


def by_hand(lon: float, lat: float) -> float:
    """Metres to the nearest of all squares."""
    return float(local_distance.point_distances_m(SQUARES.shapes, lon, lat).min())


@given(st.lists(degrees, min_size=1, max_size=30))
def test_each_of_many_has_the_nearest_of_all(points):
    lon, lat = np.array(points).T
    rows, metres = SQUARES.nearest_each(lon, lat)
    for x, y, row, distance in zip(lon, lat, rows, metres, strict=True):
        assert distance == pytest.approx(by_hand(x, y), abs=1e-6)
        single = SQUARES.nearest(float(x), float(y))
        assert single is not None and (single.row, single.distance_m) == (row, distance)


@pytest.mark.parametrize(
    ("lon", "lat"), [(121.5, 31.2), (87.6, 43.8), (106.0, 18.2), (105.9, 26.4)]
)
def test_far_away_it_is_nearest_by_the_geodesic(lon, lat):
    rows, metres = SQUARES.nearest_each(np.array([lon]), np.array([lat]))
    lines = [shapely.segmentize(shape.exterior, STEP / 40) for shape in SQUARES.shapes]
    truth = [
        min(GEOD.inv(x, y, lon, lat)[2] for x, y in shapely.get_coordinates(line)) for line in lines
    ]
    assert metres[0] == pytest.approx(min(truth), rel=2e-3)
    assert truth[rows[0]] == pytest.approx(min(truth), rel=2e-3)


def test_without_grids_there_is_none():
    rows, metres = index_of([]).nearest_each(np.array([106.0, 107.0]), np.array([26.0, 27.0]))
    assert rows.tolist() == [-1, -1] and np.isinf(metres).all()
    assert index_of([]).nearest(106.0, 26.0) is None


def test_pieces_that_fit_into_memory_give_what_the_whole_gives(monkeypatch):
    rng = np.random.default_rng(3)
    lon, lat = (
        rng.uniform(WEST - 0.03, WEST + 0.05, 300),
        rng.uniform(SOUTH - 0.03, SOUTH + 0.05, 300),
    )
    # an outline of 10,000 vertices among them is longer than a piece
    wavy = Point(WEST + 0.03, SOUTH + 0.03).buffer(0.004, quad_segs=2500)
    index = index_of([*SQUARES.shapes, wavy])
    reach = rng.uniform(10, 2000, 300)

    def answers():
        return (
            index.nearest_each(lon, lat),
            nearest_many(index.tree, index.shapes, lon, lat, reach),
            nearest_many(
                index.tree,
                index.shapes,
                lon,
                lat,
                500.0,
                lambda point, shape: shape % 2 == point % 2,
            ),
        )

    whole = answers()
    assert (whole[1][0] < 0).any() and (whole[2][0] >= 0).any()
    monkeypatch.setattr(grids, "MAX_BOXES", 7)
    monkeypatch.setattr(local_distance, "MAX_COORDINATES", 50)
    for one, other in zip(whole, answers(), strict=True):
        assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])
