"""Loading heights: what walks cost then, what is covered, and what another map leaves of them."""

import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from shapely import Point
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import crs
from gis.errors import InvalidInput, Unavailable
from gis.exchange import elevation
from gis.exchange.elevation import drop_elevation, load_elevation
from gis.exchange.osm.loader import load_osm
from gis.facilities.access_store import recompute_access
from gis.facilities.coverage_summary import coverage
from gis.files.datasets import find_source
from gis.files.report import LoadReport
from gis.network.loading import load_network
from gis.network.profiled import network_for
from gis.network.store import WalkEdgeRow, replace_network
from gis.network.walk import nearest_source_distances
from layers.overview import overview
from tests.support import brute_force
from tests.support.build import LON
from tests.support.checkup_town import STREET, CheckupTown
from tests.support.osm_files import OsmFile
from tests.support.rasters import ZONE, read_in_process, write_raster
from tests.support.slow_profiles import tobler_both_ways
from tests.support.walk_networks import same, to_degrees

X, Y = crs.get_transformer(4490, ZONE).transform(LON - 0.01, STREET)
Load = Callable[..., LoadReport]


@pytest.fixture
def town(session: Session) -> Session:
    CheckupTown(session).facility("c1", "clinic", 0.001)
    return session


@pytest.fixture
def load(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a raster of a surface over metres east and north of the west end of the street."""
    monkeypatch.setattr(elevation, "read_raster", read_in_process)

    def of(height, *, east: float = 0, columns: int = 400, **options: object) -> LoadReport:
        path = write_raster(
            tmp_path / "heights.tif",
            lambda x, y: height(x - X, y - Y),
            Affine(10, 0, X + east - 500, 0, -10, Y + 1500),
            (200, columns),
        )
        return load_elevation(session, path, **options)

    return of


def slope(east, north):
    """Ten percent up to the east."""
    return 800 + 0.1 * east


def labels(session: Session) -> list[tuple[object, ...]]:
    recompute_access(session)
    query = "SELECT * FROM building_access ORDER BY building_id, profile, category"
    return [tuple(row) for row in session.execute(text(query))]


def test_on_a_plane_every_walk_takes_toblers_time_and_all_say_that_slopes_count(
    town: Session, load: Load
) -> None:
    flat = labels(town)
    assert load_network(town).flat and coverage(town, ["clinic"]).flat
    version = load_network(town).version
    report = load(slope, attribution="测绘院 2024 DTM")
    assert report.counts["walk_edges"] == report.counts["edges_with_heights"] == 6
    assert report.crs == "EPSG:4544"
    network = load_network(town)
    assert network.version.startswith(f"{version}-") and not network.flat
    rise = town.scalars(text("SELECT rise_m FROM walk_edge ORDER BY id")).all()
    factors = [tobler_both_ways(each / m) for each, m in zip(rise, network.metres, strict=True)]
    assert factors == pytest.approx([(math.exp(0.35) + 1) / 2] * 6, rel=1e-3)
    adult = network_for(town, "adult")
    assert adult.length == pytest.approx(network.metres * factors, rel=1e-7)
    sloped = labels(town)
    compared = 0
    for old, new in zip(flat, sloped, strict=True):
        if old[3] is not None and old[3] > 1:
            # legs from door to street stay level
            assert old[3] < new[3] < old[3] * factors[0]
            compared += 1
    assert compared
    assert not coverage(town, ["clinic"]).flat
    assert "测绘院 2024 DTM" in overview(town, None).attributions


def test_labels_on_a_plane_are_those_of_a_slow_dijkstra_with_toblers_costs(
    session: Session, load: Load
) -> None:
    dice, side = random.Random(4), 7
    places = [
        (x * 120 + dice.uniform(-40, 40), y * 120 + dice.uniform(-40, 40))
        for y in range(side)
        for x in range(side)
    ]
    nodes = [(n, *to_degrees(*location)) for n, location in enumerate(places)]
    pairs = [(n, n + 1) for n in range(side * side) if (n + 1) % side]
    pairs += [(n, n + side) for n in range(side * (side - 1))]
    edges = [
        WalkEdgeRow(n, u, v, [nodes[u][1:], nodes[v][1:]], "residential", "", False, "")
        for n, (u, v) in enumerate(pairs)
    ]
    replace_network(session, nodes, edges, "test")

    def plane(east, north):
        return 500 + 0.12 * east - 0.05 * north

    load(plane)
    height = [plane(*np.subtract(crs.get_transformer(4490, ZONE).transform(*at), (X, Y)))
              for _, *at in nodes]  # fmt: skip
    slow = [
        replace(
            edge,
            cost=edge.length * tobler_both_ways(abs(height[edge.u] - height[edge.v]) / edge.length),
        )
        for edge in brute_force.edges_of(load_network(session))
    ]
    net = network_for(session, "adult")
    points = [
        Point(*net.to_metric(*to_degrees(dice.uniform(0, 800), dice.uniform(0, 800)))[0])
        for _ in range(60)
    ]
    truth = brute_force.distances(slow, points[:2], points)
    doors, homes = net.snap(np.array(points[:2])), net.snap(np.array(points))
    assert same(nearest_source_distances(net, doors, homes, 1e9), truth)
    level = nearest_source_distances(load_network(session), doors, homes, 1e9)
    distant = np.isfinite(truth) & (level > 200)
    assert distant.sum() > 30 and (np.array(truth)[distant] > level[distant]).all()
    assert np.array(truth)[distant].mean() > 1.1 * level[distant].mean()


def test_too_steep_for_wheels_closes_the_street(town: Session, load: Load) -> None:
    load(slope)
    with pytest.raises(Unavailable) as refusal:
        network_for(town, "wheelchair")
    assert refusal.value.code == "network.closed_to_profile"
    load(lambda x, y: 0.08 * x)
    assert len(network_for(town, "wheelchair").lines) == 6


def test_a_level_raster_changes_no_label_by_a_bit(town: Session, load: Load) -> None:
    flat = labels(town)
    load(lambda x, y: x * 0 + 812.5)
    assert not load_network(town).flat
    assert labels(town) == flat


def test_the_same_heights_again_change_nothing_and_others_take_their_place(
    town: Session, load: Load
) -> None:
    load(slope)
    version = load_network(town).version
    loaded = town.scalar(text("SELECT xmin::text FROM walk_edge WHERE id = 1"))
    codes = [message.code for message in load(slope).messages]
    assert "elevation.already_loaded" in codes
    assert load_network(town).version == version
    assert town.scalar(text("SELECT xmin::text FROM walk_edge WHERE id = 1")) == loaded
    load(lambda x, y: 0.05 * x)
    assert load_network(town).version != version
    assert load_network(town).version.count("-") == 1


def test_dropped_heights_leave_the_network_as_it_was(town: Session, load: Load) -> None:
    flat, version = labels(town), load_network(town).version
    assert drop_elevation(town).counts == {"edges_level": 0}
    load(slope)
    assert drop_elevation(town).counts == {"edges_level": 6}
    assert (labels(town), load_network(town).version) == (flat, version)
    assert load_network(town).flat and find_source(town, "elevation") is None


def test_half_a_raster_says_how_much_it_covers_and_leaves_the_rest_level(
    town: Session, load: Load
) -> None:
    report = load(slope, east=1_000)
    assert (report.counts["edges_with_heights"], report.counts["edges_level"]) == (4, 2)
    assert "heights cover 66.7 % of the metres of the walking network" in report.notes[0]
    adult = network_for(town, "adult")
    is_level = adult.length == adult.metres
    assert is_level.tolist() == [True, True, False, False, False, False]
    # a former raster leaves nothing behind
    assert town.scalar(text("SELECT count(*) FROM walk_edge WHERE rise_m IS NULL")) == 2


def test_a_raster_of_elsewhere_and_one_before_any_map_are_refused(
    session: Session, load: Load
) -> None:
    with pytest.raises(Unavailable) as refusal:
        load(slope)
    assert refusal.value.code == "network.not_loaded"
    CheckupTown(session)
    with pytest.raises(InvalidInput) as wrong_place:
        load(slope, east=50_000)
    assert wrong_place.value.code == "elevation.covers_nothing"
    assert load_network(session).flat and find_source(session, "elevation") is None


def test_another_map_drops_the_heights_and_says_so_and_the_same_one_keeps_them(
    session: Session, load: Load, tmp_path: Path
) -> None:
    file = OsmFile()
    corners = [file.node(x, y) for x, y in ((0, 0), (2, 0), (4, 0))]
    file.way(corners, highway="residential")
    file.node(1, 0.3, {"amenity": "clinic"})
    load_osm(session, file.write(tmp_path / "a.osm"))
    lon, lat = session.execute(text("SELECT ST_X(geom), ST_Y(geom) FROM walk_node LIMIT 1")).one()
    x, y = crs.get_transformer(4490, ZONE).transform(lon, lat)
    raster = write_raster(
        tmp_path / "r.tif", lambda a, b: 0.1 * (a - x), Affine(30, 0, x - 3000, 0, -30, y + 3000),
        (200, 200),
    )  # fmt: skip
    load_elevation(session, raster)
    file.node(3, 0.3, {"amenity": "pharmacy"})  # other facilities, the same streets
    report = load_osm(session, file.write(tmp_path / "b.osm"))
    assert not load_network(session).flat
    assert "osm.elevation_gone" not in [message.code for message in report.messages]
    file.way([corners[1], file.node(2, 2)], highway="residential")
    report = load_osm(session, file.write(tmp_path / "c.osm"))
    assert load_network(session).flat and find_source(session, "elevation") is None
    assert "the heights of r.tif were those of the former streets" in "\n".join(report.notes)


def test_heights_hold_for_the_same_network_put_again(town: Session, load: Load) -> None:
    nodes = [(1, LON, STREET), (2, LON + 0.002, STREET)]
    edge = WalkEdgeRow(1, 1, 2, [nodes[0][1:], nodes[1][1:]], "residential", "", False, "")
    initial = replace_network(town, nodes, [edge], "test")
    load(slope)
    assert replace_network(town, nodes, [edge], "test") == load_network(town).version != initial
    assert np.isfinite(load_network(town).facts.gradient).all()
