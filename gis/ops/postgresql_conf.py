"""The configuration of the private server, and the quoting of its values."""

import os
import shlex
from pathlib import Path

SERVER_CONF = """# written by wangge before every start; changes here are lost
port = {port}
listen_addresses = '127.0.0.1'
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
shared_buffers = 256MB
work_mem = 32MB
maintenance_work_mem = 256MB
effective_cache_size = 2GB
max_wal_size = 4GB
random_page_cost = 1.1
jit = off
max_parallel_workers_per_gather = {parallel_workers}
timezone = 'UTC'
log_min_messages = warning
"""


# of a server with shards: room for both directions of some dozen counties
LOGICAL_CONF = """wal_level = logical
max_replication_slots = 64
max_wal_senders = 64
max_logical_replication_workers = 64
max_sync_workers_per_subscription = 16
max_worker_processes = 80
max_slot_wal_keep_size = 10GB
wal_retrieve_retry_interval = 500ms
"""
# of a server to throw away
EPHEMERAL_CONF = """fsync = off
synchronous_commit = off
full_page_writes = off
"""
# else every connection loads it with its first place: 6 ms, before the first answer
PRELOAD_CONF = "shared_preload_libraries = '{}'\n"


def server_conf(port: int, sockets: Path) -> str:
    """Return the settings of every private server.

    Parameters
    ----------
    port, sockets
        Of its connections; the socket lies in the folder.
    """
    # beside a backend, which reads too: as many as PostgreSQL's default, if there are processors
    parallel_workers = min(2, (os.cpu_count() or 1) - 1)
    return SERVER_CONF.format(port=port, sockets=sockets, parallel_workers=parallel_workers)


def shell_path(path: Path) -> str:
    """Return a path quoted for a shell command in PostgreSQL's configuration.

    Percent signs are doubled.
    """
    return shlex.quote(str(path)).replace("%", "%%")


def quoted(text: str) -> str:
    """Return a text as a quoted value of PostgreSQL's configuration."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
