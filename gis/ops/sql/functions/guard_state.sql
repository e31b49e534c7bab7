-- Refuse an incident that does not begin as reported or as its first events leave it (a version
-- above 1, which `require_events` checks at commit), and a change of its state other than by
-- `apply_events`; trigger before each row of incident.
-- Why SQL: it holds for every program; only the owner of the table, inside a trigger, may pass.
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
