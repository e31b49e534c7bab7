"""Unpack the one map of an archive, within a limit; in the child process of `gis.files.vector`."""

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gis.errors import InvalidInput, TooLarge

SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
MAX_ZIP_RATIO = (
    100  # unpacked to packed size; real maps and workbooks unpack to 2-30 times, bombs to 1,000
)
# what reading a damaged or protected zip raises
DAMAGED_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
)
MIN_UNZIPPED_BYTES = 20_000_000  # bytes that may unpack from any archive


def unpacked_limit(path: Path, most: int) -> int:
    """Return how many bytes, at most `most`, may come out of an archive of this size."""
    return min(most, max(MIN_UNZIPPED_BYTES, MAX_ZIP_RATIO * path.stat().st_size))


@contextmanager
def opened(path: Path, max_unpacked_bytes: int) -> Iterator[Path]:
    """Yield the file for GDAL.

    The parts of a zipped Shapefile, and the KML of a KMZ, are unpacked for as long as it is open.

    Raises
    ------
    InvalidInput
        The archive is damaged, or does not hold exactly one such file.
    TooLarge
        More than `max_unpacked_bytes` come out of it.
    """
    if path.suffix.lower() not in (".zip", ".kmz"):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        try:
            unpack = _unpack_kmz if path.suffix.lower() == ".kmz" else _unpack
            yield unpack(path, Path(folder), max_unpacked_bytes)
        except DAMAGED_ARCHIVE as error:
            raise InvalidInput("map_file.not_unpackable", file=path.name) from error


def _unpack_kmz(path: Path, folder: Path, max_unpacked_bytes: int) -> Path:
    """Unpack the one KML of a KMZ; pictures and whatever else it holds stay where they are.

    Raises
    ------
    InvalidInput
        It holds no KML, or several.
    TooLarge
        The KML has more than `max_unpacked_bytes`.
    """
    with zipfile.ZipFile(path) as archive:
        texts = [
            member for member in archive.infolist() if member.filename.lower().endswith(".kml")
        ]
        main = [member for member in texts if member.filename.lower() == "doc.kml"] or texts
        if len(main) != 1:
            raise InvalidInput("map_file.several_kml", file=path.name, count=len(main))
        _extract(path, archive, {main[0]: folder / "layer.kml"}, max_unpacked_bytes)
    return folder / "layer.kml"


def _extract(
    path: Path,
    archive: zipfile.ZipFile,
    targets: dict[zipfile.ZipInfo, Path],
    max_unpacked_bytes: int,
) -> None:
    """Unpack members, each to its own file.

    Nothing is unpacked when they say that they are too large together; of a member that says less
    than it holds, `zipfile` reads only so much, and its checksum is wrong.

    Raises
    ------
    TooLarge
        They have more than `max_unpacked_bytes`.
    """
    if sum(member.file_size for member in targets) > max_unpacked_bytes:
        limit = round(max_unpacked_bytes / 1e6)
        raise TooLarge("map_file.zip_bomb", file=path.name, limit=limit)
    for member, target in targets.items():
        with archive.open(member) as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out, 1 << 20)


def _unpack(path: Path, folder: Path, max_unpacked_bytes: int) -> Path:
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: member for member in archive.infolist()}
        layers = [
            name
            for name in members
            if name.lower().endswith(".shp") and not name.startswith("__MACOSX")
        ]
        if len(layers) != 1:
            raise InvalidInput("map_file.several_shapefiles", file=path.name, count=len(layers))
        stem = layers[0][: -len(".shp")].lower()
        targets = {
            member: folder / f"layer{part}"
            for name, member in members.items()
            for part in SHAPEFILE_PARTS
            if name.lower() == stem + part
        }
        _extract(path, archive, targets, max_unpacked_bytes)
    return folder / "layer.shp"
