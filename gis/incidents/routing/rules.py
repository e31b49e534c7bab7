"""Routing rules: an ordered table of which the first match decides.

`rules_file` reads tables of them, `rules_store` keeps sets, `rules_replay` tries a set on past
incidents and `rules_text` puts rules into words.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time
from functools import cached_property
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.db import cached_text, columns_of
from gis.errors import NotFound, Unavailable
from gis.incidents import working_time
from gis.incidents.models import RoutingRule, RuleSet

LIMITED_STATES = (
    "reported",
    "accepted",
    "dispatched",
    "taken",
    "handled",
)  # states whose time LIMIT_FIELDS are, one each
LIMIT_FIELDS = ("accept_min", "dispatch_min", "take_min", "handle_min", "check_min")
MAX_STAGE_MINUTES = 525_600  # minutes a stage may take: a year


@dataclass(frozen=True)
class Rule:
    """A routing rule; empty or None fields match anything. area: Its code.

    escalation: Roles one step up each, for vacancies and for supervision when overdue. *_min:
    Minutes each stage may take, of working time or, around_the_clock, of the clock on the wall.
    """

    id: int | None
    name: str
    category: str
    severity: str
    area: str
    area_id: int | None
    time_from: time | None
    time_to: time | None
    days: str
    channel: str
    way: str
    first_role: str
    escalation: tuple[str, ...]
    accept_min: int
    dispatch_min: int
    take_min: int
    handle_min: int
    check_min: int
    around_the_clock: bool

    def matches(self, case: "RoutingCase") -> bool:
        """Return whether the rule is for a case.

        Times are those of `working_time.ZONE`, without the end of a range.
        """
        return (
            case.category.startswith(self.category)
            and self.severity in ("", case.severity)
            and (self.area_id is None or self.area_id in case.areas)
            and self.channel in ("", case.channel)
            and self._hour(case.local.time())
            and (
                self.days == "any"
                or (self.days == "working") == working_time.working_day(case.local.date())
            )
        )

    def _hour(self, now: time) -> bool:
        if self.time_from is None or self.time_to is None:
            return True
        if self.time_from < self.time_to:
            return self.time_from <= now < self.time_to
        return now >= self.time_from or now < self.time_to  # past midnight

    @property
    def anything(self) -> bool:
        """Whether it matches every case."""
        narrow = (
            self.category
            or self.severity
            or self.area
            or self.channel
            or self.time_from is not None
        )
        return not narrow and self.days == "any"

    def covers(self, other: "Rule", within: Collection[str] = ()) -> bool:
        """Return whether the rule matches whatever another one matches.

        The other is then never reached after it.

        Parameters
        ----------
        within
            Codes of the areas that the other's area lies in.
        """
        return (
            other.category.startswith(self.category)
            and self.severity in ("", other.severity)
            and (self.area in ("", other.area) or self.area in within)
            and self.channel in ("", other.channel)
            and self.days in ("any", other.days)
            and self._hours_of(other)
        )

    def _hours_of(self, other: "Rule") -> bool:
        if self.time_from is None or self.time_to is None:
            return True
        if other.time_from is None or other.time_to is None:
            return False
        start, end = (
            (_minute(at) - _minute(self.time_from)) % 1440
            for at in (other.time_from, other.time_to)
        )
        return start < (end or 1440) <= (_minute(self.time_to) - _minute(self.time_from)) % 1440


def _minute(of: time) -> int:
    return of.hour * 60 + of.minute


@dataclass(frozen=True)
class RoutingCase:
    """What is to be routed. areas: Ids of its areas. at: With its time zone."""

    category: str
    severity: str
    areas: Collection[int]
    at: datetime
    channel: str

    @cached_property
    def local(self) -> datetime:
        """`at` in `working_time.ZONE`."""
        return self.at.astimezone(working_time.ZONE)


@dataclass(frozen=True)
class RoutingRules:
    """A set, in its order. state: draft, active or retired."""

    id: int
    name: str
    state: str
    author: str
    loaded_at: datetime
    activated_at: datetime | None
    rules: tuple[Rule, ...]


def first_match(rules: Iterable[Rule], case: RoutingCase) -> Rule:
    """Return the rule that decides a case.

    Raises
    ------
    Unavailable
        None matches; `parse` lets no such set in.
    """
    for rule in rules:
        if rule.matches(case):
            return rule
    raise Unavailable("rules.none_matches")


# --- tables ---------------------------------------------------------------------------------------


# --- sets -----------------------------------------------------------------------------------------


ACTIVE_RULE_SET_SQL = "SELECT id FROM rule_set WHERE state = 'active'"
_cache: dict[int, RoutingRules] = {}  # sets that have been in force: they never change


SETS = select(*(getattr(RuleSet, name) for name in columns_of(RoutingRules, RuleSet)))
RULES = (
    select(
        *(getattr(RoutingRule, name) for name in columns_of(Rule, RoutingRule)),
        RoutingRule.dispatch_mode.label("way"),
        func.coalesce(Area.code, "").label("area"),
    )
    .outerjoin(Area, Area.id == RoutingRule.area_id)
    .order_by(RoutingRule.position)
)


def read_rule_set(session: Session, set_id: int) -> RoutingRules:
    """Return a set with its rules.

    Raises
    ------
    NotFound
        There is none.
    """
    row = session.execute(SETS.where(RuleSet.id == set_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("rules.set_unknown", set_id=str(set_id))
    rules = session.execute(RULES.where(RoutingRule.rule_set_id == set_id)).mappings()
    return RoutingRules(**row, rules=tuple(map(rule_of_row, rules)))


def rule_of_row(row: Mapping[Any, Any]) -> Rule:
    """Return the rule of a row of `routing_rule` with its area's code."""
    rule = Rule(**{key: value for key, value in row.items() if key in Rule.__dataclass_fields__})
    return replace(rule, escalation=tuple(rule.escalation))


def list_rule_sets(session: Session) -> list[RoutingRules]:
    """List the sets without their rules, the one in force first, then the newest."""
    query = SETS.order_by(RuleSet.state != "active", RuleSet.loaded_at.desc(), RuleSet.id.desc())
    return [RoutingRules(**row, rules=()) for row in session.execute(query).mappings()]


def active_rules(session: Session, number: int | None = None) -> RoutingRules:
    """Return the set in force.

    Parameters
    ----------
    number
        Its id, where the caller has read it already.

    Raises
    ------
    Unavailable
        None is.
    """
    set_id = number or session.scalar(cached_text(ACTIVE_RULE_SET_SQL))
    if set_id is None:
        raise Unavailable("rules.none_active")
    if set_id not in _cache:
        _cache[set_id] = read_rule_set(session, set_id)
    return _cache[set_id]
