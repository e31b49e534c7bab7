"""what the desk keeps: saved filters of an account, templates of answers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "saved_filter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("account_id", sa.BigInteger(), nullable=False, comment="Whose it is."),
        sa.Column("name", sa.Text(), nullable=False, comment="As the account calls it."),
        sa.Column("filters", JSONB(), nullable=False, comment="Parameters of GET /api/v1/incidents, by name."),
        sa.CheckConstraint("btrim(name) <> ''", name=op.f("ck_saved_filter_has_name")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["personal.account.id"], name=op.f("fk_saved_filter_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filter")),
        schema="personal",
        comment="Filters of incidents that an account saved; its own.",
    )
    op.create_index(
        op.f("ix_saved_filter_account_id_name"), "saved_filter", ["account_id", "name"], unique=True, schema="personal"
    )
    op.create_table(
        "answer_template",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("area_id", sa.BigInteger(), nullable=False, comment="Whose desk wrote it."),
        sa.Column(
            "category", sa.Text(), server_default="", nullable=False,
            comment="Code of the category it is for, or its beginning; empty: any.",
        ),
        sa.Column("title", sa.Text(), nullable=False, comment="What it is called."),
        sa.Column("text", sa.Text(), nullable=False, comment="What it says."),
        sa.Column("author", sa.Text(), nullable=False, comment="Who wrote it last."),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False,
            comment="When it was written last.",
        ),
        sa.CheckConstraint("btrim(title) <> '' AND btrim(text) <> ''", name=op.f("ck_answer_template_says_something")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_answer_template_area_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_template")),
        comment="Words that the desk of an area often writes in a note.",
    )
    op.create_index(op.f("ix_answer_template_area_id"), "answer_template", ["area_id"])


def downgrade() -> None:
    op.drop_table("answer_template")
    op.drop_table("saved_filter", schema="personal")
