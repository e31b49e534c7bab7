"""the working calendar of the office: holidays, the weekends worked for them, its hours."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "office_calendar",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("rows", pg.JSONB(), nullable=False, comment="Its rows in their order."),
        sa.Column("source", sa.Text(), server_default="", nullable=False, comment="The file it came from."),
        sa.Column("author", sa.Text(), server_default="", nullable=False, comment="Who loaded it."),
        sa.Column("loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When it was loaded."),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_office_calendar")),
        comment="One edition of the working calendar; the newest is in force, none is changed.",
    )


def downgrade() -> None:
    op.drop_table("office_calendar")
