-- Announce on the channel `wangge_changed` that a table changed, and which rows; trigger after each
-- statement. Argument: the column whose values are announced, "post:17,18"; without one, of a
-- TRUNCATE and of more than 350 values, the name of the table alone. A statement that changes no
-- row announces nothing where a column is named.
-- Why SQL: the announcement is delivered at commit and for changes by anybody, so that whoever
-- keeps an answer in memory knows that it is old.
CREATE OR REPLACE FUNCTION announce() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  most CONSTANT integer := 350;  -- of 20 characters each; a payload has less than 8000 bytes
  changed text;
  keys bigint[];
BEGIN
  IF TG_NARGS = 0 OR TG_OP = 'TRUNCATE' THEN
    PERFORM pg_notify('wangge_changed', TG_TABLE_NAME);
    RETURN NULL;
  END IF;
  changed := CASE TG_OP
    WHEN 'INSERT' THEN 'SELECT %1$I AS key FROM new_rows'
    WHEN 'DELETE' THEN 'SELECT %1$I AS key FROM old_rows'
    ELSE 'SELECT %1$I AS key FROM old_rows UNION SELECT %1$I FROM new_rows'
  END;
  EXECUTE format(
    'SELECT array_agg(key) FROM (SELECT DISTINCT key FROM (' || changed || ') r LIMIT %2$s) k',
    TG_ARGV[0], most + 1
  ) INTO keys;
  IF cardinality(keys) <= most THEN
    PERFORM pg_notify('wangge_changed', TG_TABLE_NAME || ':' || array_to_string(keys, ','));
  ELSIF keys IS NOT NULL THEN
    PERFORM pg_notify('wangge_changed', TG_TABLE_NAME);
  END IF;
  RETURN NULL;
END $$
