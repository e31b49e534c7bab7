-- The land of areas at a moment: that of a province or city is the union of its counties'.
-- Parameters: areas, by id; at: the moment whose boundaries hold. Null without any.
-- Why SQL: search, exports, siting and the page of an area measure it where the boundaries are.
CREATE OR REPLACE FUNCTION land_of(areas bigint[], at timestamptz) RETURNS geometry
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT ST_Multi(ST_Union(b.geom)) FROM boundary b
  WHERE b.area_id = ANY(in_counties(land_of.areas)) AND b.valid_time @> land_of.at
$$
