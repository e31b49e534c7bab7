-- Refuse an incident that was written as its first events leave it, without these events;
-- constraint trigger after each row of incident that has a version above 1, run at commit.
-- Why SQL: its events refer to the row, so they are written after it; no program can leave them out.
CREATE OR REPLACE FUNCTION require_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF (SELECT version FROM incident WHERE county = NEW.county AND id = NEW.id)
     IS DISTINCT FROM
     (SELECT count(*) + 1 FROM incident_event e
      WHERE e.incident_id = NEW.id AND e.county = NEW.county) THEN
    RAISE EXCEPTION 'incident %: version % without the events that lead to it', NEW.id, NEW.version
      USING ERRCODE = 'check_violation', CONSTRAINT = 'incident_move_allowed';
  END IF;
  RETURN NULL;
END $$
