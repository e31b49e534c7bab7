"""Lists of division codes: a code is looked up in its own list, lists are joined by name."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.division_codes import find_listed_codes, plain_name, short_division_code, short_name
from gis.errors import InvalidInput
from gis.exchange.area_file import ReadOptions
from gis.exchange.areas import load_areas
from gis.exchange.division_codes import load_division_codes, write_division_codes
from gis.files.report import LoadReport

# as the two lists have them: 520424103 is another town in each, 新安街道 has another code in each
NBS = (
    "统计用区划代码,城乡分类代码,名称\n520400000000,,安顺市\n520402000000,,西秀区\n"
    "520402008000,,新安街道办事处\n520402008001,111,新安社区居民委员会\n520424000000,,关岭县\n"
    "520424103000,,岗乌镇\n520424103001,220,新安社区居民委员会\n"
)
OTHER = (
    "id,name,ext_id,ext_name\n520402,西秀,520402000000,西秀区\n520402010,新安,520402010000,新安街道\n"
    "520424,关岭,520424000000,关岭县\n520424103,白水,520424103000,白水镇\n"
)


@pytest.fixture
def lists(session: Session, tmp_path: Path) -> Path:
    for name, content, mapping in (
        ("nbs2023", NBS, {}),
        ("mca2024", OTHER, {"code": "ext_id", "name": "ext_name"}),
    ):
        path = tmp_path / f"{name}.csv"
        path.write_text(content, encoding="utf-8")
        report = load_division_codes(session, path, name, mapping)
        assert not report.refused and report.counts["new"] == report.counts["rows"]
    return tmp_path


def load(session: Session, folder: Path, level: str, table: str, code_list: str) -> LoadReport:
    path = folder / f"{level}.csv"
    path.write_text(table, encoding="utf-8")
    return load_areas(session, path, level, ReadOptions(code_list=code_list))


def test_names_and_codes_are_compared_without_what_fills_them_up() -> None:
    codes = ("520000000000", "520400", "520402000", "520402007000", "520402007004")
    assert [*map(short_division_code, codes)] == [
        "52", "5204", "520402", "520402007", "520402007004"
    ]  # fmt: skip
    for name, short, plain in (
        ("新安社区居民委员会", "新安社区", "新安"),
        ("新安社区居委会", "新安社区", "新安"),
        ("南街居民委员会", "南街居民委员会", "南街"),
        ("新安街道办事处", "新安街道", "新安街道"),
        ("石板村村民委员会", "石板村", "石板"),
        ("关口村民委员会", "关口村", "关口"),
        ("关口村委会", "关口村", "关口"),
    ):
        assert (short_name(name), plain_name(name)) == (short, plain)


def test_names_come_from_the_list_of_the_codes_and_never_from_another(
    session: Session, lists: Path
) -> None:
    load(session, lists, "county", "code,name\n520402,\n520424,关岭自治县\n", "nbs2023")
    rows = "code,name,parent\n520424103,岗乌镇,520424\n520402008,,520402\n"
    report = load(session, lists, "street", rows, "mca2024")
    # the list has 白水镇 there, and nothing under 520402008
    notes = [note.code for note in report.messages]
    assert notes == ["division.other_name", "area_row.nameless"]
    load(session, lists, "street", "code,parent\n520402008,520402\n", "nbs2023")
    load(session, lists, "community", "code,parent\n520402008001,520402008\n", "nbs2023")
    query = "SELECT code, name, code_list FROM area ORDER BY code"
    assert [tuple(row) for row in session.execute(text(query))] == [
        ("520402", "西秀区", "nbs2023"),
        ("520402008", "新安街道", "nbs2023"),
        ("520402008001", "新安社区", "nbs2023"),
        ("520424", "关岭自治县", "mca2024"),
        ("520424103", "岗乌镇", "mca2024"),
    ]
    assert [(each.list, each.code) for each in find_listed_codes(session, "520402008")] == [
        ("mca2024", "520402010"), ("nbs2023", "520402008")
    ]  # fmt: skip
    assert [each.list for each in find_listed_codes(session, "520424103")] == ["nbs2023"]
    # the same name in another street of another county is another community
    assert [each.code for each in find_listed_codes(session, "520402008001")] == ["520402008001"]
    with pytest.raises(InvalidInput, match="no list nbs1999"):
        load(session, lists, "street", rows, "nbs1999")


def test_lists_are_dumped_load_back_and_replace_only_themselves(
    session: Session, lists: Path
) -> None:
    path = lists / "all.xlsx"
    assert write_division_codes(session, path) == 11
    report = load_division_codes(session, path)
    assert report.counts == {"rows": 11, "new": 0, "changed": 0, "unchanged": 11, "gone": 0}
    path = lists / "less.csv"
    path.write_text("代码,名称\n520402,西秀\n", encoding="utf-8")
    report = load_division_codes(session, path, "mca2024")
    assert report.counts == {"rows": 1, "new": 0, "changed": 1, "unchanged": 0, "gone": 3}
    assert session.scalar(text("SELECT count(*) FROM division_code")) == 8
    path.write_text("代码,名称\n5204,安顺\n520400,安顺\n12345,某\n520402,\n", encoding="utf-8")
    report = load_division_codes(session, path, "x")
    assert [row.message.code for row in report.refused] == [
        "area_row.code_twice", "division.not_a_code", "division.no_name"
    ]  # fmt: skip
    assert [row.message.code for row in load_division_codes(session, path).refused] == [
        "division.list_name"
    ] * 4
