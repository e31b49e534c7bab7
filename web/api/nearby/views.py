"""A household's quarter of an hour: what is near on foot, how far one gets, and the walk there."""

from dataclasses import asdict

import shapely
from apiflask import APIBlueprint
from flask import Response, current_app

from gis.errors import invalid_field
from gis.facilities import nearby as engine
from gis.facilities.opening import network_at
from gis.network.profile_table import find_profile
from web.api.nearby.schemas import FromIn, NearbyIn, NearbyOut, ReachIn, ReachOut, WalkIn, WalkOut
from web.http import params
from web.http.db import session
from web.http.responses import GEOJSON, conditional_response, feature, geojson

bp = APIBlueprint("nearby", __name__, url_prefix="/api/v1", tag="Facilities")


@bp.get("/nearby")
@bp.input(NearbyIn, location="query")
@bp.output(NearbyOut)
@bp.doc(
    summary="What a place reaches on foot, by category",
    responses={404: "The address means no building", 503: "No walking network is loaded"},
)
def nearby(query_data: NearbyIn) -> Response:
    """Exact times from the best door of the building; `open` is at `at`, by default now.

    Paths and gates that are closed at a stated `at` are not walked.
    The point, the address, or both: of several buildings the address may mean, the nearest.
    """
    at = params.parse_datetime(query_data.at)
    start = _start(query_data, query_data.at)
    zone = current_app.config["SETTINGS"].timezone
    network = network_at(
        session(), query_data.profile, at.astimezone(zone) if query_data.at else None
    )
    result = engine.find_nearby(
        session(),
        network,
        start,
        minutes=query_data.minutes,
        profile=find_profile(session(), query_data.profile),
        at=at,
        timezone=zone,
    )
    return conditional_response(
        {
            "start": result.start.as_json(),
            "minutes": query_data.minutes,
            "profile": query_data.profile,
            "off_network": result.off_network,
            "island": result.island,
            "network_version": network.version,
            "flat": network.flat,
            "categories": [asdict(category) for category in result.categories],
        }
    )


@bp.get("/nearby/reach")
@bp.input(ReachIn, location="query")
@bp.output(ReachOut, content_type=GEOJSON)
@bp.doc(
    summary="Where a place reaches within 5, 10 and 15 minutes on foot",
    responses={404: "The address means no building", 503: "No walking network is loaded"},
)
def reach(query_data: ReachIn) -> Response:
    """Each ring holds the smaller ones."""
    start = _start(query_data, None)
    network = network_at(session(), query_data.profile, params.parse_open_at(query_data.at))
    profile = find_profile(session(), query_data.profile)
    shapes = engine.reach(network, start, profile=profile)
    rings = [ring for ring in zip(engine.RINGS, shapes, strict=True) if not ring[1].is_empty]
    return conditional_response(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "id": str(minutes),
                    "geometry": geojson(shape),
                    "properties": {"minutes": minutes, "profile": query_data.profile},
                }
                for minutes, shape in reversed(rings)
            ],
        },
        GEOJSON,
    )


@bp.get("/walk")
@bp.input(WalkIn, location="query")
@bp.output(WalkOut, content_type=GEOJSON)
@bp.doc(
    summary="The shortest walk to a facility, as a line",
    responses={
        404: "No such facility, or no walk leads there",
        503: "No walking network is loaded",
    },
)
def walk(query_data: WalkIn) -> Response:
    """As long as the time that `/nearby` gives the facility."""
    names = {"lon": "from_lon", "lat": "from_lat"}
    lon, lat = params.storage_point(query_data.from_lon, query_data.from_lat, query_data.crs, names)
    start = engine.find_start(session(), params.parse_datetime(None), point=(lon, lat))
    network = network_at(session(), query_data.profile, params.parse_open_at(query_data.at))
    result = engine.walk_to(
        session(),
        network,
        start,
        query_data.to,
        find_profile(session(), query_data.profile),
    )
    return conditional_response(
        feature(
            result.code,
            shapely.to_geojson(result.line),
            {
                "name": result.name,
                "walk_m": result.walk_m,
                "minutes": result.minutes,
                "profile": query_data.profile,
                "flat": network.flat,
            },
        ),
        GEOJSON,
    )


def _start(query_data: FromIn, at: str | None) -> engine.Start:
    """Return where the walks of a request begin.

    Raises
    ------
    InvalidInput
        Neither a point with its system nor an address is given.
    """
    point = None
    for field in ("lon", "lat", "crs"):
        present = [getattr(query_data, name) is not None for name in ("lon", "lat", "crs")]
        missing = getattr(query_data, field) is None
        if missing and (any(present) or not (query_data.address or "").strip()):
            raise invalid_field(field, "input.missing")
    if query_data.lon is not None and query_data.lat is not None and query_data.crs is not None:
        point = params.storage_point(query_data.lon, query_data.lat, query_data.crs)
    return engine.find_start(
        session(), params.parse_datetime(at), point=point, address=query_data.address or ""
    )
