"""One category of facilities within a walk: the ground served, as one shape, and the homes beyond.

The shape is for looking: who is served is said by exact distance, as
`gis.facilities.coverage_summary` counts it.
"""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Select, exists, func, select

from gis.facilities.models import BuildingAccess, Facility, ServiceCircle
from gis.facilities.service_circles import CIRCLE_MINUTES
from gis.messages import Message
from gis.palette import CIRCLE, PAGE_COLOURS
from gis.places.models import Building, Household
from layers.layer import Layer, Style

PROFILE = "adult"
MAX_BEYOND = 4_000  # buildings of one tile


def served(category: str, minutes: int, _: datetime) -> Select[*tuple[Any, ...]]:
    """Select the service circles of a category."""
    return (
        select(ServiceCircle.geom.label("geom"))
        .join_from(ServiceCircle, Facility, Facility.id == ServiceCircle.facility_id)
        .where(
            Facility.category == category,
            ServiceCircle.minutes == minutes,
            ServiceCircle.profile == PROFILE,
            ~func.ST_IsEmpty(ServiceCircle.geom),
        )
    )


def beyond(category: str, minutes: int, _: datetime) -> Select[*tuple[Any, ...]]:
    """Select the homes that are certainly beyond a walk to any facility of a category."""
    return (
        select(Building.code, Building.name, Building.geom.label("geom"))
        .join_from(Building, BuildingAccess, BuildingAccess.building_id == Building.id)
        .where(
            BuildingAccess.profile == PROFILE,
            BuildingAccess.category == category,
            ~BuildingAccess.off_network,
            func.coalesce(BuildingAccess.minutes > minutes, True),
            func.coalesce(BuildingAccess.edge_minutes > minutes, True),
            exists().where(Household.building_id == Building.id),
        )
    )


SERVED = Layer(
    name="served",
    title=Message("layer.title.served"),
    geometry_type="polygon",
    query=partial(served, "", CIRCLE_MINUTES[-1]),
    zooms=range(9, 20),
    styles={
        "": Style(fill=CIRCLE, fill_opacity=0.16, stroke=CIRCLE, width=((12, 1), (15, 2), (18, 3)))
    },
    visible_by_default=False,
    dissolved=True,
)
BEYOND = Layer(
    name="beyond",
    title=Message("layer.title.beyond"),
    geometry_type="polygon",
    query=partial(beyond, "", CIRCLE_MINUTES[-1]),
    zooms=range(12, 20),
    styles={
        "": Style(
            fill=PAGE_COLOURS["beyond"],
            stroke=PAGE_COLOURS["missing"],
            width=((13, 0.6), (16, 1), (18, 1.6)),
        )
    },
    visible_by_default=False,
    max_tile_features=MAX_BEYOND,
)


def service_layers(category: str, minutes: int) -> tuple[Layer, ...]:
    """Return what is painted for a category and a limit of CIRCLE_MINUTES, in the order painted."""
    return (
        replace(SERVED, query=partial(served, category, minutes)),
        replace(BEYOND, query=partial(beyond, category, minutes)),
    )
