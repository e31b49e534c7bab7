"""What buildings are used for: words of registers, and the values of OSM that are stored."""

from gis.files.cells import parse_text

BUILDING_KIND_BY_WORD = {
    "住宅": "residential",
    "居民楼": "residential",
    "居住": "residential",
    "商住": "residential",
    "公寓": "apartments",
    "平房": "house",
    "自建房": "house",
    "宿舍": "dormitory",
    "商业": "retail",
    "商铺": "retail",
    "办公": "office",
    "学校": "school",
    "幼儿园": "kindergarten",
    "医院": "hospital",
    "厂房": "industrial",
    "仓库": "warehouse",
    "车库": "garage",
    "公共": "public",
}
BUILDING_KINDS = tuple(dict.fromkeys(BUILDING_KIND_BY_WORD.values()))
"""Those offered on a page; loads of maps bring others."""
OUTLINE_ZH = {"drawn": "实测", "assumed": "示意"}


def parse_building_kind(value: object) -> str:
    """Return what a cell says of the use, as OSM's building=* where the word is known."""
    word = parse_text(value)
    return BUILDING_KIND_BY_WORD.get(
        word.removesuffix("楼").removesuffix("用房"), BUILDING_KIND_BY_WORD.get(word, word)
    )
