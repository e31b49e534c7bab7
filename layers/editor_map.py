"""The map of the boundary editor: the live map's quiet ground with leaflet-geoman to draw on it."""

from typing import Any

from layers.folium_map import MIN_ZOOM, LiveMap, PageParts, VectorTiles, rendered
from layers.tiles import MAX_ZOOM


class EditorMap(LiveMap):
    """A Folium map that also brings leaflet-geoman, from this deployment."""

    def __init__(self, static: str, version: str, **options: Any) -> None:
        """Take the parameters of `LiveMap`."""
        super().__init__(static, version, **options)
        vendor = f"{static}/v/{version}/vendor/leaflet-geoman/leaflet-geoman"
        self.default_js = [*self.default_js, ("geoman", f"{vendor}.js")]
        self.default_css = [*self.default_css, ("geoman_css", f"{vendor}.css")]


def editor_map(
    *, static: str, release: str, centre: tuple[float, float], zoom: float, layer: VectorTiles
) -> PageParts:
    """Return the map of the boundary editor; parameters as of `live_map`."""
    page_map = EditorMap(
        static,
        release,
        location=[centre[1], centre[0]],
        zoom_start=zoom,
        min_zoom=MIN_ZOOM,
        max_zoom=MAX_ZOOM,
        prefer_canvas=True,
    )
    return rendered(page_map, layer)
