"""Point-in-time recovery of the private cluster.

Its write-ahead log is archived to a folder, beside base copies of the whole cluster. A restore
recovers a base copy in a separate server, dumps our database from it, and restores the dump as any
backup: the running cluster continues with its own log, and nothing is replaced before the recovery
has succeeded.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

import psycopg

from gis import private
from gis.errors import Conflict, InvalidInput, Unavailable, invalid_field
from gis.messages import Message
from gis.ops import backup, cluster, databases, postgresql_conf
from gis.ops.cluster import Cluster
from gis.settings import Settings

BASE_PATTERN = re.compile(r"base-(\d{8}T\d{6}Z)")
BASE_FORMAT = "%Y%m%dT%H%M%SZ"
SEGMENT_CHARS = 24  # of the name of a log file, before what a base copy adds
MAX_WAIT_S = 60.0  # for the log to be archived
KEPT_BASES = 2


@dataclass(frozen=True)
class Base:
    """A base copy of the whole cluster.

    finished: Moment at which it was complete; earlier moments cannot be restored from it.
    """

    folder: Path
    finished: datetime


def switch_on(settings: Settings, folder: Path, keep: int = KEPT_BASES) -> Base:
    """Archive the log of the private cluster to a folder from now on, and make a base copy there.

    Parameters
    ----------
    folder
        Best on another disk. Created if missing; private.
    keep
        Number of base copies to keep; older ones, and the log before the oldest, are removed.

    Returns
    -------
    Base
        The new base copy.

    Raises
    ------
    InvalidInput
        The server cannot write to the folder.
    Conflict
        The folder holds the archive of another cluster.
    Unavailable
        The copy failed, or nothing is archived; the next call starts again.

    Notes
    -----
    Restarts the server the first time. Call it regularly, such as every night: the newer the base
    copy, the shorter the recovery.
    """
    private_cluster = cluster.cluster_location(settings)
    folder = folder.absolute()
    _prepare_folder(private_cluster, folder)
    cluster.start(settings)
    before = get_folder(settings)
    try:
        if before != folder:
            _require_own(private_cluster, folder)
            _archive_to(settings, folder)
        base = _copy(settings, private_cluster, folder)
        _archive_now(settings)
    except BaseException:
        # what cannot be archived is kept, and fills the disk
        if get_folder(settings) != before:
            _archive_to(settings, before)
            if not list_bases(folder):  # without a copy, the log is of no use
                shutil.rmtree(folder / "wal", ignore_errors=True)
        raise
    _tidy(private_cluster, folder, keep)
    return base


def _archive_to(settings: Settings, folder: Path | None) -> None:
    """Have the server archive its log to a folder, or to none, by starting it again."""
    file = cluster.cluster_location(settings).base / cluster.ARCHIVE_FILE
    if folder is None:
        file.unlink(missing_ok=True)
    else:
        private.write_file(file, f"{folder}\n")
    cluster.stop(settings)
    cluster.start(settings)


def get_folder(settings: Settings) -> Path | None:
    """Return the folder that the log is archived to; None if it is not archived."""
    return cluster.archive_folder(cluster.cluster_location(settings))


def restore_at(settings: Settings, at: datetime, folder: Path | None = None) -> int:
    """Restore the database as it was at a moment; the present one is kept under another name.

    Parameters
    ----------
    at
        The moment, with time zone.
    folder
        The archive. None means that of this cluster.

    Returns
    -------
    int
        Number of photo files in the restored backup.

    Raises
    ------
    InvalidInput
        No base copy is old enough, or the moment is in the future.
    Conflict
        No archive is set up.
    Unavailable
        The log ends before the moment, or the recovery failed.
    """
    if at > datetime.now(UTC):
        raise invalid_field("at", "archive.moment_in_future", at=at.isoformat())
    addresses = cluster.start(settings)
    private_cluster, own_folder = cluster.cluster_location(settings), get_folder(settings)
    folder = (folder or own_folder or Path()).absolute()
    if own_folder is None and not list_bases(folder):
        raise Conflict("archive.not_set_up")
    if folder == own_folder:
        _archive_now(settings)
    bases = [base for base in list_bases(folder) if base.finished <= at]
    if not bases:
        begins = min((base.finished for base in list_bases(folder)), default=None)
        reach = (
            Message("archive.begins", {"at": begins.isoformat()})
            if begins
            else Message("archive.has_no_base")
        )
        raise invalid_field(
            "at", "archive.too_short", folder=str(folder), at=at.isoformat(), reason=reach
        )
    with (
        _recovered(private_cluster, folder, bases[-1], at) as url,
        private.scratch_folder(settings.var, backup.SCRATCH_DUMP) as scratch,
    ):
        file = scratch / f"{at:%Y-%m-%dT%H%M%S}.backup"
        backup.backup(cluster.DatabaseUrls(url, url), file, settings.var)
        return backup.restore(addresses, file, settings.var)


def list_bases(folder: Path) -> list[Base]:
    """List the base copies in an archive, oldest first."""
    stamped_paths = [
        (path, match[1])
        for path in folder.glob("base-*")
        if (match := BASE_PATTERN.fullmatch(path.name))
    ]
    bases = [
        Base(path, datetime.strptime(stamp, BASE_FORMAT).replace(tzinfo=UTC))
        for path, stamp in stamped_paths
    ]
    return sorted(bases, key=lambda base: base.finished)


def _prepare_folder(private_cluster: Cluster, folder: Path) -> None:
    """Create the folder, and require that the server can write to it.

    Raises
    ------
    InvalidInput
        It lies in the cluster, has a line break in its name, cannot be created, or the server
        cannot reach it.
    """
    if folder == private_cluster.data or private_cluster.data in folder.parents:
        raise invalid_field("dir", "archive.inside_cluster")
    if "\n" in str(folder):
        raise invalid_field("dir", "archive.line_break")
    try:
        cluster.make_enterable(folder.parent, private_cluster.run_as)
        for path in (folder, folder / "wal"):
            path.mkdir(private.FOLDER_MODE, exist_ok=True)
            cluster.give(private_cluster, path)
    except OSError as error:
        raise InvalidInput(
            "archive.folder_not_created", folder=str(folder), reason=error.strerror
        ) from None
    if private_cluster.run_as and not cluster.may_enter(private_cluster.run_as, folder / "wal"):
        raise InvalidInput("archive.folder_closed", user=private_cluster.run_as, folder=str(folder))


def _require_own(private_cluster: Cluster, folder: Path) -> None:
    """Raise Conflict if the folder holds the archive of another cluster.

    Raises
    ------
    Conflict
        `archive.of_other_cluster`.
    """
    if any((folder / "wal").iterdir()) or list_bases(folder):
        stated = {_system(base.folder) for base in list_bases(folder)}
        if stated != {_system(private_cluster.data)}:
            raise Conflict("archive.of_other_cluster", folder=str(folder))


def _system(data: Path) -> str:
    """Return the identifier of a cluster: the first 8 bytes of its control file."""
    try:
        return (data / "global" / "pg_control").read_bytes()[:8].hex()
    except OSError:
        return ""


def _copy(settings: Settings, private_cluster: Cluster, folder: Path) -> Base:
    """Copy the running cluster with pg_basebackup; an incomplete copy is removed."""
    port = cluster.running_port(private_cluster)
    assert port is not None
    for broken in folder.glob(".base-*"):
        shutil.rmtree(broken)
    part = folder / f".base-{os.getpid()}"
    part.mkdir(private.FOLDER_MODE)
    try:
        arguments = [f"--pgdata={part}", "--checkpoint=fast", "--wal-method=fetch", "--no-password"]
        databases.run_program(
            "pg_basebackup", arguments, private_cluster.url(cluster.SUPERUSER, port, "postgres")
        )
        # named by a full second that is not before its end
        time.sleep(1.0 - datetime.now(UTC).microsecond / 1e6)
        finished = datetime.now(UTC).replace(microsecond=0)
        base = folder / f"base-{finished:{BASE_FORMAT}}"
        part.rename(base)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Base(base, finished)


def _archive_now(settings: Settings) -> None:
    """Switch to a new log file, and wait until the previous one is archived.

    Raises
    ------
    Unavailable
        The log was not archived within MAX_WAIT_S.
    """
    private_cluster = cluster.cluster_location(settings)
    port = cluster.running_port(private_cluster)
    assert port is not None
    with psycopg.connect(
        private_cluster.url(cluster.SUPERUSER, port, "postgres"), autocommit=True
    ) as connection:
        # a commit after every moment that can be requested
        connection.execute("SELECT pg_current_xact_id()")
        row = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
        segment = str(row[0]) if row else ""
        deadline = time.monotonic() + MAX_WAIT_S
        while time.monotonic() < deadline:
            state = connection.execute(
                "SELECT last_archived_wal, last_failed_wal FROM pg_stat_archiver"
            ).fetchone()
            if state and state[0] and state[0][:SEGMENT_CHARS] >= segment:
                return
            time.sleep(0.05)
    raise Unavailable(
        "archive.not_archived",
        folder=str(get_folder(settings)),
        log=str(private_cluster.base / "log"),
    )


def _tidy(private_cluster: Cluster, folder: Path, keep: int) -> None:
    """Remove the base copies beyond those to keep, and the log before the oldest of these."""
    bases = list_bases(folder)
    for old in bases[:-keep]:
        shutil.rmtree(old.folder)
    label = (bases[-keep:][0].folder / "backup_label").read_text()
    start = re.search(r"START WAL LOCATION: .*\(file (\w{24})\)", label)
    if start:
        for file in (folder / "wal").iterdir():
            if (
                re.fullmatch(r"\w{24}(\.\w+\.backup)?", file.name)
                and file.name[8:24] < start[1][8:24]
            ):
                file.unlink()


@contextmanager
def _recovered(private_cluster: Cluster, folder: Path, base: Base, at: datetime) -> Iterator[str]:
    """Recover a base copy to a moment in a separate server, and yield the URL of our database.

    Notes
    -----
    The server listens on a socket in a private folder only, and needs no password.
    """
    with (
        private.scratch_folder(
            private_cluster.base, "recovered-", partial(_end, private_cluster)
        ) as scratch,
        tempfile.TemporaryDirectory(prefix="wangge-") as short,  # since socket paths are limited
    ):
        data, sockets = scratch / "data", Path(short)
        aside = Cluster(scratch, sockets, private_cluster.secrets, private_cluster.run_as)
        shutil.copytree(base.folder, data, symlinks=True)
        fetch = f"cp {postgresql_conf.shell_path(folder / 'wal')}/%f %p"
        private.create_file(data / "wangge.conf").write_text(
            postgresql_conf.server_conf(cluster.PORT_OF_SOCKET, sockets)
            # it is deleted once our database has been dumped
            + postgresql_conf.EPHEMERAL_CONF
            + (
                f"listen_addresses = ''\narchive_mode = off\nrestore_command ="
                f" {postgresql_conf.quoted(fetch)}\n"
            )
            + f"recovery_target_time = '{at.isoformat()}'\nrecovery_target_action = promote\n"
        )
        (data / "recovery.signal").touch(private.FILE_MODE)
        private.create_file(data / "pg_hba.conf").write_text("local all all trust\n")
        cluster.give(aside, scratch, sockets, *scratch.rglob("*"))
        try:
            _start_aside(aside, at)
            yield (
                f"postgresql://{cluster.SUPERUSER}@/{cluster.DATABASE}"
                f"?host={quote(str(sockets), safe='/')}&port={cluster.PORT_OF_SOCKET}"
            )
        finally:
            _end(private_cluster, scratch)


def _end(private_cluster: Cluster, scratch: Path) -> None:
    """Stop the server in a scratch folder, if one runs."""
    data = scratch / "data"
    if (data / "postmaster.pid").exists():
        stop = [cluster.find_binaries() / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"]
        with suppress(Unavailable):  # it ended without removing the file, as with its machine
            cluster.run(private_cluster, stop)


def _start_aside(aside: Cluster, at: datetime) -> None:
    log = aside.base / "log"
    command = [cluster.find_binaries() / "pg_ctl", "-D", aside.data, "-w", "-t", "86400"]
    try:
        cluster.run(aside, [*command, "-l", log, "start"])
        _wait_until_promoted(aside)
    except (Unavailable, subprocess.SubprocessError):
        text = log.read_text(errors="replace") if log.exists() else ""
        if "recovery ended before configured recovery target" in text:
            last = re.findall(r"last completed transaction was at log time (\S+ \S+)", text)
            if not last:
                raise Unavailable("archive.ends_before", at=at.isoformat()) from None
            raise Unavailable("archive.ends_at", at=at.isoformat(), last=last[-1]) from None
        reason = next(
            (line for line in text.splitlines() if "FATAL" in line), Message("archive.see_log")
        )
        raise Unavailable("archive.recovery_failed", at=at.isoformat(), reason=reason) from None


def _wait_until_promoted(aside: Cluster) -> None:
    """Wait until the recovery has ended.

    Raises
    ------
    Unavailable
        The server has ended before.

    Notes
    -----
    A server in recovery accepts connections already, and may still end before its target.
    """
    url = (
        f"host={aside.sockets} port={cluster.PORT_OF_SOCKET} user={cluster.SUPERUSER}"
        f" dbname=postgres"
    )
    while True:
        try:
            with psycopg.connect(url) as connection:
                row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
                if row and not row[0]:
                    return
        except psycopg.OperationalError:
            if not (aside.data / "postmaster.pid").exists():
                raise Unavailable("archive.server_ended") from None
        time.sleep(0.05)
