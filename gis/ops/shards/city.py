"""What the city reads of its counties: tables partitioned by county, each part a foreign table.

They stand in the schema `city` of the main database under the names of the tables they gather, so
that a transaction whose search path begins there counts the city with the query that counts a
county.
"""

from collections.abc import Iterable, Mapping

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Unavailable
from gis.ops.server_check import connect
from gis.ops.shards.tables import CITY_TABLES
from gis.settings import Shard

CITY_SCHEMA = "city"
OWN = "own"  # of the main database itself: the counties that are in no shard
SEARCH_PATH = f"{CITY_SCHEMA}, public"
USER_OPTIONS = ("user", "password")
FETCH_ROWS = 10_000


def permit(admin: psycopg.Connection, owner: str) -> None:
    """Let the owner of the main database's tables read other servers; only a superuser may."""
    admin.execute("CREATE EXTENSION IF NOT EXISTS postgres_fdw")
    admin.execute(
        sql.SQL("GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO {}").format(
            sql.Identifier(owner)
        )
    )


def rebuild(
    connection: psycopg.Connection, app: str, own_url: str, shards: Iterable[Shard]
) -> None:
    """Make the schema anew, in one transaction, of the present tables and shards.

    Parameters
    ----------
    connection
        Of the role that owns the tables of the main database.
    app
        The application's role there.
    own_url
        The main database for the application.
    """
    schema, reader = sql.Identifier(CITY_SCHEMA), sql.Identifier(app)
    sources = [(OWN, own_url), *((shard.county, shard.url) for shard in shards)]
    with connection.transaction():
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema))
        for (name,) in connection.execute(
            "SELECT srvname FROM pg_foreign_server WHERE srvname LIKE 'wangge\\_%'"
        ).fetchall():
            connection.execute(sql.SQL("DROP SERVER {} CASCADE").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        for table in CITY_TABLES:
            name = sql.Identifier(table)
            connection.execute(
                sql.SQL("CREATE TABLE {}.{} (LIKE public.{}) PARTITION BY LIST (county)").format(
                    schema, name, name
                )
            )
        for county, url in sources:
            _add_server(connection, county, url, app)
            for table in CITY_TABLES:
                _add_partition(connection, table, county)
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, reader))
        connection.execute(
            sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(schema, reader)
        )


def read_counties(session: Session) -> None:
    """Have the rest of a transaction read the tables of all counties together."""
    session.execute(text(f"SET LOCAL search_path TO {SEARCH_PATH}"))


def require_read(app_url: str, county: str) -> None:
    """Raise Unavailable unless the main database reads a county as its application does.

    Raises
    ------
    Unavailable
        The county's server cannot be reached from that of the main database, or asks it for no
        password, without which PostgreSQL lets nobody but a superuser read it.
    """
    table = sql.Identifier(CITY_SCHEMA, f"{CITY_TABLES[0]}_{county}")
    with connect(app_url) as connection:
        try:
            connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(table))
        except psycopg.Error as error:
            reason = (error.diag.message_detail or str(error)).splitlines()[0]
            raise Unavailable("shard.unread", county=county, reason=reason) from None


def server_name(county: str) -> str:
    """Return the name of the foreign server of a county."""
    return f"wangge_{county}"


def _add_server(connection: psycopg.Connection, county: str, url: str, app: str) -> None:
    """Create the server of a county, and the application's user there."""
    options = conninfo_to_dict(url)
    user = {name: str(options.pop(name)) for name in USER_OPTIONS if name in options}
    options |= {
        "extensions": "postgis",
        "fetch_size": str(FETCH_ROWS),
        "async_capable": "true",
        "connect_timeout": "5",
    }
    server = sql.Identifier(server_name(county))
    connection.execute(
        sql.SQL("CREATE SERVER {} FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({})").format(
            server, _options(options)
        )
    )
    connection.execute(
        sql.SQL("CREATE USER MAPPING FOR {} SERVER {} OPTIONS ({})").format(
            sql.Identifier(app), server, _options(user)
        )
    )


def _add_partition(connection: psycopg.Connection, table: str, county: str) -> None:
    bound = (
        sql.SQL("DEFAULT")
        if county == OWN
        else sql.SQL("FOR VALUES IN ({})").format(sql.Literal(county))
    )
    connection.execute(
        sql.SQL(
            "CREATE FOREIGN TABLE {}.{} PARTITION OF {}.{} {}"
            " SERVER {} OPTIONS (schema_name 'public', table_name {})"
        ).format(
            sql.Identifier(CITY_SCHEMA),
            sql.Identifier(f"{table}_{county}"),
            sql.Identifier(CITY_SCHEMA),
            sql.Identifier(table),
            bound,
            sql.Identifier(server_name(county)),
            sql.Literal(table),
        )
    )


def _options(values: Mapping[str, object]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.Literal(str(value)))
        for name, value in values.items()
    )
