"""Who was shown personal data: an append-only table."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

REFUSAL = "what was shown to whom is never changed or deleted"


def upgrade() -> None:
    op.create_table(
        "disclosure",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False, comment="When."
        ),
        sa.Column(
            "who", sa.Text(), nullable=False, comment="Account, program or user of the command line, as the history names them."
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="contact, photo or export."),
        sa.Column("subject", sa.Text(), nullable=False, comment="The photo, or the layer or table and what of it."),
        sa.Column("incident_id", sa.Uuid(), nullable=True, comment="The incident; empty for exports."),
        sa.Column(
            "areas", postgresql.ARRAY(sa.BigInteger()), nullable=False,
            comment="Ids of the areas it lies in, by which auditors see it; empty: everywhere.",
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="Network address, or the machine of the command line."),
        sa.Column("reason", sa.Text(), server_default="", nullable=False, comment="Why, as stated; contacts need one."),
        sa.CheckConstraint("kind IN ('contact', 'photo', 'export')", name=op.f("ck_disclosure_kind_known")),
        sa.CheckConstraint("kind <> 'contact' OR btrim(reason) <> ''", name=op.f("ck_disclosure_contact_has_reason")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disclosure")),
        schema="personal",
        comment="Append-only: who was shown personal data, when, from where and why.",
    )  # fmt: skip
    op.create_index(op.f("ix_disclosure_incident_id"), "disclosure", ["incident_id"], schema="personal")
    op.execute(
        "CREATE TRIGGER keep BEFORE UPDATE OR DELETE OR TRUNCATE ON personal.disclosure "
        f"FOR EACH STATEMENT EXECUTE FUNCTION refuse('{REFUSAL}')"
    )


def downgrade() -> None:
    op.drop_table("disclosure", schema="personal")
