"""Spot checks (抽查): samples of what was closed in a week, and verdicts on them."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from gis.incidents.lifecycle import spot_checks
from gis.incidents.reading.spot_checks import list_samples, week_period
from gis.rights.actions import Action
from web.api.spot_checks.schemas import SpotChecksIn, SpotDrawIn, SpotVerdictIn, sample_to_json
from web.http.db import session
from web.http.idempotency import run_once
from web.http.params import local_zone, parse_datetime
from web.http.responses import conditional_response
from web.security.guard import require
from web.security.readers import storable_id

bp = APIBlueprint("spot_checks", __name__, url_prefix="/api/v1", tag="Incidents")

REFUSALS: dict[int | str, Any] = {
    401: "Sign in, or send a key",
    403: "Not for you",
    422: "A field is missing or wrong",
}


@bp.get("/spot-checks")
@bp.input(SpotChecksIn, location="query")
@bp.doc(summary="The samples of a week", responses=REFUSALS)
def list_checks(query_data: SpotChecksIn) -> Response:
    """List the samples of the communities that one supervises, with the verdicts."""
    by, now = require(Action.SUPERVISE), parse_datetime(None)
    week_period(query_data.week, local_zone())
    samples = list_samples(session(), by, query_data.week, now, query_data.area)
    return conditional_response({"items": [sample_to_json(sample) for sample in samples]})


@bp.post("/spot-checks")
@bp.input(SpotDrawIn)
@bp.doc(
    summary="Draw the samples of a week",
    responses=REFUSALS | {201: "The samples that were drawn just now"},
)
def draw_checks(json_data: SpotDrawIn) -> Response:
    """Draw one for each community that has none of the week yet; it is never drawn again."""
    by, now = require(Action.SUPERVISE), parse_datetime(None)

    def write() -> tuple[int, dict[str, object]]:
        week, area = json_data.week, json_data.area
        sampling = spot_checks.Sampling(**json_data.model_dump(exclude={"week", "area"}))
        drawn = spot_checks.draw(
            session(), by, week, now, local_zone(), area=area, sampling=sampling
        )
        return 201, {"items": [sample_to_json(sample) for sample in drawn]}

    return run_once(by, write)


@bp.put("/spot-checks/<int:check_id>")
@bp.input(SpotVerdictIn)
@bp.output({}, status_code=204)
@bp.doc(
    summary="Write a verdict down",
    responses=REFUSALS | {404: "None, or not yours", 409: "Somebody has given another one since"},
)
def judge_check(check_id: int, json_data: SpotVerdictIn) -> Response:
    """Of an incident that one has not handled; another verdict replaces it."""
    by, now = require(Action.SUPERVISE), parse_datetime(None)
    number = storable_id(check_id)
    spot_checks.judge(session(), by, number, now=now, **json_data.model_dump())
    session().commit()
    return Response(status=204)
