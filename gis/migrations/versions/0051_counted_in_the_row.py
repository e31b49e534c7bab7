"""What figures count of an incident's events stands in its row, written by the events themselves."""

import sqlalchemy as sa
from alembic import op

from gis.ops.functions import replace_function

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

FORMER = "state,pending_request,state_before_suspension,version,changed_at,closed_at"
MOMENTS = {
    "taken_at": "When it was first taken on.",
    "handled_at": "When it was last reported handled.",
}
IN_TIME = {
    "taken_in_time": "Whether its first taking was in time.",
    "handled_in_time": "Whether its last handling was in time.",
}
FLAGS = {
    "returned": "Whether it ever was returned.",
    "reopened": "Whether it ever was taken up again.",
    "watched": "Whether it ever went one level up, or was taken under supervision.",
    "reached": "Whether a follow-up visit reached the reporter.",
}
NEW = ",".join([*MOMENTS, *IN_TIME, *FLAGS])
COUNTED_MOVES = ("take", "handle", "return", "reopen", "escalate", "supervise", "follow_up")
FILL = f"""
UPDATE incident i SET taken_at = h.taken_at, taken_in_time = h.taken_in_time, handled_at = h.handled_at,
  handled_in_time = h.handled_in_time, returned = h.returned, reopened = h.reopened, watched = h.watched,
  reached = coalesce(h.reached, false)
FROM (
  SELECT county, incident_id, min(at) FILTER (WHERE move = 'take') AS taken_at,
    (array_agg(coalesce((detail ->> 'in_time')::boolean, true) ORDER BY id)
      FILTER (WHERE move = 'take'))[1] AS taken_in_time,
    max(at) FILTER (WHERE move = 'handle') AS handled_at,
    (array_agg(coalesce((detail ->> 'in_time')::boolean, true) ORDER BY id DESC)
      FILTER (WHERE move = 'handle'))[1] AS handled_in_time,
    bool_or(move = 'return') AS returned, bool_or(move = 'reopen') AS reopened,
    bool_or(move IN ('escalate', 'supervise')) AS watched,
    bool_or(move = 'follow_up' AND detail ->> 'outcome' = 'reached') AS reached
  FROM incident_event WHERE move IN {COUNTED_MOVES} GROUP BY county, incident_id
) h WHERE (i.county, i.id) = (h.county, h.incident_id)
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name, comment in MOMENTS.items():
        op.add_column("incident", sa.Column(name, sa.DateTime(timezone=True), nullable=True, comment=comment))
    for name, comment in IN_TIME.items():
        op.add_column("incident", sa.Column(name, sa.Boolean(), nullable=True, comment=comment))
    for name, comment in FLAGS.items():
        op.add_column(
            "incident", sa.Column(name, sa.Boolean(), server_default="false", nullable=False, comment=comment)
        )
    op.execute("ALTER TABLE incident DISABLE TRIGGER USER")
    op.execute(FILL)
    op.execute("ALTER TABLE incident ENABLE TRIGGER USER")
    op.drop_index("ix_incident_event_counted", "incident_event")
    for name in ("apply_events", "guard_state"):
        replace_function(name)
    _record(f"{FORMER},{NEW}")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _record(FORMER)
    for function in (APPLY_EVENTS, GUARD_STATE):
        op.execute(function)
    op.create_index(
        "ix_incident_event_counted", "incident_event", ["incident_id", "id"],
        postgresql_where=sa.text(f"move IN {COUNTED_MOVES}"),
    )
    for name in [*FLAGS, *IN_TIME, *MOMENTS]:
        op.drop_column("incident", name)


def _record(of_events: str) -> None:
    """Have the history leave out changes of these columns alone."""
    for event, transition in {
        "insert": "NEW TABLE AS new_rows",
        "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    }.items():
        op.execute(f"DROP TRIGGER remember_{event} ON incident")
        op.execute(
            f"CREATE TRIGGER remember_{event} AFTER {event.upper()} ON incident REFERENCING {transition}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION remember('incident', 'county,id', 'changes', '{of_events}')"
        )


# as they were before
APPLY_EVENTS = """
CREATE OR REPLACE FUNCTION apply_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  event record;
  one incident%ROWTYPE;
  written incident%ROWTYPE;
  is_new boolean;
BEGIN
  FOR event IN
    SELECT *, row_number() OVER w = 1 AS first, lead(id) OVER w IS NULL AS last
    FROM new_events
    WINDOW w AS (PARTITION BY county, incident_id ORDER BY id)
    ORDER BY county, incident_id, id
  LOOP
    IF event.first THEN
      SELECT * INTO one FROM incident
      WHERE county = event.county AND id = event.incident_id
      FOR NO KEY UPDATE;
      is_new := event.move = 'report' AND one.version > 1 AND NOT EXISTS (
        SELECT FROM incident_event e
        WHERE e.incident_id = event.incident_id AND e.county = event.county AND e.id < event.id);
      IF is_new THEN
        written := one;
        one.state := 'reported';
        one.pending_request := '';
        one.state_before_suspension := '';
        one.closed_at := NULL;
        one.version := 1;
      END IF;
    END IF;
    IF (event.from_state, event.from_request) IS DISTINCT FROM (one.state, one.pending_request)
       OR event.move = 'resume' AND event.to_state <> one.state_before_suspension
       OR NOT EXISTS (SELECT FROM incident_move m WHERE m.move = event.move
         AND (m.from_state, m.from_request, m.to_state, m.to_request)
           = (event.from_state, event.from_request, event.to_state, event.to_request)) THEN
      RAISE EXCEPTION 'incident %: % (%) is not changed by % from % (%) to % (%)',
        event.incident_id, one.state, one.pending_request, event.move, event.from_state,
        event.from_request, event.to_state, event.to_request
        USING ERRCODE = 'check_violation', CONSTRAINT = 'incident_move_allowed';
    END IF;
    IF event.to_state = 'suspended' AND one.state <> 'suspended' THEN
      one.state_before_suspension := one.state;
    ELSIF event.move = 'resume' THEN
      one.state_before_suspension := '';
    END IF;
    IF event.to_state NOT IN ('closed', 'void') THEN
      one.closed_at := NULL;
    ELSIF event.to_state <> one.state THEN
      one.closed_at := event.at;
    END IF;
    one.state := event.to_state;
    one.pending_request := event.to_request;
    one.version := one.version + 1;
    IF event.last AND is_new THEN
      one.changed_at := event.at;
      IF written IS DISTINCT FROM one THEN
        RAISE EXCEPTION 'incident %: written as % (version %), its events leave it % (version %)',
          event.incident_id, written.state, written.version, one.state, one.version
          USING ERRCODE = 'check_violation', CONSTRAINT = 'incident_move_allowed';
      END IF;
    ELSIF event.last THEN
      UPDATE incident SET state = one.state, pending_request = one.pending_request,
        state_before_suspension = one.state_before_suspension, closed_at = one.closed_at,
        version = one.version, changed_at = event.at
      WHERE county = one.county AND id = one.id;
    END IF;
  END LOOP;
  RETURN NULL;
END $$
"""

GUARD_STATE = """
CREATE OR REPLACE FUNCTION guard_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.version < 1 OR NEW.version = 1
       AND ((NEW.state, NEW.pending_request, NEW.state_before_suspension)
            IS DISTINCT FROM ('reported', '', '') OR NEW.closed_at IS NOT NULL) THEN
      RAISE EXCEPTION 'an incident begins as reported' USING ERRCODE = 'check_violation';
    END IF;
  ELSIF (NEW.state, NEW.pending_request, NEW.state_before_suspension, NEW.version, NEW.closed_at)
        IS DISTINCT FROM
        (OLD.state, OLD.pending_request, OLD.state_before_suspension, OLD.version, OLD.closed_at)
        AND (pg_trigger_depth() < 2
             OR current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class
                                 WHERE oid = TG_RELID)) THEN
    RAISE EXCEPTION 'the state of an incident changes by events: insert into incident_event'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$
"""
