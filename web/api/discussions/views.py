"""Discussions (议事): proposals put to the homes of an area, votes and results."""

from datetime import datetime
from typing import Annotated, Any

import orjson
from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.db import audit_context
from gis.discussions import actions, queries
from gis.rights.actions import Action
from web.http.db import session
from web.http.idempotency import run_once
from web.http.params import parse_datetime, parse_end
from web.http.responses import conditional_response
from web.security.guard import require
from web.security.readers import storable_id
from web.security.session import principal

bp = APIBlueprint("discussions", __name__, url_prefix="/api/v1", tag="Discussions")

REFUSALS: dict[int | str, Any] = {401: "Sign in, or send a key", 403: "Not yours"}
CHANGE_REFUSALS = REFUSALS | {
    404: "There is none",
    409: "It is not in the state for it",
    422: "A field is missing or wrong",
}
Answer = Annotated[str, Field(max_length=actions.MAX_ANSWER_CHARS)]


class DiscussionsIn(BaseModel):
    """Which discussions."""

    area: Annotated[str, Field(max_length=60, description="Code; only those of areas in it")] = ""


class CountsOut(BaseModel):
    """Votes by choice."""

    yes: int
    no: int
    abstain: int


class DiscussionOut(BaseModel):
    """A discussion."""

    id: int
    area: str = Field(description="Code of the area whose homes vote")
    area_name: str
    title: str
    proposal: str
    quorum: int = Field(description="Percent of the homes that must vote")
    opens_at: datetime
    closes_at: datetime = Field(description="The moment itself out")
    state: str = Field(description="planned, open, ended or withdrawn")
    slips: int = Field(description="One for each home when they were drawn")
    draws: int = Field(description="How often they were drawn; those of the last time count")
    votes: int = Field(description="Slips that have voted")
    counts: CountsOut | None = Field(
        description="null until it has ended, and of fewer than 3 votes"
    )
    outcome: str | None = Field(
        description="passed, rejected, tie, no_quorum or no_votes; null until it has ended"
    )
    withdrawn_reason: str
    conclusion: str = Field(description="What becomes of the result")
    may_change: bool


class DiscussionsOut(BaseModel):
    """Discussions, what ends last first; at most 100."""

    items: list[DiscussionOut]


class ProposalIn(BaseModel):
    """A proposal to the homes of an area."""

    model_config = {"extra": "forbid"}

    area: Annotated[str, Field(max_length=60, description="Of a community, grid or unit")]
    title: Annotated[str, Field(max_length=actions.MAX_SUBJECT_CHARS)]
    proposal: Annotated[str, Field(max_length=actions.MAX_PROPOSAL_CHARS)]
    closes_at: Annotated[str, Field(max_length=60, description="ISO 8601; a day: through it")]
    opens_at: Annotated[str, Field(max_length=60, description="ISO 8601; empty: at once")] = ""
    quorum: Annotated[int, Field(ge=0, le=100, description="Percent")] = 50


class NewDiscussionOut(BaseModel):
    """The discussion written down."""

    id: int


class DrawIn(BaseModel):
    """Which slips the new ones replace."""

    model_config = {"extra": "forbid"}

    draws: Annotated[int, Field(ge=0, lt=2**31, description="As the discussion says")] = 0


class SlipsOut(BaseModel):
    """The codes of the slips; they are shown only now."""

    codes: list[str]


class VoteIn(BaseModel):
    """The vote of a slip."""

    model_config = {"extra": "forbid"}

    code: Annotated[str, Field(max_length=60, description="On the slip")]
    choice: Annotated[str, Field(max_length=40, description="yes, no or abstain")]


class ReasonIn(BaseModel):
    """Why it is withdrawn."""

    model_config = {"extra": "forbid"}

    reason: Answer


class ConclusionIn(BaseModel):
    """What becomes of the result."""

    model_config = {"extra": "forbid"}

    conclusion: Answer


@bp.get("/discussions")
@bp.input(DiscussionsIn, location="query")
@bp.output(DiscussionsOut)
@bp.doc(summary="Proposals to residents", responses={422: "No such area"})
def list_discussions(query_data: DiscussionsIn) -> Response:
    """List them for everybody; counts come with the end."""
    items = queries.list_discussions(
        session(), principal(), parse_datetime(None), query_data.area.strip()
    )
    return conditional_response({"items": items})


@bp.get("/discussions/<int:discussion_id>")
@bp.output(DiscussionOut)
@bp.doc(summary="A proposal to residents", responses={404: "There is none"})
def get_discussion(discussion_id: int) -> Response:
    """Return one for everybody; counts come with the end."""
    number, now = storable_id(discussion_id), parse_datetime(None)
    return conditional_response(queries.get_discussion(session(), principal(), number, now))


@bp.post("/discussions")
@bp.input(ProposalIn)
@bp.output(NewDiscussionOut, status_code=201)
@bp.doc(summary="Put a proposal", responses=REFUSALS | {422: "A field is missing or wrong"})
def propose(json_data: ProposalIn) -> Response:
    """For who dispatches in the area; nobody votes before slips are drawn."""
    by, now = require(Action.DISPATCH), parse_datetime(None)
    fields = json_data.model_dump()
    fields["closes_at"] = parse_end(json_data.closes_at, "closes_at") or now
    opens_at = json_data.opens_at
    fields["opens_at"] = parse_datetime(opens_at, "opens_at") if opens_at else None

    def write() -> tuple[int, dict[str, Any]]:
        with audit_context(session(), by.actor, "proposal"):
            return 201, {"id": actions.propose(session(), by, actions.Proposal(**fields), now)}

    return run_once(by, write)


@bp.post("/discussions/<int:discussion_id>/slips")
@bp.input(DrawIn)
@bp.output(SlipsOut, status_code=201)
@bp.doc(summary="Draw the slips", responses=CHANGE_REFUSALS)
def draw_slips(discussion_id: int, json_data: DrawIn) -> Response:
    """Draw one for each home with people; those drawn before are void, if none has voted."""
    by, number, now = require(Action.DISPATCH), storable_id(discussion_id), parse_datetime(None)
    with audit_context(session(), by.actor, "slips"):
        codes = actions.draw_slips(session(), by, number, now, base=json_data.draws)
        session().commit()
    # no Idempotency-Key: a stored answer would keep the codes
    return Response(orjson.dumps({"codes": codes}), 201, mimetype="application/json")


@bp.post("/discussions/<int:discussion_id>/votes")
@bp.input(VoteIn)
@bp.output({}, status_code=204)
@bp.doc(
    summary="Cast the vote of a slip",
    responses={
        404: "There is none",
        409: "It is not open, or the slip has voted",
        422: "No such slip or choice",
    },
)
def cast_vote(discussion_id: int, json_data: VoteIn) -> Response:
    """For whoever holds the slip; it is final and secret."""
    number, now = storable_id(discussion_id), parse_datetime(None)
    actions.cast(session(), number, json_data.code, json_data.choice, now)
    session().commit()
    return Response(status=204)


@bp.post("/discussions/<int:discussion_id>/withdraw")
@bp.input(ReasonIn)
@bp.output({}, status_code=204)
@bp.doc(summary="Withdraw a proposal", responses=CHANGE_REFUSALS)
def withdraw(discussion_id: int, json_data: ReasonIn) -> Response:
    """Until it ends; its votes are never counted."""
    by, number, now = require(Action.DISPATCH), storable_id(discussion_id), parse_datetime(None)
    with audit_context(session(), by.actor, "proposal"):
        actions.withdraw(session(), by, number, json_data.reason, now)
        session().commit()
    return Response(status=204)


@bp.put("/discussions/<int:discussion_id>/conclusion")
@bp.input(ConclusionIn)
@bp.output({}, status_code=204)
@bp.doc(summary="Say what becomes of a result", responses=CHANGE_REFUSALS)
def conclude(discussion_id: int, json_data: ConclusionIn) -> Response:
    """After the end; a later word replaces it."""
    by, number, now = require(Action.DISPATCH), storable_id(discussion_id), parse_datetime(None)
    with audit_context(session(), by.actor, "proposal"):
        actions.conclude(session(), by, number, json_data.conclusion, now)
        session().commit()
    return Response(status=204)
