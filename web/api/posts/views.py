"""Posts: who holds them, and handing one over."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.db import audit_context
from gis.incidents.lifecycle import handover
from gis.people import plans
from gis.people.posts import PostRow, posts_of
from gis.rights.actions import Action
from web.http import params
from web.http.db import session
from web.http.idempotency import run_once
from web.http.responses import conditional_response, paginate
from web.security.guard import require

bp = APIBlueprint("posts", __name__, url_prefix="/api/v1", tag="Posts")

REFUSALS: dict[int | str, Any] = {401: "Sign in, or send a key", 403: "Not allowed"}


class PostsIn(params.Page, params.At):
    """Whose posts, and when."""

    area: Annotated[str, Field(max_length=40, description="Code", examples=["520402007012"])]
    within: Annotated[bool, Field(description="Also those of every area and building in it")] = (
        False
    )


class PersonOut(BaseModel):
    """Somebody who holds posts."""

    code: str
    name: str


class LeaveOut(BaseModel):
    """When somebody is away."""

    person: str = Field(description="Code of the holder or the deputy")
    from_: datetime = Field(alias="from")
    until: datetime | None = Field(description="The moment itself out; null: until further notice")


class PostOut(BaseModel):
    """A post with who holds it."""

    id: int
    role: str
    kind: str | None = Field(description="Key of the kind that people added; null: none")
    role_zh: str = Field(description="The name of the kind, else of the role")
    role_en: str
    area: str = Field(description="Code of the area, or of the building, answered for")
    area_name: str
    level: str
    holder: PersonOut | None = Field(description="null: vacant")
    deputy: PersonOut | None
    valid_from: datetime
    valid_to: datetime | None = Field(description="The moment itself out; null: still")
    grade: str = Field(description="Of the holder; empty: none is stated")
    follows: bool = Field(
        description="Begins later, and then the open incidents of the post before come along"
    )
    leave: list[LeaveOut] = Field(description="Of holder and deputy, now or later")


class PostPlanOut(BaseModel):
    """Community workers that a community is to have, and has."""

    area: str = Field(description="Code of the community")
    area_name: str
    planned: int | None = Field(description="null: no number is set")
    filled: int = Field(description="Who holds the post at the moment")
    vacant: int | None = Field(description="Planned less filled, not below 0; null: none is set")


class PostPlanIn(BaseModel):
    """How many community workers a community is to have."""

    model_config = {"extra": "forbid"}

    planned: Annotated[
        int | None, Field(ge=0, le=plans.MAX_PLANNED_POSTS, description="null: no number is set")
    ]


class PostsOut(BaseModel):
    """A page of posts."""

    items: list[PostOut]
    plans: list[PostPlanOut] = Field(description="Of the communities in the area")
    next: str | None = Field(description="`cursor` of the next page; null on the last")


class HandOverIn(BaseModel):
    """To whom, from when, and what becomes of the open incidents."""

    model_config = {"extra": "forbid"}

    to: Annotated[
        str | None, Field(max_length=60, description="Code of the successor; null leaves it vacant")
    ]
    at: Annotated[
        str | None, Field(max_length=40, description="From when, not past; default: now")
    ] = None
    incidents: Annotated[
        Literal["follow", "stay"],
        Field(
            description="What the old holder has open in this post: goes to the successor, or stays"
        ),
    ] = "follow"


class HandedOverOut(BaseModel):
    """The successor's post."""

    post: int
    at: datetime
    incidents: int = Field(
        description="How many came along by now; 0 while the moment is still to come"
    )


@bp.get("/posts")
@bp.input(PostsIn, location="query")
@bp.output(PostsOut)
@bp.doc(
    summary="The posts of an area with holder, deputy and leave",
    responses=REFUSALS | {404: "No such area"},
)
def posts(query_data: PostsIn) -> Response:
    """Those held at the moment, and later ones; for who may have names there."""
    by = require(Action.NAMES)
    rows = posts_of(
        session(),
        by,
        query_data.area,
        params.parse_datetime(query_data.at),
        within=query_data.within,
        limit=query_data.limit + 1,
        cursor=params.decode_cursor(query_data.cursor),
    )
    body = paginate(rows, query_data.limit, lambda row: row.key)
    items = [post_to_json(row) for row in body["items"]]
    at = params.parse_datetime(query_data.at)
    rows_of_plans = plans.list_plans(session(), by, at, area=query_data.area)
    planned = [plan_to_json(row) for row in rows_of_plans]
    return conditional_response(body | {"items": items, "plans": planned})


@bp.put("/posts/plans/<area>")
@bp.input(PostPlanIn)
@bp.output({}, status_code=204)
@bp.doc(
    summary="Set how many community workers a community is to have",
    responses=REFUSALS | {404: "No such community", 422: "A field is missing or wrong"},
)
def set_plan(area: str, json_data: PostPlanIn) -> Response:
    """For who hands posts over there."""
    by, now = require(Action.POSTS), params.parse_datetime(None)
    with audit_context(session(), by.actor, "planned posts"):
        plans.set_plan(session(), by, area, json_data.planned, now)
        session().commit()
    return Response(status=204)


@bp.post("/posts/<int:post_id>/hand-over")
@bp.input(HandOverIn)
@bp.output(HandedOverOut)
@bp.doc(
    summary="Hand a post over",
    responses=REFUSALS | {404: "No such post in your areas", 422: "A field is missing or wrong"},
)
def hand_over(post_id: int, json_data: HandOverIn) -> Response:
    """End the holder's time at a moment and begin the successor's.

    A later moment takes effect by itself.
    """
    by, now = require(Action.POSTS), params.parse_datetime(None)
    at = params.parse_datetime(json_data.at) if json_data.at else None

    def do() -> tuple[int, dict[str, Any]]:
        result = handover.hand_over(
            session(), by, post_id, json_data.to, at, json_data.incidents, now
        )
        return 200, asdict(result)

    return run_once(by, do)


def plan_to_json(row: plans.PostPlanRow) -> dict[str, Any]:
    """Return the posts of a community as the API shows them."""
    return {name: getattr(row, name) for name in PostPlanOut.model_fields}


def post_to_json(row: PostRow) -> dict[str, Any]:
    """Return a post as the API shows it."""
    return asdict(row)
