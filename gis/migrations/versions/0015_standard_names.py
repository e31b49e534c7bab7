"""standard names for columns; every function as its file says."""

from alembic import op

from gis.ops.functions import replace_function

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

FUNCTIONS = (
    "on_precision",
    "remember",
    "refuse",
    "announce",
    "refuse_edit",
    "guard_state",
    "apply_events",
    "grid_at",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name in FUNCTIONS:
        replace_function(name)


def downgrade() -> None:
    pass
