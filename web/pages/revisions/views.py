"""`/revisions`: boundary drafts and what was published.

Each with a preview to look at before the leap, or after it.
"""

from datetime import UTC, datetime

from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _

from gis.areas.hierarchy import list_subtree
from gis.areas.models import RevisionState
from gis.boundaries import drafts, revision_access
from gis.boundaries.preview_grids import grid_names
from gis.boundaries.preview_issues import GRID_HOUSEHOLDS
from gis.errors import Forbidden
from gis.rights.actions import Action
from gis.rights.principal import Principal
from layers.overview import overview
from web.http import params
from web.http.db import session
from web.pages.shell.base_map import base_map
from web.pages.shell.page import render_page
from web.security.guard import require
from web.security.session import principal

bp = Blueprint("revisions_page", __name__)

MOST = 100  # rows of one page of the list
NAMED = 3  # grids named in a row; the others are counted
STATES = tuple(state.value for state in RevisionState)


@bp.get("/revisions")
def revisions() -> Response:
    """The list; `state`, and the number `before` which it goes on, are in the address.

    A file is brought back here.
    """
    by = planner()
    state = request.args.get("state", "")
    if state and state not in STATES:
        raise params.invalid_field("state", "field.none_of", value=state[:40], allowed=list(STATES))
    before = request.args.get("before", "")
    if before and not (before.isascii() and before.isdigit() and len(before) < 18):
        raise params.invalid_field("before", "field.not_a_revision_number", value=before[:40])
    rows = drafts.list_revisions(
        session(), by, state=state or None, before=int(before) if before else None, limit=MOST + 1
    )
    rows, older = rows[:MOST], rows[MOST - 1].id if len(rows) > MOST else None
    names = grid_names(session(), {code for row in rows for code in row.grids}, [])
    figures = overview(session(), params.parse_datetime(None))
    places = [
        one
        for one in list_subtree(session(), by.areas_by_action.get(Action.DRAFT) or ())
        if one["level"] != "grid"
    ]
    return render_page(
        "revisions/revisions.html",
        script="revisions/revisions.js",
        rows=rows,
        state=state,
        states=words_of_states(),
        places=places,
        older=older,
        named={
            row.id: [names[code] for code in row.grids if code in names][:NAMED] for row in rows
        },
        clock=clock,
        later=later,
        parts=base_map(figures),
        figures=figures,
        may_draft=by.is_allowed(Action.DRAFT),
        me_who=by.actor,
        data={"bbox": figures.bbox},
    )


@bp.get("/revisions/<int:number>")
def revision(number: int) -> Response:
    """What it changes, on the map and in tables, and what can be done with it."""
    by = planner()
    found = revision_access.get_revision(session(), by, number)
    figures = overview(session(), params.parse_datetime(None))
    mine = found.author == by.actor
    may = {
        "edit": found.state == RevisionState.DRAFT and mine and by.is_allowed(Action.DRAFT),
        "publish": found.state == RevisionState.DRAFT and by.is_allowed(Action.PUBLISH),
        "revert": found.state == RevisionState.PUBLISHED and by.is_allowed(Action.DRAFT),
    }
    return render_page(
        "revisions/revision.html",
        script="revisions/revision.js",
        found=found,
        may=may,
        states=words_of_states(),
        parts=base_map(figures),
        figures=figures,
        clock=clock,
        later=later(found.effective),
        data={
            "revision": number,
            "state": found.state,
            "mine": mine,
            "bands": GRID_HOUSEHOLDS,
            "may": may,
        },
    )


def planner() -> Principal:
    """Who asks, when they may draft or publish somewhere.

    Raises
    ------
    SignInNeeded, Forbidden
        Nobody, or somebody who may not.
    """
    by = principal()
    if by.kind == "anonymous":
        return require(Action.DRAFT)
    if not (by.is_allowed(Action.DRAFT) or by.is_allowed(Action.PUBLISH)):
        raise Forbidden("revision.editors_only")
    return by


def clock(at: datetime) -> str:
    """A moment as the deployment's clocks show it."""
    return at.astimezone(current_app.config["SETTINGS"].timezone).strftime("%Y-%m-%d %H:%M")


def later(effective: datetime | None) -> bool:
    """Whether published boundaries are still to take effect."""
    return effective is not None and effective > datetime.now(UTC)


def words_of_states() -> dict[str, str]:
    """The states as they are said."""
    return {"draft": _("Draft"), "published": _("Published"), "withdrawn": _("Withdrawn")}
