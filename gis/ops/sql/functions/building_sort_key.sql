-- What buildings are listed by: the estate, then the number, as 2号楼 before 10号楼; those without
-- a name last.
-- Why SQL: a page of the list reads its rows from an index of it, however many there are.
CREATE OR REPLACE FUNCTION building_sort_key(estate text, name text, code text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
  SELECT (CASE WHEN building_sort_key.estate = '' AND building_sort_key.name = '' THEN 't'
      ELSE 'f' END
    || chr(31) || building_sort_key.estate || chr(31)
    || lpad(coalesce(substring(building_sort_key.name FROM '[0-9]+'), ''), 6, '0')
    || chr(31) || building_sort_key.name || chr(31) || building_sort_key.code) COLLATE "C"
$$
