"""Of which buildings the homes, doors or footprints changed: a log for who keeps them in memory."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from gis.ops.functions import replace_function

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

# table: the column with the building, and the columns that count
COUNTED = {
    "building": ("id", "geom"),
    "household": ("building_id", "people", "elders", "children"),
    "entrance": ("building_id", "geom", "kind", "removed_at"),
}
EVENTS = {
    "insert": "REFERENCING NEW TABLE AS new_rows",
    "update": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "REFERENCING OLD TABLE AS old_rows",
    "truncate": "",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "demand_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("stamp", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False,
                  comment="Random: another row of this id, in a database put back, has another."),
        sa.Column("transaction_id", sa.BigInteger(), server_default=sa.text("pg_current_xact_id()::text::bigint"),
                  nullable=False, comment="The transaction of the change."),
        sa.Column("running", sa.BigInteger(),
                  server_default=sa.text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"),
                  nullable=False, comment="The oldest transaction that ran when this was written."),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False,
                  comment="When this was written; kept for a day from the end of the transaction."),
        sa.Column("building_ids", postgresql.ARRAY(sa.BigInteger()), nullable=True,
                  comment="Ids of the buildings; empty: it may be any."),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demand_change")),
        comment="Of which buildings the homes, doors or footprints changed; written by triggers.",
    )
    op.create_index(op.f("ix_demand_change_transaction_id"), "demand_change", ["transaction_id"])
    op.execute("INSERT INTO demand_change DEFAULT VALUES")  # a log that is empty has lost its rows
    replace_function("note_demand")
    for table, columns in COUNTED.items():
        for event, transition in EVENTS.items():
            op.execute(
                f"CREATE TRIGGER note_demand_{event} AFTER {event.upper()} ON {table} {transition}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION note_demand({', '.join(map(repr, columns))})"
            )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in COUNTED:
        for event in EVENTS:
            op.execute(f"DROP TRIGGER note_demand_{event} ON {table}")
    op.execute("DROP FUNCTION note_demand")
    op.drop_table("demand_change")
