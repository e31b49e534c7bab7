"""Why each step of locating was decided as it was: the rules in words, Chinese and English."""

from dataclasses import dataclass
from typing import Any

# (step, rule) -> the sentence. No names of people: an answer without names keeps its reasons.
WORDS = {
    ("point", "converted"): (
        "坐标由{crs}换算为CGCS2000，移动约{metres:.0f}米",
        "converted from {crs}, about {metres:.0f} m",
    ),
    ("grid", "covers"): ("该点在{name}（{code}）内", "the point lies in grid {name} ({code})"),
    ("grid", "border_lower_code"): (
        "该点在几个网格的交界线上，归代码较小的{name}（{code}）",
        "the point lies on the border of several grids; the lower code, {name} ({code}), answers",
    ),
    ("grid", "nearest_within_50m"): (
        "该点不在任何网格内，归50米以内最近的{name}（{code}），相距{metres:.1f}米",
        "the point is outside every grid; the nearest within 50 m, {name} ({code}), answers, {metres:.1f} m away",
    ),
    ("building", "covers"): ("该点在楼栋{name}上", "the point lies on building {name}"),
    ("building", "nearest_within_15m"): (
        "该点不在楼栋上，取同一网格15米以内最近的{name}，相距{metres:.1f}米",
        "the point is on no building; the nearest within 15 m in this grid is {name}, {metres:.1f} m away",
    ),
    ("building", "none_within_15m"): ("15米以内没有本网格的楼栋", "no building of this grid within 15 m"),
    ("building", "address"): (
        "按地址取本网格的{name}，相距{metres:.1f}米",
        "the address names {name} in this grid, {metres:.1f} m away",
    ),
    ("building", "address_over_point"): (
        "该点最近的楼栋是{other}，但地址写的是{name}（相距{metres:.1f}米），以地址为准",
        "the point is at {other} but the address says {name}, {metres:.1f} m away; the address decides",
    ),
    ("building", "address_agrees"): ("地址与楼栋{name}相符", "the address agrees with building {name}"),
    ("building", "address_elsewhere"): (
        "地址写的{name}在另一网格（{code}），与该点不符，以该点为准",
        "the {name} of the address stands in another grid ({code}); the point decides",
    ),
    ("building", "address_unmatched"): (
        "本网格没有地址所写的“{name}”，或不止一处，以该点为准",
        "this grid has no “{name}” as in the address, or several; the point decides",
    ),
    ("address", "other_community"): (
        "地址写的社区不是该点所在的{name}，以该点为准",
        "the address names another community than {name}, where the point lies; the point decides",
    ),
    ("unit", "only_unit"): ("该楼栋只有一个十联户单元", "one ten-household unit has the whole building"),
    ("unit", "stairwell"): ("按地址的“{said}”确定十联户", "by “{said}” of the address"),
    ("unit", "floor"): ("按地址的“{said}”（{floor}层）确定十联户", "by “{said}” of the address, storey {floor}"),
    ("unit", "stairwell_and_floor"): (
        "按地址的“{stairwell}”和“{said}”（{floor}层）确定十联户",
        "by “{stairwell}” and “{said}” of the address, storey {floor}",
    ),
    ("unit", "floor_without_stairwell"): (
        "该楼栋没有地址所写的“{lost}”，按“{said}”（{floor}层）确定十联户",
        "this building has no “{lost}” as in the address; by “{said}”, storey {floor}",
    ),
    ("unit", "room"): ("按地址的“{said}”确定十联户", "by “{said}” of the address"),
    ("unit", "basement"): (
        "地址的“{said}”在地下，不属于某一层的十联户",
        "“{said}” of the address is below ground, where no unit has a storey",
    ),
    ("unit", "several_storeys"): (
        "地址的“{said}”是不同的楼层或房号，{count}个十联户单元可选，请只写一处",
        "“{said}” of the address are different storeys or rooms; {count} units may be meant; write one",
    ),
    ("unit", "unclear_storey"): (
        "地址的“{said}”可以读作不同的楼层，{count}个十联户单元可选，请写明单元和楼层",
        "“{said}” of the address may be read as different storeys; {count} units may be meant",
    ),
    ("unit", "candidates"): (
        "该楼栋有{count}个十联户单元可选，请补充单元、楼层或房号",
        "{count} units of this building may be meant; a stairwell, floor or room would decide",
    ),
    ("unit", "address_unmatched"): (
        "该楼栋没有地址所写的“{said}”，{count}个十联户单元可选",
        "this building has no “{said}” as in the address; {count} units may be meant",
    ),
    ("unit", "none"): ("该楼栋没有本网格的十联户单元", "no unit of this grid stands on this building"),
    ("unit", "no_building"): ("没有楼栋，无法确定十联户", "without a building no unit can be told"),
    ("answerable", "vacant"): (
        "{role_zh}（{area}）岗位空缺，无代理人在岗，上一级",
        "the post of {role_en} ({area}) is vacant and nobody stands in: one step up",
    ),
    ("answerable", "away"): (
        "{role_zh}（{area}）请假，无代理人在岗，上一级",
        "{role_en} ({area}) is on leave and nobody stands in: one step up",
    ),
    ("answerable", "no_post"): ("此处未设{role_zh}，上一级", "there is no post of {role_en} here: one step up"),
    ("answerable", "first_there"): (
        "最近的在岗责任人：{role_zh}（{area}）",
        "the nearest role with somebody there: {role_en} ({area})",
    ),
    ("answerable", "stands_in"): (
        "最近的责任人：{role_zh}（{area}），由代理人代理",
        "the nearest role: {role_en} ({area}), where a deputy stands in",
    ),
    ("answerable", "nobody"): ("目前没有在岗责任人", "nobody is there to answer"),
}


@dataclass(frozen=True, slots=True)
class DecisionStep:
    """How one step was decided: which rule, and the sentence in both languages."""

    step: str
    rule: str
    zh: str
    en: str


def decision_step(kind: str, rule: str, **values: Any) -> DecisionStep:
    """A reason in words."""
    zh, en = WORDS[kind, rule]
    return DecisionStep(kind, rule, zh.format_map(values), en.format_map(values))
