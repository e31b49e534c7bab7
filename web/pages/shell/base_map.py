"""The map that pages lay under what they show."""

from collections.abc import Collection

from flask import request, url_for

from layers.facilities import FACILITIES
from layers.folium_map import PageParts, live_map, vector_tiles
from layers.overview import Overview
from layers.registry import MAP_LAYERS
from web.http import i18n, params
from web.http.shards import tile_version
from web.pages.shell.assets import asset_digest

DEFAULT_CENTRE = (104.0, 35.0)  # lon, lat: the middle of China, while nothing is loaded


def map_centre(figures: Overview) -> tuple[float, float]:
    """Return longitude and latitude of the middle of what is loaded.

    The script then goes where the address says.
    """
    if figures.bbox is None:
        return DEFAULT_CENTRE
    west, south, east, north = figures.bbox
    return (west + east) / 2, (south + north) / 2


def base_map(figures: Overview, without: Collection[str] = ()) -> PageParts:
    """Return the map under a pin: the areas, without facilities and the layers named.

    `p=lon,lat` in the address is its centre.
    """
    visible = [
        layer.name
        for layer in MAP_LAYERS
        if layer.user_selectable
        and layer.visible_by_default
        and layer.name not in ("facilities", *without)
    ]
    root = url_for("map.index").rstrip("/")
    point = request.args.get("p", "").split(",")
    at = map_centre(figures)
    if len(point) == 2:
        at = params.parse_float(point[0], "p"), params.parse_float(point[1], "p")
    return live_map(
        static=url_for("static", filename="").rstrip("/"),
        release=asset_digest(),
        centre=at,
        zoom=16 if figures.bbox else 5,
        layer=vector_tiles(
            root + "/tiles",
            tile_version(figures.version),
            i18n.chosen(),
            visible,
            list(FACILITIES.styles),
        ),
    )
