"""The live map as a Folium map, with our vector tiles on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from branca.element import Figure
from folium.template import Template

from gis.palette import (
    BASEMAP_COLOURS,
    CIRCLE,
    CIRCLE_COLOUR_BY_MINUTES,
    SELECTION_COLOUR,
    TEXT_COLOURS,
)
from layers import literal
from layers.registry import MAP_LAYERS, SERVICE, SOURCES
from layers.tiles import MAX_ZOOM

MIN_ZOOM = 9
MAX_TILE_ZOOM = 16  # closer views stretch these


@dataclass(frozen=True)
class PageParts:
    """A rendered Folium map as parts of a page.

    header: link and script tags. html: the map's element. script: what makes the map of it, for a
    module: it runs when the scripts of the header are there, which keep no page from being drawn.
    """

    header: str
    html: str
    script: str


class LiveMap(literal.Map):
    """A Folium map without inline styles that loads from this deployment only."""

    _template = Template(
        """
        {% macro html(this, kwargs) %}
        <div id={{ this.get_name()|tojson }} class="folium-map"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.map({{ this.get_name()|tojson }},
            {center: {{ this.location|tojson }}, ...{{ this.options|tojavascript }}});
        {% endmacro %}
        """
    )

    def __init__(self, static: str, version: str, **options: Any) -> None:
        """Name the scripts and styles of the map.

        Parameters
        ----------
        static
            Address of web/static.
        version
            Digest in the address of the files, so that browsers may cache them for good.
        """
        root = f"{static}/v/{version}"
        self.default_js = [
            ("leaflet", f"{root}/vendor/leaflet/leaflet.js"),
            ("accessible", f"{root}/shared/accessible-map.js"),
            ("protomaps", f"{root}/vendor/protomaps-leaflet/protomaps-leaflet.js"),
            ("tiles", f"{root}/shared/tiles.js"),
        ]
        self.default_css = [("leaflet_css", f"{root}/vendor/leaflet/leaflet.css")]
        super().__init__(
            tiles=None,
            zoom_control=False,
            attribution_control=False,
            control_scale=False,
            **options,
        )


class VectorTiles(literal.LiteralMacro):
    """Our layers as one Leaflet layer, so that labels of all layers avoid each other."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = wangge.vectorTiles(
            {{ this._parent.get_name() }}, {{ this.config|tojson }});
        {% endmacro %}
        """
    )

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._name = "VectorTiles"
        self.config = dict(config)


def vector_tiles(
    tiles: str,
    version: str,
    language: str,
    visible: Sequence[str],
    hidden: Sequence[str],
    at: str = "",
    emphasis: tuple[str, int] | None = None,
) -> VectorTiles:
    """Return the layers as the browser paints them.

    Parameters
    ----------
    tiles
        Root address of the tiles.
    version
        Of the data; part of the tiles' address, so that they may be cached for good.
    visible
        Names of the visible layers among those the layer control offers.
    hidden
        Categories of facilities left out.
    at
        Moment whose boundaries are shown, as in an address; empty means now.
    emphasis
        The category of facilities that is shown alone, with what it serves within some minutes.
    """
    moment = f"&at={quote(at)}" if at else ""
    chosen = "/{category}/{minutes}"  # filled in by the browser
    return VectorTiles(
        {
            "sources": {
                name: f"{tiles}/{name}{chosen if name == SERVICE else ''}"
                f"/{{z}}/{{x}}/{{y}}.mvt?v={version}{moment}"
                for name in SOURCES
            },
            "source": {layer.name: name for name in SOURCES for layer in SOURCES[name]},
            "layers": [layer.as_json() for layer in MAP_LAYERS],
            "visible": list(visible),
            "hidden": list(hidden),
            "emphasis": emphasis and {"category": emphasis[0], "minutes": emphasis[1]},
            "maxTileZoom": MAX_TILE_ZOOM,
            "language": language,
            "colours": {
                "paper": BASEMAP_COLOURS,
                "ink": TEXT_COLOURS,
                "chosen": SELECTION_COLOUR,
                "circle": CIRCLE,
                "steps": CIRCLE_COLOUR_BY_MINUTES,
            },
        }
    )


def live_map(
    *, static: str, release: str, centre: tuple[float, float], zoom: float, layer: VectorTiles
) -> PageParts:
    """Return the map of the live page.

    Parameters
    ----------
    static
        Address of web/static.
    release
        Digest of our own scripts.
    centre
        (lon, lat) in degrees.
    """
    page_map = LiveMap(
        static,
        release,
        location=[centre[1], centre[0]],
        zoom_start=zoom,
        min_zoom=MIN_ZOOM,
        max_zoom=MAX_ZOOM,
    )
    return rendered(page_map, layer)


def rendered(page_map: LiveMap, layer: VectorTiles) -> PageParts:
    """Render a map with our tiles on it as parts of a page."""
    layer.add_to(page_map)
    figure: Any = page_map.get_root()
    assert isinstance(figure, Figure)
    figure.render()
    header = figure.header.render().replace("<script src=", "<script defer src=")
    return PageParts(header, figure.html.render(), figure.script.render())
