"""The made-up town: the Zone's numbers exactly, the same every time, and what must hold in any
town.
"""

import statistics
from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
import shapely
from sqlalchemy import text

from gis.areas.resolver import locate
from gis.demo.generate import generate_town
from gis.demo.households import START, largest_remainder_shares
from gis.demo.streets import make_plan, to_degrees
from gis.errors import Conflict, InvalidInput, OutsideGrids
from gis.facilities.accessibility import read_demand_points, read_facility_entrances
from gis.facilities.service_circles import recompute
from gis.network import walk
from gis.network.loading import load_network


def value(session, sql, **values):
    return session.scalar(text(sql), values)


def rows(session, sql):
    return [tuple(row) for row in session.execute(text(sql))]


def test_at_its_default_size_it_is_the_zone_s_pilot(session):
    report = generate_town(session)
    assert report.refused == []
    levels = dict(rows(session, "SELECT level, count(*) FROM area GROUP BY level"))
    assert levels == {"county": 1, "street": 2, "community": 3, "grid": 35, "unit": 510}
    assert rows(session, "SELECT count(*), sum(people) FROM household") == [(8800, 24_000)]
    assert rows(session, "SELECT code, name FROM area WHERE level = 'community' ORDER BY code") == [
        ("520402007004", "学苑社区"),
        ("520402007012", "西兴社区"),
        ("520402100001", "青松社区"),
    ]
    assert rows(
        session,
        "SELECT c.code, p.code FROM area c JOIN area p ON p.id = c.parent_id"
        " WHERE c.level = 'community' ORDER BY 1",
    ) == [
        ("520402007004", "520402007"),
        ("520402007012", "520402007"),
        ("520402100001", "520402100"),
    ]
    assert value(session, "SELECT bool_and(made_up AND attribution = '') FROM dataset")
    assert value(
        session,
        "SELECT ST_Covers(ST_Expand(ST_MakePoint(105.95, 26.23), 0.02),"
        " ST_Extent(geom)::geometry) FROM boundary",
    )
    check_invariants(session)
    # a tower of about 130 homes with eight units on one footprint
    assert (
        value(
            session,
            "SELECT max(n) FROM (SELECT count(DISTINCT unit_id) n FROM unit_part"
            " GROUP BY building_id) t",
        )
        >= 8
    )
    # every community has its service centre, and clinics and markets are there
    assert value(session, "SELECT count(*) FROM facility WHERE category = 'party_centre'") == 3
    destination = {
        category for (category,) in rows(session, "SELECT DISTINCT category FROM facility")
    }
    assert destination >= {
        "clinic",
        "market",
        "school",
        "elder_care",
        "pharmacy",
        "convenience",
        "park",
        "toilet",
        "transit",
    }


@pytest.mark.parametrize(
    ("seed", "households"), [(1, 100), (7, 501), (99, 3000), (149, 1000), (175, 8800)]
)
def test_what_must_hold_in_any_town(session, seed, households):
    generate_town(session, seed=seed, households=households)
    assert value(session, "SELECT count(*) FROM household") == households
    check_invariants(session)


def check_invariants(session):
    # every household is in one unit, of its own grid; units are 10 to 20 whole homes
    assert value(session, "SELECT count(*) FROM household WHERE unit_id IS NULL") == 0
    sizes = [n for (n,) in rows(session, "SELECT count(*) FROM household GROUP BY unit_id")]
    assert len(sizes) == value(session, "SELECT count(*) FROM area WHERE level = 'unit'")
    assert min(sizes) >= 10 and max(sizes) <= 20 and 15.5 <= statistics.mean(sizes) <= 18.5
    # the parts of units say just which unit a home is in
    assert rows(
        session,
        """
        SELECT count(*), count(*) FILTER (WHERE n <> 1) FROM (
          SELECT h.id, count(*) n FROM household h JOIN unit_part p
            ON p.building_id = h.building_id AND (p.stairwell_id IS NULL
                OR p.stairwell_id = h.stairwell_id)
           AND (p.floor_from IS NULL OR h.floor BETWEEN p.floor_from AND p.floor_to)
               AND p.unit_id = h.unit_id
          GROUP BY h.id) t""",
    ) == [(value(session, "SELECT count(*) FROM household"), 0)]
    # nobody is cut off: every street and path hangs together
    assert value(session, "SELECT max(component) FROM walk_node") == 0
    # rooms say their floor
    assert value(session, "SELECT bool_and(room LIKE floor::text || '__') FROM household")
    assert value(
        session,
        "SELECT bool_and(h.floor BETWEEN 1 AND b.floors) FROM household h JOIN building b"
        " ON b.id = h.building_id",
    )
    # grids are one coverage, and every building stands in just one of them
    shapes = shapely.from_wkb(
        [
            bytes(w)
            for (w,) in rows(
                session,
                """
        SELECT ST_AsBinary(b.geom) FROM boundary b JOIN area a ON a.id = b.area_id
            WHERE a.level = 'grid' ORDER BY a.code""",
            )
        ]
    )
    assert shapely.coverage_is_valid(shapes)
    assert (
        value(
            session,
            """
        SELECT count(*) FROM building b WHERE 1 <> (SELECT count(*) FROM boundary s JOIN area a
            ON a.id = s.area_id
          WHERE a.level = 'grid' AND ST_Covers(s.geom, b.geom))""",
        )
        == 0
    )
    # the county is the union of its grids
    county = shapely.from_wkb(
        bytes(
            value(
                session,
                """
        SELECT ST_AsBinary(b.geom) FROM boundary b JOIN area a ON a.id = b.area_id
            WHERE a.level = 'county'""",
            )
        )
    )
    assert county.equals(shapely.union_all(shapes))
    # units stand in their own grid
    assert (
        value(
            session,
            """
        SELECT count(*) FROM area u JOIN boundary ub ON ub.area_id = u.id JOIN boundary gb
            ON gb.area_id = u.parent_id
        WHERE u.level = 'unit' AND NOT ST_Covers(gb.geom, ub.geom)""",
        )
        == 0
    )
    # no two buildings overlap
    assert (
        value(
            session,
            """
        SELECT count(*) FROM building a JOIN building b ON a.id < b.id AND a.geom && b.geom
            AND ST_Overlaps(a.geom, b.geom)""",
        )
        == 0
    )
    # every grid has a leader, or a deputy for one, today and in the past; every unit a head's post
    assert (
        value(
            session,
            """
        SELECT count(*) FROM area g WHERE level = 'grid' AND NOT EXISTS (SELECT FROM post p
            WHERE p.area_id = g.id
          AND p.role = 'grid_leader' AND p.valid_time @> timestamptz '2026-03-03'
              AND coalesce(p.holder_id, p.deputy_id) IS NOT NULL)""",
        )
        == 0
    )
    assert (
        value(
            session,
            "SELECT count(*) FROM area u WHERE level = 'unit' AND NOT EXISTS (SELECT"
            " FROM post p WHERE p.area_id = u.id AND p.role = 'unit_head')",
        )
        == 0
    )


def test_the_walls_make_people_walk_round_and_every_home_is_on_the_network(session):
    generate_town(session)
    network = load_network(session)
    living, to = read_demand_points(session, network), read_facility_entrances(session, network)
    assert (living.snaps.edge >= 0).all()
    assert np.isin(network.graph.shape[0], [len(network.nodes)])
    chance = np.random.default_rng(3)
    points = shapely.get_coordinates(shapely.centroid(to.shape))
    detours = []
    for i in chance.choice(len(to.code), 25, replace=False):
        metres = walk.network_distances(network, to.snaps[i], living.snaps, 3000)
        straight = np.hypot(*(living.points - points[i]).T)
        some = np.isfinite(metres) & (straight > 250)
        detours += (metres[some] / straight[some]).tolist()
    assert 1.2 <= statistics.median(detours) <= 1.7
    done = recompute(session, (15,))
    assert done.off_network == () and done.recomputed == done.facilities
    assert value(session, "SELECT min(households) FROM service_circle") > 0


def test_the_same_seed_makes_the_same_town_and_another_seed_another(session):
    def town(seed):
        with session.begin_nested() as undone:
            generate_town(session, seed=seed, households=600)
            result = rows(
                session,
                """
                SELECT a.code, a.name, md5(ST_AsBinary(b.geom)) FROM area a JOIN boundary b
                    ON b.area_id = a.id ORDER BY 1""",
            )
            result += rows(session, "SELECT name, code, phone FROM personal.person ORDER BY code")
            result += rows(
                session,
                """
                SELECT b.code, h.room, h.people::text FROM household h JOIN building b
                    ON b.id = h.building_id ORDER BY 1, 2, h.stairwell_id""",
            )
            result.append((value(session, "SELECT version FROM walk_network"),))
            undone.rollback()
        return result

    initial = town(5)
    assert town(5) == initial
    assert town(6) != initial


def test_twice_changes_nothing_and_another_town_over_it_is_refused(session):
    generate_town(session, households=300)
    old_rows = rows(session, "SELECT count(*), max(id) FROM history")
    again = generate_town(session, households=300)
    assert (
        again.notes == ["this town is here already; nothing was changed"]
        and again.counts["household"] == 300
    )
    assert rows(session, "SELECT count(*), max(id) FROM history") == old_rows
    with pytest.raises(Conflict, match=r"\./wangge db reset"):
        generate_town(session, households=301)
    with pytest.raises(InvalidInput, match="from 100"):
        generate_town(session, households=3)


def test_progress_is_told_grid_by_grid(session):
    messages = []
    generate_town(
        session, households=1000, progress=lambda done, total: messages.append((done, total))
    )
    assert messages == [(n, 4) for n in range(1, 5)]


@pytest.mark.parametrize("grids", [1, 2, 35, 400])
def test_any_plan_is_a_coverage_and_grids_are_of_a_real_size(grids):
    plan = make_plan(4, grids)
    outlines = [plan.outline(cell) for cell in plan.cells]
    assert len(outlines) == grids
    degrees = shapely.transform(outlines, lambda xy: to_degrees(xy[:, 0], xy[:, 1]))
    assert shapely.is_valid(degrees).all() and shapely.coverage_is_valid(degrees)
    assert min(o.area for o in outlines) / 1e4 >= 4 and max(o.area for o in outlines) / 1e4 <= 12


def test_shares_add_up():
    assert largest_remainder_shares(10, [1, 1, 1]) == [4, 3, 3]
    assert sum(largest_remainder_shares(8800, [0.3, 0.9, 2.2, 5])) == 8800
    assert Counter(largest_remainder_shares(0, [1, 2])) == {0: 2}


def test_before_the_first_boundaries_locate_says_since_when_there_are_any(session):
    generate_town(session, households=300)
    lon, lat = rows(
        session,
        "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) p FROM boundary LIMIT 1) b",
    )[0]
    with pytest.raises(
        OutsideGrids, match=r"the first boundaries hold from 2026-01-01T00:00:00\+08:00"
    ):
        locate(session, lon, lat, "cgcs2000", at=START - timedelta(seconds=1))
    assert locate(session, lon, lat, "cgcs2000", at=START).areas
