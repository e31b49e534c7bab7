"""What a county still knows of the main database when that was restored to an earlier state.

Rows of the county refer to accounts, keys, kinds, rules and categories entered since: these come
back, without effect. Whoever restored the main database decides which of them hold again.
"""

from collections.abc import Mapping
from typing import LiteralString

import psycopg
from psycopg import sql

from gis.ops.shards.tables import SHARED_TABLES

# tables that rows of a county refer to, those referred to first -> the columns that end the effect
# of a row; a person who has come to the main database with the account may not be there
RETIRED_COLUMNS: Mapping[str, Mapping[str, LiteralString]] = {
    "catalogue_edition": {"state": "'retired'"},
    "incident_category": {},
    "kind": {"active": "false"},
    "rule_set": {"state": "'retired'"},
    "routing_rule": {},
    "personal.account": {"active": "false", "person_id": "NULL", "subject": "NULL"},
    "personal.api_key": {"revoked_at": "coalesce(revoked_at, now())"},
}
RECOVERY_AUTHOR_SQL = (
    "SELECT set_config('wangge.who', 'db shard add', true),"
    " set_config('wangge.why', 'known to a county; the main database was restored', true)"
)
SEQUENCES_SQL = """
SELECT a.attrelid::regclass::text, pg_get_serial_sequence(a.attrelid::regclass::text, a.attname)
FROM pg_attribute a
WHERE a.attrelid = ANY(CAST(%s AS regclass[])) AND a.attname = 'id' AND a.attidentity <> ''
"""


def bring_back(main: psycopg.Connection, county: psycopg.Connection) -> dict[str, int]:
    """Enter into the main database what only a county's copy has, without effect.

    Ids that the county has seen are not given again: its rows may refer to them.

    Parameters
    ----------
    main
        Of the role that owns the tables.
    county
        Of a role that reads all tables of the shard, before its copies are replaced.

    Returns
    -------
    dict
        How many rows came back, by table; only tables of which any did.
    """
    counts = {}
    with main.transaction():
        main.execute(RECOVERY_AUTHOR_SQL)
        for table, columns in RETIRED_COLUMNS.items():
            if count := _bring_back_rows(main, county, table, columns):
                counts[table] = count
        for table, sequence in main.execute(SEQUENCES_SQL, [[*SHARED_TABLES]]).fetchall():
            newest = sql.SQL("SELECT max(id) FROM {}").format(_table(table))
            main.execute(
                "SELECT setval(%s, greatest(nextval(%s), %s))",
                [sequence, sequence, _only_value(county, newest)],
            )
    return counts


def _bring_back_rows(
    main: psycopg.Connection,
    county: psycopg.Connection,
    table: str,
    retired: Mapping[str, LiteralString],
) -> int:
    """Enter the rows of one table that the main database has none like; return how many."""
    name = _table(table)
    main.execute(
        sql.SQL("CREATE TEMP TABLE known ON COMMIT DROP AS TABLE {} WITH NO DATA").format(name)
    )
    rows = sql.SQL("COPY {} TO STDOUT (FORMAT BINARY)").format(name)
    with (
        county.cursor().copy(rows) as source,
        main.cursor().copy("COPY known FROM STDIN (FORMAT BINARY)") as target,
    ):
        for piece in source:
            target.write(piece)
    for column, value in retired.items():
        change = sql.SQL("UPDATE known SET {} = {}")
        main.execute(change.format(sql.Identifier(column), sql.SQL(value)))
    # the same name may have been given anew since: that row stays
    count = main.execute(
        sql.SQL("INSERT INTO {} TABLE known ON CONFLICT DO NOTHING").format(name)
    ).rowcount
    main.execute("DROP TABLE known")
    return count


def _table(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split("."))


def _only_value(connection: psycopg.Connection, query: sql.Composed) -> int | None:
    row = connection.execute(query).fetchone()
    return row[0] if row else None
