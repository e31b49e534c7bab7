"""What hinders some walkers, as tables over OSM tags: stairs, slopes, kerbs, crossings, hours.

`docs/walking.md` shows the same tables and a test compares them.
"""

import math
import re

from gis.exchange.osm.access_tags import Tags
from gis.network.edge_facts import NO_TAGS, EdgeTags

CROSSING_KEYS = ("footway", "path", "cycleway", "highway")  # = crossing
# crossing=* -> how one crosses
CROSSING_VALUES = {
    "traffic_signals": "signals",
    "pelican": "signals",
    "puffin": "signals",
    "toucan": "signals",
    "marked": "marked",
    "zebra": "marked",
    "uncontrolled": "marked",
    "unmarked": "unmarked",
    "informal": "unmarked",
}
# Barriers on a node that no wheelchair passes unless wheelchair=* says so.
NO_WHEELS = frozenset(
    {"stile", "kissing_gate", "turnstile", "full-height_turnstile", "log", "debris", "step"}
)
KERBS = frozenset({"raised", "rolled", "regular", "lowered", "flush", "no", "yes"})
WHEELCHAIR_VALUES = frozenset({"yes", "designated", "limited", "no"})
MAX_STAIR_STEPS, MAX_INCLINE_PCT, MAX_WIDTH_M = 5_000, 100.0, 500.0
MAX_EDGE_HOURS_CHARS = 255
NUMBER_REGEX = r"(-?\d+(?:\.\d+)?)"


def way_tags(tags: Tags) -> EdgeTags:
    """Return what the tags of a way say; what cannot be read says nothing."""
    return EdgeTags(
        step_count=_steps(tags.get("step_count", "")),
        incline_pct=_incline(tags.get("incline", "")),
        width_m=_width(tags.get("width", "")),
        surface=_word(tags.get("surface", "")),
        wheelchair=_wheelchair(tags),
        crossing=crossing(tags),
        hours=_hours(tags),
    )


def node_tags(tags: Tags) -> EdgeTags:
    """Return what the tags of a node say of the metre of way around it."""
    if not {"kerb", "barrier", "wheelchair", "opening_hours"}.intersection(tags):
        return NO_TAGS
    barrier = tags.get("barrier", "")
    if not barrier and "kerb" not in tags:  # an entrance or a shop says nothing of the way
        return NO_TAGS
    wheelchair = _wheelchair(tags) or ("no" if barrier in NO_WHEELS else "")
    kerb = _word(tags.get("kerb", ""))
    return EdgeTags(
        kerb=kerb if kerb in KERBS else "",
        wheelchair=wheelchair,
        hours=_hours(tags) if barrier else "",
    )


def crossing(tags: Tags) -> str:
    """Return how one crosses a road on a way or at a node: signals, marked, unmarked, or yes.

    Empty where one crosses none.
    """
    if not any(tags.get(key) == "crossing" for key in CROSSING_KEYS):
        return ""
    if tags.get("crossing:signals") == "yes":
        return "signals"
    stated = CROSSING_VALUES.get(_word(tags.get("crossing", "")), "yes")
    if stated == "signals" or tags.get("crossing:markings", "no") == "no":
        return stated
    return "marked"


def _word(text: str) -> str:
    return text.split(";")[0].strip().lower()[:40]


def _wheelchair(tags: Tags) -> str:
    if tags.get("ramp:wheelchair") in ("yes", "separate"):
        return "yes"
    value = _word(tags.get("wheelchair", ""))
    return value if value in WHEELCHAIR_VALUES else ""


def _hours(tags: Tags) -> str:
    text = tags.get("opening_hours", "").strip()
    return "" if text == "24/7" or len(text) > MAX_EDGE_HOURS_CHARS else text


def _steps(text: str) -> int | None:
    count = int(text) if re.fullmatch(r"[0-9]{1,4}", text.strip()) else 0
    return count if 0 < count <= MAX_STAIR_STEPS else None


def _incline(text: str) -> float | None:
    match = re.fullmatch(NUMBER_REGEX + r"\s*(%|°)", text.strip(), re.ASCII)
    if match is None:
        return None
    value = float(match[1])
    if match[2] == "°":
        value = 100 * math.tan(math.radians(value)) if abs(value) < 89 else math.inf
    return round(value, 2) if abs(value) <= MAX_INCLINE_PCT else None


def _width(text: str) -> float | None:
    match = re.fullmatch(NUMBER_REGEX + r"\s*(m|cm)?", text.strip().lower(), re.ASCII)
    if match is None:
        return None
    metres = float(match[1]) / (100 if match[2] == "cm" else 1)
    return round(metres, 2) if 0 < metres <= MAX_WIDTH_M else None
