"""Names of grids in a file, from another program or a table of codes and names, as renamings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.models import Level
from gis.boundaries import draft_identity
from gis.boundaries.identity_operations import name_faults
from gis.boundaries.operation_fields import MAX_AREA_NAME_CHARS
from gis.exchange.area_file import AreaFile, AreaRecord, columns
from gis.files import tables
from gis.files.report import LoadReport, RejectedRow, row_label
from gis.messages import Message


def read_names(path: Path, report: LoadReport) -> list[AreaRecord]:
    """Read a table with a code and a name in each row.

    Rows with a cell that cannot be read, an empty one, or a code of another row are refused in the
    report.

    Raises
    ------
    InvalidInput, TooLarge
        The file as a whole cannot be taken.
    """
    by_key = {column.key: column for column in columns(Level.GRID)}
    name_columns = [by_key["code"], replace(by_key["name"], needed=True)]
    table = tables.read_table(path, name_columns, report)
    entries: list[AreaRecord] = []
    location_by_code: dict[str, Message] = {}
    for row in table.rows:
        values = {key: str(value) for key, value in row.values.items() if value}
        entry = AreaRecord(row_label(row.number), values)
        empty = next((key for key in ("code", "name") if not values.get(key)), None)
        if empty is not None:
            report.refused.append(table.refuse(row.number, empty, "field.value_missing"))
        elif entry.code in location_by_code:
            location = location_by_code[entry.code]
            report.refused.append(
                table.refuse(row.number, "code", "area_row.code_twice", place=location)
            )
        elif len(entry.values["name"]) > MAX_AREA_NAME_CHARS:
            report.refused.append(
                table.refuse(
                    row.number, "name", "area_row.name_too_long", limit=MAX_AREA_NAME_CHARS
                )
            )
        else:
            location_by_code[entry.code] = entry.location
            entries.append(entry)
    return entries


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
        if len(matches) == 1 and matches[0] not in used:
            entry.values["code"] = matches[0]
            used.add(matches[0])
            report.note(
                "boundary_file.code_by_name", place=entry.location, name=name, code=matches[0]
            )
