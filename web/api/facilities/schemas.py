"""Facilities and circles as the API takes and shows them."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.circles import MAX_MINUTES
from gis.facilities.queries import CircleRow, FacilityRow
from web.http import params
from web.http.responses import feature


class FacilitiesIn(params.Page, params.At):
    """Which facilities."""

    category: Annotated[
        str | None, Field(description="Only this category", max_length=40, examples=["clinic"])
    ] = None
    bbox: Annotated[
        str | None, Field(description="west,south,east,north in degrees", max_length=200)
    ] = None
    area: Annotated[
        str | None, Field(description="Only those in the area with this code", max_length=40)
    ] = None


class CircleIn(BaseModel):
    """Which circle."""

    minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES, description="Walking time")] = 15
    profile: Annotated[str, Field(description="Who walks", max_length=40)] = "adult"


class NearestIn(BaseModel):
    """From where, and how far."""

    lon: float
    lat: float
    crs: Annotated[str, Field(description="wgs84, cgcs2000, gcj02 or bd09")]
    minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES, description="Walking time")] = 15


class FacilityOut(BaseModel):
    """A facility; `lon`, `lat` are its entrance when known, else a place inside it."""

    code: str
    category: str
    category_zh: str = Field(description="The name of the kind, else of the category")
    kind: str | None = Field(description="Key of the kind that people added; null: none")
    name: str
    address: str
    opening_hours: str = Field(description="OSM opening_hours syntax")
    contact: str
    capacity: int | None = Field(description="Null: nobody stated it")
    capacity_unit: str = Field(description="What it counts: places, beds or doctors")
    county: str | None
    version: int = Field(description="For `If-Match`: one more with every change on a page")
    lon: float
    lat: float


Said = Annotated[str, Field(max_length=500)]
Capacity = Annotated[
    int | None, Field(description="In the unit of its category; null: nobody states it")
]


class FacilityChangeIn(BaseModel):
    """What changes of a facility; what is left out stays."""

    model_config = {"extra": "forbid"}

    category: Annotated[str, Field(description="Key of a facility category", max_length=40)] = ""
    name: Said = ""
    address: Said = ""
    opening_hours: Annotated[
        str, Field(description="As Mo-Fr 08:00-18:00, or 每天8:00-18:00", max_length=500)
    ] = ""
    contact: Annotated[str, Field(description="Public telephone", max_length=500)] = ""
    capacity: Capacity = None


class NewFacilityIn(FacilityChangeIn):
    """A new facility, and where people go in."""

    lon: float
    lat: float
    crs: Annotated[str, Field(description="wgs84, cgcs2000, gcj02 or bd09")]


class FacilitiesOut(BaseModel):
    """A page of facilities."""

    items: list[FacilityOut]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


class NearOut(BaseModel):
    """The nearest facility of its category."""

    category: str
    category_zh: str
    code: str
    name: str
    walk_m: float = Field(description="Metres on foot, from the place to the door")
    minutes: float
    lon: float
    lat: float


class NearestOut(BaseModel):
    """The nearest of each category within the time, nearest first.

    Empty more than 100 m from any street.
    """

    items: list[NearOut]


class CircleProperties(BaseModel):
    """What a circle says."""

    facility: str
    name: str
    minutes: int
    profile: str
    speed: float = Field(description="Metres a second")
    households: int = Field(description="Households within the limit, by exact walking distance")
    people: int
    buildings: int | None = Field(
        description=(
            "Buildings whose door is within the limit, by exact walking distance;"
            " null in circles of older versions"
        )
    )
    off_network: bool = Field(
        description=(
            "More than 100 m from any street, or cut off by walls: the circle is empty,"
            " nobody is counted"
        )
    )
    island: bool = Field(
        description=(
            "The only ways within 100 m lead nowhere, such as a platform that nothing joins:"
            " the circle is empty"
        )
    )
    network_version: str
    computed_at: datetime


class CircleFeature(BaseModel):
    """A circle as GeoJSON."""

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any]
    properties: CircleProperties


class CircleOut(BaseModel):
    """GeoJSON: longitude first."""

    type: Literal["FeatureCollection"]
    features: list[CircleFeature]


def circle_to_feature(facility: FacilityRow, circle: CircleRow) -> dict[str, Any]:
    """Return a circle as a GeoJSON Feature."""
    properties = asdict(circle)
    geometry = properties.pop("geometry")
    return feature(
        f"{facility.code}/{circle.minutes}",
        geometry,
        {"facility": facility.code, "name": facility.name} | properties,
    )


def facility_to_json(row: FacilityRow) -> dict[str, Any]:
    """Return a facility as the API shows it."""
    category = CATEGORY_BY_KEY.get(row.category)
    fields = {name: value for name, value in asdict(row).items() if name != "kind_zh"}
    return fields | {
        "category_zh": row.kind_zh or (category.zh if category else row.category),
        "capacity_unit": category.capacity_unit if category else "places",
    }
