"""`/editor`: drafts of boundary changes, drawn on the map so that borders cannot tear."""

import secrets
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import text

from gis.areas.models import RevisionState
from gis.boundaries import drafts
from gis.boundaries.preview import GRID_HOUSEHOLDS
from gis.palette import SELECTION_COLOUR
from gis.rights.access import Action
from layers.editor_map import editor_map
from layers.folium_map import vector_tiles
from layers.overview import overview
from web.http import i18n, params
from web.http.db import session
from web.pages.desk.views import areas
from web.pages.map.views import asset_digest, map_centre, with_csp
from web.pages.shell.page import render_page
from web.security.csrf import csrf_token
from web.security.guard import require

bp = Blueprint("editor", __name__)

MOST = 50  # drafts in the list
# tool -> its key, the words on its button, and what it does; the help card lists them too
TOOLS = ("move", "border", "split", "merge", "paint", "add", "retire")


@bp.get("/editor")
def drafts_() -> Response:
    """One's drafts, and a new one."""
    by = require(Action.DRAFT)
    mine = [
        row
        for row in drafts.list_revisions(session(), by, state=RevisionState.DRAFT.value, limit=MOST)
        if row.author == by.who
    ]
    places = [one for one in areas(by, Action.DRAFT) if one["level"] != "grid"]
    return render_page("editor_drafts.html", script="editor-drafts.js", drafts=mine, places=places, first=_first(0, places),
                data={"words": {"untitled": _("Say in a few words what the change is"), "error": _("This did not work"),
                                "offline": _("The server cannot be reached. Check the connection and try again.")}})  # fmt: skip


@bp.get("/editor/<int:number>")
def editor(number: int) -> Response:
    """The editor on a draft; the area in view, and where the map stands, are in the address."""
    by = require(Action.DRAFT)
    draft = drafts.get_revision(session(), by, number)
    figures = overview(session(), params.parse_datetime(None))
    chosen, version, nonce = i18n.chosen(), asset_digest(), secrets.token_urlsafe(16)
    places = [one for one in areas(by, Action.DRAFT) if one["level"] != "grid"]
    within = request.args.get("within") or _first(number, places)
    root = url_for("map.index").rstrip("/")
    parts = editor_map(
        static=url_for("static", filename="").rstrip("/"), release=version, centre=map_centre(figures), zoom=15,
        layer=vector_tiles(root + "/tiles", figures.version, chosen, [], []),
    )  # fmt: skip
    data: dict[str, Any] = {
        "language": chosen, "words": words(), "api": root + "/api/v1", "root": root, "csrf": csrf_token(), "bbox": figures.bbox,
        "revision": number, "title": draft.title, "state": draft.state, "within": within, "places": places,
        "mine": draft.author == by.who or by.kind == "system", "may_publish": by.may(Action.PUBLISH),
        "bands": GRID_HOUSEHOLDS, "chosen": SELECTION_COLOUR,
    }  # fmt: skip
    written = render_template(
        "editor.html", parts=parts, nonce=nonce, page=data, figures=figures, language=chosen, release=version,
        draft=draft, places=places, within=within, tools=TOOLS, words=words(),
    )  # fmt: skip
    response = with_csp(make_response(written), nonce)
    response.headers["Cache-Control"] = "no-store"
    return response


def _first(number: int, places: list[dict[str, Any]]) -> str:
    """The community the draft begins with; else the first the asker may draft in."""
    query = "SELECT touched[1] FROM operation WHERE revision_id = :id ORDER BY step LIMIT 1"
    grid = session().scalar(text(query), {"id": number})
    known = [one["code"] for one in places if one["level"] == "community"]
    if grid and (found := [code for code in known if grid.startswith(code)]):
        return found[0]
    return known[0] if known else (places[0]["code"] if places else "")


def words() -> dict[str, str]:
    """Key in the scripts -> word in the reader's language; {name} is filled in by the script."""
    return {
        "move": _("Move vertices"), "move_key": "V",
        "move_help": _("Drag a corner of a border; every grid that shares it moves along. Drag the middle of a border to make a corner; drag a corner onto the next to take it away."),
        "border": _("Redraw a border"), "border_key": "B",
        "border_help": _("Choose two neighbours, then draw the line between them from end to end."),
        "split": _("Split"), "split_key": "S",
        "split_help": _("Draw a line across a grid, from border to border. The larger part keeps the code."),
        "merge": _("Merge"), "merge_key": "M",
        "merge_help": _("Choose neighbours; the one chosen first keeps its code. Press Enter."),
        "paint": _("Give land over"), "paint_key": "P",
        "paint_help": _("Choose the grid that gets the land, then draw round the land."),
        "add": _("Add a grid"), "add_key": "A",
        "add_help": _("Draw round land that belongs to no grid."),
        "retire": _("Retire"), "retire_key": "Del",
        "retire_help": _("Choose the grid that ends, then the neighbour that takes its land."),
        "undo": _("Undo"), "redo": _("Redo"), "help": _("Keys and help"), "close": _("Close"),
        "snap": _("Snap to borders, streets and buildings"),
        "loading": _("Loading the borders…"), "saving": _("Saving…"), "saved": _("Saved as step {n}"),
        "error": _("This did not work"), "offline": _("The server cannot be reached. Check the connection and try again."),
        "not_mine": _("You are looking at somebody else's draft; it cannot be changed here."),
        "not_draft": _("This revision is no draft any more; it cannot be changed."),
        "choose_two": _("Choose two neighbouring grids"), "choose_first": _("Choose the grid that keeps its code"),
        "choose_more": _("Choose more neighbours, then press Enter"), "choose_gets": _("Choose the grid that gets the land"),
        "choose_ends": _("Choose the grid that ends"), "choose_takes": _("Choose the neighbour that takes the land of {name}"),
        "draw_line": _("Draw the line; double-click ends it"), "draw_region": _("Draw round the land; click the first corner to close"),
        "draw_border": _("Draw the new border between {a} and {b}; double-click ends it"),
        "merge_now": _("Merge {n} grids"), "nothing_touched": _("Nothing is drawn yet."),
        "nothing_next": _("Choose a tool on the left. Everything is saved at once and in force only when you publish."),
        "grids": _("Changed grids"), "problems": _("Problems"), "steps": _("Steps"),
        "no_problems": _("No problems found."), "refused": _("cannot be published"), "warning": _("warning"),
        "households": _("{n} households"), "band_in": _("within {low}–{high}"), "band_low": _("below {low}"),
        "band_high": _("above {high}"), "compactness": _("compactness {n}"), "was": _("was {n}"), "new": _("new"), "gone": _("ends"),
        "hectares": _("{n} ha"), "moves": _("{households} households, {units} units, {posts} posts, {incidents} open incidents change grid"),
        "step": _("Step {n}"), "conflict": _("{who} has redrawn {grids} meanwhile (revision {n})."), "rebase": _("Draw my changes on theirs"),
        "rebased": _("Your draft is drawn on the newest boundaries."), "newer": _("Newer boundaries were published elsewhere on this map."),
        "reload": _("Show them"), "publish": _("Publish"), "preview": _("Preview"),
        "publish_refused": _("{n} problems must be solved first"),
        "whole_view": _("Show everything"),
        "settle": _("belongs to {name}"), "zoom_for_handles": _("Zoom in to move corners"),
    }  # fmt: skip
