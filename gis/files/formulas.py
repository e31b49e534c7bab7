"""Text that a spreadsheet would compute: neutralised in written tables, restored when read."""

import re
import unicodedata

FORMULA_STARTS = frozenset("=+-@＝＋－＠")
# control characters but tab and line feeds, half characters, and what no XML holds, so no .xlsx
NO_CELL_PATTERN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet may take a text for a formula.

    Blanks, line feeds, control and zero-width characters before the sign count for nothing, since
    programs strip them.
    """
    if text.startswith(("\t", "\r")):  # some programs begin a command there
        return True
    return (
        next((character for character in text if not _is_skipped(character)), "") in FORMULA_STARTS
    )


def cell_text(value: object) -> object:
    """Return a value that is safe in a table.

    Control characters and what no XML holds are removed, and formulas are prefixed with an
    apostrophe; so are texts that begin with one already, so that `restore` takes off no other.
    """
    if not isinstance(value, str):
        return value
    text = xml_text(value)
    return f"'{text}" if is_formula(text.lstrip("'")) else text


def xml_text(text: str) -> str:
    """Return a text without control characters and without what no XML holds."""
    return NO_CELL_PATTERN.sub("", text)


def restore(text: str) -> str:
    """Return a cell's text without the apostrophe that `cell_text` put before a formula."""
    is_marked = text.startswith("'") and is_formula(text.lstrip("'"))
    return text[1:].strip() if is_marked else text


def _is_skipped(character: str) -> bool:
    """Return whether a character is a blank (Z*) or invisible (C*: control, format, other)."""
    return unicodedata.category(character)[0] in "ZC"
