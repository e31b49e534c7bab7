"""The reader of `locate --batch`, as a child process runs it for `gis.areas.batch`.

Imports only what it needs.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from gis.areas.points_rows import PIECE_ROWS, guess_encoding, read_rows
from gis.arrow_arrays import from_numpy, to_numpy
from gis.errors import InvalidInput
from gis.shapes.tiles import neighbouring_parts

NEEDED, OPTIONAL = ("id", "lon", "lat", "crs"), ("address", "at")
ROW_COLUMN = "\0row"  # of a part: which row of the file each is, from 0; no header holds a NUL


def read_csv(source: Path, part_rows: int) -> Iterator[tuple[list[str], int] | bytes]:
    """Yield the columns and number of rows of a file of points, its ids, then its other columns.

    A flawless file is read in bulk, any other row by row (`gis.areas.points_rows`): all columns
    text, but lon and lat numbers where all of them are.

    Parameters
    ----------
    part_rows
        Rows of a part: neighbours, so that the work on it needs little of the register.

    Yields
    ------
    The columns and the number of rows; then streams of Arrow: the ids in their order, and parts
    with ROW_COLUMN. Neither where the columns are not those of a file of points.

    Raises
    ------
    InvalidInput
        The file cannot be read, or its first line is no list of columns.
    """
    try:
        content = source.read_bytes()
    except OSError as error:
        raise InvalidInput(
            "points_file.not_readable", file=source, reason=error.strerror or str(error)
        ) from None
    if not content.strip():
        raise InvalidInput("points_file.not_csv", file=source.name, reason="Empty CSV file")
    encoding, table = "utf8", _read_in_bulk(content, "utf8")
    if table is None:
        encoding = guess_encoding(content)
        table = _read_in_bulk(content, encoding) if encoding != "utf8" else None
    del content
    if table is None:
        table = pa.concat_tables(read_rows(source, encoding))
    names = [name.strip() for name in table.column_names]
    yield names, table.num_rows
    is_readable = len({*names}) == len(names) and {*NEEDED} <= {*names}
    if is_readable and table.num_rows:
        yield from _in_parts(table.rename_columns(names), part_rows)


def _in_parts(table: pa.Table, part_rows: int) -> Iterator[bytes]:
    for begin in range(0, table.num_rows, PIECE_ROWS):
        yield stream_bytes(table.select(["id"]).slice(begin, PIECE_ROWS))
    lon, lat = (_degrees(table[name]) for name in ("lon", "lat"))
    others = table.drop_columns(["id"])
    for rows in neighbouring_parts(lon, lat, part_rows):
        numbers = from_numpy(rows)
        yield stream_bytes(others.take(numbers).append_column(ROW_COLUMN, numbers))


def _degrees(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return numbers to sort rows by; NaN where a row has none."""
    if pa.types.is_string(column.type):
        return np.array([_number_of(text) for text in column.to_pylist()], float)
    return to_numpy(column.fill_null(from_numpy(np.array([np.nan]))[0]))


def _number_of(text: str | None) -> float:
    """Return the number that a text says; NaN where it says none."""
    try:
        return float(text or "nan")
    except ValueError:
        return np.nan


def _read_in_bulk(content: bytes, encoding: str) -> pa.Table | None:
    """Return the rows of a flawless file; None where it is not, or may not be.

    The reader in bulk takes a quotation mark that is never closed for a value of many lines.
    """
    quotes = np.count_nonzero(np.frombuffer(content, np.uint8) == ord('"'))
    if b"\0" in content or quotes % 2:
        return None
    for numbers in (pa.float64(), pa.string()):
        try:
            table = pyarrow.csv.read_csv(
                pa.BufferReader(content),
                pyarrow.csv.ReadOptions(encoding=encoding),
                pyarrow.csv.ParseOptions(newlines_in_values=quotes > 0),
                pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys((*NEEDED, *OPTIONAL), pa.string())
                    | {"lon": numbers, "lat": numbers},
                    null_values=[""],
                    strings_can_be_null=False,
                ),
            )
        except (pa.ArrowInvalid, UnicodeError):
            continue
        return None if quotes and any(map(_has_line_break, table.columns)) else table
    return None


def _has_line_break(column: pa.ChunkedArray) -> bool:
    if not pa.types.is_string(column.type):
        return False
    texts = [np.frombuffer(chunk.buffers()[2] or b"", np.uint8) for chunk in column.chunks]
    return any(bool(((text == ord("\n")) | (text == ord("\r"))).any()) for text in texts)


def stream_bytes(table: pa.Table) -> bytes:
    """Return a table as a stream of Arrow."""
    target = pa.BufferOutputStream()
    with pa.ipc.new_stream(target, table.schema) as writer:
        writer.write_table(table)
    return bytes(target.getvalue())
