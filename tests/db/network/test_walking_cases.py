"""The walking cases of ../shared: files with their right answers."""

import csv

import numpy as np
import pytest
from sqlalchemy import text

from gis.exchange.osm.loader import load_osm
from gis.facilities import queries
from gis.network import walk
from gis.network.loading import load_network


def rows(session, query, **values):
    return [tuple(row) for row in session.execute(text(query), values)]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "buildings"),
    [
        ("gated_plain", 42),
        ("gated_private_gate", 42),
        ("gated_residents_gate", 42),
        ("gated_private_ways", 42),
        ("stop_platform", 12),
        ("two_gates_park", 24),
    ],
)
def test_every_home_is_within_15_minutes(session, shared, name, buildings):
    load_osm(session, shared.parent / "cases" / "truth" / "osm" / f"{name}.osm")
    ((code,),) = rows(session, "SELECT code FROM facility")
    circle = queries.circle(session, code, 15)
    assert (circle.buildings, circle.off_network, circle.island) == (buildings, False, False)


def reached(session, start: float, end: float, lat: float) -> bool:
    """Whether one gets from a place to another along the street at a latitude."""
    network = load_network(session)
    metres = walk.network_distances(
        network, network.snap_degrees([start], [lat]), network.snap_degrees([end], [lat]), 1000.0
    )
    return bool(np.isfinite(metres[0]))


@pytest.mark.shared
def test_each_rule_is_open_closed_or_open_at_its_ends(session, shared):
    folder = shared.parent / "cases" / "truth" / "osm"
    load_osm(session, folder / "rules.osm")
    with (folder / "rules.csv").open(encoding="utf-8") as file:
        rules = list(csv.DictReader(file))
    for rule in rules:
        lat, way = float(rule["lat"]), rule["on"] == "way"
        ways = [int(rule["row"]) * 10 - 9 + step for step in range(3)]
        edges = rows(
            session, "SELECT way_id, ends FROM walk_edge WHERE way_id = ANY(:ways)", ways=ways
        )
        present, ends = {edge[0] for edge in edges}, {edge[0] for edge in edges if edge[1]}
        if way:
            right = {"open": (True, False), "ends": (True, True), "closed": (False, False)}[
                rule["right"]
            ]
            assert (ways[1] in present, ways[1] in ends) == right, rule
        else:
            assert (ways[1] in ends) is (rule["right"] == "ends"), rule
        assert reached(session, 105.9, 105.904, lat) is (rule["right"] == "open"), rule
        if rule["right"] == "ends" and way:  # whose door is on it is reached, from both sides
            assert reached(session, 105.9, 105.902, lat) and reached(
                session, 105.904, 105.902, lat
            ), rule


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "edges", "nodes", "parts"),
    [
        ("negative", 3, 4, 1),
        ("deleted", 1, 2, 1),
        ("visible_false", 1, 2, 1),
        ("dup_nodes", 2, 3, 1),
    ],
)
def test_files_of_editors_load_as_they_are_meant(session, shared, name, edges, nodes, parts):
    load_osm(session, shared.parent / "cases" / "truth" / "osm" / f"{name}.osm")
    ways = (
        "SELECT count(DISTINCT way_id), (SELECT count(*)"
        " FROM walk_node), (SELECT count(DISTINCT component) FROM walk_node) FROM walk_edge"
    )
    assert rows(session, ways) == [(edges, nodes, parts)]
