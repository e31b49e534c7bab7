"""A household's quarter of an hour, as the API takes and shows it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gis.facilities.circles import MAX_MINUTES
from web.http import params

CRS_TEXT = "wgs84, cgcs2000, gcj02 or bd09"
Profile = Annotated[str, Field(description="Who walks", max_length=40)]


class FromIn(BaseModel):
    """From where, and who walks."""

    lon: float | None = Field(None, description="Longitude; may be left out with an address")
    lat: float | None = Field(None, description="Latitude")
    crs: str | None = Field(None, description=CRS_TEXT, examples=["wgs84"])
    address: str | None = Field(
        None, max_length=200, description="As people write it", examples=["西兴社区3号楼"]
    )
    profile: Profile = "adult"


class OpenAt(BaseModel):
    """When paths and gates should be open."""

    at: Annotated[
        str | None,
        Field(
            description="ISO 8601, or now; default: whenever, gates with hours counting as open",
            max_length=40,
        ),
    ] = None


class ReachIn(FromIn, OpenAt):
    """From where, and when."""


class NearbyIn(FromIn, params.At):
    """From where, how far, and when facilities, paths and gates should be open."""

    minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES, description="Walking time")] = 15


class WalkIn(OpenAt):
    """From where to which facility, and when."""

    from_lon: float
    from_lat: float
    crs: str = Field(description=CRS_TEXT, examples=["wgs84"])
    to: str = Field(description="Code of the facility", max_length=80)
    profile: Profile = "adult"


class StartOut(BaseModel):
    """Where walks begin: the door of the building, else the point; EPSG:4490."""

    lon: float
    lat: float
    building: str | None = Field(description="Code of the building, when on one")
    name: str


class NearbyFacilityOut(BaseModel):
    """A facility within the walk."""

    code: str
    name: str
    minutes: float
    walk_m: float = Field(
        description="From the place to the door: metres on the level that take as long"
    )
    within: Literal[5, 10, 15] | None = Field(description="Smallest ring of minutes that holds it")
    open: bool | None = Field(description="At the moment asked for; null: its hours do not tell")
    opening_hours: str
    telephone: str
    address: str
    lon: float
    lat: float


class NearbyCategoryOut(BaseModel):
    """A category, its facilities nearest first."""

    category: str
    category_zh: str
    category_en: str
    items: list[NearbyFacilityOut]


class NearbyOut(BaseModel):
    """What is reached on foot, by category."""

    start: StartOut
    minutes: int
    profile: str
    off_network: bool = Field(description="No street within 100 m: nothing is reached")
    island: bool = Field(description="Only ways within 100 m that lead nowhere")
    network_version: str
    flat: params.Flat
    categories: list[NearbyCategoryOut] = Field(description="All, also those with none in reach")


class ReachProperties(BaseModel):
    """What a ring says."""

    minutes: int
    profile: str


class ReachFeature(BaseModel):
    """A ring as GeoJSON."""

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any]
    properties: ReachProperties


class ReachOut(BaseModel):
    """GeoJSON: longitude first, the widest ring first; empty off the network."""

    type: Literal["FeatureCollection"]
    features: list[ReachFeature]


class WalkProperties(BaseModel):
    """What a walk says."""

    name: str
    walk_m: float = Field(description="Metres on the level that take as long")
    minutes: float
    profile: str
    flat: params.Flat


class WalkOut(BaseModel):
    """The line of the walk, EPSG:4490, from the place over the streets to the door."""

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any]
    properties: WalkProperties
