"""The names on a saved map: written where there is room, those of larger areas first."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import folium
import shapely
from folium.template import Template

from layers import literal
from layers.layer import Label, Layer


class Labels(literal.LiteralMacro):
    """Names that belong to a group of a saved map, and go and come with it."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        for (const [lat, lon, name] of {{ this.rows }}) {
            const text = document.createElement("span");
            text.textContent = name;
            L.marker([lat, lon], {
                interactive: false,
                keyboard: false,
                icon: L.divIcon({
                    className: {{ this.class_name|tojson }}, html: text, iconSize: [0, 0]
                })
            }).addTo({{ this._parent.get_name() }});
        }
        {% endmacro %}
        """
    )

    def __init__(self, layer: Layer, label: Label, features: Iterable[Mapping[str, Any]]) -> None:
        super().__init__()
        self._name = "Labels"
        self.class_name = f"saved-label rank-{label.rank} from-{label.from_zoom} of-{layer.name}"
        self.rows = as_script(
            [
                [*_place(feature["geometry"]), str(name)]
                for feature in features
                if (name := feature["properties"].get(label.prop))
            ]
        )


class MakeRoom(literal.LiteralMacro):
    """Hides names that do not belong to the zoom, or for which others leave no room."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        {
            const map = {{ this._parent.get_name() }};
            const number = (element, word) =>
                Number(element.className.match(word + "-([0-9]+)")[1]);
            const makeRoom = () => {
                const all = [...document.querySelectorAll(".saved-label")];
                const placed = [];
                all.sort((a, b) => number(a, "rank") - number(b, "rank")).forEach((element) => {
                    element.style.visibility = "hidden";
                    if (map.getZoom() < number(element, "from")) return;
                    const box = element.firstChild.getBoundingClientRect();
                    const meets = (other) => box.left < other.right && other.left < box.right
                        && box.top < other.bottom && other.top < box.bottom;
                    if (placed.some(meets)) return;
                    placed.push(box);
                    element.style.visibility = "";
                });
            };
            map.on("zoomend overlayadd overlayremove", makeRoom);
            map.whenReady(() => setTimeout(makeRoom));
        }
        {% endmacro %}
        """
    )

    def __init__(self) -> None:
        super().__init__()
        self._name = "MakeRoom"


def as_script(value: Any) -> str:
    """Return a value as JSON that ends no script and begins no template literal."""
    return "".join(
        f"\\u{ord(letter):04x}" if letter in "<>&`$" else letter for letter in json.dumps(value)
    )


def add_labels(
    group: folium.FeatureGroup, layer: Layer, features: Sequence[Mapping[str, Any]]
) -> None:
    """Add the names of a layer's areas or points to its group; lines have none."""
    if layer.geometry_type != "line":
        for label in layer.labels:
            Labels(layer, label, features).add_to(group)


def label_css(layers: Iterable[Layer]) -> str:
    """Return the rules for the names of some layers: colour, size and weight."""
    rules = [
        f".of-{layer.name} span {{ color: {label.colour};"
        f" font-size: {label.size[-1][1]:g}px; font-weight: {label.weight}; }}"
        for layer in layers
        for label in layer.labels
    ]
    return "\n".join(rules)


def _place(geometry: Mapping[str, Any]) -> tuple[float, float]:
    """Return latitude and longitude of a point on a shape."""
    point = shapely.point_on_surface(shapely.geometry.shape(geometry))
    return point.y, point.x
