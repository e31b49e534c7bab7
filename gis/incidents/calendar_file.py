"""The table of the working calendar: days off, days worked for them, hours of work."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis import office_calendar
from gis.errors import Unavailable
from gis.files.cells import CellError, parse_text
from gis.files.column import Column
from gis.files.editions import Editions
from gis.files.moments import parse_local_datetime
from gis.files.report import LoadReport
from gis.files.table_writer import write_table
from gis.files.tables import Row, Table, finish_reading, read_table
from gis.incidents.clock import WORKING, clock_of, stage_clock
from gis.incidents.models import Incident, OfficeCalendarEdition
from gis.messages import Message
from gis.office_calendar import HOLIDAY, HOURS, WORKDAY, CalendarRow

CALENDAR_CSV = Path(__file__).with_name("calendar.csv")
# use -> its words in a table
CALENDAR_WORDS = {
    HOLIDAY: ("放假", "休息", "节假日"),
    WORKDAY: ("上班", "调休上班", "补班"),
    HOURS: ("作息", "工作时间"),
}
MAX_DAYS_OFF = 60  # more in one row are a slip of the year
MAX_SPANS = 2
SPAN = re.compile(r"([01]?\d|2[0-3])[:：]([0-5]\d)\s*[-–—~～至到]\s*([01]?\d|2[0-4])[:：]([0-5]\d)")

COLUMNS = (
    Column(
        "use",
        "用途",
        parse_text,
        ("类型", "use"),
        "放假、上班（调休）或作息（从哪天起的上下班时间）",
        "holiday, workday (a weekend worked) or hours (those of work, from a day on).",
        needed=True,
        choices=tuple(words[0] for words in CALENDAR_WORDS.values()),
    ),
    Column(
        "first",
        "自",
        parse_text,
        ("日期", "开始日期", "from"),
        "如 2027-02-05",
        "As 2027-02-05.",
        True,
    ),
    Column(
        "last",
        "至（含当天）",
        parse_text,
        ("至", "结束日期", "to"),
        "当天也算；空：放假、上班只一天，作息一直有效",
        "The last day; empty: one day, of hours without an end.",
    ),
    Column(
        "hours",
        "上下班时间",
        parse_text,
        ("时间", "工作时间", "hours"),
        "作息填写，如 09:00-12:00、14:00-18:00；最多两段",
        "Of hours: as 09:00-12:00, 14:00-18:00; two stretches at most.",
    ),
    Column("name", "名称", parse_text, ("备注", "节日", "name"), "如 春节", "As 春节."),
)


def parse(path: Path) -> tuple[list[CalendarRow], LoadReport]:
    """Read a table; what is wrong with a cell is in the report's `refused`.

    Raises
    ------
    InvalidInput, TooLarge
        As `gis.files.tables.read_table`.
    """
    report = LoadReport("calendar", path.name)
    table = read_table(path, COLUMNS, report)
    rows: list[CalendarRow] = []
    row_by_day: dict[date, tuple[int, str]] = {}
    for row in table.rows:
        read = _row(table, row, report)
        if read is None:
            continue
        for day in read.days if read.use != HOURS else ():
            number, use = row_by_day.setdefault(day, (row.number, read.use))
            if use != read.use:
                params = {"day": day.isoformat(), "row": str(number)}
                report.refused.append(
                    table.refuse(row.number, "first", Message("calendar.day_twice", params))
                )
                break
        rows.append(read)
    finish_reading(report)
    return rows, report


def _row(table: Table, row: Row, report: LoadReport) -> CalendarRow | None:
    """Return a row, or None with what is wrong in the report."""
    cells = {column.key: str(row[column.key] or "").strip() for column in COLUMNS}
    read: dict[str, Any] = {}
    wrong = len(report.refused)
    readers: dict[str, Callable[[str], object]] = {
        "use": _use,
        "first": _day,
        "last": lambda cell: _day(cell) if cell else None,
        "hours": lambda cell: parse_spans(cell) if cell or read.get("use") == HOURS else (),
    }
    for key, reader in readers.items():
        try:
            read[key] = reader(cells[key])
        except CellError as error:
            report.refused.append(table.refuse(row.number, key, error.message))
    if len(report.refused) > wrong:
        return None
    result = CalendarRow(
        read["use"],
        read["first"],
        read["last"],
        read["hours"],
        cells["name"][:100],
    )
    for key, code, params in _problems(result):
        report.refused.append(table.refuse(row.number, key, Message(code, params)))
    return result if len(report.refused) == wrong else None


def _problems(row: CalendarRow) -> Iterator[tuple[str, str, dict[str, object]]]:
    if row.last and row.last < row.first:
        yield "last", "calendar.ends_before", {"first": row.first.isoformat()}
    elif row.use != HOURS and row.last and (row.last - row.first).days >= MAX_DAYS_OFF:
        yield "last", "calendar.too_many_days", {"limit": MAX_DAYS_OFF}
    if row.spans and row.use != HOURS:
        yield "hours", "calendar.hours_of_day", {}


def _use(cell: str) -> str:
    for use, words in CALENDAR_WORDS.items():
        if cell.lower() in (use, *words):
            return use
    allowed = [words[0] for words in CALENDAR_WORDS.values()]
    raise CellError("cell.none_of", value=cell, allowed=allowed)


def _day(cell: str) -> date:
    return parse_local_datetime(cell).date()


def parse_spans(cell: str) -> tuple[tuple[int, int], ...]:
    """Return hours as minutes of the day from and to.

    Raises
    ------
    CellError
        They are not one or two stretches in their order.
    """
    times = [tuple(map(int, match.groups())) for match in SPAN.finditer(cell)]
    spans = tuple((h1 * 60 + m1, h2 * 60 + m2) for h1, m1, h2, m2 in times)
    moments = [minute for span in spans for minute in span]
    if (
        not 0 < len(spans) <= MAX_SPANS
        or SPAN.sub("", cell).strip(" 　,，、;；/和")
        or any(after <= before for before, after in pairwise(moments))
        or moments[-1] > 24 * 60
    ):
        raise CellError("calendar.hours_wrong", value=cell)
    return spans


def spans_text(spans: Iterable[tuple[int, int]], separator: str = "、", dash: str = "–") -> str:
    """Return hours as people write them."""
    return separator.join(
        dash.join(f"{minute // 60:02}:{minute % 60:02}" for minute in span) for span in spans
    )


def dump(rows: Iterable[CalendarRow], path: Path) -> None:
    """Write a table that `parse` reads back the same: .csv or .xlsx, with Chinese headers."""
    cells = [
        [
            CALENDAR_WORDS[row.use][0],
            row.first.isoformat(),
            row.last.isoformat() if row.last else "",
            spans_text(row.spans, dash="-"),
            row.name,
        ]
        for row in rows
    ]
    write_table(path, COLUMNS, cells)


EDITIONS = Editions(
    OfficeCalendarEdition,
    "calendar",
    CALENDAR_CSV,
    parse,
    dump,
    to_json=office_calendar.row_to_json,
    from_json=office_calendar.row_from_json,
    missing=lambda: Unavailable("calendar.table_missing"),
)


MOVE_CLOCK_SQL = """
UPDATE incident SET warning_at = :warning_at, due_at = :due_at, supervise_at = :supervise_at
WHERE county = :county AND id = :id
"""


def move_clocks(session: Session, now: datetime | None = None) -> int:
    """Give each open stage whose time is not over the end that the calendar in use gives it.

    What is late stays late: somebody was supervised for it. Nothing becomes late by it: nobody was
    shown that limit. Return how many moved.
    """
    now = now or datetime.now(UTC)
    columns = select(
        Incident.county, Incident.id, Incident.state, Incident.time_limits, Incident.spent_min,
        Incident.stage_started_at, Incident.warning_at, Incident.due_at, Incident.supervise_at,
    ).where(Incident.due_at > now)  # fmt: skip
    moved = []
    in_order = columns.order_by(Incident.county, Incident.id).with_for_update()
    for row in session.execute(in_order):
        if clock_of(row.time_limits) != WORKING or row.stage_started_at is None:
            continue
        clock = stage_clock(row.time_limits, row.state, row.stage_started_at, row.spent_min)
        if clock["due_at"] is None or clock["due_at"] == row.due_at or clock["due_at"] <= now:
            continue
        goes_up = row.supervise_at == row.due_at
        moved.append(
            {
                "county": row.county,
                "id": row.id,
                "warning_at": clock["warning_at"],
                "due_at": clock["due_at"],
                "supervise_at": clock["supervise_at"] if goes_up else row.supervise_at,
            }
        )
    if moved:
        session.execute(text(MOVE_CLOCK_SQL), moved)
    return len(moved)


def put_in_use(session: Session, rows: Sequence[CalendarRow]) -> int:
    """Use a calendar that was loaded, and move the limits that run; return how many moved."""
    office_calendar.use(rows)
    return move_clocks(session)


def days_of(rows: Iterable[CalendarRow], year: int) -> list[CalendarRow]:
    """Return the rows that bear on a year."""
    last = datetime.max.date()
    return [
        row
        for row in rows
        if row.first.year <= year <= ((row.last or (last if row.use == HOURS else row.first)).year)
    ]
