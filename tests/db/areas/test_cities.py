"""Cities and provinces over counties: loaded, moved, dumped; a place's chain ends as it did."""

import json
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis import search
from gis.areas import hierarchy
from gis.areas.codes import level_of, normalise_division_code
from gis.areas.models import LEVELS_OVER_COUNTY, Area, Level
from gis.areas.snapshot import read_snapshot
from gis.boundaries.store import publish_shapes
from gis.exchange.area_file import ReadOptions
from gis.exchange.areas import load_areas
from gis.exchange.dump import dump
from gis.facilities.planning_land import land_of_area
from gis.frames.area_frames import areas
from tests.support import build
from tests.support.three_counties import CITY, PROVINCE, ThreeCounties

NOW = datetime.now(UTC)


@pytest.fixture
def counties(session: Session, tmp_path: Path) -> ThreeCounties:
    return ThreeCounties(session, tmp_path)


def test_codes_of_provinces_and_cities_are_cut_to_their_length() -> None:
    cut = normalise_division_code
    assert [cut(code, Level.CITY) for code in ("520400", "520400000000", "5204", "520402")] == [
        CITY, CITY, CITY, "520402"
    ]  # fmt: skip
    assert cut("520000000000", Level.PROVINCE) == PROVINCE and level_of(CITY) is Level.CITY
    assert cut("520402000000", Level.COUNTY) == "520402"


def test_a_city_has_the_land_of_its_counties_and_follows_a_county_that_moves(
    session: Session, counties: ThreeCounties
) -> None:
    detail = hierarchy.area(session, CITY, NOW, geometry=True)
    assert (detail.row.parent, detail.children, detail.row.revision) == (PROVINCE, 2, None)
    west, south, east, north = detail.bbox or (0, 0, 0, 0)
    assert (east - west, north - south) == pytest.approx((2 * build.SIDE, build.SIDE))
    assert json.loads(detail.geometry or "")["type"] == "MultiPolygon"
    assert hierarchy.area(session, PROVINCE, NOW).bbox == detail.bbox
    assert [area.level for area in hierarchy.area(session, "520425", NOW).above] == [
        "province", "city"
    ]  # fmt: skip
    counties.load("city", "代码,名称\n5201,贵阳市\n")
    report = counties.load("county", "代码,名称,上级代码\n520425,紫云县,520100\n")
    assert [note.code for note in report.messages] == ["area_row.moved"]
    assert report.counts["changed"] == 1
    now = hierarchy.area(session, CITY, NOW)
    assert now.children == 1 and now.area_m2 == pytest.approx((detail.area_m2 or 0) / 2, rel=0.01)
    changes = hierarchy.history(session, "520425")[1]
    assert [(each.field, each.old, each.new) for each in changes][-1] == ("parent", CITY, "5201")
    # a file that names no city leaves the county where it is
    assert counties.load("county", "代码,名称\n520425,紫云县\n").counts["unchanged"] == 1


def test_counties_stand_alone_where_no_city_is_loaded(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text(
        "代码,名称,上级代码\n520402,西秀区,5204\n520425,紫云县,5204\n", encoding="utf-8"
    )
    report = load_areas(session, path, "county")
    assert report.refused == [] and report.counts["new"] == 2
    assert [note.code for note in report.messages] == ["area_row.no_cities"]
    assert set(session.scalars(select(Area.parent_id))) == {None}


def test_what_is_no_city_is_refused(counties: ThreeCounties) -> None:
    for level, table, code in (
        ("county", "代码,名称,上级代码\n520402,西秀区,5299\n", "area_row.above_unknown"),
        ("county", "代码,名称,上级代码\n520402,西秀区,520425\n", "area.code_wrong"),
        ("county", "代码,名称,市代码,上级代码\n520402,西秀区,5204,5201\n", "area_row.two_parents"),
        ("city", "代码,名称\n520402,安顺市\n", "area.code_wrong"),
        ("city", "代码,名称,上级代码\n520000,贵州,52\n", "area.code_wrong"),
        ("city", "代码,名称,上级代码\n5204,安顺市,5201\n", "area.code_wrong"),
        ("province", "代码,名称\n5204,贵州省\n", "area.code_wrong"),
        ("county", "代码,名称\n5204,安顺市\n", "area.code_wrong"),
    ):
        report = counties.load(level, table)
        assert [each.message.code for each in report.refused] == [code], table
    assert counties.area("520402").parent is counties.area(CITY)


def test_dumps_give_them_back(session: Session, counties: ThreeCounties, tmp_path: Path) -> None:
    before = session.execute(text("SELECT code, name, county, parent_id FROM area")).all()
    for layer, level in (("provinces", "province"), ("cities", "city"), ("counties", "county")):
        for ending in ("xlsx", "gpkg"):
            path = tmp_path / f"{layer}.{ending}"
            dump(session, layer, path)
            report = load_areas(session, path, level, ReadOptions())
            assert not report.refused and report.counts["unchanged"] == report.counts["rows"] > 0
    assert session.execute(text("SELECT code, name, county, parent_id FROM area")).all() == before
    sheet = openpyxl.load_workbook(tmp_path / "cities.xlsx").active
    assert sheet is not None and [cell.value for cell in sheet[2]][:4] == [
        CITY, "安顺市", "city", PROVINCE
    ]  # fmt: skip
    within = {
        code: list(areas(session, Level.COUNTY, within=code).index)
        for code in ("", PROVINCE, CITY, "520402", "52012")
    }
    both = ["520402", "520425"]
    assert within == {
        "": ["520123", *both], PROVINCE: both, CITY: both, "520402": both[:1], "52012": ["520123"]
    }  # fmt: skip


def test_locate_publishing_and_search_know_where_counties_end(
    session: Session, counties: ThreeCounties
) -> None:
    snapshot = read_snapshot(session, NOW)
    chains = [[area.level for area in snapshot.chain(row)] for row in range(3)]
    assert chains == [["county", "street", "community", "grid"]] * 3
    grid = counties.grids["520402"]
    publish_shapes(
        session,
        {grid.code: build.square(build.LON, build.LAT, build.SIDE, 2 * build.SIDE)},
        title="taller",
        author="test",
    )
    drawn = "SELECT count(*) FROM boundary JOIN area a ON a.id = area_id WHERE a.level = ANY(:over)"
    assert session.scalar(text(drawn), {"over": [*LEVELS_OVER_COUNTY]}) == 0
    land = land_of_area(session, CITY, datetime.now(UTC))
    assert land.bounds[3] == pytest.approx(build.LAT + 2 * build.SIDE)
    hits = search.search(session, "安顺", NOW)
    assert [(hit.code, hit.kind_en) for hit in hits] == [(CITY, "city")]
