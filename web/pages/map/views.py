"""`/`: the map that shows who is responsible for a place, and the same map as a saved file."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import gettext

from gis.areas.models import LEVELS
from gis.errors import NotFound, TooLarge
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.circle_runs import CIRCLE_MINUTES
from gis.facilities.coverage_summary import coverage
from gis.messages import render
from gis.palette import CIRCLE, CIRCLE_COLOUR_BY_MINUTES, SELECTION_COLOUR
from gis.rights.roles import ROLES
from gis.search import LEVEL_EN
from layers.facilities import CIRCLES, FACILITIES
from layers.features import feature_collection
from layers.folium_map import MIN_ZOOM, PageParts, live_map, vector_tiles
from layers.layer import Layer, MapView
from layers.legend import legend_of
from layers.overview import Overview, register_counts
from layers.registry import MAP_LAYERS, SERVICE, SOURCES
from layers.saved_map import saved_map
from layers.service_area import service_layers
from layers.tiles import MAX_ZOOM
from web.http import i18n, params
from web.http.db import session
from web.http.downloads import attachment
from web.http.shards import tile_version
from web.pages.shell.assets import asset_digest, asset_url
from web.pages.shell.base_map import map_centre
from web.pages.shell.incident_address import incident_address
from web.pages.shell.opening import opening
from web.pages.shell.page import render_page
from web.security.session import principal

bp = Blueprint("map", __name__)

MAX_EXPORT_FEATURES = 20_000  # features of one layer in a saved map
SELECTABLE_LAYERS = tuple(
    layer for layer in MAP_LAYERS if layer.user_selectable and layer not in SOURCES[SERVICE]
)
CITY = SOURCES["city"]
# a layer without tiles, which are the same for everybody: its script asks what the reader may see
TODAY = "today"


@bp.get("/")
def index() -> Response:
    """Show the map; view, layers and moment stand in the address.

    Notes
    -----
    `at` is the day whose boundaries are shown, `compare` one to compare it with.
    """
    day, compared_day = request.args.get("at"), request.args.get("compare")
    at = params.parse_datetime(day or None)
    compared = params.parse_datetime(compared_day, "compare") if compared_day else None
    figures = opening(at)
    visible, emphasis = _visible_layers(), _emphasis()
    data = _page_data(figures) | {
        "at": at.isoformat() if day else None,
        "compare": compared.isoformat() if compared else None,
    }
    return render_page(
        "map/map.html",
        script="map/map.js",
        data=data,
        cacheable=True,
        parts=_live_map(figures, visible, emphasis, day or ""),
        at_local=_field(at) if day else "",
        compare_local=_field(compared) if compared else "",
        figures=figures,
        counts=register_counts(session(), figures.counties),
        offered=SELECTABLE_LAYERS,
        text_of=render,
        visible=visible,
        emphasis=emphasis,
        limits=CIRCLE_MINUTES,
        today=TODAY in parse_list("layers", [TODAY], []),
        facilities=FACILITIES,
        map_approval=current_app.config["SETTINGS"].map_approval,
    )


def _live_map(
    figures: Overview, visible: list[str], emphasis: tuple[str, int] | None, day: str
) -> PageParts:
    tiles = vector_tiles(
        url_for("map.index").rstrip("/") + "/tiles",
        tile_version(figures.version),
        i18n.chosen(),
        visible,
        [],
        at=day,
        emphasis=emphasis,
    )
    return live_map(
        static=url_for("static", filename="").rstrip("/"),
        release=asset_digest(),
        centre=map_centre(figures),
        zoom=16 if figures.bbox else 5,
        layer=tiles,
    )


def _page_data(figures: Overview) -> dict[str, Any]:
    """Return the tables that the script of the map needs."""
    return {
        "bbox": figures.bbox,
        "levels": [{"key": level.value, "zh": level.zh, "en": LEVEL_EN[level]} for level in LEVELS],
        "roles": {role.key: {"zh": role.zh, "en": role.en, "rank": role.rank} for role in ROLES},
        "categories": {
            key: style.title._asdict() for key, style in FACILITIES.styles.items() if style.title
        },
        "limits": CIRCLE_MINUTES,
        "sign_in": url_for("account.sign_in"),
        "today": {
            "style": asset_url("map/today.css"),
            "incident": incident_address(principal(), "{id}"),
        },
        "colours": {
            "chosen": SELECTION_COLOUR,
            "circle": CIRCLE,
            "steps": CIRCLE_COLOUR_BY_MINUTES,
        },
    }


@bp.get("/map.html")
def export() -> Response:
    """Send the view of the map as one file that needs no network.

    Raises
    ------
    NotFound
        No box is named, and nothing is loaded.

    Notes
    -----
    The view stands in the address: `bbox`, `zoom`, `layers`, `category`, `minutes`, `facility`,
    `at`.
    """
    at = params.parse_datetime(request.args.get("at") or None)
    figures = opening(at)
    bbox = params.parse_bbox(request.args["bbox"]) if "bbox" in request.args else figures.bbox
    if bbox is None:
        raise NotFound("map.empty")
    zoom = min(
        max(int(params.parse_float(request.args.get("zoom", "16"), "zoom")), MIN_ZOOM), MAX_ZOOM
    )
    title = gettext("Saved map")
    facility = request.args.get("facility")
    drawn, emphasis = _visible_features(bbox, zoom, at), _emphasis()
    html = saved_map(
        drawn,
        MapView(bbox, zoom),
        language=i18n.chosen(),
        title=f"{figures.names} · {title}" if figures.names else title,
        notes=_map_notes(figures, at),
        circle=feature_collection(session(), CIRCLES, at, code=facility) if facility else None,
        legend=legend_of(
            drawn,
            i18n.chosen(),
            _served(*emphasis) if emphasis else {},
            gettext("households") if emphasis else "",
        ),
    )
    return attachment(f"wangge-{at:%Y%m%d-%H%M}.html", html)


def _served(category: str, minutes: int) -> dict[str, str]:
    """Return how many households a category serves within some minutes, and how many not."""
    totals = coverage(session(), [category], minutes).totals
    return {
        "served": f"{totals.served.households:,}",
        "beyond": f"{totals.beyond.households:,}",
    }


def _visible_features(
    bbox: tuple[float, float, float, float], zoom: int, at: datetime
) -> list[tuple[Layer, dict[str, Any]]]:
    """Return the layers of the address, each with its features, in the order of painting.

    Raises
    ------
    TooLarge
        `map.too_many_in_view`: a layer has more than MAX_EXPORT_FEATURES in view.
    """
    visible, emphasis = _visible_layers(), _emphasis()
    drawn = [
        layer
        for layer in (*SOURCES["base"], *(service_layers(*emphasis) if emphasis else ()), *CITY)
        if zoom - 1 >= layer.zooms.start
        and (layer.name in visible or layer not in SELECTABLE_LAYERS)
    ]
    collections = []
    for layer in drawn:
        collection = feature_collection(session(), layer, at, bbox=bbox, limit=MAX_EXPORT_FEATURES)
        if collection["truncated"]:
            raise TooLarge("map.too_many_in_view", limit=MAX_EXPORT_FEATURES, layer=layer.name)
        if layer is FACILITIES:
            collection["features"] = [
                feature
                for feature in collection["features"]
                if _is_shown(feature["properties"]["category"], emphasis, zoom)
            ]
        collections.append((layer, collection))
    return collections


def _is_shown(category: str, emphasis: tuple[str, int] | None, zoom: int) -> bool:
    """Return whether the map shows facilities of a category: the chosen one, else by zoom."""
    if emphasis:
        return category == emphasis[0]
    style = FACILITIES.styles.get(category)
    return style is not None and zoom >= style.from_zoom


def _map_notes(figures: Overview, at: datetime) -> list[str]:
    """Return the lines below the title of a saved map; empty ones do not apply."""
    now = params.parse_datetime(None)
    return [
        gettext("Made-up data: people, households and posts here are invented")
        if figures.made_up
        else "",
        gettext("Saved on %(time)s", time=now.strftime("%Y-%m-%d %H:%M")),
        gettext("Boundaries of %(day)s", day=at.strftime("%Y-%m-%d %H:%M"))
        if request.args.get("at")
        else "",
        *figures.attributions,
    ]


def _visible_layers() -> list[str]:
    return parse_list(
        "layers",
        [layer.name for layer in SELECTABLE_LAYERS],
        [layer.name for layer in SELECTABLE_LAYERS if layer.visible_by_default],
    )


def _field(moment: datetime) -> str:
    """Return a moment as the fields of the form write it, in local time: 2026-03-03T14:30."""
    zone = current_app.config["SETTINGS"].timezone
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def _emphasis() -> tuple[str, int] | None:
    """Return the category of the address that is shown alone, and the minutes of its walk."""
    category = request.args.get("category", "")
    minutes = request.args.get("minutes", "")
    if category not in CATEGORY_BY_KEY:
        return None
    return category, next(
        (limit for limit in CIRCLE_MINUTES if str(limit) == minutes), CIRCLE_MINUTES[-1]
    )


def parse_list(name: str, allowed: list[str], default: list[str]) -> list[str]:
    """Return a comma-separated query parameter as a list, without values that are not allowed."""
    value: Any = request.args.get(name)
    return default if value is None else [item for item in value.split(",") if item in allowed]
