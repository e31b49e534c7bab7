"""The contents of the database as GeoDataFrames, for notebooks, exports and analysis libraries.

Every function reads from PostGIS; nothing is cached or written. Every frame with places is in
EPSG:4490 (longitude, latitude), its geometry column is `geometry`; units stand in the names of
columns. `household_access` has no places.
No frame holds names of people, telephone numbers of reporters or texts of an incident.
"""

from gis.frames.area_frames import areas, communities, grids, units
from gis.frames.incident_frames import incidents, posts
from gis.frames.place_frames import buildings, households
from gis.frames.service_frames import (
    WalkNetworkFrames,
    coverage,
    facilities,
    gaps,
    household_access,
    service_circles,
    walk_network,
)

__all__ = [
    "WalkNetworkFrames",
    "areas",
    "buildings",
    "communities",
    "coverage",
    "facilities",
    "gaps",
    "grids",
    "household_access",
    "households",
    "incidents",
    "posts",
    "service_circles",
    "units",
    "walk_network",
]
