"""What a formula may count: a closed list of facts and conditions, each with its SQL.

A rule names one of them and what it is worth; nothing that people write is evaluated.
"""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gis.errors import invalid_field
from gis.incidents.reading.statistics import MIN_RATE_OF, metric_label
from gis.messages import Message, label, render

AMOUNT_PATTERN = re.compile(r"[+-]?\d{1,8}(\.\d{1,2})?", re.ASCII)
MAX_VALUE, MAX_CAP = 100.0, 100_000.0
FINISHED_SQL = "i.state IN ('handled', 'checked', 'closed')"
TAKEN_SQL = (
    f"({FINISHED_SQL} OR i.state = 'taken'"
    " OR i.state = 'suspended' AND i.state_before_suspension = 'taken')"
)
IN_TIME_SQL = "coalesce((l.detail ->> 'in_time')::boolean, true)"
# what was said before the work was done again is not of that work
OF_THIS_WORK_SQL = f"{FINISHED_SQL} AND l.id > coalesce(l.handle_id, 0)"


@dataclass(frozen=True)
class Fact:
    """A countable fact of an incident: its last event of a move, while the incident bears it out.

    counts: SQL of the event `l` and the incident `i`. conditions: Which it may be counted under.
    """

    key: str
    move: str
    counts: str
    conditions: tuple[str, ...] = ("",)


POINT_FACTS = (
    Fact("taken", "take", TAKEN_SQL, ("", "urgent")),
    Fact("taken_in_time", "take", f"{TAKEN_SQL} AND {IN_TIME_SQL}"),
    Fact("handled_in_time", "handle", f"{FINISHED_SQL} AND {IN_TIME_SQL}", ("", "urgent")),
    Fact("closed", "close", "i.state = 'closed'", ("", "urgent")),
    Fact("rated", "rate", OF_THIS_WORK_SQL, ("rating_3", "rating_4", "rating_5")),
    Fact("visited", "follow_up", f"{OF_THIS_WORK_SQL} AND i.office_solved"),
)
CONDITIONS = {
    "": "true",
    "urgent": "i.severity = 'urgent'",
    **{f"rating_{least}": f"i.rating >= {least}" for least in (3, 4, 5)},
}
# shares of a community, each a rate of the figures
STAR_SHARES = ("response", "in_time", "completion", "resolution", "satisfaction", "followed_up")
THRESHOLDS = ("stars_2", "stars_3", "stars_4", "stars_5")
MINIMUM = "minimum"
# kind of formula -> each fact and condition that it may have a row for
COUNTABLE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "points": tuple((fact.key, condition) for fact in POINT_FACTS for condition in fact.conditions),
    "stars": tuple((fact, "") for fact in (*STAR_SHARES, *THRESHOLDS, MINIMUM)),
}


@dataclass(frozen=True)
class Rule:
    """A row of a formula; see `FormulaRule`."""

    fact: str
    condition: str
    value: float
    cap: float | None = None


DEFAULT_RULES = {
    "points": (
        Rule("taken", "", 1, 100),
        Rule("handled_in_time", "", 2),
        Rule("handled_in_time", "urgent", 1),
        Rule("rated", "rating_4", 1),
        Rule("visited", "", 1),
    ),
    "stars": (
        Rule("in_time", "", 40),
        Rule("satisfaction", "", 40),
        Rule("followed_up", "", 20),
        *(Rule(key, "", value) for key, value in zip(THRESHOLDS, (60, 70, 80, 90), strict=True)),
        Rule(MINIMUM, "", MIN_RATE_OF),
    ),
}


def validate_rules(kind: str, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules of a formula in the order of the closed list.

    Raises
    ------
    InvalidInput
        A row names what cannot be counted, or twice the same; a number is out of range; the
        thresholds do not rise or are not all there; nothing is counted.
    """
    order = COUNTABLE[kind]
    by_key = {(rule.fact, rule.condition): rule for rule in rules}
    for rule in rules:
        name = field_name(rule.fact, rule.condition)
        if (rule.fact, rule.condition) not in order:
            allowed = [field_name(*each) for each in order]
            raise invalid_field("fact", "field.none_of", value=name[:60], allowed=allowed)
        if not _is_between(rule.value, MAX_VALUE):
            raise invalid_field(name, "formula.value_out_of_range", limit=f"{MAX_VALUE:g}")
        if rule.cap is not None and (kind != "points" or not _is_between(rule.cap, MAX_CAP)):
            raise invalid_field(name, "formula.cap_out_of_range", limit=f"{MAX_CAP:g}")
    if len(by_key) < len(rules):
        raise invalid_field("fact", "formula.twice")
    if kind == "stars":
        _validate_stars({fact: rule.value for (fact, _), rule in by_key.items()})
    elif not rules:
        raise invalid_field("fact", "formula.nothing_counts")
    return tuple(by_key[each] for each in order if each in by_key)


def field_name(fact: str, condition: str) -> str:
    """Return the name of a row in forms and errors, as rated.rating_4."""
    return f"{fact}.{condition}" if condition else fact


def parse_amount(text: str, field: str) -> float | None:
    """Return a number that people wrote; None for an empty text.

    Raises
    ------
    InvalidInput
        It is none, or has more than two digits behind the point, which could not be stored.
    """
    written = unicodedata.normalize("NFKC", text).strip()
    if not written:
        return None
    if not AMOUNT_PATTERN.fullmatch(written):
        raise invalid_field(field, "formula.not_a_number")
    return float(written)


def _is_between(value: float, limit: float) -> bool:
    return math.isfinite(value) and 0.01 <= value <= limit


def _validate_stars(values: Mapping[str, float]) -> None:
    """Raise unless a formula of stars is complete.

    Raises
    ------
    InvalidInput
        No share counts, the thresholds do not rise, or the minimum is no whole number.
    """
    if not values.keys() & set(STAR_SHARES):
        raise invalid_field("fact", "formula.nothing_counts")
    steps = [values.get(key, 0) for key in THRESHOLDS]
    if any(low >= high for low, high in zip((0, *steps), steps, strict=False)):
        raise invalid_field(THRESHOLDS[0], "formula.thresholds_not_rising")
    if values.get(MINIMUM, 0) < 1 or values[MINIMUM] % 1:
        raise invalid_field(MINIMUM, "formula.minimum_wrong")


def rule_label(fact: str, condition: str, language: str) -> str:
    """Return what a row of a formula counts, as "rated: 4 stars or more"."""
    if fact in STAR_SHARES:
        return metric_label(fact, language)
    name = label(f"formula_fact.{fact}", language)
    if not condition:
        return name
    params = {"fact": name, "condition": label(f"formula_condition.{condition}", language)}
    return render(Message("formula_text.with_condition", params), language)


def rule_text(rule: Rule, language: str) -> str:
    """Return a row of a formula in words, as "order taken: 1, at most 100 a year"."""
    params = {
        "what": rule_label(rule.fact, rule.condition, language),
        "value": f"{rule.value:g}",
        "cap": f"{rule.cap or 0:g}",
    }
    code = "formula_text.capped" if rule.cap else "formula_text.row"
    return render(Message(code, params), language)
