"""Locating a file of points: every row as the single question would answer it, columns, encodings,
refusals.
"""

import csv
import json
import subprocess
import sys
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gis import crs
from gis.areas import batch
from gis.areas.batch import HEADER, locate_file
from gis.areas.locate_input import read_time
from gis.areas.resolver import locate
from gis.errors import InvalidInput, WanggeError
from gis.settings import Settings
from tests.support import build
from tests.support.build import LAT, LON, SIDE
from web.cli import locate as command

ZONE = Settings(var=Path("/")).timezone
NOW = datetime(2026, 11, 23, 9, tzinfo=ZONE)
CODE = "520402007012"


@pytest.fixture
def town(session):
    """Four grids, a tower of three units, a slab of one, one building on a border.

    Posts, leave, a later boundary.
    """
    town = build.Town(session)
    town.grids = [
        town.grid(f"00{1 + column + 2 * row}", column, row) for row in (0, 1) for column in (0, 1)
    ]
    initial = town.grids[0]
    tower, slab = town.building("3号楼", 0.0002, 0.0002), town.building("5号楼", 0.0006, 0.0002)
    town.building("7号楼", SIDE - 0.0001, 0.0005)
    for number, part in (("01", ("1", None, None)), ("02", ("2", 1, 3)), ("03", ("2", 4, 6))):
        town.unit(initial, number, [(tower, *part)])
    town.post("unit_head", town.unit(initial, "04", [(slab, None, None, None)]), "张一")
    town.post("building_head", tower, "赵六")
    for grid in town.grids:
        town.post("grid_leader", grid, f"长{grid.code[-1]}", deputy="李四")
        town.post("grid_worker", grid, "王五")
    town.post("contact_leader", town.community, "领导")
    town.post("community_secretary", town.community, None)
    town.leave("长1", NOW - timedelta(days=10), NOW - timedelta(days=5))
    town.boundary(
        town.area("grid", f"{CODE}009", "新", town.community),
        build.square(LON + 2 * SIDE, LAT),
        start=NOW - timedelta(days=7),
    )
    return town


def write(path: Path, rows: list[dict[str, object]], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def located(session, tmp_path, rows, encoding="utf-8"):
    source = write(tmp_path / "in.csv", rows, encoding)
    counts = locate_file(session, source, tmp_path / "out.csv", NOW)
    result = read(tmp_path / "out.csv")
    assert counts.rows == len(result) == len(rows)
    assert counts.located == sum(bool(row["grid"]) for row in result)
    return result


def expected(session, row) -> dict[str, str]:
    """What the single question says, in the columns of the file."""
    line = dict.fromkeys(HEADER, "") | {"id": row["id"]}
    try:
        moment = read_time(row["at"], ZONE) if row.get("at") else NOW
        result = locate(
            session,
            float(row["lon"]),
            float(row["lat"]),
            row["crs"],
            address=row.get("address") or None,
            at=moment,
        )
    except WanggeError as error:
        return line | {"error": error.detail}
    return (
        line
        | {area.level: area.code for area in result.areas}
        | {
            "unit": result.unit.code if result.unit else "",
            "building": result.building.code if result.building else "",
            "people": ";".join(f"{entry.role}:{entry.name or ''}" for entry in result.people),
            "how": ";".join(
                f"{item.step}:{item.rule}" for item in result.how if item.step != "answerable"
            ),
        }
    )


def test_every_row_is_answered_as_the_single_question_is(town, session, tmp_path):
    random = np.random.default_rng(5)
    rows = []
    for number, (east, north) in enumerate(random.uniform(-0.5, 3.2, (300, 2)) * SIDE):
        system = crs.SUPPORTED_CRS[number % 4]
        lon, lat = crs.from_storage(LON + east, LAT + north * 2 / 3, system)
        address = ["", "", "3号楼2单元501", "5号楼", "88栋"][number % 5]
        at = ["", "2026-11-15", "2026-11-14T09:00:00+08:00", "2026-11-20T12:00", "2019-01-01"][
            number // 5 % 5
        ]
        rows.append(
            {
                "id": f"p{number}",
                "lon": lon,
                "lat": lat,
                "crs": system,
                "address": address,
                "at": at,
            }
        )
    for number, (east, north) in enumerate(
        [(SIDE, SIDE), (SIDE, SIDE / 2), (0, 0), (2 * SIDE, SIDE), (SIDE / 2, SIDE)]
    ):
        rows.append(
            {
                "id": f"b{number}",
                "lon": round(LON + east, 7),
                "lat": round(LAT + north, 7),
                "crs": "wgs84",
            }
        )
    result = located(session, tmp_path, rows)
    for line, row in zip(result, rows, strict=True):
        assert line == expected(session, row)
    rules = ";".join(line["how"] for line in result)
    for rule in (
        "border_lower_code",
        "nearest_within_50m",
        "nearest_within_15m",
        "only_unit",
        "converted",
        "address_over_point",
    ):
        assert rule in rules
    assert {
        line["people"].split("grid_leader:")[1].split(";")[0]
        for line in result
        if line["grid"] == f"{CODE}001"
    } == {"长1", "李四"}


def test_rows_that_cannot_be_answered_have_only_their_error(town, session, tmp_path):
    good = {"id": "a", "lon": LON + 0.0003, "lat": LAT + 0.0008, "crs": "wgs84", "at": ""}
    wrong = [
        {"lon": ""},
        {"lat": "north"},
        {"lon": "nan"},
        {"lat": "inf"},
        {"crs": ""},
        {"crs": "epsg4326"},
        {"lon": LAT, "lat": LON},
        {"lon": 200},
        {"lon": 2.35, "lat": 48.8, "crs": "bd09"},
        {"at": "yesterday"},
        {"lon": LON + 1},
    ]
    fields = ["lon", "lat", "lon", "lat", "crs", "crs", "lon", "lon", "crs", "at", f"{CODE}009"]
    result = located(session, tmp_path, [good, *[good | item for item in wrong], good])
    assert [line["grid"] for line in (result[0], result[-1])] == [f"{CODE}001"] * 2
    for line, field in zip(result[1:-1], fields, strict=True):
        assert field in line["error"], line
        assert all(not value for name, value in line.items() if name not in ("id", "error"))
    assert all(not line["error"] for line in (result[0], result[-1]))


def test_the_file_has_exactly_the_columns_of_the_contract_in_the_order_of_the_rows(
    town, session, tmp_path
):
    rows = [
        {"id": name, "lon": LON + 0.0003, "lat": LAT + 0.0008, "crs": "wgs84"}
        for name in ("9", "001", "1e5", "", '坏,"名"', "x\ny")
    ]
    result = located(session, tmp_path, rows)
    assert list(result[0]) == [
        "id",
        "county",
        "street",
        "community",
        "grid",
        "unit",
        "building",
        "people",
        "how",
        "error",
    ]
    assert [line["id"] for line in result] == [row["id"] for row in rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_files_as_excel_writes_them_are_read(town, session, tmp_path, encoding):
    row = {
        "id": "网格一号",
        "lon": LON + 0.0003,
        "lat": LAT + 0.0003,
        "crs": "wgs84",
        "address": "西兴社区三号楼二单元五楼",
    }
    (line,) = located(session, tmp_path, [row], encoding)
    assert (line["id"], line["unit"]) == ("网格一号", f"{CODE}00103")


def test_an_empty_file_of_points_gives_an_empty_file_of_answers(town, session, tmp_path):
    (tmp_path / "in.csv").write_text("id,lon,lat,crs\n")
    counts = locate_file(session, tmp_path / "in.csv", tmp_path / "out.csv", NOW)
    assert (counts.rows, counts.located) == (0, 0)
    assert (tmp_path / "out.csv").read_text() == ",".join(HEADER) + "\n"


@pytest.mark.parametrize(
    "content, reason",
    [
        ("id,lon,lat\na,105,26\n", "missing: 'crs'"),
        ("id,lon,lat,crs,addres\na,105,26,wgs84,x\n", "not known: 'addres'"),
        ("id,lon,lon,lat,crs\na,105,1,26,wgs84\n", "twice: 'lon'"),
        ("", "mpty"),
        (b"\xff\xff\x00id", "in.csv"),
        ("id,lon,lat,crs\na,105,26,wgs84\n".encode("utf-16"), "in.csv"),
    ],
)
def test_a_file_with_other_columns_is_refused_whole_and_the_old_answers_stay(
    town, session, tmp_path, content, reason
):
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    target.write_text("old")
    with pytest.raises(InvalidInput, match=reason):
        locate_file(session, source, target, NOW)
    assert target.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_a_file_that_is_not_there_or_cannot_be_written_is_said(town, session, tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read"):
        locate_file(session, tmp_path / "none.csv", tmp_path / "out.csv", NOW)
    source = write(tmp_path / "in.csv", [{"id": "a", "lon": LON, "lat": LAT, "crs": "wgs84"}])
    with pytest.raises(InvalidInput, match="cannot be written"):
        locate_file(session, source, tmp_path / "no" / "out.csv", NOW)


def test_without_grids_every_row_says_so(session, tmp_path):
    (line,) = located(session, tmp_path, [{"id": "a", "lon": LON, "lat": LAT, "crs": "wgs84"}])
    assert "load areas" in line["error"]


def test_the_command_writes_the_file_and_counts(town, session, tmp_path, monkeypatch):
    @contextmanager
    def scope():
        yield session

    monkeypatch.setattr(command, "reading_scope", scope)
    rows = [
        {"id": "a", "lon": LON + 0.0003, "lat": LAT + 0.0008, "crs": "wgs84"},
        {"id": "b", "lon": 0, "lat": 0, "crs": "wgs84"},
    ]
    source, target = write(tmp_path / "in.csv", rows), tmp_path / "out.csv"
    done = CliRunner().invoke(command.command, ["--batch", str(source), str(target), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"rows": 2, "located": 1, "errors": 1, "file": str(target)}
    assert [line["grid"] for line in read(target)] == [f"{CODE}001", ""]
    assert (
        CliRunner()
        .invoke(command.command, ["--batch", str(source), str(target), "--crs", "wgs84"])
        .exit_code
        == 2
    )


def test_thousands_of_points_in_pieces_are_answered_in_their_order(town, session, tmp_path):
    random = np.random.default_rng(3)
    points = random.uniform(0, 2 * SIDE, (70_000, 2))
    rows = [
        {"id": n, "lon": LON + x, "lat": LAT + y, "crs": "wgs84"}
        for n, (x, y) in enumerate(points.tolist())
    ]
    result = located(session, tmp_path, rows)
    # more than one piece of the join; the squares' numbers can be read off the points
    want = [f"{CODE}00{1 + int(x > SIDE) + 2 * int(y > SIDE)}" for x, y in points.tolist()]
    assert [line["grid"] for line in result] == want
    assert [int(line["id"]) for line in result] == list(range(len(rows)))


@pytest.mark.parametrize("size", [1, 7, 40])
def test_a_file_in_parts_is_answered_as_one(town, session, tmp_path, monkeypatch, size):
    random = np.random.default_rng(size)
    places = ["", "", "西兴社区3号楼2单元501室", "3号楼1单元", "没有的地方", "x" * 500]
    moments = ["", "2026-11-10 09:00", "2026-11-17T09:00+08:00", "2019-01-01", "gestern"]
    rows = [
        {
            "id": n,
            "lon": LON + x if n % 11 else ["", "106,1", "nan", "10_5.9501", "inf"][n % 5],
            "lat": LAT + y,
            "crs": random.choice(["wgs84", "cgcs2000", "gcj02", "bd09", "mars"]),
            "address": random.choice(places),
            "at": random.choice(moments),
        }
        # inside the town, beside it, and far away
        for n, (x, y) in enumerate((random.uniform(-0.2, 1.2, (120, 2)) * 3 * SIDE).tolist())
    ] + [{"id": "far", "lon": 0.001, "lat": 0.001, "crs": "wgs84", "address": "", "at": ""}]
    whole = located(session, tmp_path, rows)
    monkeypatch.setattr(batch, "PIECE_ROWS", size)
    monkeypatch.setattr(batch, "LARGE_FILE_BYTES", 0)  # all people once
    assert located(session, tmp_path, rows) == whole
    assert {bool(row["grid"]) for row in whole} == {True, False}
    odd = [row for row, given in zip(whole, rows, strict=True) if "_" in str(given["lon"])]
    assert odd and not any(row["grid"] for row in odd)


def test_a_file_is_located_without_pandas(database_url, tmp_path):
    code = (
        "import sys; from pathlib import Path; from sqlalchemy.orm import Session\n"
        "from datetime import UTC, datetime\n"
        "from gis.areas.batch import locate_file; from gis.db import engine\n"
        "with Session(engine(sys.argv[1])) as session:\n"
        "    locate_file(session, *map(Path, sys.argv[2:]), datetime.now(UTC))\n"
        "assert 'pandas' not in sys.modules\n"  # takes half a second and 40 MB
    )
    source = write(tmp_path / "in.csv", [{"id": 1, "lon": LON, "lat": LAT, "crs": "wgs84"}])
    files = [str(source), str(tmp_path / "out.csv")]
    done = subprocess.run([sys.executable, "-c", code, database_url, *files], check=False)
    assert done.returncode == 0
    (line,) = read(tmp_path / "out.csv")
    assert line["error"]


def test_points_where_nobody_answers_at_any_level_have_their_grid(session, tmp_path):
    town = build.Town(session)
    town.grid("001"), town.grid("002", 1)
    rows = [
        {"id": n, "lon": LON + east * SIDE, "lat": LAT + SIDE / 2, "crs": "wgs84"}
        for n, east in enumerate((0.5, 1.5, 99))
    ]
    result = located(session, tmp_path, rows)
    assert [row["grid"][-3:] for row in result] == ["001", "002", ""]
    assert [row["people"] for row in result] == [""] * 3 and "outside every grid" in result[2][
        "error"
    ]
    assert located(session, tmp_path, rows[:1])[0]["error"] == ""


def test_an_address_that_nobody_wrote_costs_only_its_own_row(town, session, tmp_path):
    point = {"lon": LON + 0.0003, "lat": LAT + 0.0003, "crs": "wgs84"}
    addresses = ["3号楼1单元", "一" * 10_000, "2栋" * 5_000, "3号楼2单元201", "x" * 201, "楼" * 200]
    result = located(
        session, tmp_path, [{"id": n, **point, "address": text} for n, text in enumerate(addresses)]
    )
    assert [row["unit"][-2:] for row in result] == ["01", "", "", "02", "", ""]
    assert [bool(row["error"]) for row in result] == [False, True, True, False, True, False]
    assert result[1]["error"] == "address: has 10000 characters; 200 at most"


POINT = f"{LON + 0.0003},{LAT + 0.0003},wgs84"


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize(
    "row, error",
    [
        ("b,105,26", "line 3: Expected 5 columns, got 3"),
        (f"b,{POINT},张,三", "line 3: Expected 5 columns, got 6"),
        (f'b,{POINT},"3号楼', "line 3: a quotation mark is never closed"),
        (f"b,{POINT},3号楼\0", "line 3: holds a NUL"),
        (f"b,{POINT},{'楼' * 700_000}", "line 3: a field has more than"),
        ("  ", "line 3: there is nothing but blanks"),
        (",,,,", "lon: "),
        ("b,\0,26,wgs84,", "line 3: holds a NUL"),
    ],
    ids=["few", "many", "quote", "nul", "long", "blank", "empty", "nul in a number"],
)
def test_a_row_that_cannot_be_read_costs_only_itself(town, session, tmp_path, row, error, encoding):
    lines = [
        "id,lon,lat,crs,address",
        f"甲,{POINT},3号楼2单元5楼",
        row,
        f'c,{POINT},"3号楼1单元"',
        "",
    ]
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes("\r\n".join(lines).encode(encoding))
    counts = locate_file(session, source, target, NOW)
    answers = read(target)
    assert (counts.rows, counts.located) == (3, 2)
    assert [answer["unit"][-2:] for answer in answers] == ["03", "", "01"]
    assert [answer["id"].strip() for answer in answers] == [
        "甲",
        row.partition(",")[0].strip(),
        "c",
    ]
    assert answers[1]["error"].startswith(error)
    assert not answers[0]["error"] and not answers[2]["error"]
    assert set(answers[1].values()) <= {"", "  ", "b", answers[1]["error"]}


@pytest.mark.parametrize("encoding, wrong", [("utf-8", b"\xd0"), ("gb18030", b"\xff\xff")])
def test_a_row_in_another_encoding_costs_only_itself(town, session, tmp_path, encoding, wrong):
    good = [f"{n},{POINT},西兴社区3号楼1单元".encode(encoding) for n in range(9)]
    bad = f"x,{POINT},".encode() + wrong
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(b"\n".join([b"id,lon,lat,crs,address", *good[:4], bad, *good[4:]]))
    assert locate_file(session, source, target, NOW).located == 9
    answers = read(target)
    assert [answer["id"] for answer in answers] == [*"0123", "x", *"45678"]
    assert answers[4]["error"].startswith("line 6: cannot be read as ")
    assert {answer["unit"][-2:] for answer in answers} == {"01", ""}


def test_wrong_rows_of_many_kinds_in_one_file(town, session, tmp_path):
    rows = [
        f'a,{POINT},"3号楼',
        f"b,{POINT},",
        f'c,{POINT},"3号楼\n1单元"',
        f'd,{POINT},"3号楼"1单元',
        "e",
        "",
        f'f,{POINT},3号楼"',
        f'g,{POINT},"3号楼1单元',
    ]
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("id,lon,lat,crs,address\n" + "\n".join(rows))
    locate_file(session, source, target, NOW)
    answers = {answer["id"]: answer["error"][:8] for answer in read(target)}
    assert answers == {
        "a": "line 2: ",
        "b": "",
        "c": "",
        "d": "",
        "e": "line 7: ",
        "f": "",
        "g": "line 10:",
    }
