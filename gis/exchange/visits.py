"""Tables of visits that count for duties: loaded, and written again."""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.duties.actions import VisitInput, record_visit
from gis.duties.queries import list_visits
from gis.errors import invalid_field
from gis.exchange.columns import BUILDING_NAMES
from gis.exchange.organisations import SEPARATORS_PATTERN
from gis.exchange.row_saving import save_rows
from gis.files import cells, datasets, dates
from gis.files.column import Column
from gis.files.person_names import parse_person_name
from gis.files.report import LoadReport
from gis.files.table_writer import require_target, write_table
from gis.files.tables import Row, finish_reading, read_table
from gis.rights.principal import Principal, system_principal
from gis.settings import Settings
from gis.years import Year

DUTY_VISIT_COLUMNS = (
    Column("person", "工号", cells.parse_code, ("人员编码", "人员编号", "person_code"),
           "走访人的工号，须已登记", "Staff number of who visited.", needed=True),
    Column("name", "姓名", parse_person_name, ("走访人", "人员姓名"),
           "可不填；填了须与工号一致", "May be empty; else it fits the number."),
    Column("day", "日期", dates.parse_first_day, ("走访日期", "走访时间", "date"),
           "如 2026-03-01", "As 2026-03-01.", needed=True),
    Column("area", "区域编码", cells.parse_code, ("网格编码", "社区编码", "area_code"),
           "走访的社区、网格等的编码", "Code of the community, grid … visited."),
    Column("building", "楼栋编码", cells.parse_code, BUILDING_NAMES,
           "走访的是楼栋时填这里，不填区域编码", "For a building, in place of the area's code."),
    Column("note", "走访情况", cells.parse_text, ("情况", "记录", "备注"),
           "看到和听到的", "What was seen and said."),
    Column("incidents", "事件编号", cells.parse_text, ("发现事件", "关联事件"),
           "走访发现的事件的编号，用顿号隔开", "Ids of what it led to, with commas between."),
)  # fmt: skip
DUTY_VISIT_EXAMPLES = (
    {"person": "L001", "day": "2026-03-02", "area": "520402007004", "note": "楼道灯不亮"},
)
DUTY_VISIT_NOTES = (
    "一行一次走访。走访人那一天须有这个地点的职责；同一人同一天同一地点只算一次。",
    "事件须在这个地点，且在走访当日或以后上报；办结后才计入“解决问题”。",
)
VISIT_ENDINGS = (".csv", ".xlsx")
STORED_VISITS_SQL = "SELECT id AS key, md5(v::text) AS state FROM duty_visit v"
NAMES_SQL = "SELECT code, name FROM personal.person WHERE code = ANY(:codes)"


def load_visits(
    session: Session,
    path: Path,
    *,
    now: datetime,
    timezone: ZoneInfo = Settings.timezone,
) -> LoadReport:
    """Load visits from a table; one of the same person, day and place takes over what is stated.

    Parameters
    ----------
    timezone
        Of the days of the file.

    Returns
    -------
    The report. Where a row is refused the caller keeps nothing.

    Raises
    ------
    InvalidInput, TooLarge
        The file cannot be read as such a table.
    """
    report = LoadReport("visits", path.name)
    by = system_principal("load")
    table = read_table(path, DUTY_VISIT_COLUMNS, report)
    rows = list(table.rows)
    if finish_reading(report):
        names, firsts = _names(session, rows), dict[tuple[Any, ...], int]()

        def save(nth: int) -> None:
            row = rows[nth]
            key = tuple(row[name] for name in ("person", "day", "area", "building"))
            if (first := firsts.setdefault(key, row.number)) != row.number:
                raise invalid_field("day", "visit_row.twice", row=first)
            if row["name"] and row["name"] != names.get(row["person"]):
                raise invalid_field("name", "person.of_another", code=row["person"] or "")
            record_visit(session, by, _stated(row), now, timezone, replace=True)

        save_rows(session, table, rows, save, STORED_VISITS_SQL, report)
    datasets.record_report(session, path, report)
    return report


def _names(session: Session, rows: list[Row]) -> dict[str | None, str]:
    codes = [row["person"] for row in rows if row["person"]]
    return {row.code: row.name for row in session.execute(text(NAMES_SQL), {"codes": codes})}


def _stated(row: Row) -> VisitInput:
    return VisitInput(
        row["day"].date(),
        row["person"],
        area=row["area"] or "",
        building=row["building"] or "",
        note=row["note"] or "",
        incidents=[*filter(None, SEPARATORS_PATTERN.split(row["incidents"] or ""))],
    )


def write_visits(
    session: Session, principal: Principal, path: Path, year: Year | None = None
) -> int:
    """Write visits as a table that loads again; return how many.

    Parameters
    ----------
    principal
        Whose visits, and those to places in its areas of Action.READ.
    path
        Ends in .csv or .xlsx.
    year
        The year; None: all.

    Raises
    ------
    InvalidInput
        Another ending, or no such folder.
    """
    require_target(path, VISIT_ENDINGS)
    lines = [
        [
            row.person,
            row.name,
            f"{row.day}",
            "" if row.is_building else row.place,
            row.place if row.is_building else "",
            row.note,
            "、".join(each["id"] for each in row.incidents),
        ]
        for row in reversed(list_visits(session, principal, year, limit=None))
    ]
    write_table(path, DUTY_VISIT_COLUMNS, lines)
    return len(lines)
