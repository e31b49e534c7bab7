"""Deployment folders to throw away: empty, or copies of one that was prepared once a run."""

import base64
import fcntl
import hashlib
import hmac
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from gis import db
from gis.ops import cluster, migration
from gis.settings import ROOT, Settings
from tests.support.sharded import FOLDER as SHARD_FOLDER
from tests.support.sharded import make_logical
from web.cli.test import BEHIND

SHARED = ROOT.parent / "shared" / "data"
KILLED_S = 60.0  # for what takes a hundredth
TEMPLATE = "empty"  # a migrated database that nobody works in, to make others from


@contextmanager
def deployment_folder() -> Iterator[Path]:
    """Yield an empty deployment folder for servers of a test's own; stop and remove it after."""
    folder = Path(tempfile.mkdtemp(prefix="wangge-own-"))
    folder.chmod(0o755)  # the user postgres must be able to enter
    try:
        yield folder
    finally:
        kill_cluster(Settings(var=folder / SHARD_FOLDER))
        kill_cluster(Settings(var=folder))
        base = cluster.cluster_location(Settings(var=folder)).base
        shutil.rmtree(folder, ignore_errors=True)
        if os.geteuid() == 0 and base.parent == cluster.FALLBACK_PATH:
            shutil.rmtree(base, ignore_errors=True)


def kill_cluster(settings: Settings) -> None:
    """End the private cluster of a folder to throw away, if it runs: nothing is written out, and no
    standby or subscription is waited for.
    """
    pid_file = cluster.cluster_location(settings).data / "postmaster.pid"
    with suppress(OSError, ValueError, IndexError):  # it does not run
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
        end = time.monotonic() + KILLED_S
        while pid_file.exists():
            assert time.monotonic() < end, f"the server of {pid_file.parent} does not end"
            time.sleep(0.005)


@dataclass(frozen=True)
class PreparedDeployments:
    """Deployments that the processes of a run make once and copy.

    Parameters
    ----------
    folder
        Holds the prepared deployments, stopped; all processes of the run share it.
    """

    folder: Path

    @contextmanager
    def migrated(self) -> Iterator[Path]:
        """Yield a deployment folder of its own, its database migrated and empty, not running."""
        with self._copied("migrated", _migrate) as var:
            yield var

    @contextmanager
    def demo(self) -> Iterator[Path]:
        """Yield a deployment folder of its own with what `./wangge demo` makes, not running."""
        with self._copied("demo", self._make_demo) as var:
            yield var

    def _make_demo(self, var: Path) -> None:
        from tests.support.served import Deployment

        self._copy("migrated", _migrate, var)
        cluster.start(Settings(var=var), throw_away=True)
        completed = Deployment(var).run("demo", "--no-serve")
        assert completed.returncode == 0, completed.stderr

    @contextmanager
    def _copied(self, name: str, make: Callable[[Path], None]) -> Iterator[Path]:
        with deployment_folder() as var:
            self._copy(name, make, var)
            yield var

    def _copy(self, name: str, make: Callable[[Path], None], var: Path) -> None:
        """Copy the deployment of a name, made first where no process has made it, to a folder."""
        prepared = self.folder / name
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not prepared.exists():
                with deployment_folder() as new:
                    make(new)
                    cluster.stop(Settings(var=new))
                    if os.environ.get(BEHIND) == "shards":
                        make_logical(new)
                    part = self.folder / f"{name}.part"
                    shutil.rmtree(part, ignore_errors=True)
                    copy_deployment(new, part)
                    part.rename(prepared)
        copy_deployment(prepared, var)


def copy_deployment(source: Path, target: Path) -> None:
    """Copy a stopped deployment, with the owners of its files, into a folder."""
    target.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", f"{source}/.", target], check=True)
    base = cluster.private_base(Settings(var=source))
    if base.parent == cluster.FALLBACK_PATH:  # where the user postgres cannot enter the folder
        subprocess.run(["cp", "-a", base, target / "postgres"], check=True)


def _migrate(var: Path) -> None:
    addresses = cluster.start(Settings(var=var), throw_away=True)
    migration.migrate(addresses)
    _cheapen_sign_in(addresses)
    for address in (addresses.app, addresses.owner):
        db.engine(address).dispose()


def _cheapen_sign_in(addresses: cluster.DatabaseUrls) -> None:
    """Let the roles of a cluster sign in with one round of hashing, not PostgreSQL's 4,096.

    Those take 4 ms at every connection, of which a run makes thousands.
    """
    urls = [make_url(url) for url in (addresses.app, addresses.owner, addresses.admin or "")]
    with psycopg.connect(addresses.admin or "", autocommit=True) as connection:
        for url in urls:
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    sql.Identifier(url.username or ""),
                    sql.Literal(_scram_secret(str(url.password))),
                )
            )


def _scram_secret(password: str) -> str:
    """Return what PostgreSQL stores of a password, of one round (RFC 5803)."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    client, server = (
        hmac.digest(salted, word, "sha256") for word in (b"Client Key", b"Server Key")
    )
    stored = hashlib.sha256(client).digest()
    salt64, stored64, server64 = (
        base64.b64encode(part).decode() for part in (salt, stored, server)
    )
    return f"SCRAM-SHA-256$1:{salt64}${stored64}:{server64}"


def create_template(addresses: cluster.DatabaseUrls) -> None:
    """Copy a migrated database that nobody has worked in, for `new_database`."""
    _create_database(addresses, TEMPLATE, cluster.DATABASE)


def _create_database(addresses: cluster.DatabaseUrls, name: str, template: str) -> None:
    assert addresses.admin
    admin = make_url(addresses.admin).set(database="postgres")
    with psycopg.connect(admin.render_as_string(False), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                *map(sql.Identifier, (name, template, cluster.OWNER))
            )
        )


@contextmanager
def new_database(addresses: cluster.DatabaseUrls) -> Iterator[cluster.DatabaseUrls]:
    """Yield a migrated, empty database of its own in the cluster of others.

    What is committed there stays, until the cluster is thrown away.
    """
    name = f"own_{uuid4().hex[:8]}"
    _create_database(addresses, name, TEMPLATE)
    app, owner, admin = (
        make_url(address).set(database=name).render_as_string(False)
        for address in (addresses.app, addresses.owner, addresses.admin or "")
    )
    yield cluster.DatabaseUrls(app, owner, admin)
    for address in (app, owner):
        db.engine(address).dispose()
