-- Change the state of incidents as new events say; trigger after each insert into incident_event.
-- An event that the table of moves does not allow is refused. Nothing else changes a state.
-- A report's row is written as its first events leave it (version above 1), which is checked here.
-- What figures count of the events is kept in the row too: they would read all events otherwise.
-- Why SQL: no program can store an event and not its effect. After the statement, not before each
-- row: an event that is not stored in the end (ON CONFLICT DO NOTHING) changes nothing, and several
-- events of one incident change its row once. As the owner, with names looked up in public alone:
-- a temporary table named incident_move is not asked.
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
    CASE event.move
      WHEN 'take' THEN
        one.taken_in_time := coalesce(
          one.taken_in_time, (event.detail ->> 'in_time')::boolean, true);
        one.taken_at := least(one.taken_at, event.at);
      WHEN 'handle' THEN
        one.handled_in_time := coalesce((event.detail ->> 'in_time')::boolean, true);
        one.handled_at := greatest(one.handled_at, event.at);
      WHEN 'return' THEN one.returned := true;
      WHEN 'reopen' THEN one.reopened := true;
      WHEN 'escalate', 'supervise' THEN one.watched := true;
      WHEN 'follow_up' THEN
        one.reached := one.reached OR coalesce(event.detail ->> 'outcome' = 'reached', false);
      ELSE NULL;
    END CASE;
    CONTINUE WHEN NOT event.last;
    one.changed_at := event.at;
    IF is_new
       AND (written.state, written.pending_request, written.state_before_suspension,
            written.version, written.changed_at, written.closed_at)
       IS DISTINCT FROM
           (one.state, one.pending_request, one.state_before_suspension,
            one.version, one.changed_at, one.closed_at) THEN
      RAISE EXCEPTION 'incident %: written as % (version %), its events leave it % (version %)',
        event.incident_id, written.state, written.version, one.state, one.version
        USING ERRCODE = 'check_violation', CONSTRAINT = 'incident_move_allowed';
    END IF;
    IF NOT is_new OR written IS DISTINCT FROM one THEN
      UPDATE incident SET state = one.state, pending_request = one.pending_request,
        state_before_suspension = one.state_before_suspension, closed_at = one.closed_at,
        version = one.version, changed_at = one.changed_at,
        taken_at = one.taken_at, taken_in_time = one.taken_in_time,
        handled_at = one.handled_at, handled_in_time = one.handled_in_time,
        returned = one.returned, reopened = one.reopened, watched = one.watched,
        reached = one.reached
      WHERE county = one.county AND id = one.id;
    END IF;
  END LOOP;
  RETURN NULL;
END $$
