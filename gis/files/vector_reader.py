"""The reader of map files, as the child process of `gis.files.vector` runs it; imports only what it needs.

Of GDAL only the drivers in `DRIVERS` are there, see `environment`.
"""

import re
import struct
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.raw import open_arrow
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from gis import crs as systems
from gis.crs import STORAGE_SRID
from gis.errors import FieldError, InvalidInput, TooLarge
from gis.files.cells import CRS_ALIASES
from gis.files.geopackage import check_one_system, check_schema

DRIVERS = frozenset({"GPKG", "GeoJSON", "ESRI Shapefile", "FlatGeobuf", "MEM"})
BATCH_FEATURES = 1_024
MAX_FILE_FEATURES = 500_000
MAX_VERTICES = 20_000_000  # in a whole file
SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
ENCODINGS = ("utf-8", "gb18030")  # tried in this order; GB18030 holds GBK and GB2312
WGS84_EQUIVALENT_EPSG = {4326, 4490}  # EPSG codes whose degrees are taken as stored
SAY_CRS = "--crs cgcs2000, --crs EPSG:4544 or --crs gcj02"

ToStorage = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def environment() -> dict[str, str]:
    """Return the child's environment: GDAL registers no driver there but those of `DRIVERS`, and fetches nothing."""
    others = set(pyogrio.list_drivers()) - DRIVERS
    return {"GDAL_SKIP": ",".join(sorted(others)), "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{noext}", "PROJ_NETWORK": "OFF"}


def read_features(path: Path, crs: str | None, layer: str | None, max_unpacked_bytes: int) -> Iterator[Any]:
    """Yield the system in words, the notes and the names of the attributes; then the features, some at a time.

    Features come as (WKB in the storage system or None, values by attribute, repairs, faults), the last two by
    position in the file.
    """
    told = _told(crs)
    with _opened(path, max_unpacked_bytes) as file:
        if file.suffix.lower() == ".gpkg":
            check_schema(file)
        layer = _layer(path, file, layer)
        notes: list[str] = []
        encoding = _dbf_encoding(file, notes) if file.suffix.lower() == ".shp" else None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # unclosed rings are found and said by ourselves
                yield from _features(path, file, layer, encoding, told, notes)
        except (
            pyogrio.errors.DataSourceError,
            pyogrio.errors.DataLayerError,
            pyogrio.errors.FeatureError,
            pa.ArrowException,
            OSError,
            UnicodeDecodeError,
        ) as error:
            raise _damaged(path) from error


def _features(
    path: Path, file: Path, layer: str | None, encoding: str | None, told: str | int | None, notes: list[str]
) -> Iterator[Any]:
    if (count := pyogrio.read_info(file, layer=layer, encoding=encoding)["features"]) > MAX_FILE_FEATURES:
        raise TooLarge(f"{path.name} has {count:,} features; at most {MAX_FILE_FEATURES:,} are read. Split it")
    with open_arrow(file, layer=layer, encoding=encoding, batch_size=BATCH_FEATURES, use_pyarrow=True) as (
        meta,
        reader,
    ):
        geometry = meta["geometry_name"] or "wkb_geometry"
        if geometry not in reader.schema.names:
            raise InvalidInput(f"{path.name} has no shapes; as a plain table save it as .csv or .xlsx")
        if file.suffix.lower() == ".gpkg":
            check_one_system(file, layer, meta["geometry_name"])
        to_storage, words = _system(path.name, meta["crs"], told, notes)
        names = [str(name) for name in meta["fields"]]
        yield words, notes, names
        first = vertices = 0
        for batch in reader:
            shapes, repairs, faults = _shapes(batch[geometry].to_numpy(zero_copy_only=False))
            vertices += int(shapely.get_num_coordinates(shapes).sum())
            if vertices > MAX_VERTICES:
                raise TooLarge(f"{path.name} has more than {MAX_VERTICES:,} vertices. Simplify it")
            if first + len(shapes) > MAX_FILE_FEATURES:
                raise TooLarge(f"{path.name} has more than {MAX_FILE_FEATURES:,} features. Split it")
            moved = _move(shapes, to_storage, told, faults)
            columns = [_values(batch[name]) for name in names]
            repairs, faults = ({first + i: words for i, words in some.items()} for some in (repairs, faults))
            yield shapely.to_wkb(moved).tolist(), columns, repairs, faults
            first += len(shapes)


def _values(column: pa.Array) -> list[Any]:
    """The values of an attribute; moments without their zone, as the file shows them."""
    if pa.types.is_timestamp(column.type) and column.type.tz:
        column = column.cast(pa.timestamp(column.type.unit))
    return list(column.to_pylist())


@contextmanager
def _opened(path: Path, max_unpacked_bytes: int) -> Iterator[Path]:
    """The file for GDAL; the parts of a zipped Shapefile are unpacked for as long as it is open."""
    if path.suffix.lower() != ".zip":
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        try:
            yield _unpack(path, Path(folder), max_unpacked_bytes)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
            raise InvalidInput(
                f"{path.name} cannot be unpacked; zip the Shapefile again, without a password"
            ) from error


def _unpack(path: Path, folder: Path, max_unpacked_bytes: int) -> Path:
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: member for member in archive.infolist()}
        layers = [name for name in members if name.lower().endswith(".shp") and not name.startswith("__MACOSX")]
        if len(layers) != 1:
            raise InvalidInput(f"{path.name} holds {len(layers)} Shapefiles; put the files of one into it")
        stem = layers[0][: -len(".shp")].lower()
        left = max_unpacked_bytes
        for name, member in members.items():
            ending = next((part for part in SHAPEFILE_PARTS if name.lower() == stem + part), None)
            if ending is None:
                continue
            with archive.open(member) as packed, (folder / f"layer{ending}").open("wb") as out:
                while piece := packed.read(1 << 20):
                    left -= len(piece)
                    if left < 0:
                        raise TooLarge(f"{path.name} unpacks to more than {max_unpacked_bytes / 1e6:.0f} MB")
                    out.write(piece)
    return folder / "layer.shp"


def _layer(path: Path, file: Path, layer: str | None) -> str | None:
    """The layer to read; a file of one needs none told."""
    if file.suffix.lower() == ".shp":
        return None
    try:
        layers = [str(name) for name, kind in pyogrio.list_layers(file) if kind]
    except (pyogrio.errors.DataSourceError, UnicodeDecodeError) as error:
        raise _damaged(path) from error
    if layer is not None and layer not in layers:
        raise InvalidInput(f"{path.name} has no layer {layer!r}; it has {', '.join(layers) or 'none with shapes'}")
    if layer is None and len(layers) > 1:
        raise InvalidInput(f"{path.name} has the layers {', '.join(layers)}; say which with --layer")
    if not layers:
        raise InvalidInput(f"{path.name} has no layer with shapes")
    return layer or layers[0]


def _damaged(path: Path) -> InvalidInput:
    more = "; its .shx and .dbf must lie beside it" if path.suffix.lower() == ".shp" else ""
    return InvalidInput(f"{path.name} cannot be read; it is damaged or cut off{more}. Export it again")


def _dbf_encoding(file: Path, notes: list[str]) -> str:
    """How the text of a Shapefile is written: as its .cpg says if the text keeps to it, else what fits."""
    dbf = next((found for found in (file.with_suffix(".dbf"), file.with_suffix(".DBF")) if found.exists()), None)
    if dbf is None:
        return "utf-8"
    pieces = _dbf_text(dbf)
    cpg = next((found for found in (file.with_suffix(".cpg"), file.with_suffix(".CPG")) if found.exists()), None)
    said = cpg.read_text("ascii", "replace").strip().lower() if cpg else ""
    said = {
        "936": "gb18030",
        "cp936": "gb18030",
        "gbk": "gb18030",
        "gb2312": "gb18030",
        "65001": "utf-8",
    }.get(said, said)
    for encoding in dict.fromkeys((*([said] if said else []), *ENCODINGS)):
        if all(_decodes(piece, encoding) for piece in pieces):
            if said and encoding != said:
                notes.append(f"the .cpg says {said}, but the text is {encoding}; read as {encoding}")
            elif not said and encoding != "utf-8":
                notes.append(f"no .cpg beside the Shapefile; its text is read as {encoding}")
            return encoding
    raise InvalidInput(f"the text of {file.name} is neither UTF-8 nor GB18030 (GBK); export it again as UTF-8")


def _dbf_text(dbf: Path) -> list[bytes]:
    """The column names and text cells of a .dbf that are not ASCII. Source: dBASE III file format."""
    data = dbf.read_bytes()
    if len(data) < 32:
        raise InvalidInput(f"{dbf.name} is damaged or cut off; export the Shapefile again")
    header, width = struct.unpack_from("<HH", data, 8)
    pieces, at, spans = [], 1, []
    for start in range(32, min(header - 1, len(data) - 31), 32):
        if data[start] == 0x0D:
            break
        pieces.append(data[start : start + 11].split(b"\0")[0])
        if data[start + 11 : start + 12] == b"C":
            spans.append((at, at + data[start + 16]))
        at += data[start + 16]
    for record in range(header, len(data) - width + 1, max(width, 1)):
        pieces += [data[record + a : record + b].rstrip(b" \0") for a, b in spans]
    return [piece for piece in pieces if not piece.isascii()]


def _decodes(piece: bytes, encoding: str) -> bool:
    """Whether bytes are text in an encoding; a last character cut off at the column's width is let pass."""
    for cut in range(4):
        try:
            piece[: len(piece) - cut].decode(encoding)
        except UnicodeDecodeError as error:
            if error.start < len(piece) - 4:
                return False
        except LookupError:
            return False
        else:
            return True
    return False


def _shapes(raw: Sequence[bytes | None]) -> tuple[NDArray[Any], dict[int, str], dict[int, str]]:
    """Shapes from WKB; unclosed rings are closed and said."""
    held = np.array(raw, dtype=object)
    shapes = shapely.from_wkb(held, on_invalid="ignore")
    repairs, faults = {}, {}
    for i in np.flatnonzero(shapely.is_missing(shapes)).tolist():
        if held[i] is None:
            continue
        shapes[i] = shapely.from_wkb(held[i], on_invalid="fix")
        if shapes[i] is None:
            faults[i] = "is a curve or another kind of shape that is not taken; a polygon is needed"
        else:
            repairs[i] = "an unclosed ring was closed"
    return shapes, repairs, faults


def _told(crs: str | None) -> str | int | None:
    """A name of `gis.crs.SUPPORTED_CRS`, or an EPSG code."""
    if crs is None:
        return None
    text = crs.strip().lower()
    if name := CRS_ALIASES.get(text):
        return {"epsg:4326": 4326, "4326": 4326, "epsg:4490": 4490, "4490": 4490}.get(text, name)
    if found := re.fullmatch(r"(?:epsg:)?(\d{4,6})", text):
        return int(found[1])
    words = f"{crs!r} is not a coordinate system known here; one of {', '.join(systems.SUPPORTED_CRS)}, or EPSG:number"
    raise InvalidInput(f"crs {words}", [FieldError("crs", words)])


def _system(name: str, of_file: str | None, told: str | int | None, notes: list[str]) -> tuple[ToStorage, str]:
    """How to come from the file's coordinates to the storage system, and the words for the report."""
    if of_file is None and told is None:
        why = "its .prj is missing" if name.lower().endswith((".shp", ".zip")) else "it names none"
        raise InvalidInput(
            f"{name}: the coordinate system is not known, {why}; say it, as {SAY_CRS}",
            [FieldError("crs", f"is not known; say it, as {SAY_CRS}")],
        )
    found = _crs(of_file) if of_file else None
    if told in systems.OBFUSCATED_CRS:
        shifted = str(told)
        # A map drawn over shifted tiles: the file names the plain system, the numbers are shifted all the
        # same.
        to_degrees = _transform(found, name, notes) if found is not None and found.is_projected else None
        says = f"; the file says {_name(found)}" if found is not None else ""

        def shift(xy: NDArray[np.float64]) -> NDArray[np.float64]:
            degrees = to_degrees(xy) if to_degrees else xy
            return np.column_stack(systems.to_storage(degrees[:, 0], degrees[:, 1], shifted))

        return shift, f"{shifted} (as told{says})"
    if told is None:
        assert found is not None
        return _transform(found, name, notes), _name(found)
    meant = _crs(told if isinstance(told, int) else {"wgs84": 4326, "cgcs2000": 4490}[told])
    if found is not None and not _alike(found, meant):
        raise InvalidInput(
            f"{name} says {_name(found)}, --crs says {told}; leave --crs out, or mend the system in the file"
        )
    return _transform(meant, name, notes), f"{_name(meant)} (as told)"


def _crs(code: str | int) -> CRS:
    try:
        return CRS.from_user_input(code)
    except CRSError as error:
        raise InvalidInput(f"the coordinate system {str(code)[:60]!r} is not known; say it, as {SAY_CRS}") from error


def _name(crs: CRS | None) -> str:
    if crs is None:
        return ""
    code = crs.to_epsg(min_confidence=70)
    return f"EPSG:{code}" if code else crs.name


def _alike(one: CRS, other: CRS) -> bool:
    codes = {one.to_epsg(min_confidence=70), other.to_epsg(min_confidence=70)}
    return codes <= WGS84_EQUIVALENT_EPSG or (len(codes) == 1 and None not in codes)


def _transform(crs: CRS, name: str, notes: list[str]) -> ToStorage:
    if crs.to_epsg(min_confidence=70) in WGS84_EQUIVALENT_EPSG:
        return lambda xy: xy
    if not (crs.is_geographic or crs.is_projected):
        raise InvalidInput(f"{name}: {_name(crs)} has no place on the earth; say the true system, as {SAY_CRS}")
    change = Transformer.from_crs(crs, STORAGE_SRID, always_xy=True)
    ellipsoid = crs.ellipsoid
    if ellipsoid is not None and abs(ellipsoid.semi_major_metre - 6378137) > 1:
        notes.append(f"{_name(crs)} stands on an older datum; the change to CGCS2000 may be off by up to 100 m")
    return lambda xy: np.column_stack(change.transform(xy[:, 0], xy[:, 1]))


def _move(shapes: NDArray[Any], to_storage: ToStorage, told: str | int | None, faults: dict[int, str]) -> NDArray[Any]:
    """Bring shapes into the storage system; those that land nowhere on the earth become faults."""
    system = str(told) if told in systems.OBFUSCATED_CRS else "wgs84"
    try:
        moved = shapely.transform(shapely.force_2d(shapes), to_storage) if len(shapes) else shapes
    except ProjError as error:
        raise InvalidInput("the coordinates do not fit the coordinate system; is it the true one?") from error
    boxes = shapely.bounds(moved)
    held = ~shapely.is_missing(moved) & ~shapely.is_empty(moved)
    for corner in (boxes[:, :2], boxes[:, 2:]):
        where = np.flatnonzero(held)
        for fault in systems.find_invalid_points(corner[where, 0], corner[where, 1], system):
            i = int(where[fault.index])
            faults.setdefault(i, f"{fault.message} (is the coordinate system the true one, and one for all?)")
    return moved
