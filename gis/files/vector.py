"""Read map files into frames in the storage system.

GeoPackage, GeoJSON, Shapefile, FlatGeobuf, KML and KMZ, and the closed lines of DXF drawings.

The format is determined from the first bytes and the ending, so that a file never starts another
driver of GDAL. `gis.files.vector_reader` reads the file in a child process with limits.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray

from gis.crs import STORAGE_SRID
from gis.errors import InvalidInput, TooLarge
from gis.files import sandbox
from gis.files.sandbox import Limits
from gis.files.unpacking import unpacked_limit
from gis.files.vector_reader import environment, read_features
from gis.messages import Message

# ending -> how such a file begins
VECTOR_SIGNATURES: dict[str, bytes] = {
    ".gpkg": b"SQLite format 3\0",
    ".fgb": b"fgb",
    ".shp": b"\x00\x00\x27\x0a",
    ".zip": b"PK\x03\x04",
    ".kmz": b"PK\x03\x04",
}
# ending -> the first sign of such a text may be one of these
TEXT_FORMATS: dict[str, bytes] = {
    ".geojson": b"{",
    ".json": b"{",
    ".kml": b"<",
    ".dxf": b"0123456789",
}
VECTOR_FORMATS = (*VECTOR_SIGNATURES, *TEXT_FORMATS)
DRAWINGS = (".kml", ".kmz", ".dxf")  # without columns of their own for codes
MAX_VECTOR_FILE_BYTES = 1_000_000_000  # bytes
MAX_UNZIPPED_BYTES = 600_000_000  # bytes in a .zip or .kmz
ZIP_GROWTH = 20  # a Shapefile unpacks to 2-10 times its size
VECTOR_DRIVERS = {
    ".gpkg": "GPKG",
    ".geojson": "GeoJSON",
    ".shp": "ESRI Shapefile",
    ".fgb": "FlatGeobuf",
}
SHAPEFILE_TEXT_BYTES = 254  # of a value, dBASE III
LAYER_OPTIONS = {".geojson": {"RFC7946": "YES"}}
ARROW_TYPES = {
    str: pa.string(),
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    datetime: pa.timestamp("us", "UTC"),
    bytes: pa.binary(),
}


@dataclass(frozen=True)
class VectorFile:
    """What a map file holds.

    columns: Values of each attribute by its name in the file; as long as `shapes`. shapes:
    Two-dimensional shapes, degrees, EPSG:4490, not yet checked or rounded; None where there is
    none. crs: The system of the file, or the one given, in words. notes: What was guessed. repairs:
    By position, what was mended to be able to read the shape at all. faults: By position, why a
    shape cannot be taken.
    """

    columns: dict[str, list[Any]]
    shapes: NDArray[Any]
    crs: str
    notes: list[Message] = field(default_factory=list)
    repairs: dict[int, Message] = field(default_factory=dict)
    faults: dict[int, Message] = field(default_factory=dict)

    def to_frame(self) -> GeoDataFrame:
        """Return the features as a frame in EPSG:4490, values as they were read.

        Not yet checked or rounded.
        """
        values = {name: pd.Series(cells, dtype=object) for name, cells in self.columns.items()}
        return GeoDataFrame(values, geometry=self.shapes, crs=f"EPSG:{STORAGE_SRID}")


def read_vector(path: Path, crs: str | None = None, layer: str | None = None) -> VectorFile:
    """Read one layer of a map file.

    Parameters
    ----------
    crs
        The system of the coordinates when the file does not name it, or names the one its shifted
        numbers pretend to be in: a name of `gis.crs.SUPPORTED_CRS`, or EPSG:number.
    layer
        Needed only where the file has several.

    Raises
    ------
    InvalidInput
        No such file, another format, damaged, without or with a contradictory system, several
        layers.
    TooLarge
        Beyond the limits at the top of this file.
    """
    _check_file(path)
    batches = sandbox.iterate(
        read_features,
        path.absolute(),
        crs,
        layer,
        unpacked_limit(path, MAX_UNZIPPED_BYTES),
        limits=_limits(path),
        name=path.name,
        environment=environment(),
        types=[Message],
    )
    crs_name, notes, names = next(batches)
    columns: dict[str, list[Any]] = {name: [] for name in names}
    shapes: list[NDArray[Any]] = []
    file = VectorFile(columns, np.empty(0, dtype=object), crs_name, notes)
    for wkb, values, repairs, faults in batches:
        with np.errstate(invalid="ignore"):  # not numbers: faults already
            shapes.append(shapely.from_wkb(wkb))
        for name, batch in zip(names, values, strict=True):
            columns[name] += batch
        file.repairs.update(repairs)
        file.faults.update(faults)
    return replace(file, shapes=np.concatenate(shapes)) if shapes else file


def _limits(path: Path) -> Limits:
    """Return the limits for a file of this size; a zip counts as what it may honestly unpack to."""
    parts = [
        path,
        *(path.with_suffix(ending) for ending in (".dbf", ".DBF") if path.suffix.lower() == ".shp"),
    ]
    size = sum(part.stat().st_size for part in parts if part.is_file())
    if path.suffix.lower() in (".zip", ".kmz"):
        size = min(size * ZIP_GROWTH, MAX_UNZIPPED_BYTES)
    # GDAL stores a feature of JSON or XML as objects
    growth = 40 if path.suffix.lower() in (*TEXT_FORMATS, ".kmz") else 10
    return Limits().scaled(size, seconds_per_mb=1.0, growth=growth)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise InvalidInput("file.not_found", file=str(path))
    ending, size = path.suffix.lower(), path.stat().st_size
    if ending not in VECTOR_FORMATS:
        raise InvalidInput(
            "map_file.wrong_ending",
            file=path.name,
            formats=Message("map_file.formats"),
            ending=ending or Message("map_file.no_ending"),
        )
    if size == 0:
        raise InvalidInput("file.is_empty", file=path.name)
    if size > MAX_VECTOR_FILE_BYTES:
        limit = round(MAX_VECTOR_FILE_BYTES / 1e6)
        raise TooLarge("file.too_large", file=path.name, size=round(size / 1e6), limit=limit)
    with path.open("rb") as file:
        head = file.read(64)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    is_right = (
        head.startswith(VECTOR_SIGNATURES[ending])
        if ending in VECTOR_SIGNATURES
        else text != b"" and text in TEXT_FORMATS[ending]
    )
    if not is_right:
        raise InvalidInput("map_file.wrong_signature", file=path.name, ending=ending)


def write_vector(
    batches: Iterable[GeoDataFrame],
    columns: Sequence[tuple[str, type]],
    path: Path,
    *,
    layer: str,
    geometry_type: str,
) -> int:
    """Write frames, one after the other, to one layer of a new file; the ending says the format.

    Parameters
    ----------
    batches
        Frames in EPSG:4490 with the same columns.
    columns
        Name and Python type of each column, that of the geometry (bytes) among them.
    path
        Its ending is one of VECTOR_DRIVERS.
    geometry_type
        As OGC names it, as MultiPolygon.

    Returns
    -------
    int
        Rows written; without any the file is not made.

    Raises
    ------
    InvalidInput
        A text is longer than the format can hold.
    """
    ending, count = path.suffix.lower(), 0
    fault: InvalidInput | None = None
    schema = pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns])

    def record_batches(frames: Iterator[GeoDataFrame]) -> Iterator[pa.RecordBatch]:
        nonlocal count, fault
        for frame in frames:
            count += len(frame)
            batch = pa.RecordBatch.from_pandas(frame.to_wkb(), schema, preserve_index=False)
            if ending == ".shp" and (fault := _text_fault(batch)):
                return  # the writer would hide what is raised here
            yield batch

    stream = (frame for frame in batches if len(frame))
    if (first_frame := next(stream, None)) is None:
        return 0
    pyogrio.write_arrow(
        pa.RecordBatchReader.from_batches(schema, record_batches(chain([first_frame], stream))),
        path,
        layer=layer,
        driver=VECTOR_DRIVERS[ending],
        geometry_name=first_frame.geometry.name,
        geometry_type="Polygon"
        if ending == ".shp" and geometry_type == "MultiPolygon"
        else geometry_type,
        crs="EPSG:4326"
        if ending == ".geojson"
        else f"EPSG:{STORAGE_SRID}",  # the same numbers, see RFC 7946
        encoding="UTF-8" if ending == ".shp" else None,
        layer_options=LAYER_OPTIONS.get(ending, {}),
    )
    if fault is not None:
        raise fault
    return count


def _text_fault(batch: pa.RecordBatch) -> InvalidInput | None:
    """Return what is wrong where a text is longer than a Shapefile holds: GDAL would cut it."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if not pa.types.is_string(column.type):
            continue
        for text in column.filter(pc.greater(pc.binary_length(column), SHAPEFILE_TEXT_BYTES)):
            params = {"column": name, "text": text.as_py()[:20], "limit": SHAPEFILE_TEXT_BYTES}
            return InvalidInput("map_file.text_too_long", **params)
    return None
