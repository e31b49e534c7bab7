"""Photos as the deployment keeps them: looked at by content, written again, stored as files.

What comes in is never kept: every photo is decoded and written again, so that position, comments
and whatever else hung on the file are gone; `gis.files.photo_files` does that in a child process
with limits. Files lie under `var/photos/<first two digits>/<id>.jpg`, thumbnails beside them. Rows
that name them are of whoever stores them: incidents, visits of a check-up.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import time
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import LargeBinary, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from gis import private
from gis.errors import FieldError, TooLarge
from gis.files import sandbox
from gis.files.photo_files import EXTENSION_BY_MEDIA_TYPE, SanitisedPhoto, check_named
from gis.files.sandbox import Limits

MAX_PHOTOS = 6  # photos that come together
ORPHAN_MIN_AGE_S = (
    3600  # seconds after which a file without a row is nobody's: no transaction takes so long
)
PHOTO_LIMITS = Limits(
    cpu_s=14.0, memory_bytes=2_000_000_000
)  # for all photos that come together; six of 12 megapixels take 4 s


class PhotoColumns:
    """What a row says of the file of a photo, to be mixed into its model."""

    media_type: Mapped[str] = mapped_column(
        comment="image/jpeg, image/png or image/webp, found by content."
    )
    width: Mapped[int] = mapped_column(comment="Pixels.")
    height: Mapped[int] = mapped_column(comment="Pixels.")
    size: Mapped[int] = mapped_column(comment="Bytes of the file as kept.")
    sha256: Mapped[bytes] = mapped_column(LargeBinary, comment="Of the file as kept.")


def sanitise_photos(photos: Sequence[bytes]) -> list[SanitisedPhoto]:
    """Return photos that come together, each written again as `gis.files.photo_files.check` does.

    Raises
    ------
    InvalidInput, TooLarge
        One of them is no good, named as photos[0], photos[1] …; or they are too many.
    """
    require_few(len(photos))
    return (
        _checked([(f"photos[{number}]", data) for number, data in enumerate(photos)])
        if photos
        else []
    )


def sanitise_photo(data: bytes, name: str = "photo") -> SanitisedPhoto:
    """Return one photo, written again; see `sanitise_photos`."""
    return _checked([(name, data)])[0]


def _checked(named: Sequence[tuple[str, bytes]]) -> list[SanitisedPhoto]:
    rows = sandbox.run(
        check_named, named, limits=PHOTO_LIMITS, name=f"{named[0][0].partition('[')[0]}: a photo"
    )
    return [SanitisedPhoto(*fields) for fields in rows]


def require_few(number: int) -> None:
    """Raise TooLarge when more photos come together than are taken.

    Raises
    ------
    TooLarge
        There are more than MAX_PHOTOS.
    """
    if number > MAX_PHOTOS:
        errors = [FieldError("photos", "photo.too_many", {"count": number, "limit": MAX_PHOTOS})]
        raise TooLarge("photo.too_many_of", errors, field="photos", count=number, limit=MAX_PHOTOS)


@dataclass(frozen=True)
class AttachedPhotos:
    """Photos that come with a report, a move or a visit, and the folder that they are stored under.

    var: The deployment's folder.

    Raises
    ------
    TooLarge
        There are more than MAX_PHOTOS.
    """

    var: Path
    photos: Sequence[SanitisedPhoto]

    def __post_init__(self) -> None:
        """Refuse more photos than are taken."""
        require_few(len(self.photos))

    def write(self) -> Iterator[dict[str, Any]]:
        """Yield the columns of each photo's row, once its files are stored."""
        for photo in self.photos:
            yield write_photo(self.var, photo)


def write_photo(var: Path, picture: SanitisedPhoto) -> dict[str, Any]:
    """Store the file of a photo and its thumbnail, and return the columns of its row.

    Parameters
    ----------
    var
        The deployment's folder.

    Returns
    -------
    dict[str, Any]
        id, media_type, width, height, size and sha256.

    Raises
    ------
    OSError
        It cannot be written; nothing of it stays.
    """
    photo = uuid4()
    path = file_path(var, photo, picture.media_type)
    small = file_path(var, photo, picture.media_type, thumbnail=True)
    private.create_folder(path.parent)
    try:
        _write(small, picture.thumbnail)
        _write(path, picture.data)
        _sync(path.parent)
    except OSError:
        small.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise
    return {
        "id": photo,
        "media_type": picture.media_type,
        "width": picture.width,
        "height": picture.height,
        "size": len(picture.data),
        "sha256": picture.sha256,
    }


def file_path(var: Path, photo: UUID, media_type: str, *, thumbnail: bool = False) -> Path:
    """Return where the file of a photo lies."""
    name = f"{photo}{'-small' if thumbnail else ''}{EXTENSION_BY_MEDIA_TYPE[media_type]}"
    return var / "photos" / photo.hex[:2] / name


# a database that a restore replaced (gis/ops/databases.py names it) may still name them
OLD_DATABASE = """SELECT EXISTS (SELECT FROM pg_database
  WHERE starts_with(datname, left(current_database(), 36) || '_before_'))"""


def delete_orphans(session: Session, var: Path, tables: Sequence[str]) -> int:
    """Remove files that no row has: what a crash or an undone change left behind.

    Those of the last hour stay: their rows may not be committed yet. All stay while a database that
    a restore replaced is kept.

    Parameters
    ----------
    tables
        All tables whose column `id` names files.

    Returns
    -------
    int
        Number of files removed.
    """
    removed = 0
    if session.scalar(text(OLD_DATABASE)):
        return removed
    oldest = time() - ORPHAN_MIN_AGE_S
    for folder in sorted((var / "photos").glob("??")):
        old = [file for file in folder.iterdir() if file.stat().st_mtime < oldest]
        named = {file: photo_id for file in old if (photo_id := _id(file)) is not None}
        stored_ids = {
            photo
            for table in tables
            for photo in session.scalars(
                text(f"SELECT id FROM {table} WHERE id = ANY(:ids)"),  # noqa: S608  ours
                {"ids": list(set(named.values()))},
            )
        }
        for file in old:
            if named.get(file) not in stored_ids:
                file.unlink(missing_ok=True)
                removed += 1
    return removed


def _id(file: Path) -> UUID | None:
    """Return the photo a file is of; None for what was never finished."""
    try:
        return (
            UUID(file.stem.removesuffix("-small"))
            if file.suffix in EXTENSION_BY_MEDIA_TYPE.values()
            else None
        )
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
