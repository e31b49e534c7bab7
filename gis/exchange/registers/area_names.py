"""Areas as registers name them: 学苑第6网格, 学苑6网格, 第六网格, 6网格, or by their code."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.exchange.building_match import MAX_QUERIES_WITH_SUGGESTIONS, with_suggestions
from gis.labels import NUMERAL, normalise_text, parse_number
from gis.messages import Message

# Those of the given areas and all below them, each with its parent; None: every area.
AREAS_WITH_PARENTS_SQL = """
WITH RECURSIVE down AS (
  SELECT id FROM area WHERE CAST(:areas AS bigint[]) IS NULL AND parent_id IS NULL
    OR id = ANY(CAST(:areas AS bigint[]))
  UNION SELECT a.id FROM area a JOIN down ON a.parent_id = down.id
)
SELECT a.id, a.code, a.name, a.level, a.parent_id, a.county, a.id IN (SELECT id FROM down) AS mine
FROM area a WHERE a.retired_at IS NULL OR a.retired_at > now()
"""

# words around the name of an area of a level
WORDS = {
    "unit": "十联户单元|十联户|联户单元|联户|单元|组",
    "grid": "综合网格|网格|片区",
    "community": "社区居民委员会|社区居委会|居民委员会|社区党支部|社区党委|村民委员会|村委会"
    "|居委会|社区|村",
    "street": "街道办事处|街道办|街道|办事处|镇人民政府|镇|乡",
    "city": "自治州|地区|市|州|盟",
    "province": "自治区|省|市",
    "county": "经济技术开发区|开发区|自治县|县|区|市",
}
BETWEEN_PATTERN = re.compile("[、,;/+&]|(?<=[格社村户])(?:和|及|与)")
_NUMBER_PATTERN = re.compile(rf"第?0*(\d+|{NUMERAL}+)号?")
_AREA_RANGE_PATTERN = re.compile(r"(.*?第?)(\d{1,3})号?(?:网格)?[-至到](?:第)?(\d{1,3})(号?网格)")
MAX_AREAS_OF_RANGE = 30  # areas in a range such as 6-9网格


@dataclass(frozen=True)
class NamedArea:
    """An area that a register may mean.

    county: Code of its county. mine: Whether whoever loads the register may load it there.
    """

    id: int
    code: str
    name: str
    level: str
    parent_id: int | None
    county: str
    mine: bool


class AreaNames:
    """The areas by what registers call them."""

    def __init__(self, areas: Iterable[NamedArea]) -> None:
        self.by_id = {area.id: area for area in areas}
        self.by_code = {area.code: area for area in self.by_id.values()}
        self.chains = {area.id: self._chain(area) for area in self.by_id.values()}
        self.upper = [
            (area, name, stem)
            for area in self.by_id.values()
            if area.level in ("county", "street", "community")
            and len(stem := _stem(name := normalise_text(area.name), area.level)) > 1
        ]
        self.unknown: set[tuple[str, str]] = set()  # words and level without an area
        self.keys: dict[tuple[str, str], list[NamedArea]] = {}
        for area in self.by_id.values():
            if area.mine:
                key = self._key(area.name, area.level, self.chains[area.id])
                self.keys.setdefault((area.level, key), []).append(area)

    @classmethod
    def load(cls, session: Session, areas: Collection[int] | None) -> "AreaNames":
        """Return the index of all areas; those in and under `areas` are who loads' own."""
        ids = None if areas is None else sorted(areas)
        rows = session.execute(text(AREAS_WITH_PARENTS_SQL), {"areas": ids})
        return cls(NamedArea(*row) for row in rows)

    def own_ids(self) -> list[int]:
        """Return the ids of the areas in which registers may be loaded."""
        return [area.id for area in self.by_id.values() if area.mine]

    def grids_in(self, area: NamedArea | None) -> list[int]:
        """Return the ids of one's own grids in an area; None: of all of them."""
        return [
            grid.id
            for grid in self.by_id.values()
            if grid.level == "grid" and grid.mine and (area is None or area in self.chains[grid.id])
        ]

    def find(self, words: str, level: str, within: Sequence[NamedArea] = ()) -> NamedArea | Message:
        """Return the area of a level that some words name, or why there is none.

        Parameters
        ----------
        within
            Areas one of which must be above it; none means anywhere.
        """
        plain = normalise_text(words)
        if (area := self.by_code.get(plain)) and area.level == level and area.mine:
            return area
        named = [area for area in self._named_in(plain) if area.level != level]
        chain = [*named, *within, *(up for area in within for up in self.chains[area.id])]
        hits = self.keys.get((level, self._key(plain, level, chain)), [])
        for above in (within, named):
            ids = {area.id for area in above}
            if ids and level != "county":
                hits = [hit for hit in hits if ids & {up.id for up in self.chains[hit.id]}] or (
                    [] if above is within else hits
                )
        if len(hits) == 1:
            return hits[0]
        if hits:
            codes = [f"{area.name} ({area.code})" for area in hits[:5]]
            return Message("register.several_areas", {"name": words, "areas": codes})
        return self._unknown(words, level)

    def _unknown(self, words: str, level: str) -> Message:
        """Return that no area has a name, with names like it for the first unknown ones."""
        message = Message("register.no_area", {"name": words})
        if len(self.unknown) >= MAX_QUERIES_WITH_SUGGESTIONS and (words, level) not in self.unknown:
            return message
        self.unknown.add((words, level))
        names = [
            area.name
            for (of_level, _), areas in self.keys.items()
            if of_level == level
            for area in areas
        ]
        return with_suggestions(message, words, sorted(names))

    def communities_in(self, words: str) -> list[NamedArea]:
        """Return the communities of who loads that a title names."""
        return [
            area
            for area in self._named_in(normalise_text(words), whole=True)
            if area.level == "community" and area.mine
        ]

    def _named_in(self, plain: str, whole: bool = False) -> list[NamedArea]:
        """Return the areas whose names stand in a text, whole or without the word of the level."""
        return [
            area
            for area, name, stem in self.upper
            if name in plain or (not whole and plain.startswith(stem))
        ]

    def _chain(self, area: NamedArea) -> list[NamedArea]:
        """Return an area and those above it, up to its county: no register names its city."""
        chain, step = [area], area
        while step.level != "county" and (up := self.by_id.get(step.parent_id or 0)):
            chain.append(up)
            step = up
        return chain

    def _key(self, name: str, level: str, chain: Sequence[NamedArea]) -> str:
        """Return what names of a level are compared by, without the names of the areas above."""
        plain = normalise_text(name)
        for above in chain:
            if above.level != level:
                other = normalise_text(above.name)
                stem = _stem(other, above.level)
                plain = plain.replace(other, "")
                if len(stem) > 1:
                    plain = plain.removeprefix(stem)
        short = re.sub(rf"(?:{WORDS[level]})$", "", plain) or plain
        short = re.sub(rf"^(?:{WORDS[level]})(?=第?\d)", "", short)
        number = _NUMBER_PATTERN.fullmatch(short)
        return str(parse_number(number[1])) if number else short


def split_names(words: str) -> list[str]:
    """Return the areas that a cell lists: 第6、7网格 and 学苑6-7网格 are two each."""
    plain = normalise_text(re.sub("[/／]", "、", words))
    if match := _AREA_RANGE_PATTERN.fullmatch(plain):
        first, last = int(match[2]), int(match[3])
        if first < last < first + MAX_AREAS_OF_RANGE:
            return [f"{match[1]}{number}{match[4]}" for number in range(first, last + 1)]
    parts = [part for part in BETWEEN_PATTERN.split(plain) if part]
    end = re.search("(?:号?(?:网格|社区|十联户))$", plain)
    if end and len(parts) > 1:
        parts = [
            part + end[0] if re.search(r"[\d一二三四五六七八九十]号?$", part) else part
            for part in parts
        ]
    return parts


def _stem(name: str, level: str) -> str:
    return re.sub(rf"(?:{WORDS[level]})$", "", name)
