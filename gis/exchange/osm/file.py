"""Is this an OSM file, whole and of honest size? Asked before anything is read into the database."""

from pathlib import Path

import osmium

from gis.errors import InvalidInput

COMPRESSION_SIGNATURES = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"PK\x03\x04": "zip",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
MAX_COMPRESSION_RATIO = 100  # unpacked to packed size of a .pbf; real extracts unpack to 2-5 times, bombs to 1,000
SMALL = 64 << 20  # bytes that may unpack from any file


def open_osm(path: Path) -> osmium.io.File:
    """The file as pyosmium reads it; its kind is told from its first bytes, not its name.

    Raises:
        InvalidInput: Not there, not OSM, packed, cut off in the middle, with history, or a zip bomb.
    """
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise InvalidInput(f"{path.name} cannot be read: {error.strerror}; give an .osm.pbf or .osm file") from None
    packed = next((kind for magic, kind in COMPRESSION_SIGNATURES.items() if head.startswith(magic)), None)
    if packed:
        raise InvalidInput(f"{path.name} is packed with {packed}; unpack it to .osm, or make an .osm.pbf of it")
    if b"OSMHeader" in head[:32]:
        _check_blobs(path)
        kind = "pbf"
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<?xml", b"<osm", b"<!--")):
        kind = "osm"
    else:
        raise InvalidInput(f"{path.name} is not an OSM file: neither the head of a .pbf nor <osm> XML was found")
    found = osmium.io.File(str(path), kind)
    try:
        with osmium.io.Reader(found, osmium.osm.osm_entity_bits.NOTHING) as reader:
            header = reader.header()
    except RuntimeError as error:
        raise damaged_file_error(path, error) from None
    if header.has_multiple_object_versions:
        raise InvalidInput(f"{path.name} holds changes or old versions; give an extract of one moment")
    return found


def damaged_file_error(path: Path, error: Exception) -> InvalidInput:
    """The reader's complaint as one of our own errors."""
    return InvalidInput(f"{path.name} is no whole OSM file (cut off or damaged): {error}; fetch or export it again")


def _check_blobs(path: Path) -> None:
    """Walk the blobs of a .pbf by their lengths, without unpacking: the last must end where the file does.

    Format: https://wiki.openstreetmap.org/wiki/PBF_Format (4-byte length, BlobHeader, Blob).
    """
    size = path.stat().st_size
    unpacked = 0
    with path.open("rb") as file:
        while file.tell() < size:
            header = _varints(file.read(int.from_bytes(file.read(4)) & 0xFFFFF))
            start, length = file.tell(), header.get(3, -1)
            if not 0 <= length <= size - start:
                raise damaged_file_error(path, ValueError(f"it ends inside the block that begins at byte {start:,}"))
            unpacked += _varints(file.read(min(length, 16))).get(2, 0)
            file.seek(start + length)
    if unpacked > max(SMALL, MAX_COMPRESSION_RATIO * size):
        raise InvalidInput(
            f"{path.name} would unpack from {size:,} to {unpacked:,} bytes: more than {MAX_COMPRESSION_RATIO} times is no honest extract"
        )


def _varints(message: bytes) -> dict[int, int]:
    """The whole-number fields of a protobuf message by field number; stops quietly where it is cut."""
    found: dict[int, int] = {}
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    try:
        while at < len(message):
            tag = number()
            value = number()  # a number, or the length of bytes
            if tag & 7 == 0:
                found[tag >> 3] = value
            else:
                at += value
    except IndexError:
        pass
    return found
