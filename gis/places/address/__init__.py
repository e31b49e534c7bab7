"""Addresses as people write them: 「西兴社区3号楼2单元501室」, 「3栋二单元五楼」, `3-2-501`.

The text is cut once into numbers with the word behind each (栋, 单元, 楼, 室 …); a small table says
what numbers joined by dashes are. Both take time in proportion to the length. Which building is
meant is decided in `gis.places.naming`.
"""

import re
from functools import lru_cache

from gis.labels import HIGHEST_FLOOR, LABEL, floor_of_room, normalise_label, normalise_text, number
from gis.places.address.model import Address
from gis.places.address.patterns import BESIDE_PATTERN, MAX_ADDRESS_CHARS, TOP, joined_text
from gis.places.address.reader import AddressReader

__all__ = [
    "BESIDE_PATTERN",
    "HIGHEST_FLOOR",
    "MAX_ADDRESS_CHARS",
    "TOP",
    "Address",
    "floor_of_room",
    "label_of_building",
    "normalise_label",
    "normalise_text",
    "number",
    "parse_address",
]


def parse_address(text: str) -> Address:
    """Read an address; parts it does not name stay empty, nothing is refused.

    Parameters
    ----------
    text
        As people write it: full or half width, simplified or traditional, 号楼 幢 栋 座 #, Chinese
        numerals or digits, or dashes; words or a telephone number behind the room.
    """
    return (
        _read(text) if len(text) <= MAX_ADDRESS_CHARS else _read.__wrapped__(text)
    )  # a long one is not kept


@lru_cache(maxsize=1 << 14)
def _read(text: str) -> Address:
    return AddressReader(joined_text(text)).read()


@lru_cache(maxsize=1 << 16)  # the same few names come again and again
def label_of_building(name: str) -> str:
    """The number or letter a building is known by, from its name: 桂花苑3号楼 is 3.

    Empty when it has none.
    """
    if not name:
        return ""
    short = normalise_label(name)
    return short if re.fullmatch(LABEL, short) else parse_address(name).building
