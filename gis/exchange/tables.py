"""CSV and Excel files to rows of typed values: encodings, headers, limits.

What a table may hold is told by the columns of gis/exchange/columns.py.
"""

import csv
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from gis.errors import InvalidInput, TooMuch
from gis.exchange import sandbox
from gis.exchange.cells import KINDS, clean, code
from gis.exchange.columns import Column
from gis.exchange.report import Refused, Report
from gis.exchange.sandbox import Limits

WORKBOOKS = (".xlsx", ".xlsm", ".xls")
TEXTS = (".csv", ".tsv", ".txt")
ENCODINGS = ("utf-8-sig", "gb18030")  # tried in this order; GB18030 holds GBK and GB2312
LARGEST_TEXT = 500_000_000  # bytes
LARGEST_WORKBOOK = 100_000_000  # bytes, as it lies on the disk
LARGEST_UNPACKED = 600_000_000  # bytes; a full sheet of a million rows has about 400 million
LARGEST_SHEET = 40_000_000  # cells between the first and the last one in use
MOST_COLUMNS = 16_384  # as Excel has
HEADER_WITHIN = 10  # rows; titles and explanations may stand above the header

Raw = Sequence[object]


@dataclass(frozen=True)
class Row:
    """One row: its number as the spreadsheet shows it, and its values by key; None where a cell is empty."""

    number: int
    values: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.values.get(key)


@dataclass(frozen=True)
class Table:
    """An open file: which columns it has, and its rows, once.

    columns: Header found in the file by the key of its column.
    rows: Rows whose every cell could be read; the others are in the report.
    """

    columns: Mapping[str, str]
    rows: Iterator[Row]

    def refuse(self, row: int, key: str, reason: str) -> Refused:
        """A refusal of one cell, named by its header in the file, else by the key of its column."""
        return Refused(f"row {row}", self.columns.get(key, key), reason)


def read(path: Path, columns: Sequence[Column], report: Report) -> Table:
    """Open a CSV or Excel file; its rows stream, so memory stays flat for CSV.

    The header is the first row that holds all needed columns, within the first `HEADER_WITHIN`; of a workbook
    the first sheet counts. Rows are counted in the report as they are read; those with a cell that cannot be
    read are refused there, cell by cell.

    Args:
        path: .csv, .tsv, .txt (UTF-8 or GB18030; comma, semicolon or tab), .xlsx, .xlsm or .xls.
        columns: What the file may hold. Other columns are skipped and noted.
        report: Where refusals and notes go.

    Raises:
        InvalidInput: No such file, empty, damaged, or without a needed column.
        TooMuch: Larger than the limits at the top of this file.
    """
    if not path.is_file():
        raise InvalidInput(f"{path}: there is no such file")
    size, ending = path.stat().st_size, path.suffix.lower()
    if size == 0:
        raise InvalidInput(f"{path.name} is empty")
    if ending not in TEXTS + WORKBOOKS:
        known = ", ".join(TEXTS + WORKBOOKS)
        raise InvalidInput(f"{path.name}: a table ends in {known}, not {ending or 'nothing'}")
    limit = LARGEST_WORKBOOK if ending in WORKBOOKS else LARGEST_TEXT
    if size > limit:
        raise TooMuch(f"{path.name} has {size / 1e6:.0f} MB; at most {limit / 1e6:.0f} MB are read. Split it")
    reader = _workbook_rows if ending in WORKBOOKS else _text_rows
    limits = Limits().scaled(size, seconds_per_mb=2.0, growth=30 if ending in WORKBOOKS else 10)
    raw = _noted(sandbox.iterate(reader, path.absolute(), limits=limits, name=path.name), report)
    return _under_header(enumerate(raw, 1), columns, report)


def _noted(items: Iterable[Raw | str], report: Report) -> Iterator[Raw]:
    """The rows among what a reader yields; texts are notes for the report."""
    for item in items:
        if isinstance(item, str):
            report.notes.append(item)
        elif len(item) > MOST_COLUMNS:
            raise InvalidInput(f"{report.source} has a row of {len(item):,} cells; at most {MOST_COLUMNS:,} are read")
        else:
            yield item


def finish_reading(report: Report) -> bool:
    """Put the refusals in the order of the file; say whether there are rows, and none is refused."""
    if not report.counts.get("rows") and not report.refused:
        report.refused.append(Refused("the table", "", "has a header but no rows"))
    report.refused.sort(key=lambda one: int(one.where.rpartition(" ")[2]) if one.where.startswith("row ") else 0)
    return not report.refused


def plain_name(header: object) -> str:
    """A header as names are compared: no case, blanks, stars, or words in brackets.

    >>> plain_name("楼栋 编码（必填）*")
    '楼栋编码'
    """
    text = unicodedata.normalize("NFKC", clean(header)).lower()
    return re.sub(r"\(.*?\)|\[.*?\]|[\s*_:-]", "", text)


def _text_rows(path: Path) -> Iterator[Raw | str]:
    encoding = _encoding(path)
    if encoding == "gb18030":
        yield "the text is in GB18030 (GBK)"
    with path.open(encoding=encoding, newline="") as file:
        delimiter = max(",;\t", key=file.readline().count)
        file.seek(0)
        lines = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            yield from lines
        except csv.Error as error:
            line = f"{path.name}, line {lines.line_num}"
            raise InvalidInput(f"{line}: not CSV ({error}); is a quotation mark left open?") from error


def _encoding(path: Path) -> str:
    """The first encoding that the whole file keeps to."""
    with path.open("rb") as file:
        marked = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if marked else ENCODINGS:
        try:
            with path.open(encoding=encoding) as text:
                while piece := text.read(1 << 20):
                    if "\0" in piece:
                        raise InvalidInput(f"{path.name} is not text; is it a workbook with another ending?")
        except UnicodeError:
            continue
        return encoding
    raise InvalidInput(f"{path.name} is neither UTF-8 nor GB18030 text; save it as CSV UTF-8")


def _workbook_rows(path: Path) -> Iterator[Raw]:
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            _check_zip(path)
    try:
        sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
    except PasswordError as error:
        raise InvalidInput(f"{path.name} is protected by a password; save it without") from error
    except (CalamineError, ValueError) as error:
        raise InvalidInput(f"{path.name} cannot be read as a workbook; save it as .xlsx or as CSV") from error
    yield from sheet.iter_rows()


def _check_zip(path: Path) -> None:
    """Refuse what would not fit into memory: each part is unpacked once, piece by piece, and thrown away."""
    bomb = f"{path.name} unpacks to more than {LARGEST_UNPACKED / 1e6:.0f} MB; save it as CSV, or split it"
    unpacked = 0
    try:
        with zipfile.ZipFile(path) as parts:
            if sum(part.file_size for part in parts.infolist()) > LARGEST_UNPACKED:
                raise TooMuch(bomb)
            for part in parts.infolist():
                corner = Corner()
                with parts.open(part) as stream:
                    while piece := stream.read(1 << 20):
                        unpacked += len(piece)
                        if unpacked > LARGEST_UNPACKED:
                            raise TooMuch(bomb)
                        if part.filename.startswith("xl/worksheets/"):
                            corner.feed(piece)
                if corner.cells > LARGEST_SHEET:
                    raise TooMuch(
                        f"{path.name}: cells reach as far as column {corner.column}, row {corner.row}; "
                        "delete what is not part of the table"
                    )
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise InvalidInput(f"{path.name} is damaged; save it again as .xlsx, or as CSV") from error


class Corner:
    """The last row and column of a sheet's XML; one far-off cell is small on disk and huge as a table."""

    REFERENCE = re.compile(rb"""\sr=["']([A-Z]{0,3})(\d{1,7})["']""")

    def __init__(self) -> None:
        self.row = 0
        self.column = ""
        self._tail = b""

    def feed(self, piece: bytes) -> None:
        """Look at the next piece of the XML."""
        found = self.REFERENCE.findall(self._tail + piece)
        self._tail = piece[-32:]
        if found:
            self.row = max(self.row, max(int(row) for _, row in found))
            self.column = max(self.column, *{letters.decode() for letters, _ in found}, key=lambda c: (len(c), c))

    @property
    def cells(self) -> int:
        """How many cells the sheet would have as a table."""
        width = 0
        for letter in self.column:
            width = width * 26 + ord(letter) - ord("A") + 1
        return self.row * width


def _under_header(rows: Iterator[tuple[int, Raw]], columns: Sequence[Column], report: Report) -> Table:
    meaning = {plain_name(name): column.key for column in columns for name in (column.key, column.zh, *column.names)}
    header, found = _find_header(rows, meaning, columns, report.source)
    for key in found.values():
        same = [clean(header[place]) for place, other in found.items() if other == key]
        if len(same) > 1:
            raise InvalidInput(f"{report.source}: the columns {' and '.join(same)} both mean {key}; keep one")
    unused = [text for place, cell in enumerate(header) if place not in found and (text := clean(cell))]
    if unused:
        report.notes.append(f"columns not used: {', '.join(unused)}")
    named = {key: clean(header[place]) for place, key in found.items()}
    kinds = {column.key: KINDS[column.kind] for column in columns}
    parsers = [(place, key, kinds[key]) for place, key in found.items()]
    # a second line of the header, in the other language
    second = next(rows, None)
    if second and {p: meaning.get(plain_name(cell)) for p, cell in enumerate(second[1]) if clean(cell)} != found:
        rows = chain([second], rows)
    return Table(named, _typed(rows, parsers, named, len(header), report))


def _find_header(
    rows: Iterator[tuple[int, Raw]], meaning: Mapping[str, str], columns: Sequence[Column], source: str
) -> tuple[Raw, dict[int, str]]:
    needed = [column for column in columns if column.needed]
    best: tuple[Raw, dict[int, str]] = ((), {})
    for _, raw in islice(rows, HEADER_WITHIN):
        found = {place: meaning[name] for place, cell in enumerate(raw) if (name := plain_name(cell)) in meaning}
        if len(found) > 1 and all(column.key in found.values() for column in needed):
            return raw, found
        if len(found) > len(best[1]) or not any(map(clean, best[0])):
            best = raw, found
    missing = [f"{column.zh} ({column.key})" for column in needed if column.key not in best[1].values()]
    seen = ", ".join(text for cell in best[0] if (text := clean(cell)))[:300]
    raise InvalidInput(
        f"{source}: needed column {', '.join(missing)} not found in the first {HEADER_WITHIN} rows"
        + (f"; the header seems to be: {seen}" if seen else "; they are empty")
    )


def _typed(
    rows: Iterator[tuple[int, Raw]],
    parsers: Sequence[tuple[int, str, Callable[[object], Any]]],
    headers: Mapping[str, str],
    width: int,
    report: Report,
) -> Iterator[Row]:
    report.counts["rows"] = 0
    numbers = 0  # codes that came as numbers
    for number, raw in rows:
        if not any(cell != "" and clean(cell) for cell in raw):
            continue
        report.counts["rows"] += 1
        faults: list[tuple[str, str]] = []
        if any(map(clean, raw[width:])):
            reason = f"has {len(raw)} cells, the header {width}; does a comma stand outside quotation marks?"
            faults.append(("", reason))
        values: dict[str, Any] = {}
        for place, key, parse in parsers:
            cell = raw[place] if place < len(raw) else ""
            if cell == "" or not clean(cell):
                continue
            try:
                values[key] = parse(cell)
            except ValueError as error:
                faults.append((headers[key], str(error)))
            else:
                numbers += parse is code and isinstance(cell, float | int)
        report.refused += [Refused(f"row {number}", field, reason) for field, reason in faults]
        if not faults:
            yield Row(number, values)
    if numbers:
        report.notes.append(f"{numbers} codes came as numbers; zeros in front of them, if any, are lost")
