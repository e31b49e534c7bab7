"""Entrances as the API takes and shows them."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from web.http import params

Kind = Annotated[str, Field(description="main, side, gate or service (goods and cars)")]
Hours = Annotated[str, Field(description="When it is open, as Mo-Fr 08:00-18:00", max_length=500)]
Note = Annotated[str, Field(max_length=500)]
Crs = Annotated[str, Field(description="wgs84, cgcs2000, gcj02 or bd09")]


class EntrancesIn(params.Page):
    """Which entrances."""

    bbox: Annotated[
        str | None, Field(description="west,south,east,north in degrees", max_length=200)
    ] = None


class EntranceIn(BaseModel):
    """A new entrance."""

    model_config = {"extra": "forbid"}

    owner: Literal["building", "facility"]
    owner_code: Annotated[str, Field(max_length=100)]
    lon: float
    lat: float
    crs: Crs
    kind: Kind = "side"
    hours: Hours = ""
    note: Note = ""


class EntranceChangeIn(BaseModel):
    """What changes; `lon`, `lat` and `crs` go together."""

    model_config = {"extra": "forbid"}

    lon: float | None = None
    lat: float | None = None
    crs: Crs | None = None
    kind: Kind | None = None
    hours: Hours | None = None
    note: Note | None = None


class EntranceOut(BaseModel):
    """A door or gate; degrees, EPSG:4490."""

    id: int
    owner: str = Field(description="building or facility")
    owner_code: str
    code: str | None = Field(description="Its code in the source, as n123 in OSM")
    kind: str
    hours: str
    note: str
    source: str = Field(description="osm, town, file or page")
    version: int
    lon: float
    lat: float


class EntrancesOut(BaseModel):
    """A page of entrances."""

    items: list[EntranceOut]
    next: str | None = Field(description="`cursor` of the next page; null on the last")
