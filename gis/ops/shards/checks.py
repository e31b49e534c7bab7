"""What must be so before a county gets a shard, moves to one, or is served from it."""

import json
from collections.abc import Container, Mapping
from contextlib import ExitStack
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from gis import private
from gis.db import engine
from gis.errors import Conflict
from gis.ops import databases
from gis.ops.cluster import DatabaseUrls
from gis.ops.server_check import connect
from gis.ops.shards.county import shard_number
from gis.ops.shards.moving import held_counties

MOVE_FILE = "shard-move.json"  # there while a county moves
IDENTITY_SQL = """
SELECT pg_postmaster_start_time(), oid FROM pg_database WHERE datname = current_database()
"""


def require_same(
    stack: ExitStack, urls: Mapping[str, str], admin: psycopg.Connection, whose: str
) -> None:
    """Raise Conflict unless addresses lead to the database of a superuser's connection.

    Parameters
    ----------
    urls
        By the setting that has each.
    whose
        A county, or "main".

    Raises
    ------
    Conflict
        One leads to another.
    """
    for setting, url in urls.items():
        connection = stack.enter_context(connect(url, setting))
        if connection.execute(IDENTITY_SQL).fetchone() != admin.execute(IDENTITY_SQL).fetchone():
            raise Conflict("shard.addresses_differ", whose=whose)


def require_prepared(county: str, owner_url: str) -> None:
    """Raise Conflict where a database that is no shard is named for a county that has one.

    Raises
    ------
    Conflict
        It has no number of a shard.
    """
    with engine(owner_url).connect() as connection:
        if not shard_number(connection):
            raise Conflict("shard.has_shard", county=county)


def require_in_one(
    main: psycopg.Connection, county: str, removed: Container[str], *, is_moved: bool
) -> None:
    """Raise Conflict where a county that is, or was, a shard would be in two databases.

    Raises
    ------
    Conflict
        It is in the main database, too; or it was removed, and is not there to be moved.
    """
    is_held = county in held_counties(main)
    if is_held and not is_moved:
        # restored to before a move, or loaded there after the shard was removed
        raise Conflict("shard.county_in_main", county=county)
    if is_moved and not is_held and county in removed:
        raise Conflict("shard.was_removed", county=county)


def note_move(var: Path, county: str, url: str) -> None:
    """Write down that a county moves, and where to, for whoever finds the move interrupted."""
    private.write_file(var / MOVE_FILE, json.dumps({"county": county, "address": address(url)}))


def require_finished(var: Path, main: DatabaseUrls, county: str | None = None) -> None:
    """Raise Conflict where a county, but for one, left the main database and is no shard yet.

    Raises
    ------
    Conflict
        It did; the message names the county and its database.
    """
    try:
        moved = json.loads((var / MOVE_FILE).read_text())
    except FileNotFoundError:
        return
    if moved["county"] == county:
        return
    with connect(main.owner) as owner:
        if moved["county"] not in held_counties(owner):
            raise Conflict("shard.move_unfinished", **moved)


def address(url: str) -> str:
    """Return an address without user and password."""
    options = {"host": "", "port": 5432, "dbname": ""} | conninfo_to_dict(databases.libpq(url))
    return "{host}:{port}/{dbname}".format(**options)
