"""Forms of offices, made for tests."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import docx
from flask.testing import FlaskClient
from openpyxl import Workbook, load_workbook


def sheet_rows(client: FlaskClient, address: str) -> list[tuple[Any, ...]]:
    """The rows of the first sheet of the workbook at an address."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return list(load_workbook(io.BytesIO(answer.data)).worksheets[0].values)


def word_form(
    lines: Sequence[str], columns: Sequence[str] = (), fields: Sequence[str] = ()
) -> bytes:
    """A form of Word: paragraphs, and a table whose row of fields repeats."""
    document = docx.Document()
    for line in lines:
        document.add_paragraph(line)
    if columns:
        table = document.add_table(4, len(columns))
        for number, name in enumerate(columns):
            table.cell(0, number).text = name
        table.cell(1, 0).text = "{%tr for row in rows %}"
        for number, name in enumerate(fields):
            table.cell(2, number).text = name
        table.cell(3, 0).text = "{%tr endfor %}"
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


def excel_form(cells: Mapping[str, str], merged: Sequence[str] = ()) -> bytes:
    """A form of Excel with texts in cells."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for place, text in cells.items():
        sheet[place] = text
    for area in merged:
        sheet.merge_cells(area)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def with_part(content: bytes, name: str, part: bytes, *, instead: bool = False) -> bytes:
    """A form with another part, or another text of one."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.namelist():
            if not (instead and member == name):
                new.writestr(member, old.read(member))
        new.writestr(name, part)
    return written.getvalue()


def part_of(content: bytes, name: str) -> bytes:
    """A part of a form."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name)
