"""Rows of Excel workbooks: which sheet counts, merged cells, formulas, hidden rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from gis.errors import InvalidInput
from gis.files import workbook_xml
from gis.files.cells import Marked, clean_text
from gis.files.column import TEMPLATE_SHEETS, Column
from gis.files.header import MAX_HEADER_ROW, MAX_HEADER_ROWS, Item, Meanings, Raw
from gis.files.workbook_xml import MAX_COLUMNS
from gis.messages import Message

MAX_LISTED_RANGES = 20


def workbook_rows(path: Path, columns: Sequence[Column]) -> Iterator[Item]:
    """Yield the rows of the sheet that holds the table, and notes on it and the others.

    Raises
    ------
    InvalidInput
        It is no workbook, has a password, or several sheets hold such a table.
    """
    scans = _scans(path)
    with _open(path) as book:
        sheet, notes = _choose_sheet(path, book, Meanings(columns))
    yield from notes
    yield from _rows(sheet, scans.get(sheet.name) or workbook_xml.SheetScan())


def sheet_rows(path: Path, columns: Sequence[Column]) -> Iterator[Item | str]:
    """Yield the name of each visible sheet, then its rows and the notes on it.

    Raises
    ------
    InvalidInput
        It is no workbook, or has a password.
    """
    scans = _scans(path)
    with _open(path) as book:
        visible, hidden = _sheet_names(book)
        sheets = [book.get_sheet_by_name(name) for name in visible if name not in TEMPLATE_SHEETS]
    if hidden:
        yield Message("table.hidden_sheets", {"sheets": hidden})
    for sheet in sheets:
        yield sheet.name
        yield from _rows(sheet, scans.get(sheet.name) or workbook_xml.SheetScan())


def _scans(path: Path) -> dict[str, workbook_xml.SheetScan]:
    """Return what the sheets hide, by name; nothing is known of the old format."""
    with path.open("rb") as file:
        is_zip = file.read(4) == b"PK\x03\x04"
    return workbook_xml.scan_workbook(path) if is_zip else {}


@contextmanager
def _open(path: Path) -> Iterator[CalamineWorkbook]:
    """Open a workbook for the length of the block.

    Raises
    ------
    InvalidInput
        It is none, or has a password.
    """
    try:
        with CalamineWorkbook.from_path(path) as book:
            yield book
    except PasswordError as error:
        raise InvalidInput("table.password", file=path.name) from error
    except (CalamineError, ValueError) as error:
        raise InvalidInput("table.not_workbook", file=path.name) from error


def _rows(sheet: CalamineSheet, scan: workbook_xml.SheetScan) -> Iterator[Item]:
    """Yield the rows of a sheet with merged cells filled, and notes on it."""
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
    visible, hidden = _sheet_names(book)
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


def _sheet_names(book: CalamineWorkbook) -> tuple[list[str], list[str]]:
    """Return the names of the visible sheets, and of the hidden ones that are not a template's."""
    worksheets = [sheet for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    visible = [sheet.name for sheet in worksheets if sheet.visible == SheetVisibleEnum.Visible]
    hidden = [
        sheet.name
        for sheet in worksheets
        if sheet.name not in visible and sheet.name not in TEMPLATE_SHEETS
    ]
    return visible, hidden


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
