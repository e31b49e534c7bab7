"""Backup and restore of the whole database with PostgreSQL's own pg_dump and pg_restore."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gis import schema
from gis.cluster import Addresses, find_binaries
from gis.db import engine
from gis.errors import InvalidInput, Unavailable

SCHEMAS = ("public", "personal")


def backup(addresses: Addresses, path: Path) -> None:
    """Write every table of ours to one file (pg_dump's custom format); replaces `path` only when whole.

    Raises:
        InvalidInput: The folder cannot be written.
        Unavailable: pg_dump failed.
    """
    if not os.access(path.absolute().parent, os.W_OK):
        raise InvalidInput(f"the folder {path.absolute().parent} cannot be written")
    with tempfile.TemporaryDirectory(dir=path.absolute().parent) as folder:
        part = Path(folder) / "part"
        words = [f"--schema={name}" for name in SCHEMAS]
        _run(
            "pg_dump",
            ["--format=custom", "--no-owner", "--no-privileges", *words, f"--file={part}"],
            addresses.owner,
        )
        part.replace(path)


def restore(addresses: Addresses, path: Path) -> None:
    """Replace the database by a backup, in one transaction, then migrate it to this code's version.

    Raises:
        InvalidInput: The file is not a backup of ours; nothing was changed.
    """
    try:
        listing = _run("pg_restore", ["--list", str(path)], None)
    except Unavailable as error:
        raise InvalidInput(f"{path.name} is not a backup made by `./wangge db backup`: {error.detail}") from None
    # the schema public and the extensions in it stay; everything of ours goes and comes back
    entries = [line for line in listing.splitlines() if not _stays(line)]
    if not any(" TABLE public area " in line for line in entries):
        raise InvalidInput(f"{path.name} is not a backup made by `./wangge db backup`: it holds no areas")
    with tempfile.TemporaryDirectory() as folder:
        script, wanted = Path(folder) / "restore.sql", Path(folder) / "list"
        wanted.write_text("\n".join(entries))
        _run(
            "pg_restore",
            ["--no-owner", "--no-privileges", f"--use-list={wanted}", f"--file={script}", str(path)],
            None,
        )
        empty = Path(folder) / "empty.sql"
        empty.write_text(EMPTY)
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
