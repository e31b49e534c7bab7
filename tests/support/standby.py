"""A real streaming replica of a private cluster, on the same machine."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from gis.errors import Unavailable
from gis.ops import cluster, databases
from gis.ops.cluster.programs import find_binaries, run
from gis.ops.cluster.setup import unused_port
from gis.settings import Settings

CONFIGURATION = """
port = {port}
unix_socket_directories = ''
hot_standby = on
wal_receiver_status_interval = 1
"""


@dataclass(frozen=True)
class Standby:
    """The replica: `url` for the application, `admin` for a superuser."""

    url: str
    admin: str
    place: cluster.Cluster

    def control(self, query: str) -> None:
        """Run a statement as its superuser, such as pg_wal_replay_pause()."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(query.encode())

    def start(self) -> None:
        """Start it."""
        self._pg_ctl("start")

    def kill(self) -> None:
        """End it at once, as when its machine dies."""
        self._pg_ctl("stop", "--mode=immediate")

    def _pg_ctl(self, *words: str) -> None:
        words = ("-w", "-D", str(self.place.data), "-l", str(self.place.base / "log"), *words)
        run(self.place, [find_binaries() / "pg_ctl", *words])


@contextmanager
def standby(settings: Settings) -> Iterator[Standby]:
    """Yield a replica of the running cluster of a deployment."""
    main = cluster.cluster_location(settings)
    main_port = cluster.running_port(main)
    assert main_port is not None
    base = Path(tempfile.mkdtemp(prefix="wangge-standby-"))
    base.chmod(0o755)
    place, port = replace(main, base=base), unused_port()
    url = main.url(cluster.SUPERUSER, main_port, "postgres")
    databases.run_program(
        "pg_basebackup",
        [f"--pgdata={place.data}", "--checkpoint=fast", "--write-recovery-conf", "--no-password"],
        url,
    )
    with (place.data / "postgresql.conf").open("a") as file:
        file.write(CONFIGURATION.format(port=port))
    if place.run_as:
        for path in (base, *base.rglob("*")):
            shutil.chown(path, place.run_as, place.run_as)
    secrets = urlsplit(main.url(cluster.APP, main_port, cluster.DATABASE))
    admin = urlsplit(main.url(cluster.SUPERUSER, main_port, "postgres"))
    result = Standby(
        f"postgresql://{secrets.netloc.rpartition('@')[0]}@127.0.0.1:{port}/{cluster.DATABASE}",
        f"postgresql://{admin.netloc.rpartition('@')[0]}@127.0.0.1:{port}/postgres",
        place,
    )
    try:
        result.start()
        yield result
    finally:
        with suppress(Unavailable):  # it may be dead
            result.kill()
        shutil.rmtree(base, ignore_errors=True)
