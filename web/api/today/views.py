"""Today's incidents, as a map shows them, and in numbers."""

from dataclasses import asdict
from datetime import datetime

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.incidents.reading import today
from gis.incidents.reading.situation import read_situation
from gis.incidents.reading.today import TodayIncident
from web.http import params
from web.http.db import session
from web.http.openapi import alternative_response
from web.http.responses import GEOJSON, conditional_response
from web.security.guard import require_sign_in
from web.security.session import principal

bp = APIBlueprint("today", __name__, url_prefix="/api/v1", tag="Incidents")


class TodayIn(BaseModel):
    """Which part of the map."""

    bbox: str | None = Field(
        None, description="west,south,east,north in degrees", examples=["105.94,26.22,105.96,26.24"]
    )


@bp.get("/incidents/today")
@bp.input(TodayIn, location="query")
@bp.doc(
    summary="Incidents open now or reported since midnight, for a map",
    responses=alternative_response(GEOJSON, {"type": "object"})
    | {422: "A field is missing or wrong"},
)
def list_today(query_data: TodayIn) -> Response:
    """Return at most 2,000 points as GeoJSON; `total` says how many there are.

    `exact` are those one may see, with severity and clock. The others are what everybody may read
    of public space: their points are rounded to about ten metres.
    """
    now = params.parse_datetime(None)
    midnight = _midnight(now)
    box = None if query_data.bbox is None else params.parse_bbox(query_data.bbox)
    incidents, total = today.list_today(session(), principal(), now, since=midnight, bbox=box)
    collection = {
        "type": "FeatureCollection",
        "since": midnight,
        "total": total,
        "truncated": total > len(incidents),
        "features": [to_feature(incident) for incident in incidents],
    }
    return conditional_response(collection, GEOJSON)


@bp.get("/incidents/situation")
@bp.doc(
    summary="Seven numbers of the incidents one may see, for a command centre",
    responses={401: "Sign in, or send a key"},
)
def get_situation() -> Response:
    """Count what was reported and closed since midnight, and what is open now.

    Of the open ones also the urgent, the overdue, the supervised, and those `waiting`, which are
    dispatched to nobody yet.
    """
    by, now = require_sign_in(), params.parse_datetime(None)
    midnight = _midnight(now)
    numbers = asdict(read_situation(session(), by, now, since=midnight))
    return conditional_response({"since": midnight} | numbers)


def _midnight(now: datetime) -> datetime:
    """Return when the day began."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def to_feature(incident: TodayIncident) -> dict[str, object]:
    """Return an incident as a GeoJSON feature; longitude, latitude."""
    properties = asdict(incident)
    number, lon, lat = (properties.pop(name) for name in ("id", "lon", "lat"))
    return {
        "type": "Feature",
        "id": number,
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": properties,
    }
