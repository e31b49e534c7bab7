"""Unpack the one map of an archive, within a limit; in the child process of `gis.files.vector`."""

import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gis.errors import InvalidInput, TooLarge

SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


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
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
            EOFError,
        ) as error:
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
        if _copy(archive, main[0], folder / "layer.kml", max_unpacked_bytes) < 0:
            raise _zip_bomb(path, max_unpacked_bytes)
    return folder / "layer.kml"


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, to: Path, left: int) -> int:
    """Unpack a member; return how many bytes are left of a limit, below 0 when it is exceeded."""
    with archive.open(member) as packed, to.open("wb") as out:
        while left >= 0 and (piece := packed.read(1 << 20)):
            left -= len(piece)
            out.write(piece)
    return left


def _zip_bomb(path: Path, max_unpacked_bytes: int) -> TooLarge:
    limit = round(max_unpacked_bytes / 1e6)
    return TooLarge("map_file.zip_bomb", file=path.name, limit=limit)


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
        left = max_unpacked_bytes
        for name, member in members.items():
            ending = next((part for part in SHAPEFILE_PARTS if name.lower() == stem + part), None)
            if ending is None:
                continue
            left = _copy(archive, member, folder / f"layer{ending}", left)
            if left < 0:
                raise _zip_bomb(path, max_unpacked_bytes)
    return folder / "layer.shp"
