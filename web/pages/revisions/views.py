"""`/revisions`: boundary drafts and what was published; each with a preview to look at before the leap, or after it."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _

from gis.areas.models import RevisionState
from gis.boundaries import drafts
from gis.boundaries.preview import GRID_HOUSEHOLDS, grid_names
from gis.errors import Forbidden
from gis.rights.access import Action, Principal
from layers.overview import overview
from web.http import params
from web.http.db import session
from web.pages.desk.views import areas
from web.pages.report.views import base_map
from web.pages.shell.page import render_page
from web.security.guard import require
from web.security.session import principal

bp = Blueprint("revisions_page", __name__)

MOST = 100  # rows of one page of the list
NAMED = 3  # grids named in a row; the others are counted
STATES = tuple(state.value for state in RevisionState)


@bp.get("/revisions")
def revisions() -> Response:
    """The list; `state`, and the number `before` which it goes on, are in the address. A file is brought back here."""
    by = planner()
    state = request.args.get("state", "")
    if state and state not in STATES:
        raise params.invalid_field("state", f"{state[:40]!r} is none of {', '.join(STATES)}")
    before = request.args.get("before", "")
    if before and not (before.isascii() and before.isdigit() and len(before) < 18):
        raise params.invalid_field("before", f"{before[:40]!r} is no number of a revision")
    rows = drafts.list_revisions(
        session(), by, state=state or None, before=int(before) if before else None, limit=MOST + 1
    )
    rows, older = rows[:MOST], rows[MOST - 1].id if len(rows) > MOST else None
    names = grid_names(session(), {code for row in rows for code in row.grids}, [])
    figures = overview(session(), params.parse_datetime(None))
    places = [one for one in areas(by, Action.DRAFT) if one["level"] != "grid"]
    return render_page(
        "revisions.html", script="revisions.js", rows=rows, state=state, states=words_of_states(), places=places, older=older,
        named={row.id: [names[code] for code in row.grids if code in names][:NAMED] for row in rows},
        clock=clock, later=later,
        parts=base_map(figures), figures=figures, may_draft=by.may(Action.DRAFT), me_who=by.who,
        data={"words": words(), "bbox": figures.bbox},
    )  # fmt: skip


@bp.get("/revisions/<int:number>")
def revision(number: int) -> Response:
    """What it changes, on the map and in tables, and what can be done with it."""
    by = planner()
    found = drafts.get_revision(session(), by, number)
    figures = overview(session(), params.parse_datetime(None))
    mine = found.author == by.who
    may = {
        "edit": found.state == RevisionState.DRAFT and mine and by.may(Action.DRAFT),
        "publish": found.state == RevisionState.DRAFT and by.may(Action.PUBLISH),
        "revert": found.state == RevisionState.PUBLISHED and by.may(Action.DRAFT),
    }
    return render_page(
        "revision.html", script="revision.js", found=found, may=may, states=words_of_states(), parts=base_map(figures),
        figures=figures, clock=clock, later=later(found.effective),
        data={"words": words(), "revision": number, "state": found.state, "mine": mine, "bands": GRID_HOUSEHOLDS,
              "may": may},
    )  # fmt: skip


def planner() -> Principal:
    """Who asks, when they may draft or publish somewhere.

    Raises:
        SignInNeeded, Forbidden: Nobody, or somebody who may not.
    """
    by = principal()
    if by.kind == "anonymous":
        return require(Action.DRAFT)
    if not (by.may(Action.DRAFT) or by.may(Action.PUBLISH)):
        raise Forbidden("boundary revisions are for those who draft or publish them")
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


def words() -> dict[str, Any]:
    """What the scripts put on screen."""
    return {
        "error": _("This did not work"), "offline": _("The server cannot be reached. Check the connection and try again."),
        "reading": _("Reading the file…"), "choose_file": _("Choose a file"), "no_draft": _("Every grid is as published; no draft was made."),
        "made": _("Draft made: {changed} changed, {new} new, {gone} gone"), "open_draft": _("Look at the draft"),
        "torn": _("The file is torn: {overlaps} overlaps, {gaps} gaps"), "overlap": _("overlap"), "gap": _("gap"),
        "m2": _("{m2} m², {width} m wide"), "remedy": _("Mend it in QGIS, or let it be mended up to a width of so many metres."),
        "from_to": _("{from} → {to}"), "nobody": _("no grid"), "households": _("{n} households"), "none": _("None"),
        "new": _("new"), "gone": _("ends"), "changed": _("changed"), "refused": _("cannot be published"), "warning": _("warning"),
        "no_problems": _("No problems found."), "nothing": _("Nothing changes hands."), "sure_withdraw": _("Give this draft up?"),
        "conflict": _("{name} was redrawn by {author} in revision {n}"), "rebase": _("Draw it again on the newest boundaries"),
        "old": _("before"), "now": _("after"), "unseen": _("not yours to count"), "within_band": _("within {low}–{high}"),
        "outside_band": _("outside {low}–{high}"), "building": _("Buildings"), "unit": _("Ten-household units"), "post": _("Posts"),
        "facility": _("Facilities"), "incident": _("Open incidents"), "hectares": _("{n} ha"), "total_grids": _("grids"), "total_households": _("households"), "total_people": _("people"),
        "total_buildings": _("buildings"), "total_units": _("ten-household units"), "total_posts": _("posts"), "total_facilities": _("facilities"),
        "total_incidents": _("open incidents"), "file_refused": _("The file was refused:"),
        "notes": _("Notes on the file ({n})"), "unsolved": _("Cannot be published until what is marked ✕ is solved"),
        "sure_revert": _("Begin a draft that takes these boundaries back? Nothing is in force by it."),
        "to": _("goes to {name}"), "sure_rebase": _("Draw it again on the newest boundaries? Its steps are kept where they still fit."),
    }  # fmt: skip
