-- Note in the log `demand_change` of which buildings the homes, doors or footprints changed; trigger
-- after each statement. Arguments: the column with the building, then the columns that count.
-- A change of other columns is not noted; of a TRUNCATE, of more than 2000 buildings and of more than
-- 100 statements of a transaction it is noted, once, that any may have changed.
-- Why SQL: the note is stored with the change or not at all, also of changes by anybody, so that
-- whoever keeps buildings in memory can read in its own transaction whether they are as they were.
CREATE OR REPLACE FUNCTION note_demand() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  most_buildings CONSTANT integer := 2000;
  most_statements CONSTANT integer := 100;
  noted integer;
  is_any boolean;
  counted text;
  changed text;
  buildings bigint[];
BEGIN
  SELECT count(*), coalesce(bool_or(building_ids IS NULL), false) INTO noted, is_any
  FROM demand_change WHERE transaction_id = pg_current_xact_id()::text::bigint;
  IF is_any THEN
    RETURN NULL;
  ELSIF TG_OP = 'TRUNCATE' THEN
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
    'SELECT array_agg(building) FROM (SELECT DISTINCT %1$I AS building FROM ('
      || format(changed, counted) || ') r WHERE %1$I IS NOT NULL LIMIT %2$s) b',
    TG_ARGV[0], most_buildings + 1
  ) INTO buildings;
  IF buildings IS NOT NULL THEN
    INSERT INTO demand_change (building_ids)
    VALUES (CASE WHEN cardinality(buildings) <= most_buildings AND noted < most_statements
      THEN buildings END);
  END IF;
  RETURN NULL;
END $$
