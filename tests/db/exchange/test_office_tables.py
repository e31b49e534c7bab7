"""Tables as offices keep them: merged cells, titles, totals, remarks, hidden sheets, rooms, dates,
telephones.
"""

import csv
import io
import time
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.worksheet import Worksheet
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis.errors import InvalidInput
from gis.exchange.columns import FACILITY_COLUMNS, HOUSEHOLD_COLUMNS, PEOPLE_COLUMNS
from gis.exchange.facilities import load_facilities
from gis.exchange.households import load_households
from gis.exchange.people import load_people
from gis.facilities.category_words import key_of_word
from gis.facilities.models import Facility
from gis.files import tables
from gis.files.cells import Guess, parse_crs
from gis.files.column import Column
from gis.files.dates import ONGOING, parse_end_day, parse_first_day, parse_last_day
from gis.files.positions import parse_latitude, parse_longitude
from gis.files.report import MAX_LISTED_ROWS, LoadReport
from gis.files.rooms import Door, parse_building_name, parse_room, parse_stairwell
from gis.files.telephones import parse_telephone
from gis.people.models import Leave, Person, Post
from gis.places.models import Building, Household, Stairwell
from tests.support import load_town
from tests.support.load_town import WEST, leader, write_csv
from tests.support.reading import reading_inside  # noqa: F401

pytestmark = pytest.mark.usefixtures("reading_inside")

town = load_town.town  # the fixture

SHANGHAI = ZoneInfo("Asia/Shanghai")
HEADER = ["小区", "楼栋", "单元", "房号", "人数"]
HOME = ["桂花苑", "3号楼", "1", "501", 3]


def read_homes(
    path: Path, columns: Sequence[Column] = HOUSEHOLD_COLUMNS
) -> tuple[list[dict[str, Any]], LoadReport]:
    report = LoadReport("test", path.name)
    return [
        {"row": row.number, **row.values} for row in tables.read_table(path, columns, report).rows
    ], report


def book(
    path: Path,
    rows: Sequence[Sequence[object]],
    *ranges: str,
    change: Callable[[Worksheet], None] | None = None,
) -> Path:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert isinstance(sheet, Worksheet)
    for row in rows:
        sheet.append(list(row))
    for cells in ranges:
        sheet.merge_cells(cells)
    if change:
        change(sheet)
    workbook.save(path)
    return path


def text(
    path: Path, rows: Sequence[Sequence[object]], delimiter: str = ",", encoding: str = "utf-8"
) -> Path:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    path.write_text(out.getvalue(), encoding=encoding)
    return path


def rooms_of(rows: Sequence[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(row["row"], row["room"].room) for row in rows]


# --- the frame of a table ---------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["xlsx", "csv", "gbk.csv", "tab.txt", "utf16.txt", "semicolon.csv"]
)
@pytest.mark.parametrize(
    "top",
    [
        [["学苑社区住户登记表"]],
        [["学苑社区住户登记表（2026年）"], ["单位：户，人"], []],
        [["填报单位：学苑社区", "", "填报时间：2026年3月1日"], []],
        [],
    ],
)
def test_titles_stand_above_the_header_in_every_kind_of_file(
    tmp_path: Path, kind: str, top: list[list[object]]
) -> None:
    rows = [*top, HEADER, HOME, [], ["注：本表由网格员填写"], ["填表人：某甲", "", "审核人：某乙"]]
    path = tmp_path / f"a.{kind}"
    if kind == "xlsx":
        book(path, rows)
    else:
        encoding = {"gbk.csv": "gbk", "utf16.txt": "utf-16"}.get(kind, "utf-8")
        text(
            path,
            rows,
            {"tab.txt": "\t", "utf16.txt": "\t", "semicolon.csv": ";"}.get(kind, ","),
            encoding,
        )
    homes, report = read_homes(path)
    assert rooms_of(homes) == [(len(top) + 2, "501")] and report.refused == []
    remarks = next(note for note in report.notes if note.startswith("remarks"))
    assert f"row {len(top) + 4}" in remarks and f"row {len(top) + 5}" in remarks


def test_merged_cells_hold_for_every_row_they_span_and_only_in_their_column(tmp_path: Path) -> None:
    rows: list[list[object]] = [["登记表"], HEADER]
    rows += [
        ["桂花苑" if n == 0 else None, "3号楼" if n == 0 else None, None, f"{n + 101}", 1]
        for n in range(40)
    ]
    rows[2][2] = "1"
    rows[22][2] = "2"
    path = book(tmp_path / "a.xlsx", rows, "A1:E1", "A3:A42", "B3:B42", "C3:C22", "C23:C42")
    homes, report = read_homes(path)
    assert report.refused == [] and len(homes) == 40
    assert {(row["estate"], row["building_name"]) for row in homes} == {("桂花苑", "3号楼")}
    assert [row["stairwell"] for row in homes] == ["1"] * 20 + ["2"] * 20
    assert "4 merged cells hold for every row they span: A3:A42" in report.notes[0]


def test_a_cell_merged_sideways_says_nothing_of_the_next_column(tmp_path: Path) -> None:
    homes, _ = read_homes(
        book(tmp_path / "a.xlsx", [HEADER, ["桂花苑", "3号楼", None, "501", 3]], "B2:C2")
    )
    assert homes[0]["building_name"] == "3号楼" and "stairwell" not in homes[0]


def test_a_count_merged_over_several_homes_is_refused(tmp_path: Path) -> None:
    rows = [HEADER, HOME, ["桂花苑", "3号楼", "1", "502", None]]
    _, report = read_homes(book(tmp_path / "a.xlsx", rows, "E2:E3"))
    assert [(row.where, row.field) for row in report.refused] == [("row 3", "人数")]
    assert "merged cells" in report.refused[0].reason


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_a_header_of_two_rows_is_read_together(tmp_path: Path, kind: str) -> None:
    rows = [
        ["登记表"],
        ["序号", "住址", None, None, None, "人数", "备注"],
        [None, "小区", "楼栋", "单元", "房号", None, None],
        [1, *HOME[:4], 3, ""],
    ]
    merged = ("A2:A3", "B2:E2", "F2:F3", "G2:G3")
    path = (
        book(tmp_path / "a.xlsx", rows, *merged)
        if kind == "xlsx"
        else text(tmp_path / "a.csv", rows)
    )
    homes, report = read_homes(path)
    assert rooms_of(homes) == [(4, "501")] and homes[0]["people"] == 3 and report.refused == []


def test_a_group_over_two_columns_names_them_together(tmp_path: Path) -> None:
    rows = [
        ["任职人", None, "岗位", "区域编码", "代理人"],
        ["工号", "姓名", None, None, "工号"],
        ["A1", "某甲", "网格长", WEST, "A2"],
    ]
    homes, report = read_homes(
        book(tmp_path / "a.xlsx", rows, "A1:B1", "C1:C2", "D1:D2"), PEOPLE_COLUMNS
    )
    assert report.refused == []
    assert {key: homes[0][key] for key in ("person", "name", "role", "area", "deputy")} == {
        "person": "A1",
        "name": "某甲",
        "role": "网格长",
        "area": WEST,
        "deputy": "A2",
    }


@pytest.mark.parametrize(
    "total",
    [
        ["合计", "", "", "2户", 5],
        ["", "3号楼 小计", "", "2户", 4],
        ["", "", "小 计", "", 5],
        ["总计：", None, None, None, 5],
        ["", "", "", "合计2户", 5],
        ["桂花苑", "3号楼", "本页小计", "2", 5],
        ["共2户", "", "", "", 5],
    ],
)
def test_totals_in_any_column_are_passed_over_and_counted(
    tmp_path: Path, total: list[object]
) -> None:
    homes, report = read_homes(
        book(tmp_path / "a.xlsx", [HEADER, HOME, total, [*HOME[:3], "502", 2]])
    )
    assert rooms_of(homes) == [(2, "501"), (4, "502")] and report.refused == []
    assert report.counts == {"rows": 2, "totals": 1}
    assert any(note.startswith("totals are passed over: row 3") for note in report.notes)


def test_a_home_whose_remark_speaks_of_a_total_is_a_home(tmp_path: Path) -> None:
    homes, report = read_homes(
        book(tmp_path / "a.xlsx", [[*HEADER, "备注"], [*HOME, "水电费合计"]])
    )
    assert rooms_of(homes) == [(2, "501")] and "totals" not in report.counts


def test_numbered_empty_forms_and_repeated_headers_are_passed_over_with_a_note(
    tmp_path: Path,
) -> None:
    rows = [["序号", *HEADER], [1, *HOME], ["序号", *HEADER], [2, *HOME[:3], "502", 1], [3], [4]]
    homes, report = read_homes(book(tmp_path / "a.xlsx", rows))
    assert rooms_of(homes) == [(2, "501"), (4, "502")] and report.refused == []
    assert "the header stands again and is passed over: row 3" in report.notes
    assert any("row 5 (3); row 6 (4)" in note for note in report.notes)


def test_a_second_table_below_and_signatures_over_data_columns_are_no_homes(tmp_path: Path) -> None:
    rows = [
        HEADER,
        HOME,
        ["填表人：", "某甲", None, "审核人：", "某乙"],
        [],
        ["楼栋", "小区", "人数", "房号", "单元"],
    ]
    homes, report = read_homes(book(tmp_path / "a.xlsx", rows))
    assert rooms_of(homes) == [(2, "501")]
    assert [row.where for row in report.refused] == ["row 5"] and "another table" in report.refused[
        0
    ].reason


def test_blank_columns_and_rows_around_the_table_do_not_matter(tmp_path: Path) -> None:
    rows = [
        [],
        [],
        [None, None, "登记表"],
        [None, None, *HEADER, None, None],
        [None, None, *HOME, "", " "],
    ]
    homes, report = read_homes(book(tmp_path / "a.xlsx", rows, "C3:G3"))
    assert rooms_of(homes) == [(5, "501")] and report.refused == []
    merged = [*rows, [None, None, None, None, None, "502", 1]]
    homes, report = read_homes(book(tmp_path / "b.xlsx", merged, "C5:C6", "D5:D6", "E5:E6"))
    assert [row["stairwell"] for row in homes] == ["1", "1"] and report.refused == []


def test_hidden_sheets_are_skipped_and_the_sheet_with_the_header_is_read(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    old = workbook.active
    assert isinstance(old, Worksheet)
    old.title, old.sheet_state = "旧表", "hidden"
    cover, right = workbook.create_sheet("封面"), workbook.create_sheet("住户")
    for sheet, rows in (
        (old, [HEADER, [*HOME[:3], "701", 9]]),
        (cover, [["学苑社区"]]),
        (right, [HEADER, HOME]),
    ):
        for row in rows:
            sheet.append(list(row))
    workbook.save(tmp_path / "a.xlsx")
    homes, report = read_homes(tmp_path / "a.xlsx")
    assert rooms_of(homes) == [(2, "501")]
    assert report.notes == [
        "hidden sheets are not read: 旧表",
        "the sheet 住户 is read; other sheets are not: 封面",
    ]
    cover.append(HEADER)
    cover.append(HOME)
    workbook.save(tmp_path / "b.xlsx")
    with pytest.raises(InvalidInput, match="封面 and 住户 both hold such a table"):
        read_homes(tmp_path / "b.xlsx")


def test_days_that_count_from_1904_are_refused(tmp_path: Path) -> None:
    workbook = openpyxl.load_workbook(book(tmp_path / "a.xlsx", [HEADER, HOME]))
    workbook.epoch = CALENDAR_MAC_1904
    workbook.save(tmp_path / "b.xlsx")
    with pytest.raises(InvalidInput, match=r"b\.xlsx counts days from 1904"):
        read_homes(tmp_path / "b.xlsx")


def test_hidden_rows_and_columns_are_read_and_named(tmp_path: Path) -> None:
    def hide(sheet: Worksheet) -> None:
        sheet.row_dimensions[2].hidden = True
        sheet.column_dimensions["B"].hidden = True

    homes, report = read_homes(book(tmp_path / "a.xlsx", [HEADER, HOME], change=hide))
    assert rooms_of(homes) == [(2, "501")]
    assert "1 hidden rows are read like the others: 2" in report.notes
    assert "hidden columns are read like the others: B:B" in report.notes


def with_cells(path: Path, *changes: tuple[str, str]) -> Path:
    """The workbook with parts of its first sheet's XML replaced."""
    with zipfile.ZipFile(path) as parts:
        # openpyxl writes <v></v> where lxml is installed
        content = {
            name: parts.read(name).replace(b"<v></v>", b"<v />") for name in parts.namelist()
        }
    for old, new in changes:
        assert old.encode() in content["xl/worksheets/sheet1.xml"], content[
            "xl/worksheets/sheet1.xml"
        ]
        content["xl/worksheets/sheet1.xml"] = content["xl/worksheets/sheet1.xml"].replace(
            old.encode(), new.encode()
        )
    with zipfile.ZipFile(path, "w") as parts:
        for name, data in content.items():
            parts.writestr(name, data)
    return path


def test_formulas_without_a_result_and_failed_ones_are_refused_by_their_cell(
    tmp_path: Path,
) -> None:
    rows = [
        HEADER,
        [*HOME[:3], "=500+1", 3],
        [*HOME[:3], "502", "=1/0"],
        [*HOME[:3], "=500+3", "=1+2"],
    ]
    path = with_cells(
        book(tmp_path / "a.xlsx", rows),
        ('r="E3"><f>1/0</f><v />', 'r="E3" t="e"><f>1/0</f><v>#DIV/0!</v>'),
        ("<f>500+3</f><v />", "<f>500+3</f><v>503</v>"),
        ("<f>1+2</f><v />", "<f>1+2</f><v>3</v>"),
    )
    homes, report = read_homes(path)
    assert rooms_of(homes) == [(4, "503")] and homes[0]["people"] == 3
    assert [(row.where, row.field) for row in report.refused] == [
        ("row 2", "房号"),
        ("row 3", "人数"),
    ]
    assert (
        "without a stored result" in report.refused[0].reason
        and "failed" in report.refused[1].reason
    )


def test_a_note_names_its_rows_and_counts_those_it_leaves_out() -> None:
    report = LoadReport("test", "a")
    for row in range(MAX_LISTED_ROWS + 7):
        report.note_row("cell.room_as_written", row)
    assert len(report.notes) == 1 and report.notes[0].endswith(
        f"row {MAX_LISTED_ROWS - 1}; and 7 more rows"
    )


# --- cells ------------------------------------------------------------------------------


def value(parsed: object) -> Any:
    return parsed.value if isinstance(parsed, Guess) else parsed


@pytest.mark.parametrize(
    ("cell", "right"),
    [
        ("501", (None, None, "501", 5)),
        (501.0, (None, None, "501", 5)),
        ("501号", (None, None, "501", 5)),
        ("５０１ 室", (None, None, "501", 5)),
        ("0501", (None, None, "0501", 5)),
        ("五〇一室", (None, None, "501", 5)),
        ("2-501", (None, "2", "501", 5)),
        ("２－５０１", (None, "2", "501", 5)),
        ("2单元501号", (None, "2", "501", 5)),
        ("二单元-501", (None, "2", "501", 5)),
        ("3栋2-503", ("3", "2", "503", 5)),
        ("3-2-1203", ("3", "2", "1203", 12)),
        ("3-2-5-503", ("3", "2", "503", 5)),
        ("2单元5-2", (None, "2", "5-2", 5)),
        ("负一层01", (None, None, "01", -1)),
        ("-1层01", (None, None, "01", -1)),
        ("B座负1层03", ("B", None, "03", -1)),
        ("1单元-2层201", (None, "1", "201", 2)),
        ("A座12F", ("A", None, "12F", None)),
        ("501F", (None, None, "501F", 5)),
        ("501(租户)", (None, None, "501", 5)),
        ("A501", (None, None, "A501", 5)),
        ("东头平房", (None, None, "东头平房", None)),
    ],
)
def test_a_room_is_read_as_people_write_it(
    cell: object, right: tuple[str | None, str | None, str, int | None]
) -> None:
    door = value(parse_room(cell))
    assert (door.building, door.stairwell, door.room, door.floor) == right


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        *(
            (cell, "several homes")
            for cell in ("501-502", "501/502", "501、502", "501，502室", "501 502", "501和502")
        ),
        *(
            (cell, "several homes")
            for cell in ("501~503", "501至503", "501-02", "501号502号", "A501、A502")
        ),
        *(
            (cell, "date")
            for cell in (datetime(2026, 3, 2), "3月2日", "2-Mar", "Mar-02", "2026/3/2", 46082.0)
        ),
        ("2户", "count"),
        ("2-1-1", "several ways"),
        ("B座-1层03", "several ways"),  # below ground, or a dash before storey 1
        ("3栋-1楼02", "several ways"),
        ("2单元", "names no room"),
        ("无", "no room"),
        ("1单元2-501", "stairwell 1 and stairwell 2"),
    ],
)
def test_a_cell_that_is_not_one_room_is_refused(cell: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_room(cell)


@given(st.integers(1, 9), st.integers(1, 33), st.integers(1, 20), st.sampled_from(["", "室", "号"]))
def test_every_way_of_writing_a_room_is_the_same_home(
    stair: int, floor: int, flat: int, ending: str
) -> None:
    name = f"{floor}{flat:02}"
    right = Door(name, None, str(stair), floor)
    for written in (
        f"{stair}-{name}{ending}",
        f"{stair}单元{name}{ending}",
        f" {stair} 单元 {name}{ending}",
    ):
        assert value(parse_room(written)) == right
    assert value(parse_room(f"{name}{ending}")) == Door(name, floor=floor)
    with pytest.raises(ValueError, match="several"):
        parse_room(f"{name}、{floor}{flat + 1:02}{ending}")


def test_buildings_and_stairwells_in_cells() -> None:
    assert [
        parse_stairwell(cell) for cell in ("一单元", "1单元", 2.0, "01", "东单元", "无", "A")
    ] == [
        "1",
        "1",
        "2",
        "1",
        "东单元",
        None,
        "A",
    ]
    assert [parse_building_name(cell) for cell in ("3号楼", "综合楼", 3.0, "A-3号楼")] == [
        "3号楼",
        "综合楼",
        "3",
        "A-3号楼",
    ]
    both = value(parse_building_name("3栋2单元"))
    assert (both.building, both.stairwell) == ("3栋", "2")
    for parse, cell in (
        (parse_stairwell, "1、2单元"),
        (parse_stairwell, "1号楼"),
        (parse_building_name, "1-3号楼"),
        (parse_building_name, "1、2号楼"),
        (parse_building_name, datetime(2026, 1, 2)),
        (parse_building_name, "1月2日"),
        (parse_building_name, "3栋2单元501"),
    ):
        with pytest.raises(ValueError):
            parse(cell)


@pytest.mark.parametrize(
    ("cell", "initial", "after_last"),
    [
        ("2026.3.1", "2026-03-01", "2026-03-02"),
        (46082.0, "2026-03-01", "2026-03-02"),
        ("46082", "2026-03-01", "2026-03-02"),
        ("2026年3月", "2026-03-01", "2026-04-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("202602", "2026-02-01", "2026-03-01"),
        ("26年3月1日", "2026-03-01", "2026-03-02"),
        ("二〇二六年三月一日", "2026-03-01", "2026-03-02"),
        ("2026年3月1日 星期日", "2026-03-01", "2026-03-02"),
        ("2026-03-01 08:30", "2026-03-01 08:30", "2026-03-01 08:30"),
        ("2026年3月1日8时30分", "2026-03-01 08:30", "2026-03-01 08:30"),
    ],
)
def test_a_date_is_read_as_people_and_excel_write_it(
    cell: object, initial: str, after_last: str
) -> None:
    assert (
        value(parse_first_day(cell))
        == value(parse_end_day(cell))
        == datetime.fromisoformat(initial)
    )
    assert value(parse_last_day(cell)) == datetime.fromisoformat(after_last)


@pytest.mark.parametrize(
    "cell", ["3/1/2026", "26.3.1", "26-3-1", 2026.1, "2026年", "2026-2-30", "2026-13", "soon"]
)
def test_a_date_that_can_be_read_in_two_ways_is_refused(cell: object) -> None:
    with pytest.raises(ValueError):
        parse_last_day(cell)


def test_an_end_may_be_open() -> None:
    assert {
        value(parse_last_day(cell)) for cell in ("至今", "今", "现在", "长期", "—", "至今（在任）")
    } == {ONGOING}
    # as programs write that there is no end
    never = ("9999-12-31", "9999/12/31", "99991231", "9999年12月", datetime(9999, 12, 31))
    assert {value(parse(cell)) for cell in never for parse in (parse_end_day, parse_last_day)} == {
        ONGOING
    }
    with pytest.raises(ValueError):
        parse_first_day("至今")


def test_positions_systems_and_categories_are_read_as_people_write_them() -> None:
    for cell in (
        "105.9501°E",
        "E105.9501",
        "东经105.9501",
        "105°57′0.36″",
        "105°57'0.36\"E",
        "105度57分0.36秒",
        "105°57.006′",
    ):
        assert value(parse_longitude(cell)) == pytest.approx(105.9501, abs=1e-9)
    assert value(parse_latitude("北纬26°13′48.72″")) == pytest.approx(26.2302, abs=1e-9)
    for parse, cell in (
        (parse_longitude, "26.2302°N"),
        (parse_latitude, "105.9501°E"),
        (parse_longitude, "105°57′"),
        (parse_longitude, "105°61′0″"),
    ):
        with pytest.raises(ValueError):
            parse(cell)
    systems = {
        "高德地图": "gcj02",
        "GCJ-02（高德）": "gcj02",
        "腾讯地图坐标": "gcj02",
        "微信定位": "gcj02",
        "百度地图": "bd09",
        "百度经纬度": "bd09",
        "天地图": "cgcs2000",
        "国家2000坐标系": "cgcs2000",
        "WGS84坐标系": "wgs84",
        "手机GPS": "wgs84",
    }
    assert {word: parse_crs(word) for word in systems} == systems
    for word in ("高德/百度", "北京54", "谷歌地图"):
        with pytest.raises(ValueError):
            parse_crs(word)
    phrase = {
        "社区卫生服务站": "clinic",
        "西航社区卫生服务中心": "clinic",
        "大药房": "pharmacy",
        "超市": "convenience",
        "农贸市场": "market",
        "社区日间照料中心": "elder_care",
        "卫生服务": "clinic",
        "人民医院": "hospital",
    }
    assert {word: key_of_word(word) for word in phrase} == phrase
    assert key_of_word("药店、超市") is None and key_of_word("网吧") is None


@pytest.mark.parametrize(
    ("cell", "right", "is_named"),
    [
        (8513322211.0, "08513322211", True),
        ("85133222118", "085133222118", True),
        ("851-33222118", "0851-33222118", True),
        ("0851-33222118", "0851-33222118", False),
        ("139 0000-1050", "13900001050", False),
        ("+86 13900001050", "13900001050", False),
        ("4001234567", "4001234567", False),
        ("110", "110", False),
        ("1390000105", "1390000105", True),
    ],
)
def test_a_telephone_that_lost_its_zero_is_named(cell: object, right: str, is_named: bool) -> None:
    parsed = parse_telephone(cell)
    assert value(parsed) == right and isinstance(parsed, Guess) == is_named


# --- loads ------------------------------------------------------------------------------


def homes(session: Session) -> set[tuple[object, ...]]:
    rows = session.execute(
        select(Building.code, Stairwell.name, Household.room, Household.floor, Household.people)
        .join(Household, Household.building_id == Building.id)
        .outerjoin(Stairwell, Stairwell.id == Household.stairwell_id)
    )
    return {tuple(row) for row in rows}


def test_rooms_that_name_their_stairwell_are_homes_of_it_and_the_same_home_again(
    town: Session,
    tmp_path: Path,
) -> None:
    rows = [
        HEADER,
        ["桂花苑", "3号楼", "", "2-501", 3],
        ["桂花苑", "3栋", "", "3单元502号", 2],
        ["桂花苑", "3号楼1单元", "", "101", 1],
    ]
    report = load_households(town, book(tmp_path / "a.xlsx", rows))
    assert report.refused == []
    right = {("w1", "2", "501", 5, 3), ("w1", "3", "502", 5, 2), ("w1", "1", "101", 1, 1)}
    assert homes(town) == right
    again = [HEADER, ["桂花苑", "３号楼", "2单元", "501室", 3], ["桂花苑", "3#", 3, 502, 2]]
    assert load_households(town, book(tmp_path / "b.xlsx", again)).counts["unchanged"] == 2
    twice = load_households(
        town, book(tmp_path / "c.xlsx", [*again, ["桂花苑", "3号楼", "", "2-501号", 3]])
    )
    assert [(row.where, row.field) for row in twice.refused] == [("row 4", "房号")]
    zeros = load_households(
        town, book(tmp_path / "d.xlsx", [HEADER, ["桂花苑", "3号楼", "2", "0501", 4]])
    )
    assert (zeros.counts["new"], zeros.counts["changed"]) == (0, 1)
    assert ("w1", "2", "501", 5, 4) in homes(town)


def test_cells_of_a_row_that_contradict_each_other_are_refused_or_noted(
    town: Session,
    tmp_path: Path,
) -> None:
    rows = [
        [*HEADER, "楼层"],
        ["桂花苑", "3号楼", "1", "2-501", 3, ""],  # 2: two stairwells
        ["桂花苑", "3号楼", "", "4-2-501", 3, ""],  # 3: two buildings
        ["桂花苑", "3栋2单元", "1", "501", 3, ""],  # 4: two stairwells
        ["新桂花苑", "3号楼", "", "501", 3, ""],  # 5: another estate
        ["", "新桂花苑3号楼", "", "502", 3, ""],  # 6: another estate
        ["桂花苑", "一期3号楼", "", "503", 3, ""],  # 7: another building
    ]
    report = load_households(town, book(tmp_path / "a.xlsx", rows))
    assert [row.where for row in report.refused] == [f"row {row}" for row in range(2, 8)]
    rows = [
        [*HEADER, "楼层"],
        ["桂花苑", "3号楼", "1", "501", 3, 6],
        ["桂花苑", "3号楼", "", "302", 3, ""],
        ["桂花苑", "4号楼", "", "901", 3, ""],
        ["", "学苑社区桂花苑4号楼", "", "101", 1, ""],
    ]
    report = load_households(town, book(tmp_path / "b.xlsx", rows))
    assert report.refused == []
    assert [note.partition(":")[0] for note in report.notes[:3]] == [
        "the storey contradicts the room",
        "homes without a stairwell, in a building whose other homes have one",
        "storeys higher than the building",
    ]
    assert ["row 2" in report.notes[0], "row 3" in report.notes[1], "row 4" in report.notes[2]] == [
        True
    ] * 3


def terms(session: Session) -> list[tuple[str, datetime, datetime | None]]:
    rows = session.execute(
        select(Person.code, func.lower(Post.valid_time), func.upper(Post.valid_time))
        .join(Post, Post.holder_id == Person.id)
        .order_by(func.lower(Post.valid_time))
    )
    return [(row[0], row[1], row[2]) for row in rows]


def local(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("header", "stop"),
    [
        ("结束日期", "2024-06-01"),
        ("至（不含当天）", "2024-05-31"),
        ("至（含当天）", "2024-06-01"),
        ("终止日期（不含）", "2024-05-31"),
        ("to", "2024-05-31"),
    ],
)
def test_the_header_of_an_end_says_whether_the_day_still_counts(
    town: Session,
    tmp_path: Path,
    header: str,
    stop: str,
) -> None:
    rows = [
        leader("1", "2024-01-01", **{header: "2024-05-31"}),
        leader("2", "2024-06-01", **{header: "至今"}),
        {"工号": "2", "类型": "请假", "自": "2026-12-01", header: "2026-12-05"},
    ]
    assert load_people(town, write_csv(tmp_path / "a.csv", rows)).refused == []
    assert terms(town) == [
        ("1", local("2024-01-01"), local(stop)),
        ("2", local("2024-06-01"), None),
    ]
    away = town.execute(select(Leave)).scalar_one().valid_time
    assert (away.upper - local("2026-12-05")).days == (stop == "2024-06-01")


def test_a_term_that_goes_on_contradicts_one_that_is_known_to_end(
    town: Session,
    tmp_path: Path,
) -> None:
    rows = [leader("1", "2024-01-01", 结束日期="2024-05-31")]
    assert load_people(town, write_csv(tmp_path / "a.csv", rows)).refused == []
    rows[0]["结束日期"] = "至今"
    report = load_people(town, write_csv(tmp_path / "b.csv", rows))
    assert [row.where for row in report.refused] == ["row 2"] and "known to end" in report.refused[
        0
    ].reason
    both = [leader("1", "2025-01-01", 结束日期="至今"), leader("2", "2025-06-01")]
    report = load_people(town, write_csv(tmp_path / "c.csv", both))
    assert "row 3 begins" in report.refused[0].reason


def test_vacancies_remarks_and_names_in_a_roster(
    town: Session,
    tmp_path: Path,
) -> None:
    rows = [
        ["学苑社区花名册"],
        ["工号", "姓名", "电话", "岗位", "区域编码", "自"],
        ["1", "某　甲", 13900001050, "网格长（兼）", WEST, "2026年3月"],
        ["1", "某甲", None, "专职网格员", WEST, 46082],
        ["", "（空缺）", None, "联络员", "520402007", "2026.3.1"],
        ["合计", "2人"],
    ]
    report = load_people(town, book(tmp_path / "a.xlsx", rows))
    assert report.refused == [] and report.counts["totals"] == 1
    assert town.execute(select(Person.name, Person.phone)).all() == [("某甲", "13900001050")]
    assert {start for _, start, _ in terms(town)} == {local("2026-03-01")}
    assert any(note.startswith("posts are read as vacant: row 5") for note in report.notes)
    assert any(
        note.startswith("remarks beside a role are left out: row 3") for note in report.notes
    )


def test_a_staff_number_beside_the_word_for_nobody_makes_no_holder(
    town: Session,
    tmp_path: Path,
) -> None:
    rows = [
        ["工号", "姓名", "岗位", "区域编码", "任职时间", "离任时间"],
        ["1", "（空缺）", "网格长", WEST, "2026.3.1", None],
        ["2", "待定", "网格员", WEST, "2026.3.1", None],
        ["3", "某甲", "网格员", WEST, "2026.3.1", "2026.9.1"],
    ]
    report = load_people(town, book(tmp_path / "a.xlsx", rows))
    assert report.refused == [] and not any(
        note.startswith("columns not used") for note in report.notes
    )
    assert town.execute(select(Person.name)).scalars().all() == ["某甲"]
    assert (local("2026-03-01"), local("2026-09-01")) in {
        (start, end) for _, start, end in terms(town)
    }
    assert any(
        note.startswith("posts are read as vacant: row 2") and "row 3" in note
        for note in report.notes
    )


def test_facilities_stand_only_in_the_estate_and_building_that_their_address_names(
    town: Session,
    tmp_path: Path,
) -> None:
    rows = [
        ["编码", "名称", "类别", "地址", "联系电话"],
        ["X1", "卫生站", "社区卫生服务站", "学苑社区桂花苑3号楼1层", 8513322211],
        ["X2", "药房", "药店", "桂花苑3号门面", None],
        ["X3", "便利", "超市", "新桂花苑3号楼", None],
    ]
    report = load_facilities(town, book(tmp_path / "a.xlsx", rows))
    assert [(row.where, row.field) for row in report.refused] == [
        ("row 3", "地址"),
        ("row 4", "地址"),
    ]
    report = load_facilities(town, book(tmp_path / "b.xlsx", rows[:2]))
    assert report.refused == []
    assert town.execute(select(Facility.category, Facility.contact)).all() == [
        ("clinic", "08513322211")
    ]
    assert any("row 2 (联系电话 8513322211: 08513322211)" in note for note in report.notes)


# --- the tables kept beside the issue ---------------------------------------------------

RIGHT_ROWS = {
    "homes_title_row.xlsx": 2,
    "homes_two_row_header.xlsx": 1,
    "homes_merged_cells.xlsx": 4,
    "homes_merged_stairwell.xlsx": 4,
    "homes_subtotal_row.xlsx": 2,
    "homes_fullwidth.xlsx": 2,
    "homes_hidden_first_sheet.xlsx": 2,
    "homes_gbk.csv": 1,
    "homes_title_tab.txt": 1,
    "homes_note_below.xlsx": 2,
    "homes_stairwell_in_room.xlsx": 3,
    "homes_floor_conflict.xlsx": 1,
    "homes_same_room_twice.xlsx": 2,
    "people_total_row.xlsx": 1,
    "people_dates.xlsx": 2,
    "people_end_date.xlsx": 2,
    "people_leave_end.xlsx": 1,
    "people_same_number.xlsx": 2,
    "places_swapped.xlsx": 1,
    "places_address.xlsx": 3,
    "places_letters.xlsx": 2,
    "homes_two_flats_in_one.xlsx": 0,
    "homes_formula.xlsx": 0,
    "homes_room_became_date.xlsx": 0,
}


@pytest.mark.shared
def test_the_tables_kept_beside_the_issue_are_read_or_refused(shared: Path) -> None:
    folder = shared.parent / "cases" / "truth" / "tables"
    with (folder / "right.csv").open(encoding="utf-8-sig") as file:
        names = [row["file"] for row in csv.DictReader(file)]
    kinds = {"homes": HOUSEHOLD_COLUMNS, "people": PEOPLE_COLUMNS, "places": FACILITY_COLUMNS}
    rows = {
        name: len(read_homes(folder / name, kinds[name.partition("_")[0]])[0]) for name in names
    }
    assert rows == {name: RIGHT_ROWS[name] for name in names}


def test_moments_of_excel_have_no_zone() -> None:
    assert value(parse_first_day(datetime(2026, 3, 1, tzinfo=UTC))) == datetime(2026, 3, 1)


# --- what stands for no value ------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    ["####", "#REF!", "?", "待定", "不详", "同上", "〃", "NULL", "无房号", "0", "整栋", True],
)
def test_what_stands_for_no_value_is_no_room_and_no_building(cell: object) -> None:
    with pytest.raises(ValueError, match="is no"):
        parse_room(cell)
    if cell not in ("无房号", True):
        with pytest.raises(ValueError, match=r"is no|names a building"):
            parse_stairwell(cell)
        with pytest.raises(ValueError, match="is no building"):
            parse_building_name(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "501 张三",
        "501对面",
        "501?",
        "约501",
        "101等",
        "501(合租)",
        "13900001234",
        "501501",
        "三户",
        "3栋2-6-501",
    ],
)
def test_a_room_with_a_name_or_a_doubt_behind_it_is_refused(cell: str) -> None:
    with pytest.raises(ValueError):
        parse_room(cell)


def test_blanks_and_building_words_in_rooms_are_read_as_in_addresses() -> None:
    def door(cell: str) -> tuple[str | None, str | None, str, int | None]:
        read = parse_room(cell)
        value = read.value if isinstance(read, Guess) else read
        return value.building, value.stairwell, value.room, value.floor

    assert door("2 501") == (None, "2", "501", 5)
    assert door("3栋2-5-501") == ("3", "2", "501", 5)
    assert door("501#") == (None, None, "501", 5)
    assert (
        parse_stairwell("1号门") == "1"
        and parse_stairwell("不分单元") is None
        and parse_building_name("-") is None
    )
    with pytest.raises(ValueError, match="no stairwell"):
        parse_stairwell("1单元501")


def test_what_a_spreadsheet_shows_in_place_of_a_value_is_refused_in_every_column(
    tmp_path: Path,
) -> None:
    rows = [
        ["姓名", "电话", "工号"],
        ["某甲", "####", "a1"],
        ["####", "13900001234", "a2"],
        ["某丙", "无", "a3"],
    ]
    homes, report = read_homes(text(tmp_path / "a.csv", rows), PEOPLE_COLUMNS)
    assert [(row.where, row.field) for row in report.refused] == [
        ("row 2", "电话"),
        ("row 3", "姓名"),
    ]
    assert [row["phone"] for row in homes] == [None]


def test_more_ways_of_writing_storeys_ends_and_telephones() -> None:
    from gis.files.cells import parse_integer

    assert [parse_integer(cell) for cell in ("五层", "负一层", "第5层", "3口人", "地下二层")] == [
        5,
        -1,
        5,
        3,
        -2,
    ]
    for cell in ("2026年3月底", "截至2026年3月31日", "2026年三月", "至2026-03-31"):
        read = parse_last_day(cell)
        assert (read.value if isinstance(read, Guess) else read) == datetime(2026, 4, 1), cell
    for cell in ("迄今", "仍在任", "未离任", "不限", "无固定期限"):
        read = parse_end_day(cell)
        assert isinstance(read, Guess) and read.value is ONGOING, cell
    assert parse_telephone("8613900001234") == "13900001234"
    assert isinstance(parse_telephone("851334455"), Guess) and isinstance(
        parse_telephone("139****1234"), Guess
    )


def test_a_cell_of_a_whole_book_is_refused_before_it_is_read(tmp_path: Path) -> None:
    long = ["桂花苑", "3号楼", "1", "138" * 10_000, 3]
    began = time.process_time()
    homes, report = read_homes(book(tmp_path / "a.xlsx", [HEADER, long, HOME]))
    assert [home["room"].room for home in homes] == ["501"]
    assert [rejected.message.code for rejected in report.refused] == ["cell.too_long"]
    assert time.process_time() - began < 5
