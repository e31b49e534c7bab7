"""The revision of an incident is as wide as revisions: of a shard they begin beyond 2^40.

The table is written anew, and nobody may read or change incidents meanwhile.
"""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.alter_column("incident", "revision_id", type_=sa.BigInteger(), existing_nullable=False)


def downgrade() -> None:
    op.alter_column("incident", "revision_id", type_=sa.Integer(), existing_nullable=False)
