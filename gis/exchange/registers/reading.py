"""The rows of a register under a mapping, from all its sheets, with the numbers of the file."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gis.errors import InvalidInput
from gis.exchange.registers.fields import Field, fields_of
from gis.exchange.registers.mapping import ColumnUse, RegisterMapping
from gis.exchange.registers.sheets import Sheet, locate, occurrences
from gis.files.cells import clean_text
from gis.files.column import Column
from gis.files.header import Header, Meanings, Raw
from gis.files.report import LoadReport, RejectedRow, RowNote, row_label
from gis.files.table_rows import TOTAL_PATTERN, Row, RowReader
from gis.messages import Message

ROWS_OF_SHEET = 2_000_000  # a sheet's rows are numbered from its place times this
# notes on rows that hold no data: what stood in them is nobody's business
SKIPPED = (
    "table.totals",
    "table.rows_without_columns",
    "table.header_again",
    "table.remarks",
    "table.rows_above_header",
)
# notes that quote cells of columns that are not read
QUOTING = (*SKIPPED, "table.cells_without_header")
DITTO_PATTERN = re.compile('同上|同前|[〃″”"]')
OWN_FIELDS = frozenset({"identity", "birth", "age", "person", "head_of_home", "relation"})
# fields without which a row is no data, for telling totals and remarks from rows
MAIN_FIELDS = frozenset({"address", "room", "building_name", "name", "people", "category"})


@dataclass(frozen=True)
class Register:
    """A register as it was read.

    rows: Values by field; a repeated field has "#1" after its second key.
    headers: Header of each field in the file.
    titles: What stands over the tables, the names of sheets and of the file.
    sheets: Name of each sheet that was read, by its place. count: Rows with data, the refused too.
    """

    kind: str
    rows: Sequence[Row]
    headers: Mapping[str, str]
    titles: Sequence[str]
    sheets: Mapping[int, str]
    count: int

    def label(self, number: int) -> str:
        """Return the number of a row as its author finds it: 12, or 二!12 in another sheet."""
        place, row = divmod(number, ROWS_OF_SHEET)
        return f"{self.sheets[place]}!{row}" if len(self.sheets) > 1 else str(row)


@dataclass
class _Gathered:
    rows: list[Row] = field(default_factory=list)
    count: int = 0  # of rows with data, the refused ones too
    headers: dict[str, str] = field(default_factory=dict)
    titles: list[str] = field(default_factory=list)
    sheets: dict[int, str] = field(default_factory=dict)


def read_register(
    sheets: Sequence[Sheet], mapping: RegisterMapping, report: LoadReport
) -> Register:
    """Read the rows of all sheets that have the columns of a mapping.

    Raises
    ------
    InvalidInput
        `register.column_gone`: no sheet has all its columns.
    """
    gathered = _Gathered()
    uses = [use for use in mapping.columns if use.field]
    texts = [use.header for use in uses]
    others: list[str] = []
    lacking: tuple[int, Header | None, list[str]] | None = None
    for place, sheet in enumerate(sheets):
        header, missing = locate(sheet.top, texts, mapping.kind)
        if header is not None and not missing:
            _read_sheet(place, sheet, header, mapping.kind, uses, gathered, report)
            continue
        named = len(header.keys) if header else 0
        if lacking is None or named > lacking[0]:
            lacking = (named, header, missing)
        others.append(sheet.name)
        if 2 * named >= len(texts) > 1:
            reason = Message("register.sheet_lacks", {"sheet": sheet.name, "columns": missing})
            report.refused.append(RejectedRow(sheet.name, "", reason))
    if not gathered.sheets:
        _, header, missing = lacking or (0, None, texts)
        present = [*header.texts.values()] if header else []
        raise InvalidInput(
            "register.column_gone",
            file=report.source,
            columns=missing,
            header="、".join(text for text in present if text not in texts)[:300],
        )
    if others:
        report.note("register.other_sheets", sheets=others)
    report.counts["rows"] = gathered.count
    _forget_quotes(report)
    return Register(
        mapping.kind,
        gathered.rows,
        gathered.headers,
        gathered.titles,
        gathered.sheets,
        gathered.count,
    )


def status_of(row: Row) -> str | None:
    """Return what the first of a row's columns of a state says that leaves the row out."""
    return next(
        (value for key, value in row.values.items() if value and key.split("#")[0] == "status"),
        None,
    )


def columns_of(
    kind: str, header: Header, uses: Sequence[ColumnUse]
) -> tuple[list[Column], dict[int, str]]:
    """Return the columns of a table under a mapping, and the key of each by its index.

    The second column of a repeated field has "#1" after its key, the third "#2".
    """
    fields = fields_of(kind)
    by_header = {(use.header, use.nth): fields[use.field] for use in uses}
    columns: list[Column] = []
    keys: dict[int, str] = {}
    for index, named in occurrences(header).items():
        if (entry := by_header.get(named)) is None:
            continue
        nth = sum(column.key.split("#")[0] == entry.key for column in columns)
        key = f"{entry.key}#{nth}" if nth else entry.key
        columns.append(replace(_column(entry, named[0], by_header.values()), key=key))
        keys[index] = key
    return columns, keys


def _column(entry: Field, header: str, present: Collection[Field]) -> Column:
    """Return the column of a field.

    A number of people that is merged over several homes counts for none of them, unless the rows
    are the people.
    """
    keys = {other.key for other in present}
    each = entry.key in ("people", "elders", "children", "homes", "capacity")
    return entry.column(
        header,
        needed=entry.key in MAIN_FIELDS,
        each=each and not keys & {"relation", "identity"},
    )


def _read_sheet(
    place: int,
    sheet: Sheet,
    header: Header,
    kind: str,
    uses: Sequence[ColumnUse],
    gathered: _Gathered,
    report: LoadReport,
) -> None:
    columns, keys = columns_of(kind, header, uses)
    read = Header(header.start, header.end, keys, header.texts)
    width = max(len(raw) for raw in sheet.top[header.start : header.end + 1])
    reader = RowReader(columns, Meanings(columns), read, width, report)
    offset = place * ROWS_OF_SHEET
    below = ((offset + number, raw) for number, raw in sheet.rows[header.end + 1 :])
    gathered.rows += reader.read(_without_dittos(below, read, report))
    gathered.count += report.counts["rows"]
    gathered.headers |= {key: header.texts[index] for index, key in keys.items()}
    gathered.titles.append(sheet.title(header))
    gathered.sheets[place] = sheet.name


def _without_dittos(
    rows: Iterable[tuple[int, Raw]], header: Header, report: LoadReport
) -> Iterator[tuple[int, Raw]]:
    """Yield rows with 同上 filled in from the row above, which is noted; refused without one.

    Each person has a number, a birthday and a relation of their own; beside a registered address
    同上 may mean that one.
    """
    keys = {index: key.split("#")[0] for index, key in header.keys.items()}
    own = OWN_FIELDS | ({"address"} if "registered_address" in keys.values() else set())
    columns = [index for index, key in keys.items() if key not in own]
    above: Raw = []
    for number, raw in rows:
        filled = [*raw]
        for index in columns:
            if index >= len(raw) or not DITTO_PATTERN.fullmatch(clean_text(raw[index])):
                continue
            filled[index] = above[index] if index < len(above) else ""
            text = clean_text(filled[index])
            if text and text != header.texts[index] and not TOTAL_PATTERN.fullmatch(text):
                report.note_row("register_row.ditto", number, header.texts[index])
            else:
                filled[index] = ""
                reason = Message("register_row.ditto_of_nothing")
                report.refused.append(RejectedRow(row_label(number), header.texts[index], reason))
        above = filled
        yield number, filled


def _forget_quotes(report: LoadReport) -> None:
    """Take what stood in unread cells out of the notes: it may be somebody's name or number."""
    for note in report.messages:
        if isinstance(note, RowNote) and note.message.code in QUOTING:
            note.rows = [(number, "") for number, _ in note.rows]


def rename_rows(report: LoadReport, label: Callable[[int], str]) -> None:
    """Name the rows of a report otherwise, as their author finds them."""
    for note in report.messages:
        if isinstance(note, RowNote):
            note.rows = [
                (
                    label(int(number)),
                    _labelled(detail, label) if isinstance(detail, Message) else detail,
                )
                for number, detail in note.rows
            ]
    report.refused = [
        replace(
            row,
            location=_labelled(row.location, label)
            if isinstance(row.location, Message)
            else row.location,
            message=_labelled(row.message, label),
        )
        for row in report.refused
    ]


def _labelled(message: Message, label: Callable[[int], str]) -> Message:
    """Return a message whose row is named as its author finds it."""
    row = message.params.get("row")
    inner: dict[str, object] = {
        key: _labelled(value, label)
        for key, value in message.params.items()
        if isinstance(value, Message)
    }
    if isinstance(row, str) and row.isdecimal():
        inner["row"] = label(int(row))
    return Message(message.code, {**message.params, **inner})
