"""The private PostgreSQL cluster under `var/`, and the roles and database in it.

The cluster is the embedded default: own data folder, own Unix socket, own free port on loopback. It
never touches a system cluster. As root it runs as the user `postgres`, since PostgreSQL refuses to
run as root.
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from gis import private
from gis.errors import Unavailable
from gis.ops.postgresql_conf import EPHEMERAL_CONF, POSTGRESQL_CONF, quoted, shell_path
from gis.ops.server_check import check_server
from gis.settings import Settings

DATABASE = "wangge"
SUPERUSER, OWNER, APP = "wangge_super", "wangge_owner", "wangge_app"
EXTENSIONS = ("postgis", "btree_gist", "pg_trgm")
OUTSIDE = Path("/var/lib/wangge")  # for clusters that the user postgres cannot reach elsewhere
PORT_OF_SOCKET = 5432  # of a server that listens on a socket in a folder of its own only
ARCHIVE_FILE = "archive"  # beside the data; holds the path of the archive of the log
MAX_SOCKET_PATH_BYTES = 100  # of a Unix socket, with room for PostgreSQL's own file name


@dataclass(frozen=True)
class DatabaseUrls:
    """The URLs of the database.

    Attributes
    ----------
    app
        For the role of the application, which is neither superuser nor owner of the tables.
    owner
        For the role that owns the tables; used by migrations, backup and restore.
    admin
        For the role that may create databases, if that is another.
    """

    app: str
    owner: str
    admin: str | None = None


@dataclass(frozen=True)
class Cluster:
    """The location of a private cluster.

    Attributes
    ----------
    base
        Folder of data, log and, unless its path is too long, the socket.
    sockets
        Folder of the socket.
    secrets
        File of the passwords.
    run_as
        System user who runs the server; None means the present one.
    """

    base: Path
    sockets: Path
    secrets: Path
    run_as: str | None

    @property
    def data(self) -> Path:
        """The data folder of PostgreSQL."""
        return self.base / "data"

    @property
    def stopped(self) -> Path:
        """The file that marks a server stopped on purpose, so that `serve` leaves it alone."""
        return self.base / "stopped"

    def url(self, role: str, port: int, database: str = DATABASE) -> str:
        """Return the URL for a role, over the Unix socket."""
        password = quote(json.loads(self.secrets.read_text())[role], safe="")
        host = quote(str(self.sockets), safe="/")
        return f"postgresql://{role}:{password}@/{database}?host={host}&port={port}"


def find_binaries() -> Path:
    """Return the folder of the newest PostgreSQL with initdb and pg_ctl.

    Raises
    ------
    Unavailable
        None is installed.
    """
    configured = os.environ.get("WANGGE_PG_BIN")
    folders = [Path(configured)] if configured else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if initdb := shutil.which("initdb"):
        folders.append(Path(initdb).resolve().parent)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise Unavailable("database.not_installed")


def cluster_location(settings: Settings) -> Cluster:
    """Return the location of the private cluster.

    Notes
    -----
    As root, the user `postgres` must be able to enter the folder. If that is not possible (a
    checkout under /root), the cluster lies under OUTSIDE, which is reported on stderr when it is
    created.
    """
    run_as = "postgres" if os.geteuid() == 0 else None
    base = settings.var / "postgres"
    name = _digest(settings.var)
    make_enterable(settings.var, run_as)
    if run_as and not may_enter(run_as, settings.var):
        base = OUTSIDE / name
    sockets = base / "socket"
    if len(str(sockets).encode()) + len("/.s.PGSQL.65535.lock") > MAX_SOCKET_PATH_BYTES:
        sockets = Path("/tmp") / f"wangge-{name}"
    return Cluster(base, sockets, settings.var / "secrets.json", run_as)


def private_base(settings: Settings) -> Path:
    """Return the folder of the private cluster, without starting a program or creating a folder."""
    base = settings.var / "postgres"
    apart = OUTSIDE / _digest(settings.var)
    return base if base.exists() or not apart.exists() else apart


def start(settings: Settings, *, throw_away: bool = False) -> DatabaseUrls:
    """Start the private cluster unless it is running; create it first if there is none.

    Parameters
    ----------
    throw_away
        Trade durability for speed (tests, benchmarks).

    Raises
    ------
    Unavailable
        It cannot be created or started; the message names the log.
    """
    cluster = cluster_location(settings)
    with _only_one(settings.var / ".cluster.lock"):
        if not (cluster.data / "PG_VERSION").exists():
            _make(cluster)
        port = running_port(cluster) or _launch(cluster, throw_away)
        _prepare(cluster, port)
        cluster.stopped.unlink(missing_ok=True)
    return addresses_at(cluster, port)


def addresses_at(cluster: Cluster, port: int) -> DatabaseUrls:
    """Return the URLs of a running private cluster."""
    return DatabaseUrls(
        cluster.url(APP, port), cluster.url(OWNER, port), cluster.url(SUPERUSER, port)
    )


def database_urls(settings: Settings) -> DatabaseUrls:
    """Return the URLs of the database to use.

    That is `DATABASE_URL`, else the private cluster, which is started if necessary.

    Raises
    ------
    Unavailable
        The server is unreachable, too old or without PostGIS.
    """
    if not settings.database_url:
        return start(settings)
    check_server(settings.database_url)
    return DatabaseUrls(
        app=settings.database_url, owner=settings.database_owner_url or settings.database_url
    )


def running_port(cluster: Cluster) -> int | None:
    """Return the port of the running server; None if it does not answer."""
    try:
        port = int((cluster.data / "postmaster.pid").read_text().splitlines()[3])
        with psycopg.connect(cluster.url(SUPERUSER, port, "postgres"), connect_timeout=2):
            return port
    except (OSError, IndexError, ValueError, psycopg.OperationalError):
        return None


def has_died(settings: Settings) -> bool:
    """Return whether the private server ended without having been stopped by `stop`.

    Notes
    -----
    Looks for its process, which is cheap, and connects only if there is none.
    """
    cluster = cluster_location(settings)
    if cluster.stopped.exists() or not (cluster.data / "PG_VERSION").exists():
        return False
    try:
        pid = int((cluster.data / "postmaster.pid").read_text().split()[0])
        if str(cluster.data).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            return False
    except (OSError, IndexError, ValueError):
        pass
    return running_port(cluster) is None


def stop(settings: Settings) -> bool:
    """Stop the private cluster, and return whether it was running."""
    cluster = cluster_location(settings)
    with _only_one(settings.var / ".cluster.lock"):
        if running_port(cluster) is None:
            return False
        private.create_file(cluster.stopped)
        run(cluster, [find_binaries() / "pg_ctl", "-D", cluster.data, "-m", "fast", "-w", "stop"])
    return True


def reset(settings: Settings) -> None:
    """Drop the private database with all its data, and create an empty one in the same cluster."""
    start(settings)
    cluster = cluster_location(settings)
    port = running_port(cluster)
    assert port is not None
    with psycopg.connect(cluster.url(SUPERUSER, port, "postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(DATABASE))
        )
    start(settings)


def _make(cluster: Cluster) -> None:
    """Run initdb with generated passwords; the remains of an interrupted attempt are removed."""
    binaries = find_binaries()
    if cluster.base.parent == OUTSIDE:
        print(
            f"The user postgres cannot enter {cluster.secrets.parent};"
            f" the database is kept in {cluster.base}.",
            file=sys.stderr,
        )
    make_enterable(cluster.base.parent, cluster.run_as)
    private.create_folder(cluster.base)
    shutil.rmtree(cluster.data, ignore_errors=True)
    passwords = {role: secrets.token_urlsafe(24) for role in (SUPERUSER, OWNER, APP)}
    private.create_file(cluster.secrets).write_text(json.dumps(passwords))
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


def archive_settings(cluster: Cluster) -> str:
    """Return the configuration lines that archive the log; empty unless archiving is set up."""
    file = cluster.base / ARCHIVE_FILE
    if not file.exists():
        return ""
    folder = shell_path(Path(file.read_text().strip()) / "wal")
    part, whole = f"{folder}/.%f.part", f"{folder}/%f"
    # after a crash PostgreSQL archives a file again; it succeeds if the archived one is the same
    command = (
        f"cmp -s %p {whole} ||"
        f" {{ test ! -f {whole} && cp %p {part} && sync {part} && mv {part} {whole}; }}"
    )
    return f"archive_mode = on\narchive_timeout = 60\narchive_command = {quoted(command)}\n"


def _launch(cluster: Cluster, throw_away: bool) -> int:
    """Start the server on a free port; try again while the children of a killed server end."""
    _forget_stale_pid(cluster)
    cluster.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
    give(cluster, cluster.sockets)
    if cluster.sockets.is_symlink() or cluster.sockets.stat().st_uid not in (
        os.geteuid(),
        _uid(cluster.run_as),
    ):
        raise Unavailable("database.folder_of_other_user", folder=str(cluster.sockets))
    log = cluster.base / "log"
    failed: Unavailable | None = None
    for wait in (0, 0.5, 1, 2, 4):
        time.sleep(wait)
        port = _free_port(cluster)
        conf = cluster.data / "wangge.conf"
        settings_text = POSTGRESQL_CONF.format(port=port, sockets=cluster.sockets) + (
            EPHEMERAL_CONF if throw_away else ""
        )
        private.create_file(conf).write_text(settings_text + archive_settings(cluster))
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
        private.create_file(cluster.base / "port").write_text(str(port))
        return port
    raise Unavailable("database.start_failed", log=str(log)) from failed


def _prepare(cluster: Cluster, port: int) -> None:
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
    """Return the previous port if it is free, else any free one on loopback."""
    last = cluster.base / "port"
    wishes = [int(last.read_text())] if last.exists() else []
    for port in (*wishes, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unavailable("database.no_free_port")


def _digest(var: Path) -> str:
    return hashlib.sha256(str(var).encode()).hexdigest()[:12]


def run(cluster: Cluster, arguments: Sequence[object]) -> None:
    """Run a PostgreSQL program, as the user `postgres` if we are root.

    Raises
    ------
    Unavailable
        It failed; the message has its last line of output.
    """
    command = [str(word) for word in arguments]
    if cluster.run_as:
        command = ["runuser", "-u", cluster.run_as, "--", *command]
    # output goes to a file, since the server would keep a pipe open
    with private.open_file(cluster.base / "last-command", "w+") as output:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            umask=private.UMASK,
        )
        output.seek(0)
        printed = output.read().strip()
    if done.returncode:
        raise Unavailable(
            "database.program_failed",
            program=Path(str(arguments[0])).name,
            reason=printed.splitlines()[-1] if printed else done.returncode,
        )


def may_enter(user: str, folder: Path) -> bool:
    """Return whether a system user may enter a folder."""
    return (
        subprocess.run(
            ["runuser", "-u", user, "--", "test", "-x", str(folder)], stderr=subprocess.DEVNULL
        ).returncode
        == 0
    )


def _uid(user: str | None) -> int:
    import pwd

    return pwd.getpwnam(user).pw_uid if user else os.geteuid()


def give(cluster: Cluster, *paths: Path) -> None:
    """Change the owner of paths to the user who runs the server, if that is another."""
    if cluster.run_as:
        for path in paths:
            shutil.chown(path, cluster.run_as, cluster.run_as)


def make_enterable(folder: Path, run_as: str | None) -> None:
    """Create a folder and its missing parents, private but passable for the user of the server.

    Raises
    ------
    Unavailable
        A folder cannot be created.
    """
    if folder.is_dir():
        return
    make_enterable(folder.parent, run_as)
    try:
        folder.mkdir(private.FOLDER_MODE, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            "database.folder_not_created", folder=str(folder), reason=error.strerror
        ) from None
    if run_as:
        shutil.chown(folder, group=run_as)
        folder.chmod(private.FOLDER_MODE | 0o010)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold a lock file, so that concurrent starts wait for each other."""
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, private.FILE_MODE), "w")
    except PermissionError:
        raise Unavailable("database.var_of_other_user", folder=str(path.parent)) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
