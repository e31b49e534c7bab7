"""A session on the deployment's database for notebooks and scripts."""

from sqlalchemy.orm import Session

from gis.db import read_only_engine
from gis.ops.cluster import database_urls
from gis.settings import Settings


def open_session(settings: Settings | None = None) -> Session:
    """Return a session that reads the deployment's database and cannot write to it.

    Parameters
    ----------
    settings
        None means those of the environment: `DATABASE_URL`, or the private database under
        `WANGGE_VAR`, which is started if necessary.

    Raises
    ------
    Unavailable
        The database cannot be reached or started.
    """
    addresses = database_urls(settings or Settings.from_env())
    return Session(read_only_engine(addresses.app))
