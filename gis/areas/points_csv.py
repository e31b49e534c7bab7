"""The reader of `locate --batch`, as a child process runs it for `gis.areas.batch`.

Imports only what it needs.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from gis.errors import InvalidInput

NEEDED, OPTIONAL = ("id", "lon", "lat", "crs"), ("address", "at")
ENCODINGS = ("utf8", "gb18030")
PIECE_ROWS = 65_536
RAGGED_PATTERN = re.compile(r"Expected (\d+) columns, got (\d+)")


def read_csv(source: Path) -> Iterator[bytes]:
    """Yield a file of points as streams of Arrow.

    Columns are text; lon and lat are numbers where all of their values are.
    """
    problem = ""
    for encoding in ENCODINGS:
        for numbers in (pa.float64(), pa.string()):
            try:
                table = pyarrow.csv.read_csv(
                    source,
                    pyarrow.csv.ReadOptions(encoding=encoding),
                    pyarrow.csv.ParseOptions(newlines_in_values=True),
                    pyarrow.csv.ConvertOptions(
                        column_types=dict.fromkeys((*NEEDED, *OPTIONAL), pa.string())
                        | {"lon": numbers, "lat": numbers},
                        null_values=[""],
                        strings_can_be_null=False,
                    ),
                )
            except OSError as error:
                raise InvalidInput(
                    "points_file.not_readable", file=source, reason=error.strerror or str(error)
                ) from None
            except (pa.ArrowInvalid, UnicodeError) as error:
                problem = str(error)
                if ragged := RAGGED_PATTERN.search(problem):  # in any encoding
                    raise _ragged_row_error(source, encoding, int(ragged[1])) from None
            else:
                for offset in range(0, max(table.num_rows, 1), PIECE_ROWS):
                    yield _stream(table.slice(offset, PIECE_ROWS))
                return
    raise InvalidInput("points_file.not_csv", file=source.name, reason=problem)


def _ragged_row_error(source: Path, encoding: str, expected: int) -> InvalidInput:
    """Return the error for a row of too many or too few fields, with the line where it begins."""
    line, count = 1, 0
    with source.open(encoding=encoding, errors="replace", newline="") as file:
        csv.field_size_limit(1 << 30)
        reader = csv.reader(file)
        for row in reader:
            count = len(row)
            if row and count != expected:
                break
            line = reader.line_num + 1
    return InvalidInput(
        "points_file.ragged_row",
        file=source.name,
        line=str(line),
        expected=str(expected),
        count=str(count),
    )


def _stream(table: pa.Table) -> bytes:
    target = pa.BufferOutputStream()
    with pa.ipc.new_stream(target, table.schema) as writer:
        writer.write_table(table)
    return bytes(target.getvalue())
