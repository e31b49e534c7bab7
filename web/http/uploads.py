"""Files that come as a part of multipart/form-data, on disk for as long as they are read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from flask import request

from gis.errors import InvalidInput, TooLarge, invalid_field
from gis.files.sandbox import within_request

MAX_FILE_NAME_CHARS = 100


class UploadedFile(NamedTuple):
    """A file that was sent. name: As its sender calls it."""

    path: Path
    name: str


@contextmanager
def uploaded_file(missing_code: str, max_suffixes: int = 1) -> Iterator[UploadedFile]:
    """Save the form's part `file` for the length of the block.

    Refusals in the block name it as its sender does.

    Parameters
    ----------
    missing_code
        What to say when there is no such part.
    max_suffixes
        How many endings of the name say what the file is: 2 for `.shp.zip`.

    Raises
    ------
    InvalidInput
        There is no such part; or the file as a whole cannot be used, as an error about the field
        `file`.
    TooLarge
        It is, or what it unpacks to.
    """
    part = request.files.get("file")
    if part is None or not part.filename:
        raise invalid_field("file", missing_code)
    name = part.filename[:MAX_FILE_NAME_CHARS]
    ending = "".join(Path(part.filename).suffixes[-max_suffixes:]).lower()
    with within_request(), TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{ending[: 4 + 4 * max_suffixes]}"
        part.save(path)
        try:
            yield UploadedFile(path, name)
        except (InvalidInput, TooLarge) as error:
            error.params = {
                key: value.replace(path.name, name) if isinstance(value, str) else value
                for key, value in error.params.items()
            }
            if error.errors or isinstance(error, TooLarge):
                raise
            raise invalid_field("file", error.code, **error.params) from None
