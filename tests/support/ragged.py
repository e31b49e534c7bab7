"""Outlines as rivers, ridges and careless hands have them: many vertices, whatever the form."""

import itertools
from collections.abc import Callable

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon

from gis.shapes import polygon_coverage
from gis.shapes.polygon_coverage import PolygonLike

X, Y = 105.95, 26.23
METRE = np.array([1 / 99_900, 1 / 110_800])  # degrees, about there
N = 10_000

Floats = NDArray[np.float64]


def degrees(xy: Floats) -> Floats:
    """Metres about the corner of the base as degrees on the lattice."""
    return np.round(xy * METRE + (X, Y), 7)


def wall(n: int, rough: float, seed: int, length: float = 600.0) -> Floats:
    """A ragged line from south to north, metres: n vertices, off by `rough` at most."""
    off = np.random.default_rng(seed).uniform(-rough, rough, n)
    off[[0, -1]] = 0
    return np.column_stack([off, np.linspace(0, length, n)])


def base(n: int = N // 2, rough: float = 8.0) -> dict[str, PolygonLike]:
    """Grids a, b, c from west to east, 600 m tall and 300 m wide, with ragged borders.

    D north of all of them.
    """
    walls = [
        wall(k, r, seed) + np.array([300 * seed, 0])
        for seed, k, r in ((0, 2, 0), (1, n, rough), (2, n, rough), (3, 2, 0))
    ]
    lands = [
        Polygon(degrees(np.vstack([west, east[::-1]]))) for west, east in itertools.pairwise(walls)
    ]
    north = Polygon(
        degrees(np.array([(0, 600), (300, 600), (600, 600), (900, 600), (900, 900), (0, 900)]))
    )
    return dict(zip("abcd", polygon_coverage.node_borders([*lands, north]), strict=True))


def star(n: int = N, low: float = 60, high: float = 110, seed: int = 3) -> Floats:
    """A ring whose radius jumps from vertex to vertex."""
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    radius = rng.uniform(low, high, n)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def river(n: int = N, width: float = 12, rough: float = 2, seed: int = 4) -> Floats:
    """A band from west to east with ragged banks."""
    rng = np.random.default_rng(seed)
    x = np.linspace(-250, 250, n // 2)
    bank = 30 * np.sin(x / 60)
    north, south = (
        bank + width / 2 + rng.uniform(-rough, rough, len(x)),
        bank - width / 2 + rng.uniform(-rough, rough, len(x)),
    )
    return np.vstack([np.column_stack([x, south]), np.column_stack([x, north])[::-1]])


def comb(n: int = N, tooth: float = 0.08, tall: float = 150) -> Floats:
    """Teeth far narrower than what is taken."""
    x = np.arange(n // 4 - 1) * tooth * 2 - 200
    teeth = np.stack(
        [(x, x * 0 + tall), (x + tooth, x * 0 + tall), (x + tooth, x * 0), (x + 2 * tooth, x * 0)],
        axis=1,
    )
    return np.vstack(
        [teeth.transpose(2, 1, 0).reshape(-1, 2), [(x[-1] + 2 * tooth, -20), (-200, -20)]]
    )


def spiral(n: int = N, gap: float = 4, width: float = 2) -> Floats:
    """A band that winds around its middle."""
    angle = np.linspace(4 * np.pi, 50 * np.pi, n // 2)
    inner = gap * angle / (2 * np.pi)
    rings = [
        np.column_stack([r * np.cos(angle), r * np.sin(angle)]) for r in (inner, inner + width)
    ]
    return np.vstack([rings[0], rings[1][::-1]])


def saw(n: int = N, tooth: float = 0.05, deep: float = 0.4) -> Floats:
    """A block whose long side has teeth of some decimetres."""
    x = np.arange(n - 2) * tooth - 240
    return np.vstack(
        [
            np.column_stack([x, np.where(np.arange(n - 2) % 2, deep, 0.0)]),
            [(x[-1], -60), (-240, -60)],
        ]
    )


def doubled(n: int = N) -> Floats:
    """A ring whose vertices come in pairs a centimetre apart."""
    ring = star(n // 2, 99, 101)
    return np.repeat(ring, 2, axis=0) + np.tile([(0, 0), (0.008, 0.008)], (n // 2, 1))


def eight(n: int = N) -> Floats:
    """A ring that touches itself in its middle."""
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.column_stack([100 * np.sin(angle), 80 * np.sin(angle) * np.cos(angle)])


def scribble(n: int = N) -> Floats:
    """A ring that crosses itself everywhere."""
    return np.random.default_rng(8).uniform(-100, 100, (n, 2))


RINGS: dict[str, Callable[[], Floats]] = {
    "star": star,
    "river": river,
    "comb": comb,
    "spiral": spiral,
    "saw": saw,
    "doubled": doubled,
    "eight": eight,
    "scribble": scribble,
}


def ring(name: str, x: float, y: float) -> Polygon:
    """One of `RINGS` about a place, metres from the corner of the base."""
    return Polygon(degrees(RINGS[name]() + np.array([x, y])))


def path(x: float, rough: float = 6, n: int = N - 2, seed: int = 9) -> LineString:
    """A ragged line from south to north across the grids."""
    return LineString(
        degrees(
            np.vstack([[(x, -1)], wall(n, rough, seed, 599.8) + np.array([x, 0.1]), [(x, 600)]])
        )
    )


def squares() -> dict[str, PolygonLike]:
    """Grids of the same size whose borders are straight."""
    boxes = [
        shapely.box(*degrees(np.array([(x, 0), (x + 300, 600)])).ravel()) for x in (0, 300, 600)
    ]
    north = shapely.box(*degrees(np.array([(0, 600), (900, 900)])).ravel())
    return dict(zip("abcd", polygon_coverage.node_borders([*boxes, north]), strict=True))
