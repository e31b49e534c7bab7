"""A real pgbouncer in transaction mode before the database of a deployment."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
import pytest

from gis.ops.cluster.setup import unused_port
from tests.support.served import until

# Debian puts it where only an administrator's PATH leads
PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
SERVER_CONNECTIONS = 3  # fewer than the clients', so that statements of one meet several servers

CONFIGURATION = """[databases]
{database} = host={host} port={server_port} dbname={database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
server_reset_query_always = 0
"""


@contextmanager
def pooled(url: str, size: int = SERVER_CONNECTIONS) -> Iterator[str]:
    """Yield the address of a database through pgbouncer.

    Parameters
    ----------
    url
        `postgresql://user:password@/database?host=…&port=…`.
    size
        Connections to the server.
    """
    if not PROGRAM:
        pytest.skip("no pgbouncer: apt-get install pgbouncer")
    parts, port = urlsplit(url), unused_port()
    query, database = parse_qs(parts.query), parts.path.removeprefix("/")
    folder = Path(tempfile.mkdtemp(prefix="wangge-pgbouncer-"))
    (folder / "users").write_text(f'"{parts.username}" "{unquote(parts.password or "")}"\n')
    (folder / "ini").write_text(
        CONFIGURATION.format(
            database=database,
            host=query["host"][0],
            server_port=query["port"][0],
            port=port,
            folder=folder,
            size=size,
        )
    )
    command = [str(PROGRAM), str(folder / "ini")]
    if os.geteuid() == 0:  # it refuses to run as root
        user = pwd.getpwnam("postgres")
        for path in (folder, *folder.iterdir()):
            os.chown(path, user.pw_uid, user.pw_gid)
        command = ["runuser", "-u", "postgres", "--", *command]
    address = f"postgresql://{parts.username}@127.0.0.1:{port}/{database}?sslmode=disable&gssencmode=disable"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        until(lambda: _answers(address), words=(folder / "log").read_text)
        yield address
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder)


def _answers(address: str) -> bool:
    try:
        psycopg.connect(address, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
