"""Routing rules: an ordered table, the first that matches wins; tested against past incidents before it is switched on.

A set never changes once it has been in force; a change is a new set. A draft may be loaded anew under its name.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from gis.db import cached_text
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound, TooLarge, Unavailable, invalid_field
from gis.files.column import Column
from gis.files.report import LoadReport, RejectedRow
from gis.files.table_writer import write_table
from gis.files.tables import finish_reading, read_table
from gis.incidents import working_time
from gis.incidents.catalogue.editions import Edition
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY, ROLES
from gis.rights.visibility import visibility_clause

DEFAULT = Path(__file__).with_name("rules.csv")
DEFAULT_NAME = "默认规则"
DAYS = ("any", "working", "rest")
STAGES = ("reported", "accepted", "dispatched", "taken", "handled")  # states whose time LIMITS are, one each
LIMITS = ("accept_min", "dispatch_min", "take_min", "handle_min", "check_min")
MAX_STAGE_MINUTES = 525_600  # minutes a stage may take: a year
MAX_RULES = 500  # rules in a set
MAX_LISTED_CASES = 200  # incidents named in a group of a comparison
TIME = re.compile(r"([01]?\d|2[0-3])[:：]([0-5]\d)(?:[:：]00)?")

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
MEANS = {
    column: {word: key for key, (zh, en) in said.items() for word in (key, zh, en)} for column, said in SAID.items()
}
MEANS["around_the_clock"] |= {"是": "yes", "否": "no"}
CHOICES = {column: tuple(zh for zh, _ in said.values()) for column, said in SAID.items()}

COLUMNS = (
    Column("name", "规则", "text", ("名称", "规则名称"), "答复中出现的名称", "What the answer calls it.", needed=True),
    Column("category", "类别", "code", ("类别代码",), "类别代码或其开头，如 06010 或 06；空为任意",
           "A code or its beginning, as 06; empty: any."),
    Column("severity", "紧急程度", "text", ("等级",), "空为任意", "low, normal, high or urgent; empty: any.",
           choices=CHOICES["severity"]),
    Column("area", "区域", "code", ("区域代码", "区域编码"), "区域代码，其下各级都算；空为任意",
           "Code of an area, all within it counts; empty: any."),
    Column("time_from", "时间起", "text", (), "如 22:00；与时间止一起填", "As 22:00; together with the end."),
    Column("time_to", "时间止", "text", (), "如 06:00，可过零点；本身不算在内", "As 06:00, itself not in it; may be past midnight."),
    Column("days", "日子", "text", (), "空为每天", "any, working or rest; empty: any.", choices=CHOICES["days"]),
    Column("channel", "渠道", "text", (), "上报渠道；空为任意", "Empty: any.", choices=CHOICES["channel"]),
    Column("way", "方式", "text", (), "派单给负责人，或点单由人认领", "assign, or order to be claimed.", True, CHOICES["way"]),
    Column("first_role", "首派岗位", "text", ("首派",), "如 网格员", "As grid worker.", True, CHOICES["first_role"]),
    Column("escalation", "上报链", "text", (), "逐级岗位，用竖线分开", "Roles one step up each, separated by bars.", needed=True),
    Column("accept_min", "受理时限", "text", (), "分钟", "Minutes.", needed=True),
    Column("dispatch_min", "派单时限", "text", (), "分钟", "Minutes.", needed=True),
    Column("take_min", "接单时限", "text", (), "分钟", "Minutes.", needed=True),
    Column("handle_min", "处理时限", "text", (), "分钟", "Minutes.", needed=True),
    Column("check_min", "核查时限", "text", (), "分钟", "Minutes.", needed=True),
    Column("around_the_clock", "计时", "text", ("全天计时",), "空为工作时间", "yes: of the clock on the wall; empty: working time.",
           choices=CHOICES["around_the_clock"]),
)  # fmt: skip

TITLES = {column.key: f"{column.zh} ({column.key})" for column in COLUMNS}


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

    def matches(self, case: "RoutingCase") -> bool:
        """Whether it is for a case. Times are those of `clock.ZONE`; the end of a range is out."""
        return (
            case.category.startswith(self.category)
            and self.severity in ("", case.severity)
            and (self.area_id is None or self.area_id in case.areas)
            and self.channel in ("", case.channel)
            and self._hour(case.local.time())
            and (self.days == "any" or (self.days == "working") == working_time.working_day(case.local.date()))
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
        narrow = self.category or self.severity or self.area or self.channel or self.time_from is not None
        return not narrow and self.days == "any"

    def covers(self, other: "Rule", within: Collection[str] = ()) -> bool:
        """Whether it matches whatever another one matches, so that the other, if later, is never reached.

        Args:
            within: Codes of the areas that the other's area lies in.
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
        start, end = ((_minute(at) - _minute(self.time_from)) % 1440 for at in (other.time_from, other.time_to))
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
        """`at` in `clock.ZONE`."""
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
    """The rule that decides a case.

    Raises:
        Unavailable: None matches; `parse` lets no such set in.
    """
    for rule in rules:
        if rule.matches(case):
            return rule
    raise Unavailable("no routing rule matches; the last rule of a set must match everything")


# --- tables -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RuleError:
    """Something wrong in a table of rules.

    row: Its number as the spreadsheet shows it; None: the table as a whole. column: Key of a column; may be empty.
    """

    row: int | None
    column: str
    zh: str
    en: str


Cells = Mapping[str, str]


def parse(path: Path, edition: Edition | None = None, session: Session | None = None) -> tuple[list[Rule], LoadReport]:
    """Read a table of rules and check it; what is wrong is in the report's `refused`, by row and column.

    Args:
        edition: The catalogue whose codes may be used; None checks no codes.
        session: Asked for the areas; None checks none.

    Raises:
        InvalidInput, TooMuch: As `gis.files.tables.read_table`; or there are more than `MOST` rules.
    """
    rules, report, problems = preview_rules_file(path, edition, session)
    report.refused += [
        RejectedRow(f"row {one.row}" if one.row else "the table", TITLES.get(one.column, ""), one.en) for one in problems
    ]  # fmt: skip
    finish_reading(report)
    return rules, report


def preview_rules_file(
    path: Path, edition: Edition | None = None, session: Session | None = None
) -> tuple[list[Rule], LoadReport, list[RuleError]]:
    """As `parse`, with the problems in both languages; the report has only those of cells that cannot be read."""
    report = LoadReport("rules", path.name)
    rows: list[tuple[int, Cells]] = []
    for row in read_table(path, COLUMNS, report).rows:
        rows.append((row.number, {key: str(value) for key, value in row.values.items()}))
        if len(rows) > MAX_RULES:
            raise TooLarge(f"a set has at most {MAX_RULES} rules")
    rules, problems = validate_rules(rows, edition, session)
    return rules, report, problems


def validate_rules(
    rows: Sequence[tuple[int, Cells]], edition: Edition | None = None, session: Session | None = None
) -> tuple[list[Rule], list[RuleError]]:
    """Make rules of rows of text and say what is wrong with them.

    Args:
        rows: The number of each and its values by the keys of `COLUMNS`.
        edition, session: As for `parse`.

    Returns:
        The rules of the rows that are right, in their order; the problems.
    """
    asked = {cells.get("area", "") for _, cells in rows} - {""}
    chains = None if session is None else _chains(session, asked)
    rules: list[tuple[int, Rule]] = []
    problems: list[RuleError] = []
    never: dict[int, list[int]] = {}  # row of a rule for everything -> rows behind it
    for number, cells in rows:
        values = {column.key: str(cells.get(column.key) or "").strip() for column in COLUMNS}
        wrong = [RuleError(number, *one) for one in _wrong(values, edition, chains)]
        problems += wrong
        if wrong:
            continue
        rule = _rule(values)
        within = (chains or {}).get(rule.area, frozenset())
        above = next(((row, one) for row, one in rules if one.covers(rule, within)), None)
        if above is not None and above[1].anything:
            never.setdefault(above[0], []).append(number)
        elif above is not None:
            row, one = above
            zh = f"永远轮不到：第 {row} 行“{one.name}”在前，已涵盖它"
            en = f"is never reached: row {row} ({one.name}) before it matches all of the same"
            problems.append(RuleError(number, "name", zh, en))
        else:
            rules.append((number, rule))
    for row, behind in never.items():
        zh = f"匹配一切，只能放在最后：其后 {len(behind)} 条规则（第 {behind[0]} 行起）永远轮不到"
        en = f"matches everything, so it must be last: {len(behind)} rules behind it, from row {behind[0]}, are never reached"
        problems.append(RuleError(row, "name", zh, en))
    if not rows:
        problems.append(RuleError(None, "", "没有规则", "there are no rules"))
    elif not problems and not rules[-1][1].anything:
        zh = "最后一条规则须匹配一切：类别、紧急程度、区域、时间、渠道留空，日子为每天"
        en = "the last rule must match everything: category, severity, area, times and channel empty, days any"
        problems.append(RuleError(None, "", zh, en))
    return [rule for _, rule in rules], problems


CHAINS = """
WITH RECURSIVE up AS (
  SELECT code AS asked, id, parent_id, code FROM area WHERE code = ANY(:codes)
  UNION ALL SELECT up.asked, a.id, a.parent_id, a.code FROM up JOIN area a ON a.id = up.parent_id
)
SELECT asked, array_agg(code) AS codes FROM up GROUP BY asked
"""


def _chains(session: Session, codes: Collection[str]) -> dict[str, frozenset[str]]:
    """For each code of an area that exists: its own and those of the areas it lies in."""
    if not codes:
        return {}
    return {row.asked: frozenset(row.codes) for row in session.execute(text(CHAINS), {"codes": list(codes)})}


Wrong = Iterator[tuple[str, str, str]]  # column, and what is wrong in Chinese and English


def _wrong(values: Cells, edition: Edition | None, chains: Mapping[str, Collection[str]] | None) -> Wrong:
    yield from _wrong_words(values)
    category, area = values["category"], values["area"]
    if edition is not None and not any(code.startswith(category) for code in edition.categories):
        yield (
            "category",
            f"目录中没有以“{category}”开头的类别",
            f"no category of the catalogue begins with {category!r}",
        )
    if area and chains is not None and area not in chains:
        yield "area", f"没有代码为“{area}”的区域", f"no area has the code {area!r}"
    times = values["time_from"], values["time_to"]
    for key, value in zip(("time_from", "time_to"), times, strict=True):
        if value and not TIME.fullmatch(value):
            yield key, f"“{value}”不是时刻，应如 22:00", f"{value!r} is not a time of day, as 22:00"
    if bool(times[0]) != bool(times[1]):
        yield "time_to" if times[0] else "time_from", "起止要一起填", "the beginning and the end are needed together"
    elif times[0] and _time(times[0]) == _time(times[1]) is not None:
        yield "time_to", "起止不能相同", "the beginning and the end must differ"
    for key in LIMITS:
        if not (re.fullmatch(r"\d{1,6}", values[key]) and 1 <= int(values[key]) <= MAX_STAGE_MINUTES):
            en = f"{values[key][:20]!r} must be a whole number of minutes, 1 to {MAX_STAGE_MINUTES}"
            yield key, f"“{values[key][:20]}”应为分钟数，1 至 {MAX_STAGE_MINUTES} 的整数", en


def _wrong_words(values: Cells) -> Wrong:
    for key in ("name", "way", "first_role", "escalation"):
        if not values[key]:
            yield key, "不能为空", "is empty"
    if len(values["name"]) > 100:
        yield "name", "最多 100 个字", "has more than 100 characters"
    words = [(key, values[key]) for key in MEANS if values[key]]
    for key, value in [*words, *(("escalation", one) for one in _split(values["escalation"]))]:
        known = "first_role" if key == "escalation" else key
        if value not in MEANS[known]:
            zh, en = ("、".join(w[0] for w in SAID[known].values()), ", ".join(SAID[known]))
            yield key, f"“{value}”不在其中：{zh}", f"{value!r} is none of {en}"


def _split(given: str) -> list[str]:
    return [one.strip() for one in re.split(r"[|｜]", given) if one.strip()]


def _time(given: str) -> time | None:
    found = TIME.fullmatch(given)
    return time(int(found[1]), int(found[2])) if found else None


def _rule(values: Cells) -> Rule:
    made: dict[str, Any] = dict(values)
    made |= {key: MEANS[key][values[key]] for key in MEANS if values[key]}
    made |= {key: int(values[key]) for key in LIMITS}
    made |= {key: _time(values[key]) for key in ("time_from", "time_to")}
    made["escalation"] = tuple(MEANS["first_role"][one] for one in _split(values["escalation"]))
    made["around_the_clock"] = made["around_the_clock"] == "yes"
    return Rule(**made | {"id": None, "area_id": None, "days": made["days"] or "any"})


def dump(rules: Iterable[Rule], path: Path) -> None:
    """Write rules as a table that `parse` reads back the same, in Chinese words: .csv or .xlsx."""
    write_table(path, COLUMNS, [_cells(rule) for rule in rules])


def as_cells(rule: Rule) -> dict[str, str]:
    """A rule as the text of its cells, by the keys of `COLUMNS`, in code words; `check` reads it back the same."""
    values = asdict(rule)
    values |= {key: "" if values[key] is None else f"{values[key]:%H:%M}" for key in ("time_from", "time_to")}
    values |= {"escalation": "|".join(rule.escalation), "around_the_clock": "yes" if rule.around_the_clock else "no"}
    return {column.key: str(values[column.key]) for column in COLUMNS}


def _cells(rule: Rule) -> list[str]:
    values = as_cells(rule)
    values |= {key: SAID[key][values[key]][0] for key in SAID if values[key]}
    return list((values | {"escalation": "|".join(ROLE_BY_KEY[one].zh for one in rule.escalation)}).values())


# --- sets -------------------------------------------------------------------------------------------------------

INSERT = """
INSERT INTO routing_rule (rule_set_id, position, name, category, severity, area_id, time_from, time_to, days, channel, way,
  first_role, escalation, accept_min, dispatch_min, take_min, handle_min, check_min, around_the_clock)
VALUES (:set, :position, :name, :category, :severity, :area_id, :time_from, :time_to, :days, :channel, :way,
  :first_role, :escalation, :accept_min, :dispatch_min, :take_min, :handle_min, :check_min, :around_the_clock)
"""


def load(session: Session | Connection, rules: Sequence[Rule], name: str, author: str = "") -> int:
    """Keep rules as a draft set, in place of a draft of the same name; returns its id.

    Args:
        rules: As `parse` or `check` gave them, with nothing wrong.

    Raises:
        Conflict: A set of that name is, or was, in force. InvalidInput: The name is empty or too long, there is no
            rule for everything, or one names an area that does not exist.
    """
    if not 1 <= len(name) <= 100:
        raise invalid_field("name", "a set needs a name of 1 to 100 characters")
    if not rules or not rules[-1].anything:
        raise invalid_field("rules", "the last rule of a set must match everything")
    session.execute(text("DELETE FROM rule_set WHERE name = :name AND state = 'draft'"), {"name": name})
    if session.scalar(text("SELECT count(*) FROM rule_set WHERE name = :name"), {"name": name}):
        raise Conflict(f"name: the set {name!r} is or was in force, and such sets are not changed; choose another name")
    codes = {rule.area for rule in rules if rule.area}
    query = text("SELECT code, id FROM area WHERE code = ANY(:codes)")
    ids = {row.code: row.id for row in session.execute(query, {"codes": list(codes)})}
    if missing := sorted(codes - ids.keys()):
        raise invalid_field("area", f"no area has the code {', '.join(missing)}")
    made = session.scalar(
        text("INSERT INTO rule_set (name, state, author) VALUES (:name, 'draft', :author) RETURNING id"),
        {"name": name, "author": author},
    )
    rows = [
        asdict(rule)
        | {"set": made, "position": position, "area_id": ids.get(rule.area), "escalation": [*rule.escalation]}
        for position, rule in enumerate(rules, 1)
    ]
    session.execute(text(INSERT), rows)
    return int(made or 0)


def activate(session: Session | Connection, set_id: int, now: datetime) -> None:
    """Switch a set on and the one in force off; incidents filed before keep their rule. One that was may be again.

    Raises:
        NotFound: There is no such set. Conflict: It is in force already.
    """
    session.execute(text("SELECT FROM rule_set WHERE state = 'active' FOR UPDATE"))  # one at a time
    state = session.scalar(text("SELECT state FROM rule_set WHERE id = :id FOR UPDATE"), {"id": set_id})
    if state is None:
        raise NotFound(f"there is no rule set {set_id}")
    if state == "active":
        raise Conflict("the set is in force already")
    session.execute(text("UPDATE rule_set SET state = 'retired' WHERE state = 'active'"))
    session.execute(
        text("UPDATE rule_set SET state = 'active', activated_at = :now WHERE id = :id"), {"id": set_id, "now": now}
    )


def require_all_counties(session: Session, by: Principal) -> None:
    """Raise Forbidden unless somebody may change rules in every county: a set in force holds in all of them."""
    by.need(Action.RULES)
    allowed = by.may_in[Action.RULES]
    if allowed is not None and not allowed.issuperset(
        session.scalars(text("SELECT id FROM area WHERE level = 'county'"))
    ):
        raise Forbidden(f"rules hold in every county; {Action.RULES.value} is allowed to {by.role_words} in some only")


def load_default_rules(connection: Connection) -> None:
    """Load the default rules into a database that has none."""
    if not connection.scalar(text("SELECT count(*) FROM rule_set")):
        found, report = parse(DEFAULT)
        if report.refused:
            raise InvalidInput(f"{DEFAULT.name}: {report.refused[0].where}: {report.refused[0].reason}")
        activate(connection, load(connection, found, DEFAULT_NAME), datetime.now(working_time.ZONE))


_kept: dict[int, RoutingRules] = {}  # sets that have been in force: they never change

SETS = "SELECT id, name, state, author, loaded_at, activated_at FROM rule_set"
RULES = """
SELECT r.*, coalesce(a.code, '') AS area FROM routing_rule r LEFT JOIN area a ON a.id = r.area_id
WHERE r.rule_set_id = :id ORDER BY r.position
"""


def find(session: Session, set_id: int) -> RoutingRules:
    """A set with its rules.

    Raises:
        NotFound: There is none.
    """
    row = session.execute(text(f"{SETS} WHERE id = :id"), {"id": set_id}).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no rule set {set_id}")
    return RoutingRules(**row, rules=tuple(map(_stored, session.execute(text(RULES), {"id": set_id}).mappings())))


def _stored(row: Mapping[Any, Any]) -> Rule:
    made = Rule(**{key: value for key, value in row.items() if key in Rule.__dataclass_fields__})
    return replace(made, escalation=tuple(made.escalation))


def list_rule_sets(session: Session) -> list[RoutingRules]:
    """Every set without its rules, the one in force first, then the newest."""
    query = text(f"{SETS} ORDER BY state <> 'active', loaded_at DESC, id DESC")
    return [RoutingRules(**row, rules=()) for row in session.execute(query).mappings()]


def active(session: Session) -> RoutingRules:
    """The set in force.

    Raises:
        Unavailable: None is.
    """
    found = session.scalar(cached_text("SELECT id FROM rule_set WHERE state = 'active'"))
    if found is None:
        raise Unavailable("no routing rules are in force; switch a set on with: ./wangge rules activate NAME")
    if found not in _kept:
        _kept[found] = find(session, found)
    return _kept[found]


# --- testing a set ----------------------------------------------------------------------------------------------

PAST = """
SELECT i.id, i.category, i.severity, i.areas, i.reported_at, i.channel, i.rule_id, i.rule_name, i.way,
  CASE WHEN i.rule_id IS NULL THEN i.limits END AS limits
FROM incident i WHERE i.reported_at >= :since AND i.reported_at < :until AND {condition} ORDER BY i.reported_at, i.id
"""
OLD = """
SELECT r.*, '' AS area FROM routing_rule r WHERE r.id IN (
  SELECT DISTINCT i.rule_id FROM incident i WHERE i.reported_at >= :since AND i.reported_at < :until)
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

    before, after: What sent them, and what would. count: How many. elsewhere: They would go to another role, or in
    the other way; else only time limits or the roles above differ. slower, faster: How many would have more, or less,
    time to be handled. cases: The first `SHOWN`.
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
    """A set against the past: how many incidents were compared, how many would go elsewhere or only get other limits.

    differences: Those that would go elsewhere first, the largest group first.
    """

    compared: int
    elsewhere: int
    other_limits: int
    differences: list[ReplayDifference]


def replay(session: Session, rules: Sequence[Rule], since: datetime, until: datetime, by: Principal) -> Replay:
    """What a set would have done with the incidents reported from `since` until before `until` that `by` may see.

    Compared is with the rule that sent each, as it was then; limits that people changed since do not count.
    """
    condition, params = visibility_clause(by, "i")
    params |= {"since": since, "until": until}
    old = {one.id: one for one in map(_stored, session.execute(text(OLD), params).mappings())}
    groups: dict[tuple[RoutedTo, RoutedTo], list[tuple[PastIncident, Rule, Rule]]] = {}
    compared = elsewhere = 0
    for row in session.execute(text(PAST.format(condition=condition)), params):
        compared += 1
        after = first_match(rules, RoutingCase(row.category, row.severity, row.areas, row.reported_at, row.channel))
        before = old.get(row.rule_id) or _recorded(row)
        moved = (before.first_role, before.way) != (after.first_role, after.way)
        elsewhere += moved
        if moved or _rest(before) != _rest(after):
            key = _went(before), _went(after)
            groups.setdefault(key, []).append((PastIncident(row.id, row.category, row.reported_at), before, after))
    found = [
        ReplayDifference(
            *key,
            count=len(cases),
            elsewhere=(key[0].role, key[0].way) != (key[1].role, key[1].way),
            slower=sum(_time_left(before) < _time_left(after) for _, before, after in cases),
            faster=sum(_time_left(before) > _time_left(after) for _, before, after in cases),
            cases=[past for past, *_ in cases[:MAX_LISTED_CASES]],
        )
        for key, cases in groups.items()
    ]
    found.sort(key=lambda one: (not one.elsewhere, -one.count))
    return Replay(compared, elsewhere, sum(one.count for one in found if not one.elsewhere), found)


def _went(rule: Rule) -> RoutedTo:
    return RoutedTo(rule.name, rule.first_role, rule.way)


def _rest(rule: Rule) -> tuple[object, ...]:
    return (*(getattr(rule, key) for key in LIMITS), rule.around_the_clock, rule.escalation)


def _time_left(rule: Rule) -> float:
    """Minutes to be handled in; a minute of working time is about as long as 4.5 of the clock on the wall."""
    return rule.handle_min * (1 if rule.around_the_clock else 7 * 24 * 60 / (5 * working_time.DAY_MINUTES))


def _recorded(row: Any) -> Rule:
    """The rule of an incident whose rule is gone, from what the incident recorded of it."""
    kept = row.limits or {}
    limits = {key: int(kept.get(state) or 0) for key, state in zip(LIMITS, STAGES, strict=True)}
    return Rule(
        id=None, name=row.rule_name, category="", severity="", area="", area_id=None, time_from=None, time_to=None,
        days="any", channel="", way=row.way, first_role=str(kept.get("first_role") or ""),
        escalation=tuple(kept.get("escalation") or ()), around_the_clock=bool(kept.get("around_the_clock")), **limits,
    )  # fmt: skip


# --- words ------------------------------------------------------------------------------------------------------


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
