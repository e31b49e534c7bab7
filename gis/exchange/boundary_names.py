"""Names and codes of grids in a file, from another program or a table, as operations."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.models import Level
from gis.boundaries import draft_identity
from gis.boundaries.identity_operations import name_faults
from gis.boundaries.operation_fields import OperationSpec
from gis.errors import InvalidInput
from gis.exchange.area_file import AreaFile, AreaRecord, columns, name_fault
from gis.files import cells, tables
from gis.files.column import Column
from gis.files.report import LoadReport, RejectedRow, row_label
from gis.messages import Message

NEW_CODE = Column(
    "new_code", "新编码", cells.parse_code, ("新网格编码", "新代码", "新编号", "newcode"), "", ""
)


def read_names(path: Path, report: LoadReport) -> list[AreaRecord]:
    """Read a table with a code, and a name, a new code or both, in each row.

    Rows with a cell that cannot be read, an empty one, or a code of another row are refused in the
    report.

    Raises
    ------
    InvalidInput, TooLarge
        The file as a whole cannot be taken.
    """
    table = _read_table(path, report)
    entries: list[AreaRecord] = []
    location_by_code: dict[str, Message] = {}
    for row in table.rows:
        values = {key: str(value) for key, value in row.values.items() if value}
        entry = AreaRecord(row_label(row.number), values)
        required = ["code"] if values.get(NEW_CODE.key) else ["code", "name"]
        empty = next((key for key in required if not values.get(key)), None)
        if empty is not None:
            report.refused.append(table.refuse(row.number, empty, "field.value_missing"))
        elif entry.code in location_by_code:
            location = location_by_code[entry.code]
            report.refused.append(
                table.refuse(row.number, "code", "area_row.code_twice", place=location)
            )
        elif fault := name_fault(entry.values.get("name", "")):
            report.refused.append(table.refuse(row.number, "name", fault))
        else:
            location_by_code[entry.code] = entry.location
            entries.append(entry)
    return entries


def _read_table(path: Path, report: LoadReport) -> tables.Table:
    """Open a table that has names, else one that has new codes.

    Raises
    ------
    InvalidInput, TooLarge
        It has neither, or cannot be taken at all.
    """
    code, name, *_ = columns(Level.GRID)
    try:
        return tables.read_table(path, [code, replace(name, needed=True), NEW_CODE], report)
    except InvalidInput:
        with suppress(InvalidInput):
            return tables.read_table(path, [code, name, replace(NEW_CODE, needed=True)], report)
        raise


def new_codes(entries: Sequence[AreaRecord]) -> list[tuple[AreaRecord, OperationSpec]]:
    """Return the operations that give grids of a table other codes, each with its row."""
    return [
        (entry, _recoding(entry.code, new_code))
        for entry in entries
        if (new_code := entry.values.get(NEW_CODE.key)) and new_code != entry.code
    ]


def _recoding(code: str, new_code: str) -> OperationSpec:
    op: OperationSpec = {"op": "recode", "code": code, "new_code": new_code}
    old, new = (
        codes.ancestor_code(item, Level.COMMUNITY)
        if codes.code_error(item, Level.GRID) is None
        else ""
        for item in (code, new_code)
    )
    return op if not new or old == new else op | {"op": "move_to", "parent": new}


def new_names(
    session: Session,
    entries: Sequence[AreaRecord],
    report: LoadReport,
    gone: Sequence[str] = (),
    new: Sequence[str] = (),
) -> dict[str, str]:
    """Return the names of a file that differ from the stored ones, by code.

    Entries of codes that do not stand, and of names that another area of the community has, are
    refused in the report.

    Parameters
    ----------
    session
        Open session; only read.
    entries
        With a code each.
    report
        Where refusals go.
    gone
        Codes of stored grids that the file ends.
    new
        Codes of grids that the file creates.
    """
    named = {entry.code: entry for entry in entries if entry.values.get("name")}
    stored = draft_identity.sibling_names(session, [], dict.fromkeys(gone), list(named))
    names: dict[str, str] = {}
    for code, entry in named.items():
        name = " ".join(entry.values["name"].split())
        if code in new or stored.get(code) == name:
            continue
        if code not in stored or codes.level_of(code) in (None, Level.UNIT):
            fault = Message("rename.unknown_area", {"code": code})
            report.refused.append(RejectedRow(entry.location_with_code, "code", fault))
        else:
            names[code] = name
    created = {code: named[code].values["name"] for code in new if code in named}
    stated_names = created | names
    for code, other in name_faults(list(stated_names), stored | stated_names).items():
        params = {"name": stated_names[code], "code": code, "other": other}
        fault = Message("rename.name_taken", params)
        report.refused.append(RejectedRow(named[code].location_with_code, "name", fault))
    return names


def recognise(
    session: Session, file: AreaFile, stored: Mapping[str, Any], report: LoadReport
) -> None:
    """Give entries without a code that of the stored grid with their name, or the name as code.

    Drawings have only texts: see `gis.files.vector.DRAWINGS`.

    Parameters
    ----------
    stored
        The grids around, by code.
    """
    unnumbered = [entry for entry in file.entries if not entry.code and entry.values.get("name")]
    if not unnumbered:
        return
    names = draft_identity.sibling_names(session, [], {}, list(stored))
    by_name: dict[str, list[str]] = {}
    for code in stored:
        by_name.setdefault(names.get(code, ""), []).append(code)
    used = {entry.code for entry in file.entries}
    for entry in unnumbered:
        name = entry.values["name"]
        if codes.code_error(name, Level.GRID) is None:
            entry.values["code"] = entry.values.pop("name")
            continue
        matches = by_name.get(" ".join(name.split()), [])
        if matches and (len(matches) > 1 or matches[0] in used):
            entry.values.pop("name")  # the name of the one it was split from
        elif matches:
            entry.values["code"] = matches[0]
            used.add(matches[0])
            report.note(
                "boundary_file.code_by_name", place=entry.location, name=name, code=matches[0]
            )
