"""`/coverage`: who has a service within a walk, where it is missing, where one more helps."""

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import LazyString, lazy_gettext

from gis.areas.offered_areas import list_subtree
from gis.errors import NotFound
from gis.exchange.gaps_file import write_gaps
from gis.facilities.categories import CATEGORIES
from gis.facilities.coverage_gaps import gaps
from gis.facilities.siting_problem import Model
from gis.messages import Message
from gis.palette import ACCESS_CLASS_COLOURS, ACCESS_PLACE_COLOURS
from gis.rights.actions import PLANNING, Action
from layers.folium_map import PageParts, live_map, vector_tiles
from layers.overview import Overview
from web.http import i18n, params
from web.http.db import session
from web.http.downloads import attachment
from web.pages.coverage.question import DEFAULT_QUESTION, read_choice, read_question
from web.pages.shell.assets import asset_digest
from web.pages.shell.base_map import map_centre
from web.pages.shell.choices import profile_choices, service_name
from web.pages.shell.opening import opening
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.guard import require

bp = Blueprint("coverage_page", __name__)

OFFERED_MINUTES = (5, 10, 15, 20, 30)
DEFAULT_SITES = "2"

MODEL_LABELS: dict[Model, LazyString] = {
    Model.MCLP: lazy_gettext("most people are served"),
    Model.LSCP: lazy_gettext("everybody is served, by the fewest"),
    Model.P_MEDIAN: lazy_gettext("all walks together are shortest"),
    Model.P_CENTRE: lazy_gettext("the longest walk is shortest"),
}


@bp.get("/coverage")
def coverage() -> Response:
    """Show the page; service, minutes, profile, area, tab and view of the map stand in the address.

    Notes
    -----
    The script reads every figure from the API, which decides what who asks may see.
    """
    by = require(Action.FIGURES)
    figures = opening()
    may_plan = by.is_allowed_any(PLANNING)
    areas = list_subtree(session(), by.areas_by_action.get(Action.FIGURES) or ())
    tops = [area["code"] for area in areas if area["depth"] == 0]
    what = request.args.get("category", DEFAULT_QUESTION.category)
    profile = request.args.get("profile", DEFAULT_QUESTION.profile)
    return render_page(
        "coverage/coverage.html",
        script="coverage/coverage.js",
        data={
            "bbox": figures.bbox,
            "default": DEFAULT_QUESTION._asdict(),
            "whole": tops[0] if len(tops) == 1 else "",
            "colours": {"classes": ACCESS_CLASS_COLOURS, "apart": ACCESS_PLACE_COLOURS},
            "may": {"export": by.is_allowed(Action.EXPORT), "plan": may_plan},
        },
        parts=_map(figures),
        figures=figures,
        map_approval=current_app.config["SETTINGS"].map_approval,
        what=what,
        may_plan=may_plan,
        categories=[
            (category.key, service_name(category.key))
            for category in sorted(CATEGORIES, key=lambda category: category.rank)
        ],
        minutes=OFFERED_MINUTES,
        selected_minutes=request.args.get("minutes", DEFAULT_QUESTION.minutes, int),
        profiles=profile_choices(),
        selected_profile=profile,
        areas=areas,
        selected_area=request.args.get("area", ""),
        models=list(MODEL_LABELS.items()),
        model=request.args.get("model", Model.MCLP),
        sites=request.args.get("sites", DEFAULT_SITES),
    )


@bp.get("/coverage/gaps.<any(xlsx, csv, gpkg):kind>")
def gaps_file(kind: str) -> Response:
    """Send the gaps as a file: of areas where who asks may see figures and take data out.

    The choice of classes and communities and the box stand in the address, as on the page.

    Raises
    ------
    NotFound
        There is no gap; a map file cannot be empty.
    """
    by = require(Action.EXPORT)
    require(Action.FIGURES)
    category, minutes, profile = read_question()
    area = request.args.get("area") or None
    rows = gaps(
        session(),
        category.split(","),
        minutes,
        profile,
        area=area,
        open_at=params.parse_open_at(request.args.get("at")),
        within=[by.areas_by_action[action] for action in (Action.EXPORT, Action.FIGURES)],
    )
    choice, box = read_choice(), request.args.get("bbox")
    west, south, east, north = params.parse_bbox(box) if box else (-180, -90, 180, 90)
    allowed = [
        gap
        for gap in rows
        if choice.passes(gap.access_class, gap.community)
        and west <= gap.lon <= east
        and south <= gap.lat <= north
    ]
    if not allowed:
        raise NotFound("coverage.no_gaps")
    response = attachment(f"gaps.{kind}", lambda path: write_gaps(allowed, path))
    record_export(
        by,
        Message("shown.gaps", {"ending": kind, "category": category, "minutes": minutes}),
        area or "",
    )
    return response


def _map(figures: Overview) -> PageParts:
    """Return the ground: communities only, since the buildings carry the colours."""
    tiles = url_for("map.index").rstrip("/") + "/tiles"
    return live_map(
        static=url_for("static", filename="").rstrip("/"),
        release=asset_digest(),
        centre=map_centre(figures),
        zoom=15 if figures.bbox else 5,
        layer=vector_tiles(tiles, figures.version, i18n.chosen(), ["communities"], []),
    )
