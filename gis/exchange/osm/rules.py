"""What OSM tags mean for us, as tables: entrances, what the basemap draws, names and floors.

Who may walk where stands in osm_access.py.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from gis.exchange.osm.access_tags import GATES, gate_access
from gis.facilities.categories import CAPACITY_TAGS, CATEGORY_BY_KEY, MAX_CAPACITY
from gis.files.cells import CellError, Guess
from gis.files.telephones import parse_telephone

Tags = Mapping[str, str]


# --- entrances ------------------------------------------------------------------------------------

# Lower is better; a value neither in this table nor in NO_ENTRANCE is an ordinary door.
ENTRANCE_RANK = {
    "main": 0,
    "yes": 2,
    "shop": 2,
    "home": 3,
    "staircase": 3,
    "secondary": 4,
    "service": 6,
    "garage": 7,
}
NO_ENTRANCE = frozenset({"no", "exit", "emergency", "fire_exit"})
SERVICE_RANK = 6  # ranks from this one on are doors for goods and cars
GATE_RANK = 10  # gates in the outline of a school or park; buildings have none


def entrance_rank(tags: Tags) -> int | None:
    """Return how good a way in a node is, best 0; from GATE_RANK on it is a gate of grounds.

    None: no way in.
    """
    value = tags.get("entrance", "no")
    if value not in NO_ENTRANCE and tags.get("access", "") not in {"no", "emergency"}:
        return ENTRANCE_RANK.get(value, 2)
    return GATE_RANK if tags.get("barrier") in GATES and gate_access(tags) != "closed" else None


def entrance_kind(rank: int) -> str:
    """Return the kind of an entrance with a rank, one of `gis.places.doors.ENTRANCE_KINDS`."""
    if rank >= GATE_RANK:
        return "gate"
    return "service" if rank >= SERVICE_RANK else "side" if rank else "main"


# --- names, addresses, floors ---------------------------------------------------------------------


def name(tags: Tags) -> str:
    """Return the Chinese name, else the local one; one line, at most 200 characters."""
    return " ".join((tags.get("name:zh") or tags.get("name") or "").split())[:200]


def address(tags: Tags) -> str:
    """Return street and house number as written; Chinese ones without a space between."""
    street = tags.get("addr:street") or tags.get("addr:place") or ""
    number = tags.get("addr:housenumber") or ""
    gap = " " if street and number and street[-1].isascii() else ""
    return (f"{street}{gap}{number}" or tags.get("addr:full", ""))[:200]


def contact(tags: Tags) -> str:
    """Return the public telephone, as a table of facilities would bring it."""
    text = (tags.get("phone") or tags.get("contact:phone") or tags.get("contact:mobile") or "")[
        :200
    ]
    try:
        number = parse_telephone(text) if text else ""
    except CellError:
        return text
    return str(number.value or "") if isinstance(number, Guess) else number


def capacity(tags: Tags, category: str) -> int | None:
    """Return the capacity of a facility in the unit of its category; None if no tag states it."""
    for tag in CAPACITY_TAGS[CATEGORY_BY_KEY[category].capacity_unit]:
        value = tags.get(tag, "").strip()
        if re.fullmatch("[0-9]{1,7}", value) and int(value) <= MAX_CAPACITY:
            return int(value)
    return None


def storeys(tags: Tags) -> int | None:
    """Return the whole storeys above ground of building:levels; None if it is not a number.

    Of "5;6" or "5-6" the highest counts.
    """
    most = max(
        (int(float(n)) for n in re.findall(r"\d{1,9}(?:\.\d+)?", tags.get("building:levels", ""))),
        default=0,
    )
    return most if 0 < most <= 200 else None


def is_building(tags: Tags) -> bool:
    """Return whether an outline is a building (parts of one, and ruins, are not)."""
    return tags.get("building", "no") not in {"no", "ruins", "demolished", "proposed", "planned"}


# --- basemap --------------------------------------------------------------------------------------


class BasemapClass(NamedTuple):
    """How a feature is drawn: kind and subkind of basemap_feature, and the lowest zoom."""

    kind: str
    subkind: str
    min_zoom: int


STREET_ZOOM = {
    "motorway": 8,
    "motorway_link": 11,
    "trunk": 8,
    "trunk_link": 11,
    "primary": 10,
    "primary_link": 12,
    "secondary": 11,
    "secondary_link": 13,
    "tertiary": 12,
    "tertiary_link": 13,
    "unclassified": 13,
    "residential": 13,
    "road": 13,
    "living_street": 13,
    "busway": 14,
    "pedestrian": 14,
    "service": 14,
    "track": 14,
    "cycleway": 15,
    "footway": 15,
    "path": 15,
    "steps": 15,
    "bridleway": 15,
    "corridor": 16,
    "platform": 16,
}
WATERWAY_ZOOM = {"river": 10, "canal": 11, "stream": 13, "drain": 14, "ditch": 15}
RAIL_ZOOM = {
    "rail": 10,
    "light_rail": 11,
    "subway": 12,
    "tram": 12,
    "monorail": 12,
    "narrow_gauge": 12,
    "preserved": 13,
}

# Class of an outline by (key, value); the first match counts.
CLASS_BY_TAG: dict[tuple[str, str], BasemapClass] = {
    **{("natural", v): BasemapClass("water", v, 8) for v in ("water", "bay")},
    ("waterway", "riverbank"): BasemapClass("water", "river", 8),
    ("waterway", "dock"): BasemapClass("water", "dock", 12),
    ("landuse", "reservoir"): BasemapClass("water", "reservoir", 8),
    ("landuse", "basin"): BasemapClass("water", "basin", 12),
    **{
        ("leisure", v): BasemapClass("green", v, 10)
        for v in ("park", "nature_reserve", "golf_course")
    },
    **{
        ("leisure", v): BasemapClass("green", v, 14)
        for v in ("garden", "pitch", "playground", "dog_park", "common")
    },
    **{
        ("natural", v): BasemapClass("green", v, 10)
        for v in ("wood", "scrub", "grassland", "heath", "wetland")
    },
    **{
        ("landuse", v): BasemapClass("green", v, 10)
        for v in ("forest", "orchard", "meadow", "vineyard", "plant_nursery")
    },
    **{
        ("landuse", v): BasemapClass("green", v, 14)
        for v in ("grass", "village_green", "flowerbed", "recreation_ground")
    },
    ("landuse", "cemetery"): BasemapClass("green", "cemetery", 12),
    ("landuse", "allotments"): BasemapClass("green", "allotments", 13),
    ("landuse", "greenfield"): BasemapClass("green", "greenfield", 14),
    ("landuse", "farmland"): BasemapClass("green", "farmland", 11),
    **{
        ("amenity", v): BasemapClass("landuse", "education", 12)
        for v in ("university", "college", "school", "kindergarten")
    },
    ("amenity", "hospital"): BasemapClass("landuse", "hospital", 12),
    **{
        ("landuse", v): BasemapClass("landuse", v, 11)
        for v in (
            "residential",
            "commercial",
            "retail",
            "industrial",
            "education",
            "military",
            "railway",
        )
    },
    **{
        ("landuse", v): BasemapClass("landuse", v, 13)
        for v in ("construction", "brownfield", "farmyard", "religious")
    },
}
PLACE_ZOOM = {
    "city": 8,
    "town": 9,
    "borough": 10,
    "suburb": 11,
    "quarter": 12,
    "village": 12,
    "neighbourhood": 13,
    "hamlet": 13,
    "locality": 14,
    "square": 14,
    "islet": 14,
    "island": 12,
    "city_block": 15,
}
ESTATE_ZOOM = 15  # label of a named residential ground (小区)

_AREA_KEYS = tuple(dict.fromkeys(key for key, _ in CLASS_BY_TAG))


def drawn_line(tags: Tags) -> BasemapClass | None:
    """Return how the basemap draws a way as a line; None when it does not."""
    highway = tags.get("highway", "")
    if highway in STREET_ZOOM:
        return BasemapClass("street", highway, STREET_ZOOM[highway])
    railway = tags.get("railway", "")
    if railway in RAIL_ZOOM:
        siding = tags.get("service") in {"siding", "yard", "spur", "crossover"}
        return BasemapClass("rail", railway, 14 if siding else RAIL_ZOOM[railway])
    waterway = tags.get("waterway", "")
    if waterway in WATERWAY_ZOOM and tags.get("tunnel", "no") == "no":
        return BasemapClass("waterway", waterway, WATERWAY_ZOOM[waterway])
    return None


def drawn_area(tags: Tags) -> BasemapClass | None:
    """Return how the basemap draws an outline as an area; None when it does not."""
    if tags.get("highway") in {"pedestrian", "footway"}:
        return BasemapClass("street", "pedestrian_area", STREET_ZOOM["pedestrian"])
    return next(
        (
            CLASS_BY_TAG[key, tags[key]]
            for key in _AREA_KEYS
            if (key, tags.get(key)) in CLASS_BY_TAG
        ),
        None,
    )


def drawn_label(tags: Tags) -> BasemapClass | None:
    """Return the label of a place, of a node or of a named outline; None when it has none."""
    if tags.get("place") in PLACE_ZOOM:
        return BasemapClass("place", tags["place"], PLACE_ZOOM[tags["place"]])
    if tags.get("landuse") == "residential" and "name" in tags:
        return BasemapClass("place", "estate", ESTATE_ZOOM)
    return None


# Keys of which a used outline has at least one.
AREA_KEYS = (*_AREA_KEYS, "building", "highway", "place", "railway", "public_transport", "man_made")
