"""The table of standards of facilities: what a standard asks of a living circle or a community.

Kept in the database in editions (`gis.facilities.standard_editions`), edited as a spreadsheet and
checked row by row. Tiers do not include each other: what the fifteen-minute circle asks is not
asked again of the ten-minute one. The area of a facility, or its land, is for a visit to judge;
the data do not hold it.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.circles import MAX_MINUTES
from gis.files.cells import parse_text
from gis.files.column import Column
from gis.files.report import THE_TABLE, LoadReport, RejectedRow
from gis.files.table_writer import write_table
from gis.files.tables import finish_reading, read_table
from gis.messages import Message

STANDARDS_CSV = Path(__file__).with_name("standards.csv")
# tier -> its name on screen
TIERS = {
    "15": ("十五分钟生活圈", "15-minute circle"),
    "10": ("十分钟生活圈", "10-minute circle"),
    "5": ("五分钟生活圈", "5-minute circle"),
    "neighbourhood": ("居住街坊", "neighbourhood"),
    "complete": ("完整社区", "complete community"),
    "tdt15": ("社区生活圈15分钟层级", "community circle, 15 minutes"),
    "tdt10": ("社区生活圈5至10分钟层级", "community circle, 5 to 10 minutes"),
}
REQUIRED = {"must": ("应", "must"), "should": ("宜", "should"), "may": ("可", "may")}
YES_NO = {"yes": ("是", "yes"), "no": ("否", "no")}
COMPLETE = "complete"  # the tier that a check-up of a community goes by
MAX_METRES, MAX_POPULATION, MAX_AREA_M2 = 5_000, 1_000_000, 1_000_000
MAX_STANDARD_TEXT_CHARS = 200
WALK_M_PER_MINUTE = 75.0  # metres an adult walks in a minute: 1.25 m/s
NUMBERS = {
    "metres": MAX_METRES,
    "minutes": MAX_MINUTES,
    "population_from": MAX_POPULATION,
    "population_to": MAX_POPULATION,
}
AREA_QUANTITIES = ("area_m2", "land_m2")

COLUMNS = (
    Column(
        "tier",
        "层级",
        parse_text,
        ("生活圈",),
        "15、10、5、居住街坊、完整社区等；各层级互不包含",
        "15, 10, 5, neighbourhood, complete …; tiers do not include each other.",
        True,
        tuple(zh for zh, _ in TIERS.values()),
    ),
    Column(
        "item",
        "项目代码",
        parse_text,
        (),
        "小写英文，如 kindergarten；同一层级不重复",
        "Lower case, as kindergarten; once a tier.",
        True,
    ),
    Column("zh", "项目", parse_text, ("名称",), "如 幼儿园", "As 幼儿园."),
    Column("en", "英文名称", parse_text, (), "如 kindergarten", "As kindergarten."),
    Column(
        "categories",
        "设施类别",
        parse_text,
        ("类别",),
        "能满足本项的设施类别代码，用竖线分开；空则只能走访核对",
        "Keys of categories that serve it, by bars; empty: by visit only.",
    ),
    Column("metres", "服务半径", parse_text, (), "步行距离，米", "Walking distance, metres."),
    Column(
        "minutes",
        "步行分钟",
        parse_text,
        (),
        "没有服务半径时用它",
        "Walking time; counts where there is no distance.",
    ),
    Column("population_from", "人口下限", parse_text, (), "人", "People the tier is for, from."),
    Column("population_to", "人口上限", parse_text, (), "人", "People the tier is for, to."),
    Column(
        "area_m2",
        "建筑面积",
        parse_text,
        (),
        "平方米；800 为不小于，600-1000 为范围",
        "Floor area, m²: 800 is at least, 600-1000 a range.",
    ),
    Column(
        "land_m2",
        "用地面积",
        parse_text,
        (),
        "平方米；写法同建筑面积",
        "Land, m², written as the floor area.",
    ),
    Column(
        "required",
        "要求",
        parse_text,
        (),
        "应、宜、可",
        "must, should or may.",
        choices=tuple(zh for zh, _ in REQUIRED.values()),
    ),
    Column("source", "依据", parse_text, ("出处",), "标准号和条款", "Standard and clause."),
    Column(
        "secondary",
        "转引",
        parse_text,
        (),
        "是：未与标准原文核对",
        "yes: not compared with the text of the standard itself.",
        choices=tuple(zh for zh, _ in YES_NO.values()),
    ),
    Column("note", "备注", parse_text, (), "其他说明", "Anything else."),
)


@dataclass(frozen=True)
class Standard:
    """A row of the table. See COLUMNS.

    Attributes
    ----------
    categories
        Keys of `gis.facilities.categories`; a facility of any of them serves the item. Empty: only
        a visit can say.
    metres, minutes
        How far people may have to walk; None: the standard names none.
    area_m2, land_m2
        Square metres: nothing, (at least,) or (from, to).
    secondary
        Whether the row was not compared with the text of the standard itself.
    """

    tier: str
    item: str
    zh: str
    en: str
    categories: tuple[str, ...]
    metres: int | None
    minutes: int | None
    population_from: int | None
    population_to: int | None
    area_m2: tuple[int, ...]
    land_m2: tuple[int, ...]
    required: str
    source: str
    secondary: bool
    note: str

    @property
    def limit_m(self) -> float | None:
        """The walking distance in metres: as written, else that of an adult in the time."""
        if self.metres is not None:
            return float(self.metres)
        return None if self.minutes is None else self.minutes * WALK_M_PER_MINUTE


def from_stored(row: dict[str, Any]) -> Standard:
    """Return a row from its JSON in the database."""
    return Standard(**row | {key: tuple(row[key]) for key in ("categories", *AREA_QUANTITIES)})


def parse(path: Path) -> tuple[list[Standard], LoadReport]:
    """Read a table of standards and check it.

    What is wrong is in the report's `refused`, by row and column.

    Raises
    ------
    InvalidInput, TooLarge
        As `gis.files.tables.read_table`.
    """
    report = LoadReport("standards", path.name)
    table = read_table(path, COLUMNS, report)
    rows: list[Standard] = []
    row_by_item: dict[tuple[str | None, str], int] = {}
    for row in table.rows:
        values = {column.key: str(row[column.key] or "").strip() for column in COLUMNS}
        problems = list(_problems(values))
        item = (_key(TIERS, values["tier"]), values["item"])
        if item in row_by_item:
            twice = Message("standard_row.item_twice", {"row": str(row_by_item[item])})
            problems.append(("item", twice))
        row_by_item.setdefault(item, row.number)
        report.refused += [table.refuse(row.number, key, reason) for key, reason in problems]
        if not problems:
            rows.append(_standard(values))
    if not rows and not report.refused:
        report.refused.append(RejectedRow(THE_TABLE, "item", Message("standard_row.no_rows")))
    finish_reading(report)
    return rows, report


def _key(labels: dict[str, tuple[str, str]], value: str) -> str | None:
    return next((key for key, names in labels.items() if value in (key, *names)), None)


def _split(cell: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in re.split(r"[|｜]", cell) if part.strip()))


def _none_of(value: str, allowed: Iterable[str]) -> Message:
    return Message("cell.none_of", {"value": value[:40], "allowed": list(allowed)})


def _problems(values: dict[str, str]) -> Iterable[tuple[str, Message]]:
    """Yield the column and the reason of everything wrong with a row."""
    for key, labels in (("tier", TIERS), ("required", REQUIRED), ("secondary", YES_NO)):
        if _key(labels, values[key]) is None:
            yield key, _none_of(values[key], labels)
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", values["item"]):
        yield "item", Message("standard_row.item_wrong", {"item": values["item"][:40]})
    yield from ((key, Message("cell.empty")) for key in ("zh", "en", "source") if not values[key])
    for key in ("zh", "en", "source", "note"):
        if len(values[key]) > MAX_STANDARD_TEXT_CHARS:
            yield key, Message("standard_row.text_too_long", {"limit": MAX_STANDARD_TEXT_CHARS})
    for category in _split(values["categories"]):
        if category not in CATEGORY_BY_KEY:
            yield "categories", _none_of(category, CATEGORY_BY_KEY)
    for key, most in NUMBERS.items():
        if values[key] and not (
            re.fullmatch(r"[1-9][0-9]{0,6}", values[key]) and int(values[key]) <= most
        ):
            yield (
                key,
                Message("standard_row.number_wrong", {"value": values[key][:20], "limit": most}),
            )
    for key in AREA_QUANTITIES:
        if values[key] and parse_range(values[key]) is None:
            yield key, Message("standard_row.range_wrong", {"value": values[key][:20]})
    low, high = values["population_from"], values["population_to"]
    both = all(re.fullmatch(r"[0-9]{1,7}", value) for value in (low, high))
    if both and int(low) > int(high):
        yield "population_to", Message("standard_row.population_order")


def parse_range(cell: str) -> tuple[int, ...] | None:
    """Return "800" as (800,) and "600-1000" as (600, 1000); None when it is neither."""
    match = re.fullmatch(r"([1-9][0-9]{0,6})(?:\s*[-–—~～至]\s*([1-9][0-9]{0,6}))?", cell)
    if match is None:
        return None
    numbers = tuple(int(number) for number in match.groups() if number)
    in_order = numbers[0] < numbers[-1] if len(numbers) > 1 else True
    return numbers if in_order and numbers[-1] <= MAX_AREA_M2 else None


def _standard(values: dict[str, str]) -> Standard:
    numbers = {key: int(values[key]) if values[key] else None for key in NUMBERS}
    areas = {key: parse_range(values[key]) or () for key in AREA_QUANTITIES}
    return Standard(
        **{
            **values,
            **numbers,
            **areas,
            "tier": _key(TIERS, values["tier"]),
            "required": _key(REQUIRED, values["required"]),
            "secondary": _key(YES_NO, values["secondary"]) == "yes",
            "categories": _split(values["categories"]),
        }  # type: ignore[arg-type]
    )


def dump(rows: Iterable[Standard], path: Path) -> None:
    """Write a table that `parse` reads back the same: .csv or .xlsx, with Chinese headers."""
    write_table(path, COLUMNS, [_cells(row) for row in rows])


def _cells(row: Standard) -> list[str]:
    values = asdict(row) | {
        "tier": TIERS[row.tier][0],
        "required": REQUIRED[row.required][0],
        "secondary": YES_NO["yes" if row.secondary else "no"][0],
        "categories": "|".join(row.categories),
        **{key: range_text(getattr(row, key)) for key in AREA_QUANTITIES},
    }
    return ["" if values[column.key] is None else str(values[column.key]) for column in COLUMNS]


def range_text(numbers: tuple[int, ...]) -> str:
    """Return a range of square metres as the table writes it."""
    return "-".join(str(number) for number in numbers)
