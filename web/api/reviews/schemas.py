"""The work of several people on a draft as the API takes and shows it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from gis.boundaries.comments import CommentView
from gis.boundaries.review_changes import ChangeSince
from gis.boundaries.reviews import Review


class ColleaguesIn(BaseModel):
    """Which colleagues."""

    right: Literal["draft", "publish"] = Field(
        "draft", description="draft: who may be let edit it; publish: who may review it"
    )


class ColleaguesOut(BaseModel):
    """Accounts by their user names."""

    accounts: list[str]


class EditorIn(BaseModel):
    """Who is let edit a draft."""

    model_config = {"extra": "forbid"}

    account: str = Field(max_length=80, description="User name", examples=["chen"])


class EditorsOut(BaseModel):
    """Who may edit a draft besides its author, as the history names them."""

    editors: list[str]


class ReviewerIn(BaseModel):
    """Who is asked to review a draft."""

    model_config = {"extra": "forbid"}

    reviewer: str = Field(max_length=80, description="User name", examples=["chen"])


class DecisionIn(BaseModel):
    """What the reviewer decides."""

    model_config = {"extra": "forbid"}

    decision: Literal["approve", "request_changes"]
    version: int = Field(description="Version of the draft that was looked at")
    reason: str = Field("", max_length=2000, description="What is to change; needed then")


class ReviewChangeOut(BaseModel):
    """A step of a draft that was changed after its approval."""

    change: Literal["added", "taken_back", "redrawn"]
    step: int
    zh: str
    en: str
    who: str = Field(description="As the history names them")
    at: datetime


class ReviewOut(BaseModel):
    """Where the review of a draft stands."""

    state: Literal["requested", "changes_requested", "approved", "lapsed"] = Field(
        description="lapsed: approved, and changed since"
    )
    reviewer: str = Field(description="Who, as the history names them")
    reason: str
    version: int = Field(description="Version of the draft that the state is about")
    at: datetime
    changes: list[ReviewChangeOut] = Field(
        description="What changed since the approval that has lapsed; else empty"
    )


class DifferenceIn(BaseModel):
    """In which form."""

    format: Literal["json", "csv", "xlsx"] = Field("json", description="csv, xlsx: the table")


class CommentIn(BaseModel):
    """A comment on a place (lon and lat, or a grid), or a reply to one."""

    model_config = {"extra": "forbid"}

    text: str = Field(max_length=4000, description="1 to 1,000 characters")
    lon: float | None = Field(None, description="Degrees, CGCS2000")
    lat: float | None = Field(None, description="Degrees, CGCS2000")
    grid: str | None = Field(None, max_length=40, description="Code of a grid, also of a new one")
    reply_to: int | None = Field(None, ge=1, lt=2**63, description="The comment that is answered")


class DraftCommentOut(BaseModel):
    """A comment; a reply has no place."""

    id: int
    reply_to: int | None
    lon: float | None
    lat: float | None
    grid: str | None = Field(description="The grid that it is about as a whole")
    grid_name: str | None = Field(description="As the draft names it")
    text: str
    author: str
    at: datetime
    resolved_by: str | None
    resolved_at: datetime | None


class DraftCommentsOut(BaseModel):
    """The comments of a draft, each followed by its replies."""

    items: list[DraftCommentOut]


def review_to_json(review: Review, changes: Sequence[ChangeSince] = ()) -> dict[str, Any]:
    """Return where the review of a draft stands as JSON, with what changed since it lapsed."""
    return {**vars(review), "changes": [dict(vars(change)) for change in changes]}


def comments_to_json(views: Sequence[CommentView]) -> dict[str, Any]:
    """Return the comments of a draft as JSON."""
    return {"items": [dict(vars(view)) for view in views]}
