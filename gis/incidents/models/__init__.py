"""Incidents as they are stored, with their events, and the catalogue and rules they follow."""

from gis.incidents.models.catalogue import CatalogueEdition, Category, DangerTable
from gis.incidents.models.devices import Device, DeviceAlarm
from gis.incidents.models.hotline import ExternalOrder, ExternalSystem
from gis.incidents.models.incident import Incident, IncidentEvent, IncidentMove, Photo, Reporter
from gis.incidents.models.orders import OrderOffer, OrderTaker
from gis.incidents.models.organisations import Organisation, OrganisationMember
from gis.incidents.models.parts import JointPart
from gis.incidents.models.policy import CountyPolicy, OfficeCalendarEdition
from gis.incidents.models.rules import RoutingRule, RuleSet
from gis.incidents.models.spot_checks import VERDICTS, SpotCheck, SpotDraw
from gis.incidents.models.templates import AnswerTemplate
from gis.incidents.models.values import CHANNELS, DISPATCH_MODES, SEVERITIES, channel_label

__all__ = [
    "CHANNELS",
    "DISPATCH_MODES",
    "SEVERITIES",
    "VERDICTS",
    "AnswerTemplate",
    "CatalogueEdition",
    "Category",
    "CountyPolicy",
    "DangerTable",
    "Device",
    "DeviceAlarm",
    "ExternalOrder",
    "ExternalSystem",
    "Incident",
    "IncidentEvent",
    "IncidentMove",
    "JointPart",
    "OfficeCalendarEdition",
    "OrderOffer",
    "OrderTaker",
    "Organisation",
    "OrganisationMember",
    "Photo",
    "Reporter",
    "RoutingRule",
    "RuleSet",
    "SpotCheck",
    "SpotDraw",
    "channel_label",
]
