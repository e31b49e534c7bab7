"""Made-up walking networks, from places in metres."""

import random
from dataclasses import replace
from unittest import mock

import numpy as np
import shapely
from hypothesis import strategies as st

from gis import crs
from gis.network import walk
from gis.network.build import EdgeTable, Network, SnappedPoints, from_degrees
from gis.network.contraction import contract
from gis.network.edge_flags import EdgeFlags
from gis.network.lattice import Lattice, LatticePoints
from gis.shapes.measure import GEOD

WEST, SOUTH = 105.95, 26.23


def network(nodes, pairs, *, walls=None, facts=None, at_edge=None, **flags) -> Network:
    """A network from places in metres east and north of a corner, and pairs of them."""
    places = np.array([to_degrees(*node) for node in nodes])
    u, v = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    lines = (
        shapely.linestrings(np.stack([places[u], places[v]], axis=1))
        if len(pairs)
        else np.array([], object)
    )
    length = np.array([GEOD.line_length(*shapely.get_coordinates(line).T) for line in lines])
    return from_degrees(
        "test",
        places,
        EdgeTable(u, v, length, lines),
        flags=replace(EdgeFlags.plain(len(pairs)), **flags),
        walls=walls,
        facts=facts,
        at_edge=at_edge,
    )


def to_degrees(east, north):
    back = crs.get_transformer(4544, 4490)
    x, y = crs.get_transformer(4490, 4544).transform(WEST, SOUTH)
    return back.transform(x + east, y + north)


def snap(net, east, north):
    return net.snap_degrees(*to_degrees(east, north))


@st.composite
def cities(draw):
    """A jittered lattice of streets with holes, private ways, bridges and walls.

    Doors and places around it.
    """
    dice = random.Random(draw(st.integers(0, 2**32)))
    side = draw(st.integers(2, 5))
    private, walled = draw(st.sampled_from([0, 0.1, 0.4])), draw(st.sampled_from([0, 1, 6]))
    lifted, roads = draw(st.sampled_from([0, 0.2, 0.7, 1])), draw(st.sampled_from([0, 0.1, 0.5]))
    nodes = [
        (x * 120 + dice.uniform(-40, 40), y * 120 + dice.uniform(-40, 40))
        for y in range(side)
        for x in range(side)
    ]
    pairs = [(i, i + 1) for i in range(side * side) if (i + 1) % side] + [
        (i, i + side) for i in range(side * (side - 1))
    ]
    kept = [pair for pair in pairs if dice.random() < 0.8] or pairs[:1]
    where = lambda: (dice.uniform(-130, side * 120), dice.uniform(-130, side * 120))  # noqa: E731
    flags = {
        "ends": np.array([dice.random() < private for _ in kept]),
        "street": np.array([dice.random() < 0.8 for _ in kept]),
        "ground": np.array([dice.random() >= lifted for _ in kept]),
        "road": np.array([dice.random() < roads for _ in kept]),
    }
    walls = [(where(), where()) for _ in range(walled)]
    return (
        nodes,
        kept,
        flags,
        walls,
        [where() for _ in range(dice.choice([1, 2, 4]))],
        [where() for _ in range(12)],
    )


def same(labels, truth) -> bool:
    """Whether two lists of distances agree to a millimetre, infinite ones included."""
    labels, truth = np.array(labels, float), np.array(truth, float)
    with np.errstate(invalid="ignore"):
        return bool(((labels == truth) | (np.abs(labels - truth) < 1e-3)).all())


def contracted_labels(net: Network, sources: SnappedPoints, places: SnappedPoints, limit: float):
    """The labels of many sources, however few these are, the network contracted to nothing."""
    whole = contract(net.graph, min_core=0)
    with mock.patch.multiple(walk, MANY_SOURCES=0), mock.patch.dict(vars(net), contracted=whole):
        return walk.nearest_source_distances(net, sources, places, limit)


def whole_lattice(net: Network) -> LatticePoints:
    """All points of the lattice of a network, snapped anew in one rectangle."""
    lattice = Lattice(net)
    return lattice.window(net, slice(0, lattice.rows), slice(0, lattice.columns))
