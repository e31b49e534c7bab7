"""Classes of coverage as the API takes and shows them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from web.api.coverage.schemas import WalkQuery


class BuildingsIn(WalkQuery):
    """Which buildings."""

    bbox: Annotated[str, Field(max_length=200, description="west,south,east,north in degrees")]


class TallyOut(BaseModel):
    """How many."""

    buildings: int
    households: int
    people: int
    elders: int | None = Field(
        description="People of sixty or more, as far as households say; null: none says"
    )


class ClassesOut(BaseModel):
    """Counts by class; together they are everybody."""

    limits: list[int] = Field(description="Minutes between the classes 0 to 5; the third is asked")
    counts: dict[str, TallyOut] = Field(
        description="By class: 0 to 5, unreachable, cannot_say, off_network"
    )


class BuildingsOut(BaseModel):
    """GeoJSON: longitude first. Properties: code, name, class, minutes."""

    type: Literal["FeatureCollection"]
    truncated: bool = Field(description="More than one answer holds are in the box")
    features: list[dict[str, Any]]
