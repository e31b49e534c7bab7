"""CSV, Excel and NDJSON files to rows of typed values: encodings, sheets, limits.

What a table may hold is told by the columns of gis/exchange/columns.py; gis/files/header.py finds
the header, and gis/files/table_rows.py reads the rows under it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from gis.errors import InvalidInput, TooLarge
from gis.files import sandbox
from gis.files.cells import Marked, clean_text
from gis.files.column import Column
from gis.files.header import (
    MAX_HEADER_ROW,
    MAX_HEADER_ROWS,
    Header,
    Item,
    Meanings,
    Raw,
    plain_name,
)
from gis.files.report import THE_TABLE, LoadReport, RejectedRow, row_label
from gis.files.sandbox import Limits
from gis.files.table_rows import Row, RowReader
from gis.files.text_tables import object_rows, text_rows
from gis.files.workbook_xml import MAX_COLUMNS
from gis.files.workbooks import sheet_rows, workbook_rows
from gis.messages import Message

__all__ = [
    "TEXTS",
    "WORKBOOKS",
    "Row",
    "Table",
    "finish_reading",
    "no_check",
    "plain_name",
    "read_sheets",
    "read_table",
]

WORKBOOKS = (".xlsx", ".xlsm", ".xls")
TEXTS = (".csv", ".tsv", ".txt")
OBJECTS = (".ndjson", ".jsonl")  # a JSON object on each line
MAX_TEXT_BYTES = 500_000_000  # bytes
MAX_WORKBOOK_BYTES = 100_000_000  # bytes on disk


@dataclass(frozen=True)
class Table:
    """An open file: which columns it has, and its rows, once.

    columns: Header found in the file by the key of its column.
    rows: Rows whose every cell could be read; the others are in the report.
    """

    columns: Mapping[str, str]
    rows: Iterator[Row]

    def refuse(self, row: int, key: str, reason: Message | str, /, **params: object) -> RejectedRow:
        """Return the rejection of a cell, named by its header in the file, else by its column.

        Parameters
        ----------
        row
            Number of the row.
        key
            Key of the column.
        reason
            Code of the catalogue, or a message.
        params
            Parameters of the code.
        """
        message = reason if isinstance(reason, Message) else Message(reason, params)
        return RejectedRow(row_label(row), self.columns.get(key, key), message)


def read_table(path: Path, columns: Sequence[Column], report: LoadReport) -> Table:
    """Open a CSV, Excel or NDJSON file; its rows stream, so memory stays flat for CSV.

    The header is the first that holds all needed columns, in one to three rows, within the first
    `MAX_HEADER_ROW`; of a workbook the first visible sheet that has it counts. Rows are counted in
    the report as they are read; those with a cell that cannot be read are refused there, cell by
    cell. What is passed over (titles, totals, remarks, hidden sheets) and what is assumed is a note
    there, with its row.

    Parameters
    ----------
    path
        .csv, .tsv, .txt (UTF-8 or GB18030; comma, semicolon or tab), .xlsx, .xlsm, .xls, or .ndjson
        and .jsonl (UTF-8; the keys are the headers).
    columns
        What the file may hold. Other columns are skipped and noted.
    report
        Where refusals and notes go.

    Raises
    ------
    InvalidInput
        No such file, empty, damaged, or without a needed column; or several sheets hold such a
        table.
    TooLarge
        Larger than the limits at the top of this file and of gis/files/workbook_xml.py.
    """
    items = _items(path, workbook_rows, columns)
    return _under_header(_take_notes(items, report), columns, report)


def read_sheets(
    path: Path, columns: Sequence[Column], report: LoadReport, most: int | None = None
) -> dict[str, list[tuple[int, Raw]]]:
    """Return the rows of every visible sheet of a file by its name; a text has one sheet, "".

    Parameters
    ----------
    columns
        Headers by which the delimiter of a text is chosen.
    most
        Rows that are held at most.

    Raises
    ------
    InvalidInput
        As `read_table`.
    TooLarge
        As `read_table`, or there are more rows.
    """
    sheets: dict[str, list[tuple[int, Raw]]] = {}
    count = 0
    name = ""
    for item in _items(path, sheet_rows, columns):
        if isinstance(item, str):
            name = item
        elif isinstance(item, Message):
            report.messages.append(item)
        else:
            count += 1
            if most is not None and count > most:
                raise TooLarge("register.too_many_rows", limit=most)
            sheets.setdefault(name, []).append(item)
    return sheets


def _items(
    path: Path, of_workbook: Callable[..., Iterator[Any]], columns: Sequence[Column]
) -> Iterator[Any]:
    """Yield what a reader makes of a file, which it reads in the sandbox.

    Raises
    ------
    InvalidInput
        No such file, empty, damaged, or of another ending.
    TooLarge
        Larger than the limits at the top of this file.
    """
    if not path.is_file():
        raise InvalidInput("file.not_found", file=str(path))
    size, ending = path.stat().st_size, path.suffix.lower()
    if size == 0:
        raise InvalidInput("file.is_empty", file=path.name)
    if ending not in TEXTS + WORKBOOKS + OBJECTS:
        raise InvalidInput(
            "table.wrong_ending",
            file=path.name,
            endings=TEXTS + WORKBOOKS + OBJECTS,
            ending=ending or Message("file.no_ending"),
        )
    limit = MAX_WORKBOOK_BYTES if ending in WORKBOOKS else MAX_TEXT_BYTES
    if size > limit:
        raise TooLarge(
            "file.too_large", file=path.name, size=round(size / 1e6), limit=round(limit / 1e6)
        )
    is_workbook = ending in WORKBOOKS
    yield from sandbox.iterate(
        of_workbook if is_workbook else object_rows if ending in OBJECTS else text_rows,
        path.absolute(),
        # cells are parsed here: to load what parses them took a reader half a second
        tuple(replace(column, parse=clean_text) for column in columns),
        limits=Limits().scaled(size, seconds_per_mb=2.0, growth=30 if is_workbook else 10),
        name=path.name,
        types=[Marked, Message],
    )


def finish_reading(report: LoadReport) -> bool:
    """Put the refusals in the order of the file.

    Return whether there are rows, and none is refused.
    """
    if not report.counts.get("rows") and not report.refused:
        report.refused.append(RejectedRow(THE_TABLE, "", Message("table.no_rows")))
    report.refused.sort(key=row_number)
    return not report.refused


def no_check(*_: object) -> None:
    """Refuse nothing: the check of a load that has no more to say than its loader."""


def row_number(rejected: RejectedRow) -> int:
    """Return the number of a rejected row; 0 for a rejection that concerns no row."""
    location = rejected.location
    if not isinstance(location, Message) or location.code != "load.row":
        return 0
    return int(str(location.params["row"]))


def _take_notes(items: Iterator[Item], report: LoadReport) -> Iterator[tuple[int, Raw]]:
    """Put the notes among the items into the report, and pass the rows on.

    Raises
    ------
    InvalidInput
        A row has more than MAX_COLUMNS cells.
    """
    for item in items:
        if isinstance(item, Message):
            report.messages.append(item)
        elif len(item[1]) > MAX_COLUMNS:
            raise InvalidInput(
                "table.row_too_wide", file=report.source, cells=len(item[1]), limit=MAX_COLUMNS
            )
        else:
            yield item


def _under_header(
    rows: Iterator[tuple[int, Raw]], columns: Sequence[Column], report: LoadReport
) -> Table:
    meanings = Meanings(columns)
    top = list(islice(rows, MAX_HEADER_ROW + MAX_HEADER_ROWS))
    header = meanings.find([raw for _, raw in top])
    if header is None:
        raise _no_header(meanings, [raw for _, raw in top[:MAX_HEADER_ROW]], report.source)
    for key in header.keys.values():
        same = [header.texts[index] for index, other in header.keys.items() if other == key]
        if len(same) > 1:
            raise InvalidInput(
                "table.same_columns", file=report.source, columns=" and ".join(same), key=key
            )
    for number, raw in top[: header.start]:
        cells = list(dict.fromkeys(filter(None, map(clean_text, raw))))
        if len(cells) > 1:  # one cell is a title
            report.note_row("table.rows_above_header", number, " ".join(cells)[:60])
    unused = [text for index, text in sorted(header.texts.items()) if index not in header.keys]
    if unused:
        report.note("table.columns_unused", columns=unused)
    named = {key: header.texts[index] for index, key in header.keys.items()}
    width = max(len(raw) for _, raw in top[header.start : header.end + 1])
    reader = RowReader(columns, meanings, header, width, report)
    return Table(named, reader.read(chain(top[header.end + 1 :], rows)))


def _no_header(meanings: Meanings, rows: Sequence[Raw], source: str) -> InvalidInput:
    """Return the error for a table without its required columns, with the most similar row."""
    closest: Header = meanings.closest(rows)
    missing = [
        f"{column.zh} ({column.key})"
        for column in meanings.needed
        if column.key not in closest.keys.values()
    ]
    header = ", ".join(closest.texts.values())[:300]
    if not header:
        return InvalidInput(
            "table.first_rows_empty", file=source, columns=missing, rows=MAX_HEADER_ROW
        )
    return InvalidInput(
        "table.column_missing", file=source, columns=missing, rows=MAX_HEADER_ROW, header=header
    )
