"""Routing rules in words, Chinese and English."""

from collections.abc import Iterable, Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents.catalogue.editions import Edition
from gis.incidents.models import CHANNELS, DISPATCH_MODES, SEVERITIES
from gis.incidents.routing.rules import Rule
from gis.messages import label
from gis.rights.roles import ROLE_BY_KEY


def _labels(family: str, keys: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the Chinese and English texts of the codes `<family>.<key>`, by key."""
    return {key: (label(f"{family}.{key}", "zh"), label(f"{family}.{key}", "en")) for key in keys}


# column -> what it may hold -> the words for it on screen and in tables; both are read
CELL_LABELS: dict[str, dict[str, tuple[str, str]]] = {
    "severity": _labels("rule_severity", SEVERITIES),
    "days": _labels("rule_days", ("any", "working", "rest")),
    "channel": _labels("channel", CHANNELS),
    "way": _labels("dispatch_mode", DISPATCH_MODES),
    "around_the_clock": _labels("rule_clock", ("yes", "no")),
    "first_role": _labels("role", ROLE_BY_KEY),
}


VALUE_BY_LABEL = {
    column: {word: key for key, (zh, en) in labels.items() for word in (key, zh, en)}
    for column, labels in CELL_LABELS.items()
}
VALUE_BY_LABEL["around_the_clock"] |= {"是": "yes", "否": "no"}
RULE_CHOICES = {
    column: tuple(zh for zh, _ in labels.values()) for column, labels in CELL_LABELS.items()
}


def in_words(
    rule: Rule, categories: Mapping[str, str], areas: Mapping[str, str] | None = None
) -> str:
    """Return a rule as a Chinese sentence, as "夜间的噪声扰民 → 派给网格长".

    Parameters
    ----------
    categories, areas
        Names by code; of categories also by their beginnings.
    """
    when, whom, how_long = describe_rule(rule, categories, areas)[0]
    return f"{when} → {whom}，{how_long}"


def describe_rule(
    rule: Rule, categories: Mapping[str, str], areas: Mapping[str, str] | None = None
) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    """Describe a rule in Chinese and in English: which incidents, to whom, how long.

    Parameters
    ----------
    categories, areas
        As for `in_words`.
    """
    role = ROLE_BY_KEY[rule.first_role]
    clock_zh, clock_en = CELL_LABELS["around_the_clock"]["yes" if rule.around_the_clock else "no"]
    cases_zh, cases_en = _describe_cases(rule, categories, areas or {})
    take, handle = format_minutes(rule.take_min), format_minutes(rule.handle_min)
    order = rule.way == "order"
    return (
        (
            cases_zh,
            f"先推送认领，无人可接则派给{role.zh}" if order else f"派给{role.zh}",
            f"{take[0]}内接单，{handle[0]}内处理（{clock_zh}）",
        ),
        (
            cases_en,
            f"offered to be claimed, else to the {role.en}" if order else f"to the {role.en}",
            f"taken within {take[1]}, handled within {handle[1]} ({clock_en})",
        ),
    )


def _describe_cases(
    rule: Rule, categories: Mapping[str, str], areas: Mapping[str, str]
) -> tuple[str, str]:
    name = categories.get(rule.category)
    zh, en = (
        (name, name) if name else (f"{rule.category} 开头的类别", f"categories {rule.category}…")
    )
    hours = f"{rule.time_from:%H:%M}–{rule.time_to:%H:%M}" if rule.time_from is not None else ""
    area_name = areas.get(rule.area, rule.area)
    cells = {
        "severity": rule.severity,
        "days": rule.days.replace("any", ""),
        "channel": rule.channel,
    }
    severity, days, channel = (
        CELL_LABELS[key].get(value, ("", "")) for key, value in cells.items()
    )
    via_zh, via_en = channel[0] and f"经{channel[0]}上报", channel[1] and f"by {channel[1]}"
    parts_zh = (zh if rule.category else "任何类别", severity[0], area_name, hours, days[0], via_zh)
    parts_en = (
        en if rule.category else "any category",
        severity[1],
        area_name,
        hours,
        days[1],
        via_en,
    )
    return "，".join(filter(None, parts_zh)), ", ".join(filter(None, parts_en))


def category_names(edition: Edition, english: bool = False) -> dict[str, str]:
    """Return the names of categories and of their majors by code."""
    rows = edition.categories.values()
    majors = {row.major: row.major_en if english else row.major_zh for row in rows}
    return majors | {row.code: row.en if english else row.zh for row in rows}


def area_names(session: Session, rules: Iterable[Rule]) -> dict[str, str]:
    """Return the names of the areas that rules are for, by code."""
    codes = [rule.area for rule in rules if rule.area]
    query = text("SELECT code, name FROM area WHERE code = ANY(:codes)")
    return {row.code: row.name for row in session.execute(query, {"codes": codes})} if codes else {}


def format_minutes(count: int) -> tuple[str, str]:
    """Return a duration in Chinese and in English: 90 分钟, 2 小时, 12.5 小时."""
    if count < 120 or count % 30:
        return f"{count} 分钟", f"{count} min"
    return f"{count / 60:g} 小时", f"{count / 60:g} h"
