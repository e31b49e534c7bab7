"""The legend of a saved map: one line for everything it paints that a reader may ask about."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from gis.messages import Message, render
from layers.layer import Layer
from layers.saved_map import Legend, LegendLine


def legend_of(
    drawn: Iterable[tuple[Layer, Mapping[str, Any]]],
    language: str,
    values: Mapping[str, str],
    unit: str = "",
) -> Legend | None:
    """Return the legend of the layers of a map that have features; None without any.

    Parameters
    ----------
    drawn
        Layers in the order painted, each with its FeatureCollection; lines come the other way
        round, as they lie.
    values
        By name of a layer, what stands behind its line, as a number of households.
    unit
        What the values count.
    """
    lines: list[LegendLine] = []
    for layer, collection in drawn:
        if layer.user_selectable and collection["features"]:
            lines = [*_lines(layer, collection["features"], language, values), *lines]
    heading = render(Message("saved_map.legend"), language)
    return Legend(heading, unit, lines) if lines else None


def _lines(
    layer: Layer, features: Iterable[Mapping[str, Any]], language: str, values: Mapping[str, str]
) -> list[LegendLine]:
    """Return a line for the layer, or one for each of its styles that is painted."""
    if layer.style_property is None:
        style = layer.styles[""]
        return [LegendLine(style, render(layer.title, language), values.get(layer.name, ""))]
    counts = Counter(feature["properties"].get(layer.style_property) for feature in features)
    return [
        LegendLine(
            style,
            style.title.zh if language == "zh" else style.title.en,
            str(counts[value]),
            icon=layer.icons.get(value, ""),
        )
        for value, style in layer.styles.items()
        if style.title and counts[value]
    ]
