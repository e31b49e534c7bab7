"""Separate the data rows under a header from totals, notes, repeated headers and empty forms."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gis.files.cells import (
    SUBSTITUTE_PATTERN,
    CellError,
    Guess,
    Marked,
    clean_text,
    parse_code,
    parse_json_object,
    parse_own_code,
    parse_text,
    parse_words,
)
from gis.files.column import Column
from gis.files.header import Header, Meanings, Raw, plain_name
from gis.files.report import LoadReport, RejectedRow, row_label
from gis.messages import Message

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
# of a cell that is read by patterns, whose time may grow by its square; not of one kept as it is
MAX_CELL_CHARS = 1_000
FREE_TEXT = (clean_text, parse_words)
AS_IS = (*FREE_TEXT, parse_text, parse_json_object)  # a drawn shape is text of any length
MAX_TOTAL_CELLS = 2  # filled cells of a total whose word stands in a column of free text


@dataclass(frozen=True)
class Row:
    """One row: its number as the spreadsheet shows it, and its values by key.

    None where a cell is empty.
    """

    number: int
    values: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        """Return the value of a column; None if it is empty."""
        return self.values.get(key)


class RowReader:
    """The rows under a header, as values; what is passed over or assumed is in the report."""

    def __init__(
        self,
        columns: Sequence[Column],
        meanings: Meanings,
        header: Header,
        width: int,
        report: LoadReport,
    ) -> None:
        self.header, self.meanings, self.width, self.report = header, meanings, width, report
        by_key = {column.key: column for column in columns}
        self.columns = {index: by_key[key] for index, key in header.keys.items()}
        self.needed = [index for index, column in self.columns.items() if column.needed]
        # texts recur, so each is parsed once
        self.parse_text = {
            index: lru_cache(maxsize=1 << 14)(column.parse)
            for index, column in self.columns.items()
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
            self.report.refused += [
                RejectedRow(row_label(number), field, reason) for field, reason in faults
            ]
            if not faults:
                yield Row(number, values)
        if numbers:
            self.report.note("table.codes_as_numbers", count=numbers)

    def _values(
        self, number: int, raw: Raw, filled: Sequence[int]
    ) -> tuple[dict[str, Any], list[tuple[str, Message]], int]:
        """Parse the cells of a row.

        Returns
        -------
        Values by key, faults (header and reason), and the number of codes that came as numbers.
        """
        values: dict[str, Any] = {}
        faults: list[tuple[str, Message]] = []
        numbers = 0
        if self.meanings.is_header(raw, self.header):
            return {}, [("", Message("table.second_header"))], 0
        if filled[-1] >= self.width:
            faults.append(
                (
                    "",
                    Message(
                        "table.row_wider_than_header", {"cells": len(raw), "columns": self.width}
                    ),
                )
            )
        for index in filled:
            cell, column = raw[index], self.columns.get(index)
            if column is None:
                if index in self.nameless and not isinstance(cell, Marked):
                    self.report.note_row("table.cells_without_header", number, _short(cell))
                continue
            if fault := _cell_fault(cell, column):
                faults.append((self.header.texts[index], fault))
                continue
            try:
                value = (
                    self.parse_text[index](cell) if isinstance(cell, str) else column.parse(cell)
                )
            except CellError as error:
                faults.append((self.header.texts[index], error.message))
                continue
            if isinstance(value, Guess):
                params = {"column": self.header.texts[index], "detail": value.detail}
                detail = (
                    Message("load.column_detail", params)
                    if value.detail
                    else self.header.texts[index]
                )
                self.report.note_row(value.code, number, detail)
                value = value.value
            numbers += column.parse in (parse_code, parse_own_code) and isinstance(
                cell, float | int
            )
            values[column.key] = value
        return values, faults, numbers

    def _is_passed_over(self, number: int, raw: Raw, filled: Sequence[int]) -> bool:
        """Return whether a row holds no data, and report its kind."""
        unmerged = [
            index
            for index, cell in ((index, raw[index]) for index in filled)
            if not (isinstance(cell, Marked) and cell.how == "merged")
        ]
        used = [index for index in unmerged if index in self.columns]
        if total := self._total(raw, unmerged):
            self.report.counts["totals"] = self.report.counts.get("totals", 0) + 1
            self.report.note_row("table.totals", number, total)
        elif not used and not any(index >= self.width for index in unmerged):
            texts = "、".join(_short(raw[index]) for index in unmerged[:3])
            self.report.note_row(
                "table.rows_without_columns", number, texts or Message("table.only_merged_cells")
            )
        elif self.meanings.repeats(raw, self.header):
            self.report.note_row("table.header_again", number)
        elif unmerged and self._is_note(raw, unmerged):
            self.report.note_row("table.remarks", number, _short(raw[unmerged[0]]))
        else:
            return False
        return True

    def _total(self, raw: Raw, unmerged: Sequence[int]) -> str:
        """Return the cell that makes a row a total; empty when it is none."""
        for index in unmerged:
            cell = raw[index]
            if not isinstance(cell, str) or not any(sign in cell for sign in _TOTAL_SIGNS):
                continue
            name, column = plain_name(cell), self.columns.get(index)
            if (
                column is not None
                and column.parse is parse_words
                and len(unmerged) > MAX_TOTAL_CELLS
            ):
                continue  # somebody's words in a row of data
            if TOTAL_PATTERN.fullmatch(name) or TOTAL_PATTERN.fullmatch(
                re.sub(r"[()]", "", _half_width(cell))
            ):
                return _short(cell)
            is_open = column is None and all(other in unmerged for other in self.needed)
            if (
                SUBTOTAL_PATTERN.fullmatch(name)
                and not is_open
                and (column is None or column.parse not in FREE_TEXT)
            ):
                return _short(cell)
        return ""

    def _is_note(self, raw: Raw, unmerged: Sequence[int]) -> bool:
        """Return whether a row is a remark.

        A remark is one cell that reads like one, or signatures in a line.
        """
        cell = raw[unmerged[0]]
        text, column = _half_width(cell), self.columns.get(unmerged[0])
        if not isinstance(cell, str) or (
            column is not None and column.parse in FREE_TEXT and len(self.needed) < 2
        ):
            return False
        if len(unmerged) == 1:
            return (
                bool(NOTE_PATTERN.match(text))
                or len(text) > MAX_SHOWN_CHARS
                or bool(re.search("[。;]", text))
            )
        if not SIGNATURE_PATTERN.match(text):
            return False
        has_second = any(SIGNATURE_PATTERN.match(_half_width(raw[index])) for index in unmerged[1:])
        return has_second or not all(index in unmerged[1:] for index in self.needed)


def _half_width(cell: object) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", clean_text(cell)))


def _short(cell: object) -> str:
    text = re.sub(r"\s+", " ", clean_text(cell))
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"


def _cell_fault(cell: object, column: Column) -> Message | None:
    """Return why a cell cannot be parsed: merged, a substitute of Excel's, or far too long."""
    if isinstance(cell, Marked):
        return _mark_fault(cell, column)
    if isinstance(cell, str) and len(cell) > MAX_CELL_CHARS and column.parse not in AS_IS:
        return Message("cell.too_long", {"count": len(cell), "limit": MAX_CELL_CHARS})
    if isinstance(cell, str) and cell[:1] == "#":
        text = clean_text(cell)
        if SUBSTITUTE_PATTERN.fullmatch(text):
            return Message("cell.substitute", {"text": text})
    return None


def _mark_fault(cell: Marked, column: Column) -> Message | None:
    """Return why a cell cannot count; None when it can."""
    if cell.how == "formula":
        return Message("cell.formula_without_result")
    if cell.how == "error":
        return Message("cell.formula_failed")
    if column.each:
        return Message("cell.merged", {"text": clean_text(cell)})
    return None
