"""Addresses as people write them: 「西兴社区3号楼2单元501室」, 「3栋二单元五楼」, `3-2-501`."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

DIGITS = {
    "零": 0,
    "〇": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
TENS = {"十": 10, "百": 100}
HIGHEST_FLOOR = 150  # a room number that would be higher up is numbered some other way

_NUMERAL = "[零〇一二两三四五六七八九十百]+"
# A number or letter on a door: 3, A, A3, 12B, 甲, 甲3, 三, 二十一.
_LABEL = rf"(?:[A-Z]?\d{{1,4}}[A-Z]?|[A-Z]|[甲乙丙丁戊己庚辛壬癸]\d{{0,3}}|{_NUMERAL})"
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−~〜_/\\", "-"))

# What a building is called after its number, the surest word first. 「3楼」 is a building only before a stairwell,
# 「12号」 only where nothing better is said: it is also a house number of a street.
_BUILDING = (
    re.compile(rf"第?(?P<label>{_LABEL})(?:号楼|#楼|号幢|号栋|栋楼|幢楼|栋|幢|座)"),
    re.compile(rf"第?(?P<label>{_LABEL})(?:#|楼(?={_LABEL}(?:单元|门)))"),
)
_HOUSE_NUMBER = (re.compile(rf"(?P<label>{_LABEL})号(?!院|室|房)"),)
# 3-2-501, 3-2-5-501, and after a building's word 2-501. Two numbers alone are building and room.
_DASHED = (
    re.compile(rf"(?P<building>{_LABEL})-(?P<stairwell>{_LABEL})-(?P<floor>\d{{1,3}})-(?P<room>\d{{1,5}}[A-Z]?)$"),
    re.compile(rf"(?P<building>{_LABEL})-(?P<stairwell>{_LABEL})-(?P<room>\d{{1,5}}[A-Z]?)$"),
    re.compile(rf"(?P<building>{_LABEL})-(?P<room>\d{{3,5}}[A-Z]?)$"),
)
_DASHED_REST = re.compile(r"-?(?P<stairwell>[A-Z]?\d{1,2}|[A-Z])-(?P<room>\d{1,5}[A-Z]?)$")
_STAIRWELL = re.compile(rf"第?(?P<label>{_LABEL})(?:单元|门(?!市|面|店))")
_FLOOR = re.compile(rf"(?P<below>地下|负|B)?第?(?P<label>\d{{1,3}}|{_NUMERAL})(?:层|楼|F)")
_ROOM = re.compile(rf"(?P<label>\d{{1,5}}[A-Z]?|{_NUMERAL})(?:室|房间|号房|房|户|号)?$")


@dataclass(frozen=True)
class Address:
    """What an address says, each part empty (or None) where it says nothing.

    place: The words before the building, as 西兴社区 or 西兴社区桂花苑; spaces removed.
    building: Number or letter of the building, as 3, A or 甲; Chinese numerals as digits.
    stairwell: Number or letter of the stairwell (单元).
    floor: Storey as written, else read from a room of three digits or more (1203: 12); below ground negative.
    room: Room as at the door, as 501.
    text: The whole address with half-width characters and no spaces.
    """

    place: str = ""
    building: str = ""
    stairwell: str = ""
    floor: int | None = None
    room: str = ""
    text: str = ""

    def __str__(self) -> str:
        """The usual way of writing it."""
        floor = (
            "" if self.floor is None or self.room else f"地下{-self.floor}层" if self.floor < 0 else f"{self.floor}层"
        )
        return (
            self.place
            + (f"{self.building}号楼" if self.building else "")
            + (f"{self.stairwell}单元" if self.stairwell else "")
            + floor
            + (f"{self.room}室" if self.room else "")
        )


def parse_address(text: str) -> Address:
    """Read an address; parts it does not name stay empty, nothing is refused.

    Args:
        text: As people write it: full or half width, 号楼 幢 栋 座 #, Chinese numerals or digits, or dashes.
    """
    text = plain(text)
    place, building, rest = _building(text, _BUILDING)
    if building and (found := _DASHED_REST.match(rest)):
        return Address(place, building, label(found["stairwell"]), floor_of(found["room"]), label(found["room"]), text)
    for pattern in _DASHED if not building else ():
        if found := pattern.search(text):
            parts = {"stairwell": "", "floor": ""} | found.groupdict()
            room = label(parts["room"])
            floor = int(parts["floor"]) if parts["floor"] else floor_of(room)
            return Address(
                text[: found.start()], label(parts["building"]), label(parts["stairwell"]), floor, room, text
            )
    if not building:
        place, building, rest = _building(text, _HOUSE_NUMBER)

    stairwell, floor, room = "", None, ""
    if found := _STAIRWELL.search(rest):
        stairwell = label(found["label"])
        place = place if building else rest[: found.start()]
        rest = rest[found.end() :]
    if found := _FLOOR.search(rest):
        floor = number(found["label"]) * (-1 if found["below"] else 1)
        place = place if building or stairwell else rest[: found.start()]
        rest = rest[found.end() :]
    if found := _ROOM.search(rest):
        room = label(found["label"])
        place = place if building or stairwell or floor else rest[: found.start()]
    elif not (building or stairwell or floor):
        place = rest
    return Address(place, building, stairwell, floor if floor is not None else floor_of(room), room, text)


def _building(text: str, patterns: tuple[re.Pattern[str], ...]) -> tuple[str, str, str]:
    """The words before the building, its label and the words after it; the whole text after nothing."""
    for pattern in patterns:
        if found := pattern.search(text):
            return text[: found.start()], label(found["label"]), text[found.end() :]
    return "", "", text


def plain(text: str) -> str:
    """Half-width, capital letters, one kind of dash, no spaces."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).translate(_DASHES).upper()


def label(text: str) -> str:
    """A number or letter of a door in one way of writing: 三 and 03 are 3, a is A, 甲 stays.

    The words around it go: 3号楼, 第三单元 and 3# are 3. A name without a number stays as it is.
    """
    text = plain(text)
    if found := re.fullmatch(rf"第?({_LABEL})(?:号楼|#楼?|号|栋|幢|座|楼|单元|门)?", text):
        text = found[1]
    if re.fullmatch(_NUMERAL, text):
        return str(number(text))
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)


@lru_cache(maxsize=1 << 16)  # the same few names come again and again
def building_label(name: str) -> str:
    """The number or letter a building is known by, from its name: 桂花苑3号楼 is 3; empty when it has none."""
    if not name:
        return ""
    short = label(name)
    return short if re.fullmatch(_LABEL, short) else parse_address(name).building


def number(text: str) -> int:
    """A whole number in digits or Chinese numerals below a thousand: 21, 二十一, 一百零三, 一〇三."""
    if text.isdecimal():
        return int(text)
    if not set(text) & set(TENS):
        return int("".join(str(DIGITS[sign]) for sign in text))
    total, last = 0, 0
    for sign in text:
        if sign in TENS:
            total += (last or 1) * TENS[sign] if TENS[sign] == 10 else max(last, 1) * 100
            last = 0
        else:
            last = DIGITS[sign]
    return total + last


def floor_of(room: str) -> int | None:
    """The storey a room is on when its last two digits number it on the floor: 501 is 5, 1203 is 12.

    None for rooms of one or two digits, and where the storey would be 0 or higher than any building.
    """
    digits = re.match(r"\d+", room)
    if digits is None or len(digits[0]) < 3:
        return None
    floor = int(digits[0][:-2])
    return floor if 0 < floor <= HIGHEST_FLOOR else None
