"""What a person stated on a page, or a register of buildings, holds against a load of OSM."""

from sqlalchemy import ColumnElement

# A building that was placed by a point, the only one on an outline, gets it.
ADOPT_OUTLINES_SQL = """
UPDATE building b SET geom = i.geom, outline = 'drawn', version = b.version + 1
FROM (
  SELECT i.code, min(b.id) AS id
  FROM incoming_building i
  JOIN building b ON b.outline = 'assumed' AND b.code <> i.code
    AND ST_Covers(i.geom, ST_PointOnSurface(b.geom))
  WHERE NOT EXISTS (SELECT FROM building k WHERE k.code = i.code)
  GROUP BY i.code HAVING count(*) = 1 AND bool_and(i.name IN ('', b.name))
) one JOIN incoming_building i USING (code)
WHERE b.id = one.id
"""
# Outlines of buildings that a register or a person has stated under another code.
OTHER_CODES_SQL = """
DELETE FROM incoming_building i USING building b
WHERE b.geom && i.geom AND b.code <> i.code AND b.outline = 'drawn'
  AND (b.source = 'page' OR b.source LIKE 'buildings: %')
  AND NOT EXISTS (SELECT FROM building k WHERE k.code = i.code)
  AND ST_Area(ST_Intersection(b.geom, i.geom)) > 0.5 * least(ST_Area(b.geom), ST_Area(i.geom))
"""
STATED_BUILDINGS = (
    "DELETE FROM incoming_building WHERE code IN (SELECT code FROM closed_building)",
    ADOPT_OUTLINES_SQL,
    OTHER_CODES_SQL,
)
"""Statements for the buildings of a load before they are stored."""


def is_stated(source: ColumnElement[str]) -> ColumnElement[bool]:
    """Return whether the source of a row is a page or a register of buildings."""
    return (source == "page") | source.startswith("buildings: ")
