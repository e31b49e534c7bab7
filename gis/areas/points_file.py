"""Reading a file of points in a child process, and checking its columns."""

from pathlib import Path

import pyarrow as pa
import pyarrow.ipc

from gis.areas.points_csv import NEEDED, OPTIONAL, read_csv
from gis.areas.points_rows import FAULT_COLUMN
from gis.errors import InvalidInput
from gis.files import sandbox
from gis.files.sandbox import Limits
from gis.messages import Message


def read_points(source: Path) -> pa.Table:
    """Read a file of points: all columns text, but lon and lat numbers where all of them are.

    Where a row cannot be read there is a further column, `FAULT_COLUMN`, with the reason.

    Raises
    ------
    InvalidInput
        It cannot be read, or the columns are others.
    """
    if not source.is_file():
        raise InvalidInput("points_file.missing", file=source)
    limits = Limits().scaled(source.stat().st_size, seconds_per_mb=1.0, growth=10)
    pieces = sandbox.iterate(read_csv, source.absolute(), limits=limits, name=source.name)
    table = pa.concat_tables([pa.ipc.open_stream(piece).read_all() for piece in pieces])
    table.validate(full=True)
    return _checked(source, table)


def _checked(source: Path, table: pa.Table) -> pa.Table:
    all_names = [name.strip() for name in table.column_names]
    names = [name for name in all_names if name != FAULT_COLUMN]
    missing = [name for name in NEEDED if name not in names]
    unknown = [name for name in names if name not in (*NEEDED, *OPTIONAL)]
    twice = sorted({name for name in names if names.count(name) > 1})
    faults = [
        Message(code, {"columns": list(map(repr, columns))})
        for code, columns in (
            ("points_file.columns_missing", missing),
            ("points_file.columns_unknown", unknown),
            ("points_file.columns_twice", twice),
        )
        if columns
    ]
    if faults:
        raise InvalidInput("points_file.columns_wrong", file=source.name, faults=faults)
    return table.rename_columns(all_names)
