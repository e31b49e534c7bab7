"""numbers of the loop that a county sets, and steps that a hotline does not take."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "county_policy",
        sa.Column("county", sa.Text(), nullable=False, comment="Code of the county."),
        sa.Column("supervised_reopening", sa.Integer(), nullable=False, comment="The reopening from which on a matter is supervised at once."),
        sa.Column("max_calls", sa.Integer(), nullable=False, comment="Follow-up calls after which nobody is called any more."),
        sa.Column("suspension_notice_days", sa.Integer(), nullable=False, comment="Days before a suspension ends when holder and desk are reminded."),
        sa.CheckConstraint("supervised_reopening >= 1 AND max_calls >= 1 AND suspension_notice_days >= 0", name=op.f("ck_county_policy_in_range")),
        sa.PrimaryKeyConstraint("county", name=op.f("pk_county_policy")),
        comment="Numbers of the loop that a county sets; without a row the defaults of gis/incidents/policy.py.",
    )
    op.add_column(
        "external_order",
        sa.Column("held_up_event_id", sa.BigInteger(), server_default="0", nullable=False, comment="The last event there was when that system took no step; told again after a later one."),
    )
    op.add_column(
        "external_order",
        sa.Column("step_refusal", sa.Text(), server_default="", nullable=False, comment="Why it took no step, as its answer said; empty: it took the last one."),
    )


def downgrade() -> None:
    op.drop_column("external_order", "step_refusal")
    op.drop_column("external_order", "held_up_event_id")
    op.drop_table("county_policy")
