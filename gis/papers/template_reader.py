"""Forms read and filled in a child process with limits, see gis/files/sandbox.py."""

from collections.abc import Mapping, Sequence

from gis.files.sandbox import MEGABYTE, Limits, run
from gis.incidents.reading.statistics import RateCount
from gis.papers.data import PaperData, Value, value_text
from gis.papers.template_names import Cell
from gis.papers.words import facts

LIMITS = Limits(cpu_s=10, wall_s=15, memory_bytes=1_000 * MEGABYTE, returned_bytes=60 * MEGABYTE)
ENDINGS = (".docx", ".xlsx")


def read_fields(content: bytes, ending: str, file: str) -> list[str]:
    """Return the fields of a form from outside, in their order.

    Raises
    ------
    InvalidInput, TooLarge
        It is no form that may be kept.
    """
    fields: list[str] = run(read_here, content, ending, file, limits=LIMITS, name=file)
    return fields


def filled(
    content: bytes, ending: str, file: str, mapping: Mapping[str, str], data: PaperData
) -> bytes:
    """Return a form filled in with a paper.

    Parameters
    ----------
    mapping
        Field -> key of a figure or column.
    """
    figures = {key: _cell(key, value) for key, value in facts(data).items()}
    rows = [{key: _cell(key, row.values[key]) for key in data.columns} for row in data.rows]
    result: bytes = run(
        fill_here, content, ending, dict(mapping), figures, rows, limits=LIMITS, name=file
    )
    return result


def _cell(key: str, value: Value) -> Cell:
    text = "" if value is None else value_text(key, value)
    if isinstance(value, RateCount):
        return text, None if value.is_small else value.value, "0.0%"
    if isinstance(value, int | float):
        return text, value, "0.0" if isinstance(value, float) else ""
    return text, None, ""


def read_here(content: bytes, ending: str, file: str) -> list[str]:
    """Return the fields of a form; called in the child process only.

    Raises
    ------
    InvalidInput, TooLarge
        It is no form that may be kept.
    """
    from gis.papers.template_archive import check_archive

    check_archive(content, ending, file)
    if ending == ".docx":
        from gis.papers.template_document import document_fields

        return document_fields(content)
    from gis.papers.template_workbook import workbook_fields

    return workbook_fields(content, file)


def fill_here(
    content: bytes,
    ending: str,
    mapping: Mapping[str, str],
    figures: Mapping[str, Cell],
    rows: Sequence[Mapping[str, Cell]],
) -> bytes:
    """Return a form filled in; called in the child process only."""
    if ending == ".docx":
        from gis.papers.template_document import filled_document

        return filled_document(content, mapping, figures, rows)
    from gis.papers.template_workbook import filled_workbook

    return filled_workbook(content, mapping, figures, rows)
