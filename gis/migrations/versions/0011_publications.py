"""what a boundary publication changed, as its preview counted it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

FIGURES = (
    "Its preview at the moment of publishing; holders and incidents by id, shapes as WKB in hex. Publications from"
    " before this table, and loads, have none."
)


def upgrade() -> None:
    op.create_table(
        "publication",
        sa.Column("revision_id", sa.BigInteger(), nullable=False, comment="The published revision."),
        sa.Column("figures", pg.JSONB(), nullable=False, comment=FIGURES),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_publication_revision_id")),
        sa.PrimaryKeyConstraint("revision_id", name=op.f("pk_publication")),
        comment="What a boundary publication changed; written once.",
    )


def downgrade() -> None:
    op.drop_table("publication")
