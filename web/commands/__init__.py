"""What the commands share: settings, the database, a session."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from gis import cluster, schema
from gis.db import engine, signed
from gis.settings import Settings


def database(settings: Settings | None = None) -> cluster.Addresses:
    """The database, started and migrated to this code's version.

    Raises:
        Unavailable: It cannot be reached or started.
    """
    addresses = cluster.addresses(settings or Settings.from_env())
    with engine(addresses.app).connect() as connection:
        at = schema.current(connection)
    if at != schema.head():
        schema.migrate(addresses)
    return addresses


@contextmanager
def session_scope(why: str = "") -> Iterator[Session]:
    """A session for a command, signed in the history with the user's login; never commits by itself."""
    with Session(engine(database().app)) as session:
        who = os.environ.get("SUDO_USER") or os.environ.get("USER") or f"uid {os.getuid()}"
        with signed(session, f"command line: {who}", why):
            yield session
        session.rollback()
