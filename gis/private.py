"""Files and folders that only their owner can read, from the first byte."""

import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

FILE_MODE, FOLDER_MODE = 0o600, 0o700
UMASK = 0o077
SCRATCH_LOCK = ".lock"  # in a scratch folder
NO_SPACE = "No space left on device"
DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
READ_ONLY_STATE, FORBIDDEN_STATE = "25006", "42501"  # of PostgreSQL


def create_file(path: Path) -> Path:
    """Create an empty private file in place of whatever lies at a path."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))
    return path


def open_file(path: Path, mode: str = "w", **options: Any) -> IO[Any]:
    """Open a new private file for writing, in place of whatever lies at a path."""
    return create_file(path).open(mode, **options)


def write_file(path: Path, text: str) -> Path:
    """Write a private file whole, or leave what lies at a path as it is."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        create_file(part).write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


@contextmanager
def scratch_folder(
    parent: Path, prefix: str, end: Callable[[Path], object] = lambda _: None
) -> Iterator[Path]:
    """Yield a new private folder, removed at the end.

    Those that killed processes left beside it are removed, too: it may be much, or in the clear.

    Parameters
    ----------
    end
        What ends the work that may still go on in one that was left.
    """
    for left in parent.glob(f"{prefix}*/{SCRATCH_LOCK}"):
        with suppress(OSError), left.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held while its process lives
            end(left.parent)
            shutil.rmtree(left.parent, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        with (folder / SCRATCH_LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def create_folder(path: Path) -> Path:
    """Create a folder and its missing parents, each private; leave those that exist as they are."""
    if not path.is_dir():
        create_folder(path.parent)
        path.mkdir(FOLDER_MODE, exist_ok=True)
    return path


def is_disk_full(error: BaseException | None) -> bool:
    """Return whether an error, or one that caused it, means that no space is left.

    Notes
    -----
    PostgreSQL reports SQLSTATE 53100, the system ENOSPC or EDQUOT; some libraries give only the
    text.
    """
    return any(
        getattr(cause, "errno", None) in DISK_FULL_ERRNOS
        or "53100" in _get_states(cause)
        or NO_SPACE in str(cause)
        for cause in _list_causes(error)
    )


def is_read_only(error: BaseException | None) -> bool:
    """Return whether an error, or one that caused it, means that disk or database is read-only.

    Notes
    -----
    Managed servers become read-only when their disk is nearly full; a standby always is.
    """
    return any(
        getattr(cause, "errno", None) == errno.EROFS or READ_ONLY_STATE in _get_states(cause)
        for cause in _list_causes(error)
    )


def is_forbidden(error: BaseException | None) -> bool:
    """Return whether an error, or one that caused it, is that PostgreSQL's role may not do it."""
    return any(FORBIDDEN_STATE in _get_states(cause) for cause in _list_causes(error))


def _list_causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _get_states(error: BaseException) -> tuple[object, object]:
    return getattr(error, "sqlstate", None), getattr(getattr(error, "orig", None), "sqlstate", None)


def get_free_bytes(*folders: Path) -> int:
    """Return the space left on the fullest disk under some folders; missing ones are ignored."""
    return min((shutil.disk_usage(folder).free for folder in folders if folder.exists()), default=0)


# entries of a deployment's folder, apart from the database, whose rights PostgreSQL checks
ENTRIES = (
    "secrets.json",
    "session.key",
    "demo_accounts.txt",
    "limits",
    ".cluster.lock",
    ".restore.lock",
    "photos",
    "shards.json",
    "counties",
)


def tighten(var: Path) -> tuple[int, list[Path]]:
    """Remove the rights of group and others from the existing entries of a deployment's folder.

    Returns
    -------
    tuple[int, list[Path]]
        Number of entries changed, and those that belong to another user and stay open.

    Notes
    -----
    The right to pass through the folder itself stays, since the user who runs the database may need
    it. Other files in the folder are left alone, and links are not followed.
    """
    entries = [(var, FOLDER_MODE | 0o011)]
    for name in ENTRIES:
        entries += [
            (path, FOLDER_MODE if path.is_dir() else FILE_MODE) for path in _walk(var / name)
        ]
    tightened, left = 0, []
    for path, allowed in entries:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077 & ~allowed == 0:
            continue
        try:
            path.chmod(mode & (allowed | 0o700))
            tightened += 1
        except OSError:
            left.append(path)
    return tightened, left


def _walk(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.exists():
        return
    yield path
    if path.is_dir():
        for inner in path.iterdir():
            yield from _walk(inner)
