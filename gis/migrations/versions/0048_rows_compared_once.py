"""The history of an update compares the two rows once, not once for every column."""

from alembic import op

from gis.ops.functions import replace_function

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    replace_function("remember")


def downgrade() -> None:
    """Nothing to undo: what the function writes is the same."""
