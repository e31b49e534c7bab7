"""How the shards of a deployment are: where each is, its schema, and how far its copy is behind."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from gis.db import engine
from gis.ops import schema
from gis.ops.cluster import DatabaseUrls
from gis.ops.shards import checks, copying
from gis.settings import Settings, Shard, read_shards


@dataclass(frozen=True)
class ShardState:
    """A shard as it is listed: where it is, without a password, and whether all is copied there.

    Attributes
    ----------
    schema
        Its migration; None where it does not answer.
    lag_bytes
        Of the main database's log that is not copied yet; None where that is not known.
    """

    county: str
    number: int
    address: str
    schema: str | None
    lag_bytes: int | None


def list_shards(settings: Settings, main: DatabaseUrls) -> list[ShardState]:
    """List the shards by number."""
    lags = _read_lags(main)
    listed = []
    for shard in read_shards(settings.var).values():
        address = checks.address(shard.url)
        lag = lags.get(copying.shared_name(shard.county))
        listed.append(ShardState(shard.county, shard.number, address, _version(shard), lag))
    return listed


def list_unconnected(settings: Settings, main: DatabaseUrls) -> list[str]:
    """List the counties that do not get copies of all that changes in the main database.

    It was restored, or took over for one that died, or a new version shares another table, and
    `registry.add` connects them again. One that does not answer is taken to copy all tables.
    """
    shards = read_shards(settings.var)
    if not shards:
        return []
    lags = _read_lags(main)
    published = _read_tables(main.app, PUBLISHED_SQL, copying.SHARED_PUBLICATION)
    return [
        county
        for county, shard in shards.items()
        if (name := copying.shared_name(county)) not in lags
        or not published <= _subscribed(shard, name, published)
    ]


PUBLISHED_SQL = """
SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE pubname = :name
"""
SUBSCRIBED_SQL = """
SELECT n.nspname || '.' || c.relname FROM pg_subscription_rel r
  JOIN pg_subscription s ON s.oid = r.srsubid JOIN pg_class c ON c.oid = r.srrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE s.subname = :name
"""


def _subscribed(shard: Shard, name: str, published: set[str]) -> set[str]:
    try:
        return _read_tables(shard.url, SUBSCRIBED_SQL, name)
    except OperationalError:
        return published


def _read_tables(url: str, query: str, name: str) -> set[str]:
    with engine(url).connect() as connection:
        return set(connection.scalars(text(query), {"name": name}))


def _read_lags(main: DatabaseUrls) -> dict[str, int]:
    """Return how many bytes of the log each slot of the main database is behind."""
    with engine(main.app).connect() as connection:
        slots = connection.execute(text(copying.SLOTS_SQL))
        return {slot.name: int(slot.lag_bytes) for slot in slots}


def _version(shard: Shard) -> str | None:
    try:
        with engine(shard.url).connect() as connection:
            return schema.current(connection)
    except OperationalError:
        return None
