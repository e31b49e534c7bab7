-- Areas, with the counties under it in the place of each province and city: where a right in them
-- is a right, and whose incidents are theirs.
-- Parameters: areas, by id. Returns ids in their order; areas that do not exist are left out.
-- Why SQL: the rights of an account, the filters of incidents and who is on duty ask for it alike.
CREATE OR REPLACE FUNCTION in_counties(areas bigint[]) RETURNS bigint[]
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  WITH RECURSIVE down AS (
    SELECT id, level FROM area WHERE id = ANY(in_counties.areas)
    UNION
    SELECT a.id, a.level FROM area a JOIN down ON a.parent_id = down.id
    WHERE down.level IN ('province', 'city')
  )
  SELECT coalesce(array_agg(id ORDER BY id), '{}')
  FROM down WHERE level NOT IN ('province', 'city')
$$
