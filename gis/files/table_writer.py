"""Write rows of text as a table: .csv or .xlsx."""

import csv
from collections.abc import Sequence
from pathlib import Path

from gis import private
from gis.errors import InvalidInput
from gis.files.column import Column
from gis.files.formulas import cell_text


def require_target(path: Path, endings: Sequence[str]) -> str:
    """Return the ending of a file to be written, in lower case.

    Raises
    ------
    InvalidInput
        It is none of these, or there is no such folder.
    """
    ending = path.suffix.lower()
    if ending not in endings:
        raise InvalidInput("dump.wrong_ending", file=path.name, endings=list(endings))
    require_folder(path)
    return ending


def require_folder(path: Path) -> None:
    """Refuse to write a file where there is no folder for it.

    Raises
    ------
    InvalidInput
        There is none.
    """
    if not path.parent.is_dir():
        raise InvalidInput("file.no_such_folder", folder=str(path.parent))


def require_replaceable(path: Path) -> None:
    """Refuse to write where something else than a file is, as a device, which a file would replace.

    Raises
    ------
    InvalidInput
        It is there, and no file.
    """
    if path.exists() and not path.is_file():
        raise InvalidInput("file.not_regular", file=str(path))


def write_table(path: Path, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Write rows of text under Chinese headers as .csv (UTF-8 with BOM, for Excel) or .xlsx.

    Every cell is text.

    Raises
    ------
    InvalidInput
        The file name has another ending.
    """
    write_values(path, [column.zh for column in columns], rows)


def write_values(
    path: Path, header: Sequence[str], rows: Sequence[Sequence[str | int | float]]
) -> None:
    """Write rows of values under headers, as `write_table`; numbers stay numbers in .xlsx.

    Raises
    ------
    InvalidInput
        The file name has another ending.
    """
    if path.suffix.lower() == ".csv":
        with private.open_file(path, newline="", encoding="utf-8-sig") as file:
            csv.writer(file).writerows(
                [header, *([cell_text(value) for value in row] for row in rows)]
            )
    elif path.suffix.lower() == ".xlsx":
        from openpyxl import Workbook  # takes 0.2 s, and every command imports this module

        book = Workbook()
        sheet = book.active
        for number, row in enumerate([header, *rows], 1):
            for column, value in enumerate(row, 1):
                cell = sheet.cell(number, column, cell_text(value))
                if isinstance(value, str):
                    cell.number_format = "@"
        sheet.freeze_panes = "A2"
        book.save(private.create_file(path))
    else:
        raise InvalidInput("table.written_ending", file=path.name)
