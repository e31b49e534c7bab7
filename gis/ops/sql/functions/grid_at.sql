-- The grid responsible for a point at a moment: on a border the grid with the lower code; no row
-- outside every grid.
-- Parameters: point in degrees, EPSG:4490; at: the moment whose boundaries hold.
-- Returns the row of the area. In memory GridIndex.grid_at answers the same.
-- Why SQL: a query inlines it, so it costs what the subquery costs: keep it one STABLE SELECT.
-- IS TRUE keeps the index of periods out of it: a plan made for any moment takes a moment for rare,
-- and would read the periods of all boundaries, 2.7 ms with 60,000, to find the few over a point.
CREATE OR REPLACE FUNCTION grid_at(point geometry, at timestamptz) RETURNS SETOF area
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $$
  SELECT a.* FROM boundary b JOIN area a ON a.id = b.area_id
  WHERE a.level = 'grid' AND (b.valid_time @> grid_at.at) IS TRUE
    AND ST_Covers(b.geom, grid_at.point)
  ORDER BY a.code COLLATE "C" LIMIT 1
$$
