"""Who answers for a place."""

import orjson
from apiflask import APIBlueprint
from flask import Response

from gis.areas.locate_result import LocateRequest
from gis.areas.resolver import resolve_many, resolve_request_json
from gis.errors import TooLarge, WanggeError
from web.api.locate.schemas import (
    MAX_BATCH_POINTS,
    AnswerOut,
    LocateIn,
    LocateManyIn,
    LocateManyOut,
    parse_request,
    unstorable_error,
)
from web.http.db import session
from web.http.errors import error_to_json
from web.http.params import parse_datetime
from web.http.snapshot import current_snapshot
from web.security import sanitising
from web.security.names import areas_with_names

bp = APIBlueprint("locate", __name__, url_prefix="/api/v1", tag="Locate")


@bp.get("/locate")
@bp.input(LocateIn, location="query")
@bp.output(AnswerOut)
@bp.doc(
    summary="Who answers for a place",
    responses={404: "Outside every grid; names the nearest and its distance"},
)
def locate(query_data: LocateIn) -> Response:
    """Return the areas of a point, the responsible people by role, and how they were determined.

    `revision` is the boundary revision used. Roles are public; names are given to those who may
    have them.
    """
    at = parse_datetime(query_data.at)
    locate_request = LocateRequest(
        query_data.lon,
        query_data.lat,
        query_data.crs,
        query_data.address,
        at,
        query_data.accuracy_m,
    )
    return no_store_response(
        resolve_request_json(session, locate_request, current_snapshot(at), areas_with_names())
    )


@bp.post("/locate")
@bp.input(LocateManyIn)
@bp.output(LocateManyOut)
@bp.doc(summary="Who answers for many places", responses={413: "More than 10,000 points"})
def locate_many(json_data: LocateManyIn) -> Response:
    """Each point has its own answer or its own error; one bad point does not spoil the others.

    Raises
    ------
    TooLarge
        There are more than MAX_BATCH_POINTS.
    """
    points = json_data.points
    if len(points) > MAX_BATCH_POINTS:
        raise TooLarge("locate.too_many_points", count=len(points), limit=MAX_BATCH_POINTS)
    now = parse_datetime(None)
    strange = sanitising.may_hold_unstorable()
    parsed = [
        (strange and unstorable_error(point)) or parse_request(point, now) for point in points
    ]
    locate_requests = [item for item in parsed if isinstance(item, LocateRequest)]
    answers = resolve_many(session, locate_requests, now, current_snapshot(now), areas_with_names())
    results = []
    for number, (point, item) in enumerate(zip(points, parsed, strict=True)):
        result = next(answers) if isinstance(item, LocateRequest) else item
        kind = "error" if isinstance(result, WanggeError) else "answer"
        results.append(
            {
                "id": point.get("id", number),
                kind: error_to_json(result) if isinstance(result, WanggeError) else result,
            }
        )
    return no_store_response(orjson.dumps({"results": results}))


def no_store_response(body: bytes) -> Response:
    """Return JSON as a response that no cache may store, since it may hold names of people."""
    response = Response(body, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
