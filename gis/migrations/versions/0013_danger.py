"""the table of danger, edition by edition."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "danger_table",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("rows", pg.JSONB(), nullable=False, comment="Its rows in their order."),
        sa.Column("source", sa.Text(), server_default="", nullable=False, comment="The file it came from."),
        sa.Column("author", sa.Text(), server_default="", nullable=False, comment="Who loaded it."),
        sa.Column("loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When it was loaded."),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_danger_table")),
        comment="One edition of the table of danger; the newest is in force, none is changed.",
    )


def downgrade() -> None:
    op.drop_table("danger_table")
