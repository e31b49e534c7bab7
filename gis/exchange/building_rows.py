"""The rows of a register of buildings: what is wrong with them, and their points and outlines."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gis import crs as systems
from gis.db import STORAGE_SRID
from gis.errors import InvalidInput
from gis.exchange.map_table import MapTable
from gis.files.cells import CellError, clean_text
from gis.files.points import read_points
from gis.files.report import LoadReport
from gis.files.rooms import Door, parse_building_name
from gis.files.tables import Row, Table
from gis.labels import HIGHEST_FLOOR
from gis.messages import Message
from gis.places.building_kinds import OUTLINE_ZH
from gis.shapes.local_distance import metres_per_degree
from gis.shapes.measure import geodesic_area_m2

MAX_STAIRWELLS = 60
MAX_HOMES = 5_000
OUTLINE_AREA_M2 = (2.0, 300_000.0)  # of one building
SQUARE_M = 12.0  # side of the square around the point of a building without an outline
NUMBER_LIMITS = {
    "floors": (1, HIGHEST_FLOOR),
    "stairwells": (0, MAX_STAIRWELLS),
    "homes": (0, MAX_HOMES),
}
MAX_TEXT_CHARS = 200
ROW_TEXTS = ("code", "estate", "name", "address", "kind", "head", "sponsor")

Fault = tuple[str, Message]


@dataclass
class BuildingRow:
    """A row, and where it says the building stands.

    Attributes
    ----------
    point
        Longitude and latitude, EPSG:4490.
    shape
        Outline, EPSG:4490, rounded as it is stored.
    building
        Id of the stored building that it means; None for a new one.
    clear
        Keys whose stored values go; only of pages, since an empty cell leaves them.
    """

    number: int
    values: Mapping[str, Any]
    point: tuple[float, float] | None = None
    shape: BaseGeometry | None = None
    building: int | None = None
    clear: Collection[str] = field(default_factory=tuple)

    def __getitem__(self, key: str) -> Any:
        """Return the value of a column; None if it is empty."""
        return self.values.get(key)

    @property
    def title(self) -> str:
        """What the building is called: estate and name, else its code."""
        return f"{self['estate'] or ''}{self['name'] or ''}" or self["code"] or ""


def read_rows(table: Table, crs: str | None, report: LoadReport) -> list[BuildingRow]:
    """Return the rows of a register with their places; those with faults are refused.

    Parameters
    ----------
    crs
        System of the points and shapes of rows that name none.
    """
    rows = list(table.rows)
    points, _ = read_points(table, rows, crs, report)
    drawn = table.shapes if isinstance(table, MapTable) else {}
    result, row_by_key = [], dict[tuple[str, ...], int]()
    for row, point in zip(rows, points, strict=True):
        faults = [*_faults(row), *_twice(row, row_by_key)]
        shape = drawn.get(row.number)
        try:
            if shape is None and row["shape"]:
                shape = shape_of_text(row["shape"], row["crs"] or crs)
            outline = None if shape is None else as_outline(shape)
        except CellError as error:
            faults.append(("geometry" if drawn else "shape", error.message))
            outline = None
        report.refused += [table.refuse(row.number, *fault) for fault in faults]
        clear = row["clear"] or ()
        result.append(BuildingRow(row.number, row.values, point, outline, clear=clear))
    stated = {row["crs"] or crs or "" for row in rows if row["lon"] is not None}
    report.crs = report.crs or ", ".join(sorted(stated)) or None
    return result


def _faults(row: Row) -> list[Fault]:
    """Return what is wrong with single cells."""
    faults: list[Fault] = []
    if not row["code"] and not (row["estate"] and row["name"]):
        key = "name" if row["estate"] else "estate"
        faults.append((key, Message("building_row.nameless")))
    for key, (low, high) in NUMBER_LIMITS.items():
        if row[key] is not None and not low <= row[key] <= high:
            params: dict[str, object] = {"value": str(row[key]), "low": low, "high": high}
            faults.append((key, Message("building_row.out_of_range", params)))
    faults += [
        (key, Message("checkup.text_too_long", {"limit": MAX_TEXT_CHARS}))
        for key in ROW_TEXTS
        if len(row[key] or "") > MAX_TEXT_CHARS
    ]
    faults += [
        (f"{post}_phone", Message("building_row.telephone_of_nobody"))
        for post in ("head", "sponsor")
        if row[f"{post}_phone"] and not row[post]
    ]
    if row["outline"] and outline_of(row["outline"]) is None:
        params = {"value": row["outline"][:40], "allowed": list(OUTLINE_ZH.values())}
        faults.append(("outline", Message("field.none_of", params)))
    return faults


def outline_of(word: str | None) -> str | None:
    """Return how an outline is known, by a key or its Chinese; None for other words."""
    return next((key for key, zh in OUTLINE_ZH.items() if word in (key, zh)), None)


def _twice(row: Row, row_by_key: dict[tuple[str, ...], int]) -> list[Fault]:
    key = (row["code"],) if row["code"] else (row["estate"] or "", row["name"] or "")
    first = row_by_key.setdefault(key, row.number)
    if first == row.number or not any(key):
        return []
    field_name = "code" if row["code"] else "name"
    params: dict[str, object] = {"row": str(first), "name": "".join(key)}
    return [(field_name, Message("building_row.twice", params))]


def name_fault(name: str) -> Message | None:
    """Return why a text is not the name of one new building: 1-3号楼, 3号楼2单元."""
    try:
        read = parse_building_name(name)
    except CellError as error:
        return error.message
    value = getattr(read, "value", read)
    if isinstance(value, Door) or value is None:
        return Message("building_row.not_one_building", {"name": name[:40]})
    return None


def shape_of_text(value: str, crs: str | None) -> BaseGeometry:
    """Return the shape that a cell holds as WKT, in storage coordinates.

    Raises
    ------
    CellError
        It holds none, or its system is not named or cannot be.
    """
    try:
        shape = shapely.from_wkt(clean_text(value))
    except shapely.GEOSException:
        shape = None
    if shape is None or shape.is_empty:
        raise CellError("building_row.shape_malformed", value=clean_text(value)[:40])
    if crs is None:
        raise CellError("cell.crs_missing", systems=systems.SUPPORTED_CRS)
    lon, lat = shapely.get_coordinates(shape).T
    try:
        systems.validate_points(lon, lat, crs)
    except InvalidInput as error:
        raise CellError(error.errors[0].code, **dict(error.errors[0].params)) from None

    def to_storage(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(systems.to_storage(xy[:, 0], xy[:, 1], crs))

    return shapely.transform(shapely.force_2d(shape), to_storage)


def as_outline(
    shape: BaseGeometry, limits: tuple[float, float] = OUTLINE_AREA_M2
) -> shapely.MultiPolygon:
    """Return a shape as the outline of a building or facility, rounded as it is stored.

    Parameters
    ----------
    limits
        Of its area, m².

    Raises
    ------
    CellError
        It is no polygon, crosses itself, or is too small or too large.
    """
    parts = [part for part in shapely.get_parts(shape) if not part.is_empty]
    if not parts or any(part.geom_type != "Polygon" for part in parts):
        raise CellError("building_row.no_polygon")
    outline = shapely.MultiPolygon(parts)
    outline = shapely.transform(shapely.force_2d(outline), lambda xy: np.round(xy, 7))
    if not outline.is_valid:
        raise CellError("building_row.shape_invalid", reason=shapely.is_valid_reason(outline))
    area = geodesic_area_m2(outline)
    low, high = limits
    if not low <= area <= high:
        raise CellError(
            "building_row.outline_size", area=round(area), low=round(low), high=round(high)
        )
    return outline


def square_around(lon: float, lat: float) -> shapely.MultiPolygon:
    """Return the square that stands for the outline of a building at a point."""
    east, north = (SQUARE_M / 2 / metres for metres in metres_per_degree(lat))
    corners = np.round([lon - east, lat - north, lon + east, lat + north], 7)
    return shapely.MultiPolygon([shapely.box(*corners)])


def hex_ewkb(shape: BaseGeometry | None) -> str | None:
    """Return a shape as COPY takes it for a geometry column."""
    if shape is None:
        return None
    return str(shapely.to_wkb(shapely.set_srid(shape, STORAGE_SRID), hex=True, include_srid=True))
