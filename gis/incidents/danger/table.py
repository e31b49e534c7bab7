"""The table of danger: kept in the database, edited as a spreadsheet, checked row by row.

Each load is a new edition; the newest is in force.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gis.files.cells import parse_code, parse_text
from gis.files.column import Column
from gis.files.report import THE_TABLE, LoadReport, RejectedRow
from gis.files.table_writer import write_table
from gis.files.tables import finish_reading, read_table
from gis.messages import Message

DANGER_CSV = Path(__file__).with_name("danger.csv")
# use -> what such a row is for, on screen
USES = {
    "danger": ("危险", "danger"),
    "spelling": ("错字", "misspelling"),
    "harmless": ("无害说法", "harmless"),
    "negation": ("否定", "denied"),
    "asking": ("不算否定", "not a denial"),
    "doubt": ("假设", "feared"),
    "past": ("从前", "past"),
    "drill": ("演练宣传", "drill"),
    "over": ("已过去", "over"),
    "now": ("眼前", "now"),
    "example": ("险情例句", "example of danger"),
    "everyday": ("平常例句", "everyday example"),
}
USE_BY_LABEL = {word: use for use, (zh, en) in USES.items() for word in (use, zh, en)}
TAKE_BACK = ("negation", "doubt", "past", "drill", "over")
MULTI_VALUE_COLUMNS = ("call", "words", "acts", "unless", "despite")
MAX_WITHIN_CHARS = 40  # characters
MAX_TERM_CHARS, MAX_EXAMPLE_CHARS = 40, 200  # characters of a word, of an example
EXAMPLE_USES = ("example", "everyday")

COLUMNS = (
    Column(
        "use",
        "用途",
        parse_text,
        (),
        "危险；其余各行说明哪些说法不算：错字、无害说法、否定、不算否定、假设、从前、演练宣传、已过去、眼前；例句帮助识别没有列出的说法",
        "danger; the other rows say what does not count.",
        True,
        tuple(zh for zh, _ in USES.values()),
    ),
    Column(
        "kind",
        "种类",
        parse_code,
        ("险情代码",),
        "如 fire；同一险情可有几行",
        "As fire; one danger may have several rows.",
    ),
    Column("zh", "名称", parse_text, ("险情",), "如 火情", "As 火情."),
    Column("en", "英文名称", parse_text, (), "如 fire", "As fire."),
    Column(
        "call",
        "报警电话",
        parse_text,
        ("电话",),
        "如 119；几个用竖线分开，先拨的在前",
        "As 119; several by bars, the first one first.",
    ),
    Column(
        "category",
        "类别",
        parse_code,
        ("类别代码",),
        "没有选类别时归入；空为其他事项",
        "Filed there when none was chosen; empty: other matters.",
    ),
    Column(
        "words",
        "对象词",
        parse_text,
        (),
        "用竖线分开；空则只看动作词",
        "By bars, one must stand near an act; empty: acts alone.",
    ),
    Column(
        "acts",
        "动作词",
        parse_text,
        (),
        "用竖线分开；错字行写 错=正",
        "By bars; for misspellings wrong=right.",
        needed=True,
    ),
    Column(
        "within",
        "相距",
        parse_text,
        (),
        "对象词与动作词最多相隔几个字",
        "Characters at most between a word and an act.",
    ),
    Column(
        "unless",
        "除非",
        parse_text,
        (),
        "旁边有这些词就不算",
        "Words beside it with which it does not count.",
    ),
    Column(
        "despite",
        "不受影响",
        parse_text,
        (),
        "否定、假设、从前、演练宣传、已过去中对本行不起作用的",
        "Of negation, doubt, past, drill, over: what does not take this row back.",
    ),
)


@dataclass(frozen=True)
class Row:
    """A row of the table. See COLUMNS."""

    use: str
    kind: str
    zh: str
    en: str
    call: tuple[str, ...]
    category: str
    words: tuple[str, ...]
    acts: tuple[str, ...]
    within: int
    unless: tuple[str, ...]
    despite: tuple[str, ...]


def parse(path: Path) -> tuple[list[Row], LoadReport]:
    """Read a table of danger and check it.

    What is wrong is in the report's `refused`, by row and column.

    Raises
    ------
    InvalidInput, TooLarge
        As `gis.files.tables.read_table`.
    """
    report = LoadReport("danger", path.name)
    table = read_table(path, COLUMNS, report)
    rows: list[Row] = []
    for row in table.rows:
        values = {column.key: str(row[column.key] or "").strip() for column in COLUMNS}
        problems = list(_problems(values))
        report.refused += [table.refuse(row.number, key, reason) for key, reason in problems]
        if not problems:
            rows.append(_row(values))
    kinds = {row.kind for row in rows if row.use == "danger"}
    strange = sorted({row.kind for row in rows if row.use == "example"} - kinds)
    if strange and not report.refused:
        report.refused.append(
            RejectedRow(THE_TABLE, "kind", Message("danger_row.kinds_unknown", {"kinds": strange}))
        )
    if not kinds and not report.refused:
        report.refused.append(RejectedRow(THE_TABLE, "use", Message("danger_row.no_danger")))
    finish_reading(report)
    return rows, report


def _split(cell: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for item in re.split(r"[|｜]", cell) if item.strip()))


def _problems(values: dict[str, str]) -> Iterable[tuple[str, Message]]:
    use = USE_BY_LABEL.get(values["use"])
    if use is None:
        yield "use", Message("cell.none_of", {"value": values["use"][:40], "allowed": list(USES)})
        return
    most = MAX_EXAMPLE_CHARS if use in EXAMPLE_USES else MAX_TERM_CHARS
    for key in ("words", "acts", "unless"):
        if any(len(item) > most for item in _split(values[key])):
            yield key, Message("danger_row.term_too_long", {"limit": most})
    if not _split(values["acts"]) and (use == "danger" or not _split(values["words"])):
        yield "acts", Message("cell.empty")
    if use == "spelling" and any(
        not re.fullmatch(r"[^=]+=[^=]+", item) for item in _split(values["acts"])
    ):
        yield "acts", Message("danger_row.not_pairs")
    if use == "example" and not values["kind"]:
        yield "kind", Message("danger_row.kind_missing")
    if use != "danger":
        return
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", values["kind"]):
        yield "kind", Message("danger_row.kind_wrong", {"kind": values["kind"][:40]})
    yield from ((key, Message("cell.empty")) for key in ("zh", "en") if not values[key])
    if not values["call"] or any(
        not re.fullmatch(r"[0-9+ -]{3,20}", item) for item in _split(values["call"])
    ):
        yield "call", Message("danger_row.call_wrong", {"call": values["call"][:40]})
    if (
        not re.fullmatch(r"\d{0,2}", values["within"])
        or int(values["within"] or 0) > MAX_WITHIN_CHARS
    ):
        yield (
            "within",
            Message(
                "danger_row.within_wrong",
                {"within": values["within"][:20], "limit": MAX_WITHIN_CHARS},
            ),
        )
    for item in _split(values["despite"]):
        if USE_BY_LABEL.get(item) not in TAKE_BACK:
            yield (
                "despite",
                Message("cell.none_of", {"value": item[:40], "allowed": list(TAKE_BACK)}),
            )


def _row(values: dict[str, str]) -> Row:
    lists = {key: _split(values[key]) for key in MULTI_VALUE_COLUMNS}
    for key in ("words", "acts", "unless"):
        lists[key] = tuple(item.lower() for item in lists[key])
    row = Row(**{**values, **lists, "within": int(values["within"] or 0)})  # type: ignore[arg-type]
    return replace(
        row, use=USE_BY_LABEL[row.use], despite=tuple(USE_BY_LABEL[item] for item in row.despite)
    )


def dump(rows: Iterable[Row], path: Path) -> None:
    """Write a table that `parse` reads back the same: .csv or .xlsx, with Chinese headers."""
    write_table(path, COLUMNS, [_cells(row) for row in rows])


def _cells(row: Row) -> list[str]:
    values = {**asdict(row), **{key: "|".join(getattr(row, key)) for key in MULTI_VALUE_COLUMNS}}
    values |= {
        "use": USES[row.use][0],
        "within": str(row.within) if row.words and row.use == "danger" else "",
    }
    return [str(values[column.key]) for column in COLUMNS]


# --- editions -------------------------------------------------------------------------------------
