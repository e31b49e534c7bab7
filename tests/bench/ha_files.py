"""The files of docs/high-availability, filled in for three machines that are this one."""

import getpass
import os
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from gis.ops.cluster import find_binaries
from gis.ops.cluster.setup import unused_port
from gis.settings import ROOT

FILES = ROOT / "docs" / "high-availability"
PLACEHOLDER = re.compile(r"@([A-Z][A-Z0-9_]*)@")
SCRIPTS = ("new-replica", "pgbackrest-push", "restore-aside")
NODE_FILES = ("etcd.env", "patroni.yml", "pgbackrest.conf", "database.sql", *SCRIPTS)
SERVICE_FILES = ("haproxy.cfg", "wangge.env")
SECRETS = ("SUPERUSER", "REPLICATION", "REWIND", "REST", "OWNER", "APP")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put values in place of all @NAMES@; a KeyError names one without a value."""
    return PLACEHOLDER.sub(lambda match: values[match[1]], template)


def user() -> str | None:
    """The user that the servers run as; None: the present one."""
    return "postgres" if os.geteuid() == 0 else None


def shared_values(folder: Path) -> dict[str, str]:
    """The values that are the same on all machines."""
    values = {f"{name}_PASSWORD": secrets.token_hex(16) for name in SECRETS}
    for number in (1, 2, 3):
        for name in ("POSTGRES", "ETCD", "PEER"):
            values[f"{name}{number}"] = f"127.0.0.1:{unused_port()}"
        values[f"REST_PORT{number}"] = str(unused_port())
    return values | {
        "REPOSITORY_KEY": secrets.token_hex(16),
        "DATABASE_NETWORK": "127.0.0.1/32",
        "SERVICE_NETWORK": "127.0.0.1/32",
        "PG_BIN": str(find_binaries()),
        "SUPERUSER": user() or getpass.getuser(),
        "REPOSITORY": str(folder / "repository"),
        "PRIMARY_PORT": str(unused_port()),
        "REPLICAS_PORT": str(unused_port()),
    }


def node_values(shared: Mapping[str, str], number: int, folder: Path) -> dict[str, str]:
    """The values of one machine, whose files lie in a folder of its own."""
    return {
        **shared,
        "NODE": f"db{number}",
        "POSTGRES": shared[f"POSTGRES{number}"],
        "REST": f"127.0.0.1:{shared[f'REST_PORT{number}']}",
        "ETCD": shared[f"ETCD{number}"],
        "PEER": shared[f"PEER{number}"],
        "DATA": str(folder / "data"),
        "PG_PORT": shared[f"POSTGRES{number}"].rpartition(":")[2],
        "SOCKETS": str(folder),
        "PGPASS": str(folder / "pgpass"),
        "CERTIFICATE": str(folder / "server.crt"),
        "CERTIFICATE_KEY": str(folder / "server.key"),
        "ETCD_DATA": str(folder / "etcd"),
        "SCRIPTS": str(folder),
        "PGBACKREST_CONF": str(folder / "pgbackrest.conf"),
        "PGBACKREST_LOGS": str(folder),
        "PGBACKREST_LOCKS": str(folder / "locks"),
    }


def write_files(values: Mapping[str, str], folder: Path, names: Sequence[str]) -> None:
    """Write the documented files, filled in, for the servers' user only."""
    for name in names:
        path = folder / name
        path.write_text(fill((FILES / name).read_text(encoding="utf-8"), values), encoding="utf-8")
        path.chmod(0o700 if name in SCRIPTS else 0o600)
        if user():
            shutil.chown(path, user(), user())


def read_env(path: Path) -> dict[str, str]:
    """The variables of a file as systemd reads it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
