"""The parts of buildings on which ten-household units stand, derived from their homes.

The register of homes says which unit each is in; the parts say the same by building, stairwell and
floor, for answers about an address. Whoever changes homes derives the parts again in the same
transaction, so that the two agree.
"""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

# The parts of buildings of each unit, as large as its homes allow: whole buildings, stairwells,
# runs of floors. Homes without a unit count as one unit (0), so that a partly loaded building is
# not assigned as a whole.
# Raw SQL: one statement that compares what is stored with what homes say.
DERIVE_PARTS_SQL = """
WITH home AS (
  SELECT building_id, stairwell_id, floor, coalesce(unit_id, 0) AS unit FROM household
  WHERE building_id = ANY(CAST(:buildings AS bigint[]))
), whole AS (
  SELECT building_id, min(unit) AS unit FROM home GROUP BY 1 HAVING min(unit) = max(unit)
), stairs AS (
  SELECT building_id, stairwell_id, min(unit) AS unit FROM home
  WHERE stairwell_id IS NOT NULL AND building_id NOT IN (SELECT building_id FROM whole)
  GROUP BY 1, 2 HAVING min(unit) = max(unit)
), rest AS (
  SELECT DISTINCT h.building_id, h.stairwell_id, h.unit, h.floor,
         dense_rank() OVER (PARTITION BY h.building_id, h.stairwell_id ORDER BY h.floor) AS nth
  FROM home h
  WHERE h.building_id NOT IN (SELECT building_id FROM whole)
    AND (h.stairwell_id IS NULL OR h.stairwell_id NOT IN (SELECT stairwell_id FROM stairs))
), run AS (
  SELECT *, nth - row_number() OVER (PARTITION BY building_id, stairwell_id, unit
      ORDER BY nth) AS run
  FROM rest
), part AS (
  SELECT unit AS unit_id, building_id, NULL::bigint AS stairwell_id,
         NULL::int AS floor_from, NULL::int AS floor_to
  FROM whole WHERE unit <> 0
  UNION SELECT unit, building_id, stairwell_id, NULL, NULL FROM stairs WHERE unit <> 0
  UNION SELECT unit, building_id, stairwell_id, min(floor), max(floor) FROM run
        WHERE unit <> 0 GROUP BY unit, building_id, stairwell_id, run, floor IS NULL
), gone AS (
  DELETE FROM unit_part p
  WHERE building_id = ANY(CAST(:buildings AS bigint[]))
    AND NOT EXISTS (
      SELECT FROM part n WHERE (n.unit_id, n.building_id, n.stairwell_id, n.floor_from, n.floor_to)
      IS NOT DISTINCT FROM (p.unit_id, p.building_id, p.stairwell_id, p.floor_from, p.floor_to))
  RETURNING unit_id
), come AS (
  INSERT INTO unit_part (unit_id, building_id, stairwell_id, floor_from, floor_to)
  SELECT unit_id, building_id, stairwell_id, floor_from, floor_to FROM part
  ON CONFLICT ON CONSTRAINT uq_unit_part_whole DO NOTHING
  RETURNING unit_id
)
SELECT unit_id FROM gone UNION SELECT unit_id FROM come
"""


def derive_unit_parts(session: Session, building_ids: Collection[int]) -> list[int]:
    """Write the parts of units in some buildings anew, as their homes say.

    Returns
    -------
    The ids of the units whose parts changed, ascending.
    """
    params = {"buildings": sorted(building_ids)}
    return sorted(session.scalars(text(DERIVE_PARTS_SQL), params))
