"""forms of offices that papers are filled into."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "paper_template",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("area_id", sa.BigInteger(), nullable=False, comment="Whose form it is."),
        sa.Column("paper", sa.Text(), nullable=False, comment="Key of the paper, as weekly."),
        sa.Column("name", sa.Text(), nullable=False, comment="What it is called."),
        sa.Column("ending", sa.Text(), nullable=False, comment=".docx or .xlsx."),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="The file as it was sent."),
        sa.Column(
            "fields",
            postgresql.ARRAY(sa.TEXT()),
            nullable=False,
            comment="Its fields in their order; row.… of the row that repeats.",
        ),
        sa.Column(
            "mapping",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Field -> key of a figure or column; a hyphen: it stays empty.",
        ),
        sa.Column("author", sa.Text(), nullable=False, comment="Who sent it."),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was sent or mapped last.",
        ),
        sa.CheckConstraint("btrim(name) <> ''", name=op.f("ck_paper_template_has_name")),
        sa.CheckConstraint("ending IN ('.docx', '.xlsx')", name=op.f("ck_paper_template_ending_known")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_paper_template_area_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_template")),
        comment="A form of an office, .docx or .xlsx, that a paper is filled into.",
    )
    op.create_index(op.f("ix_paper_template_area_id"), "paper_template", ["area_id"])


def downgrade() -> None:
    op.drop_table("paper_template")
