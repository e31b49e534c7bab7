"""The comparison of addresses with buildings, shared by locating, reports, search and loads.

Estates are compared as whole names: 新祥和苑 is not 祥和苑, 祥和苑二期 is not 祥和苑. Only an area,
a street, a mark, or an opening phrase may therefore precede the name of an estate, and only 小区
may follow it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import lru_cache

from gis.places.address import (
    BESIDE_PATTERN,
    Address,
    label_of_building,
    normalise_text,
    parse_address,
)


class Naming(IntEnum):
    """How certain it is that an address names a building, ascending."""

    NO = 0
    NUMBER_IN_UNKNOWN_ESTATE = 1  # the address names an estate, the building has none on record
    HOUSE = 2  # by street and house number
    NUMBER = 3  # by its number or its own name; no estate is stated
    WHOLE = 4  # by estate and number


class Estate(Enum):
    """What an address says about an estate."""

    SAME = "same"
    UNSAID = "unsaid"
    OTHER = "other"


@dataclass(frozen=True)
class BuildingLabel:
    """The names of a building.

    Attributes
    ----------
    number
        Number or letter; empty if it has none.
    name
        Its own name, if it has no number.
    estate
        Name of the estate without 小区.
    house
        Street and house number.
    """

    number: str
    name: str
    estate: str
    house: str


_GENERIC_END_PATTERN = re.compile(r"(?:住宅小区|住宅区|小区|大院|院内|(?<![医学法书剧影])院)$")
_MARKS = ",;.:、()-"
_INSIDE = ("的", "内", "小区里", "院里")
_TAIL_PATTERN = re.compile(r"[的里内]+$")
# What may precede the name of an estate: the end of an area, a street, a mark or an opening phrase.
_PREFIX_PATTERN = re.compile(
    r"(?:[省市州县区镇乡村社路街巷道弄号组]|网格|街道办|开发区|[\W_]|[在住到去于是来往的我您你请址]|我们|你们|咱们|我家|你好|您好|"
    r"旁边?|附近|对面|隔壁|背后|[前后]面|门口|看看|帮忙|麻烦|救命|快来|这里|这边|现在|今天|昨天|刚才|报修|反映|投诉|举报|地点|位置|业主|居民|住户|家住|小区)$"
)
# Endings of names of estates; 区 only as part of a name (东区, B区, 二期).
_ESTATE_END_PATTERN = re.compile(
    r"(?:[苑园城府庄寓院湾郡庭邸厦坊阁轩墅居]|新村|[^社]村|广场|宿舍|家园|[一二三四五六七八九十\d]期|"
    r"[东南西北中新老AB-Z一二三四五六七八九\d]区|.里|国际|中心|小学|中学|大学|学校|[一二三四五六七八九十]中|派出所|公司|工厂|酒店|宾馆|超市|市场|银行|安置房|公租房|廉租房|[东西南北])$"
)
_SECTION_PATTERN = re.compile(r"(?:小区)?[一二三四五六七八九十\dA-Z东南西北中新老]{1,3}[期区]")
_SECTION_NUMBERS = dict(zip("123456789", "一二三四五六七八九", strict=True)) | {
    "I": "一",
    "II": "二",
    "III": "三",
    "IV": "四",
}
_SECTION_NUMBER_PATTERN = re.compile(r"(?:(?<!\d)[1-9]|(?<![A-Z])(?:I{1,3}|IV))(?=[期区])")
_NO_NAME = frozenset(
    {
        "",
        "小区",
        "本小区",
        "该小区",
        "我小区",
        "这小区",
        "院",
        "本院",
        "里",
        "我们",
        "你们",
        "咱们",
        "我",
        "本",
        "该",
        "这个",
        "那个",
        "这",
        "那",
        "某",
        "同一",
        "一个",
        "整个",
        "家属",
        "老",
        "新",
    }
)
_COMMUNITY_PATTERN = re.compile(r"([^\d,;.:()、省市县区镇乡道]{1,8})社区")


@lru_cache(maxsize=1 << 16)  # the same buildings recur
def label_building(name: str, estate: str, address: str = "") -> BuildingLabel:
    """Return the label of a building from its columns.

    A house of a street (石板巷3号, named 3号) is identified by street and number, never by the
    number alone.
    """
    short, house = normalise_text(name), parse_address(address).house if address else ""
    number = label_of_building(name)
    if not estate and re.fullmatch(r"\d+号", short):
        number, house = (
            "",
            house or (normalise_text(address) if normalise_text(address).endswith(short) else ""),
        )
        return BuildingLabel(number, "", "", house)
    if not estate and number:
        estate = parse_address(name).prefix if normalise_text(name) != number else ""
    return BuildingLabel(number, "" if number else short, short_estate(estate), house)


def compare(address: Address, building: BuildingLabel, areas: Iterable[str] = ()) -> Naming:
    """Return how certain it is that an address names a building.

    Parameters
    ----------
    areas
        Names of the areas the building stands in; they may precede the estate, as 西兴 in
        西兴祥和苑.
    """
    if address.several:
        return Naming.NO
    estate = compare_estate(address.prefix, building.estate, tuple(areas))
    if building.number and building.number == address.building:
        if estate is Estate.OTHER:
            return Naming.NO if building.estate else Naming.NUMBER_IN_UNKNOWN_ESTATE
        return Naming.WHOLE if estate is Estate.SAME else Naming.NUMBER
    if building.number and address.other and estate is Estate.SAME:
        if building.number != address.other.building:
            return Naming.NO
        return Naming.HOUSE if _may_be_storey(address) else Naming.WHOLE
    if address.building:
        return Naming.NO
    if (
        building.house
        and address.house
        and _ends_whole(address.house, building.house, tuple(areas))
    ):
        return Naming.HOUSE
    # 惠民大厦 of 惠民大厦802 is the building, not an estate
    is_own_name = _ends_whole(address.prefix, building.name, tuple(areas))
    if (
        len(building.name) > 1
        and (estate is not Estate.OTHER or is_own_name)
        and _stands_in(building.name, address.text, tuple(areas))
    ):
        return Naming.WHOLE if estate is Estate.SAME else Naming.NUMBER
    return Naming.NO


def readings(address: Address, building: BuildingLabel, areas: Iterable[str] = ()) -> list[Address]:
    """Return the readings of an address inside a building; none if it names another building."""
    areas = tuple(areas)
    if address.several:
        return []
    estate = compare_estate(address.prefix, building.estate, areas)
    if estate is Estate.OTHER and building.estate:
        return []
    if address.building:
        return [address] if address.building == building.number or not building.number else []
    other = address.other
    if other is None or not building.number:
        return [address]
    if estate is Estate.SAME:
        return [other] if other.building == building.number else []
    if not address.is_inside:  # 2号3单元501: the number is a building's or nothing
        return [other] if other.building == building.number else []
    return (
        [address]
        if other.building != building.number or _may_be_storey(address)
        else [address, other]
    )


def _may_be_storey(address: Address) -> bool:
    """Return whether the number that may be the building's may be a storey as well: 祥和苑5楼."""
    return address.floor is not None and address.quotes[2].endswith("楼")


@lru_cache(maxsize=1 << 15)
def compare_estate(prefix: str, estate: str, areas: tuple[str, ...] = ()) -> Estate:
    """Return whether the words before a building name an estate, as a whole, or another one."""
    if estate and _ends_whole(short_estate(prefix), short_estate(estate), areas):
        return Estate.SAME
    estate = short_estate(estate)
    tail = _TAIL_PATTERN.sub("", prefix) if prefix.endswith(_INSIDE) else prefix.rstrip(_MARKS)
    generic = tail.endswith("小区")
    short = short_estate(tail)
    if estate:
        if _ends_whole(short, estate, areas) or _ends_whole(tail, estate, areas):
            return Estate.SAME
        section = _SECTION_PATTERN.search(estate)
        if section and section.end() == len(estate) and section[0] == _last_name(short, areas):
            return Estate.SAME  # 二期 of 锦绣家园二期
        for match in re.finditer(re.escape(estate), tail):
            whole = not match.start() or _may_precede(tail[: match.start()], areas)
            behind = re.match(r"(?:小区)?[,;.:()、的里内]+", tail[match.end() :])
            # 祥和苑,二期 is another estate
            if whole and behind and not _SECTION_PATTERN.match(tail, match.end() + behind.end()):
                return Estate.SAME
            return Estate.OTHER
    last = _last_name(short, areas)
    if generic and last not in _NO_NAME:
        return Estate.OTHER
    if _ESTATE_END_PATTERN.search(last) and last not in _NO_NAME and len(last) > 1:
        return Estate.OTHER
    return Estate.UNSAID


def name_before(address: Address, areas: Iterable[str] = ()) -> str:
    """Return the name right before the building: 祥和 of 祥和3号楼.

    Areas, streets and opening phrases are no names.
    """
    name = _last_name(short_estate(address.prefix.rstrip(_MARKS)), tuple(areas))
    return name if len(name) > 1 and name not in _NO_NAME else ""


def other_community(address: Address, community: str) -> bool:
    """Return whether an address names another community than this one."""
    stem = _stem(community)
    for match in _COMMUNITY_PATTERN.finditer(address.text):
        name = match[1]
        if name.endswith((stem, "小", "所在")):
            continue
        name = re.sub(
            r"^(?:我们?|你们?|咱们?|位于|家住)", "", re.split("[在住到去于是往的]", name)[-1]
        )
        if name not in _NO_NAME:
            return True
    return False


def area_is_named(text: str, area: str) -> bool:
    """Return whether a text names an area, with or without its suffix such as 社区 or 街道."""
    name = normalise_text(area)
    return bool(name) and (name in text or (len(_stem(area)) > 1 and _stem(area) in text))


def _stem(area: str) -> str:
    return re.sub(r"(?:社区|街道|镇|乡|村|县|区)$", "", normalise_text(area))


def short_estate(name: str) -> str:
    """Return the name of an estate without its suffix, 2期 as 二期.

    A name that is only a suffix stays.
    """
    name = _spoken_sections(normalise_text(name))
    short = _GENERIC_END_PATTERN.sub("", name)
    return short if len(short) > 1 else name


def _spoken_sections(text: str) -> str:
    """Return a text with the numbers of sections in Chinese: 2期 and II期 are 二期."""
    return _SECTION_NUMBER_PATTERN.sub(lambda match: _SECTION_NUMBERS[match[0]], text)


def _last_name(text: str, areas: tuple[str, ...]) -> str:
    """Return the part of a text after its last area, street or mark."""
    for area in areas:
        for name in (normalise_text(area), _stem(area)):
            if len(name) > 1 and name in text:
                text = text[text.rindex(name) + len(name) :]
    parts = re.split(
        r"社区|街道|网格|大道|开发区|[省市州县镇乡路街巷弄号\W_]|[在住到去于是来往的]|我家", text
    )
    return re.sub(r"^(?:我们|你们|咱们|我|你好|您好|请)", "", parts[-1])


def _ends_whole(text: str, name: str, areas: tuple[str, ...]) -> bool:
    return bool(name) and text.endswith(name) and _may_precede(text[: len(text) - len(name)], areas)


def _may_precede(prefix: str, areas: tuple[str, ...]) -> bool:
    if not prefix or _PREFIX_PATTERN.search(prefix[-4:]):
        return True
    return any(
        prefix.endswith(name)
        for area in areas
        for name in (normalise_text(area), _stem(area))
        if len(name) > 1
    )


def stands_in(estate: str, text: str, areas: tuple[str, ...] = ()) -> bool:
    """Return whether an estate stands in a text as a whole: not 新祥和苑, not 祥和苑二期."""
    short, text = short_estate(estate), _spoken_sections(text)
    return any(
        _may_precede(text[: match.start()], areas) and not _SECTION_PATTERN.match(text, match.end())
        for match in re.finditer(re.escape(short), text)
    )


def same_estate(estate: str, other: str) -> bool:
    """Return whether two names are of one estate: 桂花苑 is 桂花苑小区."""
    return short_estate(estate) == short_estate(other)


def _stands_in(name: str, text: str, areas: tuple[str, ...]) -> bool:
    """Return whether a building's own name stands in a text as a whole, and not as a landmark."""
    start = text.find(name)
    if start < 0 or BESIDE_PATTERN.match(text, start + len(name)):
        return False
    return _may_precede(text[:start], areas)
