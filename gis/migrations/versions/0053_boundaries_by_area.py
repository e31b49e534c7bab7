"""Boundaries by their area: those of a few areas were looked up by reading all.

The index that keeps shapes of one area apart in time is GiST, which takes no list of areas.
"""

from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index("ix_boundary_area_id", "boundary", ["area_id"])
    op.execute("COMMENT ON COLUMN boundary.area_id IS 'Whose it is.'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("COMMENT ON COLUMN boundary.area_id IS 'Whose shape it is.'")
    op.drop_index("ix_boundary_area_id", "boundary")
