"""the grid responsible for a point, as one function."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# As it was then: its file in gis/ops/sql/functions names columns that are younger.
GRID_AT = """
CREATE OR REPLACE FUNCTION grid_at(point geometry, at timestamptz) RETURNS SETOF area
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $$
  SELECT a.* FROM boundary b JOIN area a ON a.id = b.area_id
  WHERE a.level = 'grid' AND b.valid @> grid_at.at AND ST_Covers(b.shape, grid_at.point)
  ORDER BY a.code COLLATE "C" LIMIT 1
$$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute(GRID_AT)


def downgrade() -> None:
    op.execute("DROP FUNCTION grid_at(geometry, timestamptz)")
