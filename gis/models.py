"""Every model in one import, for migrations and tests."""

from gis.areas.models import Area, Boundary, Revision
from gis.basemap.models import BasemapFeature, Dataset
from gis.db import Base
from gis.facilities.models import Facility, ServiceCircle
from gis.history import History
from gis.network.models import WalkEdge, WalkNetwork, WalkNode
from gis.people.models import Leave, Person, Post, Role
from gis.places.models import Building, Household, Stairwell, UnitPart

__all__ = [
    "Area", "Base", "BasemapFeature", "Boundary", "Building", "Dataset", "Facility", "History", "Household",
    "Leave", "Person", "Post", "Revision", "Role", "ServiceCircle", "Stairwell", "UnitPart", "WalkEdge",
    "WalkNetwork", "WalkNode",
]  # fmt: skip
