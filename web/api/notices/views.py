"""Notices in the app: one's own."""

from datetime import UTC
from typing import Annotated, Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field, model_validator

from gis.notices import actions, queries
from gis.notices.notice_text import render_notice
from gis.notices.queries import InApp
from web.http import params
from web.http.db import session
from web.http.params import Page
from web.http.responses import conditional_response, paginate
from web.security.session import principal

bp = APIBlueprint("notices", __name__, url_prefix="/api/v1", tag="Notices")

NOBODY = {401: "Sign in; programs' keys have no notices of their own"}


class NoticeOut(BaseModel):
    """Something told to the asker."""

    id: int
    at: str
    topic: str = Field(examples=["incident.dispatch"])
    zh: str = Field(description="What happened, in Chinese")
    en: str
    incident: UUID | None
    category: str | None
    category_zh: str | None
    category_en: str | None
    state: str | None = Field(description="The incident's state at that moment")
    severity: str | None
    area: str | None
    area_name: str | None
    role: str | None
    revision: int | None = Field(description="The boundary draft that it is about")
    seen: bool


class NoticesOut(BaseModel):
    """The asker's notices, the newest first, and how many of all are new."""

    items: list[NoticeOut]
    next: str | None
    unseen: int


class SeenIn(BaseModel):
    """Which are seen: some by number, or all up to a number."""

    model_config = {"extra": "forbid"}

    ids: list[Annotated[int, Field(ge=1, le=2**63 - 1)]] | None = Field(None, max_length=1000)
    until: int | None = Field(
        None, ge=1, le=2**63 - 1, description="All with this number or a smaller one"
    )

    @model_validator(mode="after")
    def one_of_them(self) -> "SeenIn":
        """Require exactly one of both.

        Raises
        ------
        ValueError
            There are both, or neither.
        """
        if (self.ids is None) == (self.until is None):
            raise ValueError("notice.ids_or_until")
        return self


class SeenOut(BaseModel):
    """How many were new before, and how many still are."""

    changed: int
    unseen: int


@bp.get("/notices")
@bp.input(Page, location="query")
@bp.output(NoticesOut)
@bp.doc(summary="One's own notices", responses=NOBODY)
def listing(query_data: Page) -> Response:
    """Of incidents that are still the asker's to see; the newest first."""
    by = principal()
    cursor = params.number_cursor(params.decode_cursor(query_data.cursor))
    rows = queries.list_notices(session(), by, query_data.limit + 1, cursor)
    page = paginate(rows, query_data.limit, lambda notice: str(notice.id))
    items = [notice_to_json(notice) for notice in page["items"]]
    return conditional_response(
        {"items": items, "next": page["next"], "unseen": queries.count_unseen(session(), by)}
    )


@bp.post("/notices/seen")
@bp.input(SeenIn)
@bp.output(SeenOut)
@bp.doc(summary="Mark one's own notices as seen", responses=NOBODY)
def seen(json_data: SeenIn) -> dict[str, int]:
    """Those of others, and those seen already, stay as they are."""
    by = principal()
    changed = actions.mark_seen(session(), by, json_data.ids, json_data.until)
    session().commit()
    return {"changed": changed, "unseen": queries.count_unseen(session(), by)}


def notice_to_json(notice: InApp) -> dict[str, Any]:
    """Return a notice as JSON."""
    zh, en = (render_notice(notice.topic, notice.body, language).event for language in ("zh", "en"))
    fields = {
        name: notice.body.get(name)
        for name in ("category", "category_zh", "state", "severity", "area", "role", "revision")
    }
    at = notice.at.astimezone(UTC).isoformat()
    return {
        "id": notice.id,
        "at": at,
        "topic": notice.topic,
        "zh": zh,
        "en": en,
        "incident": notice.incident,
        **fields,
        "area_name": notice.area_name or None,
        "category_en": notice.category_en or None,
        "seen": notice.seen,
    }
