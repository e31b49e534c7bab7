"""Loading households, people and facilities from CSV and Excel, and the templates for them."""

import zipfile
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box, wkb
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis import crs as systems
from gis.areas.models import Area, Boundary
from gis.errors import InvalidInput, TooLarge
from gis.exchange.columns import COLUMNS_BY_KIND
from gis.exchange.facilities import load_facilities
from gis.exchange.households import load_households
from gis.exchange.people import load_people
from gis.exchange.templates import write_template
from gis.exchange.terms import FileTerm, StoredTerm, merge_terms
from gis.facilities.models import Facility
from gis.files import cells, tables, workbook_xml
from gis.files.cells import (
    CellError,
    clean_text,
    parse_code,
    parse_crs,
    parse_degrees,
    parse_integer,
    parse_own_code,
)
from gis.files.column import Column
from gis.files.dates import parse_first_day
from gis.files.moments import parse_local_datetime, parse_moment
from gis.files.report import LoadReport, RowNote
from gis.ops.history import HistoryEntry
from gis.people.models import Leave, Person, Post
from gis.places.models import Building, Household, Stairwell, UnitPart
from tests.support import load_town
from tests.support.load_town import (
    COMMUNITY,
    EAST,
    SHANGHAI,
    WEST,
    leader,
    shape,
    write_csv,
    write_xlsx,
)
from tests.support.reading import reading_inside  # noqa: F401

pytestmark = pytest.mark.usefixtures("reading_inside")

town = load_town.town  # the fixture

U1, U2, U3 = f"{WEST}01", f"{WEST}02", f"{WEST}03"


# --- a town of two grids and three buildings --------------------------------------------


def history(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(HistoryEntry)) or 0


def refusals(report: LoadReport) -> list[tuple[str, str]]:
    return [(row.where, row.field) for row in report.refused]


# --- cells ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "right"),
    [
        ("520402007004003", "520402007004003"),
        (520402007004003.0, "520402007004003"),
        ("520402007004003.0", "520402007004003"),
        ("5.20402007004003E+14", "520402007004003"),
        ("5.20402E+05", "520402"),
        ('="0012"', "0012"),
        ("'+86", "+86"),
        ("  ５２０４０２\u3000", "520402"),
        ("\ufeffw123\u200b", "w123"),
        ("52040200700400301", "52040200700400301"),
        ("1E5", "1E5"),  # a door, not a number: Excel writes 1E+05
    ],
)
def test_a_code_is_recovered_where_no_digit_is_lost(cell: object, right: str) -> None:
    assert parse_code(cell) == right


@pytest.mark.parametrize(
    "cell",
    [
        "5.20402E+14",
        5.20402007004003e16,
        "5.2040200700400301E+16",
        "52040200700400301.0",
        1.5,
        float("nan"),
        datetime(2026, 3, 2),
        "3月2日",
        "2-Mar",
    ],
)
def test_a_code_with_lost_digits_or_made_a_date_is_refused(cell: object) -> None:
    with pytest.raises(ValueError, match="format the column as text"):
        parse_code(cell)


@pytest.mark.parametrize("cell", ["FW/2026/01", "a/b", ".", "..", "a\tb"])
def test_a_code_that_no_address_leads_to_is_refused(cell: str) -> None:
    with pytest.raises(CellError, match="without slashes"):
        parse_own_code(cell)


def test_a_message_quotes_the_cell_as_it_stands_and_in_part() -> None:
    for cell in (1e300, 1e22):
        assert clean_text(cell) == str(cell)
    with pytest.raises(CellError, match="up to 999999999"):
        parse_integer("99999999999")
    with pytest.raises(CellError) as refused:
        parse_integer("长" * 3000)
    assert len(str(refused.value)) < 200


@given(st.integers(10**5, 10**15 - 1))
def test_every_code_of_up_to_15_digits_survives_excel(number: int) -> None:
    digits = str(number)
    assert (
        parse_code(float(number))
        == parse_code(f"{number}.0")
        == parse_code(f"{number:.14E}")
        == digits
    )


def test_numbers_dates_and_systems_are_read_as_people_write_them() -> None:
    assert [parse_integer(cell) for cell in (5.0, "5层", "１２", "3人", "B2", "5.0")] == [
        5,
        5,
        12,
        3,
        -2,
        5,
    ]
    assert parse_degrees("105.95") == 105.95
    day = datetime(2026, 3, 1)
    days = ("2026-03-01", "2026/3/1", "2026年3月1日", "20260301", "2026.3.1", day)
    assert {parse_local_datetime(cell) for cell in days} == {day}
    assert parse_local_datetime("2026-03-01 08:30") == datetime(2026, 3, 1, 8, 30)
    assert [parse_crs(cell) for cell in ("GCJ-02", "高德", "百度", "WGS 84", "CGCS2000")] == [
        "gcj02",
        "gcj02",
        "bd09",
        "wgs84",
        "cgcs2000",
    ]


@pytest.mark.parametrize(
    ("cell", "hour"),
    [
        ("2026-11-05 上午12:30", 0),
        ("2026/11/5 下午 03:30", 15),
        ("2026年11月5日下午3点半", 15),
        ("2026年11月5日 星期四 晚上8点30分", 20),
        ("2026-11-05 中午12:30", 12),
        ("2026/11/5 12:30:00 AM", 0),
        ("2026/11/5 3:30 pm", 15),
        ("2026-11-05 下午15:30", 15),
    ],
)
def test_an_hour_of_half_a_day_is_one_of_the_day(cell: str, hour: int) -> None:
    assert parse_local_datetime(cell) == datetime(2026, 11, 5, hour, 30)


# 0001-01-01 is how many programs write that there is no date
@pytest.mark.parametrize(
    "cell",
    ["0001-01-01", date(1, 1, 1), datetime(1, 1, 1), "1899-12-31", "3000-01-01", "9999-12-31"],
)
@pytest.mark.parametrize("parse", [parse_local_datetime, parse_moment, parse_first_day])
def test_a_year_that_not_every_reader_can_show_is_refused(parse: Any, cell: object) -> None:
    with pytest.raises(CellError, match="years from 1900 to 2999"):
        parse(cell)


@pytest.mark.parametrize(
    ("parse", "cell"),
    [
        (parse_local_datetime, "2026-11-05 晚上12:30"),
        (parse_local_datetime, "2026-11-05 上午15:30"),
        (parse_moment, "0001-01-01T00:00:00Z"),
        (parse_integer, "3.5"),
        (parse_integer, "三"),
        (parse_degrees, "nan"),
        (parse_degrees, "inf"),
        (parse_degrees, "105°57'"),
        (parse_local_datetime, "2026-02-30"),
        (parse_local_datetime, "46082"),
        (parse_local_datetime, "soon"),
        (parse_crs, "beijing54"),
    ],
)
def test_a_cell_that_is_not_what_it_should_be_is_refused(parse: object, cell: str) -> None:
    with pytest.raises(ValueError):
        parse(cell)  # type: ignore[operator]


# --- files ------------------------------------------------------------------------------

TWO = (
    Column("code", "编码", cells.parse_code, (), "", "", needed=True),
    Column("name", "名称", cells.parse_text, ("name of it",), "", ""),
)


def read_two(path: Path) -> tuple[list[tuple[int, str, str]], LoadReport]:
    report = LoadReport("test", path.name)
    rows = [
        (row.number, row["code"], row["name"]) for row in tables.read_table(path, TWO, report).rows
    ]
    return rows, report


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_text_is_read_in_the_encodings_of_chinese_offices(
    tmp_path: Path, encoding: str, separator: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"编码{separator}名称\r\n007{separator}网格，甲\r\n\r\n", encoding=encoding)
    assert read_two(path)[0] == [(2, "007", "网格，甲")]


def test_the_header_may_stand_under_a_title_in_either_language_or_both(tmp_path: Path) -> None:
    path = write_xlsx(
        tmp_path / "a.xlsx",
        [
            ["网格表（2026年）"],
            [],
            ["序号", "名称（必填）", "编 码*"],
            ["", "Name of it", "CODE"],
            [1, "甲", 7.0],
        ],
    )
    rows, report = read_two(path)
    assert rows == [(5, "7", "甲")]
    assert report.notes == [
        "columns not used: 序号",
        "1 codes came as numbers; zeros in front of them, if any, are lost",
    ]


def test_every_bad_cell_is_named_by_its_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("编码,名称\n1,a\n5.20402E+14,b\n2,c,d\n")
    rows, report = read_two(path)
    assert [row[0] for row in rows] == [2]
    assert refusals(report) == [("row 3", "编码"), ("row 4", "")]
    assert "lost digits" in report.refused[0].reason


def bomb(path: Path, size: int) -> Path:
    write_xlsx(path, [["编码", "名称"]])
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as parts,
        parts.open("xl/media/x", "w") as part,
    ):
        for _ in range(size // 1_000_000):
            part.write(bytes(1_000_000))
    return path


def truncated(path: Path) -> Path:
    whole = write_xlsx(path, [["编码", "名称"], ["1", "a"]]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def far_off(path: Path) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active["A1"], book.active["XFD1048576"] = "编码", "x"
    book.save(path)
    return path


def written(name: str, content: bytes) -> object:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda folder: folder / "no.csv", InvalidInput, "no such file"),
        (written("a.csv", b""), InvalidInput, "empty"),
        (written("a.csv", b"\n\n \n"), InvalidInput, "编码 \\(code\\).*they are empty"),
        (written("a.csv", "名称,x\n甲,1\n".encode()), InvalidInput, "编码 \\(code\\).*名称, x"),
        (
            written("a.csv", "编码,code,名称\n1,2,3\n".encode()),
            InvalidInput,
            "编码 and code both mean code",
        ),
        (written("a.csv", '编码,名称\n1,"甲\n2,乙\n'.encode()), InvalidInput, "quotation mark"),
        (written("a.csv", b"\xff\xff\x80abc"), InvalidInput, "neither UTF-8 nor GB18030"),
        (written("a.csv", b"PK\x03\x04\x00\x00"), InvalidInput, "not text"),
        (written("a.pdf", b"%PDF"), InvalidInput, "ends in .csv"),
        (written("a.xlsx", b"PK\x03\x04 not a zip"), InvalidInput, "damaged"),
        (written("a.xlsx", b"code,name"), InvalidInput, "cannot be read as a workbook"),
        (
            written("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
            InvalidInput,
            "cannot be read",
        ),
        (lambda folder: truncated(folder / "a.xlsx"), InvalidInput, "damaged"),
        (lambda folder: far_off(folder / "a.xlsx"), TooLarge, "column XFD, row 1048576"),
        (
            lambda folder: bomb(folder / "a.xlsx", workbook_xml.MAX_UNPACKED_BYTES + 10**6),
            TooLarge,
            "unpacks to more than",
        ),
    ],
)
def test_a_file_that_cannot_be_a_table_is_refused_in_words(
    tmp_path: Path, make: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        read_two(make(tmp_path))  # type: ignore[operator]


def test_a_zip_bomb_that_lies_about_its_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [["编码", "名称"], ["1", "甲" * 5000]])
    lying = path.read_bytes()
    with zipfile.ZipFile(path) as parts:
        size = max(part.file_size for part in parts.infolist())
    path.write_bytes(lying.replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises((InvalidInput, TooLarge)):
        read_two(path)


def test_a_file_over_the_limit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MAX_TEXT_BYTES", 10)
    path = write_csv(tmp_path / "a.csv", [{"编码": "1", "名称": "甲甲甲"}])
    with pytest.raises(TooLarge, match="Split it"):
        read_two(path)


# --- households -------------------------------------------------------------------------


def tower() -> list[dict[str, object]]:
    """w1: stairwell 1 all U1; stairwell 2 floors 1-3 U2 and 4-6 U3."""
    homes: list[dict[str, object]] = []
    for stairwell in (1, 2):
        for floor in range(1, 7):
            unit = U1 if stairwell == 1 else U2 if floor <= 3 else U3
            homes.append(
                {
                    "楼栋编码": "w1",
                    "单元": stairwell,
                    "房号": f"{floor}01",
                    "人数": floor,
                    "十联户编码": unit,
                }
            )
    return homes


def parts(session: Session) -> set[tuple[object, ...]]:
    rows = session.execute(
        select(Area.code, Building.code, Stairwell.name, UnitPart.floor_from, UnitPart.floor_to)
        .join(UnitPart, UnitPart.unit_id == Area.id)
        .join(Building, Building.id == UnitPart.building_id)
        .outerjoin(Stairwell, Stairwell.id == UnitPart.stairwell_id)
    )
    return {tuple(row) for row in rows}


def test_homes_bring_their_stairwells_units_and_what_units_stand_on(
    town: Session, tmp_path: Path
) -> None:
    report = load_households(town, write_csv(tmp_path / "a.csv", tower()))
    assert report.refused == []
    assert (
        report.counts["new"] == 12
        and report.counts["new_units"] == 3
        and report.counts["new_stairwells"] == 2
    )
    assert parts(town) == {
        (U1, "w1", "1", None, None),
        (U2, "w1", "2", 1, 3),
        (U3, "w1", "2", 4, 6),
    }
    unit = town.scalars(select(Area).where(Area.code == U2)).one()
    assert (unit.level, unit.parent.code if unit.parent else None, unit.county, unit.name) == (
        "unit",
        WEST,
        "520402",
        "第2十联户",
    )
    home = town.execute(select(Household).where(Household.room == "501").limit(1)).scalar_one()
    assert (home.floor, home.people, home.county) == (5, 5, "520402")
    assert report.bbox == pytest.approx((105.9502, 26.2302, 105.9504, 26.2304))


def test_the_shape_of_a_new_unit_is_its_footprint(town: Session, tmp_path: Path) -> None:
    load_households(town, write_csv(tmp_path / "a.csv", tower()))
    shapes = town.execute(
        select(func.ST_AsBinary(Boundary.geom))
        .join(Area, Area.id == Boundary.area_id)
        .where(Area.level == "unit")
    ).scalars()
    matches = [wkb.loads(bytes(item)) for item in shapes]
    assert len(matches) == 3
    assert all(item.intersects(box(105.9502, 26.2302, 105.9504, 26.2304)) for item in matches)


def test_loading_the_same_homes_twice_writes_nothing(town: Session, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", tower())
    load_households(town, path)
    earlier, ids = history(town), set(town.scalars(select(Household.id)))
    report = load_households(town, path)
    assert report.counts["unchanged"] == 12
    assert history(town) == earlier
    assert set(town.scalars(select(Household.id))) == ids


def test_a_changed_home_writes_one_line_of_history_and_an_empty_cell_leaves_what_is_there(
    town: Session, tmp_path: Path
) -> None:
    load_households(town, write_csv(tmp_path / "a.csv", tower()))
    earlier = history(town)
    homes = tower()
    homes[0] |= {"人数": 9, "十联户编码": ""}
    report = load_households(town, write_csv(tmp_path / "a.csv", homes))
    assert (
        report.counts["changed"],
        report.counts["unchanged"],
        report.counts["units_reshaped"],
    ) == (
        1,
        11,
        0,
    )
    assert history(town) == earlier + 2  # the home, and the load itself
    home = town.execute(select(Household).where(Household.people == 9)).scalar_one()
    assert home.unit_id == town.scalar(select(Area.id).where(Area.code == U1))


def test_elders_are_a_count_among_the_people_and_an_empty_cell_leaves_what_is_known(
    town: Session, tmp_path: Path
) -> None:
    def load(**cells: object) -> tuple[int | None, list[str]]:
        home: dict[str, object] = {"楼栋编码": "w2", "房号": "101", "人数": 3} | cells
        report = load_households(town, write_csv(tmp_path / "a.csv", [home]))
        return town.scalar(select(Household.elders)), [row.reason for row in report.refused]

    assert load() == (None, [])  # nobody said
    assert load(老年人数="两人") == (2, [])
    assert load() == (2, [])
    earlier = history(town)
    assert load(老人数=2) == (2, []) and history(town) == earlier + 1  # the load itself
    assert load(老人数=0) == (0, [])
    assert load(老人数=2) == (2, [])
    assert load(人数=1) == (None, [])  # of one person two cannot be old
    for wrong in (4, -1):
        assert f"{wrong} elders" in load(老人数=wrong)[1][0]
    assert load(老人数="some")[1]


def test_one_unit_in_a_building_stands_on_all_of_it(town: Session, tmp_path: Path) -> None:
    homes = [
        {"building": "w2", "stairwell": s, "room": "101", "people": 1, "unit": U1}
        for s in ("1", "2", "")
    ]
    load_households(town, write_csv(tmp_path / "a.csv", homes))
    assert parts(town) == {(U1, "w2", None, None, None)}
    homes[2]["unit"] = U2
    load_households(town, write_csv(tmp_path / "a.csv", homes))
    assert parts(town) == {
        (U1, "w2", "1", None, None),
        (U1, "w2", "2", None, None),
        (U2, "w2", None, 1, 1),
    }


def test_a_building_is_found_by_code_name_or_point(town: Session, tmp_path: Path) -> None:
    lon, lat = systems.from_storage(105.9513, 26.2303, "gcj02")
    homes: list[dict[str, object]] = [
        {"楼栋编码": "w1", "房号": "101", "人数": 1},
        {"小区": "桂花苑", "楼栋": "三栋", "房号": "102", "人数": 1},
        {"小区": "", "楼栋": "4#", "房号": "101", "人数": 1},
        {"经度": lon, "纬度": lat, "坐标系": "高德", "房号": "101", "人数": 1},
        {
            "经度": 105.95145,
            "纬度": 26.2303,
            "坐标系": "wgs84",
            "房号": "102",
            "人数": 1,
        },  # 5 m east of w3
    ]
    report = load_households(town, write_csv(tmp_path / "a.csv", homes))
    assert report.refused == []
    matches = town.execute(
        select(Building.code)
        .join(Household, Household.building_id == Building.id)
        .order_by(Household.id)
    )
    assert list(matches.scalars()) == ["w1", "w1", "w2", "w3", "w3"]
    assert report.crs == "gcj02, wgs84"


def test_every_refused_home_is_listed_with_what_would_be_right_and_nothing_is_written(
    town: Session, tmp_path: Path
) -> None:
    home = {"楼栋编码": "w1", "房号": "101", "人数": 1}
    nameless = {"楼栋编码": "", "人数": 1}
    homes: list[dict[str, object]] = [
        home,
        home | {"单元": ""},  # 3: twice
        home | {"楼栋编码": "w11", "房号": "1"},  # 4
        nameless | {"小区": "桂花园", "楼栋": "3号楼", "房号": "2"},  # 5
        nameless | {"楼栋": "3号楼", "房号": "3"},  # 6: two of them
        nameless | {"经度": 105.9502, "纬度": 26.2303, "房号": "4"},  # 7: no system
        nameless
        | {"经度": 26.2303, "纬度": 105.9502, "坐标系": "wgs84", "房号": "5"},  # 8: swapped
        nameless | {"经度": "nan", "纬度": 26.2303, "坐标系": "wgs84", "房号": "6"},  # 9
        nameless | {"经度": 105.96, "纬度": 26.2303, "坐标系": "wgs84", "房号": "7"},  # 10: far
        nameless | {"房号": "8"},  # 11: no building at all
        home | {"房号": "", "人数": 100, "楼层": 0},  # 12: three faults
        home | {"房号": "9", "十联户编码": f"{COMMUNITY}00901"},  # 13: no such grid
        home | {"房号": "10", "十联户编码": WEST},  # 14: a grid
        home | {"房号": "11", "十联户编码": f"{EAST}01"},  # 15: the building stands in WEST
        home | {"房号": "12", "十联户编码": f"{WEST}00"},  # 16: cut by Excel
    ]
    earlier = history(town)
    report = load_households(town, write_csv(tmp_path / "a.csv", homes))
    reasons = {row.where: row.reason for row in report.refused if row.where != "row 12"}
    assert len(report.refused) == 13 + 3 and list(reasons) == [
        f"row {n}" for n in (*range(3, 12), *range(13, 17))
    ]
    for row, phrase in {
        3: "row 2",
        4: "nearest: w1",
        5: "桂花苑3号楼",
        6: "2 buildings",
        7: "wgs84, cgcs2000, gcj02, bd09",
        8: "latitude first",
        9: "not a number",
        10: "the nearest, w3, is",
        11: "estate and name",
        13: f"nearest: {COMMUNITY}00",
        14: "十联户",
        15: f"stands in grid {WEST}",
        16: "15 digits",
    }.items():
        assert phrase in reasons[f"row {row}"], row
    assert [row.field for row in report.refused if row.where == "row 12"] == [
        "房号",
        "人数",
        "楼层",
    ]
    assert history(town) == earlier


def test_the_system_told_for_the_file_fills_rows_that_name_none(
    town: Session, tmp_path: Path
) -> None:
    lon, lat = systems.from_storage(105.9503, 26.2303, "bd09")
    path = write_csv(tmp_path / "a.csv", [{"lon": lon, "lat": lat, "room": "1", "people": 2}])
    assert refusals(load_households(town, path)) == [("row 2", "crs")]
    assert load_households(town, path, crs="bd09").counts["new"] == 1


# --- people -----------------------------------------------------------------------------


def holders(session: Session, role: str) -> list[tuple[object, ...]]:
    rows = session.execute(
        select(Person.code, func.lower(Post.valid_time), func.upper(Post.valid_time))
        .select_from(Post)
        .outerjoin(Person, Person.id == Post.holder_id)
        .where(Post.role == role)
        .order_by(func.lower(Post.valid_time), Person.code)
    )
    return [
        (
            actor,
            start.astimezone(SHANGHAI).date().isoformat(),
            stop and stop.astimezone(SHANGHAI).date().isoformat(),
        )
        for actor, start, stop in rows
    ]


def test_a_row_is_a_post_with_its_person_deputy_and_county(town: Session, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        leader("1", "2026-03-01", 电话="13800000001", 代理人工号="2"),
        {"工号": "2", "姓名": "乙"},
        {"工号": "2", "岗位": "building_head", "楼栋编码": "w3", "自": "2026-03-01"},
        {"岗位": "联络员", "区域编码": "520402007", "自": "2026-03-01", "代理人工号": "2"},
        {"类型": "请假", "工号": "1", "自": "2026-05-01", "至（不含当天）": "2026-05-08"},
    ]
    report = load_people(town, write_csv(tmp_path / "a.csv", rows))
    assert report.refused == []
    assert report.counts | {"new_people": 2, "new_posts": 3, "new_leaves": 1} == report.counts
    post = town.execute(select(Post).where(Post.role == "grid_leader")).scalar_one()
    assert post.holder is not None and post.deputy is not None
    assert (post.county, post.holder.code, post.holder.phone, post.deputy.name) == (
        "520402",
        "1",
        "13800000001",
        "乙",
    )
    assert (
        post.valid_time.lower == datetime(2026, 3, 1, tzinfo=SHANGHAI)
        and post.valid_time.upper is None
    )
    assert holders(town, "liaison_officer") == [(None, "2026-03-01", None)]
    away = town.execute(select(Leave)).scalar_one().valid_time
    assert (away.lower, away.upper) == (
        datetime(2026, 5, 1, tzinfo=SHANGHAI),
        datetime(2026, 5, 8, tzinfo=SHANGHAI),
    )


def test_a_new_holder_closes_the_old_post_and_an_old_file_changes_nothing(
    town: Session, tmp_path: Path
) -> None:
    initial = write_csv(tmp_path / "a.csv", [leader("1", "2026-01-01")])  # and until whenever
    second = write_csv(tmp_path / "b.csv", [leader("2", "2026-03-01")])
    for path in (initial, second):
        assert load_people(town, path).refused == []
    now = [("1", "2026-01-01", "2026-03-01"), ("2", "2026-03-01", None)]
    assert holders(town, "grid_leader") == now
    posts = town.scalar(select(func.max(HistoryEntry.id)).where(HistoryEntry.table_name == "post"))
    for path in (second, initial, second):
        assert load_people(town, path).refused == []
    assert holders(town, "grid_leader") == now
    assert (
        town.scalar(select(func.max(HistoryEntry.id)).where(HistoryEntry.table_name == "post"))
        == posts
    )


def test_loading_the_same_people_twice_writes_nothing(town: Session, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        leader("1", "2026-01-01", 代理人工号="3"),
        leader("2", ""),
        leader("3", "", 岗位="网格员"),
        {"类型": "leave", "工号": "1", "自": "2026-02-01"},
    ]
    rows[1]["区域编码"] = EAST
    path = write_csv(tmp_path / "a.csv", rows)
    assert load_people(town, path).refused == []
    earlier = history(town)
    report = load_people(town, path)
    assert report.refused == [] and history(town) == earlier
    assert report.counts["unchanged_people"] == 3


def test_a_staff_number_under_another_name_is_told(town: Session, tmp_path: Path) -> None:
    first = load_people(town, write_csv(tmp_path / "a.csv", [leader("1", "2026-01-01")]))
    assert not [each for each in first.messages if isinstance(each, RowNote)]
    other = [leader("1", "2026-01-01", 姓名="别家人")]
    report = load_people(town, write_csv(tmp_path / "b.csv", other))
    (note,) = [each for each in report.messages if isinstance(each, RowNote)]
    assert "→ 别家人" in note.text_in("zh") and "row 2" in note.text_in("en")


def test_several_workers_share_a_grid_and_one_leader_does_not(
    town: Session, tmp_path: Path
) -> None:
    workers = [leader(person, "2026-01-01", 岗位="网格员") for person in "12"]
    assert load_people(town, write_csv(tmp_path / "a.csv", workers)).refused == []
    assert [row[0] for row in holders(town, "grid_worker")] == ["1", "2"]
    twins = [leader(person, "2026-01-01") for person in "12"]
    report = load_people(town, write_csv(tmp_path / "b.csv", twins))
    assert refusals(report) == [("row 3", "自")] and "row 2" in report.refused[0].reason


def test_every_refused_post_is_listed_with_what_would_be_right_and_nothing_is_written(
    town: Session, tmp_path: Path
) -> None:
    load_people(town, write_csv(tmp_path / "a.csv", [leader("1", "2026-01-01")]))
    earlier = history(town)
    rows: list[dict[str, object]] = [
        leader("2", "2026-01-01"),  # 2: 1 holds it from that day
        leader("2", "2026-02-01", 区域编码=COMMUNITY),  # 3: wrong level
        leader("2", "2026-02-01", 区域编码=f"{COMMUNITY}009"),  # 4: no such grid
        leader("2", "2026-02-01", 岗位="楼栋长"),  # 5: wants a building
        leader("2", "2026-02-01", 岗位="局长"),  # 6: no such role
        leader("2", "2026-02-01", 姓名="别人", 岗位="网格员"),  # 7: another name
        leader("4", "2026-02-01", 姓名="", 岗位="网格员"),  # 8: unknown person
        leader("5", "2026-02-01", 代理人工号="99", 岗位="网格员"),  # 9: unknown deputy
        leader("6", "2026-02-01", 代理人工号="6", 岗位="网格员"),  # 10: deputy of oneself
        leader("7", "2026-03-01", 至="2026-03-01", 岗位="网格员"),  # 11: nothing between
        {"类型": "请假", "工号": "1"},  # 12: since when
        {"工号": "8", "姓名": "八", "岗位": "楼栋长", "楼栋编码": "w9", "自": "2026-01-01"},  # 13
        {"姓名": "九"},  # 14: no number
        {"工号": "1", "区域编码": WEST},  # 15: no role
        leader("1", "9999", 岗位="网格员"),  # 16: no date
    ]
    report = load_people(town, write_csv(tmp_path / "b.csv", rows))
    reasons: dict[str, str] = {}
    for item in report.refused:
        reasons[item.where] = reasons.get(item.where, "") + item.reason
    assert sorted(reasons, key=lambda where: int(where[4:])) == [f"row {n}" for n in range(2, 17)]
    for row, phrase in {
        2: "the holder 1 holds it",
        3: "attached to a grid (网格); 520402007004 is a community (社区)",
        4: WEST,
        5: "building (楼栋)",
        6: "网格长",
        7: "one number is one person",
        8: "give the name",
        9: "nobody has the number 99",
        10: "somebody else",
        11: "not after the start",
        12: "leave needs it",
        13: "nearest: w",
        14: "staff number",
        15: "fill in the role",
        16: "not a date",
    }.items():
        assert phrase in reasons[f"row {row}"], (row, reasons[f"row {row}"])
    assert history(town) == earlier


DAYS = st.integers(0, 12).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n))
TERMS = st.lists(
    st.builds(
        FileTerm,
        row=st.just(0),
        person=st.sampled_from(["1", "2", "3", None]),
        deputy=st.sampled_from([None, "9"]),
        start=st.none() | DAYS,
        stop=st.none() | DAYS,
    ),
    max_size=3,
)


@given(st.lists(TERMS, max_size=4))
@settings(max_examples=300)
def test_a_timeline_never_overlaps_and_the_same_file_again_changes_nothing(
    files: list[list[FileTerm]],
) -> None:
    line: list[StoredTerm] = []
    now = datetime(2026, 1, 5, 12, tzinfo=UTC)
    for file in files:
        numbered = [
            FileTerm(row, item.person, item.deputy, item.start, item.stop)
            for row, item in enumerate(file)
        ]
        later, clashes = merge_terms(line, numbered, now)
        assert all(item.stop is None or item.start < item.stop for item in later)
        assert all(
            item.stop is not None and item.stop <= two.start for item, two in pairwise(later)
        )
        if not clashes:
            line = later
            again, clashes = merge_terms(line, numbered, now + timedelta(hours=1))
            assert clashes == [] and again == line
        now += timedelta(days=2)


def test_reasons_give_the_days_of_the_community() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    june = datetime(2026, 6, 1, tzinfo=zone)
    line = [StoredTerm(1, "1", None, june.astimezone(UTC), None)]
    term = FileTerm(2, "2", None, june - timedelta(days=31), june + timedelta(days=3))
    _, (clash,) = merge_terms(line, [term], june + timedelta(days=99))
    assert (clash.reason.params["start"], clash.reason.params["stop"]) == (
        "2026-06-01",
        "2026-06-04",
    )


# --- facilities -------------------------------------------------------------------------


def facility(**extra: object) -> dict[str, object]:
    point = {"经度": 105.9505, "纬度": 26.2305, "坐标系": "cgcs2000"}
    return {"编码": "F1", "名称": "学苑药店", "类别": "药店"} | point | extra


def test_a_facility_stands_at_its_point_in_storage_or_at_the_building_of_its_address(
    town: Session, tmp_path: Path
) -> None:
    lon, lat = systems.from_storage(105.9505, 26.2305, "bd09")
    rows = [
        facility(),
        facility(编码="F2", 类别="clinic", 经度=lon, 纬度=lat, 坐标系="BD09", 联系电话="0851-3300"),
        facility(编码="F3", 经度="", 纬度="", 坐标系="", 地址="学苑社区金桂园3栋"),
    ]
    report = load_facilities(town, write_csv(tmp_path / "a.csv", rows))
    assert report.refused == [] and report.counts["new"] == 3
    matches = town.execute(
        select(
            Facility.code,
            Facility.category,
            Facility.county,
            func.ST_X(Facility.geom),
            func.ST_Y(Facility.geom),
        ).order_by(Facility.code)
    ).all()
    assert [tuple(row)[:3] for row in matches] == [
        ("F1", "pharmacy", "520402"),
        ("F2", "clinic", "520402"),
        ("F3", "pharmacy", "520402"),
    ]
    assert tuple(matches[1])[3:] == pytest.approx((105.9505, 26.2305), abs=2e-7)
    assert box(105.9512, 26.2302, 105.9514, 26.2304).contains(
        box(*matches[2][3:], *matches[2][3:]).centroid
    )
    assert report.crs == "bd09, cgcs2000"


def test_loading_the_same_facilities_twice_writes_nothing_and_a_change_one_line(
    town: Session, tmp_path: Path
) -> None:
    path = write_csv(
        tmp_path / "a.csv",
        [facility(), facility(编码="F2", 经度="", 纬度="", 地址="桂花苑 4 号楼")],
    )
    load_facilities(town, path)
    earlier = history(town)
    assert load_facilities(town, path).counts["unchanged"] == 2
    assert history(town) == earlier
    report = load_facilities(town, write_csv(tmp_path / "b.csv", [facility(名称="学苑大药房")]))
    assert report.counts["changed"] == 1
    assert town.scalar(select(Facility.name).where(Facility.code == "F1")) == "学苑大药房"
    assert history(town) == earlier + 2  # the facility, and the load


def test_the_capacity_of_a_facility_is_kept_until_another_is_stated(
    town: Session, tmp_path: Path
) -> None:
    def load(**cells: object) -> tuple[int | None, list[tuple[str, str]]]:
        report = load_facilities(town, write_csv(tmp_path / "a.csv", [facility(**cells)]))
        return town.scalar(select(Facility.capacity)), refusals(report)

    assert load() == (None, [])
    assert load(容量=12) == (12, [])
    assert load() == (12, [])
    assert load(床位数=0) == (0, [])
    for wrong in (-1, 1_000_001, 99999999999, "1.5", "many"):
        assert load(容量=wrong)[1] == [("row 2", "容量")], wrong


def test_a_point_in_a_known_outline_leaves_it_and_one_elsewhere_moves_the_facility(
    town: Session, tmp_path: Path
) -> None:
    outline = shape(box(105.9504, 26.2304, 105.9506, 26.2306))
    town.add(
        Facility(code="F1", county="520402", category="pharmacy", name="学苑药店", geom=outline)
    )
    town.flush()
    assert (
        load_facilities(town, write_csv(tmp_path / "a.csv", [facility()])).counts["unchanged"] == 1
    )
    moved = load_facilities(town, write_csv(tmp_path / "b.csv", [facility(经度=105.9508)]))
    assert moved.counts["changed"] == 1
    assert town.scalar(select(func.ST_AsText(Facility.geom))) == "POINT(105.9508 26.2305)"


def test_an_outline_of_a_row_is_stored_unless_the_point_lies_elsewhere(
    town: Session, tmp_path: Path
) -> None:
    land = box(105.9504, 26.2304, 105.9506, 26.2306).wkt
    for name, lon, stored in (
        ("in.csv", 105.9505, "POLYGON"),
        ("out.csv", 105.9508, "POINT"),
        ("drawn.csv", "", "POLYGON"),
    ):
        lat = 26.2305 if lon else ""
        row = facility(经度=lon, 纬度=lat) | {"形状": land}
        assert load_facilities(town, write_csv(tmp_path / name, [row])).refused == []
        assert town.scalar(select(func.GeometryType(Facility.geom))) == stored, name
    wrong = [facility() | {"形状": shape} for shape in ("POLYGON ((1", "LINESTRING (0 0, 1 1)")]
    refused = load_facilities(town, write_csv(tmp_path / "no.csv", wrong[:1])).refused
    assert [row.field for row in refused] == ["形状"]
    assert load_facilities(town, write_csv(tmp_path / "line.csv", wrong[1:])).refused


def test_every_refused_facility_is_listed_with_what_would_be_right(
    town: Session, tmp_path: Path
) -> None:
    nowhere = {"经度": "", "纬度": "", "坐标系": ""}
    rows = [
        facility(编码="A", 坐标系=""),
        facility(编码="B", 类别="理发"),
        facility(编码="C"),
        facility(编码="C"),
        facility(编码="D", 经度=26.2305, 纬度=105.9505),
        facility(编码="E", **nowhere),
        facility(编码="F", **nowhere, 地址="桂花苑9号楼"),
        facility(编码="G", 纬度=""),
        facility(编码="", 类别=""),
        facility(编码="H", 坐标系="gcj02", 经度=24.94, 纬度=60.17),
    ]
    report = load_facilities(town, write_csv(tmp_path / "a.csv", rows))
    assert refusals(report) == [
        ("row 2", "坐标系"),
        ("row 3", "类别"),
        ("row 5", "编码"),
        ("row 6", "经度"),
        ("row 7", "经度"),
        ("row 8", "地址"),
        ("row 9", "纬度"),
        ("row 10", "编码"),
        ("row 10", "类别"),
        ("row 11", "坐标系"),
    ]
    assert "nearest: 桂花苑" in report.refused[5].reason
    assert town.scalar(select(func.count()).select_from(Facility)) == 0


# --- templates --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", COLUMNS_BY_KIND)
def test_a_template_reads_back_its_own_columns_and_example(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "t.xlsx"
    write_template(kind, path)
    report = LoadReport(kind, path.name)
    table = tables.read_table(path, COLUMNS_BY_KIND[kind], report)
    assert list(table.columns) == [column.key for column in COLUMNS_BY_KIND[kind]]
    assert list(table.rows) == [] and report.refused == [] and report.notes == []
    book = openpyxl.load_workbook(path)
    book.move_sheet("示例", -1)
    book.save(tmp_path / "example.xlsx")
    rows = list(tables.read_table(tmp_path / "example.xlsx", COLUMNS_BY_KIND[kind], report).rows)
    assert rows and report.refused == []
    assert book["列表"].sheet_state == "hidden"


def test_codes_of_a_template_are_text_and_choices_are_lists(tmp_path: Path) -> None:
    write_template("people", tmp_path / "t.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx")["数据"]
    letters = {str(cell.value).rstrip("*"): cell.column_letter for cell in sheet[1]}
    assert sheet.column_dimensions[letters["区域编码"]].number_format == "@"
    assert {str(rule.sqref).split("2:")[0] for rule in sheet.data_validations.dataValidation} == {
        letters["岗位"],
        letters["类型"],
    }
    assert sheet["A1"].comment is not None and sheet["A1"].comment.text.startswith("person\n")


def test_a_template_never_replaces_a_file(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(b"work")
    with pytest.raises(InvalidInput, match="filled in"):
        write_template("people", tmp_path / "t.xlsx")
    for path, kind in (
        (tmp_path / "t.csv", "people"),
        (tmp_path / "x" / "t.xlsx", "people"),
        (tmp_path / "u.xlsx", "x"),
    ):
        with pytest.raises(InvalidInput):
            write_template(kind, path)
    assert (tmp_path / "t.xlsx").read_bytes() == b"work"
