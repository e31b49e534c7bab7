"""What the cells of a column look like, for headers that say nothing or the wrong thing."""

import re
import unicodedata
from collections.abc import Sequence

from gis.exchange.post_rows import ROLE_WORDS
from gis.files.cells import clean_text
from gis.files.table_rows import TOTAL_PATTERN

MAX_SAMPLES = 60  # cells of a column that are looked at
FITTING_SHARE = 0.8  # of the filled cells, for a column to be recognised
CONTRADICTING_SHARE = 0.3  # below it the cells contradict the header

_HAN = "[\u3400-\u9fff·]"
PHONE = r"(?:\+?86)?1[3-9]\d{9}|0\d{9,11}"

# the first that fits counts, so the strict ones come first
PATTERNS: dict[str, re.Pattern[str]] = {
    key: re.compile(pattern)
    for key, pattern in {
        "identity": r"\d{17}[\dXx]",
        "telephone": rf"(?:{PHONE})(?:[,、;/](?:{PHONE}))*",
        "name_telephone": rf"{_HAN}{{2,4}}[(:,/]?(?:{PHONE})\)?",
        "relation": "户主|本人|配偶|妻子?|丈夫|夫|妻|[长次三独]?[子女]|儿子|女儿|[父母]亲?|岳父|"
        "岳母|公公|婆婆|孙[子女]?|外孙女?|儿媳|女婿|兄|弟|姐|妹|祖父|祖母|其他",
        "role": rf"(?:专职|兼职|专兼职)?(?:{'|'.join(ROLE_WORDS)})(?:\(.*\))?",
        "address": r".{2,}(?:号楼|栋|幢|座|#|单元|[路街巷]\d+号).*\d.*",
        "grid": ".*网格.*",
        "community": ".+(?:社区|村|居委会)",
        "building": r".{0,12}?\d{1,3}(?:号楼|栋|幢|座|#)",
        "stairwell": r"[\d一二三四五六七八九十]{1,2}单元",
        "room": r"(?:\d{1,2}-)?\d{3,4}(?:室|号)?",
        "homes": r"\d{1,4}户",
        "floors": r"\d{1,2}层",
        "stairwells": r"\d{1,2}个(?:单元)?",
        "name": rf"{_HAN}{{2,4}}",
    }.items()
}
# patterns that stand for another field's
ALSO_FITS = {"name": ("name_telephone",), "telephone": ("name_telephone",)}
STRICT = frozenset(
    {"identity", "telephone", "relation"}
)  # cells that look otherwise are something else


def recognise(cells: Sequence[object]) -> str:
    """Return the key of the first pattern that the filled cells of a column fit; or empty."""
    texts = _texts(cells)
    return next((key for key in PATTERNS if texts and _share(texts, key) >= FITTING_SHARE), "")


def contradicts(cells: Sequence[object], content: str) -> bool:
    """Return whether the filled cells of a column are not what its header says."""
    texts = _texts(cells)
    if content not in STRICT or not texts:
        return False
    keys = (content, *ALSO_FITS.get(content, ()))
    return max(_share(texts, key) for key in keys) < CONTRADICTING_SHARE


def _texts(cells: Sequence[object]) -> list[str]:
    texts = (re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", clean_text(c))) for c in cells)
    return [text for text in texts if text and not TOTAL_PATTERN.fullmatch(text)][:MAX_SAMPLES]


def _share(texts: Sequence[str], key: str) -> float:
    return sum(bool(PATTERNS[key].fullmatch(text)) for text in texts) / len(texts)
