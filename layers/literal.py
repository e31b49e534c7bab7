"""Folium elements whose rendered text is final.

Names from outside never reach the template compiler.

branca's `MacroElement.render` wraps what a macro rendered into an `Element`, whose constructor
compiles the text again as a Jinja template: a facility named `{{7*7}}` would be computed, one with
`{%` would fail. Each Folium class that a map of ours uses is therefore combined with
`LiteralMacro`, which stands before `MacroElement` in the method resolution order.
"""

from typing import Any

import folium
from branca.element import Element, Figure, MacroElement

SECTIONS = (
    "header",
    "html",
    "script",
)  # macros of a template, and the parts of a figure they go to


class LiteralText(Element):
    """Text that is written into a page as it is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def render(self, **kwargs: Any) -> str:
        """Return the text."""
        return self.text


class LiteralMacro(MacroElement):
    """A MacroElement whose macros are rendered once."""

    def render(self, **kwargs: Any) -> None:  # type: ignore[override]  # as branca's MacroElement
        """Add what the macros say to the figure, then render the children."""
        figure: Any = self.get_root()
        assert isinstance(figure, Figure)
        for section in SECTIONS:
            macro = getattr(self._template.module, section, None)
            if macro is not None:
                getattr(figure, section).add_child(
                    LiteralText(macro(self, kwargs)), name=self.get_name()
                )
        for child in self._children.values():
            child.render(**kwargs)


class Map(folium.Map, LiteralMacro):
    """As Folium's, rendered once."""


class FeatureGroup(folium.FeatureGroup, LiteralMacro):
    """As Folium's, rendered once."""


class GeoJson(folium.GeoJson, LiteralMacro):
    """As Folium's, rendered once."""


class GeoJsonTooltip(folium.GeoJsonTooltip, LiteralMacro):
    """As Folium's, rendered once."""


class LayerControl(folium.LayerControl, LiteralMacro):
    """As Folium's, rendered once."""
