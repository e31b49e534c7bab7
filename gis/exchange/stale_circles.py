"""Service circles that a load makes wrong: dropped, and computed anew when next asked for."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.facilities.entrances import REACH_DEG

_NEAR_SQL = """
DELETE FROM service_circle c USING {rows} i JOIN building b ON b.id = i.building_id
WHERE ST_DWithin(c.geom, b.geom, :reach)
"""
# By what was loaded last in the transaction.
STALE_CIRCLES_SQL = {
    "households": _NEAR_SQL.format(rows="incoming_household"),
    "buildings": _NEAR_SQL.format(rows="incoming_building_row"),
    "facilities": """
DELETE FROM service_circle c USING incoming_facility i JOIN facility f ON f.code = i.code
WHERE c.facility_id = f.id
""",
}


def drop_circles(session: Session, kind: str) -> None:
    """Drop the circles around what was just loaded; loads of other kinds touch none."""
    if sql := STALE_CIRCLES_SQL.get(kind):
        session.execute(text(sql), {"reach": REACH_DEG})
