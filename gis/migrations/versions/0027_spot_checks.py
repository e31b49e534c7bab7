"""samples of closed incidents for spot checks, with a verdict on each."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

EVENTS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "spot_draw",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("week", sa.Text(), nullable=False, comment="ISO week in which the incidents were closed."),
        sa.Column("area_id", sa.BigInteger(), nullable=False, comment="The community."),
        sa.Column("seed", sa.Text(), nullable=False, comment="The sample is those with the lowest SHA-256 of seed:id."),
        sa.Column("share", sa.Float(), nullable=False, comment="Share that was to be drawn, above 0 to 1."),
        sa.Column("minimum", sa.Integer(), nullable=False, comment="At least so many, if there are."),
        sa.Column("population", sa.Integer(), nullable=False, comment="How many were closed there in that week."),
        sa.Column("size", sa.Integer(), nullable=False, comment="How many of them were drawn."),
        sa.Column("drawn_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When."),
        sa.Column("drawn_by", sa.Text(), nullable=False, comment="Account or program that drew."),
        sa.CheckConstraint("share > 0 AND share <= 1", name=op.f("ck_spot_draw_share_in_range")),
        sa.CheckConstraint("size <= population", name=op.f("ck_spot_draw_size_of_population")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_spot_draw_area_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spot_draw")),
        sa.UniqueConstraint("week", "area_id", name=op.f("uq_spot_draw_week_area_id")),
        comment="A draw of a spot check: one community and week, drawn once.",
    )
    op.create_table(
        "spot_check",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("draw_id", sa.BigInteger(), nullable=False, comment="The draw."),
        sa.Column("county", sa.Text(), nullable=False, comment="Code of the county."),
        sa.Column("incident_id", sa.Uuid(), nullable=False, comment="The incident."),
        sa.Column("verdict", sa.Text(), nullable=True, comment="real: done as recorded; partly; not_real; empty: not looked at yet."),
        sa.Column("note", sa.Text(), server_default="", nullable=False, comment="What was seen."),
        sa.Column("checked_by", sa.Text(), nullable=True, comment="Account that gave the verdict."),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True, comment="When the verdict was given."),
        sa.CheckConstraint("verdict IN ('real', 'partly', 'not_real')", name=op.f("ck_spot_check_verdict_known")),
        sa.CheckConstraint("(verdict IS NULL) = (checked_at IS NULL)", name=op.f("ck_spot_check_checked_with_verdict")),
        sa.ForeignKeyConstraint(["draw_id"], ["spot_draw.id"], name=op.f("fk_spot_check_draw_id")),
        sa.ForeignKeyConstraint(["county", "incident_id"], ["incident.county", "incident.id"], name=op.f("fk_spot_check_county")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spot_check")),
        sa.UniqueConstraint("draw_id", "incident_id", name=op.f("uq_spot_check_draw_id_incident_id")),
        comment="An incident drawn for a spot check, with the verdict on it.",
    )
    op.create_index(op.f("ix_spot_check_incident_id"), "spot_check", ["incident_id"])
    for table in ("spot_draw", "spot_check"):
        for event, transition in EVENTS.items():
            op.execute(
                f"CREATE TRIGGER remember_{event} AFTER {event.upper()} ON {table} REFERENCING {transition}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION remember('{table}', 'id')"
            )


def downgrade() -> None:
    op.drop_table("spot_check")
    op.drop_table("spot_draw")
