"""Files and folders that only their owner can read, from the first byte."""

import errno
import os
import shutil
from pathlib import Path
from typing import IO, Any

FILE_MODE, FOLDER_MODE = 0o600, 0o700
UMASK = 0o077
NO_SPACE = "No space left on device"
FULL = (errno.ENOSPC, errno.EDQUOT)


def create_file(path: Path) -> Path:
    """Create an empty private file in place of whatever lies at a path."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))
    return path


def open_file(path: Path, mode: str = "w", **options: Any) -> IO[Any]:
    """Open a new private file for writing, in place of whatever lies at a path."""
    return create_file(path).open(mode, **options)


def create_folder(path: Path) -> Path:
    """Create a folder and its missing parents, each private; leave those that exist as they are."""
    if not path.is_dir():
        create_folder(path.parent)
        path.mkdir(FOLDER_MODE, exist_ok=True)
    return path


def is_disk_full(error: BaseException | None) -> bool:
    """Return whether an error, or one that caused it, says that no space is left.

    Notes
    -----
    PostgreSQL says so with SQLSTATE 53100, the system with ENOSPC or EDQUOT, libraries that hide both in words.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        states = (getattr(error, "sqlstate", None), getattr(getattr(error, "orig", None), "sqlstate", None))
        if getattr(error, "errno", None) in FULL or "53100" in states or NO_SPACE in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def get_free_bytes(*folders: Path) -> int:
    """Return the space left for us on the fullest of the disks under some folders; missing ones are not counted."""
    return min((shutil.disk_usage(folder).free for folder in folders if folder.exists()), default=0)
