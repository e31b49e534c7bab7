"""Text that a spreadsheet would compute: neutralised in written tables, restored when read."""

import unicodedata

FORMULA_STARTS = frozenset("=+-@＝＋－＠")
CONTROLS = frozenset("\t\n\r")  # control characters that a cell may hold
NO_XML = frozenset("\ufffe\uffff")  # characters that no XML holds, so no .xlsx either


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
    return "".join(
        character
        for character in text
        if character in CONTROLS
        or (unicodedata.category(character) not in ("Cc", "Cs") and character not in NO_XML)
    )


def restore(text: str) -> str:
    """Return a cell's text without the apostrophe that `cell_text` put before a formula."""
    is_marked = text.startswith("'") and is_formula(text.lstrip("'"))
    return text[1:].strip() if is_marked else text


def _is_skipped(character: str) -> bool:
    """Return whether a character is a blank (Z*) or invisible (C*: control, format, other)."""
    return unicodedata.category(character)[0] in "ZC"
