"""orders of other systems, such as the hotline 12345, and how far the exchange with them is."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "external_system",
        sa.Column("name", sa.Text(), nullable=False, comment="As 12345."),
        sa.Column("cursor", sa.Text(), server_default="", nullable=False, comment="Where the next pull begins, as it said itself."),
        sa.Column("exchanged_at", sa.DateTime(timezone=True), nullable=True, comment="When all was pulled and told last."),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False, comment="Why the last exchange ended early; empty: it did not."),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_external_system")),
        comment="A system that orders are exchanged with, such as 12345.",
    )
    op.create_table(
        "external_order",
        sa.Column("system", sa.Text(), nullable=False, comment="As 12345."),
        sa.Column("number", sa.Text(), nullable=False, comment="Its number there."),
        sa.Column("pulled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When it came."),
        sa.Column("incident_id", sa.Uuid(), nullable=True, comment="The incident it was filed as; empty: it was refused."),
        sa.Column("refusal", sa.Text(), server_default="", nullable=False, comment="Why it could not be filed, as that system is told."),
        sa.Column("told_event_id", sa.BigInteger(), server_default="0", nullable=False, comment="The last event that system was told; 1 when it was told of a refusal."),
        sa.PrimaryKeyConstraint("system", "number", name=op.f("pk_external_order")),
        comment="An order of another system, filed once; its number there is kept.",
    )
    op.create_index(op.f("ix_external_order_incident_id"), "external_order", ["incident_id"])


def downgrade() -> None:
    op.drop_table("external_order")
    op.drop_table("external_system")
