"""Installation of the views and their styles in the database."""

from hashlib import sha256

from psycopg import sql
from sqlalchemy import Connection, text

from gis.ops.qgis.style import STYLE_NAME, qml
from gis.ops.qgis.views import GROUP, SCHEMA, SHAPE_COLUMN, VIEWS


def clear(connection: Connection) -> None:
    """Drop the views, so that migrations can change the tables under them."""
    connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))


def prepare(connection: Connection) -> None:
    """Create missing or outdated views, store their styles and grant the group its rights.

    Parameters
    ----------
    connection
        Connection of the owner of the tables, to a database at the newest migration.
    """
    connection.execute(text("LOCK TABLE layer_styles IN SHARE ROW EXCLUSIVE MODE"))  # one at a time
    if not _current(connection):
        clear(connection)
        for statement in (*_statements(), f"COMMENT ON SCHEMA {SCHEMA} IS '{_digest()}'"):
            connection.exec_driver_sql(statement)
    connection.execute(
        text("DELETE FROM layer_styles WHERE f_table_schema = :schema AND stylename = :style"),
        {"schema": SCHEMA, "style": STYLE_NAME},
    )
    connection.execute(
        text("""
        INSERT INTO layer_styles (
          f_table_catalog, f_table_schema, f_table_name, f_geometry_column,
          stylename, styleqml, useasdefault, description)
        VALUES (
          current_database(), :schema, :name, :geometry,
          :style, XMLPARSE(DOCUMENT :qml), true, :description)
        """),
        [
            {
                "schema": SCHEMA,
                "name": name,
                "geometry": SHAPE_COLUMN,
                "style": STYLE_NAME,
                "qml": qml(view),
                "description": f"{view.zh} {view.en}",
            }
            for name, view in VIEWS.items()
        ],
    )
    if connection.scalar(
        text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :group)"), {"group": GROUP}
    ):
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {GROUP}")
        connection.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {GROUP}")
        connection.exec_driver_sql(f"GRANT SELECT ON layer_styles TO {GROUP}")


def _statements() -> list[str]:
    statements = [f"CREATE SCHEMA {SCHEMA}"]
    for name, view in VIEWS.items():
        statements += [
            f"CREATE VIEW {SCHEMA}.{name} AS {view.query}",
            f"CREATE TRIGGER refuse_edit INSTEAD OF INSERT OR UPDATE OR DELETE ON {SCHEMA}.{name} "
            "FOR EACH ROW EXECUTE FUNCTION public.refuse_edit()",
            _comment(f"VIEW {SCHEMA}.{name}", f"{view.zh}：{view.en}. Read-only; its key is id."),
        ]
        statements += [
            _comment(f"COLUMN {SCHEMA}.{name}.{column}", f"{zh}：{en}.")
            for column, (zh, en) in view.columns.items()
        ]
    return statements


def _comment(on: str, comment: str) -> str:
    return f"COMMENT ON {on} IS {sql.Literal(comment).as_string(None)}"


def _digest() -> str:
    return (
        "Views for QGIS, made by wangge "
        + sha256("\n".join(_statements()).encode()).hexdigest()[:16]
    )


def _current(connection: Connection) -> bool:
    """Return whether the views are those of this code.

    Notes
    -----
    They are counted too, since a restore drops the views and leaves the schema.
    """
    row = connection.execute(
        text("""
        SELECT obj_description(n.oid),
          (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind = 'v')
        FROM pg_namespace n
        WHERE n.nspname = :schema
        """),
        {"schema": SCHEMA},
    ).first()
    return row is not None and tuple(row) == (_digest(), len(VIEWS))
