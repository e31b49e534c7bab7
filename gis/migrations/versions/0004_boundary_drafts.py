"""drafts of boundary changes, where grids came from, and dated parents."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

EVENTS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}
REMEMBERED = ("operation", "lineage", "dated_parent")


def upgrade() -> None:
    op.add_column("revision", sa.Column("publisher", sa.Text(), comment="Who published it, when that was not the author's own doing."))
    op.add_column("revision", sa.Column("version", sa.Integer(), server_default="1", nullable=False, comment="Goes up with every change of a draft."))
    op.add_column("revision", sa.Column("reverts", sa.BigInteger(), comment="The published revision whose changes it takes back."))
    op.create_foreign_key(op.f("fk_revision_reverts"), "revision", "revision", ["reverts"], ["id"])
    op.create_table(
        "operation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("revision_id", sa.BigInteger(), nullable=False, comment="The draft."),
        sa.Column("step", sa.Integer(), nullable=False, comment="Its place in the draft, from 1."),
        sa.Column("op", pg.JSONB(), nullable=False, comment="What is done, as it was asked for; new codes filled in."),
        sa.Column("touched", pg.ARRAY(sa.Text()), nullable=False, comment="Codes of the grids that gain, lose or end."),
        sa.Column("made", pg.JSONB(), nullable=False, comment="New grids: code to name and parent."),
        sa.Column("lineage", pg.JSONB(), nullable=False, comment="Where grids came from: [split or merged, code before, code after]."),
        sa.Column("shapes", pg.JSONB(), nullable=False, comment="The shapes that change by code, WKB in hex; null: no land any more."),
        sa.Column("drawn_on", pg.JSONB(), nullable=False, comment="The stored boundaries it was drawn on: id by code of the grid."),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When it was done."),
        sa.CheckConstraint("step > 0", name=op.f("ck_operation_steps_from_one")),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_operation_revision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation")),
        sa.UniqueConstraint("revision_id", "step", name=op.f("uq_operation_revision_id_step")),
        comment="One edit of a boundary draft, in order.",
    )
    op.create_index(op.f("ix_operation_touched"), "operation", ["touched"], postgresql_using="gin")
    op.create_table(
        "lineage",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("revision_id", sa.BigInteger(), nullable=False, comment="The revision that did it."),
        sa.Column("kind", sa.Text(), nullable=False, comment="split (a part of it became a new area) or merged (its land went on)."),
        sa.Column("from_id", sa.BigInteger(), nullable=False, comment="The area before."),
        sa.Column("to_id", sa.BigInteger(), nullable=False, comment="The area after."),
        sa.CheckConstraint("kind IN ('split', 'merged')", name=op.f("ck_lineage_kind_known")),
        sa.CheckConstraint("from_id <> to_id", name=op.f("ck_lineage_not_from_itself")),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_lineage_revision_id")),
        sa.ForeignKeyConstraint(["from_id"], ["area.id"], name=op.f("fk_lineage_from_id")),
        sa.ForeignKeyConstraint(["to_id"], ["area.id"], name=op.f("fk_lineage_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lineage")),
        sa.UniqueConstraint("revision_id", "from_id", "to_id", name=op.f("uq_lineage_revision_id_from_id_to_id")),
        comment="Which area another was split from, or merged into.",
    )
    op.create_index(op.f("ix_lineage_from_id"), "lineage", ["from_id"])
    op.create_index(op.f("ix_lineage_to_id"), "lineage", ["to_id"])
    op.create_table(
        "dated_parent",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("area_id", sa.BigInteger(), nullable=False, comment="Whose parent it is."),
        sa.Column("parent_id", sa.BigInteger(), nullable=False, comment="The area one level up."),
        sa.Column("revision_id", sa.BigInteger(), nullable=False, comment="The revision that moved it."),
        sa.Column("valid", pg.TSTZRANGE(), nullable=False, comment="From (empty: ever) to (exclusive; empty: still)."),
        pg.ExcludeConstraint((sa.column("area_id"), "="), (sa.column("valid"), "&&"), using="gist", name="one_parent_at_a_time"),
        sa.CheckConstraint("NOT isempty(valid)", name=op.f("ck_dated_parent_dates_in_order")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_dated_parent_area_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["area.id"], name=op.f("fk_dated_parent_parent_id")),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_dated_parent_revision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dated_parent")),
        comment="The area one level up over a range of time; areas without a row always had their parent_id.",
    )
    op.create_index(op.f("ix_dated_parent_parent_id"), "dated_parent", ["parent_id"])
    op.create_index(op.f("ix_dated_parent_revision_id"), "dated_parent", ["revision_id"])
    for table in REMEMBERED:
        for event, transition in EVENTS.items():
            op.execute(
                f"CREATE TRIGGER remember_{event} AFTER {event.upper()} ON {table} REFERENCING {transition} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION remember('{table}', 'id')"
            )
    op.execute(
        "CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON dated_parent "
        "FOR EACH STATEMENT EXECUTE FUNCTION announce()"
    )


def downgrade() -> None:
    for table in reversed(REMEMBERED):
        op.drop_table(table)
    op.drop_constraint(op.f("fk_revision_reverts"), "revision", type_="foreignkey")
    for column in ("reverts", "version", "publisher"):
        op.drop_column("revision", column)
