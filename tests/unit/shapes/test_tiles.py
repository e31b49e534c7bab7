"""Points put together with their neighbours."""

import numpy as np
import pytest

from gis.shapes.tiles import neighbouring_parts


@pytest.mark.parametrize(("count", "size"), [(0, 5), (1, 5), (5, 5), (6, 5), (1000, 7)])
def test_every_row_is_in_one_part_of_no_more_than_the_size(count: int, size: int) -> None:
    x, y = np.random.default_rng(1).random((2, count))
    if count > 5:
        x[3] = np.nan
    parts = neighbouring_parts(x, y, size)
    assert sorted(row for part in parts for row in part.tolist()) == list(range(count))
    assert all(0 < len(part) <= size and (np.diff(part) > 0).all() for part in parts)


def test_parts_are_of_neighbours() -> None:
    x, y = (each.ravel().astype(float) for each in np.meshgrid(np.arange(20), np.arange(20)))
    parts = neighbouring_parts(x, y, 25)
    assert max(max(np.ptp(x[part]), np.ptp(y[part])) for part in parts) <= 7
