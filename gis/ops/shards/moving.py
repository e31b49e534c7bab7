"""A county of the main database moves, with all that happened there, to the database of its shard.

Its rows keep their ids, so that a number that was printed and an address that was sent stay good:
they are below those of the shard (`gis.ops.shards.county.prepare`), and who holds one is looked up.
"""

import shutil
import time
from collections.abc import Collection, Mapping
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from gis import private
from gis.errors import Conflict, NotFound
from gis.ops import server_check
from gis.ops.cluster import DatabaseUrls
from gis.ops.shards import copying
from gis.ops.shards.tables import AREA_TABLE, COUNTY_TABLES, PERSON_TABLE, SHARED_TABLES
from gis.settings import COUNTY_FOLDERS, SHARD_ID_BITS

LOCK_TIMEOUT = "10s"
MAX_CLOSING_S = 3.0  # a connection that was closed, our own too, is listed a little longer
# The rows of a county, where not all of a table are; %(county)s is its code. People of other
# counties are known by "county:number" (`gis.ops.shards.people`). What the history and the list of
# disclosures say of accounts and tables that all share stays in the main database.
COUNTY_CONDITIONS = {
    AREA_TABLE: "level NOT IN ('province', 'city') AND county = %(county)s",
    PERSON_TABLE: r"code !~ '^\d{6}:'",
    "history": "table_name <> ALL(%(shared)s) AND (county IS NULL OR county = %(county)s)",
    "personal.disclosure": "incident_id IS NOT NULL OR areas <> '{}'",
    "idempotency": "true",
    "dataset": "true",
}
MOVED_TABLES = tuple(sorted({*COUNTY_TABLES, *COUNTY_CONDITIONS}))
# emptied in a main database; the others keep what follows
EMPTIED_TABLES = tuple(table for table in COUNTY_TABLES if table not in COUNTY_CONDITIONS)
# In the main database stay areas, for rights that name them; people with an account, by number;
# answers to requests that may have been about what all share; and that people are made up.
TAKE_SQL = (
    "DELETE FROM dataset WHERE NOT made_up",
    "DELETE FROM area WHERE level = 'unit' AND county = %(county)s",
    f"DELETE FROM history WHERE {COUNTY_CONDITIONS['history']}",  # noqa: S608  our own text
    f"DELETE FROM personal.disclosure WHERE {COUNTY_CONDITIONS['personal.disclosure']}",  # noqa: S608
    f"""DELETE FROM personal.person p WHERE {COUNTY_CONDITIONS[PERSON_TABLE]}
    AND NOT EXISTS (SELECT FROM personal.account WHERE person_id = p.id)""",  # noqa: S608
    f"""UPDATE personal.person SET code = %(county)s || ':' || code,
    name = %(county)s || ':' || code, phone = '' WHERE {COUNTY_CONDITIONS[PERSON_TABLE]}""",  # noqa: S608
)
# of a county that has moved the areas stay, but not what happened to them
HELD_COUNTIES_SQL = """
SELECT DISTINCT county FROM area a WHERE level NOT IN ('province', 'city') AND county <> ALL(%s)
  AND id < %s AND EXISTS (SELECT FROM history WHERE table_name = 'area' AND county = a.county)
"""
HOTLINE_SQL = "SELECT EXISTS (SELECT FROM external_system)"
SESSIONS_SQL = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND usename = %s AND pid <> pg_backend_pid()
"""
# the first that happened in a county; what a begun copy holds of it is still in the main database
FIRST_SQL = f"""
SELECT id, at FROM history WHERE {COUNTY_CONDITIONS["history"]} ORDER BY id LIMIT 1
"""  # noqa: S608  our own text
COLUMNS_SQL = """
SELECT attname FROM pg_attribute
WHERE attrelid = CAST(%s AS regclass) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
OLD_IDS_SQL = """
SELECT EXISTS (SELECT FROM area WHERE county = %s AND id < %s AND level NOT IN ('province', 'city'))
"""


def held_counties(main: psycopg.Connection, shards: Collection[str] = ()) -> list[str]:
    """Return the counties, but for those that have a shard, whose rows a main database has."""
    rows = main.execute(HELD_COUNTIES_SQL, [[*shards], 1 << SHARD_ID_BITS]).fetchall()
    return sorted(code for (code,) in rows)


def has_moved(
    main: psycopg.Connection,
    shard: psycopg.Connection,
    app: str,
    county: str,
    shards: Collection[str],
) -> bool:
    """Return whether an interrupted call has moved a county; False: it can be moved.

    Parameters
    ----------
    main, shard
        Of superusers.
    app
        The application's role in the main database.
    shards
        The counties that have a shard.

    Raises
    ------
    NotFound
        The main database does not hold the county.
    Conflict
        It holds others, too; a service runs; or orders of a hotline are exchanged.
    """
    held = held_counties(main, shards)
    if county not in held:
        if has_old_ids(shard, county):
            return True
        raise NotFound("shard.county_not_in_main", county=county)
    if held != [county]:
        raise Conflict("shard.others_in_main", county=county, counties=", ".join(held))
    if main.execute(HOTLINE_SQL).fetchone() == (True,):
        raise Conflict("shard.hotline_in_main", county=county)
    _require_idle(main, app)
    return False


def require_idle(main: DatabaseUrls) -> None:
    """Raise unless nobody works in the main database as the application.

    Raises
    ------
    Conflict
        Somebody does.
    """
    with server_check.connect(main.admin or main.owner) as connection:
        _require_idle(connection, str(make_url(main.app).username))


def _require_idle(main: psycopg.Connection, app: str) -> None:
    deadline = time.monotonic() + MAX_CLOSING_S
    while (sessions := main.execute(SESSIONS_SQL, [app]).fetchone()) and sessions[0]:
        if time.monotonic() > deadline:
            raise Conflict("shard.service_runs", sessions=sessions[0])
        time.sleep(0.05)


def move(main: psycopg.Connection, shard: psycopg.Connection, county: str) -> int:
    """Copy the rows of a county to its shard, then take them from the main database.

    Parameters
    ----------
    main, shard
        Of superusers. The shard is prepared and has no rows of a county, or those that an
        interrupted call has copied.

    Returns
    -------
    int
        Rows that were moved.

    Raises
    ------
    Conflict
        The shard has rows that are not copies of those of the main database.
    psycopg.errors.LockNotAvailable
        Somebody has been writing for longer than LOCK_TIMEOUT.

    Notes
    -----
    Nobody can write a row of the county meanwhile. The copy is committed first: after a failure
    between the two the main database has all, and the call is repeated.
    """
    truncate = sql.SQL("TRUNCATE {}").format(_list(EMPTIED_TABLES))
    parameters = {"county": county, "shared": [*SHARED_TABLES]}
    with main.transaction():
        main.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)))
        main.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(_list(MOVED_TABLES)))
        main.execute("SET LOCAL session_replication_role = replica")  # no trigger, no history
        if has_old_ids(shard, county):
            first = shard.execute(FIRST_SQL, parameters).fetchone()
            if first is None or main.execute(FIRST_SQL, parameters).fetchone() != first:
                raise Conflict("shard.has_rows", county=county)
        with shard.transaction():
            shard.execute("SET LOCAL session_replication_role = replica")
            shard.execute(truncate)
            for table, where in COUNTY_CONDITIONS.items():  # of which it has other rows, too
                rows = sql.SQL("DELETE FROM {} WHERE {}").format(_list([table]), sql.SQL(where))
                shard.execute(rows, parameters)
            moved = sum(_copy(main, shard, table, parameters) for table in MOVED_TABLES)
        main.execute(truncate)
        for statement in TAKE_SQL:
            main.execute(statement.encode(), parameters)
    shard.execute("ANALYZE")
    return moved


def _list(tables: Collection[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(*table.split(".")) for table in tables)


def _copy(
    main: psycopg.Connection,
    shard: psycopg.Connection,
    table: str,
    parameters: Mapping[str, object],
) -> int:
    """Copy the rows of a county of one table; return their number."""
    where = sql.SQL(COUNTY_CONDITIONS.get(table, "true"))
    name = _list([table])
    columns = sql.SQL(", ").join(
        sql.Identifier(column) for (column,) in main.execute(COLUMNS_SQL, [table]).fetchall()
    )
    select = sql.SQL("SELECT {} FROM {} WHERE {}").format(columns, name, where)
    with psycopg.ClientCursor(main) as cursor:
        chosen = cursor.mogrify(select, parameters)  # COPY takes no parameters
    return copying.stream_rows(
        main, chosen.encode(), shard, sql.SQL("{} ({})").format(name, columns)
    )


def has_old_ids(shard: psycopg.Connection, county: str) -> bool:
    """Return whether a shard holds rows that it got from a main database."""
    return shard.execute(OLD_IDS_SQL, [county, 1 << SHARD_ID_BITS]).fetchone() == (True,)


def move_photos(var: Path, county: str) -> int:
    """Move the photos of a deployment into the folder of a county; return how many."""
    moved = 0
    for file in sorted((var / "photos").glob("*/*")):
        target = var / COUNTY_FOLDERS / county / file.relative_to(var)
        private.create_folder(target.parent)
        shutil.move(file, target)
        moved += 1
    return moved
