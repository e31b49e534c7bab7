"""events are applied once a statement, by the owner; what early 0002 databases lack."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# The state of an incident is what its events say: an event that the table of moves does not allow is refused, and one
# that it allows changes the state. Nothing else does. After the statement, not before each row: an event that is not
# stored in the end (ON CONFLICT DO NOTHING) changes nothing, and the three events of a report change its row once. As
# the owner, with names looked up in public alone: a temporary table named incident_move is not asked.
APPLY_EVENTS = """
CREATE FUNCTION apply_events() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  event record;
  one incident%ROWTYPE;
BEGIN
  FOR event IN
    SELECT *, row_number() OVER w = 1 AS first, lead(id) OVER w IS NULL AS last
    FROM new_events WINDOW w AS (PARTITION BY county, incident_id ORDER BY id) ORDER BY county, incident_id, id
  LOOP
    IF event.first THEN
      SELECT * INTO one FROM incident WHERE county = event.county AND id = event.incident_id FOR NO KEY UPDATE;
    END IF;
    IF (event.from_state, event.from_pending) IS DISTINCT FROM (one.state, one.pending)
       OR event.move = 'resume' AND event.to_state <> one.before
       OR NOT EXISTS (SELECT FROM incident_move m WHERE m.move = event.move
         AND (m.from_state, m.from_pending, m.to_state, m.to_pending)
           = (event.from_state, event.from_pending, event.to_state, event.to_pending)) THEN
      RAISE EXCEPTION 'incident %: % (%) is not changed by % from % (%) to % (%)', event.incident_id, one.state,
        one.pending, event.move, event.from_state, event.from_pending, event.to_state, event.to_pending
        USING ERRCODE = 'check_violation', CONSTRAINT = 'incident_move_allowed';
    END IF;
    IF event.to_state = 'suspended' AND one.state <> 'suspended' THEN
      one.before := one.state;
    ELSIF event.move = 'resume' THEN
      one.before := '';
    END IF;
    IF event.to_state NOT IN ('closed', 'void') THEN
      one.closed_at := NULL;
    ELSIF event.to_state <> one.state THEN
      one.closed_at := event.at;
    END IF;
    one.state := event.to_state;
    one.pending := event.to_pending;
    one.version := one.version + 1;
    IF event.last THEN
      UPDATE incident SET state = one.state, pending = one.pending, before = one.before, closed_at = one.closed_at,
        version = one.version, changed_at = event.at
      WHERE county = one.county AND id = one.id;
    END IF;
    PERFORM pg_notify('wangge_incident', event.id || ' ' || event.incident_id);
  END LOOP;
  RETURN NULL;
END $$
"""

GUARD_STATE = """
CREATE OR REPLACE FUNCTION guard_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state, NEW.pending, NEW.before, NEW.version) IS DISTINCT FROM ('reported', '', '', 1)
       OR NEW.closed_at IS NOT NULL THEN
      RAISE EXCEPTION 'an incident begins as reported' USING ERRCODE = 'check_violation';
    END IF;
  ELSIF (NEW.state, NEW.pending, NEW.before, NEW.version, NEW.closed_at)
        IS DISTINCT FROM (OLD.state, OLD.pending, OLD.before, OLD.version, OLD.closed_at)
        AND (pg_trigger_depth() < 2
             OR current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)) THEN
    RAISE EXCEPTION 'the state of an incident changes by events: insert into incident_event'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$
"""

# 0002 was added to after it had first been used
LATER = """
ALTER TABLE post ADD COLUMN IF NOT EXISTS takes_from bigint CONSTRAINT fk_post_takes_from REFERENCES post (id) ON DELETE SET NULL;
COMMENT ON COLUMN post.takes_from IS 'The post whose open incidents come along when this one begins; empty: they have, or they stay.';
CREATE INDEX IF NOT EXISTS ix_post_takes_from ON post (takes_from) WHERE takes_from IS NOT NULL;
DROP INDEX IF EXISTS ix_incident_county_reported_at;
CREATE INDEX IF NOT EXISTS ix_incident_reported_at_id ON incident (reported_at, id);
CREATE INDEX IF NOT EXISTS ix_incident_unclaimed ON incident (due_at) WHERE way = 'order' AND state = 'dispatched';
CREATE UNIQUE INDEX IF NOT EXISTS ix_photo_id ON photo (id);
DROP INDEX ix_notice_waiting;
CREATE INDEX ix_notice_waiting ON notice (target_id, id) WHERE state = 'waiting' AND target_id IS NOT NULL;
"""


def upgrade() -> None:
    for query in LATER.strip().split(";\n"):
        op.execute(query.rstrip(";"))
    op.execute("DROP TRIGGER apply_event ON incident_event")
    op.execute("DROP FUNCTION apply_event()")
    op.execute(APPLY_EVENTS)
    op.execute(GUARD_STATE)
    op.execute(
        "CREATE TRIGGER apply_events AFTER INSERT ON incident_event REFERENCING NEW TABLE AS new_events"
        " FOR EACH STATEMENT EXECUTE FUNCTION apply_events()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER apply_events ON incident_event")
    op.execute("DROP FUNCTION apply_events()")
    first = op.get_context().script.get_revision("0002").module
    op.execute(first.APPLY_EVENT)
    op.execute(first.GUARD_STATE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute("CREATE TRIGGER apply_event BEFORE INSERT ON incident_event FOR EACH ROW EXECUTE FUNCTION apply_event()")
