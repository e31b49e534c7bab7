"""Which rows under a header are data: totals, notes, repeated headers and empty forms are passed over and named."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gis.files.cell_kinds import CELL_PARSERS
from gis.files.cells import SUBSTITUTE_PATTERN, Guess, Marked, clean_text, parse_code
from gis.files.column import Column
from gis.files.header import Header, Meanings, Raw, plain_name
from gis.files.report import LoadReport, RejectedRow

_TOTAL = "(?:小计|合计|总计|共计|累计|总和|汇总|小計|合計|總計|subtotal|grandtotal|total)"
_AMOUNT = r"[:：]?(?:共?\d+(?:\.\d+)?(?:户|人|栋|幢|名|个|家|处|件|条)?[,，、;；]?)*"
TOTAL_PATTERN = re.compile(
    rf"(?:本页|全部|总)?{_TOTAL}{_AMOUNT}|总(?:户|人|栋)数{_AMOUNT}|共\d+(?:户|人|栋|名|个|家|处|件|条)"
)
SUBTOTAL_PATTERN = re.compile(rf".{{1,20}}?{_TOTAL}{_AMOUNT}")  # 1号楼小计
_TOTAL_SIGNS = ("计", "計", "总", "總", "汇", "共", "otal", "OTAL")
_NOTE_WORDS = (
    "注|备注|说明|附注|填表|填报|制表|审核|审批|复核|统计|单位|负责人|经办|盖章|签字|签名|日期|截止|截至|打印|联系人|"
    "联系电话|网格员签|报送|数据来源|来源|社区"
)
SIGNATURE_PATTERN = re.compile(rf"[(\[【<*※★#]*(?:{_NOTE_WORDS})\S{{0,6}}?[:：]")
NOTE_PATTERN = re.compile(
    rf"{SIGNATURE_PATTERN.pattern}|[(\[【<*※★#]*(?:注(?!册)|备注|本表|此表|以上|以下|温馨提示|第\d+页|共\d+页|"
    r"\d{4}年\d{1,2}月\d{1,2}日$|(?:填表|制表|填报|审核|负责)人$)"
)
MAX_SHOWN_CHARS = 40

UNSTORED = "is a formula without a stored result; open the file in Excel, save it, and load it again"
SUBSTITUTE = (
    "is what a spreadsheet shows in place of a value; widen the column, correct the formula, or write the value"
)
FAILED = "is a formula that failed in Excel; correct it, or write the value"


@dataclass(frozen=True)
class Row:
    """One row: its number as the spreadsheet shows it, and its values by key; None where a cell is empty."""

    number: int
    values: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.values.get(key)


class RowReader:
    """The rows under a header, as values; what is passed over or assumed is in the report."""

    def __init__(
        self, columns: Sequence[Column], meanings: Meanings, header: Header, width: int, report: LoadReport
    ) -> None:
        self.header, self.meanings, self.width, self.report = header, meanings, width, report
        by_key = {column.key: column for column in columns}
        self.columns = {index: by_key[key] for index, key in header.keys.items()}
        self.needed = [index for index, column in self.columns.items() if column.needed]
        # words come again and again: each is parsed once
        self.parse_text = {
            index: lru_cache(maxsize=1 << 14)(CELL_PARSERS[column.kind]) for index, column in self.columns.items()
        }
        self.nameless = set(range(width)) - set(header.texts)

    def read(self, rows: Iterable[tuple[int, Raw]]) -> Iterator[Row]:
        """Yield the rows of data whose every cell could be read."""
        self.report.counts["rows"] = 0
        numbers = 0  # codes that came as numbers
        for number, raw in rows:
            filled = [index for index, cell in enumerate(raw) if cell != "" and clean_text(cell)]
            if not filled or self._is_passed_over(number, raw, filled):
                continue
            self.report.counts["rows"] += 1
            values, faults, came_as_numbers = self._values(number, raw, filled)
            numbers += came_as_numbers
            self.report.refused += [RejectedRow(f"row {number}", field, reason) for field, reason in faults]
            if not faults:
                yield Row(number, values)
        if numbers:
            self.report.notes.append(f"{numbers} codes came as numbers; zeros in front of them, if any, are lost")

    def _values(
        self, number: int, raw: Raw, filled: Sequence[int]
    ) -> tuple[dict[str, Any], list[tuple[str, str]], int]:
        """Parse the cells of a row: values, faults (header and reason), and how many codes came as numbers."""
        values: dict[str, Any] = {}
        faults: list[tuple[str, str]] = []
        numbers = 0
        if self.meanings.is_header(raw, self.header):
            return {}, [("", "is the header of another table; load each table from a file of its own")], 0
        if filled[-1] >= self.width:
            reason = f"has {len(raw)} cells, the header {self.width}; does a comma stand outside quotation marks?"
            faults.append(("", reason))
        for index in filled:
            cell, column = raw[index], self.columns.get(index)
            if column is None:
                if index in self.nameless and not isinstance(cell, Marked):
                    self.report.note_row("cells without a header are not read", number, _short(cell))
                continue
            if isinstance(cell, Marked) and (fault := _mark_fault(cell, column)):
                faults.append((self.header.texts[index], fault))
                continue
            if isinstance(cell, str) and cell[:1] == "#" and SUBSTITUTE_PATTERN.fullmatch(clean_text(cell)):
                faults.append((self.header.texts[index], f"{clean_text(cell)!r} {SUBSTITUTE}"))
                continue
            try:
                value = self.parse_text[index](cell) if isinstance(cell, str) else CELL_PARSERS[column.kind](cell)
            except ValueError as error:
                faults.append((self.header.texts[index], str(error)))
                continue
            if isinstance(value, Guess):
                detail = f"{self.header.texts[index]} {value.detail}".strip()
                self.report.note_row(value.sentence, number, detail)
                value = value.value
            numbers += CELL_PARSERS[column.kind] is parse_code and isinstance(cell, float | int)
            values[column.key] = value
        return values, faults, numbers

    def _is_passed_over(self, number: int, raw: Raw, filled: Sequence[int]) -> bool:
        """Return whether a row is no data, and put into the report what it is."""
        own = [index for index in filled if not (isinstance(raw[index], Marked) and raw[index].how == "merged")]  # type: ignore[attr-defined]
        used = [index for index in own if index in self.columns]
        if total := self._total(raw, own):
            self.report.counts["totals"] = self.report.counts.get("totals", 0) + 1
            self.report.note_row("totals are passed over", number, total)
        elif not used and not any(index >= self.width for index in own):
            shown = "、".join(_short(raw[index]) for index in own[:3]) or "merged cells only"
            self.report.note_row("rows that fill none of the columns are passed over", number, shown)
        elif self.meanings.repeats(raw, self.header):
            self.report.note_row("the header stands again and is passed over", number)
        elif own and self._is_note(raw, own):
            self.report.note_row("remarks are passed over", number, _short(raw[own[0]]))
        else:
            return False
        return True

    def _total(self, raw: Raw, own: Sequence[int]) -> str:
        """Return the cell that makes a row a total; empty when it is none."""
        for index in own:
            cell = raw[index]
            if not isinstance(cell, str) or not any(sign in cell for sign in _TOTAL_SIGNS):
                continue
            name, column = plain_name(cell), self.columns.get(index)
            if TOTAL_PATTERN.fullmatch(name) or TOTAL_PATTERN.fullmatch(re.sub(r"[()]", "", _half_width(cell))):
                return _short(cell)
            is_open = column is None and all(other in own for other in self.needed)
            if SUBTOTAL_PATTERN.fullmatch(name) and not is_open and (column is None or column.kind != "prose"):
                return _short(cell)
        return ""

    def _is_note(self, raw: Raw, own: Sequence[int]) -> bool:
        """Return whether a row is a remark: one cell that reads like one, or signatures in a line."""
        first, text = own[0], _half_width(raw[own[0]])
        column = self.columns.get(first)
        if not isinstance(raw[first], str) or (column is not None and column.kind == "prose" and len(self.needed) < 2):
            return False
        if len(own) == 1:
            return bool(NOTE_PATTERN.match(text)) or len(text) > MAX_SHOWN_CHARS or bool(re.search("[。;]", text))
        if not SIGNATURE_PATTERN.match(text):
            return False
        more = any(SIGNATURE_PATTERN.match(_half_width(raw[index])) for index in own[1:])
        return more or not all(index in own[1:] for index in self.needed)


def _half_width(cell: object) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", clean_text(cell)))


def _short(cell: object) -> str:
    text = re.sub(r"\s+", " ", clean_text(cell))
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"


def _mark_fault(cell: Marked, column: Column) -> str:
    """Return why a cell cannot count; empty when it can."""
    if cell.how == "formula":
        return UNSTORED
    if cell.how == "error":
        return FAILED
    if column.each:
        return f"{clean_text(cell)} stands in merged cells for several rows; write the number of each row"
    return ""
