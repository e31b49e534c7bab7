"""Buildings that one cell lists: 1-3号楼, 1、2、3栋, 1号楼和2号楼."""

import re

from gis.labels import LABEL, NUMERAL, building_of, normalise_label, normalise_text, parse_number

MAX_BUILDINGS_OF_RANGE = 60  # buildings in a range
MAX_LIST_CHARS = 200  # of a cell that lists buildings; the time to read one grows by the square
_WORD = r"(?:号楼|栋|幢|座|#楼?|号)"
_BUILDING_RANGE_PATTERN = re.compile(
    rf"(?P<before>.*?)第?(?P<first>\d{{1,3}}|{NUMERAL}+){_WORD}?[-至到](?P<last>\d{{1,3}}|{NUMERAL}+)"
    rf"(?P<word>{_WORD})"
)
_LIST_PATTERN = re.compile(
    rf"(?P<before>.*?)(?P<list>{LABEL}{_WORD}?(?:[、,;和与及]{LABEL}{_WORD}?)+)"
)


def split_buildings(words: str) -> list[str]:
    """Return the buildings that a cell lists, each as 桂花苑3号楼; empty for one or none."""
    plain = normalise_text(words)
    if len(plain) > MAX_LIST_CHARS:
        return []
    if match := _BUILDING_RANGE_PATTERN.fullmatch(plain):
        first, last = parse_number(match["first"]), parse_number(match["last"])
        if first < last < first + MAX_BUILDINGS_OF_RANGE:
            return [f"{match['before']}{number}号楼" for number in range(first, last + 1)]
    if (match := _LIST_PATTERN.fullmatch(plain)) and re.search(_WORD, match["list"]):
        parts = re.split("[、,;和与及]", match["list"])
        return [match["before"] + building_of(normalise_label(part)) for part in parts]
    return []
