"""Siting as the API takes and shows it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from gis.facilities.circles import MAX_MINUTES
from gis.facilities.siting_problem import MAX_SITES

MAX_TIME_LIMIT_S = 30.0


class WalkIn(BaseModel):
    """Which facilities, and which walk counts as served."""

    category: Annotated[
        str, Field(max_length=40, description="Key of a facility category", examples=["clinic"])
    ]
    minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES, description="Walking time")] = 15
    profile: Annotated[str, Field(max_length=40, description="Who walks")] = "adult"
    at: Annotated[
        str | None,
        Field(
            description="Facilities and paths closed then do not count, those whose hours do not"
            " tell do: ISO 8601, or now; default: any time",
            max_length=40,
        ),
    ] = None


class ClosuresIn(WalkIn):
    """Whose losses."""

    area: Annotated[
        str | None,
        Field(
            max_length=40,
            description="Code: only its inhabitants count; null: wherever you may plan",
        ),
    ] = None


class SitingIn(ClosuresIn):
    """What is to be sited, and how."""

    sites: Annotated[int, Field(ge=1, le=MAX_SITES, description="How many new facilities")] = 5
    model: Annotated[
        Literal["mclp", "lscp", "p-median", "p-centre"],
        Field(
            description="mclp: most served; lscp: all served by fewest sites; p-median: least"
            " walking in all; p-centre: least walking of whoever has it worst"
        ),
    ] = "mclp"
    candidates: Annotated[
        Literal["network", "buildings"], Field(description="Points along streets, or buildings")
    ] = "network"
    weights: Annotated[
        Literal["people", "households", "elders", "children"],
        Field(
            description="Whom the choice counts; elders are sixty or older, children six or"
            " younger, as far as known"
        ),
    ] = "people"
    time_limit: Annotated[
        float, Field(ge=1, le=MAX_TIME_LIMIT_S, description="Seconds for the search and its curve")
    ] = 10.0


class PinIn(WalkIn):
    """A place to try."""

    lon: float
    lat: float
    crs: Annotated[str, Field(description="wgs84, cgcs2000, gcj02 or bd09")]


class InhabitantsOut(BaseModel):
    """How many homes; buildings without any do not count."""

    buildings: int
    households: int
    people: int
    elders: int | None = Field(
        description="People of sixty or more, as far as households say; null: none says"
    )


class SiteOut(InhabitantsOut):
    """A chosen place, with whom it newly serves beside the sites before it."""

    lon: float
    lat: float
    code: str = Field(description="Of the building; empty for a point of a street")
    name: str = Field(description="Of the building, else of the street")
    near: str = Field(description="Nearest named building within 100 m")
    grid: str
    community: str


class CurvePointOut(BaseModel):
    """What the best so many sites newly serve, in the unit of `weights`."""

    sites: int
    newly_served: float
    status: str


class ClosureOut(InhabitantsOut):
    """An existing facility, with who has no other within the limit."""

    code: str
    name: str
    lon: float
    lat: float


class ClosuresOut(BaseModel):
    """Most people first."""

    items: list[ClosureOut]


class SitingOut(BaseModel):
    """The chosen sites, in the order in which each adds most, and how sure the choice is."""

    category: str
    minutes: int
    profile: str
    model: str
    weights: str
    candidates: str
    time_limit_s: float
    open_at: datetime | None = Field(description="The moment of the walks; null: any")
    site_limit: int
    network_version: str
    candidate_count: int
    spacing_m: float | None = Field(
        description="Metres between candidates; null: each building was one"
    )
    total: InhabitantsOut
    served: InhabitantsOut = Field(description="By the facilities of today")
    off_network: InhabitantsOut = Field(description="More than 100 m from any street")
    cannot_say: InhabitantsOut = Field(
        description="Counted as not served, though a facility beyond the edge of the data may serve"
        " them"
    )
    sites: list[SiteOut]
    curve: list[CurvePointOut]
    closures: list[ClosureOut]
    status: str = Field(
        description="optimal; feasible: the time limit ended the search; greedy: too large for it"
    )
    objective: float = Field(description="mclp: newly served; lscp: sites; else metres")
    bound: float = Field(description="What no choice can be better than")
    gap: float = Field(description="Relative distance of objective and bound")
    seconds: float
    out_of_reach: InhabitantsOut = Field(description="Whom no candidate can serve")
    elders_unknown: int = Field(
        description="Households of buildings where none says how many elders live there"
    )


class PinBuildingOut(BaseModel):
    """A building newly served, with the walk from its door."""

    code: str
    name: str
    households: int
    people: int
    minutes: float


class PinOut(BaseModel):
    """Who a facility there would newly serve."""

    newly_served: InhabitantsOut
    within: InhabitantsOut = Field(description="Everybody within the limit, served today or not")
    cannot_say: InhabitantsOut = Field(
        description="Of those newly served, who may have a facility beyond the edge of the data"
    )
    buildings: list[PinBuildingOut] = Field(description="Those newly served, nearest first")
    off_network: bool = Field(description="No street within 100 m: nobody is served")
