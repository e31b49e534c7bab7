"""Buildings as the API takes and shows them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gis.exchange.building_list import Filters
from web.http import params


class BuildingFiltersIn(BaseModel):
    """Which buildings."""

    q: Annotated[str, Field(max_length=80, description="In estate, name, code or address")] = ""
    estate: Annotated[str, Field(max_length=200, description="Only of this estate")] = ""
    area: Annotated[str, Field(max_length=40, description="Code of an area they stand in")] = ""
    lacks: Annotated[
        Literal["", "outline", "head", "homes"],
        Field(description="Only those without a drawn outline, a head, or homes entered"),
    ] = ""

    def filters(self) -> Filters:
        """Return them as the register takes them."""
        return Filters(self.q, self.estate, self.area, self.lacks)


class BuildingsIn(BuildingFiltersIn, params.Page):
    """Which buildings, and which part of the list."""


class PointIn(BaseModel):
    """Where."""

    lon: float
    lat: float
    crs: Annotated[str, Field(description="wgs84, cgcs2000, gcj02 or bd09")]


class BuildingOut(BaseModel):
    """A building; `lon`, `lat` are a place inside it."""

    code: str
    estate: str
    name: str
    address: str
    kind: str
    floors: int | None
    stairwells: int
    homes: int | None = Field(description="As the register counts them")
    households: int = Field(description="Homes that are entered")
    outline: str = Field(description="drawn, or assumed: a square around a point")
    source: str
    version: int = Field(description="For `If-Match`")
    grid: str | None
    grid_name: str | None
    community_name: str | None
    units: str | None = Field(description="Names of its ten-household units")
    head: str | None = Field(description="Null: nobody, or not to be seen by who asks")
    sponsor: str | None
    lon: float
    lat: float


class BuildingsOut(BaseModel):
    """A page of buildings."""

    items: list[BuildingOut]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


class DoorOut(BaseModel):
    """The homes of a storey."""

    stairwell: str
    floor: int | None
    homes: int
    people: int


class FieldChangeOut(BaseModel):
    """One field before and after; of an outline neither."""

    field: str
    old: str
    new: str


class BuildingChangeOut(BaseModel):
    """One change, newest first."""

    at: datetime
    who: str
    why: str
    op: str
    fields: list[FieldChangeOut]


class BuildingDetailOut(BuildingOut):
    """One building with its outline, homes by storey, and changes."""

    geometry: dict[str, Any] = Field(description="GeoJSON, EPSG:4490")
    doors: list[DoorOut]
    changes: list[BuildingChangeOut]


class UnplacedOut(BaseModel):
    """A building that waits: `POST /buildings` with its names, or its code, places it."""

    id: int
    code: str
    estate: str
    name: str
    address: str
    kind: str
    floors: int | None
    stairwells: int | None
    homes: int | None
    source: str


class UnplacedListOut(BaseModel):
    """The buildings that wait."""

    items: list[UnplacedOut]


Said = Annotated[str | None, Field(max_length=200)]
Number = Annotated[int | None, Field(ge=0, le=9999)]


class BuildingChangeIn(BaseModel):
    """What changes; what is left out stays. Persons need the right to hand over posts there."""

    model_config = {"extra": "forbid"}

    estate: Said = None
    name: Said = None
    address: Said = None
    kind: Annotated[str | None, Field(max_length=200, description="As OSM's building=*")] = None
    floors: Number = None
    stairwells: Annotated[
        int | None, Field(ge=0, le=9999, description="Missing ones are made; none is taken away")
    ] = None
    homes: Number = None
    head: Annotated[str | None, Field(max_length=200, description="Name; 空缺: vacant")] = None
    head_phone: Annotated[str | None, Field(max_length=40)] = None
    sponsor: Said = None
    sponsor_phone: Annotated[str | None, Field(max_length=40)] = None
    lon: Annotated[float | None, Field(description="Moves an assumed outline")] = None
    lat: float | None = None
    crs: Annotated[str | None, Field(description="wgs84, cgcs2000, gcj02 or bd09")] = None
    geometry: Annotated[
        dict[str, Any] | None, Field(description="Outline as GeoJSON, in WGS 84 or EPSG:4490")
    ] = None


class NewBuildingIn(BuildingChangeIn):
    """A new building, with a point or an outline; or one that waits, by its names."""

    code: Annotated[str | None, Field(max_length=200)] = None
