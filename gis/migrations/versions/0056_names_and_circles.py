"""User names are looked up as NFKC, so they are stored as it; and circles are drawn anew.

Who was entered in full width (ａｄｍｉｎ) could not sign in any more. A circle alone and the same one
among others differed by up to 0.7 m, so runs of before are not believed.
"""

from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

# The first of those who become one name; whose name another has already stays as it is.
NAMES = """
UPDATE personal.account a SET username = n.username
FROM (
  SELECT DISTINCT ON (username) id, username FROM (
    SELECT id, username AS stored,
      left(lower(btrim(normalize(username, NFKC))), 80) AS username FROM personal.account
  ) each
  WHERE username <> stored AND username <> ''
    AND NOT EXISTS (SELECT FROM personal.account other WHERE other.username = each.username)
  ORDER BY username, id
) n WHERE n.id = a.id
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(NAMES)
    op.execute("DELETE FROM circle_run")


def downgrade() -> None:
    pass  # nothing of it needs the former names
