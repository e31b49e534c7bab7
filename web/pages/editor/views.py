"""`/editor`: drafts of boundary changes, drawn on the map so that borders cannot tear."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import LazyString, lazy_gettext

from gis.areas.models import RevisionState
from gis.areas.offered_areas import list_subtree
from gis.boundaries import draft_locks, drafts, reviews, revision_access
from gis.boundaries.editor_view import first_changed_grid
from gis.boundaries.preview_issues import GRID_HOUSEHOLDS
from gis.palette import SELECTION_COLOUR, SEQUENTIAL_COLOURS
from gis.rights.actions import Action
from gis.rights.principal import Principal
from layers.editor_map import editor_map
from layers.folium_map import vector_tiles
from web.http import i18n
from web.http.db import session
from web.pages.shell.assets import asset_digest
from web.pages.shell.base_map import map_centre
from web.pages.shell.opening import opening
from web.pages.shell.page import render_page
from web.security.guard import require

bp = Blueprint("editor", __name__)

MAX_LISTED_DRAFTS = 50


@dataclass(frozen=True)
class Tool:
    """A tool of the editor: its name in scripts, label, key, and a sentence on its use."""

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
        "cut",
        lazy_gettext("Cut across"),
        "C",
        lazy_gettext("Draw one line across several grids; each that it crosses is split."),
    ),
    Tool(
        "divide",
        lazy_gettext("Divide equally"),
        "D",
        lazy_gettext("Choose a grid, say into how many parts: each gets as many households."),
    ),
    Tool(
        "simplify",
        lazy_gettext("Simplify"),
        "L",
        lazy_gettext("Choose two neighbours: their border loses vertices, or becomes straight."),
    ),
    Tool(
        "merge",
        lazy_gettext("Merge"),
        "M",
        lazy_gettext("Choose neighbours; the one chosen first keeps its code. Press Enter."),
    ),
    Tool(
        "paint",
        lazy_gettext("Transfer area"),
        "P",
        lazy_gettext("Choose the grid that gets the land, then draw round the land."),
    ),
    Tool(
        "buildings",
        lazy_gettext("Paint buildings"),
        "H",
        lazy_gettext(
            "Choose the grid that gets them, then click buildings, or drag over them;"
            " with Shift a whole block. Press Enter."
        ),
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

TOOL_KEYS = {"Del": "delete"}  # keys that a browser names otherwise than their caps do


@bp.get("/editor")
def drafts_() -> Response:
    """List the principal's drafts, above the form for a new one."""
    by = require(Action.DRAFT)
    rows = drafts.list_revisions(
        session(), by, state=RevisionState.DRAFT.value, limit=MAX_LISTED_DRAFTS
    )
    shared = draft_locks.list_invitations(session(), by)
    areas = _list_draft_areas(by)
    return render_page(
        "editor/drafts.html",
        script="editor/drafts.js",
        drafts=[row for row in rows if row.author == by.actor or row.id in shared],
        waiting=reviews.list_waiting(session(), by),
        actor=by.actor,
        areas=areas,
        zone=current_app.config["SETTINGS"].timezone,
        selected=_initial_area(0, areas),
    )


@bp.get("/editor/<int:number>")
def editor(number: int) -> Response:
    """Open a draft in the editor; the area and the view of the map stand in the address."""
    by = require(Action.DRAFT)
    draft = revision_access.get_revision(session(), by, number)
    figures = opening()
    areas = _list_draft_areas(by)
    within = request.args.get("within") or _initial_area(number, areas)
    root = url_for("map.index").rstrip("/")
    tiles = vector_tiles(root + "/tiles", figures.version, i18n.chosen(), [], [])
    parts = editor_map(
        static=url_for("static", filename="").rstrip("/"),
        release=asset_digest(),
        centre=map_centre(figures),
        zoom=15,
        layer=tiles,
    )
    data: dict[str, Any] = {
        "bbox": figures.bbox,
        "revision": number,
        "title": draft.title,
        "state": draft.state,
        "within": within,
        "places": areas,
        "mine": draft_locks.may_edit(session(), by, draft),
        "author": draft_locks.is_author(by, draft),
        "may_publish": by.is_allowed(Action.PUBLISH),
        "bands": GRID_HOUSEHOLDS,
        "chosen": SELECTION_COLOUR,
        "ramp": SEQUENTIAL_COLOURS,
        "sign_in": url_for("account.sign_in"),
        "keys": {TOOL_KEYS.get(tool.key, tool.key.lower()): tool.name for tool in TOOLS},
    }
    return render_page(
        "editor/editor.html",
        script="editor/editor.js",
        data=data,
        parts=parts,
        figures=figures,
        draft=draft,
        areas=areas,
        within=within,
        tools=TOOLS,
        by_figures=by.is_allowed(Action.FIGURES),
    )


def _list_draft_areas(principal: Principal) -> list[dict[str, Any]]:
    """List the areas above grids in which the principal may draft."""
    areas = list_subtree(session(), principal.areas_by_action.get(Action.DRAFT) or ())
    return [area for area in areas if area["level"] != "grid"]


def _initial_area(number: int, areas: list[dict[str, Any]]) -> str:
    """Return the code of the area to open: the community of the first changed grid.

    Without one the first community, else the first area; empty without areas.
    """
    grid = first_changed_grid(session(), number)
    communities = [area["code"] for area in areas if area["level"] == "community"]
    changed = [code for code in communities if grid and grid.startswith(code)]
    return next(iter([*changed, *communities, *(area["code"] for area in areas)]), "")
