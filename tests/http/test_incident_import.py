"""Loading incidents that were kept elsewhere: rehearsed, refused row by row, filed once."""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accounts import api_keys
from gis.errors import InvalidInput
from gis.exchange.incidents import load_incidents
from gis.exchange.templates import write_template
from gis.files.report import LoadReport
from gis.incidents.lifecycle.deadlines import run_deadline_batch
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.settings import SHANGHAI
from tests.support import build
from tests.support.incident_tables import GOOD, LAT, LON, refused, table
from tests.support.incident_town import NOW, IncidentTown
from tests.support.machine import slowdown
from tests.support.reading import reading_inside  # noqa: F401
from tests.support.served import Deployment

pytestmark = pytest.mark.usefixtures("reading_inside")


@pytest.fixture
def scene(session: Session) -> IncidentTown:
    """Return the usual place."""
    return IncidentTown(session)


def load(
    scene: IncidentTown, file: Path, crs: str | None = None, by: Principal | None = None
) -> LoadReport:
    """Load a file at the usual moment."""
    return load_incidents(scene.session, file, crs, now=NOW, principal=by)


COLUMNS = """category, severity, description, address, channel, reported_at, state, role, attributes, due_at"""  # noqa: E501


def stored(session: Session) -> list[dict[str, object]]:
    """What is filed, oldest first."""
    query = text(
        f"SELECT {COLUMNS} FROM incident ORDER BY reported_at, attributes ->> 'external_id'"
    )
    return [dict(row) for row in session.execute(query).mappings()]


def test_rows_are_filed_as_reports(scene: IncidentTown, tmp_path: Path) -> None:
    second = {
        "编号": "R2",
        "类别": "噪声扰民",
        "描述": "音响",
        "区域编码": scene.grid.code,
        "等级": "紧急",
        "渠道": "电话",
        "上报时间": "2026-11-23 08:30",
    }
    report = load(scene, table(tmp_path, [GOOD, second]))
    assert not report.refused and report.counts == {"rows": 2, "new": 2, "unchanged": 0}
    noise, rubbish = stored(scene.session)
    assert (noise["category"], noise["severity"], noise["channel"]) == ("06028", "urgent", "phone")
    assert noise["reported_at"] == datetime(2026, 11, 23, 8, 30, tzinfo=SHANGHAI)
    assert (rubbish["category"], rubbish["channel"], rubbish["reported_at"]) == (
        "06010",
        "import",
        NOW,
    )
    assert {item["state"] for item in (noise, rubbish)} == {"dispatched"}
    assert rubbish["role"] == "grid_worker"
    assert rubbish["attributes"] == {"external_id": "R1"}


def test_the_clock_of_an_old_row_begins_when_it_is_loaded(
    scene: IncidentTown, tmp_path: Path
) -> None:
    load(scene, table(tmp_path, [GOOD | {"上报时间": "2026-11-02 09:00"}]))
    (incident,) = stored(scene.session)
    assert (
        isinstance(incident["due_at"], datetime) and incident["due_at"] > NOW
    )  # nobody is late with what nobody had
    events = scene.session.execute(text("SELECT move, at FROM incident_event ORDER BY id")).all()
    assert events[0].at == incident["reported_at"] == datetime(2026, 11, 2, 9, tzinfo=SHANGHAI)
    assert {event.at for event in events[1:]} == {NOW}
    loaded_at = scene.session.scalar(
        text("SELECT detail ->> 'loaded_at' FROM incident_event WHERE move = 'report'")
    )
    assert datetime.fromisoformat(str(loaded_at)) == NOW
    assert run_deadline_batch(scene.session, "overdue", NOW).done == 0


def test_an_old_row_goes_to_who_is_there_now(scene: IncidentTown, tmp_path: Path) -> None:
    scene.town.leave(
        "王网格", datetime(2026, 11, 1, tzinfo=SHANGHAI), datetime(2026, 11, 5, tzinfo=SHANGHAI)
    )
    load(scene, table(tmp_path, [GOOD | {"上报时间": "2026-11-02 09:00"}]))
    assert stored(scene.session)[0]["role"] == "grid_worker"


def test_the_same_file_twice_changes_nothing(scene: IncidentTown, tmp_path: Path) -> None:
    file = table(tmp_path, [GOOD, {key: value for key, value in GOOD.items() if key != "编号"}])
    assert load(scene, file).counts["new"] == 2
    earlier = stored(scene.session)
    again = load(scene, file)
    assert again.counts == {"rows": 2, "new": 0, "unchanged": 2} and "loaded before" in " ".join(
        again.notes
    )
    assert stored(scene.session) == earlier


def test_a_known_number_with_other_words_is_left_as_it_is(
    scene: IncidentTown, tmp_path: Path
) -> None:
    load(scene, table(tmp_path, [GOOD]))
    report = load(scene, table(tmp_path, [GOOD | {"描述": "另外的话"}, GOOD | {"编号": "R9"}]))
    assert (report.counts["new"], report.counts["unchanged"]) == (1, 1)
    assert [item["description"] for item in stored(scene.session)] == ["一堆垃圾", "一堆垃圾"]


def test_every_refused_row_has_its_reason(scene: IncidentTown, tmp_path: Path) -> None:
    rows: list[Mapping[str, object]] = [
        GOOD,
        GOOD | {"编号": "a", "类别": "99999"},
        GOOD | {"编号": "b", "坐标系": ""},
        GOOD | {"编号": "c", "坐标系": "mars"},
        GOOD | {"编号": "d", "经度": "116.4", "纬度": "39.9"},
        GOOD | {"编号": "e", "经度": "", "纬度": "", "坐标系": ""},
        GOOD | {"编号": "f", "上报时间": "2026-12-24 08:00"},
        GOOD | {"编号": "g", "上报时间": "昨天"},
        GOOD | {"编号": "h", "等级": "很急"},
        GOOD | {"编号": "i", "渠道": "烽火"},
        GOOD | {"编号": "j", "经度": "", "纬度": "", "坐标系": "", "区域编码": "000"},
        GOOD | {"编号": "k", "类别": "", "描述": ""},
        GOOD | {"编号": "l", "纬度": ""},
        GOOD,
    ]
    report = load(scene, table(tmp_path, rows))
    assert refused(report) == [
        ("row 3", "类别"),
        ("row 4", "坐标系"),
        ("row 5", "坐标系"),
        ("row 6", ""),
        ("row 7", "经度"),
        ("row 8", "上报时间"),
        ("row 9", "上报时间"),
        ("row 10", "等级"),
        ("row 11", "渠道"),
        ("row 12", ""),
        ("row 13", "类别"),
        ("row 14", "纬度"),
        ("row 15", "编号"),
    ]
    reasons = {row.where: row.reason for row in report.refused}
    assert (
        "99999" in reasons["row 3"]
        and "wgs84" in reasons["row 4"]
        and "outside every grid" in reasons["row 6"]
    )
    assert "future" in reasons["row 8"] and "row 2" in reasons["row 15"]


def test_the_same_row_twice_without_a_number_is_refused(
    scene: IncidentTown, tmp_path: Path
) -> None:
    bare = {key: value for key, value in GOOD.items() if key != "编号"}
    report = load(scene, table(tmp_path, [bare, bare, bare | {"描述": "别的"}]))
    assert [row.where for row in report.refused] == ["row 3"]
    assert "same as row 2" in report.refused[0].reason


def test_names_of_columns_and_values_in_english_or_chinese(
    scene: IncidentTown, tmp_path: Path
) -> None:
    english = {
        "external_id": "E1",
        "category": "06010",
        "description": "x",
        "lon": LON,
        "lat": LAT,
        "crs": "wgs84",
        "severity": "high",
        "channel": "patrol",
        "reported_at": "2026-11-20",
    }
    assert load(scene, table(tmp_path, [english])).counts["new"] == 1
    chinese = {
        "工单号": "E2",
        "事件类别": "暴露垃圾",
        "诉求内容": "y",
        "事发地址": "",
        "网格编码": scene.grid.code,
        "紧急程度": "高",
        "来源": "巡查",
        "受理时间": "2026年11月20日",
    }
    assert load(scene, table(tmp_path, [chinese])).counts["new"] == 1
    initial, second = stored(scene.session)
    for name in ("category", "severity", "channel", "reported_at"):
        assert initial[name] == second[name], name


def test_a_crs_for_all_rows_and_an_address_alone(scene: IncidentTown, tmp_path: Path) -> None:
    scene.town.building("3号楼", 0.0002, 0.0002, estate="桂花苑")
    point = {key: value for key, value in GOOD.items() if key != "坐标系"}
    address = {"编号": "R2", "类别": "06010", "描述": "x", "地址": "桂花苑3号楼"}
    assert load(scene, table(tmp_path, [point, address]), "wgs84").counts["new"] == 2


def test_excel_is_read_as_well(scene: IncidentTown, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["编号", "类别", "描述", "经度", "纬度", "坐标系", "上报时间"])
    # Excel makes numbers of codes and loses the zero in front: the name of the category is safe
    sheet.append(
        [20260301001, "暴露垃圾", "一堆垃圾", LON, LAT, "GPS", datetime(2026, 11, 20, 8, 30)]
    )
    book.save(tmp_path / "a.xlsx")
    assert load(scene, tmp_path / "a.xlsx").counts["new"] == 1
    (incident,) = stored(scene.session)
    assert incident["attributes"] == {"external_id": "20260301001"}
    assert incident["reported_at"] == datetime(2026, 11, 20, 8, 30, tzinfo=SHANGHAI)


def test_a_category_whose_zero_excel_lost_is_found(scene: IncidentTown, tmp_path: Path) -> None:
    report = load(scene, table(tmp_path, [GOOD | {"类别": "6010"}]))
    assert not report.refused and stored(scene.session)[0]["category"] == "06010"


def test_words_alone_find_a_category_or_wait_at_the_community(
    scene: IncidentTown, tmp_path: Path
) -> None:
    report = load(scene, table(tmp_path, [GOOD | {"类别": "", "描述": "qwertz"}]))
    assert not report.refused
    assert stored(scene.session)[0]["state"] in ("reported", "dispatched")


def test_who_may_not_report_there_is_refused(scene: IncidentTown, tmp_path: Path) -> None:
    beside = Principal("account", "account li", {Action.REPORT: frozenset({scene.beside.id})})
    report = load(scene, table(tmp_path, [GOOD]), by=beside)
    (row,) = report.refused
    assert row.where == "row 2" and "may not report here" in row.reason


def test_a_table_without_descriptions_is_refused(scene: IncidentTown, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="description"):
        load(scene, table(tmp_path, [{"编号": "1", "类别": "06010"}]))


def test_the_template_can_be_filled_in_and_loaded(scene: IncidentTown, tmp_path: Path) -> None:
    file = tmp_path / "incidents.xlsx"
    write_template("incidents", file)
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    heads = {str(cell.value).rstrip("*"): cell.column for cell in sheet[1]}
    for head, value in {**GOOD, "等级": "低", "渠道": "啄木鸟"}.items():
        sheet.cell(2, heads[head], value)
    book.save(file)
    assert load(scene, file).counts["new"] == 1
    incident = stored(scene.session)[0]
    assert (incident["severity"], incident["channel"]) == ("low", "woodpecker")
    assert {"数据", "示例", "说明"} <= set(book.sheetnames)


def upload(
    client: FlaskClient, key: str | None, rows: Sequence[Mapping[str, object]], query: str = ""
) -> Any:
    """Send a table by HTTP; the response."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [
        ",".join(columns),
        *(",".join(str(row.get(column, "")) for column in columns) for row in rows),
    ]
    form = {"file": (BytesIO("\n".join(lines).encode()), "上报.csv")}
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return client.post(f"/api/v1/incidents/import{query}", data=form, headers=headers)


def test_who_dispatches_may_send_a_file(client: FlaskClient, scene: IncidentTown) -> None:
    now = datetime.now(SHANGHAI)
    desk, app = (
        api_keys.add(scene.session, name, actions, [scene.grid.code], now)
        for name, actions in (
            ("desk", ["incident.report", "incident.dispatch"]),
            ("app", ["incident.report"]),
        )
    )
    assert upload(client, None, [GOOD]).status_code == 401
    assert upload(client, app, [GOOD]).status_code == 403
    rehearsed = upload(client, desk, [GOOD])
    assert (rehearsed.status_code, rehearsed.get_json()["committed"]) == (200, False)
    assert stored(scene.session) == []
    committed = upload(client, desk, [GOOD], "?commit=true").get_json()
    assert (committed["committed"], committed["counts"]["new"], committed["source"]) == (
        True,
        1,
        "上报.csv",
    )
    assert upload(client, desk, [GOOD], "?commit=true").get_json()["counts"]["unchanged"] == 1
    beside = GOOD | {"编号": "R2", "经度": LON + build.SIDE}
    answer = upload(client, desk, [GOOD, beside])
    assert answer.status_code == 200 and [row["where"] for row in answer.get_json()["refused"]] == [
        "row 3"
    ]
    refused = upload(client, desk, [GOOD | {"编号": "R3"}, beside], "?commit=true")
    assert refused.status_code == 422 and refused.get_json()["errors"][0]["field"] == "row 3"
    assert len(stored(scene.session)) == 1


def test_numbers_of_others_are_not_told(client: FlaskClient, scene: IncidentTown) -> None:
    now = datetime.now(SHANGHAI)
    desk, other = (
        api_keys.add(
            scene.session, name, ["incident.report", "incident.dispatch"], [grid.code], now
        )
        for name, grid in (("one", scene.grid), ("other", scene.beside))
    )
    assert upload(client, desk, [GOOD], "?commit=true").get_json()["counts"]["new"] == 1
    beside = GOOD | {"经度": LON + build.SIDE}
    assert upload(client, other, [beside], "?commit=true").get_json()["counts"]["new"] == 1
    assert upload(client, other, [beside], "?commit=true").get_json()["counts"]["new"] == 0


def test_what_is_no_table_is_refused(client: FlaskClient, scene: IncidentTown) -> None:
    desk = api_keys.add(
        scene.session, "desk", ["incident.dispatch"], [scene.grid.code], datetime.now(SHANGHAI)
    )
    headers = {"Authorization": f"Bearer {desk}"}
    path = "/api/v1/incidents/import"
    assert client.post(path, headers=headers).status_code == 422
    for name, data in (
        ("a.exe", b"MZ"),
        ("a.csv", b""),
        ("a.xlsx", b"PK"),
        ("../../a.csv", b"x\n1\n"),
        ("", b"x"),
    ):
        assert (
            client.post(path, data={"file": (BytesIO(data), name)}, headers=headers).status_code
            == 422
        ), name
    rows = [GOOD | {"编号": str(number)} for number in range(2001)]
    assert upload(client, desk, rows).status_code == 413


def test_a_row_costs_milliseconds(scene: IncidentTown, tmp_path: Path) -> None:
    count = 300
    start = NOW - timedelta(days=30)
    rows = [
        GOOD
        | {
            "编号": f"R{n}",
            "经度": LON + (n % 9) * 1e-5,
            "上报时间": (start + timedelta(minutes=7 * n)).strftime("%Y-%m-%d %H:%M"),
        }
        for n in range(count)
    ]
    file = table(tmp_path, rows)
    began = time.perf_counter()
    assert load(scene, file).counts["new"] == count
    assert (
        time.perf_counter() - began
    ) / count < 0.018 * slowdown()  # seconds; 0.005 on a quiet machine


def test_the_command_rehearses_unless_told_to_commit(served: Deployment, tmp_path: Path) -> None:
    building = served.get("/api/v1/search?q=3号楼")["items"][0]
    row = {
        "编号": "CLI-1",
        "类别": "06010",
        "描述": "一堆垃圾",
        "经度": building["lon"],
        "纬度": building["lat"],
        "坐标系": "cgcs2000",
    }
    file = table(tmp_path, [row])
    rehearsed = served.run_inside("load", "incidents", file)
    assert rehearsed.returncode == 0 and "Dry run" in rehearsed.stdout, rehearsed.stderr
    committed = json.loads(
        served.run_inside("load", "incidents", file, "--commit", "--json").stdout
    )
    assert (committed["committed"], committed["counts"]["new"]) == (True, 1)
    bad = table(tmp_path, [row, row | {"编号": "CLI-2", "类别": "99999"}], "bad.csv")
    answer = served.run_inside("load", "incidents", bad, "--commit")
    assert answer.returncode == 1
    assert "row 3, 类别" in answer.stderr and "Nothing was loaded" in answer.stderr
