"""The reader of `locate --batch`, as a child process runs it for `gis.areas.batch`.

Imports only what it needs.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from gis.areas.points_rows import PIECE_ROWS, guess_encoding, read_rows
from gis.errors import InvalidInput

NEEDED, OPTIONAL = ("id", "lon", "lat", "crs"), ("address", "at")


def read_csv(source: Path) -> Iterator[bytes]:
    """Yield a file of points as streams of Arrow.

    A flawless file is read in bulk, any other row by row (`gis.areas.points_rows`): all columns
    text, but lon and lat numbers where all of them are.

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
    tables = read_rows(source, encoding) if table is None else _pieces(table)
    for piece in tables:
        yield stream_bytes(piece)


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
                pyarrow.csv.ParseOptions(newlines_in_values=True),
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


def _pieces(table: pa.Table) -> Iterator[pa.Table]:
    for offset in range(0, max(table.num_rows, 1), PIECE_ROWS):
        yield table.slice(offset, PIECE_ROWS)


def stream_bytes(table: pa.Table) -> bytes:
    """Return a table as a stream of Arrow."""
    target = pa.BufferOutputStream()
    with pa.ipc.new_stream(target, table.schema) as writer:
        writer.write_table(table)
    return bytes(target.getvalue())
