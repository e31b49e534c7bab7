"""photos of what visits of a check-up saw."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "checkup_photo",
        sa.Column("id", sa.Uuid(), nullable=False, comment="Random; also the name of the file."),
        sa.Column("visit_id", sa.BigInteger(), nullable=False, comment="The visit."),
        sa.Column("position", sa.SmallInteger(), nullable=False, comment="Its place among them, from 0."),
        sa.Column("media_type", sa.Text(), nullable=False, comment="image/jpeg, image/png or image/webp, found by content."),
        sa.Column("width", sa.Integer(), nullable=False, comment="Pixels."),
        sa.Column("height", sa.Integer(), nullable=False, comment="Pixels."),
        sa.Column("size", sa.Integer(), nullable=False, comment="Bytes of the file as kept."),
        sa.Column("sha256", sa.LargeBinary(), nullable=False, comment="Of the file as kept."),
        sa.ForeignKeyConstraint(["visit_id"], ["checkup_visit.id"], name=op.f("fk_checkup_photo_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkup_photo")),
        comment="A photo of a visit; its file lies under var/photos.",
    )
    op.create_index(op.f("ix_checkup_photo_visit_id"), "checkup_photo", ["visit_id"])


def downgrade() -> None:
    op.drop_table("checkup_photo")
