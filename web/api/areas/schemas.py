"""Areas as the API takes and shows them."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from gis.areas.hierarchy import AreaRow
from gis.areas.models import Level
from web.http import params


class AreasIn(params.Page, params.At):
    """Which areas."""

    level: Annotated[Level | None, Field(description="Only this level")] = None
    parent: Annotated[
        str | None, Field(description="Only those directly under this code", max_length=40)
    ] = None
    q: Annotated[
        str | None, Field(description="Beginning of a code, or part of a name", max_length=100)
    ] = None


class ChildrenIn(params.Page, params.At):
    """Which part of the children, and when."""


class HistoryIn(BaseModel):
    """Which part of the history."""

    at: Annotated[
        str | None,
        Field(
            description="Only the boundary of this moment, and what had happened by then: ISO 8601 "
            "date or time, local where it has no offset; default: everything",
            max_length=40,
            examples=["2026-03-03"],
        ),
    ] = None


class AreaIn(params.At):
    """How much of an area."""

    geometry: Annotated[
        bool, Field(description="Answer a GeoJSON Feature; so does Accept: application/geo+json")
    ] = False


class AreaName(BaseModel):
    """An area in a chain."""

    level: Level
    code: str
    name: str


class AreaOut(AreaName):
    """An area as it stood at the moment asked about."""

    level_zh: str
    parent: str | None = Field(description="Code of the area one level up; null for the highest")
    county: str = Field(description="Code of its county; over counties its own")
    revision: int | None = Field(
        description="Boundary revision in force; null for an area without a shape"
    )
    valid_from: datetime | None = Field(description="Since when that shape holds")
    valid_to: datetime | None = Field(description="Until when, the moment itself out; null: still")


class ListedCodeOut(BaseModel):
    """What a list of division codes has for an area."""

    list: str = Field(description="Name of the list, as nbs2023")
    code: str
    name: str


class AreaDetailOut(AreaOut):
    """One area with its surroundings."""

    code_list: str | None = Field(description="The list that its code is from; null: not stated")
    division_codes: list[ListedCodeOut] = Field(
        description="Its codes and names in the lists that are loaded, by county and name"
    )
    above: list[AreaName] = Field(description="The areas over it, the highest first")
    children: int = Field(description="How many areas stand directly under it")
    area_m2: float | None = Field(description="Square metres on the ellipsoid")
    bbox: tuple[float, float, float, float] | None = Field(
        description="West, south, east, north in degrees"
    )
    point: tuple[float, float] | None = Field(description="A place inside it: longitude, latitude")


class AreasOut(BaseModel):
    """A page of areas."""

    items: list[AreaOut]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


class BoundaryOut(BaseModel):
    """One shape an area has had."""

    revision: int
    title: str
    reason: str | None
    valid_from: datetime
    valid_to: datetime | None
    area_m2: float


class ChangeOut(BaseModel):
    """A change of name, parent or retirement."""

    at: datetime
    field: str
    old: str | None
    new: str | None
    why: str


class LineageOut(BaseModel):
    """A grid that this one came from, or went into."""

    relation: str = Field(
        description="split_from, split_into, merged_from, merged_into, recoded_from or recoded_into"
    )
    code: str
    name: str
    revision: int
    title: str
    at: datetime = Field(description="Since when")


class HistoryOut(BaseModel):
    """How an area came to be, oldest first; a planned boundary begins later than now."""

    code: str
    boundaries: list[BoundaryOut]
    changes: list[ChangeOut]
    lineage: list[LineageOut]


class DifferenceIn(BaseModel):
    """Which two moments, and where."""

    from_: str = Field(
        alias="from",
        max_length=40,
        description="The earlier moment: ISO 8601",
        examples=["2026-01-01"],
    )
    to: str = Field(
        max_length=40, description="The later moment; may be in the future", examples=["2026-12-01"]
    )
    within: str = Field("", max_length=40, description="Only grids under the area with this code")


def area_to_json(row: AreaRow) -> dict[str, Any]:
    """Return an area as the API shows it."""
    return asdict(row) | {"level_zh": Level(row.level).zh}
