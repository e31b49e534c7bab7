"""The buildings that lack a facility, or that have changed between two states, as a file."""

import csv
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path

from openpyxl import Workbook

from gis import private
from gis.facilities.coverage_gaps import Gap
from gis.facilities.snapshot_changes import ChangedBuilding
from gis.files.formulas import cell_text
from gis.files.table_writer import require_target
from gis.files.vector import write_vector
from gis.frames.service_frames import BuildingRow, building_frame

GAPS_EXTENSIONS = (".xlsx", ".csv", ".gpkg", ".geojson")
FIELD_TYPES: dict[object, type] = {int: int, int | None: int, float | None: float}  # of map files


def write_gaps(gaps: Sequence[Gap], path: Path) -> int:
    """Write gaps to a file; see `write_buildings`."""
    return write_buildings(gaps, Gap, path, "gaps")


def write_changes(changes: Sequence[ChangedBuilding], path: Path) -> int:
    """Write the buildings that have changed to a file; see `write_buildings`."""
    return write_buildings(changes, ChangedBuilding, path, "changes")


def write_buildings(
    rows: Sequence[BuildingRow], kind: type[BuildingRow], path: Path, name: str
) -> int:
    """Write rows of buildings to a file, which is replaced only when all has gone well.

    Tables have the point as lon, lat and crs; texts that would be formulas begin with an
    apostrophe. Without rows a table has its head only, and of a map file nothing is made.

    Parameters
    ----------
    kind
        Dataclass of the rows, whose fields are the columns.
    name
        Of the sheet, or of the layer of a map file.
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
    ending = require_target(path, GAPS_EXTENSIONS)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{name}-") as folder:
        written = Path(folder) / path.name
        if ending == ".xlsx":
            _write_xlsx(_table(rows, kind), written, name)
        elif ending == ".csv":
            _write_csv(_table(rows, kind), written)
        else:
            _write_points(rows, kind, written, name)
        if written.exists():
            written.chmod(private.FILE_MODE)
            written.replace(path)
    return len(rows)


def _table(rows: Sequence[BuildingRow], kind: type[BuildingRow]) -> Iterator[list[object]]:
    """Yield the head and the rows of a table."""
    yield [*(field.name for field in fields(kind)), "crs"]
    for row in rows:
        yield [*(cell_text(value) for value in astuple(row)), "cgcs2000"]


def _write_xlsx(table: Iterator[list[object]], path: Path, name: str) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(name)
    for row in table:
        sheet.append(row)
    book.save(path)


def _write_csv(table: Iterator[list[object]], path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(
            ["" if value is None else value for value in row] for row in table
        )


def _write_points(
    rows: Sequence[BuildingRow], kind: type[BuildingRow], path: Path, name: str
) -> None:
    frame = building_frame(rows, kind).reset_index()
    types = {field.name: FIELD_TYPES.get(field.type, str) for field in fields(kind)}
    columns: list[tuple[str, type]] = [
        (column, bytes if column == "geometry" else types.get(column, str))
        for column in frame.columns
    ]
    write_vector([frame], columns, path, layer=name, geometry_type="Point")
