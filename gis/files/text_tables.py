"""Rows of text files: CSV with its encoding and delimiter, and a JSON object on each line."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from gis.errors import InvalidInput
from gis.files.column import Column
from gis.files.header import (
    MAX_HEADER_ROW,
    Item,
    Meanings,
)
from gis.messages import Message

TEXT_ENCODINGS = ("utf-8-sig", "gb18030")  # tried in this order; GB18030 holds GBK and GB2312


DELIMITERS = ",;\t|，；"


MAX_LINE_CHARS = 1 << 16  # of the lines that are searched for the delimiter


def text_rows(path: Path, columns: Sequence[Column]) -> Iterator[Item]:
    """Yield the lines of a CSV file; the delimiter is the one under which the header is found.

    Raises
    ------
    InvalidInput
        It is no CSV, not text, or of an unknown encoding.
    """
    encoding = _encoding(path)
    if encoding == "gb18030":
        yield Message("table.gb18030", {})
    with path.open(encoding=encoding, newline="") as file:
        delimiter = _delimiter(
            [file.readline(MAX_LINE_CHARS) for _ in range(MAX_HEADER_ROW)], Meanings(columns)
        )
        file.seek(0)
        lines = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            yield from enumerate(lines, 1)
        except csv.Error as error:
            raise InvalidInput(
                "table.not_csv", file=path.name, line=str(lines.line_num), reason=str(error)
            ) from error


def object_rows(path: Path, columns: Sequence[Column]) -> Iterator[Item]:
    """Yield the keys of all objects as the header, then the values of each under them."""
    keys = list(dict.fromkeys(key for _, item in _objects(path) for key in item))
    yield 0, keys
    for number, item in _objects(path):
        yield number, [_json_cell(item.get(key)) for key in keys]


def _objects(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                item = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                reason = str(error)
            else:
                if isinstance(item, dict):
                    yield number, item
                    continue
                reason = type(item).__name__
            raise InvalidInput(
                "table.not_json", file=path.name, line=str(number), reason=reason
            ) from None


def _json_cell(value: object) -> object:
    if value is None:
        return ""
    return orjson.dumps(value).decode() if isinstance(value, dict | list | bool) else value


def _delimiter(lines: Sequence[str], meanings: Meanings) -> str:
    """Return the delimiter under which a header is found, else that of most lines."""

    def fit(delimiter: str) -> tuple[int, int, int]:
        rows = list(csv.reader(lines, delimiter=delimiter))
        header = meanings.find(rows) or meanings.closest(rows)
        counts = [line.count(delimiter) for line in lines if delimiter in line]
        most = max(map(counts.count, counts), default=0)
        return len(header.keys), most, sum(counts)

    return max(DELIMITERS, key=fit)


def _encoding(path: Path) -> str:
    """Return the first encoding that the whole file keeps to.

    Raises
    ------
    InvalidInput
        There is none, or the file is not text.
    """
    with path.open("rb") as file:
        marked = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if marked else TEXT_ENCODINGS:
        try:
            with path.open(encoding=encoding) as text:
                while piece := text.read(1 << 20):
                    if "\0" in piece:
                        raise InvalidInput("table.not_text", file=path.name)
        except UnicodeError:
            continue
        return encoding
    raise InvalidInput("table.unknown_encoding", file=path.name)
