-- Note in the log `demand_change` of which buildings the homes, doors or footprints changed; trigger
-- after each statement. Arguments: the column with the building, then the columns that count.
-- A change of other columns is not noted; of a TRUNCATE and of more than 2000 buildings it is noted
-- that any may have changed.
-- Why SQL: the note is stored with the change or not at all, also of changes by anybody, so that
-- whoever keeps buildings in memory can read in its own transaction whether they are as they were.
CREATE OR REPLACE FUNCTION note_demand() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  most CONSTANT integer := 2000;
  counted text;
  changed text;
  buildings bigint[];
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    INSERT INTO demand_change (building_ids) VALUES (NULL);
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
    'SELECT array_agg(building) FROM (SELECT DISTINCT %I AS building FROM (' || format(changed, counted)
      || ') r LIMIT %s) b WHERE building IS NOT NULL',
    TG_ARGV[0], most + 1
  ) INTO buildings;
  IF buildings IS NOT NULL THEN
    INSERT INTO demand_change (building_ids)
    VALUES (CASE WHEN cardinality(buildings) <= most THEN buildings END);
  END IF;
  RETURN NULL;
END $$
