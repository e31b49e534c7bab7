"""grids that change their code, names that are planned, and units settled by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

KINDS = "ck_lineage_kind_known"
TRANSITIONS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_constraint(op.f(KINDS), "lineage", type_="check")
    op.create_check_constraint(op.f(KINDS), "lineage", "kind IN ('split', 'merged', 'recoded')")
    op.execute("COMMENT ON COLUMN lineage.kind IS 'split (a part of it became a new area), merged (its land went on) or recoded (it goes on under another code).'")
    op.execute("COMMENT ON COLUMN operation.lineage IS 'Where grids came from: [split, merged or recoded, code before, code after].'")
    op.create_index(
        "ix_operation_settled_unit",
        "operation",
        [sa.text("(op ->> 'unit')")],
        postgresql_where=sa.text("op ->> 'op' = 'settle'"),
    )
    op.create_table(
        "planned_name",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("area_id", sa.BigInteger(), nullable=False, comment="Whose name it will be."),
        sa.Column("revision_id", sa.BigInteger(), nullable=False, comment="The publication that gives it."),
        sa.Column("name", sa.Text(), nullable=False, comment="The new name."),
        sa.Column("effective", sa.DateTime(timezone=True), nullable=False, comment="From when; the row goes when the area has the name."),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_planned_name_area_id")),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_planned_name_revision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_name")),
        sa.UniqueConstraint("area_id", "revision_id", name=op.f("uq_planned_name_area_id_revision_id")),
        comment="Names of areas that are published and hold from a later moment.",
    )
    for event, transition in TRANSITIONS.items():
        op.execute(
            f"CREATE TRIGGER remember_{event} AFTER {event.upper()} ON planned_name REFERENCING {transition}"
            " FOR EACH STATEMENT EXECUTE FUNCTION remember('planned_name', 'id')"
        )


def downgrade() -> None:
    op.drop_table("planned_name")
    op.drop_index("ix_operation_settled_unit", "operation")
    op.execute("UPDATE lineage SET kind = 'merged' WHERE kind = 'recoded'")
    op.drop_constraint(op.f(KINDS), "lineage", type_="check")
    op.create_check_constraint(op.f(KINDS), "lineage", "kind IN ('split', 'merged')")
