-- Keep the names that areas had, each with the moment until which it held: that of the publication
-- (setting wangge.names_from), else now. Trigger after each statement.
-- Why SQL: names change by publications, loads and the page of units; none can forget it.
CREATE OR REPLACE FUNCTION keep_former_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO former_name (area_id, name, until)
  SELECT o.id, o.name, coalesce(
    nullif(current_setting('wangge.names_from', true), '')::timestamptz, clock_timestamp())
  FROM old_rows o JOIN new_rows n USING (id) WHERE o.name <> n.name;
  RETURN NULL;
END $$
