"""Points put together with their neighbours, in parts of a size."""

import math

import numpy as np
from numpy.typing import NDArray


def neighbouring_parts(
    x: NDArray[np.float64], y: NDArray[np.float64], size: int
) -> list[NDArray[np.int64]]:
    """Return the rows of points in parts of at most so many, each of points near each other.

    Parameters
    ----------
    x, y
        Coordinates; points without (NaN) come last.
    size
        Greatest number of points of a part.

    Returns
    -------
    Rows, ascending in each part; every row is in one part.

    Notes
    -----
    Strips of equal numbers of points from west to east, each cut from south to north.
    """
    count = max(1, -(-len(x) // size))
    strips = max(1, round(math.sqrt(count)))
    strip_rows = size * -(-count // strips)
    parts: list[NDArray[np.int64]] = []
    by_x = np.argsort(x, kind="stable")
    for begin in range(0, len(x), strip_rows):
        strip = by_x[begin : begin + strip_rows]
        by_y = strip[np.argsort(y[strip], kind="stable")]
        parts += [np.sort(by_y[at : at + size]) for at in range(0, len(by_y), size)]
    return parts
