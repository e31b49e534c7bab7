"""Reading a file of areas, map or table, into entries: text by key, and the shape as it was drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gis.areas import codes
from gis.areas.models import LEVELS, Level
from gis.errors import FieldError, InvalidInput
from gis.files import tables, vector
from gis.files.cell_kinds import CELL_PARSERS
from gis.files.cells import clean_text
from gis.files.column import Column
from gis.files.report import LoadReport, RejectedRow
from gis.shapes.polygon_coverage import PolygonLike

# How levels and attributes are called in files; `gis.files.tables.plain_name` strips case and signs.
WORDS: dict[Level, tuple[str, ...]] = {
    Level.COUNTY: ("区县", "县区", "县", "区", "county", "district"),
    Level.STREET: ("街道", "乡镇", "镇街", "街镇", "street", "town"),
    Level.COMMUNITY: ("社区", "村居", "村", "社区村", "community", "village"),
    Level.GRID: ("网格", "grid"),
    Level.UNIT: ("十联户", "联户", "联户单元", "unit"),
}
CODE_ENDS = ("编码", "代码", "编号", "code")
NAME_ENDS = ("名称", "名", "name")
ANY_CODE = ("编码", "代码", "编号", "区域编码", "区域代码", "区划代码", "行政区划代码", "adcode", "code12")
ANY_NAME = ("名称", "区域名称", "区划名称", "行政区划名称")
OURS = ("county", "revision", "since", "area_m2")  # what our own files have besides
PARENT = ("上级", "上级代码", "所属上级", "parentcode", "parentcode12")
LEVEL_OF = {word: level for level, words in WORDS.items() for word in words}


@dataclass
class AreaRecord:
    """One row or feature of the file.

    where: As its author finds it: "feature 3" or "row 12".
    values: Text by key of `columns`; only what the file has.
    drawn: Its shape as read, degrees, EPSG:4490; None where it has none.
    repairs: What was mended in the shape.
    fault: Why the shape cannot be read; empty when it can.
    shape: The shape as it may be stored, set once it is known to be good.
    """

    where: str
    values: dict[str, str]
    drawn: Any = None
    repairs: list[str] = field(default_factory=list)
    fault: str = ""
    shape: PolygonLike | None = None

    @property
    def code(self) -> str:
        """Its code; empty when it has none."""
        return self.values.get("code", "")

    @property
    def named(self) -> str:
        """Where it is, with its code."""
        return f"{self.where} (code {self.code})" if self.code else self.where


@dataclass(frozen=True)
class AreaFile:
    """What was read: the header in the file by key, the entries, the coordinate system (None: no shapes)."""

    headers: Mapping[str, str]
    entries: list[AreaRecord]
    crs: str | None

    def refuse(self, entry: AreaRecord, key: str, reason: str) -> RejectedRow:
        """A refusal of one attribute, called as in the file."""
        return RejectedRow(entry.named, self.headers.get(key, key), reason)


def columns(level: Level) -> tuple[Column, ...]:
    """The attributes that a file of a level may have, with the names they go by."""

    def joined(words: Sequence[str], ends: Sequence[str], front: str = "") -> tuple[str, ...]:
        return tuple(front + word + end for word in words for end in ends)

    own, zh = WORDS[level], level.zh
    found = [
        Column("code", f"{zh}编码", "code", (*joined(own, CODE_ENDS), *ANY_CODE), "", "", needed=True),
        Column("name", f"{zh}名称", "text", (*joined(own, NAME_ENDS), *own, *ANY_NAME), "", ""),
        Column("parent", "上级编码", "code", PARENT, "", ""),
        Column("level", "层级", "text", ("级别",), "", ""),
    ]
    for above in LEVELS[: LEVELS.index(level)]:
        words = WORDS[above]
        code = (*joined(words, CODE_ENDS), *joined(words, CODE_ENDS, "所属"))
        name = (*joined(words, NAME_ENDS), *words, *joined(words, ("", *NAME_ENDS), "所属"))
        found += [
            Column(f"{above}_code", f"{above.zh}编码", "code", code, "", ""),
            Column(f"{above}_name", f"{above.zh}名称", "text", name, "", ""),
        ]
    return tuple(found)


def read_area_file(
    path: Path, level: Level, mapping: Mapping[str, str], crs: str | None, layer: str | None, report: LoadReport
) -> AreaFile:
    """Read the entries of a level; rows with a cell that cannot be read go to `report.refused`.

    Args:
        mapping: Name of the file's attribute by key of `columns`; what is not in it is recognised by name.
        crs, layer: See `gis.files.vector.read_vector`.

    Raises:
        InvalidInput, TooMuch: The file as a whole cannot be taken.
    """
    wanted = {column.key: column for column in columns(level)}
    if unknown := sorted(set(mapping) - set(wanted)):
        words = f"cannot map {', '.join(unknown)}; a file of level {level} has {', '.join(wanted)}"
        raise InvalidInput(words, [FieldError("map", words)])
    if path.suffix.lower() in tables.TEXTS + tables.WORKBOOKS:
        found = _table(path, wanted, mapping, report)
    else:
        found = _map(path, wanted, mapping, crs, layer, report)
    return _of_level(found, level, report)


def _table(path: Path, wanted: Mapping[str, Column], mapping: Mapping[str, str], report: LoadReport) -> AreaFile:
    told = [
        Column(key, mapping[key], column.kind, (), "", "", column.needed) if key in mapping else column
        for key, column in wanted.items()
    ]
    table = tables.read_table(path, told, report)
    entries = [
        AreaRecord(f"row {row.number}", {key: str(value) for key, value in row.values.items()}) for row in table.rows
    ]
    return AreaFile(table.columns, entries, None)


def _map(
    path: Path,
    wanted: Mapping[str, Column],
    mapping: Mapping[str, str],
    crs: str | None,
    layer: str | None,
    report: LoadReport,
) -> AreaFile:
    features = vector.read_vector(path, crs, layer)
    report.notes += features.notes
    headers = _headers(path.name, list(features.columns), wanted, mapping, report)
    entries = []
    for i, drawn in enumerate(features.shapes.tolist()):
        entry = AreaRecord(f"feature {i + 1}", {}, drawn, fault=features.faults.get(i, ""))
        if i in features.repairs:
            entry.repairs.append(features.repairs[i])
        for key, header in headers.items():
            cell = features.columns[header][i]
            if cell is None or not clean_text(cell):
                continue
            try:
                entry.values[key] = str(CELL_PARSERS[wanted[key].kind](cell))
            except ValueError as error:
                report.refused.append(RejectedRow(entry.where, header, str(error)))
        entries.append(entry)
    return AreaFile(headers, entries, features.crs)


def _headers(
    name: str, have: Sequence[str], wanted: Mapping[str, Column], mapping: Mapping[str, str], report: LoadReport
) -> dict[str, str]:
    """Which attribute of the file means what: as told, else the first of the column's names it has."""
    plain = {tables.plain_name(header): header for header in reversed(have)}
    found = {}
    for key, column in wanted.items():
        if key in mapping:
            if (header := plain.get(tables.plain_name(mapping[key]))) is None:
                raise InvalidInput(f"{name} has no attribute {mapping[key]!r}; it has {', '.join(have) or 'none'}")
            found[key] = header
            continue
        names = map(tables.plain_name, (column.key, column.zh, *column.names))
        if header := next((plain[one] for one in names if one in plain and plain[one] not in mapping.values()), None):
            found[key] = header
    if "code" not in found:
        raise InvalidInput(
            f"{name} has no attribute for the code; it has {', '.join(have) or 'none'}: say --map code=NAME",
            [FieldError("map", "code is missing")],
        )
    if unused := [header for header in have if header not in found.values() and header not in OURS]:
        report.notes.append(f"attributes not used: {', '.join(unused)}")
    return found


def _of_level(found: AreaFile, level: Level, report: LoadReport) -> AreaFile:
    """Leave out rows that say they are of another level; bring division codes to their own length."""
    entries = []
    for entry in found.entries:
        said = entry.values.pop("level", "")
        if said and LEVEL_OF.get(tables.plain_name(said)) is not level:
            continue
        for key, of in (
            ("code", level),
            ("parent", codes.parent_level(level)),
            *((f"{one}_code", one) for one in LEVELS),
        ):
            if of is not None and (code := entry.values.get(key)):
                entry.values[key] = codes.normalise_division_code(code, of)
        entries.append(entry)
    if left_out := len(found.entries) - len(entries):
        report.notes.append(f"{left_out} rows are of other levels and were left out")
    return AreaFile(found.headers, entries, found.crs)
