"""A layer is a value: what to show, from which zoom, in which colour.

Tiles, GeoJSON and Folium all read it.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Select

from gis.messages import Message, render
from gis.palette import WHITE

Stops = tuple[tuple[int, float], ...]  # (map zoom, CSS pixels), straight lines between


class Title(NamedTuple):
    """The label of a style in both languages."""

    zh: str
    en: str


def in_both_languages(message: Message) -> dict[str, str]:
    """Return a message in Chinese and in English, as browsers choose between them."""
    return {language: render(message, language) for language in ("zh", "en")}


@dataclass(frozen=True)
class Style:
    """How a shape is painted; what is None is left out.

    fill, stroke, casing, glyph: CSS colours; casing lies under the stroke.
    fill_opacity, opacity: 0 to 1.
    width, casing_width: CSS pixels by map zoom; radius the same for points.
    """

    fill: str | None = None
    fill_opacity: float = 1.0
    stroke: str | None = None
    opacity: float = 1.0
    width: Stops = ((0, 1.0),)
    dash: tuple[float, ...] = ()
    casing: str | None = None
    casing_width: Stops = ()
    radius: Stops = ((0, 4.0),)
    glyph: str = WHITE  # the pictogram on a point
    title: Title | None = None  # its line in the legend, when the layer has several
    from_zoom: int = 0  # first map zoom at which it is shown unasked


@dataclass(frozen=True)
class Label:
    """Which property is written, from which map zoom, and how large.

    Low rank wins where labels meet.
    """

    prop: str
    from_zoom: int
    size: Stops
    colour: str
    rank: int
    halo: str = WHITE
    weight: int = 400


class MapView(NamedTuple):
    """What a map shows.

    bbox: (west, south, east, north) in degrees, in the middle of the map. zoom: Map zoom,
    at which widths are taken.
    """

    bbox: tuple[float, float, float, float]
    zoom: int


@dataclass(frozen=True)
class Layer:
    """One thing a map can show.

    name: Its place in addresses: /tiles/{name}/…, /api/v1/layers/{name}.
    query: Moment -> select of properties and `geom` (EPSG:4490). It neither groups nor limits,
        so that a filter on `geom` reaches the index.
    zooms: Tile zooms that hold it. Tiles are 512 px, so a Leaflet map is one zoom further in.
    styles: By the value of the property `style_property`; "" is for every other value.
    visible_by_default: Whether a first visit shows it.
    user_selectable: Whether the layer control offers it.
    dissolved: Whether all its shapes are drawn as one, without inner borders; it then has no
        properties.
    max_tile_features: How many a tile holds at most; None: all.
    """

    name: str
    title: Message
    geometry_type: Literal["polygon", "line", "point"]
    query: Callable[[datetime], Select[*tuple[Any, ...]]]
    zooms: range
    styles: Mapping[str, Style]
    style_property: str | None = None
    labels: tuple[Label, ...] = ()
    visible_by_default: bool = True
    user_selectable: bool = True
    hint: Message | None = None
    icons: Mapping[str, str] = field(default_factory=dict)
    dissolved: bool = False
    max_tile_features: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what the browser needs to paint the layer."""
        return {
            "name": self.name,
            "title": in_both_languages(self.title),
            "hint": in_both_languages(self.hint) if self.hint else None,
            "kind": self.geometry_type,
            "zooms": [self.zooms.start, self.zooms.stop - 1],
            "by": self.style_property,
            "order": list(self.styles),  # an object's keys may be sorted on the way
            "styles": {
                value: asdict(style) | {"title": style.title and style.title._asdict()}
                for value, style in self.styles.items()
            },
            "labels": [asdict(label) for label in self.labels],
            "shown": self.visible_by_default,
            "choice": self.user_selectable,
            "icons": dict(self.icons),
        }
