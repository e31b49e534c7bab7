"""Photos made anew by Pillow, as the child process of `gis.files.photos` runs it.

Imports only what it needs.
"""

import hashlib
import re
import zipfile
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from io import BytesIO

from PIL import Image, ImageCms, ImageOps

from gis.errors import FieldError, TooLarge, invalid_field

MAX_PHOTO_BYTES = 10 * 1024 * 1024  # bytes of a photo as it comes in
MAX_PHOTO_PIXELS = 51_000_000  # a "50 megapixel" camera makes 8192 x 6144
MAX_JPEG_SCANS = (
    100  # of a progressive JPEG; cameras write about ten, a file made to keep us busy thousands
)
LONGEST_SIDE, THUMBNAIL_SIDE = 2560, 480  # pixels, as kept

# format -> media type, ending, how it is written again
PHOTO_FORMATS: dict[str, tuple[str, str, dict[str, object]]] = {
    "JPEG": ("image/jpeg", ".jpg", {"quality": 85, "optimize": True, "progressive": True}),
    "PNG": ("image/png", ".png", {}),
    "WEBP": ("image/webp", ".webp", {"quality": 82}),
}
EXTENSION_BY_MEDIA_TYPE = {media_type: ending for media_type, ending, _ in PHOTO_FORMATS.values()}

# beginnings of files that people send for photos -> what to say of them
OTHER_FORMATS = (
    (re.compile(rb"....ftyp(hei|hev|mif1|msf1)", re.S), "photo.heic"),
    (re.compile(rb"....ftypavi[fs]", re.S), "photo.avif"),
    (re.compile(rb"....ftyp", re.S), "photo.video"),
    (re.compile(rb"GIF8"), "photo.gif"),
    (re.compile(rb"BM"), "photo.bmp"),
    (re.compile(rb"II\*\0|MM\0\*"), "photo.tiff"),
    (re.compile(rb"%PDF"), "photo.pdf"),
    (re.compile(rb"\s*(<\?xml|<svg)", re.I), "photo.svg"),
)
MARKER = re.compile(
    rb"\xff[^\x00\xd0-\xd7\xff]"
)  # in a JPEG after coded data: neither stuffing nor a restart
# what makes a photo something else as well, for a browser or another reader
POLYGLOT_PATTERN = re.compile(
    rb"<script|<\?php|<html|<!doctype html|%PDF-\d\.|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c", re.I
)


@dataclass(frozen=True)
class SanitisedPhoto:
    """A photo as it will be kept. sha256: Of `data`. width, height: Pixels."""

    data: bytes
    media_type: str
    width: int
    height: int
    sha256: bytes
    thumbnail: bytes


def check_named(photos: Sequence[tuple[str, bytes]]) -> list[tuple[object, ...]]:
    """Return the fields of a `SanitisedPhoto` for each name and photo."""
    return [astuple(check(data, name)) for name, data in photos]


def check(data: bytes, name: str = "photo") -> SanitisedPhoto:
    """Return a photo written again from a file.

    Upright, in sRGB, at most 2560 pixels long, with nothing else in it.

    Parameters
    ----------
    name
        What messages call it.

    Raises
    ------
    InvalidInput
        It is no JPEG, PNG or WebP by its content, is cut off, or is another kind of file as well.
    TooLarge
        It has more than 10 MB or 50 megapixels.
    """
    if len(data) > MAX_PHOTO_BYTES:
        size, limit = f"{len(data) / 1024 / 1024:.1f}", MAX_PHOTO_BYTES // 1024 // 1024
        errors = [FieldError(name, "photo.too_large", {"size": size, "limit": limit})]
        raise TooLarge("photo.too_large_of", errors, field=name, size=size, limit=limit)
    if not data:
        raise invalid_field(name, "photo.empty")
    for begins, code in OTHER_FORMATS:
        if begins.match(data):
            raise invalid_field(name, code)
    if POLYGLOT_PATTERN.search(data) or (
        b"PK\x01\x02" in data and zipfile.is_zipfile(BytesIO(data))
    ):
        raise invalid_field(name, "photo.polyglot")
    try:
        with Image.open(BytesIO(data), formats=tuple(PHOTO_FORMATS)) as opened:
            kind = (
                "JPEG" if opened.format == "MPO" else str(opened.format)
            )  # MPO: several JPEGs, the first is shown
            width, height = opened.size
            if width * height > MAX_PHOTO_PIXELS:
                raise Image.DecompressionBombError(f"{width * height / 1e6:,.0f} megapixels")
            if kind == "JPEG" and _scans(data) > MAX_JPEG_SCANS:
                raise OSError("too many scans")
            upright = _upright(opened)
    except Image.DecompressionBombError:
        errors = [FieldError(name, "photo.too_many_pixels")]
        raise TooLarge("photo.too_many_pixels_of", errors, field=name) from None
    except Image.UnidentifiedImageError:
        raise invalid_field(name, "photo.not_a_photo") from None
    except Exception:  # Pillow's readers raise nearly every kind on broken files
        raise invalid_field(name, "photo.damaged") from None
    small = upright.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    sanitised = _written(upright, kind)
    return SanitisedPhoto(
        sanitised,
        PHOTO_FORMATS[kind][0],
        *upright.size,
        hashlib.sha256(sanitised).digest(),
        _written(small, kind),
    )


def _scans(jpeg: bytes) -> int:
    """Return how often a JPEG goes over its picture.

    Its segments are walked up to the end of the first image.
    """
    at, scans = 2, 0
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != 0xD9:
        if jpeg[at + 1] == 0xFF:
            at += 1
            continue
        scans += jpeg[at + 1] == 0xDA
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if (marker := MARKER.search(jpeg, at)) is None:
            break
        at = marker.start()
    return scans


def _upright(opened: Image.Image) -> Image.Image:
    """Its pixels alone, turned as the camera was held, no longer than kept.

    In sRGB, with transparency where it had.
    """
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
            source_profile = ImageCms.ImageCmsProfile(BytesIO(profile))
            turned = ImageCms.profileToProfile(
                image, source_profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            if turned is not None:
                return turned
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken profile: the colours as they are
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value / 256).convert(
            "L"
        )  # convert() alone would cut, not scale
    return image.convert("RGB")


def _written(image: Image.Image, kind: str) -> bytes:
    target = BytesIO()
    image.save(target, kind, **PHOTO_FORMATS[kind][2])
    return target.getvalue()
