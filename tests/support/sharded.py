"""A served deployment whose county has moved to a shard, with two more (`--behind shards`).

What a test asks goes to the dispatcher; what it reads from the database and the commands that it
runs are of the county.
"""

import os
import time
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from gis.db import engine
from gis.ops import cluster, databases
from gis.ops.cluster.setup import LOGICAL_FILE
from gis.ops.shards import county, registry
from gis.ops.shards.registry import ShardUrls
from gis.ops.shards.tables import SHARED_TABLES
from gis.settings import Settings, Shard, read_shards
from web.cli.test import BEHIND

FOLDER = "shards"  # in that of the deployment: the cluster of the shards
EMPTY = ("520498", "520499")  # shards without a county's data
# what they change all counties share
SHARED_COMMANDS = ("account", "catalogue", "danger", "demo", "key", "kind", "profiles", "rules")
MAIN_COMMANDS = ("db", "serve", "standards", *SHARED_COMMANDS)
COUNTY_COMMANDS = (("db", "backup"), ("db", "restore"))
WAIT_S = 60.0
CACHED_S = 2.1  # a refused key is remembered for so long
DIGEST_SQL = "SELECT count(*), sum(hashtext(CAST(t AS text))) FROM {} t"
COUNTIES_SQL = "SELECT code FROM area WHERE level = 'county' ORDER BY code"


# of a test that cannot be as in one database
not_in_shards = pytest.mark.skipif(
    os.environ.get(BEHIND) == "shards",
    reason="a county in a shard differs there (docs/shards.md)",
)


def shard_of(var: Path) -> Shard | None:
    """The shard of the county of a deployment; None where it is in one database."""
    if not (var / FOLDER).is_dir():
        return None
    return next(iter(read_shards(var).values()), None)


def urls_of(var: Path) -> cluster.DatabaseUrls:
    """The addresses of the database that has the county of a deployment."""
    shard = shard_of(var)
    if shard is None:
        return cluster.database_urls(Settings(var=var))
    return cluster.DatabaseUrls(shard.url, shard.owner_url)


def let_counties_hear(var: Path) -> None:
    """Wait until the shards of a deployment have what was written in its main database."""
    if shard_of(var) is None:
        return
    digest = " UNION ALL ".join(DIGEST_SQL.format(table) for table in SHARED_TABLES).encode()
    main = cluster.database_urls(Settings(var=var)).owner
    owners = (main, *(shard.owner_url for shard in read_shards(var).values()))

    def read(url: str) -> list[tuple[object, ...]]:
        with psycopg.connect(databases.libpq(url)) as connection:
            return connection.execute(digest).fetchall()

    end = time.monotonic() + WAIT_S
    while len({str(read(url)) for url in owners}) > 1:
        assert time.monotonic() < end, "a shard does not hear of the main database"
        time.sleep(0.02)
    time.sleep(CACHED_S)


def command_environment(var: Path, words: tuple[object, ...]) -> dict[str, str]:
    """What a command on the county of a deployment has in its environment."""
    shard = shard_of(var)
    if shard is None or (words[0] in MAIN_COMMANDS and words[:2] not in COUNTY_COMMANDS):
        return {}
    return {"WANGGE_COUNTY": shard.county}


def put_into_shards(settings: Settings) -> None:
    """Move the only county of a deployment to a shard, and add two empty ones; once.

    A deployment without a county or with several, or that is a shard, stays as it is.
    """
    if (settings.var / FOLDER).exists():
        return
    cluster.make_logical(settings, throw_away=True)  # where the folder is of a test's own
    main = cluster.database_urls(settings)
    with psycopg.connect(databases.libpq(main.owner)) as connection:
        counties = [code for (code,) in connection.execute(COUNTIES_SQL).fetchall()]
    with engine(main.owner).connect() as opened:
        is_shard = county.shard_number(opened) > 0  # restored from the backup of one
    if is_shard or len(counties) != 1:
        return
    place = Settings(var=settings.var / FOLDER)
    place.var.mkdir()
    cluster.start(place, throw_away=True)
    cluster.make_logical(place, throw_away=True)
    urls = cluster.database_urls(place)
    for url in (main.app, main.owner):
        engine(url).dispose()
    for code in (*counties, *EMPTY):
        empty = empty_database(urls, f"county_{code}")
        given = ShardUrls(empty.app, empty.owner, empty.admin)
        registry.add(settings, main, code, given, is_moved=code in counties)


def make_logical(var: Path) -> None:
    """Have the stopped private cluster of a folder write its log for logical replication, too."""
    (cluster.cluster_location(Settings(var=var)).base / LOGICAL_FILE).touch()


def empty_database(urls: cluster.DatabaseUrls, name: str) -> cluster.DatabaseUrls:
    """Create an empty database, with our extensions, in the cluster of another."""
    created = beside(urls, name)
    databases.create_extensions(created, name)
    return created


def beside(
    urls: cluster.DatabaseUrls, name: str, template: str = "template0"
) -> cluster.DatabaseUrls:
    """Create a database in the cluster of another."""
    assert urls.admin
    admin = make_url(urls.admin).set(database="postgres").render_as_string(False)
    with psycopg.connect(databases.libpq(admin), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                *map(sql.Identifier, (name, cluster.OWNER, template))
            )
        )
    app, owner, root = (
        make_url(url).set(database=name).render_as_string(False)
        for url in (urls.app, urls.owner, urls.admin)
    )
    return cluster.DatabaseUrls(app, owner, root)
