"""`/editor`: drafts of boundary changes, drawn on the map so that borders cannot tear."""

import secrets
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext

from gis.areas.hierarchy import list_subtree
from gis.areas.models import RevisionState
from gis.boundaries import drafts, revision_access
from gis.boundaries.editor_view import first_changed_grid
from gis.boundaries.preview_issues import GRID_HOUSEHOLDS
from gis.palette import SELECTION_COLOUR
from gis.rights.actions import Action
from layers.editor_map import editor_map
from layers.folium_map import vector_tiles
from layers.overview import overview
from web.http import i18n, params
from web.http.db import session
from web.pages.shell.assets import asset_digest
from web.pages.shell.base_map import map_centre
from web.pages.shell.content_security import with_csp
from web.pages.shell.page import page_basics, render_page
from web.security.csrf import csrf_token
from web.security.guard import require

bp = Blueprint("editor", __name__)

MOST = 50  # drafts in the list


@dataclass(frozen=True)
class Tool:
    """A tool of the editor: its name in scripts, label, key, and what it does."""

    name: str
    label: LazyString
    key: str
    help: LazyString


TOOLS = (
    Tool(
        "move",
        lazy_gettext("Move vertices"),
        "V",
        lazy_gettext(
            "Drag a corner of a border; every grid that shares it moves along."
            " Drag the middle of a border to make a corner;"
            " drag a corner onto the next to take it away."
        ),
    ),
    Tool(
        "border",
        lazy_gettext("Redraw a border"),
        "B",
        lazy_gettext("Choose two neighbours, then draw the line between them from end to end."),
    ),
    Tool(
        "split",
        lazy_gettext("Split"),
        "S",
        lazy_gettext(
            "Draw a line across a grid, from border to border. The larger part keeps the code."
        ),
    ),
    Tool(
        "merge",
        lazy_gettext("Merge"),
        "M",
        lazy_gettext("Choose neighbours; the one chosen first keeps its code. Press Enter."),
    ),
    Tool(
        "paint",
        lazy_gettext("Give land over"),
        "P",
        lazy_gettext("Choose the grid that gets the land, then draw round the land."),
    ),
    Tool(
        "add",
        lazy_gettext("Add a grid"),
        "A",
        lazy_gettext("Draw round land that belongs to no grid."),
    ),
    Tool(
        "retire",
        lazy_gettext("Retire"),
        "Del",
        lazy_gettext("Choose the grid that ends, then the neighbour that takes its land."),
    ),
)


@bp.get("/editor")
def drafts_() -> Response:
    """One's drafts, and a new one."""
    by = require(Action.DRAFT)
    mine = [
        row
        for row in drafts.list_revisions(session(), by, state=RevisionState.DRAFT.value, limit=MOST)
        if row.author == by.actor
    ]
    places = [
        one
        for one in list_subtree(session(), by.areas_by_action.get(Action.DRAFT) or ())
        if one["level"] != "grid"
    ]
    return render_page(
        "editor/drafts.html",
        script="editor/drafts.js",
        drafts=mine,
        places=places,
        first=_first(0, places),
    )


@bp.get("/editor/<int:number>")
def editor(number: int) -> Response:
    """The editor on a draft; the area in view, and where the map stands, are in the address."""
    by = require(Action.DRAFT)
    draft = revision_access.get_revision(session(), by, number)
    figures = overview(session(), params.parse_datetime(None))
    chosen, nonce = i18n.chosen(), secrets.token_urlsafe(16)
    places = [
        one
        for one in list_subtree(session(), by.areas_by_action.get(Action.DRAFT) or ())
        if one["level"] != "grid"
    ]
    within = request.args.get("within") or _first(number, places)
    root = url_for("map.index").rstrip("/")
    parts = editor_map(
        static=url_for("static", filename="").rstrip("/"),
        release=asset_digest(),
        centre=map_centre(figures),
        zoom=15,
        layer=vector_tiles(root + "/tiles", figures.version, chosen, [], []),
    )
    data: dict[str, Any] = {
        **page_basics(),
        "csrf": csrf_token(),
        "bbox": figures.bbox,
        "revision": number,
        "title": draft.title,
        "state": draft.state,
        "within": within,
        "places": places,
        "mine": draft.author == by.actor or by.kind == "system",
        "may_publish": by.is_allowed(Action.PUBLISH),
        "bands": GRID_HOUSEHOLDS,
        "chosen": SELECTION_COLOUR,
    }
    written = render_template(
        "editor/editor.html",
        parts=parts,
        nonce=nonce,
        page=data,
        figures=figures,
        language=chosen,
        draft=draft,
        places=places,
        within=within,
        tools=TOOLS,
    )
    response = with_csp(make_response(written), nonce)
    response.headers["Cache-Control"] = "no-store"
    return response


def _first(number: int, places: list[dict[str, Any]]) -> str:
    """The community the draft begins with; else the first the asker may draft in."""
    grid = first_changed_grid(session(), number)
    known = [one["code"] for one in places if one["level"] == "community"]
    if grid and (found := [code for code in known if grid.startswith(code)]):
        return found[0]
    return known[0] if known else (places[0]["code"] if places else "")
