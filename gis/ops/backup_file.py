"""The file of a backup: a tar with a checksum, optionally encrypted to public keys (age).

Its members are `manifest.json` (moment, schema version, rows of each table), `database.dump` as
written by pg_dump, the files of `var/photos`, and `end` with the SHA-256 of everything before it. A
file without `end` is incomplete.
"""

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyrage

from gis import private
from gis.errors import InvalidInput, invalid_field

MANIFEST, DUMP, END = "manifest.json", "database.dump", "end"
PHOTO_PATTERN = re.compile(r"photos/[0-9a-f]{2}/[0-9a-f-]{36}(-small)?\.[a-z]+")
AGE_MAGIC, DUMP_MAGIC = b"age-encryption.org/", b"PGDMP"
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Contents:
    """The contents of a backup; `manifest` and `sha256` are None in files of earlier versions."""

    photos: tuple[str, ...]
    manifest: dict[str, Any] | None
    sha256: str | None


class _HashingWriter(io.RawIOBase):
    """A writer that hashes what it passes on."""

    def __init__(self, target: IO[bytes]) -> None:
        self.target, self.sha256, self.count = target, hashlib.sha256(), 0

    def write(self, data: Any) -> int:
        self.target.write(data)
        self.sha256.update(data)
        self.count += len(data)
        return len(data)

    def tell(self) -> int:
        return self.count


def write(
    path: Path, dump: Path, manifest: dict[str, Any], var: Path, recipients: Sequence[Any] = ()
) -> int:
    """Write a backup and return the number of photo files in it.

    Parameters
    ----------
    path
        The backup, replaced only when the new file is complete. Private from its first byte; with
        `recipients` nothing of it is on disk in the clear.
    dump
        A dump of pg_dump in its custom format.
    manifest
        Moment, schema version and rows.
    var
        Folder of the deployment, where photos lie.
    recipients
        Public keys, as `parse_recipients` returns them. Empty means not encrypted.

    Returns
    -------
    int
        Number of photo files in it.
    """
    part = path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
    try:
        with private.open_file(part, "wb") as target:
            if recipients:
                count = _encrypt(target, recipients, dump, manifest, var)
            else:
                count = _write_tar(target, dump, manifest, var)
            target.flush()
            os.fsync(target.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


def _write_tar(target: IO[bytes], dump: Path, manifest: dict[str, Any], var: Path) -> int:
    writer = _HashingWriter(target)
    count = 0
    with tarfile.open(fileobj=writer, mode="w") as archive:
        _add_bytes(archive, MANIFEST, json.dumps(manifest, ensure_ascii=False).encode())
        archive.add(dump, DUMP)
        for name in list_photos(var):
            try:
                archive.add(var / name, name)
            except FileNotFoundError:  # just deleted: no row names it
                continue
            count += 1
        _add_bytes(archive, END, writer.sha256.hexdigest().encode())
    return count


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), private.FILE_MODE
    archive.addfile(member, io.BytesIO(data))


def _encrypt(
    target: IO[bytes], recipients: Sequence[Any], dump: Path, manifest: dict[str, Any], var: Path
) -> int:
    """Encrypt the tar while it is written, through a pipe.

    It needs neither memory nor disk of the size of the tar.
    """
    reading, writing = os.pipe()

    def feed() -> int:
        with os.fdopen(writing, "wb") as pipe:
            return _write_tar(pipe, dump, manifest, var)

    with ThreadPoolExecutor(1) as pool, os.fdopen(reading, "rb") as source:
        fed = pool.submit(feed)
        try:
            pyrage.encrypt_io(source, target, list(recipients))
        finally:
            source.close()  # a thread that still writes ends with EPIPE
        return fed.result()


def list_photos(var: Path) -> Iterator[str]:
    """List the photo files under a deployment's folder, by their names in a backup."""
    for file in sorted((var / "photos").glob("??/*")):
        if PHOTO_PATTERN.fullmatch(name := file.relative_to(var).as_posix()):
            yield name


# --- keys -----------------------------------------------------------------------------------------


def parse_recipients(texts: Iterable[str]) -> list[Any]:
    """Parse public keys.

    Parameters
    ----------
    texts
        `age1…`, `ssh-ed25519 …`, `ssh-rsa …`, or the name of a file with one of these a line.

    Raises
    ------
    InvalidInput
        One of them is not a public key.
    """
    keys = []
    for text in texts:
        lines = [text]
        if not text.startswith(("age1", "ssh-")) and Path(text).is_file():
            lines = [
                line.strip()
                for line in Path(text).read_text(encoding="utf-8", errors="replace").splitlines()
            ]
            lines = [line for line in lines if line and not line.startswith("#")]
        if not lines or any(line.startswith("AGE-SECRET-KEY-") for line in lines):
            raise invalid_field("encrypt-to", "backup.recipient_secret")
        for line in lines:
            kind = pyrage.ssh if line.startswith("ssh-") else pyrage.x25519
            try:
                keys.append(kind.Recipient.from_str(line))
            except pyrage.RecipientError:
                raise invalid_field(
                    "encrypt-to", "backup.recipient_invalid", value=repr(line[:80])
                ) from None
    return keys


def read_identities(path: Path) -> list[Any]:
    """Read secret keys from a file of age (`AGE-SECRET-KEY-…`, one a line) or of OpenSSH.

    Raises
    ------
    InvalidInput
        The file holds none.
    """
    data = path.read_bytes()
    try:
        if data.startswith(b"-----BEGIN"):
            return [pyrage.ssh.Identity.from_buffer(data)]
        lines = [line.strip() for line in data.decode().splitlines()]
        keys = [
            pyrage.x25519.Identity.from_str(line)
            for line in lines
            if line and not line.startswith("#")
        ]
    except (pyrage.IdentityError, UnicodeDecodeError):
        keys = []
    if not keys:
        raise invalid_field("identity", "backup.identity_no_key", file=path.name)
    return keys


def create_key(path: Path) -> str:
    """Write a new secret key to a new file, and return its public key.

    Raises
    ------
    InvalidInput
        The file exists.
    """
    if path.exists():
        raise invalid_field("file", "backup.key_exists", path=str(path))
    key = pyrage.x25519.Identity.generate()
    public = str(key.to_public())
    private.write_file(path, f"# public key: {public}\n{key}\n")
    return public


# --- reading --------------------------------------------------------------------------------------


@contextmanager
def opened(path: Path, folder: Path, identity: Path | None) -> Iterator[Path]:
    """Yield the path of a backup in the clear: itself, or decrypted in a private folder.

    Raises
    ------
    InvalidInput
        It is encrypted and no key or another key was given, or it is damaged.
    OSError
        The disk is full.
    """
    with path.open("rb") as file:
        encrypted = file.read(len(AGE_MAGIC)) == AGE_MAGIC
    if not encrypted:
        yield path
        return
    if identity is None:
        raise invalid_field("identity", "backup.identity_missing", file=path.name)
    plain = private.create_file(folder / "decrypted")
    try:
        pyrage.decrypt_file(str(path), str(plain), read_identities(identity))
    except pyrage.DecryptError as error:
        if "matching" in str(error).lower():
            raise invalid_field(
                "identity", "backup.identity_wrong", file=path.name, identity=identity.name
            ) from None
        raise not_ours(path, f"it does not decrypt: {error}") from None
    except OSError as error:
        if private.is_disk_full(error):
            raise
        raise not_ours(path, f"it does not decrypt: {error}") from None
    try:
        yield plain
    finally:
        plain.unlink(missing_ok=True)


def verify(path: Path, plain: Path) -> Contents:
    """Verify that a backup is complete and unchanged, and return its contents.

    Parameters
    ----------
    path
        The file, as messages name it.
    plain
        The same in the clear.

    Raises
    ------
    InvalidInput
        It is not a backup, is incomplete, or differs from its checksum.
    """
    with plain.open("rb") as file:
        # a bare dump, as written by versions without photos
        if file.read(len(DUMP_MAGIC)) == DUMP_MAGIC:
            return Contents((), None, None)
    try:
        with tarfile.open(plain, "r:") as archive:
            members = {member.name: member for member in archive if member.isfile()}
            if DUMP not in members or END not in members:
                raise not_ours(path, "it is not whole")
            manifest = (
                json.loads(_read(archive, members[MANIFEST])) if MANIFEST in members else None
            )
            stated = _read(archive, members[END]).decode()
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise not_ours(path, str(error)) from None
    photos = tuple(name for name in members if PHOTO_PATTERN.fullmatch(name))
    if not stated and manifest is None:
        return Contents(photos, None, None)
    end = members[END]
    end_offset = end.offset_data + len(stated)
    if stated != _hash(plain, end.offset) or not _is_zero(plain, end_offset):
        raise not_ours(path, "its checksum does not match; the file was damaged or changed")
    return Contents(photos, manifest, stated)


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    source = archive.extractfile(member)
    return source.read(CHUNK_BYTES) if source else b""


def _hash(path: Path, count: int) -> str:
    """Return the SHA-256 of the first bytes of a file."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while count and (data := file.read(min(count, CHUNK_BYTES))):
            sha256.update(data)
            count -= len(data)
    return sha256.hexdigest()


def _is_zero(path: Path, start: int) -> bool:
    with path.open("rb") as file:
        file.seek(start)
        return not any(any(data) for data in iter(lambda: file.read(CHUNK_BYTES), b""))


def unpack_dump(plain: Path, target: Path) -> None:
    """Unpack the dump of a verified backup to a path."""
    with plain.open("rb") as file:
        if file.read(len(DUMP_MAGIC)) == DUMP_MAGIC:
            target.symlink_to(plain.absolute())
            return
    with tarfile.open(plain, "r:") as archive:
        _extract(archive, DUMP, target)


def unpack_photos(plain: Path, names: Sequence[str], var: Path) -> None:
    """Unpack photos of a verified backup.

    A file of the same name with other contents is kept beside the restored one.
    """
    if not names:
        return
    with tarfile.open(plain, "r:") as archive:
        for name in names:
            file = var / name
            private.create_folder(file.parent)
            part = file.with_name(f"{file.name}.part")
            try:
                _extract(archive, name, part)
                if file.exists() and file.read_bytes() != part.read_bytes():
                    _keep_beside(file)
                part.replace(file)
            finally:
                part.unlink(missing_ok=True)


def _keep_beside(file: Path) -> None:
    """Link a file under a second name, derived from its contents.

    Files that were kept before are not overwritten.
    """
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    with suppress(FileExistsError):
        os.link(file, file.with_name(f"{file.name}.{digest}.replaced"))


def _extract(archive: tarfile.TarFile, name: str, target: Path) -> None:
    source = archive.extractfile(name)
    assert source is not None  # a plain file: verified
    with source, private.open_file(target, "wb") as file:
        shutil.copyfileobj(source, file, CHUNK_BYTES)


def not_ours(path: Path, reason: str) -> InvalidInput:
    """Return the error for a file that is not a backup of ours."""
    return InvalidInput("backup.not_ours", file=path.name, reason=reason)
