"""Locating: the ladder from a point to the people, its reasons, the commands and the API."""

import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import numpy as np
import orjson
import pytest
import shapely
from click.testing import CliRunner
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely import MultiPolygon, Polygon
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import crs
from gis import db as gis_db
from gis.areas import snapshot_cache
from gis.areas.grids import MATCH_RULES
from gis.areas.locate_input import read_time
from gis.areas.locate_result import LocateRequest, without_names
from gis.areas.resolver import locate, resolve_many, resolve_request, resolve_request_json
from gis.areas.snapshot import RegistrySnapshot, read_snapshot
from gis.areas.snapshot_cache import SnapshotCache
from gis.errors import InvalidInput, OutsideGrids
from gis.ops.cluster import DatabaseUrls
from gis.ops.metadata import Account
from gis.shapes import local_distance
from gis.shapes.grid_index import CellIndex
from tests.support import build
from tests.support.build import LAT, LON, SIDE
from tests.support.deployment import new_database
from tests.support.machine import slowdown
from tests.support.pooler import Pooler
from web.app import create_app
from web.cli import serve
from web.http.snapshot import register_note

HALF = SIDE / 2
PER_LON, PER_LAT = local_distance.metres_per_degree(LAT)
CODE = "520402007012"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture
def town(session):
    """Two grids side by side; in the first a building of three units, with posts at every level."""
    town = build.Town(session)
    town.a, town.b = town.grid("001", 0), town.grid("002", 1)
    town.tower = town.building("3号楼", 0.0002, 0.0002, estate="桂花苑")
    town.slab = town.building("5号楼", 0.0006, 0.0002, estate="桂花苑")
    town.one = town.unit(town.a, "01", [(town.tower, "1", None, None)])
    town.two = town.unit(town.a, "02", [(town.tower, "2", 1, 3)])
    town.three = town.unit(town.a, "03", [(town.tower, "2", 4, 6)])
    town.four = town.unit(town.a, "04", [(town.slab, None, None, None)])
    town.post("unit_head", town.two, "张一")
    town.post("grid_worker", town.a, "王五")
    town.post("grid_leader", town.a, "张三", deputy="李四")
    town.post("community_secretary", town.community, "钱七")
    return town


def at(east: float, north: float) -> tuple[float, float]:
    """A point so many degrees from the south-west corner of the first grid."""
    return round(LON + east, 9), round(LAT + north, 9)


ON_TOWER, ON_SLAB, BARE = at(0.0003, 0.0003), at(0.0007, 0.0003), at(0.0002, 0.0008)


def rules(found) -> dict[str, str]:
    return {item.step: item.rule for item in found.how}


def test_a_point_inside_a_grid_gets_the_whole_chain_and_the_revision(town, session):
    result = locate(session, *BARE, "wgs84")
    assert [(area.level, area.code) for area in result.areas] == [
        ("county", "520402"),
        ("street", "520402007"),
        ("community", CODE),
        ("grid", f"{CODE}001"),
    ]
    assert (result.revision, rules(result)["grid"]) == (town.revision.id, "covers")
    assert result.building is None and result.unit is None and result.unit_candidates == []


def test_a_point_on_a_shared_border_belongs_to_the_lower_code_and_says_so(town, session):
    result = locate(session, *at(SIDE, HALF), "cgcs2000")
    assert (result.areas[-1].code, rules(result)["grid"]) == (f"{CODE}001", "border_lower_code")


def test_a_corner_of_four_grids_belongs_to_the_lowest_code(town, session):
    town.grid("004", 0, 1), town.grid("003", 1, 1)
    assert locate(session, *at(SIDE, SIDE), "wgs84").areas[-1].code == f"{CODE}001"


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize(
    "accuracy, others", [(None, []), (0, []), (20, []), (30, ["002"]), (300, ["002", "003"])]
)
def test_a_place_known_inexactly_names_the_other_grids_it_may_lie_in(
    town, session, memory, accuracy, others
):
    town.grid("003", 3)  # a grid's width beyond the second, more than is read around a point
    request = LocateRequest(*at(SIDE - float(25 / PER_LON), HALF), "wgs84", None, NOW, accuracy)
    register = read_snapshot(session, NOW) if memory else None
    result = resolve_request(lambda: session, request, register)
    assert result.areas[-1].code == f"{CODE}001"
    assert [grid.code for grid in result.grid_candidates] == [CODE + code for code in others]
    if others:
        assert result.grid_candidates[0].distance_m == pytest.approx(25, abs=0.1)
        assert f"{CODE}{others[-1]}" in result.how[1].zh
    assert rules(result).get("accuracy") == (
        None if accuracy is None else "others" if others else "no_other"
    )
    many = [request, LocateRequest(*at(HALF, HALF), "wgs84")]
    assert next(resolve_many(lambda: session, many, NOW, register)) == result
    assert orjson.loads(resolve_request_json(lambda: session, request, register)) == orjson.loads(
        orjson.dumps(result)
    )


@pytest.mark.parametrize("accuracy", [-1, 100_001, math.nan, math.inf])
def test_an_accuracy_that_is_none_is_refused(town, session, client, accuracy):
    session.commit()
    query = {"lon": BARE[0], "lat": BARE[1], "crs": "wgs84", "accuracy_m": accuracy}
    answered = client.get("/api/v1/locate", query_string=query)
    assert answered.status_code == 422
    assert answered.json["errors"][0]["field"] == "accuracy_m"
    result = client.post("/api/v1/locate", json={"points": [query | {"accuracy_m": "30"}, query]})
    fields = [item["error"]["errors"][0]["field"] for item in result.json["results"]]
    assert fields == ["accuracy_m", "accuracy_m"]
    good = client.get("/api/v1/locate", query_string=query | {"accuracy_m": "30"}).json
    assert good["asked"]["accuracy_m"] == 30 and good["grid_candidates"] == []


@pytest.mark.parametrize("metres, found", [(0.5, True), (49.9, True), (50.1, False)])
def test_outside_every_grid_the_nearest_answers_up_to_50_metres(town, session, metres, found):
    lon, lat = at(-metres / PER_LON, HALF)
    if found:
        answered = locate(session, lon, lat, "wgs84")
        assert (answered.areas[-1].code, rules(answered)["grid"]) == (
            f"{CODE}001",
            "nearest_within_50m",
        )
        assert f"{metres:.1f}" in answered.how[0].zh
    else:
        with pytest.raises(OutsideGrids):
            locate(session, lon, lat, "wgs84")


@pytest.mark.parametrize("east, north", [(-0.002, 0.0004), (5, 3), (-0.02, -0.02)])
def test_further_out_the_error_names_the_nearest_grid_and_its_geodesic_distance(
    town, session, east, north
):
    with pytest.raises(OutsideGrids) as error:
        locate(session, *at(east, north), "wgs84")
    x, y = min(max(east, 0), 2 * SIDE), min(max(north, 0), SIDE)
    _, _, metres = Geod(ellps="GRS80").inv(*at(east, north), *at(x, y))
    nearest = "002" if east > 0 else "001"
    assert error.value.extra["nearest"] == {"code": f"{CODE}{nearest}", "name": f"第{nearest}网格"}
    assert error.value.extra["distance_m"] == pytest.approx(
        metres, rel=0.05 if east > 1 else 1e-4, abs=0.06
    )
    assert f"{CODE}{nearest}" in error.value.detail


def test_without_any_grid_the_error_says_what_to_load(session):
    with pytest.raises(OutsideGrids, match="load areas"):
        locate(session, LON, LAT, "wgs84")


def test_the_same_place_in_every_coordinate_system_gets_the_same_answer(town, session):
    for system in crs.SUPPORTED_CRS:
        lon, lat = crs.from_storage(*ON_TOWER, system)
        result = locate(session, lon, lat, system)
        assert result.building is not None and result.building.code == town.tower.code
        assert (result.point["lon"], result.point["lat"]) == pytest.approx(ON_TOWER, abs=1e-7)
        assert ("point" in rules(result)) == (system in ("gcj02", "bd09"))


def test_unlabelled_gcj02_would_land_elsewhere(town, session):
    with pytest.raises(OutsideGrids):
        locate(session, *crs.from_storage(*ON_TOWER, "gcj02"), "wgs84")


@pytest.mark.parametrize(
    "lon, lat, system, field",
    [
        (LON, LAT, "", "crs"),
        (LON, LAT, "epsg:4326", "crs"),
        (math.nan, LAT, "wgs84", "lon"),
        (LON, math.inf, "wgs84", "lat"),
        (LAT, LON, "wgs84", "lon"),
        (40.0, 80.0, "wgs84", "lon"),
        (200, LAT, "wgs84", "lon"),
        (LON, 95, "wgs84", "lat"),
        (2.35, 48.86, "gcj02", "crs"),
    ],
)
def test_a_point_that_cannot_be_right_is_refused_by_field(town, session, lon, lat, system, field):
    with pytest.raises(InvalidInput) as error:
        locate(session, lon, lat, system)
    assert [item.field for item in error.value.errors] == [field]


# buildings


def test_a_building_that_covers_the_point_is_its_building(town, session):
    result = locate(session, *ON_TOWER, "wgs84")
    assert result.building is not None
    assert (result.building.code, result.building.distance_m) == (town.tower.code, 0.0)
    assert rules(result)["building"] == "covers"


@pytest.mark.parametrize("metres, found", [(14.9, True), (15.1, False)])
def test_off_a_building_the_nearest_of_the_grid_within_15_metres(town, session, metres, found):
    answered = locate(session, *at(0.0002 - metres / PER_LON, 0.0003), "wgs84")
    assert (answered.building is not None) == found
    if answered.building:
        assert answered.building.distance_m == pytest.approx(metres, abs=0.06)


def test_a_nearer_building_of_another_grid_does_not_count(town, session):
    town.building("9号楼", SIDE + 0.00001, 0.0005)
    private = town.building("8号楼", SIDE - 0.00032, 0.0005)
    result = locate(session, *at(SIDE - 0.00002, 0.0006), "wgs84")
    assert result.building is not None and result.building.code == private.code


# units


def test_a_building_of_one_unit_needs_no_address(town, session):
    result = locate(session, *ON_SLAB, "wgs84")
    assert result.unit is not None
    assert (result.unit.code, rules(result)["unit"]) == (town.four.code, "only_unit")


def test_a_tower_without_an_address_gives_its_units_as_candidates(town, session):
    result = locate(session, *ON_TOWER, "wgs84")
    assert result.unit is None
    assert [
        (unit_candidate.code[-2:], unit_candidate.stairwells, unit_candidate.floors)
        for unit_candidate in result.unit_candidates
    ] == [
        ("01", ["1"], []),
        ("02", ["2"], [(1, 3)]),
        ("03", ["2"], [(4, 6)]),
    ]
    assert "unit_head" not in [entry.role for entry in result.people]


@pytest.mark.parametrize(
    "address, unit, rule",
    [
        ("西兴社区3号楼1单元501室", "01", "stairwell"),
        ("3栋二单元三楼", "02", "stairwell_and_floor"),
        ("3-2-501", "03", "stairwell_and_floor"),
        ("桂花苑三号楼2单元0402", "03", "stairwell_and_floor"),
        ("２单元６０１", "03", "stairwell_and_floor"),
    ],
)
def test_stairwell_and_floor_of_an_address_tell_the_unit(town, session, address, unit, rule):
    result = locate(session, *ON_TOWER, "wgs84", address=address)
    assert result.unit is not None
    assert (result.unit.code, rules(result)["unit"]) == (town.a.code + unit, rule)


def test_a_floor_alone_tells_the_unit_where_floors_divide_a_building(town, session):
    point = town.building("7号楼", 0.0002, 0.0006)
    town.unit(town.a, "11", [(point, None, 1, 9)])
    town.unit(town.a, "12", [(point, None, 10, 18)])
    result = locate(session, *at(0.0003, 0.0007), "wgs84", address="7号楼1203")
    assert result.unit is not None and (result.unit.code[-2:], rules(result)["unit"]) == (
        "12",
        "floor",
    )


def test_a_room_tells_the_unit_where_stairwell_and_floor_do_not(town, session):
    mixed = town.building("7号楼", 0.0002, 0.0006)
    initial = town.unit(town.a, "11", [(mixed, "1", None, None)])
    second = town.unit(town.a, "12", [(mixed, "1", None, None)])
    town.household(mixed, "501", "1", initial)
    town.household(mixed, "502", "1", second)
    result = locate(session, *at(0.0003, 0.0007), "wgs84", address="7号楼1单元502室")
    assert result.unit is not None and (result.unit.code, rules(result)["unit"]) == (
        second.code,
        "room",
    )
    unknown = locate(session, *at(0.0003, 0.0007), "wgs84", address="7号楼1单元503室")
    assert unknown.unit is None and len(unknown.unit_candidates) == 2


def test_a_stairwell_that_is_not_there_leaves_the_candidates_and_says_so(town, session):
    result = locate(session, *ON_TOWER, "wgs84", address="3号楼9单元101")
    assert result.unit is None and len(result.unit_candidates) == 3
    assert rules(result)["unit"] == "address_unmatched"


def test_an_address_narrows_the_candidates(town, session):
    result = locate(session, *ON_TOWER, "wgs84", address="3号楼2单元")
    assert [unit_candidate.code[-2:] for unit_candidate in result.unit_candidates] == ["02", "03"]


# address and point


def test_an_address_names_the_building_where_the_point_is_on_none(town, session):
    result = locate(session, *BARE, "wgs84", address="西兴社区3号楼2单元201")
    assert result.building is not None and result.building.code == town.tower.code
    assert result.unit is not None and result.unit.code == town.two.code
    assert rules(result)["building"] == "address"


def test_an_address_decides_over_a_point_on_another_building_and_says_so(town, session):
    result = locate(session, *ON_SLAB, "wgs84", address="桂花苑3号楼2单元201")
    assert result.building is not None and result.building.code == town.tower.code
    assert rules(result)["building"] == "address_over_point"
    assert "5号楼" in result.how[1].zh and "3号楼" in result.how[1].zh


def test_the_estate_tells_two_buildings_of_one_number_apart(town, session):
    other = town.building("3号楼", 0.0006, 0.0006, estate="阳光花园")
    for location, code in (("桂花苑", town.tower.code), ("阳光花园", other.code)):
        result = locate(session, *at(0.0005, 0.0005), "wgs84", address=f"{location}3号楼")
        assert result.building is not None and result.building.code == code


def test_an_address_that_no_building_has_leaves_the_point_and_its_stairwell_counts_for_nothing(
    town, session
):
    result = locate(session, *ON_TOWER, "wgs84", address="88号楼2单元201")
    assert result.building is not None and result.building.code == town.tower.code
    assert rules(result)["building"] == "address_unmatched"
    assert result.unit is None and len(result.unit_candidates) == 3


@pytest.mark.parametrize("at", [None, NOW])
def test_a_building_across_the_border_is_not_one_of_this_grid(session, at):
    wide, town = 10 * SIDE, build.Town(session)  # far from what is read around a point
    for number, west in (("001", 0), ("002", wide)):
        town.grid(number, shape=build.square(LON + west, LAT, wide, wide))
    town.building("1号楼", wide + 0.0002, wide / 2)  # 20 m beyond the border
    own = town.building("7号楼", wide / 2, wide / 2)
    point = (LON + wide / 2 + 0.0001, LAT + wide / 2 + 0.0001, "cgcs2000")
    complete = read_snapshot(session, NOW)
    for result in (
        locate(session, *point, address="1号楼", at=at),
        locate(session, *point, address="1号楼", at=at, snapshot=complete),
    ):
        assert result.building.code == own.code
        assert rules(result)["building"] == "address_unmatched"


def test_an_address_in_the_next_grid_is_said_and_the_point_decides(town, session):
    town.building("9号楼", SIDE + 0.0001, 0.0002)
    result = locate(session, *at(SIDE - 0.0001, 0.0003), "wgs84", address="9号楼")
    assert result.areas[-1].code == town.a.code
    assert rules(result)["building"] == "address_elsewhere"
    assert town.b.code in next(item.zh for item in result.how if item.rule == "address_elsewhere")


def test_an_address_of_another_community_is_said(town, session):
    assert (
        rules(locate(session, *ON_TOWER, "wgs84", address="学苑社区3号楼"))["address"]
        == "other_community"
    )
    assert "address" not in rules(locate(session, *ON_TOWER, "wgs84", address="西兴社区3号楼"))


def test_a_building_without_a_number_is_found_by_its_name(town, session):
    hall = town.building("综合楼", 0.0002, 0.0006)
    result = locate(session, *BARE, "wgs84", address="西兴社区综合楼二楼")
    assert result.building is not None and result.building.code == hall.code


# people


def test_every_role_of_the_chain_is_listed_nearest_first(town, session):
    town.post("building_head", town.tower, "赵六")
    result = locate(session, *ON_TOWER, "wgs84", address="3-2-201")
    assert [(entry.role, entry.name, entry.area) for entry in result.people] == [
        ("unit_head", "张一", town.two.code),
        ("building_head", "赵六", town.tower.code),
        ("grid_worker", "王五", town.a.code),
        ("grid_leader", "张三", town.a.code),
        ("community_secretary", "钱七", CODE),
    ]
    assert result.answerable is not None and result.answerable.role == "unit_head"
    assert result.how[-1].rule == "first_there"


def test_two_holders_of_a_role_are_two_entries(town, session):
    town.post("grid_worker", town.a, "孙八")
    names = [
        entry.name
        for entry in locate(session, *BARE, "wgs84").people
        if entry.role == "grid_worker"
    ]
    assert names == ["王五", "孙八"]


def entry_of(session: Session, role: str, moment: datetime | None = None):
    result = locate(session, *BARE, "wgs84", at=moment)
    (entry,) = [entry for entry in result.people if entry.role == role]
    return entry


def test_the_deputy_stands_in_during_leave_from_its_first_moment_to_before_its_last(town, session):
    town.leave("张三", NOW, NOW + timedelta(days=1))
    tick = timedelta(microseconds=1)
    expected = [
        (NOW - tick, "张三"),
        (NOW, "李四"),
        (NOW + timedelta(days=1) - tick, "李四"),
        (NOW + timedelta(days=1), "张三"),
    ]
    for moment, name in expected:
        entry = entry_of(session, "grid_leader", moment)
        assert entry.name == name
        assert (entry.holder, entry.deputy) == ("张三", "李四")
        away = name == "李四"
        assert (entry.stands_in_for, entry.why) == (("张三", "leave") if away else (None, None))
        assert (entry.why_zh == "张三请假，由李四代理") == away


def test_a_vacant_post_is_listed_with_its_deputy_or_with_nobody(town, session):
    town.post("grid_party_leader", town.a, None, deputy="周九")
    town.post("contact_leader", town.a, None)
    stood_in, empty = entry_of(session, "grid_party_leader"), entry_of(session, "contact_leader")
    assert (stood_in.name, stood_in.stands_in_for, stood_in.why) == ("周九", None, "vacancy")
    assert (empty.name, empty.why, empty.why_en) == (
        None,
        "vacancy",
        "the post is vacant and nobody stands in",
    )


def test_when_holder_and_deputy_are_both_away_the_next_role_answers(town, session):
    for name in ("张三", "李四", "王五"):
        town.leave(name)
    result = locate(session, *BARE, "wgs84")
    assert [(entry.role, entry.name) for entry in result.people][:2] == [
        ("grid_worker", None),
        ("grid_leader", None),
    ]
    assert result.answerable is not None and result.answerable.role == "community_secretary"


def test_somebody_at_his_post_is_asked_before_a_deputy_of_the_same_role(town, session):
    town.post("grid_worker", town.b, "吴十", deputy="郑一")
    town.post("grid_worker", town.b, "孙八")
    town.leave("吴十")
    result = locate(session, *at(SIDE + HALF, HALF), "wgs84")
    assert [entry.name for entry in result.people[:2]] == ["郑一", "孙八"]
    assert result.answerable is not None and result.answerable.name == "孙八"


def test_a_place_without_posts_says_that_nobody_answers(session):
    build.Town(session).grid("001")
    result = locate(session, *BARE, "wgs84")
    assert (result.people, result.answerable, result.how[-1].rule) == ([], None, "nobody")


def test_posts_hold_from_their_first_moment_to_before_their_last(town, session):
    town.post("liaison_officer", town.street, "旧人", end=NOW)
    town.post("liaison_officer", town.street, "新人", start=NOW)
    assert entry_of(session, "liaison_officer", NOW - timedelta(microseconds=1)).name == "旧人"
    assert entry_of(session, "liaison_officer", NOW).name == "新人"


def test_an_answer_without_names_keeps_roles_areas_and_reasons(town, session):
    town.leave("张三")
    result = locate(session, *ON_TOWER, "wgs84", address="3-2-201")
    bare = without_names(result)
    assert [entry.role for entry in bare.people] == [entry.role for entry in result.people]
    names = {"张一", "王五", "张三", "李四", "钱七"}
    assert any(name in str(result) for name in names) and not any(
        name in str(bare) for name in names
    )


# time


def test_the_boundary_of_the_day_decides_and_its_end_is_out(town, session):
    changed = datetime(2026, 3, 3, tzinfo=UTC)
    old, new = build.square(LON, LAT + SIDE), build.square(LON, LAT + SIDE)
    previous, later = (town.area("grid", f"{CODE}{n}", n, town.community) for n in ("008", "007"))
    town.boundary(previous, old, end=changed)
    town.boundary(later, new, start=changed)
    location = at(HALF, SIDE + HALF)
    for moment, code in (
        (changed - timedelta(microseconds=1), "008"),
        (changed, "007"),
        (NOW, "007"),
    ):
        assert locate(session, *location, "wgs84", at=moment).areas[-1].code == CODE + code


def test_a_retired_unit_stays_in_answers_about_its_time(town, session):
    town.four.retired_at = datetime(2026, 3, 3, tzinfo=UTC)
    assert locate(session, *ON_SLAB, "wgs84", at=datetime(2026, 3, 2, tzinfo=UTC)).unit is not None
    assert locate(session, *ON_SLAB, "wgs84", at=datetime(2026, 3, 3, tzinfo=UTC)).unit is None


def test_moments_without_a_zone_are_local(settings):
    zone = settings.timezone
    assert read_time("2026-03-03", zone).isoformat() == "2026-03-03T00:00:00+08:00"
    assert read_time("2026-03-03T09:30", zone).isoformat() == "2026-03-03T09:30:00+08:00"
    assert read_time("2026-03-03T01:30Z", zone) == read_time("2026-03-03T09:30", zone)
    for wrong in ("yesterday", "2026-13-01", "", "0001-01-01"):
        with pytest.raises(InvalidInput, match="at:"):
            read_time(wrong, zone)


# the register in memory against PostGIS


def lattice(town: build.Town, random: np.random.Generator, size: int = 5) -> list[Polygon]:
    """A coverage of jittered quadrilaterals that share their corners, over the first grid's
    neighbourhood.
    """
    corners = np.stack(np.meshgrid(np.arange(size + 1.0), np.arange(size + 1.0)), -1) * SIDE
    corners += random.uniform(-0.3, 0.3, corners.shape) * SIDE
    corners = np.round((corners + np.array([LON, LAT])) / 1e-7) * 1e-7
    shapes = []
    for row in range(size):
        for column in range(size):
            ring = [
                corners[row, column],
                corners[row, column + 1],
                corners[row + 1, column + 1],
                corners[row + 1, column],
            ]
            shapes.append(Polygon(ring))
    for number, location in enumerate(random.permutation(len(shapes))):
        town.grid(f"{number:03d}", shape=MultiPolygon([shapes[location]]))
    return shapes


def test_the_register_answers_as_st_covers_does_inside_on_borders_and_at_corners(session):
    random = np.random.default_rng(7)
    shapes = lattice(build.Town(session), random)
    corners = np.unique(shapely.get_coordinates(shapes), axis=0)
    middles = [
        ((a + b) / 2)
        for s in shapes
        for a, b in zip(*(shapely.get_coordinates(s)[i:][:4] for i in (0, 1)), strict=True)
    ]
    anywhere = random.uniform((LON - SIDE, LAT - SIDE), (LON + 6 * SIDE, LAT + 6 * SIDE), (600, 2))
    points = np.concatenate([corners, middles, anywhere])
    expected = dict(
        session.execute(
            text("""
            SELECT p.n, min(a.code COLLATE "C") FROM unnest(CAST(:x AS float8[]),
                CAST(:y AS float8[])) WITH ORDINALITY p(x, y, n)
            JOIN boundary b ON ST_Covers(b.geom, ST_SetSRID(ST_MakePoint(p.x, p.y), 4490))
            JOIN area a ON a.id = b.area_id GROUP BY 1"""),
            {"x": points[:, 0].tolist(), "y": points[:, 1].tolist()},
        ).all()
    )
    grids = read_snapshot(session, NOW).grids
    result = [grids.grid_at(x, y) for x, y in points.tolist()]
    covered = {
        n + 1: grids.codes[item.row]
        for n, item in enumerate(result)
        if item and item.rule != "nearest_within_50m"
    }
    assert covered == expected and len(expected) > 400
    assert (
        sum(item is not None and item.rule == "border_lower_code" for item in result)
        >= len(corners) - 4 * 5
    )
    rows, _, metres = grids.grids_at(points[:, 0], points[:, 1])
    assert rows.tolist() == [-1 if item is None else item.row for item in result]
    assert metres[rows >= 0] == pytest.approx([item.distance_m for item in result if item])


@pytest.mark.parametrize("seed", range(5))
def test_database_and_memory_agree_which_grid_is_responsible_for_a_point(session, seed):
    random = np.random.default_rng(seed)
    shapes = lattice(build.Town(session), random)
    corners = np.unique(shapely.get_coordinates(shapes), axis=0)
    between = (corners + random.permutation(corners)) / 2
    anywhere = random.uniform((LON - SIDE, LAT - SIDE), (LON + 6 * SIDE, LAT + 6 * SIDE), (200, 2))
    points = np.concatenate([corners, between, anywhere])
    codes = session.scalars(
        text("""
        SELECT g.code FROM unnest(CAST(:x AS float8[]), CAST(:y AS float8[])) WITH ORDINALITY p(x,
            y, n)
        LEFT JOIN LATERAL grid_at(ST_SetSRID(ST_MakePoint(p.x, p.y), 4490),
            CAST(:at AS timestamptz)) g ON true
        ORDER BY p.n"""),
        {"x": points[:, 0].tolist(), "y": points[:, 1].tolist(), "at": NOW},
    ).all()
    grids = read_snapshot(session, NOW).grids
    rows, rules, _ = grids.grids_at(points[:, 0], points[:, 1])
    nearest = MATCH_RULES.index("nearest_within_50m")
    covered = [
        grids.codes[row] if row >= 0 and rule != nearest else None
        for row, rule in zip(rows, rules, strict=True)
    ]
    assert codes == covered
    matches = [grids.grid_at(x, y) for x, y in points.tolist()]
    assert [match.row if match else -1 for match in matches] == rows.tolist()


@hypothesis_settings(max_examples=60)
@given(
    st.lists(st.tuples(*[st.integers(0, 12)] * 4), max_size=12),
    st.lists(st.tuples(st.integers(-1, 14), st.integers(-1, 14)), max_size=30),
)
def test_cells_find_the_lowest_of_the_boxes_that_cover_a_point(boxes, points):
    shapes = np.array(
        [shapely.box(min(a, c), min(b, d), max(a, c) + 1, max(b, d) + 1) for a, b, c, d in boxes],
        dtype=object,
    )
    x, y = (np.array([point[axis] for point in points], dtype=float) for axis in (0, 1))
    lowest, hits = CellIndex(shapes).covering_many(x, y)
    for i, (px, py) in enumerate(points):
        covering = [n for n, shape in enumerate(shapes) if shape.covers(shapely.Point(px, py))]
        assert (lowest[i], hits[i]) == (min(covering, default=-1), len(covering))


@hypothesis_settings(max_examples=50)
@given(st.floats(-1000, 1000), st.floats(-1000, 1000), st.floats(18, 50))
def test_short_distances_are_geodesic(east, north, lat):
    per_lon, per_lat = local_distance.metres_per_degree(lat)
    lon2, lat2 = LON + east / per_lon, lat + north / per_lat
    _, _, metres = Geod(ellps="GRS80").inv(LON, lat, lon2, lat2)
    assert local_distance.point_distances_m([shapely.Point(lon2, lat2)], LON, lat)[
        0
    ] == pytest.approx(metres, rel=3e-4, abs=1e-4)


def test_many_questions_get_the_answers_they_would_get_one_by_one(town, session):
    town.leave("张三", NOW, NOW + timedelta(days=1))
    town.grid("003", 0, 1, build.square(LON, LAT + SIDE))
    town.boundary(
        town.area("grid", f"{CODE}009", "n", town.community), build.square(LON, LAT - SIDE), end=NOW
    )
    places = [ON_TOWER, BARE, ON_SLAB, at(HALF, -HALF), at(SIDE, HALF), at(0.01, 0.01)]
    questions = [
        LocateRequest(*location, "wgs84", address, moment)
        for location in places
        for address in (None, "3-2-201")
        for moment in (None, NOW, NOW - timedelta(days=400))
    ] + [LocateRequest(LAT, LON, "wgs84")]
    now = NOW + timedelta(hours=3)
    register = read_snapshot(session, now)
    for stored in (None, register):
        for question, result in zip(
            questions, resolve_many(lambda: session, questions, now, stored), strict=True
        ):
            try:
                item = locate(
                    session,
                    question.lon,
                    question.lat,
                    question.crs,
                    address=question.address,
                    at=question.at or now,
                )
            except (OutsideGrids, InvalidInput) as error:
                assert str(result) == str(error)
            else:
                assert result == item


def test_an_answer_kept_as_json_is_the_answer(town, session):
    town.leave("张三", NOW, NOW + timedelta(days=1))
    town.building("9号楼", 0.00005, 0.0005)
    register = read_snapshot(session, NOW)
    nearby_door = at(0.0002 - 5 / PER_LON, 0.0003)
    outside = at(-20 / PER_LON, HALF)
    for _ in range(2):  # put together, then kept
        for location in (
            ON_TOWER,
            ON_SLAB,
            BARE,
            at(SIDE, HALF),
            nearby_door,
            outside,
            at(0.00031, 0.00032),
        ):
            for moment in (NOW - timedelta(days=1), NOW, NOW + timedelta(days=1)):
                for system in ("wgs84", "gcj02"):
                    for address in (None, "3-2-201"):
                        lon, lat = crs.from_storage(*location, system)
                        locate_request = LocateRequest(lon, lat, system, address, moment)
                        stored = resolve_request_json(lambda: session, locate_request, register)
                        assert stored == orjson.dumps(
                            resolve_request(lambda: session, locate_request, register)
                        )


# the command


@pytest.fixture
def run(session, monkeypatch):
    """Calls `./wangge locate` on the test's session."""
    from contextlib import contextmanager

    from web.cli import locate as module

    @contextmanager
    def scope():
        yield session

    monkeypatch.setattr(module, "reading_scope", scope)
    return lambda *phrase: CliRunner().invoke(module.command, [str(word) for word in phrase])


def test_the_command_names_the_people_and_the_reasons(town, run):
    done = run(*ON_TOWER, "--crs", "wgs84", "--address", "3-2-201")
    assert done.exit_code == 0, done.output
    for phrase in (
        "西秀区 › 西航街道 › 西兴社区 › 第001网格",
        "联户长：张一",
        "→",
        "桂花苑3号楼",
        "依据",
    ):
        assert phrase in done.output


def test_the_command_prints_one_json_document_for_any_moment(town, run):
    town.leave("张三", NOW, NOW + timedelta(days=1))
    done = run(*BARE, "--crs", "wgs84", "--json", "--at", "2026-11-23T20:00")
    body = json.loads(done.stdout)
    assert body["at"] == "2026-11-23T20:00:00+08:00"
    assert body["people"][1]["stands_in_for"] == "张三" and body["people"][1]["why"] == "leave"
    assert {
        "point",
        "at",
        "revision",
        "areas",
        "building",
        "unit",
        "unit_candidates",
        "people",
        "how",
    } <= set(body)


def test_the_command_takes_negative_numbers_and_refuses_what_cannot_be_right(town, run):
    assert isinstance(run("-70.5", "-33.4", "--crs", "wgs84").exception, OutsideGrids)
    assert isinstance(run(*ON_TOWER, "--crs", "mars").exception, InvalidInput)
    assert isinstance(run(*ON_TOWER[::-1], "--crs", "wgs84").exception, InvalidInput)
    assert run(*ON_TOWER).exit_code == 2
    assert run("here", "there", "--crs", "wgs84").exit_code == 2


# the API


@pytest.fixture
def client(session, settings, database_url) -> FlaskClient:
    app = create_app(settings, database_url)
    app.config["SESSION_FACTORY"] = lambda reading: session
    session.close = lambda: None
    return app.test_client()


def test_the_api_answers_as_the_function_does(town, session, client):
    lon, lat = ON_TOWER
    query = {
        "lon": lon,
        "lat": lat,
        "crs": "wgs84",
        "address": "3-2-201",
        "at": "2026-11-23T09:00:00+08:00",
    }
    response = client.get("/api/v1/locate", query_string=query)
    assert response.status_code == 200
    body = response.get_json()
    assert body["areas"][-1] == {"level": "grid", "code": town.a.code, "name": "第001网格"}
    assert body["unit"]["code"] == town.two.code
    assert body["people"][0]["role"] == "unit_head" and body["people"][0]["name"] == "张一"
    assert body["how"][-1]["step"] == "answerable" and body["at"] == query["at"]


def test_the_api_refuses_bad_points_by_field_and_names_the_nearest_grid(town, client):
    lon, lat = ON_TOWER
    good = {"lon": lon, "lat": lat, "crs": "wgs84"}
    for wrong, field in (
        ({"lon": None}, "lon"),
        ({"crs": None}, "crs"),
        ({"crs": "x"}, "crs"),
        ({"lon": "nan"}, "lon"),
        ({"lat": "inf"}, "lat"),
        ({"lon": lat, "lat": lon}, "lon"),
        ({"at": "soon"}, "at"),
        ({"lat": "north"}, "lat"),
    ):
        query = {name: value for name, value in (good | wrong).items() if value is not None}
        response = client.get("/api/v1/locate", query_string=query)
        assert response.status_code == 422, wrong
        assert response.mimetype == "application/problem+json"
        assert field in [error["field"] for error in response.get_json()["errors"]], wrong
    response = client.get("/api/v1/locate", query_string=good | {"lon": lon - 0.01})
    assert response.status_code == 404
    assert response.get_json()["nearest"]["code"] == town.a.code
    assert response.get_json()["distance_m"] == pytest.approx(0.0097 * PER_LON, rel=0.01)


def test_the_api_answers_many_points_each_with_its_own_error(town, client):
    lon, lat = ON_TOWER
    points = [
        {"id": "a", "lon": lon, "lat": lat, "crs": "wgs84", "address": "3-2-201"},
        {"id": "b", "lon": lat, "lat": lon, "crs": "wgs84"},
        {"lon": lon, "lat": lat},
        {"id": 4, "lon": lon + 1, "lat": lat, "crs": "wgs84"},
        {"id": "e", "lon": "x", "lat": True, "crs": 3},
        {"id": "f", "lon": lon, "lat": lat, "crs": "wgs84", "at": "2020-01-01T00:00:00+00:00"},
        {"id": "g", "lon": lon, "lat": lat, "crs": "wgs84", "address": "3" * 201},
    ]
    response = client.post("/api/v1/locate", json={"points": points})
    assert response.status_code == 200
    results = response.get_json()["results"]
    assert [result["id"] for result in results] == ["a", "b", 2, 4, "e", "f", "g"]
    assert results[0]["answer"]["unit"]["code"] == town.two.code
    assert results[1]["error"]["errors"][0]["field"] == "lon"
    assert results[2]["error"]["errors"] == [{"field": "crs", "message": "is missing"}]
    assert results[3]["error"]["nearest"]["code"] == town.b.code
    assert [result["field"] for result in results[4]["error"]["errors"]] == ["lon", "lat", "crs"]
    assert results[5]["answer"]["areas"][-1]["code"] == town.a.code
    assert results[6]["error"]["errors"] == [
        {"field": "address", "message": "has 201 characters; 200 at most"}
    ]


def test_the_api_takes_at_most_ten_thousand_points(town, client):
    point = {"lon": BARE[0], "lat": BARE[1], "crs": "wgs84", "at": "2026-11-23"}
    assert client.post("/api/v1/locate", json={"points": [point] * 10_001}).status_code == 413
    assert client.post("/api/v1/locate", json={"points": "all"}).status_code == 422


# the live register


@pytest.fixture(scope="module")
def committed(addresses: DatabaseUrls) -> Iterator[str]:
    """The address of a database of this module's own, where commits stay."""
    with new_database(addresses) as urls:
        yield urls.app


def test_the_register_in_memory_hears_of_every_change(committed):
    engine = gis_db.engine(committed)
    live = SnapshotCache(committed)
    try:
        with Session(engine) as session:
            town = build.Town(session)
            town.a = town.grid("001")
            town.post("grid_leader", town.a, "张三", deputy="李四")
            session.commit()
            assert live.current(datetime.now(UTC)) is None  # asked before it has read anything
            assert live.ready(10)

            def name() -> str | None:
                register = live.current(datetime.now(UTC))
                assert register is not None
                (entry,) = resolve_request(
                    pytest.fail, LocateRequest(*BARE, "wgs84"), register
                ).people  # type: ignore[arg-type]
                return entry.name

            assert name() == "张三"
            # with the first account names are no longer for everybody
            assert live.names_for_all() is True
            session.add(Account(username="first"))
            session.commit()
            wait_until(lambda: live.names_for_all() is False)
            # leave that begins later needs no reading: only the clock
            soon = datetime.now(UTC) + timedelta(seconds=0.6)
            town.leave("张三", soon)
            town.boundary(
                town.area("grid", f"{CODE}002", "later", town.community),
                build.square(LON + SIDE, LAT),
                start=soon,
            )
            session.commit()
            wait_until(lambda: live.current(datetime.now(UTC)) is None or datetime.now(UTC) >= soon)
            assert live.ready(10)
            stored = live.current(datetime.now(UTC))
            assert stored is not None and (
                stored.until < gis_micros(soon) + 1 or datetime.now(UTC) >= soon
            )
            time.sleep(max(0, (soon - datetime.now(UTC)).total_seconds()))
            # the later boundary ended it, unless it was read after that
            assert stored.since >= gis_micros(soon) or live.current(datetime.now(UTC)) is not stored
            assert live.ready(10) and name() == "李四"
            register = live.current(datetime.now(UTC))
            assert (
                register is not None
                and register.grids.grid_at(LON + 1.5 * SIDE, LAT + HALF) is not None
            )
            assert (
                live.current(datetime(2019, 1, 1, tzinfo=UTC)) is None
            )  # another time is not its to answer

            # the listening connection is lost: what changes meanwhile is heard of all the same
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE query LIKE 'LISTEN%'"
                )
            )
            session.commit()
            town.post("grid_worker", town.a, "王五")
            session.commit()

            def roles() -> int:
                register = live.current(datetime.now(UTC))
                return 0 if register is None else len(register.people.areas.place_id)

            wait_until(lambda: roles() == 2)
    finally:
        live.close()


def test_the_register_in_memory_is_used_only_while_its_channel_delivers(committed, monkeypatch):
    monkeypatch.setattr("gis.areas.snapshot_cache.POLL_INTERVAL_S", 0.1)
    monkeypatch.setattr("gis.areas.snapshot_cache.MAX_UNPROVED_S", 0.4)
    now = datetime.now(UTC)
    with Session(gis_db.engine(committed)) as session, Pooler(committed) as pooler:
        town = build.Town(session, "520403001001")
        town.grid("001", 7)
        town.post("grid_leader", town.community, "赵一")
        session.commit()
        live = SnapshotCache(pooler.url)

        def names() -> list[str | None] | None:
            register = live.current(datetime.now(UTC))
            if register is None:
                return None
            locate_request = LocateRequest(LON + 7.5 * SIDE, LAT + HALF, "wgs84")
            return [
                entry.name
                for entry in resolve_request(pytest.fail, locate_request, register).people
            ]  # type: ignore[arg-type]

        try:
            # LISTEN is taken and nothing delivered, as behind a pooler in transaction mode: never
            # from memory
            pooler.delivers = False
            assert live.current(now) is None
            wait_until(lambda: pooler.dropped >= 4 and live.undelivered_s() > 0)
            assert live.current(datetime.now(UTC)) is None and not live.names_for_all()
            # it delivers: from memory
            pooler.delivers = True
            wait_until(lambda: names() == ["赵一"])
            assert live.undelivered_s() == 0
            # it stops, and the change that is lost meanwhile is not missing when it delivers again
            pooler.delivers = False
            town.post("grid_leader", town.community, "钱二")
            session.commit()
            wait_until(lambda: names() is None)
            pooler.delivers = True
            wait_until(lambda: live.current(datetime.now(UTC)) is not None)
            assert sorted(map(str, names() or [])) == ["赵一", "钱二"]
            # the connection dies
            pooler.cut()
            town.post("grid_leader", town.community, "孙三")
            session.commit()
            wait_until(lambda: len(names() or []) == 3)
        finally:
            live.close()
            gis_db.engine(pooler.url).dispose()


@contextmanager
def heard_town(
    url: str, community: str, column: int
) -> Iterator[tuple[Session, build.Town, SnapshotCache]]:
    """A committed town of one grid, and the register in memory that has read it."""
    with Session(gis_db.engine(url)) as session, closing(SnapshotCache(url)) as live:
        town = build.Town(session, community)
        town.grid("001", column)
        session.commit()
        assert live.ready(10)
        yield session, town, live


def test_a_patch_that_fails_is_logged_and_everything_is_read_again(committed, monkeypatch, caplog):
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr("gis.areas.snapshot_cache.POLL_INTERVAL_S", 0.1)
    monkeypatch.setattr("gis.areas.snapshot_cache.patch_snapshot", fail)
    with heard_town(committed, "520404001001", 9) as (session, town, live):
        town.community.name = "改名社区"
        session.commit()

        def names() -> list[str]:
            register = live.current(datetime.now(UTC))
            areas = register.upper_areas.values() if register else ()
            return [area.name for area in areas]

        wait_until(lambda: "改名社区" in names())
        assert "a fault of ours" in caplog.text


@pytest.mark.parametrize("patient", [True, False])
def test_who_asks_during_a_patch_waits_a_moment_and_never_gets_the_old_state(
    committed, monkeypatch, patient
):
    begun, finish, original = Event(), Event(), snapshot_cache.patch_snapshot

    def slow(*arguments: Any) -> RegistrySnapshot:
        begun.set()
        assert finish.wait(10)
        return original(*arguments)

    monkeypatch.setattr(snapshot_cache, "patch_snapshot", slow)
    monkeypatch.setattr(snapshot_cache, "MAX_PATCH_WAIT_S", 10 if patient else 0.05)
    code, column = f"52040{7 + patient}001001", 13 + patient
    with (
        ThreadPoolExecutor(1) as pool,
        heard_town(committed, code, column) as (session, town, live),
    ):
        try:
            town.community.name = "改名社区"
            session.commit()
            assert begun.wait(10)
            asked = pool.submit(live.current, datetime.now(UTC))
            if patient:
                with pytest.raises(TimeoutError):
                    asked.result(0.2)
                finish.set()
                register = asked.result(10)
                assert "改名社区" in [area.name for area in register.upper_areas.values()]
            else:
                assert asked.result(10) is None  # the database is asked
        finally:
            finish.set()


def test_a_worker_takes_over_what_was_read_before_it_was_forked(committed, monkeypatch):
    monkeypatch.setattr(snapshot_cache, "_preloaded", {})

    def registers() -> tuple[RegistrySnapshot, RegistrySnapshot | None]:
        """What was read before, and what a new worker answers from."""
        live = SnapshotCache(committed)
        try:
            assert live.ready(10)
            return snapshot_cache._preloaded[committed][1], live.current(datetime.now(UTC))
        finally:
            live.close()

    with Session(gis_db.engine(committed)) as session:
        town = build.Town(session, "520405001001")
        grid = town.grid("001", 11)
        post = town.post("grid_worker", grid, "孙八")
        session.commit()
        snapshot_cache.preload(committed)
        before, answered = registers()
        assert answered is before
        for change in (  # of a row, of one that goes, and of one that comes
            lambda: setattr(town.community, "name", "改过的社区"),
            lambda: session.delete(post),
            lambda: town.post("grid_worker", grid, "周九"),
        ):
            snapshot_cache.preload(committed)
            change()
            session.commit()
            before, answered = registers()
            assert answered is not before


def test_what_cannot_be_read_in_advance_keeps_no_service_from_starting(
    addresses, monkeypatch, capsys
):
    def fail(_: str) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(snapshot_cache, "preload", fail)
    serve._read_shared(addresses)
    assert "not everything was read in advance" in capsys.readouterr().err


def test_ready_says_when_the_register_is_not_used(app, monkeypatch):
    factory, live = app.extensions["register"]
    monkeypatch.setitem(app.config, "SESSION_FACTORY", factory)  # whoever holds another meanwhile
    with app.test_request_context():
        monkeypatch.setattr(live, "undelivered_s", lambda: 0.0)
        assert register_note() is None
        monkeypatch.setattr(live, "undelivered_s", lambda: 12.3)
        monkeypatch.setattr("web.service.health.missing_components", list)
        ready = app.test_client().get("/readyz")
        assert (ready.status_code, ready.get_json()["status"]) == (200, "degraded")
        assert "12 s" in ready.get_json()["notes"][0]


def gis_micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def wait_until(true) -> None:
    end = time.monotonic() + 10 * slowdown()
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)
