"""Find the header of a table: under titles, over one to three rows, in Chinese or English."""

import re
import unicodedata
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gis.files.cells import Marked, clean_text
from gis.files.column import CUT, Column
from gis.messages import Message

MAX_HEADER_ROW = 20  # rows; titles and explanations may stand above the header
MAX_HEADER_ROWS = 3
MAX_HEADER_CHARS = 40  # a longer text is not a header

Raw = Sequence[object]
Item = tuple[int, Raw] | Message
"""A row with its number, or a note on the file."""


@dataclass(frozen=True)
class Header:
    """A header and where it stands.

    start, end: Index of its first and last row among the rows looked at.
    keys: Key of the column by index of the cell.
    texts: What is written over each cell, by index.
    """

    start: int
    end: int
    keys: Mapping[int, str]
    texts: Mapping[int, str]


@lru_cache(maxsize=1 << 12)
def plain_name(header: Hashable) -> str:
    """Return a header as names are compared: no case, blanks, stars, or words in brackets.

    >>> plain_name("楼栋 编码（必填）*")
    '楼栋编码'
    """
    return re.sub(
        r"\(.*?\)|\[.*?\]|【.*?】|[\s*_:-]",
        "",
        unicodedata.normalize("NFKC", clean_text(header)).lower(),
    )


@lru_cache(maxsize=1 << 12)
def _full_name(header: Hashable) -> str:
    """Return a header in the form for comparing names with their words in brackets.

    至（含当天） differs from 至（不含当天）.
    """
    return re.sub(r"[\s*_:-]", "", unicodedata.normalize("NFKC", clean_text(header)).lower())


class Meanings:
    """Which column a header names."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.needed = [column for column in columns if column.needed]
        self._full = {
            _full_name(n): c.key for c in reversed(columns) for n in (*c.names, c.key, c.zh)
        }
        self._plain = {
            plain_name(name): column.key
            for column in reversed(columns)
            for name in (
                *(name for name in column.names if not re.search(r"[(（]", name)),
                column.key,
                column.zh,
            )
        }

    def key(self, text: str) -> str | None:
        """Return the key of the column that a header names."""
        if len(text) > MAX_HEADER_CHARS:
            return None
        whole = text.removesuffix(CUT)
        key = self._full.get(_full_name(whole)) or self._plain.get(plain_name(whole))
        return key or (self._key_of_cut(plain_name(whole)) if text != whole else None)

    def _key_of_cut(self, begin: str) -> str | None:
        """Return the key of the only column with a name that begins so."""
        keys = {key for name, key in self._plain.items() if begin and name.startswith(begin)}
        return keys.pop() if len(keys) == 1 else None

    def read(self, rows: Sequence[Raw], start: int, end: int) -> Header:
        """Return the header that some rows would be.

        A cell is named by its own text, or with the one above it.
        """
        keys: dict[int, str] = {}
        texts: dict[int, str] = {}
        above: dict[int, str] = {}  # text of the group, which holds for the empty cells right of it
        for row in rows[start:end]:
            group = ""
            for index, cell in enumerate(row):
                group = clean_text(cell) or group
                above[index] = group
        for index in range(max(map(len, rows[start : end + 1]), default=0)):
            column = [clean_text(row[index]) for row in rows[start : end + 1] if index < len(row)]
            names = list(dict.fromkeys(text for text in column if text))
            if not names:
                continue
            candidates = [names[-1], *names[:-1]]
            if end > start and column[-1] and above.get(index, "") != names[-1]:
                candidates.insert(0, above.get(index, "") + names[-1])
            named = next((text for text in candidates if self.key(text)), None)
            texts[index] = (
                names[0]
                if named in names and self.key(names[0]) == self.key(named)
                else named or names[-1]
            )
            if named:
                keys[index] = self.key(named) or ""
        return Header(start, end, keys, texts)

    def is_whole(self, header: Header) -> bool:
        """Return whether a header has all needed columns."""
        present = set(header.keys.values())
        return len(present) > 1 and all(column.key in present for column in self.needed)

    def find(self, rows: Sequence[Raw]) -> Header | None:
        """Return the first header with all required columns in the first `MAX_HEADER_ROW` rows."""
        for start in range(min(len(rows), MAX_HEADER_ROW)):
            header = self.read(rows, start, start)
            while not self.is_whole(header) and header.end + 1 < len(rows) and header.keys:
                if header.end - start + 1 >= MAX_HEADER_ROWS or not self.continues(rows, header):
                    break
                header = self.read(rows, start, header.end + 1)
            if not self.is_whole(header):
                continue
            while header.end + 1 < len(rows) and header.end - start + 1 < MAX_HEADER_ROWS:
                if not self.continues(rows, header):
                    break
                header = self.read(rows, start, header.end + 1)
            return header
        return None

    def closest(self, rows: Sequence[Raw]) -> Header:
        """Return the row that is most like a header, to be shown where there is none."""
        candidates = [self.read(rows, row, row) for row in range(min(len(rows), MAX_HEADER_ROW))]
        return max(
            candidates,
            key=lambda header: (len(header.keys), bool(header.texts)),
            default=Header(0, 0, {}, {}),
        )

    def continues(self, rows: Sequence[Raw], header: Header) -> bool:
        """Return whether the next row belongs to the header.

        Such a row names columns, and holds no data under any.
        """
        row = rows[header.end + 1]
        names = 0
        longer = self.read(rows, header.start, header.end + 1)
        for index, cell in enumerate(row):
            text = clean_text(cell)
            if not text or (isinstance(cell, Marked) and cell.how == "merged"):
                continue
            if (
                not isinstance(cell, str)
                or len(text) > MAX_HEADER_CHARS
                or re.fullmatch(r"[\d\s.,/:-]+", text)
            ):
                return False
            above = rows[header.end][index] if index < len(rows[header.end]) else ""
            is_name = self.key(text) is not None or (
                index in longer.keys and longer.keys[index] != header.keys.get(index)
            )
            if (
                not is_name
                and (index in header.keys or clean_text(above))
                and text != clean_text(above)
            ):
                return False
            names += is_name
        return names > 0

    def repeats(self, row: Raw, header: Header) -> bool:
        """Return whether a row is the header once more, as on each printed page."""
        named = 0
        for index, key in header.keys.items():
            text = clean_text(row[index]) if index < len(row) else ""
            if text and self.key(text) != key:
                return False
            named += bool(text)
        return named > 1

    def is_header(self, row: Raw, header: Header) -> bool:
        """Return whether every cell under a header names a column.

        This is so in the header of another table.
        """
        texts = [
            text for index in header.keys if index < len(row) and (text := clean_text(row[index]))
        ]
        return len(texts) > 2 and all(self.key(text) for text in texts)
