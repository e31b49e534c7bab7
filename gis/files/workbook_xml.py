"""Facts of an .xlsx that the reader of cells omits: size, uncomputed formulas, hidden rows."""

import html
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gis.errors import InvalidInput, TooLarge
from gis.files.unpacking import DAMAGED_ARCHIVE, unpacked_limit

MAX_UNPACKED_BYTES = 600_000_000  # a full sheet of a million rows has about 400 million
MAX_SHEET_CELLS = 40_000_000  # between the first and the last one in use
MAX_COLUMNS = 16_384  # as Excel has
MAX_MARKED_CELLS = 10_000  # formulas without a result and errors that are listed singly
MAX_LISTED_HIDDEN = 100_000

_N = rb"(?:\w{1,20}:)?"  # a namespace prefix, which some programs write
_CELL_PATTERN = re.compile(
    rb"<" + _N + rb"c\s([^<>]*)>\s*<" + _N + rb"f\b[^<>]*?(?:/>|>[^<]*</" + _N + rb"f>)"
    rb"\s*(?:<" + _N + rb"v\s*/>|<" + _N + rb"v>\s*</" + _N + rb"v>)?\s*</" + _N + rb"c>"
)
_ERROR_PATTERN = re.compile(rb"<" + _N + rb"c\s([^<>]*\bt=[\"']e[\"'][^<>]*)>")
_TEXT_RESULT_PATTERN = re.compile(rb"\bt=[\"']str[\"']")  # an empty text is a result
_REFERENCE_PATTERN = re.compile(rb"\br=[\"']([A-Z]{1,3})(\d{1,7})[\"']")
_ROW_START_PATTERN = re.compile(rb"<" + _N + rb"row\b")
_CELL_START_PATTERN = re.compile(rb"<" + _N + rb"c[\s/>]")
_HIDDEN_ROW_PATTERN = re.compile(rb"<" + _N + rb"row\s([^<>]*\bhidden=[\"'](?:1|true)[\"'][^<>]*)>")
_ROW_PATTERN = re.compile(rb"\br=[\"'](\d{1,7})[\"']")
_HIDDEN_COLUMN_PATTERN = re.compile(
    rb"<" + _N + rb"col\s([^<>]*\bhidden=[\"'](?:1|true)[\"'][^<>]*)>"
)
_SHEET_PATTERN = re.compile(rb"<" + _N + rb"sheet\s([^<>]*)>")
# ECMA-376 part 1, 18.2.28: old Excel for Macintosh; a day number would be read four years early
_FROM_1904_PATTERN = re.compile(rb"\bdate1904=[\"'](?:1|true)[\"']")
_RELATION_PATTERN = re.compile(rb"<" + _N + rb"Relationship\s([^<>]*)>")


class Corner:
    """The last row and column of a sheet's XML.

    One far-off cell is small on disk and huge as a table.
    """

    REFERENCE = re.compile(rb"""\sr=["']([A-Z]{0,3})(\d{1,7})["']""")

    def __init__(self) -> None:
        self.row = 0
        self.column = ""

    def feed(self, piece: bytes) -> None:
        """Look at the next piece of the XML."""
        references = self.REFERENCE.findall(piece)
        if references:
            self.row = max(self.row, max(int(row) for _, row in references))
            columns = {letters.decode() for letters, _ in references}
            self.column = max(self.column, *columns, key=lambda letters: (len(letters), letters))

    @property
    def cells(self) -> int:
        """Return how many cells the sheet would have as a table."""
        return self.row * column_number(self.column)


@dataclass
class SheetScan:
    """What the XML of one sheet tells.

    marked: "formula" (without a stored result) or "error" by row and column, both counted from 1.
    row_cells: Cells of the row that was read last, whether or not they say their place.
    hidden_rows, hidden_columns: Numbers, counted from 1; the columns as first and last of a run.
    """

    file_name: str = "the table"
    corner: Corner = field(default_factory=Corner)
    marked: dict[tuple[int, int], str] = field(default_factory=dict)
    row_cells: int = 0
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    _tail: bytes = b""

    def feed(self, piece: bytes) -> None:
        """Look at the next piece of the XML.

        An element cut at its end is looked at with the next one.
        """
        text = self._tail + piece
        cut = max(
            text.rfind(b"<c "), text.rfind(b":c "), text.rfind(b"<row "), len(text) - (1 << 16)
        )
        cut = text.rfind(b"<", 0, cut + 1) if cut > 0 else -1
        whole, self._tail = (text[:cut], text[cut:]) if cut > 0 else (text, b"")
        self._read(whole)

    def finish(self) -> None:
        """Look at what is left."""
        self._read(self._tail)
        self._tail = b""

    def _count_cells(self, text: bytes) -> None:
        """Count the cells of each row; refuse a row that no program can write.

        Raises
        ------
        InvalidInput
            It has more than `MAX_COLUMNS`.
        """
        for number, part in enumerate(_ROW_START_PATTERN.split(text)):
            cells = sum(1 for _ in _CELL_START_PATTERN.finditer(part))
            self.row_cells = cells if number else self.row_cells + cells
            if self.row_cells > MAX_COLUMNS:
                raise InvalidInput(
                    "table.row_too_wide_stored", file=self.file_name, limit=MAX_COLUMNS
                )

    def _read(self, text: bytes) -> None:
        self._count_cells(text)
        self.corner.feed(text)
        # searching for these short texts first is many times faster than the patterns
        for signs, pattern, how in (
            ((b"<f", b":f"), _CELL_PATTERN, "formula"),
            ((b't="e"', b"t='e'"), _ERROR_PATTERN, "error"),
        ):
            for match in pattern.finditer(text) if any(sign in text for sign in signs) else ():
                reference = _REFERENCE_PATTERN.search(match[1])
                if reference and not (how == "formula" and _TEXT_RESULT_PATTERN.search(match[1])):
                    self.marked[int(reference[2]), column_number(reference[1].decode())] = how
        if b"hidden" not in text:
            return
        if len(self.hidden_rows) < MAX_LISTED_HIDDEN:
            rows = (_ROW_PATTERN.search(match[1]) for match in _HIDDEN_ROW_PATTERN.finditer(text))
            self.hidden_rows += [int(row[1]) for row in rows if row]
        for match in _HIDDEN_COLUMN_PATTERN.finditer(text):
            attributes = _attributes(match[1])
            start, end = attributes.get("min", ""), attributes.get("max", "")
            if start.isdecimal() and end.isdecimal():
                self.hidden_columns.append((int(start), int(end)))


def column_number(letters: str) -> int:
    """Return the number of a column by its letters: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def scan_workbook(path: Path) -> dict[str, SheetScan]:
    """Return what the XML of each sheet tells, by the sheet's name.

    Refuse what would not fit into memory.

    Each part is unpacked once, piece by piece, and thrown away.

    Raises
    ------
    InvalidInput
        The file is damaged, counts its days from 1904, or has more than `MAX_MARKED_CELLS`
        formulas without a result.
    TooLarge
        It unpacks to more than `unpacked_limit`, or a sheet has more than `MAX_SHEET_CELLS`.
    """
    limit = unpacked_limit(path, MAX_UNPACKED_BYTES)
    bomb = TooLarge("table.unpacks_too_large", file=path.name, limit=round(limit / 1e6))
    scans: dict[str, SheetScan] = {}
    index: dict[str, bytes] = {}
    unpacked = 0
    try:
        with zipfile.ZipFile(path) as parts:
            if sum(part.file_size for part in parts.infolist()) > limit:
                raise bomb
            for part in parts.infolist():
                scan = SheetScan(path.name) if part.filename.startswith("xl/worksheets/") else None
                for piece in _pieces(parts, part):
                    unpacked += len(piece)
                    if unpacked > limit:
                        raise bomb
                    if scan:
                        scan.feed(piece)
                    elif part.filename in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
                        index[part.filename] = index.get(part.filename, b"") + piece
                if scan:
                    scan.finish()
                    _check_size(path, scan)
                    scans[part.filename] = scan
    except (*DAMAGED_ARCHIVE, OSError) as error:
        raise InvalidInput("table.workbook_damaged", file=path.name) from error
    if _FROM_1904_PATTERN.search(index.get("xl/workbook.xml", b"")):
        raise InvalidInput("table.counts_from_1904", file=path.name)
    return {name: scans[part] for name, part in _sheet_parts(index).items() if part in scans}


def _pieces(parts: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    with parts.open(part) as stream:
        while piece := stream.read(1 << 20):
            yield piece


def _check_size(path: Path, scan: SheetScan) -> None:
    if scan.corner.cells > MAX_SHEET_CELLS:
        corner = scan.corner
        raise TooLarge("table.far_cell", file=path.name, column=corner.column, row=str(corner.row))
    if len(scan.marked) > MAX_MARKED_CELLS:
        raise InvalidInput("table.formulas_without_result", file=path.name, limit=MAX_MARKED_CELLS)


def _sheet_parts(index: dict[str, bytes]) -> dict[str, str]:
    """Return the name of the part of each sheet, by the sheet's name."""
    relations = map(
        _attributes, _RELATION_PATTERN.findall(index.get("xl/_rels/workbook.xml.rels", b""))
    )
    target_of = {relation.get("Id", ""): relation.get("Target", "") for relation in relations}
    sheets = map(_attributes, _SHEET_PATTERN.findall(index.get("xl/workbook.xml", b"")))
    return {
        sheet.get("name", ""): "xl/"
        + target_of.get(sheet.get("id", ""), "").removeprefix("/xl/").removeprefix("xl/")
        for sheet in sheets
    }


def _attributes(element: bytes) -> dict[str, str]:
    """Return the attributes of an element by their name without prefix."""
    attributes = re.findall(
        r"""(?:\w+:)?(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)')""", element.decode("utf-8", "replace")
    )
    return {name: html.unescape(double or single) for name, double, single in attributes}
