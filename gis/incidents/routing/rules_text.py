"""Routing rules in words, Chinese and English."""

from collections.abc import Iterable, Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents.catalogue.editions import Edition
from gis.incidents.routing.rules import Rule
from gis.rights.roles import ROLE_BY_KEY, ROLES

# column -> what it may hold -> the words for it on screen and in tables; both are read
SAID: dict[str, dict[str, tuple[str, str]]] = {
    "severity": {"low": ("低", "low"), "normal": ("一般", "normal"), "high": ("高", "high"), "urgent": ("紧急", "urgent")},
    "days": {"any": ("每天", "any day"), "working": ("工作日", "working days"), "rest": ("休息日", "days of rest")},
    "channel": {
        "mini_program": ("小程序", "mini-program"), "web": ("网页", "web"), "phone": ("电话", "phone"),
        "in_person": ("来访", "in person"), "patrol": ("巡查", "patrol"), "woodpecker": ("啄木鸟", "woodpecker"),
        "open311": ("Open311", "Open311"), "device": ("设备", "device"), "import": ("导入", "import"),
        "api": ("接口", "API"),
    },
    "way": {"assign": ("派单", "assign"), "order": ("点单", "order")},
    "around_the_clock": {"yes": ("全天", "around the clock"), "no": ("工作时间", "working time")},
    "first_role": {role.key: (role.zh, role.en) for role in ROLES},
}  # fmt: skip


def in_words(rule: Rule, categories: Mapping[str, str], areas: Mapping[str, str] | None = None) -> str:
    """A rule as a sentence, Chinese: 夜间 22:00 至 06:00 的噪声扰民 → 派给网格长……

    Args:
        categories, areas: Names by code; of categories also by their beginnings.
    """
    when, whom, how_long = describe_rule(rule, categories, areas)[0]
    return f"{when} → {whom}，{how_long}"


def describe_rule(
    rule: Rule, categories: Mapping[str, str], areas: Mapping[str, str] | None = None
) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    """A rule in words, Chinese and English: which matters, to whom, how long.

    Args:
        categories, areas: As for `in_words`.
    """
    known = categories.get(rule.category)
    what = (known, known) if known else (f"{rule.category} 开头的类别", f"categories {rule.category}…")
    hours = f"{rule.time_from:%H:%M}–{rule.time_to:%H:%M}" if rule.time_from is not None else ""
    place = (areas or {}).get(rule.area, rule.area)
    severity, days, channel = (
        SAID[key].get(value, ("", ""))
        for key, value in (
            ("severity", rule.severity),
            ("days", rule.days.replace("any", "")),
            ("channel", rule.channel),
        )
    )
    role, unit = ROLE_BY_KEY[rule.first_role], SAID["around_the_clock"]["yes" if rule.around_the_clock else "no"]
    order = rule.way == "order"
    zh = [
        what[0] if rule.category else "任何类别",
        severity[0],
        place,
        hours,
        days[0],
        channel[0] and f"经{channel[0]}上报",
    ]
    en = [
        what[1] if rule.category else "any category",
        severity[1],
        place,
        hours,
        days[1],
        channel[1] and f"by {channel[1]}",
    ]
    return (
        (
            "，".join(filter(None, zh)),
            f"先推送认领，无人可接则派给{role.zh}" if order else f"派给{role.zh}",
            f"{format_minutes(rule.take_min)[0]}内接单，{format_minutes(rule.handle_min)[0]}内处理（{unit[0]}）",
        ),
        (
            ", ".join(filter(None, en)),
            f"offered to be claimed, else to the {role.en}" if order else f"to the {role.en}",
            f"taken within {format_minutes(rule.take_min)[1]}, handled within {format_minutes(rule.handle_min)[1]} ({unit[1]})",
        ),
    )


def category_names(edition: Edition, english: bool = False) -> dict[str, str]:
    """What codes of categories and of their majors are called."""
    rows = edition.categories.values()
    majors = {one.major: one.major_en if english else one.major_zh for one in rows}
    return majors | {one.code: one.en if english else one.zh for one in rows}


def area_names(session: Session, rules: Iterable[Rule]) -> dict[str, str]:
    """Names of the areas that rules are for, by code."""
    codes = [rule.area for rule in rules if rule.area]
    query = text("SELECT code, name FROM area WHERE code = ANY(:codes)")
    return {row.code: row.name for row in session.execute(query, {"codes": codes})} if codes else {}


def format_minutes(count: int) -> tuple[str, str]:
    """A time in words, Chinese and English: 90 分钟, 2 小时, 12.5 小时."""
    if count < 120 or count % 30:
        return f"{count} 分钟", f"{count} min"
    return f"{count / 60:g} 小时", f"{count / 60:g} h"
