"""Edits of the walking network as the API takes and shows them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from web.http import params

Place = Annotated[list[float], Field(min_length=2, max_length=2)]
Moment = Annotated[str | None, Field(description="ISO 8601; null: without limit", max_length=40)]


class EditsIn(params.Page):
    """Which edits."""

    bbox: Annotated[
        str | None, Field(description="west,south,east,north in degrees", max_length=200)
    ] = None


class PointIn(BaseModel):
    """GeoJSON point."""

    model_config = {"extra": "forbid"}

    type: Literal["Point"]
    coordinates: Place


class LineIn(BaseModel):
    """GeoJSON line."""

    model_config = {"extra": "forbid"}

    type: Literal["LineString"]
    coordinates: Annotated[list[Place], Field(min_length=2, max_length=500)]


class EditIn(BaseModel):
    """A path to close or add, or a gate on one."""

    model_config = {"extra": "forbid"}

    kind: Annotated[
        str,
        Field(
            description=(
                "close: the path at the point or along the line; add: a path along the line;"
                " gate: at the point"
            ),
            max_length=40,
        ),
    ]
    geometry: PointIn | LineIn
    crs: Annotated[str, Field(description="wgs84, cgcs2000, gcj02 or bd09")]
    hours: Annotated[
        str,
        Field(description="Of a gate: when it is open, as 06:00-22:00; or closed", max_length=500),
    ] = ""
    reason: Annotated[str, Field(max_length=500)] = ""
    from_at: Moment = None
    until_at: Moment = None


class EditOut(BaseModel):
    """An edit as it stands; degrees, EPSG:4490."""

    id: int
    code: str | None = Field(description="Its code in the file that it came from")
    kind: str
    geometry: dict[str, Any]
    hours: str
    reason: str
    from_at: datetime | None
    until_at: datetime | None
    source: str = Field(description="page or file")
    stated_at: datetime
    mine: bool = Field(description="Whether the asker stated it")
    state: str = Field(description="to_come, in_force or over")
    problem: str | None = Field(
        description="Code of why it does not fit the paths there are now; null: it fits"
    )


class EditsOut(BaseModel):
    """A page of edits."""

    items: list[EditOut]
    next: str | None = Field(description="`cursor` of the next page; null on the last")
