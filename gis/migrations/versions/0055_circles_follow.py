"""Stored circles go with the change that makes them wrong, whoever makes it.

Some loads and pages dropped them, others did not, and QGIS never did.
"""

from alembic import op

from gis.ops.functions import replace_function

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

TRIGGERS = {"facility": "UPDATE OF geom, entrance", "entrance": "INSERT OR UPDATE OR DELETE"}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    replace_function("note_demand")
    replace_function("drop_circles")
    for table, events in TRIGGERS.items():
        op.execute(
            f"CREATE TRIGGER drop_circles AFTER {events} ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION drop_circles()"
        )
    # those of before, which some changes left as they were, are computed anew
    op.execute("UPDATE service_circle SET network_version = ''")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in TRIGGERS:
        op.execute(f"DROP TRIGGER drop_circles ON {table}")
    op.execute("DROP FUNCTION drop_circles()")
