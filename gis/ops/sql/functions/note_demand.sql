-- Note in the log `demand_change` of which buildings the homes, doors or footprints changed, and drop
-- the stored circles that may have counted them, which a job computes anew; trigger after each
-- statement. Arguments: the column with the building, then the columns that count.
-- A change of other columns is not noted; of a TRUNCATE, of more than 2000 buildings and of more than
-- 100 statements of a transaction it is noted, once, that any may have changed.
-- Why SQL: the note is stored with the change or not at all, also of changes by anybody, so that
-- whoever keeps buildings in memory can read in its own transaction whether they are as they were.
CREATE OR REPLACE FUNCTION note_demand() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  most_buildings CONSTANT integer := 2000;
  most_statements CONSTANT integer := 100;
  -- degrees: a circle this far from a building cannot have counted it by its door
  reach CONSTANT double precision := 0.002;
  noted integer;
  is_any boolean;
  counted text;
  changed text;
  changed_ids bigint[];
BEGIN
  SELECT count(*), coalesce(bool_or(building_ids IS NULL), false) INTO noted, is_any
  FROM demand_change WHERE transaction_id = pg_current_xact_id()::text::bigint;
  IF is_any THEN
    RETURN NULL;
  ELSIF TG_OP = 'TRUNCATE' THEN
    INSERT INTO demand_change (building_ids) VALUES (NULL);
    DELETE FROM service_circle;
    RETURN NULL;
  END IF;
  SELECT string_agg(quote_ident(name), ', ') INTO counted FROM unnest(TG_ARGV) name;
  changed := CASE TG_OP
    WHEN 'INSERT' THEN 'SELECT %s FROM new_rows'
    WHEN 'DELETE' THEN 'SELECT %s FROM old_rows'
    ELSE '(SELECT %1$s FROM old_rows EXCEPT ALL SELECT %1$s FROM new_rows)'
      ' UNION ALL (SELECT %1$s FROM new_rows EXCEPT ALL SELECT %1$s FROM old_rows)'
  END;
  EXECUTE format(
    'SELECT array_agg(building) FROM (SELECT DISTINCT %1$I AS building FROM ('
      || format(changed, counted) || ') r WHERE %1$I IS NOT NULL LIMIT %2$s) b',
    TG_ARGV[0], most_buildings + 1
  ) INTO changed_ids;
  IF changed_ids IS NULL THEN
    RETURN NULL;
  ELSIF cardinality(changed_ids) > most_buildings OR noted >= most_statements THEN
    INSERT INTO demand_change (building_ids) VALUES (NULL);
    DELETE FROM service_circle;
    RETURN NULL;
  END IF;
  INSERT INTO demand_change (building_ids) VALUES (changed_ids);
  DELETE FROM service_circle c USING building b
  WHERE b.id = ANY(changed_ids) AND ST_DWithin(c.geom, b.geom, reach);
  IF TG_TABLE_NAME = 'building' AND TG_OP <> 'INSERT' THEN  -- and where they stood
    DELETE FROM service_circle c USING old_rows b
    WHERE b.id = ANY(changed_ids) AND ST_DWithin(c.geom, b.geom, reach);
  END IF;
  RETURN NULL;
END $$
