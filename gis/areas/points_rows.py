"""The careful reader of a file of points: a row that cannot be read costs only itself.

It reads row by row, several times slower than `gis.areas.points_csv`, which turns to it for files
that are not flawless. Runs in the child process of that module.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from gis.errors import InvalidInput

FAULT_COLUMN = "\0fault"  # no header holds a NUL
MAX_FIELD_CHARS = 100_000
MAX_ROW_LINES = 1_000  # that quotation marks may hold together
PIECE_ROWS = 65_536
ENCODING_LABELS = {"utf8": "UTF-8", "gb18030": "GB18030"}

# how the reader of the standard library says that quotation marks are open at the end
OPEN_QUOTE = "unexpected end of data"


@dataclass(frozen=True)
class RawRow:
    """One row of the file, each byte a character (latin-1).

    line: Number of the line where it begins, from 1. is_open: A quotation mark is never closed.
    """

    line: int
    fields: list[str]
    is_open: bool = False


def guess_encoding(content: bytes) -> str:
    """Return the encoding that more of the lines beyond ASCII can be read in: utf8 or gb18030.

    UTF-8 read as GB18030 often passes as other characters; hardly any GB18030 passes as UTF-8.
    """
    lines = [line for line in content.split(b"\n") if not line.isascii()]
    readable = sum(_decode(line, "utf8") is not None for line in lines)
    return "utf8" if content.startswith(b"\xef\xbb\xbf") or 2 * readable > len(lines) else "gb18030"


def read_rows(source: Path, encoding: str) -> Iterator[pa.Table]:
    """Yield all rows of a file of points as tables of text, in their order.

    Yields
    ------
    Tables with the columns of the header and `FAULT_COLUMN`: empty, or [code, parameters] as JSON
    of the message why the row cannot be read. Of such a row only the id is there, where it has one.

    Raises
    ------
    InvalidInput
        The header cannot be read.
    """
    text = source.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    rows = split_rows(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    header = next(rows, None)
    line = ",".join(header.fields) if header else ""
    names = _decode(line.encode("latin-1"), encoding)
    if header is None or header.is_open or names is None or "\0" in line:
        reason = "its first line is no list of columns"
        raise InvalidInput("points_file.not_csv", file=source.name, reason=reason)
    columns = [_decoded(name, encoding) for name in header.fields]
    id_column = next((i for i, name in enumerate(columns) if name.strip() == "id"), 0)
    cells: list[list[str]] = []
    schema = pa.schema([(name, pa.string()) for name in [*columns, FAULT_COLUMN]])
    for row in rows:
        fields = [_decoded(field, encoding) for field in row.fields]
        fault = _fault(row, len(columns), encoding)
        if fault:
            identity = fields[id_column][:MAX_FIELD_CHARS] if id_column < len(fields) else ""
            fields = [""] * len(columns)
            fields[id_column] = identity.replace("\0", "")
        cells.append([*fields, fault])
        if len(cells) == PIECE_ROWS:
            yield _table(schema, cells)
            cells = []
    yield _table(schema, cells)


def split_rows(lines: Sequence[str]) -> Iterator[RawRow]:
    """Yield the rows of CSV; a quotation mark that is never closed holds only its own line.

    Empty lines are no rows.
    """
    csv.field_size_limit(1 << 30)
    at = 0
    while at < len(lines):
        text = lines[at]
        if '"' not in text:
            if text:
                yield RawRow(at + 1, text.split(","))
            at += 1
            continue
        fields, count = _quoted_row(lines, at)
        is_open = fields is None
        yield RawRow(at + 1, next(csv.reader([text])) if fields is None else fields, is_open)
        at += count


def _quoted_row(lines: Sequence[str], begin: int) -> tuple[list[str] | None, int]:
    """Return the fields of a row with quotation marks, and the number of its lines.

    None means that a quotation mark is never closed.
    """
    try:
        return next(csv.reader(lines[begin : begin + 1], strict=True)), 1
    except csv.Error as error:
        if OPEN_QUOTE not in str(error):  # text behind the closing mark belongs to the field
            return next(csv.reader(lines[begin : begin + 1])), 1
    end = min(begin + MAX_ROW_LINES, len(lines))
    reader = csv.reader((lines[i] + "\n" for i in range(begin, end)), strict=True)
    try:
        return next(reader), reader.line_num
    except csv.Error:
        return None, 1


def _fault(row: RawRow, expected: int, encoding: str) -> str:
    """Return why a row cannot be read, as JSON of code and parameters; empty where it can."""
    line, longest = str(row.line), max(map(len, row.fields))
    if row.is_open:
        return _message("points_file.row_quote_open", line=line)
    if len(row.fields) != expected:
        if len(row.fields) == 1 and not row.fields[0].strip():
            return _message("points_file.row_blank", line=line)
        count = str(len(row.fields))
        return _message("points_file.ragged_row", line=line, expected=str(expected), count=count)
    if longest > MAX_FIELD_CHARS:
        return _message("points_file.row_too_long", line=line, limit=str(MAX_FIELD_CHARS))
    whole = "".join(row.fields)
    if "\0" in whole:
        return _message("points_file.row_nul", line=line)
    if any(_decode(field.encode("latin-1"), encoding) is None for field in row.fields):
        return _message("points_file.row_encoding", line=line, encoding=ENCODING_LABELS[encoding])
    return ""


def _message(code: str, **params: str) -> str:
    return json.dumps([code, params])


def _decode(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _decoded(field: str, encoding: str) -> str:
    """Return a field in its own encoding; what cannot be read is U+FFFD."""
    return field if field.isascii() else field.encode("latin-1").decode(encoding, "replace")


def _table(schema: pa.Schema, cells: list[list[str]]) -> pa.Table:
    columns = zip(*cells, strict=True) if cells else [()] * len(schema)
    return pa.Table.from_arrays([_text_array(values) for values in columns], schema=schema)


def _text_array(values: Sequence[str]) -> pa.StringArray:
    """Return texts as Arrow; `pyarrow.array` wants pandas, which the child process does without."""
    builder = pa.lib.StringBuilder()
    builder.append_values(values)
    return builder.finish()
