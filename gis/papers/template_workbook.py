"""Forms of Excel: their fields, and the form filled in.

Only in the child process of `gis.files.sandbox`. Cells hold fields as {新增}; a row with fields as
{row.姓名} or {行.姓名} repeats.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from io import BytesIO
from typing import Any

from openpyxl import load_workbook
from openpyxl.formula import Tokenizer
from openpyxl.worksheet.cell_range import CellRange

from gis.errors import InvalidInput, TooLarge
from gis.files.formulas import cell_text
from gis.papers.template_names import MAX_FORM_FIELD_CHARS, ROW_PREFIX, Cell, field_name

MAX_CELLS = 200_000  # from the first to the last one of a sheet
FIELD_PATTERN = re.compile(rf"\{{\{{?\s*([^{{}}\n]{{1,{MAX_FORM_FIELD_CHARS}}}?)\s*\}}?\}}")
REFERENCE_PATTERN = re.compile(r"(\$?[A-Z]{1,3}\$?)(\d+)")


def workbook_fields(content: bytes, file: str) -> list[str]:
    """Return the fields of a form in their order, those of rows with `ROW_PREFIX`.

    Raises
    ------
    InvalidInput
        A sheet has several rows that repeat.
    TooLarge
        A sheet is larger than a form.
    """
    book = load_workbook(BytesIO(content))
    fields: dict[str, None] = {}
    for sheet in book.worksheets:
        if sheet.max_row * sheet.max_column > MAX_CELLS:
            raise TooLarge("paper_template.sheet_too_large", file=file, sheet=sheet.title)
        _repeating_row(sheet)
        for _, names in _fields(sheet):
            fields |= dict.fromkeys(names)
    return list(fields)


def filled_workbook(
    content: bytes,
    mapping: Mapping[str, str],
    figures: Mapping[str, Cell],
    rows: Sequence[Mapping[str, Cell]],
) -> bytes:
    """Return a form with values for its fields.

    Parameters
    ----------
    mapping
        Field -> key of a figure, or of a column for those of rows; others stay empty.
    """
    book = load_workbook(BytesIO(content))
    for sheet in book.worksheets:
        repeating = _repeating_row(sheet)
        patterns = [cell for cell, _ in _fields(sheet) if cell.row == repeating]
        texts = {cell.column: cell.value for cell in patterns}
        for cell, _ in list(_fields(sheet)):
            if cell.row != repeating:
                _write(cell, cell.value, mapping, figures)
        if repeating is not None:
            _make_room(sheet, repeating, len(rows))
            for number in range(max(len(rows), 1)):
                values = (
                    {ROW_PREFIX + key: cell for key, cell in rows[number].items()} if rows else {}
                )
                for column, written in texts.items():
                    _write(
                        sheet.cell(repeating + number, column),
                        written,
                        mapping,
                        {**figures, **values},
                    )
    written = BytesIO()
    book.save(written)
    return written.getvalue()


def _fields(sheet: Any) -> Iterator[tuple[Any, list[str]]]:
    """Yield the cells of text that hold fields, with the names of these."""
    for line in sheet.iter_rows():
        for cell in line:
            if cell.data_type == "s" and isinstance(cell.value, str) and "{" in cell.value:
                names = [field_name(match) for match in FIELD_PATTERN.findall(cell.value)]
                if names:
                    yield cell, names


def _repeating_row(sheet: Any) -> int | None:
    """Return the number of the row that repeats, None if there is none.

    Raises
    ------
    InvalidInput
        There are several.
    """
    numbers = {
        cell.row
        for cell, names in _fields(sheet)
        if any(name.startswith(ROW_PREFIX) for name in names)
    }
    if len(numbers) > 1:
        raise InvalidInput("paper_template.several_rows", sheet=sheet.title, rows=sorted(numbers))
    return next(iter(numbers), None)


def _write(cell: Any, written: str, mapping: Mapping[str, str], values: Mapping[str, Cell]) -> None:
    """Write the values of its fields into a cell: a number where it holds one field alone."""

    def value_of(name: str) -> Cell:
        name = field_name(name)
        key = mapping.get(name, "")
        return values.get(ROW_PREFIX + key if name.startswith(ROW_PREFIX) else key, ("", None, ""))

    if alone := FIELD_PATTERN.fullmatch(written.strip()):
        text, number, number_format = value_of(alone[1])
        if number is not None:
            cell.value = number
            if number_format:
                cell.number_format = number_format
            return
    else:
        text = FIELD_PATTERN.sub(lambda match: value_of(match[1])[0], written)
    cell.value = cell_text(text)
    if isinstance(cell.value, str):
        cell.data_type = "s"


def _make_room(sheet: Any, row: int, count: int) -> None:
    """Make so many rows of one, looks and all; what stands below moves down."""
    more = count - 1
    if more <= 0:
        return
    merged = [CellRange(area.coord) for area in sheet.merged_cells.ranges]
    for area in merged:
        if area.max_row >= row:
            sheet.unmerge_cells(area.coord)
    heights = {number: each.height for number, each in sheet.row_dimensions.items() if each.height}
    sheet.insert_rows(row + 1, more)
    for number, height in heights.items():
        if number > row:
            sheet.row_dimensions[number + more].height = height
            if number <= row + more:
                sheet.row_dimensions[number].height = None
    for number in range(row + 1, row + more + 1):
        sheet.row_dimensions[number].height = heights.get(row)
        for column in range(1, sheet.max_column + 1):
            pattern, cell = sheet.cell(row, column), sheet.cell(number, column)
            cell._style = copy(pattern._style)
            if pattern.data_type != "f" and not isinstance(pattern.value, str):
                cell.value = pattern.value
    _merge_again(sheet, merged, row, more)
    _move_formulas(sheet, row, more)


def _merge_again(sheet: Any, merged: Sequence[CellRange], row: int, more: int) -> None:
    for area in merged:
        if area.max_row < row:
            continue
        if area.min_row > row:
            area.shift(row_shift=more)
        elif area.min_row < row or area.max_row > row:  # a label beside the rows
            area.expand(down=more)
        else:
            for number in range(1, more + 1):
                sheet.merge_cells(
                    start_row=row + number,
                    end_row=row + number,
                    start_column=area.min_col,
                    end_column=area.max_col,
                )
        sheet.merge_cells(area.coord)


def _move_formulas(sheet: Any, row: int, more: int) -> None:
    """Let formulas of a sheet name the cells they named, and sums over the row all its copies."""

    def moved(reference: str) -> str:
        first, colon, last = reference.partition(":")
        if not colon:
            return REFERENCE_PATTERN.sub(lambda match: _moved(match, row + 1, more), first)
        first = REFERENCE_PATTERN.sub(lambda match: _moved(match, row + 1, more), first)
        return first + ":" + REFERENCE_PATTERN.sub(lambda match: _moved(match, row, more), last)

    for line in sheet.iter_rows():
        for cell in line:
            if cell.data_type != "f" or not isinstance(cell.value, str):
                continue
            tokens = Tokenizer(cell.value)
            for token in tokens.items:
                if token.subtype == "RANGE" and "!" not in token.value:
                    token.value = moved(token.value)
            cell.value = tokens.render()


def _moved(match: re.Match[str], begin: int, more: int) -> str:
    number = int(match[2])
    return f"{match[1]}{number + more if number >= begin else number}"
