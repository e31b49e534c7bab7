"""Bring a database to this code's schema, with its rights and the rows that come from the code."""

from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import Connection, delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import make_url

from gis.db import engine
from gis.duties import defaults as duties
from gis.facilities import standard_editions
from gis.incidents import calendar_file
from gis.incidents.catalogue import danger, edition_file
from gis.incidents.models import IncidentMove
from gis.incidents.routing import rules_store
from gis.incidents.states import TRANSITION_ROWS
from gis.network import profile_table
from gis.ops import qgis, schema
from gis.ops.cluster import DatabaseUrls
from gis.ops.shards import county as county_database
from gis.people.models import Role
from gis.rights.roles import ROLES

MIGRATION_ACTOR = "migration"  # of the initial rows of a database, in the history
# Tables whose rows the application may not delete. It may otherwise read and change rows, never the
# tables themselves.
UNDELETABLE_TABLES = (
    "area",
    "history",
    "revision",
    "incident",
    "incident_event",
    "checkup_visit",
    "checkup_photo",
    "walk_edit",
    "spot_draw",
    "spot_check",
    "discussion",
    "formula_edition",
    "formula_rule",
    "credit_entry",
    "star_share",
    "personal.disclosure",
)


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, without an ini file."""
    alembic = Config()
    alembic.set_main_option("script_location", str(schema.MIGRATIONS))
    alembic.attributes["connection"] = connection
    return alembic


def migrate(addresses: DatabaseUrls, to: str = "head") -> None:
    """Migrate the database in one transaction, then grant rights and fill the tables from the code.

    Parameters
    ----------
    addresses
        The owner's URL migrates; the application's role is granted its rights.
    to
        A migration, "head" or "base".
    """
    app = make_url(addresses.app).username
    owner = make_url(addresses.owner).username
    with engine(addresses.owner).begin() as connection:
        alembic = config(connection)
        if to == "base":
            command.downgrade(alembic, to)
            return
        if schema.current(connection) != schema.head():
            qgis.clear(connection)
        # moving forward is the usual case; Alembic itself refuses unknown names, but loads every
        # migration to see that there is nothing to do
        if to != "head" or schema.current(connection) != schema.head():
            command.upgrade(alembic, to)
        if schema.current(connection) == schema.head():
            _fill_roles(connection)
            _fill_moves(connection)
            is_shard = county_database.shard_number(connection) > 0
            if not is_shard:  # there the main database's rows are copied
                _fill_shared(connection)
            qgis.prepare(connection)
            if app and app != owner:
                _grant(connection, app)
                if is_shard:
                    county_database.protect(connection, app)


def _fill_shared(connection: Connection) -> None:
    connection.execute(
        text("SELECT set_config('wangge.who', :who, true)"), {"who": MIGRATION_ACTOR}
    )
    edition_file.fill(connection)
    duties.fill(connection)
    rules_store.load_default_rules(connection)
    danger.EDITIONS.fill(connection)
    calendar_file.EDITIONS.fill(connection)
    standard_editions.EDITIONS.fill(connection)
    profile_table.fill(connection)


def _fill_roles(connection: Connection) -> None:
    rows = [
        {
            "key": role.key,
            "zh": role.zh,
            "en": role.en,
            "attached_to": role.level,
            "rank": role.rank,
        }
        for role in ROLES
    ]
    new = insert(Role).values(rows)
    changes = {name: new.excluded[name] for name in ("zh", "en", "attached_to", "rank")}
    connection.execute(new.on_conflict_do_update(index_elements=["key"], set_=changes))


def _fill_moves(connection: Connection) -> None:
    columns = [column.name for column in IncidentMove.__table__.columns]
    connection.execute(delete(IncidentMove))
    connection.execute(
        insert(IncidentMove),
        [dict(zip(columns, row, strict=True)) for row in sorted(TRANSITION_ROWS)],
    )


def _grant(connection: Connection, app: str) -> None:
    role = sql.Identifier(app).as_string(None)
    undeletable = ", ".join(UNDELETABLE_TABLES)
    connection.execute(
        text(f"""
        GRANT USAGE ON SCHEMA public, personal, jobs TO {role};
        GRANT SELECT, INSERT, UPDATE, DELETE
          ON ALL TABLES IN SCHEMA public, personal, jobs TO {role};
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public, personal, jobs TO {role};
        REVOKE DELETE, TRUNCATE ON {undeletable} FROM {role};
        REVOKE INSERT, UPDATE ON history FROM {role};
        REVOKE UPDATE
          ON incident_event, checkup_visit, checkup_photo, personal.disclosure,
          formula_rule, credit_entry, star_share FROM {role};
        REVOKE INSERT ON personal.disclosure FROM {role};
        GRANT INSERT (who, kind, subject, incident_id, areas, source, reason)
          ON personal.disclosure TO {role};
        REVOKE INSERT, UPDATE, DELETE
          ON alembic_version, role, incident_move, spatial_ref_sys FROM {role};
        """)
    )
