"""Forms read and filled in a child process with limits, see gis/files/sandbox.py."""

from collections.abc import Mapping

from gis.files.sandbox import MEGABYTE, Limits, run, within_request
from gis.incidents.reading.statistics import RateCount
from gis.papers.data import PaperData, Value, value_text
from gis.papers.template_forms import fill_here, read_here
from gis.papers.template_names import Cell
from gis.papers.words import facts

LIMITS = Limits(cpu_s=10, wall_s=15, memory_bytes=1_000 * MEGABYTE, returned_bytes=60 * MEGABYTE)
FORM_ENDINGS = (".docx", ".xlsx")


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

    Raises
    ------
    Unavailable
        Other files are being read and filled just now.
    """
    figures = {key: _cell(value) for key, value in facts(data).items()}
    rows = [{key: _cell(row.values[key]) for key in data.columns} for row in data.rows]
    with within_request():
        result: bytes = run(
            fill_here, content, ending, dict(mapping), figures, rows, limits=LIMITS, name=file
        )
    return result


def _cell(value: Value) -> Cell:
    text = "" if value is None else value_text(value)
    if isinstance(value, RateCount):
        return text, None if value.is_small else value.value, "0.0%"
    if isinstance(value, int | float):
        return text, value, "0.0" if isinstance(value, float) else ""
    return text, None, ""
