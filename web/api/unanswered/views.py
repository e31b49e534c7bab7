"""The places nobody answers for."""

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.incidents.reading.unanswered import unanswered
from web.http.db import session
from web.http.params import parse_datetime
from web.http.responses import conditional_response
from web.security.readers import require_operator

bp = APIBlueprint("unanswered", __name__, url_prefix="/api/v1", tag="Posts")


class PlaceOut(BaseModel):
    """A grid without anybody who accepts what is reported there, from itself up to its county."""

    code: str
    name: str
    community: str
    community_name: str
    handled: bool = Field(description="Somebody there handles what they are given")


class UnansweredOut(BaseModel):
    """The places, what waits because of them, and who sees it."""

    items: list[PlaceOut]
    waiting: int = Field(description="Open incidents in the operator's queue")
    operators: int = Field(description="Accounts that see it; 0 is an alarm")


@bp.get("/unanswered")
@bp.output(UnansweredOut)
@bp.doc(summary="Places nobody answers for", responses={401: "Sign in", 403: "Not allowed"})
def listed() -> Response:
    """Grids whose reports wait at the operator, asked of posts, leave and accounts now."""
    require_operator()
    queue = unanswered(session(), parse_datetime(None))
    return conditional_response(
        {"items": queue.places, "waiting": queue.waiting, "operators": queue.operators}
    )
