"""Reading map files (GeoPackage, GeoJSON, Shapefile, FlatGeobuf) into one form, in the storage system.

What a file is, is seen from its first bytes as well as its ending: a file never makes another reader of GDAL
start. The reading itself is done by `gis.files.vector_reader` in a child process with limits.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.errors import InvalidInput, TooLarge
from gis.files import sandbox
from gis.files.sandbox import Limits
from gis.files.vector_reader import environment, read_features

# ending -> how such a file begins (None: text, seen below)
FORMATS: dict[str, bytes | None] = {
    ".gpkg": b"SQLite format 3\0",
    ".fgb": b"fgb",
    ".shp": b"\x00\x00\x27\x0a",
    ".zip": b"PK\x03\x04",
    ".geojson": None,
    ".json": None,
}
NAMES = "GeoPackage (.gpkg), GeoJSON (.geojson), Shapefile (.shp, or its files in a .zip) or FlatGeobuf (.fgb)"
MAX_VECTOR_FILE_BYTES = 1_000_000_000  # bytes
MAX_UNPACKED_BYTES = 600_000_000  # bytes in a .zip, counted while unpacking
ZIP_GROWTH = 20  # a Shapefile unpacks to 2-10 times its size


@dataclass(frozen=True)
class VectorFile:
    """What a map file holds.

    columns: Values of each attribute by its name in the file; as long as `shapes`.
    shapes: Two-dimensional shapes, degrees, EPSG:4490, not yet checked or rounded; None where there is none.
    crs: The system found or told, in words.
    notes: What was guessed, a sentence each.
    repairs: By position, what was mended to be able to read the shape at all.
    faults: By position, why a shape cannot be taken.
    """

    columns: dict[str, list[Any]]
    shapes: NDArray[Any]
    crs: str
    notes: list[str] = field(default_factory=list)
    repairs: dict[int, str] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)


def read_vector(path: Path, crs: str | None = None, layer: str | None = None) -> VectorFile:
    """Read one layer of a map file.

    Args:
        crs: The system of the coordinates when the file does not name it, or names the one its shifted
            numbers pretend to be in: a name of `gis.crs.SUPPORTED_CRS`, or EPSG:number.
        layer: Needed only where the file has several.

    Raises:
        InvalidInput: No such file, another format, damaged, without or with a contradictory system, several
            layers.
        TooMuch: Beyond the limits at the top of this file.
    """
    _check_file(path)
    batches = sandbox.iterate(
        read_features, path.absolute(), crs, layer, MAX_UNPACKED_BYTES,
        limits=_limits(path), name=path.name, environment=environment(),
    )  # fmt: skip
    words, notes, names = next(batches)
    columns: dict[str, list[Any]] = {name: [] for name in names}
    shapes: list[NDArray[Any]] = []
    found = VectorFile(columns, np.empty(0, dtype=object), words, notes)
    for wkb, values, repairs, faults in batches:
        shapes.append(shapely.from_wkb(wkb))
        for name, more in zip(names, values, strict=True):
            columns[name] += more
        found.repairs.update(repairs)
        found.faults.update(faults)
    return replace(found, shapes=np.concatenate(shapes)) if shapes else found


def _limits(path: Path) -> Limits:
    """The limits for a file of this size; a zip counts as what it may honestly unpack to."""
    parts = [path, *(path.with_suffix(ending) for ending in (".dbf", ".DBF") if path.suffix.lower() == ".shp")]
    size = sum(part.stat().st_size for part in parts if part.is_file())
    if path.suffix.lower() == ".zip":
        size = min(size * ZIP_GROWTH, MAX_UNPACKED_BYTES)
    growth = 40 if path.suffix.lower() in (".geojson", ".json") else 10  # GDAL holds a JSON feature as objects
    return Limits().scaled(size, seconds_per_mb=1.0, growth=growth)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise InvalidInput(f"{path}: there is no such file")
    ending, size = path.suffix.lower(), path.stat().st_size
    if ending not in FORMATS:
        raise InvalidInput(f"{path.name}: a map file is a {NAMES}, not {ending or 'a file without ending'}")
    if size == 0:
        raise InvalidInput(f"{path.name} is empty")
    if size > MAX_VECTOR_FILE_BYTES:
        raise TooLarge(
            f"{path.name} has {size / 1e6:.0f} MB; at most {MAX_VECTOR_FILE_BYTES / 1e6:.0f} MB are read. Split it"
        )
    with path.open("rb") as file:
        head = file.read(64)
    begins = FORMATS[ending]
    right = head.startswith(begins) if begins else head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"
    if not right:
        raise InvalidInput(
            f"{path.name} does not begin as a {ending} file does; is it damaged or another kind of file?"
        )
