"""The current view as one HTML file of Folium that needs no network."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from types import MappingProxyType
from typing import Any, NamedTuple

import folium
from branca.element import Figure
from folium.template import Template

from gis.messages import LOCALES, Message, render
from gis.palette import BASEMAP_COLOURS, BLACK, CIRCLE, PAGE_COLOURS, WHITE
from layers import literal
from layers.icons import VENDOR_PATH
from layers.layer import Layer, MapView, Stops, Style
from layers.saved_labels import MakeRoom, add_labels, label_css

FONT_STACK = '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif'
TEMPLATE_ESCAPES = str.maketrans({"`": "&#96;", "\\": "&#92;"})
CIRCLE_STYLE = {"color": CIRCLE, "weight": 2.5, "fillColor": CIRCLE, "fillOpacity": 0.12}


def escape_markup(value: object) -> str:
    """Escape a value for HTML and for the template literals that Folium writes it into."""
    return escape(str(value), quote=True).replace("${", "&#36;{").translate(TEMPLATE_ESCAPES)


class LegendLine(NamedTuple):
    """A line of a legend: how a shape is painted, what that means, and how many there are.

    Of two sides that are compared `other` is the value of the second; `icon` is the pictogram of
    points, as SVG path data.
    """

    style: Style
    text: str
    value: str = ""
    other: str = ""
    icon: str = ""


class Legend(NamedTuple):
    """A legend: its heading, what its numbers count, its lines, and the names of two sides."""

    heading: str
    unit: str
    lines: Sequence[LegendLine]
    sides: Sequence[str] = ()


class SavedMap(literal.Map):
    """A Folium map that loads nothing: Leaflet is written into the file."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012  Folium's own names
    default_css: list[tuple[str, str]] = []  # noqa: RUF012
    zoom_titles: Mapping[str, str] = MappingProxyType({})  # of the two buttons
    _template = Template(
        """
        {% macro html(this, kwargs) %}
        <div id={{ this.get_name()|tojson }} class="folium-map"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.map({{ this.get_name()|tojson }}, {
            center: {{ this.location|tojson }},
            attributionControl: false,
            ...{{ this.options|tojavascript }}
        });
        L.control.zoom({{ this.zoom_titles|tojson }}).addTo({{ this.get_name() }});
        {% endmacro %}
        """
    )


class KeepInFront(literal.LiteralMacro):
    """Keeps groups above those of which one is chosen, whichever was chosen last."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        {{ this._parent.get_name() }}.on("baselayerchange", () => {
            {%- for group in this.groups %}
            {{ group.get_name() }}.bringToFront();
            {%- endfor %}
        });
        {% endmacro %}
        """
    )

    def __init__(self, groups: Sequence[folium.FeatureGroup]) -> None:
        super().__init__()
        self.groups = groups


def saved_map(
    drawn: Sequence[tuple[Layer, Mapping[str, Any]]],
    view: MapView,
    *,
    language: str,
    title: str,
    notes: Iterable[str],
    circle: Mapping[str, Any] | None = None,
    legend: Legend | None = None,
    alternatives: Mapping[str, str] | None = None,
) -> str:
    """Return a page with a map that needs no server and no network.

    Parameters
    ----------
    drawn
        Layers in the order they are painted, each with its FeatureCollection (longitude first).
    title
        At the top of the page.
    notes
        Credits, date and other lines below the title; empty ones are left out.
    circle
        Service circle as FeatureCollection, drawn above the layers.
    legend
        In a corner of the map.
    alternatives
        What to call layers of which one is seen at a time, by their names; the first to begin with.

    Notes
    -----
    Every name is escaped, and rendered text is never compiled as a template (see literal.py).
    """
    page = _empty_map(view, language)
    alternatives = alternatives or {}
    above: list[folium.FeatureGroup] = []  # what is painted after the alternatives
    for layer, features in drawn:
        is_alternative = layer.name in alternatives
        group = literal.FeatureGroup(
            name=escape_markup(alternatives.get(layer.name) or render(layer.title, language)),
            control=layer.user_selectable,
            overlay=not is_alternative,
            show=not is_alternative or layer.name == next(iter(alternatives)),
        )
        _add_features(group, layer, features["features"], view.zoom, language)
        add_labels(group, layer, features["features"])
        group.add_to(page)
        above = [] if is_alternative else [*above, group]
    if alternatives:
        KeepInFront(above).add_to(page)
    if circle:
        literal.GeoJson(
            _collection(circle["features"], language),
            style_function=lambda _: CIRCLE_STYLE,
            control=False,
        ).add_to(page)
    literal.LayerControl(collapsed=False).add_to(page)
    MakeRoom().add_to(page)
    figure: Any = page.get_root()
    assert isinstance(figure, Figure)
    _embed_assets(figure, title, label_css(layer for layer, _ in drawn))
    _add_texts(figure, title, notes, legend)
    return str(figure.render()).replace(
        "<html>", f'<html lang="{LOCALES[language].replace("_", "-")}">', 1
    )


def _empty_map(view: MapView, language: str) -> SavedMap:
    """Return a map without layers about a place, its buttons in the reader's language."""
    west, south, east, north = view.bbox
    page = SavedMap(
        location=[(south + north) / 2, (west + east) / 2],
        zoom_start=view.zoom,
        tiles=None,
        prefer_canvas=True,
        max_zoom=20,
        zoom_control=False,
    )
    page.zoom_titles = {
        "zoomInTitle": render(Message("saved_map.zoom_in"), language),
        "zoomOutTitle": render(Message("saved_map.zoom_out"), language),
    }
    return page


def _add_features(
    group: folium.FeatureGroup,
    layer: Layer,
    features: Sequence[Mapping[str, Any]],
    zoom: int,
    language: str,
) -> None:
    for value, style in layer.styles.items():
        if members := [feature for feature in features if _style_of(layer, feature) == value]:
            _shapes(layer, style, members, zoom, language, layer.icons.get(value, "")).add_to(group)


def _add_texts(figure: Figure, title: str, notes: Iterable[str], legend: Legend | None) -> None:
    lines = "".join(f"<p>{escape_markup(note)}</p>" for note in notes if note)
    figure.html.add_child(
        literal.LiteralText(
            f'<header class="saved"><h1>{escape_markup(title)}</h1>{lines}</header>'
        ),
        name="saved",
    )
    if legend:
        figure.html.add_child(literal.LiteralText(_legend_html(legend)), name="legend")


def _legend_html(legend: Legend) -> str:
    lines = "".join(
        f"<li>{_swatch(line)}<span>{escape_markup(line.text)}</span><b>{escape_markup(line.value)}</b>"
        + (f"<b>{escape_markup(line.other)}</b>" if legend.sides else "")
        + "</li>"
        for line in legend.lines
    )
    sides = "".join(f"<span>{escape_markup(side)}</span>" for side in legend.sides)
    head = f'<p class="saved-sides">{sides}</p>' if sides else ""
    return (
        f'<aside class="saved-legend"><h2>{escape_markup(legend.heading)}'
        f"<span>{escape_markup(legend.unit)}</span></h2>{head}<ul>{lines}</ul></aside>"
    )


def _swatch(line: LegendLine) -> str:
    """Return how a line of the legend is painted: a pictogram, or a box with its outline."""
    style = line.style
    if line.icon:
        return pictogram(style, line.icon)
    outline = f"1px {'dashed' if style.dash else 'solid'} {style.stroke}" if style.stroke else "0"
    fill = style.fill or "transparent"
    shade = round(style.fill_opacity * 100)
    return (
        f'<i style="background:color-mix(in srgb, {fill} {shade}%, transparent);'
        f'border:{outline}"></i>'
    )


def pictogram(style: Style, path: str) -> str:
    """Return a disc with a pictogram as inline SVG."""
    return (
        '<svg viewBox="-1 -1 26 26" width="20" height="20" aria-hidden="true">'
        f'<circle cx="12" cy="12" r="12" fill="{style.fill}" stroke="{style.stroke}"/>'
        f'<path transform="translate(4.5 4.5)" d="{path}" fill="{style.glyph}"/></svg>'
    )


def _embed_assets(figure: Any, title: str, label_rules: str) -> None:
    """Replace every address that Folium or branca would load by Leaflet itself and our styles."""
    for name in list(figure.header._children):
        if any(word in figure.header._children[name].render() for word in ("http://", "https://")):
            del figure.header._children[name]
    leaflet = (
        (VENDOR_PATH / "leaflet" / "leaflet.js")
        .read_text(encoding="utf-8")
        .replace("//# sourceMappingURL=leaflet.js.map", "")
        .replace("https://leafletjs.com", "#")
    )
    rules = (VENDOR_PATH / "leaflet" / "leaflet.css").read_text(encoding="utf-8")
    figure.header.add_child(
        literal.LiteralText(
            f"<title>{escape_markup(title)}</title><style>{rules}{CSS}{label_rules}</style>"
        ),
        name="style",
    )
    figure.header.add_child(literal.LiteralText(f"<script>{leaflet}</script>"), name="leaflet")


def _shapes(
    layer: Layer, style: Style, members: Sequence[Any], zoom: int, language: str, icon: str
) -> literal.GeoJson:
    width = _at(style.width, zoom)
    look: dict[str, Any] = {
        "stroke": bool(style.stroke),
        "color": style.stroke or BLACK,
        "opacity": style.opacity,
        "weight": width,
        "fill": bool(style.fill) and layer.geometry_type != "line",
        "fillColor": style.fill or BLACK,
        "fillOpacity": style.fill_opacity,
        "dashArray": " ".join(map(str, style.dash)) or None,
    }
    marker = None
    if icon:
        mark = folium.DivIcon(
            html=pictogram(style, icon), icon_size=(20, 20), class_name="saved-pin"
        )
        marker = folium.Marker(icon=mark)
    elif layer.geometry_type == "point":
        marker = folium.CircleMarker(radius=_at(style.radius, zoom), **look)
    tooltip = (
        literal.GeoJsonTooltip(fields=["label"], labels=False) if layer.user_selectable else None
    )
    return literal.GeoJson(
        _collection(members, language),
        style_function=lambda _, look=look: look,
        marker=marker,
        tooltip=tooltip,
        control=False,
    )


def _collection(members: Sequence[Any], language: str) -> dict[str, Any]:
    """Return features as a FeatureCollection with nothing but their labels, escaped."""
    return {
        "type": "FeatureCollection",
        "features": [_plain(feature, language) for feature in members],
    }


def _plain(feature: Mapping[str, Any], language: str) -> dict[str, Any]:
    props = feature["properties"]
    label = " ".join(str(props[key]) for key in ("estate", "name") if props.get(key)) or str(
        props.get("code", "")
    )
    return {
        "type": "Feature",
        "geometry": feature["geometry"],
        "properties": {"label": escape_markup(label)},
    }


def _style_of(layer: Layer, feature: Mapping[str, Any]) -> str:
    if layer.style_property is None:
        return ""
    value = str(feature["properties"].get(layer.style_property) or "")
    return value if value in layer.styles else ""


def _at(stops: Stops, zoom: float) -> float:
    """Return the value of stops at a zoom, interpolated linearly between them."""
    lower = [stop for stop in stops if stop[0] <= zoom] or [stops[0]]
    upper = [stop for stop in stops if stop[0] > zoom]
    (low, a) = lower[-1]
    if not upper or low >= zoom:
        return a
    (high, b) = upper[0]
    return a + (b - a) * (zoom - low) / (high - low)


CSS = f"""
html, body {{ height: 100%; margin: 0; font-family: {FONT_STACK}; color: {PAGE_COLOURS["text"]}; }}
body {{ display: flex; flex-direction: column; }}
.folium-map {{ flex: 1; background: {BASEMAP_COLOURS["land"]}; font-family: {FONT_STACK}; }}
.saved {{
  padding: 8px 16px;
  border-bottom: 1px solid {PAGE_COLOURS["line"]};
  display: flex;
  flex-wrap: wrap;
  gap: 4px 20px;
  align-items: baseline;
}}
.saved h1 {{ font-size: 18px; margin: 0; color: {PAGE_COLOURS["ink"]}; }}
.saved p {{ margin: 0; font-size: 13px; color: {PAGE_COLOURS["quiet"]}; }}
.saved-legend {{
  position: absolute;
  z-index: 900;
  left: 12px;
  bottom: 12px;
  padding: 8px 12px;
  border-radius: 8px;
  background: {PAGE_COLOURS["paper"]};
  box-shadow: 0 1px 5px rgb(27 39 51 / 0.2);
  font-size: 13px;
  max-height: 60%;
  overflow: auto;
}}
.saved-legend h2 {{
  margin: 0 0 4px;
  font-size: 13px;
  display: flex;
  gap: 24px;
  justify-content: space-between;
}}
.saved-legend h2 span {{ font-weight: 400; color: {PAGE_COLOURS["quiet"]}; }}
.saved-sides {{ display: flex; justify-content: flex-end; gap: 8px; margin: 0; }}
.saved-sides span, .saved-legend b + b, .saved-legend b:has(+ b) {{
  width: 88px;
  text-align: right;
}}
.saved-sides span {{ overflow-wrap: anywhere; font-size: 12px; color: {PAGE_COLOURS["quiet"]}; }}
.saved-legend ul {{ list-style: none; margin: 0; padding: 0; }}
.saved-legend li {{ display: flex; gap: 8px; align-items: center; line-height: 22px; }}
.saved-legend i {{ width: 16px; height: 12px; box-sizing: border-box; }}
.saved-legend li span {{ flex: 1; }}
.saved-legend svg {{ flex: none; margin: 0 -2px; }}
.saved-label {{ pointer-events: none; }}
.saved-label span {{
  position: absolute;
  transform: translate(-50%, -50%);
  white-space: nowrap;
  text-shadow: {", ".join([f"0 0 2px {WHITE}"] * 4)};
}}
.saved-label.of-facilities span {{ transform: translate(14px, -50%); }}
.leaflet-control-layers {{ font-size: 14px; }}
.foliumtooltip, .leaflet-tooltip {{ font-size: 13px; }}
.foliumtooltip table {{ margin: 0; }}
@media print {{
  .leaflet-control-container {{ display: none; }}
  * {{ print-color-adjust: exact; }}
}}
"""
