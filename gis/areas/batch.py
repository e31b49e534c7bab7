"""Locating a file of points: the resolver of `locate`, for a million points at a time.

Points without an address that share a grid, a building and the rules that led there share their
answer, so each answer is put into words once and the rest is array work. Points with an address
are resolved one by one.
"""

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
from sqlalchemy.orm import Session

from gis import crs as systems
from gis.areas.batch_csv import csv_cell, format_rows
from gis.areas.batch_lines import (
    BUILDING_RULES,
    HEADER,
    LEVEL_COLUMNS,
    Floats,
    Ints,
    answer_lines,
    buildings_at,
)
from gis.areas.grids import MATCH_RULES, read_grids
from gis.areas.locate_input import long_address_error, read_time
from gis.areas.locate_result import LocateRequest
from gis.areas.outside_grids import nearest_grid_error, no_grids_error
from gis.areas.points_csv import stream_bytes
from gis.areas.points_file import read_points
from gis.areas.points_rows import FAULT_COLUMN
from gis.areas.resolver import LocateResolver
from gis.areas.snapshot import (
    EPOCH,
    MICROSECOND,
    RegistrySnapshot,
    micros,
    read_period,
    read_snapshot_around,
)
from gis.errors import InvalidInput, WanggeError, invalid_field
from gis.files.table_writer import require_replaceable
from gis.places.address import MAX_ADDRESS_CHARS
from gis.shapes.tiles import neighbouring_parts
from gis.spread import Spread, spread_of


@dataclass(frozen=True)
class BatchCounts:
    """How many rows a file had, and how many of them got a grid."""

    rows: int
    located: int


Progress = Callable[[int, int], None]
PART_ROWS = 50_000  # located by one worker at a time


def locate_file(
    session: Session,
    source: Path,
    target: Path,
    at: datetime,
    progress: Progress = lambda done, total: None,
) -> BatchCounts:
    """Locate every point of a file.

    The answer file replaces `target` only when it is complete.

    Parameters
    ----------
    session
        Open session; only read.
    source
        CSV, UTF-8 (with or without BOM) or GB18030, with the columns id, lon, lat, crs and
        optionally address and at. Degrees in the row's `crs`; an empty `at` means the parameter
        `at`.
    target
        CSV, UTF-8 with the columns of `HEADER`, rows in the same order: codes, `people` as
        role:name joined by semicolons (an empty name if the post is vacant), `how` as step:rule. A
        row that cannot be located has only its `error`.
    at
        Default moment, with time zone; times of the file without one are read in it.
    progress
        Called with the number of rows done and the number of all rows.

    Raises
    ------
    InvalidInput
        The file cannot be read, has other columns or is `target`, or `target` is a device.
    """
    if source.exists() and target.exists() and target.samefile(source):
        raise InvalidInput("points_file.target_is_source", file=target)
    require_replaceable(target)
    table = read_points(source)
    spread = spread_of(session)
    if spread is None:
        lines, row_lines, located = locate_table(session, table, at, progress)
    else:
        lines, row_lines, located = _locate_spread(spread, table, at, progress)
    ids = table["id"].combine_chunks()
    del table  # its memory is for the answers now
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise InvalidInput("points_file.not_writable", file=target, reason=error.strerror) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write((",".join(HEADER) + "\n").encode())
            for part in format_rows(ids, lines, row_lines):
                file.write(part)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return BatchCounts(len(ids), located)


def locate_table(
    session: Session, table: pa.Table, at: datetime, progress: Progress = lambda done, total: None
) -> tuple[list[str], Ints, int]:
    """Answer a table of points.

    Returns
    -------
    The different lines, each all columns after the id; for every row which line is its own; and how
    many rows have a grid.
    """
    total = table.num_rows
    batch = _Batch(session, total)
    if FAULT_COLUMN in table.column_names:
        batch.refuse_unreadable(table[FAULT_COLUMN])
    x, y = batch.points(table)
    times = batch.times(table, at)
    addresses = table["address"].to_numpy() if "address" in table.column_names else None
    if addresses is not None:
        batch.check_addresses(table["address"])
    remaining = np.flatnonzero(batch.line < 0)
    located, done = 0, total - len(remaining)
    while remaining.size:
        first_moment = int(times[remaining].min())
        moment = (EPOCH + first_moment * MICROSECOND).astimezone(at.tzinfo)
        # an address may refer to any building of the grid
        snapshot = read_snapshot_around(
            session, moment, x[remaining], y[remaining], addresses=addresses is not None
        )
        now = remaining[times[remaining] < snapshot.until]
        located += batch.locate(snapshot, moment, now, x, y, times, addresses)
        done += len(now)
        progress(done, total)
        remaining = remaining[times[remaining] >= snapshot.until]
    return batch.lines, batch.line, located


@dataclass(frozen=True)
class PointsTask:
    """Rows of a file of points as a stream of Arrow, and the default moment."""

    rows: bytes
    at: datetime


def locate_part(session: Session, task: PointsTask) -> tuple[list[str], Ints, int]:
    """Answer a part of a file, as `locate_table`."""
    return locate_table(session, pa.ipc.open_stream(task.rows).read_all(), task.at)


def _locate_spread(
    spread: Spread, table: pa.Table, at: datetime, progress: Progress
) -> tuple[list[str], Ints, int]:
    """Answer a table of points by workers, as `locate_table`.

    A row's answer does not depend on the others. Neighbours go together, so that a worker reads
    little of the register beside what its points need.
    """
    parts = neighbouring_parts(_degrees(table["lon"]), _degrees(table["lat"]), PART_ROWS)
    tasks = (PointsTask(stream_bytes(table.take(pa.array(rows))), at) for rows in parts)
    lines: list[str] = []
    row_lines, located, done = np.full(table.num_rows, -1, dtype=np.int64), 0, 0
    for rows, part in zip(parts, spread.each(locate_part, tasks), strict=True):
        row_lines[rows] = part[1] + len(lines)
        lines += part[0]
        located += part[2]
        done += len(rows)
        progress(done, table.num_rows)
    return lines, row_lines, located


def _degrees(column: pa.ChunkedArray) -> Floats:
    """Return numbers to sort rows by; NaN where a row has none."""
    if pa.types.is_string(column.type):
        return np.array([_number_of(text) for text in column.to_pylist()], float)
    return np.asarray(column.to_numpy(), float)


def _number_of(text: str | None) -> float:
    """Return the number that a text says; NaN where it says none."""
    try:
        return float(text or "nan")
    except ValueError:
        return np.nan


class _Batch:
    """The lines of one file while they come together."""

    def __init__(self, session: Session, rows: int) -> None:
        self.session = session
        self.lines: list[str] = []
        self.line: Ints = np.full(rows, -1, dtype=np.int64)

    def add(self, line: str) -> int:
        """Put a line of the answer file on the list."""
        self.lines.append(line)
        return len(self.lines) - 1

    def refuse(self, row: int, reason: str) -> None:
        """Give a row its error."""
        self.line[row] = self.add("," * 9 + csv_cell(reason) + "\n")

    def refuse_unreadable(self, faults: pa.ChunkedArray) -> None:
        """Refuse the rows that the reader could not make out."""
        for row in np.flatnonzero(pc.not_equal(faults, "").to_numpy()):
            code, params = json.loads(faults[int(row)].as_py())
            self.refuse(int(row), InvalidInput(code, **params).detail)

    def points(self, table: pa.Table) -> tuple[Floats, Floats]:
        """Return longitudes and latitudes in EPSG:4490, and refuse rows with impossible points."""
        columns = []
        for name in ("lon", "lat"):
            column = table[name]
            if pa.types.is_string(column.type):
                column = pa.array(
                    [self._number(row, name, text) for row, text in enumerate(column.to_pylist())]
                )
            for row in np.flatnonzero(
                column.is_null().to_numpy(zero_copy_only=False) & (self.line < 0)
            ):
                self.refuse(int(row), invalid_field(name, "field.degrees_missing").detail)
            columns.append(np.asarray(column.to_numpy(zero_copy_only=False), dtype=float))
        lon, lat = columns
        x, y = lon.copy(), lat.copy()
        names = pc.utf8_trim_whitespace(table["crs"].combine_chunks()).dictionary_encode()
        which = names.indices.to_numpy()
        for number, crs in enumerate(names.dictionary.to_pylist()):
            rows = np.flatnonzero((which == number) & (self.line < 0))
            try:
                for fault in systems.find_invalid_points(lon[rows], lat[rows], crs):
                    self.refuse(int(rows[fault.index]), f"{fault.field}: {fault.message}")
            except InvalidInput as error:
                for row in rows:
                    self.refuse(int(row), error.detail)
            else:
                x[rows], y[rows] = systems.to_storage(lon[rows], lat[rows], crs)
        self.crs, self.crs_names, self.given = which, names.dictionary.to_pylist(), (lon, lat)
        return x, y

    def _number(self, row: int, name: str, text: str | None) -> float | None:
        try:
            return float(text) if text and text.strip() else None
        except ValueError:
            if self.line[row] < 0:
                self.refuse(row, invalid_field(name, "field.not_degrees", value=repr(text)).detail)
            return np.nan

    def times(self, table: pa.Table, at: datetime) -> Ints:
        """Return the moment of every row in microseconds, as the database counts.

        Rows whose time cannot be read are refused.
        """
        times = np.full(table.num_rows, micros(at), dtype=np.int64)
        if "at" not in table.column_names:
            return times
        names = pc.utf8_trim_whitespace(table["at"].combine_chunks()).dictionary_encode()
        which = names.indices.to_numpy()
        zone = at.tzinfo
        assert zone is not None
        for number, text in enumerate(names.dictionary.to_pylist()):
            if not text:
                continue
            rows = np.flatnonzero((which == number) & (self.line < 0))
            try:
                times[rows] = micros(read_time(text, zone))
            except InvalidInput as error:
                for row in rows:
                    self.refuse(int(row), error.detail)
        return times

    def check_addresses(self, column: pa.ChunkedArray) -> None:
        """Reject the rows with impossible addresses."""
        too_long = pc.greater(pc.utf8_length(column), MAX_ADDRESS_CHARS).fill_null(False)
        for row in np.flatnonzero(too_long.to_numpy()):
            if self.line[row] < 0:
                self.refuse(int(row), long_address_error(column[int(row)].as_py()).detail)

    def locate(
        self,
        snapshot: RegistrySnapshot,
        at: datetime,
        rows: Ints,
        x: Floats,
        y: Floats,
        times: Ints,
        addresses: Any,
    ) -> int:
        """Locate the rows of one snapshot, and return how many have a grid."""
        grid, rule, _ = snapshot.grids.grids_at(x[rows], y[rows])
        self._refuse_outside(at.tzinfo, rows[grid < 0], x, y, times)
        inside = grid >= 0
        rows, grid, rule = rows[inside], grid[inside], rule[inside]
        resolver = LocateResolver(lambda: self.session, snapshot)
        if addresses is not None:
            has_address = np.array([bool(address) for address in addresses[rows]], dtype=bool)
            for row in rows[has_address]:
                self.line[row] = self._resolve_row(resolver, int(row), x, y, times, addresses[row])
            rows, grid, rule = rows[~has_address], grid[~has_address], rule[~has_address]
        building, building_rule = buildings_at(snapshot, grid, x[rows], y[rows])
        moments = snapshot.people.moments
        keys = np.zeros(len(rows), dtype=np.int64)
        shifted = np.array(
            [name in systems.OBFUSCATED_CRS for name in self.crs_names], dtype=np.int64
        )
        parts = (
            (grid, len(snapshot.grids.codes)),
            (rule, len(MATCH_RULES)),
            (building + 1, len(snapshot.places.codes) + 1),
            (building_rule, len(BUILDING_RULES)),
            (shifted[self.crs[rows]], 2),
            (np.searchsorted(moments, times[rows], side="right"), len(moments) + 1),
        )
        for values, size in parts:
            keys = keys * size + values
        different = pa.array(keys).dictionary_encode()
        of = different.indices.to_numpy()
        example_row = np.zeros(len(different.dictionary), dtype=np.int64)
        example_row[of[::-1]] = np.arange(len(of))[::-1]  # one row for each distinct key
        first_line = len(self.lines)
        columns = [values[example_row] for values, _ in parts[:5]]
        self.lines += answer_lines(resolver, columns, times[rows][example_row])
        self.line[rows] = first_line + of
        return int(inside.sum())

    def _refuse_outside(
        self, zone: tzinfo | None, rows: Ints, x: Floats, y: Floats, times: Ints
    ) -> None:
        """Reject rows outside all grids, each with the grid that is nearest at its moment."""
        while rows.size:
            begin = (EPOCH + int(times[rows].min()) * MICROSECOND).astimezone(zone)
            grids = read_grids(self.session, begin)
            is_now = times[rows] < read_period(self.session, begin)[1]
            of = rows[is_now]
            for row, nearest, metres in zip(of, *grids.nearest_each(x[of], y[of]), strict=True):
                if nearest < 0:
                    moment = (EPOCH + int(times[row]) * MICROSECOND).astimezone(zone)
                    self.refuse(int(row), no_grids_error(self.session, moment).detail)
                else:
                    error = nearest_grid_error(grids, int(nearest), float(metres))
                    self.refuse(int(row), error.detail)
            rows = rows[~is_now]

    def _resolve_row(
        self, resolver: LocateResolver, row: int, x: Floats, y: Floats, times: Ints, address: str
    ) -> int:
        request = LocateRequest(
            float(self.given[0][row]),
            float(self.given[1][row]),
            self.crs_names[self.crs[row]],
            address,
        )
        at = EPOCH + int(times[row]) * MICROSECOND
        try:
            result = resolver.resolve(request, float(x[row]), float(y[row]), at)
        except WanggeError as error:
            return self.add("," * 9 + csv_cell(error.detail) + "\n")
        codes = {area.level: area.code for area in result.areas}
        unit = result.unit.code if result.unit else ""
        building = result.building.code if result.building else ""
        how = ";".join(
            f"{step.step}:{step.rule}" for step in result.how if step.step != "answerable"
        )
        people = ";".join(f"{entry.role}:{entry.name or ''}" for entry in result.people)
        cells = (*(codes.get(level, "") for level in LEVEL_COLUMNS), unit, building, people, how)
        return self.add("," + ",".join(map(csv_cell, cells)) + ",\n")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
