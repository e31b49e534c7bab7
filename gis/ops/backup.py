"""Backup and restore of the whole database and the photos.

A restore never destroys data: it fills a new database, migrates and checks it, and then swaps it
with the present one, which is kept under another name until `./wangge db drop-old`.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import sql
from pyrage import EncryptError

from gis import private
from gis.db import engine
from gis.errors import Conflict, InvalidInput, Unavailable, invalid_field
from gis.facilities.circle_runs import CHANGED_RUNS_SQL, RENEWED_RUNS_SQL
from gis.files.table_writer import require_replaceable
from gis.ops import backup_file, databases, migration, schema
from gis.ops.cluster import DatabaseUrls

SCHEMAS = ("public", "personal", "jobs")
SCRATCH = ".restore-"  # folders under the deployment's
# folders in which a database is dumped; a name of ours, as those that are left are removed
SCRATCH_DUMP = ".wangge-backup-"
# The migration that created the schema of the jobs. Their rows are not backed up.
JOBS_SINCE = "0002"

# The server numbers transactions by itself: those of the server that was dumped say nothing here.
NEW_LOG_SQL = "DELETE FROM demand_change; INSERT INTO demand_change DEFAULT VALUES"
# Our tables: those of neither an extension nor the jobs.
TABLES_SQL = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'personal') AND c.relkind = 'r'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""


def backup(addresses: DatabaseUrls, path: Path, var: Path, recipients: Sequence[Any] = ()) -> int:
    """Write all our tables and photos to one private file, and return the number of photos.

    Parameters
    ----------
    path
        Replaced only when the new file is complete.
    var
        Folder of the deployment, where photos lie. They are read after the tables, so that the file
        holds each photo that a row names.
    recipients
        Public keys to encrypt to, as `backup_file.parse_recipients` returns them.

    Returns
    -------
    int
        Number of photo files in it.

    Raises
    ------
    InvalidInput
        The folder cannot be written to, or something else than a file is there.
    Unavailable
        pg_dump failed, or the disk is full.
    Exception
        Another error of the disk, of the encryption or of the database, as it is.
    """
    require_replaceable(path)
    folder = path.absolute().parent
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        if not private.is_disk_full(error):
            raise InvalidInput("backup.folder_read_only", folder=str(folder)) from None
    try:
        # data in the clear stays on the disk of the database
        beside = var if recipients and var.is_dir() else folder
        with private.scratch_folder(beside, SCRATCH_DUMP) as scratch:
            dump = scratch / backup_file.DUMP
            manifest = _dump(addresses.owner, dump)
            return backup_file.write(path.absolute(), dump, manifest, var, recipients)
    except (OSError, EncryptError, psycopg.Error) as error:
        raise _full(error) from None


def _dump(url: str, dump: Path) -> dict[str, Any]:
    """Dump our schemas and return the manifest, with the row counts of the same snapshot."""
    with psycopg.connect(databases.libpq(url)) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        snapshot = _scalar(connection, "SELECT pg_export_snapshot()")
        manifest = {
            "format": 2,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "schema": get_version(connection),
            "rows": count_rows(connection),
        }
        databases.run_program(
            "pg_dump",
            [
                "--format=custom",
                "--no-owner",
                "--no-privileges",
                f"--snapshot={snapshot}",
                *(f"--schema={name}" for name in SCHEMAS),
                "--exclude-table-data=jobs.*",
                # a new database has them from PostGIS; restore takes none
                "--exclude-table-data=public.spatial_ref_sys",
                f"--file={dump}",
            ],
            url,
        )
    return manifest


def _scalar(connection: psycopg.Connection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def get_version(connection: psycopg.Connection) -> str | None:
    """Return the migration of a database; None if it has no tables of ours."""
    if _scalar(connection, schema.VERSIONS_TABLE_SQL) is None:
        return None
    version = _scalar(connection, schema.VERSION_SQL)
    return None if version is None else str(version)


def count_rows(connection: psycopg.Connection) -> dict[str, int]:
    """Count the rows of every table of ours, by "schema.table"."""
    names = [
        (schema_name, table) for schema_name, table in connection.execute(TABLES_SQL).fetchall()
    ]
    counts = {}
    for schema_name, table in sorted(names):
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema_name, table))
        row = connection.execute(query).fetchone()
        counts[f"{schema_name}.{table}"] = int(row[0]) if row else 0
    return counts


def restore(
    addresses: DatabaseUrls,
    path: Path,
    var: Path,
    *,
    identity: Path | None = None,
    into: str | None = None,
) -> int:
    """Restore a backup into a new database, migrate and check it, then swap it for the present one.

    Parameters
    ----------
    var
        Folder of the deployment. Photos of the backup are added to it; none is removed.
    identity
        File with the secret key of an encrypted backup.
    into
        Name of an empty database of the same server to restore into; it is not swapped. None means
        a new database.

    Returns
    -------
    int
        Number of photo files in the backup.

    Raises
    ------
    InvalidInput
        The file is not a complete backup of ours.
    Unavailable
        PostgreSQL refused it, or our role may not create a database.
    Conflict
        Another restore of this deployment is running.
    Exception
        Another error of the disk or of the database, as it is.

    Notes
    -----
    After any error the present database and photos are unchanged.
    """
    try:
        with (
            _only_restore(addresses, var),
            tempfile.TemporaryDirectory(
                prefix=SCRATCH, dir=var if var.is_dir() else None
            ) as folder,
            backup_file.opened(path, Path(folder), identity) as plain,
        ):
            contents = backup_file.verify(path, plain)
            dump = Path(folder) / backup_file.DUMP
            backup_file.unpack_dump(plain, dump)
            entries = _entries(path, dump)
            new = _empty_database(addresses, into)
            try:
                _fill(path, new, dump, entries, contents.manifest)
                backup_file.unpack_photos(plain, contents.photos, var)
                if into is None:
                    databases.swap(addresses, databases.get_name(new.owner))
            except BaseException:
                if into is None:
                    databases.drop(addresses, databases.get_name(new.owner))
                raise
    except (OSError, psycopg.Error) as error:
        raise _full(error) from None
    if into is None:
        migration.migrate(addresses)  # for what holds the name of the database
    return len(contents.photos)


def tidy(addresses: DatabaseUrls, var: Path) -> None:
    """Remove what killed restores have left behind: databases, and folders with their data.

    Raises
    ------
    Conflict
        A restore is running.
    """
    with _only_restore(addresses, var):
        pass


@contextmanager
def _only_restore(addresses: DatabaseUrls, var: Path) -> Iterator[None]:
    """Hold the lock of restores, and remove what a killed restore has left behind.

    Raises
    ------
    Conflict
        Another restore is running.
    """
    if not var.is_dir():
        yield
        return
    with os.fdopen(
        os.open(var / ".restore.lock", os.O_WRONLY | os.O_CREAT, private.FILE_MODE), "w"
    ) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("backup.restore_running") from None
        for folder in var.glob(f"{SCRATCH}*"):  # it may hold decrypted data
            shutil.rmtree(folder, ignore_errors=True)
        databases.drop_unfinished(addresses)
        yield


def _entries(path: Path, dump: Path) -> list[str]:
    """List the entries of a dump that are to be restored.

    Raises
    ------
    InvalidInput
        The dump is damaged, or is none of ours.
    DiskFull
        There is no space to read it.
    """
    try:
        listing = databases.run_program("pg_restore", ["--list", str(dump)])
    except databases.DiskFull:
        raise
    except Unavailable as error:
        raise backup_file.not_ours(path, error.detail) from None
    entries = [line for line in listing.splitlines() if not any(word in line for word in EXISTING)]
    if not any(" TABLE public area " in line for line in entries):
        raise backup_file.not_ours(path, "it holds no areas")
    return entries


# entries that a new database has already
EXISTING = (
    " SCHEMA - public ",
    " COMMENT - SCHEMA public ",
    " EXTENSION ",
    " public spatial_ref_sys ",
)


def _empty_database(addresses: DatabaseUrls, into: str | None) -> DatabaseUrls:
    if into is None:
        return databases.create_beside(addresses)
    if into == databases.get_name(addresses.owner):
        raise Conflict("backup.into_current")
    new = databases.with_database(addresses, into)
    try:
        with psycopg.connect(databases.libpq(new.owner)) as connection:
            if connection.execute(TABLES_SQL).fetchone():
                raise Conflict("backup.into_not_empty", database=into)
        databases.create_extensions(addresses, into)
    except (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege) as error:
        raise invalid_field(
            "into",
            "backup.into_unusable",
            database=into,
            reason=str(error).strip().splitlines()[-1],
        ) from None
    return new


def _fill(
    path: Path,
    new: DatabaseUrls,
    dump: Path,
    entries: Sequence[str],
    manifest: Mapping[str, Any] | None,
) -> None:
    """Fill a new database from a dump, migrate it to the present schema, and check it.

    Raises
    ------
    InvalidInput
        The dump is damaged, is none of ours, or has other rows than its manifest.
    DiskFull
        There is no space for its rows.
    Unavailable
        Its schema is unknown to this code, or could not be migrated.
    """
    entry_list = dump.with_name("list")
    entry_list.write_text("\n".join(entries))
    try:
        databases.run_program(
            "pg_restore",
            [
                "--no-owner",
                "--no-privileges",
                "--single-transaction",
                "--dbname=",
                f"--use-list={entry_list}",
                str(dump),
            ],
            new.owner,
        )
    except databases.DiskFull:
        raise
    except Unavailable as error:
        raise backup_file.not_ours(path, error.detail) from None
    with psycopg.connect(databases.libpq(new.owner)) as connection:
        version = get_version(connection)
        if version is None:
            raise backup_file.not_ours(path, "it does not say which schema it has")
        if not schema.is_known(version):
            raise Unavailable("backup.schema_unknown", file=path.name, version=version)
        _create_jobs(connection, version)
        if manifest:
            _check_rows(path, manifest["rows"], count_rows(connection))
        if is_of_now := version == schema.head():
            connection.execute(CHANGED_RUNS_SQL)
    migration.migrate(new)
    with psycopg.connect(databases.libpq(new.owner), autocommit=True) as connection:
        if get_version(connection) != schema.head():
            raise Unavailable("backup.not_migrated", file=path.name, version=schema.head())
        connection.execute(NEW_LOG_SQL)
        # circles that were those of their time are so again, where no migration has touched a row
        connection.execute(RENEWED_RUNS_SQL if is_of_now else "DELETE FROM circle_run")
        connection.execute("ANALYZE")
    # the application can read the tables granted to it
    with psycopg.connect(databases.libpq(new.app)) as connection:
        connection.execute("SELECT count(*) FROM area JOIN boundary ON boundary.area_id = area.id")
    for url in (new.app, new.owner):
        engine(url).dispose()


def _check_rows(path: Path, stated: Mapping[str, int], counted: Mapping[str, int]) -> None:
    different = [name for name in stated if stated[name] != counted.get(name)]
    if different:
        name = different[0]
        raise backup_file.not_ours(
            path, f"{name} had {stated[name]} rows and has {counted.get(name)}"
        )


def _create_jobs(connection: psycopg.Connection, version: str) -> None:
    """Create the tables of the jobs, which earlier backups do not hold."""
    if version < JOBS_SINCE or _scalar(connection, "SELECT to_regnamespace('jobs')") is not None:
        return
    connection.execute("CREATE SCHEMA jobs")
    connection.execute("SET LOCAL search_path = jobs")
    connection.execute(SchemaManager.get_schema().encode())
    connection.execute("SET LOCAL search_path = public")
    connection.commit()


def _full(error: Exception) -> Exception:
    """Return DiskFull for an error of a full disk, else the error itself."""
    if private.is_disk_full(error):
        return databases.DiskFull("restore.disk_full")
    return error
