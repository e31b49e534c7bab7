"""A set of routing rules tried on past incidents before it is activated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents import working_time
from gis.incidents.routing.rules import (
    LIMIT_FIELDS,
    LIMITED_STATES,
    RoutingCase,
    Rule,
    first_match,
    rule_of_row,
)
from gis.rights.principal import Principal
from gis.rights.visibility import visibility_clause

MAX_LISTED_CASES = 200  # incidents named in a group of a comparison


PAST = """
SELECT i.id, i.category, i.severity, i.area_ids, i.reported_at, i.channel, i.rule_id, i.rule_name,
    i.dispatch_mode,
  CASE WHEN i.rule_id IS NULL THEN i.time_limits END AS time_limits
FROM incident i WHERE i.reported_at >= :since AND i.reported_at < :until AND {condition}
    ORDER BY i.reported_at, i.id
"""


OLD_RULES_SQL = """
SELECT r.*, r.dispatch_mode AS way, '' AS area FROM routing_rule r WHERE r.id IN (
  SELECT DISTINCT i.rule_id FROM incident i WHERE i.reported_at >= :since
      AND i.reported_at < :until)
"""


@dataclass(frozen=True)
class RoutedTo:
    """Where a rule sends: its name, first role (empty: unknown) and way."""

    rule: str
    role: str
    way: str


@dataclass(frozen=True)
class PastIncident:
    """An incident of the past."""

    id: UUID
    category: str
    reported_at: datetime


@dataclass(frozen=True)
class ReplayDifference:
    """Past incidents that a set would treat otherwise.

    before, after: What sent them, and what would. count: How many. elsewhere: They would go to
    another role, or in the other way; else only time limits or the roles above differ. slower,
    faster: How many would have more, or less, time to be handled. cases: The first
    `MAX_LISTED_CASES`.
    """

    before: RoutedTo
    after: RoutedTo
    count: int
    elsewhere: bool
    slower: int
    faster: int
    cases: list[PastIncident]


@dataclass(frozen=True)
class Replay:
    """A set against the past.

    How many incidents were compared, how many would go elsewhere or only get other limits.

    differences: Those that would go elsewhere first, the largest group first.
    """

    compared: int
    elsewhere: int
    other_limits: int
    differences: list[ReplayDifference]


def replay(
    session: Session, rules: Sequence[Rule], since: datetime, until: datetime, by: Principal
) -> Replay:
    """Compare a set with the rules that sent the visible incidents of a period.

    Reported from `since` until before `until`.

    Compared is with the rule that sent each, as it was then; limits that people changed since do
    not count.
    """
    condition, params = visibility_clause(by, "i")
    params |= {"since": since, "until": until}
    rule_by_id = {
        item.id: item
        for item in map(rule_of_row, session.execute(text(OLD_RULES_SQL), params).mappings())
    }
    groups: dict[tuple[RoutedTo, RoutedTo], list[tuple[PastIncident, Rule, Rule]]] = {}
    compared = elsewhere = 0
    for row in session.execute(text(PAST.format(condition=condition)), params):
        compared += 1
        new_rule = first_match(
            rules,
            RoutingCase(row.category, row.severity, row.area_ids, row.reported_at, row.channel),
        )
        old_rule = rule_by_id.get(row.rule_id) or _recorded(row)
        moved = (old_rule.first_role, old_rule.way) != (new_rule.first_role, new_rule.way)
        elsewhere += moved
        if moved or _limits(old_rule) != _limits(new_rule):
            key = _target(old_rule), _target(new_rule)
            groups.setdefault(key, []).append(
                (PastIncident(row.id, row.category, row.reported_at), old_rule, new_rule)
            )
    differences = [
        ReplayDifference(
            *key,
            count=len(cases),
            elsewhere=(key[0].role, key[0].way) != (key[1].role, key[1].way),
            slower=sum(
                _time_left(old_rule) < _time_left(new_rule) for _, old_rule, new_rule in cases
            ),
            faster=sum(
                _time_left(old_rule) > _time_left(new_rule) for _, old_rule, new_rule in cases
            ),
            cases=[past for past, *_ in cases[:MAX_LISTED_CASES]],
        )
        for key, cases in groups.items()
    ]
    differences.sort(key=lambda item: (not item.elsewhere, -item.count))
    return Replay(
        compared,
        elsewhere,
        sum(item.count for item in differences if not item.elsewhere),
        differences,
    )


def _target(rule: Rule) -> RoutedTo:
    return RoutedTo(rule.name, rule.first_role, rule.way)


def _limits(rule: Rule) -> tuple[object, ...]:
    return (*(getattr(rule, key) for key in LIMIT_FIELDS), rule.around_the_clock, rule.escalation)


def _time_left(rule: Rule) -> float:
    """Return the minutes to be handled in.

    One of working time is about as long as 4.5 of the clock on the wall.
    """
    if rule.around_the_clock:
        return rule.handle_min
    week_minutes = 5 * working_time.day_minutes(datetime.now(working_time.ZONE))
    return rule.handle_min * 7 * 24 * 60 / week_minutes


def _recorded(row: Any) -> Rule:
    """Return the rule of an incident whose rule is gone, from what the incident recorded of it."""
    stored_limits = row.time_limits or {}
    limits = {
        key: int(stored_limits.get(state) or 0)
        for key, state in zip(LIMIT_FIELDS, LIMITED_STATES, strict=True)
    }
    return Rule(
        id=None,
        name=row.rule_name,
        category="",
        severity="",
        area="",
        area_id=None,
        time_from=None,
        time_to=None,
        days="any",
        channel="",
        way=row.dispatch_mode,
        first_role=str(stored_limits.get("first_role") or ""),
        escalation=tuple(stored_limits.get("escalation") or ()),
        around_the_clock=bool(stored_limits.get("around_the_clock")),
        **limits,
    )
