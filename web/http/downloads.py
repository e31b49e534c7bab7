"""Files that a reader saves; no copy of them stays on the way."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from flask import Response, request

from gis.files.table_writer import write_values

MAX_LIST_ROWS = 10_000  # of a list as a spreadsheet
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
GPKG = "application/geopackage+sqlite3"
MEDIA_TYPE_BY_ENDING = {
    ".csv": "text/csv",
    ".docx": DOCX,
    ".gpkg": GPKG,
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".xlsx": XLSX,
}
PLAIN_NAME_PATTERN = re.compile(r"[\w.+-]+", re.ASCII)


def attachment(name: str, content: bytes | str | Callable[[Path], object]) -> Response:
    """Return a file to be saved under a name, whose ending says what it is.

    Parameters
    ----------
    content
        What it holds, or a function that writes it to a path with that ending.
    """
    ending = Path(name).suffix
    data = _written(content, ending) if callable(content) else content
    response = Response(data, mimetype=MEDIA_TYPE_BY_ENDING[ending])
    plain = PLAIN_NAME_PATTERN.fullmatch(name)
    label = f'filename="{name}"' if plain else f"filename*=UTF-8''{quote(name, safe='')}"
    response.headers["Content-Disposition"] = f"attachment; {label}"
    response.headers["Cache-Control"] = "no-store"
    return response


def wants_table() -> bool:
    """Return whether a page is asked for what it lists as a table: `?format=xlsx`."""
    return request.args.get("format") == "xlsx"


def list_table(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return what a page lists as .xlsx; what is no number is text."""
    cells = [
        [cell if isinstance(cell, int | float) else str(cell or "") for cell in row] for row in rows
    ]
    return attachment(f"{name}.xlsx", lambda path: write_values(path, header, cells))


def _written(write: Callable[[Path], object], ending: str) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"file{ending}"
        write(path)
        return path.read_bytes()
