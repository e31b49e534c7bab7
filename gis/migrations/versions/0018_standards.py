"""the table of standards of facilities, edition by edition, and visits of check-ups."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "service_standard",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("rows", pg.JSONB(), nullable=False, comment="Its rows in their order."),
        sa.Column("source", sa.Text(), server_default="", nullable=False, comment="The file it came from."),
        sa.Column("author", sa.Text(), server_default="", nullable=False, comment="Who loaded it."),
        sa.Column("loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When it was loaded."),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_standard")),
        comment="One edition of the table of standards of facilities; the newest is in force, none is changed.",
    )
    op.create_table(
        "checkup_visit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("area_id", sa.BigInteger(), nullable=False, comment="The community."),
        sa.Column("tier", sa.Text(), nullable=False, comment="Tier of the table of standards."),
        sa.Column("item", sa.Text(), nullable=False, comment="Item of that tier."),
        sa.Column("result", sa.Text(), nullable=False, comment="have, have_not or partly."),
        sa.Column("location", sa.Text(), server_default="", nullable=False, comment="Where it was seen."),
        sa.Column("note", sa.Text(), server_default="", nullable=False, comment="What else was seen."),
        sa.Column("visited_at", sa.DateTime(timezone=True), nullable=False, comment="When it was seen."),
        sa.Column("account_id", sa.BigInteger(), nullable=True, comment="The account that wrote it down; empty: a program or the command line."),
        sa.Column("author", sa.Text(), nullable=False, comment="Who wrote it down, as the history names them."),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When it was written down."),
        sa.CheckConstraint("result IN ('have', 'have_not', 'partly')", name=op.f("ck_checkup_visit_result_known")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_checkup_visit_area_id")),
        sa.ForeignKeyConstraint(["account_id"], ["personal.account.id"], name=op.f("fk_checkup_visit_account_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkup_visit")),
        comment="What a visit saw of an item of a community's check-up; rows are added only.",
    )
    op.create_index(op.f("ix_checkup_visit_area_id_tier_item"), "checkup_visit", ["area_id", "tier", "item"])


def downgrade() -> None:
    op.drop_table("checkup_visit")
    op.drop_table("service_standard")
