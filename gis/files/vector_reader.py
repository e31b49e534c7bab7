"""The reader of map files, as the child process of `gis.files.vector` runs it.

Imports only what it needs.

Of GDAL only the drivers in `GDAL_VECTOR_DRIVERS` are there, see `environment`.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.raw import open_arrow
from pyproj.exceptions import ProjError

from gis import crs as systems
from gis.errors import InvalidInput, TooLarge
from gis.files import dxf
from gis.files.dbf_text import AttributeEncoding, dbf_encoding
from gis.files.geopackage import check_one_system, check_schema
from gis.files.unpacking import opened
from gis.files.vector_crs import Conversion, conversion_to_storage, parse_crs_option
from gis.messages import Message

GDAL_VECTOR_DRIVERS = frozenset(
    {"GPKG", "GeoJSON", "ESRI Shapefile", "FlatGeobuf", "LIBKML", "DXF", "MEM"}
)
BATCH_FEATURES = 1_024
MAX_FILE_FEATURES = 500_000
MAX_VERTICES = 20_000_000  # in a whole file
# fields that GDAL gives every KML, whether the file has them or not
KML_FIELDS = frozenset(
    {
        "id",
        "description",
        "timestamp",
        "begin",
        "end",
        "altitudeMode",
        "tessellate",
        "extrude",
        "visibility",
        "drawOrder",
        "icon",
        "snippet",
    }
)


def environment() -> dict[str, str]:
    """Return the child's environment: GDAL has only `GDAL_VECTOR_DRIVERS`, and no network."""
    others = set(pyogrio.list_drivers()) - GDAL_VECTOR_DRIVERS
    return {
        "GDAL_SKIP": ",".join(sorted(others)),
        "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{noext}",
        "PROJ_NETWORK": "OFF",
    }


def read_features(
    path: Path, crs: str | None, layer: str | None, max_unpacked_bytes: int
) -> Iterator[Any]:
    """Yield the system in words, the notes and the names of the attributes.

    Then the features, some at a time.

    Features come as (WKB in the storage system or None, values by attribute, repairs, faults), the
    last two by position in the file.

    Raises
    ------
    InvalidInput
        The file is damaged, or its layer or its system is not clear.
    TooLarge
        It has too many features or vertices, or unpacks to more than `max_unpacked_bytes`.
    """
    given_crs = parse_crs_option(crs)
    with opened(path, max_unpacked_bytes) as file:
        if file.suffix.lower() == ".gpkg":
            check_schema(file)
        if file.suffix.lower() == ".kml":
            _check_entities(path, file)
        if file.suffix.lower() == ".dxf":
            yield from _drawing(path, layer, given_crs)
            return
        layer = _layer(path, file, layer)
        notes: list[Message] = []
        is_shapefile = file.suffix.lower() == ".shp"
        encoding = dbf_encoding(file, notes) if is_shapefile else AttributeEncoding(None)
        try:
            with warnings.catch_warnings():
                # unclosed rings are detected and reported by this module
                warnings.simplefilter("ignore")
                yield from _features(path, file, layer, encoding, given_crs, notes)
        except (
            pyogrio.errors.DataSourceError,
            pyogrio.errors.DataLayerError,
            pyogrio.errors.FeatureError,
            pa.ArrowException,
            OSError,
            UnicodeDecodeError,
        ) as error:
            raise _damaged(path) from error


def _drawing(path: Path, layer: str | None, given_crs: str | int | None) -> Iterator[Any]:
    """Yield the outlines of a DXF drawing as `read_features`; its system must be given.

    Raises
    ------
    InvalidInput
        The drawing is damaged, or its system is not given.
    TooLarge
        It has more than MAX_VERTICES vertices.
    """
    notes: list[Message] = []
    to_storage, crs_name = conversion_to_storage(path.name, None, given_crs, notes)
    try:
        drawing = dxf.read_drawing(path, path.name, layer, MAX_FILE_FEATURES)
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        pyogrio.errors.FeatureError,
        OSError,
        UnicodeDecodeError,
    ) as error:
        raise _damaged(path) from error
    if int(shapely.get_num_coordinates(drawing.shapes).sum()) > MAX_VERTICES:
        raise TooLarge("map_file.too_many_vertices", file=path.name, limit=MAX_VERTICES)
    yield crs_name, notes + drawing.notes, list(drawing.columns)
    for start in range(0, len(drawing.shapes), BATCH_FEATURES):
        end = start + BATCH_FEATURES
        faults = {i - start: fault for i, fault in drawing.faults.items() if start <= i < end}
        moved = move_points(drawing.shapes[start:end], to_storage, given_crs, faults)
        yield (
            shapely.to_wkb(moved).tolist(),
            [values[start:end] for values in drawing.columns.values()],
            {i: repair for i, repair in drawing.repairs.items() if start <= i < end},
            _shifted(faults, start),
        )


def _check_entities(path: Path, file: Path) -> None:
    """Refuse XML that declares entities: a few lines of them unfold to gigabytes.

    Raises
    ------
    InvalidInput
        `map_file.xml_entities`.
    """
    tail = b""
    with file.open("rb") as text:
        while piece := text.read(1 << 20):
            if b"<!ENTITY" in tail + piece or b"<!DOCTYPE" in tail + piece:
                raise InvalidInput("map_file.xml_entities", file=path.name)
            tail = piece[-16:]


def _features(
    path: Path,
    file: Path,
    layer: str | None,
    encoding: AttributeEncoding,
    given_crs: str | int | None,
    notes: list[Message],
) -> Iterator[Any]:
    read_as = encoding.read_as
    count = pyogrio.read_info(file, layer=layer, encoding=read_as)["features"]
    if count > MAX_FILE_FEATURES:
        raise TooLarge(
            "map_file.features_counted", file=path.name, count=count, limit=MAX_FILE_FEATURES
        )
    with open_arrow(
        file, layer=layer, encoding=read_as, batch_size=BATCH_FEATURES, use_pyarrow=True
    ) as (
        meta,
        reader,
    ):
        geometry = meta["geometry_name"] or "wkb_geometry"
        if geometry not in reader.schema.names:
            raise InvalidInput("map_file.no_shapes", file=path.name)
        if file.suffix.lower() == ".gpkg":
            check_one_system(file, layer, meta["geometry_name"])
        to_storage, crs_name = conversion_to_storage(path.name, meta["crs"], given_crs, notes)
        fixed_fields = KML_FIELDS if file.suffix.lower() == ".kml" else ()
        names = [str(name) for name in meta["fields"] if name not in fixed_fields]
        yield crs_name, notes, [encoding.name_of(name) for name in names]
        offset = vertices = 0
        for batch in reader:
            shapes, repairs, faults = _shapes(batch[geometry].to_numpy(zero_copy_only=False))
            vertices += int(shapely.get_num_coordinates(shapes).sum())
            if vertices > MAX_VERTICES:
                raise TooLarge("map_file.too_many_vertices", file=path.name, limit=MAX_VERTICES)
            if offset + len(shapes) > MAX_FILE_FEATURES:
                raise TooLarge(
                    "map_file.too_many_features", file=path.name, limit=MAX_FILE_FEATURES
                )
            moved = move_points(shapes, to_storage, given_crs, faults)
            columns = [encoding.values_of(_values(batch[name])) for name in names]
            yield (
                shapely.to_wkb(moved).tolist(),
                columns,
                _shifted(repairs, offset),
                _shifted(faults, offset),
            )
            offset += len(shapes)


def _shifted(by_position: Mapping[int, object], offset: int) -> dict[int, object]:
    """Return what belongs to the features of a batch by their position in the file."""
    return {offset + position: item for position, item in by_position.items()}


def _values(column: pa.Array) -> list[Any]:
    """Return the values of an attribute; moments in UTC where the file gives their zone."""
    if pa.types.is_timestamp(column.type) and column.type.tz:
        values = column.cast(pa.timestamp(column.type.unit)).to_pylist()
        return [value and value.replace(tzinfo=UTC) for value in values]
    return list(column.to_pylist())


def _layer(path: Path, file: Path, layer: str | None) -> str | None:
    """Return the layer to read; the only one if `layer` is None.

    Raises
    ------
    InvalidInput
        There is no such layer, none, or several and `layer` is None; or the file is damaged.
    """
    if file.suffix.lower() == ".shp":
        return None
    try:
        layers = [str(name) for name, kind in pyogrio.list_layers(file) if kind]
    except (pyogrio.errors.DataSourceError, UnicodeDecodeError) as error:
        raise _damaged(path) from error
    if layer is not None and layer not in layers:
        layers_or_none = layers or Message("map_file.none_with_shapes")
        raise InvalidInput(
            "map_file.layer_unknown", file=path.name, layer=layer, layers=layers_or_none
        )
    if layer is None and len(layers) > 1:
        raise InvalidInput("map_file.several_layers", file=path.name, layers=layers)
    if not layers:
        raise InvalidInput("map_file.no_layer", file=path.name)
    return layer or layers[0]


def _damaged(path: Path) -> InvalidInput:
    code = "map_file.shapefile_damaged" if path.suffix.lower() == ".shp" else "map_file.damaged"
    return InvalidInput(code, file=path.name)


def _shapes(
    raw: Sequence[bytes | None],
) -> tuple[NDArray[Any], dict[int, Message], dict[int, Message]]:
    """Return shapes from WKB, and by position what was repaired and what is wrong.

    Unclosed rings are closed.
    """
    wkb = np.array(raw, dtype=object)
    shapes = shapely.from_wkb(wkb, on_invalid="ignore")
    repairs: dict[int, Message] = {}
    faults: dict[int, Message] = {}
    for i in np.flatnonzero(shapely.is_missing(shapes)).tolist():
        if wkb[i] is None:
            continue
        shapes[i] = shapely.from_wkb(wkb[i], on_invalid="fix")
        if shapes[i] is None:
            faults[i] = Message("map_file.curve", {})
        else:
            repairs[i] = Message("map_file.ring_closed", {})
    return shapes, repairs, faults


def move_points(
    shapes: NDArray[Any],
    to_storage: Conversion,
    given_crs: str | int | None,
    faults: dict[int, Message],
) -> NDArray[Any]:
    """Bring shapes into the storage system; those that land nowhere on the earth become faults.

    Raises
    ------
    InvalidInput
        The coordinates do not fit their system.
    """
    system = str(given_crs) if given_crs in systems.OBFUSCATED_CRS else "wgs84"
    try:
        moved = shapely.transform(shapely.force_2d(shapes), to_storage) if len(shapes) else shapes
    except ProjError as error:
        raise InvalidInput("map_file.crs_does_not_fit") from error
    boxes = shapely.bounds(moved)
    has_shape = ~shapely.is_missing(moved) & ~shapely.is_empty(moved)
    for corner in (boxes[:, :2], boxes[:, 2:]):
        positions = np.flatnonzero(has_shape)
        for fault in systems.find_invalid_points(
            corner[positions, 0], corner[positions, 1], system
        ):
            i = int(positions[fault.index])
            faults.setdefault(
                i,
                Message(
                    "map_file.corner_invalid", {"reason": Message(fault.code, dict(fault.params))}
                ),
            )
    return moved
