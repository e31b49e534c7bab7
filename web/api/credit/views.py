"""Points of who takes orders, the events that they are of, and stars of communities."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.credit.formulas import Formula, formulas_of, list_counties
from gis.credit.points import list_events, list_points
from gis.credit.rules import rule_text
from gis.credit.stars import list_stars
from gis.errors import invalid_field
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.years import Year
from web.http.db import session
from web.http.params import parse_datetime, year_of
from web.http.responses import conditional_response
from web.security.guard import require
from web.security.readers import require_figures_or_own

bp = APIBlueprint("credit", __name__, url_prefix="/api/v1", tag="Figures")

REFUSALS: dict[int | str, Any] = {401: "Sign in, or send a key", 403: "Not allowed"}


class YearIn(BaseModel):
    """Of when and where."""

    year: Annotated[int | None, Field(description="Default: the present one")] = None
    area: Annotated[str, Field(max_length=40, description="Code; only what lies in it")] = ""


class OwnerIn(YearIn):
    """Whose points: of a person or of a team."""

    person: Annotated[str, Field(max_length=60, description="Staff number")] = ""
    team: Annotated[str, Field(max_length=60, description="Code of an organisation")] = ""


class RuleOut(BaseModel):
    """A row of a formula."""

    fact: str
    condition: str
    value: float = Field(description="Points of each, weight of a share, or a threshold")
    cap: float | None = Field(description="At most so many points of it in a year")
    zh: str
    en: str


class FormulaOut(BaseModel):
    """The formula that counts in a county."""

    county: str
    version: int
    published_at: datetime
    closed_at: datetime | None = Field(description="When the result was stored as handed up")
    rules: list[RuleOut]


class PointsOut(BaseModel):
    """Points of a person or a team."""

    code: str | None
    name: str | None
    is_team: bool
    matters: int
    points: float
    change: float = Field(description="Of a year that is closed: what came or went since")


class CreditOut(BaseModel):
    """The points of a year, the most first."""

    year: int
    formulas: list[FormulaOut]
    items: list[PointsOut]


class EventOut(BaseModel):
    """The points of one event by one rule."""

    event_id: int
    at: datetime
    fact: str
    condition: str
    category: str
    category_zh: str
    area_name: str | None
    incident: UUID | None = Field(description="null: not yours to see")
    points: float = Field(description="0 beyond the limit of the year")
    change: float


class EventsOut(BaseModel):
    """The events that points are of, in their order."""

    year: int
    items: list[EventOut]


class ShareOut(BaseModel):
    """A share: `n` of `of`."""

    n: int
    of: int
    value: float | None


class RatingOut(BaseModel):
    """What a formula makes of shares."""

    score: float | None
    stars: int | None
    too_few: list[str] = Field(description="Shares of fewer than the formula asks: not rated")


class CommunityOut(BaseModel):
    """A community with its shares and stars."""

    code: str
    name: str
    county: str
    shares: dict[str, ShareOut]
    rating: RatingOut
    now: RatingOut | None = Field(
        description="Of a year that is closed: what it would be today, where that differs"
    )


class StarsOut(BaseModel):
    """The stars of communities in a year."""

    year: int
    formulas: list[FormulaOut]
    items: list[CommunityOut]


@bp.get("/credit")
@bp.input(YearIn, location="query")
@bp.output(CreditOut)
@bp.doc(summary="Points of who takes orders", responses=REFUSALS)
def points(query_data: YearIn) -> Response:
    """Of matters where one may read figures and names, one's own, and those of one's teams."""
    by, year = require_figures_or_own(), year_of(query_data.year)
    formulas = _formulas(by, "points", year)
    items = list_points(session(), by, year, formulas.values(), query_data.area)
    return conditional_response(_body(year, formulas, items))


@bp.get("/credit/events")
@bp.input(OwnerIn, location="query")
@bp.output(EventsOut)
@bp.doc(summary="The events that points are of", responses=REFUSALS)
def events(query_data: OwnerIn) -> Response:
    """Of one person or one team, as far as one may read them.

    Raises
    ------
    InvalidInput
        Neither or both are named.
    """
    by, year = require_figures_or_own(), year_of(query_data.year)
    if bool(query_data.person) == bool(query_data.team):
        raise invalid_field("person", "credit.person_or_team")
    items = list_events(
        session(),
        by,
        year,
        _formulas(by, "points", year).values(),
        query_data.person or query_data.team,
        is_team=bool(query_data.team),
        area=query_data.area,
    )
    return conditional_response({"year": year.number, "items": items})


@bp.get("/stars")
@bp.input(YearIn, location="query")
@bp.output(StarsOut)
@bp.doc(summary="Stars of communities", responses=REFUSALS)
def stars(query_data: YearIn) -> Response:
    """Of communities whose figures one may read as a whole."""
    by, year = require(Action.FIGURES), year_of(query_data.year)
    formulas, now = _formulas(by, "stars", year), parse_datetime(None)
    items = list_stars(session(), by, year, formulas, query_data.area, now=now)
    return conditional_response(_body(year, formulas, items))


def _formulas(by: Principal, kind: str, year: Year) -> dict[str, Formula]:
    counties = list_counties(session(), by, (Action.FIGURES, Action.HANDLE))
    return formulas_of(session(), kind, year.number, counties)


def _body(year: Year, formulas: dict[str, Formula], items: Any) -> dict[str, Any]:
    return {
        "year": year.number,
        "formulas": [
            {name: getattr(formula, name) for name in FormulaOut.model_fields if name != "rules"}
            | {
                "rules": [
                    asdict(rule) | {each: rule_text(rule, each) for each in ("zh", "en")}
                    for rule in formula.rules
                ]
            }
            for formula in formulas.values()
        ],
        "items": items,
    }
