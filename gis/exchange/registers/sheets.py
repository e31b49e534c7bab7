"""The sheets of a register with their headers: proposed by synonyms, or as a mapping names them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gis.errors import InvalidInput
from gis.files.cells import clean_text
from gis.files.column import Column
from gis.files.header import MAX_HEADER_ROW, MAX_HEADER_ROWS, Header, Meanings, Raw
from gis.files.report import LoadReport
from gis.files.tables import read_sheets
from gis.labels import simplified

MAX_REGISTER_COLUMNS = 300
MIN_NAMED = 2  # columns that a header names at least


@dataclass(frozen=True)
class Sheet:
    """A sheet with its rows, and their numbers in the file.

    name: Empty for a text file.
    """

    name: str
    rows: Sequence[tuple[int, Raw]]

    @property
    def top(self) -> list[Raw]:
        """The rows among which the header is, in simplified characters."""
        return [
            [simplified(cell) if isinstance(cell, str) else cell for cell in raw]
            for _, raw in self.rows[: MAX_HEADER_ROW + MAX_HEADER_ROWS]
        ]

    def title(self, header: Header) -> str:
        """Return what stands above the header, and the name of the sheet."""
        cells = [clean_text(cell) for _, raw in self.rows[: header.start] for cell in raw]
        return " ".join(filter(None, dict.fromkeys([*cells, self.name])))

    def cells(self, header: Header, index: int) -> list[object]:
        """Return the cells of a column under a header."""
        return [raw[index] for _, raw in self.rows[header.end + 1 :] if index < len(raw)]


def open_sheets(path: Path, columns: Sequence[Column], report: LoadReport) -> list[Sheet]:
    """Return the visible sheets of a file that are not empty; see `read_sheets`.

    Raises
    ------
    InvalidInput
        A row is wider than registers are.
    """
    sheets = [
        Sheet(name, rows) for name, rows in read_sheets(path, columns, report).items() if rows
    ]
    widest = max((len(raw) for sheet in sheets for _, raw in sheet.rows), default=0)
    if widest > MAX_REGISTER_COLUMNS:
        raise InvalidInput(
            "table.row_too_wide", file=report.source, cells=widest, limit=MAX_REGISTER_COLUMNS
        )
    return sheets


def best_header(meanings: Meanings, rows: Sequence[Raw], least: int = MIN_NAMED) -> Header | None:
    """Return the row, or rows, that name most columns; None where none names so many."""
    best: Header | None = None
    for start in range(min(len(rows), MAX_HEADER_ROW)):
        header = meanings.read(rows, start, start)
        while (
            header.keys
            and header.end + 1 < len(rows)
            and header.end - start + 1 < MAX_HEADER_ROWS
            and meanings.continues(rows, header)
        ):
            header = meanings.read(rows, start, header.end + 1)
        if _named(header) > (_named(best) if best else least - 1):
            best = header
    return best


def locate(rows: Sequence[Raw], texts: Sequence[str]) -> tuple[Header | None, list[str]]:
    """Return the header that has some texts, and the texts that the closest one lacks."""
    names = list(dict.fromkeys(texts))
    meanings = Meanings([Column(text, text, clean_text, (text,), "", "") for text in names])
    header = best_header(meanings, rows, min(MIN_NAMED, len(names)))
    present = set(header.keys.values()) if header else set()
    return header, [name for name in names if name not in present]


def occurrences(header: Header) -> Mapping[int, tuple[str, int]]:
    """Return the text of each column, and which of its kind it is from the left, from 0."""
    counted: dict[str, int] = {}
    named: dict[int, tuple[str, int]] = {}
    for index, text in sorted(header.texts.items()):
        named[index] = (text, counted.get(text, 0))
        counted[text] = named[index][1] + 1
    return named


def _named(header: Header) -> int:
    return len(set(header.keys.values()))
