"""What standards ask of facilities, as the table in force has it."""

from dataclasses import asdict
from typing import Annotated, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.facilities import standard_editions
from gis.facilities.standards import TIERS
from web.http.db import session
from web.http.responses import conditional_response

bp = APIBlueprint("standards", __name__, url_prefix="/api/v1", tag="Facilities")


class StandardsIn(BaseModel):
    """Which standards."""

    tier: Annotated[
        Literal["15", "10", "5", "neighbourhood", "complete", "tdt15", "tdt10"] | None,
        Field(description="Only this tier; tiers do not include each other"),
    ] = None


class StandardOut(BaseModel):
    """An item that a standard asks of a tier."""

    tier: str
    item: str
    zh: str
    en: str
    categories: list[str] = Field(description="A facility of any of them serves it; empty: a visit")
    metres: int | None = Field(description="Walking distance; null: none is named")
    minutes: int | None
    population_from: int | None
    population_to: int | None
    area_m2: list[int] = Field(description="Nothing, [at least], or [from, to]")
    land_m2: list[int] = Field(description="As `area_m2`")
    required: str = Field(description="must, should or may")
    source: str = Field(description="Standard and clause")
    secondary: bool = Field(description="Not compared with the text of the standard itself")
    note: str


class TierOut(BaseModel):
    """A tier with its names."""

    tier: str
    zh: str
    en: str


class StandardsOut(BaseModel):
    """The table in force."""

    edition: int
    tiers: list[TierOut]
    items: list[StandardOut]


@bp.get("/standards")
@bp.input(StandardsIn, location="query")
@bp.output(StandardsOut)
@bp.doc(summary="What standards ask of facilities", responses={503: "No table is loaded"})
def standards(query_data: StandardsIn) -> Response:
    """Each item of each tier, in the order of the table; `./wangge standards` loads another."""
    edition_id = standard_editions.EDITIONS.active_id(session())
    rows = standard_editions.active_rows(session(), query_data.tier)
    tiers = [{"tier": tier, "zh": zh, "en": en} for tier, (zh, en) in TIERS.items()]
    return conditional_response(
        {"edition": edition_id, "tiers": tiers, "items": [asdict(row) for row in rows]}
    )
