"""The statements of a load of households."""

from gis.labels import PLAIN_ROOM_SQL

HOUSEHOLD_STAGING_SQL = """
CREATE TEMP TABLE incoming_household (
  row int PRIMARY KEY, place int NOT NULL, stairwell text, floor int, room text NOT NULL,
      people int NOT NULL, elders int, children int,
  unit text, unit_name text, building_id bigint, unit_id bigint, grid_id bigint, county text
) ON COMMIT DROP
"""


# The grid of a known unit is its parent; that of a new one is named by its code's first digits.
FILE_UNITS_SQL = """
SELECT w.unit, w.name, a.id, a.level, a.retired_at <= now() AS retired,
       g.id AS grid_id, g.code AS grid, g.county
FROM (SELECT unit, max(unit_name) AS name FROM incoming_household WHERE unit IS NOT NULL
    GROUP BY unit) w
LEFT JOIN area a ON a.code = w.unit
LEFT JOIN area g ON g.level = 'grid' AND (g.retired_at IS NULL OR g.retired_at > now())
  AND CASE WHEN a.id IS NULL THEN g.code = left(w.unit, :digits) ELSE g.id = a.parent_id END
ORDER BY w.unit
"""


GRID_CODES_SQL = (
    "SELECT code FROM area WHERE level = 'grid' AND (retired_at IS NULL OR retired_at > now())"
)


# The grid of a building: that of a point in it.
GRIDS_OF_BUILDINGS_SQL = (
    "SELECT g.id, g.code, g.county FROM grid_at(ST_PointOnSurface(b.geom), now()) g"
)


UNITS_IN_OTHER_GRIDS_SQL = f"""
SELECT p.unit, g.code AS grid, b.code AS building, stands.code AS stands_in, p.rows
FROM (SELECT unit, grid_id, building_id, array_agg(row) AS rows FROM incoming_household
      WHERE grid_id IS NOT NULL AND building_id IS NOT NULL GROUP BY unit, grid_id, building_id) p
JOIN area g ON g.id = p.grid_id
JOIN boundary s ON s.area_id = g.id AND s.valid_time @> now()
JOIN building b ON b.id = p.building_id AND NOT ST_Intersects(s.geom, b.geom)
LEFT JOIN LATERAL ({GRIDS_OF_BUILDINGS_SQL}) stands ON true
"""  # noqa: S608


HOUSEHOLD_COUNTIES_SQL = f"""
WITH place AS (
  SELECT b.id, coalesce(b.county, max(g.county), (SELECT county
      FROM ({GRIDS_OF_BUILDINGS_SQL}) stands)) AS county
  FROM building b JOIN incoming_household h ON h.building_id = b.id
  LEFT JOIN area g ON g.id = h.grid_id GROUP BY b.id
)
UPDATE incoming_household h SET county = place.county FROM place WHERE place.id = h.building_id
"""  # noqa: S608


COUNTIES_OF_ROWS = "SELECT DISTINCT county FROM incoming_household WHERE county IS NOT NULL"


# Rows that contradict nothing but may be mistakes.
NO_STAIRWELL = """
SELECT row FROM incoming_household WHERE stairwell IS NULL AND building_id IN (
  SELECT building_id FROM incoming_household WHERE stairwell IS NOT NULL UNION SELECT building_id
      FROM stairwell)
ORDER BY row
"""


TOO_HIGH = """
SELECT h.row, h.floor, b.floors FROM incoming_household h JOIN building b ON b.id = h.building_id
WHERE h.floor > b.floors ORDER BY h.row
"""


# A home that is stored in another spelling keeps it.
AS_STORED = f"""
WITH stored AS (
  SELECT DISTINCT ON (h.row) h.row, k.room
  FROM incoming_household h
  JOIN household k ON k.building_id = h.building_id
    AND {PLAIN_ROOM_SQL.format(room="k.room")} = {PLAIN_ROOM_SQL.format(room="h.room")}
  LEFT JOIN stairwell s ON s.id = k.stairwell_id
  WHERE s.name IS NOT DISTINCT FROM h.stairwell
  ORDER BY h.row, k.room <> h.room, k.room
)
UPDATE incoming_household h SET room = stored.room FROM stored WHERE stored.row = h.row
    AND stored.room <> h.room
"""  # noqa: S608


DUPLICATE_ROWS_SQL = f"""
SELECT row, first FROM (
  SELECT row, min(row) OVER (PARTITION BY building_id, stairwell,
      {PLAIN_ROOM_SQL.format(room="room")}) AS first
  FROM incoming_household WHERE building_id IS NOT NULL
) r WHERE row <> first
"""  # noqa: S608


STAIRWELLS = """
INSERT INTO stairwell (building_id, name)
SELECT DISTINCT building_id, stairwell FROM incoming_household WHERE stairwell IS NOT NULL
EXCEPT SELECT building_id, name FROM stairwell
RETURNING id
"""


# An empty cell leaves the stored value; more elders or children than people are not known any more.
WRITE_HOUSEHOLDS_SQL = """
WITH written AS (
  INSERT INTO household AS old
    (county, building_id, stairwell_id, floor, room, people, elders, children, unit_id)
  SELECT h.county, h.building_id, s.id, h.floor, h.room, h.people,
    coalesce(h.elders, CASE WHEN k.elders + coalesce(h.children, k.children, 0) <= h.people
      THEN k.elders END),
    coalesce(h.children, CASE WHEN k.children + coalesce(h.elders, k.elders, 0) <= h.people
      THEN k.children END), h.unit_id
  FROM incoming_household h
  LEFT JOIN stairwell s ON s.building_id = h.building_id AND s.name = h.stairwell
  LEFT JOIN household k ON k.county = h.county AND k.building_id = h.building_id
    AND k.stairwell_id IS NOT DISTINCT FROM s.id AND k.room = h.room
  ORDER BY h.row
  ON CONFLICT ON CONSTRAINT uq_household_county_building_id_stairwell_id_room DO UPDATE
  SET floor = coalesce(excluded.floor, old.floor), people = excluded.people,
      elders = excluded.elders, children = excluded.children,
      unit_id = coalesce(excluded.unit_id, old.unit_id)
  WHERE (old.floor, old.people, old.elders, old.children, old.unit_id) IS DISTINCT FROM
        (coalesce(excluded.floor, old.floor), excluded.people, excluded.elders, excluded.children,
         coalesce(excluded.unit_id, old.unit_id))
  RETURNING xmax = 0 AS new
)
SELECT count(*) FILTER (WHERE new), count(*) FILTER (WHERE NOT new) FROM written
"""


BUILDINGS_WITH_UNITS = """
SELECT DISTINCT building_id FROM incoming_household WHERE unit_id IS NOT NULL
"""


HOUSEHOLD_BBOX_SQL = """
SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (
  SELECT ST_Extent(geom) AS e FROM building WHERE id IN (SELECT building_id
      FROM incoming_household)) b
"""


STORED_HOUSEHOLDS_SQL = """
SELECT count(*) FROM household WHERE building_id IN (SELECT building_id FROM incoming_household)
"""
