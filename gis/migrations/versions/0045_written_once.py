"""A report is written once and announced to nobody; history holds what changed; an index of what is alike."""

import sqlalchemy as sa
from alembic import op

from gis.ops.functions import replace_function

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

KEYS = {
    "boundary": "id",
    "stairwell": "id",
    "household": "county,id",
    "unit_part": "id",
    "personal.person": "id",
    "post": "id",
    "leave": "id",
    "entrance": "id",
    "incident": "county,id",
}
EVENT_COLUMNS = "state,pending_request,state_before_suspension,version,changed_at,closed_at"
EVENTS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
}
MOSTLY_EMPTY = ("parent_id", "split_from", "account_id")  # indexed where they are not
COMMENTS = {
    "old": ("The row before.", "What changed, as it was; of a delete the row."),
    "new": ("The row after.", "What changed, as it became; of an insert the row, but for large tables."),
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name in ("remember", "guard_state", "apply_events", "require_events"):
        replace_function(name)
    _record(lambda table: ", 'changes'" + (f", '{EVENT_COLUMNS}'" if table == "incident" else ""))
    op.execute(
        "CREATE CONSTRAINT TRIGGER require_events AFTER INSERT ON incident DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW WHEN (NEW.version > 1) EXECUTE FUNCTION require_events()"
    )
    op.create_index(
        "ix_incident_alike",
        "incident",
        ["category", "geom", "reported_at"],
        postgresql_using="gist",
        postgresql_where=sa.text("parent_id IS NULL AND state <> 'void'"),
    )
    for column in MOSTLY_EMPTY:
        op.drop_index(f"ix_incident_{column}", "incident")
        op.create_index(
            f"ix_incident_{column}", "incident", [column], postgresql_where=sa.text(f"{column} IS NOT NULL")
        )
    _comment(1)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for column in MOSTLY_EMPTY:
        op.drop_index(f"ix_incident_{column}", "incident")
        op.create_index(f"ix_incident_{column}", "incident", [column])
    op.drop_index("ix_incident_alike", "incident")
    op.execute("DROP TRIGGER require_events ON incident")
    op.execute("DROP FUNCTION require_events()")
    _record(lambda table: "")
    for function in (REMEMBER, GUARD_STATE, APPLY_EVENTS):
        op.execute(function)
    _comment(0)


def _record(more) -> None:
    for table, key in KEYS.items():
        name = table.split(".")[-1]
        for event, transition in EVENTS.items():
            op.execute(f"DROP TRIGGER remember_{event} ON {table}")
            op.execute(
                f"CREATE TRIGGER remember_{event} AFTER {event.upper()} ON {table} REFERENCING {transition}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION remember('{name}', '{key}'{more(table)})"
            )


def _comment(form: int) -> None:
    for column, texts in COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN history.{column} IS '{texts[form]}'")


# as they were before
REMEMBER = """
CREATE OR REPLACE FUNCTION remember() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  author text := coalesce(nullif(current_setting('wangge.who', true), ''), session_user);
  reason text := coalesce(current_setting('wangge.why', true), '');
  keys text[] := string_to_array(TG_ARGV[1], ',');
  secrets CONSTANT text[] := ARRAY['password_hash', 'secret', 'secret_hash', 'tracking_hash'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO history (who, why, table_name, row_key, county, op, new)
    SELECT author, reason, TG_ARGV[0], (SELECT string_agg(j ->> k, '/') FROM unnest(keys) k),
      j ->> 'county', 'insert', j
    FROM (SELECT to_jsonb(n) - secrets AS j FROM new_rows n) rows;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO history (who, why, table_name, row_key, county, op, old)
    SELECT author, reason, TG_ARGV[0], (SELECT string_agg(j ->> k, '/') FROM unnest(keys) k),
      j ->> 'county', 'delete', j
    FROM (SELECT to_jsonb(o) - secrets AS j FROM old_rows o) rows;
  ELSE
    INSERT INTO history (who, why, table_name, row_key, county, op, old, new)
    SELECT author, reason, TG_ARGV[0], key, coalesce(n.j, o.j) ->> 'county', 'update', o.j, n.j
    FROM (
      SELECT j, (SELECT string_agg(j ->> k, '/') FROM unnest(keys) k) AS key
      FROM (SELECT to_jsonb(x) - secrets AS j FROM old_rows x) r
    ) o
    FULL JOIN (
      SELECT j, (SELECT string_agg(j ->> k, '/') FROM unnest(keys) k) AS key
      FROM (SELECT to_jsonb(x) - secrets AS j FROM new_rows x) r
    ) n USING (key)
    WHERE o.j IS DISTINCT FROM n.j;
  END IF;
  RETURN NULL;
END $$
"""
GUARD_STATE = """
CREATE OR REPLACE FUNCTION guard_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state, NEW.pending_request, NEW.state_before_suspension, NEW.version)
       IS DISTINCT FROM ('reported', '', '', 1)
       OR NEW.closed_at IS NOT NULL THEN
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
APPLY_EVENTS = """
CREATE OR REPLACE FUNCTION apply_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  event record;
  one incident%ROWTYPE;
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
    IF event.last THEN
      UPDATE incident SET state = one.state, pending_request = one.pending_request,
        state_before_suspension = one.state_before_suspension, closed_at = one.closed_at,
        version = one.version, changed_at = event.at
      WHERE county = one.county AND id = one.id;
    END IF;
    PERFORM pg_notify('wangge_incident', event.id || ' ' || event.incident_id);
  END LOOP;
  RETURN NULL;
END $$
"""
