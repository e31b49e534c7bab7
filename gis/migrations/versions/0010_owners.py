"""the reporter's rating apart from the office's record; another time limit is a request."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = (
    ("office_rating", sa.Integer(), "Satisfaction as recorded at the follow-up visit, 1 to 5."),
    ("office_solved", sa.Boolean(), "Whether it is solved, as recorded at the follow-up visit."),
)
# what was recorded at a follow-up visit so far stood in the reporter's columns
APART = """
UPDATE incident i SET office_rating = i.rating, office_solved = i.solved, rating = o.rating, solved = o.solved
FROM (SELECT DISTINCT ON (e.incident_id) e.incident_id, (e.detail ->> 'follow_up')::boolean AS follow_up
      FROM incident_event e WHERE e.move = 'rate' ORDER BY e.incident_id, e.id DESC) last
LEFT JOIN LATERAL (
  SELECT (e.detail ->> 'rating')::int AS rating, (e.detail ->> 'solved')::boolean AS solved
  FROM incident_event e WHERE e.incident_id = last.incident_id AND e.move = 'rate'
    AND (e.detail ->> 'follow_up')::boolean IS NOT TRUE ORDER BY e.id DESC LIMIT 1) o ON true
WHERE i.id = last.incident_id AND last.follow_up
"""
TOGETHER = """
UPDATE incident SET rating = coalesce(rating, office_rating), solved = coalesce(solved, office_solved)
WHERE office_rating IS NOT NULL OR office_solved IS NOT NULL
"""
REQUESTS = ("", "suspend", "extend", "void", "limit")


def pending_request(words: tuple[str, ...]) -> None:
    """(Re)make the constraint on which request may wait."""
    op.execute("ALTER TABLE incident DROP CONSTRAINT ck_incident_pending_known")
    listed = ", ".join(f"'{word}'" for word in words)
    op.execute(f"ALTER TABLE incident ADD CONSTRAINT ck_incident_pending_known CHECK (pending IN ({listed}))")


def upgrade() -> None:
    for name, kind, words in COLUMNS:
        op.add_column("incident", sa.Column(name, kind, nullable=True, comment=words))
    op.execute("ALTER TABLE incident ADD CONSTRAINT ck_incident_office_rating_in_range CHECK (office_rating BETWEEN 1 AND 5)")
    op.execute(
        "COMMENT ON COLUMN incident.pending IS 'A request that waits: suspend, extend, void or limit.'"
    )
    op.execute("COMMENT ON COLUMN incident.rating IS 'Satisfaction in the reporter''s own word, 1 to 5.'")
    pending_request(REQUESTS)
    op.execute(APART)
    # who has rights over an area is asked whenever somebody looks at a matter in it
    op.create_index(op.f("ix_access_grant_area_id"), "access_grant", ["area_id"], unique=False, schema="personal")


def downgrade() -> None:
    op.drop_index(op.f("ix_access_grant_area_id"), table_name="access_grant", schema="personal")
    op.execute(TOGETHER)
    # a request that only this version knows lapses; the event stays
    op.execute("ALTER TABLE incident DISABLE TRIGGER guard_state")
    op.execute("UPDATE incident SET pending = '' WHERE pending = 'limit'")
    op.execute("ALTER TABLE incident ENABLE TRIGGER guard_state")
    pending_request(REQUESTS[:-1])
    op.execute("COMMENT ON COLUMN incident.pending IS 'A request that waits: suspend, extend or void.'")
    op.execute("COMMENT ON COLUMN incident.rating IS 'Satisfaction at the last follow-up, 1 to 5.'")
    for name, _, _ in COLUMNS:
        op.drop_column("incident", name)
