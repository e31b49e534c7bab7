"""The answers to a part of a file of points.

Points without an address that share a grid, a building and the rules that led there share their
answer, so each answer is put into words once and the rest is array work. Points with an address
are resolved one by one.
"""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.orm import Session

from gis import crs as systems
from gis.areas.batch_csv import csv_cell
from gis.areas.batch_lines import (
    BUILDING_RULES,
    LEVEL_COLUMNS,
    Floats,
    Ints,
    answer_lines,
    buildings_at,
)
from gis.areas.grids import MATCH_RULES, GridIndex, read_grids
from gis.areas.locate_input import long_address_error, read_time
from gis.areas.locate_result import LocateRequest
from gis.areas.outside_grids import nearest_grid_error, no_grids_error
from gis.areas.points_csv import ROW_COLUMN
from gis.areas.points_rows import FAULT_COLUMN
from gis.areas.resolver import LocateResolver
from gis.areas.snapshot import (
    EPOCH,
    MICROSECOND,
    RegistrySnapshot,
    box_around,
    micros,
    read_period,
    read_snapshot,
)
from gis.arrow_arrays import from_numpy, texts, to_numpy
from gis.errors import InvalidInput, WanggeError, invalid_field
from gis.files.cells import read_float
from gis.people.queries import Micros, PeopleIndex
from gis.places.address import MAX_ADDRESS_CHARS

NO_DEGREES = from_numpy(np.array([np.nan]))[0]
NO_CHARS = from_numpy(np.zeros(1, np.int32))[0]


@dataclass(frozen=True)
class LocatedRows:
    """Answers to rows of a file.

    rows: Which of the file they are, from 0. lines: The different lines, each all columns after the
    id. row_lines: Of every row which of them is its own. located: How many rows have a grid.
    """

    rows: Ints
    lines: pa.LargeStringArray
    row_lines: Ints
    located: int


class FileRegister:
    """What the parts of one file share of the register.

    people: As for `read_snapshot`. turn: Held by the thread that uses the session.
    """

    def __init__(self, session: Session, people: PeopleIndex | None = None) -> None:
        self.session, self.people, self.turn = session, people, Lock()
        self.grids: tuple[Micros, Micros, GridIndex] | None = None

    def all_grids(self, at: datetime) -> tuple[GridIndex, Micros]:
        """Return all grids at a moment, and the end of the period in which they hold."""
        if self.grids is None or not self.grids[0] <= micros(at) < self.grids[1]:
            self.grids = None  # before the next ones, rather than beside them
            self.grids = (*read_period(self.session, at), read_grids(self.session, at))
        return self.grids[2], self.grids[1]


def locate_tables(
    register: FileRegister, tables: Iterable[pa.Table], at: datetime
) -> Iterator[LocatedRows]:
    """Answer tables of points, each while the register of the next one is read.

    Parameters
    ----------
    at
        Default moment, with time zone.
    """

    def begin(table: pa.Table) -> _Part:
        with register.turn:
            return _Part(register, table, at)

    with ThreadPoolExecutor(1) as ahead:
        begun: Future[_Part] | None = None
        for table in tables:
            following = ahead.submit(begin, table)
            if begun is not None:
                yield begun.result().answer()
            begun = following
        if begun is not None:
            yield begun.result().answer()


class _Part:
    """The rows of one part of a file, and their lines while they come together."""

    def __init__(self, register: FileRegister, table: pa.Table, at: datetime) -> None:
        """Read the rows of a table, and what the first of them need of the register."""
        self.register, self.zone = register, at.tzinfo
        self.rows = to_numpy(table[ROW_COLUMN])
        self.lines: list[str] = []
        self.line: Ints = np.full(table.num_rows, -1, dtype=np.int64)
        if FAULT_COLUMN in table.column_names:
            self.refuse_unreadable(table[FAULT_COLUMN])
        self.x, self.y = self.points(table)
        self.times = self.read_times(table, at)
        self.addresses: Any = None
        if "address" in table.column_names:
            self.addresses = np.array(table["address"].to_pylist(), dtype=object)
            self.check_addresses(table["address"])
        self.remaining = np.flatnonzero(self.line < 0)
        self.snapshot = self.read_snapshot() if self.remaining.size else None

    def read_snapshot(self) -> RegistrySnapshot:
        """Read the register around the remaining rows, at the first moment of them."""
        rows = self.remaining
        return read_snapshot(
            self.register.session,
            self.moment(int(self.times[rows].min())),
            box_around(self.x[rows], self.y[rows]),
            addresses=self.addresses is not None,  # may refer to any building of the grid
            people=self.register.people,
        )

    def answer(self) -> LocatedRows:
        """Locate all rows."""
        located = 0
        while self.snapshot is not None:
            is_now = self.times[self.remaining] < self.snapshot.until
            located += self.locate(self.snapshot, self.remaining[is_now])
            self.remaining, self.snapshot = self.remaining[~is_now], None
            if self.remaining.size:
                with self.register.turn:
                    self.snapshot = self.read_snapshot()
        return LocatedRows(self.rows, texts(self.lines), self.line, located)

    def moment(self, count: Micros) -> datetime:
        """Return a moment of `times` in the zone of the file."""
        return (EPOCH + count * MICROSECOND).astimezone(self.zone)

    def add(self, line: str) -> int:
        """Put a line of the answer file on the list."""
        self.lines.append(line)
        return len(self.lines) - 1

    def refuse(self, row: int, reason: str) -> None:
        """Give a row its error."""
        self.line[row] = self.add("," * 9 + csv_cell(reason) + "\n")

    def refuse_unreadable(self, faults: pa.ChunkedArray) -> None:
        """Refuse the rows that the reader could not make out."""
        for row in np.flatnonzero(to_numpy(pc.binary_length(faults))):
            code, params = json.loads(faults[int(row)].as_py())
            self.refuse(int(row), InvalidInput(code, **params).detail)

    def points(self, table: pa.Table) -> tuple[Floats, Floats]:
        """Return longitudes and latitudes in EPSG:4490, and refuse rows with impossible points."""
        columns = []
        for name in ("lon", "lat"):
            column = table[name]
            if pa.types.is_string(column.type):
                values = [
                    self.number(row, name, text) for row, text in enumerate(column.to_pylist())
                ]
                missing = np.array([value is None for value in values], dtype=bool)
                degrees = np.array([np.nan if value is None else value for value in values], float)
            else:
                missing, degrees = (
                    to_numpy(column.is_null()),
                    to_numpy(column.fill_null(NO_DEGREES)),
                )
            for row in np.flatnonzero(missing & (self.line < 0)):
                self.refuse(int(row), invalid_field(name, "field.degrees_missing").detail)
            columns.append(degrees)
        lon, lat = columns
        x, y = lon.copy(), lat.copy()
        names = pc.utf8_trim_whitespace(table["crs"].combine_chunks()).dictionary_encode()
        which = to_numpy(names.indices)
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

    def number(self, row: int, name: str, text: str | None) -> float | None:
        try:
            return read_float(text) if text and text.strip() else None
        except ValueError:
            if self.line[row] < 0:
                self.refuse(row, invalid_field(name, "field.not_degrees", value=repr(text)).detail)
            return np.nan

    def read_times(self, table: pa.Table, at: datetime) -> Ints:
        """Return the moment of every row in microseconds, as the database counts.

        Rows whose time cannot be read are refused.
        """
        times = np.full(table.num_rows, micros(at), dtype=np.int64)
        if "at" not in table.column_names:
            return times
        names = pc.utf8_trim_whitespace(table["at"].combine_chunks()).dictionary_encode()
        which = to_numpy(names.indices)
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
        chars = to_numpy(pc.utf8_length(column).fill_null(NO_CHARS))
        for row in np.flatnonzero(chars > MAX_ADDRESS_CHARS):
            if self.line[row] < 0:
                self.refuse(int(row), long_address_error(column[int(row)].as_py()).detail)

    def locate(self, snapshot: RegistrySnapshot, rows: Ints) -> int:
        """Locate the rows of one snapshot, and return how many have a grid."""
        x, y, times = self.x, self.y, self.times
        grid, rule, _ = snapshot.grids.grids_at(x[rows], y[rows])
        inside = grid >= 0
        located = int(inside.sum())
        if located < len(rows):
            with self.register.turn:
                self.refuse_outside(rows[~inside])
        rows, grid, rule = rows[inside], grid[inside], rule[inside]
        resolver = LocateResolver(lambda: self.register.session, snapshot)
        if self.addresses is not None:
            has_address = np.array([bool(address) for address in self.addresses[rows]], dtype=bool)
            with self.register.turn:
                for row in rows[has_address]:
                    self.line[row] = self.resolve_row(resolver, int(row))
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
        different = from_numpy(keys).dictionary_encode()
        of = to_numpy(different.indices)
        example_row = np.zeros(len(different.dictionary), dtype=np.int64)
        example_row[of[::-1]] = np.arange(len(of))[::-1]  # one row for each distinct key
        first_line = len(self.lines)
        columns = [values[example_row] for values, _ in parts[:5]]
        self.lines += answer_lines(resolver, columns, times[rows][example_row])
        self.line[rows] = first_line + of
        return located

    def refuse_outside(self, rows: Ints) -> None:
        """Reject rows outside all grids, each with the grid that is nearest at its moment."""
        while rows.size:
            moment = self.moment(int(self.times[rows].min()))
            grids, until = self.register.all_grids(moment)
            is_now = self.times[rows] < until
            of = rows[is_now]
            for row, nearest, metres in zip(
                of, *grids.nearest_each(self.x[of], self.y[of]), strict=True
            ):
                if nearest < 0:
                    moment = self.moment(int(self.times[row]))
                    self.refuse(int(row), no_grids_error(self.register.session, moment).detail)
                else:
                    error = nearest_grid_error(grids, int(nearest), float(metres))
                    self.refuse(int(row), error.detail)
            rows = rows[~is_now]

    def resolve_row(self, resolver: LocateResolver, row: int) -> int:
        """Return the line of a row with an address."""
        request = LocateRequest(
            float(self.given[0][row]),
            float(self.given[1][row]),
            self.crs_names[self.crs[row]],
            self.addresses[row],
        )
        at = EPOCH + int(self.times[row]) * MICROSECOND
        try:
            result = resolver.resolve(request, float(self.x[row]), float(self.y[row]), at)
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
