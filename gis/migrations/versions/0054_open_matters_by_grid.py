"""Open matters by their grid: a publication read every matter ever filed.

What it compares stands in the index, which takes the place of that of all matters by grid.
"""

from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_incident_grid_id", "incident")
    op.execute(
        "CREATE INDEX ix_incident_open_grid_id ON incident (grid_id)"
        " INCLUDE (revision_id, area_ids, unit_id) WHERE state NOT IN ('closed', 'void')"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_incident_open_grid_id", "incident")
    op.create_index("ix_incident_grid_id", "incident", ["grid_id"])
