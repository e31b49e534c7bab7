"""Addresses as people write them: 「西兴社区3号楼2单元501室」, 「3栋二单元五楼」, `3-2-501`.

The text is split once into numbers with the suffix of each (栋, 单元, 楼, 室 …); a small table
assigns numbers joined by dashes. Both take time in proportion to the length. Which building is
meant is decided in `gis.places.naming`.
"""

import re
from functools import lru_cache

from gis.labels import (
    HIGHEST_FLOOR,
    LABEL,
    floor_of_room,
    normalise_label,
    normalise_text,
    parse_number,
)
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
    "parse_address",
    "parse_number",
]


def parse_address(text: str) -> Address:
    """Parse an address; parts it does not name stay empty, and no text is refused.

    Parameters
    ----------
    text
        As people write it: full or half width, simplified or traditional, 号楼 幢 栋 座 #, Chinese
        numerals or digits, or dashes; words or a telephone number after the room.
    """
    # a long address is not cached
    return _read(text) if len(text) <= MAX_ADDRESS_CHARS else _read.__wrapped__(text)


@lru_cache(maxsize=1 << 14)
def _read(text: str) -> Address:
    return AddressReader(joined_text(text)).read()


@lru_cache(maxsize=1 << 16)  # the same few names recur
def label_of_building(name: str) -> str:
    """Return the number or letter of a building from its name: 桂花苑3号楼 is 3.

    Empty if it has none.
    """
    if not name:
        return ""
    short = normalise_label(name)
    return short if re.fullmatch(LABEL, short) else parse_address(name).building
