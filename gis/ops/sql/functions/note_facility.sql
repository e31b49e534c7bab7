-- Note in the log `demand_change` that facilities or doors changed, of no building; trigger after each
-- statement.
-- Why SQL: stored circles are those of now only where the log has nothing new, whoever changed it.
CREATE OR REPLACE FUNCTION note_facility() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO demand_change (building_ids) VALUES ('{}');
  RETURN NULL;
END $$
