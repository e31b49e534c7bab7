"""drafts of several people: who may edit one, its review, comments pinned to places."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("operation", sa.Column("author", sa.Text(), nullable=True, comment="Who did it: the author, or whom they let edit."))
    op.execute("UPDATE operation o SET author = r.author FROM revision r WHERE r.id = o.revision_id")
    op.alter_column("operation", "author", nullable=False)
    op.create_table(
        "draft_editor",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("revision_id", sa.BigInteger(), nullable=False, comment="The draft."),
        sa.Column("editor", sa.Text(), nullable=False, comment="Who, as the history names them: account wang."),
        sa.Column("invited_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="Since when."),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_draft_editor_revision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_editor")),
        sa.UniqueConstraint("revision_id", "editor", name=op.f("uq_draft_editor_revision_id_editor")),
        comment="Who may edit a boundary draft besides its author.",
    )
    op.create_index(op.f("ix_draft_editor_editor"), "draft_editor", ["editor"])
    op.create_table(
        "draft_review",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("revision_id", sa.BigInteger(), nullable=False, comment="The draft."),
        sa.Column("state", sa.Text(), nullable=False, comment="requested, changes_requested or approved."),
        sa.Column("reviewer", sa.Text(), nullable=False, comment="Who reviews, as the history names them."),
        sa.Column("reason", sa.Text(), server_default="", nullable=False, comment="What the reviewer says."),
        sa.Column("version", sa.Integer(), nullable=False, comment="Version of the draft; an approval of an earlier one has lapsed."),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When."),
        sa.CheckConstraint("state IN ('requested', 'changes_requested', 'approved')", name=op.f("ck_draft_review_state_known")),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_draft_review_revision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_review")),
        comment="Reviews of boundary drafts, step by step; never changed.",
    )
    op.create_index(op.f("ix_draft_review_revision_id"), "draft_review", ["revision_id"])
    op.create_index(op.f("ix_draft_review_reviewer"), "draft_review", ["reviewer"])
    op.create_table(
        "draft_comment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("revision_id", sa.BigInteger(), nullable=False, comment="The draft."),
        sa.Column("reply_to", sa.BigInteger(), nullable=True, comment="The comment that it answers."),
        sa.Column("geom", Geometry("POINT", 4490, spatial_index=False), nullable=True, comment="The place, EPSG:4490; a reply has none."),
        sa.Column("grid", sa.Text(), nullable=True, comment="Code of the grid, where it is about one."),
        sa.Column("text", sa.Text(), nullable=False, comment="The words."),
        sa.Column("author", sa.Text(), nullable=False, comment="Who, as the history names them."),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When."),
        sa.Column("resolved_by", sa.Text(), nullable=True, comment="Who settled the matter."),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True, comment="When it was settled."),
        sa.CheckConstraint("(reply_to IS NULL) = (geom IS NOT NULL)", name=op.f("ck_draft_comment_pinned_or_reply")),
        sa.CheckConstraint("reply_to IS NULL OR resolved_at IS NULL", name=op.f("ck_draft_comment_threads_resolve")),
        sa.CheckConstraint("(resolved_by IS NULL) = (resolved_at IS NULL)", name=op.f("ck_draft_comment_resolved_by_somebody")),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_draft_comment_revision_id")),
        sa.ForeignKeyConstraint(["reply_to"], ["draft_comment.id"], name=op.f("fk_draft_comment_reply_to")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_comment")),
        comment="Comments on boundary drafts, pinned to places.",
    )
    op.create_index(op.f("ix_draft_comment_revision_id"), "draft_comment", ["revision_id"])
    op.create_index("idx_draft_comment_geom", "draft_comment", ["geom"], postgresql_using="gist")


def downgrade() -> None:
    op.drop_table("draft_comment")
    op.drop_table("draft_review")
    op.drop_table("draft_editor")
    op.drop_column("operation", "author")
