"""Loading doors and gates from the table of an office."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.exchange.entrances import load_entrances
from tests.support.build import LON
from tests.support.checkup_town import STREET, CheckupTown
from tests.support.load_town import write_csv

DOORS = """
SELECT e.code, e.kind, e.hours, e.source, e.version, e.removed_at IS NULL
FROM entrance e ORDER BY e.code
"""


def row(code: str, **cells: object) -> dict[str, object]:
    """A row of the office's table, of the gate of the clinic."""
    location = {"经度": LON + 0.001, "纬度": STREET, "坐标系": "cgcs2000"}
    return {"编码": code, "楼栋编码": "", "设施编码": "c1", **location, "类型": "大门", **cells}


@pytest.fixture
def town(session: Session) -> Session:
    CheckupTown(session).facility("c1", "clinic", 0.001)
    return session


def test_doors_are_added_changed_and_left_alone(town: Session, tmp_path: Path) -> None:
    rows = [row("南门"), row("北门", 开放时间="06:00-22:00", 类型="次入口")]
    path = write_csv(tmp_path / "a.csv", rows)
    assert load_entrances(town, path).counts["new"] == 2
    assert load_entrances(town, path).counts["unchanged"] == 2
    assert town.scalar(text("SELECT entrance IS NOT NULL FROM facility"))
    town.execute(text("UPDATE entrance SET removed_at = now() WHERE code = '南门'"))
    rows[1]["类型"] = "主入口"
    report = load_entrances(town, write_csv(tmp_path / "b.csv", rows))
    assert (report.counts["changed"], report.counts["unchanged"]) == (1, 1)
    assert "entrance_row.removed" in [message.code for message in report.messages]
    (north, south) = [tuple(each) for each in town.execute(text(DOORS))]
    assert (north[1], north[3:]) == ("main", ("file", 2, True)) and "06:00-22:00" in north[2]
    assert south[3:] == ("file", 1, False)


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"编码": ""}, "code"),
        ({"楼栋编码": "w1"}, "building"),
        ({"设施编码": ""}, "building"),
        ({"设施编码": "nothing"}, "facility"),
        ({"经度": ""}, None),
        ({"经度": LON + 0.01}, "lon"),
        ({"坐标系": ""}, None),
        ({"类型": "窗"}, "kind"),
        ({"开放时间": "看情况"}, "hours"),
    ],
)
def test_a_wrong_row_is_refused_and_nothing_loaded(
    town: Session, tmp_path: Path, cells: dict[str, object], field: str | None
) -> None:
    path = write_csv(tmp_path / "a.csv", [row("南门"), row("北门", **cells)])
    report = load_entrances(town, path)
    assert len(report.refused) == 1
    assert field is None or report.refused[0].field
    assert town.scalar(text("SELECT count(*) FROM entrance")) == 0


def test_a_code_twice_is_refused(town: Session, tmp_path: Path) -> None:
    report = load_entrances(town, write_csv(tmp_path / "a.csv", [row("南门"), row("南门")]))
    assert [refused.message.code for refused in report.refused] == ["facility_row.code_twice"]
