"""The private PostgreSQL cluster under `var/`, and the roles and database in it.

The cluster is the embedded default: its own data folder, Unix socket and free port on loopback. A
system cluster is never touched. As root it runs as the user `postgres`, since PostgreSQL refuses to
run as root.
"""

from gis.ops.cluster.location import (
    APP,
    DATABASE,
    FALLBACK_PATH,
    MAX_SOCKET_PATH_BYTES,
    OWNER,
    SUPERUSER,
    Cluster,
    DatabaseUrls,
    cluster_location,
    give,
    make_enterable,
    may_enter,
    private_base,
)
from gis.ops.cluster.programs import find_binaries, run
from gis.ops.cluster.server import (
    PORT_OF_SOCKET,
    addresses_at,
    database_urls,
    has_died,
    make_logical,
    reset,
    running_port,
    start,
    stop,
)
from gis.ops.cluster.setup import ARCHIVE_FILE, EXTENSIONS, archive_folder, archive_settings

__all__ = [
    "APP",
    "ARCHIVE_FILE",
    "DATABASE",
    "EXTENSIONS",
    "FALLBACK_PATH",
    "MAX_SOCKET_PATH_BYTES",
    "OWNER",
    "PORT_OF_SOCKET",
    "SUPERUSER",
    "Cluster",
    "DatabaseUrls",
    "addresses_at",
    "archive_folder",
    "archive_settings",
    "cluster_location",
    "database_urls",
    "find_binaries",
    "give",
    "has_died",
    "make_enterable",
    "make_logical",
    "may_enter",
    "private_base",
    "reset",
    "run",
    "running_port",
    "start",
    "stop",
]
