"""CSV, Excel and NDJSON files to rows of typed values: encodings, sheets, limits.

What a table may hold is told by the columns of gis/exchange/columns.py; gis/files/header.py finds
the header, and gis/files/table_rows.py reads the rows under it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from gis.errors import InvalidInput, TooLarge
from gis.files import sandbox, workbook_xml
from gis.files.cells import Marked, clean_text
from gis.files.column import TEMPLATE_SHEETS, Column
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
from gis.messages import Message

__all__ = ["TEXTS", "WORKBOOKS", "Row", "Table", "finish_reading", "plain_name", "read_table"]

WORKBOOKS = (".xlsx", ".xlsm", ".xls")
TEXTS = (".csv", ".tsv", ".txt")
OBJECTS = (".ndjson", ".jsonl")  # a JSON object on each line
MAX_TEXT_BYTES = 500_000_000  # bytes
MAX_WORKBOOK_BYTES = 100_000_000  # bytes on disk
MAX_LISTED_RANGES = 20


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
    items = sandbox.iterate(
        _workbook_rows if is_workbook else object_rows if ending in OBJECTS else text_rows,
        path.absolute(),
        tuple(columns),
        limits=Limits().scaled(size, seconds_per_mb=2.0, growth=30 if is_workbook else 10),
        name=path.name,
        types=[Marked, Message],
    )
    return _under_header(_take_notes(items, report), columns, report)


def finish_reading(report: LoadReport) -> bool:
    """Put the refusals in the order of the file.

    Return whether there are rows, and none is refused.
    """
    if not report.counts.get("rows") and not report.refused:
        report.refused.append(RejectedRow(THE_TABLE, "", Message("table.no_rows")))
    report.refused.sort(key=_row_number)
    return not report.refused


def _row_number(rejected: RejectedRow) -> int:
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


def _workbook_rows(path: Path, columns: Sequence[Column]) -> Iterator[Item]:
    with path.open("rb") as file:
        is_zip = file.read(4) == b"PK\x03\x04"
    scans = workbook_xml.scan_workbook(path) if is_zip else {}
    try:
        with CalamineWorkbook.from_path(path) as book:
            sheet, notes = _choose_sheet(path, book, Meanings(columns))
    except PasswordError as error:
        raise InvalidInput("table.password", file=path.name) from error
    except (CalamineError, ValueError) as error:
        raise InvalidInput("table.not_workbook", file=path.name) from error
    yield from notes
    scan = scans.get(sheet.name) or workbook_xml.SheetScan()
    yield from _hidden_notes(scan)
    first_column = sheet.start[1] if sheet.start else 0
    merges = _Merges(sheet, first_column)
    if merges.ranges:
        yield Message(
            "table.merged_cells", {"count": len(merges.ranges), "ranges": _abridged(merges.ranges)}
        )
    marked: dict[int, list[tuple[int, str]]] = {}
    for (row, column), how in scan.marked.items():
        marked.setdefault(row, []).append((column - 1 - first_column, how))
    for number, cells in enumerate(sheet.iter_rows(), 1):
        raw: list[object] = list(cells)
        for index, how in marked.get(number, ()):
            if 0 <= index < len(raw) and raw[index] == "":
                raw[index] = Marked("(formula)" if how == "formula" else "(error)", how)  # type: ignore[arg-type]
        merges.fill(number, raw)
        yield number, raw


def _choose_sheet(
    path: Path, book: CalamineWorkbook, meanings: Meanings
) -> tuple[CalamineSheet, list[Message]]:
    """Return the sheet to read, and notes on the others.

    The first visible sheet with the header comes first, then the first visible one.

    Raises
    ------
    InvalidInput
        No sheet is visible, or several hold such a table.
    """
    worksheets = [sheet for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    visible = [sheet.name for sheet in worksheets if sheet.visible == SheetVisibleEnum.Visible]
    hidden = [
        sheet.name
        for sheet in worksheets
        if sheet.name not in visible and sheet.name not in TEMPLATE_SHEETS
    ]
    if not visible:
        raise InvalidInput("table.no_visible_sheet", file=path.name)
    chosen: CalamineSheet | None = None
    others: list[str] = []
    for name in visible:
        sheet = book.get_sheet_by_name(name)
        if _has_table(sheet, meanings, with_rows=chosen is not None):
            if chosen is not None and name not in TEMPLATE_SHEETS:
                raise InvalidInput(
                    "table.two_sheets", file=path.name, sheet=chosen.name, other=name
                )
            chosen = chosen or sheet
        if chosen is not sheet and name not in TEMPLATE_SHEETS and sheet.height:
            others.append(name)
    chosen = chosen or book.get_sheet_by_name(visible[0])
    notes = [Message("table.hidden_sheets", {"sheets": hidden})] if hidden else []
    if others := [name for name in others if name != chosen.name]:
        notes.append(Message("table.other_sheets", {"sheet": chosen.name, "sheets": others}))
    return chosen, notes


def _has_table(sheet: CalamineSheet, meanings: Meanings, with_rows: bool) -> bool:
    """Return whether a sheet holds the header, and rows under it where they count."""
    merges = _Merges(sheet, sheet.start[1] if sheet.start else 0)
    rows: list[Raw] = []
    for number, row in enumerate(islice(sheet.iter_rows(), MAX_HEADER_ROW + MAX_HEADER_ROWS), 1):
        raw: list[object] = list(row)
        merges.fill(number, raw)
        rows.append(raw)
    header = meanings.find(rows)
    if header is None or not with_rows:
        return header is not None
    return any(any(map(clean_text, row)) for row in islice(sheet.iter_rows(), header.end + 1, None))


class _Merges:
    """The cells that are merged downwards.

    Each fills the rows it spans, in its first column only.
    """

    def __init__(self, sheet: CalamineSheet, first_column: int) -> None:
        spans = [span for span in sheet.merged_cell_ranges or () if span[1][0] > span[0][0]]
        self.ranges = [f"{_cell_name(*start)}:{_cell_name(*end)}" for start, end in sorted(spans)]
        self._ends: dict[
            int, list[tuple[int, int]]
        ] = {}  # index of the cell and its last row, by first row
        for (top, left), (bottom, _) in spans:
            self._ends.setdefault(top + 1, []).append((left - first_column, bottom + 1))
        self._running: dict[
            int, tuple[object, int]
        ] = {}  # value and last row, by index of the cell

    def fill(self, number: int, raw: list[object]) -> None:
        """Fill the merged cells of a row, in place; rows come in their order."""
        for index, (value, last) in list(self._running.items()):
            if number > last:
                del self._running[index]
            elif index < len(raw) and raw[index] == "":
                raw[index] = value
        for index, last in self._ends.get(number, ()):
            if 0 <= index < len(raw) and raw[index] != "":
                value = raw[index]
                self._running[index] = (
                    value if isinstance(value, Marked) else Marked(value, "merged"),
                    last,
                )


def _column_letters(number: int) -> str:
    """Return the name of a column, from 1, as a workbook shows it: A to Z, then AA."""
    # openpyxl has it too, but every process that reads a table would take 0.15 s to import that
    letters = ""
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def _cell_name(row: int, column: int) -> str:
    return f"{_column_letters(column + 1)}{row + 1}"


def _hidden_notes(scan: workbook_xml.SheetScan) -> Iterator[Message]:
    rows, columns = scan.hidden_rows, scan.hidden_columns
    if rows:
        yield Message(
            "table.hidden_rows", {"count": len(rows), "rows": _abridged(list(map(str, rows)))}
        )
    if columns:
        names = (
            f"{_column_letters(start)}:{_column_letters(min(end, MAX_COLUMNS))}"
            for start, end in columns
        )
        yield Message("table.hidden_columns", {"columns": list(islice(names, MAX_LISTED_RANGES))})


def _abridged(names: Sequence[str]) -> list[str]:
    """Return the first names, and an ellipsis where there are more."""
    return [*names[:MAX_LISTED_RANGES], *(["…"] if len(names) > MAX_LISTED_RANGES else [])]


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
