"""The current view as one HTML file: Folium with everything inside, for a place without
a network.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import folium
from branca.element import Figure
from folium.template import Template

from gis.palette import BASEMAP_COLOURS, BLACK, CIRCLE, PAGE_COLOURS
from layers import literal
from layers.layer import Layer, Stops, Style

VENDOR = Path(__file__).resolve().parent.parent / "web" / "static" / "vendor"
FONT_STACK = '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif'


def escape_markup(words: object) -> str:
    """Text that stays text in HTML and in the template literals that Folium writes it into."""
    return (
        escape(str(words), quote=True)
        .replace("`", "&#96;")
        .replace("${", "&#36;{")
        .replace("\\", "&#92;")
    )


class SavedMap(literal.Map):
    """A Folium map that loads nothing: Leaflet is written into the file."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012  Folium's own names
    default_css: list[tuple[str, str]] = []  # noqa: RUF012
    _template = Template(
        """
        {% macro html(this, kwargs) %}<div id={{ this.get_name()|tojson }} class="folium-map"></div>{% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.map({{ this.get_name()|tojson }},
            {center: {{ this.location|tojson }}, attributionControl: false, ...{{ this.options|tojavascript }}});
        {% endmacro %}
        """
    )


def saved_map(
    drawn: Sequence[tuple[Layer, Mapping[str, Any]]],
    *,
    centre: tuple[float, float],
    zoom: int,
    language: str,
    title: str,
    notes: Iterable[str],
    circle: Mapping[str, Any] | None = None,
) -> str:
    """A page that needs no server and no network.

    Parameters
    ----------
    drawn
        Layers in the order they are painted, each with its FeatureCollection (longitude first).
    centre
        (lon, lat), degrees. zoom: Map zoom, at which widths are taken.
    title
        At the top of the page. notes: Credits, the made-up band, the date; each a line.
    circle
        A service circle as FeatureCollection, drawn above the rest.

    Names are escaped here, whatever they hold, and rendered text is never compiled as a template
    (see literal.py).
    """
    page = SavedMap(
        location=[centre[1], centre[0]],
        zoom_start=zoom,
        tiles=None,
        prefer_canvas=True,
        max_zoom=20,
    )
    for layer, features in drawn:
        words = layer.title.zh if language == "zh" else layer.title.en
        group = literal.FeatureGroup(name=escape_markup(words), control=layer.choice)
        for value, style in layer.styles.items():
            members = [one for one in features["features"] if _style_of(layer, one) == value]
            if members:
                _shapes(layer, style, members, zoom, language).add_to(group)
        group.add_to(page)
    if circle:
        literal.GeoJson(
            {
                "type": "FeatureCollection",
                "features": [_plain(one, language) for one in circle["features"]],
            },
            style_function=lambda _: {
                "color": CIRCLE,
                "weight": 2.5,
                "fillColor": CIRCLE,
                "fillOpacity": 0.12,
            },
            control=False,
        ).add_to(page)
    literal.LayerControl(collapsed=False).add_to(page)
    figure: Any = page.get_root()
    assert isinstance(figure, Figure)
    # every address that Folium or branca would load is dropped; what is needed stands in the file
    for name in list(figure.header._children):
        if any(word in figure.header._children[name].render() for word in ("http://", "https://")):
            del figure.header._children[name]
    leaflet = (
        (VENDOR / "leaflet" / "leaflet.js")
        .read_text(encoding="utf-8")
        .replace("//# sourceMappingURL=leaflet.js.map", "")
        .replace("https://leafletjs.com", "#")
    )
    rules = (VENDOR / "leaflet" / "leaflet.css").read_text(encoding="utf-8")
    figure.header.add_child(
        literal.LiteralText(f"<title>{escape_markup(title)}</title><style>{rules}{CSS}</style>"),
        name="style",
    )
    figure.header.add_child(literal.LiteralText(f"<script>{leaflet}</script>"), name="leaflet")
    lines = "".join(f"<p>{escape_markup(note)}</p>" for note in notes if note)
    figure.html.add_child(
        literal.LiteralText(
            f'<header class="saved"><h1>{escape_markup(title)}</h1>{lines}</header>'
        ),
        name="saved",
    )
    return str(figure.render())


def _shapes(
    layer: Layer, style: Style, members: Sequence[Any], zoom: int, language: str
) -> literal.GeoJson:
    found = {"type": "FeatureCollection", "features": [_plain(one, language) for one in members]}
    width = _at(style.width, zoom)
    look: dict[str, Any] = {
        "stroke": bool(style.stroke),
        "color": style.stroke or BLACK,
        "opacity": style.opacity,
        "weight": width,
        "fill": bool(style.fill) and layer.kind != "line",
        "fillColor": style.fill or BLACK,
        "fillOpacity": style.fill_opacity,
        "dashArray": " ".join(map(str, style.dash)) or None,
    }
    marker = (
        folium.CircleMarker(radius=_at(style.radius, zoom), **look)
        if layer.kind == "point"
        else None
    )
    tooltip = literal.GeoJsonTooltip(fields=["words"], labels=False) if layer.choice else None
    return literal.GeoJson(
        found,
        style_function=lambda _, look=look: look,
        marker=marker,
        tooltip=tooltip,
        control=False,
    )


def _plain(feature: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A feature with nothing but its words, escaped."""
    props = feature["properties"]
    words = " ".join(str(props[key]) for key in ("estate", "name") if props.get(key)) or str(
        props.get("code", "")
    )
    return {
        "type": "Feature",
        "geometry": feature["geometry"],
        "properties": {"words": escape_markup(words)},
    }


def _style_of(layer: Layer, feature: Mapping[str, Any]) -> str:
    value = str(feature["properties"].get(layer.by) or "") if layer.by else ""
    return value if value in layer.styles else ""


def _at(stops: Stops, zoom: float) -> float:
    """The value of stops at a zoom, straight lines between them."""
    before = [stop for stop in stops if stop[0] <= zoom] or [stops[0]]
    after = [stop for stop in stops if stop[0] > zoom]
    (low, a) = before[-1]
    if not after or low >= zoom:
        return a
    (high, b) = after[0]
    return a + (b - a) * (zoom - low) / (high - low)


CSS = f"""
html, body {{ height: 100%; margin: 0; font-family: {FONT_STACK}; color: {PAGE_COLOURS["text"]}; }}
body {{ display: flex; flex-direction: column-reverse; }}
.folium-map {{ flex: 1; background: {BASEMAP_COLOURS["land"]}; font-family: {FONT_STACK}; }}
.saved {{ padding: 8px 16px; border-bottom: 1px solid {PAGE_COLOURS["line"]}; display: flex; flex-wrap: wrap; gap: 4px 20px; align-items: baseline; }}
.saved h1 {{ font-size: 18px; margin: 0; color: {PAGE_COLOURS["ink"]}; }} .saved p {{ margin: 0; font-size: 13px; color: {PAGE_COLOURS["quiet"]}; }}
.leaflet-control-layers {{ font-size: 14px; }} .foliumtooltip, .leaflet-tooltip {{ font-size: 13px; }}
.foliumtooltip table {{ margin: 0; }}
@media print {{ .leaflet-control-container {{ display: none; }} * {{ print-color-adjust: exact; }} }}
"""
