"""The catalogue: read, checked, loaded as a new edition, written back.

And over HTTP and the command line.
"""

import csv
import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gis.errors import Conflict, InvalidInput
from gis.incidents.catalogue import editions
from gis.incidents.catalogue.edition_file import CATALOGUE_CSV, dump, parse
from gis.incidents.catalogue.editions import CategoryRow
from gis.incidents.lifecycle import intake
from gis.incidents.lifecycle import report as lifecycle_report
from gis.incidents.reading import incidents
from gis.rights.principal import ANONYMOUS, system_principal
from tests.support import build
from tests.support.reading import reading_inside  # noqa: F401
from tests.support.served import until

pytestmark = pytest.mark.usefixtures("reading_inside")

LISTED = [
    "06001",
    "06007",
    "06010",
    "06011",
    "06012",
    "06013",
    "06017",
    "06028",
    "06034",
    "06036",
    "06038",
    "06040",
    "06041",
    "06042",
    "06045",
    "06051",
    "06052",
    "07001",
    "07003",
    "08001",
    "08004",
    "09001",
    "09005",
    "09006",
    "09009",
    "09010",
    "09012",
    "09019",
    "10001",
    "10002",
]


@pytest.fixture(scope="module")
def rows() -> list[CategoryRow]:
    """The table that comes with the project."""
    result, report = parse(CATALOGUE_CSV)
    assert report.refused == []
    return result


def test_every_code_of_the_standard_is_there_with_its_older_one(rows: list[CategoryRow]) -> None:
    by_code = {row.code: row for row in rows}
    assert set(LISTED) <= by_code.keys()
    for code in LISTED:
        assert by_code[code].old_code == f"{int(code[:2]) - 5:02d}{code[2:]}"
    majors = {row.major: row.major_zh for row in rows if row.code.isdigit()}
    assert majors == {
        "06": "市容环境",
        "07": "宣传广告",
        "08": "施工管理",
        "09": "街面秩序",
        "10": "其他",
    }
    names = {row.major_zh for row in rows}
    assert {"矛盾纠纷", "治安隐患", "消防隐患", "民生服务", "政策咨询", "设备告警"} <= names


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_written_and_read_back_it_is_the_same(
    rows: list[CategoryRow], tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"catalogue{ending}"
    dump(editions.Edition(1, "x", {row.code: row for row in rows}), path)
    again, report = parse(path)
    assert report.refused == []
    assert again == rows


def changed(tmp_path: Path, **values: str) -> Path:
    """The project's table with its second row (06007) changed."""
    with CATALOGUE_CSV.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    table[1] |= values
    path = tmp_path / "changed.csv"
    with path.open("w", encoding="gb18030", newline="") as file:
        writer = csv.DictWriter(file, table[0].keys())
        writer.writeheader()
        writer.writerows(table)
    return path


@pytest.mark.parametrize(
    ("values", "field", "says"),
    [
        ({"code": "06001"}, "code", "row 2"),
        ({"code": "6007"}, "code", "Excel drops leading zeros"),
        ({"code": "0600x"}, "code", "five digits"),
        ({"major": "07"}, "major", "begins"),
        ({"zh": ""}, "zh", "empty"),
        ({"kind": "event"}, "kind", "incident, order"),
        ({"severity": "dire"}, "severity", "low, normal, high, urgent"),
        ({"kind": "order"}, "skill", "offered to who has the skill"),
        ({"public": "maybe"}, "public", "yes or no"),
        ({"attributes": "{"}, "attributes", "JSON"),
        (
            {"attributes": '[{"code": "a", "datatype": "guess", "description": "x"}]'},
            "attributes",
            "datatype",
        ),
        (
            {"attributes": '[{"code": "a", "datatype": "singlevaluelist", "description": "x"}]'},
            "attributes",
            "values",
        ),
        ({"old_code": "01001"}, "old_code", "became one new code"),
        ({"major_zh": "别的"}, "major_zh", "several names"),
    ],
)
def test_what_is_wrong_is_named_by_row_and_column(
    tmp_path: Path, values: dict[str, str], field: str, says: str
) -> None:
    _, report = parse(changed(tmp_path, **values))
    assert [(item.where, item.field) for item in report.refused if says in item.reason], (
        report.refused
    )
    assert field in {item.field for item in report.refused}


def test_a_table_needs_a_category_for_what_fits_nothing(
    tmp_path: Path, rows: list[CategoryRow]
) -> None:
    path = tmp_path / "all.csv"
    stored = {row.code: row for row in rows if row.words}
    dump(editions.Edition(1, "x", stored), path)
    assert "fit nothing" in parse(path)[1].refused[0].reason


def test_a_new_edition_retires_the_old_and_old_incidents_keep_theirs(
    session: Session, rows: list[CategoryRow]
) -> None:
    build.Town(session).grid("001")
    report = intake.IncidentReport(
        category="06010", lon=build.LON + 0.0005, lat=build.LAT + 0.0005, crs="cgcs2000"
    )
    filed = lifecycle_report.file_report(session, ANONYMOUS, report, datetime.now(UTC))
    old_active_edition = editions.active_edition(session)
    fewer = [row for row in rows if row.code != "06010"]
    assert editions.load(session, rows, "same again") is None
    created = editions.load(session, fewer, "2027-01")
    now = editions.active_edition(session)
    assert (now.id, now.name) == (created, "2027-01")
    with pytest.raises(InvalidInput):
        now.category("06010")
    assert editions.get_edition(session, old_active_edition.id).category("06010").zh == "暴露垃圾"
    seen = incidents.get_incident(
        session, system_principal("test"), filed.id, now=datetime.now(UTC)
    )
    assert seen.category_zh == "暴露垃圾"
    with pytest.raises(Conflict):
        editions.load(session, rows, "2027-01")
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(
            text("INSERT INTO catalogue_edition (name, state) VALUES ('second', 'active')")
        )


def test_a_wrong_code_hints_at_the_right_one(rows: list[CategoryRow]) -> None:
    edition = editions.Edition(-3, "x", {row.code: row for row in rows})
    for code, hint in (("01010", "06010 now"), ("06100", "did you mean"), ("暴露垃圾", "06010")):
        with pytest.raises(InvalidInput) as refused:
            edition.category(code)
        assert hint in refused.value.detail


def test_over_http(client: FlaskClient) -> None:
    payload = client.get("/api/v1/categories").json
    assert payload is not None
    codes = [category["code"] for group in payload["groups"] for category in group["categories"]]
    assert set(LISTED) <= set(codes)
    assert not any(code.startswith("D") for code in codes)  # devices raise those
    likely = client.get(
        "/api/v1/categories/suggest", query_string={"words": "楼道里堆满了纸箱"}
    ).json
    assert likely is not None
    assert likely["items"][0]["code"] == "06036"
    assert "纸箱" in likely["items"][0]["because"]


def test_of_two_loads_at_once_the_second_sees_the_first(apart: Callable[[], Session]) -> None:
    rows, _ = parse(CATALOGUE_CSV)
    others = [*rows[:-1], dataclasses.replace(rows[-1], zh="别的事项")]

    def second() -> str:
        with apart() as session:
            try:
                created = editions.load(session, others, "2027-01")
                session.commit()
            except Conflict as error:
                return str(error)
            return str(created)

    with apart() as initial, ThreadPoolExecutor(1) as pool:
        assert editions.load(initial, others, "2027-01")
        waiting = pool.submit(second)
        until(
            lambda: initial.scalar(text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))
        )
        assert not waiting.done()
        initial.commit()
        assert waiting.result(120) == "None"  # the same rows are in force already
