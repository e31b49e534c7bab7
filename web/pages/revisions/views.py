"""`/revisions`: boundary drafts and published revisions, each with a preview."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _
from sqlalchemy import Row

from gis.areas.models import Revision, RevisionState
from gis.areas.offered_areas import list_subtree
from gis.boundaries import draft_locks, drafts, reviews, revision_access
from gis.boundaries.preview_grids import grid_names
from gis.boundaries.preview_issues import GRID_HOUSEHOLDS
from gis.errors import Forbidden
from gis.rights.actions import PLANNING, Action
from gis.rights.principal import Principal
from web.http import params
from web.http.db import session
from web.http.downloads import MAX_LIST_ROWS, list_table, wants_table
from web.pages.shell.base_map import base_map
from web.pages.shell.opening import opening
from web.pages.shell.page import render_page
from web.security.guard import require
from web.security.session import principal

bp = Blueprint("revisions_page", __name__)

PAGE_ROWS = 100
MAX_ROW_GRIDS = 3  # in a row of the list; the others are counted
REVISION_STATES = tuple(state.value for state in RevisionState)


@bp.get("/revisions")
def revisions() -> Response:
    """List revisions, newest first, beside the form that uploads a boundary file.

    Raises
    ------
    InvalidInput
        There is no such state, or `before` is no number.

    Notes
    -----
    `state` in the address filters, `before` is the last number of the previous page.
    """
    by = require_planner()
    state = request.args.get("state", "")
    if state and state not in REVISION_STATES:
        raise params.invalid_field(
            "state", "field.none_of", value=state[:40], allowed=list(REVISION_STATES)
        )
    cursor = request.args.get("before", "")
    before = params.read_digits(cursor)
    if cursor and before is None:
        raise params.invalid_field("before", "field.not_a_revision_number", value=cursor[:40])
    rows = drafts.list_revisions(
        session(),
        by,
        state=state or None,
        before=before,
        limit=MAX_LIST_ROWS if wants_table() else PAGE_ROWS + 1,
    )
    if wants_table():
        header = [_("Number"), _("State"), _("Title"), _("Who"), _("When"), _("Why"), _("Grid")]
        return list_table("revisions", header, map(_cells, rows))
    rows, older = rows[:PAGE_ROWS], rows[PAGE_ROWS - 1].id if len(rows) > PAGE_ROWS else None
    names = grid_names(session(), {code for row in rows for code in row.grids}, [])
    figures = opening()
    may_draft = by.is_allowed(Action.DRAFT)
    areas = list_subtree(session(), by.areas_by_action.get(Action.DRAFT) or ())
    return render_page(
        "revisions/revisions.html",
        script="revisions/revisions.js" if may_draft else "",  # of the form and its map
        rows=rows,
        waiting=reviews.list_waiting(session(), by),
        state=state,
        states=state_labels(),
        areas=[area for area in areas if area["level"] != "grid"],
        older=older,
        grid_names={
            row.id: [names[code] for code in row.grids if code in names][:MAX_ROW_GRIDS]
            for row in rows
        },
        clock=clock,
        is_future=is_future,
        parts=base_map(figures),
        figures=figures,
        may_draft=may_draft,
        data={"bbox": figures.bbox},
    )


def _cells(row: Row[Any]) -> tuple[object, ...]:
    """Return the cells of a revision in a file."""
    state, when = state_labels()[row.state], clock(row.published_at or row.created_at)
    author = row.author.removeprefix("account ")
    return row.id, state, row.title, author, when, row.reason, " ".join(row.grids)


@bp.get("/revisions/compare")
def compare() -> Response:
    """Show two drafts side by side, `a` and `b`; without them, choose both."""
    by = require_planner()
    numbers = [_draft_number(request.args.get(side, ""), side) for side in ("a", "b")]
    rows = drafts.list_revisions(session(), by, state=RevisionState.DRAFT.value, limit=PAGE_ROWS)
    if None not in numbers:
        for number in numbers:
            row = revision_access.get_revision(session(), by, number or 0)
            draft_locks.require_draft(row, to_read=True)
    figures = opening()
    a, b = numbers
    return render_page(
        "revisions/compare.html",
        script="revisions/compare.js",
        rows=rows,
        a=a,
        b=b,
        parts=base_map(figures),
        figures=figures,
        data={"a": a, "b": b, "bands": GRID_HOUSEHOLDS},
    )


def _draft_number(written: str, field: str) -> int | None:
    if not written:
        return None
    number = params.read_digits(written)
    if number is None:
        raise params.invalid_field(field, "field.not_a_revision_number", value=written[:40])
    return number


@bp.get("/revisions/<int:number>")
def revision(number: int) -> Response:
    """Show what a revision changes, on the map and in tables, and what can be done with it."""
    by = require_planner()
    row = revision_access.get_revision(session(), by, number)
    figures = opening()
    mine = row.author == by.actor
    may = what_may_be_done(by, row)
    return render_page(
        "revisions/revision.html",
        script="revisions/revision.js",
        revision=row,
        may=may,
        states=state_labels(),
        parts=base_map(figures),
        figures=figures,
        clock=clock,
        future=is_future(row.effective),
        data={
            "revision": number,
            "state": row.state,
            "version": row.version,
            "mine": mine,
            "bands": GRID_HOUSEHOLDS,
            "may": may,
        },
    )


def what_may_be_done(by: Principal, row: Revision) -> dict[str, bool]:
    """Return what the principal may do with a revision, by the name of its button."""
    is_draft = row.state == RevisionState.DRAFT
    drafts_there = is_draft and by.is_allowed(Action.DRAFT)
    review = reviews.find_review(session(), row)
    return {
        "edit": drafts_there and draft_locks.may_edit(session(), by, row),
        "ask": drafts_there and draft_locks.is_author(by, row),
        "review": is_draft and review is not None and review.reviewer == by.actor,
        "comment": is_draft,
        "publish": is_draft and by.is_allowed(Action.PUBLISH),
        "revert": row.state == RevisionState.PUBLISHED and by.is_allowed(Action.DRAFT),
    }


def require_planner() -> Principal:
    """Return the principal if it may draft or publish boundaries somewhere.

    Raises
    ------
    AuthenticationRequired
        Nobody is signed in.
    Forbidden
        `revision.editors_only`: the account may do neither.
    """
    by = principal()
    if by.kind == "anonymous":
        return require(Action.DRAFT)
    if not by.is_allowed_any(PLANNING):
        raise Forbidden("revision.editors_only")
    return by


def clock(at: datetime) -> str:
    """Format a moment in the time zone of the deployment."""
    return at.astimezone(current_app.config["SETTINGS"].timezone).strftime("%Y-%m-%d %H:%M")


def is_future(effective: datetime | None) -> bool:
    """Return whether published boundaries have yet to take effect."""
    return effective is not None and effective > datetime.now(UTC)


def state_labels() -> dict[str, str]:
    """Return the labels of the states in the reader's language."""
    return {"draft": _("Draft"), "published": _("Published"), "withdrawn": _("Withdrawn")}
