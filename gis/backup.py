"""Backup and restore of the whole database and the photos.

A backup is one tar file: `database.dump` as PostgreSQL's own pg_dump wrote it, the files of `var/photos`, and an empty
`end`, without which it is not whole. A bare dump, as written before there were photos, can be restored too.
"""

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from gis import schema
from gis.cluster import Addresses, find_binaries
from gis.db import engine
from gis.errors import InvalidInput, Unavailable

SCHEMAS = ("public", "personal")
DUMP, END = "database.dump", "end"  # names in a backup
PHOTO = re.compile(r"photos/[0-9a-f]{2}/[0-9a-f-]{36}(-small)?\.[a-z]+")


def backup(addresses: Addresses, path: Path, var: Path) -> int:
    """Write every table of ours and every photo to one file; replaces `path` only when whole.

    The photos are read after the tables, so that each photo a row names is there.

    Args:
        var: The deployment's folder, where photos lie.

    Returns:
        How many photo files it holds.

    Raises:
        InvalidInput: The folder cannot be written.
        Unavailable: pg_dump failed.
    """
    if not os.access(path.absolute().parent, os.W_OK):
        raise InvalidInput(f"the folder {path.absolute().parent} cannot be written")
    with tempfile.TemporaryDirectory(dir=path.absolute().parent) as folder:
        dump, part = Path(folder) / DUMP, Path(folder) / "part"
        words = [f"--schema={name}" for name in SCHEMAS]
        _run(
            "pg_dump",
            ["--format=custom", "--no-owner", "--no-privileges", *words, f"--file={dump}"],
            addresses.owner,
        )
        with tarfile.open(part, "w") as whole:
            whole.add(dump, DUMP)
            dump.unlink()
            kept = 0
            for name in _photos(var):
                try:
                    whole.add(var / name, name)
                except FileNotFoundError:  # tidied just now: no row names it
                    continue
                kept += 1
            whole.addfile(tarfile.TarInfo(END))
        part.replace(path)
    return kept


def restore(addresses: Addresses, path: Path, var: Path) -> int:
    """Replace the database by a backup, in one transaction, then migrate it to this code's version.

    The photos come first: a photo's file never changes, and those that no row names are tidied nightly.

    Args:
        var: The deployment's folder, where photos lie.

    Returns:
        How many photo files the backup holds.

    Raises:
        InvalidInput: The file is not a backup of ours; nothing was changed.
        Unavailable: PostgreSQL refused it; the database is as it was.
    """
    with tempfile.TemporaryDirectory() as folder:
        script, empty = Path(folder) / "restore.sql", Path(folder) / "empty.sql"
        names = _unpack(path, Path(folder) / DUMP)
        _script(path, Path(folder) / DUMP, script)
        empty.write_text(EMPTY)
        if names:
            _take_photos(path, names, var)
        engine(addresses.app).dispose()
        _run(
            "psql",
            [
                "-X",
                "-q",
                "--set=ON_ERROR_STOP=1",
                "--single-transaction",
                f"--file={empty}",
                f"--file={script}",
            ],
            addresses.owner,
        )
    schema.migrate(addresses)
    return len(names)


def _photos(var: Path) -> Iterator[str]:
    """The photo files under `var`, by their names in a backup."""
    for file in sorted((var / "photos").glob("??/*")):
        if PHOTO.fullmatch(name := file.relative_to(var).as_posix()):
            yield name


def _unpack(path: Path, dump: Path) -> list[str]:
    """Put the dump that a backup holds at `dump`; the names of its photos."""
    with path.open("rb") as file:
        if file.read(5) == b"PGDMP":
            dump.symlink_to(path.absolute())
            return []
    try:
        with tarfile.open(path, "r:") as whole:
            members = {one.name: one for one in whole if one.isfile()}
            if DUMP not in members or END not in members:
                raise _not_ours(path, "it is not whole")
            with whole.extractfile(members[DUMP]) as source, dump.open("wb") as target:  # type: ignore[union-attr]
                shutil.copyfileobj(source, target)
    except tarfile.TarError as error:
        raise _not_ours(path, str(error)) from None
    return [name for name in members if PHOTO.fullmatch(name)]


def _take_photos(path: Path, names: Sequence[str], var: Path) -> None:
    with tarfile.open(path, "r:") as whole:
        for name in names:
            file, part = var / name, var / f"{name}.part"
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with whole.extractfile(name) as source, part.open("wb") as target:  # type: ignore[union-attr]
                shutil.copyfileobj(source, target)
            part.replace(file)


def _script(path: Path, dump: Path, script: Path) -> None:
    """Write what a dump holds of ours as SQL."""
    try:
        listing = _run("pg_restore", ["--list", str(dump)], None)
        # the schema public and the extensions in it stay; everything of ours goes and comes back
        entries = [line for line in listing.splitlines() if not _stays(line)]
        if not any(" TABLE public area " in line for line in entries):
            raise _not_ours(path, "it holds no areas")
        wanted = script.with_name("list")
        wanted.write_text("\n".join(entries))
        _run(
            "pg_restore",
            ["--no-owner", "--no-privileges", f"--use-list={wanted}", f"--file={script}", str(dump)],
            None,
        )
    except Unavailable as error:
        raise _not_ours(path, error.detail) from None


def _not_ours(path: Path, why: str) -> InvalidInput:
    return InvalidInput(f"{path.name} is not a backup made by `./wangge db backup`: {why}")


# Drops our tables and functions, and leaves those that belong to an extension.
EMPTY = """
DO $$
DECLARE item record;
BEGIN
  DROP SCHEMA IF EXISTS personal CASCADE;
  FOR item IN
    SELECT c.oid::regclass AS name FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', item.name);
  END LOOP;
  FOR item IN
    SELECT p.oid::regprocedure AS name FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', item.name);
  END LOOP;
END $$;
"""


def _stays(line: str) -> bool:
    return any(
        word in line
        for word in (
            " SCHEMA - public ",
            " COMMENT - SCHEMA public ",
            " EXTENSION ",
            " public spatial_ref_sys ",
        )
    )


def _run(program: str, words: Sequence[str], url: str | None) -> str:
    command = [str(find_binaries() / program), *words]
    if url:
        command += ["--dbname", url]
    env = os.environ | {"PGOPTIONS": "-c client_min_messages=warning"}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "error" in line.lower()] or done.stderr.split("\n")
        raise Unavailable(f"{program} failed: {said[0] if said else done.returncode}")
    return done.stdout
