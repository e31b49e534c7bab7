"""Publishing boundaries: the levels above follow their grids, the past stays, nothing changes
twice.
"""

from datetime import UTC, datetime

import pytest
import shapely
from shapely import MultiPolygon, Point
from sqlalchemy import func, select, text

from gis.areas.models import Area, Boundary, Level, Revision
from gis.boundaries.queries import boundaries_at
from gis.boundaries.store import derive_units, publish_shapes
from gis.db import allow_boundary_writes
from gis.errors import Conflict, InvalidInput, NotFound
from gis.ops.metadata import HistoryEntry
from gis.shapes.polygon_coverage import is_valid
from tests.support import build
from tests.support.machine import slowdown

THEN = datetime(2024, 3, 1, tzinfo=UTC)
LATER = datetime(2025, 3, 1, tzinfo=UTC)
S = build.SIDE


@pytest.fixture
def town(session):
    return build.Town(session)


def bare(town, number):
    """A grid without a shape."""
    return town.area("grid", town.community.code + number, f"第{number}网格", town.community)


def square(column, row=0.0, width=1.0, height=1.0):
    return build.square(build.LON + column * S, build.LAT + row * S, width * S, height * S)


def publish(session, shapes, effective=THEN):
    return publish_shapes(session, shapes, title="t", author="test", effective=effective)


def shape(session, area, at=THEN):
    return boundaries_at(session, [area.id], at).get(area.id)


def test_every_level_above_is_the_union_of_its_grids(session, town):
    a, b = bare(town, "001"), bare(town, "002")
    revision = publish(session, {a.code: square(0), b.code: square(1)})
    whole = shapely.union(square(0), square(1))
    for area in (town.community, town.street, town.county):
        assert shape(session, area).equals(whole)
    assert shape(session, a).equals(square(0))
    assert revision.state == "published" and revision.effective == THEN


def test_upper_levels_hold_all_their_children_not_only_the_changed(session, town):
    distant = town.area("community", "520402007004", "学苑社区", town.street)
    far_grid = town.area("grid", "520402007004001", "x", distant)
    publish(session, {far_grid.code: square(5)})
    a = bare(town, "001")
    publish(session, {a.code: square(0)}, LATER)
    assert shape(session, town.street, LATER).equals(shapely.union(square(0), square(5)))
    assert shape(session, distant, LATER).equals(square(5))


def test_only_touched_ancestors_get_a_new_boundary(session, town):
    distant = town.area("community", "520402007004", "学苑社区", town.street)
    far_grid = town.area("grid", "520402007004001", "x", distant)
    a, b = bare(town, "001"), bare(town, "002")
    publish(session, {far_grid.code: square(5), a.code: square(0), b.code: square(1)})
    publish(session, {a.code: square(0, width=0.5), b.code: square(0.5, width=1.5)}, LATER)
    boundaries = dict(
        session.execute(
            select(Area.code, func.count())
            .join(Boundary, Boundary.area_id == Area.id)
            .group_by(Area.code)
        ).all()
    )
    assert boundaries[distant.code] == boundaries[far_grid.code] == 1
    assert boundaries[a.code] == boundaries[b.code] == 2


def test_the_past_keeps_its_shape_and_the_moment_of_change_belongs_to_the_new(session, town):
    a = bare(town, "001")
    publish(session, {a.code: square(0)})
    publish(session, {a.code: square(1)}, LATER)
    assert shape(session, a, THEN).equals(square(0))
    assert shape(session, a, LATER).equals(square(1))
    assert shape(session, town.county, THEN).equals(square(0))


def test_publishing_the_same_again_changes_nothing(session, town):
    a, b = bare(town, "001"), bare(town, "002")
    shapes = {a.code: square(0), b.code: square(1)}
    publish(session, shapes)
    rows = session.scalar(select(func.count()).select_from(HistoryEntry))
    turned = {code: shapely.reverse(stored) for code, stored in shapes.items()}
    assert publish(session, turned, LATER) is None
    assert session.scalar(select(func.count()).select_from(HistoryEntry)) == rows
    assert (
        session.scalar(select(func.count()).select_from(Revision)) == 2
    )  # the town's own and the first


def test_a_polygon_is_taken_as_a_multipolygon_of_one(session, town):
    a = bare(town, "001")
    publish(session, {a.code: shapely.get_parts(square(0))[0]})
    assert isinstance(shape(session, a), MultiPolygon)


def test_none_takes_the_land_away_from_then_on(session, town):
    a, b = bare(town, "001"), bare(town, "002")
    publish(session, {a.code: square(0), b.code: square(1)})
    publish(session, {a.code: None}, LATER)
    assert shape(session, a, THEN) is not None and shape(session, a, LATER) is None
    assert shape(session, town.county, LATER).equals(square(1))


def test_a_shape_that_never_held_is_replaced_at_the_same_moment(session, town):
    a = bare(town, "001")
    publish(session, {a.code: square(0)})
    publish(session, {a.code: square(1)})
    assert shape(session, a).equals(square(1))
    assert session.scalar(select(func.count()).where(Boundary.area_id == a.id)) == 1


def test_a_change_before_a_later_boundary_is_a_conflict(session, town):
    a = bare(town, "001")
    publish(session, {a.code: square(0)}, LATER)
    with pytest.raises(Conflict, match="holds from 2025-03-01"):
        publish(session, {a.code: square(1)}, THEN)


def test_overlaps_are_refused_by_name_and_place(session, town):
    a, b = bare(town, "001"), bare(town, "002")
    with pytest.raises(InvalidInput) as refused:
        publish(session, {a.code: square(0), b.code: square(0.5)})
    assert [error.field for error in refused.value.errors] == [a.code, b.code]
    assert (
        b.code in refused.value.errors[0].message
        and "near 105.95" in refused.value.errors[0].message
    )


def test_an_overlap_with_a_stored_neighbour_is_refused(session, town):
    stored = town.grid("001", 0)
    b = bare(town, "002")
    with pytest.raises(InvalidInput, match=stored.code):
        publish(session, {b.code: square(0.9)})


def test_a_border_without_shared_vertices_is_refused(session, town):
    town.grid("001", 0)
    b = bare(town, "002")
    with pytest.raises(InvalidInput, match="share its border"):
        publish(session, {b.code: square(1, row=0.25, height=0.5)})


def test_grids_of_another_county_are_not_looked_at(session, town):
    town.grid("001", 0)
    other = build.Town(session, "520425001001")
    b = bare(other, "001")
    assert publish(session, {b.code: square(0.5)}) is not None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            MultiPolygon([shapely.Polygon([(105, 26), (106, 27), (106, 26), (105, 27)])]),
            "Self-intersection",
        ),
        (MultiPolygon([shapely.box(105.000000012, 26, 105.1, 26.1)]), "lattice"),
        (MultiPolygon([]), "Valid Geometry"),
    ],
)
def test_shapes_that_cannot_be_stored_are_refused_by_code(session, town, wrong, message):
    a = bare(town, "001")
    with pytest.raises(InvalidInput, match=message) as refused:
        publish(session, {a.code: wrong})
    assert refused.value.errors[0].field == a.code


def test_unknown_retired_and_upper_codes_are_refused(session, town):
    with pytest.raises(NotFound, match="999"):
        publish(session, {"999": square(0)})
    with pytest.raises(InvalidInput, match="only grids"):
        publish(session, {town.community.code: square(0)})
    gone = bare(town, "009")
    allow_boundary_writes(session)
    gone.retired_at = THEN
    session.flush()
    with pytest.raises(Conflict, match="never used again"):
        publish(session, {gone.code: square(0)})


def test_a_moment_without_time_zone_is_refused(session, town):
    a = bare(town, "001")
    with pytest.raises(InvalidInput, match="time zone"):
        publish(session, {a.code: square(0)}, datetime(2024, 1, 1))


def test_without_a_moment_the_shape_holds_from_now(session, town):
    a = bare(town, "001")
    publish(session, {a.code: square(0)}, None)
    now = session.scalar(text("SELECT now()"))
    assert shape(session, a, now).equals(square(0))
    assert shape(session, a, LATER) is None


def test_an_island_and_a_hole_survive_the_way_up(session, town):
    ring, core, island = bare(town, "001"), bare(town, "002"), bare(town, "003")
    hole = shapely.difference(square(0, width=3, height=3), square(1, 1))
    publish(session, {ring.code: hole, core.code: square(1, 1), island.code: square(9)})
    whole = shape(session, town.county)
    assert len(whole.geoms) == 2 and not any(part.interiors for part in whole.geoms)
    publish(session, {core.code: None}, LATER)
    assert sum(len(part.interiors) for part in shape(session, town.county, LATER).geoms) == 1


def test_communities_of_a_street_stay_a_coverage(session, town):
    distant = town.area("community", "520402007004", "学苑社区", town.street)
    grids = {
        bare(town, "001").code: square(0, height=2),
        town.area("grid", distant.code + "001", "x", distant).code: square(1),
        town.area("grid", distant.code + "002", "x", distant).code: square(1, 1),
    }
    corner = Point(
        build.LON + S, build.LAT + S
    )  # where two grids of one meet the side of the other
    grids[town.community.code + "001"] = shapely.set_precision(
        shapely.snap(shapely.segmentize(square(0, height=2), S), corner, 1e-9), 1e-7
    )
    publish(session, grids)
    assert is_valid([shape(session, town.community), shape(session, distant)])


def test_a_unit_is_the_union_of_its_buildings_and_towers_are_shared(session, town):
    grid = town.grid("001", 0)
    tower, slab = town.building("1号楼", 0.0001, 0.0001), town.building("2号楼", 0.0004, 0.0001)
    item = town.unit(
        grid, "01", [(tower, "1", 1, 9), (tower, "1", 10, 18), (slab, None, None, None)]
    )
    two = town.unit(grid, "02", [(tower, "2", None, None)])
    assert derive_units(session, effective=THEN) is not None
    union = shapely.union(
        build.square(build.LON + 0.0001, build.LAT + 0.0001, 0.0002),
        build.square(build.LON + 0.0004, build.LAT + 0.0001, 0.0002),
    )
    assert shape(session, item).equals(union)
    assert shape(session, two).equals(build.square(build.LON + 0.0001, build.LAT + 0.0001, 0.0002))
    assert derive_units(session, effective=LATER) is None


def test_only_the_named_units_are_drawn_and_none_without_a_building(session, town):
    grid = town.grid("001", 0)
    tower = town.building("1号楼", 0.0001, 0.0001)
    item = town.unit(grid, "01", [(tower, "1", None, None)])
    two = town.unit(grid, "02", [(tower, "2", None, None)])
    empty = town.unit(grid, "03", [])
    derive_units(session, [two.id, empty.id], effective=THEN)
    assert [shape(session, unit) is None for unit in (item, two, empty)] == [True, False, True]
    assert derive_units(session, [], effective=LATER) is None


def test_a_thousand_grids_are_published_and_one_border_moves_quickly(session, town):
    communities = [
        town.area("community", f"5204020071{n:02d}", f"c{n}", town.street) for n in range(10)
    ]
    codes = {}
    for n, community in enumerate(communities):
        for k in range(100):
            codes[(n * 10 + k // 10, k % 10)] = f"{community.code}{k + 1:03d}"
    session.add_all(
        Area(
            code=code,
            level=Level.GRID,
            name=code,
            county=town.county.code,
            parent=communities[int(column // 10)],
        )
        for (column, _), code in codes.items()
    )
    session.flush()
    shapes = {code: square(*location) for location, code in codes.items()}
    publish(session, shapes)
    assert shape(session, town.county).equals(square(0, width=100, height=10))
    started = datetime.now()
    a, b = codes[(15, 0)], codes[(16, 0)]
    bulge = shapely.Polygon(
        [
            (build.LON + 16 * S, build.LAT),
            (build.LON + 16.2 * S, build.LAT + S / 2),
            (build.LON + 16 * S, build.LAT + S),
        ]
    )
    bulge = shapely.set_precision(bulge, 1e-7)
    publish(
        session,
        {a: shapely.union(shapes[a], bulge), b: shapely.difference(shapes[b], bulge)},
        LATER,
    )
    assert (datetime.now() - started).total_seconds() < 2 * slowdown()
    assert shape(session, town.county, LATER).equals(square(0, width=100, height=10))
