"""The category that the tags of an OSM object mean."""

import re
from collections.abc import Mapping

from gis.facilities.categories import CATEGORIES

# Keys of objects that a name pattern may classify: a bus stop named after a 街道办事处 is not one.
NAMED_BY = (
    "amenity",
    "office",
    "government",
    "healthcare",
    "social_facility",
    "shop",
    "building",
    "landuse",
)


NOT_PUBLIC = frozenset({"private", "no", "residents", "members", "permit"})


NO_SHOP = frozenset({"no", "vacant", "disused"})


def _tags() -> dict[tuple[str, str], int]:
    """Return the position in CATEGORIES by (key, value) of every rule."""
    positions: dict[tuple[str, str], int] = {}
    for position, category in enumerate(CATEGORIES):
        for rule in category.osm:
            key, values = rule.split("=")
            for value in values.split(","):
                positions.setdefault((key, value), position)
    return positions


_TAGS = _tags()


# an object without any of these keys is not a facility
OSM_KEYS = tuple(sorted({key for key, _ in _TAGS} | set(NAMED_BY)))


_NAMES = tuple((position, re.compile(c.name)) for position, c in enumerate(CATEGORIES) if c.name)


def classify_tags(tags: Mapping[str, str]) -> str | None:
    """Return the category that an OSM object's tags mean; None if it is no facility.

    Notes
    -----
    A name that is more specific than the tag wins (社区卫生服务中心 mapped as a hospital is a
    clinic); then the first category of the table with a matching tag; "shop=*" comes last.
    """
    named = tags.get("name:zh") or tags.get("name") or ""
    positions = [_TAGS[pair] for pair in tags.items() if pair in _TAGS]
    if (
        named
        and any(key in tags for key in NAMED_BY)
        and "highway" not in tags
        and "railway" not in tags
    ):
        by_name = next((position for position, pattern in _NAMES if pattern.search(named)), None)
        if by_name is not None and _may_name_decide(positions):
            positions = [by_name]
    if not positions and tags.get("shop", "no") not in NO_SHOP:
        positions = [_TAGS["shop", "*"]]
    if not positions:
        return None
    category = CATEGORIES[min(positions)]
    if category.open_only and (tags.get("access") in NOT_PUBLIC or tags.get("foot") in NOT_PUBLIC):
        return None
    return category.key


def _may_name_decide(positions: list[int]) -> bool:
    """Return whether a name may decide: not for categories often named after a neighbour."""
    settled = {CATEGORIES[position].key for position in positions}
    return not settled & {
        "transit",
        "parking",
        "toilet",
        "food",
        "park",
        "sport",
        "bank_post",
        "convenience",
    }
