"""Saved coverage and what has changed, as the API takes and shows it."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, Field

from gis.facilities.circles import MAX_MINUTES
from gis.facilities.planned import MAX_PLANNED, PlannedFacility
from gis.facilities.snapshot_changes import ChangedBuilding
from gis.facilities.snapshots import MAX_SNAPSHOT_NAME_CHARS, NOW, Question, SnapshotHead
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.api.coverage.schemas import By
from web.http import params
from web.http.responses import feature


class PlannedIn(BaseModel):
    """A facility that stands only in a plan."""

    model_config = {"extra": "forbid"}

    category: Annotated[str, Field(max_length=40, examples=["clinic"])]
    lon: float
    lat: float
    crs: Annotated[str, Field(description="wgs84, cgcs2000, gcj02 or bd09")]
    code: Annotated[str, Field(max_length=100)] = ""
    name: Annotated[str, Field(max_length=200)] = ""

    def facility(self, number: int) -> PlannedFacility:
        """Return the facility of a number in the system of storage.

        Raises
        ------
        InvalidInput
            Its place is none.
        """
        names = {name: f"planned.{number}.{name}" for name in ("lon", "lat", "crs")}
        lon, lat = params.storage_point(self.lon, self.lat, self.crs, names)
        return PlannedFacility(self.category, self.code, self.name, lon, lat)


class SnapshotIn(BaseModel):
    """Under which name, and what is asked."""

    model_config = {"extra": "forbid"}

    name: Annotated[str, Field(max_length=MAX_SNAPSHOT_NAME_CHARS)]
    category: Annotated[
        str,
        Field(
            max_length=400,
            description="Category of facilities; of several with commas the nearest counts",
        ),
    ] = ""
    tier: Annotated[
        str | None,
        Field(max_length=40, description="All items of a tier, in place of category and minutes"),
    ] = None
    minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES, description="Walking time")] = 15
    profile: Annotated[str, Field(description="Who walks", max_length=40)] = "adult"
    at: Annotated[
        str | None,
        Field(max_length=40, description="Only facilities open then count: `now`, or ISO 8601"),
    ] = None
    planned: Annotated[
        list[PlannedIn],
        Field(max_length=MAX_PLANNED, description="Facilities that count as if they were there"),
    ] = []

    def question(self) -> Question:
        """Return what is asked."""
        keys = tuple(key.strip() for key in self.category.split(",") if key.strip())
        return Question(
            () if self.tier else keys,
            self.tier,
            self.minutes,
            self.profile,
            params.parse_open_at(self.at),
            tuple(each.facility(number) for number, each in enumerate(self.planned)),
        )


class DifferenceIn(BaseModel):
    """Which states, where, and by which areas the changes are summed up."""

    before: Annotated[
        str,
        Field(alias="from", max_length=MAX_SNAPSHOT_NAME_CHARS, description="Name of a snapshot"),
    ]
    after: Annotated[
        str,
        Field(
            alias="to",
            max_length=MAX_SNAPSHOT_NAME_CHARS,
            description=f"Name of another, or `{NOW}`: what `from` asks, at present",
        ),
    ] = NOW
    area: Annotated[
        str | None, Field(description="Only in the area with this code", max_length=40)
    ] = None


class AreasIn(DifferenceIn):
    """Which states, where, and by which areas the changes are summed up."""

    by: By = "community"


class ChangesIn(params.Page, DifferenceIn):
    """Which states, where, and of which item."""

    item: Annotated[
        str | None,
        Field(max_length=400, description="Of the items of a tier; null: the only one"),
    ] = None


class PlannedOut(BaseModel):
    """A facility that stands only in a plan; degrees, EPSG:4490."""

    category: str
    code: str
    name: str
    lon: float
    lat: float


class StateOut(BaseModel):
    """Which state of coverage this is."""

    name: str = Field(description=f"`{NOW}` for the present one")
    category: str = Field(description="Empty for a tier")
    tier: str | None
    minutes: float | None = Field(description="Null for a tier: each item has its own")
    profile: str
    open_at: str | None
    planned: list[PlannedOut]
    network_version: str
    facilities_digest: str = Field(description="Another one means other facilities or doors")
    saved_at: str | None = Field(description="Null for the present state")


class SnapshotOut(StateOut):
    """A saved state."""

    author: str = Field(description="Empty unless you saved it, or may have all names everywhere")
    is_mine: bool


class SnapshotsOut(BaseModel):
    """The newest first."""

    items: list[SnapshotOut]


class ChangeCounts(BaseModel):
    """Everybody by what has become of them; elders as in coverage."""

    served_before_buildings: int
    served_before_households: int
    served_before_people: int
    served_before_elders: int | None
    served_after_buildings: int
    served_after_households: int
    served_after_people: int
    served_after_elders: int | None
    lost_buildings: int
    lost_households: int = Field(description="Were served, and certainly are no more")
    lost_people: int
    lost_elders: int | None
    slower_buildings: int
    slower_households: int = Field(description="Walk longer, by `least_change_minutes` or more")
    slower_people: int
    slower_elders: int | None
    gained_buildings: int
    gained_households: int = Field(description="Were certainly not served, and are")
    gained_people: int
    gained_elders: int | None
    faster_buildings: int
    faster_households: int
    faster_people: int
    faster_elders: int | None
    new_buildings: int
    new_households: int = Field(description="In buildings that were not there before")
    new_people: int
    new_elders: int | None
    gone_buildings: int
    gone_households: int = Field(description="In buildings that are no more")
    gone_people: int
    gone_elders: int | None
    unclear_buildings: int
    unclear_households: int = Field(description="Of one of the states nothing can be said of them")
    unclear_people: int
    unclear_elders: int | None
    same_buildings: int
    same_households: int
    same_people: int
    same_elders: int | None


class AreaChanges(ChangeCounts):
    """The changes in one area; `code` is null for buildings outside every grid."""

    code: str | None
    name: str


class ItemChanges(BaseModel):
    """The changes for one item; without a tier it is named by its categories."""

    item: str
    categories: list[str]
    minutes: float
    totals: ChangeCounts
    areas: list[AreaChanges]


class DifferenceOut(BaseModel):
    """What has changed between two states."""

    before: StateOut
    after: StateOut
    by: str
    least_change_minutes: float
    items: list[ItemChanges]


class ChangeProperties(BaseModel):
    """A building of which something has changed."""

    name: str
    community: str
    households: int
    people: int
    elders: int | None
    change: Literal["lost", "slower", "gained", "faster", "new", "gone", "unclear"]
    minutes_before: float | None = Field(description="Null: none within an hour, or no building")
    minutes_after: float | None


class ChangeFeature(BaseModel):
    """A building as GeoJSON; its id is its code."""

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any]
    properties: ChangeProperties


class ChangesOut(BaseModel):
    """GeoJSON: longitude first. Those who lost come first."""

    type: Literal["FeatureCollection"]
    features: list[ChangeFeature]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


def snapshot_to_json(head: SnapshotHead, reader: Principal) -> dict[str, Any]:
    """Return a saved state as the API shows it to a reader."""
    mine = head.is_of(reader)
    named = mine or reader.areas_by_action.get(Action.NAMES, frozenset()) is None
    return head.as_json() | {"author": head.author if named else "", "is_mine": mine}


def change_to_feature(row: ChangedBuilding) -> dict[str, Any]:
    """Return a changed building as a GeoJSON Feature."""
    properties = asdict(row)
    code, lon, lat = (properties.pop(name) for name in ("code", "lon", "lat"))
    point = orjson.dumps({"type": "Point", "coordinates": [lon, lat]}).decode()
    return feature(code, point, properties)
