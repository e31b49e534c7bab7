"""Photos of incidents: looked at by content, made anew without what a camera writes into them, kept as files.

What comes in is never kept: every photo is decoded and written again, so that position, comments and whatever else
hung on the file are gone. Files lie under `var/photos/<first two digits>/<id>.jpg`, thumbnails beside them.
"""

import hashlib
import os
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import time
from uuid import UUID, uuid4

from PIL import Image, ImageCms, ImageOps
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import private
from gis.errors import FieldError, InvalidInput, NotFound, TooMuch, WanggeError
from gis.incidents.timeline import TOLD_REPORTER
from gis.people.access import ANONYMOUS, Principal, reporter, visible

LARGEST = 10 * 1024 * 1024  # bytes of a photo as it comes in
MOST_PIXELS = 51_000_000  # a "50 megapixel" camera makes 8192 x 6144
MOST_SCANS = 100  # of a progressive JPEG; cameras write about ten, a file made to keep us busy thousands
MOST = 6  # photos of one event
LONGEST_SIDE, THUMBNAIL_SIDE = 2560, 480  # pixels, as kept
SETTLED = 3600  # seconds after which a file without a row is nobody's: no transaction takes so long

# format -> media type, ending, how it is written again
FORMATS: dict[str, tuple[str, str, dict[str, object]]] = {
    "JPEG": ("image/jpeg", ".jpg", {"quality": 85, "optimize": True, "progressive": True}),
    "PNG": ("image/png", ".png", {}),
    "WEBP": ("image/webp", ".webp", {"quality": 82}),
}
ENDINGS = {media_type: ending for media_type, ending, _ in FORMATS.values()}
RIGHT = "send JPEG, PNG or WebP"

# beginnings of files that people send for photos, and what to say of them
OTHERS = (
    (re.compile(rb"....ftyp(hei|hev|mif1|msf1)", re.S), f"is HEIC, which browsers cannot show; {RIGHT} (on an iPhone: "
     "Settings, Camera, Formats, Most Compatible)"),
    (re.compile(rb"....ftypavi[fs]", re.S), f"is AVIF; {RIGHT}"),
    (re.compile(rb"....ftyp", re.S), f"is a video; {RIGHT}"),
    (re.compile(rb"GIF8"), f"is GIF; {RIGHT}"),
    (re.compile(rb"BM"), f"is BMP; {RIGHT}"),
    (re.compile(rb"II\*\0|MM\0\*"), f"is TIFF or a camera's raw file; {RIGHT}"),
    (re.compile(rb"%PDF"), f"is PDF; {RIGHT}"),
    (re.compile(rb"\s*(<\?xml|<svg)", re.I), f"is SVG or XML; {RIGHT}"),
)  # fmt: skip
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # in a JPEG after coded data: neither stuffing nor a restart
# what makes a photo something else as well, for a browser or another reader
SECOND_NATURE = re.compile(rb"<script|<\?php|<html|<!doctype html|%PDF-\d\.|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c", re.I)


@dataclass(frozen=True)
class Picture:
    """A photo as it will be kept. sha256: Of `data`. width, height: Pixels."""

    data: bytes
    media_type: str
    width: int
    height: int
    sha256: bytes
    thumbnail: bytes


def check_all(given: Sequence[bytes]) -> list[Picture]:
    """The photos of one event, each as `check` makes it.

    Raises:
        InvalidInput, TooMuch: One of them is no good, named as photos[0], photos[1] …; or they are too many.
    """
    _few(len(given))
    return [check(data, f"photos[{number}]") for number, data in enumerate(given)]


def check(data: bytes, name: str = "photo") -> Picture:
    """A photo made anew from a file somebody sent: upright, in sRGB, at most 2560 pixels long, with nothing else in it.

    Args:
        name: What messages call it.

    Raises:
        InvalidInput: It is no JPEG, PNG or WebP by its content, is cut off, or is another kind of file as well.
        TooMuch: It has more than 10 MB or 50 megapixels.
    """
    if len(data) > LARGEST:
        raise _wrong(TooMuch, name, f"has {len(data) / 1024 / 1024:.1f} MB; at most {LARGEST // 1024 // 1024} MB")
    if not data:
        raise _wrong(InvalidInput, name, f"is empty; {RIGHT}")
    for begins, words in OTHERS:
        if begins.match(data):
            raise _wrong(InvalidInput, name, words)
    if SECOND_NATURE.search(data) or (b"PK\x01\x02" in data and zipfile.is_zipfile(BytesIO(data))):
        raise _wrong(InvalidInput, name, "is another kind of file as well as a photo; send it as the camera made it")
    try:
        with Image.open(BytesIO(data), formats=tuple(FORMATS)) as opened:
            kind = "JPEG" if opened.format == "MPO" else str(opened.format)  # MPO: several JPEGs, the first is shown
            width, height = opened.size
            if width * height > MOST_PIXELS:
                raise Image.DecompressionBombError(f"{width * height / 1e6:,.0f} megapixels")
            if kind == "JPEG" and _scans(data) > MOST_SCANS:
                raise OSError("too many scans")
            upright = _upright(opened)
    except Image.DecompressionBombError:
        raise _wrong(TooMuch, name, "has more than 50 megapixels; send it smaller") from None
    except Image.UnidentifiedImageError:
        raise _wrong(InvalidInput, name, f"is no photo; {RIGHT}") from None
    except Exception:  # Pillow's readers raise nearly every kind on broken files
        raise _wrong(InvalidInput, name, "is cut off or damaged; send it again") from None
    small = upright.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    kept = _written(upright, kind)
    return Picture(kept, FORMATS[kind][0], *upright.size, hashlib.sha256(kept).digest(), _written(small, kind))


def _few(number: int) -> None:
    if number > MOST:
        raise _wrong(TooMuch, "photos", f"there are {number}; at most {MOST} at once")


def _wrong(error: type[WanggeError], name: str, words: str) -> WanggeError:
    return error(f"{name}: {words}", [FieldError(name, words)])


def _scans(jpeg: bytes) -> int:
    """How often a JPEG goes over its picture, by walking its segments up to the end of the first image."""
    at, found = 2, 0
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != 0xD9:
        if jpeg[at + 1] == 0xFF:
            at += 1
            continue
        found += jpeg[at + 1] == 0xDA
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if (marker := MARKER.search(jpeg, at)) is None:
            break
        at = marker.start()
    return found


def _upright(opened: Image.Image) -> Image.Image:
    """Its pixels alone, turned as the camera was held, no longer than kept; in sRGB, with transparency where it had."""
    factor = LONGEST_SIDE / max(opened.size)
    size = tuple(max(1, round(side * factor)) for side in opened.size)
    if factor < 1:
        opened.draft(None, (size[0], size[1]))  # a JPEG need not be decoded larger than it is kept
    opened.load()
    profile = opened.info.get("icc_profile")
    image: Image.Image = opened
    try:
        image = ImageOps.exif_transpose(opened)
    except Exception:  # broken EXIF says nothing about how it was held
        image = opened.copy()
    if image.mode in ("1", "P"):  # these would be made smaller by leaving pixels out
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if factor < 1:
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), reducing_gap=2.0)
    clear = image.has_transparency_data
    alpha = image.convert("RGBA").getchannel("A") if clear else None
    plain = _srgb(image, profile)
    if alpha is not None:
        plain.putalpha(alpha)
    plain.info.clear()  # writers take comments and profiles from here
    return plain


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            own = ImageCms.ImageCmsProfile(BytesIO(profile))
            turned = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if turned is not None:
                return turned
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken profile: the colours as they are
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value / 256).convert("L")  # convert() alone would cut, not scale
    return image.convert("RGB")


def _written(image: Image.Image, kind: str) -> bytes:
    target = BytesIO()
    image.save(target, kind, **FORMATS[kind][2])
    return target.getvalue()


# --- kept ----------------------------------------------------------------------------------------------------------


def store(
    session: Session, var: Path, county: str, incident_id: UUID, event_id: int, pictures: Iterable[Picture]
) -> list[UUID]:
    """Keep the photos of an event; the files are there before the rows are, and stay behind when those are undone.

    Args:
        var: The deployment's folder.

    Raises:
        TooMuch: More than six.
    """
    given = list(pictures)
    _few(len(given))
    made = []
    for picture in given:
        photo = uuid4()
        path = _path(var, photo, picture.media_type)
        private.create_folder(path.parent)
        try:
            _write(_small(path), picture.thumbnail)
            _write(path, picture.data)
            _sync(path.parent)
        except OSError:
            _small(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise
        row = {
            "county": county, "id": photo, "incident": incident_id, "event": event_id, "kind": picture.media_type,
            "width": picture.width, "height": picture.height, "size": len(picture.data), "sha256": picture.sha256,
        }  # fmt: skip
        session.execute(text(INSERT), row)
        made.append(photo)
    return made


INSERT = """
INSERT INTO photo (county, id, incident_id, event_id, media_type, width, height, size, sha256, at)
VALUES (:county, :id, :incident, :event, :kind, :width, :height, :size, :sha256, clock_timestamp())
"""  # the clock keeps their order within the event


TOLD = """EXISTS (SELECT FROM incident_event e WHERE (e.county, e.id) = (f.county, f.event_id)
  AND (e.move = ANY(:told) OR e.move = 'note' AND e.role IN ('reporter', 'anonymous')))"""


def file_of(session: Session, by: Principal, var: Path, photo_id: UUID, *, thumbnail: bool = False) -> tuple[Path, str]:
    """The file of a photo, and its media type.

    Raises:
        NotFound: There is none, or it is not the asker's to see.
    """
    condition, params = visible(by, "i")
    if by.kind == "reporter":  # sees the photos of what the timeline tells, not those between who works on it
        condition += f" AND {TOLD}"
        params |= {"told": [*TOLD_REPORTER]}
    query = f"""SELECT f.media_type FROM photo f JOIN incident i ON (i.county, i.id) = (f.county, f.incident_id)
                WHERE f.id = :photo AND {condition}"""  # noqa: S608  the conditions are ours
    media_type = session.scalar(text(query), params | {"photo": photo_id})
    path = None if media_type is None else _path(var, photo_id, media_type)
    if path is None or not path.is_file():
        raise NotFound("there is no such photo")
    return (_small(path) if thumbnail else path), str(media_type)


def by_secret(session: Session, photo_id: UUID, secret: str) -> Principal:
    """Who shows the tracking secret of the incident a photo belongs to; with another secret, nobody."""
    query = """SELECT i.id FROM photo f JOIN incident i ON (i.county, i.id) = (f.county, f.incident_id)
               WHERE f.id = :photo AND i.tracking_hash = :hash"""
    found = session.scalar(text(query), {"photo": photo_id, "hash": hashlib.sha256(secret.encode()).digest()})
    return ANONYMOUS if found is None else reporter(found)


# a database that a restore replaced (gis/databases.py names it) may still name them
OLD_DATABASE = """SELECT EXISTS (SELECT FROM pg_database
  WHERE starts_with(datname, left(current_database(), 36) || '_before_'))"""


def clean(session: Session, var: Path) -> int:
    """Remove files that no photo has: what a crash or an undone change left behind. Says how many files.

    Those of the last hour stay: their rows may not be committed yet. All stay while a database that a restore
    replaced is kept.
    """
    removed = 0
    if session.scalar(text(OLD_DATABASE)):
        return removed
    before = time() - SETTLED
    for folder in sorted((var / "photos").glob("??")):
        old = [file for file in folder.iterdir() if file.stat().st_mtime < before]
        named = {file: found for file in old if (found := _id(file)) is not None}
        query = text("SELECT id FROM photo WHERE id = ANY(:ids)")
        known = set(session.scalars(query, {"ids": sorted(set(named.values()))}))
        for file in old:
            if named.get(file) not in known:
                file.unlink(missing_ok=True)
                removed += 1
    return removed


def _path(var: Path, photo: UUID, media_type: str) -> Path:
    return var / "photos" / photo.hex[:2] / f"{photo}{ENDINGS[media_type]}"


def _small(path: Path) -> Path:
    return path.with_name(f"{path.stem}-small{path.suffix}")


def _id(file: Path) -> UUID | None:
    """The photo a file is of; None for what was never finished."""
    try:
        return UUID(file.stem.removesuffix("-small")) if file.suffix in ENDINGS.values() else None
    except ValueError:
        return None


def _write(path: Path, data: bytes) -> None:
    """All of a file or nothing of it, also when the power goes."""
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as target:
        try:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        except BaseException:  # a full disk: no part of a photo takes what is left of it
            Path(target.name).unlink(missing_ok=True)
            raise
    Path(target.name).replace(path)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
