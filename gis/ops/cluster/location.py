"""The location of a private cluster, and the rights to its folders."""

import hashlib
import json
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gis import private
from gis.errors import Unavailable
from gis.settings import Settings

FALLBACK_PATH = Path(
    "/var/lib/wangge"
)  # for clusters that the user postgres cannot reach elsewhere
DATABASE = "wangge"
SUPERUSER, OWNER, APP = "wangge_super", "wangge_owner", "wangge_app"
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
    direct
        As `app`, at the server itself, where `app` leads to a pooler in transaction mode.
    """

    app: str
    owner: str
    admin: str | None = None
    direct: str | None = None

    @property
    def listening(self) -> str:
        """Where notifications arrive and sessions last: for the jobs and what listens."""
        return self.direct or self.app


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


def cluster_location(settings: Settings) -> Cluster:
    """Return the location of the private cluster.

    Notes
    -----
    As root, the user `postgres` must be able to enter the folder. If that is not possible (a
    checkout under /root), the cluster lies under FALLBACK_PATH, which is reported on stderr when
    it is created. A cluster that is in the folder stays there.
    """
    run_as = "postgres" if os.geteuid() == 0 else None
    base = settings.var / "postgres"
    name = _digest(settings.var)
    make_enterable(settings.var, run_as)
    if run_as and not base.exists() and not may_enter(run_as, settings.var):
        base = FALLBACK_PATH / name
    sockets = base / "socket"
    if len(str(sockets).encode()) + len("/.s.PGSQL.65535.lock") > MAX_SOCKET_PATH_BYTES:
        sockets = Path("/tmp") / f"wangge-{name}"
    return Cluster(base, sockets, settings.var / "secrets.json", run_as)


def private_base(settings: Settings) -> Path:
    """Return the folder of the private cluster, without starting a program or creating a folder."""
    base = settings.var / "postgres"
    apart = FALLBACK_PATH / _digest(settings.var)
    return base if base.exists() or not apart.exists() else apart


def _digest(var: Path) -> str:
    return hashlib.sha256(str(var).encode()).hexdigest()[:12]


def may_enter(user: str, folder: Path) -> bool:
    """Return whether a system user may enter a folder."""
    return (
        subprocess.run(
            ["runuser", "-u", user, "--", "test", "-x", str(folder)], stderr=subprocess.DEVNULL
        ).returncode
        == 0
    )


def give(cluster: Cluster, *paths: Path) -> None:
    """Change the owner of paths to the user who runs the server, if that is another."""
    if cluster.run_as:
        for path in paths:
            shutil.chown(path, cluster.run_as, cluster.run_as)


def user_id(user: str | None) -> int:
    """Return the id of a system user; of the present one for None."""
    return pwd.getpwnam(user).pw_uid if user else os.geteuid()


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
