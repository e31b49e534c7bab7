-- The characters and pairs of neighbouring characters of a text, in lower case and without blanks;
-- a line feed stands for its end, so that a pair can say that a name ends there.
-- For GIN indexes that find what contains a text of any length: gis/bigrams.py.
-- Why SQL: an index computes it, whoever writes the row.
CREATE OR REPLACE FUNCTION bigrams(words text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
  SELECT string_to_array(t.words, NULL) || array_agg(substr(t.words, i, 2))
  FROM (SELECT replace(lower(bigrams.words), ' ', '') || E'\n' AS words) t,
    generate_series(1, length(t.words) - 1) i
  GROUP BY t.words
$$
