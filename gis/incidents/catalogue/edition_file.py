"""The catalogue as a table: read, checked row by row, loaded by default, written back."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from gis.files.cells import parse_code, parse_text
from gis.files.column import Column
from gis.files.editions import parse_default
from gis.files.report import THE_TABLE, LoadReport, RejectedRow
from gis.files.table_writer import write_table
from gis.files.tables import finish_reading, read_table
from gis.incidents.catalogue.editions import CategoryRow, Edition, load
from gis.incidents.models import SEVERITIES, CatalogueEdition
from gis.messages import Message

CATALOGUE_CSV = Path(__file__).with_name("catalogue.csv")


DEFAULT_EDITION_NAME = "GB/T 47678.5-2026 + 社区类别 1"


CATEGORY_KINDS = ("incident", "order")


DATATYPES = (
    "string",
    "number",
    "datetime",
    "text",
    "singlevaluelist",
    "multivaluelist",
)  # Open311 GeoReport v2


CODE = re.compile(r"\d{5}|[A-Z]\d{4}")


YES_WORDS, NO_WORDS = ("yes", "是", "1", "true"), ("no", "否", "0", "false")


COLUMNS = (
    Column(
        "code",
        "代码",
        parse_code,
        ("编码", "类别代码"),
        "五位数字（国标）或一个字母加四位数字（自定）",
        "Five digits (the standard's), or a letter and four digits (one's own).",
        needed=True,
    ),
    Column(
        "old_code",
        "旧版代码",
        parse_code,
        (),
        "旧版中的代码，可空",
        "Its code in the older edition, if any.",
    ),
    Column("major", "大类代码", parse_code, (), "如 06", "As 06.", needed=True),
    Column(
        "major_zh", "大类", parse_text, ("大类名称",), "如 市容环境", "As 市容环境.", needed=True
    ),
    Column(
        "major_en",
        "大类英文",
        parse_text,
        (),
        "大类的英文名称",
        "Name of the group in English.",
        needed=True,
    ),
    Column(
        "zh",
        "名称",
        parse_text,
        ("类别", "小类", "小类名称"),
        "如 暴露垃圾",
        "As 暴露垃圾.",
        needed=True,
    ),
    Column("en", "英文名称", parse_text, (), "英文名称", "Name in English.", needed=True),
    Column(
        "kind",
        "方式",
        parse_text,
        ("种类",),
        "incident 事件，order 点单",
        "incident, or order.",
        True,
        CATEGORY_KINDS,
    ),
    Column(
        "severity",
        "紧急程度",
        parse_text,
        (),
        "low、normal、high、urgent",
        "low, normal, high or urgent.",
        True,
        SEVERITIES,
    ),
    Column(
        "skill",
        "技能",
        parse_text,
        (),
        "点单所需技能，如 repairs",
        "For orders: the skill asked for, as repairs.",
    ),
    Column("public", "居民可选", parse_text, (), "yes 或 no", "yes or no.", choices=("yes", "no")),
    Column(
        "words",
        "关键词",
        parse_text,
        (),
        "用竖线分开；最后一个类别留空，说不清的归入它",
        "Separated by bars; the last category has none: what nothing fits is filed there.",
    ),
    Column("examples", "例句", parse_text, (), "用竖线分开", "Separated by bars."),
    Column(
        "attributes",
        "附加问题",
        parse_text,
        (),
        "JSON，见 Open311 GeoReport v2",
        "JSON, as in Open311 GeoReport v2.",
    ),
)


def parse(path: Path) -> tuple[list[CategoryRow], LoadReport]:
    """Read a table of categories and check it.

    What is wrong is in the report's `refused`, by row and column.

    Parameters
    ----------
    path
        .csv or .xlsx with the columns of COLUMNS, under English or Chinese headers.

    Raises
    ------
    InvalidInput, TooLarge
        As `gis.files.tables.read_table`.
    """
    report = LoadReport("catalogue", path.name)
    table = read_table(path, COLUMNS, report)
    rows: list[CategoryRow] = []
    seen: dict[str, int] = {}
    for row in table.rows:
        values = {column.key: row[column.key] or "" for column in COLUMNS}
        wrong = list(_wrong(values, seen))
        report.refused += [table.refuse(row.number, key, reason) for key, reason in wrong]
        seen.setdefault(values["code"], row.number)
        if not wrong:
            rows.append(_row(values))
    validate_catalogue(rows, report)
    finish_reading(report)
    report.counts |= {"orders": sum(category.kind == "order" for category in rows)}
    return rows, report


def validate_catalogue(rows: Sequence[CategoryRow], report: LoadReport) -> None:
    """Check what concerns the table as a whole; adds to the report."""
    old = Counter(row.old_code for row in rows if row.old_code)
    report.refused += [
        RejectedRow(
            THE_TABLE,
            "old_code",
            Message("catalogue_row.old_code_shared", {"code": code, "count": n}),
        )
        for code, n in old.items()
        if n > 1
    ]
    names: dict[str, set[str]] = {}
    for row in rows:
        names.setdefault(row.major, set()).add(row.major_zh)
    report.refused += [
        RejectedRow(
            THE_TABLE,
            "major_zh",
            Message(
                "catalogue_row.major_named_twice", {"major": major, "names": sorted(major_names)}
            ),
        )
        for major, major_names in names.items()
        if len(major_names) > 1
    ]
    if rows and all(row.words for row in rows):
        report.refused.append(
            RejectedRow(THE_TABLE, "words", Message("catalogue_row.all_have_words"))
        )


def _wrong(values: dict[str, str], seen: dict[str, int]) -> Iterable[tuple[str, Message]]:
    code = values["code"]
    if not CODE.fullmatch(code):
        reason = (
            "catalogue_row.zero_lost"
            if re.fullmatch(r"\d{4}", code)
            else "catalogue_row.code_wrong"
        )
        yield "code", Message(reason, {"code": code})
    elif code in seen:
        yield "code", Message("catalogue_row.code_twice", {"code": code, "row": str(seen[code])})
    elif not code.startswith(values["major"]) or (code.isdigit() and len(values["major"]) != 2):
        yield (
            "major",
            Message("catalogue_row.major_wrong", {"major": values["major"], "code": code}),
        )
    if values["old_code"] and not re.fullmatch(r"\d{5}", values["old_code"]):
        yield "old_code", Message("catalogue_row.old_code_wrong", {"code": values["old_code"]})
    for key in ("major", "major_zh", "major_en", "zh", "en"):
        if not values[key]:
            yield key, Message("cell.empty")
    for key, allowed in (("kind", CATEGORY_KINDS), ("severity", SEVERITIES)):
        if values[key] not in allowed:
            yield key, Message("cell.none_of", {"value": values[key], "allowed": list(allowed)})
    if values["kind"] == "order" and not values["skill"]:
        yield "skill", Message("catalogue_row.skill_missing")
    if values["public"] and values["public"].lower() not in YES_WORDS + NO_WORDS:
        yield "public", Message("cell.not_yes_or_no", {"value": values["public"]})
    if values["attributes"] and (problem := _attributes_wrong(values["attributes"])):
        yield "attributes", problem


def _attributes_wrong(cell: str) -> Message | None:
    try:
        questions = json.loads(cell)
    except ValueError:
        return Message("catalogue_row.not_json")
    if not isinstance(questions, list) or not all(
        isinstance(question, dict) for question in questions
    ):
        return Message("catalogue_row.not_questions")
    for number, question in enumerate(questions, 1):
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", str(question.get("code", ""))):
            return Message("catalogue_row.question_code", {"number": number})
        if question.get("datatype") not in DATATYPES:
            return Message(
                "catalogue_row.question_datatype", {"number": number, "allowed": list(DATATYPES)}
            )
        if not question.get("description"):
            return Message("catalogue_row.question_description", {"number": number})
        if "list" in question["datatype"] and not _choices_right(question.get("values")):
            return Message("catalogue_row.question_values", {"number": number})
        if not isinstance(question.get("required", False), bool):
            return Message("catalogue_row.question_required", {"number": number})
    codes = [question["code"] for question in questions]
    if len(set(codes)) < len(codes):
        return Message("catalogue_row.question_twice")
    return None


def _choices_right(values: object) -> bool:
    return (
        isinstance(values, list)
        and bool(values)
        and all(
            isinstance(choice, dict) and choice.get("key") and choice.get("name")
            for choice in values
        )
    )


def _row(values: dict[str, str]) -> CategoryRow:
    fields: dict[str, Any] = dict(values)
    fields |= {
        key: tuple(filter(None, map(str.strip, values[key].split("|"))))
        for key in ("words", "examples")
    }
    fields["attributes"] = tuple(json.loads(values["attributes"])) if values["attributes"] else ()
    return CategoryRow(**fields | {"public": values["public"].lower() not in NO_WORDS})


def fill(connection: Connection) -> None:
    """Load the default catalogue into a database that has none."""
    if not connection.scalar(select(func.count(CatalogueEdition.id))):
        load(
            connection,
            parse_default(parse, CATALOGUE_CSV),
            DEFAULT_EDITION_NAME,
            CATALOGUE_CSV.name,
        )


def dump(edition: Edition, path: Path) -> None:
    """Write an edition as a table that `parse` reads back the same.

    It is .csv or .xlsx, with Chinese headers.

    Raises
    ------
    InvalidInput
        The ending is another.
    """
    write_table(path, COLUMNS, [_cells(row) for row in edition.categories.values()])


def _cells(row: CategoryRow) -> list[str]:
    joined = {
        "words": "|".join(row.words),
        "examples": "|".join(row.examples),
        "public": "yes" if row.public else "no",
        "attributes": json.dumps(row.attributes, ensure_ascii=False) if row.attributes else "",
    }
    return [str({**row.__dict__, **joined}[column.key]) for column in COLUMNS]
