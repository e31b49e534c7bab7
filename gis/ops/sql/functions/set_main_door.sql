-- Set building.entrance and facility.entrance to the main door of those whose doors have changed;
-- trigger after statements on entrance, whose changed rows are the transition table `touched`.
-- The order of kinds is that of gis/places/doors.py.
-- Why SQL: whatever changes a door, a load, a page or psql, the main one follows from the table.
CREATE OR REPLACE FUNCTION set_main_door() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  owner text;
BEGIN
  FOREACH owner IN ARRAY ARRAY['building', 'facility'] LOOP
    EXECUTE format($sql$
      UPDATE %1$I o SET entrance = m.geom
      FROM (
        SELECT t.id, (
          SELECT e.geom FROM entrance e WHERE e.%2$I = t.id AND e.removed_at IS NULL
          ORDER BY array_position(ARRAY['main', 'side', 'gate', 'service'], e.kind), e.id LIMIT 1) AS geom
        FROM (SELECT DISTINCT %2$I AS id FROM touched WHERE %2$I IS NOT NULL) t) m
      WHERE o.id = m.id AND o.entrance IS DISTINCT FROM m.geom$sql$, owner, owner || '_id');
  END LOOP;
  RETURN NULL;
END $$
