"""A formula as a table: written, to be edited as a spreadsheet, and read back the same."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from gis.credit.rules import COUNTABLE, Rule, field_name, parse_amount, rule_label
from gis.errors import InvalidInput
from gis.files.cells import parse_text
from gis.files.column import Column
from gis.files.report import LoadReport
from gis.files.table_writer import write_table
from gis.files.tables import finish_reading, read_table
from gis.messages import Message

COLUMNS = (
    Column(
        "fact",
        "项目",
        parse_text,
        ("fact",),
        "公式中的项目，如 接单、上报人评价（4分及以上）；可用的项目见公式页面",
        "What is counted, as taken or rated.rating_4.",
        needed=True,
        each=True,
    ),
    Column(
        "value",
        "分值",
        parse_text,
        ("value", "权重"),
        "每次的积分，或占比的权重，或星级起点",
        "Points of each, weight of a share, or a threshold.",
        needed=True,
        each=True,
    ),
    Column(
        "cap",
        "年度上限",
        parse_text,
        ("cap", "上限"),
        "该项全年最多计多少分；空为不限",
        "At most so many points of it in a year; empty: no limit.",
    ),
)


def parse(kind: str, path: Path) -> tuple[list[Rule], LoadReport]:
    """Read a table; what is wrong with a cell is in the report's `refused`.

    Raises
    ------
    InvalidInput, TooLarge
        As `gis.files.tables.read_table`.
    """
    report = LoadReport("formula", path.name)
    table = read_table(path, COLUMNS, report)
    by_name = {
        _plain(name): each
        for each in COUNTABLE[kind]
        for name in (field_name(*each), rule_label(*each, "zh"), rule_label(*each, "en"))
    }
    rules = []
    for row in table.rows:
        cells = {column.key: str(row[column.key] or "") for column in COLUMNS}
        fact = by_name.get(_plain(cells["fact"]))
        if fact is None:
            params = {
                "value": cells["fact"][:40],
                "allowed": [rule_label(*each, "zh") for each in COUNTABLE[kind]],
            }
            report.refused.append(table.refuse(row.number, "fact", Message("cell.none_of", params)))
            continue
        try:
            value, cap = (parse_amount(cells[key], key) for key in ("value", "cap"))
        except InvalidInput:
            report.refused.append(table.refuse(row.number, "value", "formula.not_a_number"))
            continue
        if value is not None:
            rules.append(Rule(*fact, value, cap))
    finish_reading(report)
    return rules, report


def dump(rules: Iterable[Rule], path: Path) -> None:
    """Write a table that `parse` reads back the same: .csv or .xlsx, with Chinese headers."""
    rows = [
        [
            rule_label(rule.fact, rule.condition, "zh"),
            f"{rule.value:g}",
            "" if rule.cap is None else f"{rule.cap:g}",
        ]
        for rule in rules
    ]
    write_table(path, COLUMNS, rows)


def _plain(word: str) -> str:
    return "".join(unicodedata.normalize("NFKC", word).lower().split())
