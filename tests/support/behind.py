"""What `./wangge test --behind` puts between the service and its database."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gis import db
from gis.ops import cluster
from gis.settings import Settings
from tests.support.pgbouncer import pooled
from tests.support.sharded import put_into_shards
from tests.support.standby import standby
from web.cli.test import BEHIND

REPLICA_DELAY_S = 1  # every commit is seen there so much later
SERVER_CONNECTIONS = 20  # as many as threads of a test ask at once, each in a transaction


def let_strangers_see() -> None:
    """Wait until those who did not make the last change read it, where a replica answers them."""
    if os.environ.get(BEHIND) == "replica":
        time.sleep(2 * REPLICA_DELAY_S)


@contextmanager
def behind(settings: Settings) -> Iterator[dict[str, str]]:
    """Yield the environment of a service of a deployment whose private cluster runs.

    Empty where nothing is put between.
    """
    match os.environ.get(BEHIND):
        case "pgbouncer":
            addresses = cluster.database_urls(settings)
            with pooled(addresses.app, SERVER_CONNECTIONS) as pooler:
                db.pool_transactions(pooler)  # for engines of this process
                yield {
                    "DATABASE_URL": pooler,
                    "DATABASE_LISTEN_URL": addresses.app,
                    "DATABASE_OWNER_URL": addresses.owner,
                }
        case "replica":
            cluster.database_urls(settings)  # starts what is to be copied
            with standby(settings) as copy:
                copy.control(f"ALTER SYSTEM SET recovery_min_apply_delay = '{REPLICA_DELAY_S}s'")
                copy.control("SELECT pg_reload_conf()")
                yield {"DATABASE_READ_URL": copy.url}
        case "shards":
            put_into_shards(settings)
            yield {}
        case _:
            yield {}
