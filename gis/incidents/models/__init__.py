"""Incidents as they are stored, with their events, and the catalogue and rules they follow."""

from gis.incidents.models.catalogue import CatalogueEdition, Category, DangerTable
from gis.incidents.models.devices import Device, DeviceAlarm
from gis.incidents.models.incident import Incident, IncidentEvent, IncidentMove, Photo, Reporter
from gis.incidents.models.orders import OrderOffer, OrderTaker
from gis.incidents.models.rules import RoutingRule, RuleSet
from gis.incidents.models.templates import AnswerTemplate
from gis.incidents.models.values import CHANNELS, DISPATCH_MODES, SEVERITIES

__all__ = [
    "CHANNELS",
    "DISPATCH_MODES",
    "SEVERITIES",
    "AnswerTemplate",
    "CatalogueEdition",
    "Category",
    "DangerTable",
    "Device",
    "DeviceAlarm",
    "Incident",
    "IncidentEvent",
    "IncidentMove",
    "OrderOffer",
    "OrderTaker",
    "Photo",
    "Reporter",
    "RoutingRule",
    "RuleSet",
]
