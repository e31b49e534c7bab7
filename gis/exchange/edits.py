"""Loading what planners change of the walking network, from a table or a map file."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import crs as systems
from gis.errors import FieldError, InvalidInput
from gis.exchange.columns import EDIT_COLUMNS
from gis.exchange.map_table import read_map_table
from gis.facilities.path_edits import (
    EDIT_ZH,
    NewEdit,
    find_faults,
    find_problems,
    insert_edit,
    stored_hours,
)
from gis.files import datasets
from gis.files.cells import CellError, clean_text
from gis.files.points import read_points
from gis.files.report import LoadReport, RejectedRow
from gis.files.tables import finish_reading, read_table
from gis.files.vector import VECTOR_FORMATS
from gis.messages import Message
from gis.network.edit_draft import JOIN_REACH_M
from gis.network.models import EDIT_KINDS

STORED_EDITS_SQL = """
SELECT id, coalesce(code, 'e' || id) AS code, kind, ST_AsBinary(geom) AS geom, hours, reason,
  from_at, until_at
FROM walk_edit
WHERE withdrawn_at IS NULL
ORDER BY id
"""
AUTHOR_SQL = "SELECT coalesce(nullif(current_setting('wangge.who', true), ''), current_user)"


@dataclass
class EditRecord:
    """A row or feature of a file: how it is refused, its cells, and its shape if it has one."""

    refuse: Callable[[str, Message], RejectedRow]
    values: dict[str, Any]
    shape: BaseGeometry | None


def load_edits(
    session: Session, path: Path, crs: str | None = None, *, timezone: tzinfo, now: datetime
) -> LoadReport:
    """Load paths to close or add, and gates; `gis.exchange.columns.EDITS` says what a row holds.

    An edit is known by its code. One whose row differs is withdrawn and stated anew; those that are
    not in the file stay.

    Parameters
    ----------
    path
        A table, or a map file of points and lines with the same columns as attributes.
    crs
        System of the coordinates where the file names none.
    timezone
        Of moments without an offset.

    Returns
    -------
    The report. Where a row is refused, or fits no path, nothing is written at all.

    Raises
    ------
    InvalidInput, TooLarge
        The file cannot be read as such a table or map.
    Unavailable
        No walking network is loaded.
    """
    report = LoadReport("edits", path.name)
    is_map = path.suffix.lower() in VECTOR_FORMATS
    records = (_from_map if is_map else _from_table)(path, crs, report)
    edits = [(record, _edit(record, timezone)) for record in records]
    standing = {row.code: row for row in session.execute(text(STORED_EDITS_SQL))}
    changes = [
        (record, edit) for record, edit in edits if not _is_same(standing.get(edit.code), edit)
    ]
    seen: set[str] = set()
    for record, edit in edits:
        faults = [*_code_faults(edit, seen)]
        if not _is_same(standing.get(edit.code), edit):
            faults += find_faults(edit, now)
        report.refused += [
            record.refuse(fault.field, Message(fault.code, dict(fault.params))) for fault in faults
        ]
    report.counts |= {"new": 0, "changed": 0, "unchanged": len(edits) - len(changes)}
    if finish_reading(report):
        _write(session, changes, standing, report, now)
    datasets.record_report(session, path, report)
    return report


def parse_line(value: object) -> BaseGeometry:
    """Return the line that a cell holds as WKT.

    Raises
    ------
    CellError
        It holds none.
    """
    try:
        shape = shapely.from_wkt(clean_text(value))
    except shapely.GEOSException:
        shape = None
    if shape is None or shape.geom_type != "LineString":
        raise CellError("edit_row.line_malformed", value=clean_text(value)[:40])
    return shape


def _from_table(path: Path, crs: str | None, report: LoadReport) -> list[EditRecord]:
    table = read_table(path, EDIT_COLUMNS, report)
    rows = list(table.rows)
    points, _ = read_points(table, rows, crs, report)
    records = []
    for row, point in zip(rows, points, strict=True):

        def refuse(field: str, reason: Message, number: int = row.number) -> RejectedRow:
            return table.refuse(number, "lon" if field == "geometry" else field, reason)

        shape = None if point is None else shapely.Point(point)
        if row["line"]:
            try:
                shape = _stored_line(parse_line(row["line"]), row["crs"] or crs)
            except CellError as error:
                report.refused.append(refuse("line", error.message))
            except InvalidInput as error:
                fault = error.errors[0]
                report.refused.append(refuse("line", Message(fault.code, dict(fault.params))))
        records.append(EditRecord(refuse, dict(row.values), shape))
    return records


def _stored_line(line: BaseGeometry, crs: str | None) -> BaseGeometry:
    """Return a line in storage coordinates.

    Raises
    ------
    CellError
        Its system is not named.
    InvalidInput
        A point cannot be in the system.
    """
    if crs is None:
        raise CellError("cell.crs_missing", systems=systems.SUPPORTED_CRS)
    lon, lat = shapely.get_coordinates(line).T
    systems.validate_points(lon, lat, crs)
    return shapely.LineString(np.round(np.column_stack(systems.to_storage(lon, lat, crs)), 7))


def _from_map(path: Path, crs: str | None, report: LoadReport) -> list[EditRecord]:
    table = read_map_table(path, EDIT_COLUMNS, report, crs, ignored=("lon", "lat", "crs", "line"))
    records = []
    for row in table.rows:

        def refuse(field: str, reason: Message, number: int = row.number) -> RejectedRow:
            return table.refuse(number, field, reason)

        records.append(EditRecord(refuse, dict(row.values), _single(table.shapes[row.number])))
    return records


def _single(shape: BaseGeometry | None) -> BaseGeometry | None:
    """Return a shape as a point or line where it is one, rounded as it is stored."""
    if shape is None:
        return None
    parts = shapely.get_parts(shape)
    single = parts[0] if len(parts) == 1 else shape
    return shapely.transform(shapely.force_2d(single), lambda xy: np.round(xy, 7))


def _edit(record: EditRecord, timezone: tzinfo) -> NewEdit:
    values = record.values

    def moment(name: str) -> datetime | None:
        value: datetime | None = values.get(name)
        return value.replace(tzinfo=timezone) if value and not value.tzinfo else value

    word = values.get("kind") or ""
    return NewEdit(
        next((kind for kind in EDIT_KINDS if word in (kind, EDIT_ZH[kind])), word),
        record.shape or shapely.Point(),
        values.get("hours") or "",
        values.get("reason") or "",
        moment("from_at"),
        moment("until_at"),
        values.get("code") or None,
    )


def _code_faults(edit: NewEdit, seen: set[str]) -> Iterator[FieldError]:
    if not edit.code:
        yield FieldError("code", "edit_row.code_empty", {})
    elif edit.code in seen:
        yield FieldError("code", "edit_row.code_twice", {"code": edit.code})
    seen.add(edit.code or "")


def _write(
    session: Session,
    changes: list[tuple[EditRecord, NewEdit]],
    standing: Mapping[str, Any],
    report: LoadReport,
    now: datetime,
) -> None:
    """State edits in place of those that stand; refuse those that fit no path."""
    author = str(session.scalar(text(AUTHOR_SQL)))
    stated: dict[int, EditRecord] = {}
    for record, edit in changes:
        former = standing.get(edit.code or "")
        report.counts["new" if former is None else "changed"] += 1
        if former is not None:
            session.execute(
                text("UPDATE walk_edit SET withdrawn_at = :at WHERE id = :id"),
                {"id": former.id, "at": now},
            )
        stated[insert_edit(session, edit, source="file", author=author)] = record
    if stated:
        problems = find_problems(session, [*stated])
        report.refused += [
            record.refuse("geometry", Message(problems[number], {"limit": round(JOIN_REACH_M)}))
            for number, record in stated.items()
            if number in problems
        ]


def _is_same(former: Any | None, edit: NewEdit) -> bool:
    """Return whether an edit stands as it is."""
    if former is None:
        return False
    facts = (edit.kind, stored_hours(edit), edit.reason.strip(), edit.from_at, edit.until_at)
    return bool(
        facts == (former.kind, former.hours, former.reason, former.from_at, former.until_at)
        and shapely.equals_exact(shapely.from_wkb(bytes(former.geom)), edit.geom, 1e-9)
    )
