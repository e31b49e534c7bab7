"""Claimants of orders in a made-up town: party members and volunteers, with skills and homes."""

from sqlalchemy import text
from sqlalchemy.orm import Session

# raw SQL: chained WITH queries, and numbers over windows that spread homes among them
INSERT_CLAIMANTS_SQL = """
WITH skill AS (
  SELECT array_agg(DISTINCT c.skill ORDER BY c.skill) AS all_of FROM incident_category c
  JOIN catalogue_edition e ON e.id = c.edition_id WHERE e.state = 'active' AND c.skill <> ''
), who AS (
  SELECT DISTINCT ON (p.holder_id) p.holder_id, p.role, p.area_id,
      row_number() OVER (ORDER BY p.id) AS n
  FROM post p WHERE p.role IN ('party_member', 'volunteer_team') AND p.holder_id IS NOT NULL
      AND upper_inf(p.valid_time)
  ORDER BY p.holder_id, p.id
), home AS (
  SELECT a.id AS area_id, ST_PointOnSurface(h.geom) AS spot,
    row_number() OVER (PARTITION BY a.id ORDER BY h.id) AS n,
        count(*) OVER (PARTITION BY a.id) AS of_them
  FROM area a JOIN boundary b ON b.area_id = a.id AND upper_inf(b.valid_time)
  JOIN building h ON b.geom && h.geom AND ST_Covers(b.geom, ST_PointOnSurface(h.geom))
  WHERE a.level = 'community' AND h.kind <> 'school'
)
INSERT INTO order_taker (person_id, role, area_id, skills, geom)
SELECT who.holder_id, who.role, who.area_id,
  ARRAY[all_of[1 + who.n % cardinality(all_of)], all_of[1 + (who.n + 2) % cardinality(all_of)]],
      home.spot
FROM who CROSS JOIN skill LEFT JOIN home ON home.area_id = who.area_id
    AND home.n = 1 + (who.n * 37) % home.of_them
WHERE cardinality(all_of) > 0
ON CONFLICT (person_id) DO NOTHING
"""


def create_claimants(session: Session) -> int:
    """Let the holders of such posts claim orders, and return how many there are."""
    return session.execute(text(INSERT_CLAIMANTS_SQL)).rowcount  # type: ignore[attr-defined]
