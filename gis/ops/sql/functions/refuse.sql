-- Refuse a statement; trigger before it. Argument: the sentence of the error.
-- Why SQL: what must never be deleted or changed is safe from every program, and from psql.
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$
