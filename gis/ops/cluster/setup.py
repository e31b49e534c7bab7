"""Creation and launch of a private cluster: data folder, configuration, port, roles, database."""

import json
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

import psycopg
from psycopg import sql

from gis import private
from gis.errors import Unavailable
from gis.ops.cluster.location import (
    APP,
    DATABASE,
    FALLBACK_PATH,
    OWNER,
    SUPERUSER,
    Cluster,
    give,
    make_enterable,
    user_id,
)
from gis.ops.cluster.programs import find_binaries, has_library, run
from gis.ops.postgresql_conf import (
    EPHEMERAL_CONF,
    LOGICAL_CONF,
    PRELOAD_CONF,
    quoted,
    server_conf,
    shell_path,
)

# below those that the system gives to connections that go out, which would take one again at once
PORTS = range(20_000, 32_000)
EXTENSIONS = ("postgis", "btree_gist", "pg_trgm")
POSTGIS_LIBRARY = "postgis-3"
LOG_FILE_BYTES = 16 * 1024 * 1024  # of the write-ahead log, which a start needs
ARCHIVE_FILE = "archive"  # beside the data; holds the path of the archive of the log
LOGICAL_FILE = "logical"  # beside the data; its log is for logical replication, too


def create_cluster(cluster: Cluster) -> None:
    """Run initdb with generated passwords; the remains of an interrupted attempt are removed."""
    binaries = find_binaries()
    if cluster.base.parent == FALLBACK_PATH:
        print(
            f"The user postgres cannot enter {cluster.secrets.parent};"
            f" the database is kept in {cluster.base}.",
            file=sys.stderr,
        )
    make_enterable(cluster.base.parent, cluster.run_as)
    private.create_folder(cluster.base)
    shutil.rmtree(cluster.data, ignore_errors=True)
    passwords = {role: secrets.token_urlsafe(24) for role in (SUPERUSER, OWNER, APP)}
    private.write_file(cluster.secrets, json.dumps(passwords))
    password = private.create_file(cluster.base / "pw")
    password.write_text(passwords[SUPERUSER])
    give(cluster, cluster.base, password)
    run(
        cluster,
        [
            binaries / "initdb",
            "-D",
            cluster.data,
            "-U",
            SUPERUSER,
            "--pwfile",
            password,
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--data-checksums",
            "--no-sync",
        ],
    )
    password.unlink()
    with (cluster.data / "postgresql.conf").open("a") as conf:
        conf.write("\ninclude_if_exists = 'wangge.conf'\n")


def archive_folder(cluster: Cluster) -> Path | None:
    """Return the folder that the log is archived to; None if it is not archived."""
    file = cluster.base / ARCHIVE_FILE
    path = file.read_text().strip() if file.exists() else ""
    return Path(path) if path else None


def archive_settings(cluster: Cluster) -> str:
    """Return the configuration lines that archive the log; empty unless archiving is set up."""
    archive = archive_folder(cluster)
    if archive is None:
        return ""
    folder = shell_path(archive / "wal")
    part, whole = f"{folder}/.%f.part", f"{folder}/%f"
    # after a crash PostgreSQL archives a file again; it succeeds if the archived one is the same
    command = (
        f"cmp -s %p {whole} ||"
        f" {{ test ! -f {whole} && cp %p {part} && sync {part} && mv {part} {whole}; }}"
    )
    return f"archive_mode = on\narchive_timeout = 60\narchive_command = {quoted(command)}\n"


def launch(cluster: Cluster, throw_away: bool) -> int:
    """Start the server on a free port; try again while the children of a killed server end.

    Raises
    ------
    Unavailable
        The folder of the sockets belongs to another user, or the server does not start.
    """
    _forget_stale_pid(cluster)
    cluster.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
    give(cluster, cluster.sockets)
    if cluster.sockets.is_symlink() or cluster.sockets.stat().st_uid not in (
        os.geteuid(),
        user_id(cluster.run_as),
    ):
        raise Unavailable("database.folder_of_other_user", folder=str(cluster.sockets))
    log = cluster.base / "log"
    failed: Unavailable | None = None
    for wait in (0, 0.5, 1, 2, 4):
        time.sleep(wait)
        port = _free_port(cluster)
        conf = cluster.data / "wangge.conf"
        settings_text = server_conf(port, cluster.sockets) + (EPHEMERAL_CONF if throw_away else "")
        if has_library(find_binaries(), POSTGIS_LIBRARY):
            settings_text += PRELOAD_CONF.format(POSTGIS_LIBRARY)
        if (cluster.base / LOGICAL_FILE).exists():
            settings_text += LOGICAL_CONF
        private.write_file(conf, settings_text + archive_settings(cluster))
        give(cluster, conf)
        try:
            run(
                cluster,
                [
                    find_binaries() / "pg_ctl",
                    "-D",
                    cluster.data,
                    "-w",
                    "-t",
                    "90",
                    "-l",
                    log,
                    "start",
                ],
            )
        except Unavailable as error:
            failed = error
            continue
        private.write_file(cluster.base / "port", str(port))
        return port
    if private.get_free_bytes(cluster.data) < LOG_FILE_BYTES:
        raise Unavailable("database.no_room_to_start", folder=str(cluster.data)) from failed
    raise Unavailable("database.start_failed", log=str(log)) from failed


def create_database(cluster: Cluster, port: int) -> None:
    """Create missing roles, database and extensions."""
    passwords = json.loads(cluster.secrets.read_text())
    with psycopg.connect(cluster.url(SUPERUSER, port, "postgres"), autocommit=True) as connection:
        have = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        for role in (OWNER, APP):
            if role not in have:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                        sql.Identifier(role), sql.Literal(passwords[role])
                    )
                )
        if connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
        ).fetchone():
            return
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(DATABASE + "_new"))
        )
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(DATABASE + "_new"), sql.Identifier(OWNER)
            )
        )
        with psycopg.connect(
            cluster.url(SUPERUSER, port, DATABASE + "_new"), autocommit=True
        ) as fresh:
            for extension in EXTENSIONS:
                fresh.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension)))
        # renamed last, so that a database named wangge is complete
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                sql.Identifier(DATABASE + "_new"), sql.Identifier(DATABASE)
            )
        )


def _forget_stale_pid(cluster: Cluster) -> None:
    """Remove the pid file of a killed server if its number now belongs to another program."""
    pid_file = cluster.data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split()[0])
    except (OSError, IndexError, ValueError):
        pid_file.unlink(missing_ok=True)
        return
    try:
        command_line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        # no process has that number, or there is no /proc: PostgreSQL detects the stale file
        return
    if str(cluster.data).encode() not in command_line:
        pid_file.unlink(missing_ok=True)


def _free_port(cluster: Cluster) -> int:
    """Return the previous port if it is free, else another; see `unused_port`."""
    last = cluster.base / "port"
    return unused_port([int(last.read_text())] if last.exists() else [])


def unused_port(wishes: Sequence[int] = ()) -> int:
    """Return the first of the wished ports that is free, else any free one of PORTS on loopback.

    Raises
    ------
    Unavailable
        There is none.
    """
    for port in (*wishes, *SystemRandom().sample(PORTS, 100), 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unavailable("database.no_free_port")
