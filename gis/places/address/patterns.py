"""The patterns of addresses: parts, the words around them, and text to skip."""

import re
import unicodedata
from typing import NamedTuple

from gis.labels import (
    DASHES,
    DIGITS,
    HIGHEST_FLOOR,
    MAX_LABEL_CHARS,
    NUMERAL,
    SPACE_PATTERN,
    STEM,
    SUFFIX_PATTERNS,
    normalise_label,
    parse_number,
    simplified,
)

MAX_ADDRESS_CHARS = 200
MAX_BASEMENT = 3  # -1层 to -3层 are below ground; -25层 is a dash before storey 25
MAX_FLAT = 12  # 5-25 with a higher second number may as well be stairwell 5, storey 25
TOP = HIGHEST_FLOOR + 1  # the top storey among `Address.storeys`

_BRACKETS = str.maketrans(
    dict.fromkeys("【〔[「『《“‘〈", "(") | dict.fromkeys("】〕]」』》”’〉\"'", ")")
)
_PHONE_PATTERN = re.compile(
    r"(?<!\d)(?:1[3-9]\d(?:[- ]?\d{4}){2}|0\d{2,3}[- ]?\d{3,4}[-"
    r" ]?\d{4})(?!\d)|(?<=\d{3})1[3-9]\d{9}(?!\d)"
)
# A day or a time of day, as systems put it before a report.
_MOMENT_PATTERN = re.compile(
    r"(?<![\d-])(?:19|20)\d\d[-/.年]\d{1,2}[-/.月]\d{1,2}[日号]?(?![\d-])|(?<!\d)[0-2]?\d:[0-5]\d(?::[0-5]\d)?(?!\d)"
)
_DOTTED_PATTERN = re.compile(r"(?<!\d)(?<!\d\.)(\d{1,3})\.(\d{1,2})\.(\d{3,4})(?![\d.])")  # 2.3.501
# A dot in the middle joins what it stands between (祥和苑·二期), but between numbers: 2·3·501.
_JOINING_DOT_PATTERN = re.compile(r"(?<!\d)[·•‧∙⋅・]|[·•‧∙⋅・](?!\d)")
_MIDDLE_DOTS = str.maketrans(dict.fromkeys("·•‧∙⋅・", "."))
_INNER_BLANK_PATTERN = re.compile(r"(?<=[0-9A-Z])\s+(?=[0-9A-Z])")

# What is numbered like a room and is not one: 2503车位, 车位2503, 商铺105.
_BAY = (
    "车位|车库|商铺|门面|门市|店铺|店面|铺面|摊位|储物间|储藏室|快递柜|丰巢柜?|柜"
    "|配电箱|电表箱|信报?箱|箱|充电桩|桩|杆|路灯|井盖|电梯|桌"
)
BAY_BEHIND_PATTERN = re.compile(rf"(?:的?(?:地下|临时|停|私家|固定|充电)*(?:{_BAY})|铺)")
BAY_BEFORE_PATTERN = re.compile(rf"(?:{_BAY}|店|铺)(?:编?号)?[:第为是]?$")
PARTS_PATTERN = re.compile(
    rf"(?P<below>地下|负|地负|-)?第?(?P<label>(?<![0-9A-Z])[A-Z]?\d{{1,2}}(?=F)|"
    rf"(?<![A-Z])[A-Z]?\d+(?![\d零〇○])(?:[A-Z](?![A-Z]))?|"
    rf"(?<![0-9A-Z])[A-Z](?![A-Z0-9])|[{STEM}]\d{{0,3}}|(?<![周期拜统唯每几])(?![百佰千仟])(?:{NUMERAL}|\d)+)"
    rf"(?:{'|'.join(f'(?P<{kind}>{pattern})' for kind, pattern in SUFFIX_PATTERNS.items())})?"
    r"|(?P<top>顶[楼层])|(?P<roof>楼顶)|(?P<ground>[底首][楼层])|(?P<basement>(?:半?地下(?:室|车库|停车场)?|地库|负层))"
)
DATE_BEFORE_PATTERN = re.compile(r"[\d一二三四五六七八九十]月份?$")  # 5号 of 3月5号 is a day
STREET_END_PATTERN = re.compile(
    r"(?:路|大道|(?<!街)道|街|巷|胡同|弄)(?:中段|东段|西段|南段|北段)?$"
)
STREET_PATTERN = re.compile(r"[^\d,;.:()省市县区镇乡村号]{1,12}$")
BESIDE_PATTERN = re.compile(
    r"(?:楼|的)?(?:斜?对面|旁|附近|隔壁|周[边围]|[背前后左右侧](?:后|面|边|方|侧)?|[东西南北](?:侧|面|边|方)|[之中]间|外面?)"
)
LISTED_PATTERN = re.compile(
    r"(?:隔壁|楼?[上下]|对面|实际|应为|(?:的?水)?[漏渗滴流淌掉烧传延]{1,2}[水烟]?(?=[到至]))?(?:[、,;和与及跟或到至&+-]|或者|以及)*第?"
)
RANGE_PATTERN = re.compile(rf"(?:[\d楼层F室号]|{NUMERAL})[到至]|[楼层F室]-")
UPWARD_PATTERN = re.compile(r"(?:及其?)?(?:以上|往上|向上|起的?|开始)")
DOWNWARD_PATTERN = re.compile(r"(?:及其?)?(?:以下|往下|向下)")
LANDMARK_BEFORE_PATTERN = re.compile(
    r"(?:靠近?|挨着?|[临邻]近?|紧[临邻]|朝向?|面向|正?对着|(?:斜?对面|[旁前后侧左右背][边面后]?|隔壁)(?:就?是|为))$"
)
END_SIGNS = "-,;.:、()[]!?。"
NO_STOREY_PATTERN = re.compile(
    r"[共总高](?:\d|[一二两三四五六七八九十])|倒数第?"
)  # 共6层, 倒数第二层
_SPOKEN_STOREYS_PATTERN = re.compile(
    "(?P<tens>[二三四五六七八九]?十|廿|)(?P<ones>[一二三四五六七八九]{2,3})[楼层]"
)
MEASURES = frozenset("号#元块个人名米斤次天分小时年月日点度吨辆岁只条%")

ALONE_KINDS = frozenset({"top", "roof", "ground", "basement"})
DETAIL_KINDS = frozenset({"stairwell", "room", "storey"})
STOREY_KINDS = frozenset({"storey", "storey_or_building"})


class Part(NamedTuple):
    """A number with its suffix.

    Attributes
    ----------
    kind
        A key of `SUFFIX_PATTERNS`, top, roof, ground or basement; empty for a number without a
        suffix.
    """

    label: str
    kind: str
    below: str
    start: int
    end: int
    quote: str


def to_part(match: re.Match[str]) -> Part:
    """Return the part of a match of PARTS_PATTERN."""
    kind = match.lastgroup or ""
    if kind in ("label", "below"):
        kind = ""
    text = match["label"] or ""
    return Part(
        normalise_label(text) if len(text) <= 3 * MAX_LABEL_CHARS else text,
        kind,
        match["below"] or "",
        match.start(),
        match.end(),
        match[0],
    )


def spoken_storeys(part: Part) -> list[int]:
    """Return the storeys of 四五楼 and 二十五六层."""
    pair = _SPOKEN_STOREYS_PATTERN.match(part.quote.lstrip("-第"))
    return [parse_number(pair["tens"] + sign) for sign in pair["ones"]] if pair else []


def is_spoken_pair(part: Part) -> bool:
    """Return whether a part is two storeys, as 二三楼: two numerals in a row without a ten."""
    signs = part.quote.lstrip("-第")[:2]
    return len(signs) == 2 and all(sign in DIGITS and DIGITS[sign] for sign in signs)


def joined_text(text: str) -> str:
    """Return a text normalised for parsing: without telephone numbers, number blanks as dashes."""
    text = simplified(unicodedata.normalize("NFKC", text)).upper().translate(_BRACKETS)
    text = _JOINING_DOT_PATTERN.sub("", text).translate(_MIDDLE_DOTS)
    text = _DOTTED_PATTERN.sub(r"\1-\2-\3", _MOMENT_PATTERN.sub(";", _PHONE_PATTERN.sub(";", text)))
    text = _INNER_BLANK_PATTERN.sub("-", text)
    return SPACE_PATTERN.sub("", text).translate(DASHES)
