"""Stored circles are answered only while nothing has changed since they were computed.

Some loads and pages dropped those that they touched, others did not, and QGIS never did.
"""

import sqlalchemy as sa
from alembic import op

from gis.ops.functions import replace_function

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

TRIGGERS = {
    "facility": "INSERT OR UPDATE OF geom, entrance",
    "entrance": "INSERT OR UPDATE OR DELETE OR TRUNCATE",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "circle_run",
        sa.Column("profile", sa.Text(), nullable=False, comment="Walking profile, as adult."),
        sa.Column("network_version", sa.Text(), nullable=False, comment="The network, with the edits in force."),
        sa.Column("snapshot", sa.Text(), nullable=False,
                  comment="pg_snapshot: which transactions of demand_change are counted in."),
        sa.Column("checked_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False,
                  comment="When that was known."),
        sa.PrimaryKeyConstraint("profile", name=op.f("pk_circle_run")),
        comment="Up to which changes the stored circles of a profile are right.",
    )
    op.execute("COMMENT ON TABLE demand_change IS"
               " 'What changed of homes, doors, footprints and facilities; written by triggers.'")
    op.execute("COMMENT ON COLUMN demand_change.building_ids IS"
               " 'Ids of the buildings; null: it may be any; none: a facility or its door.'")
    replace_function("note_facility")
    for table, events in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER note_facility AFTER {events} ON {table}"
                   " FOR EACH STATEMENT EXECUTE FUNCTION note_facility()")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in TRIGGERS:
        op.execute(f"DROP TRIGGER note_facility ON {table}")
    op.execute("DROP FUNCTION note_facility()")
    op.drop_table("circle_run")
