"""Drafts of several people: who may edit one, who reviews it, comments pinned to places."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from gis.boundaries import colleagues, comments, draft_comparison, reviews
from gis.errors import invalid_field
from gis.exchange import comparison_table
from gis.messages import Message
from gis.rights.actions import Action
from web.api.reviews.comparison import comparison_to_json
from web.api.reviews.schemas import (
    ColleaguesIn,
    ColleaguesOut,
    CommentIn,
    DecisionIn,
    DifferenceIn,
    DraftCommentsOut,
    EditorIn,
    EditorsOut,
    ReviewerIn,
    ReviewOut,
    comments_to_json,
    review_to_json,
)
from web.http import conditional
from web.http.db import session
from web.http.downloads import attachment
from web.http.idempotency import run_once
from web.http.responses import conditional_response
from web.security.disclosures import record_export
from web.security.guard import require
from web.security.readers import require_planner, storable_id
from web.security.session import principal

bp = APIBlueprint("reviews", __name__, url_prefix="/api/v1", tag="Boundaries")

REFUSALS: dict[int | str, Any] = {
    401: "Sign in, or send a key",
    403: "Not allowed there",
    404: "No such revision in your areas",
}
WRITE_REFUSALS = REFUSALS | {
    409: "It is no longer a draft, or somebody was first",
    422: "A field is not right; the message says which, and what would be",
}


@bp.get("/revisions/<int:number>/colleagues")
@bp.input(ColleaguesIn, location="query")
@bp.output(ColleaguesOut)
@bp.doc(summary="Who may be asked to edit or review a draft", responses=REFUSALS)
def list_colleagues(number: int, query_data: ColleaguesIn) -> dict[str, Any]:
    """Accounts that may draft in one of its grids, or publish in all of them."""
    action = Action.DRAFT if query_data.right == "draft" else Action.PUBLISH
    return {"accounts": colleagues.list_colleagues(session(), require_planner(), number, action)}


@bp.post("/revisions/<int:number>/editors")
@bp.input(EditorIn)
@bp.output(EditorsOut)
@bp.doc(summary="Let a colleague edit a draft", responses=WRITE_REFUSALS)
def invite(number: int, json_data: EditorIn) -> Response:
    """Only its author does; every step keeps who did it, and needs the right to draft there."""
    by = require(Action.DRAFT)
    return run_once(
        by,
        lambda: (200, {"editors": colleagues.invite(session(), by, number, json_data.account)}),
    )


@bp.delete("/revisions/<int:number>/editors/<account>")
@bp.output(EditorsOut)
@bp.doc(summary="Withdraw an invitation to edit a draft", responses=WRITE_REFUSALS)
def withdraw_invitation(number: int, account: str) -> Response:
    """Take the invitation back; what the colleague drew stays."""
    by = require(Action.DRAFT)
    return run_once(
        by,
        lambda: (
            200,
            {"editors": colleagues.withdraw_invitation(session(), by, number, account)},
        ),
    )


@bp.post("/revisions/<int:number>/review")
@bp.input(ReviewerIn)
@bp.output(ReviewOut)
@bp.doc(summary="Ask a colleague to review a draft", responses=WRITE_REFUSALS)
def request_review(number: int, json_data: ReviewerIn) -> Response:
    """Only its author does; the reviewer may publish all its grids, and does not draw it."""
    by = require(Action.DRAFT)

    def do() -> tuple[int, dict[str, Any]]:
        review = reviews.request_review(
            session(), by, number, json_data.reviewer, conditional.one_version()
        )
        return 200, review_to_json(review)

    return run_once(by, do)


@bp.post("/revisions/<int:number>/review/decision")
@bp.input(DecisionIn)
@bp.output(ReviewOut)
@bp.doc(summary="Approve a draft, or request changes", responses=WRITE_REFUSALS)
def decide(number: int, json_data: DecisionIn) -> Response:
    """Only its reviewer does, for the version looked at; a later change takes an approval back."""
    by = require(Action.PUBLISH)
    return run_once(
        by,
        lambda: (
            200,
            review_to_json(
                reviews.decide(
                    session(),
                    by,
                    number,
                    approved=json_data.decision == "approve",
                    version=json_data.version,
                    reason=json_data.reason,
                )
            ),
        ),
    )


@bp.get("/revisions/<int:number>/comments")
@bp.output(DraftCommentsOut)
@bp.doc(summary="Comments on a draft", responses=REFUSALS)
def list_comments(number: int) -> dict[str, Any]:
    """Each followed by its replies; also of a draft that was published or withdrawn since."""
    return comments_to_json(comments.list_comments(session(), require_planner(), number))


@bp.post("/revisions/<int:number>/comments")
@bp.input(CommentIn)
@bp.output(DraftCommentsOut, status_code=201)
@bp.doc(summary="Comment on a place of a draft", responses=WRITE_REFUSALS)
def comment(number: int, json_data: CommentIn) -> Response:
    """Pin a comment to a place or grid, or answer one; returns all comments of the draft."""
    by = require_planner()

    def do() -> tuple[int, dict[str, Any]]:
        if json_data.reply_to is not None:
            comments.reply(session(), by, number, json_data.reply_to, json_data.text)
        else:
            comments.add_comment(session(), by, number, json_data.text, _place(json_data))
        return 201, comments_to_json(comments.list_comments(session(), by, number))

    return run_once(by, do)


@bp.post("/revisions/<int:number>/comments/<int:comment_id>/resolve")
@bp.output(DraftCommentsOut)
@bp.doc(summary="Resolve a comment on a draft", responses=WRITE_REFUSALS)
def resolve(number: int, comment_id: int) -> Response:
    """Mark it as settled, once; returns all comments of the draft."""
    by = require_planner()

    def do() -> tuple[int, dict[str, Any]]:
        comments.resolve(session(), by, number, storable_id(comment_id))
        return 200, comments_to_json(comments.list_comments(session(), by, number))

    return run_once(by, do)


@bp.get("/revisions/<int:a>/difference/<int:b>")
@bp.input(DifferenceIn, location="query")
@bp.doc(summary="Two drafts side by side", responses=REFUSALS | {409: "One of them is no draft"})
def compare(a: int, b: int, query_data: DifferenceIn) -> Response:
    """Households, people, hectares and compactness of each grid, and land that lies otherwise in b.

    Of the grids that either draft changes, as published and in both. `same_base` is false where
    they were begun on different publications.
    """
    by = require_planner()
    compared = draft_comparison.compare_drafts(session(), by, storable_id(a), storable_id(b))
    if query_data.format == "json":
        return conditional_response(comparison_to_json(compared))
    name = f"revisions-{a}-{b}.{query_data.format}"
    record_export(
        principal(),
        Message("shown.comparison", {"a": str(a), "b": str(b), "ending": query_data.format}),
    )
    return attachment(name, lambda path: comparison_table.write_comparison(compared, path))


def _place(body: CommentIn) -> tuple[float, float] | str:
    if body.grid is not None and body.lon is None and body.lat is None:
        return body.grid
    if body.grid is None and body.lon is not None and body.lat is not None:
        return body.lon, body.lat
    raise invalid_field("lon", "comment.place_wrong")
