"""Writing layers to files for other programs; the ending says the format.

No personal names leave here, but in the layer that says so in its name.
"""

import csv
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from sqlalchemy import (
    ColumnElement,
    Double,
    Numeric,
    Text,
    and_,
    cast,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.orm import Session, aliased

from gis import private
from gis.areas.models import Area, Level
from gis.db import STORAGE_SRID
from gis.errors import InvalidInput, NotFound, TooLarge
from gis.files.formulas import cell_text
from gis.files.vector import VECTOR_DRIVERS, write_vector
from gis.frames.area_frames import area_query
from gis.frames.place_frames import building_point, building_query
from gis.frames.read import GEOMETRY, Query, read_batches, wkb
from gis.frames.service_frames import (
    circle_query,
    edit_query,
    entrance_query,
    facility_query,
    facility_table_query,
)
from gis.people.models import Person, Post
from gis.places.models import Building, Household, Stairwell

BUILDINGS_WITH_NAMES = "buildings_with_names"
MAX_SHEET_ROWS = 1_048_575  # rows of Excel, without the header


@dataclass(frozen=True)
class ExportLayer:
    """What a layer is.

    query: Makes its query, with WKB under the name `geometry`; takes the moment and the code where
    it is dated. geometry: Type of its geometries. columns: Names in the file of columns that are
    called otherwise in frames. dated: Whether it is one of areas. table: Makes the query of tables,
    where these have outlines, as WKT, and maps have points.
    """

    query: Callable[..., Query]
    geometry: str = "MultiPolygon"
    columns: Mapping[str, str] = field(default_factory=dict)
    dated: bool = False
    table: Callable[[], Query] | None = None

    def at(self, at: datetime, within: str) -> Query:
        """Return the query for a moment and the code of an area, where these matter."""
        return self.query(at, within) if self.dated else self.query()


def _area_query(level: Level) -> Callable[[datetime, str], Query]:
    def query(at: datetime, within: str) -> Query:
        rows = area_query(level, at, within).subquery()
        since = func.to_char(
            func.timezone("UTC", rows.c.since), 'YYYY-MM-DD"T"HH24:MI:SS"Z"', type_=Text
        )
        return select(
            *(since.label(each.name) if each.name == "since" else each for each in rows.c)
        )

    return query


def _household_query() -> Query:
    unit = aliased(Area)
    return (
        select(
            Household.county,
            Building.code.label("building"),
            Building.estate,
            Building.name.label("building_name"),
            Stairwell.name.label("stairwell"),
            Household.floor,
            Household.room,
            Household.people,
            Household.elders,
            Household.children,
            unit.code.label("unit"),
            wkb(building_point()),
        )
        .join_from(Household, Building)
        .outerjoin(Stairwell, Stairwell.id == Household.stairwell_id)
        .outerjoin(unit, unit.id == Household.unit_id)
        .order_by(Building.code, Stairwell.name, Household.floor, Household.room)
    )


def _register_query() -> Query:
    """Return the buildings with who is head and who vouches, as a register of buildings has it."""
    query = building_query()
    for column, role in (("head", "building_head"), ("sponsor", "building_sponsor")):
        post, person = aliased(Post), aliased(Person)
        held = (post.building_id == Building.id, post.role == role)
        query = (
            query.outerjoin(post, and_(*held, post.valid_time.contains(func.now())))
            .outerjoin(person, person.id == post.holder_id)
            .add_columns(
                person.name.label(column),
                func.nullif(person.phone, "", type_=Text).label(f"{column}_phone"),
            )
        )
    return query


EXPORT_LAYERS = {
    "provinces": ExportLayer(_area_query(Level.PROVINCE), dated=True),
    "cities": ExportLayer(_area_query(Level.CITY), dated=True),
    "counties": ExportLayer(_area_query(Level.COUNTY), dated=True),
    "streets": ExportLayer(_area_query(Level.STREET), dated=True),
    "communities": ExportLayer(_area_query(Level.COMMUNITY), dated=True),
    "grids": ExportLayer(_area_query(Level.GRID), dated=True),
    "units": ExportLayer(_area_query(Level.UNIT), dated=True),
    "buildings": ExportLayer(building_query),
    BUILDINGS_WITH_NAMES: ExportLayer(_register_query),
    "facilities": ExportLayer(facility_query, "Point", table=facility_table_query),
    "entrances": ExportLayer(entrance_query, "Point"),
    "edits": ExportLayer(edit_query, "Unknown"),
    "circles": ExportLayer(circle_query, columns={"speed_m_s": "speed"}),
    "households": ExportLayer(_household_query, "Point"),
}

# Shapefiles have names of at most 10 letters.
SHAPEFILE_NAMES = {
    "opening_hours": "open_hours",
    "building_name": "bldg_name",
    "off_network": "off_net",
    "sponsor_phone": "spons_tel",
}


AreaFilter = Mapping[str, Any]  # at: the moment; within: prefix of the codes of areas


def dump(
    session: Session, layer: str, path: Path, at: datetime | None = None, within: str = ""
) -> int:
    """Write a layer to a file.

    An existing file is replaced, and stays as it was when anything fails.

    Facilities and households are points. Shapes are EPSG:4490 (GeoJSON: the same numbers as WGS 84,
    RFC 7946). Spreadsheets and CSV have a point in the place (lon, lat, crs), CSV also the shape as
    WKT; there, texts that would be formulas begin with an apostrophe.

    Parameters
    ----------
    layer
        One of `EXPORT_LAYERS`.
    path
        Ends in .gpkg, .geojson, .shp, .fgb, .csv or .xlsx.
    at
        For areas: the moment whose boundaries count; now when None.
    within
        For areas: only those under the area with this code, and itself.

    Returns
    -------
    How many rows were written.

    Raises
    ------
    InvalidInput
        Not such a layer, ending or folder; or a moment for a layer without dates.
    NotFound
        The layer has no rows.
    TooMuch
        More rows than a spreadsheet holds.
    """
    if layer not in EXPORT_LAYERS:
        raise InvalidInput("dump.layer_unknown", layer=layer, layers=list(EXPORT_LAYERS))
    ending = path.suffix.lower()
    if ending not in WRITERS:
        raise InvalidInput("dump.wrong_ending", file=path.name, endings=list(WRITERS))
    if ending == ".shp" and EXPORT_LAYERS[layer].geometry == "Unknown":  # of one type only
        raise InvalidInput(
            "dump.wrong_ending",
            file=path.name,
            endings=[each for each in WRITERS if each != ending],
        )
    if not path.parent.is_dir():
        raise InvalidInput("file.no_such_folder", folder=str(path.parent))
    if at is not None and not EXPORT_LAYERS[layer].dated:
        raise InvalidInput("dump.no_dates", layer=layer)
    area_filter = {"at": at or datetime.now(UTC), "within": within}
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".dump-") as folder:
        count = WRITERS[ending](session, layer, Path(folder) / path.name, area_filter)
        if count == 0:
            if at:
                raise NotFound("dump.no_rows_at", layer=layer, time=f"{at:%Y-%m-%d %H:%M}")
            raise NotFound("dump.no_rows", layer=layer)
        for written in Path(folder).iterdir():  # a Shapefile is several files
            written.chmod(private.FILE_MODE)
            written.replace(path.parent / written.name)
    return count


def _write_shapes(session: Session, layer: str, path: Path, area_filter: AreaFilter) -> int:
    definition = EXPORT_LAYERS[layer]
    names = {**definition.columns, **(SHAPEFILE_NAMES if path.suffix.lower() == ".shp" else {})}
    query = definition.at(**area_filter)
    return write_vector(
        (batch.rename(columns=names) for batch in read_batches(session, query)),
        [
            (names.get(each.name, each.name), each.type.python_type)
            for each in query.selected_columns
        ],
        path,
        layer=layer,
        geometry_type=definition.geometry,
    )


def _table(
    session: Session,
    layer: str,
    area_filter: AreaFilter,
    *extra: Callable[[ColumnElement[Any]], ColumnElement[Any]],
) -> tuple[list[str], Iterator[Sequence[Any]]]:
    """Return the column names and rows of a layer, with a point in each geometry.

    `extra` adds columns computed from the geometry.
    """
    definition = EXPORT_LAYERS[layer]
    rows = (definition.table() if definition.table else definition.at(**area_filter)).subquery()
    geometry = func.ST_GeomFromWKB(rows.c[GEOMETRY], STORAGE_SRID)
    point = func.ST_PointOnSurface(geometry)  # of a point: itself
    query = select(
        *(
            each.label(definition.columns.get(each.name, each.name))
            for each in rows.c
            if each.name != GEOMETRY
        ),
        _degrees(func.ST_X(point)).label("lon"),
        _degrees(func.ST_Y(point)).label("lat"),
        literal("cgcs2000").label("crs"),
        *(make(geometry) for make in extra),
    )
    result = session.execute(query, execution_options={"yield_per": 5000})
    return list(result.keys()), iter(result)


def _degrees(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return degrees as loads store them, so that a file comes back the same."""
    return cast(func.round(cast(value, Numeric), 7), Double)


def _write_csv(session: Session, layer: str, path: Path, area_filter: AreaFilter) -> int:
    names, rows = _table(
        session, layer, area_filter, lambda geometry: func.ST_AsText(geometry, 7).label("wkt")
    )
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for row in rows:
            writer.writerow(["" if value is None else cell_text(value) for value in row])
            count += 1
    return count


def _write_xlsx(session: Session, layer: str, path: Path, area_filter: AreaFilter) -> int:
    names, rows = _table(session, layer, area_filter)
    book = Workbook(write_only=True)
    sheet = book.create_sheet(layer)
    sheet.append(names)
    # Reused for the next row. As text, codes stay codes when they are
    # edited.
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


WRITERS: dict[str, Callable[[Session, str, Path, AreaFilter], int]] = {
    **dict.fromkeys(VECTOR_DRIVERS, _write_shapes),
    ".csv": _write_csv,
    ".xlsx": _write_xlsx,
}


def list_attributions(session: Session) -> list[str]:
    """Return whom to credit for the data, and what of it is made up.

    It goes with every file that is handed on.
    """
    datasets = session.execute(
        text("SELECT source, attribution, made_up FROM dataset ORDER BY kind")
    )
    lines = [
        f"{source} is made up" if made_up else credit
        for source, credit, made_up in datasets
        if made_up or credit
    ]
    return list(dict.fromkeys(lines))
