"""Loading and writing lists of division codes, and the names that areas take from them."""

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.division_codes import (
    DIVISION_DIGITS,
    DivisionCode,
    list_names,
    plain_name,
    short_division_code,
    short_name,
)
from gis.areas.models import Area, Level
from gis.db import copy_rows
from gis.errors import NotFound, invalid_field
from gis.exchange.area_file import AreaRecord, name_fault
from gis.files import cells
from gis.files.column import Column
from gis.files.datasets import record_report
from gis.files.report import LoadReport
from gis.files.table_writer import require_target, write_table
from gis.files.tables import finish_reading, read_table
from gis.messages import Message

LIST_PATTERN = re.compile(r"[A-Za-z0-9][\w.-]{0,39}")
# keys apart from the usual headers, so that a mapping may leave a column `name` aside
DIVISION_COLUMNS = (
    Column(
        "division_code",
        "统计用区划代码",
        cells.parse_code,
        ("区划代码", "行政区划代码", "代码", "编码", "code", "code12", "adcode"),
        "",
        "",
        needed=True,
    ),
    Column(
        "division_name",
        "名称",
        cells.parse_text,
        ("区划名称", "单位名称", "name"),
        "",
        "",
        needed=True,
    ),
    Column("division_list", "名录", cells.parse_text, ("list",), "", ""),
)
MAX_NOTED_NAMES = 5  # names that differ from the list, in the report of a load


def load_division_codes(
    session: Session, path: Path, name: str = "", mapping: Mapping[str, str] | None = None
) -> LoadReport:
    """Load official lists of division codes in place of what was loaded under their names.

    Parameters
    ----------
    name
        What the list is called, with its year, as nbs2023; empty: the file has it in a column.
    mapping
        Header of the file by `code` or `name`, where it has others.

    Raises
    ------
    InvalidInput, TooLarge
        The file cannot be read as such a table.
    """
    mapped = {f"division_{key}": header for key, header in (mapping or {}).items()}
    columns = [
        replace(column, zh=mapped[column.key], names=()) if column.key in mapped else column
        for column in DIVISION_COLUMNS
    ]
    report = LoadReport("divisions", path.name)
    table = read_table(path, columns, report)
    rows: dict[tuple[str, str], tuple[str, str, str, str]] = {}
    for row in table.rows:
        values = {key: str(value) for key, value in row.values.items()}
        listed = name or values.get("division_list", "")
        code, title = (
            short_division_code(values.get("division_code", "")),
            values.get("division_name", ""),
        )
        if fault := _fault(listed, code, title, rows):
            report.refused.append(table.refuse(row.number, *fault))
        else:
            rows[listed, code] = (listed, code, title, plain_name(title))
    report.counts["rows"] = len(rows)
    if not finish_reading(report):
        return report
    _replace_lists(session, rows, report)
    record_report(session, path, report)
    return report


def _fault(
    listed: str, code: str, title: str, rows: Container[tuple[str, str]]
) -> tuple[str, Message] | None:
    """Return the column of a row that is wrong, and what is wrong with it."""
    if not LIST_PATTERN.fullmatch(listed):
        return "division_list", Message("division.list_name", {"value": listed[:40]})
    if not (code.isascii() and code.isdigit() and len(code) in DIVISION_DIGITS):
        return "division_code", Message("division.not_a_code", {"value": code[:40]})
    if (listed, code) in rows:
        return "division_code", Message("area_row.code_twice", {"place": code})
    wrong = name_fault(title) if title else Message("division.no_name")
    return ("division_name", wrong) if wrong else None


def _replace_lists(
    session: Session,
    rows: Mapping[tuple[str, str], tuple[str, str, str, str]],
    report: LoadReport,
) -> None:
    """Write the rows in place of those of their lists, and count what is different."""
    of_lists = DivisionCode.list.in_({listed for listed, _ in rows})
    query = select(DivisionCode.list, DivisionCode.code, DivisionCode.name).where(of_lists)
    stored = {(row.list, row.code): row.name for row in session.execute(query)}
    session.execute(delete(DivisionCode).where(of_lists))
    copy_rows(session, "division_code", ("list", "code", "name", "plain_name"), rows.values())
    same = sum(stored.get(key) == row[2] for key, row in rows.items())
    report.counts |= {
        "new": len(rows.keys() - stored.keys()),
        "changed": len(rows.keys() & stored.keys()) - same,
        "unchanged": same,
        "gone": len(stored.keys() - rows.keys()),
    }


def write_division_codes(session: Session, path: Path, within: str = "") -> int:
    """Write the codes of the lists as one table, by list; return how many rows.

    Parameters
    ----------
    within
        Beginning of codes.

    Raises
    ------
    InvalidInput
        Another ending than .csv or .xlsx, or no such folder.
    NotFound
        There are none.
    """
    require_target(path, (".csv", ".xlsx"))
    query = (
        select(DivisionCode.code, DivisionCode.name, DivisionCode.list)
        .where(func.starts_with(DivisionCode.code, within))
        .order_by(DivisionCode.list, DivisionCode.code)
    )
    rows = [tuple(row) for row in session.execute(query)]
    if not rows:
        raise NotFound("dump.no_rows", layer="divisions")
    write_table(path, DIVISION_COLUMNS, rows)
    return len(rows)


def take_names(
    session: Session,
    name: str,
    entries: Iterable[AreaRecord],
    stored: Mapping[str, Area],
    level: Level,
    report: LoadReport,
) -> None:
    """Fill in the names that rows lack from the list that their codes are from.

    Note where the list has another name for a code. Names that are stored stay.

    Parameters
    ----------
    name
        Of the list; empty: nobody said, and nothing is filled in.

    Raises
    ------
    InvalidInput
        No list of the name is loaded.
    """
    if not name:
        return
    if session.scalar(select(DivisionCode.code).where(DivisionCode.list == name).limit(1)) is None:
        raise invalid_field("list", "division.list_unknown", name=name[:40])
    cells_of = [
        (entry, "name" if of is level else f"{of}_name", code)
        for entry in entries
        for of, code in _listed_codes(entry, level).items()
    ]
    names = list_names(session, name, {code for _, _, code in cells_of})
    other: dict[str, Message] = {}
    for entry, key, code in cells_of:
        known, stated = names.get(code), entry.values.get(key, "")
        area = stored.get(code)
        if known and not stated and (area is None or area.name == code):
            entry.values[key] = short_name(known)
        elif known and stated and plain_name(known) != plain_name(stated):
            params = {"code": code, "name": stated, "listed": known, "list": name}
            other.setdefault(code, Message("division.other_name", params))
    report.messages += list(other.values())[:MAX_NOTED_NAMES]
    if len(other) > MAX_NOTED_NAMES:
        report.note("division.more_other_names", count=len(other) - MAX_NOTED_NAMES)


def mark_list(session: Session, name: str, entries: Iterable[AreaRecord], level: Level) -> None:
    """Keep which list codes of areas, and of those above, are from; an empty name keeps nothing."""
    if not name:
        return
    codes_of = {code for entry in entries for code in _listed_codes(entry, level).values()}
    session.execute(update(Area).where(Area.code.in_(codes_of)).values(code_list=name))


def _listed_codes(entry: AreaRecord, level: Level) -> dict[Level, str]:
    """Return the codes of a row by level that a list of division codes may have."""
    of_levels = codes.codes_above(entry.code, level) | {level: entry.code}
    return {of: code for of, code in of_levels.items() if of not in (Level.GRID, Level.UNIT)}
