"""Classes of coverage as the API takes and shows them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gis.facilities.access_classes import MinutesQuery
from web.api.coverage.schemas import By, WalkQuery
from web.http import params


class MinutesIn(WalkQuery):
    """Whose minutes to what."""

    straight: Annotated[
        bool, Field(description="Minutes of a straight line, as a plain circle has them")
    ] = False
    sites: Annotated[
        str,
        Field(
            max_length=2_000,
            description="lon,lat in degrees (EPSG:4490), several with semicolons: as if a facility"
            " stood there too; numbers are then of areas whose figures the asker may see",
        ),
    ] = ""

    @property
    def minutes_query(self) -> MinutesQuery:
        """Parse what is asked; raise InvalidInput where a place is none."""
        return MinutesQuery(
            self.categories,
            self.minutes,
            self.profile,
            self.area or None,
            self.open_at,
            self.straight,
            params.parse_points(self.sites, "sites"),
        )


class BuildingsIn(MinutesIn):
    """Which buildings, and what their minutes are."""

    bbox: Annotated[str, Field(max_length=200, description="west,south,east,north in degrees")]


class ClassesIn(MinutesIn):
    """Which buildings, and by which areas they are counted."""

    by: By = "community"
    bbox: Annotated[
        str | None,
        Field(
            max_length=200,
            description="west,south,east,north in degrees: only buildings whose door lies there, in"
            " areas whose figures the asker may see",
        ),
    ] = None


class TallyOut(BaseModel):
    """How many."""

    buildings: int
    households: int
    people: int
    elders: int | None = Field(
        description="People of sixty or more, as far as households say; null: none says"
    )


class AreaClassesOut(BaseModel):
    """Counts of one area; `code` is null for buildings outside every grid."""

    code: str | None
    name: str
    counts: dict[str, TallyOut]


class ClassesOut(BaseModel):
    """Counts by class; together they are everybody."""

    limits: list[int] = Field(description="Minutes between the classes 0 to 5; the third is asked")
    counts: dict[str, TallyOut] = Field(
        description="By class: 0 to 5, unreachable, cannot_say, off_network"
    )
    areas: list[AreaClassesOut] = Field(description="They add up to `counts`")


class BuildingsOut(BaseModel):
    """GeoJSON: longitude first. Properties: code, name, community, class, minutes."""

    type: Literal["FeatureCollection"]
    truncated: bool = Field(description="More than one answer holds are in the box")
    features: list[dict[str, Any]]
