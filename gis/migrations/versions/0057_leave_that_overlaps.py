"""Who is away is away once: leaves of a person that overlap are one.

Entered twice, a leave could be written to a file that could not be loaded again.
"""

from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

WIDEN = """
UPDATE leave l SET valid_time = whole.valid_time
FROM (
  SELECT min(each.id) AS id, part.valid_time
  FROM (
    SELECT person_id, unnest(range_agg(valid_time)) AS valid_time FROM leave GROUP BY person_id
  ) part
  JOIN leave each ON each.person_id = part.person_id AND each.valid_time <@ part.valid_time
  WHERE EXISTS (
    SELECT FROM leave other
    WHERE other.person_id = each.person_id AND other.id <> each.id
      AND other.valid_time && each.valid_time)
  GROUP BY part.person_id, part.valid_time
) whole
WHERE whole.id = l.id
"""
DROP = """
DELETE FROM leave l
WHERE EXISTS (
  SELECT FROM leave first
  WHERE first.person_id = l.person_id AND first.id < l.id AND first.valid_time && l.valid_time)
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(WIDEN)
    op.execute(DROP)


def downgrade() -> None:
    pass  # nothing of it needs the former times
