-- Set building.entrance and facility.entrance to the main door of those whose doors have changed;
-- trigger after statements on entrance, whose changed rows are the transition table `touched`.
-- The order of kinds is that of gis/places/doors.py.
-- Why SQL: whatever changes a door, a load, a page or psql, the main one follows from the table.
CREATE OR REPLACE FUNCTION set_main_door() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE building b SET entrance = m.geom
  FROM (
    SELECT t.building_id AS id, (
      SELECT e.geom FROM entrance e WHERE e.building_id = t.building_id AND e.removed_at IS NULL
      ORDER BY array_position(ARRAY['main', 'side', 'gate', 'service'], e.kind), e.id LIMIT 1) AS geom
    FROM (SELECT DISTINCT building_id FROM touched WHERE building_id IS NOT NULL) t) m
  WHERE b.id = m.id AND b.entrance IS DISTINCT FROM m.geom;
  UPDATE facility b SET entrance = m.geom
  FROM (
    SELECT t.facility_id AS id, (
      SELECT e.geom FROM entrance e WHERE e.facility_id = t.facility_id AND e.removed_at IS NULL
      ORDER BY array_position(ARRAY['main', 'side', 'gate', 'service'], e.kind), e.id LIMIT 1) AS geom
    FROM (SELECT DISTINCT facility_id FROM touched WHERE facility_id IS NOT NULL) t) m
  WHERE b.id = m.id AND b.entrance IS DISTINCT FROM m.geom;
  RETURN NULL;
END $$
