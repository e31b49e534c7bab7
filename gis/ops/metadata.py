"""Every model in one import, for migrations and tests."""

from gis.accounts.models import (
    AccessGrant,
    Account,
    ApiKey,
    Disclosure,
    EndedSession,
    Idempotency,
    SignIn,
)
from gis.areas.models import Area, Boundary, DatedParent, Lineage, Operation, Publication, Revision
from gis.basemap.models import BasemapFeature, Dataset
from gis.db import Base
from gis.facilities.models import CheckupVisit, Entrance, Facility, ServiceCircle, ServiceStandard
from gis.incidents.models import (
    CatalogueEdition,
    Category,
    Device,
    DeviceAlarm,
    Incident,
    IncidentEvent,
    IncidentMove,
    OrderOffer,
    OrderTaker,
    Photo,
    Reporter,
    RoutingRule,
    RuleSet,
)
from gis.network.models import WalkEdge, WalkEdit, WalkNetwork, WalkNode, WalkWall
from gis.notices.models import Notice, NoticeTarget
from gis.ops.history import HistoryEntry
from gis.people.models import Leave, Person, Post, Role
from gis.places.models import Building, Household, Stairwell, UnitPart

__all__ = [
    "AccessGrant",
    "Account",
    "ApiKey",
    "Area",
    "Base",
    "BasemapFeature",
    "Boundary",
    "Building",
    "CatalogueEdition",
    "Category",
    "CheckupVisit",
    "Dataset",
    "DatedParent",
    "Device",
    "DeviceAlarm",
    "Disclosure",
    "EndedSession",
    "Entrance",
    "Facility",
    "HistoryEntry",
    "Household",
    "Idempotency",
    "Incident",
    "IncidentEvent",
    "IncidentMove",
    "Leave",
    "Lineage",
    "Notice",
    "NoticeTarget",
    "Operation",
    "OrderOffer",
    "OrderTaker",
    "Person",
    "Photo",
    "Post",
    "Publication",
    "Reporter",
    "Revision",
    "Role",
    "RoutingRule",
    "RuleSet",
    "ServiceCircle",
    "ServiceStandard",
    "SignIn",
    "Stairwell",
    "UnitPart",
    "WalkEdge",
    "WalkEdit",
    "WalkNetwork",
    "WalkNode",
    "WalkWall",
]
