"""What a county still knows of the main database when that was restored to an earlier state.

Rows of the county refer to accounts, keys, kinds, rules and categories entered since: these come
back, without effect. Whoever restored the main database decides which of them hold again.
"""

from collections.abc import Mapping
from typing import LiteralString, NamedTuple

import psycopg
from psycopg import sql

from gis.ops.shards import copying
from gis.ops.shards.tables import SHARED_TABLES


class Recovered(NamedTuple):
    """How rows of a table come back.

    Attributes
    ----------
    retired
        The columns that end the effect of a row, with their values.
    where
        Which rows: nothing refers to a draft, and some of what a table refers to may not come back.
    name
        Its unique column; where its value was given anew since, the row gets its id behind it.
    """

    retired: Mapping[str, LiteralString]
    where: LiteralString = "true"
    name: str = ""


# Tables that rows of a county refer to, those referred to first. A person who came to the main
# database with an account may not be there.
RECOVERED_TABLES: Mapping[str, Recovered] = {
    "catalogue_edition": Recovered({"state": "'retired'"}, "state <> 'draft'", "name"),
    "incident_category": Recovered({}, "edition_id IN (SELECT id FROM catalogue_edition)"),
    "kind": Recovered({"active": "false"}),
    "rule_set": Recovered({"state": "'retired'"}, "state <> 'draft'", "name"),
    "routing_rule": Recovered({}, "rule_set_id IN (SELECT id FROM rule_set)"),
    "personal.account": Recovered(
        {"active": "false", "person_id": "NULL", "subject": "NULL"}, name="username"
    ),
    "personal.api_key": Recovered({"revoked_at": "coalesce(revoked_at, now())"}),
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
        for table, how in RECOVERED_TABLES.items():
            if count := _bring_back_rows(main, county, table, how):
                counts[table] = count
        for table, sequence in main.execute(SEQUENCES_SQL, [[*SHARED_TABLES]]).fetchall():
            query = sql.SQL("SELECT max(id) FROM {}").format(_table(table))
            newest = county.execute(query).fetchone() or (None,)
            main.execute(
                "SELECT setval(%s, greatest(nextval(%s), %s))", [sequence, sequence, *newest]
            )
    return counts


def _bring_back_rows(
    main: psycopg.Connection, county: psycopg.Connection, table: str, how: Recovered
) -> int:
    """Enter the rows of one table whose ids the main database does not have; return how many."""
    name = _table(table)
    main.execute(
        sql.SQL("CREATE TEMP TABLE known ON COMMIT DROP AS TABLE {} WITH NO DATA").format(name)
    )
    copying.stream_rows(county, sql.SQL("TABLE {}").format(name), main, sql.SQL("known"))
    lost = "DELETE FROM known k WHERE EXISTS (SELECT FROM {} o WHERE o.id = k.id) OR NOT ({})"
    main.execute(sql.SQL(lost).format(name, sql.SQL(how.where)))
    for column, value in how.retired.items():
        change = sql.SQL("UPDATE known SET {} = {}")
        main.execute(change.format(sql.Identifier(column), sql.SQL(value)))
    if how.name:
        renamed = (
            "UPDATE known k SET {column} = k.{column} || ' ' || k.id"
            " WHERE EXISTS (SELECT FROM {table} o WHERE o.{column} = k.{column})"
        )
        main.execute(sql.SQL(renamed).format(table=name, column=sql.Identifier(how.name)))
    count = main.execute(
        sql.SQL("INSERT INTO {} TABLE known ON CONFLICT DO NOTHING").format(name)
    ).rowcount
    main.execute("DROP TABLE known")
    return count


def _table(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split("."))
