"""the grid responsible for a point, as one function."""

from alembic import op

from gis.ops.functions import replace_function

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    replace_function("grid_at")


def downgrade() -> None:
    op.execute("DROP FUNCTION grid_at(geometry, timestamptz)")
