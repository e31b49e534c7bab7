"""Discussions: proposals put to the homes of an area, with a slip for each home."""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
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
        "discussion",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("county", sa.Text(), nullable=False, comment="Code of the county."),
        sa.Column("area_id", sa.BigInteger(), nullable=False, comment="Whose homes vote."),
        sa.Column("title", sa.Text(), nullable=False, comment="What it is about."),
        sa.Column("proposal", sa.Text(), nullable=False, comment="What is proposed."),
        sa.Column("quorum", sa.Integer(), nullable=False, comment="Percent of the homes that must vote for a result; at least three votes."),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False, comment="From when votes count."),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False, comment="Until when, the moment itself out."),
        sa.Column("draws", sa.Integer(), server_default="0", nullable=False, comment="How often its slips were drawn; those of the last time count."),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When it was written down."),
        sa.Column("created_by", sa.Text(), nullable=False, comment="Who wrote it down."),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True, comment="When it was withdrawn."),
        sa.Column("withdrawn_reason", sa.Text(), server_default="", nullable=False, comment="Why; empty: it was not."),
        sa.Column("conclusion", sa.Text(), server_default="", nullable=False, comment="What became of the result, as residents read it."),
        sa.CheckConstraint("closes_at > opens_at", name=op.f("ck_discussion_closes_after_opening")),
        sa.CheckConstraint("quorum BETWEEN 0 AND 100", name=op.f("ck_discussion_quorum_in_percent")),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_reason = '')", name=op.f("ck_discussion_withdrawn_with_reason")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_discussion_area_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discussion")),
        comment="A proposal put to the homes of an area.",
    )
    op.create_index(op.f("ix_discussion_area_id"), "discussion", ["area_id"])
    op.create_table(
        "discussion_ballot",
        sa.Column("discussion_id", sa.BigInteger(), nullable=False, comment="The discussion."),
        sa.Column("digest", sa.Text(), nullable=False, comment="SHA-256 of the code on the slip, which is stored nowhere."),
        sa.Column("choice", sa.Text(), nullable=True, comment="yes, no or abstain; empty: it has not voted."),
        sa.CheckConstraint("choice IN ('yes', 'no', 'abstain')", name=op.f("ck_discussion_ballot_choice_known")),
        sa.ForeignKeyConstraint(["discussion_id"], ["discussion.id"], name=op.f("fk_discussion_ballot_discussion_id")),
        sa.PrimaryKeyConstraint("discussion_id", "digest", name=op.f("pk_discussion_ballot")),
        comment="Slips of discussions, one for each home; they are secret: no home, no time.",
    )
    for event, transition in EVENTS.items():
        op.execute(
            f"CREATE TRIGGER remember_{event} AFTER {event.upper()} ON discussion REFERENCING {transition}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION remember('discussion', 'id')"
        )


def downgrade() -> None:
    op.drop_table("discussion_ballot")
    op.drop_table("discussion")
