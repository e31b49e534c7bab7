"""Figures: how well the loop works."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response, current_app
from pydantic import BaseModel, Field

from gis.incidents.reading.statistics import (
    METRICS,
    StatisticsRow,
    incident_statistics,
    metric_label,
    metric_meaning,
    previous_period,
)
from gis.incidents.reading.statistics_sql import GROUP_EXPRESSIONS
from gis.rights.actions import Action
from web.http.db import session
from web.http.params import parse_datetime
from web.http.responses import conditional_response
from web.security.guard import require

bp = APIBlueprint("reports", __name__, url_prefix="/api/v1", tag="Figures")


class FiguresIn(BaseModel):
    """Of when and where, and how grouped."""

    since: Annotated[
        str,
        Field(max_length=40, description="Reported from this moment on", examples=["2026-11-01"]),
    ]
    until: Annotated[
        str, Field(max_length=40, description="Reported before this moment; default: now")
    ] = ""
    per: Annotated[
        str, Field(max_length=20, description=f"One of {', '.join(GROUP_EXPRESSIONS)}")
    ] = "all"
    area: Annotated[str, Field(max_length=40, description="Code; only what lies in it")] = ""
    compare: Annotated[
        bool, Field(description="Also the period before: as long, or as many calendar months")
    ] = False


@dataclass
class FigureOut(StatisticsRow):
    """The figures of one group; rates 0 to 1, null where nothing is counted under their line."""


class FiguresBeforeOut(BaseModel):
    """The figures of the period before."""

    since: str
    until: str
    items: list[FigureOut]


class FiguresOut(BaseModel):
    """The figures, and what each means."""

    since: str
    until: str
    items: list[FigureOut]
    definitions: dict[str, dict[str, str]] = Field(
        description="Name and meaning of each figure, zh and en"
    )
    before: FiguresBeforeOut | None = Field(
        None, description="With `compare`; groups by time have other keys there"
    )


@bp.get("/figures")
@bp.input(FiguresIn, location="query")
@bp.output(FiguresOut)
@bp.doc(
    summary="Response, completion, resolution and satisfaction",
    responses={401: "Sign in, or send a key", 403: "Not allowed"},
)
def counted(query_data: FiguresIn) -> Response:
    """By area, category, person or period, with the definitions in words."""
    by, now = require(Action.FIGURES), parse_datetime(None)
    since, until = (
        parse_datetime(query_data.since, "since"),
        parse_datetime(query_data.until or None, "until"),
    )
    zone: ZoneInfo = current_app.config["SETTINGS"].timezone

    def count(since: datetime, until: datetime) -> dict[str, Any]:
        items = incident_statistics(
            session(), by, since, until, query_data.per, query_data.area, now=now, zone=zone.key
        )
        return {"since": since.isoformat(), "until": until.isoformat(), "items": items}

    counted_period = count(since, until)
    definitions = {
        name: {language: metric_label(name, language) for language in ("zh", "en")}
        | {f"means_{language}": metric_meaning(name, language) for language in ("zh", "en")}
        for name in METRICS
    }
    before = count(*previous_period(since, until, zone)) if query_data.compare else None
    return conditional_response(counted_period | {"definitions": definitions, "before": before})
