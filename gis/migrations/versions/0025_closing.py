"""time spent by state, whose lateness it is, the end of a suspension, follow-ups and parts.

The number of steps that supervision went up is dropped: who supervises is computed.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

MOMENTS = {
    "suspended_until": "When a suspension ends by itself.",
    "suspension_reminder_at": "When holder and desk are reminded of that end; empty: they were, or need not be.",
    "follow_up_due_at": "By when the reporter is to be called (回访); empty: nobody has to.",
    "questionnaire_at": "When the questionnaire is sent next; empty: never (again).",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name, comment in (
        ("spent_min", "State -> clock (working, wall) -> minutes spent there before this stretch."),
        ("late_by", "State -> since, role, area_id, holder_id: who held it when its limit passed."),
    ):
        op.add_column("incident", sa.Column(name, pg.JSONB(), server_default="{}", nullable=False, comment=comment))
    for name, comment in MOMENTS.items():
        op.add_column("incident", sa.Column(name, sa.DateTime(timezone=True), nullable=True, comment=comment))
    op.add_column("incident", sa.Column("split_from", sa.Uuid(), nullable=True, comment="The incident whose report told of this one too."))
    op.create_index(op.f("ix_incident_split_from"), "incident", ["split_from"])
    op.create_index("ix_incident_supervised", "incident", ["reported_at"], postgresql_where=sa.text("supervised"))
    for name in MOMENTS:
        op.create_index(f"ix_incident_{name}", "incident", [name], postgresql_where=sa.text(f"{name} IS NOT NULL"))
    op.execute("""
        UPDATE incident SET spent_min = jsonb_build_object(
          CASE WHEN state = 'suspended' THEN state_before_suspension ELSE state END,
          jsonb_build_object('working', elapsed_min, 'wall', elapsed_min))
        WHERE elapsed_min IS NOT NULL
    """)
    # a suspension without an end gets one, with time to object
    op.execute("""
        UPDATE incident SET stage_started_at = changed_at, suspended_until = now() + interval '90 days',
          suspension_reminder_at = now() + interval '87 days'
        WHERE state = 'suspended' AND parent_id IS NULL
    """)
    op.drop_column("incident", "elapsed_min")
    op.drop_column("incident", "supervise_level")


def downgrade() -> None:
    op.add_column("incident", sa.Column("supervise_level", sa.Integer(), server_default="0", nullable=False, comment="How many levels up it has gone."))
    op.add_column("incident", sa.Column("elapsed_min", sa.Double(), nullable=True, comment="Minutes spent of the stage when the clock was stopped."))
    op.execute("""
        UPDATE incident SET supervise_level = supervised::int, stage_started_at = CASE WHEN state <> 'suspended' THEN stage_started_at END,
          elapsed_min = (spent_min -> CASE WHEN state = 'suspended' THEN state_before_suspension ELSE state END
            ->> CASE WHEN (time_limits ->> 'around_the_clock')::boolean THEN 'wall' ELSE 'working' END)::double precision
    """)
    op.drop_index("ix_incident_supervised", "incident")
    for name in ("split_from", *MOMENTS, "late_by", "spent_min"):
        op.drop_column("incident", name)
