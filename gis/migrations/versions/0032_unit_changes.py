"""changes of ten-household units, with who, when and why."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "unit_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("kind", sa.Text(), nullable=False, comment="create, move, rename, retire or load."),
        sa.Column("unit_id", sa.BigInteger(), nullable=True, comment="The unit: the one that homes come to; empty: several."),
        sa.Column("grid_ids", pg.ARRAY(sa.BigInteger()), nullable=False, comment="The grids whose units change."),
        sa.Column("homes", sa.Integer(), server_default="0", nullable=False, comment="How many homes move."),
        sa.Column("detail", pg.JSONB(), server_default="{}", nullable=False, comment="Names before and after; homes by the unit they leave; what was selected."),
        sa.Column("author", sa.Text(), nullable=False, comment="Account or program that did it."),
        sa.Column("reason", sa.Text(), server_default="", nullable=False, comment="Why."),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When."),
        sa.CheckConstraint("kind IN ('create', 'move', 'rename', 'retire', 'load')", name=op.f("ck_unit_change_kind_known")),
        sa.ForeignKeyConstraint(["unit_id"], ["area.id"], name=op.f("fk_unit_change_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_change")),
        comment="A change of the ten-household units of grids; written once.",
    )
    op.create_index(op.f("ix_unit_change_grid_ids"), "unit_change", ["grid_ids"], postgresql_using="gin")


def downgrade() -> None:
    op.drop_table("unit_change")
