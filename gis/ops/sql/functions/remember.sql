-- Write what a statement changed into the table `history`; secrets stay out of it.
-- Of an update the columns that changed. Trigger after each statement. Arguments: the name of the
-- table as the history has it; the columns of its key, separated by commas; 'changes' where a row
-- that was inserted is not copied (its key is `id` or `county,id`), since the row with its updates
-- undone is what was inserted; columns of which something else tells what they were, separated by
-- commas.
-- OFFSET 0: else to_jsonb of the whole row is evaluated again for every column. Both rows have the
-- same columns in the same order, so these are compared in pairs.
-- Why SQL: changes by COPY, psql and QGIS are remembered as well as ours, and a statement trigger
-- sees all rows of a COPY at once. SECURITY DEFINER, since the application itself cannot write
-- history.
CREATE OR REPLACE FUNCTION remember() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  author text := coalesce(nullif(current_setting('wangge.who', true), ''), session_user);
  reason text := coalesce(current_setting('wangge.why', true), '');
  keys text[] := string_to_array(TG_ARGV[1], ',');
  copied boolean := coalesce(TG_ARGV[2], '') <> 'changes';
  secrets CONSTANT text[] := ARRAY['password_hash', 'secret', 'secret_hash', 'tracking_hash'];
  left_out text[] := secrets || string_to_array(coalesce(TG_ARGV[3], ''), ',');
BEGIN
  IF TG_OP = 'INSERT' AND NOT copied AND TG_ARGV[1] = 'county,id' THEN
    INSERT INTO history (who, why, table_name, row_key, county, op)
    SELECT author, reason, TG_ARGV[0], n.county || '/' || n.id, n.county, 'insert' FROM new_rows n;
  ELSIF TG_OP = 'INSERT' AND NOT copied THEN
    INSERT INTO history (who, why, table_name, row_key, county, op)
    SELECT author, reason, TG_ARGV[0], n.id::text, to_jsonb(n) ->> 'county', 'insert'
    FROM new_rows n;
  ELSIF TG_OP = 'INSERT' THEN
    INSERT INTO history (who, why, table_name, row_key, county, op, new)
    SELECT author, reason, TG_ARGV[0], (SELECT string_agg(j ->> k, '/') FROM unnest(keys) k),
      j ->> 'county', 'insert', j
    FROM (SELECT to_jsonb(n) - secrets AS j FROM new_rows n OFFSET 0) rows;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO history (who, why, table_name, row_key, county, op, old)
    SELECT author, reason, TG_ARGV[0], (SELECT string_agg(j ->> k, '/') FROM unnest(keys) k),
      j ->> 'county', 'delete', j
    FROM (SELECT to_jsonb(o) - secrets AS j FROM old_rows o OFFSET 0) rows;
  ELSE
    INSERT INTO history (who, why, table_name, row_key, county, op, old, new)
    SELECT author, reason, TG_ARGV[0], key, coalesce(n.j, o.j) ->> 'county', 'update', c.old, c.new
    FROM (
      SELECT j, (SELECT string_agg(j ->> k, '/') FROM unnest(keys) k) AS key
      FROM (SELECT to_jsonb(x) AS j FROM old_rows x OFFSET 0) r
    ) o
    FULL JOIN (
      SELECT j, (SELECT string_agg(j ->> k, '/') FROM unnest(keys) k) AS key
      FROM (SELECT to_jsonb(x) AS j FROM new_rows x OFFSET 0) r
    ) n USING (key)
    CROSS JOIN LATERAL (
      SELECT jsonb_object_agg(k, was) AS old, jsonb_object_agg(k, became) AS new, count(*)
      FROM (
        SELECT coalesce(old_k, new_k) AS k, was, became
        FROM ROWS FROM (jsonb_each(o.j), jsonb_each(n.j)) AS pair (old_k, was, new_k, became)
        WHERE was IS DISTINCT FROM became
      ) changed
      WHERE k <> ALL (left_out)
    ) c
    WHERE c.count > 0;
  END IF;
  RETURN NULL;
END $$
