-- Drop the stored circles of a facility whose place or doors change; trigger after each row of the
-- tables facility and entrance.
-- Why SQL: a circle goes with the change that makes it wrong, also where QGIS makes it.
CREATE OR REPLACE FUNCTION drop_circles() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_TABLE_NAME = 'facility' THEN
    DELETE FROM service_circle
    WHERE facility_id = NEW.id
      AND (OLD.geom, OLD.entrance) IS DISTINCT FROM (NEW.geom, NEW.entrance);
  ELSE
    DELETE FROM service_circle WHERE facility_id IN (OLD.facility_id, NEW.facility_id);
  END IF;
  RETURN NULL;
END $$
