"""recipes: what the columns of a register are, remembered for next month."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "register_recipe",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("name", sa.Text(), nullable=False, comment="As its author calls it."),
        sa.Column("kind", sa.Text(), nullable=False, comment="residents, buildings, roster, facilities, members or volunteers."),
        sa.Column("area_id", sa.BigInteger(), nullable=True, comment="For whose registers; empty: everybody's."),
        sa.Column("mapping", postgresql.JSONB(), nullable=False, comment="Field of each header; no cells."),
        sa.Column("author", sa.Text(), nullable=False, comment="Who saved it, as the history names them."),
        sa.Column("saved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When."),
        sa.CheckConstraint("btrim(name) <> ''", name=op.f("ck_register_recipe_has_name")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_register_recipe_area_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_recipe")),
        sa.UniqueConstraint("area_id", "name", postgresql_nulls_not_distinct=True, name=op.f("uq_register_recipe_area_id_name")),
        comment="What the columns of a register are, remembered for next month.",
    )


def downgrade() -> None:
    op.drop_table("register_recipe")
