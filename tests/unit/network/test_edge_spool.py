"""Edges on disk: all come back in order, and only those near boxes are read into memory."""

import numpy as np
import pytest
from shapely import box

from gis.network import edge_spool
from gis.network.edge_spool import EdgeSpool
from gis.network.store import WalkEdgeRow
from gis.network.surroundings import Surroundings, WalkArea, join_surroundings

STEP = 0.001  # degrees
WEST, SOUTH = 106.0, 26.0


def street(number, kind="residential"):
    """A street 50 m long, each further east."""
    west = WEST + number * STEP
    coords = ((west, SOUTH), (west + STEP / 2, SOUTH))
    return WalkEdgeRow(number, 2 * number, 2 * number + 1, coords, kind, "路", False, "")


@pytest.fixture
def streets(monkeypatch):
    """Ten streets, in chunks of three."""
    monkeypatch.setattr(edge_spool, "CHUNK_EDGES", 3)
    return [street(number, "platform" if number == 7 else "residential") for number in range(10)]


def test_edges_and_nodes_come_back_as_often_as_wanted(streets):
    spool = EdgeSpool(iter(streets))
    assert len(spool) == 10 and list(spool) == list(spool) == streets
    assert [node[0] for node in spool.nodes()] == list(range(20))
    assert next(spool.nodes()) == (0, WEST, SOUTH)
    assert spool.no_street_boxes[0] == pytest.approx(
        [WEST + 7 * STEP, SOUTH, WEST + 7.5 * STEP, SOUTH]
    )


def test_only_edges_that_meet_a_box_are_read(streets):
    spool = EdgeSpool(streets)
    inside = np.array([[WEST + 1.2 * STEP, SOUTH - 1, WEST + 2 * STEP, SOUTH + 1]])
    assert spool.select(inside) == ([1, 2], streets[1:3])
    assert spool.select(np.empty((0, 4))) == ([], [])


def test_what_is_far_from_all_that_is_joined_stays_on_disk_and_in_the_network(streets, monkeypatch):
    read = []
    select = EdgeSpool.select
    monkeypatch.setattr(
        EdgeSpool, "select", lambda spool, boxes: read.append(select(spool, boxes)) or read[-1]
    )
    plaza = box(WEST + 1.1 * STEP, SOUTH + 5e-5, WEST + 1.4 * STEP, SOUTH + STEP)
    ring = tuple(plaza.exterior.coords)
    streets.append(WalkEdgeRow(99, 98, 98, ring, "plaza", "广场", False, ""))
    area = WalkArea(99, "广场", plaza, frozenset({99}), ends=False, structure="", platform=False)
    joined = join_surroundings(streets, Surroundings(areas=[area]))
    assert {row.way_id for row in read[0][1]} == {1, 7, 99}
    edges = list(joined.edges)
    assert [row for row in streets if row not in edges] == [streets[1], streets[10]]
    assert [number for number, _, _ in joined.nodes if number >= 0] == [*range(20), 98]
