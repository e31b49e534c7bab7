"""Routing rules: an ordered table, the first that matches wins; tested against past incidents before it is switched on.

A set never changes once it has been in force; a change is a new set.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from gis.errors import Conflict, InvalidInput, NotFound, Unavailable
from gis.exchange.columns import Column
from gis.exchange.report import Refused, Report
from gis.exchange.tables import finish_reading, read
from gis.incidents import clock
from gis.incidents.catalogue import NO, YES, Edition, write_table
from gis.incidents.models import CHANNELS, SEVERITIES, WAYS
from gis.people.access import Principal, visible
from gis.people.roles import BY_KEY, ROLES

DEFAULT = Path(__file__).parent / "data" / "rules.csv"
DEFAULT_NAME = "默认规则"
DAYS = ("any", "working", "rest")
LIMITS = ("accept_min", "dispatch_min", "take_min", "handle_min", "check_min")
SHOWN = 200  # incidents listed by id in a comparison
CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?")

ROLE_WORDS = {role.zh: role.key for role in ROLES} | {role.key: role.key for role in ROLES}
COLUMNS = (
    Column("name", "规则", "text", ("名称", "规则名称"), "答复中出现的名称", "What the answer calls it.", needed=True),
    Column("category", "类别", "code", ("类别代码",), "类别代码或其开头，如 06010 或 06；空为任意",
           "A code or its beginning, as 06; empty: any."),
    Column("severity", "紧急程度", "text", (), "low、normal、high、urgent；空为任意", "Empty: any.", choices=SEVERITIES),
    Column("area", "区域", "code", ("区域代码",), "区域代码；空为任意", "Code of an area; empty: any."),
    Column("time_from", "时间起", "text", (), "如 22:00；与时间止一起填", "As 22:00; together with the end."),
    Column("time_to", "时间止", "text", (), "如 06:00，可过零点", "As 06:00; may be past midnight."),
    Column("days", "日子", "text", (), "any 每天，working 工作日，rest 休息日", "any, working or rest.", choices=DAYS),
    Column("channel", "渠道", "text", (), "上报渠道；空为任意", "Empty: any.", choices=CHANNELS),
    Column("way", "方式", "text", (), "assign 派给负责人，order 点单", "assign, or order to be claimed.", True, WAYS),
    Column("first_role", "首派岗位", "text", ("首派",), "岗位名称或代码，如 网格员", "A role, as grid_worker.", needed=True),
    Column("escalation", "上报链", "text", (), "逐级岗位，用竖线分开", "Roles one step up each, separated by bars.", needed=True),
    Column("accept_min", "受理时限", "integer", (), "分钟", "Minutes.", needed=True),
    Column("dispatch_min", "派单时限", "integer", (), "分钟", "Minutes.", needed=True),
    Column("take_min", "接单时限", "integer", (), "分钟", "Minutes.", needed=True),
    Column("handle_min", "处理时限", "integer", (), "分钟", "Minutes.", needed=True),
    Column("check_min", "核查时限", "integer", (), "分钟", "Minutes.", needed=True),
    Column("around_the_clock", "全天计时", "text", (), "yes 自然时间，no 工作时间", "yes: of the clock on the wall."),
)  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """A routing rule; empty or None fields match anything. area: Its code.

    escalation: Roles one step up each, for vacancies and for supervision when overdue. *_min: Minutes each stage may
    take, of working time or, around_the_clock, of the clock on the wall.
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

    def matches(self, case: "Case") -> bool:
        """Whether it is for a case. Times are those of `clock.ZONE`; the end of a range is out."""
        local = case.at.astimezone(clock.ZONE)
        return (
            case.category.startswith(self.category)
            and self.severity in ("", case.severity)
            and (self.area_id is None or self.area_id in case.areas)
            and self.channel in ("", case.channel)
            and self._hour(local.time())
            and (self.days == "any" or (self.days == "working") == clock.working_day(local.date()))
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
        return (
            not (self.category or self.severity or self.area or self.channel or self.time_from) and self.days == "any"
        )

    def covers(self, other: "Rule") -> bool:
        """Whether it matches whatever another one matches, so that the other, if later, is never reached."""
        return (
            other.category.startswith(self.category)
            and self.severity in ("", other.severity)
            and self.area in ("", other.area)
            and self.channel in ("", other.channel)
            and self.days in ("any", other.days)
            and (self.time_from is None or (self.time_from, self.time_to) == (other.time_from, other.time_to))
        )


@dataclass(frozen=True)
class Case:
    """What is to be routed. areas: Ids of its areas. at: With its time zone."""

    category: str
    severity: str
    areas: Collection[int]
    at: datetime
    channel: str


@dataclass(frozen=True)
class Rules:
    """A set, in its order. state: draft, active or retired."""

    id: int
    name: str
    state: str
    author: str
    loaded_at: datetime
    activated_at: datetime | None
    rules: tuple[Rule, ...]


def first_match(rules: Iterable[Rule], case: Case) -> Rule:
    """The rule that decides a case.

    Raises:
        Unavailable: None matches; `parse` lets no such set in.
    """
    for rule in rules:
        if rule.matches(case):
            return rule
    raise Unavailable("no routing rule matches; the last rule of a set must match everything")


# --- tables -----------------------------------------------------------------------------------------------------


def parse(path: Path, edition: Edition | None = None) -> tuple[list[Rule], Report]:
    """Read a table of rules and check it; what is wrong is in the report's `refused`, by row and column.

    Args:
        edition: The catalogue whose codes may be used; None checks no codes.
    """
    report = Report("rules", path.name)
    table = read(path, COLUMNS, report)
    rules: list[Rule] = []
    for row in table.rows:
        values = {column.key: row[column.key] if row[column.key] is not None else "" for column in COLUMNS}
        wrong = list(_wrong(values, rules, edition))
        report.refused += [table.refuse(row.number, key, reason) for key, reason in wrong]
        if not wrong:
            rules.append(_rule(values))
    if rules and not rules[-1].anything:
        words = "the last rule must match everything (category, severity, area, times, channel empty, days any)"
        report.refused.append(Refused("the table", "", words))
    finish_reading(report)
    return rules, report


def _wrong(values: dict[str, Any], before: Sequence[Rule], edition: Edition | None) -> Iterable[tuple[str, str]]:
    if not values["name"]:
        yield "name", "is empty"
    if edition is not None and not any(code.startswith(values["category"]) for code in edition.categories):
        yield "category", f"no category of the catalogue begins with {values['category']!r}"
    for key, known in (("severity", SEVERITIES), ("channel", CHANNELS), ("days", DAYS), ("way", WAYS)):
        if values[key] and values[key] not in known:
            yield key, f"{values[key]!r} is none of {', '.join(known)}"
    if not values["way"]:
        yield "way", "is empty; assign or order"
    times = [values[key] for key in ("time_from", "time_to")]
    for key, value in zip(("time_from", "time_to"), times, strict=True):
        if value and not CLOCK.fullmatch(value):
            yield key, f"{value!r} is not a time of day, as 22:00"
    if bool(times[0]) != bool(times[1]) or (times[0] and times[0] == times[1]):
        yield "time_to", "the beginning and the end of the hours are needed together, and must differ"
    roles = [("first_role", values["first_role"])] + [("escalation", one) for one in _split(values["escalation"])]
    for key, role in roles:
        if role not in ROLE_WORDS:
            yield key, f"{role!r} is no role; as {', '.join(one.zh for one in ROLES[:6])} …"
    if not _split(values["escalation"]):
        yield "escalation", "is empty; who is asked when nobody is there, or time is over?"
    for key in LIMITS:
        if not isinstance(values[key], int) or values[key] <= 0:
            yield key, "must be a number of minutes, 1 or more"
    if values["around_the_clock"] and values["around_the_clock"].lower() not in YES + NO:
        yield "around_the_clock", f"{values['around_the_clock']!r} must be yes or no"
    else:
        try:
            made = _rule(values)
        except (KeyError, ValueError):
            return
        for number, rule in enumerate(before, 1):
            if rule.covers(made):
                yield "name", f"is never reached: rule {number} ({rule.name}) before it matches all of the same"
                return


def _split(given: str) -> list[str]:
    return [one.strip() for one in str(given).split("|") if one.strip()]


def _time(given: str) -> time | None:
    found = CLOCK.fullmatch(given)
    return time(int(found[1]), int(found[2])) if found else None


def _rule(values: dict[str, Any]) -> Rule:
    made = values | {key: int(values[key]) for key in LIMITS}
    made |= {key: _time(values[key]) for key in ("time_from", "time_to")}
    made["first_role"] = ROLE_WORDS[values["first_role"]]
    made["escalation"] = tuple(ROLE_WORDS[one] for one in _split(values["escalation"]))
    made["around_the_clock"] = values["around_the_clock"].lower() in YES
    return Rule(**made | {"id": None, "area_id": None, "days": values["days"] or "any"})


def dump(rules: Iterable[Rule], path: Path) -> None:
    """Write rules as a table that `parse` reads back the same: .csv or .xlsx."""
    write_table(path, COLUMNS, [_cells(rule) for rule in rules])


def _cells(rule: Rule) -> list[str]:
    values = asdict(rule)
    values |= {key: f"{values[key]:%H:%M}" if values[key] else "" for key in ("time_from", "time_to")}
    values |= {"escalation": "|".join(rule.escalation), "around_the_clock": "yes" if rule.around_the_clock else "no"}
    return [str(values[column.key]) for column in COLUMNS]


# --- sets -------------------------------------------------------------------------------------------------------

INSERT = """
INSERT INTO routing_rule (rule_set_id, position, name, category, severity, area_id, time_from, time_to, days, channel, way,
  first_role, escalation, accept_min, dispatch_min, take_min, handle_min, check_min, around_the_clock)
VALUES (:set, :position, :name, :category, :severity, :area_id, :time_from, :time_to, :days, :channel, :way,
  :first_role, :escalation, :accept_min, :dispatch_min, :take_min, :handle_min, :check_min, :around_the_clock)
"""


def load(session: Session | Connection, rules: Sequence[Rule], name: str, author: str = "") -> int:
    """Keep rules as a draft set; returns its id.

    Raises:
        Conflict: There is a set of that name. InvalidInput: A rule names an area that does not exist.
    """
    if session.scalar(text("SELECT count(*) FROM rule_set WHERE name = :name"), {"name": name}):
        raise Conflict(f"name: there is a set {name!r} already; sets are not changed, choose another name")
    codes = {rule.area for rule in rules if rule.area}
    query = text("SELECT code, id FROM area WHERE code = ANY(:codes)")
    ids = {row.code: row.id for row in session.execute(query, {"codes": list(codes)})}
    if missing := sorted(codes - ids.keys()):
        raise InvalidInput(f"area: no area has the code {', '.join(missing)}")
    made = session.scalar(
        text("INSERT INTO rule_set (name, state, author) VALUES (:name, 'draft', :author) RETURNING id"),
        {"name": name, "author": author},
    )
    for position, rule in enumerate(rules, 1):
        values = asdict(rule) | {"set": made, "position": position, "area_id": ids.get(rule.area)}
        session.execute(text(INSERT), values | {"escalation": list(rule.escalation)})
    return int(made or 0)


def activate(session: Session | Connection, set_id: int, now: datetime) -> None:
    """Switch a set on and the one in force off; incidents filed before keep their rule.

    Raises:
        NotFound: There is no such set. Conflict: It is in force, or was.
    """
    state = session.scalar(text("SELECT state FROM rule_set WHERE id = :id FOR UPDATE"), {"id": set_id})
    if state is None:
        raise NotFound(f"there is no rule set {set_id}")
    if state == "active":
        raise Conflict("the set is in force already")
    session.execute(text("UPDATE rule_set SET state = 'retired' WHERE state = 'active'"))
    session.execute(
        text("UPDATE rule_set SET state = 'active', activated_at = :now WHERE id = :id"), {"id": set_id, "now": now}
    )


def fill(connection: Connection) -> None:
    """Load the default rules into a database that has none."""
    if not connection.scalar(text("SELECT count(*) FROM rule_set")):
        found, report = parse(DEFAULT)
        if report.refused:
            raise InvalidInput(f"{DEFAULT.name}: {report.refused[0].where}: {report.refused[0].reason}")
        activate(connection, load(connection, found, DEFAULT_NAME), datetime.now(clock.ZONE))


_kept: dict[int, Rules] = {}  # sets that have been in force: they never change

SETS = "SELECT id, name, state, author, loaded_at, activated_at FROM rule_set"
RULES = """
SELECT r.*, coalesce(a.code, '') AS area FROM routing_rule r LEFT JOIN area a ON a.id = r.area_id
WHERE r.rule_set_id = :id ORDER BY r.position
"""


def find(session: Session, set_id: int) -> Rules:
    """A set with its rules.

    Raises:
        NotFound: There is none.
    """
    row = session.execute(text(f"{SETS} WHERE id = :id"), {"id": set_id}).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no rule set {set_id}")
    found = session.execute(text(RULES), {"id": set_id}).mappings()
    fields = Rule.__dataclass_fields__
    made = (Rule(**{key: value for key, value in one.items() if key in fields}) for one in found)
    return Rules(**row, rules=tuple(replace(one, escalation=tuple(one.escalation)) for one in made))


def listing(session: Session) -> list[Rules]:
    """Every set without its rules, the one in force first, then the newest."""
    query = text(f"{SETS} ORDER BY state <> 'active', loaded_at DESC, id DESC")
    return [Rules(**row, rules=()) for row in session.execute(query).mappings()]


def active(session: Session) -> Rules:
    """The set in force.

    Raises:
        Unavailable: None is.
    """
    found = session.scalar(text("SELECT id FROM rule_set WHERE state = 'active'"))
    if found is None:
        raise Unavailable("no routing rules are in force; switch a set on with: ./wangge rules activate NAME")
    if found not in _kept:
        _kept[found] = find(session, found)
    return _kept[found]


# --- testing a set ----------------------------------------------------------------------------------------------

PAST = """
SELECT i.id, i.category, i.severity, i.areas, i.reported_at, i.channel, i.rule_name, i.limits
FROM incident i WHERE i.reported_at >= :since AND i.reported_at < :until AND {condition} ORDER BY i.reported_at
"""


@dataclass(frozen=True)
class Difference:
    """Past incidents that a set would treat otherwise: from which rule and first role to which, and how many.

    slower, faster: How many of them would have more, or less, time to be handled. ids: At most SHOWN.
    """

    from_rule: str
    from_role: str
    to_rule: str
    to_role: str
    way: str
    count: int
    elsewhere: bool
    slower: int
    faster: int
    ids: list[UUID]


@dataclass(frozen=True)
class Replay:
    """A set against the past: how many incidents were compared, how many would go elsewhere, and the differences."""

    compared: int
    elsewhere: int
    other_limits: int
    differences: list[Difference]


def replay(session: Session, rules: Sequence[Rule], since: datetime, until: datetime, by: Principal) -> Replay:
    """What a set would have done with the incidents reported from `since` until before `until` that `by` may see."""
    condition, params = visible(by, "i")
    query = text(PAST.format(condition=condition))
    groups: dict[tuple[str, str, str, str, str], list[Any]] = {}
    compared = elsewhere = other = 0
    for row in session.execute(query, params | {"since": since, "until": until}):
        compared += 1
        rule = first_match(rules, Case(row.category, row.severity, row.areas, row.reported_at, row.channel))
        before = str(row.limits.get("first_role", ""))
        moved = before != rule.first_role
        limits = [row.limits.get(state) for state in ("reported", "accepted", "dispatched", "taken", "handled")]
        changed = limits != [rule.accept_min, rule.dispatch_min, rule.take_min, rule.handle_min, rule.check_min]
        elsewhere += moved
        other += changed and not moved
        if moved or changed:
            key = (row.rule_name, before, rule.name, rule.first_role, rule.way)
            groups.setdefault(key, []).append((row.id, (row.limits.get("taken") or 0), rule.handle_min, moved))
    found = [
        Difference(
            *key, len(rows), any(moved for *_, moved in rows), sum(after > before for _, before, after, _ in rows),
            sum(after < before for _, before, after, _ in rows), [one[0] for one in rows[:SHOWN]],
        )
        for key, rows in groups.items()
    ]  # fmt: skip
    found.sort(key=lambda one: (not one.elsewhere, -one.count))
    return Replay(compared, elsewhere, other, found)


def in_words(rule: Rule, categories: dict[str, str]) -> str:
    """A rule as a sentence, Chinese.

    Args:
        categories: Names by code or beginning.
    """
    what = [categories.get(rule.category, rule.category) or "任何类别"]
    if rule.severity:
        what.append({"low": "不急", "normal": "一般", "high": "较急", "urgent": "紧急"}[rule.severity])
    if rule.area:
        what.append(f"在{rule.area}")
    if rule.time_from and rule.time_to:
        what.append(f"{rule.time_from:%H:%M}至{rule.time_to:%H:%M}")
    if rule.days != "any":
        what.append("工作日" if rule.days == "working" else "休息日")
    if rule.channel:
        what.append(f"渠道 {rule.channel}")
    first = BY_KEY[rule.first_role].zh
    way = "推送接单，无人可接时派" if rule.way == "order" else "派"
    unit = "分钟（全天计时）" if rule.around_the_clock else "分钟（工作时间）"
    return f"{'，'.join(what)} → {way}{first}，{rule.take_min}分钟内接单，{rule.handle_min}{unit}内处理"
