"""The colours. Each carries one meaning: a quiet ground, areas by outline, categories from the Okabe-Ito set.

Source of the set: Okabe & Ito (2008), "Color Universal Design"; told apart with every kind of colour blindness.
"""

BASEMAP_COLOURS = {
    "land": "#f5f4f0",
    "residential": "#f0eee8",
    "public": "#f1ece4",
    "green": "#dde8d3",
    "water": "#c3dbe8",
    "street": "#ffffff",
    "street_edge": "#d9d6cd",
    "main_street": "#fdf3d8",
    "main_edge": "#dcc893",
    "path": "#cfc8ba",
    "rail": "#b5b2ab",
    "building": "#e4dfd5",
    "building_edge": "#cbc4b6",
}

TEXT_COLOURS = {
    "loud": "#1b2733",
    "text": "#2f3d4a",
    "quiet": "#5c6670",
    "street": "#6b6558",
    "water": "#3f7594",
    "green": "#4c6b3d",
}

AREA_OUTLINE_COLOURS = {"community": "#123f6d", "grid": "#2f6db0", "unit": "#7a5195"}

SELECTION_COLOUR = "#d1390b"  # the selected thing, and nothing else
CIRCLE = "#00756f"  # service circles
CIRCLE_COLOUR_BY_MINUTES = {5: "#00524d", 10: "#0a7f78", 15: "#4fa8a0"}


def text_colour_on(colour: str) -> str:
    """White or near-black, whichever reads better on a colour (WCAG 2.2 contrast)."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if 1.05 / (light + 0.05) >= 3.5 else TEXT_COLOURS["loud"]
