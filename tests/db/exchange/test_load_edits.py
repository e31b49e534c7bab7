"""Loading and dumping what is changed of the walking network, as tables and map files."""

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import InvalidInput, Unavailable
from gis.exchange.dump import dump
from gis.exchange.edits import load_edits
from gis.files.report import LoadReport
from tests.support.build import LON
from tests.support.checkup_town import STREET, CheckupTown
from tests.support.load_town import write_csv

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 27, 8, 0, tzinfo=ZONE)
STANDING = """
SELECT code, kind, hours, reason, source, GeometryType(geom) FROM walk_edit
WHERE withdrawn_at IS NULL ORDER BY code
"""


def load(session: Session, path: Path, crs: str | None = None) -> LoadReport:
    return load_edits(session, path, crs, timezone=ZONE, now=NOW)


def row(code: str, **cells: object) -> dict[str, object]:
    """A row of a gate on the street."""
    location = {"经度": LON + 0.001, "纬度": STREET, "坐标系": "cgcs2000"}
    return {"编码": code, "类型": "门", **location, "线": "", "开放时间": "06:00-22:00", **cells}


def added(code: str, **cells: object) -> dict[str, object]:
    """A row of a path beside the street."""
    places = [(0.001, 0), (0.001, 0.001), (0.004, 0.001), (0.004, 0)]
    wkt = ", ".join(f"{LON + x:.7f} {STREET + y:.7f}" for x, y in places)
    line = {"经度": "", "纬度": "", "线": f"LINESTRING ({wkt})", "开放时间": ""}
    return row(code, 类型="新增", **{**line, **cells})


@pytest.fixture
def town(session: Session) -> Session:
    CheckupTown(session)
    return session


def test_edits_are_stated_changed_and_left_alone(town: Session, tmp_path: Path) -> None:
    rows = [row("1", 开始时间="2026-12-01 08:00"), added("2", 原因="便道")]
    path = write_csv(tmp_path / "a.csv", [{"开始时间": "", "原因": "", **each} for each in rows])
    report = load(town, path)
    assert report.refused == [] and report.counts["new"] == 2
    assert [tuple(each) for each in town.execute(text(STANDING))] == [
        ("1", "gate", "06:00-22:00", "", "file", "POINT"),
        ("2", "add", "", "便道", "file", "LINESTRING"),
    ]
    begin = town.scalar(text("SELECT from_at FROM walk_edit WHERE code = '1'"))
    assert begin == datetime(2026, 12, 1, 8, 0, tzinfo=ZONE)
    assert load(town, path).counts["unchanged"] == 2
    # what is over in the meantime is no fault of the file
    town.execute(text("UPDATE walk_edit SET until_at = '2026-12-02' WHERE code = '1'"))
    rows[0]["结束时间"] = "2026-12-02 08:00"
    dated = write_csv(
        tmp_path / "c.csv", [{"开始时间": "", "原因": "", **each} for each in rows[:1]]
    )
    later = datetime(2027, 1, 1, tzinfo=ZONE)
    assert load_edits(town, dated, timezone=ZONE, now=later).counts["unchanged"] == 1
    changed = load(town, write_csv(tmp_path / "b.csv", [row("1", 开放时间="关闭")]))
    assert (changed.counts["changed"], changed.counts["new"]) == (1, 0)
    assert town.scalar(text("SELECT count(*) FROM walk_edit")) == 3
    assert [each[2] for each in town.execute(text(STANDING))] == ["closed", ""]


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".geojson", ".gpkg"])
def test_a_dump_loads_again_and_changes_nothing(town: Session, tmp_path: Path, ending: str) -> None:
    rows = [
        row("1", 结束时间="2027-01-01"),
        added("2", 结束时间=""),
        row("3", 类型="封闭", 开放时间=""),
    ]
    rows = [{"结束时间": "", **each} for each in rows]
    assert load(town, write_csv(tmp_path / "a.csv", rows)).counts["new"] == 3
    assert dump(town, "edits", tmp_path / f"d{ending}") == 3
    report = load(town, tmp_path / f"d{ending}")
    assert report.refused == [] and report.counts["unchanged"] == 3, report.counts


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"编码": ""}, "code"),
        ({"类型": "窗"}, "kind"),
        ({"经度": ""}, None),
        ({"经度": "", "纬度": ""}, "lon"),
        ({"坐标系": ""}, None),
        ({"纬度": STREET + 0.001}, "lon"),
        ({"开放时间": ""}, "hours"),
        ({"开放时间": "看情况"}, "hours"),
        ({"线": "直走"}, "line"),
        ({"线": "LINESTRING (500 500, 501 501)"}, "line"),
        ({"类型": "新增", "开放时间": ""}, "lon"),
        ({"结束时间": "2020-01-01"}, "until_at"),
        ({"结束时间": "明天"}, None),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_written(
    town: Session, tmp_path: Path, cells: dict[str, object], field: str | None
) -> None:
    every = {"结束时间": ""}
    rows = [every | row("1"), every | row("2") | cells]
    report = load(town, write_csv(tmp_path / "a.csv", rows))
    assert report.refused, cells
    assert all("3" in rejected.where for rejected in report.refused)


def test_of_a_map_file_features_are_named(town: Session, tmp_path: Path) -> None:
    def feature(kind: str, geometry: dict, **facts: object) -> dict:
        return {"type": "Feature", "geometry": geometry, "properties": {"kind": kind, **facts}}

    line = {"type": "LineString", "coordinates": [[LON + 0.001, STREET], [LON + 0.004, STREET]]}
    file = tmp_path / "a.geojson"
    features = [feature("close", line, code=7), feature("gate", line, code=8, hours="closed"),
                feature("close", {"type": "MultiLineString", "coordinates": []}, code=9),
                feature("close", None, code=7), feature("close", line)]  # fmt: skip
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    report = load(town, file)
    assert {rejected.where for rejected in report.refused} == {
        f"feature {number}" for number in (2, 3, 4, 5)
    }
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features[:1]}))
    assert load(town, file).counts["new"] == 1


@pytest.mark.parametrize(
    ("written", "hour"),
    [("2026-12-01T08:00:00+08:00", 8), ("2026-12-01T08:00:00Z", 16), ("2026-12-01T08:00:00", 8)],
)
def test_a_moment_of_a_map_file_is_that_of_its_offset_else_local(
    town: Session, tmp_path: Path, written: str, hour: int
) -> None:
    location = {"type": "Point", "coordinates": [LON + 0.001, STREET]}
    facts = {"kind": "close", "code": "1", "from_at": written}
    feature = {"type": "Feature", "geometry": location, "properties": facts}
    file = tmp_path / "a.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert load(town, file).counts["new"] == 1
    begin = town.scalar(text("SELECT from_at FROM walk_edit"))
    assert begin == datetime(2026, 12, 1, hour, tzinfo=ZONE)


def test_no_shapefile_holds_both_points_and_lines(town: Session, tmp_path: Path) -> None:
    load(town, write_csv(tmp_path / "a.csv", [row("1")]))
    with pytest.raises(InvalidInput, match="ending in"):
        dump(town, "edits", tmp_path / "d.shp")


def test_without_streets_nothing_is_loaded(session: Session, tmp_path: Path) -> None:
    CheckupTown(session, network=False)
    with pytest.raises(Unavailable):
        load(session, write_csv(tmp_path / "a.csv", [row("1")]))
