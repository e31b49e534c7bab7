"""Ten-household units as the API takes and shows them."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator

from gis.boundaries.home_selection import MAX_ROOMS, MAX_SELECTIONS, HomeSelection
from gis.boundaries.operation_fields import MAX_AREA_NAME_CHARS
from gis.boundaries.reviews import MAX_REASON_CHARS
from gis.boundaries.units import UnitBuilding
from web.http import params
from web.http.responses import feature

Code = Annotated[str, Field(max_length=60)]
Reason = Annotated[str, Field(max_length=MAX_REASON_CHARS, description="Why, for the history")]


class GridIn(BaseModel):
    """Of which grid."""

    grid: Annotated[Code, Field(description="Code", examples=["520402007012001"])]


class UnitChangesIn(GridIn, params.Page):
    """Of which grid, and which page."""


class BuildingIn(BaseModel):
    """Of which building."""

    building: Annotated[Code, Field(description="Code")]


class NewUnitIn(BaseModel):
    """In which grid, and its name."""

    model_config = {"extra": "forbid"}

    grid: Code
    name: Annotated[
        str | None, Field(max_length=MAX_AREA_NAME_CHARS, description="Default: its number")
    ] = None
    reason: Reason


class RenameUnitIn(BaseModel):
    """The new name."""

    model_config = {"extra": "forbid"}

    name: Annotated[str, Field(max_length=MAX_AREA_NAME_CHARS)]
    reason: Reason


class RetireUnitIn(BaseModel):
    """Why it ends."""

    model_config = {"extra": "forbid"}

    reason: Reason


class HomeSelectionIn(BaseModel):
    """Homes of a building: all, those of a stairwell, of a range of floors, or single doors."""

    model_config = {"extra": "forbid"}

    building: Code
    stairwell: Annotated[
        str | None,
        Field(max_length=40, description="Name; empty: homes without a stairwell; null: all homes"),
    ] = None
    floors: Annotated[
        tuple[int, int] | None,
        Field(description="Lowest and highest, inclusive; basements below 0", examples=[[3, 6]]),
    ] = None
    rooms: Annotated[
        list[Annotated[str, Field(max_length=60)]] | None,
        Field(
            min_length=1,
            max_length=MAX_ROOMS,
            description="Doors as registered",
            examples=[["501"]],
        ),
    ] = None

    @model_validator(mode="after")
    def check_floors(self) -> "HomeSelectionIn":
        """Refuse floors that are no storey or out of order.

        Raises
        ------
        ValueError
            They are one of both.
        """
        if self.floors and not -200 <= self.floors[0] <= self.floors[1] <= 200:
            raise ValueError("input.value_wrong")
        return self

    def selection(self) -> HomeSelection:
        """Return the selection."""
        rooms = None if self.rooms is None else tuple(self.rooms)
        return HomeSelection(self.building, self.stairwell, self.floors, rooms)


class HomesMoveIn(BaseModel):
    """Which homes go to which unit."""

    model_config = {"extra": "forbid"}

    to: Annotated[Code, Field(description="Code of the unit")]
    homes: Annotated[list[HomeSelectionIn], Field(min_length=1, max_length=MAX_SELECTIONS)]
    reason: Reason


class UnitPartOut(BaseModel):
    """A part of a building that a unit stands on."""

    building: str
    name: str = Field(description="Of the building")
    stairwell: str | None = Field(description="null: every one")
    floor_from: int | None = Field(description="null: every floor")
    floor_to: int | None


class UnitOut(BaseModel):
    """A unit in use."""

    code: str
    name: str
    households: int
    people: int
    elsewhere: int = Field(description="Homes in buildings that do not touch its grid")
    head: str | None = Field(description="The unit head, for who may have names; null: vacant")
    has_head: bool
    parts: list[UnitPartOut]


class UnitsOut(BaseModel):
    """The units of a grid."""

    grid: str
    name: str
    version: int = Field(description="For `If-Match`; goes up with every change of the units")
    without_unit: int = Field(description="Homes of the grid that are in no unit")
    units: list[UnitOut]


class UnitHomeOut(BaseModel):
    """A home by its door; nothing about who lives there."""

    stairwell: str | None
    floor: int | None
    room: str
    unit: str | None
    unit_name: str | None


class UnitHomesOut(BaseModel):
    """The homes of a building, by stairwell, highest floor first."""

    items: list[UnitHomeOut]


class UnitSavedOut(BaseModel):
    """A unit as it is now, and the version of its grid's units."""

    code: str
    name: str
    grid: str
    version: int


class UnitMovedOut(BaseModel):
    """What a move changed."""

    unit: str
    moved: int
    already: int = Field(description="Homes selected that were in the unit")
    sources: dict[str, int] = Field(
        description="Homes by the code of the unit they left; empty code: in none before"
    )
    emptied: list[str] = Field(description="Units left without a home")
    version: int


class UnitChangeOut(BaseModel):
    """A change of the units of a grid."""

    id: int
    kind: str = Field(description="create, move, rename, retire or load")
    unit: str | None
    name: str | None
    homes: int
    detail: dict[str, Any]
    author: str
    reason: str
    at: datetime


class UnitChangesOut(BaseModel):
    """A page of changes, newest first."""

    items: list[UnitChangeOut]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


def building_to_feature(row: UnitBuilding) -> dict[str, Any]:
    """Return a building with its homes by unit as GeoJSON."""
    properties = asdict(row)
    return feature(row.code, properties.pop("geometry"), properties)
