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
    """List the counties that get no copies of what changes in the main database.

    It was restored, or took over for one that died, and `registry.add` connects them again.
    """
    shards = read_shards(settings.var)
    lags = _read_lags(main) if shards else {}
    return [county for county in shards if copying.shared_name(county) not in lags]


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
