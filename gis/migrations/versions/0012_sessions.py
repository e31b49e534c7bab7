"""sign-in attempts by network; sessions that were ended before their time."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "sign_in",
        sa.Column("network", sa.Text(), server_default="", nullable=False, comment="Address it came from; of IPv6 the /64."),
        schema="personal",
    )
    op.create_table(
        "ended_session",
        sa.Column("id", sa.Text(), nullable=False, comment="Random name of the session, as its cookie has it."),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False, comment="When it would have ended anyway; then the row goes."),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ended_session")),
        schema="personal",
        comment="Sessions signed out before their time: their cookies are good no more.",
    )


def downgrade() -> None:
    op.drop_table("ended_session", schema="personal")
    op.drop_column("sign_in", "network", schema="personal")
