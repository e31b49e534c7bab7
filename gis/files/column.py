"""What a column of a table to load is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column of a kind of file.

    key: English name, used in code.
    zh: Chinese name, the header of the template.
    kind: What the cells are; a key of `gis.files.cell_kinds.CELL_PARSERS`.
    names: Other headers that mean the same, in either language.
    help, en: What to write in it, on screen, in Chinese and English.
    needed: Without this column the file is refused.
    choices: For the template's drop-down list.
    each: Every row has a value of its own; one that is merged over several rows is refused.
    """

    key: str
    zh: str
    kind: str
    names: tuple[str, ...]
    help: str
    en: str
    needed: bool = False
    choices: tuple[str, ...] = ()
    each: bool = False


TEMPLATE_SHEETS = frozenset({"示例", "说明", "列表"})  # beside the one to fill in; never loaded for themselves
