"""Loading a register of buildings: what each row means, where it stands, who is head of it."""

from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from shapely import box
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.exchange.buildings import load_buildings
from gis.exchange.dump import BUILDINGS_WITH_NAMES, dump
from gis.exchange.households import load_households
from gis.files.report import LoadReport
from tests.support import build, load_town
from tests.support.load_town import WEST, write_csv
from tests.support.reading import reading_inside  # noqa: F401

pytestmark = pytest.mark.usefixtures("reading_inside")

town = load_town.town  # the fixture

FREE = {"经度": 105.9504, "纬度": 26.2307, "坐标系": "cgcs2000"}  # in WEST, on no building
ON_W2 = {"经度": 105.9507, "纬度": 26.2303, "坐标系": "cgcs2000"}
STORED = """
SELECT b.code, b.estate, b.name, b.county, b.floors, b.homes, b.outline, b.source, b.version,
  (SELECT count(*) FROM stairwell s WHERE s.building_id = b.id) AS stairwells,
  (SELECT string_agg(p.role || ' ' || h.name || ' ' || h.phone, ', ' ORDER BY p.role)
   FROM post p JOIN personal.person h ON h.id = p.holder_id
   WHERE p.building_id = b.id AND p.valid_time @> now()) AS posts
FROM building b ORDER BY b.id
"""
UNIT_SQL = """
SELECT ST_Equals(s.geom, b.geom) FROM boundary s JOIN area a ON a.id = s.area_id, building b
WHERE a.code = :unit AND b.code = 'w1' AND upper_inf(s.valid_time)
"""
EVERYTHING = """
SELECT md5(string_agg(x, '' ORDER BY x)) FROM (
  SELECT b::text AS x FROM building b UNION ALL SELECT s::text FROM stairwell s
  UNION ALL SELECT p::text FROM post p UNION ALL SELECT h::text FROM personal.person h) t
"""


def row(**cells: object) -> dict[str, object]:
    """A row of the register of 虹山花园, placed on free ground."""
    return {
        "小区名称": "虹山花园", "楼栋号": "1号楼", "单元数": 2, "层数": 7, "总户数": 28,
        "楼栋长": "示例甲", "联系电话": "13900001001", "包保干部": "示例己", **FREE, **cells,
    }  # fmt: skip


def load(session: Session, folder: Path, *rows: Mapping[str, object], **how: Any) -> LoadReport:
    report = load_buildings(session, write_csv(folder / "b.csv", rows), timezone=UTC, **how)
    session.expire_all()
    return report


def stored(session: Session, code: str) -> Any:
    return next(each for each in session.execute(text(STORED)) if each.code == code)


def test_a_register_is_loaded_and_again_and_back(town: Session, tmp_path: Path) -> None:
    second = row(楼栋号="2号楼", 单元数=3, 楼栋长="示例乙", 联系电话="13900001002", 经度=105.9508)
    report = load(town, tmp_path, row(), second)
    assert (report.counts["new"], report.counts["new_stairwells"]) == (2, 5), report.refused
    one = stored(town, "b1")
    assert one.county == "520402" and one.outline == "assumed" and one.stairwells == 2
    assert one.posts == "building_head 示例甲 13900001001, building_sponsor 示例己 "
    assert town.scalar(text("SELECT count(*) FROM personal.person")) == 3, "示例己 is one person"
    before = town.scalar(text(EVERYTHING))
    again = load(town, tmp_path, row(), second)
    assert (again.counts["changed"], again.counts["unchanged"]) == (0, 2)
    for layer, ending in (
        (BUILDINGS_WITH_NAMES, ".shp"),
        (BUILDINGS_WITH_NAMES, ".xlsx"),
        ("buildings", ".csv"),
    ):
        file = tmp_path / f"dump{ending}"
        dump(town, layer, file)
        back = load_buildings(town, file, timezone=UTC)
        assert not back.refused and back.counts["unchanged"] == 5, (ending, back.refused)
    assert town.scalar(text(EVERYTHING)) == before
    # another head from the next register on; the former post ends
    town.execute(text("UPDATE post SET valid_time = tstzrange(now() - interval '1 day', NULL)"))
    load(town, tmp_path, row(楼栋长="空缺", 联系电话=""), second | {"楼栋长": "示例丙"})
    assert stored(town, "b1").posts == "building_sponsor 示例己 "
    assert "示例丙 13900001002" in stored(town, "b2").posts


def test_a_row_means_the_outline_it_stands_on(town: Session, tmp_path: Path) -> None:
    town.execute(text("UPDATE building SET name = '', estate = '', source = 'osm'"))
    by_point = row(**ON_W2)
    assert load(town, tmp_path, by_point).counts["changed"] == 1
    w2 = stored(town, "w2")
    assert (w2.name, w2.outline, w2.floors, w2.version) == ("1号楼", "drawn", 7, 2)
    by_code = row(编码="w1", 楼栋号="3号楼", 经度="", 纬度="")
    own_code = row(编码="HS-5", 楼栋号="5号楼", 经度=105.9513, 纬度=26.2303)
    assert load(town, tmp_path, by_code, own_code).counts["changed"] == 2
    assert (stored(town, "w1").name, stored(town, "HS-5").name) == ("3号楼", "5号楼")
    assert town.scalar(text("SELECT count(*) FROM building")) == 3


WRONG: tuple[tuple[dict[str, object], str], ...] = (
    ({"经度": "", "纬度": ""}, "经度"),  # not placed
    ({"坐标系": ""}, "坐标系"),
    ({"小区名称": ""}, "小区名称"),
    ({"楼栋号": "1-3号楼"}, "楼栋号"),
    ({"楼栋号": "1号楼2单元"}, "楼栋号"),
    ({"层数": 0}, "层数"),
    ({"总户数": 9000}, "总户数"),
    ({"楼栋长": ""}, "联系电话"),
    (ON_W2, "楼栋号"),  # where 桂花苑4号楼 stands
    ({"编码": "X", "小区名称": "桂花苑", "楼栋号": "3号楼"}, "编码"),  # known as w1
    ({"形状": "POLYGON ((105.95 26.23, 105.96 26.24, 105.96 26.23, 105.95 26.24, 105.95 26.23))"},
     "形状"),
    ({"形状": "POINT (105.95 26.23)"}, "形状"),
    ({"轮廓": "猜的"}, "轮廓"),
)  # fmt: skip


def test_wrong_rows_are_refused_and_nothing_loaded(town: Session, tmp_path: Path) -> None:
    before = town.scalar(text(EVERYTHING))
    blank: dict[str, object] = {"编码": "", "形状": "", "轮廓": ""}
    rows = [
        row(**blank | {"楼栋号": f"{nth}号楼"} | cells) for nth, (cells, _) in enumerate(WRONG, 10)
    ]
    report = load(town, tmp_path, *rows, row(**blank))
    assert [(each.where, each.field) for each in report.refused] == [
        (f"row {nth}", field) for nth, (_, field) in enumerate(WRONG, 2)
    ]
    assert town.scalar(text(EVERYTHING)) == before


def test_rows_that_contradict_each_other(town: Session, tmp_path: Path) -> None:
    twice = load(town, tmp_path, row(), row())
    assert [each.field for each in twice.refused] == ["楼栋号"]
    town.execute(text("UPDATE building SET name = '' WHERE code = 'w2'"))
    two_names = load(town, tmp_path, row(**ON_W2, 小区名称="桂花苑"),
                     row(**ON_W2, 小区名称="桂花苑", 楼栋号="2号楼"))  # fmt: skip
    assert [each.message.code for each in two_names.refused] == ["building_row.same_building"]
    first = row(联系电话="13900000001"), row(楼栋号="2号楼", 联系电话="13900000002", 经度=105.9508)
    assert not load(town, tmp_path, *first).refused
    namesake = load(town, tmp_path, row(楼栋号="6号楼", 联系电话="", 纬度=26.2309))
    assert [each.message.code for each in namesake.refused] == ["named_person.several"]


def test_a_building_of_the_same_name_in_another_county_is_another(
    town: Session, tmp_path: Path
) -> None:
    assert not load(town, tmp_path, row()).refused
    other = build.Town(town, "520499001001")
    elsewhere = row(经度=105.9559, 编码="own")  # half a kilometre away, in no grid so far
    near = load(town, tmp_path, elsewhere)
    assert [each.message.code for each in near.refused] == ["building_row.far_away"]
    other.grid("001", (105.9555 - build.LON) / build.SIDE, (26.23 - build.LAT) / build.SIDE)
    assert not load(town, tmp_path, elsewhere).refused
    assert stored(town, "own").county == "520499"


def test_what_waits_is_placed_later(town: Session, tmp_path: Path) -> None:
    nowhere = row(经度="", 纬度="")
    assert load(town, tmp_path, nowhere, place="later").counts["unplaced"] == 1
    assert load(town, tmp_path, nowhere, place="later").counts["unplaced"] == 1
    assert town.scalar(text("SELECT count(*) FROM unplaced_building")) == 1
    placed = {"小区名称": "虹山花园", "楼栋号": "1号楼", **FREE}
    assert load(town, tmp_path, placed).counts["new"] == 1
    assert stored(town, "b1").posts.startswith("building_head 示例甲 13900001001")
    assert (stored(town, "b1").floors, stored(town, "b1").stairwells) == (7, 2)
    assert town.scalar(text("SELECT count(*) FROM unplaced_building")) == 0


def test_units_follow_an_outline_and_hold_it_in_their_grid(town: Session, tmp_path: Path) -> None:
    homes = [{"楼栋编码": "w1", "房号": "101", "人数": 2, "十联户编码": f"{WEST}01"}]
    assert not load_households(town, write_csv(tmp_path / "h.csv", homes)).refused
    shape = box(105.9502, 26.2302, 105.9503, 26.2306)
    report = load(town, tmp_path, {"编码": "w1", "形状": shape.wkt, "坐标系": "cgcs2000"})
    assert report.counts["changed"] == 1, report.refused
    assert town.scalar(text(UNIT_SQL), {"unit": f"{WEST}01"})
    away = box(105.9515, 26.2302, 105.9517, 26.2304)
    report = load(town, tmp_path, {"编码": "w1", "形状": away.wkt, "坐标系": "cgcs2000"})
    assert [each.message.code for each in report.refused] == ["building_row.left_behind"]


def test_an_outline_takes_the_place_of_an_assumed_one(town: Session, tmp_path: Path) -> None:
    load(town, tmp_path, row())
    drawn = box(105.95035, 26.23065, 105.95045, 26.23075)
    cells = {"小区名称": "虹山花园", "楼栋号": "1号楼", "形状": drawn.wkt, "坐标系": "cgcs2000"}
    assert load(town, tmp_path, cells).counts["changed"] == 1
    assert stored(town, "b1").outline == "drawn"
    # the point of the old register, and an assumed outline, change nothing more
    assert load(town, tmp_path, row()).counts["unchanged"] == 1
    assert load(town, tmp_path, cells | {"轮廓": "示意"}).counts["unchanged"] == 1
