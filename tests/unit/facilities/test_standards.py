"""The table of standards: the default is whole, and what is wrong is refused by row and column."""

from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.facilities import standards
from gis.facilities.standards import Standard, parse

HEADER = [column.zh for column in standards.COLUMNS]
RIGHT = {
    "层级": "完整社区",
    "项目代码": "clinic",
    "项目": "卫生站",
    "英文名称": "clinic",
    "设施类别": "clinic|hospital",
    "服务半径": "300",
    "步行分钟": "5",
    "人口下限": "5000",
    "人口上限": "12000",
    "建筑面积": "120-270",
    "用地面积": "",
    "要求": "应",
    "依据": "某标准 3.1",
    "转引": "否",
    "备注": "",
}


def written(folder: Path, *rows: dict[str, str]) -> Path:
    """A spreadsheet of some rows."""
    book = openpyxl.Workbook()
    for row in [dict(zip(HEADER, HEADER, strict=True)), *rows]:
        book.active.append([row[name] for name in HEADER])
    path = folder / "standards.xlsx"
    book.save(path)
    return path


def test_the_default_table_is_whole_and_says_where_it_is_from():
    rows, report = parse(standards.STANDARDS_CSV)
    assert report.refused == []
    assert {row.tier for row in rows} == set(standards.TIERS)
    by_item = {(row.tier, row.item): row for row in rows}
    assert len(by_item) == len(rows)
    assert by_item["15", "middle_school"].limit_m == 1000
    assert by_item["5", "kindergarten"].area_m2 == (3150, 4550)
    assert by_item["complete", "service_station"].area_m2 == (800,)
    # the complete community's walk is 5 to 10 minutes: ten at an adult's 1.25 m/s
    assert by_item["complete", "health_station"].limit_m == 750
    assert by_item["complete", "utilities"].limit_m is None
    assert all(row.source and row.secondary for row in rows)


def test_a_row_is_read_as_it_is_written(tmp_path):
    rows, report = parse(written(tmp_path, RIGHT))
    assert report.refused == []
    assert rows == [
        Standard(
            "complete",
            "clinic",
            "卫生站",
            "clinic",
            ("clinic", "hospital"),
            300,
            5,
            5000,
            12000,
            (120, 270),
            (),
            "must",
            "某标准 3.1",
            False,
            "",
        )
    ]


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("层级", "二十分钟", "cell.none_of"),
        ("项目代码", "Clinic", "standard_row.item_wrong"),
        ("项目", "", "cell.empty"),
        ("英文名称", "", "cell.empty"),
        ("依据", "", "cell.empty"),
        ("备注", "长" * 201, "standard_row.text_too_long"),
        ("设施类别", "clinic|castle", "cell.none_of"),
        ("服务半径", "0", "standard_row.number_wrong"),
        ("服务半径", "三百", "standard_row.number_wrong"),
        ("步行分钟", "61", "standard_row.number_wrong"),
        ("人口下限", "13000", "standard_row.population_order"),
        ("建筑面积", "270-120", "standard_row.range_wrong"),
        ("用地面积", "大", "standard_row.range_wrong"),
        ("要求", "must not", "cell.none_of"),
        ("转引", "", "cell.none_of"),
    ],
)
def test_what_is_wrong_is_refused_by_row_and_column(tmp_path, column, value, code):
    second = RIGHT | {"项目代码": "clinic2"}
    rows, report = parse(written(tmp_path, second, RIGHT | {column: value}))
    assert [(row.where, row.message.code) for row in report.refused] == [("row 3", code)]
    assert report.refused[0].field in HEADER
    assert [row.item for row in rows] == ["clinic2"]


def test_an_item_stands_once_in_a_tier_and_may_stand_in_another(tmp_path):
    rows, report = parse(written(tmp_path, RIGHT, RIGHT | {"层级": "15"}))
    assert (len(rows), report.refused) == (2, [])
    _, report = parse(written(tmp_path, RIGHT, RIGHT | {"层级": "complete"}))
    assert [row.message.code for row in report.refused] == ["standard_row.item_twice"]


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_a_dump_is_read_back_the_same(tmp_path, ending):
    rows, _ = parse(standards.STANDARDS_CSV)
    path = tmp_path / f"dump{ending}"
    standards.dump(rows, path)
    again, report = parse(path)
    assert (again, report.refused) == (rows, [])


@given(st.integers(1, 999_999), st.integers(1, 999_999), st.sampled_from("-–—~至"))
def test_ranges_are_in_order(low, high, between):
    read = standards.parse_range(f"{low}{between}{high}")
    assert read == ((low, high) if low < high else None)
