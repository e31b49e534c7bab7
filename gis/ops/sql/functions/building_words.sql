-- What names a building as a whole in an address: its address, its own name where that is no number,
-- and its estate; in lower case.
-- For the GIN index that finds the buildings whose name stands in a text: gis/places/lookup.py.
-- Why SQL: an index computes it, whoever writes the row.
CREATE OR REPLACE FUNCTION building_words(estate text, name text, address text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ARRAY[lower(building_words.address), lower(building_words.estate),
    CASE WHEN building_words.name !~ '^[0-9]' THEN lower(building_words.name) END]
$$
