"""Addresses as people write them: 「西兴社区3号楼2单元501室」, 「3栋二单元五楼」, `3-2-501`.

The text is cut once into numbers with the word behind each (栋, 单元, 楼, 室 …); a small table says what numbers joined
by dashes are. Both take time in proportion to the length. Which building is meant is decided in `gis.places.naming`.
"""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from opencc import OpenCC

DIGITS = dict(
    zip("零〇○一二两三四五六七八九壹贰叁肆伍陆柒捌玖幺", (*[0] * 3, 1, 2, *range(2, 10), *range(1, 10), 1), strict=True)
)
TENS = {"十": 10, "百": 100, "千": 1000, "廿": 20, "拾": 10, "佰": 100, "仟": 1000}
HIGHEST_FLOOR = 150  # a room number that would be higher up is numbered some other way
MAX_LABEL_CHARS = 6  # a longer number is no door
MAX_ADDRESS_CHARS = 200
MAX_BASEMENT = 3  # -1层 to -3层 are below ground; -25层 is a dash before storey 25
MAX_FLAT = 12  # 5-25 with a higher second number may as well be stairwell 5, storey 25
TOP = HIGHEST_FLOOR + 1  # the top storey among `Address.storeys`

_NUMERAL = f"[{''.join(DIGITS)}{''.join(TENS)}]"
_STEM = "甲乙丙丁戊己庚辛壬癸"
# A number or letter on a door: 3, A, A3, 12B, 甲, 甲3, 三, 二十一.
_LABEL = rf"(?:[A-Z]?\d{{1,{MAX_LABEL_CHARS}}}[A-Z]?|[A-Z]|[{_STEM}]\d{{0,3}}|{_NUMERAL}{{1,{MAX_LABEL_CHARS}}})"
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−~〜_/\\", "-"))
_BRACKETS = str.maketrans(dict.fromkeys("【〔[「『《“‘〈", "(") | dict.fromkeys("】〕]」』》”’〉\"'", ")"))
_PHONE = re.compile(
    r"(?<!\d)(?:1[3-9]\d(?:[- ]?\d{4}){2}|0\d{2,3}[- ]?\d{3,4}[- ]?\d{4})(?!\d)|(?<=\d{3})1[3-9]\d{9}(?!\d)"
)
# A day or a time of day, as systems put it before a report.
_MOMENT = re.compile(
    r"(?<![\d-])(?:19|20)\d\d[-/.年]\d{1,2}[-/.月]\d{1,2}[日号]?(?![\d-])|(?<!\d)[0-2]?\d:[0-5]\d(?::[0-5]\d)?(?!\d)"
)
_DOTTED = re.compile(r"(?<!\d)(?<!\d\.)(\d{1,3})\.(\d{1,2})\.(\d{3,4})(?![\d.])")  # 2.3.501
_SPACE = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]+")  # and those without width, as web pages and chats put in
_BLANK = re.compile(r"(?<=[0-9A-Z])\s+(?=[0-9A-Z])")

# What is numbered like a room and is none: 2503车位, 车位2503, 商铺105.
_BAY = "车位|车库|商铺|门面|门市|店铺|店面|铺面|摊位|储物间|储藏室|快递柜|丰巢柜?|柜|配电箱|电表箱|信报?箱|箱|充电桩|桩|杆|路灯|井盖|电梯|桌"
_BAY_BEHIND = re.compile(rf"(?:的?(?:地下|临时|停|私家|固定|充电)*(?:{_BAY})|铺)")
_BAY_BEFORE = re.compile(rf"(?:{_BAY}|店|铺)(?:编?号)?[:第为是]?$")
_THINGS = frozenset("商铺门店岗车库电箱柜桩变泵灯杆井摊棚亭线机池桶表口广垃配充快消污化监摄地院")
# The word behind a number, and what it makes of the number; longer words come first. What is no door is not listed:
# 商铺, 车位, 岗亭, 电梯 leave a number without meaning.
_WORDS = {
    "building": rf"号(?:大楼|住宅楼|公寓楼|宿舍楼|栋楼?|幢楼?|座)|号楼(?![梯道])|#楼|[栋幢](?:楼(?![梯道下上顶前后]))?|座(?![位机椅])|#(?![{''.join(_THINGS)}])",
    "stairwell": "号?单元|梯(?!子)",
    "door": "门(?![口面市店卫岗禁前外牌诊铃锁头])",
    "storey": "层(?!高)|F",
    "storey_or_building": "楼(?![梯宇])",
    "room": "号?(?:室|房间|房(?![东产租])|户(?![主外口]))",
    "yard": "号(?:大?院|弄)",
    "sign": "号(?![码线]|楼[梯道])",
}
_PARTS = re.compile(
    rf"(?P<below>地下|负|地负|-)?第?(?P<label>(?<![0-9A-Z])[A-Z]?\d{{1,2}}(?=F)|"
    rf"(?<![A-Z])[A-Z]?\d+(?![\d零〇○])(?:[A-Z](?![A-Z]))?|"
    rf"(?<![0-9A-Z])[A-Z](?![A-Z0-9])|[{_STEM}]\d{{0,3}}|(?<![周期拜统唯每几])(?![百佰千仟])(?:{_NUMERAL}|\d)+)"
    rf"(?:{'|'.join(f'(?P<{kind}>{words})' for kind, words in _WORDS.items())})?"
    r"|(?P<top>顶[楼层])|(?P<roof>楼顶)|(?P<ground>[底首][楼层])|(?P<basement>(?:半?地下(?:室|车库|停车场)?|地库|负层))"
)
_STREET_END = re.compile(r"(?:路|大道|(?<!街)道|街|巷|胡同|弄)(?:中段|东段|西段|南段|北段)?$")
_STREET = re.compile(r"[^\d,;.:()省市县区镇乡村号]{1,12}$")
_BESIDE = re.compile(
    r"(?:楼|的)?(?:斜?对面|旁|附近|隔壁|周[边围]|[背前后左右侧](?:后|面|边|方|侧)?|[东西南北](?:侧|面|边|方)|[之中]间|外面?)"
)
_LISTED = re.compile(
    r"(?:隔壁|楼?[上下]|对面|实际|应为|(?:的?水)?[漏渗滴流淌掉烧传延]{1,2}[水烟]?(?=[到至]))?(?:[、,;和与及跟或到至&+-]|或者|以及)*第?"
)
_RANGE = re.compile(rf"(?:[\d楼层F室号]|{_NUMERAL})[到至]|[楼层F室]-")
_UPWARD = re.compile(r"(?:及其?)?(?:以上|往上|向上|起的?|开始)")
_DOWNWARD = re.compile(r"(?:及其?)?(?:以下|往下|向下)")
_LANDMARK_BEFORE = re.compile(
    r"(?:靠近?|挨着?|[临邻]近?|紧[临邻]|朝向?|面向|正?对着|(?:斜?对面|[旁前后侧左右背][边面后]?|隔壁)(?:就?是|为))$"
)
_ENDS = "-,;.:、()[]!?。"
_NO_STOREY = re.compile(r"[共总高](?:\d|[一二两三四五六七八九十])|倒数第?")  # 共6层, 倒数第二层
_SPOKEN_STOREYS = re.compile("(?P<tens>[二三四五六七八九]?十|廿|)(?P<ones>[一二三四五六七八九]{2,3})[楼层]")
_MEASURES = frozenset("号#元块个人名米斤次天分小时年月日点度吨辆岁只条%")

# What numbers joined by dashes are, by what was named before them and how many they are. A last number of three
# digits or more is a room; a shorter one is the flat of a storey.
_JOINED = {
    ("", 4, True): ("building", "stairwell", "floor", "room"),
    ("", 3, True): ("building", "stairwell", "room"),
    ("building", 3, True): ("stairwell", "floor", "room"),
    ("building", 3, False): ("stairwell", "floor", "flat"),
    ("building", 2, True): ("stairwell", "room"),
    ("building", 2, False): ("floor", "flat"),
    ("stairwell", 2, True): ("floor", "room"),
    ("stairwell", 2, False): ("floor", "flat"),
}


@dataclass(frozen=True)
class Address:
    """What an address says, each part empty (or None) where it says nothing.

    place: The words before the building, as 西兴社区 or 西兴社区桂花苑; spaces removed.
    building: Number or letter of the building that the address names, as 3, A or 甲; Chinese numerals as digits.
    stairwell: Number or letter of the stairwell (单元).
    floor: Storey as written, else read from a room of three digits or more (1203: 12); below ground negative.
    room: Room as at the door, as 501; of 5-2 it is 502.
    text: The whole address with half-width characters and no spaces.
    top: The top storey is named.
    house: Street and house number, as 西航路66号.
    beside: A building that is named as a landmark only, as in 2号楼对面.
    several: More than one building is named, so none is the place.
    other: How the address reads when its first number names the building: of 2-501 building 2 room 501, where the
        address itself reads stairwell 2. It counts where the estate is named.
    storeys: Storeys of which the address names more than one, by several storeys or rooms (4楼到5楼, 401、501) or by
        a storey and a room of another one (4楼501); `TOP` is the top one. Floor and room are empty then.
    is_range: The storeys between them are meant too.
    is_dashed: Stairwell, storey and flat are short numbers with dashes between, and nothing where the building has
        no such stairwell.
    storey_quotes: What is written of those storeys and rooms, for reasons.
    quotes: What is written of the building, the stairwell, the storey and the room, for reasons.
    """

    place: str = ""
    building: str = ""
    stairwell: str = ""
    floor: int | None = None
    room: str = ""
    text: str = ""
    top: bool = False
    house: str = ""
    beside: str = ""
    several: bool = False
    other: "Address | None" = None
    storeys: tuple[int, ...] = ()
    is_range: bool = False
    is_dashed: bool = False
    storey_quotes: tuple[str, ...] = field(default=(), compare=False)
    quotes: tuple[str, ...] = field(default=("",) * 4, compare=False)

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

    @property
    def is_inside(self) -> bool:
        """Whether it says where inside a building."""
        return bool(self.stairwell or self.room or self.top or self.floor is not None or self.storeys)


class _Part(NamedTuple):
    """A number with its word: kind is a key of `_WORDS`, top, ground, basement, or empty without a word."""

    label: str
    kind: str
    below: str
    start: int
    end: int
    quote: str


def parse_address(text: str) -> Address:
    """Read an address; parts it does not name stay empty, nothing is refused.

    Args:
        text: As people write it: full or half width, simplified or traditional, 号楼 幢 栋 座 #, Chinese numerals or
            digits, or dashes; words or a telephone number behind the room.
    """
    return _read(text) if len(text) <= MAX_ADDRESS_CHARS else _read.__wrapped__(text)  # a long one is not kept


@lru_cache(maxsize=1 << 14)
def _read(text: str) -> Address:
    return _Reader(_joined_text(text)).read()


class _Reader:
    """The parts of one address while they come together."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts = [_part(match) for match in _PARTS.finditer(text)]
        self.starts = {part.start for part in self.parts}
        self.opens = self._lists_of_storeys()
        self.storeys: dict[int, str] = {}  # every storey that is named, by itself or by a room
        self.doors: set[str] = set()  # every room that is named
        self.is_range = bool(_RANGE.search(text))
        self.is_dashed = False
        self.first_dash = text.find("-") % (len(text) + 1)
        self.last_between = max(text.rfind("之间"), text.rfind("中间"))
        self.last_detail = max((nth for nth, part in enumerate(self.parts) if part.kind in _DETAILS), default=-1)
        self.place_end: int | None = None
        self.said: dict[str, str] = {}
        self.quotes: dict[str, str] = {}
        self.top = self.several = self.is_unclear_inside = False
        self.floor: int | None = None
        self.house = self.beside = self.number = ""
        self.is_building_only = False  # `number` is nothing else, as in 青竹苑2号
        self.number_only: dict[str, str] = {}  # what counts only when `number` is the building
        self.own_only: set[str] = set()  # what counts only when it is not

    def read(self) -> Address:
        index = 0
        while index < len(self.parts):
            last = index
            while last + 1 < len(self.parts) and self._dashed(last):
                last += 1
            if last > index and not self.said.get("room"):
                self._group(self.parts[index : last + 1])
            elif last == index + 1 and self._is_another(index, 1):
                self._again(self.parts[index], self.parts[last])
            else:
                for nth in range(index, last + 1):
                    self._single(nth)
            index = last + 1
        if not self.said.get("building") and self.beside:
            self.several = True
        return self._address()

    def _again(self, first: _Part, last: _Part) -> None:
        """Two more numbers with a dash behind a room: 25-3、26-1 and 1-2503、1-1203."""
        if len(_digits(last.label)) >= 3:
            self._set("room", last.label, last)
        else:
            self._note(int_or_none(first.label), first.quote)

    def _dashed(self, nth: int) -> bool:
        """Whether a part has no word of its own and the next one follows a dash."""
        part, after = self.parts[nth], self.parts[nth + 1]
        return not part.kind and after.below == "-" and after.start == part.end and after.kind not in _ALONE

    def _group(self, parts: list[_Part]) -> None:
        """Numbers joined by dashes."""
        labels, kind = [part.label for part in parts], parts[-1].kind
        quote = self.text[parts[0].start : parts[-1].end].lstrip("-")
        context = self._context()
        if context != "room" and self._is_bay(parts[-1], ""):
            if re.fullmatch(r"B[1-4]", labels[0]):  # B1-105车位
                self._set_floor(-int(labels[0][1:]), labels[0])
            return
        if kind == "building":
            self.several = True  # 1-3栋 is a range, or a section and a building
        elif kind in ("stairwell", "door"):
            if len(parts) == 2 and not context:  # 2-3单元
                self._either(parts[0], labels[0])
                self._set("stairwell", labels[1], parts[1])
        elif kind in _STOREYS:
            if len(parts) == 2 and all(len(_digits(text)) in (1, 2) for text in labels):  # 25-26楼, 2栋3-5层
                self._end_place(parts[0])
                self.is_range = True
                for text in labels:
                    self._note(int_or_none(text), quote)
            elif len(parts) == 2 and len(_digits(labels[0])) >= 3 and len(labels[1]) <= 2:  # 501 3楼
                self._set("room", labels[0], parts[0])
                self._note(int_or_none(labels[1]), parts[1].quote.lstrip("-"))
        else:
            is_room = len(_digits(labels[-1])) >= 3
            if len(_digits(labels[0])) >= 3 and len(parts) == 2:
                if not is_room:
                    self._set("room", labels[0], parts[0])  # 2503-1
                else:
                    self.is_range = True
                    for text, part in zip(labels, parts, strict=True):  # 501-502
                        self._set("room", text, part)
            elif len(parts) == 2 and not context:
                self._pair(parts, labels, is_room, quote)
            elif (len(_digits(labels[0])) < 3 or len(parts) > 2) and (
                names := _JOINED.get((context, len(parts), is_room))
            ):
                self._fill(names, labels, parts, quote)
            elif len(parts) == 3 and not context:  # 2-25-3, 2-1-2
                self._either(parts[0], labels[0])
                self.number_only |= {"vague": "1"}

    def _fill(self, names: tuple[str, ...], labels: list[str], parts: list[_Part], quote: str) -> None:
        first, last = int_or_none(labels[0]), int_or_none(labels[-1])
        self.is_dashed = names == ("stairwell", "floor", "flat")
        if names == ("floor", "flat") and first and last:
            if parts[0].below == "-" and first == 1:
                quote = f"-{quote}"
                self._note(-1, quote)  # 4单元-1-2: below ground, or storey 1
            if last > MAX_FLAT:
                self._note(last, quote)  # 2栋1-25
        for name, text, part in zip(names, labels, parts, strict=True):
            if name == "floor":
                self._set_floor(int_or_none(text), quote)
            elif name == "flat":
                self._flat(text, quote)
            else:
                self._set(name, text, part, quote if name == "room" else part.quote.strip("-"))

    def _pair(self, parts: list[_Part], labels: list[str], is_room: bool, quote: str) -> None:
        """2-501: stairwell 2, or building 2; 25-3: storey 25 flat 3, or building 25."""
        first, last = labels
        self._either(parts[0], first)
        if is_room:
            self._set("stairwell", first, parts[0])
            self._set("room", last, parts[1])
            self.own_only.add("stairwell")
        else:
            if parts[0].below == "-" and first == "1":
                self._note(-1, quote := f"-{quote}")
            self._set_floor(int_or_none(first), quote)
            self._flat(last, quote)
            self.number_only |= {"vague": "1"}

    def _single(self, nth: int) -> None:
        part = self.parts[nth]
        context = self._context()
        number = int_or_none(part.label)
        if part.kind in ("top", "ground", "basement") or part.below in ("地下", "负", "地负"):
            self._end_place(part)
            number = floor_of(part.label) or number  # 负101
            below = -(number or 1) if part.kind != "ground" else 1
            self._note(TOP if part.kind == "top" else below, part.quote)
            if context != "room":
                self.top = part.kind == "top"
                self._set_floor(None if self.top else below, part.quote)
            return
        is_room = part.kind in ("", "room", "sign") and floor_of(part.label) == 1
        if part.kind == "roof":
            if context != "room":
                self._note(TOP, part.quote)
            return
        if part.below == "-" and context in ("", "building", "stairwell") and is_room:
            self._note(1, part.quote)
            self._note(-1, part.quote)  # 4单元-101: below ground, or storey 1
        match part.kind:
            case "building":
                self._building(nth, part)
            case "yard":
                pass
            case "stairwell" | "door":
                if part.kind == "stairwell" or context == "building":
                    self.is_unclear_inside |= self._is_listed(nth)  # 2、3单元
                    self._stairwell(part)
            case "storey" | "storey_or_building":
                self._storey(nth, part, number, context)
            case "sign":
                self._sign(nth, part, context)
            case "room":
                self._room(nth, part, context)
            case _:
                self._bare(nth, part, context)

    def _building(self, nth: int, part: _Part) -> None:
        before = self.parts[nth - 1] if nth else None
        if part.quote[-1] == "#" and len(_digits(part.label)) >= (3 if self._context() else 4):
            self._set("room", part.label, part, part.quote)  # 2单元501#
            return
        if self.said.get("building") and _LANDMARK_BEFORE.search(self.text[max(0, part.start - 6) : part.start]):
            return
        measure = part.quote[0] == "两" or (
            part.quote.endswith(("一座", "栋楼", "幢楼")) and self._goes_on(part)  # 3栋楼都停水
        )
        if measure or (_is_spoken_pair(part)):
            self.several = self.several or not self.said.get("building")
            return
        beside = _BESIDE.match(self.text, part.end) or (self.last_between >= part.end and self.last_detail <= nth)
        if beside:
            self.beside = self.beside or part.label
            self._end_place(part)
            return
        self.several |= self._is_listed(nth)
        inner = part.quote[-1] == "座" and before is not None and before.end == part.start  # 2栋B座
        if inner and self.is_building_only and part.label.isalpha():
            self._stairwell(part)
            return
        if not self.said.get("building"):
            if self.said.get("stairwell") or self.said.get("room"):
                self.several = True  # said of another building: 2单元的人去了5栋
                return
            self._set("building", part.label, part)
            self.floor, self.number, self.top, self.is_building_only = None, "", False, False
            self.storeys.clear()
            self.doors.clear()
        elif self.said["building"] != part.label:
            if inner:
                self._stairwell(part)
            else:
                self.several = True

    def _is_listed(self, nth: int) -> bool:
        """Whether a number without a word is named together with this part: 2、3号楼."""
        before = self.parts[nth - 1] if nth else None
        return before is not None and not before.kind and len(_digits(before.label)) < 3 and self._is_another(nth)

    def _is_another(self, nth: int, more: int = 0) -> bool:
        """Whether a number is joined to the one before it (、和到 …), and what follows is no measure: 401、501."""
        if not nth:
            return False
        before, part, last = self.parts[nth - 1], self.parts[nth], self.parts[nth + more]
        follows = self.text[last.end : last.end + 1]
        between = self.text[before.end : part.start] + part.below.replace("地负", "")
        if follows and not last.kind and (follows in _MEASURES or (between in ",;" and follows not in _ENDS)):
            return False  # 501、3个人; 501,119已到
        return bool(between) and bool(_LISTED.fullmatch(between))

    def _lists_of_storeys(self) -> list[bool]:
        """Which numbers without a word begin a list of storeys: the 4 and the 5 of 4、5、6楼."""
        opens = [False] * len(self.parts)
        for nth in range(len(self.parts) - 1, 0, -1):
            is_storey = self.parts[nth].kind in _STOREYS or opens[nth]
            is_number = self.parts[nth - 1].label.isdecimal() and self.parts[nth].below != "-"
            opens[nth - 1] = is_number and is_storey and self._is_listed(nth)
        return opens

    def _stairwell(self, part: _Part) -> None:
        if _is_spoken_pair(part):
            return
        self._set("stairwell", part.label, part)

    def _storey(self, nth: int, part: _Part, number: int | None, context: str) -> None:
        if part.kind == "storey_or_building" and not context and (after := self._next(nth)):
            room = not after.kind or after.kind in ("room", "sign")
            floor = floor_of(after.label)
            is_range = after.below == "-" and after.kind == part.kind  # 3楼-5楼
            is_inside = after.kind in _STOREYS | {"stairwell", "door"} or (after.below == "-" and not room)
            if is_inside and not is_range:
                self._set("building", part.label, part)  # 3楼2单元, 3楼5层
                return
            if room and floor is not None and floor != number:
                self._either(part, part.label)  # 3楼501
                self.number_only |= {"room": after.label}
                self.said["room"] = ""
                self.quotes["room"] = after.quote
                self.own_only.add("room")
                self.doors.add(after.label)
                return
        if part.label[:1] == "B" and (below := int_or_none(part.label[1:])):
            self._end_place(part)
            self._set_floor(-below, part.quote)
            return
        if _NO_STOREY.search(self.text[max(0, part.start - 2) : part.end]):
            return
        if storeys := _spoken_storeys(part):
            self._end_place(part)
            for storey in storeys:
                self._note(storey, part.quote)
            return
        if number and self.text[part.end : part.end + 1] == "半":  # 4楼半
            self._note(number + 1, part.quote)
        if number is None or not 0 < number <= HIGHEST_FLOOR or _is_spoken_pair(part):
            if number and len(_digits(part.label)) >= 3:
                self._set("room", part.label, part)  # 501楼道
            return
        if self._is_below(nth, part, number, context):
            self._end_place(part)
            self._set_floor(-number, part.quote)
            return
        if end := TOP if _UPWARD.match(self.text, part.end) else 1 if _DOWNWARD.match(self.text, part.end) else None:
            self._note(end, part.quote)  # 5楼以上, 10楼以下
            self.is_range = True
        if not context and part.kind == "storey_or_building":
            self._either(part, part.label)
            self.own_only.add("floor")
        else:
            self._end_place(part)
        self._note(number, part.quote.lstrip("-"))
        if context != "room":
            self._set_floor(number, part.quote.lstrip("-"))

    def _is_below(self, nth: int, part: _Part, number: int, context: str) -> bool:
        """Whether the dash before a storey is a sign: -1层."""
        is_after_storey = nth > 0 and self.parts[nth - 1].kind in _STOREYS and self.parts[nth - 1].end == part.start
        if part.below != "-" or number > MAX_BASEMENT or (is_after_storey and context == "floor"):
            return False
        after = self._next(nth)
        return self.first_dash >= part.start and not (after and floor_of(after.label) == number)

    def _sign(self, nth: int, part: _Part, context: str) -> None:
        """号: of a street, of a room, or alone."""
        before = self.text[max(0, part.start - 16) : part.start]
        if before.endswith("附"):
            return
        if _STREET_END.search(before[-6:]):
            if context:
                return
            street = _STREET.search(before)
            self.house = (street[0] if street else before) + part.label + "号"
            return
        if self._is_bay(part, context):
            return
        digits = _digits(part.label)
        thing = self.text[part.end : part.end + 1] in _THINGS
        if thing and (len(digits) < 3 or context not in ("stairwell", "floor")):
            return
        if context in ("stairwell", "floor"):
            self._flat(part.label, part.quote) if len(digits) < 3 else self._set("room", part.label, part)
        elif len(digits) >= 3 or context == "building" or (context == "room" and self._is_another(nth)):
            self._set("room", part.label, part)
        elif not context and self._is_alone(part) and not self.number:
            self._either(part, part.label)
            self.is_building_only = True

    def _is_bay(self, part: _Part, context: str) -> bool:
        """Whether a number is that of a parking bay, a shop or the like: 车位105; 3单元101商铺 is a room."""
        if context == "room" or (context in ("stairwell", "floor") and len(_digits(part.label)) >= 3):
            return False
        before = self.text[max(0, part.start - 6) : part.start].rstrip("-")
        return bool(_BAY_BEHIND.match(self.text, part.end) or _BAY_BEFORE.search(before))

    def _room(self, nth: int, part: _Part, context: str) -> None:
        if context == "room" and (len(_digits(part.label)) >= 3 or self._is_another(nth)):
            self._set("room", part.label, part)
        elif not self.said.get("room") and "room" not in self.own_only:
            if context == "floor" and len(_digits(part.label)) < 3:
                self._flat(part.label, part.quote)
            else:
                self._set("room", part.label, part)

    def _bare(self, nth: int, part: _Part, context: str) -> None:
        """A number without a word."""
        if self._is_bay(part, context) or part.label[1:].endswith(("V", "W", "K", "M", "G")):  # 220V, 10KV, 5G
            return
        if self.opens[nth]:
            self._end_place(part)
            self._note(int_or_none(part.label), part.quote)
            return
        if context == "room" or "room" in self.own_only:
            if 3 <= len(_digits(part.label)) < MAX_LABEL_CHARS and self._is_another(nth):
                self._set("room", part.label, part)
            return
        follows = self.text[part.end : part.end + 1]
        if follows in _MEASURES and follows:
            return
        adjacent = part.start == 0 or (nth > 0 and self.parts[nth - 1].end == part.start)
        ends = not follows or follows in _ENDS
        digits = _digits(part.label)
        if re.fullmatch(r"B[1-4]", part.label) and (context or ends):
            self._end_place(part)
            self._set_floor(-int(part.label[1:]), part.quote)
        elif 3 <= len(digits) <= MAX_LABEL_CHARS - 1:
            if (adjacent and (context or ends or nth == 0)) or ends:
                self._set("room", part.label, part)
        elif context == "floor" and adjacent and digits:
            self._flat(part.label, part.quote)
        elif context == "stairwell" and adjacent and digits and ends:
            self._set("room", part.label, part)
        elif not context and (ends or self._next(nth)) and not self.number and digits:
            self._either(part, part.label)
            self.is_building_only = True

    def _either(self, part: _Part, text: str) -> None:
        """Note a number that is the building where the estate is named."""
        self.number = self.number or text
        self._end_place(part)

    def _set(self, name: str, text: str, part: _Part, quote: str = "") -> None:
        self._end_place(part)
        if name == "room":
            self.doors.add(self._at_door(text))
            floor = floor_of(text)
            if floor and -floor not in self.storeys:  # 负一层101 is below ground
                self._note(floor, part.quote.strip("-"))
        if self.said.get(name) or (name == "room" and "room" in self.own_only):
            self.is_unclear_inside |= name == "stairwell" and self.said[name] != text
            return
        self.said[name] = text
        self.quotes[name] = quote or part.quote.strip("-")

    def _flat(self, text: str, quote: str) -> None:
        """The flat of a storey: 5-2 and 5楼2号 are 502."""
        if not self.said.get("room") and text.isdecimal() and len(text) <= 2:
            self.said["room"] = self._at_door(text)
            self.doors.add(self.said["room"])
            self.quotes["room"] = quote

    def _at_door(self, text: str) -> str:
        """A room by its storey as well: the 2 of 5楼1号和2号 is 502."""
        is_flat = self.floor and self.floor > 0 and text.isdecimal() and len(text) <= 2
        return f"{self.floor}{int(text):02d}" if is_flat else text

    def _note(self, floor: int | None, quote: str) -> None:
        """Keep in mind that a storey is named."""
        if floor is not None and floor <= TOP:
            self.storeys.setdefault(floor, quote)

    def _set_floor(self, value: int | None, quote: str) -> None:
        self._note(value, quote)
        if self.floor is None:
            self.floor = value
            self.quotes["floor"] = quote

    def _end_place(self, part: _Part) -> None:
        if self.place_end is None:
            self.place_end = part.start

    def _context(self) -> str:
        """The innermost part named so far."""
        if self.said.get("room"):
            return "room"
        if self.floor is not None or self.top:
            return "floor"
        if self.said.get("stairwell"):
            return "stairwell"
        return "building" if self.said.get("building") or self.is_building_only else ""

    def _next(self, nth: int) -> _Part | None:
        """The part that follows without anything between."""
        if nth + 1 < len(self.parts) and self.parts[nth + 1].start == self.parts[nth].end:
            return self.parts[nth + 1]
        return None

    def _is_alone(self, part: _Part) -> bool:
        """Whether a number with its word stands alone, or before another number."""
        follows = self.text[part.end : part.end + 1]
        return not follows or follows in _ENDS or part.end in self.starts

    def _goes_on(self, part: _Part) -> bool:
        return not self._is_alone(part)

    def _address(self) -> Address:
        said = self.said
        text = self.text
        place = text if self.place_end is None else text[: self.place_end]
        place = place.rstrip("-,;.:、")
        quotes = tuple(self.quotes.get(name, "") for name in ("building", "stairwell", "floor", "room"))
        if self.several:
            return Address(place, text=text, house=self.house, beside=self.beside, several=True)
        if (
            not said.get("building")
            and not self.number
            and not any(said.values())
            and self.floor is None
            and not self.top
            and not self.storeys
        ):
            return Address(text if self.place_end is None else place, text=text, house=self.house, beside=self.beside)
        if self.is_unclear_inside:
            said, self.floor, self.top = {"building": said.get("building", "")}, None, False
        room = said.get("room", "") if len(self.doors) < 2 else ""
        floor = self.floor if self.floor is not None else floor_of(said.get("room", ""))
        address = Address(
            place, said.get("building", ""), said.get("stairwell", ""), floor, room, text, self.top, self.house,
            self.beside, is_dashed=self.is_dashed, quotes=quotes,
        )  # fmt: skip
        if len(self.storeys) > 1 and max(self.storeys) > 0 and not self.is_unclear_inside:
            address = replace(
                address, floor=None, room="", top=False, storeys=tuple(sorted(self.storeys)), is_range=self.is_range,
                storey_quotes=tuple(dict.fromkeys(self.storeys.values())),
            )  # fmt: skip
            if "floor" in self.own_only or "vague" in self.number_only:
                self.number = ""  # 3楼和5楼, 25-3、26-1
        if self.number and not address.building:
            other = self._as_building(address)
            if self.is_building_only:
                address = replace(address, stairwell="", floor=None, room="", top=False, storeys=())
            address = replace(address, other=other)
        return address

    def _as_building(self, address: Address) -> Address:
        """The same address when its first number names the building."""
        if "vague" in self.number_only:
            return replace(address, building=self.number, stairwell="", floor=None, room="")
        if address.storeys:
            stairwell = "" if "stairwell" in self.own_only else address.stairwell
            return replace(address, building=self.number, stairwell=stairwell)
        room = self.number_only.get("room", address.room)
        stairwell = "" if "stairwell" in self.own_only else address.stairwell
        floor = floor_of(room) if "floor" in self.own_only or address.floor is None else address.floor
        return replace(address, building=self.number, stairwell=stairwell, floor=floor, room=room)


_ALONE = frozenset({"top", "roof", "ground", "basement"})
_DETAILS = frozenset({"stairwell", "room", "storey"})
_STOREYS = frozenset({"storey", "storey_or_building"})


def _part(match: re.Match[str]) -> _Part:
    kind = match.lastgroup or ""
    if kind in ("label", "below"):
        kind = ""
    text = match["label"] or ""
    return _Part(
        label(text) if len(text) <= 3 * MAX_LABEL_CHARS else text,
        kind,
        match["below"] or "",
        match.start(),
        match.end(),
        match[0],
    )


def _spoken_storeys(part: _Part) -> list[int]:
    """The storeys of 四五楼 and 二十五六层."""
    pair = _SPOKEN_STOREYS.match(part.quote.lstrip("-第"))
    return [number(pair["tens"] + sign) for sign in pair["ones"]] if pair else []


def _is_spoken_pair(part: _Part) -> bool:
    """Whether 二三楼 is two storeys: two numerals in a row without a ten."""
    signs = part.quote.lstrip("-第")[:2]
    return len(signs) == 2 and all(sign in DIGITS and DIGITS[sign] for sign in signs)


def int_or_none(text: str) -> int | None:
    """A short whole number; None for anything else."""
    return int(text) if text.isdecimal() and len(text) <= MAX_LABEL_CHARS else None


def _digits(text: str) -> str:
    return text.strip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") if text.isascii() else ""


def _joined_text(text: str) -> str:
    """As `plain`, with telephone numbers gone and blanks between numbers as dashes."""
    text = _simplified(unicodedata.normalize("NFKC", text)).upper().translate(_BRACKETS)
    text = _DOTTED.sub(r"\1-\2-\3", _MOMENT.sub(";", _PHONE.sub(";", text)))
    text = _BLANK.sub("-", text)
    return _SPACE.sub("", text).translate(_DASHES)


@lru_cache(maxsize=1 << 16)  # the same few names come again and again
def plain(text: str) -> str:
    """Half-width, simplified, capital letters, one kind of dash, no spaces."""
    text = _simplified(unicodedata.normalize("NFKC", text))
    return _SPACE.sub("", text).translate(_DASHES).upper()


def _simplified(text: str) -> str:
    """Traditional characters as simplified ones; a text without any is spared the dictionary."""
    if text.isascii() or _traditional().isdisjoint(text):
        return text
    return str(_converter().convert(text))


@cache
def _converter() -> "OpenCC":
    from opencc import OpenCC  # its dictionaries are read only when an address comes

    return OpenCC("t2s")


@cache
def _traditional() -> frozenset[str]:
    """The characters that are written otherwise in simplified Chinese."""
    signs = [chr(code) for code in range(0x4E00, 0xA000)]
    simple = _converter().convert("\n".join(signs)).split("\n")
    return frozenset(sign for sign, new in zip(signs, simple, strict=True) if sign != new)


_LABELLED = re.compile(rf"第?({_LABEL})(?:号楼|#楼?|号|栋|幢|座|楼|单元|门|梯)?")
_NUMERALS = re.compile(rf"(?:{_NUMERAL}|\d)+")


def label(text: str) -> str:
    """A number or letter of a door in one way of writing: 三 and 03 are 3, a is A, 甲 stays.

    The words around it go: 3号楼, 第三单元 and 3# are 3. A name without a number stays as it is.
    """
    text = plain(text)
    if match := _LABELLED.fullmatch(text):
        text = match[1]
    if _NUMERALS.fullmatch(text) and not text.isdecimal() and len(text) <= MAX_LABEL_CHARS:
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
    """A whole number in digits or Chinese numerals below ten thousand: 21, 二十一, 一百零三, 一〇三."""
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


def floor_of(room: str) -> int | None:
    """The storey a room is on when its last two digits number it on the floor: 501 is 5, 1203 is 12.

    None for rooms of one or two digits, and where the storey would be 0 or higher than any building.
    """
    digits = re.match(r"[A-Z]?(\d{3,5})(?!\d)", room)
    if digits is None:
        return None
    floor = int(digits[1][:-2])
    return floor if 0 < floor <= HIGHEST_FLOOR else None
