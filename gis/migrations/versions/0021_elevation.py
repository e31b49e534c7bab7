"""Rise, fall and steepest stretch of the edges of the walking network, by an elevation raster."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

COLUMNS = (
    ("rise_m", "Metres climbed from u to v, by the elevation loaded; null: not known."),
    ("fall_m", "Metres descended from u to v; null: not known."),
    ("steepest_pct", "Slope of its steepest 30 m, upward or downward, percent; null: not known."),
)
VERSION = "Digest of nodes and edges; after a hyphen that of their heights, where known."


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    for name, comment in COLUMNS:
        op.add_column("walk_edge", sa.Column(name, sa.REAL(), nullable=True, comment=comment))
    op.execute(f"COMMENT ON COLUMN walk_network.version IS '{VERSION}'")


def downgrade() -> None:
    op.execute("UPDATE walk_network SET version = split_part(version, '-', 1)")
    op.execute("DELETE FROM dataset WHERE kind = 'elevation'")
    op.execute("COMMENT ON COLUMN walk_network.version IS 'Digest of nodes and edges.'")
    for name, _ in COLUMNS:
        op.drop_column("walk_edge", name)
