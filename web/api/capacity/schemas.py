"""Demand against capacity as the API takes and shows it."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, Field

from gis.facilities.capacity import USUAL, CapacityRequest
from gis.facilities.capacity_buildings import BuildingCapacity
from gis.facilities.circles import MAX_MINUTES
from web.api.coverage.schemas import By
from web.http import params
from web.http.responses import feature


class CapacityIn(BaseModel):
    """Which facilities, who shares them, and how."""

    category: Annotated[
        str, Field(max_length=40, description="Category of facilities", examples=["clinic"])
    ]
    minutes: Annotated[
        int, Field(ge=1, le=MAX_MINUTES, description="Walk within which people share a facility")
    ] = 15
    profile: Annotated[str, Field(description="Who walks", max_length=40)] = "adult"
    method: Annotated[
        Literal["2sfca", "e2sfca", "3sfca"],
        Field(
            description="2sfca: all within the limit count alike; e2sfca: the nearer the more;"
            " 3sfca: people share themselves among facilities besides"
        ),
    ] = "2sfca"
    demand: Annotated[
        Literal["usual", "people", "households", "elders", "children"],
        Field(
            description="Who shares; usual: elders of care for them, children of kindergartens,"
            " where households say and you may see figures; else people"
        ),
    ] = "usual"
    area: Annotated[
        str | None,
        Field(max_length=40, description="Only of the area with this code; others share too"),
    ] = None

    def request(self, *, figures: bool) -> CapacityRequest:
        """Return what the engine is asked, by somebody who may see figures or not."""
        demand = "people" if self.demand == USUAL and not figures else self.demand
        return CapacityRequest(self.category, self.minutes, self.profile, self.method, demand)


class AreasIn(CapacityIn):
    """What is asked, and by which areas it is summed up."""

    by: By = "community"


class BuildingsIn(params.Page, CapacityIn):
    """What is asked, and which page."""


class SharesOut(BaseModel):
    """What people can share, and how many; the five sorts make up all."""

    per_1000: float | None = Field(
        description="Places (beds, doctors) for 1,000 of the demand, of those reached or beyond;"
        " facilities of unstated capacity add nothing; null: nobody"
    )
    buildings: int
    households: int
    people: int
    elders: int | None = Field(
        description="People of sixty or more, as far as households say; null: none says, or you"
        " may not see figures"
    )
    reached_buildings: int
    reached_households: int = Field(description="With a facility of stated capacity in reach")
    reached_people: int
    reached_elders: int | None
    unstated_buildings: int
    unstated_households: int = Field(
        description="Only with facilities in reach whose capacity nobody stated"
    )
    unstated_people: int
    unstated_elders: int | None
    beyond_buildings: int
    beyond_households: int = Field(description="Certainly without a facility in reach")
    beyond_people: int
    beyond_elders: int | None
    cannot_say_buildings: int
    cannot_say_households: int = Field(description="The data end within the limit")
    cannot_say_people: int
    cannot_say_elders: int | None
    off_network_buildings: int
    off_network_households: int = Field(description="No street is near")
    off_network_people: int
    off_network_elders: int | None
    at_least_buildings: int
    at_least_households: int = Field(
        description="Of those reached: another facility of unstated capacity is in reach, so that"
        " they have more than is counted"
    )
    at_least_people: int
    at_least_elders: int | None


class AreaOut(SharesOut):
    """The shares of one area; `code` is null for buildings outside every grid."""

    code: str | None
    name: str


class LoadOut(BaseModel):
    """Who shares one facility."""

    code: str
    name: str
    capacity: int | None = Field(description="Null: nobody stated it")
    claims: float = Field(description="The demand that shares it, as the method weighs it")
    per_place: float | None = Field(description="Claims for each place; null: none is stated")


class CapacityOut(BaseModel):
    """What people can share, by area, and who shares each facility."""

    category: str
    minutes: int
    profile: str
    method: str
    demand: str
    unit: str = Field(description="What capacity counts: places, beds or doctors")
    by: str
    network_version: str
    unstated_facilities: int
    totals: SharesOut
    areas: list[AreaOut]
    facilities: list[LoadOut] = Field(
        description="Most people for a place first; those of unstated capacity last"
    )


class CapacityBuildingProperties(BaseModel):
    """What the people of a building can share."""

    name: str
    community: str
    households: int
    people: int
    elders: int | None
    per_1000: float | None = Field(description="Null: it cannot be said")
    reach: Literal["reached", "unstated", "beyond", "cannot_say", "off_network"]
    at_least: bool = Field(description="A facility of unstated capacity is in reach as well")


class CapacityBuildingFeature(BaseModel):
    """A building as GeoJSON; its id is its code."""

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any]
    properties: CapacityBuildingProperties


class CapacityBuildingsOut(BaseModel):
    """GeoJSON: longitude first. Those with least to share first."""

    type: Literal["FeatureCollection"]
    features: list[CapacityBuildingFeature]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


def building_to_feature(row: BuildingCapacity) -> dict[str, Any]:
    """Return a building as a GeoJSON Feature."""
    properties = asdict(row)
    code, lon, lat = (properties.pop(name) for name in ("code", "lon", "lat"))
    point = orjson.dumps({"type": "Point", "coordinates": [lon, lat]}).decode()
    return feature(code, point, properties)
