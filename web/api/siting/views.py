"""Where new facilities serve most, who a place would serve, and who loses if one closes."""

from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response
from shapely import Geometry

from gis.facilities import siting_search
from gis.facilities.planning_land import planned_land
from gis.facilities.siting_request import SitingRequest
from web.api.siting.schemas import (
    ClosuresIn,
    ClosuresOut,
    PinIn,
    PinOut,
    SitingIn,
    SitingOut,
)
from web.http.db import session
from web.http.params import parse_datetime, parse_open_at, storage_point
from web.security.readers import require_planner

bp = APIBlueprint("siting", __name__, url_prefix="/api/v1", tag="Facilities")

REFUSALS: dict[int | str, Any] = {
    401: "Sign in, or send a key",
    403: "For who may draft or publish boundaries in the whole of the area",
    404: "No area has that code",
    503: "No walking network is loaded",
}


@bp.get("/siting")
@bp.input(SitingIn, location="query")
@bp.output(SitingOut)
@bp.doc(summary="Where new facilities serve most", responses=REFUSALS)
def siting(query_data: SitingIn) -> Response:
    """Choose places by one of four location models; the existing facilities stay as they are."""
    land = _land(query_data.area)
    request = SitingRequest(
        query_data.category,
        query_data.sites,
        query_data.minutes,
        query_data.profile,
        query_data.model,
        query_data.weights,
        query_data.candidates,
        query_data.time_limit,
        parse_open_at(query_data.at),
    )
    return _private_json(siting_search.site(session(), request, land=land).to_dict())


@bp.get("/siting/closures")
@bp.input(ClosuresIn, location="query")
@bp.output(ClosuresOut)
@bp.doc(summary="Who loses if a facility closes", responses=REFUSALS)
def closures(query_data: ClosuresIn) -> Response:
    """List the facilities of a category with who has no other within the limit."""
    losses = siting_search.closures(
        session(),
        query_data.category,
        query_data.minutes,
        query_data.profile,
        land=_land(query_data.area),
        open_at=parse_open_at(query_data.at),
    )
    return _private_json({"items": [closure.to_dict() for closure in losses]})


@bp.post("/siting/pin")
@bp.input(PinIn)
@bp.output(PinOut)
@bp.doc(summary="Who a facility at a place would newly serve", responses=REFUSALS)
def pin(json_data: PinIn) -> Response:
    """Count only buildings where the asker may draft or publish boundaries."""
    land = _land(None)
    lon, lat = storage_point(json_data.lon, json_data.lat, json_data.crs)
    return _private_json(
        siting_search.pin(
            session(),
            json_data.category,
            lon,
            lat,
            minutes=json_data.minutes,
            profile=json_data.profile,
            land=land,
            open_at=parse_open_at(json_data.at),
        )
    )


def _land(area: str | None) -> Geometry | None:
    """Return the land that the asker may plan for; None means everywhere."""
    return planned_land(session(), require_planner(), area, parse_datetime(None))


def _private_json(body: object) -> Response:
    """Return JSON that no cache may keep: it says how many live in single buildings."""
    response = Response(orjson.dumps(body), mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
