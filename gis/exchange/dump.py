"""Writing layers to files for other programs; the ending says the format. No personal names leave here."""

import csv
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import private
from gis.db import STORAGE_SRID
from gis.errors import InvalidInput, NotFound, TooLarge
from gis.files.formulas import cell_text

MAX_SHEET_ROWS = 1_048_575  # rows of Excel, without the header

AREAS = """
SELECT a.code, a.name, a.level, p.code AS parent, a.county, s.revision_id AS revision,
       to_char(lower(s.valid) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since,
       round(ST_Area(s.shape::geography)::numeric)::float8 AS area_m2, s.shape AS shape
FROM area a JOIN boundary s ON s.area_id = a.id AND s.valid @> CAST(:at AS timestamptz)
LEFT JOIN dated_parent d ON d.area_id = a.id AND d.valid @> CAST(:at AS timestamptz)
LEFT JOIN area p ON p.id = coalesce(d.parent_id, a.parent_id)
WHERE a.level = '{level}' AND starts_with(a.code, :within) ORDER BY a.code
"""


@dataclass(frozen=True)
class ExportLayer:
    """What a layer is: a query with the geometry last, its geometry type, and whether it has dates."""

    query: str
    geometry: str = "MultiPolygon"
    dated: bool = False


LAYERS = {
    **{
        name: ExportLayer(AREAS.format(level=level), dated=True)
        for name, level in (
            ("counties", "county"),
            ("streets", "street"),
            ("communities", "community"),
            ("grids", "grid"),
            ("units", "unit"),
        )
    },
    "buildings": ExportLayer("""
        SELECT code, county, name, estate, address, kind, floors, source, shape FROM building ORDER BY code
    """),
    "facilities": ExportLayer("""
        SELECT code, county, category, name, address, opening_hours, contact, source,
               CASE GeometryType(shape) WHEN 'POINT' THEN shape ELSE ST_PointOnSurface(shape) END AS shape
        FROM facility ORDER BY code
    """, "Point"),
    "circles": ExportLayer("""
        SELECT f.code AS facility, f.name, f.category, c.profile, c.minutes, c.speed, c.off_network,
               c.island, c.households, c.people, c.buildings, c.network_version AS network, c.shape
        FROM service_circle c JOIN facility f ON f.id = c.facility_id ORDER BY f.code, c.profile, c.minutes
    """),
    "households": ExportLayer("""
        SELECT h.county, b.code AS building, b.estate, b.name AS building_name, s.name AS stairwell, h.floor,
               h.room, h.people, u.code AS unit, coalesce(b.entrance, ST_PointOnSurface(b.shape)) AS shape
        FROM household h JOIN building b ON b.id = h.building_id
        LEFT JOIN stairwell s ON s.id = h.stairwell_id LEFT JOIN area u ON u.id = h.unit_id
        ORDER BY b.code, s.name, h.floor, h.room
    """, "Point"),
}  # fmt: skip

# Shapefiles have names of at most 10 letters.
SHORT = {"opening_hours": "open_hours", "building_name": "bldg_name", "off_network": "off_net"}
OPTIONS = {".geojson": {"RFC7946": "YES"}}
DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".shp": "ESRI Shapefile", ".fgb": "FlatGeobuf"}


Asked = Mapping[str, object]  # of areas: at, the moment; within, what their codes begin with


def dump(session: Session, layer: str, path: Path, at: datetime | None = None, within: str = "") -> int:
    """Write a layer to a file; an existing file is replaced, and stays as it was when anything fails.

    Facilities and households are points. Shapes are EPSG:4490 (GeoJSON: the same numbers as WGS 84, RFC
    7946). Spreadsheets and CSV have a point in the place (lon, lat, crs), CSV also the shape as WKT; there,
    texts that would be formulas begin with an apostrophe.

    Args:
        layer: One of `LAYERS`.
        path: Ends in .gpkg, .geojson, .shp, .fgb, .csv or .xlsx.
        at: For areas: the moment whose boundaries count; now when None.
        within: For areas: only those under the area with this code, and itself.

    Returns:
        How many rows were written.

    Raises:
        InvalidInput: Not such a layer, ending or folder; or a moment for a layer without dates.
        NotFound: The layer has no rows.
        TooMuch: More rows than a spreadsheet holds.
    """
    if layer not in LAYERS:
        raise InvalidInput("dump.layer_unknown", layer=layer, layers=list(LAYERS))
    ending = path.suffix.lower()
    if ending not in WRITERS:
        raise InvalidInput("dump.wrong_ending", file=path.name, endings=list(WRITERS))
    if not path.parent.is_dir():
        raise InvalidInput("file.no_such_folder", folder=str(path.parent))
    if at is not None and not LAYERS[layer].dated:
        raise InvalidInput("dump.no_dates", layer=layer)
    asked = {"at": at or datetime.now(UTC), "within": within}
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".dump-") as folder:
        count = WRITERS[ending](session, layer, Path(folder) / path.name, asked)
        if count == 0:
            if at:
                raise NotFound("dump.no_rows_at", layer=layer, time=f"{at:%Y-%m-%d %H:%M}")
            raise NotFound("dump.no_rows", layer=layer)
        for made in Path(folder).iterdir():  # a Shapefile is several files
            made.chmod(private.FILE_MODE)
            made.replace(path.parent / made.name)
    return count


def _rows(session: Session, layer: str, asked: Asked, shape: str) -> tuple[list[str], Iterator[Sequence[Any]]]:
    """Names of the columns, and rows as they come, with the geometry as the SQL expression `shape`."""
    what = LAYERS[layer]
    query = f"SELECT l.*, {shape} FROM ({what.query}) l"  # noqa: S608  our own table
    found = session.execute(text(query), asked if what.dated else {}, execution_options={"yield_per": 5000})
    names = list(found.keys())
    gone = names.index("shape")
    return names[:gone] + names[gone + 1 :], ((*row[:gone], *row[gone + 1 :]) for row in found)


def _write_shapes(session: Session, layer: str, path: Path, asked: Asked) -> int:
    names, rows = _rows(session, layer, asked, "ST_AsBinary(l.shape) AS wkb")
    table = list(rows)
    if not table:
        return 0
    ending = path.suffix.lower()
    columns = [_column([row[place] for row in table]) for place in range(len(names) - 1)]
    fields = [SHORT.get(name, name) if ending == ".shp" else name for name in names[:-1]]
    kind = LAYERS[layer].geometry
    pyogrio.raw.write(
        path,
        geometry=np.array([bytes(row[-1]) for row in table], dtype=object),
        field_data=[values for values, _ in columns],
        field_mask=[mask for _, mask in columns],
        fields=np.array(fields, dtype=object),
        geometry_type="Polygon" if ending == ".shp" and kind == "MultiPolygon" else kind,
        crs="EPSG:4326" if ending == ".geojson" else f"EPSG:{STORAGE_SRID}",
        driver=DRIVERS[ending],
        layer=layer,
        encoding="UTF-8",
        layer_options=OPTIONS.get(ending, {}),
    )
    return len(table)


def _column(values: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """A column for GDAL: its values, and where it is empty."""
    empty = np.array([value is None for value in values])
    kinds = {type(value) for value in values} - {type(None)}
    for kind, dtype in ((bool, "bool"), (int, "int64"), (float, "float64")):
        if kinds == {kind}:
            return np.array([kind() if value is None else value for value in values], dtype=dtype), empty
    return np.array([None if value is None else str(value) for value in values], dtype=object), empty


def _table(session: Session, layer: str, asked: Asked, *more: str) -> tuple[list[str], Iterator[Sequence[Any]]]:
    point = "ST_PointOnSurface(l.shape)"  # of a point: itself
    place = (f"ST_X({point}) AS lon", f"ST_Y({point}) AS lat", "'cgcs2000' AS crs")
    return _rows(session, layer, asked, ", ".join((*place, *more)))


def _write_csv(session: Session, layer: str, path: Path, asked: Asked) -> int:
    names, rows = _table(session, layer, asked, "ST_AsText(l.shape, 7) AS wkt")
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for row in rows:
            writer.writerow(["" if value is None else cell_text(value) for value in row])
            count += 1
    return count


def _write_xlsx(session: Session, layer: str, path: Path, asked: Asked) -> int:
    names, rows = _table(session, layer, asked)
    book = Workbook(write_only=True)
    sheet = book.create_sheet(layer)
    sheet.append(names)
    # written at once and used again for the next row; as text, codes stay codes when they are edited
    cells = [WriteOnlyCell(sheet) for _ in names]
    for cell in cells:
        cell.number_format = "@"
    count = 0
    for row in rows:
        count += 1
        if count > MAX_SHEET_ROWS:
            raise TooLarge("dump.too_many_rows", limit=MAX_SHEET_ROWS, layer=layer)
        line: list[object] = []
        for cell, value in zip(cells, row, strict=True):
            if isinstance(value, str):
                cell.value = cell_text(value)
            line.append(cell if isinstance(value, str) else value)
        sheet.append(line)
    book.save(path)
    return count


WRITERS: dict[str, Callable[[Session, str, Path, Asked], int]] = {
    **dict.fromkeys(DRIVERS, _write_shapes),
    ".csv": _write_csv,
    ".xlsx": _write_xlsx,
}


def list_attributions(session: Session) -> list[str]:
    """Return whom to credit for the data, and what of it is made up; it goes with every file that is handed on."""
    found = session.execute(text("SELECT source, attribution, made_up FROM dataset ORDER BY kind"))
    lines = [f"{source} is made up" if made_up else credit for source, credit, made_up in found if made_up or credit]
    return list(dict.fromkeys(lines))
