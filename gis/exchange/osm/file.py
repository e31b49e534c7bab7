"""Check that a file is OSM, whole and of honest size, before anything is read into the database."""

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
MAX_COMPRESSION_RATIO = (
    100  # unpacked to packed size of a .pbf; real extracts unpack to 2-5 times, bombs to 1,000
)
MIN_UNPACKED_BYTES = 64 << 20  # bytes that may unpack from any file


def open_osm(path: Path) -> osmium.io.File:
    """Return the file as pyosmium reads it; its first bytes, not its name, say its kind.

    Raises
    ------
    InvalidInput
        Not there, not OSM, packed, cut off in the middle, with history, or a zip bomb.
    """
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise InvalidInput("osm.unreadable", file=path.name, reason=str(error.strerror)) from None
    packed = next(
        (kind for magic, kind in COMPRESSION_SIGNATURES.items() if head.startswith(magic)), None
    )
    if packed:
        raise InvalidInput("osm.packed", file=path.name, program=packed)
    if b"OSMHeader" in head[:32]:
        _check_blobs(path)
        kind = "pbf"
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<?xml", b"<osm", b"<!--")):
        kind = "osm"
    else:
        raise InvalidInput("osm.not_osm", file=path.name)
    osm_file = osmium.io.File(str(path), kind)
    try:
        with osmium.io.Reader(osm_file, osmium.osm.osm_entity_bits.NOTHING) as reader:
            header = reader.header()
    except RuntimeError as error:
        raise damaged_file_error(path, error) from None
    if header.has_multiple_object_versions:
        raise InvalidInput("osm.with_history", file=path.name)
    return osm_file


def header_box(osm_file: osmium.io.File) -> tuple[int, int, int, int] | None:
    """Return the box that a file says it was cut to: west, south, east, north in 1e-7 degrees."""
    with osmium.io.Reader(osm_file, osmium.osm.osm_entity_bits.NOTHING) as reader:
        box = reader.header().box()
    if not box.valid():
        return None
    return box.bottom_left.x, box.bottom_left.y, box.top_right.x, box.top_right.y


def damaged_file_error(path: Path, error: Exception) -> InvalidInput:
    """Return the reader's complaint as one of our own errors."""
    return InvalidInput("osm.damaged", file=path.name, reason=str(error))


def _check_blobs(path: Path) -> None:
    """Check that the last blob of a .pbf ends where the file does, without unpacking the blobs.

    Raises
    ------
    InvalidInput
        The file is cut off, or would unpack to far more than its size.

    References
    ----------
    https://wiki.openstreetmap.org/wiki/PBF_Format (4-byte length, BlobHeader, Blob).
    """
    size = path.stat().st_size
    unpacked = 0
    with path.open("rb") as file:
        while file.tell() < size:
            header = _varints(file.read(int.from_bytes(file.read(4)) & 0xFFFFF))
            start, length = file.tell(), header.get(3, -1)
            if not 0 <= length <= size - start:
                raise damaged_file_error(
                    path, ValueError(f"it ends inside the block that begins at byte {start:,}")
                )
            unpacked += _varints(file.read(min(length, 16))).get(2, 0)
            file.seek(start + length)
    if unpacked > max(MIN_UNPACKED_BYTES, MAX_COMPRESSION_RATIO * size):
        raise InvalidInput(
            "osm.bomb", file=path.name, size=size, unpacked=unpacked, ratio=MAX_COMPRESSION_RATIO
        )


def _varints(message: bytes) -> dict[int, int]:
    """Return the whole-number fields of a protobuf message by field number.

    Stop quietly where it is cut.
    """
    fields: dict[int, int] = {}
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
                fields[tag >> 3] = value
            else:
                at += value
    except IndexError:
        pass
    return fields
