"""The buildings that lack a facility as a file: a table, or points for a map program."""

import csv
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path

from openpyxl import Workbook

from gis import private
from gis.errors import InvalidInput
from gis.facilities.coverage_gaps import Gap
from gis.files.formulas import cell_text
from gis.files.vector import write_vector
from gis.frames.service_frames import gap_frame

ENDINGS = (".xlsx", ".csv", ".gpkg", ".geojson")
TYPES = dict.fromkeys(("households", "people", "elders"), int) | dict.fromkeys(
    ("minutes", "missing_minutes"), float
)


def write_gaps(gaps: Sequence[Gap], path: Path) -> int:
    """Write gaps to a file, which is replaced only when all has gone well.

    Tables have the point as lon, lat and crs; texts that would be formulas begin with an
    apostrophe. Without gaps a table has its head only, and of a map file nothing is made.

    Parameters
    ----------
    path
        Ends in .xlsx, .csv, .gpkg or .geojson.

    Returns
    -------
    How many rows were written.

    Raises
    ------
    InvalidInput
        Not such an ending or folder.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise InvalidInput("dump.wrong_ending", file=path.name, endings=[*ENDINGS])
    if not path.parent.is_dir():
        raise InvalidInput("file.no_such_folder", folder=str(path.parent))
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".gaps-") as folder:
        written = Path(folder) / path.name
        if ending == ".xlsx":
            _write_xlsx(gaps, written)
        elif ending == ".csv":
            _write_csv(gaps, written)
        else:
            _write_points(gaps, written)
        if written.exists():
            written.chmod(private.FILE_MODE)
            written.replace(path)
    return len(gaps)


def _table(gaps: Sequence[Gap]) -> Iterator[list[object]]:
    """Yield the head and the rows of a table."""
    yield [*(field.name for field in fields(Gap)), "crs"]
    for gap in gaps:
        yield [*(cell_text(value) for value in astuple(gap)), "cgcs2000"]


def _write_xlsx(gaps: Sequence[Gap], path: Path) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("gaps")
    for row in _table(gaps):
        sheet.append(row)
    book.save(path)


def _write_csv(gaps: Sequence[Gap], path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(
            ["" if value is None else value for value in row] for row in _table(gaps)
        )


def _write_points(gaps: Sequence[Gap], path: Path) -> None:
    frame = gap_frame(gaps).reset_index()
    columns: list[tuple[str, type]] = [
        (name, bytes if name == "geometry" else TYPES.get(name, str)) for name in frame.columns
    ]
    write_vector([frame], columns, path, layer="gaps", geometry_type="Point")
