"""Tables of routing rules: read, validated row by row, written."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import time
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import TooLarge
from gis.files.cells import parse_code, parse_text
from gis.files.column import Column
from gis.files.report import THE_TABLE, LoadReport, RejectedRow, row_label
from gis.files.table_writer import write_table
from gis.files.tables import finish_reading, read_table
from gis.incidents.catalogue.editions import Edition
from gis.incidents.routing.rules import LIMIT_FIELDS, MAX_STAGE_MINUTES, Rule
from gis.incidents.routing.rules_text import CELL_LABELS, RULE_CHOICES, VALUE_BY_LABEL
from gis.messages import Message, render
from gis.rights.roles import ROLE_BY_KEY

RULES_CSV = Path(__file__).with_name("rules.csv")
MAX_RULES = 500  # rules in a set
TIME = re.compile(r"([01]?\d|2[0-3])[:：]([0-5]\d)(?:[:：]00)?")

COLUMNS = (
    Column(
        "name",
        "规则",
        parse_text,
        ("名称", "规则名称"),
        "答复中出现的名称",
        "What the answer calls it.",
        needed=True,
    ),
    Column(
        "category",
        "类别",
        parse_code,
        ("类别代码",),
        "类别代码或其开头，如 06010 或 06；空为任意",
        "A code or its beginning, as 06; empty: any.",
    ),
    Column(
        "severity",
        "紧急程度",
        parse_text,
        ("等级",),
        "空为任意",
        "low, normal, high or urgent; empty: any.",
        choices=RULE_CHOICES["severity"],
    ),
    Column(
        "area",
        "区域",
        parse_code,
        ("区域代码", "区域编码"),
        "区域代码，其下各级都算；空为任意",
        "Code of an area, all within it counts; empty: any.",
    ),
    Column(
        "time_from",
        "时间起",
        parse_text,
        (),
        "如 22:00；与时间止一起填",
        "As 22:00; together with the end.",
    ),
    Column(
        "time_to",
        "时间止",
        parse_text,
        (),
        "如 06:00，可过零点；本身不算在内",
        "As 06:00, itself not in it; may be past midnight.",
    ),
    Column(
        "days",
        "日子",
        parse_text,
        (),
        "空为每天",
        "any, working or rest; empty: any.",
        choices=RULE_CHOICES["days"],
    ),
    Column(
        "channel",
        "渠道",
        parse_text,
        (),
        "上报渠道；空为任意",
        "Empty: any.",
        choices=RULE_CHOICES["channel"],
    ),
    Column(
        "way",
        "方式",
        parse_text,
        (),
        "派单给负责人，或点单由人认领",
        "assign, or order to be claimed.",
        True,
        RULE_CHOICES["way"],
    ),
    Column(
        "first_role",
        "首派岗位",
        parse_text,
        ("首派",),
        "如 网格员",
        "As grid worker.",
        True,
        RULE_CHOICES["first_role"],
    ),
    Column(
        "escalation",
        "上报链",
        parse_text,
        (),
        "逐级岗位，用竖线分开",
        "Roles one step up each, separated by bars.",
        needed=True,
    ),
    Column("accept_min", "受理时限", parse_text, (), "分钟", "Minutes.", needed=True),
    Column("dispatch_min", "派单时限", parse_text, (), "分钟", "Minutes.", needed=True),
    Column("take_min", "接单时限", parse_text, (), "分钟", "Minutes.", needed=True),
    Column("handle_min", "处理时限", parse_text, (), "分钟", "Minutes.", needed=True),
    Column("check_min", "核查时限", parse_text, (), "分钟", "Minutes.", needed=True),
    Column(
        "around_the_clock",
        "计时",
        parse_text,
        ("全天计时",),
        "空为工作时间",
        "yes: of the clock on the wall; empty: working time.",
        choices=RULE_CHOICES["around_the_clock"],
    ),
)


COLUMN_TITLES = {column.key: f"{column.zh} ({column.key})" for column in COLUMNS}


@dataclass(frozen=True)
class RuleError:
    """Something wrong in a table of rules.

    row: Its number as the spreadsheet shows it; None: the table as a whole. column: Key of a
    column; may be empty. message: What is wrong, as a code `rule.*` of the catalogue.
    """

    row: int | None
    column: str
    message: Message

    @property
    def zh(self) -> str:
        """What is wrong, in Chinese."""
        return render(self.message, "zh")

    @property
    def en(self) -> str:
        """What is wrong, in English."""
        return render(self.message, "en")


Cells = Mapping[str, str]


def parse(
    path: Path, edition: Edition | None = None, session: Session | None = None
) -> tuple[list[Rule], LoadReport]:
    """Read a table of rules and check it.

    What is wrong is in the report's `refused`, by row and column.

    Parameters
    ----------
    edition
        The catalogue whose codes may be used; None checks no codes.
    session
        Asked for the areas; None checks none.

    Raises
    ------
    InvalidInput, TooLarge
        As `gis.files.tables.read_table`; or there are more than `MAX_RULES` rules.
    """
    rules, report, problems = preview_rules_file(path, edition, session)
    report.refused += [
        RejectedRow(
            row_label(problem.row) if problem.row else THE_TABLE,
            COLUMN_TITLES.get(problem.column, ""),
            problem.message,
        )
        for problem in problems
    ]
    finish_reading(report)
    return rules, report


def preview_rules_file(
    path: Path, edition: Edition | None = None, session: Session | None = None
) -> tuple[list[Rule], LoadReport, list[RuleError]]:
    """Read a table as `parse` does and return the problems too.

    The report has those of unreadable cells only.

    Raises
    ------
    TooLarge
        It has more than MAX_RULES rules.
    """
    report = LoadReport("rules", path.name)
    rows: list[tuple[int, Cells]] = []
    for row in read_table(path, COLUMNS, report).rows:
        rows.append((row.number, {key: str(value) for key, value in row.values.items()}))
        if len(rows) > MAX_RULES:
            raise TooLarge("rules.too_many", limit=MAX_RULES)
    rules, problems = validate_rules(rows, edition, session)
    return rules, report, problems


def validate_rules(
    rows: Sequence[tuple[int, Cells]],
    edition: Edition | None = None,
    session: Session | None = None,
) -> tuple[list[Rule], list[RuleError]]:
    """Make rules of rows of text and say what is wrong with them.

    Parameters
    ----------
    rows
        The number of each and its values by the keys of `COLUMNS`.
    edition, session
        As for `parse`.

    Returns
    -------
    The rules of the rows that are right, in their order; the problems.
    """
    area_codes = {cells.get("area", "") for _, cells in rows} - {""}
    chains = None if session is None else _chains(session, area_codes)
    rules: list[tuple[int, Rule]] = []
    problems: list[RuleError] = []
    never: dict[int, list[int]] = {}  # row of a rule for everything -> rows behind it
    for number, cells in rows:
        values = {column.key: str(cells.get(column.key) or "").strip() for column in COLUMNS}
        wrong = [RuleError(number, *fault) for fault in _wrong(values, edition, chains)]
        problems += wrong
        if wrong:
            continue
        rule = _rule(values)
        within = (chains or {}).get(rule.area, frozenset())
        above = next(((row, fault) for row, fault in rules if fault.covers(rule, within)), None)
        if above is not None and above[1].anything:
            never.setdefault(above[0], []).append(number)
        elif above is not None:
            row, fault = above
            message = Message("rule.never_reached", {"row": str(row), "name": fault.name})
            problems.append(RuleError(number, "name", message))
        else:
            rules.append((number, rule))
    for row, behind in never.items():
        message = Message("rule.must_be_last", {"count": len(behind), "row": str(behind[0])})
        problems.append(RuleError(row, "name", message))
    if not rows:
        problems.append(RuleError(None, "", Message("rule.none")))
    elif not problems and not rules[-1][1].anything:
        problems.append(RuleError(None, "", Message("rule.last_not_general")))
    return [rule for _, rule in rules], problems


CHAINS = """
WITH RECURSIVE up AS (
  SELECT code AS asked, id, parent_id, code FROM area
  WHERE code = ANY(:codes) AND level NOT IN ('province', 'city')
  UNION ALL SELECT up.asked, a.id, a.parent_id, a.code FROM up JOIN area a ON a.id = up.parent_id
)
SELECT asked, array_agg(code) AS codes FROM up GROUP BY asked
"""


def _chains(session: Session, codes: Collection[str]) -> dict[str, frozenset[str]]:
    """Return, for each area code from a county down, its own and those of the areas above it."""
    if not codes:
        return {}
    return {
        row.asked: frozenset(row.codes)
        for row in session.execute(text(CHAINS), {"codes": list(codes)})
    }


Wrong = Iterator[tuple[str, Message]]  # column, and what is wrong


def _wrong(
    values: Cells, edition: Edition | None, chains: Mapping[str, Collection[str]] | None
) -> Wrong:
    yield from _wrong_words(values)
    category, area = values["category"], values["area"]
    if edition is not None and not any(code.startswith(category) for code in edition.categories):
        yield "category", Message("rule.category_unknown", {"value": category})
    if area and chains is not None and area not in chains:
        yield "area", Message("rule.area_unknown", {"value": area})
    times = values["time_from"], values["time_to"]
    for key, value in zip(("time_from", "time_to"), times, strict=True):
        if value and not TIME.fullmatch(value):
            yield key, Message("rule.not_a_time", {"value": value})
    if bool(times[0]) != bool(times[1]):
        yield "time_to" if times[0] else "time_from", Message("rule.times_incomplete")
    elif times[0] and _time(times[0]) == _time(times[1]) is not None:
        yield "time_to", Message("rule.times_equal")
    for key in LIMIT_FIELDS:
        if not (
            re.fullmatch(r"\d{1,6}", values[key]) and 1 <= int(values[key]) <= MAX_STAGE_MINUTES
        ):
            yield (
                key,
                Message(
                    "rule.minutes_wrong", {"value": values[key][:20], "limit": MAX_STAGE_MINUTES}
                ),
            )


def _wrong_words(values: Cells) -> Wrong:
    for key in ("name", "way", "first_role", "escalation"):
        if not values[key]:
            yield key, Message("rule.empty")
    if len(values["name"]) > 100:
        yield "name", Message("rule.name_too_long")
    cells = [(key, values[key]) for key in VALUE_BY_LABEL if values[key]]
    for key, value in [*cells, *(("escalation", role) for role in _split(values["escalation"]))]:
        table = "first_role" if key == "escalation" else key
        if value not in VALUE_BY_LABEL[table]:
            params = {
                "value": value,
                "keys": list(CELL_LABELS[table]),
                "labels": list(RULE_CHOICES[table]),
            }
            yield key, Message("rule.not_allowed", params)


def _split(cell: str) -> list[str]:
    return [item.strip() for item in re.split(r"[|｜]", cell) if item.strip()]


def _time(cell: str) -> time | None:
    match = TIME.fullmatch(cell)
    return time(int(match[1]), int(match[2])) if match else None


def _rule(values: Cells) -> Rule:
    fields: dict[str, Any] = dict(values)
    fields |= {key: VALUE_BY_LABEL[key][values[key]] for key in VALUE_BY_LABEL if values[key]}
    fields |= {key: int(values[key]) for key in LIMIT_FIELDS}
    fields |= {key: _time(values[key]) for key in ("time_from", "time_to")}
    fields["escalation"] = tuple(
        VALUE_BY_LABEL["first_role"][role] for role in _split(values["escalation"])
    )
    fields["around_the_clock"] = fields["around_the_clock"] == "yes"
    return Rule(**fields | {"id": None, "area_id": None, "days": fields["days"] or "any"})


def dump(rules: Iterable[Rule], path: Path) -> None:
    """Write rules as a table that `parse` reads back the same, in Chinese words: .csv or .xlsx."""
    write_table(path, COLUMNS, [_cells(rule) for rule in rules])


def as_cells(rule: Rule) -> dict[str, str]:
    """Return a rule as the text of its cells, by the keys of `COLUMNS`.

    `validate_rules` reads it back the same.
    """
    values = asdict(rule)
    values |= {
        key: "" if values[key] is None else f"{values[key]:%H:%M}"
        for key in ("time_from", "time_to")
    }
    values |= {
        "escalation": "|".join(rule.escalation),
        "around_the_clock": "yes" if rule.around_the_clock else "no",
    }
    return {column.key: str(values[column.key]) for column in COLUMNS}


def _cells(rule: Rule) -> list[str]:
    values = as_cells(rule)
    values |= {key: CELL_LABELS[key][values[key]][0] for key in CELL_LABELS if values[key]}
    return list(
        (
            values | {"escalation": "|".join(ROLE_BY_KEY[role].zh for role in rule.escalation)}
        ).values()
    )
