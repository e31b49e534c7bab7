"""Numbers and letters on doors and their suffixes, for addresses, table cells and queries."""

import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opencc import OpenCC

DIGITS = dict(
    zip(
        "零〇○一二两三四五六七八九壹贰叁肆伍陆柒捌玖幺",
        (*[0] * 3, 1, 2, *range(2, 10), *range(1, 10), 1),
        strict=True,
    )
)
TENS = {"十": 10, "百": 100, "千": 1000, "廿": 20, "拾": 10, "佰": 100, "仟": 1000}
HIGHEST_FLOOR = 150  # a room number above it is not numbered by floor
MAX_LABEL_CHARS = 6  # a longer number is not a door

NUMERAL = f"[{''.join(DIGITS)}{''.join(TENS)}]"
STEM = "甲乙丙丁戊己庚辛壬癸"
# A number or letter on a door: 3, A, A3, 12B, 甲, 甲3, 三, 二十一.
LABEL = (
    rf"(?:[A-Z]?\d{{1,{MAX_LABEL_CHARS}}}[A-Z]?|[A-Z]|[{STEM}]\d{{0,3}}"
    rf"|{NUMERAL}{{1,{MAX_LABEL_CHARS}}})"
)
DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−~〜_/\\", "-"))
# Spaces, and characters without width that web pages and chats insert.
SPACE_PATTERN = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]+")
THINGS = frozenset("商铺门店岗车库电箱柜桩变泵灯杆井摊棚亭线机池桶表口广垃配充快消污化监摄地院")
# The suffix of a number by what it makes of the number; longer ones come first. What is not a door
# is not listed: 商铺, 车位, 岗亭, 电梯 leave a number without meaning.
SUFFIX_PATTERNS = {
    "building": (
        r"号(?:大楼|住宅楼|公寓楼|宿舍楼|栋楼?|幢楼?|座)|号楼(?![梯道])|#楼"
        r"|[栋幢](?:楼(?![梯道下上顶前后]))?|座(?![位机椅])"
        rf"|#(?![{''.join(THINGS)}])"
    ),
    "stairwell": "号?单元|梯(?!子)",
    "door": "门(?![口面市店卫岗禁前外牌诊铃锁头])",
    "storey": "层(?!高)|F",
    "storey_or_building": "楼(?![梯宇])",
    "room": "号?(?:室|房间|房(?![东产租])|户(?![主外口]))",
    "yard": "号(?:大?院|弄)",
    "sign": "号(?![码线]|楼[梯道])",
}
# What numbers joined by dashes are: by the part named before them, how many they are, and whether
# the last has three digits or more. Such a number is a room; a shorter one is the flat of a storey.
JOINED_NUMBERS = {
    ("", 4, True): ("building", "stairwell", "floor", "room"),
    ("", 3, True): ("building", "stairwell", "room"),
    ("building", 3, True): ("stairwell", "floor", "room"),
    ("building", 3, False): ("stairwell", "floor", "flat"),
    ("building", 2, True): ("stairwell", "room"),
    ("building", 2, False): ("floor", "flat"),
    ("stairwell", 2, True): ("floor", "room"),
    ("stairwell", 2, False): ("floor", "flat"),
}

# Spelling by which rooms of the database are compared: 0501 and 501号 of older loads are 501.
PLAIN_ROOM_SQL = (
    "regexp_replace(regexp_replace({room}, '^0+(?=[0-9])', ''), '(室|号房|号|房)$', '')"
)


def int_or_none(text: str) -> int | None:
    """Return a short whole number; None for any other text."""
    return int(text) if text.isdecimal() and len(text) <= MAX_LABEL_CHARS else None


def digits_of(text: str) -> str:
    """Return a label without its letters; empty for a label that is not ASCII."""
    return text.strip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") if text.isascii() else ""


@lru_cache(maxsize=1 << 16)  # the same few names come again and again
def normalise_text(text: str) -> str:
    """Return a text in half-width, simplified capitals with one kind of dash and no spaces."""
    text = simplified(unicodedata.normalize("NFKC", text))
    return SPACE_PATTERN.sub("", text).translate(DASHES).upper()


def simplified(text: str) -> str:
    """Return a text with traditional characters replaced by simplified ones.

    The dictionary is consulted only for a text that has any.
    """
    if text.isascii() or _traditional().isdisjoint(text):
        return text
    return str(_converter().convert(text))


@cache
def _converter() -> "OpenCC":
    from opencc import OpenCC  # imported late, since it reads its dictionaries

    return OpenCC("t2s")


@cache
def _traditional() -> frozenset[str]:
    """Return the characters that simplified Chinese writes differently."""
    signs = [chr(code) for code in range(0x4E00, 0xA000)]
    simple = _converter().convert("\n".join(signs)).split("\n")
    return frozenset(sign for sign, new in zip(signs, simple, strict=True) if sign != new)


_LABELLED_PATTERN = re.compile(rf"第?({LABEL})(?:号楼|#楼?|号|栋|幢|座|楼|单元|门|梯)?")
_NUMERALS_PATTERN = re.compile(rf"(?:{NUMERAL}|\d)+")


def normalise_label(text: str) -> str:
    """Return the number or letter of a door in one spelling: 三 and 03 are 3, a is A, 甲 stays.

    The words around it are removed: 3号楼, 第三单元 and 3# are 3. A name without a number is
    unchanged.
    """
    text = normalise_text(text)
    if match := _LABELLED_PATTERN.fullmatch(text):
        text = match[1]
    if _NUMERALS_PATTERN.fullmatch(text) and not text.isdecimal() and len(text) <= MAX_LABEL_CHARS:
        return str(parse_number(text))
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)


def building_of(label: str) -> str:
    """Return the usual name of a building with a label: 3号楼, and A座 where it is a letter."""
    return f"{label}号楼" if re.search(r"\d", label) else f"{label}座"


def parse_number(text: str) -> int:
    """Parse a whole number in digits or Chinese numerals below ten thousand: 21, 二十一, 一〇三."""
    if text.isdecimal():
        return int(text)
    if not set(text) & set(TENS):
        return int("".join(str(DIGITS.get(sign, sign)) for sign in text))
    total, last = 0, 0
    for sign in text:
        if sign in TENS:
            total += TENS[sign] if sign == "廿" else (last or 1) * TENS[sign]
            last = 0
        else:
            last = DIGITS[sign] if sign in DIGITS else 10 * last + int(sign)
    return total + last


def floor_of_room(room: str) -> int | None:
    """Return the storey of a room numbered by floor and two digits: 501 is 5, 1203 is 12.

    None for rooms of one or two digits, and where the storey would be 0 or above HIGHEST_FLOOR.
    """
    digits = re.match(r"[A-Z]?(\d{3,5})(?!\d)", room)
    if digits is None:
        return None
    floor = int(digits[1][:-2])
    return floor if 0 < floor <= HIGHEST_FLOOR else None
