-- Announce on the channel `wangge_changed` that a table changed; trigger after each statement.
-- Why SQL: the announcement is delivered at commit and for changes by anybody, so that whoever
-- keeps an answer in memory knows that it is old.
CREATE OR REPLACE FUNCTION announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('wangge_changed', TG_TABLE_NAME);
  RETURN NULL;
END $$
