"""The sheets of a register with their headers: proposed by synonyms, or as a mapping names them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from openpyxl.utils import get_column_letter

from gis.errors import InvalidInput
from gis.exchange.registers.fields import REGISTER_KINDS, header_columns
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


def open_sheets(
    path: Path, columns: Sequence[Column], report: LoadReport, most: int | None = None
) -> list[Sheet]:
    """Return the visible sheets of a file that are not empty; see `read_sheets`.

    Raises
    ------
    InvalidInput
        A row is wider than registers are.
    TooLarge
        There are more than `most` rows.
    """
    sheets = [
        part
        for name, rows in read_sheets(path, columns, report, most).items()
        if rows
        for half in _side_by_side(Sheet(name, rows))
        for part in _one_below_another(half)
    ]
    widest = max((len(raw) for sheet in sheets for _, raw in sheet.rows), default=0)
    if widest > MAX_REGISTER_COLUMNS:
        raise InvalidInput(
            "table.row_too_wide", file=report.source, cells=widest, limit=MAX_REGISTER_COLUMNS
        )
    return sheets


HEADERS = Meanings([column for kind in REGISTER_KINDS for column in header_columns(kind)])


def _side_by_side(sheet: Sheet) -> list[Sheet]:
    """Return the tables of a sheet that stand side by side under the same header, each as a sheet.

    The right one is called as its first column: "Sheet1 F".
    """
    above: list[str] = []  # the groups of a header of two rows: 网格长, 网格员
    for row in sheet.top[:MAX_HEADER_ROW]:
        groups = {text for text in above if HEADERS.key(text)}
        above = texts = [clean_text(cell) for cell in row]
        if len(groups) >= MIN_NAMED:
            continue
        for at in range(MIN_NAMED, len(texts) - 1):
            right = [text for text in texts[at:] if text]
            if (
                texts[at]
                and len(set(right)) == len(right) >= MIN_NAMED
                and right == [text for text in texts[:at] if text]
                and all(HEADERS.key(text) or text == "序号" for text in right)
            ):
                name = f"{sheet.name} {get_column_letter(at + 1)}".strip()
                halves = [(number, raw[at:]) for number, raw in sheet.rows]
                return [replace(sheet, rows=[(n, raw[:at]) for n, raw in sheet.rows]),
                        Sheet(name, halves)]  # fmt: skip
    return [sheet]


def _one_below_another(sheet: Sheet) -> list[Sheet]:
    """Return the tables of a sheet that stand one below another under headers that differ.

    A lower one takes what stands alone right above its header, and is called as its first row:
    "Sheet1 12".
    """
    starts, last = [0], -2
    seen: list[list[str]] = []  # the rows of headers; a printed page repeats them
    for at, (_, raw) in enumerate(sheet.rows):
        texts = [clean_text(cell) for cell in raw if cell != ""]
        texts = [text for text in texts if text]
        if len(set(texts)) < MIN_NAMED + 1 or not all(
            HEADERS.key(text) or text == "序号" for text in texts
        ):
            continue
        if seen and at > last + 1 and texts not in seen:
            start = at
            while start > starts[-1] + 1 and _stands_alone(sheet.rows[start - 1][1]):
                start -= 1
            starts.append(start)
        seen.append(texts)
        last = at
    ends = [*starts[1:], len(sheet.rows)]
    return [
        Sheet(sheet.name if start == 0 else f"{sheet.name} {sheet.rows[start][0]}".strip(),
              sheet.rows[start:end])
        for start, end in zip(starts, ends, strict=True)
    ]  # fmt: skip


def _stands_alone(raw: Raw) -> bool:
    return len({text for cell in raw if (text := clean_text(cell))}) <= 1


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


def locate(rows: Sequence[Raw], texts: Sequence[str], kind: str) -> tuple[Header | None, list[str]]:
    """Return the header that has some texts, and the texts that the closest one lacks.

    A header of several rows is read as for the proposal: its groups tell columns apart.
    """
    names = list(dict.fromkeys(texts))
    proposed = best_header(Meanings(header_columns(kind)), rows)
    if proposed is not None and set(names) <= set(proposed.texts.values()):
        keys = {index: text for index, text in proposed.texts.items() if text in names}
        return replace(proposed, keys=keys), []
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
