"""A paper as .xlsx: its figures with their addresses, then its rows."""

from io import BytesIO
from typing import Any

from gis.files.formulas import cell_text
from gis.incidents.reading.statistics import RateCount
from gis.papers.data import PaperData, Value, field_label, value_text
from gis.papers.words import heading, lines_of_heading

MAX_WIDTH = 40  # of a column, in characters
PERCENT = "0.0%"


def paper_workbook(data: PaperData, root: str) -> bytes:
    """Return a paper as a workbook of one sheet.

    Parameters
    ----------
    root
        Address of the service, which the links of the figures begin with; empty: without links.
    """
    from openpyxl import Workbook  # takes 0.2 s, and every command imports this module
    from openpyxl.styles import Font

    language = data.question.language
    book = Workbook()
    sheet: Any = book.active
    sheet.title = "paper"
    sheet.cell(1, 1, cell_text(heading(data))).font = Font(bold=True, size=16)
    for line in lines_of_heading(data):
        sheet.append([cell_text(line)])
    sheet.append([])
    for figure in data.figures:
        sheet.append([cell_text(field_label(figure.key, language))])
        cell = sheet.cell(sheet.max_row, 2)
        write_value(cell, figure.value)
        _link(cell, root, data.figure_path(figure))
    sheet.append([])
    sheet.append([cell_text(field_label(name, language)) for name in data.columns])
    header = sheet.max_row
    for cell in sheet[header]:
        cell.font = Font(bold=True)
    for number, row in enumerate(data.rows, header + 1):
        for column, name in enumerate(data.columns, 1):
            cell = sheet.cell(number, column)
            write_value(cell, row.values[name])
            _link(cell, root, data.cell_path(row, name))
    _widths(sheet, header, len(data.columns))
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def write_value(cell: Any, value: Value) -> None:
    """Write a value into a cell: numbers as numbers, text as text that is never computed."""
    if isinstance(value, RateCount) and value.value is not None and not value.is_small:
        cell.value, cell.number_format = value.value, PERCENT
    elif isinstance(value, RateCount | None):
        cell.value = value_text(value)
    elif isinstance(value, str):
        cell.value = cell_text(value)
        cell.number_format = "@"
    else:
        cell.value = value


def _link(cell: Any, root: str, path: str) -> None:
    if root and path:
        cell.hyperlink = root + path
        cell.style = "Hyperlink"


def _widths(sheet: Any, header: int, columns: int) -> None:
    """Make each column as wide as its texts, within a limit; a Chinese character is two wide."""
    from openpyxl.utils import get_column_letter

    for column in range(1, columns + 1):
        texts = (
            str(sheet.cell(row, column).value or "") for row in range(header, sheet.max_row + 1)
        )
        width = max((sum(1 + (letter > "\u2e7f") for letter in text) for text in texts), default=0)
        sheet.column_dimensions[get_column_letter(column)].width = min(width + 2, MAX_WIDTH)
