"""Reading a file of points in a child process, and checking its columns."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.ipc

from gis.areas.points_csv import NEEDED, OPTIONAL, ROW_COLUMN, read_csv
from gis.areas.points_rows import FAULT_COLUMN
from gis.arrow_arrays import to_numpy
from gis.errors import InvalidInput
from gis.files import sandbox
from gis.files.sandbox import Limits
from gis.messages import Message


class PointsFile(NamedTuple):
    """The ids of a file of points, in their order, and its rows in parts of neighbours.

    A part has the other columns, and in ROW_COLUMN which row of the file each row is.
    """

    ids: pa.ChunkedArray
    parts: Iterator[pa.Table]


def read_points(source: Path, part_rows: int) -> PointsFile:
    """Read a file of points: all columns text, but lon and lat numbers where all of them are.

    Where a row cannot be read there is a further column, `FAULT_COLUMN`, with the reason. What is
    wrong with a part is raised when it is taken.

    Parameters
    ----------
    part_rows
        Greatest number of rows of a part.

    Raises
    ------
    InvalidInput
        It cannot be read, or the columns are others.
    """
    if not source.is_file():
        raise InvalidInput("points_file.missing", file=source)
    limits = Limits().scaled(source.stat().st_size, seconds_per_mb=1.0, growth=10)
    messages = sandbox.iterate(
        read_csv, source.absolute(), part_rows, limits=limits, name=source.name
    )
    columns, count = next(messages)
    _check_columns(source, columns)
    ids: list[pa.StringArray] = []
    while sum(map(len, ids)) < count:
        ids += _table(next(messages))["id"].chunks
    return PointsFile(pa.chunked_array(ids, pa.string()), _parts(source, messages, count))


def _parts(source: Path, messages: Iterator[bytes], count: int) -> Iterator[pa.Table]:
    """Yield the parts of a file with so many rows.

    Raises
    ------
    InvalidInput
        They are not those of its rows.
    """
    left = count
    for message in messages:
        part = _table(message)
        rows = to_numpy(part[ROW_COLUMN])
        left -= len(rows)
        if left < 0 or not ((rows >= 0) & (rows < count)).all():
            break
        yield part
    if left:
        raise InvalidInput(sandbox.DAMAGED, file=source.name)


def _table(stream: bytes) -> pa.Table:
    table = pa.ipc.open_stream(stream).read_all()
    table.validate(full=True)
    return table


def _check_columns(source: Path, columns: Sequence[str]) -> None:
    names = [name for name in columns if name != FAULT_COLUMN]
    missing = [name for name in NEEDED if name not in names]
    unknown = [name for name in names if name not in (*NEEDED, *OPTIONAL)]
    twice = sorted({name for name in names if names.count(name) > 1})
    faults = [
        Message(code, {"columns": list(map(repr, wrong))})
        for code, wrong in (
            ("points_file.columns_missing", missing),
            ("points_file.columns_unknown", unknown),
            ("points_file.columns_twice", twice),
        )
        if wrong
    ]
    if faults:
        raise InvalidInput("points_file.columns_wrong", file=source.name, faults=faults)
