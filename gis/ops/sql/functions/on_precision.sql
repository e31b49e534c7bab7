-- Whether every vertex of a geometry lies on the lattice of 1e-7 degrees, up to the rounding of a
-- double; true for a geometry without vertices.
-- Why SQL: a CHECK of the table asks it for every row, whoever writes. Names are qualified, since
-- a restore checks rows with an empty search path.
CREATE OR REPLACE FUNCTION on_precision(shape geometry) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT coalesce(
    bool_and(abs(x * 1e7 - round(x * 1e7)) < 1e-4 AND abs(y * 1e7 - round(y * 1e7)) < 1e-4), true
  )
  FROM (
    SELECT public.ST_X(d.geom) AS x, public.ST_Y(d.geom) AS y
    FROM public.ST_DumpPoints(shape) d
  ) points
$$
