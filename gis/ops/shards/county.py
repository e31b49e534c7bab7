"""The database of a county: what sets it apart from the database of a whole deployment.

Its schema is the same. Its ids have a range of their own, its areas are of one county, and what all
counties share is a copy that the application may not write.
"""

from psycopg import sql
from sqlalchemy import Connection, text

from gis.ops.shards.tables import AREA_TABLE, PURGED_TABLES, SHARED_TABLES
from gis.settings import SHARD_ID_BITS

AREAS_PUBLICATION = "wangge_areas"
NUMBER_SQL = text(
    "SELECT seqmin >> :bits FROM pg_sequence WHERE seqrelid = to_regclass('public.area_id_seq')"
)
IDENTITIES_SQL = """
SELECT s.oid::regclass::text FROM pg_sequence q JOIN pg_class s ON s.oid = q.seqrelid
JOIN pg_depend d ON d.objid = s.oid AND d.deptype = 'i' AND d.classid = 'pg_class'::regclass
WHERE d.refobjid <> ALL(CAST(:shared AS regclass[])) AND q.seqmin < :low
  AND s.relnamespace IN ('public'::regnamespace, 'personal'::regnamespace)
"""
# A row that is shared may name one of another county: that is not here, and cannot be required.
OUTWARD_KEYS_SQL = """
SELECT conrelid::regclass::text AS of, conname AS name, pg_get_constraintdef(oid) AS definition
FROM pg_constraint
WHERE contype = 'f' AND convalidated AND conrelid = ANY(CAST(:shared AS regclass[]))
  AND confrelid <> ALL(CAST(:shared AS regclass[]))
"""
COUNTY_TABLES_SQL = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'county'
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND NOT a.attisdropped
  AND c.oid <> ALL(CAST(:shared AS regclass[]))
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.conname = :name)
"""
ONE_COUNTY = "ck_shard_one_county"
OTHER_AREAS_SQL = text("SELECT EXISTS (SELECT FROM area WHERE level NOT IN ('province', 'city'))")

HOLDS_SQL = text("SELECT EXISTS (SELECT FROM area WHERE county = :county AND id < :low)")

# Of a prepared database: for which county, and whether a row was written there since.
PREPARED_SQL = text("""
SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'area'::regclass AND conname = :name
    AND strpos(pg_get_constraintdef(oid), quote_literal(:county)) > 0)
  AND NOT EXISTS (SELECT FROM history WHERE id >= :low)
""")


def shard_number(connection: Connection) -> int:
    """Return the number of the shard that a database is; 0 for a main one, or an empty one."""
    return int(connection.scalar(NUMBER_SQL, {"bits": SHARD_ID_BITS}) or 0)


def has_areas(connection: Connection) -> bool:
    """Return whether a database holds a county, or a part of one."""
    return bool(connection.scalar(OTHER_AREAS_SQL))


def holds(connection: Connection, county: str) -> bool:
    """Return whether a main database holds a county itself."""
    return bool(connection.scalar(HOLDS_SQL, {"county": county, "low": 1 << SHARD_ID_BITS}))


def is_unused(connection: Connection, county: str) -> bool:
    """Return whether a database is prepared for a county, and nothing was entered since."""
    low = shard_number(connection) << SHARD_ID_BITS
    parameters = {"name": ONE_COUNTY, "county": county, "low": low}
    return low > 0 and bool(connection.scalar(PREPARED_SQL, parameters))


def prepare(connection: Connection, county: str, number: int) -> None:
    """Make a migrated database the shard of a county; again, only what is new is done.

    Parameters
    ----------
    connection
        Of the role that owns the tables.
    """
    shared, low = [*SHARED_TABLES], number << SHARD_ID_BITS
    for name in connection.scalars(text(IDENTITIES_SQL), {"shared": shared, "low": low}).all():
        connection.execute(
            text(
                f"ALTER SEQUENCE {name} MINVALUE {low} MAXVALUE {low + (1 << SHARD_ID_BITS) - 1}"
                f" START {low + 1} RESTART {low + 1}"
            )
        )
    for key in connection.execute(text(OUTWARD_KEYS_SQL), {"shared": shared}).all():
        name = sql.Identifier(key.name).as_string(None)
        connection.execute(
            text(
                f"ALTER TABLE {key.of} DROP CONSTRAINT {name},"
                f" ADD CONSTRAINT {name} {key.definition} NOT VALID"
            )
        )
    tables = connection.scalars(text(COUNTY_TABLES_SQL), {"shared": shared, "name": ONE_COUNTY})
    for table in tables.all():
        either = " OR level IN ('province', 'city')" if table == AREA_TABLE else ""
        connection.execute(
            text(
                f"ALTER TABLE {sql.Identifier(table).as_string(None)} ADD CONSTRAINT {ONE_COUNTY}"
                f" CHECK (county = '{county}'{either})"
            )
        )
    _announce_accounts(connection)
    _publish_areas(connection, county)


def _announce_accounts(connection: Connection) -> None:
    """Announce accounts and kinds that arrive: what is copied fires no trigger of a statement."""
    for table in ("personal.account", "kind"):
        connection.execute(
            text(f"""
            CREATE OR REPLACE TRIGGER announce_copied AFTER INSERT OR UPDATE OR DELETE ON {table}
              FOR EACH ROW EXECUTE FUNCTION announce();
            ALTER TABLE {table} ENABLE REPLICA TRIGGER announce_copied
            """)
        )


def published_areas(county: str) -> str:
    """Return which areas of a county, a code of six digits, the main database has copies of."""
    return f"area WHERE (county = '{county}' AND level <> 'unit')"


def _publish_areas(connection: Connection, county: str) -> None:
    """Publish the county and its areas, for the rights that name them; units are left out."""
    known = text("SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = :name)")
    if not connection.scalar(known, {"name": AREAS_PUBLICATION}):
        connection.execute(
            text(f"""
            ALTER TABLE area REPLICA IDENTITY FULL;
            CREATE PUBLICATION {AREAS_PUBLICATION} FOR TABLE {published_areas(county)}
            """)
        )


def protect(connection: Connection, app: str) -> None:
    """Take from the application of a shard the right to write what is copied there."""
    role = sql.Identifier(app).as_string(None)
    connection.execute(
        text(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {', '.join(SHARED_TABLES)} FROM {role}")
    )
    connection.execute(text(f"GRANT DELETE ON {', '.join(PURGED_TABLES)} TO {role}"))
