"""The colours, each with one meaning: quiet ground, areas by outline, categories from Okabe-Ito.

References
----------
Okabe & Ito (2008), "Color Universal Design"; distinguishable with every kind of colour blindness.
"""

WHITE, BLACK = "#ffffff", "#000000"

OKABE_ITO = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "vermilion": "#D55E00",
    "yellow": "#F0E442",
    "black": BLACK,
}

BASEMAP_COLOURS = {
    "land": "#f5f4f0",
    "residential": "#f0eee8",
    "public": "#f1ece4",
    "green": "#dde8d3",
    "water": "#c3dbe8",
    "street": WHITE,
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

# the clock of an incident on the map: apart with every kind of colour blindness
TIME_COLOURS = {
    "red": OKABE_ITO["vermilion"],
    "amber": OKABE_ITO["yellow"],
    "green": OKABE_ITO["blue"],
    "none": WHITE,
}
SELECTION_COLOUR = "#d1390b"  # the selected thing, and nothing else
# siting: chosen places, and homes by whether an existing facility or a new one serves them
SITING_COLOURS = {
    "site": OKABE_ITO["vermilion"],
    "existing": BLACK,
    "served": OKABE_ITO["green"],
    "newly": OKABE_ITO["orange"],
    "beyond": OKABE_ITO["blue"],
}
CIRCLE = "#00756f"  # service circles
CIRCLE_COLOUR_BY_MINUTES = {5: "#00524d", 10: "#0a7f78", 15: "#4fa8a0"}

# buildings by minutes to the nearest facility: up to a third, two thirds and all of the limit, then
# up to 4/3 and twice of it, and farther. Blue is served, orange is not, darker is farther in each;
# blue and orange differ with every kind of colour blindness, and lightness orders each arm.
ACCESS_CLASS_COLOURS = ("#a9cdea", "#5b9fd4", "#1d62a4", "#f6b65c", "#dd7420", "#99340a")
# five steps of one quantity, light to dark; equal steps of lightness (CIELAB 93 to 35)
SEQUENTIAL_COLOURS = ("#e3eef7", "#b5d3ea", "#7db1da", "#3f86bf", "#14568f")
# buildings to which no class applies
ACCESS_PLACE_COLOURS = {"unreachable": "#2b1b17", "cannot_say": WHITE, "off_network": "#9b9b9b"}

# the big screen of a command centre: light on dark, bright marks, apart with every kind of colour
# blindness
WALL_COLOURS = {
    "ground": "#0d1620",
    "panel": "#152230",
    "line": "#2c3e50",
    "ink": "#f4f8fb",
    "text": "#dbe5ed",
    "quiet": "#a8b9c7",
    "link": "#8fc7f2",
    "red": "#ff7a4d",
    "amber": OKABE_ITO["yellow"],
    "green": OKABE_ITO["sky"],
}

# the pages; in stylesheets each is a variable, as var(--field-line)
PAGE_COLOURS = {
    # text and surfaces
    "ink": "#1b2733",
    "text": "#2f3d4a",
    "quiet": "#5a646e",
    "paper": WHITE,
    "white": WHITE,
    "ground": "#f5f4f0",
    "soft": "#f4f6f7",
    "mark": "#5c6670",
    # lines
    "line": "#e2e4e3",
    "field-line": "#8a949d",
    "control-line": "#b9c0c6",
    "search-line": "#c6cbcf",
    "quiet-line": "#b7c3cf",
    "grip": "#b3babf",
    "step-line": "#9aa3aa",
    "print-line": "#999999",
    "skeleton": "#eceeef",
    "skeleton-light": "#f6f7f7",
    # links and buttons
    "link": "#14568f",
    "link-hover": "#0f4474",
    "focus": "#2f6db0",
    "pressed": "#e8f0f8",
    "picked": "#e9f1f9",
    "picked-row": "#eaf1f8",
    "picked-person": "#eef4fa",
    "unseen": "#e3eefb",
    "fresh": "#d9e8f6",
    "state": "#e8eef5",
    "disabled": "#dfe4e8",
    "disabled-ink": "#4d5862",
    # what is selected, and service circles
    "chosen": "#c93508",
    "chosen-soft": "#fdf0ea",
    "circle": "#00756f",
    "circle-soft": "#d7ebe8",
    **{f"ring-{minutes}": colour for minutes, colour in CIRCLE_COLOUR_BY_MINUTES.items()},
    # right and wrong
    "error": "#b3261e",
    "error-ink": "#7d1a14",
    "error-soft": "#fdf0ee",
    "error-line": "#e3b3af",
    "error-line-soft": "#f0d3d0",
    "done-ink": "#0b4f4b",
    "done-soft": "#e6f2f1",
    "done-line": "#9ccbc7",
    "published-line": "#9ccbc8",
    "warn": "#fff3cf",
    "warn-ink": "#634700",
    "warn-line": "#e2c97a",
    "warn-text": "#8a4b00",
    "late": "#a5231b",
    "good": "#00664f",
    # incidents: the clock, and their states
    "clock-red": "#a8231b",
    "clock-amber": "#8a5300",
    "clock-amber-mark": "#b26a00",
    "clock-green": "#00664f",
    "clock-none": "#5a646e",
    "handled-soft": "#e0efe9",
    "handled-ink": "#0b4f3c",
    "due-soft": "#e2f1ec",
    "due-ink": "#00543f",
    **{f"time-{colour}": value for colour, value in TIME_COLOURS.items()},
    # areas, and boundaries before and after
    "community": "#123f6d",
    "grid": "#2f6db0",
    "unit": "#7a5195",
    "neighbour": "#8d99a6",
    "changed": "#0b4f8a",
    "former": "#6b4e00",
    "band": "#b9d3ea",
    "outside-band": "#b35900",
    "building": "#e4dfd5",
    "building-edge": "#b9b1a1",
    # coverage: households by whether they are served
    "served": ACCESS_CLASS_COLOURS[2],
    "beyond": ACCESS_CLASS_COLOURS[4],
    "missing": ACCESS_CLASS_COLOURS[5],
    "cannot-say": "#d3d8dc",
    "off-network": ACCESS_PLACE_COLOURS["off_network"],
    "moved-land": OKABE_ITO["orange"],
    "overlap": OKABE_ITO["vermilion"],
    "overlap-soft": "#fbe6d9",
    "gap": OKABE_ITO["blue"],
    "gap-soft": "#d9eaf5",
    # the big screen, which is dark: what a variable above is there
    **{f"wall-{name}": colour for name, colour in WALL_COLOURS.items()},
}


def text_colour_on(colour: str) -> str:
    """Return white or near-black, whichever reads better on a colour (WCAG 2.2 contrast)."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return WHITE if 1.05 / (light + 0.05) >= 3.5 else TEXT_COLOURS["loud"]
