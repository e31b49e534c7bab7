-- The name of an area at a moment: a former one, one that is planned, or today's.
-- Parameters: area, its id; today, its name in the table; moment.
-- Why SQL: lists, tiles and the registry read names of many areas at once. A call takes 2 us, as a
-- query cannot inline subqueries; where a whole county is read, see `NAMES_AT_SQL`.
CREATE OR REPLACE FUNCTION name_at(area bigint, today text, moment timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(
    (SELECT f.name FROM former_name f WHERE f.area_id = name_at.area AND f.until > name_at.moment
     ORDER BY f.until, f.id LIMIT 1),
    (SELECT p.name FROM planned_name p
     WHERE p.area_id = name_at.area AND p.effective <= name_at.moment
     ORDER BY p.effective DESC LIMIT 1),
    name_at.today)
$$
