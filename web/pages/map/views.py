"""`/`: the map that knows who answers."""

import secrets
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request, url_for
from flask_babel import gettext

from gis.areas.models import LEVELS
from gis.errors import NotFound, TooLarge
from gis.palette import CIRCLE, CIRCLE_COLOUR_BY_MINUTES, SELECTION_COLOUR
from gis.rights.roles import ROLES
from gis.search import LEVEL_EN
from layers.facilities import CIRCLES, FACILITIES
from layers.features import feature_collection
from layers.folium_map import MAX_ZOOM, MIN_ZOOM, live_map, vector_tiles
from layers.overview import overview
from layers.registry import MAP_LAYERS
from layers.saved_map import saved_map
from web.http import i18n, params
from web.http.db import session
from web.pages.shell.assets import asset_digest
from web.pages.shell.base_map import map_centre
from web.pages.shell.content_security import with_csp
from web.pages.shell.page import page_basics

bp = Blueprint("map", __name__)

MAX_EXPORT_FEATURES = 20_000  # features of one layer in a saved map


@bp.get("/")
def index() -> Response:
    """The map, where and as the address says.

    `at` is the day shown, `compare` one to lay beside it.
    """
    told, beside = request.args.get("at"), request.args.get("compare")
    at = params.parse_datetime(told or None)
    other = params.parse_datetime(beside, "compare") if beside else None
    figures = overview(session(), at)
    chosen = i18n.chosen()
    offered = [layer for layer in MAP_LAYERS if layer.choice]
    visible = parse_list(
        "layers",
        [layer.name for layer in offered],
        [layer.name for layer in offered if layer.shown],
    )
    hidden = parse_list("off", list(FACILITIES.styles), [])
    parts = live_map(
        static=url_for("static", filename="").rstrip("/"),
        release=asset_digest(),
        centre=map_centre(figures),
        zoom=16 if figures.bbox else 5,
        layer=vector_tiles(
            url_for("map.index").rstrip("/") + "/tiles",
            figures.version,
            chosen,
            visible,
            hidden,
            at=told or "",
        ),
    )
    nonce = secrets.token_urlsafe(16)
    page = {
        **page_basics(),
        "bbox": figures.bbox,
        "at": at.isoformat() if told else None,
        "compare": other.isoformat() if other else None,
        "levels": [{"key": level.value, "zh": level.zh, "en": LEVEL_EN[level]} for level in LEVELS],
        "roles": {role.key: {"zh": role.zh, "en": role.en, "rank": role.rank} for role in ROLES},
        "categories": {
            key: style.title._asdict() for key, style in FACILITIES.styles.items() if style.title
        },
        "sign_in": url_for("account.sign_in"),
        "colours": {
            "chosen": SELECTION_COLOUR,
            "circle": CIRCLE,
            "steps": CIRCLE_COLOUR_BY_MINUTES,
        },
    }
    response = make_response(
        render_template(
            "map/map.html",
            parts=parts,
            nonce=nonce,
            page=page,
            at=told or "",
            compare=beside or "",
            day=at.strftime("%Y-%m-%d %H:%M") if told else "",
            figures=figures,
            offered=offered,
            visible=visible,
            hidden=hidden,
            facilities=FACILITIES,
            language=chosen,
            map_approval=current_app.config["SETTINGS"].map_approval,
        )
    )
    return with_csp(response, nonce)


@bp.get("/map.html")
def export() -> Response:
    """The view in the address (`bbox`, `zoom`, `layers`, `off`, `facility`, `at`) as one file that
    needs no network.
    """
    at = params.parse_datetime(request.args.get("at") or None)
    figures = overview(session(), at)
    chosen = i18n.chosen()
    box = params.parse_bbox(request.args["bbox"]) if "bbox" in request.args else figures.bbox
    if box is None:
        raise NotFound("map.empty")
    zoom = min(
        max(int(params.parse_float(request.args.get("zoom", "16"), "zoom")), MIN_ZOOM), MAX_ZOOM
    )
    offered = [layer for layer in MAP_LAYERS if layer.choice]
    visible = set(
        parse_list(
            "layers",
            [layer.name for layer in offered],
            [layer.name for layer in offered if layer.shown],
        )
    )
    hidden = set(parse_list("off", list(FACILITIES.styles), []))
    drawn = []
    for layer in MAP_LAYERS:
        if (layer.choice and layer.name not in visible) or zoom - 1 < layer.zooms.start:
            continue
        found = feature_collection(session(), layer, at, bbox=box, limit=MAX_EXPORT_FEATURES)
        if found["truncated"]:
            raise TooLarge("map.too_many_in_view", limit=MAX_EXPORT_FEATURES, layer=layer.name)
        if layer.by == "category":
            found["features"] = [
                one for one in found["features"] if one["properties"]["category"] not in hidden
            ]
        drawn.append((layer, found))
    written = saved_map(
        drawn,
        centre=((box[0] + box[2]) / 2, (box[1] + box[3]) / 2),
        zoom=zoom,
        language=chosen,
        title=f"{figures.place} · {gettext('Saved map')}"
        if figures.place
        else gettext("Saved map"),
        notes=[
            gettext("Made-up data: people, households and posts here are invented")
            if figures.made_up
            else "",
            gettext(
                "Saved on %(time)s", time=params.parse_datetime(None).strftime("%Y-%m-%d %H:%M")
            ),
            gettext("Boundaries of %(day)s", day=at.strftime("%Y-%m-%d %H:%M"))
            if request.args.get("at")
            else "",
            *figures.attributions,
        ],
        circle=circle_of(request.args.get("facility"), at),
    )
    response = Response(written, mimetype="text/html")
    response.headers["Content-Disposition"] = f'attachment; filename="wangge-{at:%Y%m%d-%H%M}.html"'
    response.headers["Cache-Control"] = "no-store"
    return response


def circle_of(code: str | None, at: datetime) -> dict[str, Any] | None:
    """The 15-minute circle of the facility that is selected, when there is one."""
    return feature_collection(session(), CIRCLES, at, code=code) if code else None


def parse_list(name: str, known: list[str], default: list[str]) -> list[str]:
    """A comma-separated list in the address, cut to what is known."""
    given: Any = request.args.get(name)
    return default if given is None else [one for one in given.split(",") if one in known]
