"""A column of a table to load."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CUT = "…"  # ends the name of a column of which only the beginning is there
Parser = Callable[[object], Any]


@dataclass(frozen=True)
class Column:
    """One column of a kind of file.

    key: English name, used in code.
    zh: Chinese name, the header of the template.
    parse: Reads a cell as the file gives it; returns a value, or a `Guess` that becomes a note with
        its row, and raises CellError with what is wrong and what would be right.
    names: Other headers that mean the same, in either language.
    help, en: What to write in it, on screen, in Chinese and English.
    needed: Without this column the file is refused.
    choices: For the template's drop-down list.
    each: Every row has a value of its own; one that is merged over several rows is refused.
    """

    key: str
    zh: str
    parse: Parser
    names: tuple[str, ...]
    help: str
    en: str
    needed: bool = False
    choices: tuple[str, ...] = ()
    each: bool = False


# sheets of a template besides the one to fill in; never loaded
TEMPLATE_SHEETS = frozenset({"示例", "说明", "列表"})
