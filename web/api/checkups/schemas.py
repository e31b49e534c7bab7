"""What the check-up operations take and answer."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from gis.facilities.checkup import CheckupSheet, Finding
from gis.facilities.checkup_visits import MAX_LOCATION_CHARS, MAX_VISIT_NOTE_CHARS, Visit

Tier = Literal["15", "10", "5", "neighbourhood", "complete", "tdt15", "tdt10"]


class CheckupIn(BaseModel):
    """By which standards."""

    tier: Annotated[Tier, Field(description="Tier of /api/v1/standards")] = "complete"


class CountOut(BaseModel):
    """How many live somewhere."""

    households: int
    people: int


class NearFacilityOut(BaseModel):
    """A facility that serves an item."""

    code: str
    category: str
    name: str
    lon: float
    lat: float
    inside: bool = Field(description="It stands in the community")
    walk_m: float | None = Field(
        description="Metres on foot from the nearest home; null beyond the item's distance"
    )


class LeftOutOut(BaseModel):
    """A building beyond the distance."""

    code: str
    name: str
    households: int
    people: int


class VisitOut(BaseModel):
    """What a visit saw."""

    id: int
    item: str
    result: str = Field(description="have, have_not or partly")
    where: str
    note: str
    visited_at: datetime
    author: str = Field(description="Empty for who may not have names there")
    photos: list[UUID] = Field(description="Of /api/v1/checkups/photos")


class ItemOut(BaseModel):
    """An item: what the data say, and beside it what visits saw."""

    item: str
    zh: str
    en: str
    required: str
    metres: int | None
    minutes: int | None
    area_m2: list[int]
    land_m2: list[int]
    source: str
    secondary: bool
    result: str = Field(description="By the data: have, have_not or cannot_say")
    reason: str = Field(
        description=(
            "Of cannot_say: visit_only, none_loaded, no_land, no_homes, no_network or off_network"
        )
    )
    facilities: list[NearFacilityOut] = Field(description="At most 20, nearest first")
    facility_count: int
    reached: CountOut | None = Field(description="null: the item has no distance, or no network")
    beyond: CountOut | None = Field(description="Who is left out")
    off_network: CountOut | None
    left_out: list[LeftOutOut] = Field(description="At most 20 buildings, most people first")
    left_out_count: int
    visits: list[VisitOut] = Field(description="The newest first")


class CheckupOut(BaseModel):
    """The check-up sheet of a community."""

    community: str
    name: str
    tier: str
    edition: int = Field(description="Edition of the table of standards")
    households: int
    people: int
    network_version: str | None
    may_write: bool = Field(description="Whether the asker may write a visit down")
    items: list[ItemOut]


class VisitIn(BaseModel):
    """What a visit saw."""

    model_config = {"extra": "forbid"}

    tier: Tier = "complete"
    item: Annotated[str, Field(max_length=40, examples=["kindergarten"])]
    result: Literal["have", "have_not", "partly"]
    where: Annotated[str, Field(max_length=MAX_LOCATION_CHARS)] = ""
    note: Annotated[str, Field(max_length=MAX_VISIT_NOTE_CHARS)] = ""
    visited_at: Annotated[
        str | None, Field(max_length=40, description="Not in the future; default: now")
    ] = None


def sheet_to_json(sheet: CheckupSheet, visits: list[Visit], may_write: bool) -> dict[str, Any]:
    """Return a sheet with its visits as the API shows it."""
    return {
        "community": sheet.community.code,
        "name": sheet.community.name,
        "tier": sheet.tier,
        "edition": sheet.edition,
        "households": sheet.households,
        "people": sheet.people,
        "network_version": sheet.network_version,
        "may_write": may_write,
        "items": [
            _finding_to_json(
                finding, [visit for visit in visits if visit.item == finding.standard.item]
            )
            for finding in sheet.findings
        ],
    }


def visit_to_json(visit: Visit) -> dict[str, Any]:
    """Return a visit as the API shows it."""
    fields = dict(vars(visit))
    photos = [photo.id for photo in visit.photos]
    return fields | {"where": fields.pop("location"), "photos": photos}


def _finding_to_json(finding: Finding, visits: list[Visit]) -> dict[str, Any]:
    standard = finding.standard
    names = "item zh en required metres minutes area_m2 land_m2 source secondary"  # of the standard
    counts = {
        key: None if pair is None else {"households": pair[0], "people": pair[1]}
        for key, pair in (
            ("reached", finding.reached),
            ("beyond", finding.beyond),
            ("off_network", finding.off_network),
        )
    }
    return {
        **{name: getattr(standard, name) for name in names.split()},
        "result": finding.result,
        "reason": finding.reason,
        "facilities": finding.facilities,
        "facility_count": finding.facility_count,
        **counts,
        "left_out": finding.left_out,
        "left_out_count": finding.left_out_count,
        "visits": [visit_to_json(visit) for visit in visits],
    }
