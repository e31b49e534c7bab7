"""Coverage and its gaps as the API takes and shows them."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, Field

from gis.facilities.building_coverage import PUBLIC_LEVELS
from gis.facilities.circles import MAX_MINUTES
from gis.facilities.coverage_gaps import Gap
from web.http import params
from web.http.responses import feature

ABSENT: dict[int | str, Any] = {
    404: "No area has that code",
    503: "No walking network is loaded",
}


class WalkerQuery(BaseModel):
    """Who walks, where, and when."""

    profile: Annotated[str, Field(description="Who walks", max_length=40)] = "adult"
    area: Annotated[
        str | None, Field(description="Only in the area with this code", max_length=40)
    ] = None
    at: Annotated[
        str | None,
        Field(
            max_length=40,
            description="Only facilities open then count: `now`, or ISO 8601, local time without an"
            " offset; one whose hours do not tell makes it `cannot_say`",
            examples=["now", "2026-11-28T20:00"],
        ),
    ] = None

    @property
    def open_at(self) -> datetime | None:
        """The moment of `at`, in local time."""
        return params.parse_open_at(self.at)


class WalkQuery(WalkerQuery):
    """Which facilities, who walks, where, and when."""

    category: Annotated[
        str,
        Field(
            max_length=400,
            description="Category of facilities; of several with commas the nearest counts",
            examples=["clinic", "clinic,hospital"],
        ),
    ]
    minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES, description="Walking time")] = 15

    @property
    def categories(self) -> list[str]:
        """The keys of `category`."""
        return [key.strip() for key in self.category.split(",") if key.strip()]


class GapsIn(params.Page, WalkQuery):
    """What is looked for, and where."""


By = Annotated[
    str,
    Field(max_length=20, description=f"One of {', '.join(level.value for level in PUBLIC_LEVELS)}"),
]


class CoverageIn(GapsIn):
    """What is looked for, where, and by which areas it is summed up."""

    by: By = "community"


class TierIn(WalkerQuery):
    """Who walks, where, when, and by which areas it is summed up."""

    by: By = "community"


class CountsOut(BaseModel):
    """Buildings, households and people by what can be said of them; the four sorts make up all."""

    buildings: int
    households: int
    people: int
    served_buildings: int
    served_households: int = Field(description="With a facility within the limit, exactly")
    served_people: int
    beyond_buildings: int
    beyond_households: int = Field(description="Certainly without one within the limit")
    beyond_people: int
    cannot_say_buildings: int
    cannot_say_households: int = Field(
        description="The data end within the limit, nearer than any facility, or the hours of one"
        " within it do not tell whether it is open: counted neither way"
    )
    cannot_say_people: int
    off_network_buildings: int
    off_network_households: int = Field(description="No street is near")
    off_network_people: int
    plain_circle_buildings: int
    plain_circle_households: int = Field(
        description="Whom a circle as the crow flies would count as served"
    )
    plain_circle_people: int
    circle_only_buildings: int
    circle_only_households: int = Field(
        description="Within that circle, but certainly beyond the walk"
    )
    circle_only_people: int
    walk_only_buildings: int
    walk_only_households: int = Field(
        description="Served on foot though outside that circle, by another door than the main one"
    )
    walk_only_people: int
    elders: int | None = Field(
        description="People of sixty or more, as far as households say; null: none says, or you"
        " may not see figures"
    )
    served_elders: int | None
    beyond_elders: int | None
    cannot_say_elders: int | None
    off_network_elders: int | None
    plain_circle_elders: int | None
    circle_only_elders: int | None
    walk_only_elders: int | None
    elders_unknown: int = Field(description="Households that do not say how many elders they have")
    share: float | None = Field(
        description="Served households among those served and beyond; null where there are none"
    )
    share_people: float | None


class AreaOut(CountsOut):
    """The counts of one area; `code` is null for buildings outside every grid."""

    code: str | None
    name: str


class CoverageOut(BaseModel):
    """Who has a facility within a walk, by area."""

    category: str
    minutes: int
    profile: str
    open_at: str | None = Field(description="Facilities count that are open then; null: all")
    by: str
    network_version: str
    flat: params.Flat
    computed_at: str
    totals: CountsOut
    areas: list[AreaOut]


class ItemOut(BaseModel):
    """Who has what an item of a standard asks for."""

    item: str
    zh: str
    en: str
    categories: list[str]
    metres: int | None = Field(description="As the standard has it")
    minutes: float | None = Field(description="In which an adult walks the distance; null: none")
    required: str = Field(description="must, should or may")
    secondary: bool = Field(description="Not compared with the text of the standard itself")
    facilities: int = Field(description="In the data, anywhere")
    totals: CountsOut | None = Field(description="Null: only a visit can say")
    areas: list[AreaOut] | None


class TierCoverageOut(BaseModel):
    """Coverage of the items of a tier; tiers do not include each other."""

    tier: str
    profile: str
    by: str
    open_at: str | None
    items: list[ItemOut]


class GapProperties(BaseModel):
    """A building without a facility within the limit, or of which that cannot be said."""

    name: str
    grid: str
    community: str
    community_name: str
    households: int
    people: int
    elders: int | None = Field(
        description="People of sixty or more, as far as households say; null: none says"
    )
    minutes: float | None = Field(description="To the nearest; null: none within an hour")
    missing_minutes: float | None = Field(description="Beyond the limit")
    facility: str = Field(description="Code of the nearest; empty for none")
    facility_name: str
    standing: Literal["beyond", "cannot_say", "off_network"]
    access_class: str = Field(description="As in `GET /api/v1/coverage/classes`")


class GapFeature(BaseModel):
    """A building as GeoJSON; its id is its code."""

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any]
    properties: GapProperties


class GapsOut(BaseModel):
    """GeoJSON: longitude first. Buildings with most people first."""

    type: Literal["FeatureCollection"]
    features: list[GapFeature]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


def gap_to_feature(gap: Gap) -> dict[str, Any]:
    """Return a gap as a GeoJSON Feature."""
    properties = asdict(gap)
    code, lon, lat = (properties.pop(name) for name in ("code", "lon", "lat"))
    point = orjson.dumps({"type": "Point", "coordinates": [lon, lat]}).decode()
    return feature(code, point, properties)


def without_elders(body: Any) -> Any:
    """Return JSON values with null for every number of elders, for those who see no figures."""
    if isinstance(body, dict):
        return {
            key: None if key.split("_")[-1] == "elders" else without_elders(value)
            for key, value in body.items()
        }
    return [without_elders(value) for value in body] if isinstance(body, list) else body
