-- Refuse an incident that does not begin as reported or as its first events leave it (a version
-- above 1, which `require_events` checks at commit), and a change of its state other than by
-- `apply_events`; trigger before each row of incident.
-- Why SQL: it holds for every program; only the owner of the table, inside a trigger, may pass.
CREATE OR REPLACE FUNCTION guard_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF num_nonnulls(NEW.taken_at, NEW.taken_in_time, NEW.handled_at, NEW.handled_in_time) > 0
       OR NEW.returned OR NEW.reopened OR NEW.watched OR NEW.reached
       OR NEW.version < 1 OR NEW.version = 1
       AND ((NEW.state, NEW.pending_request, NEW.state_before_suspension)
            IS DISTINCT FROM ('reported', '', '') OR NEW.closed_at IS NOT NULL) THEN
      RAISE EXCEPTION 'an incident begins as reported' USING ERRCODE = 'check_violation';
    END IF;
  ELSIF (NEW.state, NEW.pending_request, NEW.state_before_suspension, NEW.version, NEW.closed_at,
         NEW.taken_at, NEW.taken_in_time, NEW.handled_at, NEW.handled_in_time,
         NEW.returned, NEW.reopened, NEW.watched, NEW.reached)
        IS DISTINCT FROM
        (OLD.state, OLD.pending_request, OLD.state_before_suspension, OLD.version, OLD.closed_at,
         OLD.taken_at, OLD.taken_in_time, OLD.handled_at, OLD.handled_in_time,
         OLD.returned, OLD.reopened, OLD.watched, OLD.reached)
        AND (pg_trigger_depth() < 2
             OR current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class
                                 WHERE oid = TG_RELID)) THEN
    RAISE EXCEPTION 'the state of an incident changes by events: insert into incident_event'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$
