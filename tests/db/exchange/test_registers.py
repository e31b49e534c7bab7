"""Registers as offices have them: the shared cases, messier ones, and the second month."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Forbidden, InvalidInput, NotFound, Unavailable
from gis.exchange.building_store import LOCK_BUILDINGS_SQL
from gis.exchange.registers import load as loading
from gis.exchange.registers.load import RegisterLoad
from gis.exchange.registers.mapping import confirmed
from gis.exchange.registers.recipes import (
    delete_recipe,
    list_recipes,
    recipe_mapping,
    save_recipe,
)
from gis.exchange.registers.result import to_dict
from tests.support import registers
from tests.support.reading import reading_inside  # noqa: F401
from tests.support.registers import CASES, buildings, homes, load, posts, write

pytestmark = pytest.mark.usefixtures("reading_inside")

town = registers.town
estate = registers.estate

FIRST = ("虹山花园1号楼", 2, 7, 28, "示例甲", "13900001001", "示例己")
SECOND = ("虹山花园2号楼", 3, 7, 42, "示例乙", "13900001002", "示例己")
HOMES = {"h1-1-301": 3, "h1-1-302": 1, "h2-2-402": 2}
LEADER, WORKER, OTHER = (
    "grid_leader 001 示例甲 13900001050",
    "grid_worker 001 示例乙 13900001051",
    "grid_worker 002 示例丙 13900001052",
)
STORED = [  # as right.csv says
    ("虹山花园1号楼", 2, 7, 28, "示例甲 13900001001", "示例己 "),
    ("虹山花园2号楼", 3, 7, 42, "示例乙 13900001002", "示例己 "),
]
STORED_BUILDINGS_SQL = """
SELECT b.estate || b.name, (SELECT count(*) FROM stairwell s WHERE s.building_id = b.id), b.floors,
  b.homes, min(p.name || ' ' || p.phone) FILTER (WHERE o.role = 'building_head'),
  min(p.name || ' ' || p.phone) FILTER (WHERE o.role = 'building_sponsor')
FROM building b
LEFT JOIN post o ON o.building_id = b.id AND o.valid_time @> now()
LEFT JOIN personal.person p ON p.id = o.holder_id
WHERE b.estate = '虹山花园' GROUP BY b.id ORDER BY b.name
"""
POSTS = {
    "roster_5_two_grids": [LEADER, WORKER, "grid_worker 002 示例乙 13900001051"],
    "roster_6_one_person_twice": [LEADER, "grid_leader 002 示例甲 13900001050", WORKER, OTHER],
    "roster_7_vacant": [LEADER, "grid_worker 001 - -", OTHER],
}
PERSONAL = ("示例", "5204000000", "139000010")


def stored_buildings(session: Session) -> list[tuple[object, ...]]:
    return [tuple(row) for row in session.execute(text(STORED_BUILDINGS_SQL))]


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not on this machine")
def test_every_shared_case_is_read_as_right_csv_says(estate: Session) -> None:
    files = sorted(path for path in CASES.iterdir() if path.stem != "right")
    assert len(files) == 24
    for path in files:
        savepoint = estate.begin_nested()
        loaded = load(estate, path)
        kind = path.name.split("_")[0]
        assert loaded.mapping.kind == kind and not loaded.mapping.others, path.name
        if path.stem == "buildings_7_range":
            assert {row.field for row in loaded.report.refused} == {"总户数", "单元数"}
        elif kind == "buildings":
            assert buildings(loaded) == [FIRST, SECOND] and loaded.ready, path.name
            assert stored_buildings(estate)[:2] == STORED, path.name
            again = load(estate, path)
            assert again.ready and not again.changes and again.report.counts["unchanged"] == 2
        elif kind == "residents":
            assert homes(loaded) == HOMES and loaded.ready, path.name
            said = str([to_dict(loaded, language) for language in ("zh", "en")])
            assert not any(word in said for word in PERSONAL), path.name
        else:
            assert posts(loaded) == POSTS.get(path.stem, [LEADER, WORKER, OTHER]), path.name
            assert len({row["person"] for row in loaded.loaded if row["person"]}) == (
                2 if path.stem[7] in "57" else 3
            )
            assert set(loaded.mapping.not_kept) == {"性别", "政治面貌"}
        savepoint.rollback()


# --- messier ones: each with what is right, and how many rows are a guess and refused

HEADER = ("姓名", "与户主关系", "身份证号", "家庭住址")
OLD, CHILD = "520402195001010011", "520402202201010012"
RESIDENTS: dict[str, tuple[list[tuple[object, ...]], dict[str, object], int, int]] = {
    # members without an address under their head; ages from the identity numbers, one of them in
    # two homes
    "members_below.xlsx": (
        [
            HEADER,
            ("张三", "户主", OLD, "虹山花园1栋1单元301"),
            ("李四", "孙子", CHILD, ""),
            ("王五", "户主", OLD[:-2] + "38", "虹山花园1栋1单元302室"),
            ("王五", "户主", OLD, "虹山花园2栋1单元302室"),
        ],
        {"h1-1-301": (2, 1, 1), "h1-1-302": (1, 1, 0)},
        1,
        1,
    ),
    # the head's row cannot be read: the member is not counted in the home above
    "head_refused.csv": (
        [
            HEADER,
            ("张三", "户主", "", "虹山花园1栋1单元301"),
            ("赵六", "户主", "", "虹山花园1栋、2栋"),
            ("李四", "子", "", ""),
        ],
        {"h1-1-301": 1},
        0,
        2,
    ),
    # the same person twice, one who died, two households in one home
    "twice_and_died.csv": (
        [
            ("户号", *HEADER, "备注"),
            ("1", "张三", "户主", OLD, "虹山花园1号楼1单元301", ""),
            ("1", "张三", "户主", OLD, "虹山花园1号楼1单元301", ""),
            ("1", "李四", "妻", "", "虹山花园1号楼1单元301", "已故"),
            ("2", "钱七", "户主", CHILD, "虹山花园1号楼1单元301", ""),
        ],
        {"h1-1-301": (2, 1, 1)},
        3,
        0,
    ),
    # no estate in the rows but in the title; numbers joined by dashes
    "虹山花园常住人口.xlsx": (
        [
            ("虹山花园小区常住人口登记表", "", ""),
            ("楼栋", "房号", "居住人数"),
            ("1", "1-301", 3),
            ("二号楼", "2-402", "两人"),
            ("填表人：某某", "", ""),
        ],
        {"h1-1-301": 3, "h2-2-402": 2},
        2,
        0,
    ),
    # a merged count, a count that is no number, a building that is not there, the same home twice
    "wrong_rows.csv": (
        [
            ("小区", "楼栋", "单元", "房号", "人口数"),
            ("虹山花园", "1号楼", "1", "301", "三口人"),
            ("虹山花园", "1号楼", "1", "302", "若干"),
            ("虹山花园", "9号楼", "1", "303", "2"),
            ("虹山花园", "1号楼", "1", "301", "4"),
            ("虹山花园", "2号楼", "1", "101-102", "4"),
        ],
        {"h1-1-301": 4},
        0,
        4,
    ),
    # headers that say nothing: told from the cells
    "unclear_headers.csv": (
        [
            ("甲", "乙", "家庭人口"),
            ("虹山花园1号楼1单元301", "1390000", "3"),
            ("虹山花园2号楼2单元402", "1390000", "2"),
            ("合计", "", "5"),
        ],
        {"h1-1-301": 3, "h2-2-402": 2},
        0,
        0,
    ),
    # a header over two rows, a printed page's header again, stated counts of homes
    "two_rows.xlsx": (
        [
            ("序号", "地址", "", "", "人数"),
            ("", "小区", "楼号", "门牌号", ""),
            (1, "虹山花园", "1号楼", "301", 3),
            ("", "小区", "楼号", "门牌号", ""),
            (2, "虹山花园", "2号楼", "402室", 2),
        ],
        {"h1--301": 3, "h2--402": 2},
        0,
        0,
    ),
    # a house of one home, and rows that may be homes or people
    "houses.csv": (
        [("姓名", "住址"), ("张三", "石板巷3号"), ("李四", "虹山花园1号楼1单元301")],
        {"lane--1": 1, "h1-1-301": 1},
        2,
        0,
    ),
    # a row that stands there twice
    "twice.csv": (
        [
            ("姓名", "住址"),
            *[(name, "虹山花园1号楼1单元301") for name in ("张三", "李四", "李 四")],
        ],
        {"h1-1-301": 3},
        1,
        0,
    ),
    # the estate only in the first of its rows; traditional characters, full width
    "blank_estates.csv": (
        [
            ("所在小區", "樓號", "單元號", "房間號", "人數"),
            ("虹山花園", "１號樓", "一單元", "３０１", "３"),
            ("", "2號樓", "二單元", "402", "2"),
        ],
        {"h1-1-301": 3, "h2-2-402": 2},
        1,
        0,
    ),
    # who left is said in a column of its own, beside remarks, or by a day; one lives in two places
    "left.xlsx": (
        [
            ("姓名", "现住地址", "户籍地址", "人口类别", "退租日期", "备注"),
            ("张三", "虹山花园1号楼1单元301", "虹山花园2号楼1单元101", "在册", "", ""),
            ("李四", "虹山花园1号楼1单元301", "", "已迁出", "", ""),
            ("王五", "虹山花园1号楼1单元301", "", "在册", "2026-05-01", ""),
            ("赵六", "虹山花园1号楼1单元301", "", "在册", "2027-05-01", ""),
            ("钱七", "虹山花园1号楼1单元302", "", "在册", "", "已退租"),
            ("孙八", "", "虹山花园1号楼1单元302", "在册", "", "人户分离"),
            ("周九", "同户籍地址", "虹山花园1号楼1单元302", "在册", "", ""),
        ],
        {"h1-1-301": 2, "h1-1-302": 2},
        5,
        0,
    ),
    # members by the number of the household, wherever they stand
    "numbers.csv": (
        [
            ("户号", *HEADER),
            ("2", "李四", "子", "", ""),
            ("1", "张三", "户主", "", "虹山花园1号楼1单元301"),
            ("2", "王五", "户主", "", "虹山花园1号楼1单元302"),
            ("1", "赵六", "妻", "", ""),
            ("3", "钱七", "妻", "", ""),
        ],
        {"h1-1-301": 2, "h1-1-302": 2},
        2,
        1,
    ),
    # a second table whose columns stand in another order, of the estate above it
    "below.xlsx": (
        [
            ("虹山花园住户",),
            ("楼栋", "单元", "房号", "人数", "60岁以上"),
            ("1号楼", "1", "301", 3, 1),
            ("小计", "", "", 3, 1),
            ("虹山花园2号楼",),
            ("单元", "楼栋", "房号", "60岁以上", "人数"),
            ("1", "2号楼", "101", 0, 4),
        ],
        {"h1-1-301": (3, 1, None), "h2-1-101": (4, 0, None)},
        2,
        0,
    ),
    # 门牌 is the room where there is no better column; flats go from A to F and beyond
    "street_number.xlsx": (
        [
            ("小区", "楼栋", "门牌", "单元", "房号", "人数"),
            ("虹山花园", "1号楼", "爱南路20号", "1", "301", 3),
            ("虹山花园", "1号楼", "爱南路20号", "1", "3F", 1),
        ],
        {"h1-1-301": 3, "h1-1-3F": 1},
        1,
        0,
    ),
    # two tables side by side
    "beside.csv": (
        [
            ("地址", "人数", "", "地址", "人数"),
            ("虹山花园1号楼1单元301", "3", "", "虹山花园1号楼1单元302", "1"),
            ("", "", "", "虹山花园2号楼2单元402", "2"),
        ],
        {"h1-1-301": 3, "h1-1-302": 1, "h2-2-402": 2},
        0,
        0,
    ),
}


@pytest.mark.parametrize("name", RESIDENTS)
def test_messy_registers_of_residents(estate: Session, tmp_path: Path, name: str) -> None:
    rows, right, guess, refused = RESIDENTS[name]
    loaded = load(estate, write(tmp_path / name, rows), kind="residents")
    assert (homes(loaded), loaded.rows["guess"], loaded.rows["refused"]) == (right, guess, refused)


NOTE = "填报单位：学苑社区居委会"
BUILDINGS: dict[str, tuple[list[tuple[object, ...]], list[tuple[object, ...]], int, int]] = {
    # ranges and lists without figures are a building each; with homes they are refused
    "ranges.csv": (
        [
            ("小区", "楼栋", "层数", "户数", "楼栋长", "联系电话"),
            ("虹山花园", "1-2栋", "7", "", "示例甲", "13900001001"),
            ("虹山花园", "3、4号楼", "7", "56", "示例乙", "13900001002"),
            ("虹山花园", "5#", "7", "28", "空缺", ""),
        ],
        [
            ("虹山花园1号楼", None, 7, None, "示例甲", "13900001001", None),
            ("虹山花园2号楼", None, 7, None, "示例甲", "13900001001", None),
            ("虹山花园5号楼", None, 7, 28, "空缺", None, None),
        ],
        1,
        2,  # 5号楼 has no place
    ),
    # two telephones with the same header, each of the person left of it
    "two_phones.xlsx": (
        [
            ("小区", "楼号", "单元", "楼层", "户数", "楼长", "电话", "包保人", "电话"),
            ("虹山花园", 1, 2, "七层", 28, "示例甲", 13900001001, "示例己", "0851-33220000"),
        ],
        [("虹山花园1号楼", 2, 7, 28, "示例甲", "13900001001", "示例己")],
        0,
        0,
    ),
    # whole name in one cell, and the estate only in the address
    "whole_names.csv": (
        [
            (NOTE, "", "", "", ""),
            ("序号", "楼栋名称", "地址", "总户数（户）", "楼栋长及电话"),
            ("1", "虹山花园1号楼", "", "28户", "示例甲（139-0000-1001）"),
            ("2", "", "学苑社区虹山花园2号楼", "约42户", "示例乙13900001002"),
            ("", "合计", "", "70户", ""),
        ],
        [
            ("虹山花园1号楼", None, None, 28, "示例甲", "13900001001", None),
            ("虹山花园2号楼", None, None, 42, "示例乙", "13900001002", None),
        ],
        1,
        0,
    ),
    # as in the row above, and one that does not stand any more
    "dittos.csv": (
        [
            ("小区", "楼栋", "层数", "户数", "楼栋长", "电话", "备注"),
            ("虹山花园", "1号楼", "7", "28", "示例甲", "13900001001", ""),
            ("同上", "2号楼", "〃", "42", "同上", "同上", "原址拆除重建"),
            ("同上", "4号楼", "7", "42", "", "", "已拆除"),
            ("同上", "3号楼", "7", "42", "同上", "", ""),
        ],
        [
            ("虹山花园1号楼", None, 7, 28, "示例甲", "13900001001", None),
            ("虹山花园2号楼", None, 7, 42, "示例甲", "13900001001", None),
            ("虹山花园3号楼", None, 7, 42, None, None, None),
        ],
        2,
        1,
    ),
    # a row for each stairwell, of which the first alone would be a building of 14 homes
    "by_stairwell.csv": (
        [
            ("小区", "楼栋", "单元", "层数", "户数", "楼栋长"),
            ("虹山花园", "1号楼", "1单元", "7", "14", "示例甲"),
            ("虹山花园", "1号楼", "2单元", "7", "14", "示例乙"),
            ("虹山花园", "2号楼", "3单元", "60", "约42户", "示例丙"),
            ("虹山花园", "3号楼", "2个单元", "7", "28户", "示例丙"),
        ],
        [
            ("虹山花园2号楼", 3, 60, 42, "示例丙", None, None),
            ("虹山花园3号楼", 2, 7, 28, "示例丙", None, None),
        ],
        1,
        2,
    ),
    # merged figures, a building twice, a figure that is none, two people in a cell
    "wrong.csv": (
        [
            ("小区", "楼栋", "单元数", "层数", "总户数", "楼栋长"),
            ("虹山花园", "1号楼", "2", "7", "28", "示例甲"),
            ("虹山花园", "一号楼", "2", "7", "28", "示例甲"),
            ("虹山花园", "2号楼", "2", "6+1", "28", "示例乙"),
            ("虹山花园", "3号楼", "2", "7", "28", "示例丙、示例丁"),
        ],
        [("虹山花园1号楼", 2, 7, 28, "示例甲", None, None)],
        0,
        3,
    ),
}


@pytest.mark.parametrize("name", BUILDINGS)
def test_messy_registers_of_buildings(estate: Session, tmp_path: Path, name: str) -> None:
    rows, right, guess, refused = BUILDINGS[name]
    loaded = load(estate, write(tmp_path / name, rows))
    assert loaded.mapping.kind == "buildings"
    assert (buildings(loaded), loaded.rows["guess"], loaded.rows["refused"]) == (
        right,
        guess,
        refused,
    )


ROSTERS: dict[str, tuple[list[tuple[object, ...]], list[str], int, int]] = {
    # a leader and a worker with their telephones in one row; an empty cell is nobody
    "leader_and_worker.csv": (
        [
            ("社区", "网格", "网格长", "联系电话", "网格员", "联系电话"),
            ("学苑", "6网格", "示例甲", "139 0000 1050", "示例乙", "13900001051"),
            ("学苑", "第七网格", "（缺）", "", "", ""),
        ],
        [
            "grid_leader 001 示例甲 13900001050",
            "grid_leader 002 - -",
            "grid_worker 001 示例乙 13900001051",
        ],
        0,
        0,
    ),
    # roles of community and building; a range of grids; no role column but a title
    "学苑社区网格员花名册.xlsx": (
        [("姓名", "所属网格", "手机"), ("示例甲", "6-7网格", 13900001050)],
        ["grid_worker 001 示例甲 13900001050", "grid_worker 002 示例甲 13900001050"],
        1,
        0,
    ),
    "several_levels.csv": (
        [
            ("社区", "网格", "小区", "负责楼栋", "姓名", "职务", "电话"),
            ("学苑社区", "", "", "", "示例甲", "社区书记、网格员", "13900001050"),
            ("学苑社区", "学苑六网格", "", "", "示例乙", "网格员兼网格党小组组长", "13900001051"),
            ("学苑社区", "", "虹山花园", "1、2号楼", "示例丙", "楼栋长", "13900001052"),
            ("", "", "", "", "示例丁", "副网格长", "13900001053"),
            ("青松社区", "第6网格", "", "", "示例戊", "网格员", "13900001054"),
        ],
        [
            "building_head h1 示例丙 13900001052",
            "building_head h2 示例丙 13900001052",
            "grid_party_leader 001 示例乙 13900001051",
            "grid_worker 001 示例乙 13900001051",
        ],
        0,
        3,
    ),
    # no telephone beside a known name; namesakes; one post twice
    "namesakes.csv": (
        [
            ("网格名称", "姓名", "岗位", "联系电话"),
            ("学苑第6网格", "示例甲", "网格长", "13900001050"),
            ("学苑第7网格", "示例甲", "网格长", ""),
            ("学苑第6网格", "示例乙", "专职网格员", "13900001051"),
            ("学苑第7网格", "示例乙", "网格员", "13900001059"),
            ("学苑第6网格", "示例甲", "网格长", "13900001050"),
        ],
        [
            "grid_leader 001 示例甲 13900001050",
            "grid_leader 002 示例甲 13900001050",
            "grid_worker 001 示例乙 13900001051",
            "grid_worker 002 示例乙 13900001059",
        ],
        4,
        0,
    ),
    # who has left is left out
    "left.csv": (
        [
            ("网格", "姓名", "职务", "电话", "备注"),
            ("6网格", "示例甲", "网格长", "13900001050", "兼社区委员"),
            ("6网格", "示例乙", "网格员", "13900001051", "10月已离职"),
        ],
        ["grid_leader 001 示例甲 13900001050"],
        1,
        0,
    ),
    # a group over two rows of header, with vacant posts
    "groups.xlsx": (
        [
            ("网格名称", "网格长", "", "网格员", ""),
            ("", "姓名", "电话", "姓名", "电话"),
            ("学苑第6网格", "示例甲", "13900001050", "待聘", "/"),
            ("学苑第7网格", "—", "", "示例乙（女）*", "13900001051/13900001052"),
        ],
        [
            "grid_leader 001 示例甲 13900001050",
            "grid_leader 002 - -",
            "grid_worker 001 - -",
            "grid_worker 002 示例乙 13900001051",
        ],
        2,
        0,
    ),
    # grids with a slash, acting and second roles; a telephone as a name is no vacancy
    "slashes.csv": (
        [
            ("网格", "姓名", "职务", "电话", "社区"),
            ("第6网格/第7网格", "示例甲", "代理网格长", "13900001050", "学苑社区"),
            ("第6网格", "示例乙", "社区书记兼网格员", "13900001051", "学苑社区"),
            ("第6网格", "13900001052", "网格员", "示例丙", "学苑社区"),
        ],
        [
            "community_secretary 004 示例乙 13900001051",
            "grid_leader 001 示例甲 13900001050",
            "grid_leader 002 示例甲 13900001050",
            "grid_worker 001 示例乙 13900001051",
        ],
        1,
        1,
    ),
    # the party organisation of one has changed; a retired member stays one
    "学苑社区党员名单.csv": (
        [
            ("姓名", "所在党支部", "联系电话", "备注"),
            ("示例甲", "一支部", "13900001050", "组织关系已转出"),
            ("示例乙", "一支部", "13900001051", "退休"),
        ],
        ["party_member 004 示例乙 13900001051"],
        1,
        0,
    ),
    # party members and volunteers have the role of their list
    "学苑社区在职党员双报到名单.csv": (
        [
            ("姓名", "性别", "所在党支部", "联系电话", "报到社区"),
            ("示例甲", "男", "一支部", "13900001050", "学苑社区"),
        ],
        ["party_member 004 示例甲 13900001050"],
        0,
        0,
    ),
    "学苑社区志愿者名单.csv": (
        [("志愿者姓名", "特长", "联系电话"), ("示例乙", "水电维修", "13900001051")],
        ["volunteer_team 004 示例乙 13900001051"],
        0,
        0,
    ),
}


@pytest.mark.parametrize("name", ROSTERS)
def test_messy_lists_of_people(estate: Session, tmp_path: Path, name: str) -> None:
    rows, right, guess, refused = ROSTERS[name]
    loaded = load(estate, write(tmp_path / name, rows))
    assert (posts(loaded), loaded.rows["guess"], loaded.rows["refused"]) == (right, guess, refused)
    assert loaded.ready == (not refused)


BUILDING_HEADER = ("小区", "楼栋", "楼栋类型", "层数", "楼栋长", "联系电话")


def test_what_a_register_of_buildings_changes(estate: Session, tmp_path: Path) -> None:
    rows = [
        BUILDING_HEADER,
        ("虹山花园", "1-2号楼", "住宅楼", 7, "示例甲", "13900001001"),
        ("虹山花园", "4号楼", "商住", 6, "示例乙", "13900001002"),
    ]
    first = write(tmp_path / "a.csv", rows)
    refused = load(estate, first)
    [unplaced] = [row.text_in("en") for row in refused.report.refused]
    assert unplaced.startswith("row 3 lon: 虹山花园4号楼 is not placed yet") and not refused.ready
    loaded = load(estate, first, place="later")
    assert loaded.ready and changes(loaded) == [
        ("changed", "虹山花园1号楼", "7层", "residential · 7层 · 示例甲 13900001001"),
        ("changed", "虹山花园2号楼", "7层", "residential · 7层 · 示例甲 13900001001"),
        ("came", "虹山花园4号楼", "", "residential · 6 · 示例乙"),
    ]
    assert not load(estate, first, place="later").changes
    # the outline comes with a map, which has estate and number in one name
    outline = text(
        "INSERT INTO building (code, county, estate, name, geom, source) SELECT 'w4', county, '',"
        " '虹山花园4号楼', ST_Translate(geom, 0.0002, 0), 'osm' FROM building WHERE code = 'h3'"
    )
    estate.execute(outline)
    estate.execute(text("UPDATE post SET valid_time = '[2026-10-01,)'"))
    # a row that is refused may be the building that seems to be gone
    partly = [
        ("编码", *BUILDING_HEADER),
        ("", "虹山花园", "1号楼", "", 7, "", ""),
        ("h3", "虹山花园", "2号楼", "", 7, "", ""),
    ]
    loaded = load(estate, write(tmp_path / "c.csv", partly), skip_refused=True, end_gone=True)
    assert loaded.ready and not loaded.changes
    [refused_code] = [row.text_in("en") for row in loaded.report.refused]
    assert refused_code.startswith("row 3 编码: code h3 is that of 虹山花园3号楼")
    second = [
        BUILDING_HEADER,
        ("虹山花园", "1号楼", "", 7, "（空缺）", ""),
        ("虹山花园", "4号楼", "", 6, "示例乙", "13900001009"),
    ]
    sheets = {"一": second[:2], "二": [BUILDING_HEADER, *second[2:]]}
    loaded = load(estate, write(tmp_path / "b.xlsx", sheets), end_gone=True)
    assert loaded.ready and changes(loaded) == [
        ("changed", "虹山花园1号楼", "residential · 7层 · 示例甲 13900001001", "residential · 7层"),
        ("changed", "虹山花园4号楼", "", "6层 · 示例乙 13900001009"),
        ("went", "虹山花园2号楼", "", ""),
    ]
    assert stored_buildings(estate) == [
        ("虹山花园1号楼", 0, 7, None, None, None),
        ("虹山花园3号楼", 0, 7, None, None, None),
        ("虹山花园4号楼", 0, 6, None, "示例乙 13900001009", None),
    ]
    assert not estate.scalar(text("SELECT count(*) FROM unplaced_building"))


def test_buildings_are_loaded_into_own_areas_only(estate: Session, tmp_path: Path) -> None:
    ids = dict(estate.execute(text("SELECT name, id FROM area WHERE level = 'grid'")).all())
    west, east = (frozenset({ids[f"学苑第{number}网格"]}) for number in (6, 7))
    header = (*BUILDING_HEADER, "编码", "经度", "纬度", "坐标系")
    place = (105.9508, 26.2301, "cgcs2000")  # beside 虹山花园
    rows = [
        header,
        ("虹山花园", "1号楼", "", 7, "示例甲", "13900001001", "h1", "", "", ""),
        ("虹山花园", "9号楼", "", 6, "", "", "", *place),
    ]
    path = write(tmp_path / "a.csv", rows)

    def refusals(areas: frozenset[int], post_areas: frozenset[int] | None) -> list[str]:
        loaded = load(estate, path, areas=lambda kind: areas, post_areas=post_areas)
        return [row.text_in("en").split(",")[0] for row in loaded.report.refused]

    foreign = "this place is not in your areas"
    assert refusals(east, None) == [f"row 2 楼栋: {foreign}", f"row 3 楼栋: {foreign}"]
    assert refusals(west, east) == ["row 2 楼栋长: a head or sponsor gets a post"]
    assert refusals(west, west) == []

    # of what stands elsewhere, and of heads where they may not be named, nothing is said
    def said(name_areas: frozenset[int] | None, areas: frozenset[int] = west) -> str:
        savepoint = estate.begin_nested()
        loaded = load(estate, changed, areas=lambda kind: areas, name_areas=name_areas)
        savepoint.rollback()
        return str([(change.name, change.old) for change in loaded.changes])

    assert load(estate, path).ready
    changed = write(tmp_path / "b.csv", [header, ("虹山花园", "1号楼", "", 9, *[""] * 6)])
    assert "示例甲 13900001001" in said(None) and "示例甲 13900001001" in said(west)
    assert "1号楼" in said(east) and "示例甲" not in said(east)
    assert said(None, areas=east) == "[]"
    waits = write(
        tmp_path / "c.csv", [BUILDING_HEADER, ("虹山花园", "12号楼", "", 6, "示例甲", "")]
    )

    def later(post_areas: frozenset[int]) -> bool:
        options = {"areas": lambda kind: west, "post_areas": post_areas, "place": "later"}
        return load(estate, waits, **options).ready

    assert not later(east) and later(west)
    assert estate.scalars(text("SELECT area_id FROM unplaced_building")).all() == [*west]


def test_another_grid_than_the_one_of_the_row_is_a_guess(estate: Session, tmp_path: Path) -> None:
    of_homes = [("网格", "小区", "楼栋", "单元", "房号", "人口数")]
    of_homes += [(f"第{n}网格", "虹山花园", "1号楼", "1", f"{n}01", 3) for n in (6, 7)]
    of_buildings = [("网格", "小区", "楼栋", "层数")]
    of_buildings += [(f"第{n + 5}网格", "虹山花园", f"{n}号楼", 7) for n in (1, 2)]
    for name, rows in (("a.csv", of_homes), ("楼栋.csv", of_buildings)):
        loaded = load(estate, write(tmp_path / name, rows))
        assert (loaded.rows["sure"], loaded.rows["guess"]) == (1, 1), name


def test_buildings_far_away_or_on_one_point_are_not_sure(estate: Session, tmp_path: Path) -> None:
    header = ("小区", "楼栋", "层数", "经度", "纬度", "坐标系")
    one_point = [("虹山花园", f"{n}号楼", 7, 105.9508, 26.2301, "cgcs2000") for n in (8, 9)]
    far = ("虹山花园", "10号楼", 7, 106.5, 26.23, "cgcs2000")
    loaded = load(estate, write(tmp_path / "a.csv", [header, *one_point, far]))
    assert (loaded.rows["sure"], loaded.rows["guess"], loaded.rows["refused"]) == (0, 2, 1)
    assert [row.message.code for row in loaded.report.refused] == ["register_row.far_away"]


def test_lists_of_facilities_need_no_codes(estate: Session, tmp_path: Path) -> None:
    rows = [
        ("学苑社区便民设施清单", "", "", "", ""),
        ("设施名称", "类别", "地址", "营业时间", "负责人电话"),
        ("便民超市", "超市", "虹山花园1号楼", "8:00-22:00", "13900001060"),
        ("老王诊所", "", "虹山花园2号楼", "", ""),
    ]
    first = load(estate, write(tmp_path / "a.xlsx", rows))
    assert first.mapping.kind == "facilities" and first.ready, first.report.refused
    assert [change.what for change in first.changes] == ["came", "came"]
    again = load(estate, write(tmp_path / "b.xlsx", rows[:3]), end_gone=True)
    assert [(change.what, change.name) for change in again.changes] == []
    last = [*rows[:2], ("便民超市", "超市", "虹山花园1号楼", "", "13900001061")]
    changed = load(estate, write(tmp_path / "c.xlsx", last))
    assert [(change.what, change.name) for change in changed.changes] == [("changed", "便民超市")]


def test_a_facility_that_is_closed_far_away_or_there_twice_is_not_loaded(
    estate: Session, tmp_path: Path
) -> None:
    rows = [
        ("设施名称", "类别", "地址", "经度", "纬度", "坐标系", "营业状态"),
        ("便民超市", "超市", "虹山花园1号楼", "", "", "", "正常"),
        ("便民超市", "超市", "虹山花园1号楼", "", "", "", "正常"),
        ("老药店", "药店", "虹山花园1号楼", "", "", "", "已停业"),
        ("远药店", "药店", "", "116.39", "39.9", "GPS", ""),
    ]
    loaded = load(estate, write(tmp_path / "a.csv", rows[:4]), skip_refused=True)
    assert [row["name"] for row in loaded.loaded] == ["便民超市"] and loaded.ready
    far = load(estate, write(tmp_path / "b.csv", [*rows[:2], rows[4]]))
    assert [row.message.code for row in (*loaded.report.refused, *far.report.refused)] == [
        "register_row.same_facility",
        "register_row.far_away",
    ]


def test_what_each_sheet_is_called_counts_for_its_rows(estate: Session, tmp_path: Path) -> None:
    header = ("楼栋", "单元", "房号", "人数")
    estate.execute(text("UPDATE building SET estate = '桂花苑', name = '1号楼' WHERE code = 'h3'"))
    book = {
        "虹山花园": [("填表说明",), header, ("1号楼", "1", "301", 3)],
        "桂花苑": [header, ("1号楼", "1", "301", 2)],
    }
    assert homes(load(estate, write(tmp_path / "a.xlsx", book))) == {"h1-1-301": 3, "h3-1-301": 2}


# --- the second month, and the rules around a load


def roster(path: Path, *people: tuple[object, ...]) -> Path:
    return write(path, [("社区", "网格名称", "姓名", "职务", "联系电话"), *people])


def changes(loaded: RegisterLoad) -> list[tuple[str, str, str, str]]:
    return [(change.what, change.name, change.old, change.new) for change in loaded.changes]


def test_the_second_month_says_what_came_went_and_changed(estate: Session, tmp_path: Path) -> None:
    first = load(
        estate,
        roster(
            tmp_path / "10.csv",
            ("学苑社区", "第6网格", "示例甲", "网格长", "13900001050"),
            ("学苑社区", "第6网格", "示例乙", "网格员", "13900001051"),
            ("学苑社区", "第7网格", "示例丙", "网格员", "13900001052"),
        ),
    )
    save_recipe(estate, "花名册", first.mapping, None, "test")
    second = roster(
        tmp_path / "11.csv",
        ("学苑社区", "第6网格", "示例丁", "网格长", "13900001053"),
        ("学苑社区", "第6网格", "示例乙", "网格员", "13900001059"),
        ("学苑社区", "第7网格", "示例戊", "网格员", "13900001054"),
    )
    estate.execute(text("UPDATE post SET valid_time = '[2026-10-01,)'"))
    mapping = recipe_mapping(estate, "花名册", None)
    loaded = load(estate, second, mapping=mapping, end_gone=True)
    assert loaded.ready and loaded.rows["guess"] == 1  # 示例乙 has a new telephone
    assert changes(loaded) == [
        ("went", "网格长 · 学苑第6网格", "示例甲", ""),
        ("came", "网格长 · 学苑第6网格", "", "示例丁"),
        ("came", "网格员 · 学苑第7网格", "", "示例戊"),
        ("changed", "示例乙", "13900001051", "13900001059"),
        ("went", "网格员 · 学苑第7网格", "示例丙", ""),
    ]
    holders = text(
        "SELECT p.name FROM post o JOIN personal.person p ON p.id = o.holder_id"
        " WHERE upper_inf(o.valid_time) ORDER BY p.name"
    )
    assert estate.scalars(holders).all() == ["示例丁", "示例乙", "示例戊"]
    again = load(estate, second, mapping=mapping)
    assert again.ready and not again.changes


def test_homes_that_went_are_said_and_taken_away_only_when_asked(
    estate: Session, tmp_path: Path
) -> None:
    header = ("小区", "楼栋", "单元", "房号", "人口数")
    rows = [("虹山花园", "1号楼", "1", room, people) for room, people in (("301", 3), ("302", 1))]
    elsewhere = ("虹山花园", "2号楼", "1", "101", 2)
    assert load(estate, write(tmp_path / "a.csv", [header, *rows, elsewhere])).ready
    second = write(
        tmp_path / "b.csv", [header, (*rows[0][:4], 4), ("虹山花园", "1号楼", "1", "401", 1)]
    )
    loaded = load(estate, second)
    assert changes(loaded) == [
        ("changed", "虹山花园1号楼 1单元 301", "3", "4"),
        ("went", "虹山花园1号楼 1单元 302", "1", ""),
        ("came", "虹山花园1号楼 1单元 401", "", "1"),
    ]
    count = text("SELECT count(*) FROM household")
    assert estate.scalar(count) == 4
    taken = load(estate, second, end_gone=True)
    assert taken.gone and estate.scalar(count) == 3
    assert not [note for note in taken.report.notes_in("en") if "stay as they are" in note]
    refused = write(tmp_path / "c.csv", [header, *rows[:1], ("虹山花园", "1号楼", "1", "401", "?")])
    skipped = load(estate, refused, end_gone=True, skip_refused=True)
    assert skipped.ready and not skipped.gone and estate.scalar(count) == 3


def test_a_header_that_no_longer_fits_names_the_column(estate: Session, tmp_path: Path) -> None:
    header = ("小区", "楼栋", "房号", "人口数")
    first = load(estate, write(tmp_path / "a.csv", [header, ("虹山花园", "1号楼", "301", 3)]))
    renamed = write(tmp_path / "b.csv", [(*header[:3], "几口人"), ("虹山花园", "1号楼", "301", 3)])
    with pytest.raises(InvalidInput, match=r"has the column 人口数.*几口人"):
        load(estate, renamed, mapping=first.mapping)


def test_a_list_without_people_is_refused(estate: Session, tmp_path: Path) -> None:
    heads = write(tmp_path / "a.csv", [("户主", "住址"), ("张三", "虹山花园1号楼1单元301")])
    with pytest.raises(InvalidInput, match="neither a number of people"):
        load(estate, heads)


def test_namesakes_without_telephones_are_not_one_person(estate: Session, tmp_path: Path) -> None:
    header = ("网格", "姓名", "职务")
    assert load(estate, write(tmp_path / "a.csv", [header, ("6网格", "示例甲", "网格员")])).ready
    load(estate, write(tmp_path / "b.csv", [header, ("7网格", "示例甲", "网格员")]))
    count = text("SELECT count(*) FROM personal.person WHERE name = '示例甲'")
    assert estate.scalar(count) == 2
    load(estate, write(tmp_path / "c.csv", [header, ("7网格", "示例甲", "网格员")]))
    assert estate.scalar(count) == 2


def test_a_sheet_that_lacks_a_column_is_not_left_out(estate: Session, tmp_path: Path) -> None:
    rows = [("小区", "楼栋", "房号", "人口数"), ("虹山花园", "1号楼", "301", 3)]
    other = [("小区", "楼栋", "房号", "人数（人）"), ("虹山花园", "2号楼", "301", 3)]
    path = write(tmp_path / "a.xlsx", {"一": rows, "二": other, "说明": [("填表说明",)]})
    loaded = load(estate, path)
    assert not loaded.ready
    assert [row.text_in("en") for row in loaded.report.refused] == [
        "二: sheet 二 lacks the column 人口数"
    ]


def test_refused_rows_may_be_left_out_where_the_others_stay_right(
    estate: Session, tmp_path: Path
) -> None:
    path = roster(
        tmp_path / "a.csv",
        ("学苑社区", "第6网格", "示例甲", "网格长", "13900001050"),
        ("学苑社区", "第9网格", "示例乙", "网格员", "13900001051"),
    )
    loaded = load(estate, path, skip_refused=True)
    assert loaded.ready and len(loaded.report.refused) == 1
    assert [row["name"] for row in loaded.loaded] == ["示例甲"]
    persons = [
        ("姓名", "与户主关系", "住址"),
        ("张三", "户主", "虹山花园1号楼1单元301"),
        ("李四", "妻", "虹山花园1号楼"),
    ]
    assert not load(estate, write(tmp_path / "b.csv", persons), skip_refused=True).ready


def test_only_own_areas_are_loaded(estate: Session, tmp_path: Path) -> None:
    grids = dict(estate.execute(text("SELECT name, id FROM area WHERE level = 'grid'")).all())
    own = frozenset({grids["学苑第7网格"]})
    people = roster(
        tmp_path / "a.csv",
        ("", "学苑第7网格", "示例甲", "网格长", "13900001050"),
        ("", "学苑第6网格", "示例乙", "网格长", "13900001051"),
    )
    loaded = load(estate, people, areas=lambda kind: own)
    assert [row.text_in("en") for row in loaded.report.refused] == [
        "row 3 网格名称: no area of yours is called 学苑第6网格; nearest: 学苑第7网格"
    ]
    header = ("小区", "楼栋", "房号", "人口数")
    homes_elsewhere = write(tmp_path / "b.csv", [header, ("虹山花园", "1号楼", "301", 3)])
    assert load(estate, homes_elsewhere, areas=lambda kind: own).rows["refused"] == 1

    def nowhere(kind: str) -> None:
        raise Forbidden("right.not_allowed", action="", roles="")

    with pytest.raises(Forbidden):
        load(estate, people, areas=nowhere)


def test_a_staff_number_of_somebody_else_is_refused(estate: Session, tmp_path: Path) -> None:
    header = ("工号", "网格", "姓名", "职务")
    first = write(tmp_path / "a.csv", [header, ("w1", "学苑第6网格", "示例甲", "网格长")])
    assert load(estate, first).ready
    second = write(tmp_path / "b.csv", [header, ("w1", "学苑第7网格", "示例乙", "网格长")])
    refused = load(estate, second).report.refused
    assert [row.text_in("en") for row in refused] == [
        "row 2 工号: staff number w1 is somebody else's"
    ]


def test_the_telephone_of_who_works_elsewhere_is_not_shown_nor_changed(
    estate: Session, tmp_path: Path
) -> None:
    grids = dict(estate.execute(text("SELECT name, id FROM area WHERE level = 'grid'")).all())
    header = ("工号", "网格", "姓名", "职务", "电话")
    west = ("w1", "学苑第6网格", "示例甲", "网格长", "13900001050")
    assert load(estate, write(tmp_path / "a.csv", [header, west])).ready
    for phone, may in (("13900001059", False), ("13900001050", True), ("", True)):
        east = ("w1", "学苑第7网格", "示例甲", "网格员", phone)
        path = write(tmp_path / "b.csv", [header, east])
        savepoint = estate.begin_nested()
        loaded = load(estate, path, areas=lambda kind: frozenset({grids["学苑第7网格"]}))
        assert loaded.ready is may
        assert "13900001050" not in str([row.text_in("zh") for row in loaded.report.refused])
        assert may or not loaded.changes
        savepoint.rollback()


def test_recipes_are_of_an_area_and_hold_no_cells(estate: Session) -> None:
    ids = dict(estate.execute(text("SELECT code, id FROM area")).all())
    column = [{"header": "人口", "field": "people"}]
    mapping = confirmed("residents", column)
    for name, area in (("ours", "520402007004"), ("everybody's", None)):
        save_recipe(estate, name, mapping, ids[area] if area else None, "account wang")
    save_recipe(estate, "ours", mapping, ids["520402007004"], "account li")
    own, beside = {ids["520402007004001"]}, {ids["520402007004002"]}
    assert [row.name for row in list_recipes(estate, own)] == ["everybody's", "ours"]
    assert list_recipes(estate, own)[1].author == "account li"
    assert recipe_mapping(estate, "ours", beside).to_json() == [
        {"header": "人口", "nth": 0, "field": "people"}
    ]
    with pytest.raises(NotFound):
        delete_recipe(estate, list_recipes(estate, own)[1].id, own)
    for column in (
        [{"header": "人口", "field": "nothing"}],
        [{"header": 3, "field": "people"}],
        [{"header": "a", "field": "people"}, {"header": "b", "field": "people"}],
        [],
    ):
        with pytest.raises(InvalidInput):
            confirmed("residents", column)


def test_a_load_is_recorded_and_circles_that_counted_otherwise_are_of_before(
    estate: Session, tmp_path: Path
) -> None:
    rows = [("小区", "楼栋", "房号", "人口数"), ("虹山花园", "1号楼", "301", 3)]
    count = text("SELECT count(*) FROM demand_change")
    before = estate.scalar(count)
    assert load(estate, write(tmp_path / "a.csv", rows)).ready
    noted = estate.scalar(count)
    assert noted > before
    assert estate.scalars(text("SELECT source FROM dataset WHERE kind = 'residents'")).all() == [
        "a.csv"
    ]
    assert load(estate, write(tmp_path / "b.csv", rows)).ready and estate.scalar(count) == noted


def test_a_preview_waits_for_no_load(
    apart: Callable[[], Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "NO_WAITING_SQL", "SET LOCAL lock_timeout = '50ms'")
    of_homes = [("小区", "楼栋", "房号", "人口数"), ("虹山花园", "1号楼", "301", 3)]
    of_buildings = [("小区", "楼栋", "层数", "户数"), ("虹山花园", "1号楼", 7, 28)]
    with apart() as other, apart() as session:
        other.execute(text(loading.ONE_LOAD_SQL))
        other.execute(text(LOCK_BUILDINGS_SQL))
        assert not load(session, write(tmp_path / "a.csv", of_homes), keep=False).ready
        with pytest.raises(Unavailable, match="another file"):
            load(session, write(tmp_path / "楼栋.csv", of_buildings), keep=False)
