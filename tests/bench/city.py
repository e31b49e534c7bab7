"""A made-up city for measuring: a jittered street grid with gaps, as plain arrays and as our
network.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from gis.network.build import EdgeTable, Network, from_degrees

STEP = 0.0006  # degrees between crossings, about 60 m
GONE = 0.25  # share of the streets that are not there


@dataclass(frozen=True)
class City:
    """Crossings (degrees, EPSG:4490, shape (n, 2)) and streets between them, by number, with
    geodesic metres.
    """

    nodes: NDArray[np.float64]
    u: NDArray[np.int64]
    v: NDArray[np.int64]
    length: NDArray[np.float64]

    @cached_property
    def network(self) -> Network:
        """The same as our network, its graph made."""
        lines = shapely.linestrings(np.stack([self.nodes[self.u], self.nodes[self.v]], axis=1))
        network = from_degrees("bench", self.nodes, EdgeTable(self.u, self.v, self.length, lines))
        _ = network.graph
        return network

    def places(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Random places in it, degrees, shape (count, 2)."""
        low, high = self.nodes.min(axis=0), self.nodes.max(axis=0)
        return rng.uniform(low, high, (count, 2))


def make(side: int, seed: int = 1) -> City:
    """A city of side × side crossings."""
    rng = np.random.default_rng(seed)
    across, up = np.meshgrid(np.arange(side), np.arange(side))
    lon = 105.9 + (across + rng.uniform(-0.3, 0.3, across.shape)) * STEP
    lat = (
        26.2 + (up + rng.uniform(-0.3, 0.3, up.shape)) * STEP * 0.9
    )  # a degree of latitude is longer here
    number = np.arange(side * side).reshape(side, side)
    u = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    v = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    destination = rng.random(u.size) > GONE
    u, v = u[destination], v[destination]
    nodes = np.column_stack([lon.ravel(), lat.ravel()])
    _, _, length = Geod(ellps="GRS80").inv(*nodes[u].T, *nodes[v].T)
    return City(nodes, u, v, length)
